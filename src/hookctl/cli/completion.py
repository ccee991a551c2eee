"""`hookctl completion`: the script that makes a shell complete hookctl's commands."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from hookctl.cli.app import new_app
from hookctl.errors import ExitCode
from hookctl.runtime import Runtime


class Shell(StrEnum):
    """The shells there is a script for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


app = new_app()


@app.command("completion")
def completion(
    ctx: typer.Context, shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")]
) -> int:
    """Print the script that makes a shell complete commands, options, event names and providers.

    \b
    Write it to a file where the shell looks for such scripts:
    bash  ~/.local/share/bash-completion/completions/hookctl
    zsh   a file named _hookctl in a folder of your $fpath
    fish  ~/.config/fish/completions/hookctl.fish
    """  # noqa: D301 - the backspace is Typer's mark for a block that is not rewrapped
    from typer._completion_shared import get_completion_script  # Typer has no public way to ask for the script

    runtime: Runtime = ctx.obj
    script = get_completion_script(prog_name="hookctl", complete_var="_HOOKCTL_COMPLETE", shell=shell.value)
    if shell is Shell.ZSH:
        # as a file of $fpath this runs for the first time when TAB is pressed, and would only define the function
        script += '\n[[ "${funcstack[1]}" != _hookctl ]] || _hookctl_completion'
    runtime.out.line(script)
    return ExitCode.YES
