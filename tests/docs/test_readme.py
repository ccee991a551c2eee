"""The README knows every command and every exit code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from hookctl.cli.app import COMMANDS
from hookctl.errors import ExitCode
from tests.cli.inprocess import run_here
from tests.docs.pages import README

if TYPE_CHECKING:
    from tests.harness import Cli

TEXT = README.read_text(encoding="utf-8")


def test_it_names_every_command_and_no_other() -> None:
    named = set(re.findall(r"^\| `hookctl ([a-z]+)", TEXT, re.MULTILINE))
    assert named == set(COMMANDS)


def test_its_exit_codes_are_those_of_the_program() -> None:
    table = {int(code) for code in re.findall(r"^\| (\d+) \| ", TEXT, re.MULTILINE)}
    assert table == {int(code) for code in ExitCode}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_stays_within_80_columns(cli: Cli, command: str) -> None:
    cli.env["COLUMNS"] = "200"
    result = run_here(cli, command, "--help")
    assert result.code == 0
    assert max(map(len, result.out.splitlines())) <= 80
