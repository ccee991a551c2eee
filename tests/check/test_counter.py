"""Counters of receivers: read from a URL or a command, believed once they stand still."""

from __future__ import annotations

import io
import signal
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from hookctl.check import counter as counter_module
from hookctl.check.counter import (
    LONGEST_S,
    POLL_S,
    SETTLE_S,
    STABLE_S,
    CommandCounter,
    CounterError,
    UrlCounter,
    growth,
    settled,
)
from hookctl.delivery.client import ClientOptions
from hookctl.delivery.wire import Wire
from hookctl.runtime import Output, Runtime
from tests.delivery import faults
from tests.delivery.faults import serve
from tests.ended import has_ended

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# --- from a URL ------------------------------------------------------------------------------------------------------


def read_url(answer: bytes, pointer: str = "", status: int = 200) -> int:
    with serve(faults.reply(status, answer)) as server:
        value = UrlCounter(Wire(ClientOptions(), loopback_only=True), server.url, pointer).read()
        assert faults.head_lines(server.requests[0])[0] == b"GET /hook HTTP/1.1"
    return value


@pytest.mark.parametrize(
    ("answer", "pointer", "value"),
    [
        (b"7", "", 7),
        (b" 0\n", "", 0),
        (b"-3", "", -3),
        (b'{"count": 12}', "/count", 12),
        (b'{"a": {"b/c": [1, 2, {"~n": 5}]}}', "/a/b~1c/2/~0n", 5),
        (b'{"": 4}', "/", 4),
    ],
)
def test_a_number_is_found_where_the_pointer_says(answer: bytes, pointer: str, value: int) -> None:
    assert read_url(answer, pointer) == value


@pytest.mark.parametrize(
    ("answer", "pointer", "status", "message"),
    [
        (b"7", "", 500, "--probe-url answered 500"),
        (b"7", "", 302, "--probe-url answered 302"),
        (b"", "", 200, "--probe-url did not answer with JSON"),
        (b"<html>", "", 200, "--probe-url did not answer with JSON"),
        (b"\xff", "", 200, "--probe-url did not answer with JSON"),
        (b"[" * 100_000, "", 200, "--probe-url did not answer with JSON"),
        (b"true", "", 200, "what --probe-url answered has no whole number in it"),
        (b"1.5", "", 200, "what --probe-url answered has no whole number in it"),
        (b'"7"', "", 200, "what --probe-url answered has no whole number in it"),
        (b'{"count": 7}', "", 200, "what --probe-url answered has no whole number in it"),
        (b'{"count": null}', "/count", 200, "what --probe-url answered has no whole number at /count in it"),
        (b'{"count": 7}', "/cuont", 200, "what --probe-url answered has no whole number at /cuont in it"),
        (b"7", "/count", 200, "what --probe-url answered has no whole number at /count in it"),
    ],
)
def test_an_answer_without_a_number_says_why(answer: bytes, pointer: str, status: int, message: str) -> None:
    with pytest.raises(CounterError) as refusal:
        read_url(answer, pointer, status)
    assert refusal.value.message == message


def test_a_url_where_nothing_answers_says_so() -> None:
    with faults.refuse() as closed, pytest.raises(CounterError, match=r"^--probe-url: nothing listens on"):
        UrlCounter(Wire(ClientOptions(), loopback_only=True), closed.url, "").read()


def test_a_url_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counter_module, "READ_S", 0.3)
    with serve(faults.never_answer) as server, pytest.raises(CounterError, match="no answer within"):
        UrlCounter(Wire(ClientOptions(), loopback_only=True), server.url, "").read()


# --- from a command --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "value"),
    [
        ("echo 5", 5),
        ("printf 5", 5),
        ("echo header; echo; echo ' 12 '; echo", 12),
        ("echo -2", -2),
        ("echo noise >&2; echo 1", 1),
        ("cat number", 42),
        ("printf '\\377\\n3\\n'", 3),
        ("head -c 3000000 /dev/zero; echo; echo 9", 9),
    ],
)
def test_the_last_line_that_a_command_prints_is_the_number(command: str, value: int, tmp_path: Path) -> None:
    (tmp_path / "number").write_text("42\n")
    assert CommandCounter(command, tmp_path).read() == value


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("exit 3", "--probe-cmd ended with exit code 3"),
        ("echo 5; exit 1", "--probe-cmd ended with exit code 1"),
        ("no-such-command-anywhere", "--probe-cmd ended with exit code 127"),
        ("kill -9 $$", "--probe-cmd was ended by signal 9"),
        ("true", "the last line that --probe-cmd printed is not a whole number"),
        ("echo five", "the last line that --probe-cmd printed is not a whole number"),
        ("echo 5; echo rows", "the last line that --probe-cmd printed is not a whole number"),
        ("echo 1.5", "the last line that --probe-cmd printed is not a whole number"),
        ("echo 5 6", "the last line that --probe-cmd printed is not a whole number"),
        ("echo 99999999999999999999", "the last line that --probe-cmd printed is not a whole number"),
        ("printf '\\330\\245\\n'", "the last line that --probe-cmd printed is not a whole number"),
        ("read line && echo $line", "--probe-cmd ended with exit code 1"),
    ],
)
def test_a_command_without_a_number_says_why(command: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(CounterError) as refusal:
        CommandCounter(command, tmp_path).read()
    assert refusal.value.message == message


@pytest.mark.parametrize(
    "command",
    [
        "echo $$ > pids; sleep 300",
        "echo $$ > pids; sleep 300 & echo $! >> pids; wait",
        "echo $$ > pids; (trap '' TERM; sleep 300) & echo $! >> pids; echo 5",
        "echo $$ > pids; while :; do echo 5; done",
    ],
    ids=["hangs", "waits for a child", "leaves a child with its output", "prints for ever"],
)
def test_a_command_that_does_not_end_is_ended_with_all_it_started(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counter_module, "READ_S", 0.6)
    began_s = time.monotonic()
    with pytest.raises(CounterError, match=r"^--probe-cmd did not end within 0\.6 s$"):
        CommandCounter(command, tmp_path).read()
    assert time.monotonic() - began_s < 5
    for pid in map(int, (tmp_path / "pids").read_text().split()):
        assert has_ended(pid, within_s=5), f"{pid} is still there"


def test_ctrl_c_ends_the_command_too(tmp_path: Path) -> None:
    def press(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, press)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        with pytest.raises(KeyboardInterrupt):
            CommandCounter("echo $$ > pids; sleep 300 & echo $! >> pids; wait", tmp_path).read()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    for pid in map(int, (tmp_path / "pids").read_text().split()):
        assert has_ended(pid, within_s=5), f"{pid} is still there"


# --- until it stands still -------------------------------------------------------------------------------------------


@dataclass
class Clock:
    """A clock that only sleeping moves."""

    now_s: float = 100.0

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def runtime(self, folder: Path) -> Runtime:
        out = Output(io.TextIOWrapper(io.BytesIO()), "standard output")
        return Runtime(
            env={},
            cwd=folder,
            stdin=io.BytesIO(),
            out=out,
            err=out,
            monotonic_s=lambda: self.now_s,
            sleep=self.sleep,
        )


@dataclass
class Scripted:
    """A counter whose value is a function of the time since it was made."""

    clock: Clock
    value: Callable[[float], int]
    reads: int = 0
    began_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.began_s = self.clock.now_s

    def read(self) -> int:
        self.reads += 1
        return self.value(self.clock.now_s - self.began_s)


@pytest.mark.parametrize(
    ("value", "target", "becomes", "took_s"),
    [
        (lambda _: 5, 5, 5, STABLE_S),
        # slow: it is waited for
        (lambda at_s: 5 if at_s > 1.5 else 4, 5, 5, 1.5 + STABLE_S),
        # one after the other
        (lambda at_s: min(int(at_s / 0.3), 5), 5, 5, 1.5 + STABLE_S),
        # beyond what it should be: seen when it comes soon after
        (lambda at_s: 5 if at_s < 0.3 else 7, 5, 7, 0.3 + STABLE_S),
        # never there
        (lambda _: 4, 5, 4, SETTLE_S),
        (lambda at_s: 4 if at_s < 1.9 else 3, 5, 3, 1.9 + STABLE_S),
    ],
)
def test_a_counter_is_waited_for(
    value: Callable[[float], int], target: int, becomes: int, took_s: float, tmp_path: Path
) -> None:
    clock = Clock()
    counter = Scripted(clock, value)
    assert settled(counter, target, clock.runtime(tmp_path)).value == becomes
    assert took_s <= clock.now_s - counter.began_s + 1e-6 <= took_s + 3 * POLL_S


def test_a_counter_that_never_stands_still_is_given_up(tmp_path: Path) -> None:
    clock = Clock()
    counter = Scripted(clock, lambda at_s: int(at_s / 0.1))
    with pytest.raises(CounterError, match="the counter does not stand still"):
        settled(counter, 3, clock.runtime(tmp_path))
    assert clock.now_s - counter.began_s <= LONGEST_S + 2 * POLL_S


def test_a_worker_that_took_its_time_is_watched_for_as_long_again(tmp_path: Path) -> None:
    clock = Clock()
    late = Scripted(clock, lambda at_s: 4 if at_s < 0.9 else 5)
    assert settled(late, 4, clock.runtime(tmp_path)).value == 4
    clock = Clock()
    late = Scripted(clock, lambda at_s: 4 if at_s < 0.9 else 5)
    watched = settled(late, 4, clock.runtime(tmp_path), stable_s=1.0)
    assert watched.value == 5
    assert 0.9 <= watched.lag_s <= 0.9 + 2 * POLL_S


def test_growth_is_what_came_on_top(tmp_path: Path) -> None:
    clock = Clock()
    handled = [40]
    counter = Scripted(clock, lambda _: handled[0])

    def act() -> None:
        handled[0] += 3

    assert growth(counter, 3, clock.runtime(tmp_path), act).value == 3
    assert growth(counter, 3, clock.runtime(tmp_path), lambda: None).value == 0


def test_a_counter_that_cannot_be_read_ends_before_anything_is_done(tmp_path: Path) -> None:
    done: list[str] = []
    with pytest.raises(CounterError):
        growth(CommandCounter("exit 1", tmp_path), 1, Clock().runtime(tmp_path), lambda: done.append("done"))
    assert done == []
