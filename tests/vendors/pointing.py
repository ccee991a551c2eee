"""Runs that point a webhook somewhere for a while, in processes that a test can kill at any step."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.harness import Cli

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = "https://abc123.tunnel.example/api/webhooks/arky"

RUN = """
import os, signal, sys, threading
from contextlib import contextmanager

from hookctl.errors import HookctlError
from hookctl.flows.pointing import pointed, restore
from hookctl.flows.webhook import WebhookOptions, open_administration, open_session
from hookctl.runtime import Runtime
from hookctl.vendors import AccessOptions


class Ended(BaseException):
    '''What a command makes of SIGTERM and SIGHUP.'''


def end(number, frame):
    raise Ended(number)


def run(during, dialect):
    runtime = Runtime.system()
    options = WebhookOptions(access=AccessOptions(dialect=dialect), timeout_s=20)
    administered = open_administration(runtime, None)
    with open_session(runtime, options, administered) as session:
        known = {"secret": os.environ.get("REAL_SECRET"), "secret_env": os.environ.get("SECRET_FROM")}
        with pointed(session, OURS, **known) as pointing:
            during(pointing)
    return pointing


for number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, end)
"""

# Points, says so, waits for its input to end or for a signal, and says how it ended.
WAITING = (
    RUN
    + """
def during(pointing):
    print("pointed", flush=True)
    try:
        what = sys.stdin.readline().strip()
    except (KeyboardInterrupt, Ended):
        raise
    if what == "error":
        raise ValueError("the command's own trouble")


OURS, dialect = sys.argv[1], sys.argv[2]
try:
    pointing = run(during, dialect)
except HookctlError as error:
    print(f"{type(error).__name__}: {error.message}", flush=True)
    sys.exit(int(error.exit_code))
except ValueError as error:
    print(f"ValueError: {error}", flush=True)
    sys.exit(1)
except Ended as error:
    print(f"ended by {error.args[0]}", flush=True)
    sys.exit(128 + error.args[0])
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.exit(130)
print("ended:", pointing.restoration.outcome if pointing.restoration else None, flush=True)
"""
)

# Forks a run for each step, of pointing or of setting back: the n-th run is killed before its n-th step, the last one
# finds no step to be killed at. Prints a line for each run, `N killed` or `N ended CODE`, and waits for a line before
# the next. A step is a system call on a file or a connection, which Python's audit hooks see before it is made.
KILLED = (
    RUN
    + """
OURS, dialect = sys.argv[1], sys.argv[2]
STEPS = {"open", "os.mkdir", "os.rename", "os.remove", "os.truncate", "fcntl.flock", "socket.connect", "os.chmod"}



def set_back():
    runtime = Runtime.system()
    options = WebhookOptions(access=AccessOptions(dialect=dialect), timeout_s=20)
    for restoration in restore(runtime, options, open_administration(runtime, None), print):
        assert restoration.exit_code == 0, restoration


# everything is imported and warm before the first fork
import httpcore, httpx
import hookctl.delivery.transport
import hookctl.payload.jsontext
import json
import hashlib


def killed_at(step):
    seen = 0

    def hook(event, arguments):
        nonlocal seen
        if event in STEPS and armed:
            seen += 1
            if seen == step:
                os.kill(os.getpid(), signal.SIGKILL)

    armed = True
    sys.addaudithook(hook)
    if sys.argv[3] == "restore":
        set_back()
    else:
        run(lambda pointing: None, dialect)


step = 0
while True:
    step += 1
    child = os.fork()
    if child == 0:
        try:
            killed_at(step)
            os._exit(0)
        except BaseException as error:
            sys.stderr.write(f"{type(error).__name__}: {error}\\n")
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        print(step, "killed", flush=True)
    else:
        print(step, f"ended {os.WEXITSTATUS(status)}", flush=True)
        break
    sys.stdin.readline()
"""
)


def start(cli: Cli, script: str, *arguments: str, env: dict[str, str | None] | None = None) -> subprocess.Popen[bytes]:
    """Start a script with pipes; it is the test's to end."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cli.folder,
        env=cli.environment(env),
        bufsize=0,
    )


def journals(cli: Cli) -> list[Path]:
    """Return the journals on the disk."""
    return sorted(Path(cli.environment()["HOME"], ".local", "state", "hookctl", "webhooks").glob("*.json"))


def tell(process: subprocess.Popen[bytes], words: Sequence[str] = ("",)) -> None:
    """Write lines to a process's standard input."""
    assert process.stdin is not None
    for word in words:
        process.stdin.write(f"{word}\n".encode())
