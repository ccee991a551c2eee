"""How long commands take, side by side: hookctl, bare Python, HTTPie, curl with openssl, the Stripe CLI.

Each round runs every command once, in turn, so that whatever else the machine does falls on all alike.
Reports minimum and median of each, and ratios of medians. Exits 0: a benchmark informs, it does not judge.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hookctl.receiver import BackgroundServer, Reply

if TYPE_CHECKING:
    from hookctl.model import CapturedRequest

HERE = Path(__file__).resolve().parent
HOOKCTL = Path(sys.executable).parent / "hookctl"
HTTPIE = HERE / "peers" / ".venv" / "bin" / "http"
STRIPE = HERE / "peers" / "node_modules" / ".bin" / "stripe"
SECRET = "whsec_benchmark_secret"  # noqa: S105 - made up

# the same signed POST by hand: openssl computes the signature, curl sends
BY_HAND = """
body='{"id":"evt_1","event":"order.paid","timestamp":1704067200,"businessId":"biz_1","data":{}}'
now=$(date +%s)
signature=$(printf '%s.%s' "$now" "$body" | openssl dgst -sha256 -hmac "$ARKY_WEBHOOK_SECRET" -r | cut -d' ' -f1)
printf %s "$body" | curl -sS -o /dev/null --data-binary @- -H 'content-type: application/json' \
  -H "x-arky-signature: $signature" -H "x-arky-timestamp: $now" "$1"
"""


@dataclass
class Case:
    """One command and the times it took, in milliseconds."""

    name: str
    command: list[str]
    times_ms: list[float] = field(default_factory=list)

    @property
    def median_ms(self) -> float:
        """The median of its times."""
        return statistics.median(self.times_ms)


def cases(url: str) -> list[Case]:
    """Return every command that this machine can run."""
    endpoints = ["--to", url]
    found = [
        Case("python -c pass", [sys.executable, "-c", "pass"]),
        Case("hookctl --version", [str(HOOKCTL), "--version"]),
        Case("hookctl events", [str(HOOKCTL), "events"]),
        Case("hookctl send order.paid", [str(HOOKCTL), "send", "order.paid", "--format", "ndjson", *endpoints]),
        Case("hookctl send --all (26)", [str(HOOKCTL), "send", "--all", "--format", "ndjson", *endpoints]),
        Case("curl + openssl", ["sh", "-c", BY_HAND, "sh", url]),
    ]
    if HTTPIE.exists():
        found.append(Case("http POST (HTTPie)", [str(HTTPIE), "--ignore-stdin", "POST", url, "event=order.paid"]))
    if STRIPE.exists():
        found.append(Case("stripe --version", [str(STRIPE), "--version"]))
    return found


def run(rounds: int) -> list[Case]:
    """Run every command in turn, `rounds` times after one that does not count."""

    async def accept(request: CapturedRequest) -> Reply:
        del request
        return Reply(200, b"OK")

    with BackgroundServer(accept) as server, tempfile.TemporaryDirectory() as home:
        every = cases(f"{server.url}/api/webhooks/arky")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "ARKY_WEBHOOK_SECRET": SECRET,
            "ARCADE_SIGNING_SECRET": SECRET,
        }
        for round_ in range(rounds + 1):
            for case in every:
                started = time.perf_counter()
                subprocess.run(
                    case.command,
                    env=environment,
                    cwd=home,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    check=True,
                )
                if round_:
                    case.times_ms.append((time.perf_counter() - started) * 1000)
    return every


def report(every: list[Case]) -> None:
    """Print a table and the ratios that are aimed for."""
    by_name = {case.name: case for case in every}
    python = by_name["python -c pass"].median_ms
    print(f"{'command':<26} {'min ms':>8} {'median ms':>10} {'x python':>9}")
    for case in every:
        print(f"{case.name:<26} {min(case.times_ms):8.1f} {case.median_ms:10.1f} {case.median_ms / python:9.2f}")
    print()
    one, all_ = by_name["hookctl send order.paid"], by_name["hookctl send --all (26)"]
    print(f"26 events take {all_.median_ms / one.median_ms:.2f} times the time of one")
    for peer in ("http POST (HTTPie)", "curl + openssl"):
        if peer in by_name:
            print(f"send takes {one.median_ms / by_name[peer].median_ms:.2f} of {peer}")
    if "stripe --version" in by_name:
        ratio = by_name["hookctl events"].median_ms / by_name["stripe --version"].median_ms
        print(f"events takes {ratio:.2f} of stripe --version")


def main() -> None:
    """Parse options, measure, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--json", metavar="FILE", help="also write the times")
    options = parser.parse_args()
    if shutil.which("openssl") is None or shutil.which("curl") is None:
        sys.exit("the comparison needs curl and openssl")
    every = run(options.rounds)
    report(every)
    if options.json:
        Path(options.json).write_text(json.dumps({case.name: case.times_ms for case in every}), encoding="utf-8")


if __name__ == "__main__":
    main()
