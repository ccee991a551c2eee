"""Processes of this machine, found by what stands on their command line."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_PROC = Path("/proc")
_POLITE_S = 3.0
"""How long a process may take to end after SIGTERM."""
_KILLED_S = 2.0
_PAUSE_S = 0.02


def with_argument(argument: str) -> list[int]:
    """Return the ids of the processes that have this argument, which no other program has by chance."""
    return [id_ for id_, words in _command_lines() if argument in words or words[-1].endswith(f" {argument}")]


def named(name: str) -> list[int]:
    """Return the ids of the programs of this name."""
    return [id_ for id_, words in _command_lines() if Path(words[0].partition(" ")[0]).name == name]


def end(find: Callable[[], Sequence[int]]) -> int:
    """End the processes that `find` finds: politely, and after a while by force.

    A process has ended when it is not found any more; one that waits for its parent to take note has no command line.

    Returns:
        How many there were.
    """
    found = find()
    for number, patience_s in ((signal.SIGTERM, _POLITE_S), (signal.SIGKILL, _KILLED_S)):
        left = find()
        for id_ in left:
            with suppress(OSError):
                os.kill(id_, number)
        until_s = time.monotonic() + patience_s
        while left and time.monotonic() < until_s:
            time.sleep(_PAUSE_S)
            left = find()
        if not left:
            break
    return len(found)


def _command_lines() -> Iterator[tuple[int, list[str]]]:
    """Yield each process's id and its command line: word for word, or as one word where that cannot be had."""
    if not _PROC.joinpath("self", "cmdline").exists():
        yield from _listed()
        return
    for folder in _PROC.iterdir():
        if folder.name.isdecimal():
            # it may have gone meanwhile
            with suppress(OSError):
                words = folder.joinpath("cmdline").read_bytes().split(b"\0")[:-1]
                if words:
                    yield int(folder.name), [os.fsdecode(word) for word in words]


def _listed() -> Iterator[tuple[int, list[str]]]:
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            ["/bin/ps", "-axww", "-o", "pid=,command="], capture_output=True, timeout=_KILLED_S, check=False
        )
        for line in os.fsdecode(done.stdout).splitlines():
            id_, _, command = line.strip().partition(" ")
            if id_.isdecimal() and command.strip():
                yield int(id_), [command.strip()]
