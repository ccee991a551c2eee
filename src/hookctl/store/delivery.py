"""What goes into the store and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from hookctl.model import Capture

if TYPE_CHECKING:
    from hookctl.model import CapturedRequest, CapturedResponse, Verdict


class Arrival(NamedTuple):
    """A delivery as it arrived and was judged, not stored yet."""

    request: CapturedRequest
    verdict: Verdict
    provider: str | None = None
    event: str | None = None
    event_id: str | None = None
    """The event's id; None where the provider has none or the body does not say."""
    response: CapturedResponse | None = None
    """What the sender is told, when that is known beforehand."""


@dataclass(frozen=True, slots=True)
class Forwarded:
    """What became of a delivery that was passed on to another receiver."""

    url: str
    """Where to, without credentials."""
    status: int | None
    """What that receiver answered; None when it did not."""
    duration_ms: float
    error: str | None = None
    """Why there is no answer, in a sentence."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a stored delivery afterwards. What is None stays as it is stored."""

    id: str
    response: CapturedResponse | None = None
    forwarded: Forwarded | None = None


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """A delivery as the store holds it, with every byte."""

    id: str
    """`dl_` and 18 letters and digits; later ones sort after earlier ones, to the millisecond."""
    occurrence: int
    """1 for the first of its kind, 3 for the third: the same event id of the same provider or, without an
    event id, the same bytes of the body."""
    request: CapturedRequest
    verdict: Verdict
    provider: str | None
    event: str | None
    event_id: str | None
    response: CapturedResponse | None
    """What the sender was told; None when it is not known."""
    forwarded: Forwarded | None

    @property
    def received_at_ms(self) -> int:
        """When the request was complete, in milliseconds since the Unix epoch."""
        return self.request.received_at_ms


class Kept(NamedTuple):
    """What the store has given a delivery. A tuple, as one is made for every delivery."""

    id: str
    occurrence: int


def stored_as(arrival: Arrival, kept: Kept) -> StoredDelivery:
    """Return a delivery as it is stored."""
    return StoredDelivery(
        kept.id,
        kept.occurrence,
        arrival.request,
        arrival.verdict,
        arrival.provider,
        arrival.event,
        arrival.event_id,
        arrival.response,
        None,
    )


@dataclass(frozen=True, slots=True)
class Summary:
    """One line of a listing: a stored delivery without headers and bodies. The fields are `StoredDelivery`'s."""

    sequence: int
    """The number of the row, which breaks the tie between deliveries of one millisecond."""
    id: str
    occurrence: int
    received_at_ms: int
    method: str
    target: str
    http_version: str
    body_bytes: int
    """How long the request's body is."""
    verdict: Verdict
    provider: str | None
    event: str | None
    event_id: str | None
    status: int | None
    """What the sender was told."""
    forwarded: Forwarded | None


def as_capture(delivery: StoredDelivery) -> Capture:
    """Return a stored delivery as a capture, for export: the same bytes under its id."""
    request = delivery.request
    return Capture(
        source=delivery.id,
        headers=request.headers,
        body=request.body,
        method=request.method,
        target=request.target,
        http_version=request.http_version,
        received_at_ms=request.received_at_ms,
        id=delivery.id,
        response=delivery.response,
    )
