"""A store in a folder of the test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.store.material import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hookctl.store import Store, Writer


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path) as opened:
        yield opened


@pytest.fixture
def writer(store: Store) -> Iterator[Writer]:
    with store.writer() as opened:
        yield opened
