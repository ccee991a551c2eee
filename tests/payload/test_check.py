"""A provider from outside is checked whole, and each of its mistakes is told by file and place."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hookctl.errors import ExitCode, ProviderError
from hookctl.payload.check import check_provider
from tests.catalogue.folders import ProviderFolder, replace
from tests.payload.material import CATALOGUE

if TYPE_CHECKING:
    from pathlib import Path

EVENT = "order.paid"

SAMPLE = "events/order.paid.json"
SCHEMA = "schemas/order.paid.json"

# file, what is replaced, by what, and what the message says besides the file's name
BROKEN = {
    "a sample that does not fit": (SAMPLE, "5999", '"5999"', ["data.order.total", "integer"]),
    "a sample that lacks something": (SAMPLE, '"total"', '"totals"', ["data.order", "total"]),
    "a sample that is no JSON": (SAMPLE, "{", "", ["not valid JSON"]),
    "a schema that is no JSON": (SCHEMA, "{", "", ["not valid JSON"]),
    "a schema of no known type": (SCHEMA, '"type": "object"', '"type": "thing"', ["not a valid JSON Schema"]),
    "a reference to nowhere": (SCHEMA, "#/$defs/order", "#/$defs/ordre", ["$ref '#/$defs/ordre'"]),
    "another event's sample": (SAMPLE, "order.paid", "order.created", ["event", "order.paid"]),
    "no id": (SAMPLE, '"id": "evt_abc123"', '"ident": "evt_abc123"', ["id"]),
    "a time that is none": (SAMPLE, "1704067200", '"today"', ["timestamp"]),
    "an unknown unit": (SCHEMA, '"unix-seconds"', '"unix-second"', ["x-hookctl-time", "'unix-second'", "unix-seconds"]),
    "a unit that is no text": (SCHEMA, '"unix-seconds"', "1", ["timestamp", "x-hookctl-time", "unix-seconds"]),
    "an unknown key of an id": (SCHEMA, '"prefix"', '"prefx"', ["id", "x-hookctl-id", "prefix"]),
    "a second, unknown key of an id": (
        SCHEMA,
        '"prefix"',
        '"frsh": 1, "prefix"',
        ["x-hookctl-id", "'frsh'", "'fresh'"],
    ),
    "an unknown kind of an id": (SCHEMA, '"prefix": "evt_"', '"kind": "ulid"', ["x-hookctl-id", "'ulid'", "uuid"]),
}


@pytest.fixture
def folder(tmp_path: Path) -> ProviderFolder:
    return ProviderFolder.copied("arky", tmp_path / "arky")


def refusal(folder: ProviderFolder) -> str:
    with pytest.raises(ProviderError) as caught:
        check_provider(folder.load())
    assert caught.value.exit_code is ExitCode.INPUT
    return f"{caught.value.message} {caught.value.hint or ''}"


@pytest.mark.parametrize("provider", CATALOGUE.providers, ids=lambda provider: provider.name)
def test_every_built_in_provider_passes(provider: object) -> None:
    check_provider(CATALOGUE.provider(getattr(provider, "name", "")))


def test_an_untouched_copy_passes(folder: ProviderFolder) -> None:
    check_provider(folder.load())


@pytest.mark.parametrize(("file", "old", "new", "said"), BROKEN.values(), ids=BROKEN)
def test_a_mistake_is_told_by_file_and_place(
    folder: ProviderFolder, file: str, old: str, new: str, said: list[str]
) -> None:
    replace(folder.path / file, old, new)
    message = refusal(folder)
    assert message.startswith(str(folder.path / file))
    for part in said:
        assert part in message.removeprefix(str(folder.path / file))


@pytest.mark.parametrize("kind", ["sample", "schema"])
def test_a_file_that_is_missing_is_named(folder: ProviderFolder, kind: str) -> None:
    file = folder.sample(EVENT) if kind == "sample" else folder.schema(EVENT)
    file.unlink()
    assert str(file) in refusal(folder)


@pytest.mark.parametrize("schema", [True, False])
def test_a_member_without_keywords_is_as_in_every_schema(folder: ProviderFolder, schema: bool) -> None:
    file = folder.schema(EVENT)
    replace(file, '"properties": {', f'"properties": {{ "extra": {str(schema).lower()},')
    check_provider(folder.load())


def test_an_id_that_the_schema_lets_be_a_number_is_refused_by_the_envelope(folder: ProviderFolder) -> None:
    replace(folder.sample(EVENT), '"evt_abc123"', "7")
    replace(folder.schema(EVENT), '"type": "string"', '"type": "integer"')
    message = refusal(folder)
    assert str(folder.sample(EVENT)) in message
    assert "envelope.id" in message


@pytest.mark.parametrize(
    ("sample", "schema"), [('"today"', '"type": "string"'), ("true", '"type": "boolean"')], ids=["text", "boolean"]
)
def test_a_time_that_cannot_be_read_is_refused_by_the_envelope(
    folder: ProviderFolder, sample: str, schema: str
) -> None:
    replace(folder.sample(EVENT), "1704067200", sample)
    replace(folder.schema(EVENT), '"type": "integer"', schema)
    assert "is not a time in unix-seconds" in refusal(folder)


def test_a_built_in_provider_costs_no_schema_library() -> None:
    script = (
        "import sys; from pathlib import Path; from hookctl.config import Config;"
        "from hookctl.flows.providers import open_catalogue;"
        "open_catalogue(Config(None, {}, None, None), None); print('jsonschema_rs' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60, check=True)
    assert done.stdout.strip() == b"False"
