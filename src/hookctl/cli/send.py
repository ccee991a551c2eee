"""`hookctl send`: its options, and how its plan and its reports are put together."""

from __future__ import annotations

from enum import StrEnum
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from hookctl.cli.app import new_app
from hookctl.delivery import parse_expect, parse_header
from hookctl.errors import ExitCode, UsageError
from hookctl.flows.send import SendOptions, SendSummary, dry_run, plan_send, run_send
from hookctl.model import Rotation, Tamper
from hookctl.payload import Edit, EditKind, parse_edit
from hookctl.report.send import illustrative_note
from hookctl.timestamps import parse_at

if TYPE_CHECKING:
    from hookctl.flows.send import Plan
    from hookctl.report.send import SendReport
    from hookctl.runtime import Runtime


class Format(StrEnum):
    """Output formats; the last two go with --dry-run."""

    TEXT = "text"
    JSON = "json"
    NDJSON = "ndjson"
    CURL = "curl"
    HTTP = "http"


app = new_app()

Texts = Optional[list[str]]  # noqa: UP045 - Typer reads annotations at run time
Text = Optional[str]  # noqa: UP045
Number = Optional[float]  # noqa: UP045


@app.command("send")
def send(
    ctx: typer.Context,
    events: Annotated[
        Texts, typer.Argument(metavar="[EVENT]...", help="Names or globs: order.paid, 'order.*'.", show_default=False)
    ] = None,
    all_events: Annotated[bool, typer.Option("--all", help="Every event of every provider.")] = False,
    provider: Annotated[
        Text, typer.Option("--provider", metavar="NAME", help="Only this provider: a name, or a provider's folder.")
    ] = None,
    to: Annotated[
        Text,
        typer.Option(
            "--to",
            metavar="WHERE",
            help="URL, port on localhost, or a name from [endpoints] in hookctl.toml. "
            "[default: configured, else the documented path on localhost:3000]",
        ),
    ] = None,
    secret_file: Annotated[
        Texts,
        typer.Option(
            "--secret-file",
            metavar="FILE",
            help="File with the signing secret, - for standard input; twice: current, then previous. "
            "[default: the provider's variable, else .env.local, .env]",
        ),
    ] = None,
    set_: Annotated[
        Texts, typer.Option("--set", metavar="PATH=VALUE", help="Change a value; PATH:=JSON for JSON. Repeatable.")
    ] = None,
    add: Annotated[
        Texts, typer.Option("--add", metavar="PATH:=JSON", help="Add a field that the event does not have. Repeatable.")
    ] = None,
    unset: Annotated[Texts, typer.Option("--unset", metavar="PATH", help="Remove a value. Repeatable.")] = None,
    data: Annotated[
        Text, typer.Option("--data", metavar="FILE", help="The whole body, byte for byte; - for standard input.")
    ] = None,
    header: Annotated[
        Texts, typer.Option("-H", "--header", metavar="'NAME: VALUE'", help="Add a header. Repeatable.")
    ] = None,
    event_id: Annotated[
        Text, typer.Option("--id", metavar="ID", help="The event's id, instead of a fresh one.")
    ] = None,
    at: Annotated[
        Text,
        typer.Option("--at", metavar="TIME", help="Date the event: RFC 3339 with a zone, or seconds. [default: now]"),
    ] = None,
    seed: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--seed", metavar="N", help="Same ids every time; with --at, the same bytes on every machine."),
    ] = None,
    as_documented: Annotated[
        bool, typer.Option("--as-documented", help="Send the sample untouched: its own ids and times.")
    ] = False,
    timeout: Annotated[
        Number, typer.Option("--timeout", metavar="S", help="Seconds for one delivery. [default: the vendor's, 5]")
    ] = None,
    wait: Annotated[
        float,
        typer.Option(
            "--wait", metavar="S", min=0, help="Keep trying while the connection is refused, in all S seconds."
        ),
    ] = 0.0,
    expect: Annotated[
        Text, typer.Option("--expect", metavar="LIST", help="Statuses that count as success: 200,2xx. [default: 2xx]")
    ] = None,
    tamper: Annotated[
        Optional[Tamper],  # noqa: UP045
        typer.Option("--tamper", help="Make it one that must be refused; success is the documented refusal."),
    ] = None,
    rotate: Annotated[
        Optional[Rotation],  # noqa: UP045
        typer.Option("--rotate", help="Sign as while secrets rotate: with the previous, the current, or both."),
    ] = None,
    only_show: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be sent, signed, and send nothing.")
    ] = False,
    format: Annotated[  # noqa: A002 - the option's name
        Format, typer.Option("--format", help="curl and http go with --dry-run.")
    ] = Format.TEXT,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Show requests as sent, and response headers and bodies.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Show the summary only.")] = False,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Let an endpoint from a project's hookctl.toml be another machine.")
    ] = False,
    cacert: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--cacert", metavar="FILE", help="Trust the certificate authorities in this PEM file."),
    ] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Do not check TLS certificates.")] = False,
    secret: Annotated[Text, typer.Option("--secret", hidden=True)] = None,
) -> int:
    """Render, sign and deliver events to an endpoint.

    Payloads come from the vendors' documentation; ids are fresh and times are now. Each delivery is judged by its
    status. Exit code: 0 all as expected, 1 an unexpected status, 4 not delivered, 2 and 3 nothing was sent.

    \b
    hookctl send order.paid
    hookctl send 'order.*' --to http://localhost:8080/hooks
    hookctl send order.paid --set data.order.total=100 --expect 200
    hookctl send --all --provider arky --tamper signature
    hookctl send order.paid --dry-run --format curl
    """  # noqa: D301 - the backspace is Typer's mark for a block that is not rewrapped
    if secret is not None:
        raise UsageError(
            "--secret is not an option: every user of the machine can read a command line",
            hint="set the provider's variable (`hookctl send --help`), or give --secret-file FILE",
        )
    if timeout is not None and not 0 < timeout <= 3600:
        raise UsageError("--timeout must be more than 0 and at most 3600 seconds")
    if not isfinite(wait):
        # Typer lets "nan" pass as a number of at least 0, and it would never be over
        raise UsageError("--wait must be a number of seconds")
    if format in {Format.CURL, Format.HTTP} and not only_show:
        raise UsageError(f"--format {format} shows requests without sending them: add --dry-run")
    if verbose and quiet:
        raise UsageError("--verbose and --quiet exclude each other")
    options = SendOptions(
        patterns=tuple(events or ()),
        all_events=all_events,
        provider=provider,
        to=to,
        secret_files=tuple(secret_file or ()),
        edits=(*_edits(EditKind.SET, set_), *_edits(EditKind.ADD, add), *_edits(EditKind.UNSET, unset)),
        data=data,
        headers=tuple(parse_header(line) for line in header or ()),
        event_id=event_id,
        at_ms=None if at is None else parse_at(at),
        seed=seed,
        as_documented=as_documented,
        timeout_s=timeout,
        wait_s=wait,
        expect=None if expect is None else parse_expect(expect),
        tamper=tamper,
        rotate=rotate,
        allow_remote=allow_remote,
        cacert=cacert,
        insecure=insecure,
    )
    runtime: Runtime = ctx.obj
    plan = plan_send(runtime, options)
    if only_show:
        return _preview(plan, runtime, format)
    return _deliver(plan, runtime, _report(plan, runtime, format, verbose=verbose, quiet=quiet))


def _edits(kind: EditKind, arguments: list[str] | None) -> list[Edit]:
    return [parse_edit(kind, argument) for argument in arguments or ()]


def _preview(plan: Plan, runtime: Runtime, format_: Format) -> int:
    from hookctl.report.previews import preview_writer

    writer = preview_writer(format_.value, runtime)
    for request in dry_run(plan, runtime):
        writer.write(request)
    writer.close()
    return ExitCode.YES


def _report(plan: Plan, runtime: Runtime, format_: Format, *, verbose: bool, quiet: bool) -> SendReport:
    from hookctl.report.machine import MachineFormat, record_writer
    from hookctl.report.send import MachineSendReport, TextSendReport

    if format_ is not Format.TEXT:
        return MachineSendReport(record_writer(MachineFormat(format_.value), runtime.out), runtime)
    providers = {job.provider.name: job.provider for job in plan.jobs}
    return TextSendReport(runtime, providers, verbose=verbose, quiet=quiet)


def _deliver(plan: Plan, runtime: Runtime, report: SendReport) -> int:
    note = illustrative_note([job.event for job in plan.jobs if job.event is not None])
    if note:
        report.note(note)
    summary = SendSummary(planned=len(plan.jobs))
    try:
        for event in run_send(plan, runtime, summary):
            report.take(event)
    except KeyboardInterrupt:
        # what was sent is still worth knowing
        report.close(summary)
        return ExitCode.INTERRUPTED
    report.close(summary)
    return summary.exit_code
