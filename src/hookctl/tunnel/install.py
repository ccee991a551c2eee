"""Gets the ngrok agent through pyngrok: said beforehand, seen under way, whole or not at all."""

from __future__ import annotations

import re
import tempfile
import threading
import time
from contextlib import contextmanager, redirect_stdout
from io import TextIOBase
from pathlib import Path
from typing import TYPE_CHECKING

from hookctl.tunnel.agent import ngrok_folder
from hookctl.tunnel.interface import TunnelError
from hookctl.tunnel.problems import AGENT_HINT, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hookctl.tunnel.interface import Say

STALL_S = 8.0
"""A download of which nothing comes for so long is given up."""

_ABOUT = "about 10 MB"
_STEP_PERCENT = 25


def install_agent(env: Mapping[str, str], say: Say) -> Path:
    """Download the agent to where pyngrok has its own.

    Args:
        env: says where that is.
        say: is told that it is downloaded, where from and to, and how far it is.

    Returns:
        The agent's path.

    Raises:
        TunnelError: it cannot be had.
    """
    from pyngrok import installer

    target = ngrok_folder(env) / "ngrok"
    say(f"there is no ngrok agent on this machine: downloading it from bin.ngrok.com to {target}, once ({_ABOUT})")
    progress = _Progress(say)
    failures: list[Exception] = []

    def download(into: Path) -> None:
        try:
            installer.install_ngrok(str(into))
        except Exception as error:  # noqa: BLE001 - said where it is waited for
            failures.append(error)

    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _folder_for(target.parent) as folder, redirect_stdout(progress):
            # a daemon: what it waits for may never come, and the process does not
            thread = threading.Thread(target=download, args=(folder / "ngrok",), daemon=True, name="hookctl-download")
            thread.start()
            while thread.is_alive():
                thread.join(0.1)
                if time.monotonic() - progress.last_s > STALL_S:
                    raise _failed(f"nothing came for {STALL_S:.0f} s")
            if failures:
                raise _failed(plain(str(failures[0])).rpartition("https://bin.ngrok.com")[2].partition(": ")[2])
            (folder / "ngrok").replace(target)
    except OSError as error:
        raise _failed(f"{target.parent}: {error.strerror or error}") from error
    return target


def _failed(why: str) -> TunnelError:
    return TunnelError(
        f"the ngrok agent cannot be downloaded: {why}",
        hint=f"{AGENT_HINT}; a filter or proxy may be in the way",
    )


@contextmanager
def _folder_for(parent: Path) -> Iterator[Path]:
    """Yield a private folder on the disk of the target; what is downloaded is unpacked there, and the archive too."""
    with tempfile.TemporaryDirectory(prefix=".hookctl-", dir=parent, ignore_cleanup_errors=True) as name:
        # pyngrok has a fixed name for the archive, in a folder that other users may write to
        before, tempfile.tempdir = tempfile.tempdir, name
        try:
            yield Path(name)
        finally:
            tempfile.tempdir = before


class _Progress(TextIOBase):
    """Stands in for standard output, where pyngrok writes how far it is."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._told = 0
        self.last_s = time.monotonic()
        """When something has come last."""

    def write(self, text: str) -> int:
        """Take what pyngrok writes."""
        self.last_s = time.monotonic()
        match = re.search(r"(\d+)%", text)
        if match and int(match.group(1)) >= self._told + _STEP_PERCENT:
            self._told = int(match.group(1)) // _STEP_PERCENT * _STEP_PERCENT
            self._say(f"downloaded {self._told} %")
        return len(text)
