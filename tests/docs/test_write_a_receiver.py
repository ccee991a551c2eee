"""The receivers of the guide are started as they stand there, and `hookctl check` finds nothing to object to."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.cli.inprocess import run_here
from tests.cli.recorder import unused_port
from tests.docs.pages import DOCS, ROOT, read_page
from tests.docs.receiver import SECRETS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.harness import Cli

GUIDE = DOCS / "write-a-receiver.md"
NODE_MODULES = ROOT / "tests" / "receivers" / "node_modules"
NEXT = str(ROOT / "tests" / "docs" / "next-host.mjs")
PATIENCE_S = 30.0


@dataclass(frozen=True)
class Program:
    """A receiver of the guide."""

    file: str
    command: tuple[str, ...]
    """What starts it; `{file}` and `{port}` stand for its file and its port."""
    package: str | None = None
    """The Python package that it needs."""


PROGRAMS = (
    Program("node-server.mjs", ("node", "{file}")),
    Program("express-server.mjs", ("node", "{file}")),
    Program("app/api/webhooks/[vendor]/route.js", ("node", NEXT, "route", "{file}", "{port}")),
    Program("pages/api/webhooks/[vendor].js", ("node", NEXT, "page", "{file}", "{port}")),
    Program(
        "flask_app.py",
        (sys.executable, "-m", "flask", "--app", "flask_app", "run", "--port", "{port}"),
        "flask",
    ),
    Program("fastapi_app.py", (sys.executable, "-m", "tests.docs.asgi_host", "fastapi_app", "{port}"), "fastapi"),
)
INSTALLED = [one for one in PROGRAMS if one.package is None or importlib.util.find_spec(one.package)]


@contextmanager
def running(program: Program, folder: Path, env: dict[str, str]) -> Iterator[int]:
    """Start a receiver of the guide for the length of a `with` block, and return its port."""
    port = unused_port()
    for block in read_page(GUIDE).blocks:
        if block.file is not None:
            path = folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text.replace("3000", str(port)), encoding="utf-8")
    # what `npm install express` makes; and Next.js takes every file for a module
    (folder / "node_modules").symlink_to(NODE_MODULES)
    (folder / "package.json").write_text('{"type": "module"}')
    command = [word.format(file=program.file, port=port) for word in program.command]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env={**env, "PYTHONPATH": str(ROOT)}, stdout=output, stderr=output
        )
        try:
            _wait(process, port, folder / "output")
            yield port
        finally:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, output: Path) -> None:
    import socket

    until_s = time.monotonic() + PATIENCE_S
    while True:
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < until_s, output.read_text()
        try:
            socket.create_connection(("localhost", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return


@pytest.mark.parametrize("program", INSTALLED, ids=lambda program: program.file)
def test_a_receiver_of_the_guide_is_right(cli: Cli, program: Program) -> None:
    cli.env |= SECRETS
    with running(program, cli.folder, cli.environment()) as port:
        for vendor in ("arky", "arcade"):
            url = f"http://localhost:{port}/api/webhooks/{vendor}"
            # its inbox is the counter: each event once
            probe = ("--allow-side-effects", "--probe-cmd", "mkdir -p inbox; ls inbox | wc -l")
            result = run_here(cli, "check", url, "--strict", *probe, "--format", "ndjson")
            assert result.code == 0, result.out
            *outcomes, summary = result.records
            assert {one["id"]: one["result"] for one in outcomes}["dup-race"] == "pass"
            # not even what only informs: an answer other than the page's
            assert summary["info"] == summary["fail"] == 0


def test_the_checks_that_the_guide_names_are_checks(cli: Cli) -> None:
    rows = re.findall(r"^\|.*\| ((?:`[a-z0-9-]+`(?:, )?)+) \|$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    named = {id_ for row in rows for id_ in re.findall("`([a-z0-9-]+)`", row)}
    assert len(named) > 20
    assert named <= {one["id"] for one in run_here(cli, "check", "--list", "--format", "json").document["results"]}


def test_the_guide_says_of_which_programs_the_tests_are() -> None:
    shown = {block.file for block in read_page(GUIDE).blocks}
    assert {program.file for program in PROGRAMS} <= shown
    # the others were run by hand, and the page says when
    assert shown - {program.file for program in PROGRAMS} - {None} == {
        *("webhooks.mjs", "worker.mjs", "webhooks.py", "fastify-server.mjs", "django_app.py")
    }
