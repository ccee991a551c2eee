"""Why a request is not taken: what the parts raise, and what the program behind the server is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


class RequestError(Exception):
    """A request that cannot be taken. The connection is of no use afterwards.

    Attributes:
        status: the HTTP status that says so.
        sentence: why, for the peer.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(f"{status}: {sentence}")
        self.status = status
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request, or a connection, that the server has answered by itself because it could not be taken."""

    at_ms: int
    """When it was refused, in milliseconds since the Unix epoch."""
    status: int
    """What the peer was answered: 400, 408, 413, 417, 431, 501, 503 or 505."""
    sentence: str
    """Why, as the peer was told. Parts of it may come from a parser, none from the peer."""
    peer: str
    """The address and port it came from: "127.0.0.1:51234" or "[::1]:51234"; empty when that is unknown."""
    received: bytes
    """The request's first bytes as they arrived, 2 KiB at most.

    Empty for one connection too many (503) and for a peer that connected and kept silent (408).
    """


OnRefused: TypeAlias = Callable[[Refusal], None]
"""Told of a refusal, right before the answer goes out."""
