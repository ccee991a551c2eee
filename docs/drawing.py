"""Runs commands on a pseudo-terminal of 80 columns, as a person would see them, and draws what they print as SVG."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from io import StringIO
from typing import TYPE_CHECKING

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

COLUMNS = 80
"""Of the terminal."""
WIDTH = COLUMNS + 2
"""Of the picture."""
PATIENCE_S = 60.0
PROMPT = "\x1b[1;32m$\x1b[0m "

# rich's template without the fonts it would load from another host: each text has its length set, so any
# monospaced font that the reader has fits
_FONT_FACES = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)
SVG_FORMAT = (
    _FONT_FACES.sub("", CONSOLE_SVG_FORMAT)
    .replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace")
    # what hangs below the last line, an underscore for one, is not cut off
    .replace('width="{terminal_width}" height="{terminal_height}"', 'width="100%" height="100%"')
)
_TIME = re.compile(r"(?<!\d)(\d\d):(\d\d):(\d\d)(?!\d)")
_FIRST_TIME_S = 12 * 3600 + 60 + 33


class Terminal:
    """A program on a terminal of its own, from its start to its end.

    Args:
        command: what runs.
        environment: all that it knows of the outside.
        folder: where it runs.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        self._ours, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 60, COLUMNS, 0, 0))
        self._process = subprocess.Popen(
            command, stdin=its, stdout=its, stderr=its, cwd=folder, env=environment, start_new_session=True
        )
        os.close(its)
        self._output = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def output(self) -> str:
        """What it has printed so far, escape sequences included."""
        return self._output.decode(errors="ignore").replace("\r\n", "\n")

    def wait_for(self, text: str, *, times: int = 1) -> None:
        """Return as soon as it has printed something so often."""
        until_s = time.monotonic() + PATIENCE_S
        while self.output.count(text) < times:
            if time.monotonic() > until_s or not self._reader.is_alive():
                raise RuntimeError(f"there is no {text!r} in:\n{self.output}")
            time.sleep(0.02)

    def type(self, text: str) -> None:
        """Type something."""
        os.write(self._ours, text.encode())

    def finish(self, *, interrupt: bool = False) -> str:
        """Return all that it has printed, once it has ended by itself or by Ctrl-C."""
        if interrupt:
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(PATIENCE_S)
        finally:
            self.end()
        return self.output

    def end(self) -> None:
        """End it, if it has not ended, as when somebody closes the window: it may clear up."""
        self._process.send_signal(signal.SIGHUP)
        try:
            self._process.wait(PATIENCE_S)
        finally:
            self._process.kill()
        self._reader.join(PATIENCE_S)
        if self._ours >= 0:
            os.close(self._ours)
            self._ours = -1

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self._ours, 65536)
            except OSError:  # Linux says EIO when the other side has closed
                return
            if not piece:
                return
            self._output += piece


def hookctl(*arguments: str) -> list[str]:
    """Return the command line of hookctl in this Python."""
    return [sys.executable, "-m", "hookctl", *arguments]


def shown(command: str, output: str) -> str:
    """Return a prompt with a command, and what it printed."""
    return f"{PROMPT}\x1b[1m{command}\x1b[0m\n{output.rstrip()}\n"


def draw(folder: Path, name: str, text: str) -> None:
    """Write one picture.

    Args:
        folder: where to.
        name: of the file, and of what stands in it.
        text: what was on the terminal, escape sequences included.
    """
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True)
    for line in Text.from_ansi(_at_one_time(text).rstrip()).split("\n"):
        for piece in line.divide(_breaks(line.plain)):
            console.print(piece, no_wrap=True)
    console.save_svg(str(folder / f"{name}.svg"), title="hookctl", unique_id=name, code_format=SVG_FORMAT)


def _breaks(line: str) -> list[int]:
    """Return where a line that is longer than the picture is broken: between words, where that leaves no large gap."""
    breaks: list[int] = []
    begin = 0
    while len(line) - begin > WIDTH:
        space = line.rfind(" ", begin, begin + WIDTH + 1) + 1
        begin = space if space > begin + WIDTH * 2 // 3 else begin + WIDTH
        breaks.append(begin)
    return breaks


def _at_one_time(text: str) -> str:
    """Return text whose times of day are moved so that the first is always the same."""
    first = _TIME.search(text)
    if first is None:
        return text

    def seconds(found: re.Match[str]) -> int:
        hours, minutes, rest = map(int, found.groups())
        return hours * 3600 + minutes * 60 + rest

    begin_s = seconds(first)

    def moved(found: re.Match[str]) -> str:
        at_s = (seconds(found) - begin_s + _FIRST_TIME_S) % 86400
        return f"{at_s // 3600:02}:{at_s // 60 % 60:02}:{at_s % 60:02}"

    return _TIME.sub(moved, text)
