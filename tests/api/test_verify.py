"""`hookctl.verify`: a verdict for whatever arrives, in whatever a framework hands over."""

from __future__ import annotations

import email.message
import hmac
import time
from datetime import UTC, datetime
from typing import Any

import pytest
import starlette.datastructures
from hypothesis import given, settings
from hypothesis import strategies as st

import hookctl
from hookctl.model import Reason

SECRET = "whsec_test_secret"
BODY = hookctl.render("order.paid", seed=1, at=1704067200).body
HEADERS = hookctl.sign("arky", BODY, SECRET, at=1704067200)


def test_a_genuine_delivery_is_true_and_another_false() -> None:
    genuine = hookctl.verify("arky", HEADERS, BODY, SECRET)
    assert genuine
    assert (genuine.valid, genuine.reason, genuine.diagnosis) == (True, Reason.OK, None)
    forged = hookctl.verify("arky", HEADERS, BODY + b" ", "another secret")
    assert not forged
    assert (forged.valid, forged.reason, forged.diagnosis, forged.happened) == (False, Reason.MISMATCH, None, None)
    # a tuple would be true whatever it says
    kind: type = type(forged)
    assert not issubclass(kind, tuple)


def _message() -> email.message.Message:
    message = email.message.Message()
    for name, value in HEADERS.items():
        message[name] = value
    return message


FORMS = {
    "dict": HEADERS,
    "upper case": {name.upper(): value for name, value in HEADERS.items()},
    "bytes": {name.encode(): value.encode() for name, value in HEADERS.items()},
    "pairs": list(HEADERS.items()),
    "an iterator of pairs": iter(HEADERS.items()),
    "ASGI's pairs": [(name.encode(), value.encode()) for name, value in HEADERS.items()],
    "http.server": _message(),
    "Starlette": starlette.datastructures.Headers(HEADERS),
}


@pytest.mark.parametrize("form", FORMS)
def test_headers_are_taken_as_frameworks_hand_them_over(form: str) -> None:
    headers: Any = FORMS[form]
    assert hookctl.verify("arky", headers, BODY, SECRET)


@pytest.mark.parametrize("body", [bytearray(BODY), memoryview(BODY)], ids=["bytearray", "memoryview"])
def test_a_body_may_be_any_bytes(body: Any) -> None:  # noqa: ANN401
    assert hookctl.verify("arky", HEADERS, body, SECRET)


@pytest.mark.parametrize(
    ("headers", "body", "message"),
    [
        (HEADERS, BODY.decode(), "the body is text, not bytes: .*get_data.*request.body"),
        (HEADERS, {"id": 1}, "the body is a dict, not bytes"),
        (None, BODY, "headers are a mapping, or pairs of name and value, not a NoneType"),
        ([1, 2], BODY, "headers are a mapping, or pairs"),
        ({"x-arky-signature": None}, BODY, "text or bytes, not a NoneType"),
        ({"x-arky-signature": ["a", "b"]}, BODY, "text or bytes, not a list"),
    ],
)
def test_what_is_no_delivery_at_all_is_a_type_error(headers: Any, body: Any, message: str) -> None:  # noqa: ANN401
    with pytest.raises(TypeError, match=message):
        hookctl.verify("arky", headers, body, SECRET)


@pytest.mark.parametrize(
    ("headers", "body", "secret", "diagnosis"),
    [
        (HEADERS, BODY.replace(b'","', b'", "'), SECRET, "body_reserialised"),
        (HEADERS, BODY + b"\n", SECRET, "trailing_newline"),
        (HEADERS, BODY, SECRET.removeprefix("whsec_"), "secret_unprefixed"),
        (hookctl.sign("arky", BODY, "an older secret", at=1704067200), BODY, SECRET, None),
    ],
)
def test_what_was_done_is_told_with_what_to_change(
    headers: dict[str, str], body: bytes, secret: str, diagnosis: str | None
) -> None:
    verdict = hookctl.verify("arky", headers, body, secret)
    assert not verdict
    assert verdict.diagnosis == diagnosis
    assert (verdict.happened is None, verdict.remedy is None) == (diagnosis is None, diagnosis is None)
    assert secret not in f"{verdict}"
    quick = hookctl.verify("arky", headers, body, secret, diagnose=False)
    assert (quick.reason, quick.diagnosis, quick.happened) == (verdict.reason, None, None)


def test_the_previous_secret_counts_and_is_told() -> None:
    verdict = hookctl.verify("arky", HEADERS, BODY, "the new secret", previous_secret=SECRET)
    assert verdict
    assert verdict.diagnosis == "previous_secret"


def test_age_counts_where_a_tolerance_is_given() -> None:
    arrived = datetime(2024, 1, 1, 0, 10, tzinfo=UTC)
    unjudged = hookctl.verify("arky", HEADERS, BODY, SECRET, received_at=arrived)
    assert (bool(unjudged), unjudged.age_s) == (True, 600)
    for tolerance_s, valid in ((600, True), (599.9, False)):
        assert (
            hookctl.verify("arky", HEADERS, BODY, SECRET, received_at=arrived, tolerance_s=tolerance_s).valid is valid
        )
    # against now without it
    assert hookctl.verify("arky", HEADERS, BODY, SECRET, tolerance_s=300).reason == "stale"
    fresh = hookctl.verify("arky", hookctl.sign("arky", BODY, SECRET), BODY, SECRET, tolerance_s=60)
    assert fresh
    assert fresh.age_s is not None
    assert fresh.age_s < 60
    early = hookctl.verify("arky", HEADERS, BODY, SECRET, received_at=1704067000, tolerance_s=60)
    assert (early.reason, early.age_s) == ("future", -200)
    now_ms = str(time.time_ns() // 1_000_000)
    signature = hmac.digest(SECRET.encode(), f"{now_ms}.".encode() + BODY, "sha256").hex()
    milliseconds = {"x-arky-signature": signature, "x-arky-timestamp": now_ms}
    confused = hookctl.verify("arky", milliseconds, BODY, SECRET, tolerance_s=60)
    assert (confused.reason, confused.diagnosis) == ("future", "timestamp_in_ms")


def test_a_scheme_that_signs_no_time_has_no_age() -> None:
    headers = hookctl.sign("arcade", b"{}", SECRET)
    assert hookctl.verify("arcade", headers, b"{}", SECRET, tolerance_s=1).age_s is None


def test_a_tolerance_is_a_number_of_seconds() -> None:
    for wrong in (-1, float("nan")):
        with pytest.raises(hookctl.HookctlError, match=r"tolerance_s: .* is not a number of seconds"):
            hookctl.verify("arky", HEADERS, BODY, SECRET, tolerance_s=wrong)


_NAMES = st.one_of(st.sampled_from(["x-arky-signature", "X-Arky-Timestamp"]), st.text())
_VALUES = st.one_of(st.text(), st.from_regex(r"[0-9a-f]{64}|-?[0-9]{1,25}"))
_LINES = st.lists(
    st.one_of(
        st.tuples(_NAMES, _VALUES), st.tuples(st.binary(), st.binary()), st.tuples(_NAMES.map(str.encode), st.binary())
    ).filter(lambda line: line is not None),
    max_size=6,
)


@settings(max_examples=50)
@given(lines=_LINES, body=st.one_of(st.binary(), st.just(BODY)), tolerance_s=st.one_of(st.none(), st.just(300)))
def test_nothing_that_a_sender_can_send_makes_it_raise(lines: Any, body: bytes, tolerance_s: float | None) -> None:  # noqa: ANN401
    for provider in ("arky", "arcade"):
        verdict = hookctl.verify(provider, lines, body, SECRET, tolerance_s=tolerance_s, diagnose=False)
        assert not verdict
        assert verdict.reason in set(Reason)
