"""How far a received payload is from its event's schema: what the vendor has changed since it was written down.

Types are held against the schema, formats are not. What the schema does not name counts as added.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from hookctl.catalogue import read_schema
from hookctl.payload.jsontext import Json, JsonTextError, parse
from hookctl.payload.paths import PayloadPath
from hookctl.payload.schema import SchemaNode, load_schema, type_name
from hookctl.payload.validation import Validator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.model import Provider
    from hookctl.payload.paths import Step
    from hookctl.payload.validation import Problem

MAX_CHANGES = 50
"""Changes of one payload that are told."""

_MAX_ELEMENTS = 5000
"""Array elements of one payload that are looked at: a hostile one has a million, and none of them fits."""

_COMBINING = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "dependentSchemas", "dependencies"})


class DriftKind(StrEnum):
    """What is different."""

    NOT_JSON = "not_json"
    """The body is no JSON object at all."""
    UNKNOWN_EVENT = "unknown_event"
    """The catalogue has no event of that name."""
    MISSING = "missing"
    """A field that every such event has is not there."""
    CHANGED = "changed"
    """A field has a value of another type, or another constant."""
    ADDED = "added"
    """A field that the schema does not name."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One place where a payload is not what its event's schema says."""

    kind: DriftKind
    path: str
    """Where, in dotted form; the elements of an array are told alike, as `[]`. "" is the whole payload."""
    detail: str
    """What was expected and found, in words; of an unknown event its name."""


class DriftFinder:
    """Holds payloads of one provider against its schemas, each of which is read once."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._events = {event.name: event for event in provider.events}
        self._validators: dict[str, Validator] = {}

    def fits(self, event: str, value: object) -> bool:
        """Return whether a decoded payload of an event surely has nothing different."""
        validator = self._validators.get(event) or self._validator(event)
        return validator is not None and validator.accepts(value)

    def find(self, event: str | None, body: bytes, value: object | None = None) -> tuple[Drift, ...]:
        """Return what is different, at most `MAX_CHANGES`, in the first few thousand elements of the payload's arrays.

        Args:
            event: the event's name; None when the payload does not say.
            body: the raw body.
            value: the same, decoded, if that has been done; used only to find out quickly that nothing is different.
        """
        validator = None if event is None else self._validators.get(event) or self._validator(event)
        if validator is not None and value is not None and validator.accepts(value):
            return ()
        try:
            document = parse(body.decode())
        except UnicodeDecodeError as error:
            return (Drift(DriftKind.NOT_JSON, "", f"byte {error.start} is not UTF-8"),)
        except JsonTextError as error:
            return (Drift(DriftKind.NOT_JSON, "", str(error)),)
        if not isinstance(document, dict):
            return (Drift(DriftKind.NOT_JSON, "", f"it is {type_name(document)}, not an object"),)
        if validator is None:
            detail = "the payload does not say which event it is" if event is None else event
            return (Drift(DriftKind.UNKNOWN_EVENT, "", detail),)
        found: dict[tuple[DriftKind, str], Drift] = {}
        for drift in _drifts(validator, _Shortener().shortened(document)):
            found.setdefault((drift.kind, drift.path), drift)
            if len(found) == MAX_CHANGES:
                break
        return tuple(found.values())

    def _validator(self, event: str) -> Validator | None:
        known = self._events.get(event)
        if known is None:
            return None
        validator = self._validators[event] = Validator(_closed(load_schema(known, read_schema(known))))
        return validator


def _drifts(validator: Validator, document: Json) -> Iterator[Drift]:
    for problem in validator.problems(document):
        if problem.keyword == "required":
            yield Drift(DriftKind.MISSING, _path((*problem.steps, *problem.names)), "it is not there")
        elif problem.keyword == "additionalProperties" and problem.names:
            for name in problem.names:
                yield Drift(DriftKind.ADDED, _path((*problem.steps, name)), f"it is {type_name(_added(problem, name))}")
        else:
            yield Drift(DriftKind.CHANGED, _path(problem.steps), _difference(problem))


def _added(problem: Problem, name: str) -> Json:
    """Return the member of that name; in the validator's names a lone surrogate is a question mark."""
    assert isinstance(problem.value, dict)  # noqa: S101 - nothing else has members
    if name in problem.value:
        return problem.value[name]
    return next(value for key, value in problem.value.items() if key.encode("utf-8", "replace").decode() == name)


def _difference(problem: Problem) -> str:
    found = type_name(problem.value)
    if problem.keyword == "type":
        return f"expected {' or '.join(problem.names)}, found {found}"
    # values are the customers': only what was expected is told
    return f"does not fit the schema's {problem.keyword}: found {found}"


def _path(steps: tuple[Step, ...]) -> str:
    text = ""
    for step in steps:
        text += "[]" if isinstance(step, int) else f".{PayloadPath((step,))}"
    return text.removeprefix(".")


class _Shortener:
    """Copies a payload with no more array elements than are looked at, those of the outer arrays first."""

    def __init__(self) -> None:
        self._left = _MAX_ELEMENTS

    def shortened(self, value: Json) -> Json:
        """Return the copy."""
        if isinstance(value, dict):
            return {name: self.shortened(member) for name, member in value.items()}
        if isinstance(value, list):
            kept = value[: self._left]
            self._left -= len(kept)
            return [self.shortened(member) for member in kept]
        return value


def _closed(node: SchemaNode) -> SchemaNode:
    """Return the schema with objects that hold nothing but what it names, unless it says otherwise itself.

    A schema that combines others is left as it is: a part of it does not know what the other parts name.
    """
    if _combines(node.root):
        return node
    root = _close(node.root)
    assert isinstance(root, dict)  # noqa: S101 - it was
    return SchemaNode(root, root)


def _combines(value: Json) -> bool:
    if isinstance(value, dict):
        combines = not _COMBINING.isdisjoint(value) or {"$ref", "properties"} <= value.keys()
        return combines or any(_combines(member) for member in value.values())
    return isinstance(value, list) and any(_combines(member) for member in value)


def _close(schema: Json) -> Json:
    if not isinstance(schema, dict):
        return schema
    closed: dict[str, Any] = dict(schema)
    for key in ("properties", "$defs"):
        members = schema.get(key)
        if isinstance(members, dict):
            closed[key] = {name: _close(member) for name, member in members.items()}
    for key in ("items", "additionalProperties"):
        if key in schema:
            closed[key] = _close(schema[key])
    if "properties" in schema and "additionalProperties" not in schema:
        closed["additionalProperties"] = False
    return closed
