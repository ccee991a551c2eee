"""What was received: which deliveries a user means, read from the store without ever making one, and pruned.

SQLite takes a while to load: help and wrong command lines do without it.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookctl.catalogue import load_catalogue
from hookctl.config import load_config
from hookctl.credentials import SecretSource
from hookctl.errors import SecretError, UsageError, did_you_mean
from hookctl.model import Reason
from hookctl.timestamps import parse_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hookctl.runtime import Runtime
    from hookctl.store import Filters, Store, StoredDelivery, Summary

NOTHING_YET = "nothing has been received yet"
RECEIVE = "`hookctl listen` receives deliveries and keeps them"
"""What to do about it."""

AGES = "90s, 15m, 2h, 7d"
"""Examples of ages, for messages."""

_PAGE_ROWS = 500
_AGE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([smhd])")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_STATUS = re.compile(r"([1-5])([0-9]{2}|xx)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deliveries the user asked for, in the user's words; all that is given must hold."""

    event: str | None = None
    """A name or a glob."""
    provider: str | None = None
    event_id: str | None = None
    valid: bool | None = None
    reason: str | None = None
    """A value of `Reason`."""
    status: str | None = None
    """What the sender was told: "500" or "5xx"."""
    since: str | None = None
    """A time, or an age such as "15m"; the time itself counts."""
    until: str | None = None
    """Likewise; the time itself does not count."""

    @property
    def everything(self) -> bool:
        """Whether nothing is asked for, so that every delivery is meant."""
        return self == Wanted()

    def filters(self, now_ms: int) -> Filters:
        """Return what the store understands.

        Args:
            now_ms: what ages are counted back from, in milliseconds since the epoch.

        Raises:
            UsageError: a reason, status or time that cannot be one, or an end that is not after the beginning.
        """
        since_ms = None if self.since is None else _moment("--since", self.since, now_ms)
        until_ms = None if self.until is None else _moment("--until", self.until, now_ms)
        if since_ms is not None and until_ms is not None and since_ms >= until_ms:
            raise UsageError("nothing lies between --since and --until", hint="--since takes the earlier of the two")
        status_from, status_to = (None, None) if self.status is None else _statuses(self.status)
        reason = None if self.reason is None else _reason(self.reason)
        from hookctl.store import Filters

        return Filters(
            provider=self.provider,
            event=self.event,
            event_id=self.event_id,
            valid=self.valid,
            reason=reason,
            status_from=status_from,
            status_to=status_to,
            since_ms=since_ms,
            until_ms=until_ms,
        )


@dataclass(frozen=True, slots=True)
class Pruned:
    """What came of a prune, or would come of it."""

    removed: int
    left: int
    freed_bytes: int
    """By how much the store's files got smaller; 0 for a dry run."""
    dry_run: bool


def read_age_ms(text: str) -> int | None:
    """Return an age such as 90s, 15m, 2h or 7d in milliseconds, or None when it is not written so."""
    match = _AGE.fullmatch(text)
    return None if match is None else int(float(match[1]) * _UNIT_S[match[2]] * 1000)


def _moment(option: str, text: str, now_ms: int) -> int:
    age_ms = read_age_ms(text)
    if age_ms is not None:
        return now_ms - age_ms
    try:
        return parse_at(text)
    except UsageError as error:
        hint = "" if error.hint is None else f"{error.hint}; "
        raise UsageError(f"{option}: {error.message}", hint=f"{hint}or an age: {AGES}") from None


def _statuses(text: str) -> tuple[int, int]:
    match = _STATUS.fullmatch(text)
    if match is None:
        raise UsageError(f"--status takes a status such as 500, or a class such as 5xx, not {text!r}")
    first, rest = match.groups()
    return (int(f"{first}00"), int(f"{first}99")) if rest.lower() == "xx" else (int(text), int(text))


def _reason(text: str) -> Reason:
    try:
        return Reason(text)
    except ValueError:
        hint = did_you_mean(text, [reason.value for reason in Reason]) or f"one of {', '.join(Reason)}"
        raise UsageError(f"--reason: there is no reason {text!r}", hint=hint) from None


def open_store(runtime: Runtime) -> Store | None:
    """Open the store for reading and pruning, or return None when nothing has been received yet: none is made.

    Raises:
        StoreError: there is one, and it cannot be used.
    """
    from hookctl.store import Store, StoreError, default_path

    path = default_path(runtime.env)
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}", hint="check the permissions of its folder") from None
    return Store.open(path, clock=runtime.now_ms, random_bytes=runtime.random_bytes)


def require_store(runtime: Runtime) -> Store:
    """Open the store for a delivery that must be in it.

    Raises:
        UnknownDeliveryError: nothing has been received yet.
        StoreError: there is a store, and it cannot be used.
    """
    store = open_store(runtime)
    if store is None:
        from hookctl.store import UnknownDeliveryError

        raise UnknownDeliveryError(NOTHING_YET, hint=RECEIVE)
    return store


def mask_secrets(runtime: Runtime) -> None:
    """Have every signing secret that is known here masked in what is shown: a delivery may hold one.

    Raises:
        InputError: the configuration or a provider's description cannot be used.
    """
    config = load_config(runtime)
    source = SecretSource(runtime, (), config.project_folder)
    for provider in load_catalogue(None, config.providers).providers:
        # one that is not set cannot be shown either
        with suppress(SecretError):
            source.pair(provider)


def pages(store: Store, filters: Filters, *, limit: int, newest_first: bool) -> Iterator[list[Summary]]:
    """Yield a listing a few hundred lines at a time; nothing stays locked meanwhile.

    Args:
        store: where to look.
        filters: which deliveries.
        limit: how many at most; 0 for all.
        newest_first: the order, by the time of arrival.

    Raises:
        StoreError: the store cannot be read.
    """
    left = limit
    after = None
    while True:
        size = min(left, _PAGE_ROWS) if limit else _PAGE_ROWS
        page = store.page(filters, limit=size, newest_first=newest_first, after=after)
        if page:
            yield page
        left -= len(page)
        if len(page) < size or (limit and not left):
            return
        after = page[-1]


def find(store: Store, references: Sequence[str]) -> Iterator[StoredDelivery]:
    """Look up deliveries; every reference is checked before the first delivery comes.

    Args:
        store: where to look.
        references: ids, their unique beginnings, or `last`.

    Returns:
        The deliveries in the order of the references, one in memory at a time.

    Raises:
        UnknownDeliveryError: there is none under a reference, or several.
        StoreError: the store cannot be read.
    """
    ids = [store.get(reference).id for reference in references]
    return (store.get(id_) for id_ in ids)


def prune(store: Store, runtime: Runtime, *, older_than_ms: int | None, keep: int | None, dry_run: bool) -> Pruned:
    """Take away what is too old or too much, or only count it.

    Args:
        store: what to prune.
        runtime: the clock that ages are counted back from.
        older_than_ms: the age in milliseconds from which on deliveries go.
        keep: how many of the newest stay at most.
        dry_run: whether everything stays.

    Raises:
        StoreError: the store cannot be read or written.
    """
    if dry_run:
        from hookctl.store import Filters

        total = store.count()
        # both take away what came first, so the longer of the two has the other in it
        by_age = 0 if older_than_ms is None else store.count(Filters(until_ms=runtime.now_ms() - older_than_ms))
        by_count = 0 if keep is None else max(0, total - keep)
        removed = max(by_age, by_count)
        return Pruned(removed, total - removed, 0, dry_run=True)
    before_bytes = _size_bytes(store.path)
    removed = store.prune(older_than_ms=older_than_ms, keep=keep)
    freed_bytes = max(0, before_bytes - _size_bytes(store.path))
    return Pruned(removed, store.count(), freed_bytes, dry_run=False)


def _size_bytes(path: Path) -> int:
    # what was written last is in the log beside the database
    total = 0
    for one in (path, path.with_name(f"{path.name}-wal")):
        with suppress(FileNotFoundError):
            total += one.stat().st_size
    return total
