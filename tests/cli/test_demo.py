"""`hookctl demo`: the whole loop on this machine."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING

import pytest

import hookctl.flows.demo
from hookctl.catalogue import load_catalogue
from hookctl.delivery import Client
from hookctl.model import Reason, Verdict
from tests.cli.inprocess import run_here
from tests.cli.recorder import recording
from tests.cli.terminal import on_terminal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.harness import Cli

CATALOGUE = load_catalogue()
BAD = {
    "arcade": {"body changed", "signature changed", "another secret", "unsigned"},
    "arky": {"body changed", "signature changed", "another secret", "time changed", "unsigned"},
}
_ROW = re.compile(r"^([✓✗+x]) +(\S+) +(\S+(?: \S+)*?)  +(\S+(?: \S+)*?)  +(\d{3}|---) +(\d+) *$", re.MULTILINE)


def rows(text: str) -> list[tuple[str, ...]]:
    """Return mark, event, what was sent, what was found, answer and milliseconds of each line of the table."""
    return _ROW.findall(text)


def check(text: str, mark: str = "✓") -> None:
    """Fail unless the demo shows everything, each with a mark of success."""
    found = rows(text)
    genuine = [row for row in found if row[3] == "ok"]
    shown = [row[1] for row in genuine if row[2] != "two signatures"]
    assert sorted(shown) == sorted(event.name for event in CATALOGUE.events)
    for provider in CATALOGUE.providers:
        own = {event.name for event in provider.events}
        assert {row[2] for row in found if row[1] in own and row[3] != "ok"} == BAD[provider.name]
    documented = {row[1] for row in genuine if row[2] == "documented"}
    assert documented == {event.name for event in CATALOGUE.events if event.documented}
    illustrative = {row[1] for row in genuine if row[2] == "illustrative"}
    assert illustrative == {event.name for event in CATALOGUE.events if not event.documented}
    assert {row[0] for row in found} == {mark}
    assert len(found) == 26 + 1 + 9
    assert "27 of 27 genuine deliveries accepted, 9 of 9 bad ones refused" in text


def test_it_shows_every_event_and_every_kind_of_bad_one_in_seconds(cli: Cli) -> None:
    started_s = time.monotonic()
    result = cli("demo")
    assert time.monotonic() - started_s < 20
    assert (result.code, result.err) == (0, "")
    check(result.out)
    assert "\x1b" not in result.out


@pytest.mark.parametrize(
    ("env", "mark"),
    [
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, "+"),
        ({"PYTHONIOENCODING": "cp1252"}, "+"),
        ({"NO_COLOR": "1", "COLUMNS": "80"}, "✓"),
        ({"TERM": "dumb", "COLUMNS": "200"}, "✓"),
        ({"HOME": None, "COLUMNS": "20"}, "✓"),
        # what a receiver or a proxy would otherwise be found by
        ({"HOOKCTL_TO": "http://127.0.0.1:9/", "HOOKCTL_PROVIDER": "nobody"}, "✓"),
    ],
    ids=str,
)
def test_it_works_in_any_environment(cli: Cli, env: Mapping[str, str | None], mark: str) -> None:
    result = cli("demo", env=env)
    assert (result.code, result.err) == (0, "")
    check(result.out, mark)
    assert max(map(len, result.out.splitlines())) <= 80
    assert mark == "✓" or result.raw_out.isascii()


def test_it_asks_no_proxy(cli: Cli) -> None:
    with recording() as proxy:
        env = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"), proxy.base)
        result = cli("demo", env=env)
        assert (result.code, proxy.requests) == (0, [])
    check(result.out)


@pytest.mark.parametrize(("columns", "env"), [(80, {}), (120, {}), (80, {"NO_COLOR": "1"}), (80, {"TERM": "dumb"})])
def test_on_a_terminal_every_line_fits_and_colours_are_those_asked_for(
    cli: Cli, columns: int, env: Mapping[str, str]
) -> None:
    screen = on_terminal(cli, "demo", columns=columns, env=env)
    assert screen.code == 0
    check(screen.text)
    assert len(screen.widest) <= columns
    assert ("\x1b[" in screen.raw) is (env == {})


def test_it_writes_nothing_to_disk(cli: Cli) -> None:
    assert cli("demo").code == 0
    assert list(cli.folder.iterdir()) == []


@pytest.mark.parametrize("valid", [True, False])
def test_with_a_receiver_that_is_wrong_it_fails(cli: Cli, monkeypatch: pytest.MonkeyPatch, valid: bool) -> None:
    verdict = Verdict(valid=valid, reason=Reason.OK if valid else Reason.MISMATCH)
    monkeypatch.setattr(hookctl.flows.demo, "verify", lambda *_, **__: verdict)
    result = run_here(cli, "demo")
    assert (result.code, result.err) == (1, "")
    right = "27 of 27" if valid else "0 of 27"
    # what it refuses without looking is refused, but with the documented status only where that is the same
    assert f"✗ {right} genuine deliveries accepted, " in result.out
    assert ("0 of 9 bad ones refused" in result.out) is valid
    assert "✗" in {row[0] for row in rows(result.out)}


def test_with_a_receiver_that_breaks_it_fails_and_says_what_was_answered(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object, **options: object) -> Verdict:
        raise RuntimeError("the receiver is broken")

    monkeypatch.setattr(hookctl.flows.demo, "verify", broken)
    result = run_here(cli, "demo")
    assert result.code == 1
    assert {row[3:5] for row in rows(result.out)} == {("nothing arrived", "500")}
    assert "0 of 27 genuine deliveries accepted, 0 of 9 bad ones refused" in result.out


def test_ctrl_c_is_exit_code_130_and_leaves_no_server_behind(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver = Client.deliver
    delivered: list[object] = []

    def interrupted(self: Client, *arguments: object, **options: object) -> object:
        if len(delivered) == 3:
            raise KeyboardInterrupt
        delivered.append(arguments)
        return deliver(self, *arguments, **options)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(Client, "deliver", interrupted)
    result = run_here(cli, "demo")
    assert (result.code, len(delivered)) == (130, 3)
    assert "Traceback" not in result.err
    assert not [thread for thread in threading.enumerate() if thread.name == "hookctl-receiver"]
