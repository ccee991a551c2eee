"""`hookctl events`: list, show, schema."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import jsonschema_rs
import pytest

from hookctl.catalogue import load_catalogue
from hookctl.catalogue.location import fixtures_root
from tests.cli.inprocess import run_here

if TYPE_CHECKING:
    from tests.harness import Cli

EVENTS = load_catalogue().events
EXACT = ["order.paid", "reservation.confirmed", "formSubmission.created"]
"""The events whose payload stands on a vendor's page."""


@pytest.mark.parametrize("option", [[], ["--format", "json"], ["--provider", "arcade"]], ids=" ".join)
def test_events_alone_is_events_list(cli: Cli, option: list[str]) -> None:
    alone, listed = cli("events", *option), cli("events", "list", *option)
    assert (alone.code, alone.err) == (0, "")
    assert alone == listed


def test_the_list_names_every_event_once_and_says_which_are_illustrative(cli: Cli) -> None:
    lines = [line.split() for line in cli("events").out.splitlines() if line.startswith("    ")]
    assert [line[0] for line in lines] == [event.name for event in EVENTS]
    assert len(lines) == 26
    assert {line[0] for line in lines if line[1] == "documented"} == set(EXACT)
    assert {line[1] for line in lines if line[0] not in EXACT} == {"illustrative"}


def test_the_document_says_the_same_as_the_list(cli: Cli) -> None:
    results = cli("events", "--format", "json").document["results"]
    assert {result["name"] for result in results if result["documented"]} == set(EXACT)


def test_provider_narrows_the_list(cli: Cli) -> None:
    results = cli("events", "--provider", "arcade", "--format", "json").document["results"]
    assert {result["provider"] for result in results} == {"arcade"}
    assert len(results) == 2


@pytest.mark.parametrize("name", [event.name for event in EVENTS])
def test_a_sample_is_json_alone_on_standard_output_valid_against_its_schema(cli: Cli, name: str) -> None:
    shown, schema = (run_here(cli, "events", what, name) for what in ("show", "schema"))
    assert (shown.code, schema.code, schema.err) == (0, 0, "")
    assert name in shown.err
    assert ("illustrative" in shown.err) is (name not in EXACT)
    assert ("documented" in shown.err) is (name in EXACT)
    document = json.loads(schema.out)
    jsonschema_rs.meta.validate(document)
    jsonschema_rs.validator_for(document).validate(json.loads(shown.out))


@pytest.mark.parametrize("what", ["show", "schema"])
def test_an_event_is_the_same_from_a_process(cli: Cli, what: str) -> None:
    result = cli("events", what, "order.created")
    assert result == run_here(cli, "events", what, "order.created")
    assert result.code == 0


def test_a_glob_that_stands_for_one_event_is_its_name(cli: Cli) -> None:
    assert cli("events", "show", "*.noshow").out == cli("events", "show", "reservation.noshow").out


def test_a_providers_folder_works_as_a_built_in_one(cli: Cli) -> None:
    shutil.copytree(fixtures_root() / "arky", cli.folder / "ours")
    sample = cli.folder / "ours" / "events" / "order.paid.json"
    sample.write_text(json.dumps(json.loads(sample.read_text()) | {"businessId": "biz_ours"}))
    assert json.loads(cli("events", "show", "order.paid", "--provider", "./ours").out)["businessId"] == "biz_ours"
    shown = cli.with_secrets()("send", "order.paid", "--provider", "./ours", "--dry-run", "--format", "ndjson")
    assert json.loads(shown.records[0]["body"])["businessId"] == "biz_ours"


@pytest.mark.parametrize(
    ("events", "note"),
    [
        (["order.created"], "order.created is illustrative"),
        (["order.created", "order.shipped", "order.paid"], "2 of the payloads are illustrative"),
        (["order.paid"], None),
    ],
)
@pytest.mark.parametrize("form", ["text", "ndjson"])
def test_send_says_on_standard_error_what_is_illustrative(
    cli: Cli, events: list[str], note: str | None, form: str
) -> None:
    result = cli.with_secrets()("send", *events, "--to", "http://127.0.0.1:9/", "--format", form)
    assert result.code == 4
    assert result.err == "" if note is None else note in result.err
    assert "illustrative" not in result.out
