"""Entry point and error boundary: the only place where exceptions become exit codes."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from hookctl import __version__
from hookctl.errors import ExitCode, HookctlError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hookctl.runtime import Runtime


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
        sys.stdout.write(f"hookctl {__version__}\n")
        return int(ExitCode.YES)
    from hookctl.runtime import Runtime

    runtime = runtime or Runtime.system()
    try:
        return int(_dispatch(arguments, runtime))
    except HookctlError as error:
        return _report(error, runtime)
    except KeyboardInterrupt:
        return int(ExitCode.INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the boundary: nothing may end in a traceback
        return _report_bug(error, runtime)


def _dispatch(arguments: Sequence[str], runtime: Runtime) -> int:
    import typer

    from hookctl.cli.app import command

    try:
        result = command().main(args=list(arguments), prog_name="hookctl", standalone_mode=False, obj=runtime)
    except typer.Abort:
        return ExitCode.INTERRUPTED
    except typer.TyperException as error:
        return _report_usage(error, runtime)
    return int(result or ExitCode.YES)


def _report_usage(error: Exception, runtime: Runtime) -> int:
    """Write what Typer says about a wrong command line: which command, what is wrong, where help is."""
    from hookctl.report.problems import report_usage

    context = getattr(error, "ctx", None)
    message = str(getattr(error, "format_message", lambda: error)())
    if type(error).__name__ == "NoArgsIsHelpError":
        runtime.err.line(message)
    else:
        report_usage(message, context.command_path if context else "hookctl", runtime)
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

    runtime.err.line(f"error: hookctl {__version__} has a bug: please report this")
    runtime.err.line(safe_text(runtime.redactor.clean(text)))
    return int(ExitCode.BUG)
