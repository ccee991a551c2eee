"""Checks of deliveries that come again: accepted each time, acted on once; and of those that come out of order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.check.model import Check, Effect, Manner, Severity
from hookctl.check.wanted import ACCEPTED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.check.compose import Composer
    from hookctl.check.model import Builder, Probe
    from hookctl.model import Provider

COPIES = 3
"""How often the same delivery comes, one after the other."""
RACING = 10
"""How often it comes at the same time."""


def checks(provider: Provider) -> tuple[Check, ...]:
    """Return the checks of repeats and of order."""
    known = "the event's id" if provider.has_ids else "the SHA-256 of the raw body"
    first = provider.out_of_order
    ordered = " before ".join(first) if first else ""
    return (
        Check(
            "dup-status",
            Severity.SHOULD,
            f"the same delivery {COPIES} times",
            "2xx each time",
            "vendors deliver at least once: who answers a repeat with an error is sent it again and again",
            "answer 2xx to what was handled before",
            Effect.GENUINE,
            _copies(COPIES),
        ),
        Check(
            "dup-effect",
            Severity.MUST,
            f"the same delivery {COPIES} times, after {COPIES} different ones as a control",
            "the counter grows by one",
            "what is acted on twice is charged, shipped or sent twice",
            f"remember {known} in the same transaction as its effect, under a unique constraint",
            Effect.GENUINE,
            _copies(COPIES),
            manner=Manner.COUNTED,
        ),
        Check(
            "dup-race",
            Severity.SHOULD,
            f"the same delivery {RACING} times at the same moment",
            "2xx each time, and the counter grows by one",
            "between looking an id up and inserting it there is time for another delivery",
            f"insert {known} first and let a unique constraint decide: INSERT ... ON CONFLICT DO NOTHING",
            Effect.GENUINE,
            _copies(RACING),
            manner=Manner.TOGETHER,
        ),
        Check(
            "order",
            Severity.INFO,
            ordered or "two events about one thing, the later one first",
            "2xx",
            "vendors promise no order",
            "go by what the payload says, not by what came before",
            Effect.GENUINE,
            _out_of_order,
            absent=None if first else f"{provider.title} names no two events that follow each other",
        ),
    )


def _copies(number: int) -> Builder:
    def build(composer: Composer, check: Check) -> Iterator[Probe]:
        probe = composer.probe(composer.draft(check), ACCEPTED)
        for _ in range(number):
            yield probe

    return build


def _out_of_order(composer: Composer, check: Check) -> Iterator[Probe]:
    # one thing: the events of one round are about the same order
    round_ = composer.next_round
    for name in composer.provider.out_of_order:
        event = composer.provider.event(name)
        yield composer.probe(composer.draft(check, event=event, round_=round_), ACCEPTED, name)
