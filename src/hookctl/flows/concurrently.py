"""Runs jobs several at once, in constant memory, and hands on what they yield as it comes."""

from __future__ import annotations

import threading
from queue import Full, Queue
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

J = TypeVar("J")
E = TypeVar("E")

_LOOK_S = 0.1
"""How often a worker that cannot hand on a result looks whether anybody still wants it."""


def each(jobs: Iterable[J], run: Callable[[J], Iterator[E]], *, at_once: int) -> Iterator[E]:
    """Run every job and yield what each yields.

    Args:
        jobs: taken one by one, when a worker is free.
        run: runs one job; called in a worker's thread when more than one may be under way.
        at_once: how many may be under way.

    Yields:
        What the jobs yield, one job's in order. Ending the iteration early starts no further job and does not wait
        for those under way: they have deadlines of their own.

    Raises:
        Exception: the first that a job raised.
    """
    if at_once <= 1:
        for job in jobs:
            yield from run(job)
        return
    crew = _Crew(jobs, run, at_once)
    try:
        yield from crew.results()
    finally:
        crew.stop.set()


class _Finished:
    """What a worker hands on last, with what it died of, if anything."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error


class _Crew(Generic[J, E]):
    """Threads that take jobs from one iterator and put results into one bounded queue."""

    def __init__(self, jobs: Iterable[J], run: Callable[[J], Iterator[E]], size: int) -> None:
        self.stop = threading.Event()
        self._jobs = iter(jobs)
        self._taking = threading.Lock()
        self._run = run
        self._queue: Queue[E | _Finished] = Queue(maxsize=size * 4)
        self._size = size

    def results(self) -> Iterator[E]:
        """Start the workers and yield results until all have finished."""
        for number in range(self._size):
            # daemons: after Ctrl-C the process must not wait for a receiver that hangs
            threading.Thread(target=self._work, daemon=True, name=f"hookctl-send-{number}").start()
        running = self._size
        while running:
            item = self._queue.get()
            if not isinstance(item, _Finished):
                yield item
                continue
            running -= 1
            if item.error is not None:
                raise item.error

    def _work(self) -> None:
        error: Exception | None = None
        try:
            while (job := self._take()) is not None:
                for item in self._run(job):
                    self._hand_on(item)
        except Exception as caught:  # noqa: BLE001 - raised again where it is waited for
            error = caught
        self._hand_on(_Finished(error))

    def _take(self) -> J | None:
        with self._taking:
            return None if self.stop.is_set() else next(self._jobs, None)

    def _hand_on(self, item: E | _Finished) -> None:
        while not self.stop.is_set():
            try:
                self._queue.put(item, timeout=_LOOK_S)
            except Full:
                continue
            return
