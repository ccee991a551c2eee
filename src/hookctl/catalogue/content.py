"""The sample and the schema of an event, as bytes: read when needed, never at start-up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.errors import ProviderError

if TYPE_CHECKING:
    from pathlib import Path

    from hookctl.model import Event


def read_sample(event: Event) -> bytes:
    """Return the event's sample payload as it stands in its file (UTF-8 JSON, indented).

    Raises:
        ProviderError: the file cannot be read.
    """
    return _read(event.sample_path, event, "sample")


def read_schema(event: Event) -> bytes:
    """Return the event's JSON Schema (2020-12, self-contained) as it stands in its file.

    Raises:
        ProviderError: the file cannot be read.
    """
    return _read(event.schema_path, event, "schema")


def _read(path: Path, event: Event, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        msg = f"provider {event.provider!r} has no {what} for {event.name}: {path}: {error.strerror}"
        raise ProviderError(msg) from None
