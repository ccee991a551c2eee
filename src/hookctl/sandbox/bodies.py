"""Bodies of calls: read, by the template that describes each, into what stands at its placeholders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.payload.filling import filled
from hookctl.payload.jsontext import Json, JsonTextError, encode, parse
from hookctl.payload.paths import pointer_steps
from hookctl.sandbox.problems import Invalid, ProblemError, not_valid

if TYPE_CHECKING:
    from collections.abc import Mapping


def read_json(body: bytes) -> Json:
    """Return a request's body.

    Raises:
        ProblemError: it is not JSON.
    """
    try:
        return parse(body.decode())
    except UnicodeDecodeError as error:
        raise ProblemError(400, f"The body is not UTF-8: byte {error.start + 1} of {len(body)}") from None
    except JsonTextError as error:
        raise ProblemError(400, f"The body is not JSON: {error}" if body else "The body is empty") from None


class Template:
    """What a call's body looks like.

    Args:
        body: the description's JSON value, in which texts such as `{event}` stand for a value.
    """

    def __init__(self, body: object) -> None:
        self._body = filled(body, {})
        self._fields: dict[str, str] = {}
        self._find(self._body, "")

    @property
    def is_empty(self) -> bool:
        """Whether the call has no body."""
        return self._body is None

    def field(self, placeholder: str) -> str:
        """Return where a placeholder stands, as `Invalid.field` says it; empty for the body as a whole."""
        return self._fields.get(placeholder, "")

    def read(self, body: Json) -> dict[str, Json]:
        """Return what stands at each placeholder. Members that the template does not have are let pass.

        Raises:
            ProblemError: the body does not look like this.
        """
        found: dict[str, Json] = {}
        invalid: list[Invalid] = []
        _take_apart(self._body, body, "", found, invalid)
        if invalid:
            raise not_valid(invalid)
        return found

    def fill(self, values: Mapping[str, Json]) -> Json:
        """Return the body with a value at each placeholder."""
        return filled(self._body, values)

    def _find(self, template: Json, field: str) -> None:
        if isinstance(template, dict):
            for key, member in template.items():
                self._find(member, f"{field}.{key}" if field else key)
        elif isinstance(template, list):
            for number, member in enumerate(template):
                self._find(member, f"{field}[{number}]")
        elif isinstance(template, str):
            self._fields[template] = field


def place(values: Mapping[str, Json]) -> Json:
    """Return the smallest JSON value in which each of these stands where its JSON Pointer leads."""
    whole: dict[str, Json] = {}
    for pointer, value in values.items():
        steps = pointer_steps(pointer)
        if not steps:
            return value
        within = whole
        for step in steps[:-1]:
            inner = within.get(step)
            if not isinstance(inner, dict):
                inner = within[step] = {}
            within = inner
        within[steps[-1]] = value
    return whole


def _take_apart(template: Json, value: Json, field: str, found: dict[str, Json], invalid: list[Invalid]) -> None:
    if isinstance(template, dict):
        if not isinstance(value, dict):
            invalid.append(Invalid(field, "must be an object"))
            return
        for key, member in template.items():
            inner = f"{field}.{key}" if field else key
            if key in value:
                _take_apart(member, value[key], inner, found, invalid)
            else:
                invalid.append(Invalid(inner, "is missing"))
    elif isinstance(template, list):
        if not isinstance(value, list) or len(value) != len(template):
            invalid.append(Invalid(field, f"must be an array of {len(template)}"))
            return
        for number, (member, inner_value) in enumerate(zip(template, value, strict=True)):
            _take_apart(member, inner_value, f"{field}[{number}]", found, invalid)
    elif isinstance(template, str) and template.startswith("{"):
        found[template] = value
    elif encode(value) != encode(template):
        # as text: to Python true is 1
        invalid.append(Invalid(field, f"must be {encode(template).decode()}"))
