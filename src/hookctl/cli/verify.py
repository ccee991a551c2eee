"""`hookctl verify`: its options, and how what it finds is reported."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from hookctl.captures.archive import DEFAULT_MAX_LINE_BYTES
from hookctl.captures.form import Form
from hookctl.cli import complete
from hookctl.cli.app import new_app
from hookctl.cli.grouped import GroupedCommand
from hookctl.cli.options import HIDDEN_SECRET, refuse_secret, report_option, secret_file_option
from hookctl.errors import ExitCode, UsageError
from hookctl.flows.bulk import BulkResult
from hookctl.flows.tally import Tally
from hookctl.flows.verify import Progress, VerifyEvent, VerifyOptions, plan_verify, run_verify
from hookctl.report.beside import ReportKind, Reports
from hookctl.report.machine import MachineFormat, record_writer
from hookctl.report.progress import ProgressDisplay
from hookctl.report.verify import MachineVerifyReport, TextVerifyReport

if TYPE_CHECKING:
    from hookctl.flows.verify import VerifyPlan
    from hookctl.report.verify import VerifyReport
    from hookctl.runtime import Runtime


class Format(StrEnum):
    """Output formats."""

    TEXT = "text"
    JSON = "json"
    NDJSON = "ndjson"


# the headings of the help
INPUT = "What is read"
BARE = "A bare body"
JUDGED = "How it is judged"
RESULTS = "What is shown"

app = new_app()

Texts = Optional[list[str]]  # noqa: UP045 - Typer reads annotations at run time
Text = Optional[str]  # noqa: UP045


@app.command("verify", cls=GroupedCommand)
def verify(
    ctx: typer.Context,
    files: Annotated[
        Texts,
        typer.Argument(
            metavar="FILE...",
            help="Captures: files, folders, globs, - for standard input.",
            show_default=False,
        ),
    ] = None,
    form: Annotated[
        Optional[Form],  # noqa: UP045
        typer.Option(
            "--from",
            help="The form of the captures. [default: found out from what is in them]",
            rich_help_panel=INPUT,
        ),
    ] = None,
    max_line: Annotated[
        int,
        typer.Option(
            "--max-line",
            metavar="BYTES",
            min=1,
            help="A longer line of an archive is an error for that line.",
            rich_help_panel=INPUT,
        ),
    ] = DEFAULT_MAX_LINE_BYTES,
    jobs: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            "--jobs",
            metavar="N",
            min=1,
            max=64,
            help="Processes for a large archive. [default: one for each core]",
            rich_help_panel=INPUT,
        ),
    ] = None,
    signature: Annotated[
        Text,
        typer.Option("--signature", metavar="TEXT", help="The signature header's value.", rich_help_panel=BARE),
    ] = None,
    timestamp: Annotated[
        Text,
        typer.Option("--timestamp", metavar="TEXT", help="The timestamp header's value.", rich_help_panel=BARE),
    ] = None,
    header: Annotated[
        Texts,
        typer.Option("-H", "--header", metavar="'NAME: VALUE'", help="Any header. Repeatable.", rich_help_panel=BARE),
    ] = None,
    provider: Annotated[
        Text,
        typer.Option(
            "--provider",
            metavar="NAME",
            autocompletion=complete.providers,
            help="Whose deliveries they are: a name, or a provider's folder. [default: found out]",
            rich_help_panel=JUDGED,
        ),
    ] = None,
    secret_file: Annotated[Texts, secret_file_option(JUDGED)] = None,
    tolerance: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            "--tolerance",
            metavar="S",
            help="Refuse what was signed longer than S seconds before it arrived (or now), or after.",
            rich_help_panel=JUDGED,
        ),
    ] = None,
    strict_schema: Annotated[
        bool,
        typer.Option(
            "--strict-schema",
            help="A payload that is not what its schema says is a failure too.",
            rich_help_panel=JUDGED,
        ),
    ] = False,
    format: Annotated[  # noqa: A002 - the option's name
        Format,
        typer.Option("--format", help="How results are written.", rich_help_panel=RESULTS),
    ] = Format.TEXT,
    report: Annotated[Texts, report_option(RESULTS, "each event of each file")] = None,
    verbose: Annotated[
        bool,
        typer.Option("-v", "--verbose", help="Show headers and bodies.", rich_help_panel=RESULTS),
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option("-q", "--quiet", help="Show the summary only.", rich_help_panel=RESULTS),
    ] = False,
    secret: Annotated[Text, HIDDEN_SECRET] = None,
) -> int:
    """Say whether captured deliveries are genuine, and if not, exactly why.

    Reads raw HTTP, curl commands and traces, HAR, ngrok's inspector JSON, logged request objects, hookctl's own
    records (one or an archive, gzip too) and bare bodies. Exit code: 0 all valid, 1 an invalid one, 3 something could
    not be read or judged.

    \b
    hookctl verify delivery.http
    hookctl verify captures/ --format ndjson
    hookctl verify body.json --signature 5f2b... --timestamp 1704067200
    pbpaste | hookctl verify -
    """  # noqa: D301 - the backspace is Typer's mark for a block that is not rewrapped
    refuse_secret(secret, "verify")
    if tolerance is not None and not (isfinite(tolerance) and tolerance >= 0):
        raise UsageError("--tolerance must be a number of seconds, 0 or more")
    if verbose and quiet:
        raise UsageError("--verbose and --quiet exclude each other")
    runtime: Runtime = ctx.obj
    options = VerifyOptions(
        names=tuple(files or ()),
        form=form,
        provider=provider,
        headers=tuple(_header(line) for line in header or ()),
        signature=signature,
        timestamp=timestamp,
        secret_files=tuple(secret_file or ()),
        tolerance_s=tolerance,
        max_line_bytes=max_line,
        jobs=jobs,
    )
    view = _View(format, strict_schema=strict_schema, verbose=verbose, quiet=quiet)
    machine = format is not Format.TEXT
    with Reports[VerifyEvent, Tally](report or (), runtime, "verify", machine=machine) as reports:
        return _examine(plan_verify(runtime, options), runtime, view, reports)


@dataclass(frozen=True, slots=True)
class _View:
    """How results are shown."""

    format: Format
    strict_schema: bool
    verbose: bool
    quiet: bool

    def report(self, plan: VerifyPlan, runtime: Runtime, display: ProgressDisplay) -> VerifyReport:
        """Return the writer for one run."""
        if self.format is not Format.TEXT:
            return MachineVerifyReport(record_writer(MachineFormat(self.format.value), runtime.out), runtime)
        return TextVerifyReport(
            runtime,
            {one.name: one for one in plan.examiner.providers},
            {name: error.hint or "" for name, error in plan.examiner.secret_problems.items()},
            strict_schema=self.strict_schema,
            verbose=self.verbose,
            quiet=self.quiet,
            show=display.line,
        )


def _examine(plan: VerifyPlan, runtime: Runtime, view: _View, reports: Reports[VerifyEvent, Tally]) -> int:
    display = ProgressDisplay(runtime)
    writer = view.report(plan, runtime, display)
    tally = Tally(strict_schema=view.strict_schema, by_case=bool(reports.kinds - {ReportKind.JSON}))
    writers: tuple[VerifyReport, ...] = (writer,)
    if reports.kinds:
        from hookctl.report.verify_reports import VerifyReports

        made = VerifyReports(runtime)
        reports.begin(made)
        if made.records is not None and view.format is Format.TEXT:
            # else the lines that are shown are those of the report
            writers = (writer, made.records)
    try:
        for event in run_verify(plan, runtime, tally, writers):
            # first, so that the files have whatever was shown when Ctrl-C came
            reports.take(event)
            if isinstance(event, Progress):
                failed = tally.total - tally.valid
                shown = f"{tally.total:,} captures"
                completed = event.read_bytes or 0
                display.advance(tally.total, failed, shown=shown, completed=completed, total=event.size_bytes)
            elif isinstance(event, BulkResult):
                writer.take_lines(event.texts[0])
            else:
                writer.take(event)
    except KeyboardInterrupt:
        # what was examined is still worth knowing
        tally.interrupted = True
    finally:
        display.stop()
    writer.close(tally)
    exit_code = ExitCode.INTERRUPTED if tally.interrupted else tally.exit_code
    reports.close(tally, exit_code)
    return exit_code


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name.strip() or not name.isascii():
        raise UsageError(f"-H takes 'NAME: VALUE', not {line!r}")
    return name.strip(), value.strip()
