"""`hookctl deliveries`: its commands and options, and how what is stored is told, exported and pruned."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer
from typer.core import TyperGroup

from hookctl.cli import complete
from hookctl.cli.app import new_app
from hookctl.cli.grouped import GroupedCommand
from hookctl.errors import ExitCode, UsageError, did_you_mean
from hookctl.flows.deliveries import (
    AGES,
    NOTHING_YET,
    RECEIVE,
    Pruned,
    Wanted,
    find,
    mask_secrets,
    open_store,
    pages,
    prune,
    read_age_ms,
    require_store,
)
from hookctl.report.deliveries import MachineListReport, TextListReport, show_delivery, show_pruned
from hookctl.report.delivery_forms import ExportForm
from hookctl.report.export import export_to_file, export_to_output
from hookctl.report.machine import MachineFormat, record_writer
from hookctl.report.problems import report_note
from hookctl.report.records import count_record, pruned_record, whole_record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hookctl.report.deliveries import ListReport
    from hookctl.runtime import Runtime
    from hookctl.store import StoredDelivery


class Format(StrEnum):
    """Output formats."""

    TEXT = "text"
    JSON = "json"
    NDJSON = "ndjson"


DEFAULT_LIMIT = 20
"""Deliveries that a listing shows unless told otherwise."""

LIST = "list"
"""The command that is meant when none is named."""

# the headings of the help
WHICH = "Which deliveries"
RESULTS = "What is shown"
WRITTEN = "What is written"

Text = Optional[str]  # noqa: UP045 - Typer reads annotations at run time

EventOption = Annotated[
    Text,
    typer.Option(
        "--event",
        metavar="GLOB",
        autocompletion=complete.events,
        help="Of this event: a name, or a glob such as 'order.*'.",
        rich_help_panel=WHICH,
    ),
]
ProviderOption = Annotated[
    Text,
    typer.Option(
        "--provider",
        metavar="NAME",
        autocompletion=complete.providers,
        help="Of this provider.",
        rich_help_panel=WHICH,
    ),
]
IdOption = Annotated[
    Text,
    typer.Option(
        "--id", metavar="EVENT_ID", help="With the event's own id: every time it came.", rich_help_panel=WHICH
    ),
]
ValidOption = Annotated[
    Optional[bool],  # noqa: UP045
    typer.Option("--valid/--invalid", help="Genuine ones, or the others.", rich_help_panel=WHICH),
]
ReasonOption = Annotated[
    Text,
    typer.Option("--reason", metavar="REASON", help="With this verdict, such as mismatch.", rich_help_panel=WHICH),
]
StatusOption = Annotated[
    Text,
    typer.Option(
        "--status", metavar="CODE", help="Whose sender was answered so: 500, or 5xx for any.", rich_help_panel=WHICH
    ),
]
SinceOption = Annotated[
    Text,
    typer.Option(
        "--since",
        metavar="TIME",
        help=f"From this time on: RFC 3339 with zone, seconds since 1970, or how long ago: {AGES}.",
        rich_help_panel=WHICH,
    ),
]
UntilOption = Annotated[
    Text, typer.Option("--until", metavar="TIME", help="Before this time, likewise.", rich_help_panel=WHICH)
]
FormatOption = Annotated[Format, typer.Option("--format", help="For people or for programs.", rich_help_panel=RESULTS)]


class _ListByDefault(TyperGroup):
    """A group that lists when no command is named: `hookctl deliveries --event X` needs no `list`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer's private context type
        """Put the command in where there is none."""
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = [LIST, *args]
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401
        """Resolve a command's name; an unknown one is answered with the nearest, an id with what shows it."""
        if args[0] not in self.commands:
            hint = did_you_mean(args[0], list(self.commands)) or f"commands: {', '.join(self.commands)}"
            if args[0].lower().startswith("dl_") or args[0] == "last":
                hint = f"hookctl deliveries show {args[0]}"
            raise UsageError(f"no such command of deliveries: {args[0]!r}", hint=hint)
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """Write the commands, then the options of the listing, which may stand here too."""
        self.format_commands(ctx, formatter)
        self.commands[LIST].format_options(ctx, formatter)


app = new_app(cls=_ListByDefault)


@app.callback()
def _deliveries() -> None:
    """List, show, export and prune what `hookctl listen` has received.

    \b
    hookctl deliveries                                  the newest ones
    hookctl deliveries --event 'order.*' --invalid --since 2h
    hookctl deliveries show last
    hookctl deliveries export --status 5xx --format http -o failed.http
    hookctl deliveries prune --older-than 30d --keep 10000

    Without a command, and with the options below, it lists.
    """  # noqa: D301 - the backspace is Typer's mark for a block that is not rewrapped


@app.command(LIST, cls=GroupedCommand)
def list_(
    ctx: typer.Context,
    event: EventOption = None,
    provider: ProviderOption = None,
    event_id: IdOption = None,
    valid: ValidOption = None,
    reason: ReasonOption = None,
    status: StatusOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: Annotated[
        int,
        typer.Option("--limit", metavar="N", min=0, help="At most so many; 0 is all.", rich_help_panel=RESULTS),
    ] = DEFAULT_LIMIT,
    reverse: Annotated[
        bool, typer.Option("--reverse", help="The oldest first, not the newest.", rich_help_panel=RESULTS)
    ] = False,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the option's name
) -> int:
    """List deliveries, the newest first, a line for each."""
    runtime: Runtime = ctx.obj
    wanted = Wanted(event, provider, event_id, valid, reason, status, since, until)
    filters = wanted.filters(runtime.now_ms())
    mask_secrets(runtime)
    report: ListReport
    if format is Format.TEXT:
        report = TextListReport(runtime, narrowed=not wanted.everything)
    else:
        report = MachineListReport(record_writer(MachineFormat(format.value), runtime.out), runtime)
    store = open_store(runtime)
    if store is None:
        report_note(f"{NOTHING_YET}; {RECEIVE}", runtime)
        if format is not Format.TEXT:
            report.close(0, 0)
        return ExitCode.YES
    with store:
        # counted first: what arrives meanwhile is not "20 of 19"
        total = store.count(filters)
        shown = 0
        for page in pages(store, filters, limit=limit, newest_first=not reverse):
            report.take(page)
            shown += len(page)
            if runtime.out.reader_gone:
                break
        report.close(shown, max(shown, total))
    return ExitCode.YES


@app.command("show", cls=GroupedCommand)
def show(
    ctx: typer.Context,
    reference: Annotated[
        str, typer.Argument(metavar="ID|last", help="A stored delivery: its id, the beginning of it, or last.")
    ],
    format: FormatOption = Format.TEXT,  # noqa: A002
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Show bodies whole.", rich_help_panel=RESULTS)
    ] = False,
) -> int:
    """Show everything that is stored of one delivery.

    Signing secrets that are known here are masked; `hookctl deliveries export` gives the exact bytes.
    """
    runtime: Runtime = ctx.obj
    mask_secrets(runtime)
    with require_store(runtime) as store:
        (delivery,) = find(store, [reference])
    if format is Format.TEXT:
        show_delivery(delivery, runtime, verbose=verbose)
        return ExitCode.YES
    writer = record_writer(MachineFormat(format.value), runtime.out)
    writer.write(whole_record(delivery, runtime.redactor.clean))
    writer.close(count_record(1))
    return ExitCode.YES


@app.command("export", cls=GroupedCommand)
def export(
    ctx: typer.Context,
    references: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(
            metavar="ID...",
            help="Stored deliveries, in this order: ids, their beginnings, last. [default: all, the oldest first]",
            show_default=False,
        ),
    ] = None,
    event: EventOption = None,
    provider: ProviderOption = None,
    event_id: IdOption = None,
    valid: ValidOption = None,
    reason: ReasonOption = None,
    status: StatusOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    form: Annotated[
        ExportForm,
        typer.Option(
            "--format",
            help="hookctl's own records, raw HTTP requests, or curl commands.",
            rich_help_panel=WRITTEN,
        ),
    ] = ExportForm.CAPTURE,
    output: Annotated[
        Text,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Write to a file, whole or not at all. [default: standard output]",
            rich_help_panel=WRITTEN,
        ),
    ] = None,
) -> int:
    """Write deliveries as records, raw HTTP or curl commands.

    `hookctl verify` and `hookctl replay` read each of them. Bytes are written exactly as they came, never masked: what
    is secret in them stays in the export. Only a body that came in chunks is written in one piece, with its length.

    \b
    hookctl deliveries export > archive.ndjson
    hookctl deliveries export last --format curl
    """  # noqa: D301 - the backspace is Typer's mark for a block that is not rewrapped
    runtime: Runtime = ctx.obj
    wanted = Wanted(event, provider, event_id, valid, reason, status, since, until)
    filters = wanted.filters(runtime.now_ms())
    if references:
        if not wanted.everything:
            raise UsageError("ids say which deliveries: the other options that do cannot go with them")
        with require_store(runtime) as store:
            return _export(find(store, references), runtime, form, output)
    found = open_store(runtime)
    if found is None:
        report_note(f"{NOTHING_YET}; {RECEIVE}", runtime)
        return _export((), runtime, form, output)
    with found:
        return _export(found.deliveries(filters, newest_first=False), runtime, form, output)


def _export(deliveries: Iterable[StoredDelivery], runtime: Runtime, form: ExportForm, output: str | None) -> int:
    if output is None or output == "-":
        export_to_output(deliveries, form, runtime.out)
        return ExitCode.YES
    count = export_to_file(deliveries, form, runtime.cwd / output)
    noun = "delivery" if count == 1 else "deliveries"
    report_note(f"exported {count:,} {noun} to {output}", runtime)
    return ExitCode.YES


@app.command("prune", cls=GroupedCommand)
def prune_(
    ctx: typer.Context,
    older_than: Annotated[
        Text,
        typer.Option(
            "--older-than",
            metavar="AGE",
            help=f"What was received longer ago goes: {AGES}.",
            rich_help_panel=WHICH,
        ),
    ] = None,
    keep: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--keep", metavar="N", min=0, help="All but the newest N go.", rich_help_panel=WHICH),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.", rich_help_panel=RESULTS)] = False,
    format: FormatOption = Format.TEXT,  # noqa: A002
) -> int:
    """Remove deliveries for good, by age, by count or both.

    Nothing is asked. The space they took is given back.

    \b
    hookctl deliveries prune --older-than 7d
    hookctl deliveries prune --keep 1000 --dry-run
    """  # noqa: D301 - the backspace is Typer's mark for a block that is not rewrapped
    if older_than is None and keep is None:
        raise UsageError("which deliveries go? give --older-than AGE, --keep N or both")
    older_than_ms = None if older_than is None else read_age_ms(older_than)
    if older_than is not None and older_than_ms is None:
        raise UsageError(f"--older-than takes an age such as {AGES}, not {older_than!r}")
    runtime: Runtime = ctx.obj
    store = open_store(runtime)
    if store is None:
        report_note(f"{NOTHING_YET}; {RECEIVE}", runtime)
        pruned = Pruned(removed=0, left=0, freed_bytes=0, dry_run=dry_run)
    else:
        with store:
            pruned = prune(store, runtime, older_than_ms=older_than_ms, keep=keep, dry_run=dry_run)
    if format is not Format.TEXT:
        record_writer(MachineFormat(format.value), runtime.out).close(pruned_record(pruned))
    elif store is not None:
        show_pruned(pruned, runtime)
    return ExitCode.YES
