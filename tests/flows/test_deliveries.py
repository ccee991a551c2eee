"""Which deliveries are meant, how far a listing goes, what a prune takes, and that looking makes no store."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO, TextIOWrapper
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookctl.errors import UsageError
from hookctl.flows.deliveries import Wanted, find, mask_secrets, open_store, pages, prune, read_age_ms, require_store
from hookctl.model import Reason
from hookctl.runtime import Output, Runtime
from hookctl.store import Filters, Store, StoreError, UnknownDeliveryError, default_path
from tests.harness import ARKY_SECRET
from tests.store.material import NOW_MS, arrival, clock
from tests.store.material import open_store as make_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY_MS = 86_400_000


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    streams = [Output(TextIOWrapper(BytesIO()), name) for name in ("standard output", "standard error")]
    env = {"XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path)}
    return Runtime(env=env, cwd=tmp_path, stdin=BytesIO(), out=streams[0], err=streams[1], now_ms=clock)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with make_store(tmp_path) as opened:
        yield opened


def fill(store: Store, count: int, *, step_ms: int = 1) -> list[str]:
    """Store deliveries, the last one now, and return their ids, the oldest first."""
    with store.writer() as writer:
        stored = writer.write(
            [arrival(number - count + 1, at_ms=NOW_MS + (number - count + 1) * step_ms) for number in range(count)]
        )
    return [one.id for one in stored]


@pytest.mark.parametrize(
    ("wanted", "filters"),
    [
        (Wanted(), Filters()),
        (
            Wanted(event="order.*", provider="arky", event_id="evt_1", valid=False),
            Filters("arky", "order.*", "evt_1", valid=False),
        ),
        (Wanted(reason="stale"), Filters(reason=Reason.STALE)),
        (Wanted(status="500"), Filters(status_from=500, status_to=500)),
        (Wanted(status="5xx"), Filters(status_from=500, status_to=599)),
        (Wanted(status="2XX"), Filters(status_from=200, status_to=299)),
        (Wanted(since="90s"), Filters(since_ms=NOW_MS - 90_000)),
        (Wanted(since="1.5m"), Filters(since_ms=NOW_MS - 90_000)),
        (Wanted(since="2h", until="15m"), Filters(since_ms=NOW_MS - 7_200_000, until_ms=NOW_MS - 900_000)),
        (Wanted(until="7d"), Filters(until_ms=NOW_MS - 7 * DAY_MS)),
        (Wanted(since="1704067200"), Filters(since_ms=NOW_MS)),
        (Wanted(since="2024-01-01T02:00:00.5+02:00"), Filters(since_ms=NOW_MS + 500)),
    ],
)
def test_what_a_user_writes_is_what_the_store_is_asked(wanted: Wanted, filters: Filters) -> None:
    assert wanted.filters(NOW_MS) == filters


@pytest.mark.parametrize(
    ("wanted", "message", "hint"),
    [
        (Wanted(reason="mismach"), "no reason 'mismach'", "did you mean 'mismatch'?"),
        (Wanted(reason="xyz"), "no reason 'xyz'", "one of ok, missing_signature"),
        (Wanted(status="6xx"), "not '6xx'", None),
        (Wanted(status="50"), "not '50'", None),
        (Wanted(status="5٥٥"), "--status takes", None),
        (Wanted(since="yesterday"), "--since: 'yesterday' is not a time", "or an age: 90s, 15m, 2h, 7d"),
        (Wanted(until="2024-01-01T00:00:00"), "--until: ", "2026-01-31T12:00:00Z"),
        (Wanted(since="-5m"), "--since: ", "or an age"),
        (Wanted(since="1704067200000"), "outside the years", "seconds are expected"),
        (Wanted(since="1h", until="2h"), "nothing lies between", "earlier"),
        (Wanted(since="1h", until="1h"), "nothing lies between", "earlier"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(wanted: Wanted, message: str, hint: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        wanted.filters(NOW_MS)
    assert message in caught.value.message
    assert hint is None or hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "age_ms"),
    [("0s", 0), ("90s", 90_000), ("0.001s", 1), ("2h", 7_200_000), ("999999999d", 999_999_999 * DAY_MS)]
    + [(text, None) for text in ("", "5", "s", "-1s", "1 s", "1w", "1S", "1e3s", "٣s", "1s\n", "1h30m", "9999999999s")],
)
def test_an_age_is_a_number_and_a_unit(text: str, age_ms: int | None) -> None:
    assert read_age_ms(text) == age_ms


@settings(max_examples=100)
@given(st.text(max_size=20) | st.text("0123456789.smhd", max_size=8))
def test_any_text_is_a_status_and_a_time_or_a_usage_error(text: str) -> None:
    for wanted in (Wanted(status=text), Wanted(since=text), Wanted(reason=text)):
        try:
            wanted.filters(NOW_MS)
        except UsageError:
            continue


def test_looking_for_a_store_makes_none(runtime: Runtime, tmp_path: Path) -> None:
    assert open_store(runtime) is None
    with pytest.raises(UnknownDeliveryError) as caught:
        require_store(runtime)
    assert "hookctl listen" in (caught.value.hint or "")
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_there_but_cannot_be_looked_at_is_not_taken_for_none(runtime: Runtime, tmp_path: Path) -> None:
    folder = tmp_path / ("s" * 300)
    with pytest.raises(StoreError, match="cannot read"):
        open_store(replace(runtime, env={"XDG_STATE_HOME": str(folder)}))


def test_a_link_to_nowhere_is_not_taken_for_none(runtime: Runtime) -> None:
    path = default_path(runtime.env)
    path.parent.mkdir(parents=True)
    path.symlink_to("nowhere")
    with pytest.raises(StoreError, match="symbolic link"):
        open_store(runtime)


def test_the_store_that_is_there_is_opened(runtime: Runtime) -> None:
    with Store.open(default_path(runtime.env), clock=clock) as made:
        ids = fill(made, 3)
    opened = open_store(runtime)
    assert opened is not None
    with opened:
        assert opened.get("last").id == ids[-1]


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize(
    ("limit", "sizes"), [(0, [500, 500, 3]), (1, [1]), (500, [500]), (502, [500, 2]), (9999, [500, 500, 3])]
)
def test_a_listing_goes_as_far_as_it_may(store: Store, limit: int, sizes: list[int], newest_first: bool) -> None:
    ids = fill(store, 1003)
    found = list(pages(store, Filters(), limit=limit, newest_first=newest_first))
    assert [len(page) for page in found] == sizes
    wanted = ids[::-1] if newest_first else ids
    assert [line.id for page in found for line in page] == wanted[: limit or None]


def test_an_empty_listing_has_no_page(store: Store) -> None:
    assert list(pages(store, Filters(), limit=20, newest_first=True)) == []


def test_ids_are_found_in_the_order_given_and_all_are_checked_first(store: Store) -> None:
    ids = fill(store, 3)
    assert [one.id for one in find(store, [ids[2], "last", ids[0].lower(), ids[0]])] == [ids[2], ids[2], ids[0], ids[0]]
    with pytest.raises(UnknownDeliveryError):
        # before anything is taken from it
        find(store, [ids[0], "dl_ZZZ"])


@pytest.mark.parametrize(
    ("older_than_ms", "keep", "removed"),
    [
        (None, 3, 7),
        (None, 0, 10),
        (None, 10, 0),
        (None, 99, 0),
        (5 * DAY_MS, None, 4),
        (0, None, 9),
        (90 * DAY_MS, None, 0),
        (5 * DAY_MS, 8, 4),
        (5 * DAY_MS, 2, 8),
    ],
)
def test_a_dry_run_counts_what_a_prune_takes(
    store: Store, runtime: Runtime, older_than_ms: int | None, keep: int | None, removed: int
) -> None:
    ids = fill(store, 10, step_ms=DAY_MS)
    counted = prune(store, runtime, older_than_ms=older_than_ms, keep=keep, dry_run=True)
    assert (counted.removed, counted.left, counted.freed_bytes, store.count()) == (removed, 10 - removed, 0, 10)
    done = prune(store, runtime, older_than_ms=older_than_ms, keep=keep, dry_run=False)
    assert (done.removed, done.left) == (removed, 10 - removed)
    assert [line.id for line in store.summaries(newest_first=False)] == ids[removed:]


def test_a_prune_tells_the_space_that_the_files_gave_back(store: Store, runtime: Runtime) -> None:
    with store.writer() as writer:
        writer.write([arrival(number, body=bytes([number]) * 100_000) for number in range(40)])
    before = sum(path.stat().st_size for path in store.path.parent.iterdir() if not path.name.endswith("-shm"))
    done = prune(store, runtime, older_than_ms=None, keep=1, dry_run=False)
    after = sum(path.stat().st_size for path in store.path.parent.iterdir() if not path.name.endswith("-shm"))
    assert done.freed_bytes == before - after > 3_000_000


def test_secrets_of_the_environment_and_of_env_files_are_masked(runtime: Runtime, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ARCADE_SIGNING_SECRET=from-the-file\n")
    known = replace(runtime, env={**runtime.env, "ARKY_WEBHOOK_SECRET": ARKY_SECRET})
    mask_secrets(known)
    assert known.redactor.clean(f"{ARKY_SECRET} from-the-file") == "[secret] [secret]"
