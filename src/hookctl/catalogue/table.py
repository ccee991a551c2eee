"""Reads one TOML table strictly: every key is known, every value has its type, every error says where."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from hookctl.errors import ProviderError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from enum import StrEnum
    from pathlib import Path

    E = TypeVar("E", bound=StrEnum)

_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)+")


class Table:
    """A TOML table that remembers which of its keys were asked for.

    Args:
        file: the file it came from, for messages.
        name: the table's dotted name, "" for the top level.
        data: what the TOML parser returned.
    """

    def __init__(self, file: Path, name: str, data: dict[str, object]) -> None:
        self.file = file
        self.name = name
        self._data = data
        self._asked: set[str] = set()

    def __contains__(self, key: str) -> bool:
        # who asks for an optional key knows it: a misspelling of it then finds it
        self._asked.add(key)
        return key in self._data

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def error(self, key: str, problem: str, *, hint: str | None = None) -> ProviderError:
        """Return an error that names the file and the key."""
        return ProviderError(f"{self.file}: {self.path(key)} {problem}", hint=hint)

    def path(self, key: str) -> str:
        """Return the key's dotted name."""
        shown = key if key.replace("_", "").replace("-", "").isalnum() else f'"{key}"'
        return f"{self.name}.{shown}" if self.name else shown

    def text(self, key: str) -> str:
        """Return a required, non-empty string."""
        value = self._get(key)
        if not isinstance(value, str) or not value:
            raise self.error(key, "must be a non-empty string")
        return value

    def optional_text(self, key: str) -> str | None:
        """Return a string, or None when the key is absent."""
        self._asked.add(key)
        return self.text(key) if key in self._data else None

    def matching(self, key: str, pattern: re.Pattern[str], wanted: str) -> str:
        """Return a required string that a pattern fits, described in words for who writes another."""
        value = self.text(key)
        if not pattern.fullmatch(value):
            raise self.error(key, f"is {value!r}; it must be {wanted}")
        return value

    def variable(self, key: str) -> str:
        """Return a required name of an environment variable."""
        return self.matching(key, _ENV_NAME, "the name of an environment variable")

    def pointer(self, key: str) -> str:
        """Return a required JSON Pointer."""
        return self.matching(key, _POINTER, "a JSON Pointer such as /id")

    def optional_pointer(self, key: str) -> str | None:
        """Return a JSON Pointer, or None when the key is absent."""
        return self.pointer(key) if key in self else None

    def integer(self, key: str) -> int:
        """Return a required integer."""
        value = self._get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error(key, "must be an integer")
        return value

    def optional_integer(self, key: str, default: int | None = None) -> int | None:
        """Return an integer, or the default when the key is absent."""
        self._asked.add(key)
        return self.integer(key) if key in self._data else default

    def seconds(self, key: str) -> float:
        """Return a required positive number of seconds."""
        value = self._get(key)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 86_400:
            raise self.error(key, "must be a number of seconds above 0")
        return float(value)

    def flag(self, key: str) -> bool:
        """Return an optional truth value, false when the key is absent."""
        self._asked.add(key)
        value = self._data.get(key, False)
        if not isinstance(value, bool):
            raise self.error(key, "must be true or false")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return an optional array of non-empty strings, empty when the key is absent."""
        self._asked.add(key)
        value = self._data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise self.error(key, "must be an array of non-empty strings")
        return tuple(value)

    def value(self, key: str) -> object:
        """Return whatever an optional key holds, None when it is absent."""
        self._asked.add(key)
        return self._data.get(key)

    def day(self, key: str) -> date:
        """Return a required TOML date."""
        from datetime import date, datetime

        value = self._get(key)
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self.error(key, "must be a date such as 2026-01-31, without quotes")
        return value

    def choice(self, key: str, enum: type[E]) -> E:
        """Return a required string as the member of a closed set."""
        value = self.text(key)
        known = [member.value for member in enum]
        if value not in known:
            near = did_you_mean(value, known) or f"known: {', '.join(known)}"
            raise self.error(key, f"is {value!r}, which is not supported", hint=near)
        return enum(value)

    def table(self, key: str) -> Table:
        """Return a required table."""
        value = self._get(key)
        if not isinstance(value, dict):
            raise self.error(key, "must be a table")
        return Table(self.file, self.path(key), value)

    def optional_table(self, key: str) -> Table | None:
        """Return a table, or None when the key is absent."""
        self._asked.add(key)
        return self.table(key) if key in self._data else None

    def optional_tables(self, key: str) -> list[Table]:
        """Return an array of tables, empty when the key is absent."""
        self._asked.add(key)
        value = self._data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.error(key, f"must be an array of tables: [[{key}]]")
        return [Table(self.file, f"{self.path(key)}[{index}]", item) for index, item in enumerate(value)]

    def tables(self) -> Iterator[tuple[str, Table]]:
        """Yield every entry of this table as a table of its own, in the file's order."""
        for key in self._data:
            yield key, self.table(key)

    def finish(self) -> None:
        """Raise `ProviderError` for the first key that nobody asked for."""
        for key in self._data:
            if key not in self._asked:
                known = sorted(self._asked)
                near = did_you_mean(key, known) or f"known here: {', '.join(known)}"
                raise self.error(key, "is not a known key", hint=near)

    def _get(self, key: str) -> object:
        self._asked.add(key)
        if key not in self._data:
            raise self.error(key, "is missing")
        return self._data[key]
