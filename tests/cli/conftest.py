"""A receiver for each test that wants one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.recorder import recording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.recorder import Recorder
    from tests.harness import Cli


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """Return a receiver that accepts everything."""
    with recording() as running:
        yield running


@pytest.fixture
def signing(cli: Cli) -> Cli:
    """Return the command line with both providers' secrets in its environment."""
    return cli.with_secrets()
