"""How far a long run is, on a terminal: a bar with rate, time left and failures so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from hookctl.flows.send import SendSummary
    from hookctl.runtime import Runtime

MOMENT_S = 1.0
"""A run that is over sooner shows no progress."""


class ProgressDisplay:
    """A bar on standard error, when that is a terminal and the run takes longer than a moment.

    Args:
        runtime: streams and clock.
        total: deliveries in all.
    """

    def __init__(self, runtime: Runtime, total: int) -> None:
        self._runtime = runtime
        self._total = total
        self._began_s = runtime.monotonic_s()
        self._wanted = runtime.err.is_terminal and runtime.env.get("TERM") != "dumb" and total > 1
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def advance(self, summary: SendSummary) -> None:
        """Show how far the run is."""
        if self._bar is None and self._wanted and self._runtime.monotonic_s() - self._began_s > MOMENT_S:
            self._start()
        if self._bar is not None and self._task is not None:
            failed = summary.unexpected + summary.not_delivered
            rate = summary.total / max(self._runtime.monotonic_s() - self._began_s, MOMENT_S)
            self._bar.update(
                self._task,
                completed=summary.total,
                rate=f"{rate:.0f}/s" if rate >= 10 else f"{rate:.1f}/s",
                failed=f"{failed} failed" if failed else "",
            )

    def line(self, text: str) -> None:
        """Write a line to standard output; where it shares the terminal with the bar, above it."""
        if self._bar is not None and self._runtime.out.is_terminal:
            from rich.text import Text

            self._bar.console.print(Text.from_ansi(text), soft_wrap=True)
        else:
            self._runtime.out.line(text)

    def stop(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _start(self) -> None:
        # 60 ms to load, which a run of a moment does not pay
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        from hookctl.report.style import Style

        style = Style.of(self._runtime.err, self._runtime.env)
        console = Console(file=self._runtime.err.stream, force_terminal=True, no_color=not style.colour)
        self._bar = Progress(
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("[red]{task.fields[failed]}"),
            console=console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bar.add_task("", total=self._total, rate="", failed="")
        self._bar.start()
