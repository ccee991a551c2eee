"""Whether processes that a test has seen start have ended."""

from __future__ import annotations

import os
import time
from pathlib import Path

PATIENCE_S = 15.0


def pids_in(file: Path, number: int) -> list[int]:
    """Return the process ids, one a line, that a program writes to a file, as soon as there are so many."""
    until_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s:
        pids = [int(line) for line in file.read_text().split()] if file.exists() else []
        if len(pids) >= number:
            return pids
        time.sleep(0.02)
    raise AssertionError(f"{file} has not got {number} process ids")


def has_ended(pid: int, within_s: float = PATIENCE_S) -> bool:
    """Return whether a process ends within some seconds; one that only waits to be reaped has ended."""
    until_s = time.monotonic() + within_s
    while not _is_over(pid):
        if time.monotonic() > until_s:
            return False
        time.sleep(0.02)
    return True


def _is_over(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] == b"Z"
    except (ProcessLookupError, FileNotFoundError):
        return True
