"""What several commands do with the same option."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from hookctl.runtime import Runtime


def refuse_secret(value: str | None, command: str) -> None:
    """Raise `UsageError` when a secret is given as an option's value."""
    if value is not None:
        raise UsageError(
            "--secret is not an option: every user of the machine can read a command line",
            hint=f"set the provider's variable (`hookctl {command} --help`), or give --secret-file FILE",
        )


def junit_path(argument: str, runtime: Runtime) -> Path:
    """Return where `--report junit=FILE` wants its file.

    Raises:
        UsageError: it is something else.
    """
    kind, equals, name = argument.partition("=")
    if kind != "junit" or not equals or not name:
        raise UsageError(f"--report takes junit=FILE, not {argument!r}")
    return runtime.cwd / name
