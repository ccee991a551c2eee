"""Runs hookctl on a pseudo-terminal, as a person sees it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.harness import Cli

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Screen:
    """What a run left on the terminal: standard output and standard error together."""

    code: int
    raw: str

    @property
    def text(self) -> str:
        """The text without colours."""
        return _COLOUR.sub("", self.raw).replace("\r\n", "\n")

    @property
    def widest(self) -> str:
        """The longest line; nothing that hookctl prints by itself is wider than one column a character."""
        return max(self.text.split("\n"), key=len)


def on_terminal(
    cli: Cli, *arguments: str, columns: int = 80, env: Mapping[str, str | None] | None = None, timeout_s: float = 60.0
) -> Screen:
    """Run hookctl on a terminal of so many columns."""
    ours, its = pty.openpty()
    try:
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen(
            [sys.executable, "-m", "hookctl", *arguments],
            stdin=its,
            stdout=its,
            stderr=its,
            cwd=cli.folder,
            env=cli.environment(env),
            start_new_session=True,
        )
    finally:
        os.close(its)
    with process:
        try:
            data = _read_to_end(ours)
            return Screen(process.wait(timeout_s), data.decode())
        finally:
            process.kill()
            os.close(ours)


def _read_to_end(terminal: int) -> bytes:
    data = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            return data  # Linux says so when the last process has closed its side
        if not piece:
            return data
        data += piece
