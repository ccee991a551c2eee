"""Load for a receiver: signed deliveries, sent by hey or wrk over connections that stay open."""

from __future__ import annotations

import hmac
import json
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

HERE = Path(__file__).resolve().parent
SAMPLE = HERE.parent / "fixtures" / "arky" / "events" / "order.paid.json"
PATH = "/hooks/arky"
SECRET = "whsec_benchmark_secret"  # noqa: S105 - made up
DISTINCT = 50_000
"""More than any receiver here takes in one load of three seconds."""

_REQUESTS_S = re.compile(r"Requests/sec:\s+([\d.]+)")
_PERCENTILE = r"{}%+ in ([\d.]+) secs"
_STATUS = re.compile(r"\[(\d{3})\]\s+(\d+) responses")
_FAILED = re.compile(r"^  \[(\d+)\]\s+(?!\d+ responses)\S", re.MULTILINE)


class Load(StrEnum):
    """What sends, and what."""

    HEY = "hey"
    """The same delivery again and again."""
    WRK = "wrk"
    """The same, from a program that takes less of the machine for itself."""
    WRK_DISTINCT = "wrk-distinct"
    """Every delivery with an id of its own."""

    @property
    def program(self) -> str:
        """The program that sends."""
        return self.value.partition("-")[0]


@dataclass(frozen=True, slots=True)
class Measured:
    """What one load saw. Times in milliseconds."""

    requests_s: float
    p50_ms: float
    p99_ms: float
    accepted: int
    """Answers with 2xx."""
    errors: int
    """Other answers, and none."""


@dataclass(frozen=True, slots=True)
class _Signed:
    body: bytes
    headers: tuple[tuple[str, str], ...]


class Sender:
    """Sends loads.

    Args:
        load: which.
        folder: for the files that the programs read.
    """

    def __init__(self, load: Load, folder: Path) -> None:
        self._load = load
        self._folder = folder
        self._delivered = 0
        self._signed = _sign(0)

    def send(self, port: int, connections: int, seconds: int) -> Measured:
        """Send to a port of this machine for some seconds."""
        if self._load is Load.HEY:
            return self._hey(port, connections, seconds)
        return self._wrk(port, connections, seconds)

    def _hey(self, port: int, connections: int, seconds: int) -> Measured:
        body = self._folder / "body.json"
        body.write_bytes(self._signed.body)
        headers = [part for name, value in self._signed.headers for part in ("-H", f"{name}: {value}")]
        command = ["hey", "-z", f"{seconds}s", "-c", str(connections), "-m", "POST", "-D", str(body)]
        said = _run([*command, "-T", "application/json", *headers, f"http://127.0.0.1:{port}{PATH}"])
        statuses = {int(status): int(count) for status, count in _STATUS.findall(said)}
        accepted = sum(count for status, count in statuses.items() if status // 100 == 2)
        failed = sum(int(count) for count in _FAILED.findall(said))
        p50_ms, p99_ms = (_number(_PERCENTILE.format(percent), said) * 1000 for percent in (50, 99))
        others = sum(statuses.values()) - accepted
        return Measured(_number(_REQUESTS_S.pattern, said), p50_ms, p99_ms, accepted, others + failed)

    def _wrk(self, port: int, connections: int, seconds: int) -> Measured:
        file = self._folder / "requests"
        if self._load is Load.WRK_DISTINCT:
            signed = [_sign(number) for number in range(self._delivered, self._delivered + DISTINCT)]
            self._delivered += DISTINCT
        else:
            signed = [self._signed]
        file.write_bytes(b"".join(_message(one) for one in signed))
        command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s"]
        script = str(HERE / "receivers" / "requests.lua")
        said = _run([*command, "-s", script, f"http://127.0.0.1:{port}{PATH}", "--", str(file)])
        counts = json.loads(said.splitlines()[-1])
        accepted = counts["requests"] - counts["refused"]
        return Measured(
            counts["requests"] / counts["duration_us"] * 1e6,
            counts["p50_us"] / 1000,
            counts["p99_us"] / 1000,
            accepted,
            counts["refused"] + counts["failed"],
        )


def missing(load: Load) -> bool:
    """Return whether the program of a load is not installed."""
    return shutil.which(load.program) is None


def _sign(number: int) -> _Signed:
    """Return Arky's order.paid, signed, with an id of its own."""
    sample = json.loads(SAMPLE.read_bytes()) | {"id": f"evt_{number:012d}"}
    body = json.dumps(sample, separators=(",", ":"), ensure_ascii=False).encode()
    timestamp = str(int(time.time()))
    key = SECRET.encode()
    signature = hmac.digest(key, timestamp.encode() + b"." + body, "sha256").hex()
    # what adnanh/webhook can check is the body alone
    other = hmac.digest(key, body, "sha256").hex()
    headers = (
        ("X-Arky-Signature", signature),
        ("X-Arky-Timestamp", timestamp),
        ("X-Webhook-Signature", f"sha256={other}"),
    )
    return _Signed(body, headers)


def _message(signed: _Signed) -> bytes:
    """Return a delivery as it goes over the wire, its length before it."""
    lines = [
        f"POST {PATH} HTTP/1.1",
        "Host: 127.0.0.1",
        "User-Agent: wrk",
        "Content-Type: application/json",
        f"Content-Length: {len(signed.body)}",
        *(f"{name}: {value}" for name, value in signed.headers),
    ]
    message = "\r\n".join([*lines, "", ""]).encode() + signed.body
    return b"%08d%b" % (len(message), message)


def _run(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    # hey leaves out what it has no answers for
    return float(found[1]) if found else float("nan")
