"""`hookctl tunnel` for people and for programs: what a listener tells, and what becomes of the tunnel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from hookctl.flows.listen import Ready
from hookctl.flows.pointing import Outcome
from hookctl.flows.tunnel import Note, Opened, Opening, Pointed, SetBack, Tested
from hookctl.report.listen import MachineListenReport, TextListenReport
from hookctl.report.machine import to_line
from hookctl.report.problems import report_note
from hookctl.report.records import tunnel_record
from hookctl.report.safe import safe_line
from hookctl.report.style import Tone
from hookctl.report.webhook import in_words
from hookctl.report.webhook_records import restored_record

if TYPE_CHECKING:
    from hookctl.flows.tunnel import TunnelEvent, TunnelSummary
    from hookctl.runtime import Runtime


class TunnelReport(Protocol):
    """Takes what a tunnel tells."""

    def take_event(self, event: TunnelEvent) -> None:
        """Note one thing that happened."""

    def flush(self) -> None:
        """Write what was noted."""

    def finish(self, summary: TunnelSummary) -> None:
        """Report the end."""


class MachineTunnelReport(MachineListenReport):
    """Records, one to a line: `tunnel` first, then a listener's."""

    def take_event(self, event: TunnelEvent) -> None:
        """Note a record; notes go to standard error."""
        if isinstance(event, Opened):
            self._lines.append(to_line(tunnel_record(event, self._clean)))
        elif isinstance(event, SetBack):
            self._lines.append(to_line(restored_record(event.restoration, self._clean)))
        elif isinstance(event, Note):
            _note(event, self._runtime)
        elif isinstance(event, Pointed | Tested | Opening):
            # the record of the request says what came, and how it ended what that means
            pass
        else:
            self.take(event)

    def finish(self, summary: TunnelSummary) -> None:
        """Write the counts, unless nothing could ever come."""
        if summary.opened:
            self.close(summary.listen)


class TextTunnelReport(TextListenReport):
    """A listener's lines; before them the public URL and what to do with it."""

    def take_event(self, event: TunnelEvent) -> None:
        """Note the lines of what happened."""
        if isinstance(event, Opened):
            self._opened(event)
        elif isinstance(event, Note):
            self.flush()
            _note(event, self._runtime)
        elif isinstance(event, Opening):
            if not self._quiet and self._runtime.err.is_terminal:
                report_note(f"opening a tunnel to {event.url}", self._runtime)
        elif isinstance(event, Pointed):
            self._pointed(event)
        elif isinstance(event, Tested):
            self._tested(event)
        elif isinstance(event, SetBack):
            good = event.restoration.outcome is not Outcome.NOT_OURS
            mark = self._style.yes if good else self._style.no
            self._line(f"{mark} webhook {safe_line(in_words(event.restoration))}")
        elif not isinstance(event, Ready):
            self.take(event)

    def finish(self, summary: TunnelSummary) -> None:
        """Write the counts, unless nothing could ever come."""
        if summary.opened:
            self.close(summary.listen)

    def _opened(self, opened: Opened) -> None:
        url = self._style.paint(safe_line(opened.url), Tone.STRONG)
        self._line(f"{url} --> {safe_line(opened.target)}, Ctrl-C ends it")
        for one in opened.paths:
            whose = f"{one.title}'s webhook URL" if one.title else "webhook URL"
            self._line(f"  {safe_line(whose)}: {safe_line(opened.url + one.path)}")
        if self._retry is not None:
            self._schedule(self._retry)

    def _pointed(self, pointed: Pointed) -> None:
        before = pointed.old_url or "nothing"
        self._line(
            f"{self._style.yes} the webhook of {safe_line(pointed.account)} points here until the end; "
            f"before: {safe_line(before)}"
        )

    def _tested(self, tested: Tested) -> None:
        name = safe_line(tested.received.finding.event or "the event that the vendor chose")
        self._line(f"{self._style.yes} test: {name} arrived after {tested.after_s:.1f} s, its signature is valid")


def _note(note: Note, runtime: Runtime) -> None:
    report_note(note.text if note.hint is None else f"{note.text} ({note.hint})", runtime)
