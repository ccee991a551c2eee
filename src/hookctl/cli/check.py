"""`hookctl check`: its options, and how its plan and its reports are put together."""

from __future__ import annotations

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
from hookctl.errors import ExitCode, UsageError
from hookctl.flows.check import CheckEvent, CheckOptions, CheckSummary, list_checks, plan_check, run_check
from hookctl.report.beside import Reports

if TYPE_CHECKING:
    from hookctl.flows.check import CheckPlan
    from hookctl.report.check import CheckReport
    from hookctl.runtime import Runtime


class Format(StrEnum):
    """Output formats."""

    TEXT = "text"
    JSON = "json"
    NDJSON = "ndjson"


# the headings of the help
WHICH = "Which checks"
WHOSE = "Whose deliveries"
WHERE = "How it is reached"
APP = "The app"
EFFECTS = "What it may do"
RESULTS = "What is shown"

app = new_app()

Texts = Optional[list[str]]  # noqa: UP045 - Typer reads annotations at run time
Text = Optional[str]  # noqa: UP045


@app.command("check", cls=GroupedCommand)
def check(
    ctx: typer.Context,
    target: Annotated[
        Text,
        typer.Argument(
            metavar="URL",
            help="The receiver: a URL, a port on localhost, or a name from [endpoints] in hookctl.toml.",
            show_default=False,
            autocompletion=complete.endpoints,
        ),
    ] = None,
    list_only: Annotated[
        bool,
        typer.Option("--list", help="Show the checks, and send nothing.", rich_help_panel=WHICH),
    ] = False,
    only: Annotated[
        Texts,
        typer.Option("--only", metavar="ID", help="Only these: ids, 'sig-*'. Repeatable.", rich_help_panel=WHICH),
    ] = None,
    skip: Annotated[
        Texts,
        typer.Option("--skip", metavar="ID", help="All but these. Repeatable.", rich_help_panel=WHICH),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="What a receiver should do counts as what it must do.", rich_help_panel=WHICH),
    ] = False,
    provider: Annotated[
        Text,
        typer.Option(
            "--provider",
            metavar="NAME",
            autocompletion=complete.providers,
            help="Whose deliveries it takes: a name, or a provider's folder. [default: told by the URL]",
            rich_help_panel=WHOSE,
        ),
    ] = None,
    event: Annotated[
        Text,
        typer.Option(
            "--event",
            metavar="EVENT",
            autocompletion=complete.events,
            help="The event that stands for all. [default: the first with a documented example]",
            rich_help_panel=WHOSE,
        ),
    ] = None,
    secret_file: Annotated[Texts, secret_file_option(WHOSE)] = None,
    timeout: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            "--timeout",
            metavar="S",
            help="Seconds for one answer. [default: three times the vendor's deadline, 15]",
            rich_help_panel=WHERE,
        ),
    ] = None,
    cacert: Annotated[Optional[Path], cacert_option(WHERE)] = None,  # noqa: UP045
    insecure: Annotated[bool, insecure_option(WHERE)] = False,
    allow_remote: Annotated[
        bool,
        typer.Option("--allow-remote", help="Let it be another machine.", rich_help_panel=EFFECTS),
    ] = False,
    allow_side_effects: Annotated[
        bool,
        typer.Option(
            "--allow-side-effects",
            help="Run checks for which the receiver's own handlers act.",
            rich_help_panel=EFFECTS,
        ),
    ] = False,
    probe_url: Annotated[
        Text,
        typer.Option(
            "--probe-url",
            metavar="URL",
            help="Answers with how many deliveries were acted on, as JSON: for dup-effect and dup-race.",
            rich_help_panel=EFFECTS,
        ),
    ] = None,
    probe_pointer: Annotated[
        Text,
        typer.Option(
            "--probe-pointer",
            metavar="POINTER",
            help="Where in that JSON the number is: /count. [default: it is the number]",
            rich_help_panel=EFFECTS,
        ),
    ] = None,
    probe_cmd: Annotated[
        Text,
        typer.Option(
            "--probe-cmd",
            metavar="CMD",
            help="Prints that number on its last line.",
            rich_help_panel=EFFECTS,
        ),
    ] = None,
    diagnose: Annotated[
        bool,
        typer.Option(
            "--diagnose",
            help="When a genuine delivery is refused, try the usual mistakes.",
            rich_help_panel=WHICH,
        ),
    ] = False,
    start: Annotated[
        Text,
        typer.Option("--start", metavar="CMD", help="Start the app first, and end it at the end.", rich_help_panel=APP),
    ] = None,
    wait_for: Annotated[
        Text,
        typer.Option(
            "--wait-for",
            metavar="URL",
            help="Where the app answers once it is ready. [default: the receiver's URL]",
            rich_help_panel=APP,
        ),
    ] = None,
    start_timeout: Annotated[
        float,
        typer.Option("--start-timeout", metavar="S", help="Seconds until it must answer.", rich_help_panel=APP),
    ] = 60.0,
    format: Annotated[  # noqa: A002 - the option's name
        Format,
        typer.Option("--format", help="How results are written.", rich_help_panel=RESULTS),
    ] = Format.TEXT,
    report: Annotated[Texts, report_option(RESULTS, "each check")] = None,
    verbose: Annotated[
        bool,
        typer.Option("-v", "--verbose", help="Show requests as sent, and the answers.", rich_help_panel=RESULTS),
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option("-q", "--quiet", help="Show the verdict only.", rich_help_panel=RESULTS),
    ] = False,
    secret: Annotated[Text, HIDDEN_SECRET] = None,
) -> int:
    """Say whether a receiver is right: what it accepts, what it refuses, and what that means.

    Sends genuine, forged, malformed, late and repeated deliveries, and judges the answers. Handlers of yours run for
    the control alone, unless --allow-side-effects. Exit code: 0 right, 1 a check failed, 3 no secret or unknown name,
    4 unreachable, 6 inconclusive: a genuine delivery was not accepted.

    \b
    hookctl check http://localhost:3000/api/webhooks/arky
    hookctl check 3000 --only 'sig-*' --only 'ts-*'
    hookctl check 3000 --start 'npm start' --report junit=check.xml
    hookctl check 3000 --allow-side-effects --probe-cmd ./count-orders
    hookctl check --list
    """  # noqa: D301 - the backspace is Typer's mark for a block that is not rewrapped
    refuse_secret(secret, "check")
    check_timeout(timeout)
    if not (isfinite(start_timeout) and start_timeout > 0):
        raise UsageError("--start-timeout must be a number of seconds above 0")
    if list_only and report:
        raise UsageError("--list runs no check: there is nothing to --report")
    if verbose and quiet:
        raise UsageError("--verbose and --quiet exclude each other")
    options = CheckOptions(
        target=target,
        provider=provider,
        event=event,
        only=_ids(only),
        skip=_ids(skip),
        strict=strict,
        secret_files=tuple(secret_file or ()),
        probe_url=probe_url,
        probe_pointer=probe_pointer,
        probe_command=probe_cmd,
        diagnose=diagnose,
        allow_side_effects=allow_side_effects,
        allow_remote=allow_remote,
        timeout_s=timeout,
        cacert=cacert,
        insecure=insecure,
        start=start,
        wait_for=wait_for,
        start_timeout_s=start_timeout,
    )
    runtime: Runtime = ctx.obj
    if list_only:
        return _list(runtime, options, format)
    machine = format is not Format.TEXT
    with Reports[CheckEvent, CheckSummary](report or (), runtime, "check", machine=machine) as reports:
        plan = plan_check(runtime, options)
        return _run(plan, runtime, _report(plan, runtime, format, verbose=verbose, quiet=quiet), reports)


def _ids(arguments: list[str] | None) -> tuple[str, ...]:
    """Return ids and globs, which may be given with commas and again and again."""
    return tuple(part.strip() for argument in arguments or () for part in argument.split(",") if part.strip())


def _list(runtime: Runtime, options: CheckOptions, format_: Format) -> int:
    from hookctl.report.check import write_listing, write_listing_records
    from hookctl.report.machine import MachineFormat, record_writer

    checks = list_checks(runtime, options)
    if format_ is Format.TEXT:
        write_listing(checks, runtime)
    else:
        write_listing_records(checks, record_writer(MachineFormat(format_.value), runtime.out))
    return ExitCode.YES


def _report(plan: CheckPlan, runtime: Runtime, format_: Format, *, verbose: bool, quiet: bool) -> CheckReport:
    from hookctl.report.check import MachineCheckReport, TextCheckReport
    from hookctl.report.machine import MachineFormat, record_writer

    if format_ is Format.TEXT:
        return TextCheckReport(runtime, plan, verbose=verbose, quiet=quiet)
    return MachineCheckReport(record_writer(MachineFormat(format_.value), runtime.out), runtime)


def _run(plan: CheckPlan, runtime: Runtime, report: CheckReport, reports: Reports[CheckEvent, CheckSummary]) -> int:
    if reports.kinds:
        from hookctl.report.check_reports import CheckReports

        reports.begin(CheckReports(plan, runtime))
    summary = CheckSummary(strict=plan.options.strict)
    interrupted = False
    try:
        for event in run_check(plan, runtime, summary):
            reports.take(event)
            report.take(event)
    except KeyboardInterrupt:
        # what was seen is still worth knowing
        interrupted = True
    report.close(summary)
    exit_code = ExitCode.INTERRUPTED if interrupted else summary.exit_code
    reports.close(summary, exit_code)
    return exit_code
