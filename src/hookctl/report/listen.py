"""`hookctl listen` for people and for programs: what happens is written once a turn of the event loop."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from hookctl.errors import HookctlError
from hookctl.flows.listen import Ready, Received, Retried, Trouble
from hookctl.model import Reason
from hookctl.receiver import Refusal
from hookctl.report.live import LiveRecords, LiveText, shown_name
from hookctl.report.problems import report_note
from hookctl.report.records import (
    listen_summary_record,
    ready_record,
    received_record,
    refusal_record,
    retried_record,
)
from hookctl.report.safe import safe_bytes, safe_line, safe_text
from hookctl.report.send import excerpt
from hookctl.report.style import Tone
from hookctl.report.words import ordinal

if TYPE_CHECKING:
    from hookctl.flows.listen import ListenEvent, ListenSummary
    from hookctl.runtime import Runtime
    from hookctl.store import Forwarded


class ListenReport(Protocol):
    """Takes what a listener tells."""

    def take(self, event: ListenEvent) -> None:
        """Note one thing that happened."""

    def flush(self) -> None:
        """Write what was noted."""

    def close(self, summary: ListenSummary) -> None:
        """Report the end."""


class MachineListenReport(LiveRecords):
    """Records: `ready` first, then `request` and the like."""

    def take(self, event: ListenEvent) -> None:
        """Note a record; trouble goes to standard error at once."""
        if isinstance(event, Received):
            self._record(received_record(event, self._clean))
        elif isinstance(event, Ready):
            self._record(ready_record(event))
        elif isinstance(event, Retried):
            self._record(retried_record(event, self._clean))
        elif isinstance(event, Refusal):
            self._record(refusal_record(event))
        else:
            _trouble(event, self._runtime)

    def close(self, summary: ListenSummary) -> None:
        """Write the counts."""
        self._record(listen_summary_record(summary))
        self.flush()


class TextListenReport(LiveText):
    """A line as a delivery arrives and one as it is answered, details where something is wrong.

    Args:
        runtime: streams, clock and redactor.
        verbose: show each delivery's headers and body.
        quiet: only what goes wrong, and the summary.
        retry: the schedule of retries as the user gave it, for what is said at the beginning.
    """

    def __init__(self, runtime: Runtime, *, verbose: bool, quiet: bool, retry: str | None) -> None:
        super().__init__(runtime)
        self._verbose = verbose
        self._quiet = quiet
        self._retry = retry

    def take(self, event: ListenEvent) -> None:
        """Note the lines of what happened."""
        if isinstance(event, Received):
            self._received(event)
        elif isinstance(event, Ready):
            self._ready(event)
        elif isinstance(event, Retried):
            self._retried(event)
        elif isinstance(event, Refusal):
            self._refusal(event)
        else:
            self.flush()
            _trouble(event, self._runtime)

    def close(self, summary: ListenSummary) -> None:
        """Write the counts."""
        noun = "delivery" if summary.total == 1 else "deliveries"
        parts = [f"{summary.valid:,} valid"] if summary.valid else []
        counts = (
            (summary.invalid, "not valid"),
            (summary.passed_on, "passed on"),
            (summary.not_passed_on, "passed on without success"),
            (summary.not_stored, "NOT stored"),
            (summary.refused, "refused"),
            (summary.waiting_retries, "retries dropped"),
        )
        parts += [f"{count:,} {what}" for count, what in counts if count]
        text = f"{summary.total:,} {noun}: {', '.join(parts)}" if parts else f"{summary.total:,} {noun}"
        if summary.end is not None and summary.end.name == "TIMED_OUT":
            text = f"timed out after {text}"
        self._line(self._style.paint(text, Tone.STRONG))
        self.flush()

    def _ready(self, ready: Ready) -> None:
        if self._quiet:
            return
        self._line(f"listening on {self._style.paint(safe_line(ready.url), Tone.STRONG)}, Ctrl-C ends it")
        if self._retry is not None:
            self._schedule(self._retry)
        self.flush()

    def _schedule(self, retry: str) -> None:
        self._quiet_line(f"retries after {retry}: hookctl's own schedule, not the vendor's")

    def _received(self, received: Received) -> None:
        verdict = received.finding.verdict
        if self._quiet and verdict.valid and received.status < 400:
            return
        self._line(self._arrival(received))
        self._why(received)
        if self._verbose:
            self._request(received)
        clock = self._clock(received.request.received_at_ms)
        self._line(f"{clock} <-- {self._answer(received.status, received.forwarded)}")
        if received.hint is not None:
            self._quiet_line(f"    hint: {received.hint}")
        if received.forwarded is not None and (received.status >= 400 or self._verbose):
            clean = self._runtime.redactor.clean
            for text in excerpt(safe_text(clean(received.answer.decode("utf-8", "backslashreplace")))):
                self._line(f"  | {text}")

    def _arrival(self, received: Received) -> str:
        """Return the line of a delivery as it arrived."""
        style, finding, verdict = self._style, received.finding, received.finding.verdict
        name = finding.event or f"{received.request.method} {received.request.target}"
        what = "valid" if verdict.valid else str(verdict.reason)
        if verdict.diagnosis is not None:
            what += f" ({verdict.diagnosis})"
        line = f"{self._clock(received.request.received_at_ms)} --> {shown_name(name)}"
        if finding.event_id is not None:
            line += f" {style.paint(f'[{shown_name(finding.event_id)}]', Tone.QUIET)}"
        line += f"  {style.paint(what, Tone.GOOD if verdict.valid else Tone.BAD)}"
        if received.occurrence is not None and received.occurrence > 1:
            line += f"  {style.paint(f'{ordinal(received.occurrence)} time', Tone.WARNING)}"
        return line

    def _why(self, received: Received) -> None:
        """Write what makes a delivery not valid."""
        finding = received.finding
        if finding.explanation is not None:
            self._line(f"    {safe_line(finding.explanation.happened)}")
            self._line(f"    {self._style.paint(f'to do: {safe_line(finding.explanation.remedy)}', Tone.QUIET)}")
        elif finding.verdict.reason is Reason.NO_SECRET:
            self._line(f"    {self._style.paint(safe_line(finding.notes[-1]), Tone.QUIET)}")

    def _answer(self, status: int, forwarded: Forwarded | None) -> str:
        text = self._style.paint(str(status), Tone.GOOD if status < 400 else Tone.BAD)
        if forwarded is None:
            return text
        url = self._style.paint(safe_line(forwarded.url), Tone.QUIET)
        text += f" {forwarded.duration_ms:.0f} ms  {url}"
        return text if forwarded.error is None else f"{text}  {safe_line(forwarded.error)}"

    def _retried(self, retried: Retried) -> None:
        if self._quiet:
            return
        status = retried.forwarded.status
        text = self._answer(502 if status is None else status, retried.forwarded)
        name = shown_name(retried.event or "(no event)")
        clock = self._clock(self._runtime.now_ms())
        self._line(f"{clock} <-- {text}  (retry {retried.number} of {retried.of} of {name})")

    def _request(self, received: Received) -> None:
        request = received.request
        self._line(f"  > {safe_line(f'{request.method} {request.target}')}")
        for name, value in request.headers:
            self._line(f"  > {safe_line(name.decode('latin-1'))}: {safe_line(value.decode('latin-1'))}")
        self._line("  >")
        for text in safe_bytes(request.body).split("\n"):
            self._line(f"  > {text}")


def _trouble(trouble: Trouble, runtime: Runtime) -> None:
    # receiving goes on, also when standard error cannot be written either
    with suppress(HookctlError):
        report_note(trouble.text if trouble.hint is None else f"{trouble.text} ({trouble.hint})", runtime)
