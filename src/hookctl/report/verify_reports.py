"""The reports of `hookctl verify` that go beside what is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.flows.bulk import BulkResult
from hookctl.flows.verify import Progress
from hookctl.model import Unreadable
from hookctl.report.github import MAX_ROWS, Told
from hookctl.report.verify import MachineVerifyReport, failure_in_words, verify_counts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.errors import ExitCode, HookctlError
    from hookctl.flows.tally import Case, Tally
    from hookctl.flows.verify import VerifyEvent
    from hookctl.report.beside import Digest, Report
    from hookctl.report.files import ReportFile
    from hookctl.report.github import GitHub
    from hookctl.runtime import Runtime


class VerifyReports:
    """Makes them.

    Args:
        runtime: what masks secrets.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.records: MachineVerifyReport | None = None
        """What makes records for `json()`, in whichever process; None as long as that was not asked for."""

    def junit(self, file: ReportFile) -> Report[VerifyEvent, Tally]:
        """Return a report that writes JUnit XML."""
        from hookctl.report.junit import VerifyJUnit

        return VerifyJUnit(file, self._runtime.redactor.clean)

    def json(self, file: ReportFile) -> Report[VerifyEvent, Tally]:
        """Return a report that writes the document of `--format json`."""
        from hookctl.report.machine import JsonWriter

        self.records = MachineVerifyReport(JsonWriter(file), self._runtime)
        return VerifyJson(self.records)

    def digest(self) -> Digest[VerifyEvent, Tally]:
        """Return a report for GitHub."""
        return VerifyDigest()


class VerifyJson:
    """Hands what was found on to a writer of records."""

    def __init__(self, records: MachineVerifyReport) -> None:
        self._records = records

    def take(self, event: VerifyEvent) -> None:
        """Write it: of a block of an archive the last text, which is the records'."""
        if isinstance(event, BulkResult):
            self._records.take_lines(event.texts[-1])
        elif not isinstance(event, Progress):
            self._records.take(event)

    def close(self, tally: Tally) -> None:
        """Write the counts."""
        self._records.close(tally)


class VerifyDigest:
    """Tells of the first failures of each event in each file; the counts keep them."""

    def __init__(self) -> None:
        self._tally: Tally | None = None

    def take(self, event: VerifyEvent) -> None:
        """Take nothing: what has failed is kept beside the counts."""

    def close(self, tally: Tally) -> None:
        """Take the counts into account."""
        self._tally = tally

    def tell(self, github: GitHub, exit_code: ExitCode, problem: HookctlError | None) -> None:
        """Tell them."""
        tally = self._tally
        assert tally is not None  # noqa: S101 - it was closed
        failed = sum(case.failed for case in tally.cases.values())
        rows = [row for (_, event), case in tally.cases.items() for row in _rows(event, case)][:MAX_ROWS]
        told = Told(verify_counts(tally), tally.total - failed, failed, ("capture", "event", "what was found"), rows)
        github.tell(told, exit_code, problem)


def _rows(event: str, case: Case) -> Iterator[tuple[str, str, str]]:
    for found in case.examples:
        if isinstance(found, Unreadable):
            yield found.source, "", found.message
            continue
        why, remedy = failure_in_words(found)
        yield found.capture.source, event, why if remedy is None else f"{why}. {remedy}"
