"""Blocking calls beside an event loop: their results, how many at once, and that nobody waits for them at the end."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time

import pytest

from hookctl.flows.unawaited import UnawaitedThreads


def test_each_call_returns_what_it_returns_or_raises_what_it_raises() -> None:
    def fail() -> int:
        raise KeyError("gone")

    async def main() -> list[int | BaseException]:
        threads = UnawaitedThreads(4, "test-unawaited")
        calls = [threads.call(lambda number=number: number * 2) for number in range(20)]  # type: ignore[misc]
        results = await asyncio.gather(*calls, threads.call(fail), return_exceptions=True)
        threads.close()
        return results

    *numbers, error = asyncio.run(main())
    assert numbers == [number * 2 for number in range(20)]
    assert isinstance(error, KeyError)


@pytest.mark.parametrize(("at_once", "calls"), [(1, 5), (3, 10), (8, 3)])
def test_no_more_than_so_many_are_under_way(at_once: int, calls: int) -> None:
    lock = threading.Lock()
    now = most = 0

    def work() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.05)
        with lock:
            now -= 1

    async def main() -> None:
        threads = UnawaitedThreads(at_once, "test-unawaited")
        await asyncio.gather(*(threads.call(work) for _ in range(calls)))
        threads.close()

    asyncio.run(main())
    assert most == min(at_once, calls)


def test_a_thread_that_is_free_is_used_again() -> None:
    async def main() -> set[str]:
        threads = UnawaitedThreads(8, "test-again")
        names = {await threads.call(lambda: threading.current_thread().name) for _ in range(10)}
        threads.close()
        return names

    assert len(asyncio.run(main())) == 1


def test_threads_end_after_their_call_when_it_is_closed() -> None:
    async def main() -> None:
        threads = UnawaitedThreads(4, "test-ending")
        await asyncio.gather(*(threads.call(lambda: time.sleep(0.02)) for _ in range(4)))
        threads.close()

    asyncio.run(main())
    until_s = time.monotonic() + 10
    while any(thread.name.startswith("test-ending") for thread in threading.enumerate()):
        assert time.monotonic() < until_s
        time.sleep(0.01)


def test_who_is_cancelled_does_not_stop_the_call_and_nobody_is_hurt() -> None:
    release, ended = threading.Event(), threading.Event()

    def work() -> None:
        release.wait(10)
        ended.set()

    async def main() -> bool:
        threads = UnawaitedThreads(1, "test-cancelled")
        task = asyncio.create_task(threads.call(work))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        release.set()
        # the thread is free for the next one
        return await threads.call(ended.is_set)

    assert asyncio.run(main())


_HANGS = """
import asyncio, threading
from hookctl.flows.unawaited import UnawaitedThreads

async def main():
    threads = UnawaitedThreads(2, "hangs")
    task = asyncio.create_task(threads.call(threading.Event().wait))
    await asyncio.sleep(0.05)
    threads.close()
    task.cancel()

asyncio.run(main())
print("ended")
"""


def test_the_process_does_not_wait_for_a_call_that_never_ends() -> None:
    done = subprocess.run([sys.executable, "-c", _HANGS], capture_output=True, timeout=20, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"ended\n", b"")
