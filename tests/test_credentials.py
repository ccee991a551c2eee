"""Where secrets are looked for, in which order, and what exactly the key's bytes are."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hookctl.catalogue import load_catalogue
from hookctl.credentials import SecretSource
from hookctl.errors import ExitCode, SecretError, UsageError
from hookctl.model import Secret, SecretPair
from hookctl.redaction import MASK
from hookctl.runtime import Output, Runtime
from tests.rawserver import raw_server
from tests.unreadable import unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hookctl.model import Provider
    from tests.harness import Cli

CATALOGUE = load_catalogue()
ARKY = CATALOGUE.provider("arky")
ARCADE = CATALOGUE.provider("arcade")
NAME = "ARKY_WEBHOOK_SECRET"
PREVIOUS = "ARKY_WEBHOOK_SECRET_PREVIOUS"


def runtime(folder: Path, env: Mapping[str, str] | None = None, stdin: bytes = b"") -> Runtime:
    return Runtime(
        env=env or {},
        cwd=folder,
        stdin=io.BytesIO(stdin),
        out=Output(sys.stdout, "standard output"),
        err=Output(sys.stderr, "standard error"),
    )


def keys(pair: SecretPair) -> tuple[bytes, ...]:
    return tuple(secret.value for secret in pair)


def test_a_file_wins_over_the_environment_over_dotenv_local_over_dotenv(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"from the file")
    (tmp_path / ".env.local").write_text(f"{NAME}='from .env.local'\n")
    (tmp_path / ".env").write_text(f"{NAME}='from .env'\n")
    env = {NAME: "from the environment"}
    found = []
    found.append(SecretSource(runtime(tmp_path, env), ["secret"]).pair(ARKY).current)
    found.append(SecretSource(runtime(tmp_path, env)).pair(ARKY).current)
    found.append(SecretSource(runtime(tmp_path)).pair(ARKY).current)
    (tmp_path / ".env.local").unlink()
    found.append(SecretSource(runtime(tmp_path)).pair(ARKY).current)
    assert [(secret.value, secret.origin) for secret in found] == [
        (b"from the file", "secret"),
        (b"from the environment", f"${NAME}"),
        (b"from .env.local", f"{NAME} in {tmp_path / '.env.local'}"),
        (b"from .env", f"{NAME} in {tmp_path / '.env'}"),
    ]


def test_each_variable_is_looked_for_by_itself(tmp_path: Path) -> None:
    (tmp_path / ".env.local").write_text(f"{NAME}=current-in-local\n")
    (tmp_path / ".env").write_text(f"{PREVIOUS}=previous-in-env\n{NAME}=shadowed\n")
    assert keys(SecretSource(runtime(tmp_path)).pair(ARKY)) == (b"current-in-local", b"previous-in-env")


def test_two_files_are_the_current_and_the_previous_secret(tmp_path: Path) -> None:
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "old").write_bytes(b"old")
    env = {NAME: "not used", PREVIOUS: "not used"}
    assert keys(SecretSource(runtime(tmp_path, env), ["new", "old"]).pair(ARKY)) == (b"new", b"old")
    # one file alone: the environment's previous secret does not go with it
    assert keys(SecretSource(runtime(tmp_path, env), ["new"]).pair(ARKY)) == (b"new",)


def test_three_files_are_too_many(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="more than twice") as caught:
        SecretSource(runtime(tmp_path), ["a", "b", "c"])
    assert caught.value.exit_code is ExitCode.USAGE


def test_dotenv_is_looked_for_beside_hookctl_toml_not_in_the_current_folder(tmp_path: Path) -> None:
    here = tmp_path / "a" / "b"
    here.mkdir(parents=True)
    (tmp_path / ".env").write_text(f"{NAME}=beside-the-project-file\n")
    (here / ".env").write_text(f"{NAME}=in-the-current-folder\n")
    assert keys(SecretSource(runtime(here), project_folder=tmp_path).pair(ARKY)) == (b"beside-the-project-file",)
    assert keys(SecretSource(runtime(here)).pair(ARKY)) == (b"in-the-current-folder",)


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (b"secret", b"secret"),
        (b"secret\n", b"secret"),
        (b"secret\r\n", b"secret"),
        (b"secret\n\n", b"secret\n"),
        (b"secret\r\n\r\n", b"secret\r\n"),
        (b"secret\r", b"secret\r"),
        (b"secret\n\r", b"secret\n\r"),
        (b" secret \t\n", b" secret \t"),
        (b"\nsecret", b"\nsecret"),
        (b"\xff\xfe\x00\n", b"\xff\xfe\x00"),
        (b"\xef\xbb\xbfsecret", b"\xef\xbb\xbfsecret"),
        (b"whsec_c2VjcmV0", b"whsec_c2VjcmV0"),
        (b"\n\n", b"\n"),
        (b"x" * 65536, b"x" * 65536),
    ],
)
def test_of_a_file_only_the_final_newline_is_dropped(tmp_path: Path, data: bytes, key: bytes) -> None:
    (tmp_path / "secret").write_bytes(data)
    assert keys(SecretSource(runtime(tmp_path), ["secret"]).pair(ARKY)) == (key,)
    assert keys(SecretSource(runtime(tmp_path, stdin=data), ["-"]).pair(ARKY)) == (key,)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=200))
def test_any_bytes_are_a_key(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "secret").write_bytes(data + b"\n")
    expected = data.removesuffix(b"\r")
    if expected:
        assert keys(SecretSource(runtime(tmp_path), ["secret"]).pair(ARKY)) == (expected,)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=60).filter(lambda data: b"\0" not in data))
def test_the_environment_gives_any_bytes_unchanged(tmp_path: Path, data: bytes) -> None:
    assert keys(SecretSource(runtime(tmp_path, {NAME: os.fsdecode(data)})).pair(ARKY)) == (data,)


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("=plain", b"plain"),
        ('="double quoted with # and spaces "', b"double quoted with # and spaces "),
        ("=' single quoted '", b" single quoted "),
        ("=a$HOME-${HOME}-$(id)", b"a$HOME-${HOME}-$(id)"),
        ('="a$HOME-${HOME}"', b"a$HOME-${HOME}"),
        ("='a$HOME'", b"a$HOME"),
        ("=schl\u00fcssel", "schlüssel".encode()),
        ("=a=b==", b"a=b=="),
        (" = spaced", b"spaced"),
    ],
)
def test_a_dotenv_value_is_not_interpolated(tmp_path: Path, line: str, key: bytes) -> None:
    (tmp_path / ".env").write_text(f"# comment\nOTHER=1\nexport {NAME}{line}\n", encoding="utf-8")
    assert keys(SecretSource(runtime(tmp_path, {"HOME": "/interpolated"})).pair(ARKY)) == (key,)


@pytest.mark.parametrize(
    ("env", "dotenv", "named"),
    [
        ({NAME: ""}, "", f"${NAME}"),
        ({NAME: ""}, f"{NAME}=not-reached\n", f"${NAME}"),
        ({NAME: "x", PREVIOUS: ""}, "", f"${PREVIOUS}"),
        ({}, f"{NAME}=\n", ".env"),
        ({}, f'{NAME}=""\n', ".env"),
        ({NAME: "x"}, f"{PREVIOUS}=\n", PREVIOUS),
    ],
)
def test_an_empty_secret_is_refused_and_named(tmp_path: Path, env: dict[str, str], dotenv: str, named: str) -> None:
    (tmp_path / ".env").write_text(dotenv)
    with pytest.raises(SecretError, match="the secret is empty") as caught:
        SecretSource(runtime(tmp_path, env)).pair(ARKY)
    assert named in caught.value.message
    assert caught.value.exit_code is ExitCode.INPUT


@pytest.mark.parametrize("data", [b"", b"\n", b"\r\n"])
def test_an_empty_file_is_refused_and_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "hollow").write_bytes(data)
    for files, named in ((["hollow"], "hollow"), (["-"], "standard input")):
        with pytest.raises(SecretError, match=f"the secret is empty: {named}"):
            SecretSource(runtime(tmp_path, {NAME: "not used"}, stdin=data), files).pair(ARKY)


@pytest.mark.parametrize("owner", CATALOGUE.providers, ids=lambda provider: provider.name)
def test_a_missing_secret_names_its_variable_and_the_places(tmp_path: Path, owner: Provider) -> None:
    with pytest.raises(SecretError) as caught:
        SecretSource(runtime(tmp_path, {"HTTP_PROXY": "x"}), project_folder=tmp_path / "up").pair(owner)
    assert caught.value.message == f"no signing secret for {owner.title}: {owner.secret.env} is not set"
    hint = caught.value.hint or ""
    places = ("environment", str(tmp_path / "up" / ".env.local"), str(tmp_path / "up" / ".env"))
    for word in (owner.secret.env, owner.secret.where, "--secret-file", *places):
        assert word in hint
    assert caught.value.exit_code is ExitCode.INPUT


def test_a_variable_without_a_value_in_dotenv_is_not_set(tmp_path: Path) -> None:
    (tmp_path / ".env.local").write_text(f"{NAME}\n")
    (tmp_path / ".env").write_text(f"{NAME}=value\n")
    assert keys(SecretSource(runtime(tmp_path)).pair(ARKY)) == (b"value",)


def test_standard_input_is_read_once_for_two_providers(tmp_path: Path) -> None:
    source = SecretSource(runtime(tmp_path, stdin=b"shared\n"), ["-"])
    assert keys(source.pair(ARKY)) == keys(source.pair(ARCADE)) == (b"shared",)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    unreadable(tmp_path / "locked")
    for name, problem in (
        ("absent", "No such file"),
        ("folder", "Is a directory"),
        ("locked", "error|denied"),
        ("absent/below", "No such file"),
    ):
        with pytest.raises(SecretError, match=f"cannot read the secret file {name}: .*({problem})") as caught:
            SecretSource(runtime(tmp_path, {NAME: "not used"}), [name]).pair(ARKY)
        assert caught.value.exit_code is ExitCode.INPUT


def test_what_is_too_large_is_named_and_not_read_whole(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 65537)
    for files, stdin, named in ((["large"], b"", "large"), (["-"], b"x" * 100_000, "standard input")):
        with pytest.raises(SecretError, match=f"the secret file {named} is larger than 64 KiB"):
            SecretSource(runtime(tmp_path, stdin=stdin), files).pair(ARKY)
    # endless: it would never return
    with pytest.raises(SecretError, match="/dev/zero is larger than 64 KiB"):
        SecretSource(runtime(tmp_path), ["/dev/zero"]).pair(ARKY)


def test_a_dotenv_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"ARKY_WEBHOOK_SECRET=\xff\xfe\n")
    with pytest.raises(SecretError, match=r"cannot read .*\.env"):
        SecretSource(runtime(tmp_path)).pair(ARKY)
    unreadable(tmp_path / ".env.local")
    with pytest.raises(SecretError, match=r"cannot read .*\.env\.local"):
        SecretSource(runtime(tmp_path)).pair(ARKY)
    # the variable itself needs no file
    assert keys(SecretSource(runtime(tmp_path, {NAME: "x", PREVIOUS: "y"})).pair(ARKY)) == (b"x", b"y")


def test_a_folder_called_dotenv_is_no_file(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    with pytest.raises(SecretError, match="is not set"):
        SecretSource(runtime(tmp_path)).pair(ARKY)


def test_no_representation_shows_a_value(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"canary-in-the-file")
    pair = SecretPair(Secret(b"canary-current", "a"), Secret(b"canary-previous", "b"))
    source = SecretSource(runtime(tmp_path), ["secret"])
    assert keys(source.pair(ARKY)) == (b"canary-in-the-file",)
    for shown in (repr(pair.current), repr(pair), str(pair), f"{source!r}", f"{source}", repr(source.pair(ARKY))):
        assert "canary" not in shown


def test_every_secret_that_is_found_is_masked_from_then_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"secret-of-the-file")
    (tmp_path / ".env").write_text(f"{PREVIOUS}=secret-of-dotenv\n")
    run = runtime(tmp_path, {NAME: "secret-of-the-environment"})
    SecretSource(run).pair(ARKY)
    SecretSource(run, ["file"]).pair(ARCADE)
    for value in ("secret-of-the-environment", "secret-of-dotenv", "secret-of-the-file"):
        assert run.redactor.clean(value) == MASK


# the program itself


def test_dotenv_gives_secrets_and_nothing_else(cli: Cli) -> None:
    lines = [
        f"{NAME}=the-secret-of-dotenv",
        "HOOKCTL_TO=http://127.0.0.1:1/from-dotenv",
        "HOOKCTL_PROVIDER=arcade",
        "HTTP_PROXY=http://127.0.0.1:1",
        "http_proxy=http://127.0.0.1:1",
        "NO_PROXY=nothing",
        "SSL_CERT_FILE=/absent",
        "CLICOLOR_FORCE=1",
        "ARCADE_SIGNING_SECRET_PREVIOUS=",
        "PYTHONPATH=/absent",
    ]
    (cli.folder / ".env").write_text("\n".join(lines))
    plain = cli("send", "order.paid", "--dry-run")
    assert (plain.code, plain.err) == (0, "")
    assert plain.out.startswith("POST http://localhost:3000/api/webhooks/arky\n")
    with raw_server() as server:
        sent = cli("send", "order.paid", "--to", server.url)
        assert (sent.code, sent.err) == (0, "")
        assert server.take().lines[0] == b"POST /hook HTTP/1.1"
    assert "\x1b" not in plain.out + sent.out


def test_a_dotenv_line_that_is_not_understood_is_passed_over_in_silence(cli: Cli) -> None:
    (cli.folder / ".env").write_text(f"this is = not = a line ?\n=\nfoo bar baz\n{NAME}=the-secret\n")
    result = cli("send", "order.paid", "--dry-run")
    assert (result.code, result.err) == (0, "")


def test_the_key_of_a_dotenv_beside_hookctl_toml_signs(cli: Cli) -> None:
    (cli.folder / "hookctl.toml").write_text('provider = "arky"\n')
    (cli.folder / ".env").write_text(f"{NAME}='upper secret'\n")
    inner = cli.folder / "inner"
    inner.mkdir()
    (inner / ".env").write_text(f"{NAME}='inner secret'\n")
    same = ("send", "order.paid", "--dry-run", "--as-documented", "--format", "http")
    found = type(cli)(inner, cli.env)(*same)
    wanted = cli(*same, env={NAME: "upper secret"})
    assert found.raw_out == wanted.raw_out
    assert found.raw_out != cli(*same, env={NAME: "inner secret"}).raw_out


def test_bytes_that_are_no_utf_8_in_the_environment_are_the_key(cli: Cli) -> None:
    key = b"\xff\xfe key \x80"
    (cli.folder / "secret").write_bytes(key + b"\n")
    same = [sys.executable, "-m", "hookctl", "send", "order.paid", "--dry-run", "--as-documented", "--format", "http"]
    environment = {os.fsencode(name): os.fsencode(value) for name, value in cli.environment().items()}
    by_variable = subprocess.run(
        same, cwd=cli.folder, env={**environment, NAME.encode(): key}, capture_output=True, timeout=60, check=True
    )
    by_file = cli(*same[3:], "--secret-file", "secret")
    assert by_file.code == 0
    assert by_variable.stdout == by_file.raw_out


def test_secrets_come_through_standard_input_for_both_providers(cli: Cli) -> None:
    same = ("send", "--all", "--to", "http://localhost:1/", "--dry-run", "--as-documented", "--format", "ndjson")
    by_stdin = cli(*same, "--secret-file", "-", stdin=b"the shared secret\n")
    by_variables = cli(*same, env={NAME: "the shared secret", "ARCADE_SIGNING_SECRET": "the shared secret"})
    assert by_stdin.code == by_variables.code == 0
    assert by_stdin.raw_out == by_variables.raw_out
    assert {record.get("provider") for record in by_stdin.records} == {"arky", "arcade", None}


def test_standard_input_cannot_be_both_secret_and_body(cli: Cli) -> None:
    for arguments in (("--secret-file", "-", "--data", "-"), ("--secret-file", "-", "--secret-file", "-")):
        result = cli("send", "order.paid", *arguments, stdin=b"x")
        assert result.code == 2
        assert "standard input can be read once" in result.err


@pytest.mark.parametrize(
    ("env", "arguments", "words"),
    [
        ({}, (), (NAME, "not set", ".env.local", "--secret-file")),
        ({NAME: ""}, (), (NAME, "empty")),
        ({NAME: "x"}, ("--secret-file", "absent"), ("absent", "No such file")),
        ({NAME: "x"}, ("--secret-file", "."), ("cannot read the secret file .", "Is a directory")),
        ({}, ("--secret-file", "/dev/null"), ("/dev/null", "empty")),
    ],
)
def test_a_secret_that_cannot_be_used_ends_in_exit_code_3(
    cli: Cli, env: dict[str, str], arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    result = cli("send", "order.paid", "--dry-run", *arguments, env=env)
    assert (result.code, result.out) == (3, "")
    for word in words:
        assert word in result.err
