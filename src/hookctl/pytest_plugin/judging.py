"""Whether an answer is right, and the text of the failure where it is not: what was sent, what came back, and why."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hookctl.check.model import Result, Severity
from hookctl.check.wanted import Wanted, judge
from hookctl.delivery.expect import SUCCESS, Expectation
from hookctl.model import Tamper
from hookctl.redaction import Redactor
from hookctl.report.safe import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookctl.check.compose import Composer
    from hookctl.model import Attempt, Event, Response, SecretPair, SignedRequest
    from hookctl.pytest_plugin.receivers import Answer
    from hookctl.pytest_plugin.requests import WebhookRequest

_HERE = Path(__file__).parent
_SHOWN_CHARACTERS = 600
_SHOWN_LINES = 8

_SPOILED = {
    Tamper.BODY: "with its body changed after signing",
    Tamper.SIGNATURE: "with a digit of its signature changed",
    Tamper.SECRET: "signed with another secret",
    Tamper.TIMESTAMP: "with its time changed after signing",
    Tamper.MISSING: "without a signature",
}

_CHECKS = {
    Tamper.BODY: "body-tampered",
    Tamper.SIGNATURE: "body-tampered",
    Tamper.SECRET: "body-tampered",
    Tamper.TIMESTAMP: "ts-tampered",
    Tamper.MISSING: "sig-missing",
}
"""The check of `hookctl check` that says what to do about a spoiled delivery that is accepted."""

_NOT_A_VERDICT = frozenset({404, 405, 413, 415})
"""Statuses of a receiver that has not come to look at the signature."""


class UnexpectedAnswerError(AssertionError):
    """A receiver has not answered as it should have; the message says what was sent, what came back, and why."""

    __module__ = "hookctl.pytest_plugin"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a test wants to be answered."""

    expected: Expectation
    refusal: bool
    """Whether what is sent is to be refused: then any 4xx of a receiver that has looked at the signature will do."""
    exact: bool
    """Whether the test says which statuses."""

    def granted_by(self, answer: Answer) -> bool:
        """Return whether an answer is what was wanted."""
        attempt, response = answer.attempt, answer.attempt.response
        if answer.raised is not None or attempt.failure is not None or response is None:
            return False
        if self.exact:
            return self.expected.met_by(response.status)
        judged = judge(Wanted(self.expected, self.refusal), Severity.MUST, attempt)
        another = 400 <= response.status < 500 and response.status not in _NOT_A_VERDICT
        return judged.result is Result.PASS or (judged.result is Result.INFO and another)

    def __str__(self) -> str:
        if not self.refusal or self.exact:
            return str(self.expected)
        return f"{self.expected} or another 4xx"


def wish(request: WebhookRequest, documented: Expectation, expect: Expectation | None) -> Wish:
    """Return what a test wants: what it says, else the refusal that is documented, else a success."""
    refusal = request.tamper is not None
    if expect is not None:
        return Wish(expect, refusal, exact=True)
    return Wish(documented if refusal else SUCCESS, refusal, exact=False)


@dataclass(frozen=True, slots=True)
class Case:
    """A delivery that was not answered as it should have been, with all that explains it."""

    request: WebhookRequest
    answer: Answer
    wish: Wish
    receiver: str
    """In words."""
    secrets: SecretPair
    origin: str
    """What was signed with, in words."""
    url: str
    event: Event
    """A documented event, to try the usual mistakes with."""
    send: Callable[[SignedRequest], Attempt]
    unsigned: Callable[[], SignedRequest]
    """Makes a delivery without a signature."""
    diagnose: bool

    def failure(self) -> UnexpectedAnswerError:
        """Return the failure, with the exception of the app as its cause where there is one."""
        redactor = Redactor()
        for secret in self.secrets:
            redactor.register(secret.value)
        redactor.register(os.fsencode(os.environ.get(self.request.source.secret.env, "")))
        lines = [self._headline(), f"sent: {self._sent()}", *self._came_back(), *self._why()]
        # masked before it is made safe: an escaped secret is another text
        error = UnexpectedAnswerError(safe_text(redactor.clean("\n  ".join(lines))))
        response = self.answer.attempt.response
        # what is logged beside a refusal is no failure
        failed = response is None or response.status >= 500
        cause = self.answer.raised or (self.answer.logged if failed else None)
        error.__cause__ = None if cause is None else _from_the_app_on(cause)
        return error

    def _headline(self) -> str:
        request, response = self.request, self.answer.attempt.response
        what = request.event or "the delivery"
        if request.tamper is not None:
            what += f" {_SPOILED[Tamper(request.tamper)]}"
        raised = self.answer.raised
        if raised is not None:
            return f"{what}: the app raised {type(raised).__name__}"
        failure = self.answer.attempt.failure
        if failure is not None or response is None:
            return f"{what}: {failure.message if failure is not None else 'no answer'}"
        verb = "was answered"
        if response.status // 100 == 2:
            verb = "was accepted with"
        elif not self.wish.refusal:
            verb = "was not accepted: answered"
        return f"{what} {verb} {response.status}, expected {self.wish}"

    def _sent(self) -> str:
        request = self.request
        where = f"{request.path} to {self.receiver}" if self.receiver else self.url
        name = f", {request.event_id}" if request.event_id is not None else ""
        return f"{request.method} {where}, {len(request.body):,} bytes{name}"

    def _came_back(self) -> list[str]:
        """Tell of the answer; where there is none, the headline has said why."""
        attempt = self.answer.attempt
        if attempt.response is None:
            return []
        told = f"{attempt.response.status} after {attempt.duration_ms:.0f} ms{_excerpt(attempt.response)}"
        return [f"came back: {told}"]

    def _why(self) -> list[str]:
        answer, response = self.answer, self.answer.attempt.response
        if answer.raised is not None:
            return ["why: see the exception of the app, above"]
        failure = answer.attempt.failure
        if failure is not None or response is None:
            return [f"to do: {failure.hint}"] if failure is not None and failure.hint else []
        if self.wish.exact and 200 <= response.status < 300 and not self.wish.refusal:
            # accepted, and otherwise than the test says
            return []
        if self.wish.refusal:
            return self._why_accepted(response)
        if answer.logged is not None and response.status >= 500:
            return [f"why: the app failed, and logged {type(answer.logged).__name__}: see above"]
        return self._why_refused(response)

    def _why_accepted(self, response: Response) -> list[str]:
        """Say what is known of a receiver that has accepted, or failed at, what it should have refused."""
        from hookctl.check.catalogue import checks_of
        from hookctl.check.diagnosis import first_hint

        if response.status in _NOT_A_VERDICT:
            # a wrong path would pass for a refusal
            hint = first_hint(self.request.source, self.answer.attempt, tried=True)
            return ["why: the app has not come to look at the signature", f"to do: {hint}"]
        if response.status // 100 != 2:
            what = "a receiver that fails is sent the same again" if response.status >= 500 else "a refusal is a 4xx"
            return [f"why it matters: {what}"]
        lines: list[str] = []
        kind = Tamper(self.request.tamper or Tamper.MISSING)
        if kind is not Tamper.MISSING and self.diagnose:
            unsigned = self.send(self.unsigned())
            if unsigned.response is not None and unsigned.response.status // 100 == 2:
                lines.append("why: without any signature it is accepted, too: nothing is verified")
        check = next(check for check in checks_of(self.request.source) if check.id == _CHECKS[kind])
        return [*lines, f"why it matters: {check.why}", f"to do: {check.fix}"]

    def _why_refused(self, response: Response) -> list[str]:
        """Say why a genuine delivery is refused: what is accepted when a usual mistake is made is the reason."""
        from hookctl.check.catalogue import CONTROL, checks_of
        from hookctl.check.diagnosis import find_mistake, first_hint

        hint = first_hint(self.request.source, self.answer.attempt, tried=True)
        told = [f"to do: {hint}"] if hint is not None else []
        if not self.diagnose or response.status in _NOT_A_VERDICT or response.status // 100 == 3:
            return told
        control = next(check for check in checks_of(self.request.source) if check.id == CONTROL)
        trial = find_mistake(self._composer(), control, lambda probe: self.send(probe.request))
        if trial is None:
            tried = "why: not known; none of the usual mistakes explains it"
            return [tried, f"signed with: {self.origin}; an app that has read it before has another", *told]
        return [f"why: {trial.name}: {trial.happened}, it is accepted", f"to do: {trial.remedy}"]

    def _composer(self) -> Composer:
        import time

        from hookctl.check.compose import Composer
        from hookctl.payload import IdSource

        return Composer(
            self.request.source,
            self.event,
            self.secrets,
            self.url,
            ids=IdSource(os.urandom(16)),
            now_ms=lambda: time.time_ns() // 1_000_000,
            run=os.urandom(6).hex(),
        )


def _from_the_app_on(error: BaseException) -> BaseException:
    """Return an exception without what called the app."""
    start = frame = error.__traceback__
    while frame is not None:
        if Path(frame.tb_frame.f_code.co_filename).parent == _HERE:
            start = frame.tb_next
        frame = frame.tb_next
    return error.with_traceback(start or error.__traceback__)


def _excerpt(response: Response) -> str:
    """Return the beginning of an answer's body, as it is shown behind its status."""
    text = response.body.decode("utf-8", "backslashreplace").strip()
    if not text:
        return ", no body"
    lines = text[:_SHOWN_CHARACTERS].splitlines()
    shown = "\n    | ".join(lines[:_SHOWN_LINES])
    cut = len(text) > _SHOWN_CHARACTERS or len(lines) > _SHOWN_LINES
    return f"\n    | {shown}{'...' if cut else ''}"
