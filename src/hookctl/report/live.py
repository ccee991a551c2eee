"""What a server says while it runs: noted as things happen, written once a turn of its event loop."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from hookctl.report.machine import to_line
from hookctl.report.safe import safe_line
from hookctl.report.style import Style, Tone

if TYPE_CHECKING:
    from hookctl.receiver import Refusal
    from hookctl.report.records import Record
    from hookctl.runtime import Runtime

_LONGEST_NAME = 60


class LiveRecords:
    """Records, one to a line."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._clean = runtime.redactor.clean
        self._lines: list[str] = []

    def flush(self) -> None:
        """Write the lines and flush them."""
        if self._lines:
            text = "".join(self._lines)
            self._lines.clear()
            self._runtime.out.write(text)

    def _record(self, record: Record) -> None:
        self._lines.append(to_line(record))


class LiveText:
    """Lines for people, in the colours that suit standard output."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._style = Style.of(runtime.out, runtime.env)
        self._lines: list[str] = []

    def flush(self) -> None:
        """Write the lines."""
        if self._lines:
            text = "".join(f"{line}\n" for line in self._lines)
            self._lines.clear()
            self._runtime.out.write(self._runtime.redactor.clean(text))

    def _line(self, text: str) -> None:
        self._lines.append(text)

    def _quiet_line(self, text: str) -> None:
        self._line(self._style.paint(safe_line(text), Tone.QUIET))

    def _refusal(self, refusal: Refusal) -> None:
        text = f"refused with {refusal.status}: {refusal.sentence} (from {refusal.peer})"
        said = self._style.paint(safe_line(text), Tone.WARNING)
        self._line(f"{self._clock(refusal.at_ms)} {self._style.no} {said}")

    def _clock(self, at_ms: int) -> str:
        # the wall clock of the person who watches
        clock = datetime.fromtimestamp(at_ms / 1000).astimezone().strftime("%H:%M:%S")
        return self._style.paint(clock, Tone.QUIET)


def shown_name(text: str) -> str:
    """Return a name from outside as it stands in a line: safe, and no longer than it should be."""
    return safe_line(text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 3]}...")
