"""Options that several commands have alike: what they are called, and what is done with them."""

from __future__ import annotations

from math import isfinite
from typing import Any

import typer

from hookctl.cli import complete
from hookctl.errors import UsageError

HIDDEN_SECRET = typer.Option("--secret", hidden=True)
"""Known only to be refused, with a sentence that says what to do instead."""


def secret_file_option(panel: str) -> Any:  # noqa: ANN401 - Typer's private type
    """Return `--secret-file`, under a heading of the help."""
    return typer.Option(
        "--secret-file",
        metavar="FILE",
        help="File with the signing secret, - for standard input; twice: current, then previous. "
        "[default: the provider's variable, else .env.local, .env]",
        rich_help_panel=panel,
    )


def cacert_option(panel: str) -> Any:  # noqa: ANN401
    """Return `--cacert`, under a heading of the help."""
    return typer.Option(
        "--cacert",
        metavar="FILE",
        help="Trust the certificate authorities in this PEM file.",
        rich_help_panel=panel,
    )


def insecure_option(panel: str) -> Any:  # noqa: ANN401
    """Return `--insecure`, under a heading of the help."""
    return typer.Option("--insecure", help="Do not check TLS certificates.", rich_help_panel=panel)


def port_option(panel: str) -> Any:  # noqa: ANN401
    """Return `--port` of a command that listens, under a heading of the help."""
    return typer.Option("--port", metavar="PORT", min=0, max=65535, help="0 is any free one.", rich_help_panel=panel)


def host_option(panel: str) -> Any:  # noqa: ANN401
    """Return `--host` of a command that listens, under a heading of the help."""
    return typer.Option(
        "--host",
        metavar="ADDRESS",
        help="localhost is 127.0.0.1 and ::1; 0.0.0.0 lets other machines in.",
        rich_help_panel=panel,
    )


def ready_file_option(panel: str) -> Any:  # noqa: ANN401
    """Return `--ready-file`, under a heading of the help."""
    return typer.Option(
        "--ready-file",
        metavar="FILE",
        help="Appears, with the URL in it, when the port is open; gone when it closes.",
        rich_help_panel=panel,
    )


# what a command that listens and passes deliveries on has besides


def retry_option(panel: str) -> Any:  # noqa: ANN401
    """Return `--retry`, under a heading of the help."""
    return typer.Option(
        "--retry",
        metavar="SCHEDULE",
        help="Pass on again after these pauses, while it fails: 1s,5s,30s.",
        rich_help_panel=panel,
    )


def allow_remote_option(panel: str) -> Any:  # noqa: ANN401
    """Return `--allow-remote`, under a heading of the help."""
    return typer.Option(
        "--allow-remote",
        help="Let an endpoint from a project's hookctl.toml be another machine.",
        rich_help_panel=panel,
    )


def require_valid_option(panel: str) -> Any:  # noqa: ANN401
    """Return `--require-valid`, under a heading of the help."""
    return typer.Option(
        "--require-valid",
        help="Refuse what is not valid, as the provider documents (401, 403).",
        rich_help_panel=panel,
    )


def whose_option(panel: str) -> Any:  # noqa: ANN401
    """Return `--provider` for what arrives, under a heading of the help."""
    return typer.Option(
        "--provider",
        metavar="NAME",
        autocompletion=complete.providers,
        help="Whose deliveries they are. [default: found out]",
        rich_help_panel=panel,
    )


def tolerance_option(panel: str) -> Any:  # noqa: ANN401
    """Return `--tolerance` for what arrives, under a heading of the help."""
    return typer.Option(
        "--tolerance", metavar="S", help="What was signed longer ago is not valid.", rich_help_panel=panel
    )


def until_option(panel: str) -> Any:  # noqa: ANN401
    """Return `--until`, under a heading of the help."""
    return typer.Option(
        "--until", metavar="N", min=1, help="After N deliveries of the wanted events.", rich_help_panel=panel
    )


def events_option(panel: str) -> Any:  # noqa: ANN401
    """Return `--events`, under a heading of the help."""
    return typer.Option(
        "--events",
        metavar="LIST",
        autocompletion=complete.events,
        help="Show, pass on and count only these: names, globs; commas, repeatable.",
        rich_help_panel=panel,
    )


def max_body_option(panel: str) -> Any:  # noqa: ANN401
    """Return `--max-body`, under a heading of the help."""
    return typer.Option(
        "--max-body",
        metavar="BYTES",
        min=0,
        help="Larger bodies are refused with 413. [default: 1048576]",
        rich_help_panel=panel,
    )


def no_store_option(panel: str) -> Any:  # noqa: ANN401
    """Return `--no-store`, under a heading of the help."""
    return typer.Option("--no-store", help="Keep nothing.", rich_help_panel=panel)


def verbose_option(panel: str) -> Any:  # noqa: ANN401
    """Return `--verbose` for what arrives, under a heading of the help."""
    return typer.Option("-v", "--verbose", help="Show headers and bodies.", rich_help_panel=panel)


def quiet_option(panel: str) -> Any:  # noqa: ANN401
    """Return `--quiet` for what arrives, under a heading of the help."""
    return typer.Option("-q", "--quiet", help="Show only what goes wrong.", rich_help_panel=panel)


def check_seconds(**named: float | None) -> None:
    """Raise `UsageError` when an option's value is no number of seconds from 0 on."""
    for name, value in named.items():
        if value is not None and not (isfinite(value) and value >= 0):
            raise UsageError(f"--{name} must be a number of seconds, 0 or more")


def only_provider_option(panel: str | None = None) -> Any:  # noqa: ANN401
    """Return `--provider` of a command that looks at every provider, under a heading of the help."""
    return typer.Option(
        "--provider",
        metavar="NAME",
        autocompletion=complete.providers,
        help="Only this provider: a name, or the path of a provider folder.",
        rich_help_panel=panel,
    )


def refuse_secret(value: str | None, command: str) -> None:
    """Raise `UsageError` when a secret is given as an option's value."""
    if value is not None:
        raise UsageError(
            "--secret is not an option: every user of the machine can read a command line",
            hint=f"set the provider's variable (`hookctl {command} --help`), or give --secret-file FILE",
        )


def check_timeout(timeout_s: float | None) -> None:
    """Raise `UsageError` when `--timeout` is no time to wait for an answer."""
    if timeout_s is not None and not 0 < timeout_s <= 3600:
        raise UsageError("--timeout must be more than 0 and at most 3600 seconds")


def report_option(panel: str, cases: str) -> Any:  # noqa: ANN401 - as typer.Option
    """Return `--report`; `cases` says what makes a test case."""
    return typer.Option(
        "--report",
        metavar="KIND",
        help=f"junit=FILE (a case for {cases}), json=FILE or github. Repeatable.",
        rich_help_panel=panel,
    )
