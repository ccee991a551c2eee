"""Where the store is, and that it is the user's own: private whatever the umask, never through a planted link."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from hookctl.statefolder import make_folder, state_folder, sync_folder
from hookctl.store.problems import StoreError, StoreForeignError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FILE_NAME = "deliveries.db"
# what SQLite keeps beside a database; it gives them the database's own permissions
_COMPANIONS = ("-wal", "-shm", "-journal")
_FOREIGN_HINT = "move it away, or use another state directory (XDG_STATE_HOME)"


def default_path(env: Mapping[str, str]) -> Path:
    """Return the store's path: in the folder for hookctl's state.

    Raises:
        StoreError: neither `XDG_STATE_HOME` nor `HOME` says where that is.
    """
    folder = state_folder(env)
    if folder is None:
        raise StoreError("there is no place for the store: HOME is not set", hint="set XDG_STATE_HOME or HOME")
    return folder / _FILE_NAME


def prepare(path: Path) -> None:
    """Make the folder (0700) and an empty file (0600) where they are missing, and refuse what is not ours.

    A folder that exists keeps its permissions; the files become private.

    Raises:
        StoreForeignError: the file, or one that SQLite keeps beside it, is a link, no file, or another user's.
        StoreError: the folder or the file cannot be made.
    """
    try:
        make_folder(path.parent)
        _make_file(path)
        for name in (path.name, *(path.name + companion for companion in _COMPANIONS)):
            _make_private(path.with_name(name))
    except OSError as error:
        raise StoreError(
            f"cannot make the store {path}: {error.strerror or error}",
            hint="check the path, the space and the permissions of its folder",
        ) from error


def _make_file(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)
    # SQLite sees to what is in the file; that there is one must outlast a power cut too
    sync_folder(path.parent)


def _make_private(path: Path) -> None:
    mode = require_own(path)
    if mode is not None and mode & 0o077:
        path.chmod(0o600)


def require_own(path: Path) -> int | None:
    """Return the permissions of a file, None where there is none.

    Raises:
        StoreForeignError: it is a link, no file, or another user's.
    """
    # without opening it: closing any descriptor of a database drops the locks that this process has on it
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(found.st_mode):
        raise StoreForeignError(f"{path} is a symbolic link", hint=_FOREIGN_HINT)
    if not stat.S_ISREG(found.st_mode):
        raise StoreForeignError(f"{path} is not a file", hint=_FOREIGN_HINT)
    if found.st_uid != os.geteuid():
        raise StoreForeignError(f"{path} belongs to another user", hint=_FOREIGN_HINT)
    return stat.S_IMODE(found.st_mode)
