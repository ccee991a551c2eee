"""`--set`, `--add`, `--unset`: exactly one place changes, or an error names the path and the nearest one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hookctl.errors import ExitCode, PathError, UsageError
from hookctl.payload import EditKind, IdSource, RenderOptions, render
from hookctl.payload.jsontext import Json, Number, encode
from hookctl.payload.paths import PayloadPath
from tests.payload.material import (
    ARGUMENT_TEXT,
    AT_MS,
    NAMES,
    NUMBERS,
    SEED,
    document,
    documents,
    found,
    places,
    rendered,
    with_value,
    without,
)

if TYPE_CHECKING:
    from tests.harness import Cli

SET, ADD, UNSET = EditKind.SET, EditKind.ADD, EditKind.UNSET
PLAIN = {name: document(name) for name in NAMES}
PLACES = [(name, steps, value) for name in NAMES for steps, value in places(PLAIN[name])]


def written(value: Json) -> str:
    return encode(value).decode()


def same(left: Json, right: Json) -> bool:
    """Compare with the order of members, and with True apart from 1."""
    return encode(left) == encode(right)


def refused(name: str, *edits: tuple[EditKind, str]) -> PathError:
    with pytest.raises(PathError) as caught:
        rendered(name, *edits)
    assert caught.value.exit_code is ExitCode.INPUT
    return caught.value


@pytest.mark.parametrize(
    ("name", "argument", "steps", "value"),
    [
        # text is typed by the schema
        ("order.paid", "data.order.total=100", "data order total", 100),
        ("order.paid", "data.order.total=-0", "data order total", Number("-0")),
        ("order.paid", "data.order.total=1e400", "data order total", Number("1e400")),
        ("order.paid", "data.order.total=7.0", "data order total", Number("7.0")),
        ("order.paid", f"data.order.total={'9' * 5000}", "data order total", Number("9" * 5000)),
        ("order.paid", "data.order.currency=5", "data order currency", "5"),
        ("order.paid", "data.order.currency=null", "data order currency", "null"),
        ("order.paid", "data.order.currency=", "data order currency", ""),
        ("order.paid", 'data.order.currency="EUR"', "data order currency", '"EUR"'),
        ("order.paid", "data.order.status=a=b:=c", "data order status", "a=b:=c"),
        ("order.paid", "data.order.status= spaced ", "data order status", " spaced "),
        ("order.paid", "timestamp=5", "timestamp", 5),
        ("order.paid", "event=other.event", "event", "other.event"),
        # JSON is taken as it is
        ("order.paid", 'data.order.currency:="EUR"', "data order currency", "EUR"),
        ("order.paid", "data.order.total:= 100 ", "data order total", 100),
        ("order.paid", "data.order.items:=[]", "data order items", []),
        ("order.paid", 'data.order.customer:={"id":"usr_1"}', "data order customer", {"id": "usr_1"}),
        ("order.paid", "data:={}", "data", {}),
        # a member that the schema knows and the sample lacks
        ("order.paid", 'data.order.shippingAddress:={"x":[1]}', "data order shippingAddress", {"x": [1]}),
        # arrays
        ("order.paid", "data.order.items[0].price=1", "data order items 0 price", 1),
        ("order.paid", "/data/order/items/0/price=1", "data order items 0 price", 1),
        ("node.created", "data.node.tags[1]=thé", "data node tags 1", "thé"),
        # a value of two types: text is a string, JSON is what it says
        ("formSubmission.created", 'answers."User Email".value=5', "answers|User Email|value", "5"),
        ("formSubmission.created", 'answers."User Email".value:=5', "answers|User Email|value", 5),
        ("formSubmission.created", 'answers."User Email".value:=2.50', "answers|User Email|value", Number("2.50")),
        ("formSubmission.updated", "answers.País.value=Perú", "answers País value", "Perú"),
        # a value outside a documented set is a legitimate thing to send
        ("formSubmission.created", 'answers."User Email".variant=phone', "answers|User Email|variant", "phone"),
    ],
)
def test_set_changes_one_place_to_the_value_in_the_schemas_type(
    name: str, argument: str, steps: str, value: Json
) -> None:
    # names with spaces are set apart by bars
    parts = [int(step) if step.isdecimal() else step for step in steps.split("|" if "|" in steps else " ")]
    after = document(name, (SET, argument))
    place = after
    for step in parts:
        place = place[step]
    assert same(place, value)
    rest_after, rest_before = without(after, parts), PLAIN[name]
    if any(path == tuple(parts) for path, _ in places(rest_before)):
        rest_before = without(rest_before, parts)
    assert same(rest_after, rest_before)


def test_an_optional_object_comes_into_being_with_its_first_member() -> None:
    edits = [(SET, "data.order.shippingAddress.city=Zürich"), (SET, "data.order.shippingAddress.country=CH")]
    order = PLAIN["order.paid"]["data"]["order"]
    expected = with_value(
        PLAIN["order.paid"],
        ["data", "order"],
        {**order, "shippingAddress": {"city": "Zürich", "country": "CH"}},
    )
    assert same(document("order.paid", *edits), expected)


def test_optional_objects_within_optional_objects_come_into_being() -> None:
    after = document("order.paid", (UNSET, "data"), (SET, "data.order.customer.email=a@example.com"))
    assert after["data"] == {"order": {"customer": {"email": "a@example.com"}}}


def test_a_new_answer_may_have_any_label() -> None:
    edits = [
        (SET, 'answers."Work e-mail".value=me@example.com'),
        (SET, 'answers."Work e-mail".variant=email'),
        (SET, 'answers."a.b[0] = \\"c\\"".value:=7'),
    ]
    answers = document("formSubmission.created", *edits)["answers"]
    before = PLAIN["formSubmission.created"]["answers"]
    assert list(answers) == [*before, "Work e-mail", 'a.b[0] = "c"']
    assert answers["Work e-mail"] == {"value": "me@example.com", "variant": "email"}
    assert answers['a.b[0] = "c"'] == {"value": 7}


@settings(max_examples=200, deadline=None)
@given(label=ARGUMENT_TEXT, value=ARGUMENT_TEXT)
def test_any_label_and_any_text_arrive_as_they_are(label: str, value: str) -> None:
    path = PayloadPath(("answers", label, "value"))
    before = PLAIN["formSubmission.created"]
    expected = with_value(before, ["answers"], {**before["answers"], label: {"value": value}})
    assert same(document("formSubmission.created", (SET, f"{path}={value}")), expected)


@pytest.mark.parametrize(
    "text",
    [
        "quotes \"double\" and 'single'",
        "back\\slash \\n \\u0041",
        "new\nline\r\n\ttab",
        "控 العربية 😀 \u2028 \ufeff",
        "\x01\x1b[31m\x7f\x9b",
        "</script><!-- ${x} `y`",
    ],
)
def test_awkward_text_survives_and_is_what_a_json_parser_reads(text: str) -> None:
    body = rendered("order.paid", (SET, f"data.order.customer.firstName={text}")).body
    assert json.loads(body)["data"]["order"]["customer"]["firstName"] == text


def test_arrays_within_arrays_are_reached() -> None:
    nested = (ADD, 'data.order.grid:=[[1,[2,{"deep":["é"]}]],[]]')
    after = document(
        "order.paid", nested, (SET, "data.order.grid[0][1][1].deep[0]:=null"), (ADD, "/data/order/grid/1/-:=3")
    )
    assert after["data"]["order"]["grid"] == [[1, [2, {"deep": [None]}]], [3]]


# every place of every event


@settings(max_examples=250, deadline=None)
@given(place=st.sampled_from(PLACES), value=documents(NUMBERS))
def test_a_set_makes_exactly_that_place_equal_the_value_or_is_refused(
    place: tuple[str, tuple[str | int, ...], Json], value: Json
) -> None:
    name, steps, _ = place
    path = PayloadPath(steps)
    try:
        after = document(name, (SET, f"{path}:={written(value)}"))
    except PathError as error:
        assert str(path) in error.message  # noqa: PT017 - either outcome is right
        return
    assert same(after, with_value(PLAIN[name], steps, value))


@pytest.mark.parametrize("name", NAMES)
def test_every_place_takes_a_value_of_its_own_type(name: str) -> None:
    for steps, value in places(PLAIN[name]):
        new: Any = {str: "nëw", int: 7}.get(type(value), value)
        after = document(name, (SET, f"{PayloadPath(steps)}:={written(new)}"))
        assert same(after, with_value(PLAIN[name], steps, new))


@pytest.mark.parametrize("name", NAMES)
def test_every_scalar_takes_plain_text_of_its_own_type(name: str) -> None:
    for steps, value in places(PLAIN[name]):
        # a number among the answers has two types, and plain text is a string there
        if isinstance(value, str | int) and not (isinstance(value, int) and steps[0] == "answers"):
            new: Any = "nëw" if isinstance(value, str) else 7
            after = document(name, (SET, f"{PayloadPath(steps)}={new}"))
            assert same(after, with_value(PLAIN[name], steps, new))


@pytest.mark.parametrize("name", NAMES)
def test_no_place_takes_a_value_that_its_schema_excludes(name: str) -> None:
    for steps, _ in places(PLAIN[name]):
        error = refused(name, (SET, f"{PayloadPath(steps)}:=true"))
        assert error.message == f"--set {PayloadPath(steps)}: true is a boolean"
        assert error.hint is not None
        assert error.hint.startswith("expected: a")


@pytest.mark.parametrize("name", NAMES)
def test_unset_removes_every_place_and_nothing_else(name: str) -> None:
    for steps, _ in places(PLAIN[name]):
        for path in (str(PayloadPath(steps)), "".join(f"/{step}" for step in steps)):
            assert same(document(name, (UNSET, path)), without(PLAIN[name], steps))


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from(NAMES), new=ARGUMENT_TEXT, value=documents(NUMBERS))
def test_add_puts_a_new_member_last_and_leaves_the_rest_alone(name: str, new: str, value: Json) -> None:
    assume(new not in PLAIN[name])
    # the two optional members of Arcade's envelope
    assume(new not in {"stepTitle", "stepSubtitle"})
    after = document(name, (ADD, f"{PayloadPath((new,))}:={written(value)}"))
    assert same(after, {**PLAIN[name], new: value})


# refusals


@pytest.mark.parametrize(
    ("name", "edit", "message", "hint"),
    [
        # unknown paths
        (
            "order.paid",
            (SET, "data.order.ttal=1"),
            "--set data.order.ttal: order.paid has no data.order.ttal",
            "did you mean 'data.order.total'",
        ),
        (
            "order.paid",
            (SET, "order.total=1"),
            "--set order.total: order.paid has no order",
            "did you mean 'data.order.total'?",
        ),
        (
            "order.paid",
            (SET, "data.order.customer.phone=1"),
            "--set data.order.customer.phone: order.paid has no data.order.customer.phone",
            "did you mean 'data.order.shippingAddress.phone'?",
        ),
        (
            "order.paid",
            (SET, "Event=x"),
            "--set Event: order.paid has no Event",
            "did you mean 'event'?",
        ),
        (
            "order.paid",
            (SET, "zzzzzz=1"),
            "--set zzzzzz: order.paid has no zzzzzz",
            "to add a field that order.paid does not have, use --add PATH:=JSON",
        ),
        (
            "order.paid",
            (SET, "data.order.shippingAdress.city=x"),
            "--set data.order.shippingAdress.city: order.paid has no data.order.shippingAdress",
            "did you mean 'data.order.shippingAddress.city'?",
        ),
        (
            "order.paid",
            (SET, "data.order.shippingAddress.town=x"),
            "--set data.order.shippingAddress.town: order.paid has no data.order.shippingAddress.town",
            "did you mean",
        ),
        (
            "formSubmission.created",
            (SET, 'answers."User Email".valeu=x'),
            """--set answers."User Email".valeu: formSubmission.created has no answers."User Email".valeu""",
            """did you mean 'answers."User Email".value'""",
        ),
        # wrong types
        ("order.paid", (SET, "data.order.total=ten"), "--set data.order.total: 'ten' is not an integer", None),
        ("order.paid", (SET, "data.order.total="), "--set data.order.total: '' is not an integer", None),
        ("order.paid", (SET, "data.order.total=NaN"), "--set data.order.total: 'NaN' is not an integer", None),
        ("order.paid", (SET, "data.order.total=null"), "--set data.order.total: 'null' is not an integer", None),
        ("order.paid", (SET, "data.order.total=５"), "--set data.order.total: '５' is not an integer", None),
        (
            "order.paid",
            (SET, "data.order.total=1.5"),
            "--set data.order.total: 1.5 is a number",
            "expected: an integer",
        ),
        (
            "order.paid",
            (SET, "data.order.total=true"),
            "--set data.order.total: true is a boolean",
            "expected: an integer",
        ),
        (
            "order.paid",
            (SET, "data.order.items=x"),
            "--set data.order.items: 'x' is not an array",
            "write PATH:=JSON",
        ),
        (
            "order.paid",
            (SET, 'data.order.customer={"id":"x"}'),
            """--set data.order.customer: '{"id":"x"}' is not an object""",
            "write PATH:=JSON",
        ),
        (
            "order.paid",
            (SET, "data.order.currency:=5"),
            "--set data.order.currency: 5 is an integer",
            "expected: a string",
        ),
        (
            "order.paid",
            (SET, 'data.order.customer:={"id":5}'),
            "--set data.order.customer.id: 5 is an integer",
            "expected: what the schema says",
        ),
        (
            "order.paid",
            (SET, 'data.order.items:=[{"price":1},{"price":"1"}]'),
            '--set data.order.items[1].price: "1" is a string',
            "expected: what the schema says",
        ),
        (
            "formSubmission.created",
            (SET, 'answers."User Email".value:=[1]'),
            '--set answers."User Email".value: [1] is an array',
            "expected: a string or a number",
        ),
        (
            "formSubmission.created",
            (SET, "answers.New=x"),
            "--set answers.New: 'x' is not an object",
            "write PATH:=JSON",
        ),
        # a name of half a surrogate pair, which a validator does not take
        (
            "formSubmission.created",
            (SET, r'answers:={"\ud800":5}'),
            "--set answers.",
            "expected: what the schema says",
        ),
        # not JSON
        (
            "order.paid",
            (SET, "data.order.currency:=EUR"),
            "--set data.order.currency: not valid JSON: Expecting value at column 1",
            """strings need their quotes: PATH:='"text"'""",
        ),
        ("order.paid", (SET, "data.order.total:="), "--set data.order.total: not valid JSON", None),
        ("order.paid", (SET, "data.order.total:=NaN"), "--set data.order.total: not valid JSON: NaN is not JSON", None),
        (
            "order.paid",
            (SET, 'data.order.customer:={"id":"a","id":"b"}'),
            "--set data.order.customer: not valid JSON: the key 'id' is there twice",
            None,
        ),
        (
            "order.paid",
            (ADD, f"data.x:={'[' * 100_000}"),
            "--add data.x: not valid JSON: nested more than 200 deep",
            None,
        ),
        # indexes
        (
            "order.paid",
            (SET, "data.order.items[1].price=1"),
            "data.order.items[1]: the index is out of range: it has one element, [0]",
            "append with --add 'data.order.items[1]:=JSON'",
        ),
        (
            "node.created",
            (SET, "data.node.tags[2]=x"),
            "data.node.tags[2]: the index is out of range: it has [0] to [1]",
            "append with --add 'data.node.tags[2]:=JSON'",
        ),
        ("node.created", (UNSET, "data.node.tags[2]"), "data.node.tags[2]: the index is out of range", None),
        (
            "order.paid",
            (SET, "data.order.items.price=1"),
            "data.order.items is an array: 'price' is not an index into it",
            "write data.order.items[0]",
        ),
        ("order.paid", (SET, "/data/order/items/00/price=1"), "data.order.items is an array: '00' is not an", None),
        ("order.paid", (SET, "/data/order/items/０/price=1"), "data.order.items is an array: '０' is not an", None),
        ("order.paid", (SET, f"/data/order/items/{'9' * 5000}/price=1"), "data.order.items is an array: '999", None),
        ("order.paid", (SET, "/data/order/items/-:={}"), "data.order.items is an array: '-' is not an index", None),
        # what holds no members
        (
            "order.paid",
            (SET, "data.order.total.cents=1"),
            "data.order.total is an integer in order.paid: it has no member 'cents'",
            None,
        ),
        (
            "order.paid",
            (ADD, "data.order.currency.code.x:=1"),
            "data.order.currency is a string in order.paid: it has no member 'code'",
            None,
        ),
        (
            "order.paid",
            (SET, "data.order.total[0]=1"),
            "data.order.total is an integer in order.paid: it has no element [0]",
            None,
        ),
        ("order.paid", (SET, "data.order[0]=1"), "data.order is an object in order.paid: it has no element [0]", None),
        (
            "order.paid",
            (UNSET, "data.order[0].x"),
            "data.order is an object in order.paid: it has no element [0]",
            None,
        ),
        # --add
        (
            "order.paid",
            (ADD, "data.order.total:=1"),
            "--add data.order.total: order.paid has that field already",
            "use --set: it checks the value's type (an integer)",
        ),
        (
            "order.paid",
            (ADD, "data.order.shippingAddress:={}"),
            "--add data.order.shippingAddress: order.paid has that field already",
            "use --set",
        ),
        ("order.paid", (ADD, "data.nope.x:=1"), "--add data.nope.x: order.paid has no data.nope", None),
        (
            "order.paid",
            (ADD, "data.order.items[0]:={}"),
            "--add data.order.items[0]: elements are only added at the end",
            "append with --add 'data.order.items[1]:=JSON', or change an element with --set",
        ),
        (
            "order.paid",
            (ADD, "data.order.items[2]:={}"),
            "--add data.order.items[2]: elements are only added at the end",
            None,
        ),
        (
            "order.paid",
            (ADD, "data.order.items[1]:=5"),
            "--add data.order.items[1]: 5 is an integer",
            "expected: an object",
        ),
        # --unset
        (
            "order.paid",
            (UNSET, "data.order.shippingAddress"),
            "--unset data.order.shippingAddress: the sample of order.paid does not have that field",
            None,
        ),
        (
            "order.paid",
            (UNSET, "data.order.shippingAddress.city"),
            "--unset data.order.shippingAddress: the sample of order.paid does not have that field",
            None,
        ),
        (
            "order.paid",
            (UNSET, "data.order.ttal"),
            "--unset data.order.ttal: order.paid has no data.order.ttal",
            "did you mean 'data.order.total'",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_by_path_with_the_nearest_one(
    name: str, edit: tuple[EditKind, str], message: str, hint: str | None
) -> None:
    error = refused(name, edit)
    assert error.message.startswith(message)
    if hint is not None:
        assert error.hint is not None
        assert error.hint.startswith(hint)


def test_elements_are_appended_in_three_ways_of_writing() -> None:
    item = '{"productId":"prod_1","name":"x","quantity":1,"price":1}'
    for path in ("data.order.items[1]", "/data/order/items/1", "/data/order/items/-"):
        items = document("order.paid", (ADD, f"{path}:={item}"))["data"]["order"]["items"]
        assert items == [*PLAIN["order.paid"]["data"]["order"]["items"], json.loads(item)]


def test_edits_are_applied_in_order_each_to_the_result_of_the_one_before() -> None:
    added = (ADD, 'data.order.note:={"text":"a"}')
    after = document("order.paid", added, (SET, "data.order.note.text=b"), (ADD, "data.order.note.lines:=[1]"))
    assert after["data"]["order"]["note"] == {"text": "b", "lines": [1]}
    after = document("order.paid", added, (UNSET, "data.order.note"))
    assert same(after, PLAIN["order.paid"])
    assert "no data.order.note" in refused("order.paid", (SET, "data.order.note.text=b"), added).message
    assert "already" in refused("order.paid", added, added).message


def test_an_emptied_array_is_said_to_be_empty() -> None:
    error = refused("order.paid", (UNSET, "data.order.items[0]"), (SET, "data.order.items[0].price=1"))
    assert error.message == "data.order.items[0]: the index is out of range: it is empty"


def test_an_id_of_the_users_own_stands_in_the_envelope_unless_an_edit_says_otherwise() -> None:
    provider, event = found("order.paid")
    payload = render(provider, event, RenderOptions(IdSource(SEED), event_id='evt_"mine"'), at_ms=AT_MS)
    assert payload.event_id == json.loads(payload.body)["id"] == 'evt_"mine"'
    assert rendered("order.paid", (SET, "id=evt_other")).event_id == "evt_other"
    assert rendered("order.paid", (UNSET, "id")).event_id is None
    assert rendered("order.paid", (SET, "event=order.strange")).event == "order.strange"


def test_a_provider_without_event_ids_takes_none() -> None:
    provider, event = found("formSubmission.created")
    with pytest.raises(UsageError, match="--id: Arcade events have no id"):
        render(provider, event, RenderOptions(IdSource(SEED), event_id="x"), at_ms=AT_MS)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--set", "data.order.ttal=1"], 3, "--set data.order.ttal: order.paid has no data.order.ttal"),
        (["--set", "data.order.total=ten"], 3, "--set data.order.total: 'ten' is not an integer"),
        (["--set", "data.order.total"], 2, "--set takes PATH=VALUE or PATH:=JSON, not 'data.order.total'"),
        (["--set", "a..b=1"], 2, "'a..b=1' is not a path: it breaks off at character 3"),
    ],
)
def test_on_the_command_line_a_bad_path_is_3_and_a_malformed_one_is_2(
    cli: Cli, arguments: list[str], code: int, message: str
) -> None:
    result = cli.with_secrets()("send", "order.paid", "--dry-run", *arguments)
    assert (result.code, result.out) == (code, "")
    assert message in result.err


def test_on_the_command_line_edits_reach_the_body(cli: Cli) -> None:
    edits = ["--set", "data.order.customer.firstName=Zoë", "--add", "data.order.x:=1.50", "--unset", "data.payment"]
    result = cli.with_secrets()("send", "order.paid", "--dry-run", "--format", "http", *edits)
    assert result.code == 0
    body = result.raw_out.split(b"\r\n\r\n", 1)[1]
    assert b'"firstName":"Zo\xc3\xab"' in body
    assert b'"x":1.50}' in body
    assert b"payment" not in body
