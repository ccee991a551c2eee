"""Takes old deliveries away, in steps that hold others up only briefly."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

_STEP_ROWS = 500
_STEP_PAGES = 2000
_LARGEST = 2**63 - 1
_CUT = "SELECT received_at_ms, seq FROM deliveries ORDER BY received_at_ms DESC, seq DESC LIMIT 1 OFFSET ?"
_DELETE = """
    DELETE FROM deliveries WHERE seq IN (
        SELECT seq FROM deliveries WHERE (received_at_ms, seq) <= (?, ?) ORDER BY received_at_ms, seq LIMIT ?
    )
"""


def prune(connection: sqlite3.Connection, *, before_ms: int | None, keep: int | None) -> int:
    """Delete deliveries and shrink the file.

    Args:
        connection: in autocommit mode.
        before_ms: those received earlier go, in milliseconds since the Unix epoch; None for none.
        keep: all but so many of the newest go; None for none.

    Returns:
        How many went.

    Raises:
        sqlite3.Error: SQLite failed; what was deleted before stays so.
    """
    newest_to_go = [(before_ms - 1, _LARGEST)] if before_ms is not None else []
    if keep is not None:
        # what arrives from now on is newer and not touched
        newest_to_go += connection.execute(_CUT, (keep,)).fetchall()
    if not newest_to_go:
        return 0
    cut = max(newest_to_go)
    total = 0
    while gone := connection.execute(_DELETE, (*cut, _STEP_ROWS)).rowcount:
        total += gone
    if total:
        _shrink(connection)
    return total


def _shrink(connection: sqlite3.Connection) -> None:
    free = _free_pages(connection)
    while free:
        connection.execute(f"PRAGMA incremental_vacuum({_STEP_PAGES})").fetchall()
        before, free = free, _free_pages(connection)
        if free >= before:
            break
    # the file gets shorter when the log is written back; while another process reads, it is not, and that comes later
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _free_pages(connection: sqlite3.Connection) -> int:
    number: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
    return number
