"""Where hookctl keeps things: whether it can, and whether nobody else can look into it."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from hookctl.flows.doctor.diagnostic import Diagnostic, Result
from hookctl.statefolder import state_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hookctl.flows.doctor.diagnostic import Setup

_MIB = 1024 * 1024


def check_state(setup: Setup) -> Iterator[Diagnostic]:
    """Say whether the folder is there, ours, writable and private."""
    folder = state_folder(setup.runtime.env)
    if folder is None:
        detail = "there is no place for what is received: neither XDG_STATE_HOME nor HOME is set"
        yield Diagnostic("state", Result.WARN, detail, "set one; `hookctl listen --no-store` and `send` need none")
        return
    yield _state(folder)


def _state(folder: Path) -> Diagnostic:
    another = "set XDG_STATE_HOME to a folder of yours"
    try:
        found = folder.stat()
    except FileNotFoundError:
        above = next(place for place in folder.parents if place.exists())
        if not os.access(above, os.W_OK):
            return Diagnostic("state", Result.FAIL, f"{folder} cannot be made: {above} cannot be written to", another)
        return Diagnostic("state", Result.OK, f"{folder}, made when it is needed")
    except OSError as error:
        return Diagnostic("state", Result.FAIL, f"{folder} cannot be used: {error.strerror}", another)
    if not stat.S_ISDIR(found.st_mode):
        return Diagnostic("state", Result.FAIL, f"{folder} is not a folder", f"move it away, or {another}")
    if found.st_uid != os.geteuid():
        return Diagnostic("state", Result.FAIL, f"{folder} belongs to another user", another)
    if not os.access(folder, os.W_OK | os.X_OK):
        return Diagnostic("state", Result.FAIL, f"{folder} cannot be written to", f"chmod 700 {folder}")
    if stat.S_IMODE(found.st_mode) & 0o022:
        return Diagnostic("state", Result.FAIL, f"{folder} can be written to by others", f"chmod 700 {folder}")
    if stat.S_IMODE(found.st_mode) & 0o055:
        return Diagnostic("state", Result.WARN, f"{folder} can be looked into by others", f"chmod 700 {folder}")
    return Diagnostic("state", Result.OK, f"{folder}, yours alone")


def check_store(setup: Setup) -> Iterator[Diagnostic]:
    """Say how large the store is, and whether it can be written to."""
    folder = state_folder(setup.runtime.env)
    if folder is None or not folder.is_dir():
        # the line before has said so
        yield Diagnostic("store", Result.OK, "nothing has been received yet")
        return
    # loads SQLite, which no other check needs
    from hookctl.store import default_path, inspect_store

    path = default_path(setup.runtime.env)
    found = inspect_store(path)
    if found is None:
        yield Diagnostic("store", Result.OK, "nothing has been received yet")
    elif not found.is_private:
        yield Diagnostic("store", Result.WARN, f"{path} can be read by others", f"chmod 600 {path}")
    else:
        count = "1 delivery" if found.deliveries == 1 else f"{found.deliveries:,} deliveries"
        size = f"{found.size_bytes / _MIB:,.1f} MiB"
        yield Diagnostic("store", Result.OK, f"{count}, {size}, schema {found.version}, {path}")
