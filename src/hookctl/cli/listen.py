"""`hookctl listen`: its options, and how what arrives is reported."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from hookctl.cli import complete
from hookctl.cli.app import new_app
from hookctl.cli.grouped import GroupedCommand
from hookctl.cli.options import (
    HIDDEN_SECRET,
    allow_remote_option,
    cacert_option,
    check_seconds,
    events_option,
    host_option,
    insecure_option,
    max_body_option,
    no_store_option,
    port_option,
    quiet_option,
    ready_file_option,
    refuse_secret,
    require_valid_option,
    retry_option,
    secret_file_option,
    tolerance_option,
    until_option,
    verbose_option,
    whose_option,
)
from hookctl.cli.ready_file import ReadyFile, marking
from hookctl.errors import UsageError

if TYPE_CHECKING:
    from hookctl.flows.forward import ForwardOptions
    from hookctl.report.listen import ListenReport
    from hookctl.runtime import Runtime


class Format(StrEnum):
    """Output formats."""

    TEXT = "text"
    NDJSON = "ndjson"


# the headings of the help
WHERE = "Where it listens"
FORWARD = "Where deliveries are passed on"
ANSWER = "What is answered"
JUDGED = "How deliveries are judged"
END = "When it ends"
RESULTS = "What is shown and kept"

DEFAULT_PORT = 4400

app = new_app()

Texts = Optional[list[str]]  # noqa: UP045 - Typer reads annotations at run time
Text = Optional[str]  # noqa: UP045


@app.command("listen", cls=GroupedCommand)
def listen_command(
    ctx: typer.Context,
    port: Annotated[int, port_option(WHERE)] = DEFAULT_PORT,
    host: Annotated[str, host_option(WHERE)] = "127.0.0.1",
    ready_file: Annotated[Optional[Path], ready_file_option(WHERE)] = None,  # noqa: UP045
    max_body: Annotated[Optional[int], max_body_option(WHERE)] = None,  # noqa: UP045
    forward_to: Annotated[
        Text,
        typer.Option(
            "--forward-to",
            metavar="WHERE",
            autocompletion=complete.endpoints,
            help="URL, port on localhost, or a name from [endpoints]; without a path, each delivery's own.",
            rich_help_panel=FORWARD,
        ),
    ] = None,
    retry: Annotated[Text, retry_option(FORWARD)] = None,
    allow_remote: Annotated[bool, allow_remote_option(FORWARD)] = False,
    cacert: Annotated[Optional[Path], cacert_option(FORWARD)] = None,  # noqa: UP045
    insecure: Annotated[bool, insecure_option(FORWARD)] = False,
    respond: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            "--respond",
            metavar="CODE",
            min=200,
            max=599,
            help="Answer everything with this status. [default: 200]",
            rich_help_panel=ANSWER,
        ),
    ] = None,
    delay: Annotated[
        float, typer.Option("--delay", metavar="S", min=0, help="Answer S seconds later.", rich_help_panel=ANSWER)
    ] = 0.0,
    require_valid: Annotated[bool, require_valid_option(ANSWER)] = False,
    provider: Annotated[Text, whose_option(JUDGED)] = None,
    secret_file: Annotated[Texts, secret_file_option(JUDGED)] = None,
    tolerance: Annotated[Optional[float], tolerance_option(JUDGED)] = None,  # noqa: UP045
    until: Annotated[Optional[int], until_option(END)] = None,  # noqa: UP045
    timeout: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option("--timeout", metavar="S", help="After S seconds, with exit code 1.", rich_help_panel=END),
    ] = None,
    events: Annotated[Texts, events_option(RESULTS)] = None,
    no_store: Annotated[bool, no_store_option(RESULTS)] = False,
    format: Annotated[  # noqa: A002 - the option's name
        Format, typer.Option("--format", help="How results are written.", rich_help_panel=RESULTS)
    ] = Format.TEXT,
    verbose: Annotated[bool, verbose_option(RESULTS)] = False,
    quiet: Annotated[bool, quiet_option(RESULTS)] = False,
    secret: Annotated[Text, HIDDEN_SECRET] = None,
) -> int:
    """Receive deliveries: verify, keep, show, pass on.

    Each delivery is on the disk before its sender is told 200; `hookctl deliveries` shows them later, `hookctl replay`
    sends them again. Exit code: 0 --until was reached or SIGTERM ended it, 1 --timeout passed, 130 Ctrl-C.

    \b
    hookctl listen
    hookctl listen --forward-to localhost:3000/api/webhooks/arky
    hookctl listen --until 3 --timeout 30 --events 'order.*' --format ndjson
    """  # noqa: D301 - the backspace is Typer's mark for a block that is not rewrapped
    refuse_secret(secret, "listen")
    check_seconds(delay=delay, timeout=timeout, tolerance=tolerance)
    if verbose and quiet:
        raise UsageError("--verbose and --quiet exclude each other")
    if forward_to is None and (retry is not None or insecure or cacert is not None):
        raise UsageError("--retry, --cacert and --insecure are about passing deliveries on: add --forward-to")
    if forward_to is not None and respond is not None:
        raise UsageError("--respond and --forward-to exclude each other: the receiver's own answer is passed back")
    from hookctl.delivery.endpoint import is_loopback_name
    from hookctl.flows.examine import open_examiner
    from hookctl.flows.listen import ListenOptions, Ready, listen, wanted_events
    from hookctl.flows.schedule import parse_schedule
    from hookctl.receiver import Limits, run
    from hookctl.report.listen import MachineListenReport, TextListenReport
    from hookctl.report.problems import report_note

    runtime: Runtime = ctx.obj
    examiner = open_examiner(
        runtime, provider=provider, secret_files=tuple(secret_file or ()), tolerance_s=tolerance, with_drift=False
    )
    options = ListenOptions(
        host=host,
        port=port,
        forward=None if forward_to is None else _forward(runtime, forward_to, allow_remote, cacert, insecure),
        retry_s=() if retry is None else parse_schedule(retry),
        events=wanted_events(events or [], tuple(examiner.providers)),
        respond=respond,
        delay_s=delay,
        require_valid=require_valid,
        until=until,
        timeout_s=timeout,
        store=not no_store,
        limits=Limits() if max_body is None else Limits(max_body_bytes=max_body),
    )
    if not is_loopback_name(host):
        report_note(f"--host {host}: whoever can reach this machine can deliver", runtime)
    if insecure:
        report_note("--insecure: certificates are not checked; anyone on the way can read deliveries", runtime)
    report: ListenReport
    if format is Format.TEXT:
        report = TextListenReport(runtime, verbose=verbose, quiet=quiet, retry=retry)
    else:
        report = MachineListenReport(runtime)
    mark = None if ready_file is None else ReadyFile(runtime.cwd / ready_file)
    try:
        summary = run(listen(examiner, options, runtime, marking(report.take, mark, Ready), report.flush))
    finally:
        if mark is not None:
            mark.remove()
    report.close(summary)
    return summary.exit_code(until)


def _forward(
    runtime: Runtime, forward_to: str, allow_remote: bool, cacert: Path | None, insecure: bool
) -> ForwardOptions:
    from hookctl.config import Origin, Setting, load_config
    from hookctl.delivery import ClientOptions
    from hookctl.delivery.endpoint import resolve_base
    from hookctl.flows.forward import FORWARD_TIMEOUT_S, ForwardOptions

    setting = Setting(forward_to, Origin.FLAG, "--forward-to")
    endpoint = resolve_base(setting, load_config(runtime), allow_remote=allow_remote)
    client = ClientOptions(cacert, insecure, runtime.env)
    return ForwardOptions(endpoint.url, endpoint.loopback_only, FORWARD_TIMEOUT_S, client)
