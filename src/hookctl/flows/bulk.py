"""Examines the lines of an archive block by block, on every core when there is enough of it."""

from __future__ import annotations

import os
import signal
import sys
from collections import deque
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from hookctl.captures.archive import Block
from hookctl.captures.form import Form
from hookctl.captures.recognise import line_form
from hookctl.errors import InputError
from hookctl.model import Unreadable
from hookctl.signing.effort import Effort

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future, ProcessPoolExecutor
    from pathlib import Path

    from hookctl.flows.examine import Examiner
    from hookctl.flows.plainly import Plain, PlainExaminer
    from hookctl.flows.tally import Found, Tally

EFFORT = Effort(signatures=512, hashed_bytes=4 * 1024 * 1024)
"""How much work the diagnosis of one capture may cost in bulk."""

PAYS_BYTES = 4 * 1024 * 1024
"""What is examined before other processes are started: less is done sooner than they are."""

PENDING_BYTES = 16 * 1024 * 1024
"""What may be under way in other processes at once."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Where lines come from and how they are read."""

    source: str
    form: Form
    path: Path | None = None
    """The file, if other processes can read its bytes by themselves; None for a pipe and for gzip."""
    skipped_bytes: int = 0
    """What stands in the file before the blocks' offset 0: a byte order mark."""


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What came of one block."""

    texts: tuple[str, ...]
    """What each writer has made of it, whole lines."""
    tally: Tally
    """Its counts alone."""


class LineWriter(Protocol):
    """Makes text of findings, in whichever process: lines with their ends, "" for what is not told."""

    def line(self, found: Found) -> str:
        """Return the text of a finding."""

    def plain_line(self, plain: Plain) -> str:
        """Return the text of a capture that is plainly valid: the same as `line` returns of its finding."""


@dataclass(frozen=True)
class LineExaminer:
    """Examines the lines of blocks, in whichever process."""

    examiner: Examiner
    writers: tuple[LineWriter, ...]
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

    @cached_property
    def _plain(self) -> PlainExaminer:
        # 10 ms to load, and only archives need it
        from hookctl.flows.plainly import PlainExaminer

        return PlainExaminer(self.examiner)

    def run(self, block: Block, lines: Lines) -> BulkResult:
        """Examine a block."""
        tally = self.empty.fresh()
        pieces: tuple[list[str], ...] = tuple([] for _ in self.writers)
        each = [
            (text.append, writer.plain_line, writer.line) for text, writer in zip(pieces, self.writers, strict=True)
        ]
        if lines.form is not Form.CAPTURE:
            for found in self.found(block, lines, EFFORT):
                tally.count(found)
                for put, _, line_of in each:
                    put(line_of(found))
            return BulkResult(tuple(map("".join, pieces)), tally)
        examine, limit, source = self._plain.examine, self.max_line_bytes, f"{lines.source}:"
        for number, line in enumerate(block.lines, block.first_line):
            plain = examine(line, f"{source}{number}") if len(line) <= limit else None
            if plain is not None:
                tally.count_plain(plain)
                for put, plain_line, _ in each:
                    put(plain_line(plain))
                continue
            for found in self.found(Block(number, line), lines, EFFORT):
                tally.count(found)
                for put, _, line_of in each:
                    put(line_of(found))
        return BulkResult(tuple(map("".join, pieces)), tally)


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
        self._pending: deque[tuple[Future[BulkResult], int]] = deque()
        self._pending_bytes = 0

    def expect(self, size_bytes: int) -> None:
        """Take note of how much is to come: of much, the first block already goes to another process."""
        if size_bytes > PAYS_BYTES:
            self._examined_bytes = PAYS_BYTES

    def put(self, block: Block, lines: Lines) -> Iterator[BulkResult]:
        """Examine a block; yield what is ready, of this block or of those before."""
        if self._pool is None and (self._jobs == 1 or self._examined_bytes < PAYS_BYTES):
            self._examined_bytes += len(block.data)
            yield self._lines.run(block, lines)
            return
        if self._pool is None:
            self._pool = self._start()
        size_bytes = len(block.data)
        self._pending.append((self._submit(self._pool, block, lines), size_bytes))
        self._pending_bytes += size_bytes
        while self._pending and (self._is_full or self._pending[0][0].done()):
            yield self._next()

    @property
    def _is_full(self) -> bool:
        return len(self._pending) > 2 * self._jobs or self._pending_bytes > PENDING_BYTES

    def drain(self) -> Iterator[BulkResult]:
        """Yield the results of all blocks that are still under way."""
        while self._pending:
            yield self._next()

    def close(self) -> None:
        """Let the other processes end; what they have not begun is not done."""
        if self._pool is not None:
            # waiting: otherwise the interpreter's own clean-up may find the pool half closed
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _submit(self, pool: ProcessPoolExecutor, block: Block, lines: Lines) -> Future[BulkResult]:
        from concurrent.futures.process import BrokenProcessPool

        # the first block starts the processes: Ctrl-C must not reach one before it has been told to leave it alone
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            if lines.path is None:
                return pool.submit(_run, block, lines)
            # a few bytes instead of a million through a pipe
            where = _Where(block.first_line, block.offset + lines.skipped_bytes, len(block.data))
            return pool.submit(_run_at, where, lines)
        except BrokenProcessPool:
            raise _killed() from None
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    def _next(self) -> BulkResult:
        from concurrent.futures.process import BrokenProcessPool

        future, size_bytes = self._pending.popleft()
        self._pending_bytes -= size_bytes
        try:
            return future.result()
        except BrokenProcessPool:
            raise _killed() from None

    def _start(self) -> ProcessPoolExecutor:
        # 20 ms to load, and only a large archive needs it
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        return ProcessPoolExecutor(self._jobs, get_context("fork"), _begin, (self._lines,))


def _killed() -> InputError:
    return InputError(
        "a process that examined captures was killed: there was not enough memory, most likely",
        hint="--jobs 1 examines them in one process, --max-line bounds what a line may hold",
    )


@dataclass(frozen=True, slots=True)
class _Where:
    """A block that the other process reads for itself."""

    first_line: int
    offset: int
    size_bytes: int


_own: LineExaminer | None = None


def _begin(lines: LineExaminer) -> None:
    """Prepare a process: Ctrl-C is its parent's business."""
    global _own  # noqa: PLW0603 - a process of a pool has no other place
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _own = lines


def _run(block: Block, lines: Lines) -> BulkResult:
    assert _own is not None  # noqa: S101 - _begin has run
    return _own.run(block, lines)


def _run_at(where: _Where, lines: Lines) -> BulkResult:
    assert lines.path is not None  # noqa: S101 - by whom it was submitted
    with lines.path.open("rb", buffering=0) as file:
        file.seek(where.offset)
        data = file.read(where.size_bytes)
    if len(data) != where.size_bytes:
        raise OSError(None, "it became shorter while it was read")
    return _run(Block(where.first_line, data), lines)
