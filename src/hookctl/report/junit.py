"""`--report junit=FILE`: test cases that every CI reads."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookctl.check.catalogue import CONTROL
from hookctl.check.model import Result
from hookctl.model import Delivery, Unreadable
from hookctl.report.verify import failure_in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hookctl.check.model import Outcome
    from hookctl.flows.check import CheckEvent, CheckPlan, CheckSummary
    from hookctl.flows.send import SendEvent, SendSummary
    from hookctl.flows.tally import Case, Found, Tally
    from hookctl.flows.verify import VerifyEvent
    from hookctl.report.files import ReportFile

MAX_BODY = 2000
"""Characters of a response that go into a report."""

MAX_PROBLEMS = 5
"""Problems of one case that are told in full; the rest are counted."""

# what XML 1.0 cannot hold in any form: most controls, surrogates, U+FFFE and U+FFFF
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class JUnitProblem:
    """Why a case is not as it should be."""

    is_error: bool
    """Whether it could not be judged at all, rather than judged and found wanting."""
    kind: str
    headline: str
    text: str


@dataclass(frozen=True, slots=True)
class JUnitCase:
    """One test case."""

    suite: str
    name: str
    class_name: str
    duration_s: float
    problem: JUnitProblem | None
    skipped: str | None = None
    """Why it decides nothing; None where it does."""


def write_junit(file: ReportFile, title: str, cases: Iterable[JUnitCase], clean: Callable[[str], str]) -> None:
    """Write JUnit XML, one suite after the other.

    Args:
        file: where it goes.
        title: the name of the whole.
        cases: the cases, in order.
        clean: masks secrets.

    Raises:
        InputError: the file takes no more.
    """
    # 15 ms to load, and only a report needs it
    from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

    suites: dict[str, TestSuite] = {}
    for case in cases:
        suite = suites.setdefault(case.suite, TestSuite(_xml(clean(case.suite))))
        element = TestCase(_xml(clean(case.name)), _xml(clean(case.class_name)), round(case.duration_s, 3))
        if case.problem is not None:
            kind = Error if case.problem.is_error else Failure
            result = kind(_xml(clean(case.problem.headline)), case.problem.kind)
            result.text = _xml(clean(case.problem.text))
            element.result = [result]
        elif case.skipped is not None:
            element.result = [Skipped(_xml(clean(case.skipped)))]
        suite.add_testcase(element)
    document = JUnitXml(title)
    for suite in suites.values():
        document.add_testsuite(suite)
    data: bytes = document.tostring()  # type: ignore[no-untyped-call]
    file.write_bytes(data)


@dataclass(slots=True)
class _Deliveries:
    provider: str
    event: str
    deliveries: int = 0
    unexpected: int = 0
    not_delivered: int = 0
    duration_s: float = 0.0
    problems: list[str] = field(default_factory=list)
    first: str = ""

    @property
    def headline(self) -> str:
        bad = self.unexpected + self.not_delivered
        return self.first if self.deliveries == 1 else f"{bad} of {self.deliveries} deliveries: {self.first}"

    @property
    def case(self) -> JUnitCase:
        problem = None
        if self.problems:
            kind = "not_delivered" if self.not_delivered else "unexpected"
            problem = JUnitProblem(bool(self.not_delivered), kind, self.headline, "\n\n".join(self.problems))
        return JUnitCase(self.provider, self.event, f"hookctl.send.{self.provider}", self.duration_s, problem)


class SendJUnit:
    """Collects deliveries and writes them as JUnit XML at the end. An event sent many times is one case.

    Args:
        file: where it goes.
        clean: masks secrets in what receivers answered.
    """

    def __init__(self, file: ReportFile, clean: Callable[[str], str]) -> None:
        self._file = file
        self._clean = clean
        self._cases: dict[tuple[str, str], _Deliveries] = {}

    def take(self, event: SendEvent) -> None:
        """Take one delivery into account."""
        if isinstance(event, Delivery):
            self._take(event)

    def close(self, _: SendSummary) -> None:
        """Write them; raises `InputError` as the file does."""
        write_junit(self._file, "hookctl send", (case.case for case in self._cases.values()), self._clean)

    def _take(self, delivery: Delivery) -> None:
        request, attempt = delivery.request, delivery.attempt
        event = request.event or "(unnamed)"
        case = self._cases.setdefault((request.provider, event), _Deliveries(request.provider, event))
        case.deliveries += 1
        case.duration_s += attempt.duration_ms / 1000
        if attempt.failure is not None:
            case.not_delivered += 1
            message = f"{attempt.failure.kind}: {attempt.failure.message}"
        elif not delivery.ok and attempt.response is not None:
            case.unexpected += 1
            message = f"expected {delivery.expected}, answered {attempt.response.status}"
        else:
            return
        case.first = case.first or message
        if len(case.problems) < MAX_PROBLEMS:
            case.problems.append(self._problem(delivery, message))

    def _problem(self, delivery: Delivery, message: str) -> str:
        lines = [f"POST {delivery.request.url}", message]
        if delivery.request.event_id:
            lines.append(f"event id: {delivery.request.event_id}")
        if delivery.attempt.response is not None:
            # masked whole: of a secret that is cut the rest would stay
            body = self._clean(delivery.attempt.response.body.decode("utf-8", "backslashreplace"))
            lines.append(body if len(body) <= MAX_BODY else f"{body[:MAX_BODY]}...")
        return "\n".join(lines)


class VerifyJUnit:
    """Writes the cases that the counts keep as JUnit XML at the end.

    Args:
        file: where it goes.
        clean: masks secrets.
    """

    def __init__(self, file: ReportFile, clean: Callable[[str], str]) -> None:
        self._file = file
        self._clean = clean

    def take(self, event: VerifyEvent) -> None:
        """Take nothing: what has failed is kept beside the counts."""

    def close(self, tally: Tally) -> None:
        """Write them; raises `InputError` as the file does."""
        write_junit(self._file, "hookctl verify", verify_cases(tally), self._clean)


def verify_cases(tally: Tally) -> Iterable[JUnitCase]:
    """Yield a case for each event of each file that was verified."""
    for (file, event), case in tally.cases.items():
        name = event or ("(unreadable)" if case.unreadable == case.captures else "(no event)")
        yield JUnitCase(file, name, "hookctl.verify", 0.0, _verify_problem(case))


def _verify_problem(case: Case) -> JUnitProblem | None:
    if not case.failed:
        return None
    told = [_told(found) for found in case.examples]
    first = told[0][1]
    headline = first if case.captures == 1 else f"{case.failed} of {case.captures} captures: {first}"
    text = "\n\n".join(f"{source}: {what}" for source, what in told)
    if case.failed > len(told):
        text += f"\n\nand {case.failed - len(told)} more"
    is_error = any(isinstance(found, Unreadable) or not found.known for found in case.examples)
    kind = "unreadable" if case.unreadable else "unjudged" if is_error else "invalid"
    return JUnitProblem(is_error, kind, headline, text)


def _told(found: Found) -> tuple[str, str]:
    """Return where something failed and why."""
    if isinstance(found, Unreadable):
        return found.source, found.message
    why, remedy = failure_in_words(found)
    fix = () if remedy is None else (f"fix: {remedy}",)
    return found.capture.source, "\n".join((why, *fix, *found.notes))


class CheckJUnit:
    """Writes the outcomes that the summary keeps as JUnit XML at the end.

    Args:
        file: where it goes.
        plan: what is run.
        clean: masks secrets in what the receiver answered.
    """

    def __init__(self, file: ReportFile, plan: CheckPlan, clean: Callable[[str], str]) -> None:
        self._file = file
        self._plan = plan
        self._clean = clean

    def take(self, event: CheckEvent) -> None:
        """Take nothing: outcomes are kept in the summary."""

    def close(self, summary: CheckSummary) -> None:
        """Write them; raises `InputError` as the file does."""
        write_junit(self._file, "hookctl check", check_cases(self._plan, summary), self._clean)


def check_cases(plan: CheckPlan, summary: CheckSummary) -> Iterable[JUnitCase]:
    """Yield a case for each check: a failure where it decides the exit code, an error where that cannot be told."""
    suite = f"{plan.provider.name} {plan.endpoint.url}"
    for outcome in summary.outcomes:
        problem, skipped = _check_problem(outcome, summary)
        seconds = outcome.duration_ms / 1000
        yield JUnitCase(suite, outcome.check.id, "hookctl.check", seconds, problem, skipped)


def _check_problem(outcome: Outcome, summary: CheckSummary) -> tuple[JUnitProblem | None, str | None]:
    """Return what is wrong and decides, or else why it does not decide; neither where all is well."""
    check = outcome.check
    is_control = check.id == CONTROL and outcome.result is not Result.PASS
    if is_control or check.id in summary.unclear:
        kind = "control" if is_control else "inconclusive"
        return JUnitProblem(is_error=True, kind=kind, headline=outcome.detail, text=_findings(outcome)), None
    if check.id in summary.failed:
        text = _findings(outcome)
        return JUnitProblem(is_error=False, kind=outcome.severity, headline=outcome.detail, text=text), None
    if outcome.result is Result.PASS:
        return None, None
    return None, f"{outcome.severity} {outcome.result}: {outcome.detail}"


def _findings(outcome: Outcome) -> str:
    check, exchange = outcome.check, outcome.deciding
    lines = [f"sent: {check.sends}", f"expected: {check.expects}", f"found: {outcome.detail}", f"why: {check.why}"]
    lines.append(f"fix: {outcome.hint or check.fix}")
    if exchange is not None and exchange.attempt.response is not None:
        body = exchange.attempt.response.body.decode("utf-8", "backslashreplace")
        # what is cut may be a secret that is then not recognised: only what is shorter is shown
        lines.append(f"came back: {exchange.attempt.response.status}")
        lines.append(body)
    return "\n".join(lines)


def _xml(text: str) -> str:
    """Return the text with what XML 1.0 forbids replaced; markup is escaped by the writer."""
    return _NOT_XML.sub("\ufffd", text)
