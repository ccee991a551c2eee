"""Threads that the end of the process does not wait for: what they wait for may never come."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_Result = TypeVar("_Result")


class _Job(NamedTuple):
    work: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Any]


class UnawaitedThreads:
    """Runs blocking calls for the tasks of an event loop.

    The threads of `concurrent.futures` are waited for when the interpreter ends, however long they take; these are
    not.

    Args:
        at_once: how many calls may be under way; further ones wait.
        name: what the threads' names begin with.
    """

    def __init__(self, at_once: int, name: str) -> None:
        self._at_once = at_once
        self._name = name
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._started = 0
        self._busy = 0
        """Calls that are waited for: touched in the event loop only."""

    async def call(self, work: Callable[[], _Result]) -> _Result:
        """Make a call in a thread and return what it returns, or raise what it raises.

        A caller that is cancelled meanwhile does not stop the call.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[_Result] = loop.create_future()
        self._busy += 1
        done.add_done_callback(self._one_less)
        if self._started < min(self._busy, self._at_once):
            self._started += 1
            threading.Thread(target=self._work, daemon=True, name=f"{self._name}-{self._started}").start()
        self._jobs.put(_Job(work, loop, done))
        return await done

    def close(self) -> None:
        """Let each thread end after its call; do not wait for it."""
        for _ in range(self._started):
            self._jobs.put(None)

    def _one_less(self, _: asyncio.Future[Any]) -> None:
        self._busy -= 1

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            result, error = None, None
            try:
                result = job.work()
            except Exception as caught:  # noqa: BLE001 - raised again where it is waited for
                error = caught
            # a loop that is closed has nobody left who waits
            with suppress(RuntimeError):
                job.loop.call_soon_threadsafe(_settle, job.done, result, error)


def _settle(done: asyncio.Future[Any], result: object, error: Exception | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(result)
    else:
        done.set_exception(error)
