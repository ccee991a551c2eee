"""Says where things stand: which line of a file, and which of the requests in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hookctl.model import Capture, Unreadable

_SHOWN_BYTES = 40


def shown(data: bytes) -> str:
    """Return bytes as they may stand in a message: the first 40, quoted, line ends and bytes beyond ASCII escaped."""
    cut = data if len(data) <= _SHOWN_BYTES else data[: _SHOWN_BYTES - 3] + b"..."
    return repr(cut)[1:]


def numbered(source: str, parts: Iterable[Capture | Unreadable]) -> Iterator[Capture | Unreadable]:
    """Yield what a file holds, each under its source.

    Args:
        source: the file's name.
        parts: what was read, in order; their own `source` is not looked at.

    Yields:
        The same under the file's name when there is only one, else under `NAME#1`, `NAME#2` and so on.
    """
    remaining = iter(parts)
    first = next(remaining, None)
    if first is None:
        return
    second = next(remaining, None)
    if second is None:
        yield first._replace(source=source)
        return
    yield first._replace(source=f"{source}#1")
    yield second._replace(source=f"{source}#2")
    for number, part in enumerate(remaining, 3):
        yield part._replace(source=f"{source}#{number}")


class Lines:
    """Line numbers of a file, for positions that are asked for in ascending order."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._number = 1

    def number_at(self, at: int) -> int:
        """Return the number of the line, from 1, on which the byte at an offset stands."""
        if at < self._at:
            self._at, self._number = 0, 1
        self._number += self._data.count(b"\n", self._at, at)
        self._at = at
        return self._number
