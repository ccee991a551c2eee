"""The listener itself: wanted events, exit codes, and limits that the command line has no option for."""

from __future__ import annotations

import asyncio
import threading
import time
from io import BytesIO, StringIO
from typing import TYPE_CHECKING

import pytest

from hookctl.errors import ExitCode, HookctlError, InputError, UnknownNameError
from hookctl.flows.examine import open_examiner
from hookctl.flows.listen import (
    End,
    ListenEvent,
    ListenOptions,
    ListenSummary,
    Ready,
    Received,
    listen,
    wanted_events,
)
from hookctl.receiver import Limits, Refusal
from hookctl.runtime import Output, Runtime
from tests.cli.listening import delivery, stored
from tests.harness import ARKY_SECRET
from tests.receiver.rawclient import PATIENCE_S, RawClient, post

if TYPE_CHECKING:
    from pathlib import Path


class Running:
    """A listener in a thread of the test's process, which ends by its own options."""

    def __init__(self, folder: Path, options: ListenOptions) -> None:
        self.events: list[ListenEvent] = []
        self.summary: ListenSummary | None = None
        self.error: Exception | None = None
        self.fail_with: HookctlError | None = None
        """What telling of the next delivery raises."""
        self._ready = threading.Event()
        self._options = options
        self.runtime = Runtime(
            env={"ARKY_WEBHOOK_SECRET": ARKY_SECRET, "XDG_STATE_HOME": str(folder / "state")},
            cwd=folder,
            stdin=BytesIO(),
            out=Output(StringIO(), "standard output"),
            err=Output(StringIO(), "standard error"),
        )
        self._thread = threading.Thread(target=self._run, name="test-listener")

    def __enter__(self) -> Running:
        self._thread.start()
        assert self._ready.wait(PATIENCE_S), self.error
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()

    def client(self) -> RawClient:
        """Return a connection to it."""
        ready = self.events[0]
        assert isinstance(ready, Ready)
        return RawClient("127.0.0.1", int(ready.url.rpartition(":")[2]))

    def _take(self, event: ListenEvent) -> None:
        self.events.append(event)
        self._ready.set()
        if self.fail_with is not None and isinstance(event, Received):
            raise self.fail_with

    def _run(self) -> None:
        examiner = open_examiner(self.runtime, provider=None, secret_files=(), with_drift=False)
        try:
            self.summary = asyncio.run(listen(examiner, self._options, self.runtime, self._take, lambda: None))
        except HookctlError as error:
            self.error = error


def test_peers_that_trickle_hold_nobody_up_and_are_closed_in_time(tmp_path: Path) -> None:
    limits = Limits(head_deadline_s=0.6, request_deadline_s=1.0)
    with Running(tmp_path, ListenOptions(timeout_s=2.0, limits=limits)) as running:
        slow = [running.client() for _ in range(20)]
        began_s = time.monotonic()
        for client in slow[:10]:
            client.send(b"POST /hook HTTP/1.1\r\nX-Slow: ")
        for client in slow[10:]:
            client.send(b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        # each byte comes within any idle limit
        while time.monotonic() - began_s < 0.4:
            for client in slow:
                client.try_to_send([b"a"])
            with running.client() as client:
                client.send(delivery())
                assert client.answer().status == 200
        for client in slow:
            assert client.answer().status == 408
            client.socket.close()
        assert time.monotonic() - began_s < 2
    refused = [event for event in running.events if isinstance(event, Refusal)]
    assert [event.status for event in refused] == [408] * 20
    assert running.summary is not None
    assert (running.summary.refused, running.summary.end) == (20, End.TIMED_OUT)


def test_a_peer_that_says_nothing_is_not_told_of(tmp_path: Path) -> None:
    # a browser opens connections in advance
    limits = Limits(head_deadline_s=0.1)
    with Running(tmp_path, ListenOptions(timeout_s=0.6, limits=limits)) as running, running.client() as client:
        assert client.answer().status == 408
    assert [type(event) for event in running.events] == [Ready]
    assert running.summary == ListenSummary(end=End.TIMED_OUT)


def test_what_cannot_be_told_ends_it_and_the_sender_is_answered(tmp_path: Path) -> None:
    with Running(tmp_path, ListenOptions()) as running, running.client() as client:
        running.fail_with = InputError("no space")
        client.send(delivery())
        assert client.answer().status == 200
    assert running.error is running.fail_with
    assert stored(tmp_path / "state") == [("evt_1",)]


def test_a_request_under_way_at_the_end_is_answered(tmp_path: Path) -> None:
    with Running(tmp_path, ListenOptions(until=1)) as running:
        half, whole = running.client(), running.client()
        request = post(b"hello")
        half.send(request[:20])
        time.sleep(0.05)
        whole.send(delivery())
        assert whole.answer().status == 200
        half.send(request[20:])
        answer = half.answer()
        for client in (half, whole):
            client.socket.close()
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert running.summary is not None
    assert (running.summary.total, running.summary.end) == (2, End.COUNTED)


# wanted events


def test_events_are_names_and_globs_with_commas_and_repeats(tmp_path: Path) -> None:
    examiner = open_examiner(Running(tmp_path, ListenOptions()).runtime, provider=None, secret_files=())
    providers = tuple(examiner.providers)
    assert wanted_events([], providers) == ()
    assert wanted_events(["order.paid, order.s*", "formSubmission.*"], providers) == (
        *("order.paid", "order.s*", "formSubmission.*"),
    )
    # a name that none of them documents yet can be asked for as a pattern
    assert wanted_events(["order.lost?"], providers) == ("order.lost?",)
    with pytest.raises(UnknownNameError, match=r"order\.padi") as caught:
        wanted_events(["order.padi"], providers)
    assert caught.value.hint is not None
    assert "order.paid" in caught.value.hint


# exit codes


@pytest.mark.parametrize(
    ("end", "until", "code"),
    [
        (End.COUNTED, 1, ExitCode.YES),
        (End.TIMED_OUT, None, ExitCode.NO),
        (End.TIMED_OUT, 1, ExitCode.NO),
        (End.TERMINATED, None, ExitCode.YES),
        (End.TERMINATED, 1, ExitCode.NO),
        (End.INTERRUPTED, None, ExitCode.INTERRUPTED),
        (End.INTERRUPTED, 1, ExitCode.INTERRUPTED),
    ],
)
def test_the_exit_code_tells_how_it_ended(end: End, until: int | None, code: ExitCode) -> None:
    assert ListenSummary(end=end).exit_code(until) is code
