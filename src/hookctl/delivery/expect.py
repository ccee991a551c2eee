"""Which statuses count as success."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hookctl.errors import UsageError

_ITEM = re.compile(r"[1-5](?:[0-9]{2}|xx)")


@dataclass(frozen=True, slots=True)
class Expectation:
    """A set of statuses, written as `200` or `2xx`."""

    items: tuple[str, ...]

    def __str__(self) -> str:
        """Return it as the user may write it."""
        return ",".join(self.items)

    def met_by(self, status: int) -> bool:
        """Return whether a status is in the set."""
        return str(status) in self.items or f"{status // 100}xx" in self.items


SUCCESS = Expectation(("2xx",))


def parse_expect(text: str) -> Expectation:
    """Read `200,2xx,404`.

    Raises:
        UsageError: a part is neither a status nor a class of statuses.
    """
    items = tuple(item.strip().lower() for item in text.split(","))
    for item in items:
        if not _ITEM.fullmatch(item):
            raise UsageError(f"--expect: {item!r} is not a status", hint="for instance 200, 2xx or 401,403")
    return Expectation(items)
