"""How far a long run is, on a terminal: a bar with rate, time left and failures so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from hookctl.runtime import Runtime

MOMENT_S = 1.0
"""A run that is over sooner shows no progress."""

REFRESH_S = 0.1
"""How often the bar is drawn anew."""


class ProgressDisplay:
    """A bar on standard error, when that is a terminal and the run takes longer than a moment.

    It is drawn by whoever reports progress, not by a thread: a verification starts processes by forking.

    Args:
        runtime: streams and clock.
        wanted: whether a run of its size may show a bar at all.
    """

    def __init__(self, runtime: Runtime, *, wanted: bool = True) -> None:
        self._runtime = runtime
        self._began_s = runtime.monotonic_s()
        self._drawn_s = 0.0
        self._wanted = wanted and runtime.err.is_terminal and runtime.env.get("TERM") != "dumb"
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def advance(self, done: int, failed: int, *, shown: str, completed: int, total: int | None) -> None:
        """Show how far the run is.

        Args:
            done: how many there have been.
            failed: how many of them failed.
            shown: how many there have been, in words.
            completed: how much of the total is done, in the total's unit.
            total: how much there is in all; None when that is not known.
        """
        if not self._wanted:
            return
        now_s = self._runtime.monotonic_s()
        if self._bar is None and now_s - self._began_s > MOMENT_S:
            self._start()
        if self._bar is None or self._task is None or now_s - self._drawn_s < REFRESH_S:
            return
        self._drawn_s = now_s
        rate = done / max(now_s - self._began_s, MOMENT_S)
        self._bar.update(
            self._task,
            completed=completed,
            total=total,
            count=shown,
            rate=f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s",
            failed=f"{failed:,} failed" if failed else "",
        )
        self._bar.refresh()

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
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        from hookctl.report.style import Style

        style = Style.of(self._runtime.err, self._runtime.env)
        console = Console(file=self._runtime.err.stream, force_terminal=True, no_color=not style.colour)
        self._bar = Progress(
            BarColumn(bar_width=24),
            TextColumn("{task.fields[count]}"),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("[red]{task.fields[failed]}"),
            console=console,
            transient=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bar.add_task("", total=None, count="", rate="", failed="")
        self._bar.start()
