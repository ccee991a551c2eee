"""The reports of `hookctl send` that go beside what is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.model import Delivery
from hookctl.report.github import MAX_ROWS, Told
from hookctl.report.send import SendRecords, send_counts

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookctl.errors import ExitCode, HookctlError
    from hookctl.flows.send import SendEvent, SendSummary
    from hookctl.report.beside import Digest, Report
    from hookctl.report.files import ReportFile
    from hookctl.report.github import GitHub


class SendReports:
    """Makes them.

    Args:
        clean: masks secrets in what receivers answered.
    """

    def __init__(self, clean: Callable[[str], str]) -> None:
        self._clean = clean

    def junit(self, file: ReportFile) -> Report[SendEvent, SendSummary]:
        """Return a report that writes JUnit XML."""
        from hookctl.report.junit import SendJUnit

        return SendJUnit(file, self._clean)

    def json(self, file: ReportFile) -> Report[SendEvent, SendSummary]:
        """Return a report that writes the document of `--format json`."""
        from hookctl.report.machine import JsonWriter

        return SendRecords(JsonWriter(file), self._clean)

    def digest(self) -> Digest[SendEvent, SendSummary]:
        """Return a report for GitHub."""
        return SendDigest()


class SendDigest:
    """Keeps the first deliveries that went wrong."""

    def __init__(self) -> None:
        self._failures: list[tuple[str, ...]] = []
        self._summary: SendSummary | None = None

    def take(self, event: SendEvent) -> None:
        """Take a delivery into account."""
        if not isinstance(event, Delivery) or len(self._failures) >= MAX_ROWS:
            return
        attempt = event.attempt
        if attempt.failure is not None:
            why = attempt.failure.message
        elif not event.ok and attempt.response is not None:
            why = f"expected {event.expected}, answered {attempt.response.status}"
        else:
            return
        request = event.request
        self._failures.append((request.event or "(unnamed)", request.event_id or "", why))

    def close(self, summary: SendSummary) -> None:
        """Take the counts into account."""
        self._summary = summary

    def tell(self, github: GitHub, exit_code: ExitCode, problem: HookctlError | None) -> None:
        """Tell them."""
        summary = self._summary
        assert summary is not None  # noqa: S101 - it was closed
        failed = summary.unexpected + summary.not_delivered
        columns = ("event", "id", "what happened")
        told = Told(send_counts(summary), summary.ok, failed, columns, self._failures, summary.urls)
        github.tell(told, exit_code, problem)
