"""`hookctl doctor`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from hookctl.cli.app import new_app
from hookctl.cli.grouped import GroupedCommand
from hookctl.cli.options import (
    allow_remote_option,
    cacert_option,
    check_timeout,
    insecure_option,
    only_provider_option,
)
from hookctl.runtime import Runtime

if TYPE_CHECKING:
    from hookctl.report.doctor import DoctorReport


class Format(StrEnum):
    """Output formats."""

    TEXT = "text"
    JSON = "json"
    NDJSON = "ndjson"


# the headings of the help
CONNECT = "What is asked"
RESULTS = "What is shown"

app = new_app()


@app.command("doctor", cls=GroupedCommand)
def doctor(
    ctx: typer.Context,
    provider: Annotated[Optional[str], only_provider_option(CONNECT)] = None,  # noqa: UP045 - Typer reads annotations
    api_url: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--api-url",
            metavar="URL",
            help="The base URL of the vendor's API. [default: the vendor's variable, else the vendor's own]",
            rich_help_panel=CONNECT,
        ),
    ] = None,
    allow_remote: Annotated[bool, allow_remote_option(CONNECT)] = False,
    cacert: Annotated[Optional[Path], cacert_option(CONNECT)] = None,  # noqa: UP045
    insecure: Annotated[bool, insecure_option(CONNECT)] = False,
    timeout: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            "--timeout",
            metavar="S",
            help="Seconds that anything which is asked may take. [default: 3]",
            rich_help_panel=CONNECT,
        ),
    ] = None,
    format: Annotated[  # noqa: A002 - the option's name
        Format, typer.Option("--format", help="For people or for programs.", rich_help_panel=RESULTS)
    ] = Format.TEXT,
) -> int:
    """Say what is wrong with this set-up, each with what to do about it.

    Endpoints are connected to, nothing is sent to them. The vendor's API is asked once, and only where its access
    token is set or --api-url is given. What a run of `hookctl tunnel` that was killed has left is put in order: its
    webhook is set back where the API takes the token, its agent ended.

    Exit code 0: nothing failed, warnings or not; 1: something did.
    """
    check_timeout(timeout)
    from hookctl.flows.doctor import TIMEOUT_S, DoctorOptions, DoctorSummary, diagnose

    runtime: Runtime = ctx.obj
    options = DoctorOptions(
        provider=provider,
        api_url=api_url,
        allow_remote=allow_remote,
        cacert=cacert,
        insecure=insecure,
        timeout_s=timeout or TIMEOUT_S,
    )
    report = _report(format, runtime)
    summary = DoctorSummary()
    for diagnostic in diagnose(runtime, options, summary):
        report.diagnostic(diagnostic)
    report.close(summary)
    return summary.exit_code


def _report(format_: Format, runtime: Runtime) -> DoctorReport:
    from hookctl.report.doctor import MachineDoctorReport, TextDoctorReport
    from hookctl.report.machine import MachineFormat, record_writer

    if format_ is Format.TEXT:
        return TextDoctorReport(runtime)
    return MachineDoctorReport(record_writer(MachineFormat(format_.value), runtime.out), runtime)
