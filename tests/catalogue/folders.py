"""A provider's folder to break: a copy of a real one, in a folder of the test's own."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hookctl.catalogue import load_provider

if TYPE_CHECKING:
    from hookctl.model import Event, Provider

FIXTURES = Path(__file__).resolve().parent.parent.parent / "fixtures"


@dataclass(frozen=True)
class ProviderFolder:
    """A copy of a built-in provider's folder."""

    path: Path

    @classmethod
    def copied(cls, name: str, to: Path) -> ProviderFolder:
        """Copy a built-in provider's folder."""
        shutil.copytree(FIXTURES / name, to)
        return cls(to)

    @property
    def description(self) -> Path:
        """Its provider.toml."""
        return self.path / "provider.toml"

    def sample(self, event: str) -> Path:
        """Return the file of an event's sample."""
        return self.path / "events" / f"{event}.json"

    def schema(self, event: str) -> Path:
        """Return the file of an event's schema."""
        return self.path / "schemas" / f"{event}.json"

    def load(self) -> Provider:
        """Read it."""
        return load_provider(self.path)

    def event(self, name: str) -> tuple[Provider, Event]:
        """Read it and return one of its events."""
        provider = self.load()
        event = provider.event(name)
        assert event is not None
        return provider, event


def replace(file: Path, old: str, new: str) -> None:
    """Replace the first occurrence of a text that the file must contain."""
    text = file.read_text(encoding="utf-8")
    assert old in text, f"{file} has no {old!r}"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
