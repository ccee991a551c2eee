"""JSON in which some texts stand for a value, as a provider's description writes the bodies of API calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.payload.jsontext import Json, Number

if TYPE_CHECKING:
    from collections.abc import Mapping


def filled(body: object, values: Mapping[str, Json]) -> Json:
    """Return a body of TOML's values as JSON, each placeholder such as `{event}` replaced by its value.

    Args:
        body: checked to hold nothing that JSON cannot.
        values: by placeholder. A text that is none of them stays.
    """
    if isinstance(body, dict):
        return {key: filled(member, values) for key, member in body.items()}
    if isinstance(body, list):
        return [filled(member, values) for member in body]
    if isinstance(body, str):
        return values.get(body, body)
    if isinstance(body, float):
        return Number(repr(body))
    assert body is None or isinstance(body, bool | int | Number)  # noqa: S101 - checked when it was read
    return body
