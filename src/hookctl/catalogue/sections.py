"""Reads the tables of a provider.toml that state facts, and remembers the source of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from hookctl.model import Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookctl.catalogue.table import Table

T = TypeVar("T")


class Sections:
    """The sections of one provider.toml.

    Args:
        top: its top level, with the `[sources]` that every section refers to.
    """

    def __init__(self, top: Table) -> None:
        self._sources: dict[str, Source] = {}
        self.facts: dict[str, str] = {}
        """Source of each section's facts, by section name, and of single keys, by `section.key`."""
        for source_id, table in top.table("sources").tables():
            self._sources[source_id] = Source(source_id, table.text("title"), table.day("read"))
            table.finish()

    @property
    def sources(self) -> tuple[Source, ...]:
        """Every source, in the file's order."""
        return tuple(self._sources.values())

    def read(self, table: Table, read: Callable[[Table], T]) -> T:
        """Read a section whole: its source, the sources of single keys, its values, and nothing else."""
        self.facts[table.name] = self.source(table)
        value = read(table)
        single = table.optional_table("sources")
        if single is not None:
            for key in single:
                self.facts[f"{table.name}.{key}"] = self.source(single, key)
                # by iteration, which does not make the key known
                if key not in list(table):
                    raise single.error(key, "gives the source of a key that is not there")
        table.finish()
        return value

    def source(self, table: Table, key: str = "source") -> str:
        """Return the text that names a source, and maybe the place in it."""
        text = table.text(key)
        source_id = text.partition(":")[0]
        if source_id not in self._sources:
            known = ", ".join(self._sources) or "none"
            raise table.error(key, f"names {source_id!r}, which is not in [sources]", hint=f"known: {known}")
        return text
