"""Jobs run several at once: each once, no more than allowed, nothing taken that nobody waits for."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookctl.flows.concurrently import each

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_S = 20.0


def steps(job: int) -> Iterator[tuple[int, int]]:
    """Yield a few items, so many as the job says."""
    for step in range(job % 4 + 1):
        yield job, step


@given(size=st.integers(0, 60), at_once=st.integers(1, 9))
def test_every_job_runs_exactly_once_and_its_items_come_in_order(size: int, at_once: int) -> None:
    ran: Counter[int] = Counter()
    counting = threading.Lock()

    def run(job: int) -> Iterator[tuple[int, int]]:
        with counting:
            ran[job] += 1
        yield from steps(job)

    got = list(each(range(size), run, at_once=at_once))
    assert ran == Counter(range(size))
    for job in range(size):
        assert [item for item in got if item[0] == job] == list(steps(job))
    assert len(got) == sum(job % 4 + 1 for job in range(size))


@pytest.mark.parametrize("at_once", [2, 5, 16])
def test_so_many_jobs_are_under_way_and_never_more(at_once: int) -> None:
    # a barrier that all workers reach only when they really are there at the same time
    barrier = threading.Barrier(at_once, timeout=PATIENCE_S)
    counting = threading.Lock()
    now = most = 0

    def run(job: int) -> Iterator[int]:
        nonlocal now, most
        with counting:
            now += 1
            most = max(most, now)
        barrier.wait()
        with counting:
            now -= 1
        yield job

    assert sorted(each(range(at_once * 4), run, at_once=at_once)) == list(range(at_once * 4))
    assert most == at_once


def test_one_at_once_runs_in_the_callers_thread_and_in_order() -> None:
    threads = set()

    def run(job: int) -> Iterator[int]:
        threads.add(threading.current_thread())
        yield job

    assert list(each(range(20), run, at_once=1)) == list(range(20))
    assert threads == {threading.current_thread()}


@pytest.mark.parametrize("at_once", [1, 4])
def test_what_a_job_raises_reaches_the_caller(at_once: int) -> None:
    def run(job: int) -> Iterator[int]:
        if job == 7:
            raise ValueError("job 7 broke")
        yield job

    with pytest.raises(ValueError, match="job 7 broke"):
        list(each(range(1000), run, at_once=at_once))


@pytest.mark.parametrize("at_once", [1, 4])
def test_what_the_iterator_of_jobs_raises_reaches_the_caller(at_once: int) -> None:
    def jobs() -> Iterator[int]:
        yield 0
        raise ValueError("no more jobs to be had")

    with pytest.raises(ValueError, match="no more jobs"):
        list(each(jobs(), steps, at_once=at_once))


@pytest.mark.parametrize("at_once", [1, 4])
def test_ending_the_iteration_early_starts_no_further_job(at_once: int) -> None:
    started: list[int] = []
    release = threading.Event()

    def run(job: int) -> Iterator[int]:
        started.append(job)
        if job >= at_once:
            release.wait(PATIENCE_S)  # stands for a receiver that hangs
        yield job

    before = set(threading.enumerate())
    iterator = each(range(10_000), run, at_once=at_once)
    next(iterator)
    iterator.close()  # type: ignore[attr-defined]  # it is a generator
    release.set()
    workers = set(threading.enumerate()) - before
    for worker in workers:
        worker.join(PATIENCE_S)
        assert not worker.is_alive()
    # those that were under way when it ended, and one that each of the others had begun
    assert len(started) <= 2 * at_once


@pytest.mark.parametrize("at_once", [1, 3])
def test_jobs_are_taken_only_as_the_caller_takes_results(at_once: int) -> None:
    taken = 0
    ahead = 0

    def jobs() -> Iterator[int]:
        nonlocal taken
        for job in range(3000):
            taken += 1
            yield job

    def run(job: int) -> Iterator[int]:
        yield job

    for done, _ in enumerate(each(jobs(), run, at_once=at_once), start=1):
        ahead = max(ahead, taken - done)
    assert taken == 3000
    # results that wait in the queue, one in each worker's hands, and the one here
    assert ahead <= at_once * 4 + at_once + 1


def test_workers_are_gone_when_all_is_done() -> None:
    before = set(threading.enumerate())
    list(each(range(50), steps, at_once=6))
    for worker in set(threading.enumerate()) - before:
        worker.join(PATIENCE_S)
        assert not worker.is_alive()
