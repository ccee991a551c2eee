"""`hookctl doctor` for people and for programs."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Protocol

from hookctl.flows.doctor import Result
from hookctl.report.columns import USUAL_WIDTH
from hookctl.report.safe import safe_line
from hookctl.report.style import Style, Tone

if TYPE_CHECKING:
    from hookctl.flows.doctor import Diagnostic, DoctorSummary
    from hookctl.report.machine import RecordWriter
    from hookctl.report.records import Record
    from hookctl.runtime import Runtime

_ID_WIDTH = 15


class DoctorReport(Protocol):
    """Takes lines as they come and counts at the end."""

    def diagnostic(self, diagnostic: Diagnostic) -> None:
        """Report one line."""

    def close(self, summary: DoctorSummary) -> None:
        """Report the counts."""


class MachineDoctorReport:
    """A record for each line."""

    def __init__(self, writer: RecordWriter, runtime: Runtime) -> None:
        self._writer = writer
        self._clean = runtime.redactor.clean

    def diagnostic(self, diagnostic: Diagnostic) -> None:
        """Write `type:"diagnostic"`: id, result, detail, fix."""
        record: Record = {
            "type": "diagnostic",
            "id": self._clean(diagnostic.id),
            "result": diagnostic.result,
            "detail": self._clean(diagnostic.detail),
            "fix": None if diagnostic.fix is None else self._clean(diagnostic.fix),
        }
        self._writer.write(record)

    def close(self, summary: DoctorSummary) -> None:
        """Write `type:"summary"`: total, ok, warn, fail."""
        counts = {"total": summary.total, "ok": summary.ok, "warn": summary.warn, "fail": summary.fail}
        self._writer.close({"type": "summary", **counts})


class TextDoctorReport:
    """A mark, what was looked at, what was found; below it what to do."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._style = Style.of(runtime.out, runtime.env)

    def diagnostic(self, diagnostic: Diagnostic) -> None:
        """Write it, broken at the width."""
        style, clean = self._style, self._runtime.redactor.clean
        mark = {Result.OK: style.yes, Result.WARN: style.warn, Result.FAIL: style.no}[diagnostic.result]
        first, *more = _broken(safe_line(clean(diagnostic.detail)), "")
        self._runtime.out.line(f"{mark} {safe_line(diagnostic.id):<{_ID_WIDTH}} {first}")
        if diagnostic.fix is not None:
            more += _broken(safe_line(clean(diagnostic.fix)), "fix: ")
        for line in more:
            self._runtime.out.line(f"{'':<{_ID_WIDTH + 3}}{line}")

    def close(self, summary: DoctorSummary) -> None:
        """Write how many there were of each."""
        warnings = "1 warning" if summary.warn == 1 else f"{summary.warn} warnings"
        tone = Tone.BAD if summary.fail else Tone.WARNING if summary.warn else Tone.GOOD
        self._runtime.out.line(self._style.paint(f"{summary.ok} ok, {warnings}, {summary.fail} failed", tone))


def _broken(text: str, lead: str) -> list[str]:
    room = USUAL_WIDTH - _ID_WIDTH - 3
    lines = wrap(
        text,
        room,
        initial_indent=lead,
        subsequent_indent=" " * len(lead),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines or [lead]
