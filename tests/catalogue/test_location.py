"""Where the built-in fixtures are found: in an installed package, and in a checkout."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from hookctl.catalogue import load_catalogue, location
from hookctl.errors import ExitCode, ProviderError
from tests.catalogue.folders import FIXTURES

if TYPE_CHECKING:
    from pathlib import Path


def test_in_this_checkout_they_are_beside_src() -> None:
    assert location.fixtures_root() == FIXTURES


def test_an_installed_package_has_them_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site-packages" / "hookctl"
    shutil.copytree(FIXTURES, package / "_fixtures")
    monkeypatch.setattr(location, "_PACKAGE", package)
    events = load_catalogue().events
    assert len(events) == 26
    assert all(event.sample_path.is_relative_to(package) and event.sample_path.is_file() for event in events)


def test_a_package_goes_before_what_lies_around_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "src" / "hookctl"
    (package / "_fixtures").mkdir(parents=True)
    (tmp_path / "fixtures").mkdir()
    monkeypatch.setattr(location, "_PACKAGE", package)
    assert location.fixtures_root() == package / "_fixtures"
    (package / "_fixtures").rmdir()
    assert location.fixtures_root() == tmp_path / "fixtures"


def test_an_installation_without_them_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(location, "_PACKAGE", tmp_path / "src" / "hookctl")
    with pytest.raises(ProviderError) as caught:
        load_catalogue()
    assert caught.value.message == "the built-in providers are missing from this installation"
    assert caught.value.hint == "install hookctl again"
    assert caught.value.exit_code is ExitCode.INPUT
