"""Numbers as people say them."""

from __future__ import annotations

_UNITS = (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024))


def ordinal(number: int) -> str:
    """Return "2nd", "3rd", "11th"."""
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 not in {11, 12, 13} else "th"
    return f"{number:,}{suffix}"


def size_in_words(size_bytes: int) -> str:
    """Return a size: "980 bytes", "12.5 MiB"."""
    for unit, one in _UNITS:
        if size_bytes >= one:
            return f"{size_bytes / one:,.1f} {unit}"
    return "1 byte" if size_bytes == 1 else f"{size_bytes} bytes"
