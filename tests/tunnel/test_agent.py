"""Which program the agent is, how old, and what of its user's settings counts."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml  # type: ignore[import-untyped]  # its types are another package

from hookctl.errors import InputError
from hookctl.tunnel.agent import agent_version, find_agent, ngrok_folder, read_settings, settings_text
from hookctl.tunnel.interface import TunnelError

if TYPE_CHECKING:
    from pathlib import Path


def program(path: Path, text: str = "#!/bin/sh\necho ngrok version 3.39.1\n") -> Path:
    """Write a program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def never() -> bool:
    return False


def test_the_one_that_is_given_goes_first_then_pyngrok_s_variable_the_path_and_its_own_place(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "PATH": f"{tmp_path / 'a'}:{tmp_path / 'b'}"}
    assert find_agent(None, env, tmp_path) is None
    own = program(ngrok_folder(env) / "ngrok")
    assert find_agent(None, env, tmp_path) == own
    on_path = program(tmp_path / "b" / "ngrok")
    assert find_agent(None, env, tmp_path) == on_path
    named = program(tmp_path / "named")
    env["PYNGROK_NGROK_PATH"] = str(named)
    assert find_agent(None, env, tmp_path) == named
    given = program(tmp_path / "given")
    assert find_agent("given", env, tmp_path) == given


def test_a_variable_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"PYNGROK_NGROK_PATH: .*missing does not exist"):
        find_agent(None, {"PYNGROK_NGROK_PATH": "missing"}, tmp_path)


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("ngrok version 3.39.1", (3, 39)),
        ("ngrok version 3.4.0-rc1", (3, 4)),
        ("version 10.0", (10, 0)),
    ],
)
def test_the_version_is_read(tmp_path: Path, said: str, version: tuple[int, int]) -> None:
    assert agent_version(program(tmp_path / "ngrok", f"#!/bin/sh\necho {said}\n"), never) == version


def test_a_program_that_goes_on_is_ended_with_all_that_it_has_started(tmp_path: Path) -> None:
    slow = program(tmp_path / "ngrok", f"#!/bin/sh\n{sys.executable} -c 'import time; time.sleep(100)'\n")
    started_s = time.monotonic()
    with pytest.raises(TunnelError, match="did not say its version"):
        agent_version(slow, lambda: time.monotonic() > started_s + 0.3)
    assert time.monotonic() - started_s < 5


SETTINGS: list[tuple[str, dict[str, Any], str | None]] = [
    ("version: 3\nagent: {authtoken: tok, web_addr: false}", {"version": 3, "agent": {"authtoken": "tok"}}, "tok"),
    ("version: '3'\nagent:\n", {"version": "3", "agent": {}}, None),
    ("version: '2'\nauthtoken: tok\ntunnels: {a: {addr: 1}}", {"version": "2", "authtoken": "tok"}, "tok"),
    ("authtoken: 123\nlog: stderr\nlog_format: json\nregion: eu", {"authtoken": 123, "region": "eu"}, "123"),
    ("version: 3\nagent: {web_addr: 'localhost:5050'}", {"version": 3, "agent": {"web_addr": "localhost:5050"}}, None),
]


@pytest.mark.parametrize(("text", "kept", "token"), SETTINGS)
def test_what_concerns_the_connection_is_kept(
    tmp_path: Path, text: str, kept: dict[str, Any], token: str | None
) -> None:
    env = {"XDG_CONFIG_HOME": str(tmp_path)}
    ngrok_folder(env).mkdir(parents=True)
    (ngrok_folder(env) / "ngrok.yml").write_text(text)
    settings = read_settings(env)
    assert settings.token == token
    assert yaml.safe_load(settings_text(settings, (3, 39))) == kept
    assert "authtoken" not in settings_text(read_settings({**env, "NGROK_AUTHTOKEN": "other"}), (3, 39))
    assert repr(settings) == "Settings()"


@pytest.mark.parametrize("text", [None, "", "# nothing\n"])
def test_without_settings_the_agent_gets_those_of_its_age(tmp_path: Path, text: str | None) -> None:
    env = {"HOME": str(tmp_path)}
    if text is not None:
        ngrok_folder(env).mkdir(parents=True)
        (ngrok_folder(env) / "ngrok.yml").write_text(text)
    settings = read_settings(env)
    assert yaml.safe_load(settings_text(settings, (3, 30))) == {"version": "3", "agent": {}}
    assert yaml.safe_load(settings_text(settings, (3, 29))) == {"version": "2"}


@pytest.mark.parametrize("text", ["a: [", "- 1", "just words", "version: 3\nagent: words", "a: !!python/name:os.x"])
def test_what_are_no_settings_is_an_input_error_that_names_the_file(tmp_path: Path, text: str) -> None:
    env = {"HOME": str(tmp_path)}
    file = ngrok_folder(env) / "ngrok.yml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    with pytest.raises(InputError, match=r"ngrok\.yml"):
        read_settings(env)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not valid YAML"):
        read_settings(env)
