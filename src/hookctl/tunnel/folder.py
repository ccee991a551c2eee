"""The private folder of one agent: its settings, how it is started, what it complains of; and those left behind.

A folder is locked by the process that made it for as long as that lives, however it ends. One that can be locked has
nobody any more: its agent, which names the folder on its command line, is ended and the folder removed. So no process
id is ever kept, and none that another program has got since can be ended by mistake.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from hookctl.statefolder import make_folder, state_folder
from hookctl.tunnel import processes
from hookctl.tunnel.interface import TunnelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_CONFIG = "ngrok.yml"
_LONGEST_COMPLAINT = 8192


def base_folder(env: Mapping[str, str]) -> Path:
    """Return the folder that holds those of the agents: `tunnels` in hookctl's state.

    Raises:
        TunnelError: no variable says where that is.
    """
    folder = state_folder(env)
    if folder is None:
        message = "there is no place for the ngrok agent's settings: HOME is not set"
        raise TunnelError(message, hint="set XDG_STATE_HOME or HOME")
    return folder / "tunnels"


class AgentFolder:
    """The folder of an agent under way.

    Args:
        base: where folders of agents are.
        name: one that no other has.

    Raises:
        TunnelError: it cannot be made.
    """

    def __init__(self, base: Path, name: str) -> None:
        self.path = base / name
        self.config = self.path / _CONFIG
        """The agent's settings; also what it is found by."""
        self.launcher = self.path / "ngrok"
        """Becomes the agent, with its standard error in a file: it is text from outside."""
        self._complaints = self.path / "stderr"
        try:
            with _alone(base):
                self.path.mkdir(mode=0o700)
                self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise _unusable(self.path, error) from error

    def fill(self, agent: Path, settings: str) -> None:
        """Write the settings and the launcher of an agent.

        Raises:
            TunnelError: they cannot be written.
        """
        words = f'exec {shlex.quote(str(agent))} "$@" 2>{shlex.quote(str(self._complaints))}'
        try:
            _write(self.config, settings, 0o600)
            _write(self.launcher, f"#!/bin/sh\n{words}\n", 0o700)
        except OSError as error:
            raise _unusable(self.path, error) from error

    @property
    def complaints(self) -> str:
        """What the agent has written to its standard error, or the beginning of it."""
        try:
            with self._complaints.open("rb") as stream:
                return stream.read(_LONGEST_COMPLAINT).decode("utf-8", "replace")
        except OSError:
            return ""

    def end_agent(self) -> None:
        """End the agent, if there is one."""
        processes.end(self._agents)

    def remove(self) -> None:
        """End the agent and remove the folder."""
        self.end_agent()
        shutil.rmtree(self.path, ignore_errors=True)
        with suppress(OSError):
            os.close(self._lock)

    def _agents(self) -> list[int]:
        return processes.with_argument(str(self.config))


def clean_up(base: Path) -> int:
    """End the agents that earlier runs have left behind, and remove their folders.

    Returns:
        How many agents there were.
    """
    ended = 0
    if not base.is_dir():
        return ended
    with suppress(OSError), _alone(base):
        for path in sorted(base.iterdir()):
            # one that is in use cannot be locked; a file is none of them
            with suppress(OSError), _locked(path):
                ended += processes.end(partial(processes.with_argument, str(path / _CONFIG)))
                shutil.rmtree(path, ignore_errors=True)
    return ended


@contextmanager
def _alone(base: Path) -> Iterator[None]:
    """Let no other process make or remove folders meanwhile: one is locked a moment after it is made."""
    make_folder(base.parent)
    make_folder(base)
    with _locked(base, wait=True):
        yield


@contextmanager
def _locked(path: Path, *, wait: bool = False) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, text: str, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(path, flags, mode), "w", encoding="utf-8") as stream:  # noqa: PTH123 - a descriptor
        os.fchmod(stream.fileno(), mode)
        stream.write(text)


def _unusable(path: Path, error: OSError) -> TunnelError:
    return TunnelError(
        f"cannot make {path}: {error.strerror or error}",
        hint="the agent's settings go there: check the folder, or set XDG_STATE_HOME to another",
    )
