"""`hookctl config`: what is in force."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Optional

import typer

from hookctl.cli.app import new_app
from hookctl.cli.options import only_provider_option
from hookctl.errors import ExitCode
from hookctl.runtime import Runtime


class Format(StrEnum):
    """Output formats."""

    TEXT = "text"
    JSON = "json"


app = new_app(no_args_is_help=True)


@app.callback()
def _config() -> None:
    """Show the values in force and where each comes from.

    \b
    hookctl config show
    hookctl config show --format json
    """  # noqa: D301 - the backspace is Typer's mark for a block that is not rewrapped


@app.command("show", short_help="Show every value in force, and what says so.")
def show(
    ctx: typer.Context,
    provider: Annotated[Optional[str], only_provider_option()] = None,  # noqa: UP045 - Typer reads annotations
    format: Annotated[Format, typer.Option("--format", help="For people or for programs.")] = Format.TEXT,  # noqa: A002
) -> int:
    """Show every value in force, and which option, variable or file says so. Secrets are present or absent."""
    from hookctl.flows.settings import settings_in_force
    from hookctl.report.machine import JsonWriter
    from hookctl.report.settings import show_settings, write_settings

    runtime: Runtime = ctx.obj
    settings = list(settings_in_force(runtime, provider))
    if format is Format.TEXT:
        show_settings(settings, runtime)
    else:
        write_settings(settings, JsonWriter(runtime.out), runtime.redactor.clean)
    return ExitCode.YES
