"""A read-only view of one event's JSON Schema: what may stand where, and what kind of value it is.

Validation itself is jsonschema-rs's work; this walks the schema beside a payload. It follows `$ref` to
`#/...`, `properties`, `items` and `additionalProperties`, which is what event schemas are made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookctl.errors import ProviderError, UsageError, did_you_mean
from hookctl.model import TimeUnit
from hookctl.payload.jsontext import Json, JsonTextError, Number, parse
from hookctl.payload.paths import PayloadPath, look_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.model import Event

ID_KEYWORD = "x-hookctl-id"
"""Annotation: the string is an id. `{"prefix": "ord_"}` or `{"kind": "uuid"}`; `"fresh": false` keeps it."""

TIME_KEYWORD = "x-hookctl-time"
"""Annotation: the value is a point in time; its unit is one of `TimeUnit`."""

_MAX_REFS = 20
_MAX_DEPTH = 12


@dataclass(frozen=True, slots=True)
class SchemaNode:
    """One place in a schema, `$ref`s already followed."""

    root: dict[str, Json]
    keywords: dict[str, Json]

    def member(self, name: str) -> SchemaNode | None:
        """Return the schema of an object's member, or None when the schema does not know it."""
        properties = self.keywords.get("properties")
        if isinstance(properties, dict) and name in properties:
            return self._at(properties[name])
        # `additionalProperties: true` allows anything without knowing it
        rest = self.keywords.get("additionalProperties")
        return self._at(rest) if isinstance(rest, dict) else None

    def element(self) -> SchemaNode | None:
        """Return the schema of an array's elements, or None."""
        items = self.keywords.get("items")
        return self._at(items) if isinstance(items, dict) else None

    @property
    def types(self) -> tuple[str, ...]:
        """The JSON types allowed here; empty when any is."""
        types = self.keywords.get("type")
        if isinstance(types, str):
            return (types,)
        if isinstance(types, list):
            return tuple(name for name in types if isinstance(name, str))
        return ()

    @property
    def names(self) -> tuple[str, ...]:
        """The members the schema names."""
        properties = self.keywords.get("properties")
        return tuple(properties) if isinstance(properties, dict) else ()

    def standalone(self) -> dict[str, Json]:
        """Return this place as a schema of its own, for a validator."""
        kept: dict[str, Json] = {key: self.root[key] for key in ("$schema", "$defs") if key in self.root}
        return {**kept, **self.keywords}

    def paths(self, steps: tuple[str | int, ...] = ()) -> Iterator[PayloadPath]:
        """Yield every path the schema names below here, the first element standing for every one."""
        if len(steps) > _MAX_DEPTH:
            return
        for name in self.names:
            node = self.member(name)
            yield PayloadPath((*steps, name))
            if node is not None:
                yield from node.paths((*steps, name))
        element = self.element()
        if element is not None:
            yield from element.paths((*steps, 0))

    def _at(self, value: Json) -> SchemaNode:
        return SchemaNode(self.root, _follow(self.root, value))


def _follow(root: dict[str, Json], value: Json) -> dict[str, Json]:
    """Return the schema that a chain of `$ref` ends in; keywords beside a `$ref` are laid over it."""
    beside: dict[str, Json] = {}
    for _ in range(_MAX_REFS):
        if not isinstance(value, dict):
            return beside
        beside = {**{key: member for key, member in value.items() if key != "$ref"}, **beside}
        reference = value.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#"):
            return beside
        value = look_up(root, reference[1:])
    return beside


def load_schema(event: Event, text: bytes) -> SchemaNode:
    """Parse an event's schema.

    Raises:
        ProviderError: it is not a JSON object, is not self-contained, or has an annotation that means nothing.
    """
    root = _document(event, text, "schema")
    problem = _problem(root, root)
    if problem is not None:
        raise ProviderError(f"{event.schema_path}: {problem}")
    return SchemaNode(root, _follow(root, root))


def _problem(root: dict[str, Json], value: Json) -> str | None:
    """Return what is wrong with the first keyword of ours or `$ref` that cannot be followed, or None."""
    if isinstance(value, dict):
        # a validator would fetch the rest of a schema from wherever it says
        if isinstance(reference := value.get("$ref"), str) and not _leads_to_schema(root, reference):
            return f"$ref {reference!r} leads to no schema in this file"
        if isinstance(unit := value.get(TIME_KEYWORD), str) and unit not in set(TimeUnit):
            near = did_you_mean(unit, [known.value for known in TimeUnit]) or f"known: {', '.join(TimeUnit)}"
            return f"{TIME_KEYWORD} {unit!r} is not a unit; {near}"
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next(filter(None, (_problem(root, member) for member in members)), None)


def _leads_to_schema(root: dict[str, Json], reference: str) -> bool:
    try:
        return reference[:1] == "#" and isinstance(look_up(root, reference[1:]), dict | bool)
    except UsageError:
        return False


def load_sample(event: Event, text: bytes) -> dict[str, Json]:
    """Parse an event's sample payload.

    Raises:
        ProviderError: it is not a JSON object.
    """
    return _document(event, text, "sample")


def _document(event: Event, text: bytes, what: str) -> dict[str, Json]:
    path = event.schema_path if what == "schema" else event.sample_path
    try:
        value = parse(text.decode())
    except (JsonTextError, UnicodeDecodeError) as error:
        raise ProviderError(f"{path}: not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise ProviderError(f"{path}: the {what} of {event.name} must be a JSON object")
    return value


def type_name(value: Json) -> str:
    """Return a value's JSON Schema type with its article, for messages: "an integer", "a string"."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int) or (isinstance(value, Number) and value.is_integer):
        return "an integer"
    if isinstance(value, Number):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "an array" if isinstance(value, list) else "an object"
