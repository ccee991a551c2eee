"""How an error is told: one sentence, then what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.report.safe import safe_line
from hookctl.report.style import Style, Tone

if TYPE_CHECKING:
    from hookctl.errors import HookctlError
    from hookctl.runtime import Runtime


def report_error(error: HookctlError, runtime: Runtime) -> None:
    """Write an error and its hint to standard error."""
    style = Style.of(runtime.err, runtime.env)
    clean = runtime.redactor.clean
    runtime.err.line(f"{style.paint('error:', Tone.BAD)} {safe_line(clean(error.message))}")
    if error.hint:
        runtime.err.line(f" {style.paint('hint:', Tone.QUIET)} {safe_line(clean(error.hint))}")


def report_note(text: str, runtime: Runtime) -> None:
    """Write a note to standard error."""
    style = Style.of(runtime.err, runtime.env)
    runtime.err.line(f" {style.paint('note:', Tone.WARNING)} {safe_line(runtime.redactor.clean(text))}")


def report_usage(message: str, command: str, runtime: Runtime) -> None:
    """Write what is wrong with a command line, and where its help is."""
    style = Style.of(runtime.err, runtime.env)
    runtime.err.line(f"{style.paint('error:', Tone.BAD)} {safe_line(runtime.redactor.clean(message))}")
    runtime.err.line(f" {style.paint('hint:', Tone.QUIET)} `{command} --help` shows what there is")
