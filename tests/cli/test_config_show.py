"""`hookctl config show`: each value with what says so, and no secret."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.inprocess import run_here

if TYPE_CHECKING:
    from tests.harness import Cli

KEYS = ["type", "name", "value", "present", "secret", "origin", "where"]


def shown(cli: Cli, *arguments: str) -> dict[str, dict[str, Any]]:
    """Return the settings by their names."""
    result = run_here(cli, "config", "show", "--format", "json", *arguments)
    assert (result.code, result.err) == (0, "")
    records = result.document["results"]
    assert all(list(record) == KEYS for record in records)
    assert result.document["summary"] == {"type": "summary", "total": len(records)}
    return {record["name"]: record for record in records}


def user_file(cli: Cli, text: str) -> Path:
    file = Path(cli.environment()["HOME"]) / ".config" / "hookctl" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return file


def test_without_a_word_of_the_user_s_what_is_built_in_is_in_force(cli: Cli) -> None:
    settings = shown(cli)
    assert settings["endpoints.arky"]["value"] == "http://localhost:3000/api/webhooks/arky"
    assert settings["endpoints.arky"]["origin"] == "built_in"
    assert settings["api.arky.dialect"]["origin"] == "built_in"
    for name in ("provider", "to", "endpoints.arcade", "api.arky.business", "ARKY_TOKEN", "ARKY_WEBHOOK_SECRET"):
        assert [settings[name][key] for key in KEYS[2:4]] == [None, False]
        assert settings[name]["origin"] is None


def test_every_value_has_its_origin(cli: Cli) -> None:
    project = cli.folder / "hookctl.toml"
    project.write_text('[endpoints]\narky = 8080\n[api.arky]\nbusiness = "biz_1"\n')
    user = user_file(cli, '[endpoints]\narky = 1\nstaging = "https://a.example/"\n[api.arky]\ndialect = "stores"\n')
    (cli.folder / ".env").write_text("ARCADE_SIGNING_SECRET=canary-dotenv-4711\n")
    cli.env |= {"HOOKCTL_TO": "9", "ARKY_TOKEN": "canary-token-4711", "ARKY_BASE_URL": "http://localhost:4"}
    settings = shown(cli)
    found = {name: (record["value"], record["origin"], record["where"]) for name, record in settings.items()}
    assert found["to"] == ("9", "environment", "HOOKCTL_TO")
    assert found["endpoints.arky"] == ("8080", "project", f"{project}: endpoints.arky")
    assert found["endpoints.staging"] == ("https://a.example/", "user", f"{user}: endpoints.staging")
    assert found["api.arky.business"] == ("biz_1", "project", f"{project}: api.arky.business")
    assert found["api.arky.dialect"] == ("stores", "user", f"{user}: api.arky.dialect")
    assert found["api.arky.url"] == ("http://localhost:4", "environment", "$ARKY_BASE_URL")
    assert found["ARKY_TOKEN"] == (None, "environment", "$ARKY_TOKEN")
    place = f"ARCADE_SIGNING_SECRET in {cli.folder / '.env'}"
    assert found["ARCADE_SIGNING_SECRET"] == (None, "dotenv", place)
    assert settings["ARCADE_SIGNING_SECRET"]["present"] is True
    text = run_here(cli, "config", "show").out
    assert "canary" not in text
    assert "ARKY_TOKEN                      present" in text


def test_an_option_wins_and_narrows(cli: Cli) -> None:
    cli.env["HOOKCTL_PROVIDER"] = "arcade"
    assert shown(cli)["provider"]["origin"] == "environment"
    settings = shown(cli, "--provider", "arky")
    assert [settings["provider"][key] for key in ("value", "origin", "where")] == ["arky", "flag", "--provider"]
    assert "endpoints.arcade" not in settings


def test_a_password_in_a_url_is_not_shown(cli: Cli) -> None:
    (cli.folder / "hookctl.toml").write_text('[endpoints]\nx = "https://user:canary/4711@a.example/"\n')
    assert shown(cli)["endpoints.x"]["value"] == "https://***@a.example/"


def test_a_provider_s_folder_is_told_with_what_names_it(cli: Cli) -> None:
    (cli.folder / "hookctl.toml").write_text('provider = "arky"\n[providers]\nours = "providers/ours"\n')
    setting = shown(cli)["providers.ours"]
    assert (setting["value"], setting["origin"]) == (str(cli.folder / "providers" / "ours"), "project")


@pytest.mark.parametrize(
    ("text", "names"), [("provider = ", "not valid TOML"), ('provider = "akry"', "did you mean 'arky'")]
)
def test_what_cannot_be_used_is_told_by_name(cli: Cli, text: str, names: str) -> None:
    (cli.folder / "hookctl.toml").write_text(text)
    result = run_here(cli, "config", "show")
    assert (result.code, result.out) == (3, "")
    assert names in result.err


def test_what_a_file_says_cannot_act_on_a_terminal(cli: Cli) -> None:
    (cli.folder / "hookctl.toml").write_text('[endpoints]\n"a\\u001b[2J" = "b\\u001b[2J"\n')
    text = run_here(cli, "config", "show").out
    assert "\x1b" not in text
    assert "b\\x1b[2J" in text
