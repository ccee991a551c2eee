"""A business API for each test that wants one, and a command line that speaks to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness import Cli
from tests.vendors.business import ACCOUNT, TOKEN, Business, running

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def business() -> Iterator[Business]:
    """Return a running business API."""
    with running(Business()) as api:
        yield api


@pytest.fixture
def asking(cli: Cli, business: Business) -> Cli:
    """Return the command line with token, account and address of the API in its environment."""
    variables = {"ARKY_TOKEN": TOKEN, "ARKY_BUSINESS_ID": ACCOUNT, "ARKY_BASE_URL": business.base}
    return Cli(cli.folder, {**cli.env, **variables})
