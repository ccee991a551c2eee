"""What is made of an answer: every class of status and every kind of failure, for each thing that can be wanted."""

from __future__ import annotations

import pytest

from hookctl.catalogue import load_catalogue
from hookctl.check.model import Result, Severity
from hookctl.check.wanted import (
    ACCEPTED,
    ACCEPTED_OR_CLIENT_ERROR,
    CLIENT_ERROR,
    Wanted,
    accepted_or,
    judge,
    not_the_receiver,
    refused,
    refused_unsigned,
)
from hookctl.model import Attempt, Failure, FailureKind, Headers, Response

_CATALOGUE = load_catalogue()
_ARKY = _CATALOGUE.provider("arky")
_ARCADE = _CATALOGUE.provider("arcade")
FORGED = refused(_ARKY)


def answered(status: int, headers: Headers = (), body: bytes = b"") -> Attempt:
    return Attempt(Response(status, headers, body), None, 1.0)


def failed(kind: FailureKind, status: int | None = None) -> Attempt:
    response = None if status is None else Response(status, (), b"")
    return Attempt(response, Failure(kind, "it broke"), 1.0)


def test_what_is_wanted_is_what_the_page_says() -> None:
    texts = [str(one) for one in (refused(_ARKY), refused(_ARCADE), refused_unsigned(_ARKY), refused_unsigned(_ARCADE))]
    assert texts == ["401", "403", "401", "401"]
    assert (str(ACCEPTED), str(accepted_or(413)), str(CLIENT_ERROR)) == ("2xx", "2xx or 413", "4xx")
    assert not ACCEPTED.refusal
    assert FORGED.refusal


PASS, FAIL, INFO, INCONCLUSIVE = Result.PASS, Result.FAIL, Result.INFO, Result.INCONCLUSIVE
MUST, SHOULD = Severity.MUST, Severity.SHOULD

STATUSES: list[tuple[Wanted, int, Result, Severity]] = [
    # a forgery, of which the worst is that it is accepted; to fail on it is bad manners, and no other refusal is wrong
    (FORGED, 401, PASS, MUST),
    *((FORGED, status, FAIL, MUST) for status in (200, 201, 202, 204, 299)),
    *((FORGED, status, FAIL, SHOULD) for status in (500, 501, 505, 599)),
    *((FORGED, status, INFO, Severity.INFO) for status in (301, 302, 304, 307, 308, 400, 403, 404, 405, 413, 422, 499)),
    *((FORGED, status, INCONCLUSIVE, MUST) for status in (429, 502, 503, 504)),
    # a genuine delivery
    *((ACCEPTED, status, PASS, MUST) for status in (200, 201, 202, 204)),
    *((ACCEPTED, status, FAIL, MUST) for status in (301, 304, 307, 400, 401, 403, 404, 409, 413, 415, 500, 501)),
    *((ACCEPTED, status, INCONCLUSIVE, MUST) for status in (429, 502, 503, 504)),
    (accepted_or(413), 413, PASS, MUST),
    (accepted_or(413), 411, FAIL, MUST),
    (ACCEPTED_OR_CLIENT_ERROR, 418, PASS, MUST),
    (ACCEPTED_OR_CLIENT_ERROR, 500, FAIL, MUST),
    (CLIENT_ERROR, 400, PASS, MUST),
    (CLIENT_ERROR, 200, FAIL, MUST),
    (CLIENT_ERROR, 500, FAIL, MUST),
    (CLIENT_ERROR, 429, INCONCLUSIVE, MUST),
]


@pytest.mark.parametrize(("wanted", "status", "result", "severity"), STATUSES)
def test_a_status_is_judged(wanted: Wanted, status: int, result: Result, severity: Severity) -> None:
    judged = judge(wanted, MUST, answered(status))
    assert (judged.result, judged.severity) == (result, severity)
    assert (judged.sentence == "") is (result is PASS)
    assert result is PASS or str(status) in judged.sentence


@pytest.mark.parametrize(("wanted", "status", "result", "severity"), STATUSES)
def test_the_severity_of_a_check_is_never_exceeded(
    wanted: Wanted, status: int, result: Result, severity: Severity
) -> None:
    judged = judge(wanted, SHOULD, answered(status))
    assert judged.result is result
    assert judged.severity is severity.at_most(SHOULD)
    informing = judge(wanted, Severity.INFO, answered(status))
    # a check that only informs never fails
    assert informing.result is (INFO if result is FAIL else result)
    assert informing.severity is Severity.INFO


@pytest.mark.parametrize("kind", FailureKind)
@pytest.mark.parametrize(("wanted", "weight"), [(FORGED, SHOULD), (ACCEPTED, MUST)])
def test_a_failure_is_judged_by_whether_the_receiver_was_reached(
    kind: FailureKind, wanted: Wanted, weight: Severity
) -> None:
    judged = judge(wanted, MUST, failed(kind))
    if kind not in {FailureKind.TIMEOUT, FailureKind.RESET, FailureKind.INVALID_HTTP}:
        assert (judged.result, judged.severity, judged.sentence) == (INCONCLUSIVE, MUST, "it broke")
    else:
        assert (judged.result, judged.severity) == (FAIL, weight)
        assert judged.sentence == f"it broke; expected {wanted}"


def test_an_answer_that_breaks_off_is_a_failure_whatever_its_status() -> None:
    assert judge(ACCEPTED, MUST, failed(FailureKind.RESET, 200)).result is FAIL
    assert judge(FORGED, MUST, failed(FailureKind.RESET, 401)).result is FAIL


def test_a_forgery_is_accepted_when_the_answer_says_so_and_breaks_off() -> None:
    assert judge(FORGED, MUST, failed(FailureKind.RESET, 401)).severity is SHOULD
    accepted = judge(FORGED, MUST, failed(FailureKind.RESET, 200))
    assert (accepted.result, accepted.severity) == (FAIL, MUST)


def test_a_connection_that_is_not_accepted_in_time_has_not_reached_the_receiver() -> None:
    failure = Failure(FailureKind.TIMEOUT, "10.0.0.1:80 did not accept a connection within 5 s", connected=False)
    assert judge(ACCEPTED, MUST, Attempt(None, failure, 5000)).result is INCONCLUSIVE
    assert judge(FORGED, MUST, Attempt(None, failure, 5000)).result is INCONCLUSIVE


_HTML = ("Content-Type", "text/html; charset=UTF-8")
_JSON = ("Content-Type", "application/json")


@pytest.mark.parametrize(
    "headers",
    [
        (_HTML, ("Server", "cloudflare")),
        (_HTML, ("CF-RAY", "8f-FRA")),
        (_HTML, ("server", "AkamaiGHost")),
        (_HTML, ("Server", "awselb/2.0")),
        (_HTML, ("X-Sucuri-ID", "1")),
        (_HTML, ("x-datadome", "protected")),
        (_HTML, ("X-Iinfo", "1-2-3"), ("Server", "nginx")),
        (_HTML, ("x-amzn-waf-action", "challenge")),
    ],
)
@pytest.mark.parametrize("status", [403, 405, 406])
def test_a_firewalls_page_says_nothing_about_the_receiver(headers: Headers, status: int) -> None:
    for wanted in (FORGED, ACCEPTED, refused(_ARCADE)):
        judged = judge(wanted, MUST, answered(status, headers))
        assert judged.result is INCONCLUSIVE
        assert "firewall" in judged.sentence


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        # the receiver's own, though something stands in front of it
        (403, (_JSON, ("Server", "cloudflare"), ("CF-RAY", "8f-FRA"))),
        (403, (("CF-RAY", "8f-FRA"),)),
        (401, (_HTML, ("Server", "cloudflare"))),
        (200, (_HTML, ("Server", "cloudflare"))),
        (500, (_HTML, ("CF-RAY", "8f-FRA"))),
        # a page, but of the receiver's own framework
        (403, (_HTML, ("Server", "nginx"))),
        (403, (_HTML, ("X-Powered-By", "Express"))),
        (403, (_HTML,)),
        (403, ()),
    ],
)
def test_what_only_resembles_one_is_the_receivers_answer(status: int, headers: Headers) -> None:
    assert not_the_receiver(Response(status, headers, b"")) is None
