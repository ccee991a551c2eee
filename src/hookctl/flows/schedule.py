"""Schedules of retries: the user's own, as no vendor documents one."""

from __future__ import annotations

from hookctl.errors import InputError


def parse_schedule(text: str) -> tuple[float, ...]:
    """Read a schedule of retries: `1s,5s,30s`, or seconds without the unit.

    Raises:
        InputError: it is not one; the message names the part.
    """
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    pauses: list[float] = []
    for part in text.split(","):
        word = part.strip()
        unit = next((unit for unit in units if word.endswith(unit) and word[: -len(unit)].strip()), "")
        number = word.removesuffix(unit)
        try:
            pause_s = float(number) * units.get(unit, 1.0)
        except ValueError:
            pause_s = -1.0
        if not 0 <= pause_s <= 86400:
            raise InputError(f"--retry: {word!r} is not a pause", hint="for instance 1s,5s,30s")
        pauses.append(pause_s)
    return tuple(pauses)
