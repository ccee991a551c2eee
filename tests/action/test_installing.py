"""The action installs hookctl from its own checkout, once, and leaves everything else as it was."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.action.runner import ROOT, Runner, key_of_cache

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.install

LEFT_OUT = shutil.ignore_patterns(".*", "node_modules", "tests", "docs", "dist", "__pycache__")


def files(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_it_is_installed_once_and_then_comes_from_the_cache(tmp_path: Path) -> None:
    checkout = tmp_path / "check out"
    shutil.copytree(ROOT, checkout, ignore=LEFT_OUT)
    before = files(checkout)
    # what a job may have set for the Python of its own
    env = {"PIP_REQUIRE_VIRTUALENV": "1", "PIP_TARGET": "/nowhere", "PYTHONPATH": str(tmp_path / "job")}
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "httpx.py").write_text("raise SystemExit('the job's own')")
    runner = Runner(tmp_path / "runner", checkout=checkout, env=env)
    home, cached = runner.temp / "hookctl", runner.caches / key_of_cache(runner)
    # what the cache brings may be broken, and is made anew
    (cached / "bin").mkdir(parents=True)
    (cached / "bin" / "hookctl").write_text("#!/bin/sh\nexit 1\n")
    step = runner.uses(command="events", args="show\norder.paid")
    assert (step.code, step.commands) == (0, []), step.text
    assert '"event": "order.paid"' in step.text
    assert not [one for one in runner.temp.iterdir() if one.name.startswith("hookctl-")], "something was left behind"
    assert (files(checkout), files(runner.workspace)) == (before, {})

    # a second step of the same job finds it
    stamp = (home / "pyvenv.cfg").stat().st_mtime_ns
    assert runner.uses(command="events").code == 0
    assert (home / "pyvenv.cfg").stat().st_mtime_ns == stamp

    # the next job is brought it
    shutil.rmtree(cached)
    shutil.move(home, cached)
    (cached / "from-the-cache").write_text("")
    assert runner.uses(command="events").code == 0
    assert (home / "from-the-cache").exists()
