"""Runs a command while an app runs: `with_app.py URL COMMAND...`; `HOOKCTL_START` starts the app.

The URL is where the app answers once it is ready, whatever it says; empty to begin at once. The app is ended with
everything that it has started, as `hookctl check --start` does it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

from hookctl.errors import HookctlError, InputError, UsageError
from hookctl.flows.application import Application
from hookctl.report.problems import report_error, report_note
from hookctl.report.safe import safe_line
from hookctl.runtime import Runtime

START_S = 60.0
"""How long the app may take until it answers."""


def answers(url: str) -> bool:
    """Return whether something answers there. It is asked without a proxy: it is on this machine."""
    try:
        build_opener(ProxyHandler({})).open(url, timeout=5).close()
    except (HTTPError, HTTPException):
        return True
    except (OSError, ValueError):
        return False
    return True


def is_url(text: str) -> bool:
    """Return whether it is a URL that can be asked."""
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def run(url: str, command: list[str], runtime: Runtime) -> int:
    """Return the exit code of the command.

    Raises:
        UsageError: the URL is none.
        InputError: something answers there already: the app that is started would not be the one that is asked.
        ApplicationError: the app does not start.
    """
    if url and not is_url(url):
        raise UsageError(f"the input wait-for is no URL: {url}", hint="for instance http://localhost:3000/health")
    if url and answers(url):
        raise InputError(f"something answers at {url} already, before start has started anything", hint="end it first")
    with Application(os.environ.pop("HOOKCTL_START"), runtime) as app:
        for waiting in app.wait_for(url, lambda: answers(url), START_S) if url else ():
            report_note(waiting.text, runtime)
        code = subprocess.run(command, check=False).returncode  # noqa: S603 - hookctl, with the arguments of the step
        if code != 0:
            report_note("the app's log ends with", runtime)
            for line in app.tail():
                runtime.err.line(f"  | {safe_line(runtime.redactor.clean(line))}")
        return code


def main(url: str, *command: str) -> int:
    """Run it, and tell an app that does not start as hookctl would."""
    runtime = Runtime.system()
    try:
        return run(url, list(command), runtime)
    except HookctlError as error:
        report_error(error, runtime)
        return int(error.exit_code)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
