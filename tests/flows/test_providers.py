"""Providers beside the built-in ones: configured by name, or given as a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.catalogue.folders import ProviderFolder, replace
from tests.cli.inprocess import run_here
from tests.harness import Cli

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DRY = ("--dry-run", "--format", "ndjson")


@pytest.fixture
def own(cli: Cli) -> Cli:
    """Return the command line in a folder whose hookctl.toml has a provider of its own."""
    acme(cli.folder / "vendors" / "acme")
    return configured(cli, 'acme = "vendors/acme"')


def acme(path: Path) -> ProviderFolder:
    """Make a provider with one event that no other has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = ProviderFolder.copied("arky", path)
    replace(folder.description, 'name = "arky"', 'name = "acme"')
    replace(folder.description, "ARKY_WEBHOOK_SECRET", "ACME_SECRET")
    for file in (folder.description, folder.sample("order.paid"), folder.schema("order.paid")):
        file.write_text(file.read_text(encoding="utf-8").replace("order.paid", "rocket.launched"), encoding="utf-8")
    folder.sample("order.paid").rename(folder.sample("rocket.launched"))
    folder.schema("order.paid").rename(folder.schema("rocket.launched"))
    return folder


def configured(cli: Cli, line: str) -> Cli:
    (cli.folder / "hookctl.toml").write_text(f"[providers]\n{line}\n", encoding="utf-8")
    return Cli(cli.folder, {**cli.with_secrets().env, "ACME_SECRET": "a secret of acme"})


def test_its_event_is_sent_by_name(own: Cli) -> None:
    result = run_here(own, "send", "rocket.launched", *DRY)
    assert (result.code, result.err.count("error")) == (0, 0)
    assert result.records[0]["provider"] == "acme"


def test_it_is_chosen_by_name_from_a_folder_below(own: Cli) -> None:
    below = own.folder / "src" / "deep"
    below.mkdir(parents=True)
    result = run_here(Cli(below, own.env), "send", "order.created", "--provider", "acme", *DRY)
    assert (result.code, result.records[0]["provider"]) == (0, "acme")


def test_it_is_listed_with_its_events(own: Cli) -> None:
    result = run_here(own, "events")
    assert result.code == 0
    assert "rocket.launched" in result.out
    only = run_here(own, "events", "--provider", "acme")
    assert (only.code, "rocket.launched" in only.out, "formSubmission" in only.out) == (0, True, False)


def test_the_users_file_names_folders_beside_itself(cli: Cli, tmp_path: Path) -> None:
    acme(tmp_path / "xdg" / "hookctl" / "mine")
    (tmp_path / "xdg" / "hookctl" / "config.toml").write_text('[providers]\nacme = "mine"\n')
    env = {**cli.env, "XDG_CONFIG_HOME": str(tmp_path / "xdg"), "ACME_SECRET": "a secret of acme"}
    result = run_here(Cli(cli.folder, env), "send", "rocket.launched", *DRY)
    assert (result.code, result.records[0]["provider"]) == (0, "acme")


def test_a_folder_is_given_by_its_path(own: Cli) -> None:
    (own.folder / "hookctl.toml").unlink()
    result = run_here(own, "send", "rocket.launched", "--provider", "./vendors/acme", *DRY)
    assert (result.code, result.records[0]["provider"]) == (0, "acme")


def test_an_event_of_two_providers_must_be_told_apart(own: Cli) -> None:
    result = run_here(own, "send", "order.created", *DRY)
    assert (result.code, result.out) == (3, "")
    for part in ("order.created", "acme", "arky", "--provider"):
        assert part in result.err
    for name in ("acme", "arky"):
        chosen = run_here(own, "send", "order.created", "--provider", name, *DRY)
        assert (chosen.code, chosen.records[0]["provider"]) == (0, name)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('other = "vendors/acme"', ["vendors/acme/provider.toml", "'acme'", "'other'"]),
        ('arky = "vendors/acme"', ["[providers]", "arky", "built-in"]),
        ('acme = "nowhere"', ["/nowhere", "provider.toml"]),
        ("acme = 1", ["hookctl.toml", "providers.acme"]),
        ('acme = ""', ["hookctl.toml", "providers.acme"]),
        ('acme = ["vendors/acme"]', ["hookctl.toml", "providers.acme"]),
    ],
    ids=["another name", "built in", "no folder", "number", "empty", "list"],
)
def test_a_wrong_entry_is_told_by_file_and_key(own: Cli, line: str, said: list[str]) -> None:
    for arguments in (["events"], ["send", "order.paid", *DRY]):
        result = run_here(configured(own, line), *arguments)
        assert (result.code, result.out) == (3, "")
        for part in said:
            assert part in result.err


def _no_sample(folder: ProviderFolder) -> None:
    folder.sample("node.updated").unlink()


def _wrong_sample(folder: ProviderFolder) -> None:
    replace(folder.sample("node.updated"), '"node.updated"', '"node.created"')


@pytest.mark.parametrize("break_it", [_no_sample, _wrong_sample])
@pytest.mark.parametrize("provider", ["acme", "./vendors/acme"])
def test_a_mistake_in_another_event_is_found_before_anything_is_sent(
    own: Cli, break_it: Callable[[ProviderFolder], None], provider: str
) -> None:
    break_it(ProviderFolder(own.folder / "vendors" / "acme"))
    result = run_here(own, "send", "rocket.launched", "--provider", provider, *DRY)
    assert (result.code, result.out) == (3, "")
    assert "events/node.updated.json" in result.err
