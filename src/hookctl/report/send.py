"""`hookctl send` for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from hookctl.model import Delivery, FailureKind
from hookctl.report.columns import USUAL_WIDTH
from hookctl.report.problems import report_note
from hookctl.report.records import PERCENTILES, delivery_record, send_summary_record
from hookctl.report.safe import safe_bytes, safe_line, safe_text
from hookctl.report.style import Style, Tone

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hookctl.flows.latency import Latencies
    from hookctl.flows.send import SendEvent, SendSummary
    from hookctl.model import Event, Provider, Response, SignedRequest
    from hookctl.report.machine import RecordWriter
    from hookctl.runtime import Runtime

BODY_LINES = 8
"""Lines of a failed delivery's response that are shown."""
BODY_WIDTH = 400
"""Characters of each of those lines."""

MANY = 50
"""Deliveries from which on a terminal shows only those that fail."""

MIN_FOR_PERCENTILES = 10
"""Answers from which on their times are worth a line."""

_NAME_WIDTH = 24


class SendReport(Protocol):
    """Takes what a send yields, and its summary."""

    def take(self, event: SendEvent) -> None:
        """Report one thing that happened."""

    def note(self, text: str) -> None:
        """Say something that is worth knowing but is not a result."""

    def close(self, summary: SendSummary) -> None:
        """Report the end."""


class SendRecords:
    """Deliveries as records; a note is none."""

    def __init__(self, writer: RecordWriter, clean: Callable[[str], str]) -> None:
        self._writer = writer
        self._clean = clean

    def take(self, event: SendEvent) -> None:
        """Write a delivery."""
        if isinstance(event, Delivery):
            self._writer.write(delivery_record(event, self._clean))

    def close(self, summary: SendSummary) -> None:
        """Write the counts."""
        self._writer.close(send_summary_record(summary))


class MachineSendReport(SendRecords):
    """Deliveries as records; notes go to standard error."""

    def __init__(self, writer: RecordWriter, runtime: Runtime) -> None:
        super().__init__(writer, runtime.redactor.clean)
        self._runtime = runtime

    def take(self, event: SendEvent) -> None:
        """Write a delivery, or a note beside the data."""
        super().take(event)
        if not isinstance(event, Delivery):
            self.note(event.text)

    def note(self, text: str) -> None:
        """Write a note beside the data."""
        report_note(text, self._runtime)


class TextSendReport:
    """A line per delivery, details where something is wrong, a summary.

    Args:
        runtime: streams and redactor.
        providers: by name, for what they document.
        verbose: show each request as sent and the response's headers.
        quiet: only the summary.
        failures_only: no line for a delivery that went as expected, as suits a terminal when there are many.
        show: writes text; given by a progress display that has to keep out of its way.
    """

    def __init__(
        self,
        runtime: Runtime,
        providers: dict[str, Provider],
        *,
        verbose: bool,
        quiet: bool,
        failures_only: bool = False,
        show: Callable[[str], None] | None = None,
    ) -> None:
        self._failures_only = failures_only and not verbose
        self._show = show or runtime.out.line
        self._runtime = runtime
        self._providers = providers
        self._verbose = verbose
        self._quiet = quiet
        self._style = Style.of(runtime.out, runtime.env)

    def take(self, event: SendEvent) -> None:
        """Write what happened."""
        if isinstance(event, Delivery):
            if not self._quiet and not (self._failures_only and event.ok):
                if self._verbose:
                    self._request(event.request)
                self._delivery(event)
        else:
            # not through note(): that certificates are not checked is said however quiet the run
            report_note(event.text, self._runtime)

    def note(self, text: str) -> None:
        """Write a note, unless only the outcome is asked for."""
        if not self._quiet:
            report_note(text, self._runtime)

    def close(self, summary: SendSummary) -> None:
        """Write the counts, and where everything went, in one line if a terminal's usual width is enough."""
        counts = send_counts(summary)
        tone = Tone.GOOD if summary.ok == summary.planned else Tone.BAD
        where = safe_line(" and ".join(summary.urls))
        beside = bool(where) and len(counts) + 2 + len(where) <= USUAL_WIDTH
        self._line(self._style.paint(counts, tone) + (f"  {self._style.paint(where, Tone.QUIET)}" if beside else ""))
        for url in () if beside else summary.urls:
            self._line(f"  {self._style.paint(safe_line(url), Tone.QUIET)}")
        if summary.latencies.count >= MIN_FOR_PERCENTILES:
            self._line(self._style.paint(f"  answered in {_percentiles(summary.latencies)}", Tone.QUIET))

    def _line(self, text: str) -> None:
        self._show(self._runtime.redactor.clean(text))

    def _delivery(self, delivery: Delivery) -> None:
        style, request, attempt = self._style, delivery.request, delivery.attempt
        status = str(attempt.response.status) if attempt.response else "---"
        name = safe_line(request.event or "(unnamed)")
        tone = Tone.GOOD if delivery.ok else Tone.BAD
        line = f"{style.yes if delivery.ok else style.no} {name:<{_NAME_WIDTH}} {style.paint(status, tone)}"
        line += f" {attempt.duration_ms:6.0f} ms"
        if request.event_id:
            line += f"  {style.paint(safe_line(request.event_id), Tone.QUIET)}"
        self._line(line)
        for detail in self._details(delivery):
            self._line(f"    {detail}")
        for text in answer_lines(delivery, self._runtime.redactor.clean, style, verbose=self._verbose):
            self._line(text)

    def _details(self, delivery: Delivery) -> list[str]:
        return delivery_details(delivery, self._providers[delivery.request.provider], self._style)

    def _request(self, request: SignedRequest) -> None:
        for line in request_lines(request, self._runtime.redactor.clean):
            # not cleaned again: rendered bytes are not redacted
            self._show(line)


def send_counts(summary: SendSummary) -> str:
    """Return the counts in one line: "2 deliveries: 1 ok, 1 unexpected"."""
    parts = [f"{summary.ok} ok"]
    if summary.unexpected:
        parts.append(f"{summary.unexpected} unexpected")
    if summary.not_delivered:
        parts.append(f"{summary.not_delivered} not delivered")
    left = summary.planned - summary.total
    if left:
        parts.append(f"{left} not sent")
    noun = "delivery" if summary.planned == 1 else "deliveries"
    return f"{summary.planned} {noun}: {', '.join(parts)}"


def request_lines(request: SignedRequest, clean: Callable[[str], str]) -> list[str]:
    """Return a request as it was sent, made safe to show; secrets in its headers are masked."""
    lines = [f"  > {request.method} {safe_line(clean(request.url))}"]
    lines += [f"  > {safe_line(clean(name))}: {safe_line(clean(value))}" for name, value in request.headers]
    return [*lines, "  >", *(f"  > {text}" for text in safe_bytes(request.body).split("\n"))]


def answer_lines(delivery: Delivery, clean: Callable[[str], str], style: Style, *, verbose: bool) -> list[str]:
    """Return what a receiver answered: its headers if wanted, its body if it was not what was expected."""
    response = delivery.attempt.response
    if response is None:
        return []
    lines: list[str] = []
    if verbose:
        lines += response_lines(response, clean)
    if verbose or not delivery.ok:
        body = safe_text(clean(response.body.decode("utf-8", "backslashreplace")))
        lines += [f"  | {text}" for text in excerpt(body)]
    if response.truncated:
        lines.append(f"  | {style.paint('(the answer went on: reading stopped at 1 MiB)', Tone.QUIET)}")
    return lines


def response_lines(response: Response, clean: Callable[[str], str]) -> list[str]:
    """Return the headers of an answer as they are shown; secrets in them are masked."""
    return [f"  < {safe_line(clean(key))}: {safe_line(clean(value))}" for key, value in response.headers]


def delivery_details(delivery: Delivery, provider: Provider, style: Style) -> list[str]:
    """Return why a delivery went as it did, and what to do about it, a line each."""
    attempt = delivery.attempt
    details: list[str] = []
    if attempt.failure is not None:
        details.append(safe_line(attempt.failure.message))
        hint = attempt.failure.hint
        if attempt.failure.kind is FailureKind.TIMEOUT:
            hint = f"answer within {delivery.deadline_s:g} s: first the answer, then the work"
        if hint:
            details.append(style.paint(f"hint: {safe_line(hint)}", Tone.QUIET))
        return details
    if attempt.response is not None and not delivery.ok:
        details.append(f"expected {delivery.expected}, answered {attempt.response.status}")
        hint = _hint(delivery, attempt.response.status, provider)
        if hint:
            details.append(style.paint(f"hint: {safe_line(hint)}", Tone.QUIET))
    if delivery.late:
        text = f"slower than the {delivery.deadline_s:g} s that a sender can be expected to wait"
        details.append(style.paint(text, Tone.WARNING))
    return details


def _hint(delivery: Delivery, status: int, provider: Provider) -> str | None:
    response = delivery.attempt.response
    location = response.header("location") if response else None
    refused = {provider.replies.missing_signature, provider.replies.invalid_signature}
    path = provider.endpoint.path
    if 200 <= status < 300:
        # a genuine one that was answered otherwise than --expect says needs no explanation
        if delivery.genuine:
            return None
        return "it accepted a request that is not genuine: a receiver must refuse it"
    if 300 <= status < 400:
        return f"it redirects to {location or 'nowhere'}; a webhook sender does not follow"
    if status in refused and delivery.expected == "2xx":
        return f"does the receiver use the same {provider.secret.env}, over raw bytes?"
    if status in {404, 405} and path is not None and not delivery.request.url.endswith(path):
        return f"{provider.title}'s documented path is {path}"
    if status == 413:
        return f"the body has {len(delivery.request.body)} bytes: raise the receiver's limit"
    return None


def _percentiles(latencies: Latencies) -> str:
    parts = [f"{latencies.percentile_ms(percent):.0f} ms (p{percent})" for percent in PERCENTILES]
    return f"{', '.join(parts)}, at most {latencies.max_ms:.0f} ms"


def excerpt(text: str) -> list[str]:
    """Return the first lines of a text, each cut, with a note about what is left out."""
    lines = text.strip("\n").split("\n") if text.strip() else []
    shown = [line if len(line) <= BODY_WIDTH else f"{line[:BODY_WIDTH]}..." for line in lines[:BODY_LINES]]
    if len(lines) > BODY_LINES:
        shown.append(f"({len(lines) - BODY_LINES} more lines)")
    return shown


def illustrative_note(events: Sequence[Event]) -> str | None:
    """Return a sentence about which of the events are illustrative, or None when none is."""
    names = list(dict.fromkeys(event.name for event in events if not event.documented))
    if not names:
        return None
    if len(names) == 1:
        return f"{names[0]} is illustrative: the vendor's page has no example"
    return f"{len(names)} of the payloads are illustrative (`hookctl events` says which)"
