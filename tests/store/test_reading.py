"""Listings, filters, ids: what is asked for is found, and without reading everything."""

from __future__ import annotations

import re
import tracemalloc
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookctl.errors import ExitCode
from hookctl.model import CapturedResponse, Reason
from hookctl.store import Filters, UnknownDeliveryError
from hookctl.store.ids import make_id
from tests.store.material import FORGED, NOW_MS, arrival, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.store import Store, Writer


def ids(store: Store, filters: Filters | None = None) -> list[str | None]:
    """Return the event ids of a listing, newest first."""
    return [line.event_id for line in store.summaries(filters or Filters())]


def test_an_empty_store_has_nothing(store: Store) -> None:
    assert (store.count(), store.page(limit=20), list(store.deliveries())) == (0, [], [])
    with pytest.raises(UnknownDeliveryError, match="the store is empty"):
        store.get("last")


def test_a_listing_is_newest_first_or_oldest_first(store: Store, writer: Writer) -> None:
    writer.write([arrival(2), arrival(0), arrival(1)])
    assert ids(store) == ["evt_2", "evt_1", "evt_0"]
    assert [line.event_id for line in store.summaries(newest_first=False)] == ["evt_0", "evt_1", "evt_2"]
    assert store.get("last").event_id == "evt_2"


def test_pages_join_without_gap_or_overlap_even_within_one_millisecond(store: Store, writer: Writer) -> None:
    writer.write([arrival(number, at_ms=NOW_MS + number // 40) for number in range(100)])
    for newest_first in (True, False):
        whole = list(store.summaries(newest_first=newest_first))
        joined = []
        page = store.page(limit=7, newest_first=newest_first)
        while page:
            joined += page
            page = store.page(limit=7, newest_first=newest_first, after=page[-1])
        assert joined == whole
        assert len({line.id for line in joined}) == 100


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), {0, 1, 2, 3}),
        (Filters(provider="arky"), {0, 1}),
        (Filters(provider="ark"), set()),
        (Filters(event="order.paid"), {0}),
        (Filters(event="order.*"), {0, 1}),
        (Filters(event="ORDER.*"), set()),
        (Filters(event="[!o]*"), {2}),
        (Filters(event="[of]*"), {0, 1, 2}),
        (Filters(event="*"), {0, 1, 2}),
        (Filters(event_id="evt_1"), {1}),
        (Filters(valid=True), {0, 2}),
        (Filters(valid=False), {1, 3}),
        (Filters(reason=Reason.MISMATCH), {1, 3}),
        (Filters(status_from=200, status_to=299), {0}),
        (Filters(status_from=300), {1}),
        (Filters(status_to=200), {0}),
        (Filters(since_ms=NOW_MS + 1), {1, 2, 3}),
        (Filters(until_ms=NOW_MS + 1), {0}),
        (Filters(since_ms=NOW_MS + 1, until_ms=NOW_MS + 3), {1, 2}),
        (Filters(provider="arky", valid=False, event="order.*", since_ms=NOW_MS), {1}),
    ],
    ids=repr,
)
def test_filters_let_through_what_they_say(store: Store, writer: Writer, filters: Filters, expected: set[int]) -> None:
    writer.write(
        [
            arrival(0, response=CapturedResponse(200)),
            arrival(1, event="order.cancelled", verdict=FORGED, response=CapturedResponse(500)),
            arrival(2, provider="arcade", event="formSubmission.created"),
            arrival(3, provider=None, event=None, verdict=FORGED),
        ]
    )
    assert {line.event_id for line in store.summaries(filters)} == {f"evt_{number}" for number in expected}
    assert {delivery.event_id for delivery in store.deliveries(filters)} == {f"evt_{number}" for number in expected}
    assert store.count(filters) == len(expected)


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, list[str]]]:
    letters = ["", "a", "b", "ab", "ba", "a.b", "a!b", "a^", "]", "-", "a]b"]
    with open_store(tmp_path_factory.mktemp("events")) as store, store.writer() as writer:
        writer.write([arrival(number, event=event) for number, event in enumerate(letters)])
        yield store, letters


@settings(max_examples=150)
@given(st.lists(st.sampled_from(["a", "b", ".", "*", "?", "[ab]", "[!a]", "[a-b]"]), max_size=4).map("".join))
def test_patterns_of_events_mean_the_same_as_everywhere(events: tuple[Store, list[str]], pattern: str) -> None:
    store, names = events
    found = {line.event for line in store.summaries(Filters(event=pattern))}
    assert found == {name for name in names if fnmatchcase(name, pattern)}


def plan(store: Store, filters: Filters | None = None) -> str:
    """Return SQLite's plan of the query that a listing of 20 makes."""
    statements: list[str] = []
    store._connection.set_trace_callback(statements.append)
    store.page(filters or Filters(), limit=20)
    store._connection.set_trace_callback(None)
    return "; ".join(row[3] for row in store._connection.execute(f"EXPLAIN QUERY PLAN {statements[0]}"))


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        (Filters(), "deliveries_by_time"),
        (Filters(since_ms=NOW_MS), "deliveries_by_time"),
        (Filters(provider="arky"), "deliveries_by_time"),
        (Filters(event="order.paid"), "deliveries_by_event"),
        (Filters(event="order.paid", since_ms=NOW_MS), "deliveries_by_event"),
        (Filters(event="order.*"), "deliveries_by_time"),
        (Filters(valid=False), "deliveries_invalid"),
    ],
    ids=repr,
)
def test_a_listing_takes_its_order_from_an_index_and_sorts_nothing(store: Store, filters: Filters, index: str) -> None:
    # an index in order is read until there are twenty
    assert re.search(rf"USING INDEX {index}\b", plan(store, filters))
    assert "TEMP B-TREE" not in plan(store, filters)


def test_an_event_id_is_looked_up(store: Store) -> None:
    assert "SEARCH deliveries USING INDEX deliveries_by_event_id (event_id=?)" in plan(store, Filters(event_id="e"))


def test_the_next_page_and_an_id_are_looked_up(store: Store, writer: Writer) -> None:
    writer.write([arrival()])
    statements: list[str] = []
    store._connection.set_trace_callback(statements.append)
    (line,) = store.page(limit=1)
    store.page(limit=1, after=line)
    store.get(line.id)
    store._connection.set_trace_callback(None)
    _, page, find, content = (
        "; ".join(row[3] for row in store._connection.execute(f"EXPLAIN QUERY PLAN {statement}"))
        for statement in statements
    )
    assert re.match(r"SEARCH deliveries USING INDEX deliveries_by_time \(received_at_ms<\?\)", page)
    assert re.match(r"SEARCH deliveries USING INDEX sqlite_autoindex_deliveries_1 \(id>\? AND id<\?\)", find)
    assert "SCAN" not in content


@pytest.mark.parametrize("event_id", ["evt_same", None])
def test_the_five_hundredth_of_its_kind_costs_no_more_than_the_fifth(writer: Writer, event_id: str | None) -> None:
    same = arrival(event_id=event_id)
    instructions = 0

    def count() -> int:
        nonlocal instructions
        instructions += 1
        return 0

    def cost() -> int:
        nonlocal instructions
        instructions = 0
        assert writer._connection is not None
        writer._connection.set_progress_handler(count, 1)
        writer.write([same])
        writer._connection.set_progress_handler(None, 1)
        return instructions

    writer.write([same] * 4)
    fifth = cost()
    writer.write([same] * 494)
    assert 0 < cost() <= fifth + 10


def test_a_delivery_is_found_by_its_id_in_any_case_and_by_a_beginning(store: Store, writer: Writer) -> None:
    first, second = writer.write([arrival(0, at_ms=NOW_MS), arrival(1, at_ms=NOW_MS + 86_400_000)])
    common = next(length for length in range(21) if first.id[: length + 1] != second.id[: length + 1])
    for reference in (first.id, first.id.lower(), first.id.upper(), first.id[: common + 1]):
        assert store.get(reference) == first
    assert store.get(second.id[: common + 1]) == second
    with pytest.raises(UnknownDeliveryError, match="several stored deliveries") as caught:
        store.get(first.id[:common])
    assert caught.value.hint == f"one of {first.id}, {second.id}"


@pytest.mark.parametrize("reference", ["", "dl_", "dl", "LAST", "evt_0", "dl_%", "dl_U", "dl_1", "dl_*", "x" * 5000])
def test_an_id_that_nothing_has_is_bad_input(store: Store, writer: Writer, reference: str) -> None:
    writer.write([arrival()])
    with pytest.raises(UnknownDeliveryError, match="no stored delivery has the id") as caught:
        store.get(reference)
    assert caught.value.exit_code is ExitCode.INPUT


@given(st.integers(0, 2**50 - 1), st.integers(0, 2**50 - 1), st.binary(min_size=5, max_size=5))
def test_ids_sort_as_times_do_and_are_safe_everywhere(first: int, second: int, randomness: bytes) -> None:
    one, other = make_id(first, randomness), make_id(second, randomness)
    assert (one < other) == (first < second)
    assert re.fullmatch(r"dl_[0-9A-HJKMNP-TV-Z]{18}", one)


def test_repeated_deliveries_are_numbered(store: Store, writer: Writer) -> None:
    same = [writer.write([arrival(number, event_id="evt_same")])[0].occurrence for number in range(3)]
    assert same == [1, 2, 3]
    # within one batch as well, and apart for each provider
    batch = writer.write([arrival(event_id="evt_same"), arrival(event_id="evt_same", provider="arcade")])
    assert [stored.occurrence for stored in batch] == [4, 1]
    assert [line.occurrence for line in store.summaries(Filters(event_id="evt_same", provider="arcade"))] == [1]


def test_without_an_event_id_the_bytes_of_the_body_tell(writer: Writer) -> None:
    def occurrence(body: bytes, provider: str | None = None) -> int:
        return writer.write([arrival(body=body, event_id=None, provider=provider)])[0].occurrence

    assert [occurrence(b"{}"), occurrence(b"{}"), occurrence(b"{} "), occurrence(b"{}", "arcade")] == [1, 2, 1, 1]
    # a delivery that has an id is not taken for one that has none
    assert writer.write([arrival(body=b"{}", provider=None)])[0].occurrence == 1
    assert occurrence(b"{}") == 3


@pytest.mark.slow
def test_thirty_thousand_deliveries_are_read_in_little_memory(store: Store, writer: Writer) -> None:
    body = b"x" * 1000
    for start in range(0, 30_000, 1000):
        writer.write([arrival(number, body=body) for number in range(start, start + 1000)])
    assert store.count() == 30_000
    for filters in (Filters(), Filters(event="order.paid"), Filters(event_id="evt_77")):
        assert not re.search(r"SCAN deliveries(?! USING INDEX)", plan(store, filters))
    tracemalloc.start()
    try:
        seen = sum(len(delivery.request.body) for delivery in store.deliveries())
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert seen == 30_000 * len(body)
    # one page of summaries, of 500
    assert peak_bytes < 4_000_000
