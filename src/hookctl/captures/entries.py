"""Entries of a log of traffic: which of them may be deliveries, and what each is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.captures.form import NotThisForm
from hookctl.captures.jsonfields import BrokenField
from hookctl.model import Capture, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS", "CONNECT", "TRACE"})


def may_deliver(method: str) -> bool:
    """Return whether a request of a method may be a delivery although the log keeps no body of it."""
    return method.upper() not in _WITHOUT_BODY


def read_entries(
    source: str, entries: list[object], read: Callable[[object], Capture | None]
) -> Iterator[Capture | Unreadable]:
    """Yield what may be deliveries among the entries of a log, in the log's order.

    Args:
        source: the file's name.
        entries: the log.
        read: reads one entry; its capture's `source` is not looked at. None for one that cannot be a delivery.

    Yields:
        A `Capture` for each delivery and an `Unreadable` where `read` raises BrokenField, under the file's name when
        there is only one, else under `NAME#3` for the third entry of the log.

    Raises:
        NotThisForm: there is none among them.
    """
    found = _numbered(source, entries, read)
    first = next(found, None)
    if first is None:
        raise NotThisForm(_no_delivery(len(entries)), near=True)
    second = next(found, None)
    if second is None:
        yield first._replace(source=source)
        return
    yield first
    yield second
    yield from found


def _no_delivery(count: int) -> str:
    if count == 0:
        return "it has no requests"
    return "it has one request, without a body" if count == 1 else f"it has {count} requests, none of them with a body"


def _numbered(
    source: str, entries: list[object], read: Callable[[object], Capture | None]
) -> Iterator[Capture | Unreadable]:
    for number, entry in enumerate(entries, 1):
        name = f"{source}#{number}"
        try:
            capture = read(entry)
        except BrokenField as broken:
            yield Unreadable(name, broken.message, broken.hint)
            continue
        if capture is not None:
            yield capture._replace(source=name)
