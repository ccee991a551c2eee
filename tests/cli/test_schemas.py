"""The published schemas: real output of every kind is as they say, and what is broken is not.

Beside this, every test that reads machine output holds what it reads against them (`tests/schemas.py`).
"""

from __future__ import annotations

import json
import re
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookctl.captures.record import capture_line, read_record_line
from hookctl.check.model import Effect, Severity
from hookctl.check.model import Result as CheckResult
from hookctl.config import Origin
from hookctl.errors import ExitCode
from hookctl.flows.doctor import CHECKS
from hookctl.flows.doctor import Result as DoctorResult
from hookctl.flows.listen import End
from hookctl.flows.pointing import Outcome
from hookctl.model import Capture, CapturedResponse, Diagnosis, FailureKind, Reason
from hookctl.payload.drift import DriftKind
from hookctl.report.records import CHECK_SCHEMA
from hookctl.vendors import api
from tests import schemas
from tests.cli.inprocess import run_here
from tests.cli.listening import delivery, listening
from tests.cli.recorder import always, recording
from tests.cli.signed import arky, http
from tests.docs.pages import ROOT
from tests.sandboxed import sandboxed
from tests.store.material import arrival
from tests.vendors.business import ACCOUNT, TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.cli.recorder import Recorder
    from tests.cli.tunnelling import Tunnels
    from tests.harness import Cli
    from tests.vendors.business import Business

PAGE = (ROOT / "docs" / "machine-output.md").read_text(encoding="utf-8")
WHOLE = {name: schemas.published(name) for name in schemas.NAMES}
PUBLISHED = schemas.compiled(WHOLE)
CLOSED = schemas.compiled({name: schemas.closed(schema) for name, schema in WHOLE.items()})
SUMMARIES = list(WHOLE["summary"]["$defs"])
NO_RECORDS = {"parts", "record", "document", "summary"}
"""Schemas that say what others have alike, or which others there are."""


# the schemas themselves


@pytest.mark.parametrize("name", schemas.NAMES)
def test_a_schema_is_one_of_the_draft_that_it_names_and_found_under_its_own_name(name: str) -> None:
    schema = WHOLE[name]
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema_rs.meta.validate(schema)
    assert schema["$id"] == f"{name}.json"
    assert {"title", "description"} <= set(schema)
    # no other host than the draft's stands in it: nobody has to fetch anything
    assert json.dumps(schema).count("://") == 1
    for target in re.findall(r'"\$ref": "([^"]+)"', json.dumps(schema)):
        file, _, pointer = target.partition("#")
        found = WHOLE[file.removesuffix(".json") or name]
        for step in filter(None, pointer.split("/")):
            found = found[step]


def test_the_list_of_all_records_has_each_under_its_type() -> None:
    listed = WHOLE["record"]["properties"]["type"]["enum"]
    assert set(listed) == set(schemas.NAMES) - NO_RECORDS - {"capture"}
    assert [one["if"]["properties"]["type"]["const"] for one in WHOLE["record"]["allOf"]] == listed
    assert [one["then"]["$ref"] for one in WHOLE["record"]["allOf"]] == [f"{name}.json" for name in listed]
    assert all(WHOLE[name]["properties"]["type"] == {"const": name} for name in listed)


@pytest.mark.parametrize(
    "broken", [{}, {"type": "unheard_of"}, {"type": "summary", "total": 1}, {"type": "event"}, [], 1]
)
def test_what_is_no_record_is_none(broken: object) -> None:
    assert not PUBLISHED["record"].is_valid(broken)
    assert not PUBLISHED["document"].is_valid({"results": [broken], "summary": {"type": "summary", "total": 1}})


def _parts(name: str) -> list[Any]:
    found: list[Any] = WHOLE["parts"]["$defs"][name]["enum"]
    return found


def _property(record: str, *path: str) -> dict[str, Any]:
    found = WHOLE[record]
    for step in path:
        found = found["items"] if step == "[]" else found["properties"][step]
    return found


def _alternatives(pattern: str) -> list[str]:
    (found,) = re.findall(r"\^\(([^)]+)\)", pattern)
    return str(found).split("|")


def _summary(kind: str, key: str) -> dict[str, Any]:
    found: dict[str, Any] = WHOLE["summary"]["$defs"][kind]["properties"][key]
    return found


CLOSED_LISTS = [
    (_parts("reason"), [*Reason]),
    (_parts("diagnosis"), [*Diagnosis]),
    (_parts("drift_kind"), [*DriftKind]),
    (_parts("severity"), [*Severity]),
    (_alternatives(_property("delivery", "error")["pattern"]), [*FailureKind]),
    (_property("check", "result")["enum"], [*CheckResult]),
    (_property("check", "deviations", "[]", "result")["enum"], [*CheckResult]),
    (_property("check_description", "effect")["enum"], [*Effect]),
    (_property("webhook_test", "result")["enum"], [*api.TestResult]),
    (_property("restored", "outcome")["enum"], [*Outcome]),
    (_property("diagnostic", "result")["enum"], [*DoctorResult]),
    (_alternatives(_property("diagnostic", "id")["pattern"]), [check.id for check in CHECKS]),
    (_property("setting", "origin")["enum"], [*(one.name.lower() for one in Origin), None]),
    (_summary("listen", "ended")["enum"], [one.name.lower() for one in End]),
    (_summary("check", "schema")["const"], CHECK_SCHEMA),
    (
        _summary("check", "exit_code")["enum"],
        [ExitCode.YES, ExitCode.NO, ExitCode.NETWORK, ExitCode.INCONCLUSIVE],
    ),
]


@pytest.mark.parametrize(("listed", "known"), CLOSED_LISTS, ids=lambda one: str(one[0]))
def test_a_closed_list_is_the_programs(listed: list[Any], known: list[Any]) -> None:
    assert sorted(listed, key=str) == sorted(known, key=str)


# real output


@dataclass(frozen=True)
class World:
    """What there is to run against."""

    cli: Cli
    recorder: Recorder
    tunnels: Tunnels

    def lines(self, *arguments: str) -> list[dict[str, Any]]:
        """Return what a command writes as NDJSON."""
        return run_here(self.cli, *arguments, "--format", "ndjson").records

    def document(self, *arguments: str) -> list[dict[str, Any]]:
        """Return a command's one document, and what is in it."""
        whole = run_here(self.cli, *arguments, "--format", "json").document
        return [whole, *whole["results"], whole["summary"]]


@pytest.fixture
def world(recorder: Recorder, business: Business, tunnels: Tunnels) -> World:
    """Return both providers' secrets, a receiver, a vendor's API and a tunnel's agent."""
    tunnels.cli.env |= {"ARKY_TOKEN": TOKEN, "ARKY_BUSINESS_ID": ACCOUNT, "ARKY_BASE_URL": business.base}
    return World(tunnels.cli, recorder, tunnels)


def _events(world: World) -> Iterator[dict[str, Any]]:
    yield from world.document("events")
    for what in ("show", "schema"):
        yield from world.document("events", what, "order.paid")


def _deliveries(world: World) -> Iterator[dict[str, Any]]:
    (world.cli.folder / "delivery.http").write_bytes(http(arky()))
    to = ("--to", f"{world.recorder.base}/hook")
    yield from world.document("send", "order.paid", *to)
    yield from world.lines("send", "order.paid", "--to", "http://127.0.0.1:1/")
    yield from world.lines("replay", "delivery.http", *to)
    yield from world.lines("send", "order.paid", *to, "--dry-run")


def _verdicts(world: World) -> Iterator[dict[str, Any]]:
    (world.cli.folder / "delivery.http").write_bytes(http(arky()) + http(arky(secret="")))
    yield from world.lines("verify", "delivery.http", "missing.http")


def _checks(world: World) -> Iterator[dict[str, Any]]:
    yield from world.lines("check", "--list")
    yield from world.lines("check", f"{world.recorder.base}/hook", "--provider", "arky", "--only", "sig-empty")


def _settings(world: World) -> Iterator[dict[str, Any]]:
    yield from world.document("config", "show")
    yield from world.lines("doctor", "--timeout", "1")


def _webhooks(world: World) -> Iterator[dict[str, Any]]:
    yield from world.document("webhook", "show")
    yield from world.document("webhook", "set", "--url", "https://example.com/hook", "--yes")
    yield from world.document("webhook", "test", "order.paid")
    yield from world.document("webhook", "show", "--provider", "arcade")


def _listener(world: World) -> Iterator[dict[str, Any]]:
    with recording(always(500)) as app:
        arguments = ("--forward-to", app.base, "--retry", "10ms")
        with listening(world.cli, *arguments, env={"XDG_STATE_HOME": str(world.tunnels.state)}) as listener:
            listener.send(delivery())
            yield listener.record("ready")
            yield listener.record("request")
            yield listener.record("retry")
            listener.send(b"no HTTP\r\n\r\n")
            listener.end()
            yield from listener.records()
    yield from world.lines("deliveries")
    yield from world.lines("deliveries", "show", "last")
    yield from run_here(world.cli, "deliveries", "export").records
    yield from world.lines("deliveries", "prune", "--keep", "1", "--dry-run")


def _sandbox(world: World) -> Iterator[dict[str, Any]]:
    with sandboxed(world.cli) as sandbox:
        sandbox.configure(f"{world.recorder.base}/hook", "order.paid")
        sandbox.test("order.paid")
        sandbox.end()
        yield from sandbox.records()


def _tunnel(world: World) -> Iterator[dict[str, Any]]:
    with world.tunnels.open(world.recorder.base, "--update-webhook") as tunnel:
        yield tunnel.record("tunnel")
        tunnel.end(signal.SIGINT)
        yield from tunnel.records()


RUNS: list[tuple[Callable[[World], Iterator[dict[str, Any]]], set[str]]] = [
    (_events, {"document", "event", "summary listing"}),
    (_deliveries, {"document", "delivery", "request_preview", "summary send", "summary listing"}),
    (_verdicts, {"verdict", "unreadable", "summary verify"}),
    (_checks, {"check_description", "check", "summary check", "summary listing"}),
    (_settings, {"document", "setting", "diagnostic", "summary doctor", "summary listing"}),
    (_webhooks, {"document", "webhook", "webhook_test", "webhook_manual", "summary listing"}),
    (
        _listener,
        {
            *("ready", "request", "retry", "refused", "capture"),
            *("summary listen", "summary listing", "summary prune"),
        },
    ),
    (_sandbox, {"ready", "call", "delivery", "summary sandbox"}),
    (_tunnel, {"tunnel", "ready", "restored", "summary listen"}),
]


def test_each_schema_is_met_by_one_of_the_runs() -> None:
    met = set().union(*(kinds for _, kinds in RUNS))
    assert met == (set(schemas.NAMES) - {"parts", "record", "summary"}) | {f"summary {kind}" for kind in SUMMARIES}


def kind_of(record: dict[str, Any]) -> str:
    """Return the schema that a record is one of; of a summary, which of them."""
    if "results" in record:
        return "document"
    if record.get("schema") == "hookctl.capture/1":
        return "capture"
    if record["type"] != "summary":
        return str(record["type"])
    definitions = {kind: {**CLOSED_SUMMARY, "anyOf": [{"$ref": f"#/$defs/{kind}"}]} for kind in SUMMARIES}
    (kind,) = (
        kind
        for kind, schema in definitions.items()
        if jsonschema_rs.validator_for(schema, registry=REGISTRY).is_valid(record)
    )
    return f"summary {kind}"


CLOSED_SUMMARY = schemas.closed(WHOLE["summary"])
REGISTRY = jsonschema_rs.Registry([("parts.json", WHOLE["parts"])])


@pytest.mark.parametrize(("run", "kinds"), RUNS, ids=lambda one: getattr(one, "__name__", ""))
def test_what_a_run_writes_is_as_the_schemas_say_and_nothing_else_would_be(
    world: World, run: Callable[[World], Iterator[dict[str, Any]]], kinds: set[str]
) -> None:
    records = list(run(world))
    assert {kind_of(record) for record in records} == kinds
    for record in records:
        schema = kind_of(record).partition(" ")[0]
        assert PUBLISHED[schema].is_valid(record)
        # a key that is not documented: users are to bear it, the tests are not
        more = {**record, "colour": "red"}
        assert PUBLISHED[schema].is_valid(more)
        assert not CLOSED[schema].is_valid(more)
        for broken in broken_ones(record, schema):
            assert not CLOSED[schema].is_valid(broken), (schema, broken)


NAMED = {"type", "reason", "severity", "result", "outcome", "verdict"}
"""Keys whose values are of closed lists."""
OPTIONAL = {
    "event": {"sample", "schema"},
    "capture": {"id", "received_at", "method", "target", "http_version", "response"},
}
"""Keys that may be missing though the run has them and no other key asks for them."""


def broken_ones(record: dict[str, Any], schema: str) -> Iterator[dict[str, Any]]:
    """Yield a record without each key that it has to have, and with what no key can hold in each."""
    for key, value in record.items():
        if key not in OPTIONAL.get(schema, ()):
            yield {name: other for name, other in record.items() if name != key}
        if WHOLE[schema].get("properties", {}).get(key) != {}:
            yield {**record, key: {"unheard": "of"}}
        if isinstance(value, str) and key in NAMED:
            yield {**record, key: "unheard_of"}


def test_a_body_is_text_or_base64_and_never_both_or_neither() -> None:
    preview: dict[str, object] = {
        "type": "request_preview",
        "event": None,
        "event_id": None,
        "provider": None,
        "method": "POST",
        "url": "http://localhost/",
        "headers": [],
    }
    text, packed = {**preview, "body": "x"}, {**preview, "body": None, "body_b64": "/w=="}
    assert all(PUBLISHED["request_preview"].is_valid(one) for one in (text, packed))
    for broken in ({**text, "body_b64": "/w=="}, {**preview, "body": None}, {**preview, "body_b64": "/w=="}):
        assert not PUBLISHED["request_preview"].is_valid(broken)


def test_keys_that_go_together_come_together() -> None:
    ready = {"type": "ready", "url": "http://127.0.0.1:1", "addresses": ["127.0.0.1:1"]}
    assert PUBLISHED["ready"].is_valid(ready)
    assert not PUBLISHED["ready"].is_valid({**ready, "token": "t"})
    assert not PUBLISHED["ready"].is_valid({**ready, "provider": "arky", "account": "biz", "token": "t"})


# captures: the reader is what the schema is about


def _capture(**changes: object) -> dict[str, object]:
    record = {"schema": "hookctl.capture/1", "headers": [["a", "b"]], "body": "{}", **changes}
    return {key: value for key, value in record.items() if value is not ...}


BODIES = st.one_of(st.just(...), st.none(), st.text(max_size=3))
PACKED = st.one_of(st.just(...), st.none(), st.sampled_from(["", "/w=="]))
OTHERS = st.one_of(st.just(...), st.none(), st.text(max_size=3), st.integers(), st.just([]), st.just({}))
PAIRS = st.lists(st.lists(st.one_of(st.text(max_size=2), st.integers()), max_size=3), max_size=2)
ANSWERS = st.one_of(
    OTHERS,
    st.fixed_dictionaries({"status": st.one_of(st.integers(), st.booleans(), st.none()), "headers": PAIRS}).flatmap(
        lambda answer: st.tuples(BODIES, PACKED).map(
            lambda pair: {
                **answer,
                **{key: value for key, value in zip(("body", "body_b64"), pair, strict=True) if value is not ...},
            }
        )
    ),
)


@given(
    body=BODIES,
    body_b64=PACKED,
    headers=st.one_of(OTHERS, PAIRS),
    response=ANSWERS,
    **dict.fromkeys(("method", "target", "notes", "id", "http_version"), OTHERS),
)
def test_the_schema_takes_the_captures_that_the_reader_takes(**changes: object) -> None:
    record = _capture(**changes)
    readable = isinstance(read_record_line(json.dumps(record).encode(), "it"), Capture)
    assert PUBLISHED["capture"].is_valid(record) == readable, record


@pytest.mark.parametrize("body", [b"{}", b"\xff\x00"])
def test_a_capture_as_hookctl_writes_it_has_every_key(body: bytes) -> None:
    request = arrival().request
    response = CapturedResponse(200, request.headers, body)
    capture = Capture("it", request.headers, body, "POST", "/", "1.1", 0, "dl_1", response, ("a note",))
    written = schemas.record(capture_line(capture))
    assert set(written) | {"body", "body_b64"} == set(WHOLE["capture"]["properties"])


# the page


def described(name: str) -> str:
    """Return what the page says of a record: the sections that link to its schema."""
    return "".join(
        part for part in re.split(r"^(?=## )", PAGE, flags=re.MULTILINE) if f"](schemas/{name}.json)" in part
    )


@pytest.mark.parametrize("name", sorted(set(schemas.NAMES) - {"parts", "record", "document"}))
def test_the_page_names_each_key_of_a_schema_that_it_links_to(name: str) -> None:
    assert not {key for key in keys_of(WHOLE[name]) if f"`{key}`" not in described(name)}


def keys_of(schema: Any) -> set[str]:  # noqa: ANN401 - JSON
    """Return every key that a schema describes, at any depth."""
    if isinstance(schema, list):
        return set().union(*map(keys_of, schema))
    if not isinstance(schema, dict):
        return set()
    own = set(schema["properties"]) if isinstance(schema.get("properties"), dict) else set()
    return own.union(*(keys_of(value) for value in schema.values()))
