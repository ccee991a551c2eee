"""A command line that can sign."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.harness import Cli


@pytest.fixture
def signing(cli: Cli) -> Cli:
    """Return the command line with both providers' secrets in its environment."""
    return cli.with_secrets()
