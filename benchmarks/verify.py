"""How fast archives are verified, side by side: hookctl, a plain Python loop, a Node.js script, the HMACs alone.

Each round runs every program once, in turn, over the same archive; the best of three counts. hookctl does more than the
others: it finds out whose delivery each is, holds the payload against its schema, writes more keys. Also measures the
peak memory of any one of hookctl's processes. Exits 0: a benchmark informs, it does not judge.
"""

from __future__ import annotations

import argparse
import hmac
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent / "fixtures" / "arky" / "events"
HOOKCTL = Path(sys.executable).parent / "hookctl"
SECRET = "whsec_benchmark_secret"  # noqa: S105 - made up
ROUNDS = 3
LOOK_S = 0.02


def write_archive(path: Path, records: int) -> int:
    """Write deliveries of every Arky event in turn; return the bytes of an average body."""
    samples = [json.loads(file.read_bytes()) for file in sorted(FIXTURES.glob("*.json"))]
    bodies = [json.dumps(sample, separators=(",", ":"), ensure_ascii=False).encode() for sample in samples]
    ids = [sample["id"].encode() for sample in samples]
    total = 0
    with path.open("wb") as archive:
        for number in range(records):
            which = number % len(bodies)
            body = bodies[which].replace(ids[which], b"evt_%012d" % number)
            total += len(body)
            timestamp = str(1_704_067_200 + number)
            signature = hmac.digest(SECRET.encode(), timestamp.encode() + b"." + body, "sha256").hex()
            headers = [
                ["Host", "localhost:3000"],
                ["User-Agent", "Arky-Webhooks/1.0"],
                ["Accept", "*/*"],
                ["Content-Type", "application/json"],
                ["Content-Length", str(len(body))],
                ["X-Arky-Signature", signature],
                ["X-Arky-Timestamp", timestamp],
            ]
            record = {
                "schema": "hookctl.capture/1",
                "id": f"dl_{number:012d}",
                "received_at": "2024-01-01T00:00:01.000Z",
                "method": "POST",
                "target": "/api/webhooks/arky",
                "http_version": "1.1",
                "headers": headers,
                "body": body.decode(),
                "response": {"status": 200, "headers": [], "body": "OK"},
            }
            archive.write(json.dumps(record, separators=(",", ":")).encode() + b"\n")
    return total // records


def run(command: list[str], env: dict[str, str]) -> tuple[float, int]:
    """Run a command, its output thrown away; return its seconds and the peak KiB of any one of its processes."""
    began = time.perf_counter()
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL) as process:
        peak = 0
        while process.poll() is None:
            peak = max(peak, *(peak_kib(pid) for pid in family(process.pid)))
            time.sleep(LOOK_S)
        seconds = time.perf_counter() - began
        if process.returncode != 0:
            raise SystemExit(f"{command[0]} ended with {process.returncode}")
    return seconds, peak


def family(pid: int) -> list[int]:
    """Return a process and its children."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    return [pid, *map(int, children)]


def peak_kib(pid: int) -> int:
    """Return the most memory that a process has had, 0 where that is not known."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0)


def main() -> None:
    """Write an archive, run everything over it, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=200_000)
    options = parser.parse_args()
    env = {**os.environ, "ARKY_WEBHOOK_SECRET": SECRET}
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "archive.ndjson")
        body_bytes = write_archive(archive, options.records)
        size_mb = archive.stat().st_size / 1e6
        print(f"{options.records:,} records, {size_mb:.0f} MB, bodies of {body_bytes} bytes on average\n")
        programs = {
            "hookctl verify": [str(HOOKCTL), "verify", str(archive), "--format", "ndjson"],
            "hookctl verify, one process": [str(HOOKCTL), "verify", str(archive), "--format", "ndjson", "--jobs", "1"],
            "plain Python loop": [sys.executable, str(HERE / "verifiers" / "loop.py"), str(archive)],
        }
        if shutil.which("node"):
            programs["Node.js script"] = ["node", str(HERE / "verifiers" / "loop.mjs"), str(archive)]
        best = dict.fromkeys(programs, float("inf"))
        peaks = dict.fromkeys(programs, 0)
        floor = float("inf")
        for _ in range(ROUNDS):
            for name, command in programs.items():
                seconds, peak = run(command, env)
                best[name] = min(best[name], seconds)
                peaks[name] = max(peaks[name], peak)
            command = [sys.executable, str(HERE / "verifiers" / "floor.py"), str(options.records), str(body_bytes)]
            floor = min(floor, float(subprocess.run(command, env=env, capture_output=True, check=True).stdout))
    ours = best["hookctl verify"]
    print(f"{'best of three':<30} {'s':>7} {'records/s':>11} {'hookctl is':>12} {'peak MiB':>9}")
    for name, seconds in best.items():
        ratio = f"{seconds / ours:.2f} x" if name != "hookctl verify" else ""
        print(f"{name:<30} {seconds:7.2f} {options.records / seconds:11,.0f} {ratio:>12} {peaks[name] / 1024:9.0f}")
    print(f"{'the HMACs alone, one core':<30} {floor:7.2f} {options.records / floor:11,.0f} {floor / ours:10.2f} x")


if __name__ == "__main__":
    main()
