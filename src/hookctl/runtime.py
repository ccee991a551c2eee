"""The world outside, in one object: clock, randomness, streams, environment, folder.

Every command gets a `Runtime`; nothing below the command line reads `os.environ`, `time` or `sys.stdout`
on its own. That is what makes each output reproducible in a test.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

from hookctl.errors import ExitCode, HookctlError
from hookctl.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class OutputError(HookctlError):
    """Results could not be written, for instance because the disk is full."""

    exit_code = ExitCode.INPUT


class Output:
    """A text stream to write results or notes to.

    When the reader goes away (`hookctl ... | head -1`) writing becomes silent and the command goes on, so
    that its exit code still tells the truth.
    """

    def __init__(self, stream: TextIO, name: str) -> None:
        self.stream = stream
        self.name = name
        self.reader_gone = False
        self.guard: Callable[[str], str] | None = None
        """Rewrites text that is written, where whoever reads it takes some of it for commands."""

    @property
    def is_terminal(self) -> bool:
        """Whether a person is reading."""
        return self.stream.isatty()

    @property
    def is_unicode(self) -> bool:
        """Whether the stream can show characters beyond ASCII."""
        return (self.stream.encoding or "ascii").lower().replace("-", "") in {"utf8", "utf8sig"}

    def write(self, text: str) -> None:
        """Write text and flush it.

        Raises:
            OutputError: the stream does not take it, other than because its reader has gone.
        """
        if self.reader_gone:
            return
        try:
            self.stream.write(text if self.guard is None else self.guard(text))
            self.stream.flush()
        except OSError as error:
            self._fail(error)

    def write_bytes(self, data: bytes) -> None:
        """Write raw bytes and flush them, past the text layer; raises as `write` does."""
        if self.reader_gone:
            return
        try:
            self.stream.flush()
            self.stream.buffer.write(data)
            self.stream.buffer.flush()
        except OSError as error:
            self._fail(error)

    def line(self, text: str = "") -> None:
        """Write one line."""
        self.write(f"{text}\n")

    def _fail(self, error: OSError) -> None:
        # what is still in the buffer would raise again when the interpreter closes the stream
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.stream.fileno())
            os.close(null)
        except (OSError, ValueError):
            pass
        self.reader_gone = True
        if not isinstance(error, BrokenPipeError):
            msg = f"cannot write to {self.name}: {error.strerror or error}"
            raise OutputError(msg) from None


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - open for as long as the process runs


def _fill_closed_streams() -> None:
    """Open the null device where a standard stream is closed, so that no socket gets its number: libuv aborts then."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # the lowest number that is free, which is this one
            os.open(os.devnull, os.O_RDWR)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Runtime:
    """Clock, randomness, streams, environment and folder of one run."""

    env: Mapping[str, str]
    cwd: Path
    stdin: BinaryIO
    out: Output
    """Results."""
    err: Output
    """Everything else: notes, warnings, errors."""
    now_ms: Callable[[], int] = _now_ms
    """Wall clock, milliseconds since the Unix epoch."""
    monotonic_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    random_bytes: Callable[[int], bytes] = os.urandom
    redactor: Redactor = field(default_factory=Redactor)

    @classmethod
    def system(cls) -> Runtime:
        """Return the real one, with streams that never fail on a character.

        A stream that was closed beforehand (`hookctl ... >&-`) is one whose reader has gone, or an empty one.
        """
        _fill_closed_streams()
        out, err = (stream or _nowhere() for stream in (sys.stdout, sys.stderr))
        for stream in (out, err):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:
                reconfigure(errors="backslashreplace")
        return cls(
            env=os.environ,
            cwd=Path.cwd(),
            stdin=sys.stdin.buffer if sys.stdin else BytesIO(),
            out=Output(out, "standard output"),
            err=Output(err, "standard error"),
        )
