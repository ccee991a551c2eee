"""`hookctl replay` for people and for programs: what a delivery is answered now, beside what it was at first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from hookctl.flows.replay import Replayed
from hookctl.report.problems import report_note
from hookctl.report.records import replay_record, send_summary_record
from hookctl.report.safe import safe_line, safe_text
from hookctl.report.send import TextSendReport
from hookctl.report.style import Style, Tone

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookctl.flows.replay import ReplayEvent
    from hookctl.flows.send import SendSummary
    from hookctl.model import Delivery, Provider
    from hookctl.report.machine import RecordWriter
    from hookctl.runtime import Runtime

ANSWER_LINES = 4
"""Lines of each answer that are shown where the two differ."""
ANSWER_WIDTH = 64
"""Characters of each of those lines: with what stands before them they fit a terminal."""


class ReplayReport(Protocol):
    """Takes what a replay yields, and its summary."""

    def take(self, event: ReplayEvent) -> None:
        """Report one thing that happened."""

    def close(self, summary: SendSummary) -> None:
        """Report the end."""


class MachineReplayReport:
    """Deliveries as records; notes go to standard error."""

    def __init__(self, writer: RecordWriter, runtime: Runtime) -> None:
        self._writer = writer
        self._runtime = runtime

    def take(self, event: ReplayEvent) -> None:
        """Write a delivery, or a note beside the data."""
        if isinstance(event, Replayed):
            self._writer.write(replay_record(event, self._runtime.redactor.clean))
        else:
            report_note(event.text, self._runtime)

    def close(self, summary: SendSummary) -> None:
        """Write the counts."""
        self._writer.close(send_summary_record(summary))


class TextReplayReport:
    """What a send shows of a delivery, then whose replay it is, both statuses and, where they differ, both answers.

    Args:
        runtime: streams and redactor.
        providers: by name, for what they document.
        verbose: show each request as sent and the response's headers.
        quiet: only the summary.
        failures_only: nothing of a delivery that went as expected, as suits a terminal when there are many.
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
        self._lines = _DeliveryLines(
            runtime, providers, verbose=verbose, quiet=quiet, failures_only=failures_only, show=show
        )
        self._show = show or runtime.out.line
        self._clean = runtime.redactor.clean
        self._style = Style.of(runtime.out, runtime.env)
        self._quiet = quiet
        self._verbose = verbose
        self._failures_only = failures_only and not verbose

    def take(self, event: ReplayEvent) -> None:
        """Write what happened."""
        if not isinstance(event, Replayed):
            self._lines.take(event)
            return
        self._lines.take(event.delivery)
        if not self._quiet and not (self._failures_only and event.delivery.ok):
            self._line(f"    {self._comparison(event)}")
            for line in self._answers(event):
                self._line(f"    {line}")

    def close(self, summary: SendSummary) -> None:
        """Write the counts, and where everything went."""
        self._lines.close(summary)

    def _line(self, text: str) -> None:
        self._show(self._clean(text))

    def _comparison(self, replayed: Replayed) -> str:
        name = self._style.paint(f"replay of {safe_line(self._clean(replayed.of))}", Tone.QUIET)
        if replayed.before is None:
            return name
        delivery = replayed.delivery
        response = delivery.attempt.response
        now = str(response.status) if response is not None else "no answer"
        arrow = "→" if self._style.unicode else "->"
        text = f"was {replayed.before.status} {arrow} now {now}"
        return f"{name}  {self._style.paint(text, Tone.GOOD if delivery.ok else Tone.BAD)}"

    def _answers(self, replayed: Replayed) -> list[str]:
        """Return both answers, cut, where the two are not the same; the new one only if it is not shown anyway."""
        response = replayed.delivery.attempt.response
        was = replayed.before.body if replayed.before is not None else None
        if response is None or was is None or was == response.body:
            return []
        before, after = self._cut(was), self._cut(response.body)
        if before == after:
            # what is shown would not tell them apart
            return [f"the answers differ from byte {_first_difference(was, response.body)} on"]
        lines = [f"was | {line}" for line in before]
        if replayed.delivery.ok and not self._verbose:
            lines += [f"now | {line}" for line in after]
        return lines

    def _cut(self, body: bytes) -> list[str]:
        text = safe_text(self._clean(body.decode("utf-8", "backslashreplace"))).strip("\n")
        lines = text.split("\n") if text.strip() else ["(empty)"]
        shown = [line if len(line) <= ANSWER_WIDTH else f"{line[:ANSWER_WIDTH]}..." for line in lines[:ANSWER_LINES]]
        if len(lines) > ANSWER_LINES:
            shown.append(f"({len(lines) - ANSWER_LINES} more lines)")
        return shown


def _first_difference(one: bytes, other: bytes) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (left, right) in pairs if left != right), min(len(one), len(other)))


class _DeliveryLines(TextSendReport):
    """As a send's, for deliveries too of which nothing tells whose they are."""

    def _details(self, delivery: Delivery) -> list[str]:
        if delivery.request.provider:
            return super()._details(delivery)
        failure, response = delivery.attempt.failure, delivery.attempt.response
        if failure is not None:
            details = [safe_line(failure.message)]
            if failure.hint:
                details.append(self._style.paint(f"hint: {safe_line(failure.hint)}", Tone.QUIET))
            return details
        if response is not None and not delivery.ok:
            return [f"expected {delivery.expected}, answered {response.status}"]
        return []
