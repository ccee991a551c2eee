"""Points in time as the vendors write them. Inside hookctl a time is integer milliseconds since the epoch."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from hookctl.errors import UsageError
from hookctl.model import TimeUnit

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_MS = int((datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - _EPOCH).total_seconds()) * 1000 + 999
_ISO8601 = frozenset({TimeUnit.ISO8601_MILLISECONDS, TimeUnit.ISO8601_SECONDS, TimeUnit.ISO8601_OFFSET})
_DIGITS = re.compile(r"-?[0-9]{1,18}")
_SECONDS = re.compile(r"(?P<whole>[0-9]{1,18})(?:\.(?P<fraction>[0-9]{1,9}))?")
# fromisoformat() alone also takes week dates, any separator, even a line break, and offsets with seconds
_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ](?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def write_time(at_ms: int, unit: TimeUnit) -> int | str:
    """Return a time in a unit, as JSON holds it: an integer or text. Fractions are cut, never rounded up.

    Raises:
        UsageError: the time is outside the years 1970 to 9999 that the text form can hold.
    """
    if unit is TimeUnit.UNIX_SECONDS:
        return at_ms // 1000
    if unit is TimeUnit.UNIX_MILLISECONDS:
        return at_ms
    if not 0 <= at_ms <= _MAX_MS:
        raise UsageError("the time is outside the years 1970 to 9999")
    moment = _EPOCH + timedelta(milliseconds=at_ms)
    if unit is TimeUnit.ISO8601_MILLISECONDS:
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03d}Z"
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + ("Z" if unit is TimeUnit.ISO8601_SECONDS else "+00:00")


def read_time(value: object, unit: TimeUnit) -> int | None:
    """Return milliseconds since the epoch for a value written in a unit, or None when it is not so written.

    An integer and its decimal text both count for the numeric units: headers are text.
    """
    if unit in _ISO8601:
        return _read_iso(value) if isinstance(value, str) else None
    if isinstance(value, str):
        # ASCII digits only: int() also takes full-width digits, underscores and spaces
        if not _DIGITS.fullmatch(value):
            return None
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value * 1000 if unit is TimeUnit.UNIX_SECONDS else value


def _read_iso(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def parse_at(text: str) -> int:
    """Read what a user gives as a time: RFC 3339 with a zone, or seconds since the epoch.

    Returns:
        Milliseconds since the epoch.

    Raises:
        UsageError: it is neither, or outside the years 1970 to 9999.
    """
    seconds = _SECONDS.fullmatch(text)
    if seconds:
        fraction = (seconds["fraction"] or "").ljust(3, "0")[:3]
        at_ms = int(seconds["whole"]) * 1000 + int(fraction)
    else:
        parsed = _read_iso(text.upper()) if _RFC3339.fullmatch(text) else None
        if parsed is None:
            hint = "write 2026-01-31T12:00:00Z, 2026-01-31T12:00:00+02:00 or seconds such as 1704067200"
            raise UsageError(f"{text!r} is not a time with a zone", hint=hint)
        at_ms = parsed
    require_range(at_ms, repr(text), in_numbers=seconds is not None)
    return at_ms


def require_range(at_ms: int, shown: str, *, in_numbers: bool) -> None:
    """Raise `UsageError` when a time is outside the years that every form can hold.

    Args:
        at_ms: the time.
        shown: the time as the user wrote it.
        in_numbers: whether that was a number: then its unit may be what is wrong.
    """
    if not 0 <= at_ms <= _MAX_MS:
        hint = "seconds are expected, not milliseconds" if in_numbers else None
        raise UsageError(f"{shown} is outside the years 1970 to 9999", hint=hint)
