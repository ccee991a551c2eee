"""What the pages name is there: commands, options, exit codes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from hookctl.cli.app import COMMANDS
from hookctl.errors import ExitCode
from tests.cli.inprocess import run_here
from tests.docs.pages import PAGES, README, read_page

if TYPE_CHECKING:
    from tests.harness import Cli

TEXT = README.read_text(encoding="utf-8")
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
_INNER = re.compile(r"^  ([a-z]+)  ", re.MULTILINE)


def test_the_readme_names_every_command_and_no_other() -> None:
    named = set(re.findall(r"^\| `hookctl ([a-z]+)", TEXT, re.MULTILINE))
    assert named == set(COMMANDS)


def test_the_exit_codes_of_the_readme_are_those_of_the_program() -> None:
    table = {int(code) for code in re.findall(r"^\| (\d+) \| ", TEXT, re.MULTILINE)}
    assert table == {int(code) for code in ExitCode}


def test_no_sentence_names_a_command_that_is_not_there() -> None:
    named = {word for page in PAGES for code in read_page(page).code for word in re.findall(r"^hookctl ([a-z]+)", code)}
    assert named == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_options_that_sentences_name_beside_a_command_are_in_its_help(cli: Cli, command: str) -> None:
    cli.env["COLUMNS"] = "200"
    text = run_here(cli, command, "--help").out
    assert max(map(len, text.splitlines())) <= 80
    inner = _INNER.findall(text.partition("Commands:")[2].partition("\n\n")[0])
    known = set(_OPTION.findall("".join((text, *(run_here(cli, command, one, "--help").out for one in inner)))))
    codes = {code for page in PAGES for code in read_page(page).code if code.startswith(f"hookctl {command} ")}
    named = {option for code in codes for option in _OPTION.findall(code)}
    assert named <= known
