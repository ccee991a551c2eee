"""`hookctl sandbox`: its options, and how what happens is reported."""

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
    host_option,
    insecure_option,
    port_option,
    ready_file_option,
    refuse_secret,
    secret_file_option,
)
from hookctl.cli.ready_file import ReadyFile, marking
from hookctl.errors import UsageError

if TYPE_CHECKING:
    from hookctl.report.sandbox import SandboxReport
    from hookctl.runtime import Runtime


class Format(StrEnum):
    """Output formats."""

    TEXT = "text"
    NDJSON = "ndjson"


# the headings of the help
WHERE = "Where it listens"
API = "What it stands in for"
DELIVERY = "How it delivers"
RESULTS = "What is shown"

DEFAULT_PORT = 4410

app = new_app()

Texts = Optional[list[str]]  # noqa: UP045 - Typer reads annotations at run time
Text = Optional[str]  # noqa: UP045


@app.command("sandbox", cls=GroupedCommand)
def sandbox_command(
    ctx: typer.Context,
    port: Annotated[int, port_option(WHERE)] = DEFAULT_PORT,
    host: Annotated[str, host_option(WHERE)] = "127.0.0.1",
    ready_file: Annotated[Optional[Path], ready_file_option(WHERE)] = None,  # noqa: UP045
    token: Annotated[
        Text,
        typer.Option(
            "--token",
            metavar="WORD",
            help="What callers have to show. No secret: it opens nothing but this sandbox. [default: sandbox-token]",
            rich_help_panel=API,
        ),
    ] = None,
    dialect: Annotated[
        Text,
        typer.Option(
            "--dialect",
            metavar="NAME",
            autocompletion=complete.dialects,
            help="Speak only this one. [default: all]",
            rich_help_panel=API,
        ),
    ] = None,
    provider: Annotated[
        Text,
        typer.Option(
            "--provider",
            metavar="NAME",
            autocompletion=complete.providers,
            help="Whose API. [default: the one that is described]",
            rich_help_panel=API,
        ),
    ] = None,
    retry: Annotated[
        Text,
        typer.Option(
            "--retry",
            metavar="SCHEDULE",
            help="Simulated: deliver again after these pauses, while it fails: 1s,5s,30s. No vendor says how it does.",
            rich_help_panel=DELIVERY,
        ),
    ] = None,
    timeout: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            "--timeout",
            metavar="S",
            help="Seconds a receiver has. [default: the vendor's deadline]",
            rich_help_panel=DELIVERY,
        ),
    ] = None,
    allow_remote: Annotated[
        bool,
        typer.Option("--allow-remote", help="Deliver to other machines too.", rich_help_panel=DELIVERY),
    ] = False,
    secret_file: Annotated[Texts, secret_file_option(DELIVERY)] = None,
    cacert: Annotated[Optional[Path], cacert_option(DELIVERY)] = None,  # noqa: UP045
    insecure: Annotated[bool, insecure_option(DELIVERY)] = False,
    format: Annotated[  # noqa: A002 - the option's name
        Format, typer.Option("--format", help="How results are written.", rich_help_panel=RESULTS)
    ] = Format.TEXT,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Show deliveries whole, and their answers.", rich_help_panel=RESULTS)
    ] = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Show only what goes wrong.", rich_help_panel=RESULTS)
    ] = False,
    secret: Annotated[Text, HIDDEN_SECRET] = None,
) -> int:
    """Stand in for the vendor's business API, and really deliver.

    Keeps webhook settings in memory, checks token and input, and on a test call renders, signs and posts the event to
    the configured URL. A write replaces the whole settings, and a secret is never shown: nobody knows that the live API
    is kinder. A webhook without a secret is signed with the provider's variable. Goes on until Ctrl-C (130) or
    SIGTERM (0).

    \b
    hookctl sandbox
    hookctl sandbox --retry 1s,5s
    hookctl sandbox --port 0 --ready-file url.txt --format ndjson
    """  # noqa: D301 - the backspace is Typer's mark for a block that is not rewrapped
    refuse_secret(secret, "sandbox")
    if verbose and quiet:
        raise UsageError("--verbose and --quiet exclude each other")
    if timeout is not None and not (isfinite(timeout) and timeout > 0):
        raise UsageError("--timeout must be a number of seconds above 0")
    from hookctl.delivery import ClientOptions
    from hookctl.delivery.endpoint import is_loopback_name
    from hookctl.flows.sandbox import TOKEN, Opened, SandboxOptions, plan_sandbox, run_sandbox
    from hookctl.flows.schedule import parse_schedule
    from hookctl.receiver import run
    from hookctl.report.problems import report_note
    from hookctl.report.sandbox import MachineSandboxReport, TextSandboxReport

    runtime: Runtime = ctx.obj
    options = SandboxOptions(
        host=host,
        port=port,
        token=TOKEN if token is None else token,
        provider=provider,
        dialect=dialect,
        retry_s=() if retry is None else parse_schedule(retry),
        timeout_s=timeout,
        secret_files=tuple(secret_file or ()),
        allow_remote=allow_remote,
        client=ClientOptions(cacert, insecure, runtime.env),
    )
    plan = plan_sandbox(runtime, options)
    if not is_loopback_name(host):
        report_note(f"--host {host}: whoever can reach this machine can have it deliver", runtime)
    if insecure:
        report_note("--insecure: certificates are not checked; anyone on the way can read deliveries", runtime)
    report: SandboxReport = MachineSandboxReport(runtime)
    if format is Format.TEXT:
        report = TextSandboxReport(runtime, plan, retry=retry, verbose=verbose, quiet=quiet)
    mark = None if ready_file is None else ReadyFile(runtime.cwd / ready_file)
    try:
        summary = run(run_sandbox(plan, runtime, marking(report.take, mark, Opened), report.flush))
    finally:
        if mark is not None:
            mark.remove()
    report.close(summary)
    return summary.exit_code
