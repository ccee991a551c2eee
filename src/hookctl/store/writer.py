"""Writes batches of deliveries: one transaction each, durable when it returns."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from typing import TYPE_CHECKING, Self

from hookctl.store.database import BUSY_TIMEOUT_S, connect
from hookctl.store.delivery import StoredDelivery
from hookctl.store.ids import RANDOM_BYTES, make_id
from hookctl.store.problems import StoreLockedError, store_error
from hookctl.store.rows import headers_text, text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

    from hookctl.model import CapturedResponse
    from hookctl.store.delivery import Arrival, Outcome

_INSERT_DELIVERY = """
    INSERT INTO deliveries (
        id, received_at_ms, provider, event, event_id, valid, reason, diagnosis, age_s, occurrence, method, target,
        http_version, body_bytes, body_sha256, response_status
    ) VALUES (
        ?, ?, CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), ?, ?, ?, ?, ?, CAST(? AS TEXT), CAST(? AS TEXT),
        CAST(? AS TEXT), ?, ?, ?
    )
"""
_INSERT_CONTENT = """
    INSERT INTO contents (seq, request_headers, request_body, response_headers, response_body) VALUES (?, ?, ?, ?, ?)
"""
_LAST_OF_EVENT = """
    SELECT max(occurrence) FROM deliveries WHERE event_id = CAST(? AS TEXT) AND provider IS CAST(? AS TEXT)
"""
_LAST_OF_BODY = """
    SELECT max(occurrence) FROM deliveries
    WHERE event_id IS NULL AND body_sha256 = ? AND provider IS CAST(? AS TEXT)
"""
_SET_STATUS = "UPDATE deliveries SET response_status = ? WHERE id = ?"
_SET_RESPONSE = """
    UPDATE contents SET response_headers = ?, response_body = ? WHERE seq = (SELECT seq FROM deliveries WHERE id = ?)
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
        """Store deliveries, and what became of earlier ones, in one transaction.

        Args:
            arrivals: the new ones.
            outcomes: of stored ones; one whose delivery was pruned meanwhile is passed over.

        Returns:
            The deliveries as they are stored, in the order given. They are on the disk.

        Raises:
            StoreError: nothing of the batch was stored.
        """
        connection = self._connection or self._connect()
        self._connection = connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            stored = [self._insert(connection, arrival) for arrival in arrivals]
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
        return stored

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

    def _insert(self, connection: sqlite3.Connection, arrival: Arrival) -> StoredDelivery:
        request, verdict, response = arrival.request, arrival.verdict, arrival.response
        digest = hashlib.sha256(request.body).digest()
        provider = text(arrival.provider)
        event_id = text(arrival.event_id)
        if event_id is None:
            last = connection.execute(_LAST_OF_BODY, (digest, provider))
        else:
            last = connection.execute(_LAST_OF_EVENT, (event_id, provider))
        # the highest number instead of a count: it costs the same for the 100,000th, and pruning does not reset it
        occurrence = (last.fetchone()[0] or 0) + 1
        id_ = make_id(request.received_at_ms, self._random_bytes(RANDOM_BYTES))
        row = (
            *(id_, request.received_at_ms, provider, text(arrival.event), event_id),
            *(verdict.valid, verdict.reason.value, verdict.diagnosis and verdict.diagnosis.value, verdict.age_s),
            *(occurrence, text(request.method), text(request.target), text(request.http_version)),
            *(len(request.body), digest, response and response.status),
        )
        sequence = connection.execute(_INSERT_DELIVERY, row).lastrowid
        content = (sequence, headers_text(request.headers), request.body, *_content(response))
        connection.execute(_INSERT_CONTENT, content)
        return StoredDelivery(
            id=id_,
            occurrence=occurrence,
            request=request,
            verdict=verdict,
            provider=arrival.provider,
            event=arrival.event,
            event_id=arrival.event_id,
            response=response,
            forwarded=None,
        )


def _update(connection: sqlite3.Connection, outcome: Outcome) -> None:
    if outcome.response is not None:
        connection.execute(_SET_STATUS, (outcome.response.status, outcome.id))
        connection.execute(_SET_RESPONSE, (*_content(outcome.response), outcome.id))
    if outcome.forwarded is not None:
        done = outcome.forwarded
        row = (text(done.url), done.status, done.duration_ms, text(done.error), outcome.id)
        connection.execute(_SET_FORWARDED, row)


def _content(response: CapturedResponse | None) -> tuple[str | None, bytes | None]:
    return (None, None) if response is None else (headers_text(response.headers), response.body)
