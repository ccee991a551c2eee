"""`hookctl events`: the catalogue."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Optional

import typer

from hookctl.catalogue import is_folder, read_sample, read_schema
from hookctl.cli import complete
from hookctl.cli.app import new_app
from hookctl.config import load_config
from hookctl.errors import ExitCode, UsageError
from hookctl.flows.providers import open_catalogue
from hookctl.model import Event
from hookctl.report.catalogue import describe_sample, list_events
from hookctl.report.machine import JsonWriter
from hookctl.report.records import count_record, event_record
from hookctl.report.safe import safe_text
from hookctl.runtime import Runtime


class Format(StrEnum):
    """Output formats of the catalogue."""

    TEXT = "text"
    JSON = "json"


ProviderOption = Annotated[
    Optional[str],  # noqa: UP045 - Typer reads annotations at run time
    typer.Option(
        "--provider",
        autocompletion=complete.providers,
        metavar="NAME",
        help="Only this provider: a name, or the path of a provider folder.",
    ),
]
FormatOption = Annotated[Format, typer.Option("--format", help="For people or for programs.")]
EventArgument = Annotated[
    str,
    typer.Argument(
        autocompletion=complete.events,
        metavar="EVENT",
        help="An event's name, such as order.paid.",
    ),
]

app = new_app(invoke_without_command=True)


@app.callback()
def _events(ctx: typer.Context, provider: ProviderOption = None, format: FormatOption = Format.TEXT) -> int:  # noqa: A002 - the option's name
    """List the documented events; show a sample or its schema.

    \b
    hookctl events
    hookctl events --provider arky --format json
    hookctl events show order.paid > body.json
    hookctl events schema order.paid
    """  # noqa: D301 - the backspace is Typer's mark for a block that is not rewrapped
    if ctx.invoked_subcommand is not None:
        if provider is not None or format is not Format.TEXT:
            raise UsageError(f"put the options behind {ctx.invoked_subcommand!r}")
        return ExitCode.YES
    return list_(ctx, provider, format)


@app.command("list")
def list_(ctx: typer.Context, provider: ProviderOption = None, format: FormatOption = Format.TEXT) -> int:  # noqa: A002
    """List every event of every provider."""
    runtime: Runtime = ctx.obj
    catalogue = open_catalogue(load_config(runtime), provider)
    if format is Format.TEXT:
        folder = provider if provider is not None and is_folder(provider) else None
        list_events(catalogue, runtime, folder=folder)
        return ExitCode.YES
    writer = JsonWriter(runtime.out)
    for event in catalogue.events:
        writer.write(event_record(event))
    writer.close(count_record(len(catalogue.events)))
    return ExitCode.YES


@app.command("show")
def show(
    ctx: typer.Context,
    event: EventArgument,
    provider: ProviderOption = None,
    format: FormatOption = Format.TEXT,  # noqa: A002
) -> int:
    """Print an event's sample payload: JSON on standard output, where it comes from on standard error."""
    return _print(ctx.obj, event, provider, format, "sample")


@app.command("schema")
def schema(
    ctx: typer.Context,
    event: EventArgument,
    provider: ProviderOption = None,
    format: FormatOption = Format.TEXT,  # noqa: A002
) -> int:
    """Print an event's JSON Schema (2020-12, self-contained)."""
    return _print(ctx.obj, event, provider, format, "schema")


def _print(runtime: Runtime, name: str, provider: str | None, format_: Format, what: str) -> int:
    catalogue = open_catalogue(load_config(runtime), provider)
    events = catalogue.select([name])
    if len(events) != 1:
        raise UsageError(f"{name!r} stands for {len(events)} events: name one")
    event: Event = events[0]
    data = read_sample(event) if what == "sample" else read_schema(event)
    if format_ is Format.JSON:
        writer = JsonWriter(runtime.out)
        writer.write({**event_record(event), what: json.loads(data)})
        writer.close(count_record(1))
        return ExitCode.YES
    if what == "sample":
        describe_sample(event, catalogue.provider(event.provider), runtime)
    text = data.decode()
    runtime.out.write(safe_text(text) if runtime.out.is_terminal else text)
    return ExitCode.YES
