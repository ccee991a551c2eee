"""What a correct receiver answers, and what is made of another answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookctl.check.model import Result, Severity
from hookctl.delivery.expect import Expectation
from hookctl.model import FailureKind

if TYPE_CHECKING:
    from hookctl.model import Attempt, Failure, Provider, Response

_OVERLOADED = frozenset({429, 502, 503, 504})
"""Statuses of something between: the receiver itself has not spoken."""

_NOT_CONNECTED = frozenset(
    {
        FailureKind.REFUSED,
        FailureKind.UNREACHABLE,
        FailureKind.DNS,
        FailureKind.TLS,
        FailureKind.BLOCKED,
        FailureKind.PROXY,
    }
)

# names that firewalls put into their own pages: as a server, or in headers of their own
_FIREWALL_SERVERS = ("cloudflare", "akamaighost", "sucuri", "imperva", "incapsula", "awselb", "big-ip", "barracuda")
_FIREWALL_HEADERS = ("cf-mitigated", "cf-ray", "x-sucuri-id", "x-iinfo", "x-amzn-waf-action", "x-datadome")
_FIREWALL_STATUSES = frozenset({403, 405, 406, 409, 418, 501})


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which statuses are right, and what a success would mean."""

    statuses: Expectation
    refusal: bool = False
    """Whether what is sent is to be refused: then a success is a forgery accepted, and nothing else is as bad."""

    def __str__(self) -> str:
        """Return the statuses in words."""
        return " or ".join(self.statuses.items)


ACCEPTED = Wanted(Expectation(("2xx",)))
ACCEPTED_OR_CLIENT_ERROR = Wanted(Expectation(("2xx", "4xx")))
"""Anything but a failure of the receiver's own."""
CLIENT_ERROR = Wanted(Expectation(("4xx",)))


def accepted_or(status: int) -> Wanted:
    """Return what is wanted where a receiver may also give a documented reason not to accept."""
    return Wanted(Expectation(("2xx", str(status))))


def refused(provider: Provider) -> Wanted:
    """Return what a provider documents for a signature that is not right."""
    return Wanted(Expectation((str(provider.replies.invalid_signature),)), refusal=True)


def refused_unsigned(provider: Provider) -> Wanted:
    """Return what a provider documents for no signature."""
    return Wanted(Expectation((str(provider.replies.missing_signature),)), refusal=True)


@dataclass(frozen=True, slots=True)
class Judged:
    """What is made of one answer."""

    result: Result
    severity: Severity
    sentence: str = ""
    """What was seen and what should have been, where that is not the same."""


def judge(wanted: Wanted, severity: Severity, attempt: Attempt) -> Judged:
    """Hold an answer against what is wanted.

    Args:
        wanted: what a correct receiver answers.
        severity: the check's.
        attempt: what came back.

    Returns:
        The result; a check that only informs never fails.
    """
    judged = _judge(wanted, severity, attempt)
    if judged.result is Result.FAIL and judged.severity is Severity.INFO:
        return Judged(Result.INFO, Severity.INFO, judged.sentence)
    return judged


def _judge(wanted: Wanted, severity: Severity, attempt: Attempt) -> Judged:
    failure, response = attempt.failure, attempt.response
    lighter = severity.at_most(Severity.SHOULD) if wanted.refusal else severity
    if failure is not None:
        if wanted.refusal and response is not None and response.status // 100 == 2:
            return Judged(Result.FAIL, severity, f"accepted with {response.status}, expected {wanted}")
        if not_reached(failure):
            return Judged(Result.INCONCLUSIVE, severity, failure.message)
        return Judged(Result.FAIL, lighter, f"{failure.message}; expected {wanted}")
    assert response is not None  # noqa: S101 - an attempt without a failure has an answer
    status = response.status
    said = f"answered {status}, expected {wanted}"
    between = not_the_receiver(response)
    if between is not None:
        return Judged(Result.INCONCLUSIVE, severity, f"answered {status}: {between}")
    if wanted.statuses.met_by(status):
        return Judged(Result.PASS, severity)
    if not wanted.refusal:
        return Judged(Result.FAIL, severity, said)
    match status // 100:
        case 2:
            return Judged(Result.FAIL, severity, f"accepted with {status}, expected {wanted}")
        case 5:
            return Judged(Result.FAIL, lighter, f"refused by failing, {status}; expected {wanted}")
        case 3:
            return Judged(Result.INFO, Severity.INFO, f"answered with a redirect, {status}; expected {wanted}")
        case _:
            return Judged(Result.INFO, Severity.INFO, f"refused with {status}; the page says {wanted}")


def not_reached(failure: Failure) -> bool:
    """Return whether a request has not reached the receiver."""
    return failure.kind in _NOT_CONNECTED or not failure.connected


def not_the_receiver(response: Response) -> str | None:
    """Return who has answered where that was something between, or None where it was the receiver itself."""
    if response.status in _OVERLOADED:
        return "it is busy, or something between is"
    if response.status not in _FIREWALL_STATUSES:
        return None
    server = (response.header("server") or "").lower()
    page = "html" in (response.header("content-type") or "").lower()
    if page and (
        any(name in server for name in _FIREWALL_SERVERS)
        or any(response.header(name) is not None for name in _FIREWALL_HEADERS)
    ):
        return "a firewall's page, not the receiver's answer"
    return None
