"""The samples and schemas that are shipped: as documented where the page has an example, consistent where not."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest

from hookctl.catalogue import load_catalogue, read_sample, read_schema
from tests.catalogue.folders import FIXTURES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.model import Event

EVENTS = load_catalogue().events
NAMES = [event.name for event in EVENTS]
ONE_BY_ONE = pytest.mark.parametrize("event", EVENTS, ids=NAMES)

# The page's own text, as it is printed there; the obfuscated address is john@example.com and comments are dropped.
PAGE = {
    "order.paid": """
{
"id": "evt_abc123",
"event": "order.paid",
"timestamp": 1704067200,
"businessId": "biz_xyz789",
"data": {
"order": {
"id": "ord_123",
"status": "PAID",
"total": 5999,
"currency": "USD",
"items": [
{
"productId": "prod_456",
"name": "Widget",
"quantity": 2,
"price": 2999
}
],
"customer": {
"id": "usr_789",
"email": "john@example.com",
"firstName": "John",
"lastName": "Doe"
}
},
"payment": {
"id": "pay_abc",
"method": "stripe",
"amount": 5999
}
}
}
""",
    "reservation.confirmed": """
{
"id": "evt_def456",
"event": "reservation.confirmed",
"timestamp": 1704067200,
"businessId": "biz_xyz789",
"data": {
"reservation": {
"id": "res_123",
"status": "CONFIRMED",
"startTime": 1704110400,
"endTime": 1704112200,
"service": {
"id": "svc_456",
"name": "Haircut"
},
"provider": {
"id": "prv_789",
"name": "Sarah"
},
"customer": {
"email": "john@example.com",
"firstName": "John"
}
}
}
}
""",
    "formSubmission.created": """
{
  "type": "formSubmission.created",
  "timestamp": "2024-02-15T15:51:12.013Z",
  "flowId": "khM1A286JbRPxN9fxYsE",
  "sessionId": "b8103665-e6ce-4db8-894e-f123ec49ed9c",
  "viewerIp": "127.0.0.1",
  "stepTitle": "Step title (optional)",
  "stepSubtitle": "Step subtitle (optional)",
  "answers": {
    "User Email": {
      "variant": "email",
      "value": "foo@bar.com"
    },
    "User Name": {
      "variant": "text",
      "value": "Foo Bar"
    }
  }
}
""",
}


def sample(name: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads(read_sample(EVENTS[NAMES.index(name)]))


def schema(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(read_schema(EVENTS[NAMES.index(name)]))
    return document


def leaves(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], object]]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield from leaves(member, (*path, key))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from leaves(member, (*path, index))
    else:
        yield path, value


def subschemas(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for member in value.values():
            yield from subschemas(member)


@pytest.mark.parametrize("name", PAGE)
def test_a_documented_sample_equals_the_example_on_the_page_in_value_and_order(name: str) -> None:
    assert json.dumps(sample(name)) == json.dumps(json.loads(PAGE[name]))


def test_every_documented_event_is_compared_with_its_page() -> None:
    assert {event.name for event in EVENTS if event.documented} == set(PAGE)


@ONE_BY_ONE
def test_a_sample_is_valid_against_its_schema(event: Event) -> None:
    validator = jsonschema_rs.Draft202012Validator(schema(event.name))
    assert [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(sample(event.name))] == []


@ONE_BY_ONE
def test_a_schema_notices_a_wrong_type_anywhere_in_the_sample(event: Event) -> None:
    validator = jsonschema_rs.Draft202012Validator(schema(event.name))
    for path, _ in leaves(sample(event.name)):
        spoilt = sample(event.name)
        place = spoilt
        for step in path[:-1]:
            place = place[step]
        # no value of any event is a boolean
        place[path[-1]] = False
        assert not validator.is_valid(spoilt), f"{path} may be anything"


@ONE_BY_ONE
def test_a_schema_is_valid_itself_and_needs_no_other_file(event: Event) -> None:
    document = schema(event.name)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema_rs.meta.validate(document)
    references = [part["$ref"] for part in subschemas(document) if isinstance(part.get("$ref"), str)]
    assert all(reference.startswith("#/$defs/") for reference in references)
    # and every definition is used
    assert {reference.removeprefix("#/$defs/") for reference in references} == set(document.get("$defs", {}))


@ONE_BY_ONE
def test_a_schema_says_whose_it_is_and_describes_every_member(event: Event) -> None:
    document = schema(event.name)
    type_member = "event" if event.provider == "arky" else "type"
    assert document["title"] == event.name
    assert document["properties"][type_member]["const"] == event.name == sample(event.name)[type_member]
    assert document["description"]
    for part in subschemas(document):
        for name, member in part.get("properties", {}).items():
            assert member.get("description"), f"{name} is not described"


@ONE_BY_ONE
def test_an_illustrative_shape_is_called_so(event: Event) -> None:
    assert ("illustrative" in schema(event.name)["description"]) is not event.documented


@pytest.mark.parametrize("provider", ["arky", "arcade"])
def test_definitions_of_one_name_are_identical_in_all_schemas_of_a_provider(provider: str) -> None:
    definitions: defaultdict[str, dict[str, list[str]]] = defaultdict(dict)
    for event in EVENTS:
        if event.provider == provider:
            for name, definition in schema(event.name).get("$defs", {}).items():
                definitions[name].setdefault(json.dumps(definition), []).append(event.name)
    assert definitions
    assert {name: list(texts.values()) for name, texts in definitions.items() if len(texts) > 1} == {}


@ONE_BY_ONE
def test_files_are_indented_utf8_with_one_final_newline_and_readable_letters(event: Event) -> None:
    for data in (read_sample(event), read_schema(event)):
        assert data.decode() == json.dumps(json.loads(data), indent=2, ensure_ascii=False) + "\n"


def test_no_file_belongs_to_no_event() -> None:
    for provider in load_catalogue().providers:
        expected = {f"{event.name}.json" for event in provider.events}
        for folder in ("events", "schemas"):
            assert {path.name for path in (FIXTURES / provider.name / folder).iterdir()} == expected


def test_every_event_has_an_id_of_its_own() -> None:
    ids = [sample(event.name)["id"] for event in EVENTS if event.provider == "arky"]
    assert len(set(ids)) == 24
    assert all(re.fullmatch(r"evt_[a-z]{3}[0-9]{3}", event_id) for event_id in ids)


@pytest.mark.parametrize("name", [event.name for event in EVENTS if event.provider == "arky"])
def test_the_envelope_of_arky_is_the_documented_one(name: str) -> None:
    document = sample(name)
    assert list(document) == ["id", "event", "timestamp", "businessId", "data"]
    assert document["businessId"] == "biz_xyz789"


# one order, paid for, sent, returned: (event, status)
LIFE_OF_AN_ORDER = [
    ("order.created", "PENDING"),
    ("order.paid", "PAID"),
    ("order.shipped", "SHIPPED"),
    ("order.delivered", "DELIVERED"),
    ("order.refunded", "REFUNDED"),
]


def test_an_order_stays_the_same_through_its_life() -> None:
    orders = [sample(name)["data"]["order"] for name, _ in LIFE_OF_AN_ORDER]
    assert [order["status"] for order in orders] == [status for _, status in LIFE_OF_AN_ORDER]
    for key in ("id", "total", "currency", "items", "customer"):
        assert all(order[key] == orders[1][key] for order in orders), key
    # order.paid is the page's own, without an address; where there is one it is the same one
    addresses = [order["shippingAddress"] for order in orders if "shippingAddress" in order]
    assert len(addresses) == 4
    assert all(address == addresses[0] for address in addresses)


def test_payment_shipment_and_refund_fit_the_order() -> None:
    paid, refunded = sample("order.paid")["data"], sample("order.refunded")["data"]
    assert refunded["payment"] == paid["payment"]
    assert refunded["refund"]["amount"] == refunded["payment"]["amount"] == paid["order"]["total"]
    shipped, delivered = sample("order.shipped")["data"]["shipment"], sample("order.delivered")["data"]["shipment"]
    assert delivered == {**shipped, "deliveredAt": delivered["deliveredAt"]}


def test_the_cancelled_order_is_another_one() -> None:
    cancelled = sample("order.cancelled")["data"]["order"]
    assert cancelled["status"] == "CANCELLED"
    assert cancelled["id"] != "ord_123"
    assert cancelled["customer"]["id"] != "usr_789"


@pytest.mark.parametrize(
    "names",
    [
        [name for name, _ in LIFE_OF_AN_ORDER],
        ["reservation.created", "reservation.confirmed", "reservation.completed"],
        ["user.registered", "user.confirmed", "order.created", "user.updated"],
        ["node.created", "node.updated", "node.published", "node.deleted"],
        ["order.paid", "email.sent", "email.delivered", "email.opened", "email.clicked", "email.unsubscribed"],
        ["formSubmission.created", "formSubmission.updated"],
    ],
)
def test_events_that_follow_each_other_are_later_and_later(names: list[str]) -> None:
    times = [sample(name)["timestamp"] for name in names]
    assert all(earlier < later for earlier, later in pairwise(times)), times


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("order.shipped", "data.shipment.shippedAt"),
        ("order.delivered", "data.shipment.deliveredAt"),
        ("order.cancelled", "data.cancellation.cancelledAt"),
        ("order.refunded", "data.refund.refundedAt"),
        ("reservation.cancelled", "data.cancellation.cancelledAt"),
        ("user.confirmed", "data.user.confirmedAt"),
        ("node.published", "data.node.publishedAt"),
        ("node.deleted", "data.node.deletedAt"),
        ("email.sent", "data.email.sentAt"),
        ("email.delivered", "data.email.deliveredAt"),
        ("email.opened", "data.email.openedAt"),
        ("email.clicked", "data.email.click.clickedAt"),
        ("email.bounced", "data.email.bounce.bouncedAt"),
        ("email.unsubscribed", "data.email.unsubscribe.unsubscribedAt"),
    ],
)
def test_the_time_of_what_happened_is_the_time_of_the_event(name: str, path: str) -> None:
    value = document = sample(name)
    for step in path.split("."):
        value = value[step]
    assert value == document["timestamp"]


def test_a_time_once_written_stays_in_the_events_that_follow() -> None:
    assert sample("order.delivered")["data"]["shipment"]["shippedAt"] == sample("order.shipped")["timestamp"]
    assert sample("user.updated")["data"]["user"]["confirmedAt"] == sample("user.confirmed")["timestamp"]
    assert sample("node.deleted")["data"]["node"]["publishedAt"] == sample("node.published")["timestamp"]
    for name in ("email.opened", "email.clicked", "email.unsubscribed"):
        mail = sample(name)["data"]["email"]
        times = [sample(before)["timestamp"] for before in ("email.sent", "email.delivered", "email.opened")]
        assert [mail[key] for key in ("sentAt", "deliveredAt", "openedAt")] == times


@ONE_BY_ONE
def test_nothing_happened_after_the_event_that_tells_of_it(event: Event) -> None:
    document = sample(event.name)
    for path, value in leaves(document):
        if str(path[-1]).endswith("At"):
            assert isinstance(value, int)
            assert value <= document["timestamp"], path


@pytest.mark.parametrize(
    ("name", "status", "when"),
    [
        ("reservation.created", "PENDING", "before"),
        ("reservation.confirmed", "CONFIRMED", "before"),
        ("reservation.cancelled", "CANCELLED", "before"),
        ("reservation.completed", "COMPLETED", "after"),
        ("reservation.noshow", "NO_SHOW", "after"),
    ],
)
def test_a_reservation_has_its_status_and_its_event_comes_at_a_sensible_time(name: str, status: str, when: str) -> None:
    document = sample(name)
    reservation = document["data"]["reservation"]
    assert reservation["status"] == status
    assert reservation["startTime"] < reservation["endTime"]
    if when == "before":
        assert document["timestamp"] < reservation["startTime"]
    else:
        assert document["timestamp"] > reservation["endTime"]


def test_a_reservation_stays_the_same_through_its_life() -> None:
    names = ["reservation.created", "reservation.confirmed", "reservation.completed"]
    first, *others = [{**sample(name)["data"]["reservation"], "status": None} for name in names]
    assert all(other == first for other in others)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("order.")])
def test_every_order_schema_knows_the_shipping_address_and_requires_none(name: str) -> None:
    order = schema(name)["$defs"]["order"]
    assert order["properties"]["shippingAddress"]["$ref"] == "#/$defs/shippingAddress"
    assert "shippingAddress" not in order["required"]
    assert "required" not in schema(name)["$defs"]["shippingAddress"]


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("email.")])
def test_every_email_event_carries_data_email(name: str) -> None:
    mail = sample(name)["data"]["email"]
    assert mail["status"] == name.removeprefix("email.").upper()
    assert mail["to"]
    assert "email" in schema(name)["properties"]["data"]["required"]


def test_the_confirmation_mail_tells_of_the_order_and_the_bounce_of_a_reservation() -> None:
    for name in NAMES:
        if name.startswith("email.") and name != "email.bounced":
            mail = sample(name)["data"]["email"]
            assert (mail["id"], mail["orderId"], mail["to"]) == ("eml_123", "ord_123", "john@example.com")
    bounced = sample("email.bounced")["data"]["email"]
    reservation = sample("reservation.noshow")["data"]["reservation"]
    assert bounced["reservationId"] == reservation["id"]
    assert bounced["to"] == reservation["customer"]["email"]


def test_arcades_samples_use_every_kind_of_answer_and_both_types_of_value() -> None:
    answers = [
        answer
        for name in ("formSubmission.created", "formSubmission.updated")
        for answer in sample(name)["answers"].values()
    ]
    assert {answer["variant"] for answer in answers} == {"email", "text", "date", "hidden", "single-select"}
    assert {type(answer["value"]) for answer in answers} == {str, int}


def test_both_of_arcades_samples_are_of_one_visit() -> None:
    created, updated = sample("formSubmission.created"), sample("formSubmission.updated")
    assert [created[key] for key in ("flowId", "sessionId")] == [updated[key] for key in ("flowId", "sessionId")]
    assert set(created["answers"]) < set(updated["answers"])
    # the page marks both titles as optional: one sample has them, the other leaves one out
    assert ("stepSubtitle" in created, "stepSubtitle" in updated) == (True, False)


@pytest.mark.parametrize("name", [event.name for event in EVENTS if not event.documented])
def test_addresses_that_we_made_up_are_nobodys(name: str) -> None:
    for path, value in leaves(sample(name)):
        for domain in re.findall(r"(?:@|https?://)([\w.-]+)", str(value)):
            # RFC 2606
            assert domain in {"example.com", "example.org", "example.net"}, path
        if path[-1] == "phone":
            # 555-0100 to 555-0199 are set aside for fiction
            assert re.fullmatch(r"\+1[2-9]\d\d55501\d\d", str(value))


def test_samples_have_letters_beyond_ascii() -> None:
    beyond = [event.name for event in EVENTS if not read_sample(event).isascii()]
    assert len(beyond) >= 5
