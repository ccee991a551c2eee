"""The distributions, built once for each process that tests them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.install.distributions import build

if TYPE_CHECKING:
    from tests.install.distributions import Built


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Return the sdist, and the wheel that was made of it."""
    return build(tmp_path_factory.mktemp("build"))
