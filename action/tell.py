"""Tells GitHub of a run that has not done so itself: `tell.py COMMAND EXIT_CODE LOG`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from hookctl.errors import HookctlError
from hookctl.report.github import GitHub
from hookctl.report.problems import report_error
from hookctl.runtime import Runtime

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def main(command: str, code: str, log: str) -> None:
    """Write the annotation, the summary and the outputs, with hookctl's own last word of what went wrong."""
    # a job may ask for colours
    text = _COLOUR.sub("", Path(log).read_text(encoding="utf-8", errors="backslashreplace"))
    said = [line.removeprefix("error: ") for line in text.splitlines() if line.startswith("error: ")]
    headline = said[-1] if said and code != "0" else f"exit code {code}"
    runtime = Runtime.system()
    try:
        GitHub(runtime, command, {}, machine=False).ended(headline, int(code))
    except HookctlError as error:
        # the step ends with the exit code of its command
        report_error(error, runtime)


if __name__ == "__main__":
    main(*sys.argv[1:])
