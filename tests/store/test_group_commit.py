"""Tasks share commits, and each learns what became of its own delivery."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING

import pytest

from hookctl.model import CapturedResponse
from hookctl.store import Forwarded, Kept, StoreError, StoreLockedError, StoreProblem
from hookctl.store.group_commit import GroupCommit
from tests.store.material import arrival

if TYPE_CHECKING:
    from hookctl.store import Store, StoredDelivery


def unexpected(error: StoreError) -> None:
    """Stand for a listener in whose test no outcome may fail."""
    raise AssertionError(error)


def test_what_was_added_is_stored_when_the_call_returns(store: Store) -> None:
    async def scenario() -> None:
        async with GroupCommit(store, on_error=unexpected) as group:
            for number in range(5):
                stored = await group.add(arrival(number))
                assert store.get("last") == stored

    asyncio.run(scenario())
    assert store.count() == 5


def test_tasks_of_one_turn_share_one_transaction(store: Store) -> None:
    begun: list[str] = []

    async def scenario() -> list[StoredDelivery]:
        async with GroupCommit(store, on_error=unexpected) as group:
            assert group._writer is not None
            assert group._writer._connection is not None
            group._writer._connection.set_trace_callback(begun.append)
            return await asyncio.gather(*(group.add(arrival(number)) for number in range(64)))

    stored = asyncio.run(scenario())
    assert begun.count("BEGIN IMMEDIATE") == begun.count("COMMIT") == 1
    # each got its own
    assert [delivery.event_id for delivery in stored] == [f"evt_{number}" for number in range(64)]
    assert {line.id for line in store.summaries()} == {delivery.id for delivery in stored}


def test_those_of_one_commit_are_numbered_in_the_order_in_which_they_came(store: Store) -> None:
    kept: list[Kept | Exception] = []

    async def scenario() -> None:
        async with GroupCommit(store, on_error=unexpected) as group:
            for number in range(40):
                group.submit(arrival(number % 20, event_id=f"evt_{number % 2}"), kept.append)

    asyncio.run(scenario())
    assert [one.occurrence for one in kept if isinstance(one, Kept)] == [1 + number // 2 for number in range(40)]
    # told in the order of their rows
    assert [one.id for one in kept if isinstance(one, Kept)] == [
        id_ for (id_,) in store._connection.execute("SELECT id FROM deliveries ORDER BY seq")
    ]


def test_a_task_that_is_cancelled_harms_no_other(store: Store) -> None:
    async def scenario() -> StoredDelivery:
        async with GroupCommit(store, on_error=unexpected) as group:
            gone = asyncio.ensure_future(group.add(arrival(1)))
            stays = asyncio.ensure_future(group.add(arrival(2)))
            await asyncio.sleep(0)
            gone.cancel()
            return await stays

    assert asyncio.run(scenario()).event_id == "evt_2"
    assert store.count() == 2


def test_outcomes_are_stored_without_anybody_waiting(store: Store) -> None:
    response = CapturedResponse(503, ((b"Retry-After", b"1"),), b"later")
    forwarded = Forwarded("http://127.0.0.1:3000/hook", None, 12.5, "connection refused")

    async def scenario() -> str:
        async with GroupCommit(store, on_error=unexpected) as group:
            stored = await group.add(arrival())
            group.update_result(stored.id, response=response)
            group.update_result(stored.id, forwarded=forwarded)
            group.update_result("dl_0000000000GONE", response=response)
            return stored.id

    got = store.get(asyncio.run(scenario()))
    assert (got.response, got.forwarded) == (response, forwarded)


def test_every_task_of_a_failed_commit_learns_of_it_and_the_next_commit_works(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hookctl.store.group_commit._BUSY_TIMEOUT_S", 0.05)
    told: list[StoreError] = []

    async def scenario() -> None:
        async with GroupCommit(store, on_error=told.append) as group:
            first = await group.add(arrival())
            other = sqlite3.connect(store.path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            group.update_result(first.id, response=CapturedResponse(200))
            errors = await asyncio.gather(*(group.add(arrival(n)) for n in range(1, 9)), return_exceptions=True)
            assert [type(error) for error in errors] == [StoreLockedError] * 8
            other.execute("ROLLBACK")
            other.close()
            await group.add(arrival(9))

    asyncio.run(scenario())
    assert [error.kind for error in told] == [StoreProblem.LOCKED]
    assert str(store.path) in told[0].message
    assert [line.event_id for line in store.summaries()] == ["evt_9", "evt_0"]


def test_what_waits_when_the_context_is_left_is_written(store: Store) -> None:
    async def scenario() -> None:
        async with GroupCommit(store, on_error=unexpected) as group:
            waiting = asyncio.ensure_future(group.add(arrival()))
            await asyncio.sleep(0)
        assert (await waiting).event_id == "evt_0"

    asyncio.run(scenario())
    assert store.count() == 1


def test_outside_its_context_it_takes_nothing(store: Store) -> None:
    async def scenario() -> None:
        group = GroupCommit(store, on_error=unexpected)
        with pytest.raises(RuntimeError, match="not running"):
            await group.add(arrival())
        async with group:
            with pytest.raises(RuntimeError, match="running already"):
                await group.__aenter__()
        with pytest.raises(RuntimeError, match="not running"):
            group.update_result("dl_0")

    asyncio.run(scenario())
    assert store.count() == 0
