"""What the library's functions return."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from hookctl.model import Diagnosis, Provider, Reason


@dataclass(frozen=True, slots=True)
class Rendered:
    """The body of an event, ready to be signed and sent."""

    body: bytes
    """Compact UTF-8 JSON, to the byte as the vendor would send it."""
    provider: str
    """Name of the provider."""
    event: str
    event_id: str | None
    """The event's id as it stands in the body, else the delivery's; None where the provider has neither."""
    at: datetime
    """When it happens, in UTC."""
    _source: Provider = field(repr=False, compare=False)

    def sign(self, secret: str | bytes, *, previous_secret: str | bytes | None = None) -> dict[str, str]:
        """Return the headers that the vendor would send with it, as `hookctl.sign` does; dated when it happens."""
        from hookctl.api import sign

        return sign(
            self._source.folder,
            self.body,
            secret,
            previous_secret=previous_secret,
            at=self.at,
            event=self.event,
            event_id=self.event_id,
        )


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether a delivery is genuine: true in a condition where it is."""

    valid: bool
    reason: Reason
    """Why: "ok", "mismatch", "missing_signature", "stale" and so on, a closed list."""
    diagnosis: Diagnosis | None
    """What was done to it, in one word: only ever something that was tried and matched."""
    age_s: float | None
    """Seconds from the signed time to the arrival; None where the provider signs no time, or none was read."""
    happened: str | None = None
    """What was done to it, as a clause; None where that was not found out, or the delivery is valid."""
    remedy: str | None = None
    """What to change, likewise."""

    def __bool__(self) -> bool:
        return self.valid
