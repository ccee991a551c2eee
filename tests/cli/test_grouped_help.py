"""The help of `send`: every option, once, under its heading."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from typer.main import get_command

from hookctl.cli.send import app
from tests.cli.inprocess import run_here

if TYPE_CHECKING:
    from tests.harness import Cli

HEADINGS = [
    "Arguments",
    "Which events",
    "Where they go",
    "How they are signed",
    "What is in them",
    "How often",
    "What is shown",
    "Options",
]

_ROW = re.compile(r"  (-[^ ,]*(?:, --[^ ]+)?)")


def parameters() -> list[Any]:
    command: Any = get_command(app)
    return [one for one in command.params if one.param_type_name == "option"]


def sections(text: str) -> dict[str, list[str]]:
    """Return the names at the beginning of each row, by heading."""
    found: dict[str, list[str]] = {}
    rows: list[str] | None = None
    for line in text.splitlines():
        if line.endswith(":") and not line.startswith(" "):
            rows = found.setdefault(line[:-1], [])
        elif rows is not None and (match := _ROW.match(line)):
            rows += match[1].split(", ")
    return found


def test_the_headings_stand_in_the_order_of_a_delivery(cli: Cli) -> None:
    assert list(sections(run_here(cli, "send", "--help").out)) == HEADINGS


def test_every_option_stands_under_its_heading_and_nowhere_else(cli: Cli) -> None:
    shown = sections(run_here(cli, "send", "--help").out)
    for option in parameters():
        if not option.hidden:
            for name in option.opts:
                assert [heading for heading, names in shown.items() if name in names] == [option.rich_help_panel], name


def test_nothing_is_shown_that_is_not_an_option(cli: Cli) -> None:
    shown = sections(run_here(cli, "send", "--help").out)
    names = [name for rows in shown.values() for name in rows]
    known = {name for option in parameters() if not option.hidden for name in option.opts}
    assert set(names) == known | {"-h", "--help"}
    assert len(names) == len(set(names))
    assert shown["Options"] == ["-h", "--help"]


def test_an_option_that_must_not_be_used_is_not_shown(cli: Cli) -> None:
    assert "--secret" in [name for option in parameters() if option.hidden for name in option.opts]
    assert not re.search(r"--secret(?!-file)", run_here(cli, "send", "--help").out)


@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_help_is_never_wider_than_80_columns(cli: Cli, columns: str) -> None:
    result = cli("send", "--help", env={"COLUMNS": columns})
    assert (result.code, result.err) == (0, "")
    assert max(map(len, result.out.splitlines())) <= 80
    assert list(sections(result.out)) == HEADINGS
