"""The guide is true: its example works as it is written, and its tables name every key."""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import shlex
from typing import TYPE_CHECKING

from hookctl.catalogue import load_catalogue
from hookctl.catalogue.administration import load_administration
from hookctl.catalogue.description import load_provider
from hookctl.catalogue.table import Table
from hookctl.model import TimeUnit
from hookctl.receiver import BackgroundServer, Reply
from tests.examples.shared import EXAMPLES, PROVIDERS, ROOT

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from hookctl.model import CapturedRequest
    from tests.harness import Cli

GUIDE = (ROOT / "docs" / "write-a-provider.md").read_text(encoding="utf-8")
SECRET = "a-secret-for-tests"


def _write_example(folder: Path) -> None:
    """Write the files that the guide shows, each behind a sentence that ends in its name."""
    files = re.findall(r"This is `(acme/[^`]+)`:\n\n```(?:toml|json)\n(.*?)```", GUIDE, re.DOTALL)
    assert [name for name, _ in files] == [
        "acme/provider.toml",
        "acme/events/book.sold.json",
        "acme/schemas/book.sold.json",
    ]
    for name, text in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def _commands() -> list[list[str]]:
    blocks = re.findall(r"```console\n(.*?)```", GUIDE, re.DOTALL)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("hookctl ")]


def _genuine(request: CapturedRequest) -> bool:
    """Verify as Acme's documentation says, with nothing of hookctl's."""
    sent = request.header("X-Acme-Sent") or b""
    digest = hmac.new(SECRET.encode(), sent + b":" + request.body, "sha512").hexdigest()
    return sent.isdigit() and request.header("X-Acme-Signature") == b"sha512=" + digest.encode()


def test_every_command_of_the_guide_does_what_it_says(cli: Cli) -> None:
    _write_example(cli.folder)
    arrived: list[tuple[str, bool]] = []

    async def receive(request: CapturedRequest) -> Reply:
        await asyncio.sleep(0)
        arrived.append((request.target, _genuine(request)))
        return Reply(204 if arrived[-1][1] else 400)

    commands = _commands()
    with BackgroundServer(receive) as server:
        for words in commands:
            there = [word.replace("http://localhost:3000", server.url) for word in words]
            result = cli(*there, env={"ACME_WEBHOOK_SECRET": SECRET})
            assert (result.code, result.err) == (0, ""), words
            assert "book.sold" in result.out
    sent = [words for words in commands if "--to" in words]
    assert arrived == [("/hooks", "--tamper" not in words) for words in sent]
    assert {"--dry-run" in words for words in commands} == {True, False}


def test_the_sample_of_the_guide_is_the_body_that_its_vendor_shows(cli: Cli) -> None:
    _write_example(cli.folder)
    (shown,) = re.findall(r"shows one body:\n\n```json\n(.*?)\n```", GUIDE, re.DOTALL)
    (event,) = load_provider(cli.folder / "acme").events
    assert json.loads(event.sample_path.read_bytes()) == json.loads(shown)


def test_the_error_of_the_guide_is_what_hookctl_says(cli: Cli) -> None:
    _write_example(cli.folder)
    ((content, shown),) = re.findall(r"With `(content = [^`]+)`:\n\n```text\n(.*?)```", GUIDE, re.DOTALL)
    file = cli.folder / "acme" / "provider.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(re.sub("content = .*", content, text, count=1), encoding="utf-8")
    result = cli("send", "book.sold", "--provider", "./acme", env={"ACME_WEBHOOK_SECRET": SECRET})
    assert result.code == 3
    assert result.err.replace(f"{cli.folder}/", "") == shown


def test_the_guide_uses_the_provider_by_its_name_too(cli: Cli) -> None:
    _write_example(cli.folder)
    (config,) = re.findall(r"```toml\n(\[providers\].*?)```", GUIDE, re.DOTALL)
    (cli.folder / "hookctl.toml").write_text(config, encoding="utf-8")
    result = cli("send", "book.sold", "--provider", "acme", "--dry-run", env={"ACME_WEBHOOK_SECRET": SECRET})
    assert (result.code, result.err) == (0, "")
    assert "POST http://localhost:3000/hooks" in result.out


def _documented_keys() -> dict[str, set[str]]:
    """Return the first column of the tables under each heading that names a table of provider.toml."""
    keys: dict[str, set[str]] = {}
    heading = None
    for line in GUIDE.splitlines():
        if line.startswith("#"):
            title = re.fullmatch(r"### `\[+([a-z]+)[^`]*\]+`", line)
            heading = "" if line == "### The top of the file" else title[1] if title else None
        elif heading is not None and (row := re.match(r"\| `([a-z_]+)` \|", line)):
            keys.setdefault(heading, set()).add(row[1])
    return keys


def test_the_guide_names_every_key_that_the_loader_knows_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    known: dict[str, set[str]] = {}
    finish = Table.finish

    def remember(table: Table) -> None:
        finish(table)
        name = re.split(r"[.\[]", table.name)[0]
        known.setdefault(name, set()).update(table._asked)

    monkeypatch.setattr(Table, "finish", remember)
    for provider in load_catalogue().providers:
        load_administration(provider)
    for example in EXAMPLES:
        load_provider(PROVIDERS / example.name)
    tables = set(known) - {""}
    known[""] -= tables
    assert _documented_keys() == known


def test_the_guide_names_every_unit_with_a_value_in_it() -> None:
    from hookctl.timestamps import read_time, write_time

    rows = dict(re.findall(r"^\| `((?:unix|iso)[a-z0-9-]+)` \| `([^`]+)` \|$", GUIDE, re.MULTILINE))
    assert set(rows) == {unit.value for unit in TimeUnit}
    for name, text in rows.items():
        at_ms = read_time(text, TimeUnit(name))
        assert at_ms is not None
        assert str(write_time(at_ms, TimeUnit(name))) == text


def test_the_guide_links_every_example() -> None:
    assert {f"../examples/providers/{example.name}/" for example in EXAMPLES} == set(
        re.findall(r"\]\((\.\./examples[^)]*)\)", GUIDE)
    )
