"""The `hookctl` command: knows every command by name and loads the one that runs."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from hookctl import __version__

COMMANDS = {
    "events": "List the documented events; show a sample or its schema.",
    "send": "Render, sign and deliver events to an endpoint.",
    "verify": "Say whether captured deliveries are genuine, and why not.",
    "deliveries": "List, show, export and prune what was received.",
    "check": "Say whether a receiver is right, and what is wrong with it.",
    "listen": "Receive deliveries: verify, keep, show, pass on.",
    "tunnel": "Give your local app a public URL, and watch what arrives.",
    "replay": "Send again what was received, or a capture from a file.",
    "webhook": "Show, set and test the webhook at the vendor's.",
    "sandbox": "Stand in for the vendor's business API, and really deliver.",
    "init": "Write a commented hookctl.toml for the app in this folder.",
    "doctor": "Say what is wrong with this set-up, and how to mend it.",
    "config": "Show the values in force and where each comes from.",
    "demo": "Try it all on this machine, nothing to configure.",
    "completion": "Print the completion script of bash, zsh or fish.",
}
"""Every command and its line in the help, in the order shown. A command is the `app` of its module here."""


class LazyGroup(TyperGroup):
    """A group whose commands are imported when they are run: the help needs none of them."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - Typer's private context type
        """Return the commands' names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002
        """Import and return one command, or None when there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        return get_command(import_module(f"hookctl.cli.{cmd_name}").app)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401, ARG002
        """Write the commands' lines of the help without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401
        """Resolve a command's name; an unknown one is answered with the nearest."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            from hookctl.errors import UsageError, did_you_mean

            hint = did_you_mean(args[0], list(COMMANDS)) or f"commands: {', '.join(COMMANDS)}"
            raise UsageError(f"no such command: {args[0]!r}", hint=hint)
        return super().resolve_command(ctx, args)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hookctl {__version__}")
        raise typer.Exit


def _top(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Test, deliver and debug webhooks of Arky and Arcade.

    \b
    hookctl demo                       see it work, nothing to configure
    hookctl events                     what can be sent
    hookctl send order.paid            sign and deliver to localhost:3000
    hookctl send 'order.*' --to 8080   a whole family, to another port
    hookctl verify delivery.http       is it genuine, and if not, why
    """  # noqa: D301 - the backspace is Typer's mark for a block that is not rewrapped


def new_app(**settings: Any) -> typer.Typer:  # noqa: ANN401 - passed through
    """Return a Typer with what every command here needs: no rich, no completion options of Typer's own."""
    return typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
        **settings,
    )


def command() -> Any:  # noqa: ANN401 - a command of Typer's private click
    """Return the command that `hookctl` runs."""
    app = new_app(cls=LazyGroup, no_args_is_help=True)
    app.callback()(_top)
    return get_command(app)
