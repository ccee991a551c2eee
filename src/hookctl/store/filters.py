"""Which deliveries are wanted, and how SQL says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from hookctl.store.rows import text

if TYPE_CHECKING:
    from hookctl.model import Reason

Parameter: TypeAlias = bytes | int | str | None
"""What takes the place of a question mark in SQL."""

_TEXT = "CAST(? AS TEXT)"
_WILDCARDS = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Filters:
    """All that is set must hold; without anything set, every delivery is meant."""

    provider: str | None = None
    event: str | None = None
    """A name, or a pattern with `*`, `?`, `[seq]` and `[!seq]`. Case counts."""
    event_id: str | None = None
    valid: bool | None = None
    reason: Reason | None = None
    status_from: int | None = None
    """The lowest status that the sender was told. A delivery without one is not meant then."""
    status_to: int | None = None
    """The highest, inclusive."""
    since_ms: int | None = None
    """Received at this time or later, in milliseconds since the Unix epoch."""
    until_ms: int | None = None
    """Received before this time: exclusive, so that periods join without overlap."""

    def conditions(self) -> tuple[list[str], list[Parameter]]:
        """Return the conditions on the table `deliveries`, to be joined by AND, and their parameters in order."""
        given: list[tuple[str, Parameter]] = []
        if self.provider is not None:
            given.append((f"provider = {_TEXT}", text(self.provider)))
        if self.event is not None:
            given.append(_event(self.event))
        if self.event_id is not None:
            given.append((f"event_id = {_TEXT}", text(self.event_id)))
        if self.reason is not None:
            given.append(("reason = ?", self.reason.value))
        if self.status_from is not None:
            given.append(("response_status >= ?", self.status_from))
        if self.status_to is not None:
            given.append(("response_status <= ?", self.status_to))
        if self.since_ms is not None:
            given.append(("received_at_ms >= ?", self.since_ms))
        if self.until_ms is not None:
            given.append(("received_at_ms < ?", self.until_ms))
        clauses = [clause for clause, _ in given]
        if self.valid is not None:
            # written out: an index that holds only the invalid ones is of no use for a parameter
            clauses.append(f"valid = {int(self.valid)}")
        return clauses, [parameter for _, parameter in given]


def _event(pattern: str) -> tuple[str, Parameter]:
    if not _WILDCARDS.intersection(pattern):
        return f"event = {_TEXT}", text(pattern)
    # a set is negated with ! in a shell and with ^ in SQLite
    return f"event GLOB {_TEXT}", text(pattern.replace("[!", "[^"))
