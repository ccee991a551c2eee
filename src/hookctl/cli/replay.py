"""`hookctl replay`: its options, and how its plan and its reports are put together."""

from __future__ import annotations

from enum import StrEnum
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from hookctl.captures.form import Form
from hookctl.cli import complete
from hookctl.cli.app import new_app
from hookctl.cli.grouped import GroupedCommand
from hookctl.cli.options import (
    HIDDEN_SECRET,
    cacert_option,
    check_timeout,
    insecure_option,
    refuse_secret,
    secret_file_option,
)
from hookctl.delivery import parse_expect
from hookctl.errors import ExitCode, UsageError
from hookctl.flows.replay import Replayed, dry_run, run_replay
from hookctl.flows.replay_plan import ReplayOptions, plan_replay
from hookctl.flows.send import SendSummary
from hookctl.payload import Edit, EditKind, parse_edit
from hookctl.report.machine import MachineFormat, record_writer
from hookctl.report.problems import report_note
from hookctl.report.progress import ProgressDisplay
from hookctl.report.replay import MachineReplayReport, TextReplayReport
from hookctl.report.send import MANY

if TYPE_CHECKING:
    from hookctl.flows.replay_plan import ReplayPlan
    from hookctl.report.replay import ReplayReport
    from hookctl.runtime import Runtime


class Format(StrEnum):
    """Output formats; the last two go with --dry-run."""

    TEXT = "text"
    JSON = "json"
    NDJSON = "ndjson"
    CURL = "curl"
    HTTP = "http"


# the headings of the help
WHICH = "Which deliveries"
CONTENT = "What is changed"
WHERE = "Where they go"
SIGNATURE = "How they are signed"
OFTEN = "How often"
RESULTS = "What is shown"

app = new_app()

Texts = Optional[list[str]]  # noqa: UP045 - Typer reads annotations at run time
Text = Optional[str]  # noqa: UP045
Number = Optional[float]  # noqa: UP045


@app.command("replay", cls=GroupedCommand)
def replay(
    ctx: typer.Context,
    names: Annotated[
        Texts,
        typer.Argument(
            metavar="ID|FILE...",
            help="Stored deliveries: ids, their beginnings, last; or captures: files, folders, globs, "
            "- for standard input.",
            show_default=False,
        ),
    ] = None,
    form: Annotated[
        Optional[Form],  # noqa: UP045
        typer.Option(
            "--from",
            help="The form of the captures. [default: found out from what is in them]",
            rich_help_panel=WHICH,
        ),
    ] = None,
    provider: Annotated[
        Text,
        typer.Option(
            "--provider",
            metavar="NAME",
            autocompletion=complete.providers,
            help="Whose deliveries they are: a name, or a provider's folder. [default: found out]",
            rich_help_panel=WHICH,
        ),
    ] = None,
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
        typer.Option("--unset", metavar="PATH", help="Remove a value. Repeatable.", rich_help_panel=CONTENT),
    ] = None,
    to: Annotated[
        Text,
        typer.Option(
            "--to",
            metavar="WHERE",
            autocompletion=complete.endpoints,
            help="URL, port on localhost, or a name from [endpoints] in hookctl.toml. "
            "[default: where it was passed on to, else as for send]",
            rich_help_panel=WHERE,
        ),
    ] = None,
    allow_remote: Annotated[
        bool,
        typer.Option("--allow-remote", help="Let them go to another machine.", rich_help_panel=WHERE),
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
    cacert: Annotated[Optional[Path], cacert_option(WHERE)] = None,  # noqa: UP045
    insecure: Annotated[bool, insecure_option(WHERE)] = False,
    verbatim: Annotated[
        bool,
        typer.Option(
            "--verbatim",
            help="Body, signature and timestamp as captured; needs no secret.",
            rich_help_panel=SIGNATURE,
        ),
    ] = False,
    secret_file: Annotated[Texts, secret_file_option(SIGNATURE)] = None,
    rate: Annotated[
        Number,
        typer.Option(
            "--rate",
            metavar="N",
            help="At most N deliveries a second, evenly spaced. [default: no pause]",
            rich_help_panel=OFTEN,
        ),
    ] = None,
    expect: Annotated[
        Text,
        typer.Option(
            "--expect",
            metavar="LIST",
            help="Statuses that count as success: 200,2xx. [default: 2xx]",
            rich_help_panel=RESULTS,
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
        typer.Option("--format", help="curl and http go with --dry-run.", rich_help_panel=RESULTS),
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
        typer.Option("-q", "--quiet", help="Show the summary only.", rich_help_panel=RESULTS),
    ] = False,
    secret: Annotated[Text, HIDDEN_SECRET] = None,
) -> int:
    """Send again what was received, or a capture from a file.

    Signed anew, now, unless --verbatim; without Cookie and Authorization. It is the same event again, with its own id:
    a receiver that handles each event once skips it, and --set id=evt_new makes it another one. Exit code: 0 all as
    expected, 1 an unexpected status, 4 not delivered, 2 and 3 nothing was sent.

    \b
    hookctl replay last
    hookctl replay dl_01KAS7 --set data.order.total=0
    hookctl replay delivery.http --to 3000 --verbatim
    hookctl replay archive.ndjson --rate 5
    """  # noqa: D301 - the backspace is Typer's mark for a block that is not rewrapped
    refuse_secret(secret, "replay")
    check_timeout(timeout)
    if rate is not None and not (isfinite(rate) and rate > 0):
        raise UsageError("--rate must be a number of deliveries a second, more than 0")
    if form is Form.BODY:
        raise UsageError(
            "a bare body has nothing to be sent again but itself", hint="`hookctl send --data FILE` sends it"
        )
    if format in {Format.CURL, Format.HTTP} and not only_show:
        raise UsageError(f"--format {format} shows requests without sending them: add --dry-run")
    if verbose and quiet:
        raise UsageError("--verbose and --quiet exclude each other")
    options = ReplayOptions(
        names=tuple(names or ()),
        form=form,
        provider=provider,
        to=to,
        secret_files=tuple(secret_file or ()),
        edits=(*_edits(EditKind.SET, set_), *_edits(EditKind.ADD, add), *_edits(EditKind.UNSET, unset)),
        verbatim=verbatim,
        rate_per_s=rate,
        timeout_s=timeout,
        expect=None if expect is None else parse_expect(expect),
        allow_remote=allow_remote,
        cacert=cacert,
        insecure=insecure,
    )
    runtime: Runtime = ctx.obj
    plan = plan_replay(runtime, options)
    if only_show:
        return _preview(plan, runtime, format)
    display = ProgressDisplay(runtime, wanted=len(plan.replays) > 1)
    report: ReplayReport
    if format is Format.TEXT:
        report = TextReplayReport(
            runtime,
            {one.provider.name: one.provider for one in plan.replays if one.provider is not None},
            verbose=verbose,
            quiet=quiet,
            failures_only=runtime.out.is_terminal and len(plan.replays) > MANY,
            show=display.line,
        )
    else:
        report = MachineReplayReport(record_writer(MachineFormat(format.value), runtime.out), runtime)
    return _deliver(plan, runtime, report, display)


def _edits(kind: EditKind, arguments: list[str] | None) -> list[Edit]:
    return [parse_edit(kind, argument) for argument in arguments or ()]


def _preview(plan: ReplayPlan, runtime: Runtime, format_: Format) -> int:
    from hookctl.report.previews import preview_writer

    for note in plan.notes:
        report_note(note, runtime)
    writer = preview_writer(format_.value, runtime)
    for request in dry_run(plan, runtime):
        writer.write(request)
    writer.close()
    return ExitCode.YES


def _deliver(plan: ReplayPlan, runtime: Runtime, report: ReplayReport, display: ProgressDisplay) -> int:
    summary = SendSummary(planned=len(plan.replays))
    interrupted = False
    try:
        for event in run_replay(plan, runtime, summary):
            report.take(event)
            if isinstance(event, Replayed):
                failed = summary.unexpected + summary.not_delivered
                shown = f"{summary.total}/{summary.planned}"
                display.advance(summary.total, failed, shown=shown, completed=summary.total, total=summary.planned)
    except KeyboardInterrupt:
        # what was sent is still worth knowing
        interrupted = True
    finally:
        display.stop()
    report.close(summary)
    return ExitCode.INTERRUPTED if interrupted else summary.exit_code
