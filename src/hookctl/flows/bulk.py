"""Examines the lines of an archive block by block, on every core when there is enough of it."""

from __future__ import annotations

import os
import signal
import sys
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookctl.captures.recognise import line_form
from hookctl.errors import InputError
from hookctl.model import Unreadable
from hookctl.signing.effort import Effort

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future, ProcessPoolExecutor

    from hookctl.captures.archive import Block
    from hookctl.captures.form import Form
    from hookctl.flows.examine import Examiner
    from hookctl.flows.tally import Found, Tally

EFFORT = Effort(signatures=512, hashed_bytes=4 * 1024 * 1024)
"""How much work the diagnosis of one capture may cost in bulk."""

PAYS_BYTES = 4 * 1024 * 1024
"""What is examined before other processes are started: less is done sooner than they are."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Where lines come from and how they are read."""

    source: str
    form: Form


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What came of one block."""

    text: str
    """What is to be written of it, whole lines."""
    tally: Tally
    """Its counts alone."""


@dataclass(frozen=True, slots=True)
class LineExaminer:
    """Examines the lines of blocks, in whichever process."""

    examiner: Examiner
    write: Callable[[Found], str]
    """Returns the text of one finding, its line end included; "" for none."""
    empty: Tally
    max_line_bytes: int

    def found(self, block: Block, lines: Lines, effort: Effort | None = None) -> Iterator[Found]:
        """Yield what is found in each line that is not blank; `effort` as for `Examiner.examine`."""
        form = line_form(lines.form)
        assert form is not None  # noqa: S101 - only such forms are read by line
        for number, line in enumerate(block.lines, block.first_line):
            if not line or line.isspace():
                continue
            source = f"{lines.source}:{number}"
            if len(line) > self.max_line_bytes:
                yield too_long(source, self.max_line_bytes)
                continue
            item = form.read_line(line, source)
            yield item if isinstance(item, Unreadable) else self.examiner.examine(item, effort)

    def run(self, block: Block, lines: Lines) -> BulkResult:
        """Examine a block."""
        tally = self.empty.fresh()
        pieces: list[str] = []
        for found in self.found(block, lines, EFFORT):
            tally.count(found)
            pieces.append(self.write(found))
        return BulkResult("".join(pieces), tally)


def too_long(source: str, max_line_bytes: int) -> Unreadable:
    """Return what is said of a line over the limit."""
    limit = f"{max_line_bytes} bytes" if max_line_bytes < 1024 * 1024 else f"{max_line_bytes / 1024 / 1024:g} MiB"
    return Unreadable(source, f"the line is longer than {limit}", "--max-line sets the limit, in bytes")


class Bulk:
    """Hands blocks out and results back in the same order.

    Args:
        lines: what examines them.
        jobs: processes to use at most; None is one for each core.
    """

    def __init__(self, lines: LineExaminer, jobs: int | None) -> None:
        self._lines = lines
        # without fork, every process would have to be told everything anew
        cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1
        self._jobs = cores if jobs is None or sys.platform != "linux" else jobs
        self._examined_bytes = 0
        self._pool: ProcessPoolExecutor | None = None
        self._pending: deque[Future[BulkResult]] = deque()

    def put(self, block: Block, lines: Lines) -> Iterator[BulkResult]:
        """Examine a block; yield what is ready, of this block or of those before."""
        if self._pool is None and (self._jobs == 1 or self._examined_bytes < PAYS_BYTES):
            self._examined_bytes += len(block.data)
            yield self._lines.run(block, lines)
            return
        if self._pool is None:
            self._pool = self._start()
        self._pending.append(self._pool.submit(_run, block, lines))
        while self._pending and (self._pending[0].done() or len(self._pending) > 2 * self._jobs):
            yield self._next()

    def drain(self) -> Iterator[BulkResult]:
        """Yield the results of all blocks that are still under way."""
        while self._pending:
            yield self._next()

    def close(self) -> None:
        """Let the other processes end; what they have not begun is not done."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _next(self) -> BulkResult:
        from concurrent.futures.process import BrokenProcessPool

        try:
            return self._pending.popleft().result()
        except BrokenProcessPool:
            raise InputError(
                "a process that examined captures was killed: there was not enough memory, most likely",
                hint="--jobs 1 examines them in one process, --max-line bounds what a line may hold",
            ) from None

    def _start(self) -> ProcessPoolExecutor:
        # 20 ms to load, and only a large archive needs it
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        return ProcessPoolExecutor(self._jobs, get_context("fork"), _begin, (self._lines,))


_own: LineExaminer | None = None


def _begin(lines: LineExaminer) -> None:
    """Prepare a process: Ctrl-C is its parent's business."""
    global _own  # noqa: PLW0603 - a process of a pool has no other place
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _own = lines


def _run(block: Block, lines: Lines) -> BulkResult:
    assert _own is not None  # noqa: S101 - _begin has run
    return _own.run(block, lines)
