"""Servers for the tests, and the check that none is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from typing import TYPE_CHECKING, Protocol

import pytest

from hookctl.receiver import BackgroundServer, Reply, new_event_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hookctl.model import CapturedRequest
    from hookctl.receiver import Handler, Limits, OnError, OnRefused

CLOCK_MS = 1_700_000_000_123


class Recorder:
    """A handler that keeps what it gets and answers 200 with the target."""

    def __init__(self) -> None:
        self.requests: list[CapturedRequest] = []

    async def __call__(self, request: CapturedRequest) -> Reply:
        self.requests.append(request)
        return Reply(200, request.target.encode())

    @property
    def targets(self) -> list[str]:
        return [request.target for request in self.requests]


class Serve(Protocol):
    """Starts a server that lasts until the end of the test."""

    def __call__(
        self,
        handler: Handler,
        limits: Limits | None = None,
        on_error: OnError | None = None,
        on_refused: OnRefused | None = None,
    ) -> BackgroundServer: ...


@pytest.fixture(autouse=True)
def nothing_is_left_behind(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test that leaves a server running, or an error that nobody but the event loop has seen."""
    yield
    assert not [thread for thread in threading.enumerate() if thread.name == "hookctl-receiver"]
    # a task that failed unseen is reported when it is collected; what a test leaves is young
    gc.collect(1)
    records = [*caplog.get_records("setup"), *caplog.get_records("call"), *caplog.get_records("teardown")]
    assert not [record.getMessage() for record in records if record.name == "asyncio"]


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture(params=["asyncio", "uvloop"])
def new_loop(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes the server's event loop: of both kinds, one after the other."""
    if request.param == "asyncio":
        return asyncio.new_event_loop
    pytest.importorskip("uvloop")
    return new_event_loop


@pytest.fixture
def serve(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> Iterator[Serve]:
    with contextlib.ExitStack() as servers:

        def start(
            handler: Handler,
            limits: Limits | None = None,
            on_error: OnError | None = None,
            on_refused: OnRefused | None = None,
        ) -> BackgroundServer:
            return servers.enter_context(
                BackgroundServer(
                    handler,
                    grace_s=0.5,
                    limits=limits,
                    clock=lambda: CLOCK_MS,
                    on_error=on_error,
                    on_refused=on_refused,
                    new_loop=new_loop,
                )
            )

        yield start
