"""How many deliveries a second receivers take, side by side: hookctl listen, adnanh/webhook, hookee, bare echoes.

All run at once and are loaded in turn, so that whatever else the machine does falls on all alike; the first round does
not count, of the others the median does. hookctl verifies each delivery and has it on the disk before it answers; it is
checked afterwards that as many are in its store as were answered with 2xx. The others store nothing. Exits 1 when a
delivery is missing, else 0: a benchmark informs, it does not judge.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from loads import PATH, SECRET, Load, Sender, missing

if TYPE_CHECKING:
    from loads import Measured

HERE = Path(__file__).resolve().parent
HOOKCTL = Path(sys.executable).parent / "hookctl"
PEERS = HERE / "peers" / ".venv" / "bin"
OURS = "hookctl listen"
ECHO = "uvicorn, uvloop, httptools"
PLAIN_ECHO = "uvicorn, asyncio, h11"
"""What `pip install uvicorn` brings and no more."""
WEBHOOK = "adnanh/webhook"
TICKS_S = os.sysconf("SC_CLK_TCK")
SYNCS = 200
COMMIT_BYTES = 60_000
"""What sixteen deliveries of order.paid write to the log of the database."""
START_S = 15.0
REST_S = 0.3
"""After each load, until its connections are closed on both sides."""


@dataclass
class Receiver:
    """One program under load."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    measured: dict[int, list[Measured]] = field(default_factory=dict)
    """By the number of connections."""
    cpu_us: dict[int, list[float]] = field(default_factory=dict)
    """Microseconds of processor time for each request, likewise."""
    accepted: int = 0

    def cpu_s(self) -> float:
        """Return the processor time that it has taken, in seconds."""
        # the name of the program, in brackets, may hold blanks
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_S


def commands(folder: Path) -> dict[str, tuple[list[str], int]]:
    """Return the command and the port of each receiver that this machine can run; name those that it cannot."""
    found: dict[str, tuple[list[str], int]] = {}
    for name, more in ((OURS, []), (f"{OURS} --no-store", ["--no-store"])):
        port = free_port()
        found[name] = ([str(HOOKCTL), "listen", "--port", str(port), "--format", "ndjson", *more], port)
    if (PEERS / "uvicorn").exists():
        quiet = ["--no-access-log", "--log-level", "warning", "--app-dir", str(HERE / "receivers"), "echo:app"]
        for name, loop, http in ((ECHO, "uvloop", "httptools"), (PLAIN_ECHO, "asyncio", "h11")):
            port = free_port()
            how = ["--loop", loop, "--http", http, "--port", str(port)]
            found[name] = ([str(PEERS / "uvicorn"), *how, *quiet], port)
    if shutil.which("webhook"):
        port = free_port()
        hooks = folder / "hooks.json"
        hooks.write_text(json.dumps([hook()]), encoding="utf-8")
        found[WEBHOOK] = (["webhook", "-hooks", str(hooks), "-ip", "127.0.0.1", "-port", str(port)], port)
    if (PEERS / "hookee").exists():
        port = free_port()
        route = ["--default-route", PATH, "--port", str(port)]
        found["hookee"] = ([str(PEERS / "hookee"), "--no-tunnel", *route], port)
    for name in (ECHO, PLAIN_ECHO, WEBHOOK, "hookee"):
        if name not in found:
            print(f"{name}: not installed, left out")
    return found


def hook() -> dict[str, object]:
    """Return a hook that checks a signature of the body and starts no program: that alone would take a millisecond."""
    name = {"source": "header", "name": "X-Webhook-Signature"}
    match = {"match": {"type": "payload-hmac-sha256", "secret": SECRET, "parameter": name}}
    return {"id": "arky", "execute-command": "/bin/true", "trigger-rule": {"not": match}}


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def start(name: str, command: list[str], port: int, folder: Path) -> Receiver:
    """Start a receiver and wait until it listens."""
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "XDG_STATE_HOME": str(folder / name),
        "ARKY_WEBHOOK_SECRET": SECRET,
    }
    process = subprocess.Popen(command, env=env, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return Receiver(name, port, process)
    process.kill()
    raise SystemExit(f"{name} did not start: {' '.join(command)}")


def measure(receiver: Receiver, sender: Sender, connections: int, seconds: int, *, counts: bool) -> None:
    """Load one receiver once."""
    before_s = receiver.cpu_s()
    measured = sender.send(receiver.port, connections, seconds)
    receiver.accepted += measured.accepted
    if counts:
        cpu_us = (receiver.cpu_s() - before_s) * 1e6 / max(measured.accepted, 1)
        receiver.measured.setdefault(connections, []).append(measured)
        receiver.cpu_us.setdefault(connections, []).append(cpu_us)
    time.sleep(REST_S)


def report(load: Load, receivers: list[Receiver], connections: int) -> None:
    """Print a table."""
    rates = {
        receiver.name: statistics.median(one.requests_s for one in receiver.measured[connections])
        for receiver in receivers
    }
    print(f"\n{load}, {connections} connections")
    print(
        f"{'':<26} {'requests/s':>11} {'p50 ms':>8} {'p99 ms':>8} {'errors':>7} {'CPU us':>7} "
        f"{'of uvloop':>10} {'of h11':>7} {'of webhook':>11}"
    )
    for receiver in receivers:
        every = receiver.measured[connections]
        rate = rates[receiver.name]
        p50_ms, p99_ms = (
            statistics.median(times) for times in zip(*((o.p50_ms, o.p99_ms) for o in every), strict=True)
        )
        errors = sum(one.errors for one in every)
        cpu_us = statistics.median(receiver.cpu_us[connections])
        ratios = " ".join(
            f"{rate / rates[peer]:>{width}.2f}" if peer in rates else f"{'':>{width}}"
            for peer, width in ((ECHO, 10), (PLAIN_ECHO, 7), (WEBHOOK, 11))
        )
        print(f"{receiver.name:<26} {rate:11,.0f} {p50_ms:8.1f} {p99_ms:8.1f} {errors:7} {cpu_us:7.0f} {ratios}")


def sync_ms(folder: Path) -> float:
    """Return how long the disk takes to keep what one commit writes, in milliseconds: the median of many."""
    times_s: list[float] = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            file.write(bytes(COMMIT_BYTES))
            began_s = time.perf_counter()
            os.fdatasync(file.fileno())
            times_s.append(time.perf_counter() - began_s)
    return statistics.median(times_s) * 1000


def stored(folder: Path) -> int:
    """Return how many deliveries are in hookctl's store."""
    with sqlite3.connect(folder / OURS / "hookctl" / "deliveries.db") as connection:
        number: int = connection.execute("SELECT count(*) FROM deliveries JOIN contents USING (seq)").fetchone()[0]
        return number


def main() -> None:
    """Parse options, start all, load each in turn, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--load", type=Load, choices=list(Load), default=Load.HEY)
    parser.add_argument("--rounds", type=int, default=3, help="that count")
    parser.add_argument("--seconds", type=int, default=3, help="of each load")
    parser.add_argument("--connections", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--folder", type=Path, help="where the store is made: on the disk that matters")
    options = parser.parse_args()
    if missing(options.load):
        sys.exit(f"{options.load.program} is not installed")
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="hookctl-benchmark-") as name:
        folder = Path(name)
        print(f"a sync of {COMMIT_BYTES:,} bytes takes {sync_ms(folder):.2f} ms")
        receivers: list[Receiver] = []
        sender = Sender(options.load, folder)
        try:
            for receiver_name, (command, port) in commands(folder).items():
                receivers.append(start(receiver_name, command, port, folder))
            for round_ in range(options.rounds + 1):
                for connections in options.connections:
                    for receiver in receivers:
                        measure(receiver, sender, connections, options.seconds, counts=round_ > 0)
        finally:
            for receiver in receivers:
                receiver.process.terminate()
            for receiver in receivers:
                receiver.process.wait()
        for connections in options.connections:
            report(options.load, receivers, connections)
        accepted, kept = receivers[0].accepted, stored(folder)
        print(f"\nhookctl answered {accepted:,} with 2xx that were waited for, and has {kept:,} in its store")
        if kept < accepted:
            sys.exit("hookctl acknowledged deliveries that it has not stored")


if __name__ == "__main__":
    main()
