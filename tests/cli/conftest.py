"""The stand-in for ngrok's agent, for each test that wants a tunnel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.tunnelling import tunnels_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.tunnelling import Tunnels
    from tests.harness import Cli


@pytest.fixture
def tunnels(signing: Cli, tmp_path: Path) -> Iterator[Tunnels]:
    """Return the command line with the stand-in for ngrok's agent; nothing of that may be left behind."""
    ours = tunnels_in(tmp_path, signing)
    yield ours
    ours.check_clean()
