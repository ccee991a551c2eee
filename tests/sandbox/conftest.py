"""One sandbox for the tests of a module that leave nothing behind in it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.harness import Cli
from tests.sandboxed import sandboxed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sandboxed import Sandboxed


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandboxed]:
    """Return a sandbox without a secret of its own."""
    # it is started before the fences of the first test are up
    outside = {name: None for name in os.environ if name.startswith(("ARKY_", "HOOKCTL_", "XDG_"))}
    cli = Cli(tmp_path_factory.mktemp("sandbox"))
    with sandboxed(cli, env={**outside, "HOME": str(cli.folder)}) as sandbox:
        yield sandbox
        # whatever the tests did, it has met no bug and still ends as it should
        assert (sandbox.end(), sandbox.errors) == (0, "")


@pytest.fixture
def sandbox(cli: Cli) -> Iterator[Sandboxed]:
    """Return a sandbox of the test's own, without a secret of its own."""
    with sandboxed(cli) as running:
        yield running
