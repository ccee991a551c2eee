"""The reference pages are those that the program makes now, whole."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from docs.make_reference import DOCS, commands_of, pages
from hookctl.catalogue import load_catalogue
from hookctl.check.catalogue import checks_of
from hookctl.cli.app import COMMANDS
from hookctl.errors import ExitCode
from tests import exitcodes
from tests.cli.inprocess import run_here
from tests.docs.pages import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness import Cli

MADE = ("commands.md", "checks.md", "events.md")
_OPTION = re.compile(r"^  (?:-\w, )?(--[a-z][a-z-]+)(?: / (--[a-z-]+))?", re.MULTILINE)
"""An option where a help begins to tell of it."""


@pytest.mark.parametrize("name", MADE)
def test_a_page_is_as_the_program_makes_it(name: str) -> None:
    text = (DOCS / name).read_text(encoding="utf-8")
    assert text == pages()[name], f"docs/{name} is out of date: run `make reference`"


def test_a_narrow_terminal_another_folder_and_another_locale_change_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from docs.make_reference import pages; print(ascii(pages()))"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "COLUMNS": "40", "LC_ALL": "C", "TERM": "dumb", "HOME": "/nowhere"},
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode() == f"{pages()!a}\n"


def sections(page: str) -> dict[str, str]:
    """Return what stands under each heading of a page, up to the next of whatever depth."""
    parts = re.split(r"^#+ (.+)\n", page, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_section_with_each_option_of_its_help(cli: Cli, name: str) -> None:
    told = sections(pages()["commands.md"])
    for one in commands_of(name):
        found = _OPTION.findall(run_here(cli, *one.words.split()[1:], "--help").out)
        options = {option for pair in found for option in pair if option} - {"--help"}
        # `deliveries` alone is `deliveries list`, whose options its help has
        sections_of = told[one.words] + told.get(f"{one.words} list", "")
        documented = {name for cell in re.findall(r"^\| `([^`]+)`", sections_of, re.MULTILINE) for name in cell.split()}
        assert options == {name.strip(",") for name in documented if name.startswith("--")}


def test_every_check_and_every_event_is_told() -> None:
    providers = load_catalogue().providers
    checks = {check.id for provider in providers for check in checks_of(provider)}
    assert set(re.findall(r"^\| `([a-z0-9-]+)`", pages()["checks.md"], re.MULTILINE)) == checks
    events = [event.name for provider in providers for event in provider.events]
    assert re.findall(r"^\| `([\w.]+)`", pages()["events.md"], re.MULTILINE) == events


def test_the_exit_codes_are_told_of_the_program_and_of_every_command() -> None:
    known = {int(code) for code in ExitCode}
    assert exitcodes.codes("Exit codes") == known
    assert set(exitcodes.commands()) == set(COMMANDS)
    # these are the same of every command, and told once
    everywhere = {ExitCode.USAGE, ExitCode.BUG, ExitCode.INTERRUPTED}
    assert exitcodes.codes("Everywhere") == everywhere | {ExitCode.INPUT}
    for name in COMMANDS:
        codes = exitcodes.codes(f"hookctl {name}")
        assert 0 in codes
        assert codes <= known - everywhere


@pytest.mark.parametrize("name", COMMANDS)
def test_an_exit_code_that_a_help_names_is_told_of_the_command(cli: Cli, name: str) -> None:
    told = exitcodes.codes(f"hookctl {name}") | exitcodes.codes("Everywhere")
    for one in commands_of(name):
        text = " ".join(run_here(cli, *one.words.split()[1:], "--help").out.split())
        sentence = re.search(r"Exit codes? ?:? ?([^.]*?\d.*?)\.(?: |$)", text)
        named = set(re.findall(r"(?:^|[,;] |and )(\d+)(?=[ :])", sentence[1])) if sentence else set()
        assert {int(code) for code in named} <= told
