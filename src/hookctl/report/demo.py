"""`hookctl demo` as a table."""

from __future__ import annotations

import shutil
from io import StringIO
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hookctl.model import Rotation, Tamper
from hookctl.report.style import Style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hookctl.flows.demo import Case, DemoSummary, Step
    from hookctl.model import Provider
    from hookctl.runtime import Runtime

MAX_WIDTH = 96

# SIMPLE_HEAD without its one character beyond ASCII
_ASCII_HEAD = box.Box(str(box.SIMPLE_HEAD).replace("─", "-"), ascii=True)

_SENT_AS = {
    Tamper.BODY: "body changed",
    Tamper.SIGNATURE: "signature changed",
    Tamper.SECRET: "another secret",
    Tamper.TIMESTAMP: "time changed",
    Tamper.MISSING: "unsigned",
}


def _console(runtime: Runtime, buffer: StringIO) -> Console:
    """Return a console that suits standard output: 80 columns without a terminal, no colour unless it is wanted."""
    style = Style.of(runtime.out, runtime.env)
    width = shutil.get_terminal_size().columns if runtime.out.is_terminal else 80
    return Console(
        file=buffer,
        width=min(width, MAX_WIDTH),
        force_terminal=style.colour,
        no_color=not style.colour,
        highlight=False,
        markup=False,
        emoji=False,
        # COLUMNS and the like come from the run's own environment
        _environ=runtime.env,
    )


def show_demo(steps: Sequence[Step], summary: DemoSummary, runtime: Runtime, *, duration_s: float) -> None:
    """Write one table per provider and a closing verdict."""
    # written in one piece and through the run's own stream, which knows what to do when the reader goes away
    buffer = StringIO()
    console = _console(runtime, buffer)
    unicode = runtime.out.is_unicode
    providers = {step.case.job.provider.name: step.case.job.provider for step in steps}
    name_width = max(len(event.name) for provider in providers.values() for event in provider.events)
    for provider in providers.values():
        own = [step for step in steps if step.case.job.provider.name == provider.name]
        console.print(_heading(provider, own[0], unicode=unicode))
        console.print()
        console.print(_table(own, unicode=unicode, name_width=name_width))
        console.print()
    good = summary.exit_code == 0
    mark = ("✓" if good else "✗") if unicode else ("OK:" if good else "FAILED:")
    verdict = (
        f"{mark} {summary.accepted} of {summary.genuine} genuine deliveries accepted, "
        f"{summary.refused} of {summary.bad} bad ones refused, in {duration_s:.1f} s"
    )
    console.print(Text(verdict, style="bold green" if good else "bold red"))
    console.print()
    console.print(Text("Next, your own receiver:"))
    # the one that `send` finds an endpoint for without being told
    example = next((p for p in providers.values() if p.endpoint.path), next(iter(providers.values())))
    event = next((event for event in example.events if event.documented), example.events[0])
    for command in (f"export {example.secret.env}=...", f"hookctl send {event.name}"):
        console.print(Text(f"  {command}", style="bold"))
    runtime.out.write(buffer.getvalue())


def _heading(provider: Provider, step: Step, *, unicode: bool) -> Text:
    scheme = f"{provider.signature.encoding} {provider.signature.algorithm}"
    arrow = "→" if unicode else "->"
    text = Text(provider.title, style="bold")
    text.append(f"  {scheme} over {''.join(provider.signature.content)}\n", style="dim")
    return text.append(f"  {arrow} POST {step.request.url}", style="dim")


def _table(steps: Sequence[Step], *, unicode: bool, name_width: int) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD if unicode else _ASCII_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0)
    )
    table.add_column("", no_wrap=True, min_width=1)
    table.add_column("event", no_wrap=True, min_width=name_width)
    table.add_column("sent", no_wrap=True, min_width=max(map(len, _SENT_AS.values())))
    table.add_column("the receiver found", no_wrap=True)
    table.add_column("answer", justify="right", no_wrap=True)
    table.add_column("ms", justify="right", no_wrap=True)
    genuine_before = True
    for step in steps:
        if genuine_before and not step.case.genuine:
            table.add_section()
        genuine_before = step.case.genuine
        table.add_row(*_row(step, unicode=unicode))
    return table


def _row(step: Step, *, unicode: bool) -> list[Text]:
    good, bad = ("✓", "✗") if unicode else ("+", "x")
    response = step.attempt.response
    event = step.case.job.event
    found = "nothing arrived" if step.verdict is None else step.verdict.reason.value
    accepted = step.verdict is not None and step.verdict.valid
    return [
        Text(good if step.right else bad, style="green" if step.right else "bold red"),
        Text(event.name if event else ""),
        Text(_sent_as(step.case), style="dim" if step.case.genuine else "yellow"),
        Text(found, style="green" if accepted else "yellow"),
        Text(str(response.status) if response else "---"),
        Text(f"{step.attempt.duration_ms:.0f}", style="dim"),
    ]


def _sent_as(case: Case) -> str:
    if case.tamper is not None:
        return _SENT_AS[case.tamper]
    if case.rotation is Rotation.BOTH:
        return "two signatures"
    documented = case.job.event is not None and case.job.event.documented
    return "documented" if documented else "illustrative"
