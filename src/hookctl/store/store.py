"""Reads the store: listings, single deliveries, exports; and takes away what is old."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Self

from hookctl.store.database import BUSY_TIMEOUT_S, connect
from hookctl.store.filters import Filters
from hookctl.store.ids import as_prefix
from hookctl.store.problems import UnknownDeliveryError, translated
from hookctl.store.prune import prune
from hookctl.store.rows import CONTENT_COLUMNS, SUMMARY_COLUMNS, stored, summary
from hookctl.store.writer import Writer

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import TracebackType

    from hookctl.store.delivery import StoredDelivery, Summary
    from hookctl.store.filters import Parameter

LAST = "last"
"""Stands for the id of the newest delivery."""

_PAGE_ROWS = 500
_SHOWN_CANDIDATES = 4
_EVERYTHING = Filters()


class Store:
    """The deliveries that are kept. One thread at a time may use it; several processes may at once.

    Args:
        path: the database, made where it is missing.
        connection: open, as `database.connect` returns it.
        clock: returns the time in milliseconds since the Unix epoch.
        random_bytes: returns so many random bytes, for ids.
    """

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        clock: Callable[[], int],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self.path = path
        self._connection = connection
        self._clock = clock
        self._random_bytes = random_bytes

    @classmethod
    def open(cls, path: Path, *, clock: Callable[[], int], random_bytes: Callable[[int], bytes] = os.urandom) -> Store:
        """Open the store, and make it where it is missing: the folder 0700, the files 0600.

        Args:
            path: the database's; see `default_path`.
            clock: returns the time in milliseconds since the Unix epoch.
            random_bytes: returns so many random bytes, for ids.

        Raises:
            StoreError: it cannot be opened, is not ours, is damaged or too new; the message names the path.
        """
        absolute = path.absolute()
        return cls(absolute, connect(absolute), clock, random_bytes)

    def writer(self, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Writer:
        """Return a new writer, with a connection of its own.

        Args:
            busy_timeout_s: how long a batch waits for another's transaction, in seconds.

        Raises:
            StoreError: the database cannot be opened.
        """
        return Writer(self.path, self._random_bytes, busy_timeout_s=busy_timeout_s)

    def page(
        self,
        filters: Filters = _EVERYTHING,
        *,
        limit: int,
        newest_first: bool = True,
        after: Summary | None = None,
    ) -> list[Summary]:
        """Return one page of a listing, without headers and bodies.

        Args:
            filters: which deliveries.
            limit: how many at most.
            newest_first: the order, by the time of arrival.
            after: the last one of the page before; None for the first page.

        Raises:
            StoreError: the database cannot be read.
        """
        clauses, parameters = filters.conditions()
        if after is not None:
            clauses.append(f"(received_at_ms, seq) {'<' if newest_first else '>'} (?, ?)")
            parameters += [after.received_at_ms, after.sequence]
        direction = "DESC" if newest_first else "ASC"
        order = f"ORDER BY received_at_ms {direction}, seq {direction} LIMIT ?"
        query = f"SELECT {SUMMARY_COLUMNS} FROM deliveries {_where(clauses)} {order}"  # noqa: S608 - own text only
        return [summary(row) for row in self._rows(query, *parameters, limit)]

    def summaries(self, filters: Filters = _EVERYTHING, *, newest_first: bool = True) -> Iterator[Summary]:
        """Yield a whole listing, without headers and bodies, in constant memory.

        Nothing stays locked while the caller is busy. What is stored or pruned meanwhile may or may not be seen.

        Raises:
            StoreError: the database cannot be read.
        """
        after = None
        while page := self.page(filters, limit=_PAGE_ROWS, newest_first=newest_first, after=after):
            yield from page
            after = page[-1]

    def deliveries(self, filters: Filters = _EVERYTHING, *, newest_first: bool = True) -> Iterator[StoredDelivery]:
        """Yield deliveries with every byte, one in memory at a time; otherwise as `summaries`."""
        for line in self.summaries(filters, newest_first=newest_first):
            delivery = self._whole(line)
            if delivery is not None:
                yield delivery

    def count(self, filters: Filters = _EVERYTHING) -> int:
        """Return how many deliveries there are.

        Raises:
            StoreError: the database cannot be read.
        """
        clauses, parameters = filters.conditions()
        query = f"SELECT count(*) FROM deliveries {_where(clauses)}"  # noqa: S608 - own text only
        number: int = self._rows(query, *parameters)[0][0]
        return number

    def get(self, reference: str) -> StoredDelivery:
        """Return one delivery.

        Args:
            reference: an id in any case, the beginning of one that no other id has, or `last`.

        Raises:
            UnknownDeliveryError: there is none, or several.
            StoreError: the database cannot be read.
        """
        found = self._find(reference)
        if not found:
            missing = "the store is empty" if reference == LAST else f"no stored delivery has the id {reference!r}"
            raise UnknownDeliveryError(missing, hint="`hookctl deliveries list` shows what is stored")
        if len(found) > 1:
            shown = ", ".join(line.id for line in found[:_SHOWN_CANDIDATES])
            more = ", ..." if len(found) > _SHOWN_CANDIDATES else ""
            raise UnknownDeliveryError(
                f"several stored deliveries have ids that begin with {reference!r}", hint=f"one of {shown}{more}"
            )
        delivery = self._whole(found[0])
        if delivery is None:
            raise UnknownDeliveryError(f"the delivery {found[0].id} was pruned just now")
        return delivery

    def prune(self, *, older_than_ms: int | None = None, keep: int | None = None) -> int:
        """Take away old deliveries, a few hundred to a transaction, and give their space back.

        A delivery goes when either says so; without both, none does.

        Args:
            older_than_ms: the age in milliseconds from which on deliveries go.
            keep: how many of the newest stay at most.

        Returns:
            How many went.

        Raises:
            StoreError: the database cannot be written. What went before stays away.
        """
        before_ms = None if older_than_ms is None else self._clock() - older_than_ms
        with translated(self.path):
            return prune(self._connection, before_ms=before_ms, keep=keep)

    def close(self) -> None:
        """Close the connection. Closing again does nothing."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _rows(self, query: str, *parameters: Parameter) -> list[tuple[Any, ...]]:
        with translated(self.path):
            return self._connection.execute(query, parameters).fetchall()

    def _find(self, reference: str) -> list[Summary]:
        if reference == LAST:
            return self.page(limit=1)
        prefix = as_prefix(reference)
        if prefix is None:
            return []
        # every digit of an id comes before ~ in ASCII
        query = f"SELECT {SUMMARY_COLUMNS} FROM deliveries WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"  # noqa: S608
        return [summary(row) for row in self._rows(query, prefix, prefix + "~", _SHOWN_CANDIDATES + 1)]

    def _whole(self, line: Summary) -> StoredDelivery | None:
        """Return a delivery with its content; None when it was pruned since the summary was read."""
        query = f"""
            SELECT {CONTENT_COLUMNS} FROM contents JOIN deliveries USING (seq) WHERE seq = ? AND id = ?
        """  # noqa: S608 - own text only
        rows = self._rows(query, line.sequence, line.id)
        return stored(line, rows[0]) if rows else None


def _where(clauses: list[str]) -> str:
    return f"WHERE {' AND '.join(clauses)}" if clauses else ""
