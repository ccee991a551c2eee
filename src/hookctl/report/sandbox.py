"""`hookctl sandbox` for people and for programs."""

from __future__ import annotations

import shlex
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from hookctl.errors import HookctlError
from hookctl.flows.sandbox import Called, Opened, Sent
from hookctl.receiver import Refusal
from hookctl.report.live import LiveRecords, LiveText, shown_name
from hookctl.report.problems import report_note
from hookctl.report.records import (
    called_record,
    opened_record,
    refusal_record,
    sandbox_summary_record,
    sent_record,
)
from hookctl.report.safe import safe_line
from hookctl.report.send import answer_lines, delivery_details, request_lines
from hookctl.report.style import Tone

if TYPE_CHECKING:
    from hookctl.flows.sandbox import Plan, SandboxEvent, SandboxSummary, Trouble
    from hookctl.runtime import Runtime


class SandboxReport(Protocol):
    """Takes what a sandbox tells."""

    def take(self, event: SandboxEvent) -> None:
        """Note one thing that happened."""

    def flush(self) -> None:
        """Write what was noted."""

    def close(self, summary: SandboxSummary) -> None:
        """Report the end."""


class MachineSandboxReport(LiveRecords):
    """Records: `ready` first, then `call`, `delivery` and `refused`."""

    def take(self, event: SandboxEvent) -> None:
        """Note a record; trouble goes to standard error at once."""
        if isinstance(event, Called):
            self._record(called_record(event, self._clean))
        elif isinstance(event, Sent):
            self._record(sent_record(event, self._clean))
        elif isinstance(event, Opened):
            self._record(opened_record(event))
        elif isinstance(event, Refusal):
            self._record(refusal_record(event))
        else:
            _trouble(event, self._runtime)

    def close(self, summary: SandboxSummary) -> None:
        """Write the counts."""
        self._record(sandbox_summary_record(summary))
        self.flush()


class TextSandboxReport(LiveText):
    """A line for each API call and each try of a delivery, details where something is wrong.

    Args:
        runtime: streams, clock and redactor.
        plan: what the sandbox is.
        retry: the schedule of retries as the user gave it, for what is said at the beginning.
        verbose: show each delivery as it was sent, and the receiver's answer.
        quiet: only what goes wrong, and the summary.
    """

    def __init__(self, runtime: Runtime, plan: Plan, *, retry: str | None, verbose: bool, quiet: bool) -> None:
        super().__init__(runtime)
        self._plan = plan
        self._retry = retry
        self._verbose = verbose
        self._quiet = quiet

    def take(self, event: SandboxEvent) -> None:
        """Note the lines of what happened."""
        if isinstance(event, Called):
            self._called(event)
        elif isinstance(event, Sent):
            self._sent(event)
        elif isinstance(event, Opened):
            self._opened(event)
        elif isinstance(event, Refusal):
            self._refusal(event)
        else:
            self.flush()
            _trouble(event, self._runtime)

    def close(self, summary: SandboxSummary) -> None:
        """Write the counts."""
        calls = "1 call" if summary.calls == 1 else f"{summary.calls:,} calls"
        parts = [f"{summary.rejected:,} rejected"] if summary.rejected else []
        if summary.deliveries:
            tries = "1 try" if summary.deliveries == 1 else f"{summary.deliveries:,} tries"
            parts.append(f"{tries} to deliver of which {summary.taken:,} taken")
        parts += [f"{summary.refused:,} refused"] if summary.refused else []
        if summary.waiting_retries:
            retries = "1 retry" if summary.waiting_retries == 1 else f"{summary.waiting_retries:,} retries"
            parts.append(f"{retries} dropped")
        self._line(self._style.paint(f"{calls}: {', '.join(parts)}" if parts else calls, Tone.STRONG))
        self.flush()

    def _opened(self, opened: Opened) -> None:
        if self._quiet:
            return
        plan, style = self._plan, self._style
        api, token = plan.api, plan.options.token
        url = style.paint(safe_line(opened.url), Tone.STRONG)
        self._line(f"sandbox of {safe_line(plan.provider.title)}'s business API on {url}, Ctrl-C ends it")
        names = [dialect.name for dialect in plan.dialects]
        spoken = f"dialect{'s' if len(names) > 1 else ''} {' and '.join(names)}"
        self._line(safe_line(f"{api.account} {opened.account}, token {token}, {spoken}"))
        if self._retry is not None:
            self._quiet_line(f"simulated retries after {self._retry}: your schedule, not the vendor's")
        self._quiet_line("in another terminal:")
        self._line(safe_line(f"  export {api.token_env}={shlex.quote(token)}"))
        other = "" if api.dialect in names else f" --dialect {names[0]}"
        where = f"--api-url {opened.url} --business {opened.account}{other}"
        self._line(safe_line(f"  hookctl webhook show {where}"))
        self.flush()

    def _called(self, called: Called) -> None:
        good = called.status < 400
        if self._quiet and good:
            return
        status = self._style.paint(str(called.status), Tone.GOOD if good else Tone.BAD)
        line = f"{self._clock(called.at_ms)} --> {called.method} {shown_name(called.target)}  {status}"
        if called.remark is not None:
            line += f"  {self._style.paint(safe_line(called.remark), Tone.QUIET)}"
        self._line(line)

    def _sent(self, sent: Sent) -> None:
        style, delivery = self._style, sent.delivery
        request, attempt = delivery.request, delivery.attempt
        if self._quiet and delivery.ok:
            return
        status = str(attempt.response.status) if attempt.response is not None else "---"
        line = f"{self._clock(self._runtime.now_ms())} ==> {shown_name(request.event or '(unnamed)')}"
        if request.event_id is not None:
            line += f" {style.paint(f'[{shown_name(request.event_id)}]', Tone.QUIET)}"
        line += f"  {style.paint(status, Tone.GOOD if delivery.ok else Tone.BAD)} {attempt.duration_ms:.0f} ms"
        line += f"  {style.paint(safe_line(request.url), Tone.QUIET)}"
        if not sent.subscribed:
            line += f"  {style.paint('not subscribed', Tone.WARNING)}"
        if sent.number:
            line += f"  (simulated retry {sent.number} of {sent.of})"
        clean = self._runtime.redactor.clean
        self._line(line)
        for detail in delivery_details(delivery, self._plan.provider, style):
            self._line(f"    {detail}")
        for text in request_lines(request, clean) if self._verbose else ():
            self._line(text)
        for text in answer_lines(delivery, clean, style, verbose=self._verbose):
            self._line(text)
        if sent.next_s is not None:
            self._quiet_line(f"    simulated retry in {sent.next_s:g} s")


def _trouble(trouble: Trouble, runtime: Runtime) -> None:
    # answering goes on, also when standard error cannot be written either
    with suppress(HookctlError):
        report_note(trouble.text, runtime)
