"""How far a long run is: a bar on a terminal that leaves nothing behind, plain lines everywhere else."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from tests.cli.recorder import recording

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.recorder import Answer, Received
    from tests.harness import Cli

terminal = pytest.importorskip("tests.cli.terminal", reason="pseudo-terminals are Unix")

_ESCAPE = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])")
BAR = "━"


def paced(pause_s: float, failing: tuple[int, ...] = ()) -> Callable[[int, Received], Answer]:
    """Return an answer that takes so long, and is 500 for some requests."""

    def answer(number: int, request: Received) -> Answer:
        threading.Event().wait(pause_s)
        return (500 if number in failing else 200), b""

    return answer


def left_on_screen(raw: str) -> str:
    """Return what a terminal shows in the end: cursor up, carriage return and erasing are obeyed."""
    rows: list[str] = [""]
    row = column = at = 0
    while at < len(raw):
        escape = _ESCAPE.match(raw, at)
        if escape:
            at = escape.end()
            if escape[2] == "A":
                row = max(row - int(escape[1] or 1), 0)
            elif escape[2] == "K":
                rows[row] = "" if escape[1] == "2" else rows[row][:column]
            continue
        character = raw[at]
        at += 1
        if character == "\r":
            column = 0
        elif character == "\n":
            row += 1
            rows += [""] * (row + 1 - len(rows))
        else:
            rows[row] = f"{rows[row]:<{column}}"[:column] + character + rows[row][column + 1 :]
            column += 1
    return "\n".join(rows)


def test_a_run_longer_than_a_second_shows_a_bar_that_is_gone_in_the_end(cli: Cli) -> None:
    with recording(paced(0.2, failing=(1, 3))) as recorder:
        arguments = ("send", "order.paid", "--count", "9", "--to", f"{recorder.base}/hook")
        screen = terminal.on_terminal(cli.with_secrets(), *arguments)
    assert screen.code == 1
    assert BAR in screen.raw
    assert re.search(r"[6-8]/9 +\d+(\.\d)?/s", screen.text)
    assert "2 failed" in screen.text
    left = left_on_screen(screen.raw)
    assert BAR not in left
    assert "2 failed" not in left
    assert not re.search(r"\d/9", left)
    # no more than 50: each delivery has its line, those above the bar too
    assert len(re.findall(r"^[✓✗] order\.paid", left, re.MULTILINE)) == 9
    assert "9 deliveries: 7 ok, 2 unexpected" in left
    # the cursor was hidden for the bar and is back
    assert screen.raw.rfind("\x1b[?25h") > screen.raw.rfind("\x1b[?25l") >= 0


def test_a_run_of_a_moment_shows_no_bar(cli: Cli) -> None:
    with recording() as recorder:
        arguments = ("send", "order.paid", "--count", "3", "--to", f"{recorder.base}/hook")
        screen = terminal.on_terminal(cli.with_secrets(), *arguments)
    assert screen.code == 0
    assert BAR not in screen.raw
    assert "\x1b[?25l" not in screen.raw


@pytest.mark.parametrize(("count", "lines"), [(50, 50), (51, 1)])
def test_of_more_than_fifty_deliveries_a_terminal_shows_only_those_that_fail(cli: Cli, count: int, lines: int) -> None:
    with recording(paced(0, failing=(7,))) as recorder:
        arguments = ("send", "order.paid", "--count", str(count), "--to", f"{recorder.base}/hook")
        left = left_on_screen(terminal.on_terminal(cli.with_secrets(), *arguments).raw)
    assert len(re.findall(r"^[✓✗] order\.paid", left, re.MULTILINE)) == lines
    assert len(re.findall(r"^✗ order\.paid", left, re.MULTILINE)) == 1
    assert f"{count} deliveries: {count - 1} ok, 1 unexpected" in left


def test_piped_every_delivery_has_a_plain_line_and_there_is_no_bar(cli: Cli) -> None:
    with recording(paced(0.02)) as recorder:
        arguments = ("send", "order.paid", "--count", "60", "--to", f"{recorder.base}/hook")
        result = cli.with_secrets()(*arguments)
    assert result.code == 0
    assert result.err == ""
    assert "\x1b" not in result.out
    assert "\r" not in result.out
    assert BAR not in result.out
    assert len(re.findall(r"^✓ order\.paid", result.out, re.MULTILINE)) == 60


def test_a_dumb_terminal_gets_no_bar_and_no_escape_characters(cli: Cli) -> None:
    with recording(paced(0.2)) as recorder:
        arguments = ("send", "order.paid", "--count", "8", "--to", f"{recorder.base}/hook")
        screen = terminal.on_terminal(cli.with_secrets(), *arguments, env={"TERM": "dumb"})
    assert screen.code == 0
    assert "\x1b" not in screen.raw
    assert BAR not in screen.raw
    assert "8 deliveries: 8 ok" in screen.text


def test_no_color_keeps_the_bar_without_colours(cli: Cli) -> None:
    with recording(paced(0.2)) as recorder:
        arguments = ("send", "order.paid", "--count", "8", "--to", f"{recorder.base}/hook")
        screen = terminal.on_terminal(cli.with_secrets(), *arguments, env={"NO_COLOR": "1"})
    assert BAR in screen.raw
    assert not re.search(r"\x1b\[(3|4|9|10)\d", screen.raw)
    assert BAR not in left_on_screen(screen.raw)


_RUNNER = """
import sys
from hookctl.cli.main import main
code = main(sys.argv[1:])
print(sorted({name.partition(".")[0] for name in sys.modules} & {"rich", "watchfiles"}))
sys.exit(code)
"""


def test_a_short_piped_run_loads_neither_the_bar_nor_the_watcher(cli: Cli) -> None:
    signing = cli.with_secrets()
    with recording() as recorder:
        done = subprocess.run(
            [sys.executable, "-c", _RUNNER, "send", "order.paid", "--count", "2", "--to", f"{recorder.base}/hook"],
            cwd=signing.folder,
            env=signing.environment(),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
