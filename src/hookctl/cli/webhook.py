"""`hookctl webhook`: its commands and options, and the question before a change."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer
from typer.core import TyperGroup

from hookctl.cli import complete
from hookctl.cli.app import new_app
from hookctl.cli.grouped import GroupedCommand
from hookctl.cli.options import cacert_option, check_timeout, insecure_option
from hookctl.errors import ExitCode, UsageError, did_you_mean
from hookctl.runtime import Runtime

if TYPE_CHECKING:
    from hookctl.flows.webhook import Session, SetPlan, WebhookOptions
    from hookctl.report.webhook import WebhookReport


class Format(StrEnum):
    """Output formats."""

    TEXT = "text"
    JSON = "json"


# the headings of the help
CHANGE = "What is set"
WHOSE = "Whose webhook"
CONNECT = "How to connect"
RESULTS = "What is shown"

Text = Optional[str]  # noqa: UP045 - Typer reads annotations at run time
Texts = Optional[list[str]]  # noqa: UP045

ProviderOption = Annotated[
    Text,
    typer.Option(
        "--provider",
        metavar="NAME",
        autocompletion=complete.providers,
        help="The vendor: a name, or the path of a provider folder. [default: the only one with an API]",
        rich_help_panel=WHOSE,
    ),
]
BusinessOption = Annotated[
    Text,
    typer.Option(
        "--business",
        metavar="ID",
        help="The business. [default: the vendor's variable (ARKY_BUSINESS_ID), else the configuration]",
        rich_help_panel=WHOSE,
    ),
]
WebhookOption = Annotated[
    Text,
    typer.Option(
        "--webhook",
        metavar="NAME",
        help="Which webhook, by id or name, where there are several.",
        rich_help_panel=WHOSE,
    ),
]
DialectOption = Annotated[
    Text,
    typer.Option(
        "--dialect",
        metavar="NAME",
        help="Which form of the API: settings (default) or stores for Arky.",
        rich_help_panel=CONNECT,
    ),
]
ApiUrlOption = Annotated[
    Text,
    typer.Option(
        "--api-url",
        metavar="URL",
        help="The API's base URL. [default: the vendor's variable (ARKY_BASE_URL), else the vendor's own]",
        rich_help_panel=CONNECT,
    ),
]
CacertOption = Annotated[Optional[Path], cacert_option(CONNECT)]  # noqa: UP045
InsecureOption = Annotated[bool, insecure_option(CONNECT)]
TimeoutOption = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option("--timeout", metavar="S", help="Seconds for each request. [default: 15]", rich_help_panel=CONNECT),
]
SecretOption = Annotated[
    Text,
    typer.Option(
        "--secret-from-env",
        metavar="NAME",
        help="The signing secret is what this variable holds.",
        rich_help_panel=CHANGE,
    ),
]
FormatOption = Annotated[Format, typer.Option("--format", help="For people or for programs.", rich_help_panel=RESULTS)]
TokenOption = Annotated[Text, typer.Option("--token", hidden=True)]


class _Group(TyperGroup):
    """Answers an unknown command with the nearest."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - Typer's private context type
        """Resolve a command's name."""
        if args[0] not in self.commands and not args[0].startswith("-"):
            hint = did_you_mean(args[0], list(self.commands)) or f"commands: {', '.join(self.commands)}"
            raise UsageError(f"no such command of webhook: {args[0]!r}", hint=hint)
        return super().resolve_command(ctx, args)


app = new_app(cls=_Group, no_args_is_help=True)


@app.callback()
def _webhook() -> None:
    """Show, set, test and set back the webhook at the vendor's, through its API.

    The access token is read from the vendor's variable (ARKY_TOKEN), else from it in .env.local or .env.

    \b
    hookctl webhook show
    hookctl webhook set --url https://example.com/api/webhooks/arky
    hookctl webhook test order.paid
    hookctl webhook restore
    """  # noqa: D301 - the backspace is Typer's mark for a block that is not rewrapped


@app.command("show", cls=GroupedCommand, short_help="Show URL, events and whether a secret is set.")
def show(
    ctx: typer.Context,
    provider: ProviderOption = None,
    business: BusinessOption = None,
    dialect: DialectOption = None,
    api_url: ApiUrlOption = None,
    cacert: CacertOption = None,
    insecure: InsecureOption = False,
    timeout: TimeoutOption = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the option's name
    token: TokenOption = None,
) -> int:
    """Show URL, events and whether a secret is set; for a vendor without an API, what to do by hand."""
    options = _options(provider, business, dialect, api_url, None, cacert, insecure, timeout, token)
    from hookctl.flows.webhook import note_on_leftover, open_administration, open_session
    from hookctl.report.problems import report_note

    runtime: Runtime = ctx.obj
    report = _report(format, runtime)
    administered = open_administration(runtime, options.provider)
    if administered.administration.api is None and administered.administration.manual:
        report.manual(administered)
        report.close(1)
        return ExitCode.YES
    with open_session(runtime, options, administered) as session:
        _note_access(session, runtime)
        if (note := note_on_leftover(session)) is not None:
            report_note(note, runtime)
        webhooks = session.api.read()
        report.webhooks(webhooks, session.access)
    report.close(len(webhooks))
    return ExitCode.YES


@app.command("set", cls=GroupedCommand, short_help="Change it for good: shows the difference, asks.")
def set_(
    ctx: typer.Context,
    url: Annotated[
        Text, typer.Option("--url", metavar="URL", help="Where events are delivered to.", rich_help_panel=CHANGE)
    ] = None,
    events: Annotated[
        Texts,
        typer.Option(
            "--events",
            metavar="LIST",
            autocompletion=complete.events,
            help="The subscribed events: names, globs; commas, repeatable. "
            "[default: as they are; where there are none, as on the vendor's page]",
            rich_help_panel=CHANGE,
        ),
    ] = None,
    secret_from_env: SecretOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Change it without asking.", rich_help_panel=CHANGE)] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the difference and change nothing.", rich_help_panel=CHANGE)
    ] = False,
    provider: ProviderOption = None,
    business: BusinessOption = None,
    webhook: WebhookOption = None,
    dialect: DialectOption = None,
    api_url: ApiUrlOption = None,
    cacert: CacertOption = None,
    insecure: InsecureOption = False,
    timeout: TimeoutOption = None,
    format: FormatOption = Format.TEXT,  # noqa: A002
    token: TokenOption = None,
) -> int:
    """Change the webhook for good: what is there is read, the difference shown, and you are asked.

    What is not named stays as it is. Exit code 1: you said no.

    \b
    hookctl webhook set --url https://example.com/api/webhooks/arky
    hookctl webhook set --events 'order.*,user.registered' --dry-run
    hookctl webhook set --secret-from-env ARKY_WEBHOOK_SECRET --yes
    """  # noqa: D301
    options = _options(provider, business, dialect, api_url, webhook, cacert, insecure, timeout, token)
    runtime: Runtime = ctx.obj
    if not (yes or dry_run or _can_ask(runtime)):
        raise UsageError("nobody can be asked here: there is no terminal", hint="--yes changes it, --dry-run shows it")
    from hookctl.flows.webhook import open_administration, open_session, plan_set, read_wish, set_webhook

    administered = open_administration(runtime, options.provider)
    _ = administered.api
    wish, notes = read_wish(runtime, administered, url=url, events=events or (), secret_env=secret_from_env)
    report = _report(format, runtime)
    with open_session(runtime, options, administered) as session:
        _note_access(session, runtime)
        if dry_run:
            report.previewed(plan_set(session, wish, notes))
            report.close(1)
            return ExitCode.YES

        def agreed(plan: SetPlan) -> bool:
            report.plan(plan)
            return yes or _ask("Change it?", runtime)

        if not set_webhook(session, wish, notes, agreed, report.changed):
            runtime.err.line("nothing was changed")
            return ExitCode.NO
    report.close(1)
    return ExitCode.YES


@app.command("test", cls=GroupedCommand, short_help="Have the vendor send a test delivery.")
def ask_for_test(
    ctx: typer.Context,
    event: Annotated[
        str,
        typer.Argument(autocompletion=complete.events, metavar="EVENT", help="An event's name, such as order.paid."),
    ],
    provider: ProviderOption = None,
    business: BusinessOption = None,
    webhook: WebhookOption = None,
    dialect: DialectOption = None,
    api_url: ApiUrlOption = None,
    cacert: CacertOption = None,
    insecure: InsecureOption = False,
    timeout: TimeoutOption = None,
    format: FormatOption = Format.TEXT,  # noqa: A002
    token: TokenOption = None,
) -> int:
    """Have the vendor send a test delivery to the webhook's URL, and say what it answered.

    Exit code 5: it was not delivered; 6: the vendor does not say whether it was.
    """
    options = _options(provider, business, dialect, api_url, webhook, cacert, insecure, timeout, token)
    from hookctl.flows.webhook import exit_code_of, notes_on_test, open_administration, open_session, test_webhook
    from hookctl.report.problems import report_note

    runtime: Runtime = ctx.obj
    administered = open_administration(runtime, options.provider)
    _ = administered.api
    report = _report(format, runtime)
    with open_session(runtime, options, administered) as session:
        _note_access(session, runtime)
        for note in notes_on_test(session, event):
            report_note(note, runtime)
        outcome = test_webhook(session, event)
        report.tested(outcome, event, session.access)
    report.close(1)
    return exit_code_of(outcome)


@app.command("restore", cls=GroupedCommand, short_help="Set back what a killed run has left changed.")
def restore(
    ctx: typer.Context,
    secret_from_env: SecretOption = None,
    provider: ProviderOption = None,
    business: BusinessOption = None,
    dialect: DialectOption = None,
    api_url: ApiUrlOption = None,
    cacert: CacertOption = None,
    insecure: InsecureOption = False,
    timeout: TimeoutOption = None,
    format: FormatOption = Format.TEXT,  # noqa: A002
    token: TokenOption = None,
) -> int:
    """Set back what a run of `hookctl tunnel` that was killed has left changed.

    A webhook that somebody else has changed meanwhile is left alone. What `hookctl webhook set` changes is meant to
    stay and is not set back. Exit code 1: one was left alone.
    """
    options = _options(provider, business, dialect, api_url, None, cacert, insecure, timeout, token)
    from hookctl.flows.pointing import restore as set_back
    from hookctl.flows.webhook import open_administration, read_secret
    from hookctl.report.problems import report_note

    runtime: Runtime = ctx.obj
    administered = open_administration(runtime, options.provider)
    _ = administered.api
    secret = None if secret_from_env is None else read_secret(runtime, administered.config, secret_from_env)
    report = _report(format, runtime)
    codes = []

    def noted(text: str) -> None:
        report_note(text, runtime)

    for restoration in set_back(runtime, options, administered, noted, secret=secret):
        report.restored(restoration)
        codes.append(restoration.exit_code)
    if not codes:
        report.nothing_to_restore()
    report.close(len(codes))
    return max(codes, default=ExitCode.YES)


def refuse_token(value: str | None) -> None:
    """Raise `UsageError` when an access token is given as an option's value."""
    if value is not None:
        raise UsageError(
            "--token is not an option: every user of the machine can read a command line",
            hint="set the vendor's variable (ARKY_TOKEN)",
        )


def _options(
    provider: str | None,
    business: str | None,
    dialect: str | None,
    api_url: str | None,
    webhook: str | None,
    cacert: Path | None,
    insecure: bool,
    timeout: float | None,
    token: str | None,
) -> WebhookOptions:
    refuse_token(token)
    check_timeout(timeout)
    from hookctl.flows.webhook import TIMEOUT_S, WebhookOptions
    from hookctl.vendors import AccessOptions

    return WebhookOptions(
        provider=provider,
        access=AccessOptions(api_url, business, dialect),
        webhook=webhook,
        cacert=cacert,
        insecure=insecure,
        timeout_s=timeout or TIMEOUT_S,
    )


def _report(format_: Format, runtime: Runtime) -> WebhookReport:
    from hookctl.report.machine import JsonWriter
    from hookctl.report.webhook import MachineWebhookReport, TextWebhookReport

    if format_ is Format.TEXT:
        return TextWebhookReport(runtime)
    return MachineWebhookReport(JsonWriter(runtime.out), runtime)


def _note_access(session: Session, runtime: Runtime) -> None:
    from hookctl.flows.webhook import notes_on_access
    from hookctl.report.problems import report_note

    for note in notes_on_access(session):
        report_note(note, runtime)


def _can_ask(runtime: Runtime) -> bool:
    return runtime.stdin.isatty() and runtime.err.is_terminal


def _ask(question: str, runtime: Runtime) -> bool:
    runtime.err.write(f"{question} [y/N] ")
    answer = runtime.stdin.readline()
    if not answer.endswith(b"\n"):
        # Ctrl-D leaves the cursor behind the question
        runtime.err.line()
    return answer.strip().lower() in {b"y", b"yes"}
