"""What the requests of a check came to, put together: the worst of them decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.check.model import Check, Deviation, Exchange, Outcome, Result, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

_WEIGHT = {
    (Result.FAIL, Severity.MUST): 0,
    (Result.FAIL, Severity.SHOULD): 1,
    (Result.INCONCLUSIVE, Severity.MUST): 2,
    (Result.INCONCLUSIVE, Severity.SHOULD): 3,
    (Result.INCONCLUSIVE, Severity.INFO): 4,
}
_LIGHTEST = 5


def summed_up(
    check: Check, deviations: Sequence[Deviation], last: Exchange | None, *, detail: str = "", duration_ms: float = 0.0
) -> Outcome:
    """Return a check's outcome.

    Args:
        check: which.
        deviations: the requests that were not answered as they should have been.
        last: the request that was sent last, whose status is told when none deviates.
        detail: what is to be said when none deviates.
        duration_ms: how long an answer took; zero is what the deciding one took.
    """
    if not deviations:
        status = None if last is None else status_of(last)
        taken_ms = duration_ms or (0.0 if last is None else last.attempt.duration_ms)
        return Outcome(check, Result.PASS, check.severity, status, detail, duration_ms=taken_ms)
    ordered = sorted(deviations, key=_weight)
    worst = ordered[0]
    exchange = worst.exchange
    # refused, but by failing
    lighter = worst.result is Result.FAIL and worst.severity is not check.severity
    return Outcome(
        check,
        worst.result,
        worst.severity,
        None if exchange is None else status_of(exchange),
        "; ".join(_told(ordered)),
        tuple(ordered),
        duration_ms or (0.0 if exchange is None else exchange.attempt.duration_ms),
        hint=f"{check.fix}; what is thrown becomes an answer that has it sent again" if lighter else None,
    )


def _weight(deviation: Deviation) -> tuple[int, bool]:
    """Return what sorts the worst first; what was accepted comes before what was refused by failing."""
    status = None if deviation.exchange is None else status_of(deviation.exchange)
    accepted = status is not None and status // 100 == 2
    return _WEIGHT.get((deviation.result, deviation.severity), _LIGHTEST), not accepted


def skipped(check: Check, reason: str) -> Outcome:
    """Return the outcome of a check that did not run."""
    return Outcome(check, Result.SKIPPED, check.severity, None, reason)


def inconclusive(check: Check, reason: str) -> Outcome:
    """Return the outcome of a check that nothing can be said of."""
    return Outcome(check, Result.INCONCLUSIVE, check.severity, None, reason)


def status_of(exchange: Exchange) -> int | None:
    """Return the status of an answer, or None where there was none."""
    response = exchange.attempt.response
    return None if response is None or exchange.attempt.failure is not None else response.status


def _told(deviations: Sequence[Deviation]) -> list[str]:
    """Return a sentence for each kind of deviation, with what it was seen with."""
    labels: dict[str, list[str]] = {}
    for one in deviations:
        labels.setdefault(one.sentence, []).append(one.label)
    return [
        f"{', '.join(label for label in found if label)}: {sentence}" if any(found) else sentence
        for sentence, found in labels.items()
    ]
