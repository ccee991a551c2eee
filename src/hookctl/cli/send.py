"""`hookctl send`: its options, and how its plan and its reports are put together."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from hookctl.cli import complete
from hookctl.cli.app import new_app
from hookctl.cli.grouped import GroupedCommand
from hookctl.cli.options import (
    HIDDEN_SECRET,
    cacert_option,
    check_timeout,
    insecure_option,
    refuse_secret,
    report_option,
    secret_file_option,
)
from hookctl.delivery import parse_expect, parse_header
from hookctl.errors import ExitCode, UsageError
from hookctl.flows.send import SendEvent, SendOptions, SendSummary, dry_run, plan_send, run_send
from hookctl.model import Rotation, Tamper
from hookctl.payload import Edit, EditKind, parse_edit
from hookctl.report.beside import Reports
from hookctl.report.progress import ProgressDisplay
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


# the headings of the help
WHICH = "Which events"
CONTENT = "What is in them"
WHERE = "Where they go"
SIGNATURE = "How they are signed"
OFTEN = "How often"
RESULTS = "What is shown"

app = new_app()

Texts = Optional[list[str]]  # noqa: UP045 - Typer reads annotations at run time
Text = Optional[str]  # noqa: UP045
Number = Optional[float]  # noqa: UP045


@app.command("send", cls=GroupedCommand)
def send(
    ctx: typer.Context,
    events: Annotated[
        Texts,
        typer.Argument(
            metavar="[EVENT]...",
            help="Names or globs: order.paid, 'order.*'.",
            show_default=False,
            autocompletion=complete.events,
        ),
    ] = None,
    all_events: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Every event of every provider.",
            rich_help_panel=WHICH,
        ),
    ] = False,
    provider: Annotated[
        Text,
        typer.Option(
            "--provider",
            metavar="NAME",
            autocompletion=complete.providers,
            help="Only this provider: a name, or a provider's folder.",
            rich_help_panel=WHICH,
        ),
    ] = None,
    to: Annotated[
        Text,
        typer.Option(
            "--to",
            metavar="WHERE",
            autocompletion=complete.endpoints,
            help="URL, port on localhost, or a name from [endpoints] in hookctl.toml. "
            "[default: configured, else the documented path on localhost:3000]",
            rich_help_panel=WHERE,
        ),
    ] = None,
    secret_file: Annotated[Texts, secret_file_option(SIGNATURE)] = None,
    set_: Annotated[
        Texts,
        typer.Option(
            "--set",
            metavar="PATH=VALUE",
            help="Change a value; PATH:=JSON for JSON. Repeatable.",
            rich_help_panel=CONTENT,
        ),
    ] = None,
    add: Annotated[
        Texts,
        typer.Option(
            "--add",
            metavar="PATH:=JSON",
            help="Add a field that the event does not have. Repeatable.",
            rich_help_panel=CONTENT,
        ),
    ] = None,
    unset: Annotated[
        Texts,
        typer.Option(
            "--unset",
            metavar="PATH",
            help="Remove a value. Repeatable.",
            rich_help_panel=CONTENT,
        ),
    ] = None,
    data: Annotated[
        Text,
        typer.Option(
            "--data",
            metavar="FILE",
            help="The whole body, byte for byte; - for standard input.",
            rich_help_panel=CONTENT,
        ),
    ] = None,
    header: Annotated[
        Texts,
        typer.Option(
            "-H",
            "--header",
            metavar="'NAME: VALUE'",
            help="Add a header. Repeatable.",
            rich_help_panel=CONTENT,
        ),
    ] = None,
    event_id: Annotated[
        Text,
        typer.Option(
            "--id",
            metavar="ID",
            help="The event's id, instead of a fresh one.",
            rich_help_panel=CONTENT,
        ),
    ] = None,
    at: Annotated[
        Text,
        typer.Option(
            "--at",
            metavar="TIME",
            help="Date the event: RFC 3339 with a zone, or seconds. [default: now]",
            rich_help_panel=CONTENT,
        ),
    ] = None,
    seed: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            "--seed",
            metavar="N",
            help="Same ids every time; with --at, the same bytes on every machine.",
            rich_help_panel=CONTENT,
        ),
    ] = None,
    as_documented: Annotated[
        bool,
        typer.Option(
            "--as-documented",
            help="Send the sample untouched: its own ids and times.",
            rich_help_panel=CONTENT,
        ),
    ] = False,
    timeout: Annotated[
        Number,
        typer.Option(
            "--timeout",
            metavar="S",
            help="Seconds for one delivery. [default: the vendor's, 5]",
            rich_help_panel=WHERE,
        ),
    ] = None,
    count: Annotated[
        int,
        typer.Option(
            "--count",
            metavar="N",
            min=1,
            help="Send N rounds of fresh events.",
            show_default=False,
            rich_help_panel=OFTEN,
        ),
    ] = 1,
    repeat: Annotated[
        int,
        typer.Option(
            "--repeat",
            metavar="N",
            min=1,
            help="Send each event N times, the same bytes again.",
            show_default=False,
            rich_help_panel=OFTEN,
        ),
    ] = 1,
    concurrency: Annotated[
        int,
        typer.Option(
            "--concurrency",
            metavar="N",
            min=1,
            max=256,
            help="Deliveries under way at once.",
            show_default=False,
            rich_help_panel=OFTEN,
        ),
    ] = 1,
    watch: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Option(
            "--watch",
            metavar="PATH",
            help="Send again when files there change, until Ctrl-C. Repeatable.",
            rich_help_panel=OFTEN,
        ),
    ] = None,
    report: Annotated[Texts, report_option(RESULTS, "each event")] = None,
    wait: Annotated[
        float,
        typer.Option(
            "--wait",
            metavar="S",
            min=0,
            help="Keep trying while the connection is refused, in all S seconds.",
            rich_help_panel=WHERE,
        ),
    ] = 0.0,
    expect: Annotated[
        Text,
        typer.Option(
            "--expect",
            metavar="LIST",
            help="Statuses that count as success: 200,2xx. [default: 2xx]",
            rich_help_panel=RESULTS,
        ),
    ] = None,
    tamper: Annotated[
        Optional[Tamper],  # noqa: UP045
        typer.Option(
            "--tamper",
            help="Make it one that must be refused; success is the documented refusal.",
            rich_help_panel=SIGNATURE,
        ),
    ] = None,
    rotate: Annotated[
        Optional[Rotation],  # noqa: UP045
        typer.Option(
            "--rotate",
            help="Sign as while secrets rotate: with the previous, the current, or both.",
            rich_help_panel=SIGNATURE,
        ),
    ] = None,
    only_show: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Show what would be sent, signed, and send nothing.",
            rich_help_panel=RESULTS,
        ),
    ] = False,
    format: Annotated[  # noqa: A002 - the option's name
        Format,
        typer.Option(
            "--format",
            help="curl and http go with --dry-run.",
            rich_help_panel=RESULTS,
        ),
    ] = Format.TEXT,
    verbose: Annotated[
        bool,
        typer.Option(
            "-v",
            "--verbose",
            help="Show requests as sent, and response headers and bodies.",
            rich_help_panel=RESULTS,
        ),
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option(
            "-q",
            "--quiet",
            help="Show the summary only.",
            rich_help_panel=RESULTS,
        ),
    ] = False,
    allow_remote: Annotated[
        bool,
        typer.Option(
            "--allow-remote",
            help="Let an endpoint from a project's hookctl.toml be another machine.",
            rich_help_panel=WHERE,
        ),
    ] = False,
    cacert: Annotated[Optional[Path], cacert_option(WHERE)] = None,  # noqa: UP045
    insecure: Annotated[bool, insecure_option(WHERE)] = False,
    secret: Annotated[Text, HIDDEN_SECRET] = None,
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
    refuse_secret(secret, "send")
    check_timeout(timeout)
    if not isfinite(wait):
        # Typer lets "nan" pass as a number of at least 0, and it would never be over
        raise UsageError("--wait must be a number of seconds")
    if format in {Format.CURL, Format.HTTP} and not only_show:
        raise UsageError(f"--format {format} shows requests without sending them: add --dry-run")
    if watch and (only_show or report or format is Format.JSON):
        raise UsageError("--watch goes on until Ctrl-C: not with --dry-run, --report or --format json")
    if only_show and report:
        raise UsageError("--dry-run sends nothing: there is nothing to --report")
    if watch and "-" in {data, *(secret_file or ())}:
        raise UsageError("--watch reads everything again in each round, but standard input can be read once")
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
        count=count,
        repeat=repeat,
        concurrency=concurrency,
        expect=None if expect is None else parse_expect(expect),
        tamper=tamper,
        rotate=rotate,
        allow_remote=allow_remote,
        cacert=cacert,
        insecure=insecure,
    )
    runtime: Runtime = ctx.obj
    view = _View(format, verbose=verbose, quiet=quiet)
    if watch:
        return _watch(runtime, options, watch, view)
    if only_show:
        return _preview(plan_send(runtime, options), runtime, format)
    machine = format is not Format.TEXT
    with Reports[SendEvent, SendSummary](report or (), runtime, "send", machine=machine) as reports:
        return _deliver(plan_send(runtime, options), runtime, view, reports)


def _edits(kind: EditKind, arguments: list[str] | None) -> list[Edit]:
    return [parse_edit(kind, argument) for argument in arguments or ()]


def _preview(plan: Plan, runtime: Runtime, format_: Format) -> int:
    from hookctl.report.previews import preview_writer

    writer = preview_writer(format_.value, runtime)
    for request in dry_run(plan, runtime):
        writer.write(request)
    writer.close()
    return ExitCode.YES


@dataclass(frozen=True, slots=True)
class _View:
    """How results are shown."""

    format: Format
    verbose: bool
    quiet: bool

    def report(self, plan: Plan, runtime: Runtime, display: ProgressDisplay | None = None) -> SendReport:
        """Return the writer for one run."""
        from hookctl.report.machine import MachineFormat, record_writer
        from hookctl.report.send import MANY, MachineSendReport, TextSendReport

        if self.format is not Format.TEXT:
            return MachineSendReport(record_writer(MachineFormat(self.format.value), runtime.out), runtime)
        return TextSendReport(
            runtime,
            {job.provider.name: job.provider for job in plan.jobs},
            verbose=self.verbose,
            quiet=self.quiet,
            failures_only=runtime.out.is_terminal and plan.size > MANY,
            show=display.line if display else None,
        )


def _deliver(plan: Plan, runtime: Runtime, view: _View, reports: Reports[SendEvent, SendSummary]) -> int:
    if reports.kinds:
        from hookctl.report.send_reports import SendReports

        reports.begin(SendReports(runtime.redactor.clean))
    display = ProgressDisplay(runtime, wanted=plan.size > 1)
    report = view.report(plan, runtime, display)
    note = illustrative_note([job.event for job in plan.jobs if job.event is not None])
    if note:
        report.note(note)
    summary = SendSummary(planned=plan.size)
    interrupted = False
    try:
        for event in run_send(plan, runtime, summary):
            # first, so that the files have whatever was shown when Ctrl-C came
            reports.take(event)
            report.take(event)
            failed = summary.unexpected + summary.not_delivered
            shown = f"{summary.total}/{plan.size}"
            display.advance(summary.total, failed, shown=shown, completed=summary.total, total=plan.size)
    except KeyboardInterrupt:
        # what was sent is still worth knowing
        interrupted = True
    finally:
        display.stop()
    report.close(summary)
    exit_code = ExitCode.INTERRUPTED if interrupted else summary.exit_code
    reports.close(summary, exit_code)
    return exit_code


def _watch(runtime: Runtime, options: SendOptions, paths: list[Path], view: _View) -> int:
    from hookctl.flows.watch import RoundBegins, run_watch
    from hookctl.report.watch import WatchReport

    report: WatchReport | None = None
    for event in run_watch(runtime, options, paths):
        if isinstance(event, RoundBegins):
            report = WatchReport(runtime, view.report(event.plan, runtime), machine=view.format is not Format.TEXT)
        if report is not None:
            report.take(event)
    return ExitCode.YES
