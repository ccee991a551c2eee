"""`hookctl send --watch`: rounds, each with what changed before it and what it changed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from hookctl.flows.watch import RoundBegins, RoundEnds, RoundFailed
from hookctl.report.problems import report_error, report_note
from hookctl.report.safe import safe_line
from hookctl.report.style import Style, Tone

if TYPE_CHECKING:
    from hookctl.flows.watch import WatchEvent
    from hookctl.report.send import SendReport
    from hookctl.runtime import Runtime

_FILES_SHOWN = 3


class WatchReport:
    """Writes rounds: headings and differences beside what the report of a single run writes.

    Args:
        runtime: streams and clock.
        round_report: takes what the round yields.
        machine: whether standard output is for a program: headings then go to standard error as notes.
    """

    def __init__(self, runtime: Runtime, round_report: SendReport, *, machine: bool) -> None:
        self._runtime = runtime
        self._round = round_report
        self._machine = machine
        self._style = Style.of(runtime.out, runtime.env)

    def take(self, event: WatchEvent) -> None:
        """Write what happened."""
        if isinstance(event, RoundBegins):
            self._heading(event.at_ms, _changes(event.changed))
        elif isinstance(event, RoundFailed):
            self._heading(event.at_ms, _changes(event.changed))
            report_error(event.error, self._runtime)
            self._waiting()
        elif isinstance(event, RoundEnds):
            self._round.close(event.summary)
            for difference in event.differences:
                arrow = "→" if self._style.unicode else "->"
                text = f"  {difference.event}: was {difference.before} {arrow} now {difference.after}"
                self._say(self._style.paint(safe_line(text), Tone.GOOD if difference.ok else Tone.BAD))
            self._waiting()
        else:
            self._round.take(event)

    def _heading(self, at_ms: int, what: str) -> None:
        # the wall clock of the person who watches
        clock = datetime.fromtimestamp(at_ms / 1000).astimezone().strftime("%H:%M:%S")
        self._say(f"{self._style.paint(clock, Tone.STRONG)} {safe_line(what)}")

    def _waiting(self) -> None:
        if not self._machine:
            self._say(self._style.paint("waiting for changes, Ctrl-C ends it", Tone.QUIET))

    def _say(self, text: str) -> None:
        if self._machine:
            report_note(text, self._runtime)
        else:
            self._runtime.out.line(self._runtime.redactor.clean(text))


def _changes(files: tuple[str, ...]) -> str:
    if not files:
        return "first round"
    shown = ", ".join(files[:_FILES_SHOWN])
    left = len(files) - _FILES_SHOWN
    return f"{shown} and {left} more changed" if left > 0 else f"{shown} changed"
