"""How a received payload differs from its schema is told by kind and place, never with the customers' values."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookctl.catalogue import read_sample, read_schema
from hookctl.payload.drift import MAX_CHANGES, Drift, DriftFinder, DriftKind
from hookctl.payload.jsontext import encode, parse
from tests.catalogue.folders import FIXTURES, ProviderFolder
from tests.payload.material import ANY_TEXT, CATALOGUE, documents, places, with_value, without

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hookctl.model import Event
    from hookctl.payload.jsontext import Json

ARKY = CATALOGUE.provider("arky")
ARCADE = CATALOGUE.provider("arcade")
FINDERS = {provider.name: DriftFinder(provider) for provider in CATALOGUE.providers}
EXAMPLES = sorted(path.name for path in (FIXTURES.parent / "examples" / "providers").iterdir())
each_event = pytest.mark.parametrize("event", CATALOGUE.events, ids=lambda event: event.name)


def find(body: bytes, event: str | None = "order.created", provider: str = "arky") -> list[tuple[str, str]]:
    """Return what is different, each by kind and path."""
    return [(drift.kind.value, drift.path) for drift in FINDERS[provider].find(event, body)]


def changed(change: Callable[[Any], object], name: str = "order.created") -> bytes:
    """Return an event's sample after a change."""
    event = ARKY.event(name) or ARCADE.event(name)
    assert event is not None
    document = json.loads(read_sample(event))
    change(document)
    return json.dumps(document).encode()


def order(document: Any) -> Any:  # noqa: ANN401 - JSON
    return document["data"]["order"]


@each_event
def test_no_built_in_sample_has_any(event: Event) -> None:
    sample = read_sample(event)
    assert FINDERS[event.provider].find(event.name, sample) == ()
    assert FINDERS[event.provider].find(event.name, sample, json.loads(sample)) == ()
    assert FINDERS[event.provider].find(event.name, encode(parse(sample.decode()))) == ()


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_sample_of_a_provider_from_outside_has_any(name: str) -> None:
    provider = ProviderFolder(FIXTURES.parent / "examples" / "providers" / name).load()
    finder = DriftFinder(provider)
    assert provider.events
    for event in provider.events:
        assert finder.find(event.name, read_sample(event)) == (), event.name


def test_a_missing_field_is_told_by_its_own_path() -> None:
    assert find(changed(lambda sample: order(sample).pop("total"))) == [("missing", "data.order.total")]
    assert find(changed(lambda sample: sample.pop("data"))) == [("missing", "data")]


def test_a_field_that_need_not_be_there_is_not_missed() -> None:
    assert find(changed(lambda sample: order(sample).pop("shippingAddress"))) == []


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("59.99", "a string"),
        (59.99, "a number"),
        (None, "null"),
        ([1], "an array"),
        ({}, "an object"),
        (True, "a boolean"),
    ],
)
def test_a_field_of_another_type_is_told_with_both_types(value: object, found: str) -> None:
    body = changed(lambda sample: order(sample).update(total=value))
    assert FINDERS["arky"].find("order.created", body) == (
        Drift(DriftKind.CHANGED, "data.order.total", f"expected integer, found {found}"),
    )


def test_a_whole_number_may_be_written_with_a_fraction() -> None:
    assert find(changed(lambda sample: order(sample).update(total=5999.0))) == []
    assert find(read_sample(ARKY.events[0]).replace(b"5999", b"5.999e3")) == []


def test_another_constant_is_a_change() -> None:
    (drift,) = FINDERS["arky"].find("order.created", changed(lambda sample: sample.update(event="order.paid")))
    assert (drift.kind, drift.path) == (DriftKind.CHANGED, "event")
    assert "order.paid" not in drift.detail


@pytest.mark.parametrize(
    ("value", "found"),
    [("x", "a string"), (None, "null"), ({"a": 1}, "an object"), ([], "an array"), (1.5, "a number")],
)
def test_an_added_field_is_told_by_its_path_and_type(value: object, found: str) -> None:
    def add(sample: Any) -> None:  # noqa: ANN401 - JSON
        sample["version"] = value
        order(sample)["customer"]["locale"] = value

    assert set(FINDERS["arky"].find("order.created", changed(add))) == {
        Drift(DriftKind.ADDED, "version", f"it is {found}"),
        Drift(DriftKind.ADDED, "data.order.customer.locale", f"it is {found}"),
    }


def test_the_elements_of_an_array_are_told_alike_and_once() -> None:
    def add(sample: Any) -> None:  # noqa: ANN401 - JSON
        (item,) = order(sample)["items"]
        order(sample)["items"] = [{**item, "x": 1}, item, {**item, "x": "text"}, {**item, "price": "1"}, "item"]

    assert set(find(changed(add))) == {
        ("added", "data.order.items[].x"),
        ("changed", "data.order.items[].price"),
        ("changed", "data.order.items[]"),
    }


def test_a_map_of_any_names_has_no_added_ones_but_its_members_do() -> None:
    def answer(sample: Any) -> None:  # noqa: ANN401 - JSON
        sample["answers"]["Your e-mail?"] = {"variant": "email", "value": "a@example.com", "score": 1}

    body = changed(answer, "formSubmission.created")
    assert find(body, "formSubmission.created", "arcade") == [("added", 'answers."Your e-mail?".score')]


def test_the_values_of_customers_are_not_repeated() -> None:
    secret = "4111 1111 1111 1111"
    body = changed(lambda sample: (order(sample).update(total=secret, card=secret), sample.update(event=secret)))
    told = FINDERS["arky"].find("order.created", body)
    assert len(told) == 3
    assert secret not in repr(told)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "column 1"),
        (b"order.paid", "column 1"),
        (b"{", "column 2"),
        (b"{}x", "column 3"),
        (b"\xef\xbb\xbf{}", "column 1"),
        (b'{"a":"\xff"}', "byte 6 is not UTF-8"),
        (b"[]", "an array"),
        (b"null", "null"),
        (b"true", "a boolean"),
        (b'"{}"', "a string"),
        (b"1.5", "a number"),
        (b"[" * 100_000, "deep"),
        (b'{"a":' * 300 + b"1" + b"}" * 300, "deep"),
        (b'{"a":NaN}', "NaN"),
        (b'{"a":-Infinity}', "Infinity"),
        (b'{"a":1,"a":1}', "twice"),
        (b"event=order.paid", "column 1"),
    ],
)
@pytest.mark.parametrize("event", ["order.created", "unheard.of", None])
def test_what_is_no_json_object_is_told_and_why(body: bytes, detail: str, event: str | None) -> None:
    (drift,) = FINDERS["arky"].find(event, body)
    assert (drift.kind, drift.path) == (DriftKind.NOT_JSON, "")
    assert detail in drift.detail


def test_an_unknown_event_is_named() -> None:
    assert FINDERS["arky"].find("order.unheard", b"{}") == (Drift(DriftKind.UNKNOWN_EVENT, "", "order.unheard"),)
    ((kind, path),) = find(b"{}", None)
    assert (kind, path) == ("unknown_event", "")
    # an event of somebody else's
    assert find(b"{}", "formSubmission.created") == [("unknown_event", "")]


def test_no_more_than_fifty_are_told() -> None:
    body = changed(lambda sample: order(sample).update({f"field{index}": index for index in range(1000)}))
    told = find(body)
    assert len(told) == len(set(told)) == MAX_CHANGES == 50


@pytest.mark.parametrize(
    "number", ["1e400", "-0", "9" * 5000, "1" + "0" * 400, "123456789012345678901234567890", "-1e-400", "1E400"]
)
def test_numbers_beyond_any_type_are_told_by_kind_alone(number: str) -> None:
    sample = read_sample(ARKY.events[0])
    added = sample.rstrip()[:-1] + b', "huge": %s}' % number.encode()
    found = FINDERS["arky"].find("order.created", added)
    assert [(drift.kind, drift.path) for drift in found] == [(DriftKind.ADDED, "huge")]
    whole = "e-" not in number
    assert find(sample.replace(b"5999", number.encode())) == ([] if whole else [("changed", "data.order.total")])


def test_a_lone_surrogate_is_told_with_its_own_type() -> None:
    sample = read_sample(ARKY.events[0]).rstrip()[:-1]
    assert FINDERS["arky"].find("order.created", sample + b', "\\ud800": 5}') == (
        Drift(DriftKind.ADDED, "?", "it is an integer"),
    )
    assert find(sample + b', "businessId": 1}') == [("not_json", "")]


@pytest.mark.parametrize("element", ["1", "{}", "[]", '{"x":1}', "[[1]]"])
def test_a_body_of_a_megabyte_in_which_nothing_fits_is_no_burden(element: str) -> None:
    count = 1024 * 1024 // (len(element) + 1)
    body = read_sample(ARKY.events[0]).replace(b'"items": [', b'"items": [' + f"{element},".encode() * count)
    before = time.process_time()
    found = find(body)
    # each element by itself would take half a minute
    assert time.process_time() - before < 10
    assert found
    assert {path.split(".")[2] for _, path in found} <= {"items[]"}


@settings(max_examples=60)
@given(st.sampled_from(CATALOGUE.events), st.binary(max_size=60) | documents(st.integers()).map(encode))
def test_whatever_arrives_it_never_raises(event: Event, body: bytes) -> None:
    assert FINDERS[event.provider].find(event.name, body) != ()


@settings(max_examples=150)
@given(st.data(), st.sampled_from(CATALOGUE.events))
def test_it_agrees_with_the_validator_about_what_fits(data: st.DataObject, event: Event) -> None:
    schema = json.loads(read_schema(event))
    document: Json = parse(read_sample(event).decode())
    for _ in range(data.draw(st.integers(1, 3))):
        steps = [steps for steps, _ in places(document)]
        if not steps:
            break
        place = data.draw(st.sampled_from(steps))
        if data.draw(st.booleans()) and isinstance(place[-1], str):
            document = without(document, place)
        else:
            leaves = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | ANY_TEXT.filter(str.isprintable)
            document = with_value(document, place, data.draw(leaves | documents(st.integers(0, 9), st.text("ab"))))
    body = encode(document)
    decoded = json.loads(body)
    found = FINDERS[event.provider].find(event.name, body)
    # what the schema does not name is nothing to a validator
    not_added = [drift for drift in found if drift.kind is not DriftKind.ADDED]
    assert (not not_added) is jsonschema_rs.is_valid(schema, decoded)
    # with the value at hand the answer is the same
    assert FINDERS[event.provider].find(event.name, body, decoded) == found


@settings(max_examples=60)
@given(st.data(), st.sampled_from(CATALOGUE.events), st.text("abcXYZ", min_size=1, max_size=5))
def test_a_field_that_is_added_to_any_named_object_is_found(data: st.DataObject, event: Event, name: str) -> None:
    document = parse(read_sample(event).decode())
    objects = [((), document), *places(document)]
    steps, place = data.draw(st.sampled_from([(steps, one) for steps, one in objects if isinstance(one, dict)]))
    if steps == ("answers",) or name in place:
        return
    added = with_value(document, steps, {**place, f"new{name}": 1})
    (drift,) = FINDERS[event.provider].find(event.name, encode(added))
    assert drift.kind is DriftKind.ADDED
    assert drift.path.rpartition(".")[2] == f"new{name}"


COMBINED = {
    "allOf": {"allOf": [{"properties": {"id": {"type": "string"}}}, {"required": ["event"]}]},
    "anyOf": {"properties": {"id": {"type": "string"}}, "anyOf": [{"required": ["event"]}, {"required": ["type"]}]},
    "a reference beside properties": {
        "$ref": "#/$defs/envelope",
        "properties": {"id": {"type": "string"}},
        "$defs": {"envelope": {"properties": {"event": {"type": "string"}}}},
    },
    "what one member asks of others": {
        "properties": {"id": {"type": "string"}},
        "dependentSchemas": {"id": {"properties": {"event": {"type": "string"}}}},
    },
    "one that says so itself": {"properties": {"id": {"type": "string"}}, "additionalProperties": True},
}


@pytest.mark.parametrize("schema", COMBINED.values(), ids=COMBINED)
def test_a_schema_that_combines_others_is_not_closed(tmp_path: Path, schema: dict[str, object]) -> None:
    folder = ProviderFolder.copied("arky", tmp_path / "arky")
    folder.schema("order.paid").write_text(json.dumps({"type": "object", **schema}), encoding="utf-8")
    finder = DriftFinder(folder.load())
    assert finder.find("order.paid", b'{"id":"evt_1","event":"order.paid","more":[{"x":1}]}') == ()
    # what it does say holds
    (drift,) = finder.find("order.paid", b'{"id":7,"event":"order.paid"}')
    assert drift.path in {"id", ""}
    assert drift.kind is DriftKind.CHANGED


def test_a_schema_that_says_nothing_of_members_is_not_closed(tmp_path: Path) -> None:
    folder = ProviderFolder.copied("arky", tmp_path / "arky")
    folder.schema("order.paid").write_text('{"type": "object", "required": ["event"]}', encoding="utf-8")
    finder = DriftFinder(folder.load())
    assert finder.find("order.paid", b'{"event":"order.paid","more":1}') == ()
    assert [drift.kind for drift in finder.find("order.paid", b"{}")] == [DriftKind.MISSING]
