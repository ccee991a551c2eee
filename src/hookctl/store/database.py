"""One connection to the database, set up so that what is committed stays."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING

from hookctl.store.location import prepare
from hookctl.store.problems import translated
from hookctl.store.rows import read_text
from hookctl.store.schema import check_version, migrate

if TYPE_CHECKING:
    from pathlib import Path

BUSY_TIMEOUT_S = 10.0
"""How long a connection waits for another's transaction, unless told otherwise."""

_ATTEMPTS = 100
_PAUSE_S = 0.02


def connect(path: Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> sqlite3.Connection:
    """Open the database, make it where it is missing, and bring its schema up to date.

    The connection is in autocommit mode: transactions are begun by hand. Any one thread at a time may use it.

    Args:
        path: the database's, absolute.
        busy_timeout_s: how long each statement waits for another's transaction, in seconds.

    Returns:
        The open connection.

    Raises:
        StoreError: it cannot be opened, is not ours, is damaged or too new.
    """
    prepare(path)
    with translated(path):
        connection = sqlite3.connect(path, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)
        try:
            connection.text_factory = read_text
            # before anything is changed: another program's database stays as it is
            check_version(connection, path)
            if connection.execute("PRAGMA page_count").fetchone() == (0,):
                # has an effect only before the first table is there; afterwards it would be a needless write
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            _write_ahead(connection)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            migrate(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    # while another process writes or switches too, SQLite refuses this at once, whatever the timeout
    for _ in range(_ATTEMPTS):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            time.sleep(_PAUSE_S)
        else:
            return
    connection.execute("PRAGMA journal_mode = WAL")
