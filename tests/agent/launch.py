"""Puts the stand-in agent where hookctl finds it, and looks after what becomes of it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.harness import Cli

TOKEN = "2abcDEFghiJKLmnoPQRstuVWXyz_standintoken"
PATIENCE_S = 30.0
_PROGRAM = Path(__file__).with_name("stand_in.py")


@dataclass(frozen=True)
class StandIn:
    """The stand-in on the PATH of a command line."""

    program: Path
    """What is called `ngrok`."""
    log: Path
    """What it tells of itself."""

    def records(self, what: str) -> list[dict[str, Any]]:
        """Return what it has told of a kind so far."""
        if not self.log.exists():
            return []
        lines = self.log.read_text().splitlines(keepends=True)
        found = [json.loads(line) for line in lines if line.endswith("\n")]
        return [record for record in found if record["what"] == what]

    def wait_for(self, what: str) -> dict[str, Any]:
        """Return the first record of a kind as soon as it is there."""
        until_s = time.monotonic() + PATIENCE_S
        while not (records := self.records(what)):
            assert time.monotonic() < until_s, f"no {what}"
            time.sleep(0.01)
        return records[0]

    def running(self) -> list[int]:
        """Return the ids of the agents that run."""
        told = [*self.records("start"), *self.records("version")]
        return [id_ for id_ in {record["pid"] for record in told} if is_running(id_)]

    def wait_until_gone(self) -> None:
        """Return as soon as no agent runs any more."""
        until_s = time.monotonic() + PATIENCE_S
        while self.running():
            assert time.monotonic() < until_s, self.running()
            time.sleep(0.02)

    def kill(self) -> None:
        """End the agents that run."""
        for id_ in self.running():
            with suppress(ProcessLookupError):
                os.kill(id_, signal.SIGKILL)


def install(folder: Path, cli: Cli, *, token: str | None = TOKEN) -> StandIn:
    """Put the stand-in on the command line's PATH, as the only `ngrok`.

    Args:
        folder: an empty one.
        cli: whose environment is changed.
        token: what NGROK_AUTHTOKEN holds; None is no such variable.
    """
    program = folder / "bin" / "ngrok"
    program.parent.mkdir(parents=True)
    words = [sys.executable, "-S", str(_PROGRAM)]
    program.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    program.chmod(0o755)
    cli.env["PATH"] = f"{program.parent}:/usr/bin:/bin"
    cli.env["STAND_IN_LOG"] = str(folder / "log")
    if token is not None:
        cli.env["NGROK_AUTHTOKEN"] = token
    return StandIn(program, folder / "log")


def is_running(id_: int) -> bool:
    """Return whether there is a process with this id that has not ended."""
    try:
        state = Path(f"/proc/{id_}/stat").read_text()
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] not in {"Z", "X"}
