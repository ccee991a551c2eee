"""The tables of the store, and how a database of an earlier hookctl becomes one of today's.

A migration is never edited once it was released: a change of the schema is one more at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from hookctl.store.problems import StoreForeignError, StoreNewerError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Migration: TypeAlias = Callable[[sqlite3.Connection], None]

APPLICATION_ID = 0x686B6374
"""Marks the file as hookctl's ("hkct"), at a fixed place of SQLite's header."""

_VERSION_1 = (
    # all that a listing shows; headers and bodies are apart, so that it does not read them. A body has its digest only
    # where no event id tells deliveries apart
    """
    CREATE TABLE deliveries (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        received_at_ms INTEGER NOT NULL,
        provider TEXT,
        event TEXT,
        event_id TEXT,
        valid INTEGER NOT NULL,
        reason TEXT NOT NULL,
        diagnosis TEXT,
        age_s REAL,
        occurrence INTEGER NOT NULL,
        method TEXT NOT NULL,
        target TEXT NOT NULL,
        http_version TEXT NOT NULL,
        body_bytes INTEGER NOT NULL,
        body_sha256 BLOB,
        response_status INTEGER,
        forwarded_url TEXT,
        forwarded_status INTEGER,
        forwarded_ms REAL,
        forwarded_error TEXT
    )
    """,
    # headers are a JSON list of pairs, each byte written as the character of its number
    """
    CREATE TABLE contents (
        seq INTEGER PRIMARY KEY REFERENCES deliveries (seq) ON DELETE CASCADE,
        request_headers TEXT NOT NULL,
        request_body BLOB NOT NULL,
        response_headers TEXT,
        response_body BLOB
    )
    """,
    "CREATE INDEX deliveries_by_time ON deliveries (received_at_ms)",
    "CREATE INDEX deliveries_by_event ON deliveries (event, received_at_ms) WHERE event IS NOT NULL",
    "CREATE INDEX deliveries_invalid ON deliveries (received_at_ms) WHERE valid = 0",
    # the highest occurrence of an event, or of a body, is the last entry of its range
    "CREATE INDEX deliveries_by_event_id ON deliveries (event_id, provider, occurrence) WHERE event_id IS NOT NULL",
    "CREATE INDEX deliveries_by_body ON deliveries (body_sha256, provider, occurrence) WHERE event_id IS NULL",
)


def _to_version_1(connection: sqlite3.Connection) -> None:
    for statement in _VERSION_1:
        connection.execute(statement)


MIGRATIONS: tuple[Migration, ...] = (_to_version_1,)
"""The first makes version 1 of an empty database, each further one the next version. Each runs in a transaction."""


def check_version(connection: sqlite3.Connection, path: Path, known: int = len(MIGRATIONS)) -> int:
    """Return the version of a database's schema, 0 for an empty one. Nothing is changed.

    Args:
        connection: to the database.
        path: the database's, for messages.
        known: the newest version there is.

    Raises:
        StoreNewerError: a later hookctl wrote it.
        StoreForeignError: it is another program's database.
        sqlite3.Error: SQLite failed.
    """
    # one look at all three: another process may be making the store right now
    connection.execute("SAVEPOINT look")
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    connection.execute("RELEASE look")
    if application != APPLICATION_ID and (application or version or objects):
        raise StoreForeignError(
            f"{path} is the database of another program", hint="move it away, or use another state directory"
        )
    if version > known:
        raise StoreNewerError(
            f"{path} was written by a newer hookctl: its schema is version {version}, this one knows up to {known}",
            hint="upgrade hookctl, or use another state directory (XDG_STATE_HOME)",
        )
    return version


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring a database to the newest version, in one transaction: on any error it stays as it was.

    Args:
        connection: in autocommit mode.
        path: the database's, for messages.
        migrations: as `MIGRATIONS`.

    Raises:
        StoreNewerError: a later hookctl wrote it.
        StoreForeignError: it is another program's database.
        sqlite3.Error: SQLite failed.
    """
    if check_version(connection, path, len(migrations)) == len(migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # another process may have done it meanwhile
        for number in range(check_version(connection, path, len(migrations)), len(migrations)):
            migrations[number](connection)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
