"""A counter of the receiver's, read from outside: how many deliveries it has acted on."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hookctl.delivery.wire import encode_request
from hookctl.errors import ExitCode, HookctlError
from hookctl.model import SignedRequest
from hookctl.payload.jsontext import JsonTextError, parse
from hookctl.payload.paths import look_up

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import IO

    from hookctl.delivery.wire import Wire
    from hookctl.runtime import Runtime

READ_S = 10.0
"""Seconds that one reading may take."""

POLL_S = 0.05
STABLE_S = 0.4
"""How long a counter must have stood still to be believed, once it has reached what it should."""
SETTLE_S = 2.0
"""How long it is waited for, where it has not."""
LONGEST_S = 10.0
"""How long a counter that does not stand still is watched."""

_TAIL_BYTES = 4096
_NUMBER = re.compile(r"-?[0-9]{1,15}")


class CounterError(HookctlError):
    """The counter cannot be read; says why."""

    exit_code = ExitCode.INCONCLUSIVE


class Counter(Protocol):
    """Where the number comes from."""

    def read(self) -> int:
        """Return it.

        Raises:
            CounterError: it cannot be read.
        """


@dataclass(frozen=True, slots=True)
class UrlCounter:
    """A number in the JSON that a URL answers with."""

    wire: Wire
    url: str
    pointer: str
    """JSON Pointer to the number; empty where it is the whole answer."""

    def read(self) -> int:
        """Return the number; raises `CounterError` when there is none."""
        request = SignedRequest("", None, None, "GET", self.url, (("accept", "application/json"),), b"")
        attempt = self.wire.deliver(self.url, encode_request(request), timeout_s=READ_S)
        if attempt.failure is not None:
            raise CounterError(f"--probe-url: {attempt.failure.message}")
        assert attempt.response is not None  # noqa: S101 - an attempt without a failure has an answer
        if attempt.response.status // 100 != 2:
            raise CounterError(f"--probe-url answered {attempt.response.status}")
        try:
            document = parse(attempt.response.body.decode())
        except (JsonTextError, UnicodeDecodeError):
            raise CounterError("--probe-url did not answer with JSON") from None
        value = look_up(document, self.pointer) if self.pointer else document
        if isinstance(value, bool) or not isinstance(value, int):
            where = f"at {self.pointer} " if self.pointer else ""
            raise CounterError(f"what --probe-url answered has no whole number {where}in it")
        return value


@dataclass(frozen=True, slots=True)
class CommandCounter:
    """The last line that a command prints."""

    command: str
    """For the shell."""
    folder: Path

    def read(self) -> int:
        """Return the number; raises `CounterError` when there is none."""
        # a session of its own: what the shell has started is ended with it
        with subprocess.Popen(  # noqa: S602 - the user's own command line, as they typed it
            self.command,
            shell=True,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            try:
                assert process.stdout is not None  # noqa: S101 - it is a pipe
                until_s = time.monotonic() + READ_S
                printed = _tail(process.stdout, until_s)
                code = process.wait(max(until_s - time.monotonic(), 0))
            except BaseException as error:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                if isinstance(error, subprocess.TimeoutExpired):
                    raise CounterError(f"--probe-cmd did not end within {READ_S:g} s") from None
                raise
        if code:
            how = f"ended with exit code {code}" if code > 0 else f"was ended by signal {-code}"
            raise CounterError(f"--probe-cmd {how}")
        lines = printed.decode("utf-8", "backslashreplace").strip().splitlines()
        if not lines or not _NUMBER.fullmatch(lines[-1].strip()):
            raise CounterError("the last line that --probe-cmd printed is not a whole number")
        return int(lines[-1])


def _tail(stream: IO[bytes], until_s: float) -> bytes:
    """Read to the end and return the last of it; raises `subprocess.TimeoutExpired` when the end does not come."""
    tail = b""
    while True:
        left_s = until_s - time.monotonic()
        if left_s <= 0 or not select.select([stream], [], [], left_s)[0]:
            raise subprocess.TimeoutExpired("--probe-cmd", READ_S)
        piece = os.read(stream.fileno(), 65536)
        if not piece:
            return tail
        tail = (tail + piece)[-_TAIL_BYTES:]


@dataclass(frozen=True, slots=True)
class Settled:
    """A counter that stands still."""

    value: int
    lag_s: float
    """How long after it was first looked at it changed for the last time."""


def settled(counter: Counter, target: int, runtime: Runtime, stable_s: float = STABLE_S) -> Settled:
    """Wait until a counter stands still.

    Receivers act after they have answered: it is waited for until the target is reached, and a little longer, so that
    what goes beyond it is seen too.

    Args:
        counter: what to read.
        target: what it should become.
        runtime: the clock.
        stable_s: how long it must have stood still once it has reached the target.

    Raises:
        CounterError: it cannot be read, or never stands still.
    """
    value = counter.read()
    began_s = changed_s = runtime.monotonic_s()
    while True:
        now_s = runtime.monotonic_s()
        stable = now_s - changed_s >= stable_s
        if stable and (value >= target or now_s - began_s >= SETTLE_S):
            return Settled(value, changed_s - began_s)
        if now_s - began_s >= LONGEST_S:
            raise CounterError(f"the counter does not stand still: it has changed for {LONGEST_S:g} s, to {value}")
        runtime.sleep(POLL_S)
        read = counter.read()
        if read != value:
            value, changed_s = read, runtime.monotonic_s()


def growth(
    counter: Counter, expected: int, runtime: Runtime, act: Callable[[], None], stable_s: float = STABLE_S
) -> Settled:
    """Return by how much the counter grows when something is done, as `settled` does its value."""
    before = counter.read()
    act()
    after = settled(counter, before + expected, runtime, stable_s)
    return Settled(after.value - before, after.lag_s)
