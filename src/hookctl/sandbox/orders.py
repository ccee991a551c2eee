"""What the stand-in has delivered, and what becomes of it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from hookctl.model import Event
    from hookctl.sandbox.records import Hook

MAX_KEPT = 1000
"""Deliveries whose outcome can be asked for; the oldest are forgotten."""


class Fate(Enum):
    """What has become of a delivery so far."""

    REQUESTED = auto()
    """It has not begun."""
    UNDER_WAY = auto()
    """It has begun, or failed and is to be tried again."""
    TAKEN = auto()
    """The receiver answered with 2xx."""
    REFUSED = auto()
    """The receiver answered otherwise."""
    FAILED = auto()
    """The receiver did not answer."""
    UNCLEAR = auto()
    """An answer began and broke off."""


@dataclass(frozen=True, slots=True)
class Order:
    """A delivery that an API call asks for."""

    event: Event
    hook: Hook
    url: str
    """Where it goes."""
    subscribed: bool
    """Whether the webhook is subscribed to the event: a test is delivered all the same."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has become of an order so far."""

    fate: Fate
    event_id: str | None = None
    receiver_status: int | None = None
    error: str | None = None
    """Why there is no answer, in words. Holds no secret."""
    duration_ms: float | None = None
    """How long the last try took."""


Progress: TypeAlias = Callable[[Outcome], None]
"""Is told of an order's outcome whenever that changes."""

Deliver: TypeAlias = Callable[["Order", Progress], Awaitable[Outcome]]
"""Delivers an order once, sees to further tries by itself, and returns what came of the first."""


class Deliveries:
    """The outcomes of the orders that callers have named."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[str, Order, Outcome]] = OrderedDict()

    def find(self, name: str) -> tuple[str, Order, Outcome] | None:
        """Return the webhook, the order and the outcome of that name, or None."""
        return self._kept.get(name)

    def keep(self, name: str, webhook: str, order: Order) -> Progress:
        """Remember an order that is about to be delivered, and return who is to be told of its outcome."""
        self._kept[name] = (webhook, order, Outcome(Fate.REQUESTED))
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)

        def progress(outcome: Outcome) -> None:
            # one that is forgotten is not remembered again
            if name in self._kept:
                self._kept[name] = (webhook, order, outcome)

        return progress
