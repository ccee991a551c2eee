"""What can go wrong with the store, in sentences: SQLite's error codes become errors of hookctl."""

from __future__ import annotations

import contextlib
import sqlite3
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from hookctl.errors import ExitCode, HookctlError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class StoreProblem(StrEnum):
    """Why the store cannot be used: a closed list."""

    FULL = "full"
    """The disk, a quota or a limit on file sizes is exhausted."""
    READ_ONLY = "read_only"
    LOCKED = "locked"
    """Another program holds it for too long."""
    IO = "io"
    """The operating system failed to read or write."""
    CORRUPT = "corrupt"
    """The file is no database, or a damaged one."""
    NEWER = "newer"
    """A later hookctl wrote it."""
    FOREIGN = "foreign"
    """It belongs to another user or program, is a link, or is no file."""
    UNAVAILABLE = "unavailable"
    """It cannot be opened or made."""


class StoreError(HookctlError):
    """The store of deliveries cannot be used; `kind` says why in one word."""

    exit_code = ExitCode.INPUT
    kind: ClassVar[StoreProblem] = StoreProblem.UNAVAILABLE


class StoreFullError(StoreError):
    """There is no space left to write to."""

    kind = StoreProblem.FULL


class StoreReadOnlyError(StoreError):
    """The file or its folder cannot be written to."""

    kind = StoreProblem.READ_ONLY


class StoreLockedError(StoreError):
    """Another program kept the database locked for longer than the store waits."""

    kind = StoreProblem.LOCKED


class StoreIoError(StoreError):
    """Reading or writing failed below SQLite."""

    kind = StoreProblem.IO


class StoreCorruptError(StoreError):
    """The file is not a database, or a damaged one."""

    kind = StoreProblem.CORRUPT


class StoreNewerError(StoreError):
    """The database has a schema that only a later hookctl knows."""

    kind = StoreProblem.NEWER


class StoreForeignError(StoreError):
    """What is at the path is not the user's own store: a link, another user's file, another program's database."""

    kind = StoreProblem.FOREIGN


class UnknownDeliveryError(InputError):
    """An id that no stored delivery has, or the beginning of several ids."""


_MOVE_AWAY = "move the file away to begin a new store; `sqlite3 FILE .recover` may save what is in it"
_UNAVAILABLE = "check the path and the permissions of its folder"
_PRIMARY_CODE = 0xFF
_BY_CODE: dict[int, tuple[type[StoreError], str, str]] = {
    sqlite3.SQLITE_FULL: (StoreFullError, "there is no space left for {path}", "free some space or prune the store"),
    sqlite3.SQLITE_READONLY: (
        StoreReadOnlyError,
        "{path} cannot be written to",
        "make the file and its folder writable, or use another state directory",
    ),
    sqlite3.SQLITE_PERM: (StoreReadOnlyError, "{path} cannot be written to", _UNAVAILABLE),
    sqlite3.SQLITE_BUSY: (
        StoreLockedError,
        "{path} is locked by another program",
        "end the program that holds it, or try again",
    ),
    sqlite3.SQLITE_LOCKED: (StoreLockedError, "{path} is locked by another program", "try again"),
    sqlite3.SQLITE_IOERR: (
        StoreIoError,
        "reading or writing {path} failed",
        "check the disk and its free space, quotas and limits on file sizes",
    ),
    sqlite3.SQLITE_CORRUPT: (StoreCorruptError, "{path} is damaged", _MOVE_AWAY),
    sqlite3.SQLITE_NOTADB: (StoreCorruptError, "{path} is not a database", _MOVE_AWAY),
    sqlite3.SQLITE_CANTOPEN: (StoreError, "{path} cannot be opened", _UNAVAILABLE),
    sqlite3.SQLITE_TOOBIG: (StoreError, "a delivery is too large for {path}", "lower the limit on bodies"),
}


def store_error(error: sqlite3.Error, path: Path) -> StoreError:
    """Return what an error of SQLite means for the user of the database at `path`."""
    # extended codes, such as "the disk failed while syncing", carry the primary one in their lowest byte
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE
    if code not in _BY_CODE:
        return StoreError(f"the store {path} cannot be used: {error}", hint=_UNAVAILABLE)
    kind, sentence, hint = _BY_CODE[code]
    detail = getattr(error, "sqlite_errorname", "")
    return kind(f"{sentence.format(path=path)} ({detail})", hint=hint)


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn every error of SQLite that leaves the context into a `StoreError` that names `path`."""
    try:
        yield
    except sqlite3.Error as error:
        raise store_error(error, path) from error
