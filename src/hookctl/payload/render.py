"""Renders an event: sample, made fresh, edited, encoded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from hookctl.catalogue import read_sample, read_schema
from hookctl.errors import ProviderError, UsageError
from hookctl.model import Payload
from hookctl.payload.edits import Edit, EditKind, Editor
from hookctl.payload.freshness import Freshening, IdSource, latest_time
from hookctl.payload.jsontext import Json, JsonTextError, encode, parse
from hookctl.payload.paths import PayloadPath, look_up, pointer_steps
from hookctl.payload.schema import load_sample, load_schema
from hookctl.timestamps import read_time

if TYPE_CHECKING:
    from hookctl.model import Event, Provider
    from hookctl.payload.schema import SchemaNode


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """How to render."""

    ids: IdSource
    edits: tuple[Edit, ...] = ()
    event_id: str | None = None
    """The event's id, instead of a fresh one."""
    as_documented: bool = False
    """Keep the sample's own ids and times; the delivery is dated as the sample is."""


def render(provider: Provider, event: Event, options: RenderOptions, *, at_ms: int, occurrence: int = 0) -> Payload:
    """Render one delivery's body.

    Args:
        provider: the event's provider.
        event: what to render.
        options: seed, edits and the like.
        at_ms: the time the envelope is to show, milliseconds since the epoch.
        occurrence: tells repeats of the same event in one run apart.

    Returns:
        The body as compact UTF-8 JSON, with the event and its id as they stand in it.

    Raises:
        PathError: an edit does not fit.
        ProviderError: the sample or schema cannot be used.
        UsageError: an id was asked for and the provider's events have none.
    """
    envelope = provider.envelope
    document, schema = _parsed(event, read_sample(event), read_schema(event))
    sample_ms = _sample_time(provider, event, document, schema)
    if options.as_documented:
        # a delivery whose time and id its body does not hold is dated and named anew
        dated_ms = at_ms if sample_ms is None or envelope.time is None else sample_ms
        return _payload(provider, document, event.name, at_ms=dated_ms, options=options, occurrence=occurrence)
    freshening = Freshening(
        ids=options.ids,
        provider=provider.name,
        event=event.name,
        occurrence=occurrence,
        event_id=look_up(document, envelope.id) if envelope.id else None,
        shift_ms=0 if sample_ms is None else at_ms - sample_ms,
    )
    fresh = freshening.apply(document, schema)
    # a JSON object in, a JSON object out
    assert isinstance(fresh, dict)  # noqa: S101
    editor = Editor(fresh, schema, event.name)
    if options.event_id is not None:
        if not provider.has_ids:
            raise UsageError(f"--id: {provider.title} events have no id")
        if envelope.id is not None:
            editor.apply(Edit(EditKind.SET, PayloadPath(pointer_steps(envelope.id)), text=options.event_id))
    for edit in options.edits:
        editor.apply(edit)
    return _payload(provider, fresh, event.name, at_ms=at_ms, options=options, occurrence=occurrence)


@lru_cache(maxsize=64)
def _parsed(event: Event, sample: bytes, schema: bytes) -> tuple[dict[str, Json], SchemaNode]:
    """Parse an event's files, once as long as they stay the same; nothing may change what this returns."""
    return load_sample(event, sample), load_schema(event, schema)


def _sample_time(provider: Provider, event: Event, document: dict[str, Json], schema: SchemaNode) -> int | None:
    """Return the moment of a sample that is to become now: its envelope's time, else the latest time in it."""
    envelope = provider.envelope
    if envelope.time is None or envelope.time_unit is None:
        return latest_time(document, schema)
    sample_ms = read_time(look_up(document, envelope.time), envelope.time_unit)
    if sample_ms is None:
        raise ProviderError(f"{event.sample_path}: {envelope.time} is not a time in {envelope.time_unit}")
    return sample_ms


def given_body(
    provider: Provider,
    body: bytes,
    *,
    event: str | None,
    at_ms: int,
    options: RenderOptions | None = None,
    occurrence: int = 0,
) -> Payload:
    """Take a whole body as it is, byte for byte; what it is called is read from it where that is possible.

    Args:
        provider: whose envelope to look for.
        body: the bytes to send.
        event: the name to report when the body does not say.
        at_ms: the time of the delivery.
        options: for the id of a provider that has it in a header alone; None leaves such a delivery without one.
        occurrence: tells repeats of one event apart.
    """
    return _identified(provider, body, read_envelope(body), event, at_ms, options, occurrence)


def read_envelope(body: bytes) -> Json:
    """Return the body as JSON, or None when it is not JSON; never raises."""
    try:
        return parse(body.decode())
    except (JsonTextError, UnicodeDecodeError):
        return None


def _payload(
    provider: Provider, document: dict[str, Json], event: str, *, at_ms: int, options: RenderOptions, occurrence: int
) -> Payload:
    return _identified(provider, encode(document), document, event, at_ms, options, occurrence)


def _identified(
    provider: Provider,
    body: bytes,
    document: Json,
    event: str | None,
    at_ms: int,
    options: RenderOptions | None,
    occurrence: int,
) -> Payload:
    """Name a payload by what stands in its envelope, which is what a receiver goes by, else by its headers."""
    envelope = provider.envelope
    name = look_up(document, envelope.type) if envelope.type else None
    event_id = look_up(document, envelope.id) if envelope.id else None
    if options is not None and provider.id is not None and not isinstance(event_id, str):
        fresh = options.ids.event(event or "", provider.id.prefix, provider.name, occurrence)
        event_id = options.event_id if options.event_id is not None else fresh
    return Payload(
        body=body,
        event=name if isinstance(name, str) else event,
        event_id=event_id if isinstance(event_id, str) else None,
        at_ms=at_ms,
    )
