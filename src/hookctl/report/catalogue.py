"""`hookctl events` for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.report.safe import safe_line
from hookctl.report.style import Style, Tone

if TYPE_CHECKING:
    from hookctl.catalogue import Catalogue
    from hookctl.model import Event, Provider
    from hookctl.runtime import Runtime


def list_events(catalogue: Catalogue, runtime: Runtime, *, folder: str | None = None) -> None:
    """Write every event under its provider and group.

    Args:
        catalogue: what to list.
        runtime: streams and environment.
        folder: the provider folder that was asked for, which further commands have to name too.
    """
    style = Style.of(runtime.out, runtime.env)
    width = max(len(event.name) for event in catalogue.events)
    for provider in catalogue.providers:
        documented = sum(event.documented for event in provider.events)
        head = style.paint(safe_line(provider.title), Tone.STRONG)
        events = _count(len(provider.events), "event")
        count = f"{safe_line(provider.summary)}, {events}, {documented} with a documented payload"
        runtime.out.line(f"{head}  {style.paint(count, Tone.QUIET)}")
        group = None
        for event in provider.events:
            if event.group != group:
                group = event.group
                runtime.out.line(f"  {style.paint(safe_line(group), Tone.QUIET)}")
            mark = "documented" if event.documented else "illustrative"
            shown = style.paint(f"{mark:<12}", Tone.GOOD if event.documented else Tone.QUIET)
            runtime.out.line(f"    {event.name:<{width}}  {shown}  {safe_line(event.description)}")
        runtime.out.line()
    example = catalogue.events[0].name + ("" if folder is None else f" --provider {safe_line(folder)}")
    runtime.out.line(
        style.paint("documented: equals the vendor's page; illustrative: ours, in the same shapes", Tone.QUIET)
    )
    for command in ("events show", "send"):
        runtime.out.line(style.paint(f"hookctl {command} {example}", Tone.QUIET))


def describe_sample(event: Event, provider: Provider, runtime: Runtime) -> None:
    """Say on standard error where a sample comes from: standard output holds the JSON alone."""
    style = Style.of(runtime.err, runtime.env)
    text = f"{event.name} ({safe_line(provider.title)}): "
    if event.documented:
        text += "the vendor's documented example"
    else:
        text += "illustrative, the vendor's page gives no example for this event"
    runtime.err.line(style.paint(text, Tone.QUIET))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
