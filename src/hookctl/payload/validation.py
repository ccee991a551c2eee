"""Holds a value against a schema, by jsonschema-rs, and says where it does not fit in terms of the value."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, cast

from hookctl.payload.jsontext import Json, Number, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    import jsonschema_rs

    from hookctl.payload.paths import Step
    from hookctl.payload.schema import SchemaNode

TYPE_KEYWORDS = frozenset({"type", "anyOf", "oneOf"})
"""The schema keywords that say what kind of value may stand in a place."""

_MAX_INT = 2**63 - 1
_SHOWN_CHARACTERS = 60


class InvalidSchemaError(ValueError):
    """The schema itself is not valid; the message is the validator's."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One place where a value does not fit its schema."""

    steps: tuple[Step, ...]
    """Where, from the top of the value."""
    keyword: str
    """The schema keyword that is not met."""
    value: Json
    """What stands there."""
    message: str
    """The validator's words."""
    names: tuple[str, ...] = ()
    """What the keyword names: the member that is missing (`required`), the members that may not be there
    (`additionalProperties`), the types that are allowed (`type`); empty for other keywords."""

    @property
    def shown(self) -> str:
        """What stands there, as JSON, cut."""
        text = encode(self.value).decode()
        return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 3]}..."


class Validator:
    """Holds values against one schema.

    Raises:
        InvalidSchemaError: the schema is not valid.
    """

    def __init__(self, node: SchemaNode) -> None:
        # 30 ms to load, and only edits, received payloads and providers from outside need it
        import jsonschema_rs

        try:
            self._validator = jsonschema_rs.validator_for(cast("dict[str, Any]", _plain(node.standalone())))
        except ValueError as error:
            raise InvalidSchemaError(str(error).partition("\n")[0]) from None

    def accepts(self, value: object) -> bool:
        """Return whether a value surely fits: False also for one whose types the validator does not take."""
        try:
            return self._validator.is_valid(value)
        except ValueError:
            # an integer or a nesting beyond what it can hold, a lone surrogate
            return False

    def problems(self, value: Json) -> Iterator[Problem]:
        """Yield every place where a value does not fit."""
        for found in self._validator.iter_errors(_plain(value)):
            wrong = value
            for step in found.instance_path:
                wrong = _member(wrong, step)
            keyword = str(found.schema_path[-1])
            yield Problem(tuple(found.instance_path), keyword, wrong, found.message, _names(found.kind))


def _names(kind: jsonschema_rs.ValidationErrorKind) -> tuple[str, ...]:
    from jsonschema_rs import ValidationErrorKind as Kind

    if isinstance(kind, Kind.Required):
        return (kind.property,)
    if isinstance(kind, Kind.AdditionalProperties):
        return tuple(kind.unexpected)
    return tuple(kind.types) if isinstance(kind, Kind.Type) else ()


def find_problems(value: Json, node: SchemaNode) -> Iterator[Problem]:
    """Yield every place where a value does not fit.

    Raises:
        InvalidSchemaError: the schema is not valid.
    """
    yield from Validator(node).problems(value)


def _member(value: Json, step: Step) -> Json:
    """Return the member that a validator walked to: it saw the names as `_plain` writes them."""
    if isinstance(value, dict):
        return next(member for name, member in value.items() if _plain(name) == step)
    assert isinstance(value, list)  # noqa: S101 - nothing else has members
    assert isinstance(step, int)  # noqa: S101
    return value[step]


def _plain(value: Json) -> object:
    """Return the value in types that a validator takes; of a number that is beyond them the type survives."""
    if isinstance(value, Number):
        number = float(value.text)
        if isfinite(number) and number.is_integer() == value.is_integer:
            return number
        return 1 if value.is_integer else 1.5
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _MAX_INT else _MAX_INT
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_plain(member) for member in value]
    if isinstance(value, dict):
        return {str(_plain(key)): _plain(member) for key, member in value.items()}
    return value
