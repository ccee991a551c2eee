"""`hookctl init`."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from hookctl.cli import complete
from hookctl.cli.app import new_app
from hookctl.errors import ExitCode
from hookctl.runtime import Runtime

app = new_app()


@app.command("init")
def init(
    ctx: typer.Context,
    provider: Annotated[
        Optional[str],  # noqa: UP045 - Typer reads annotations at run time
        typer.Option(
            "--provider",
            metavar="NAME",
            autocompletion=complete.providers,
            help="For this vendor: a name, or the path of a provider folder. [default: the built-in ones]",
        ),
    ] = None,
    only_show: Annotated[bool, typer.Option("--dry-run", help="Print the file and write nothing.")] = False,
) -> int:
    """Write a commented hookctl.toml for the app in this folder. Never overwrites one.

    Next.js, Express, FastAPI, Flask and Django are known by their lists of dependencies; port and path are the
    framework's. Exit code 3: there is one already, or it cannot be written.

    \b
    hookctl init
    hookctl init --provider arky --dry-run
    """  # noqa: D301 - the backspace is Typer's mark for a block that is not rewrapped
    from hookctl.flows.starter import plan_starter, write_starter
    from hookctl.report.safe import safe_text
    from hookctl.report.starter import note_on_starter, show_starter

    runtime: Runtime = ctx.obj
    starter = plan_starter(runtime, provider)
    if only_show:
        runtime.out.write(safe_text(starter.text) if runtime.out.is_terminal else starter.text)
        note_on_starter(starter, runtime)
        return ExitCode.YES
    write_starter(starter)
    show_starter(starter, runtime)
    return ExitCode.YES
