"""What is built is whole: the sdist, the wheel that is made from it, and hookctl as that wheel installs it."""

from __future__ import annotations

import email
import json
import os
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hookctl import __version__
from hookctl.catalogue import load_catalogue
from tests.install.distributions import ROOT, run

if TYPE_CHECKING:
    from tests.install.distributions import Built


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the `bin` folder of an environment that has the wheel and, without a network, its dependencies."""
    home = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(home, with_pip=False)
    pip = f"{sys.executable} -m pip --disable-pip-version-check --python {home}/bin/python"
    run([*pip.split(), "install", "--quiet", "--no-deps", "--no-index", built.wheel], home)
    # the dependencies that are here already: a path in a .pth file brings a folder's packages, but none of its own
    # .pth files, so that the editable install of the checkout stays out of it
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    return home / "bin"


def test_the_wheel_has_the_providers_and_the_types_and_no_tests(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        names = set(wheel.namelist())
        metadata = email.message_from_bytes(wheel.read(f"hookctl-{__version__}.dist-info/METADATA"))
        entry_points = wheel.read(f"hookctl-{__version__}.dist-info/entry_points.txt").decode()
    assert built.wheel.name == f"hookctl-{__version__}-py3-none-any.whl"
    assert "hookctl/py.typed" in names
    for provider in load_catalogue().providers:
        folder = f"hookctl/_fixtures/{provider.name}"
        assert f"{folder}/provider.toml" in names
        for event in provider.events:
            assert f"{folder}/events/{event.name}.json" in names
            assert f"{folder}/schemas/{event.schema_path.name}" in names
    root = built.source / "src"
    source = {str(path.relative_to(root)) for path in root.rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == source
    assert {name.split("/", 1)[0] for name in names} == {"hookctl", f"hookctl-{__version__}.dist-info"}
    assert (metadata["Name"], metadata["Version"], metadata["License-Expression"]) == (
        *("hookctl", __version__, "Apache-2.0"),
    )
    assert f"hookctl-{__version__}.dist-info/licenses/LICENSE" in names
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert "[pytest11]\nhookctl = hookctl.pytest_plugin" in entry_points


def test_the_sdist_has_the_sources_the_fixtures_and_the_tests(built: Built) -> None:
    with tarfile.open(built.sdist) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "src/hookctl/py.typed", "tests/conftest.py"):
        assert name in names
    assert {name.split("/")[1] for name in names if name.startswith("fixtures/")} == {"arky", "arcade"}
    assert not [name for name in names if "node_modules" in name or "__pycache__" in name or name.startswith(".venv")]


def test_hookctl_works_as_the_wheel_installs_it(installed: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    env = {"PATH": os.defpath, "HOME": str(tmp_path), "ARKY_WEBHOOK_SECRET": "whsec_for_the_wheel"}

    def hookctl(*arguments: str) -> str:
        return run([installed / "hookctl", *arguments], elsewhere, env)

    where = "import hookctl.catalogue.location as l; print(l.__file__, l.fixtures_root())"
    for path in run([installed / "python", "-c", where], elsewhere, env).split():
        assert Path(path).is_relative_to(installed.parent), path
    assert hookctl("--version") == f"hookctl {__version__}\n"
    events = json.loads(hookctl("events", "--format", "json"))["results"]
    assert [event["name"] for event in events] == [event.name for event in load_catalogue().events]
    assert len(events) == 26
    sample = (ROOT / "fixtures" / "arky" / "events" / "order.paid.json").read_text(encoding="utf-8")
    assert hookctl("events", "show", "order.paid") == sample
    shown = hookctl("send", "order.*", "--set", "data.order.id=ord_1", "--dry-run", "--format", "ndjson")
    assert len(shown.splitlines()) == 7
    assert "27 of 27 genuine deliveries accepted, 9 of 9 bad ones refused" in hookctl("demo")
    assert "Usage: hookctl" in run([installed / "python", "-m", "hookctl", "--help"], elsewhere, env)
