"""What `hookctl init` has written, and how to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.report.problems import report_note
from hookctl.report.safe import safe_line
from hookctl.report.style import Style, Tone

if TYPE_CHECKING:
    from hookctl.flows.starter import Starter
    from hookctl.runtime import Runtime


def show_starter(starter: Starter, runtime: Runtime) -> None:
    """Write which file it is, what is in it, and the next commands."""
    style = Style.of(runtime.out, runtime.env)
    found = starter.found
    why = f"{found.said_by} names {found.framework.title}" if found.said_by else f"found {found.framework.title}"
    runtime.out.line(f"{style.yes} wrote {safe_line(str(starter.path))}")
    runtime.out.line(f"  {safe_line(why)}: port {found.framework.port}")
    names = max(len(endpoint.provider.name) for endpoint in starter.endpoints)
    for endpoint in starter.endpoints:
        guessed = "" if endpoint.is_there else style.paint("  the usual path", Tone.QUIET)
        runtime.out.line(f"  {endpoint.provider.name:<{names}}  {safe_line(endpoint.url)}{guessed}")
    runtime.out.line("next:")
    width = max(len(command) for command, _ in starter.next_commands)
    for command, does in starter.next_commands:
        runtime.out.line(f"  {command:<{width}}  {style.paint(does, Tone.QUIET)}")
    note_on_starter(starter, runtime)


def note_on_starter(starter: Starter, runtime: Runtime) -> None:
    """Write what is worth knowing about it to standard error."""
    for note in starter.notes:
        report_note(note, runtime)
