"""Entry point and error boundary: the only place where exceptions become exit codes."""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stdout, suppress
from io import TextIOBase
from typing import TYPE_CHECKING

from hookctl import __version__
from hookctl.errors import ExitCode, HookctlError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hookctl.runtime import Output, Runtime


def run() -> None:
    """Run the command line of this process and exit."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str], runtime: Runtime | None = None) -> int:
    """Run one command line.

    Args:
        arguments: what follows the program's name.
        runtime: the world it runs in; the real one by default.

    Returns:
        The process's exit code, one of `ExitCode`.
    """
    # the commonest question is answered before anything is loaded
    if list(arguments) == ["--version"] and runtime is None:
        with suppress(OSError, AttributeError):
            # past the buffer: what stayed in it would fail again, and elsewhere
            os.write(sys.stdout.fileno(), f"hookctl {__version__}\n".encode())
            return int(ExitCode.YES)
        # full, gone or closed: the long way knows what to say
    from hookctl.runtime import Runtime

    try:
        runtime = runtime or Runtime.system()
    except OSError as error:
        # a shell can stand in a folder that somebody has deleted
        sys.stderr.write(f"error: the current folder cannot be used: {error.strerror}\n")
        return int(ExitCode.INPUT)
    try:
        return int(_dispatch(arguments, runtime))
    except HookctlError as error:
        return _report(error, runtime)
    except KeyboardInterrupt:
        return int(ExitCode.INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the boundary: nothing may end in a traceback
        return _report_bug(error, runtime)


class _TyperOutput(TextIOBase):
    """Standard output as Typer sees it, which prints the help: a full disk or a gone reader is told as elsewhere."""

    def __init__(self, output: Output) -> None:
        self._output = output

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has an attribute
        """What the stream's text becomes."""
        return self._output.stream.encoding

    def isatty(self) -> bool:
        """Whether a person is reading."""
        return self._output.is_terminal

    def write(self, text: str) -> int:
        """Write text; what is not text is a TypeError, which is how Typer finds out what kind of stream this is."""
        if not isinstance(text, str):
            raise TypeError("text only")
        # it also tries with nothing, and swallows the failure
        if text:
            self._output.write(text)
        return len(text)


def _dispatch(arguments: Sequence[str], runtime: Runtime) -> int:
    import typer

    from hookctl.cli.app import command

    if "_HOOKCTL_COMPLETE" in runtime.env:
        # a shell asks: Typer answers it, once it knows the shells
        from typer._completion_classes import completion_init  # no public name

        completion_init()
    try:
        with redirect_stdout(_TyperOutput(runtime.out)):
            result = command().main(args=list(arguments), prog_name="hookctl", standalone_mode=False, obj=runtime)
    except typer.Abort:
        return ExitCode.INTERRUPTED
    except typer.TyperException as error:
        return _report_usage(error, arguments, runtime)
    return int(result or ExitCode.YES)


def _report_usage(error: Exception, arguments: Sequence[str], runtime: Runtime) -> int:
    """Write what Typer says about a wrong command line: which command, what is wrong, where help is."""
    from hookctl.cli.app import COMMANDS
    from hookctl.report.problems import report_usage

    context = getattr(error, "ctx", None)
    # an option without its value comes without a context
    command = context.command_path if context else " ".join(["hookctl", *(set(arguments[:1]) & set(COMMANDS))])
    message = str(getattr(error, "format_message", lambda: error)())
    with suppress(HookctlError):
        if type(error).__name__ == "NoArgsIsHelpError":
            runtime.err.line(message)
        else:
            # Typer breaks its lists of choices into lines
            report_usage(" ".join(message.split()), command, runtime)
    return ExitCode.USAGE


def _report(error: HookctlError, runtime: Runtime) -> int:
    from hookctl.report.problems import report_error

    # when standard error cannot be written either, the exit code is all that is left to say
    with suppress(HookctlError):
        report_error(error, runtime)
    return int(error.exit_code)


def _report_bug(error: Exception, runtime: Runtime) -> int:
    """Write what is needed to report a bug. The traceback's locals, which may hold a secret, stay out."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)[-6:]
    where = "\n".join(f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
    text = f"{type(error).__name__}: {error}\n{where}"
    from hookctl.report.safe import safe_text

    with suppress(HookctlError):
        runtime.err.line(f"error: hookctl {__version__} has a bug: please report this")
        runtime.err.line(safe_text(runtime.redactor.clean(text)))
    return int(ExitCode.BUG)
