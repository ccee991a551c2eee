"""`hookctl demo`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from hookctl.cli.app import new_app

if TYPE_CHECKING:
    from hookctl.runtime import Runtime

app = new_app()


@app.command("demo")
def demo(ctx: typer.Context) -> int:
    """Try it all on this machine, nothing to configure.

    Starts a receiver on a free loopback port, delivers every documented event of both vendors over real HTTP, and
    tampered and unsigned ones too. Exits 0 only if every genuine one was accepted and every bad one refused.
    """
    from hookctl.flows.demo import DemoSummary, run_demo
    from hookctl.report.demo import show_demo

    runtime: Runtime = ctx.obj
    summary = DemoSummary()
    started_s = runtime.monotonic_s()
    steps = list(run_demo(runtime, summary))
    show_demo(steps, summary, runtime, duration_s=runtime.monotonic_s() - started_s)
    return summary.exit_code
