"""What can be said of a store without changing it: neither made, nor brought up to date, nor written to."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookctl.store.location import require_own
from hookctl.store.problems import translated
from hookctl.store.schema import check_version

if TYPE_CHECKING:
    from pathlib import Path

_BUSY_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class Inspection:
    """How a store is."""

    version: int
    """Of its schema; 0 for one that is empty."""
    deliveries: int
    size_bytes: int
    is_private: bool
    """Whether nobody else may read it."""


def inspect_store(path: Path) -> Inspection | None:
    """Return how the store at a path is, None where there is none. It can be written to when this returns.

    Raises:
        StoreError: it cannot be opened or written to, is locked, damaged, too new or not ours.
    """
    with translated(path):
        mode = require_own(path)
        if mode is None:
            return None
        address = f"{path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(address, uri=True, timeout=_BUSY_TIMEOUT_S, isolation_level=None)) as connection:
            version = check_version(connection, path)
            deliveries = connection.execute("SELECT count(*) FROM deliveries").fetchone()[0] if version else 0
            # takes the right to write, and gives it back
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        return Inspection(version, deliveries, path.stat().st_size, is_private=not mode & 0o077)
