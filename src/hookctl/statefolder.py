"""Where hookctl keeps what outlasts a run: a folder that is the user's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def state_folder(env: Mapping[str, str]) -> Path | None:
    """Return `$XDG_STATE_HOME/hookctl/`, else `~/.local/state/hookctl/`, or None where neither variable says where.

    A relative `XDG_STATE_HOME` counts as none, as its specification has it.
    """
    state = env.get("XDG_STATE_HOME", "")
    if not Path(state).is_absolute():
        home = env.get("HOME", "")
        if not home:
            return None
        state = f"{home}/.local/state"
    return Path(state, "hookctl").absolute()


def make_folder(folder: Path) -> None:
    """Make a folder that nobody else can look into (0700), whatever the umask; one that is there stays as it is."""
    if folder.is_dir():
        return
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return
    # a umask can take away what mkdir was asked for
    folder.chmod(0o700)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder outlast a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
