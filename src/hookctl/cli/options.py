"""Options that several commands have alike: what they are called, and what is done with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from hookctl.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from hookctl.runtime import Runtime


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


def junit_path(argument: str, runtime: Runtime) -> Path:
    """Return where `--report junit=FILE` wants its file.

    Raises:
        UsageError: it is something else.
    """
    kind, equals, name = argument.partition("=")
    if kind != "junit" or not equals or not name:
        raise UsageError(f"--report takes junit=FILE, not {argument!r}")
    return runtime.cwd / name
