"""Writes batches of deliveries: one transaction each, durable when it returns."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from itertools import count
from typing import TYPE_CHECKING, Self

from hookctl.store.database import BUSY_TIMEOUT_S, connect
from hookctl.store.delivery import Kept, stored_as
from hookctl.store.ids import RANDOM_BYTES, make_id
from hookctl.store.problems import StoreLockedError, store_error
from hookctl.store.rows import headers_text, text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

    from hookctl.model import CapturedResponse
    from hookctl.store.delivery import Arrival, Outcome, StoredDelivery

# the highest number instead of a count: it costs the same for the 100,000th, and pruning does not reset it
_INSERT_DELIVERY = """
    INSERT INTO deliveries (
        seq, id, received_at_ms, provider, event, event_id, valid, reason, diagnosis, age_s, method, target,
        http_version, body_bytes, body_sha256, response_status, occurrence
    ) VALUES (
        ?1, ?2, ?3, CAST(?4 AS TEXT), CAST(?5 AS TEXT), CAST(?6 AS TEXT), ?7, ?8, ?9, ?10, CAST(?11 AS TEXT),
        CAST(?12 AS TEXT), CAST(?13 AS TEXT), ?14, ?15, ?16,
        1 + coalesce(
            (
                SELECT max(occurrence) FROM deliveries
                WHERE event_id = CAST(?6 AS TEXT) AND provider IS CAST(?4 AS TEXT)
            ),
            (
                SELECT max(occurrence) FROM deliveries
                WHERE event_id IS NULL AND body_sha256 = ?15 AND provider IS CAST(?4 AS TEXT)
            ),
            0
        )
    )
"""
_INSERT_CONTENT = """
    INSERT INTO contents (seq, request_headers, request_body, response_headers, response_body)
    VALUES (?, CAST(? AS TEXT), ?, CAST(? AS TEXT), ?)
"""
_LAST_SEQUENCE = "SELECT coalesce(max(seq), 0) FROM deliveries"
_OCCURRENCES = "SELECT occurrence FROM deliveries WHERE seq > ? ORDER BY seq"
_SET_STATUS = "UPDATE deliveries SET response_status = ? WHERE id = ?"
_SET_RESPONSE = """
    UPDATE contents SET response_headers = CAST(? AS TEXT), response_body = ?
    WHERE seq = (SELECT seq FROM deliveries WHERE id = ?)
"""
_SET_FORWARDED = """
    UPDATE deliveries
    SET forwarded_url = CAST(? AS TEXT), forwarded_status = ?, forwarded_ms = ?, forwarded_error = CAST(? AS TEXT)
    WHERE id = ?
"""


class Writer:
    """Writes to the store through a connection of its own. Any one thread at a time may use it.

    After an error the connection is made anew for the next batch, so that writing goes on as soon as it can:
    when there is space again, when the file can be written to again.

    Args:
        path: the database.
        random_bytes: returns so many random bytes.
        busy_timeout_s: how long a batch waits for another's transaction, in seconds.

    Raises:
        StoreError: the database cannot be opened.
    """

    def __init__(
        self, path: Path, random_bytes: Callable[[int], bytes], *, busy_timeout_s: float = BUSY_TIMEOUT_S
    ) -> None:
        self._path = path
        self._random_bytes = random_bytes
        self._busy_timeout_s = busy_timeout_s
        self._connection: sqlite3.Connection | None = self._connect()

    def write(self, arrivals: Sequence[Arrival], outcomes: Sequence[Outcome] = ()) -> list[StoredDelivery]:
        """Store deliveries as `commit` does, and return them as they are stored."""
        kept = self.commit(arrivals, outcomes)
        return [stored_as(arrival, one) for arrival, one in zip(arrivals, kept, strict=True)]

    def commit(self, arrivals: Sequence[Arrival], outcomes: Sequence[Outcome] = ()) -> list[Kept]:
        """Store deliveries, and what became of earlier ones, in one transaction.

        Args:
            arrivals: the new ones.
            outcomes: of stored ones; one whose delivery was pruned meanwhile is passed over.

        Returns:
            What the store has given each, in the order given. They are on the disk.

        Raises:
            StoreError: nothing of the batch was stored.
        """
        connection = self._connection or self._connect()
        self._connection = connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            kept = self._insert(connection, arrivals) if arrivals else []
            for outcome in outcomes:
                _update(connection, outcome)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            problem = store_error(error, self._path)
            self._roll_back(connection, keep=isinstance(problem, StoreLockedError))
            raise problem from error
        except BaseException:
            self._roll_back(connection, keep=False)
            raise
        return kept

    def close(self) -> None:
        """Close the connection. Closing again does nothing."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _connect(self) -> sqlite3.Connection:
        return connect(self._path, busy_timeout_s=self._busy_timeout_s)

    def _roll_back(self, connection: sqlite3.Connection, *, keep: bool) -> None:
        # what SQLite could not write it may not be able to take back either; closing does that in any case
        with contextlib.suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        if not keep:
            self.close()

    def _insert(self, connection: sqlite3.Connection, arrivals: Sequence[Arrival]) -> list[Kept]:
        # a few statements for all: handing each delivery to SQLite by itself costs as much again as storing it
        (last,) = connection.execute(_LAST_SEQUENCE).fetchone()
        randomness = self._random_bytes(RANDOM_BYTES * len(arrivals))
        ids = [
            make_id(arrival.request.received_at_ms, randomness[start : start + RANDOM_BYTES])
            for start, arrival in zip(count(0, RANDOM_BYTES), arrivals)
        ]
        numbered = list(zip(count(last + 1), ids, arrivals))
        connection.executemany(_INSERT_DELIVERY, [_row(*one) for one in numbered])
        connection.executemany(_INSERT_CONTENT, [_content_row(number, arrival) for number, _, arrival in numbered])
        occurrences = connection.execute(_OCCURRENCES, (last,)).fetchall()
        return [Kept(id_, occurrence) for id_, (occurrence,) in zip(ids, occurrences, strict=True)]


def _row(number: int, id_: str, arrival: Arrival) -> tuple[object, ...]:
    """Return the parameters of `_INSERT_DELIVERY`, of types that sqlite3 takes without looking for an adapter."""
    request, verdict, response, event_id = arrival.request, arrival.verdict, arrival.response, arrival.event_id
    return (
        number,
        id_,
        request.received_at_ms,
        text(arrival.provider),
        text(arrival.event),
        text(event_id),
        int(verdict.valid),
        verdict.reason.value,
        verdict.diagnosis and verdict.diagnosis.value,
        verdict.age_s,
        text(request.method),
        text(request.target),
        text(request.http_version),
        len(request.body),
        # tells deliveries apart where no event id does
        hashlib.sha256(request.body).digest() if event_id is None else None,
        response and response.status,
    )


def _content_row(number: int, arrival: Arrival) -> tuple[object, ...]:
    """Return the parameters of `_INSERT_CONTENT`."""
    request = arrival.request
    return (number, headers_text(request.headers), request.body, *_content(arrival.response))


def _update(connection: sqlite3.Connection, outcome: Outcome) -> None:
    if outcome.response is not None:
        connection.execute(_SET_STATUS, (outcome.response.status, outcome.id))
        connection.execute(_SET_RESPONSE, (*_content(outcome.response), outcome.id))
    if outcome.forwarded is not None:
        done = outcome.forwarded
        row = (text(done.url), done.status, done.duration_ms, text(done.error), outcome.id)
        connection.execute(_SET_FORWARDED, row)


def _content(response: CapturedResponse | None) -> tuple[str | bytes | None, bytes | None]:
    return (None, None) if response is None else (headers_text(response.headers), response.body)
