"""At a terminal of 80 columns nothing that hookctl says by itself is wider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hookctl.catalogue import load_catalogue
from hookctl.cli.app import COMMANDS
from tests.cli.recorder import always, recording, unused_port
from tests.cli.terminal import on_terminal

if TYPE_CHECKING:
    from tests.harness import Cli

LONGEST_NAME = max((event.name for event in load_catalogue().events if not event.documented), key=len)

HELP = [
    [],
    *([command] for command in COMMANDS),
    *(["events", command] for command in ("list", "show", "schema")),
]


@pytest.mark.parametrize("command", HELP, ids=" ".join)
def test_help_is_there_fits_80_columns_and_is_the_same_piped_and_short(cli: Cli, command: list[str]) -> None:
    screen, piped = on_terminal(cli, *command, "--help"), cli(*command, "-h")
    assert (screen.code, piped.code, piped.err) == (0, 0, "")
    assert screen.text == piped.out
    assert piped.out.startswith(" ".join(["Usage: hookctl", *command]))
    assert "Options:" in piped.out
    assert len(screen.widest) <= 80


def test_the_help_names_every_command(cli: Cli) -> None:
    shown = cli("--help").out
    for command, line in COMMANDS.items():
        assert f"  {command:<{max(map(len, COMMANDS))}}  {line}" in shown


def test_help_wants_no_more_than_80_columns_however_wide_the_terminal(cli: Cli) -> None:
    assert len(on_terminal(cli, "send", "--help", columns=200).widest) <= 80


@pytest.mark.parametrize("arguments", [["events"], ["events", "--provider", "arcade"]], ids=" ".join)
def test_the_list_of_events_fits_80_columns(cli: Cli, arguments: list[str]) -> None:
    screen = on_terminal(cli, *arguments)
    assert (screen.code, len(screen.widest) <= 80) == (0, True), screen.widest
    assert "\x1b[" in screen.raw
    assert screen.text == cli(*arguments).out


@pytest.mark.parametrize("status", [200, 307, 401, 403, 404, 413])
def test_deliveries_and_what_is_wrong_with_them_fit_80_columns(cli: Cli, status: int) -> None:
    with recording(always(status, b"what the receiver says")) as recorder:
        (cli.folder / "hookctl.toml").write_text(
            f'[endpoints]\narky = "{recorder.base}/api/webhooks/other"\narcade = "{recorder.base}/webhooks/arcade"\n'
        )
        screen = on_terminal(cli.with_secrets(), "send", "--all")
    assert screen.code == (0 if status == 200 else 1)
    assert len(screen.widest) <= 80, screen.widest


def test_deliveries_that_are_not_made_fit_80_columns(cli: Cli) -> None:
    url = f"http://127.0.0.1:{unused_port()}/webhooks/arcade"
    screen = on_terminal(cli.with_secrets(), "send", "--all", "--to", url)
    assert screen.code == 4
    assert len(screen.widest) <= 80, screen.widest


@pytest.mark.parametrize("kind", ["signature", "missing"])
def test_bad_deliveries_that_are_accepted_fit_80_columns(cli: Cli, kind: str) -> None:
    with recording() as recorder:
        arguments = ("send", "formSubmission.created", "order.paid", "--to", f"{recorder.base}/hook", "--tamper", kind)
        screen = on_terminal(cli.with_secrets(), *arguments)
    assert screen.code == 1
    assert len(screen.widest) <= 80, screen.widest


@pytest.mark.parametrize("event", ["order.created", LONGEST_NAME])
def test_the_note_about_an_illustrative_payload_fits_80_columns(cli: Cli, event: str) -> None:
    screen = on_terminal(cli.with_secrets(), "send", event, "--to", "http://127.0.0.1:9/hook")
    assert "illustrative" in screen.text
    assert len(screen.widest) <= 80, screen.widest


@pytest.mark.parametrize(
    ("env", "coloured"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, False),
        ({"TERM": "dumb"}, False),
    ],
    ids=str,
)
def test_colours_are_for_terminals_that_want_them(cli: Cli, env: dict[str, str], coloured: bool) -> None:
    screen = on_terminal(cli.with_secrets(), "send", "order.paid", "--to", str(unused_port()), env=env)
    assert ("\x1b[" in screen.raw) is coloured


def test_colours_can_be_forced_into_a_pipe(cli: Cli) -> None:
    arguments = ("send", "order.paid", "--to", str(unused_port()))
    assert "\x1b[" not in cli.with_secrets()(*arguments).out
    assert "\x1b[" in cli.with_secrets()(*arguments, env={"CLICOLOR_FORCE": "1"}).out


@pytest.mark.parametrize("encoding", ["ascii", "ascii:strict"])
def test_a_console_that_cannot_show_marks_gets_plain_ones(cli: Cli, encoding: str) -> None:
    with recording(always(500, "Käse ✗ 💥".encode())) as recorder:
        arguments = ("send", "order.paid", "--to", f"{recorder.base}/hook")
        result = cli.with_secrets()(*arguments, env={"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"})
    assert result.code == 1
    assert result.out.startswith("x order.paid ")
    assert "\\u2717" in result.out
