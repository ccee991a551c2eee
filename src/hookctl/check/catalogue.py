"""All checks of a provider, in the order in which they run, and those that a user chooses."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from hookctl.check import bodies, repeats, rotation, signatures, timestamps, transport
from hookctl.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hookctl.check.model import Check
    from hookctl.model import Provider

CONTROL = "valid"
"""The check that everything else rests on: it always runs."""
UNKNOWN_EVENT = "unknown-type"
"""The check that tells whether others can do without the receiver's handlers."""


def checks_of(provider: Provider) -> tuple[Check, ...]:
    """Return every check, also those that the provider's scheme has no use for."""
    return (
        *signatures.checks(provider),
        *timestamps.checks(provider),
        *transport.headers(provider),
        *bodies.checks(provider),
        *transport.checks(provider),
        *rotation.checks(provider),
        *repeats.checks(provider),
        *transport.leaks(),
    )


def select(checks: Sequence[Check], only: Sequence[str], skip: Sequence[str]) -> tuple[Check, ...]:
    """Return the checks that a user wants to see, the control always among them.

    Args:
        checks: all there are.
        only: ids and globs; none is all.
        skip: likewise, of those that are left out.

    Raises:
        UnknownNameError: an id or glob matches nothing.
        UsageError: the control is to be left out.
    """
    wanted = _matching(checks, only) if only else {check.id for check in checks}
    unwanted = _matching(checks, skip)
    if CONTROL in skip:
        raise UsageError(f"--skip {CONTROL}: it is the control, without which no other check means anything")
    return tuple(check for check in checks if check.id == CONTROL or (check.id in wanted and check.id not in unwanted))


def _matching(checks: Sequence[Check], patterns: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for pattern in patterns:
        ids = {check.id for check in checks if fnmatchcase(check.id, pattern)}
        if not ids:
            raise UnknownNameError("check", pattern, [check.id for check in checks])
        found |= ids
    return found
