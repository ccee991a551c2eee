"""What one peer may take: time, memory, connections."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a server. Times are seconds, sizes are bytes, both inclusive of their value."""

    head_deadline_s: float = 10.0
    """From a request's first byte, or from accepting a new connection, to the end of the headers: 408."""
    request_deadline_s: float = 30.0
    """From a request's first byte to the end of its body: 408. The handler's own time does not count."""
    idle_s: float = 30.0
    """From an answer to the first byte of the next request: the connection is closed without a word."""
    response_deadline_s: float = 30.0
    """From an answer to the last of its bytes in the peer's hands: the connection is dropped."""
    linger_s: float = 2.0
    """How long a finished connection waits for the peer to read the answer and close its side."""
    max_connections: int = 64
    """Open at the same time, one whose handler is still busy included: 503 for the next."""
    max_headers: int = 100
    """Header lines of a request: 431."""
    max_head_bytes: int = 16 * 1024
    """Request line and header lines with their line ends: 431. Trailers and chunk extensions: 413."""
    max_body_bytes: int = 1024 * 1024
    """A body after transfer coding: 413."""
    max_queued_bytes: int = 64 * 1024
    """Bytes waiting behind a request that is being handled, before reading pauses.

    What one read of the event loop delivers, at most 256 KiB, comes on top.
    """
    max_discarded_bytes: int = 1024 * 1024
    """Bytes read and thrown away while lingering, before reading pauses."""
