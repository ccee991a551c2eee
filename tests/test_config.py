"""Which file or variable decides, and what a file that cannot be used is told."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hookctl.config import Config, Origin, load_config
from hookctl.errors import ConfigError, ExitCode
from hookctl.runtime import Output, Runtime
from tests.unreadable import unreadable

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness import Cli


def load(folder: Path, **env: str) -> Config:
    return load_config(
        Runtime(
            env=env,
            cwd=folder,
            stdin=io.BytesIO(),
            out=Output(sys.stdout, "standard output"),
            err=Output(sys.stderr, "standard error"),
        )
    )


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_without_files_and_variables_nothing_is_configured(tmp_path: Path) -> None:
    assert load(tmp_path) == Config(None, {}, None, None)


def test_the_nearest_project_file_upwards_is_the_one(tmp_path: Path) -> None:
    write(tmp_path / "hookctl.toml", 'provider = "outer"\n[endpoints]\nouter = 1\n')
    inner = write(tmp_path / "a" / "hookctl.toml", 'provider = "inner"\n')
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    config = load(tmp_path / "a" / "b" / "c")
    assert config.provider is not None
    assert (config.provider.value, config.provider.origin, config.provider.where) == (
        "inner",
        Origin.PROJECT,
        str(inner),
    )
    # one file, not a merge of all
    assert dict(config.endpoints) == {}
    assert config.project_folder == tmp_path / "a"


def test_a_folder_called_hookctl_toml_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "hookctl.toml", 'provider = "outer"\n')
    (tmp_path / "a" / "hookctl.toml").mkdir(parents=True)
    assert load(tmp_path / "a").project_folder == tmp_path


def test_the_project_file_wins_over_the_users_key_by_key(tmp_path: Path) -> None:
    home, work = tmp_path / "home", tmp_path / "work"
    user = write(home / ".config/hookctl/config.toml", 'provider = "user"\n[endpoints]\na = "u-a:1"\nb = "u-b:1"\n')
    project = write(work / "hookctl.toml", '[endpoints]\nb = "p-b:1"\nc = 3000\n')
    config = load(work, HOME=str(home))
    assert config.provider is not None
    assert (config.provider.value, config.provider.origin) == ("user", Origin.USER)
    assert {name: (setting.value, setting.origin, setting.where) for name, setting in config.endpoints.items()} == {
        "a": ("u-a:1", Origin.USER, f"{user}: endpoints.a"),
        "b": ("p-b:1", Origin.PROJECT, f"{project}: endpoints.b"),
        "c": ("3000", Origin.PROJECT, f"{project}: endpoints.c"),
    }
    write(work / "hookctl.toml", 'provider = "project"\n')
    assert load(work, HOME=str(home)).provider == load(work).provider


def test_xdg_config_home_says_where_the_users_file_is(tmp_path: Path) -> None:
    write(tmp_path / "home/.config/hookctl/config.toml", 'provider = "home"\n')
    write(tmp_path / "xdg/hookctl/config.toml", 'provider = "xdg"\n')
    home, xdg = str(tmp_path / "home"), str(tmp_path / "xdg")
    work = tmp_path / "work"
    work.mkdir()
    for env, expected in (
        ({"HOME": home}, "home"),
        ({"HOME": home, "XDG_CONFIG_HOME": xdg}, "xdg"),
        ({"HOME": home, "XDG_CONFIG_HOME": ""}, "home"),
        ({"XDG_CONFIG_HOME": xdg}, "xdg"),
        ({}, None),
        ({"HOME": str(tmp_path / "absent")}, None),
    ):
        provider = load(work, **env).provider
        assert (provider.value if provider else None) == expected


def test_variables_win_over_both_files(tmp_path: Path) -> None:
    write(tmp_path / "home/.config/hookctl/config.toml", 'provider = "user"\n')
    write(tmp_path / "hookctl.toml", 'provider = "project"\n')
    config = load(tmp_path, HOME=str(tmp_path / "home"), HOOKCTL_PROVIDER="variable", HOOKCTL_TO="8080")
    for setting, value, where in ((config.provider, "variable", "HOOKCTL_PROVIDER"), (config.to, "8080", "HOOKCTL_TO")):
        assert setting is not None
        assert (setting.value, setting.origin, setting.where) == (value, Origin.ENVIRONMENT, where)


def test_an_empty_variable_is_as_none(tmp_path: Path) -> None:
    write(tmp_path / "hookctl.toml", 'provider = "project"\n')
    config = load(tmp_path, HOOKCTL_PROVIDER="", HOOKCTL_TO="")
    assert config.to is None
    assert config.provider is not None
    assert config.provider.origin is Origin.PROJECT


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('providr = "arky"', "providr is not a known key", "did you mean 'provider' or 'providers'?"),
        ("[endpoint]\na = 1", "endpoint is not a known key", "did you mean 'endpoints'?"),
        ("xyz = 1", "xyz is not a known key", "known: provider, endpoints, providers, api"),
        # what a repository's file may not decide
        ('proxy = "http://127.0.0.1:1"', "proxy is not a known key", None),
        ('cacert = "evil.pem"', "cacert is not a known key", None),
        ("insecure = true", "insecure is not a known key", None),
        ('secret = "x"', "secret is not a known key", None),
        ("allow_remote = true", "allow_remote is not a known key", None),
        ('to = "http://example.com/"', "to is not a known key", None),
        ("provider = 1", "provider must be a provider's name", None),
        ('provider = ""', "provider must be a provider's name", None),
        ('provider = ["arky"]', "provider must be a provider's name", None),
        ("provider = false", "provider must be a provider's name", None),
        ('endpoints = "http://localhost/"', "endpoints must be a table", None),
        ("endpoints = []", "endpoints must be a table", None),
        ("[[endpoints]]\na = 1", "endpoints must be a table", None),
        ("[endpoints]\narky = true", "endpoints.arky must be a URL or a port", None),
        ("[endpoints]\narky = 1.5", "endpoints.arky must be a URL or a port", None),
        ('[endpoints]\narky = ""', "endpoints.arky must be a URL or a port", None),
        ("[endpoints]\narky = {}", "endpoints.arky must be a URL or a port", None),
        ("[endpoints]\narky = 2024-01-01", "endpoints.arky must be a URL or a port", None),
        ("provider = ", "not valid TOML", None),
        ('provider = "a"\nprovider = "b"', "not valid TOML", None),
        ("x = " + "[" * 20_000, "not valid TOML", None),
        ("[endpoints]\nx = " + "1" * 5000, "not valid TOML", None),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else None,
)
@pytest.mark.parametrize("place", ["project", "user"])
def test_what_a_file_says_wrongly_is_told_with_file_and_key(
    tmp_path: Path, place: str, text: str, message: str, hint: str | None
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    file = work / "hookctl.toml" if place == "project" else tmp_path / "home/.config/hookctl/config.toml"
    write(file, text + "\n")
    with pytest.raises(ConfigError) as caught:
        load(work, HOME=str(tmp_path / "home"))
    assert caught.value.message.startswith(f"{file}: {message}")
    assert caught.value.exit_code is ExitCode.INPUT
    if hint is not None:
        assert caught.value.hint == hint


def test_a_file_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    (tmp_path / "hookctl.toml").write_bytes(b'provider = "\xff"\n')
    with pytest.raises(ConfigError, match="not valid TOML"):
        load(tmp_path)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    file = unreadable(tmp_path / "hookctl.toml")
    with pytest.raises(ConfigError, match=f"cannot read {file}: "):
        load(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=60) | st.text(st.sampled_from('provider = "endpoints"[]{}.\n#1'), max_size=60))
def test_whatever_a_file_holds_it_is_read_or_refused(tmp_path: Path, data: bytes | str) -> None:
    (tmp_path / "hookctl.toml").write_bytes(data if isinstance(data, bytes) else data.encode())
    message = ""
    try:
        assert load(tmp_path).project_folder == tmp_path
    except ConfigError as error:
        message = error.message
    assert not message or str(tmp_path / "hookctl.toml") in message


# the program itself


def test_flag_over_variable_over_project_over_user(cli: Cli, tmp_path: Path) -> None:
    run = cli.with_secrets()
    home = tmp_path / "home"

    def target(*arguments: str, **env: str) -> str:
        result = run("send", "order.paid", "--dry-run", *arguments, env={"HOME": str(home), **env})
        assert result.code == 0, result.err
        return result.out.splitlines()[0].removeprefix("POST ")

    assert target() == "http://localhost:3000/api/webhooks/arky"
    write(home / ".config/hookctl/config.toml", "[endpoints]\narky = 1001\n")
    assert target() == "http://localhost:1001/api/webhooks/arky"
    write(
        cli.folder / "hookctl.toml", '[endpoints]\narky = "localhost:1002/p"\nother = "http://localhost:1005/named"\n'
    )
    assert target() == "http://localhost:1002/p"
    assert target(HOOKCTL_TO="1003") == "http://localhost:1003/api/webhooks/arky"
    assert target("--to", "http://localhost:1004/flag", HOOKCTL_TO="1003") == "http://localhost:1004/flag"
    assert target("--to", "other", HOOKCTL_TO="1003") == "http://localhost:1005/named"


def test_a_configured_provider_narrows_all_and_a_flag_wins(cli: Cli) -> None:
    write(cli.folder / "hookctl.toml", 'provider = "arcade"\n')
    run = cli.with_secrets()

    def providers(*arguments: str, **env: str) -> set[str]:
        preview = ("--to", "http://localhost:1/", "--dry-run", "--format", "ndjson")
        result = run("send", "--all", *preview, *arguments, env=env)
        assert result.code == 0, result.err
        return {record["provider"] for record in result.records if "provider" in record}

    assert providers() == {"arcade"}
    assert providers(HOOKCTL_PROVIDER="arky") == {"arky"}
    assert providers("--provider", "arcade", HOOKCTL_PROVIDER="arky") == {"arcade"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('providr = "arky"', ("hookctl.toml", "providr", "did you mean 'provider' or 'providers'?")),
        ("x = " + "[" * 20_000, ("hookctl.toml", "not valid TOML")),
        ("[endpoints]\nx = " + "1" * 5000, ("hookctl.toml", "not valid TOML")),
        ("[endpoints]\narky = 70000", ("hookctl.toml", "endpoints.arky", "70000")),
        ('[endpoints]\narky = "ftp://localhost/"', ("hookctl.toml", "endpoints.arky", "ftp")),
    ],
    ids=["unknown key", "nested", "number", "port", "scheme"],
)
def test_a_bad_project_file_ends_in_exit_code_3(cli: Cli, text: str, words: tuple[str, ...]) -> None:
    write(cli.folder / "hookctl.toml", text + "\n")
    result = cli.with_secrets()("send", "order.paid", "--dry-run")
    assert (result.code, result.out) == (3, "")
    for word in words:
        assert word in result.err


def test_an_unknown_configured_provider_is_told(cli: Cli) -> None:
    write(cli.folder / "hookctl.toml", 'provider = "arkee"\n')
    result = cli.with_secrets()("send", "--all", "--dry-run")
    assert result.code == 3
    assert "arkee" in result.err
    assert "'arky'" in result.err
