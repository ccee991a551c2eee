"""The values of a check: what it is, what it sends, what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hookctl.check.compose import Composer
    from hookctl.check.wanted import Wanted
    from hookctl.model import Attempt, SignedRequest


class Severity(StrEnum):
    """How much a failure weighs."""

    MUST = "must"
    """Decides the exit code."""
    SHOULD = "should"
    """Decides it with `--strict`."""
    INFO = "info"
    """Never does, and is never called a failure."""

    def at_most(self, other: Severity) -> Severity:
        """Return the lighter of the two."""
        order = list(Severity)
        return order[max(order.index(self), order.index(other))]

    def at_least(self, other: Severity) -> Severity:
        """Return the heavier of the two."""
        order = list(Severity)
        return order[min(order.index(self), order.index(other))]


class Result(StrEnum):
    """What a check came to."""

    PASS = "pass"  # noqa: S105 - the name of a result
    FAIL = "fail"
    SKIPPED = "skipped"
    INCONCLUSIVE = "inconclusive"
    """Nothing can be said either way."""
    INFO = "info"
    """Worth knowing, and no failure."""


class Effect(StrEnum):
    """Whether a genuine business handler runs at the receiver because of a check."""

    NONE = "no"
    CARRIED = "carried"
    """Only when the receiver does not accept events that no handler knows."""
    GENUINE = "yes"


class Manner(Enum):
    """How a check's requests are sent and judged."""

    EACH = auto()
    """One after the other, over a connection each, each judged by its status."""
    ONE_CONNECTION = auto()
    """One after the other over one connection."""
    TIMED = auto()
    """As `EACH`, and the median of the answer times is what counts."""
    COUNTED = auto()
    """As `EACH`, and a counter of the receiver's must have grown by one."""
    TOGETHER = auto()
    """All released at the same time, and a counter must have grown by one."""
    TRANSPORT = auto()
    """Nothing of its own: the connection itself is looked at."""
    REDIRECTS = auto()
    """Nothing of its own: every answer of the run is looked at for a redirect."""
    LEAKS = auto()
    """Nothing of its own: the body of every refusal is looked at for what it gives away."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One request of a check, and what a correct receiver does with it."""

    request: SignedRequest
    wanted: Wanted
    label: str = ""
    """Which of the check's requests it is, in words; empty where there is one."""
    chunked: bool = False
    genuine: frozenset[str] = frozenset()
    """The right signature of what is sent, in every encoding; none that the request itself carries."""


Builder: TypeAlias = "Callable[[Composer, Check], Iterator[Probe]]"


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a provider's receivers."""

    id: str
    severity: Severity
    sends: str
    """What is sent, in words."""
    expects: str
    """What a correct receiver does, in words."""
    why: str
    """Why it matters, as a clause."""
    fix: str
    """What is usually to be changed, as a clause."""
    effect: Effect = Effect.NONE
    build: Builder | None = None
    """Makes the requests, each as late as can be: what it signs is dated then."""
    manner: Manner = Manner.EACH
    malformed: bool = False
    """Whether its headers may bring a receiver down, so that it is looked after."""
    times: bool = False
    """Whether it is about the age of a delivery, which clocks that differ make impossible to tell."""
    absent: str | None = None
    """Why the provider's scheme has no use for it; None where it has."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request of a check as it went over the wire, and what came back."""

    check: str
    probe: Probe
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Deviation:
    """One request that was not answered as it should have been."""

    label: str
    sentence: str
    result: Result
    severity: Severity
    exchange: Exchange | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one check came to."""

    check: Check
    result: Result
    severity: Severity
    """The check's, or a lighter one where what is wrong weighs less."""
    status: int | None = None
    """The status that decided; None where none did."""
    detail: str = ""
    """One sentence, without a full stop."""
    deviations: tuple[Deviation, ...] = ()
    duration_ms: float = 0.0
    diagnosis: str | None = None
    """Of a control that failed: what was tried and was then accepted."""
    hint: str | None = None
    """What to do, where that is not the check's usual fix."""

    @property
    def deciding(self) -> Exchange | None:
        """The request that decided, if one did."""
        return next((one.exchange for one in self.deviations if one.exchange is not None), None)


RunEvent: TypeAlias = Exchange | Outcome
