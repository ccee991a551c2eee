"""Stands in for check-jsonschema: `check_schema.py --schemafile SCHEMA FILE`, in the folder of the schema."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jsonschema_rs


def main(option: str, schema: str, file: str) -> None:
    """Check a file, and end with an error where it is not as the schema says."""
    assert option == "--schemafile"
    schemas = {path.name: json.loads(path.read_bytes()) for path in Path(schema).parent.glob("*.json")}
    validator = jsonschema_rs.validator_for(
        schemas[Path(schema).name], registry=jsonschema_rs.Registry(list(schemas.items()))
    )
    validator.validate(json.loads(Path(file).read_bytes()))


if __name__ == "__main__":
    main(*sys.argv[1:])
