"""Fences for every test: a home of its own, no secrets from outside, no network beyond loopback."""

from __future__ import annotations

import ipaddress
import itertools
import os
import signal
import socket
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tests.cli.recorder import recording
from tests.harness import Cli
from tests.vendors.business import ACCOUNT, TOKEN, Business, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.recorder import Recorder

# runs of pytest inside a test, for those of the plugin
pytest_plugins = ["pytester"]

# what is started in the background, by a shell or by nohup, ignores Ctrl-C, and so would everything that tests start
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# the limit of a single example measures how busy the machine is
settings.register_profile("hookctl", deadline=None)
settings.load_profile("hookctl")

_OUTSIDE_PREFIXES = ("ARKY_", "ARCADE_", "HOOKCTL_", "XDG_", "NGROK_", "PYNGROK_", "STAND_IN_", "GITHUB_", "RUNNER_")
_OUTSIDE_NAMES = {
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "NO_COLOR",
    "CLICOLOR_FORCE",
    "FORCE_COLOR",
    "SSL_CERT_FILE",
    "COLUMNS",
}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each process its share of the slow tests, and those first: at the end they would be waited for.

    A process begins with a piece of the list, of the same length for each. A module's slow ones stay together: they
    share what they need.
    """
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    modules: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("slow") is not None:
            modules.setdefault(item.nodeid.partition("::")[0], []).append(item)
    first: list[list[pytest.Item]] = [[] for _ in range(processes)]
    for module in sorted(modules.values(), key=len, reverse=True):
        min(first, key=len).extend(module)
    rest = iter([item for item in items if item.get_closest_marker("slow") is None])
    pieces = [len(items) // processes + (number < len(items) % processes) for number in range(processes)]
    items[:] = [
        item
        for slow, size in zip(first, pieces, strict=True)
        for item in (*slow, *itertools.islice(rest, max(0, size - len(slow))))
    ] + list(rest)


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the tests' homes: for each new folder pytest looks through all that are beside it."""
    return tmp_path_factory.mktemp("homes")


@pytest.fixture(autouse=True)
def fences(homes: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give the test an empty home and an environment without this machine's settings."""
    for name in list(os.environ):
        if name.startswith(_OUTSIDE_PREFIXES) or name.upper() in _OUTSIDE_NAMES:
            monkeypatch.delenv(name)
    home = Path(tempfile.mkdtemp(dir=homes))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TERM", "xterm-256color")
    real_connect = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:  # noqa: ANN401 - socket's own type
        if self.family in {socket.AF_INET, socket.AF_INET6} and not ipaddress.ip_address(address[0]).is_loopback:
            raise AssertionError(f"a test tried to reach {address[0]}, which is not this machine")
        real_connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    yield
    # most leave it empty
    with suppress(OSError):
        home.rmdir()


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Return the command line, run as a process of its own in an empty folder."""
    folder = tmp_path / "work"
    folder.mkdir()
    return Cli(folder)


@pytest.fixture
def signing(cli: Cli) -> Cli:
    """Return the command line with both providers' secrets in its environment."""
    return cli.with_secrets()


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """Return a receiver that accepts everything."""
    with recording() as receiver:
        yield receiver


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
