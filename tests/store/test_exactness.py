"""What was received comes back as it was, to the byte."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hookctl.model import Capture, CapturedRequest, CapturedResponse, Diagnosis, Reason, Verdict
from hookctl.store import Arrival, Filters, Forwarded, Outcome, as_capture
from tests.store.material import NOW_MS, arrival, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.store import Store, Writer

# lone surrogates are in it: JSON can hold them, and an event's name comes from JSON
anything = st.text(st.characters(exclude_categories=()), max_size=30)
headers = st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=40)), max_size=5).map(tuple)
responses = st.builds(CapturedResponse, st.integers(100, 599), headers, st.binary(max_size=50))
verdicts = st.builds(
    Verdict,
    st.booleans(),
    st.sampled_from(Reason),
    st.none() | st.sampled_from(Diagnosis),
    st.none() | st.floats(allow_nan=False),
    # not kept
    st.just(()),
)
requests = st.builds(
    CapturedRequest,
    received_at_ms=st.integers(0, 2**49),
    method=anything,
    target=anything,
    http_version=st.sampled_from(["1.0", "1.1", "2"]),
    headers=headers,
    body=st.binary(max_size=200),
)
optional = st.none() | anything
arrivals = st.builds(Arrival, requests, verdicts, optional, optional, optional, st.none() | responses)
forwards = st.builds(Forwarded, anything, st.none() | st.integers(100, 599), st.floats(0, 1e9), optional)

HOSTILE = CapturedRequest(
    received_at_ms=NOW_MS,
    method="PO\0ST",
    target="/\ud800?\0'\"; DROP TABLE deliveries; --",
    http_version="1.1",
    headers=((b"x\0\xff", b"\r\n\x80"), (b"", b""), (b"x\0\xff", b"again")),
    body=bytes(range(256)),
)


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Store, Writer]]:
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder)) as store, store.writer() as writer:
        yield store, writer


@settings(max_examples=200)
@given(arrivals)
@example(Arrival(HOSTILE, Verdict(valid=False, reason=Reason.MISMATCH), "\ud800", "\0", "\udfff\0"))
def test_any_delivery_comes_back_as_it_was(shared: tuple[Store, Writer], given_one: Arrival) -> None:
    store, writer = shared
    (stored,) = writer.write([given_one])
    got = store.get(stored.id)
    assert got == stored
    assert (got.request, got.verdict, got.response) == (given_one.request, given_one.verdict, given_one.response)
    assert (got.provider, got.event, got.event_id) == (given_one.provider, given_one.event, given_one.event_id)
    if given_one.event_id is not None:
        found = store.page(Filters(event_id=given_one.event_id), limit=1000)
        assert stored.id in {line.id for line in found}
        assert {line.event_id for line in found} == {given_one.event_id}


@settings(max_examples=100)
@given(st.none() | responses, st.none() | forwards)
def test_any_outcome_comes_back_as_it_was(
    shared: tuple[Store, Writer], response: CapturedResponse | None, forwarded: Forwarded | None
) -> None:
    store, writer = shared
    first = CapturedResponse(202, ((b"A", b"b"),), b"at first")
    (stored,) = writer.write([arrival(response=first)])
    writer.write([], [Outcome(stored.id, response, forwarded)])
    got = store.get(stored.id)
    assert got.response == (first if response is None else response)
    assert got.forwarded == forwarded
    assert (got.request, got.verdict) == (stored.request, stored.verdict)


def test_a_capture_is_the_delivery_under_its_id(store: Store, writer: Writer) -> None:
    response = CapturedResponse(204, ((b"Server", b"x"),), b"")
    (stored,) = writer.write([Arrival(HOSTILE, Verdict(valid=True, reason=Reason.OK), response=response)])
    assert as_capture(store.get(stored.id)) == Capture(
        source=stored.id,
        headers=HOSTILE.headers,
        body=HOSTILE.body,
        method=HOSTILE.method,
        target=HOSTILE.target,
        http_version="1.1",
        received_at_ms=NOW_MS,
        id=stored.id,
        response=response,
    )
