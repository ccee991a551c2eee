"""A diagnosis costs no more than it may, and says so when that was not enough."""

from __future__ import annotations

import hmac
import json
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hookctl.catalogue import read_sample
from hookctl.model import Diagnosis
from hookctl.signing import verify
from hookctl.signing.diagnose import Outcome, diagnose
from hookctl.signing.effort import USUAL, Effort
from tests.signing.diagnosing import OTHER_KEY, TIME, Signed
from tests.signing.support import ARCADE, ARKY, PAIR, PROVIDERS, pair

if TYPE_CHECKING:
    from hookctl.model import Provider

MIB = 1024 * 1024
NOBODYS = b"a key that nobody has"
ITEM = {"productId": "prod_456", "name": "Widget", "quantity": 2, "price": 2999}


class Counter:
    """What was hashed."""

    def __init__(self) -> None:
        self.signatures = 0
        self.hashed_bytes = 0

    def reset(self) -> None:
        self.signatures = self.hashed_bytes = 0


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Counter:
    """Count the signatures that are computed; they are computed all the same."""
    counted, real = Counter(), hmac.digest

    def digest(key: bytes, content: bytes, name: str) -> bytes:
        counted.signatures += 1
        counted.hashed_bytes += len(content)
        return real(key, content, name)

    monkeypatch.setattr(hmac, "digest", digest)
    return counted


def spent(counter: Counter, delivery: Signed, effort: Effort) -> Outcome:
    """Diagnose a delivery, counting from the verdict on."""
    headers, secrets = delivery.headers(), PAIR
    verdict = verify(delivery.provider, headers, delivery.captured, secrets)
    others = [(other, pair(OTHER_KEY, b"and its old one")) for other in PROVIDERS]
    counter.reset()
    return diagnose(
        delivery.provider, tuple(headers), delivery.captured, secrets, verdict, others=others, effort=effort
    )


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    provider=st.sampled_from(PROVIDERS),
    body=st.sampled_from(
        [b"", b"{}", b'{"a":"\xef\xbf\xbd"}', b'\xef\xbb\xbf{"a":[1.0]}\r\n', b"\xff" * 40, b'{"a":"Z"}\n']
    ),
    signatures=st.integers(0, 400),
    hashed_bytes=st.integers(0, 20_000),
)
def test_no_more_is_computed_than_the_effort_allows(
    counter: Counter, provider: Provider, body: bytes, signatures: int, hashed_bytes: int
) -> None:
    outcome = spent(counter, Signed(provider, body, key=NOBODYS), Effort(signatures, hashed_bytes))
    assert counter.signatures <= signatures
    assert counter.hashed_bytes <= hashed_bytes
    assert outcome.explanation is None


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
def test_it_says_whether_everything_was_tried(counter: Counter, provider: Provider) -> None:
    delivery = Signed(provider, b'{"name":"Zo\xc3\xab"}', key=NOBODYS)
    assert spent(counter, delivery, USUAL) == Outcome(None, exhausted=True)
    everything, everything_bytes = counter.signatures, counter.hashed_bytes
    assert everything > 100
    assert spent(counter, delivery, Effort(everything, everything_bytes)) == Outcome(None, exhausted=True)
    assert spent(counter, delivery, Effort(everything - 1, everything_bytes)) == Outcome(None, exhausted=False)
    assert spent(counter, delivery, Effort(everything, everything_bytes - 1)) == Outcome(None, exhausted=False)


def test_what_is_found_within_the_effort_needs_no_more(counter: Counter) -> None:
    delivery = Signed(ARKY, b"{}\n", b"{}", PAIR.current.value)
    outcome = spent(counter, delivery, USUAL)
    assert outcome.explanation is not None
    assert (outcome.explanation.diagnosis, outcome.exhausted) == (Diagnosis.TRAILING_NEWLINE, True)
    needed = counter.signatures
    assert spent(counter, delivery, Effort(signatures=needed)) == outcome
    assert spent(counter, delivery, Effort(signatures=needed - 1)) == Outcome(None, exhausted=False)


def test_the_usual_effort_tries_everything_on_every_sample(counter: Counter) -> None:
    for provider in PROVIDERS:
        for event in provider.events:
            # as the file has it: indented, with a line end
            outcome = spent(counter, Signed(provider, read_sample(event), key=NOBODYS), USUAL)
            assert outcome == Outcome(None, exhausted=True), event.name


def order(size_bytes: int) -> bytes:
    count = size_bytes // (len(json.dumps(ITEM, indent=2)) + 4)
    return json.dumps({"event": "order.paid", "items": [ITEM] * count}, indent=2).encode()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "most_mib"),
    [
        (b"a\r\n" * (MIB // 3), 20),
        (bytes(range(256)) * 4096, 20),
        ("\ufffd".encode() * (MIB // 3), 20),
        (b'{"a":"' + b"x" * MIB + b'"}', 20),
        # what a parser makes of a megabyte is many times as large
        (order(MIB), 40),
        (b"[" + b"{}," * (MIB // 24) + b"1]", 40),
    ],
    ids=["lines", "every byte", "U+FFFD", "one text", "an order", "an eighth of empty objects"],
)
def test_a_body_of_a_megabyte_costs_a_few_of_them(counter: Counter, body: bytes, most_mib: int) -> None:
    delivery = Signed(ARKY, body, key=NOBODYS)
    tracemalloc.start()
    try:
        outcome = spent(counter, delivery, USUAL)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert outcome == Outcome(None, exhausted=False)
    assert counter.hashed_bytes <= USUAL.hashed_bytes
    assert peak_bytes < most_mib * MIB


def test_a_change_of_a_large_body_is_found() -> None:
    body = order(MIB)
    compact = json.dumps(json.loads(body), separators=(",", ":")).encode()
    for signed in (body.replace(b"\n", b"\r\n"), body + b"\n", compact):
        explanation = Signed(ARKY, body, signed).explanation()
        assert explanation.signed_body == signed
    assert Signed(ARKY, body, content_time=None).found() == (Diagnosis.TIMESTAMP_NOT_SIGNED, None, None)
    assert Signed(ARKY, body, content_time=TIME + b"000").found() == (Diagnosis.TIMESTAMP_IN_MS, None, None)


@pytest.mark.parametrize("length", [1, 42, 100, 1024, 10_000, 1_000_000])
def test_a_signature_of_nonsense_costs_no_search(counter: Counter, length: int) -> None:
    for provider in (ARKY, ARCADE):
        for piece in (b"A", b"\xff", b"=", b"7", b"sha256=", b"v1=,"):
            value = (piece * length)[:length]
            headers = ((provider.signature.header.encode(), value), (b"x-arky-timestamp", TIME))
            verdict = verify(provider, headers, b"{}", PAIR)
            counter.reset()
            outcome = diagnose(provider, headers, b"{}", PAIR, verdict)
            assert (outcome, counter.signatures) == (Outcome(None, exhausted=True), 0), (provider.name, piece)
