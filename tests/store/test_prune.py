"""Pruning takes the oldest, no other, and gives the space back."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tests.store.material import NOW_MS, arrival, open_store

if TYPE_CHECKING:
    from pathlib import Path

    from hookctl.store import Store, Writer


def numbers(store: Store) -> list[int]:
    """Return the ages in seconds of what is left, youngest first."""
    return [(NOW_MS - line.received_at_ms) // 1000 for line in store.summaries()]


@pytest.mark.parametrize(
    ("older_than_ms", "keep", "left"),
    [
        (None, None, 10),
        (None, 3, 3),
        (None, 0, 0),
        (None, 10, 10),
        (None, 99, 10),
        (4000, None, 5),
        (3999, None, 4),
        (0, None, 1),
        (99_000, None, 10),
        (4000, 2, 2),
        (1000, 7, 2),
        (99_000, 99, 10),
    ],
)
def test_what_is_too_old_or_too_much_goes(
    store: Store, writer: Writer, older_than_ms: int | None, keep: int | None, left: int
) -> None:
    writer.write([arrival(age, at_ms=NOW_MS - age * 1000) for age in range(10)])
    assert store.prune(older_than_ms=older_than_ms, keep=keep) == 10 - left
    assert numbers(store) == list(range(left))
    # the contents go with them
    assert store._connection.execute("SELECT count(*) FROM contents").fetchone() == (left,)
    assert store.prune(older_than_ms=older_than_ms, keep=keep) == 0


def test_within_one_millisecond_those_that_were_stored_last_stay(store: Store, writer: Writer) -> None:
    writer.write([arrival(number, at_ms=NOW_MS) for number in range(9)])
    assert store.prune(keep=2) == 7
    assert [line.event_id for line in store.summaries()] == ["evt_8", "evt_7"]


def test_the_file_gets_smaller(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        with store.writer() as writer:
            for start in range(0, 1500, 100):
                writer.write([arrival(start + number, body=bytes(5000)) for number in range(100)])
        before = store.path.stat().st_size
        assert before > 1500 * 5000
        assert store.prune(keep=5) == 1495
        assert store.path.stat().st_size < before / 20
        assert store._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert len(list(store.deliveries())) == 5


def test_a_transaction_takes_no_more_than_a_few_hundred(store: Store, writer: Writer) -> None:
    writer.write([arrival(number) for number in range(1300)])
    changes: list[int] = []
    before = store._connection.total_changes

    def note(statement: str) -> None:
        if "DELETE FROM deliveries" in statement:
            changes.append(store._connection.total_changes - before)

    store._connection.set_trace_callback(note)
    assert store.prune(keep=0) == 1300
    store._connection.set_trace_callback(None)
    # each statement is a transaction of its own; the deliveries' contents are not counted among the changes
    steps = [later - earlier for earlier, later in pairwise(changes)]
    assert max(steps) <= 1000
    assert len(steps) >= 3


def test_numbers_of_occurrences_go_on_after_pruning(store: Store, writer: Writer) -> None:
    for number in range(3):
        writer.write([arrival(number, event_id="evt_same")])
    store.prune(keep=1)
    assert writer.write([arrival(3, event_id="evt_same")])[0].occurrence == 4


def test_pruning_while_others_read_and_write_harms_neither(store: Store, writer: Writer) -> None:
    writer.write([arrival(number) for number in range(1200)])
    reading = store.deliveries()
    first = next(reading)
    assert first.event_id == "evt_1199"
    with open_store(store.path.parent.parent) as other:
        assert other.prune(keep=1) == 1199
    # what was listed before and is gone by now is passed over
    assert list(reading) == []
    writer.write([arrival(2000)])
    assert store.count() == 2
