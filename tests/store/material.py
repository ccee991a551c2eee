"""Deliveries to store, and the processes that store them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from hookctl.model import CapturedRequest, Reason, Verdict
from hookctl.store import Arrival, Store

if TYPE_CHECKING:
    from pathlib import Path

    from hookctl.model import CapturedResponse, RawHeaders

NOW_MS = 1_704_067_200_000
OK = Verdict(valid=True, reason=Reason.OK, age_s=0.25)
FORGED = Verdict(valid=False, reason=Reason.MISMATCH)


def clock() -> int:
    """Return the time at which every test takes place."""
    return NOW_MS


def open_store(folder: Path) -> Store:
    """Open the store in a folder of its own below the given one."""
    return Store.open(folder / "state" / "deliveries.db", clock=clock)


def arrival(
    number: int = 0,
    *,
    at_ms: int | None = None,
    provider: str | None = "arky",
    event: str | None = "order.paid",
    event_id: str | None = "",
    body: bytes | None = None,
    headers: RawHeaders = ((b"X-Name", b"value"),),
    target: str = "/hook?a=b",
    verdict: Verdict = OK,
    response: CapturedResponse | None = None,
) -> Arrival:
    """Return a delivery; those of different numbers differ in time, body and, where not given, event id."""
    request = CapturedRequest(
        received_at_ms=NOW_MS + number if at_ms is None else at_ms,
        method="POST",
        target=target,
        http_version="1.1",
        headers=headers,
        body=b'{"number":%d}' % number if body is None else body,
    )
    return Arrival(request, verdict, provider, event, f"evt_{number}" if event_id == "" else event_id, response)


def python(script: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a process that runs a script, with this folder's modules at hand and its output in a pipe."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def finish(process: subprocess.Popen[bytes], timeout_s: float = 60.0) -> list[str]:
    """Wait for a process that must end well and return the lines it wrote."""
    out, _ = process.communicate(timeout=timeout_s)
    assert process.returncode == 0
    return out.decode().splitlines()
