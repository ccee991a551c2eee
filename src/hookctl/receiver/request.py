"""From the bytes of a connection to requests, one at a time, without any I/O.

Two ways lead to the same result. `read_whole` takes a request that has arrived in one piece, as nearly all do.
`RequestReader` takes any other, byte by byte if need be, and alone decides what is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hookctl.receiver.body import ChunkedBody, SizedBody
from hookctl.receiver.head import BLANK_LINE, HeadReader, read_head
from hookctl.receiver.refusal import RequestError

if TYPE_CHECKING:
    from hookctl.receiver.body import Body
    from hookctl.receiver.head import Head
    from hookctl.receiver.limits import Limits

_REMEMBERED_BYTES = 2048


class Arrived(NamedTuple):
    """A complete request."""

    head: Head
    body: bytes
    """The body after transfer coding."""


def read_whole(data: bytes | bytearray, limits: Limits) -> tuple[Arrived, int] | None:
    """Return the request at the beginning of `data` and its length in bytes.

    None when it is not complete, comes in chunks, or is anything but impeccable: `RequestReader` has to look.
    """
    end = data.find(BLANK_LINE, 0, limits.max_head_bytes)
    if end < 0:
        return None
    end += len(BLANK_LINE)
    try:
        head = read_head(bytes(data[:end]), limits)
    except RequestError:
        return None
    if head.body_bytes is None:
        return None
    taken = end + head.body_bytes
    if taken > len(data):
        return None
    return Arrived(head, bytes(data[end:taken])), taken


class RequestReader:
    """Reads one request. The next one needs a new reader."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._head_reader = HeadReader(limits)
        self._head: Head | None = None
        self._body: Body | None = None
        self._awaits_continue = False
        self._first_bytes = bytearray()

    @property
    def started(self) -> bool:
        """Whether anything of the request has arrived."""
        return len(self._head_reader) > 0

    @property
    def head(self) -> Head | None:
        """The head, when the headers have arrived to the end."""
        return self._head

    @property
    def complete(self) -> bool:
        """Whether the request has arrived to the end."""
        return self._body is not None and self._body.complete

    @property
    def first_bytes(self) -> bytes:
        """What has arrived of the request, 2 KiB at most; of one that is refused, what came after it too."""
        return bytes(self._first_bytes)

    def feed(self, data: bytearray) -> int:
        """Take the bytes that belong to this request.

        Args:
            data: what has arrived and was not taken before. It is left as it is.

        Returns:
            How many bytes were taken: all of them, or those up to the end of the request.

        Raises:
            RequestError: the request is malformed, beyond a limit or not supported.
        """
        taken = 0
        if not self.started:
            # a stray line end after the last request is common and begins nothing
            taken = len(data) - len(data.lstrip(b"\r\n"))
        room = _REMEMBERED_BYTES - len(self._first_bytes)
        if room:
            self._first_bytes += data[taken : taken + room]
        while self._head is None and taken < len(data):
            taken, self._head = self._head_reader.feed(data, taken)
            if self._head is not None:
                self._expect_body(self._head)
        if self._body is not None and taken < len(data) and not self._body.complete:
            self._awaits_continue = False
            taken = self._body.feed(data, taken)
        return taken

    def take_continue(self) -> bool:
        """Return whether the peer waits for `100 Continue` to send the rest; True once at most."""
        awaits, self._awaits_continue = self._awaits_continue, False
        return awaits

    def arrived(self) -> Arrived:
        """Return the request.

        Raises:
            RuntimeError: it is not complete.
        """
        if self._head is None or self._body is None or not self._body.complete:
            raise RuntimeError("the request is not complete")
        return Arrived(self._head, bytes(self._body.content))

    def _expect_body(self, head: Head) -> None:
        self._body = ChunkedBody(self._limits) if head.body_bytes is None else SizedBody(head.body_bytes)
        self._awaits_continue = head.expects_continue
