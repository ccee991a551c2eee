"""Checks a provider from outside whole, so that its mistakes are found before anything is sent.

The built-in providers are checked by the tests; loading the schema library for them would cost every run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.catalogue import read_sample, read_schema
from hookctl.catalogue.administration import load_administration
from hookctl.errors import ProviderError, did_you_mean
from hookctl.model import TimeUnit
from hookctl.payload.paths import PayloadPath, look_up
from hookctl.payload.schema import ID_KEYWORD, TIME_KEYWORD, SchemaNode, load_sample, load_schema
from hookctl.payload.validation import InvalidSchemaError, find_problems
from hookctl.timestamps import read_time

if TYPE_CHECKING:
    from hookctl.model import Event, Provider
    from hookctl.payload.jsontext import Json

_ID_KEYS = ("prefix", "kind", "fresh")


def check_provider(provider: Provider) -> None:
    """Hold every sample against its schema and against what provider.toml says of it, and read the rest of that.

    Raises:
        ProviderError: names the file and the place, and for a name the nearest valid one.
    """
    load_administration(provider)
    for event in provider.events:
        sample = load_sample(event, read_sample(event))
        schema = load_schema(event, read_schema(event))
        _check_annotations(event, schema)
        try:
            problem = next(find_problems(sample, schema), None)
        except InvalidSchemaError as error:
            raise ProviderError(f"{event.schema_path}: not a valid JSON Schema: {error}") from None
        if problem is not None:
            where = PayloadPath(problem.steps)
            raise ProviderError(f"{event.sample_path}: {where} does not fit its schema: {problem.message}")
        _check_envelope(provider, event, sample)


def _check_envelope(provider: Provider, event: Event, sample: dict[str, Json]) -> None:
    envelope = provider.envelope
    if envelope.type is not None:
        name = look_up(sample, envelope.type)
        if name != event.name:
            raise ProviderError(f"{event.sample_path}: {envelope.type} is {name!r}, not {event.name!r}")
    if envelope.id is not None and not isinstance(look_up(sample, envelope.id), str):
        raise ProviderError(f"{event.sample_path}: {envelope.id} (envelope.id) is not a string in it")
    if envelope.time is not None and envelope.time_unit is not None:
        at_ms = read_time(look_up(sample, envelope.time), envelope.time_unit)
        if at_ms is None:
            raise ProviderError(f"{event.sample_path}: {envelope.time} is not a time in {envelope.time_unit}")


def _check_annotations(event: Event, node: SchemaNode) -> None:
    """Look at the id and time annotations of every place that the schema names."""
    for path in node.paths():
        place: SchemaNode | None = node
        for step in path.steps:
            if place is not None:
                place = place.element() if isinstance(step, int) else place.member(step)
        if place is not None:
            _check_annotation(event, path, place.keywords)


def _check_annotation(event: Event, path: PayloadPath, keywords: dict[str, Json]) -> None:
    where = f"{event.schema_path}: {path}"
    unit = keywords.get(TIME_KEYWORD)
    units = [known.value for known in TimeUnit]
    if TIME_KEYWORD in keywords and unit not in units:
        hint = did_you_mean(str(unit), units) or f"known: {', '.join(units)}"
        raise ProviderError(f"{where}: {TIME_KEYWORD} is {unit!r}", hint=hint)
    annotation = keywords.get(ID_KEYWORD)
    if ID_KEYWORD not in keywords:
        return
    if not isinstance(annotation, dict) or not ({"prefix", "kind"} & set(annotation)):
        raise ProviderError(f"{where}: {ID_KEYWORD} must be an object with a prefix or a kind")
    for key in annotation:
        if key not in _ID_KEYS:
            hint = did_you_mean(key, list(_ID_KEYS)) or f"known: {', '.join(_ID_KEYS)}"
            raise ProviderError(f"{where}: {ID_KEYWORD} has the unknown key {key!r}", hint=hint)
    if "kind" in annotation and annotation["kind"] != "uuid":
        raise ProviderError(f"{where}: {ID_KEYWORD} has the kind {annotation['kind']!r}", hint="known: uuid")
