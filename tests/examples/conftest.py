"""The vendors' libraries, started once for all tests of a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.examples.library import Libraries, missing_tools
from tests.examples.shared import ROOT
from tests.harness import Cli

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def libraries() -> Iterator[Libraries]:
    """Return the running libraries, or fail with the name of what is missing."""
    missing = missing_tools()
    if missing is not None:
        pytest.fail(missing)
    with Libraries() as running:
        yield running


@pytest.fixture
def hookctl() -> Cli:
    """Return the command line, run in the repository's folder as the guide has it."""
    return Cli(ROOT)
