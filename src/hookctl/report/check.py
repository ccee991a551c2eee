"""`hookctl check` for people, for programs and for a CI."""

from __future__ import annotations

import re
import textwrap
from html import unescape
from typing import TYPE_CHECKING, Protocol

from hookctl.check.catalogue import CONTROL
from hookctl.check.model import Exchange, Manner, Outcome, Result, Severity
from hookctl.check.outcomes import status_of
from hookctl.errors import ExitCode
from hookctl.flows.check import Log
from hookctl.report.columns import USUAL_WIDTH, cut, text_width
from hookctl.report.problems import report_note
from hookctl.report.records import check_listing_record, check_record, check_summary_record
from hookctl.report.safe import safe_line, safe_text
from hookctl.report.send import excerpt, request_lines, response_lines
from hookctl.report.style import Style, Tone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hookctl.check.model import Check
    from hookctl.flows.check import CheckEvent, CheckPlan, CheckSummary
    from hookctl.model import Attempt, Provider
    from hookctl.report.machine import RecordWriter
    from hookctl.runtime import Runtime

_ID_WIDTH = 14
_INDENT = "    "
_LABEL_WIDTH = 10
_ANSWER_CHARACTERS = 200

_MARKUP = re.compile(r"<(?:style|script|title)\b[^>]*>[^<]*</|<[^>]*>", re.IGNORECASE)


class CheckReport(Protocol):
    """Takes what a run of checks yields, and its summary."""

    def take(self, event: CheckEvent) -> None:
        """Report one thing that happened."""

    def close(self, summary: CheckSummary) -> None:
        """Report the end."""


class CheckRecords:
    """Outcomes as records; all else is none."""

    def __init__(self, writer: RecordWriter, clean: Callable[[str], str]) -> None:
        self._writer = writer
        self._clean = clean

    def take(self, event: CheckEvent) -> None:
        """Write an outcome."""
        if isinstance(event, Outcome):
            self._writer.write(check_record(event, self._clean))

    def close(self, summary: CheckSummary) -> None:
        """Write the verdict and the counts."""
        self._writer.close(check_summary_record(summary))


class MachineCheckReport(CheckRecords):
    """Outcomes as records; notes go to standard error."""

    def __init__(self, writer: RecordWriter, runtime: Runtime) -> None:
        super().__init__(writer, runtime.redactor.clean)
        self._runtime = runtime

    def take(self, event: CheckEvent) -> None:
        """Write an outcome, or a note beside the data."""
        super().take(event)
        if isinstance(event, Log):
            report_log(event, self._runtime)
        elif not isinstance(event, Exchange | Outcome):
            report_note(event.text, self._runtime)


class TextCheckReport:
    """A line for each check, what is wrong in full, one line of verdict.

    Args:
        runtime: streams and redactor.
        plan: what is run.
        verbose: show each request as sent and the answer's headers.
        quiet: only the verdict.
    """

    def __init__(self, runtime: Runtime, plan: CheckPlan, *, verbose: bool, quiet: bool) -> None:
        self._runtime = runtime
        self._plan = plan
        self._verbose = verbose
        self._quiet = quiet
        self._style = Style.of(runtime.out, runtime.env)
        self._width = text_width(runtime.out)
        self._skipped: dict[str, list[str]] = {}
        self._begun = quiet

    def take(self, event: CheckEvent) -> None:
        """Write what happened."""
        if isinstance(event, Exchange):
            if self._verbose:
                self._begin()
                self._exchange(event)
        elif isinstance(event, Log):
            report_log(event, self._runtime)
        elif not isinstance(event, Outcome):
            if event.loud or not self._quiet:
                report_note(event.text, self._runtime)
        elif event.result is Result.SKIPPED:
            self._skipped.setdefault(event.detail, []).append(event.check.id)
        elif not self._quiet:
            self._begin()
            self._outcome(event)

    def close(self, summary: CheckSummary) -> None:
        """Write what was not run and why, then the verdict in one line."""
        if not self._quiet and summary.control_failed and summary.results[Result.PASS] == 0:
            number = sum(map(len, self._skipped.values()))
            self._line(self._style.paint(f"not run: the other {number} checks, which mean nothing now", Tone.QUIET))
        elif not self._quiet and self._skipped:
            self._line(self._style.paint("not run:", Tone.QUIET))
            for reason, ids in self._skipped.items():
                self._wrapped(f"{', '.join(ids)}: {reason}", "  - ", tone=Tone.QUIET)
        self._line(self._verdict(summary))

    def _begin(self) -> None:
        """Write what is checked, once there is something to say about it."""
        if self._begun:
            return
        self._begun = True
        plan = self._plan
        self._line(f"{self._style.paint('checking', Tone.STRONG)} {safe_line(plan.endpoint.url)}")
        told = f"{plan.provider.title}, {plan.event.name}, signed with the secret from {plan.secrets.current.origin}"
        self._wrapped(told, "", tone=Tone.QUIET)

    def _line(self, text: str) -> None:
        self._runtime.out.line(self._runtime.redactor.clean(text))

    def _outcome(self, outcome: Outcome) -> None:
        style = self._style
        status = "---" if outcome.status is None else str(outcome.status)
        line = f"{self._mark(outcome)} {outcome.check.id:<{_ID_WIDTH}} {status:>3}"
        told = safe_line(self._runtime.redactor.clean(outcome.detail))
        if outcome.result is Result.PASS:
            time = f"{outcome.duration_ms:5.0f} ms" if outcome.duration_ms else " " * 8
            line += f" {style.paint(time, Tone.QUIET)}"
            self._line(f"{line}  {style.paint(told, Tone.QUIET)}".rstrip() if told else line.rstrip())
            return
        word = outcome.severity if outcome.result is Result.FAIL else outcome.result
        self._line(f"{line}  {style.paint(word, self._tone(outcome))}")
        for label, text in self._finding(outcome, told):
            self._wrapped(text, f"{_INDENT}{label:<{_LABEL_WIDTH}}")

    def _finding(self, outcome: Outcome, told: str) -> Iterator[tuple[str, str]]:
        check = outcome.check
        if outcome.result is Result.INCONCLUSIVE:
            yield "reason", told
            if outcome.hint:
                yield "hint", safe_line(outcome.hint)
            return
        yield "sent", check.sends
        exchange = outcome.deciding
        if exchange is not None:
            yield "came back", self._came_back(exchange.attempt)
        yield "expected", check.expects
        if not _said_by_status(outcome):
            yield "found", told
        yield "why", check.why
        if outcome.result is Result.FAIL:
            yield "fix", safe_line(outcome.hint or check.fix)

    def _came_back(self, attempt: Attempt) -> str:
        clean = self._runtime.redactor.clean
        response = attempt.response
        if response is None:
            return "nothing"
        text = response.body.decode("utf-8", "backslashreplace")
        if "html" in (response.header("content-type") or "").lower():
            # of a page, what a reader would see
            text = unescape(_MARKUP.sub(" ", text))
        # cleaned before it is cut: of a secret that is cut the rest would stay
        body = " ".join(safe_text(clean(text)).split())
        said = f"{response.status} after {attempt.duration_ms:.0f} ms"
        return f"{said}: {cut(body, _ANSWER_CHARACTERS)}" if body else said

    def _wrapped(self, text: str, lead: str, *, tone: Tone | None = None) -> None:
        lines = textwrap.wrap(
            text,
            self._width,
            initial_indent=lead,
            subsequent_indent=" " * len(lead),
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in lines:
            self._line(line if tone is None else self._style.paint(line, tone))

    def _exchange(self, exchange: Exchange) -> None:
        clean = self._runtime.redactor.clean
        name = f"{exchange.check} ({exchange.probe.label})" if exchange.probe.label else exchange.check
        self._line(self._style.paint(name, Tone.STRONG))
        for line in request_lines(exchange.probe.request, clean):
            self._runtime.out.line(line)
        attempt = exchange.attempt
        if attempt.response is not None:
            self._line(f"  < {attempt.response.status} after {attempt.duration_ms:.0f} ms")
            for line in response_lines(attempt.response, clean):
                self._line(line)
            for text in excerpt(safe_text(clean(attempt.response.body.decode("utf-8", "backslashreplace")))):
                self._line(f"  | {text}")
        if attempt.failure is not None:
            self._line(f"  < {safe_line(attempt.failure.message)}")

    def _tone(self, outcome: Outcome) -> Tone:
        if outcome.result is not Result.FAIL:
            return Tone.QUIET if outcome.result is Result.INFO else Tone.WARNING
        decides = outcome.severity is Severity.MUST or self._plan.options.strict
        return Tone.BAD if decides else Tone.WARNING

    def _mark(self, outcome: Outcome) -> str:
        if outcome.result is Result.PASS:
            return self._style.yes
        marks = {Result.FAIL: "!", Result.INCONCLUSIVE: "?", Result.INFO: "i"}
        if outcome.result is Result.FAIL and self._tone(outcome) is Tone.BAD:
            return self._style.no
        return self._style.paint(marks[outcome.result], self._tone(outcome))

    def _verdict(self, summary: CheckSummary) -> str:
        tone = {ExitCode.YES: Tone.GOOD, ExitCode.NO: Tone.BAD}.get(summary.exit_code, Tone.WARNING)
        return self._style.paint(verdict_line(summary), tone)


def _said_by_status(outcome: Outcome) -> bool:
    """Return whether the status says all that was found, beside what was expected."""
    exchange = outcome.deciding
    alone = len(outcome.deviations) == 1 and not outcome.deviations[0].label
    plain = outcome.check.manner is Manner.EACH and outcome.check.id != CONTROL
    plain = plain and outcome.severity is outcome.check.severity
    return plain and alone and exchange is not None and status_of(exchange) is not None


def verdict_line(summary: CheckSummary) -> str:
    """Return the verdict in one line that fits a terminal."""
    passed = f"{summary.results[Result.PASS]} passed"
    more = [f"{len(summary.warned)} warned"] if summary.warned else []
    if summary.results[Result.SKIPPED]:
        more.append(f"{summary.results[Result.SKIPPED]} not run")
    rest = f"; {', '.join((passed, *more))}"
    if not summary.ended:
        return f"interrupted{rest}"
    match summary.exit_code:
        case ExitCode.YES:
            return f"right: {', '.join((passed, *more))}"
        case ExitCode.NO:
            return _with_names(f"wrong: {len(summary.failed)} failed", summary.failed, rest)
        case ExitCode.NETWORK:
            return "unreachable: nothing could be checked"
        case _ if summary.control_failed:
            return "inconclusive: a genuine delivery was not accepted, so nothing can be told"
        case _:
            return _with_names(f"inconclusive: {len(summary.unclear)} cannot be told", summary.unclear, rest)


def _with_names(lead: str, ids: Sequence[str], rest: str) -> str:
    """Return a line with as many ids, in brackets, as there is room for."""
    room = USUAL_WIDTH - len(lead) - len(" ()") - len(rest)
    shown: list[str] = []
    for place, name in enumerate(ids, 1):
        more = () if place == len(ids) else (f"+{len(ids) - place}",)
        if len(", ".join((*shown, name, *more))) > room:
            break
        shown.append(name)
    left = len(ids) - len(shown)
    names = ", ".join((*shown, f"+{left}") if left else shown)
    return f"{lead} ({names}){rest}" if shown else f"{lead}{rest}"


def report_log(log: Log, runtime: Runtime) -> None:
    """Write the end of an app's log to standard error, and where all of it is."""
    clean = runtime.redactor.clean
    report_note(f"the app's log is {log.path}" + (", and ends with" if log.lines else ", and is empty"), runtime)
    for line in log.lines:
        runtime.err.line(f"  | {safe_line(clean(line))}")


def write_listing(checks: Sequence[tuple[Provider, Check]], runtime: Runtime) -> None:
    """Write what checks there are, for people: id, severity, what is sent, why."""
    style = Style.of(runtime.out, runtime.env)
    provider: Provider | None = None
    for one, check in checks:
        if one is not provider:
            provider = one
            runtime.out.line(style.paint(one.title, Tone.STRONG))
        runtime.out.line(f"{check.id:<{_ID_WIDTH}} {check.severity}")
        told = [("sends", check.sends), ("expects", check.expects), ("why", check.why)]
        if check.absent is not None:
            told.append(("not run", check.absent))
        for label, text in told:
            lead = f"{_INDENT}{label:<{_LABEL_WIDTH}}"
            for line in textwrap.wrap(
                text, USUAL_WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead), break_on_hyphens=False
            ):
                runtime.out.line(line)


def write_listing_records(checks: Sequence[tuple[Provider, Check]], writer: RecordWriter) -> None:
    """Write what checks there are as records."""
    for provider, check in checks:
        writer.write(check_listing_record(provider, check))
    writer.close({"type": "summary", "total": len(checks)})
