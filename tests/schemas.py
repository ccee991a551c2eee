"""The published schemas, held against what hookctl writes: whoever reads its machine output in a test reads it here.

The schemas of `docs/schemas/` let users meet keys that they do not know, since new ones may be added. Here they do not:
a key that no schema has is one that nobody has documented.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "schemas"
NAMES = tuple(sorted(file.stem for file in FOLDER.glob("*.json")))
"""Every schema that is published."""

Json = Any


def record(line: str | bytes) -> dict[str, Any]:
    """Return one line of `--format ndjson`; fail when it is not as documented."""
    found: dict[str, Any] = json.loads(line)
    kind = found.get("type") if "schema" not in found or "type" in found else "capture"
    check(found, str(kind))
    return found


def records(text: str | bytes) -> list[dict[str, Any]]:
    """Return what stands on each line."""
    return [record(line) for line in text.splitlines()]


def document(text: str | bytes) -> dict[str, Any]:
    """Return what `--format json` has written; fail when it is not as documented."""
    found: dict[str, Any] = json.loads(text)
    for one in found["results"]:
        # each on its own first: what is wrong with one is then said of it
        check(one, str(one.get("type")))
    check(found, "document")
    return found


def check(value: Json, name: str) -> None:
    """Fail unless a value is as a schema says, and has no key beside those that it names."""
    validator = _validators().get(name)
    assert validator is not None, f"docs/schemas has no schema of {name!r}: {value}"
    problems = [f"{_where(error)}: {error.message}" for error in validator.iter_errors(value)]
    assert not problems, f"docs/schemas/{name}.json: {problems}"


def published(name: str) -> dict[str, Any]:
    """Return a schema as users get it."""
    schema: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_bytes())
    return schema


def compiled(schemas: Mapping[str, Json]) -> dict[str, jsonschema_rs.Validator]:
    """Return what validates by each of the schemas, which may refer to each other by their files' names."""
    registry = jsonschema_rs.Registry([(f"{name}.json", schema) for name, schema in schemas.items()])
    return {name: jsonschema_rs.validator_for(schema, registry=registry) for name, schema in schemas.items()}


@cache
def _validators() -> dict[str, jsonschema_rs.Validator]:
    return compiled({name: closed(published(name)) for name in NAMES})


def closed(schema: Json) -> Json:
    """Return a schema whose objects have no keys beside those that it names."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    within = {key: closed(value) for key, value in schema.items()}
    # not where it only says more about an object that is described elsewhere, nor where it is put together of others
    described = "object" in _types(schema) and "required" in schema and "allOf" not in schema
    return {"additionalProperties": False, **within} if described else within


def _types(schema: Mapping[str, Json]) -> Json:
    types = schema.get("type", ())
    return types if isinstance(types, list) else (types,)


def _where(error: jsonschema_rs.ValidationError) -> str:
    return "/".join(str(step) for step in error.instance_path) or "it"
