"""A job in which hookctl is installed already, as by a step before."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.action.runner import Runner


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """Return a job whose hookctl is that of these tests."""
    runner = Runner(tmp_path / "runner", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    programs = runner.temp / "hookctl" / "bin"
    programs.mkdir(parents=True)
    for name, call in {"python": sys.executable, "hookctl": f"{sys.executable} -m hookctl"}.items():
        (programs / name).write_text(f'#!/bin/sh\nexec {call} "$@"\n')
        (programs / name).chmod(0o755)
    (runner.temp / "hookctl.from").write_text(f"{runner.checkout}\n")
    return runner
