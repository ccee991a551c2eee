"""The documentation is true: links lead somewhere, every command and option that it names exists."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hookctl.captures.form import Document
from hookctl.captures.rawhttp import read_http
from hookctl.captures.record import capture_line
from hookctl.cli.app import COMMANDS
from hookctl.errors import ExitCode
from hookctl.model import Capture, CapturedRequest, Reason, Verdict
from hookctl.store import Arrival, Store, default_path
from tests.cli.tunnelling import tunnels_in
from tests.sandboxed import sandboxed
from tests.vendors.business import ACCOUNT, TOKEN, Business, running

if TYPE_CHECKING:
    from tests.harness import Cli

ROOT = Path(__file__).resolve().parent.parent
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")
_LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_to_files(page: Path) -> None:
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_readme_names_every_command_and_no_other() -> None:
    named = set(re.findall(r"^\| `hookctl ([a-z]+)", README, re.MULTILINE))
    assert named == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_in_an_example_of_the_readme_exists(cli: Cli, command: str) -> None:
    text = cli(command, "--help").out
    inner = re.findall(r"^  ([a-z]+)  ", text.partition("Commands:")[2].partition("\n\n")[0], re.MULTILINE)
    known = set(_OPTION.findall("".join((text, *(cli(command, name, "--help").out for name in inner)))))
    used = {
        option
        for line in re.findall(rf"^\$ hookctl {command}\b(.*)$", README, re.MULTILINE)
        for option in _OPTION.findall(line.split("#")[0])
    }
    assert used <= known


def test_every_command_and_option_of_send_is_found_in_its_help_within_80_columns(cli: Cli) -> None:
    for command in COMMANDS:
        result = cli(command, "--help", env={"COLUMNS": "200"})
        assert result.code == 0
        assert max(map(len, result.out.splitlines())) <= 80


def test_the_exit_codes_of_the_readme_are_those_of_the_program() -> None:
    table = {int(code) for code in re.findall(r"^\| (\d+) \| ", README, re.MULTILINE)}
    assert table == {int(code) for code in ExitCode}


def _examples() -> list[str]:
    blocks = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    lines = [line.removeprefix("$ ").split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("hookctl ")]


@pytest.mark.parametrize("example", _examples())
def test_an_example_of_the_readme_is_accepted(cli: Cli, example: str) -> None:
    import shlex

    # the command is as it stands; nothing listens, so it is planned and its requests shown instead of sent
    words = shlex.split(example.split(" > ", maxsplit=1)[0])[1:]
    (cli.folder / "body.json").write_bytes(b"{}")
    if words[0] == "verify":
        _verify(cli.with_secrets(), words)
        return
    if words[0] in {"replay", "deliveries"}:
        _with_store(cli.with_secrets(), words)
        return
    if words[0] == "webhook":
        _with_business(cli, words)
        return
    if words[0] == "listen":
        # nobody delivers anything: it starts, waits for a moment and says so
        result = cli.with_secrets()(*words, "--port", "0", "--timeout", "0.1")
        assert (result.code, result.err) == (1, "")
        assert "http://127.0.0.1:" in result.out
        return
    if words[0] == "tunnel":
        _tunnel(cli.with_secrets(), words)
        return
    if words[0] == "sandbox":
        # goes on until it is told to end
        with sandboxed(cli.with_secrets(), *words[1:], form="text") as sandbox:
            assert sandbox.end() == 0
        assert sandbox.errors == ""
        return
    if words[0] == "send" and "--dry-run" not in words:
        words.append("--dry-run")
    if "--watch" in words:
        # goes on until Ctrl-C, and is told not to go with --dry-run; its own tests run it
        assert cli.with_secrets()(*words).err.startswith("error: --watch goes on until Ctrl-C")
        return
    words = [word for word in words if word not in {"--format", "ndjson"}] if "--wait" in words else words
    result = cli.with_secrets()(*words)
    assert (result.code, result.err.count("error:")) == (0, 0)
    assert result.out


def _tunnel(cli: Cli, words: list[str]) -> None:
    """Run an example of `hookctl tunnel` with the stand-in for ngrok's agent and a business that delivers nothing."""
    tunnels = tunnels_in(cli.folder, cli)
    with running(Business()) as api:
        cli.env |= {"ARKY_TOKEN": TOKEN, "ARKY_BUSINESS_ID": ACCOUNT, "ARKY_BASE_URL": api.base}
        port = ("--port", "0") if "--public-url" in words else ()
        # where a test is asked for, it does not come
        limit = ("--timeout", "0.5") if "--test" in words else ()
        if limit:
            result = cli(*words, *limit)
            assert (result.code, result.out.count("points here until the end")) == (5, 1)
        else:
            with tunnels.open(*words[1:], *port, form="text") as tunnel:
                assert tunnel.line().startswith(f"{tunnel.url} --> http://localhost:3000, ")
                assert tunnel.end() == 0
    tunnels.check_clean()


def _verify(cli: Cli, words: list[str]) -> None:
    """Run an example of `hookctl verify` with files of the names that stand in it."""
    request = cli("send", "order.paid", "--dry-run", "--format", "http").raw_out
    (capture,) = read_http(Document(request, "made", cli.folder))
    assert isinstance(capture, Capture)
    for name in ("delivery.http", "captures/one.http"):
        (cli.folder / name).parent.mkdir(exist_ok=True)
        (cli.folder / name).write_bytes(request)
    (cli.folder / "more").mkdir()
    (cli.folder / "more" / "one.har").write_text(_har(capture))
    (cli.folder / "body.json").write_bytes(capture.body)
    (cli.folder / "archive.ndjson.gz").write_bytes(gzip.compress((capture_line(capture) + b"\n") * 3))
    stdin = None
    if "<" in words:
        words, stdin = words[: words.index("<")], request
    result = cli(*words, stdin=stdin)
    # the signature in the example is made up
    assert result.code == (1 if "--signature" in words else 0), result
    assert "unreadable" not in result.out.replace('"unreadable":0', "")


def _with_store(cli: Cli, words: list[str]) -> None:
    """Run an example of `hookctl replay` or `deliveries`, with a store and files that have what stands in it."""
    request = cli("send", "order.paid", "--dry-run", "--format", "http").raw_out
    (cli.folder / "delivery.http").write_bytes(request)
    (capture,) = read_http(Document(request, "made", cli.folder))
    assert isinstance(capture, Capture)
    (cli.folder / "archive.ndjson").write_bytes((capture_line(capture) + b"\n") * 3)
    arrived = CapturedRequest(1_700_000_000_000, "POST", "/api/webhooks/arky", "1.1", capture.headers, capture.body)
    with Store.open(default_path(cli.environment()), clock=lambda: 0) as store, store.writer() as writer:
        (stored,) = writer.write(
            [Arrival(arrived, Verdict(valid=True, reason=Reason.OK), "arky", "order.paid", "evt_1")]
        )
    # the id in the example is made up
    words = [stored.id[:10] if word.startswith("dl_") else word for word in words]
    result = cli(*words, *(["--dry-run"] if words[0] == "replay" else []))
    assert (result.code, result.err.count("error:")) == (0, 0), result
    assert result.out or "no stored delivery matches" in result.err or "-o" in words


def _with_business(cli: Cli, words: list[str]) -> None:
    """Run an example of `hookctl webhook` with a business API that knows who is asking."""
    if "arcade" in words:
        result = cli(*words)
    else:
        with running(Business()) as api:
            variables = {"ARKY_TOKEN": TOKEN, "ARKY_BUSINESS_ID": ACCOUNT, "ARKY_BASE_URL": api.base}
            result = cli(*words, env=variables)
    assert (result.code, result.err.count("error:")) == (0, 0), result
    assert result.out


def _har(capture: Capture) -> str:
    headers = [{"name": name.decode(), "value": value.decode()} for name, value in capture.headers]
    request = {
        "method": "POST",
        "url": "http://localhost:3000/api/webhooks/arky",
        "httpVersion": "HTTP/1.1",
        "headers": headers,
        "postData": {"mimeType": "application/json", "text": capture.body.decode()},
    }
    return json.dumps({"log": {"version": "1.2", "entries": [{"request": request}]}})
