"""`hookctl tunnel`: its options, and how what comes through the tunnel is reported."""

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
    check_timeout,
    events_option,
    insecure_option,
    max_body_option,
    no_store_option,
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
from hookctl.cli.webhook import ApiUrlOption, BusinessOption, DialectOption, TokenOption, WebhookOption, refuse_token
from hookctl.errors import UsageError

if TYPE_CHECKING:
    from hookctl.report.tunnel import TunnelReport
    from hookctl.runtime import Runtime


class Format(StrEnum):
    """Output formats."""

    TEXT = "text"
    NDJSON = "ndjson"


class Via(StrEnum):
    """The tunnels that hookctl opens itself."""

    NGROK = "ngrok"


# the headings of the help
TUNNEL = "The tunnel"
VENDOR = "The vendor's webhook"
FORWARD = "Your app"
JUDGED = "How deliveries are judged"
RESULTS = "What is shown and kept"

app = new_app()

Texts = Optional[list[str]]  # noqa: UP045 - Typer reads annotations at run time
Text = Optional[str]  # noqa: UP045


@app.command("tunnel", cls=GroupedCommand)
def tunnel_command(
    ctx: typer.Context,
    target: Annotated[
        Text,
        typer.Argument(
            metavar="PORT|URL",
            help="Your app: a port of localhost, a URL, a name from [endpoints]. [default: 3000]",
            autocompletion=complete.endpoints,
        ),
    ] = None,
    via: Annotated[
        Optional[Via],  # noqa: UP045
        typer.Option("--via", help="Who opens it. [default: ngrok]", rich_help_panel=TUNNEL),
    ] = None,
    domain: Annotated[
        Text,
        typer.Option(
            "--domain", metavar="NAME", help="One of your ngrok domains. [default: ngrok's]", rich_help_panel=TUNNEL
        ),
    ] = None,
    ngrok_path: Annotated[
        Text,
        typer.Option(
            "--ngrok-path",
            metavar="FILE",
            help="The ngrok agent. [default: on the PATH, else downloaded]",
            rich_help_panel=TUNNEL,
        ),
    ] = None,
    public_url: Annotated[
        Text,
        typer.Option(
            "--public-url",
            metavar="URL",
            help="A tunnel of your own, which leads to --port.",
            rich_help_panel=TUNNEL,
        ),
    ] = None,
    port: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            "--port",
            metavar="PORT",
            min=0,
            max=65535,
            help="Where hookctl listens. [default: any; 4400 with --public-url]",
            rich_help_panel=TUNNEL,
        ),
    ] = None,
    path: Annotated[
        Text,
        typer.Option(
            "--path",
            metavar="PATH",
            help="What follows the public URL. [default: the documented path]",
            rich_help_panel=TUNNEL,
        ),
    ] = None,
    ready_file: Annotated[Optional[Path], ready_file_option(TUNNEL)] = None,  # noqa: UP045
    max_body: Annotated[Optional[int], max_body_option(TUNNEL)] = None,  # noqa: UP045
    update_webhook: Annotated[
        bool,
        typer.Option(
            "--update-webhook",
            help="Point the webhook here, and back at the end, however that comes.",
            rich_help_panel=VENDOR,
        ),
    ] = False,
    test: Annotated[
        Text,
        typer.Option(
            "--test",
            metavar="EVENT",
            autocompletion=complete.events,
            help="Ask for a test delivery; it must arrive, and be valid.",
            rich_help_panel=VENDOR,
        ),
    ] = None,
    timeout: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            "--timeout",
            metavar="S",
            help="For each request to the API, and for the test to arrive. [default: 15]",
            rich_help_panel=VENDOR,
        ),
    ] = None,
    secret_from_env: Annotated[
        Text,
        typer.Option(
            "--secret-from-env",
            metavar="NAME",
            help="The variable with the signing secret, where the API masks it.",
            rich_help_panel=VENDOR,
        ),
    ] = None,
    business: BusinessOption = None,
    webhook: WebhookOption = None,
    dialect: DialectOption = None,
    api_url: ApiUrlOption = None,
    retry: Annotated[Text, retry_option(FORWARD)] = None,
    allow_remote: Annotated[bool, allow_remote_option(FORWARD)] = False,
    require_valid: Annotated[bool, require_valid_option(FORWARD)] = False,
    cacert: Annotated[Optional[Path], cacert_option(FORWARD)] = None,  # noqa: UP045
    insecure: Annotated[bool, insecure_option(FORWARD)] = False,
    provider: Annotated[Text, whose_option(JUDGED)] = None,
    secret_file: Annotated[Texts, secret_file_option(JUDGED)] = None,
    tolerance: Annotated[Optional[float], tolerance_option(JUDGED)] = None,  # noqa: UP045
    until: Annotated[Optional[int], until_option(RESULTS)] = None,  # noqa: UP045
    events: Annotated[Texts, events_option(RESULTS)] = None,
    no_store: Annotated[bool, no_store_option(RESULTS)] = False,
    format: Annotated[  # noqa: A002 - the option's name
        Format, typer.Option("--format", help="How results are written.", rich_help_panel=RESULTS)
    ] = Format.TEXT,
    verbose: Annotated[bool, verbose_option(RESULTS)] = False,
    quiet: Annotated[bool, quiet_option(RESULTS)] = False,
    secret: Annotated[Text, HIDDEN_SECRET] = None,
    token: TokenOption = None,
) -> int:
    """Give your local app a public URL, and watch what arrives.

    Only hookctl's own port is exposed: it verifies and keeps each delivery, then passes it on to your app, as `hookctl
    listen` does. Exit code: 0 --until was reached or SIGTERM ended it, 1 the test delivery is not valid, 5 the tunnel
    or the vendor's API failed or the test did not arrive, 130 Ctrl-C.

    \b
    hookctl tunnel
    hookctl tunnel 3000 --update-webhook --test order.paid
    hookctl tunnel 8080 --path /hooks
    hookctl tunnel 3000 --public-url https://name.trycloudflare.com
    """  # noqa: D301 - the backspace is Typer's mark for a block that is not rewrapped
    refuse_secret(secret, "tunnel")
    refuse_token(token)
    check_seconds(tolerance=tolerance)
    check_timeout(timeout)
    if verbose and quiet:
        raise UsageError("--verbose and --quiet exclude each other")
    if public_url is not None and (via is not None or domain is not None or ngrok_path is not None):
        raise UsageError("--public-url is a tunnel of your own: --via, --domain and --ngrok-path are about ngrok's")
    from hookctl.flows.tunnel import Opened, run_tunnel
    from hookctl.flows.tunnel_plan import DEFAULT_TARGET, TunnelWishes, plan_tunnel
    from hookctl.flows.webhook import TIMEOUT_S, WebhookOptions
    from hookctl.report.problems import report_note
    from hookctl.report.tunnel import MachineTunnelReport, TextTunnelReport
    from hookctl.vendors import AccessOptions

    runtime: Runtime = ctx.obj
    plan = plan_tunnel(
        runtime,
        TunnelWishes(
            target=DEFAULT_TARGET if target is None else target,
            path=path,
            public_url=public_url,
            domain=domain,
            ngrok_path=ngrok_path,
            port=port,
            provider=provider,
            secret_files=tuple(secret_file or ()),
            tolerance_s=tolerance,
            events=tuple(events or ()),
            retry=retry,
            require_valid=require_valid,
            until=until,
            store=not no_store,
            max_body_bytes=max_body,
            allow_remote=allow_remote,
            cacert=cacert,
            insecure=insecure,
            update_webhook=update_webhook,
            test=test,
            api=WebhookOptions(
                access=AccessOptions(api_url, business, dialect),
                webhook=webhook,
                timeout_s=TIMEOUT_S if timeout is None else timeout,
            ),
            secret_env=secret_from_env,
        ),
    )
    if insecure:
        report_note("--insecure: certificates are not checked; anyone on the way can read deliveries", runtime)
    report: TunnelReport
    if format is Format.TEXT:
        report = TextTunnelReport(runtime, verbose=verbose, quiet=quiet, retry=retry)
    else:
        report = MachineTunnelReport(runtime)
    mark = None if ready_file is None else ReadyFile(runtime.cwd / ready_file)
    take = marking(report.take_event, mark, Opened)
    try:
        summary = run_tunnel(plan.make_tunnel, plan.examiner, plan.options, runtime, take, report.flush)
    finally:
        if mark is not None:
            mark.remove()
    report.finish(summary)
    if summary.error is not None:
        raise summary.error
    return summary.exit_code(until)
