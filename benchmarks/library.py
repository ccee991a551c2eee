"""How long the library takes to import, side by side with bare Python and with what a receiver needs anyway.

Each round runs every program once, in turn, so that whatever else the machine does falls on all alike. Reports minimum
and median of each, what that is over bare Python, and the cost of a first call. Exits 0: a benchmark informs, it does
not judge.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

_CALLS = "order = render('order.paid'); h = order.sign('a secret'); assert verify('arky', h, order.body, 'a secret')"

PROGRAMS = {
    "python -c pass": "pass",
    "import hmac, json": "import hmac, json",
    "import hookctl": "import hookctl",
    "from hookctl import sign, verify, render": "from hookctl import sign, verify, render",
    "import dataclasses, json, tomllib, pathlib, hmac": "import dataclasses, json, tomllib, pathlib, hmac",
    "render, sign and verify once": f"from hookctl import sign, verify, render; {_CALLS}",
}


def run(rounds: int) -> dict[str, list[float]]:
    """Run every program in turn, `rounds` times after one that does not count; return the milliseconds of each."""
    times_ms: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for number in range(rounds + 1):
        for name, program in PROGRAMS.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", program], check=True)
            if number > 0:
                times_ms[name].append((time.perf_counter() - started) * 1000)
    return times_ms


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=50)
    times_ms = run(parser.parse_args().rounds)
    bare_min, bare_median = (kind(times_ms["python -c pass"]) for kind in (min, statistics.median))
    print(f"{'':<50} {'min':>6} {'median':>7} {'over bare':>10} {'x bare':>7}   (ms)")
    for name, times in times_ms.items():
        least, median = min(times), statistics.median(times)
        print(f"{name:<50} {least:6.1f} {median:7.1f} {least - bare_min:10.1f} {median / bare_median:7.2f}")


if __name__ == "__main__":
    main()
