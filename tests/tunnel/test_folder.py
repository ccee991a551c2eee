"""The folder of an agent: private, locked while its process lives, cleaned up by the next one."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hookctl.tunnel.folder import AgentFolder, clean_up
from hookctl.tunnel.interface import TunnelError
from tests.agent.launch import is_running

if TYPE_CHECKING:
    from pathlib import Path

_LEAVE = """
import os, subprocess, sys
from pathlib import Path
from hookctl.tunnel.folder import AgentFolder
folder = AgentFolder(Path(sys.argv[1]), "left")
folder.fill(Path("/bin/sleep"), "")
agent = [sys.executable, "-c", "import time; print(flush=True); time.sleep(100)", str(folder.config)]
process = subprocess.Popen(agent, stdout=subprocess.PIPE)
# for a moment after it was started a process has no command line
process.stdout.readline()
print(process.pid, flush=True)
os.kill(os.getpid(), 9)
"""


def left_behind(base: Path) -> int:
    """Leave a folder and its agent behind, as a run that is killed does; return the agent's id."""
    done = subprocess.run([sys.executable, "-c", _LEAVE, str(base)], stdout=subprocess.PIPE, timeout=30, check=False)
    assert done.returncode == -9
    return int(done.stdout)


def test_a_folder_in_use_is_left_alone_and_one_of_a_killed_run_is_not(tmp_path: Path) -> None:
    base = tmp_path / "state" / "tunnels"
    mine = AgentFolder(base, "mine")
    mine.fill(tmp_path / "ngrok", "version: '2'\n")
    agent = left_behind(base)
    assert is_running(agent)
    assert clean_up(base) == 1
    assert not is_running(agent)
    assert [path.name for path in base.iterdir()] == ["mine"]
    mine.remove()
    assert list(base.iterdir()) == []
    assert clean_up(base) == 0


def test_nothing_is_made_to_be_cleaned_up(tmp_path: Path) -> None:
    assert clean_up(tmp_path / "none") == 0
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_folder_of_an_agent_s_is_left_where_it_is(tmp_path: Path) -> None:
    base = tmp_path / "tunnels"
    base.mkdir()
    (base / "file").write_text("mine")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").touch()
    (base / "link").symlink_to(elsewhere)
    assert clean_up(base) == 0
    assert (base / "file").read_text() == "mine"
    assert (elsewhere / "precious").exists()


def test_a_path_with_odd_characters_starts_the_agent_all_the_same(tmp_path: Path) -> None:
    agent = tmp_path / 'it\'s $(touch pwned) "ngrok"'
    agent.write_text('#!/bin/sh\necho "$@"\necho complaint >&2\n')
    agent.chmod(0o755)
    folder = AgentFolder(tmp_path / "a b'c", "one")
    folder.fill(agent, "")
    done = subprocess.run([folder.launcher, "start", "x y"], capture_output=True, text=True, timeout=30, check=True)
    assert (done.stdout, done.stderr) == ("start x y\n", "")
    assert folder.complaints == "complaint\n"
    assert not (tmp_path / "pwned").exists()
    folder.remove()


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TunnelError, match="file") as caught:
        AgentFolder(tmp_path / "file" / "tunnels", "one")
    assert caught.value.hint is not None
