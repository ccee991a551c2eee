"""The reports of `hookctl check` that go beside what is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.check.model import Result
from hookctl.report.check import CheckRecords, verdict_line
from hookctl.report.github import Told

if TYPE_CHECKING:
    from hookctl.check.model import Outcome
    from hookctl.errors import ExitCode, HookctlError
    from hookctl.flows.check import CheckEvent, CheckPlan, CheckSummary
    from hookctl.report.beside import Digest, Report
    from hookctl.report.files import ReportFile
    from hookctl.report.github import GitHub
    from hookctl.runtime import Runtime


class CheckReports:
    """Makes them.

    Args:
        plan: what is run.
        runtime: what masks secrets.
    """

    def __init__(self, plan: CheckPlan, runtime: Runtime) -> None:
        self._plan = plan
        self._clean = runtime.redactor.clean

    def junit(self, file: ReportFile) -> Report[CheckEvent, CheckSummary]:
        """Return a report that writes JUnit XML."""
        from hookctl.report.junit import CheckJUnit

        return CheckJUnit(file, self._plan, self._clean)

    def json(self, file: ReportFile) -> Report[CheckEvent, CheckSummary]:
        """Return a report that writes the document of `--format json`."""
        from hookctl.report.machine import JsonWriter

        return CheckRecords(JsonWriter(file), self._clean)

    def digest(self) -> Digest[CheckEvent, CheckSummary]:
        """Return a report for GitHub."""
        return CheckDigest(self._plan)


class CheckDigest:
    """Tells of the checks that decide; the summary keeps them all."""

    def __init__(self, plan: CheckPlan) -> None:
        self._plan = plan
        self._summary: CheckSummary | None = None

    def take(self, event: CheckEvent) -> None:
        """Take nothing: outcomes are kept in the summary."""

    def close(self, summary: CheckSummary) -> None:
        """Take the outcomes into account."""
        self._summary = summary

    def tell(self, github: GitHub, exit_code: ExitCode, problem: HookctlError | None) -> None:
        """Tell them: first what decides, then what only warns."""
        summary = self._summary
        assert summary is not None  # noqa: S101 - it was closed
        deciding = {*summary.failed, *summary.unclear}
        told = [one for one in summary.outcomes if one.result in {Result.FAIL, Result.INCONCLUSIVE}]
        told.sort(key=lambda one: one.check.id not in deciding)
        rows = [(one.check.id, _weight(one), one.detail) for one in told]
        columns = ("check", "severity", "what was found")
        passed = summary.results[Result.PASS]
        url = self._plan.endpoint.url
        github.tell(Told(verdict_line(summary), passed, len(deciding), columns, rows, (url,)), exit_code, problem)


def _weight(outcome: Outcome) -> str:
    return outcome.severity if outcome.result is Result.FAIL else f"{outcome.severity}, {outcome.result}"
