"""Archives are cut into blocks of whole lines: no byte is lost, numbers are right, memory has a bound."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookctl.captures import archive as module
from hookctl.captures.archive import BLOCK_BYTES, Block, TooLong, read_blocks


class Trickle(BytesIO):
    """A stream that gives a few bytes at a time, as a pipe does."""

    def __init__(self, data: bytes, size_bytes: int) -> None:
        super().__init__(data)
        self._size_bytes = size_bytes

    def read1(self, size: int | None = -1, /) -> bytes:
        return super().read1(self._size_bytes if size is None or size < 0 else min(self._size_bytes, size))


def blocks(data: bytes, *, limit: int = 100, head: int = 0, step: int = 7, size: int | None = None) -> list[object]:
    """Return what data becomes when some of it has been read before."""
    stream = Trickle(data[head:], step)
    return list(read_blocks(stream, head=data[:head], max_line_bytes=limit, size_bytes=size))


def lines(found: list[object]) -> list[tuple[int, bytes]]:
    """Return the numbered lines of blocks."""
    assert all(isinstance(block, Block) for block in found)
    return [
        (number, line)
        for block in found
        if isinstance(block, Block)
        for number, line in enumerate(block.lines, block.first_line)
    ]


@given(
    data=st.lists(st.sampled_from([b"\n", b"\r\n", b"a", b"bc", b"\0", b"\xff"]), max_size=40).map(b"".join),
    head=st.integers(0, 20),
    step=st.integers(1, 30),
)
@settings(max_examples=300)
def test_blocks_are_the_file_and_begin_with_the_right_line(data: bytes, head: int, step: int) -> None:
    found = blocks(data, head=head, step=step)
    whole = data.split(b"\n")
    if not whole[-1]:
        whole.pop()
    assert lines(found) == list(enumerate(whole, 1))
    assert b"".join(block.data for block in found if isinstance(block, Block)) == data
    for block in found:
        assert isinstance(block, Block)
        assert data[block.offset : block.offset + len(block.data)] == block.data


@given(data=st.binary(max_size=60), size=st.integers(0, 70), head=st.integers(0, 20), step=st.integers(1, 30))
def test_no_more_is_read_than_there_was_at_first(data: bytes, size: int, head: int, step: int) -> None:
    found = blocks(data, head=head, step=step, size=size)
    assert b"".join(block.data for block in found if isinstance(block, Block)) == data[: max(size, head)]


@pytest.mark.parametrize("ended", [True, False])
def test_of_a_line_that_is_longer_than_a_block_nothing_is_kept(ended: bool) -> None:
    long = b"x" * (BLOCK_BYTES * 3) + (b"\nthe rest" if ended else b"")
    found = blocks(b"a\nb\n" + long, limit=10, step=BLOCK_BYTES // 2)
    first, second, *rest = found
    assert (first, second) == (Block(1, b"a\nb\n"), TooLong(3))
    assert rest == ([Block(4, b"the rest", 4 + len(long) - len(b"the rest"))] if ended else [])


def test_a_line_within_the_limit_may_be_longer_than_a_block() -> None:
    long = b"x" * (BLOCK_BYTES * 3)
    assert lines(blocks(long + b"\nb", limit=len(long), step=BLOCK_BYTES)) == [(1, long), (2, b"b")]


def test_a_file_that_never_comes_to_a_line_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ENDLESS_BYTES", 2 * BLOCK_BYTES)
    data = b"a\n" + b"x" * (BLOCK_BYTES * 8) + b"\nb\n"
    assert blocks(data, limit=10, step=BLOCK_BYTES) == [Block(1, b"a\n"), TooLong(2, endless=True)]


def test_nothing_is_no_block() -> None:
    assert blocks(b"") == []
