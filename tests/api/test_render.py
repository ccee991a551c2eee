"""`hookctl.render`: the command line's rendering, with Python values, and errors in Python's terms."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import hookctl
from hookctl.catalogue import load_catalogue
from hookctl.timestamps import parse_at
from tests.cli.inprocess import run_here

if TYPE_CHECKING:
    from tests.harness import Cli

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "providers"
EVENTS = [event.name for event in load_catalogue().events]


@pytest.mark.parametrize("name", EVENTS)
def test_a_body_is_the_command_line_s_to_the_byte(cli: Cli, name: str) -> None:
    rendered = hookctl.render(name, seed=7, at=1704067200)
    signing = cli.with_secrets()
    request = run_here(
        signing,
        "send",
        name,
        "--seed",
        "7",
        "--at",
        "1704067200",
        "--to",
        "http://localhost/",
        "--dry-run",
        "--format",
        "json",
    )
    (sent,) = json.loads(request.out)["results"]
    assert sent["body"] == rendered.body.decode()
    assert sent["event_id"] == rendered.event_id
    assert (rendered.event, rendered.provider) == (name, sent["provider"])


def test_it_happens_now_with_fresh_ids() -> None:
    before = datetime.now(UTC)
    one, other = hookctl.render("order.paid"), hookctl.render("order.paid")
    assert before - timedelta(seconds=1) <= one.at <= datetime.now(UTC)
    assert json.loads(one.body)["timestamp"] == int(one.at.timestamp())
    assert one.event_id is not None
    assert one.event_id == json.loads(one.body)["id"] != other.event_id


@pytest.mark.parametrize(
    "at",
    [
        1704067200,
        1704067200.0,
        datetime(2024, 1, 1, tzinfo=UTC),
        datetime(2024, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_a_time_may_be_given_in_either_form(at: datetime | float) -> None:
    rendered = hookctl.render("formSubmission.created", at=at)
    assert json.loads(rendered.body)["timestamp"] == "2024-01-01T00:00:00.000Z"
    assert rendered.at == datetime(2024, 1, 1, tzinfo=UTC)


def test_milliseconds_are_kept() -> None:
    at = datetime.fromtimestamp(parse_at("2026-01-31T12:00:00.123Z") / 1000, UTC)
    assert json.loads(hookctl.render("formSubmission.created", at=at).body)["timestamp"] == "2026-01-31T12:00:00.123Z"


def test_values_of_every_json_type_are_set_added_and_unset() -> None:
    items: list[dict[str, Any]] = [{"productId": "prod_1", "name": "Zoë's 🍵", "quantity": 2, "price": 1}]
    rendered = hookctl.render(
        "order.paid",
        set={"data.order.items": items, "/data/order/total": 0, "data.order.customer.firstName": "Zoë"},
        add={"data.order.gift": True, "data.order.rate": 1.5, "data.order.note": None},
        unset=["data.payment"],
    )
    data = json.loads(rendered.body)["data"]
    assert data["order"]["items"] == items
    assert (data["order"]["total"], data["order"]["customer"]["firstName"]) == (0, "Zoë")
    assert (data["order"]["gift"], data["order"]["rate"], data["order"]["note"]) == (True, 1.5, None)
    assert "payment" not in data
    assert "Zoë's 🍵".encode() in rendered.body


def test_the_documented_example_is_kept_to_the_letter() -> None:
    rendered = hookctl.render("order.paid", as_documented=True)
    assert rendered.event_id == "evt_abc123"
    assert rendered.at == datetime(2024, 1, 1, tzinfo=UTC)
    assert hookctl.verify("arky", rendered.sign("x"), rendered.body, "x", received_at=rendered.at).age_s == 0


def test_an_id_may_be_given() -> None:
    assert json.loads(hookctl.render("order.paid", event_id="evt_mine").body)["id"] == "evt_mine"


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        ({"event": "order.padi"}, "unknown event 'order.padi'", "did you mean 'order.paid'"),
        ({"event": "order.*"}, "'order.*' stands for several events, and one is wanted", ""),
        ({"event": "order.paid", "provider": "arkyy"}, "unknown provider 'arkyy'", "did you mean 'arky'?"),
        ({"event": "order.paid", "provider": "arcade"}, "unknown event 'order.paid'", ""),
        ({"event": "order.paid", "provider": "./nowhere"}, "it has no provider.toml", ""),
        (
            {"event": "order.paid", "set": {"data.order.totl": 1}},
            "set data.order.totl: order.paid has no data.order.totl",
            "did you mean 'data.order.total'",
        ),
        (
            {"event": "order.paid", "set": {"data.order.total": "1"}},
            'set data.order.total: "1" is a string',
            "an integer",
        ),
        (
            {"event": "order.paid", "set": {"data.order.total=1": 1}},
            "set: 'data.order.total=1' is not a path",
            "quotes",
        ),
        ({"event": "order.paid", "set": {"data..total": 1}}, "'data..total' is not a path", ""),
        ({"event": "order.paid", "add": {"data.order.total": 1}}, "order.paid has that field already", "use set"),
        ({"event": "order.paid", "unset": ["data.gift"]}, "unset data.gift: order.paid has no data.gift", ""),
        ({"event": "formSubmission.created", "event_id": "x"}, "event_id: Arcade events have no id", ""),
        ({"event": "order.paid", "at": datetime(2024, 1, 1)}, "has no zone", "tzinfo"),  # noqa: DTZ001 - the mistake
        ({"event": "order.paid", "at": 1704067200000}, "outside the years 1970 to 9999", "not milliseconds"),
        ({"event": "order.paid", "at": float("nan")}, "nan is not a time", ""),
        ({"event": "order.paid", "at": -1}, "outside the years", ""),
        ({"event": "order.paid", "as_documented": True, "at": 1}, "at cannot go with it", ""),
        ({"event": "order.paid", "as_documented": True, "unset": ["id"]}, "set, add and unset cannot go with it", ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_what_does_not_fit_is_refused_in_the_words_of_python(
    arguments: dict[str, Any], message: str, hint: str
) -> None:
    with pytest.raises(hookctl.HookctlError) as raised:
        hookctl.render(**arguments)
    error = raised.value
    assert message in error.message
    assert str(error) == error.message
    assert "--" not in f"{error.message}{error.hint}"
    assert hint in (error.hint or "")
    # a traceback shows it
    assert getattr(error, "__notes__", []) == ([] if error.hint is None else [f"hint: {error.hint}"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"event": b"order.paid"}, "an event is a name such as 'order.paid', not a bytes"),
        ({"event": "order.paid", "provider": 3}, "a provider is a name or the path of a folder, not an int"),
        ({"event": "order.paid", "at": "2024-01-01"}, "a time is a datetime with a zone, or seconds"),
        ({"event": "order.paid", "at": True}, "a time is a datetime with a zone, or seconds"),
        ({"event": "order.paid", "set": {"data.order.total": {1}}}, "set data.order.total: not a JSON value"),
        ({"event": "order.paid", "add": {"data.x": float("inf")}}, "add data.x: not a JSON value"),
        ({"event": "order.paid", "unset": "data.payment"}, "unset takes several paths"),
    ],
)
def test_an_argument_of_another_type_is_a_type_error(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        hookctl.render(**arguments)


def test_a_provider_may_be_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "ours"
    shutil.copytree(EXAMPLES / "github", folder)
    monkeypatch.chdir(tmp_path)
    for given in (folder, str(folder), "./ours"):
        rendered = hookctl.render("ping", provider=given)
        headers = rendered.sign("a secret")
        assert headers["X-GitHub-Event"] == "ping"
        assert headers["X-GitHub-Delivery"] == rendered.event_id
        assert hookctl.verify(given, headers, rendered.body, "a secret")
    # it is read again when it has changed, and checked whole
    description = folder / "provider.toml"
    description.write_text(description.read_text().replace("format = 1", "format = 99"))
    with pytest.raises(hookctl.HookctlError, match="this hookctl reads format 1"):
        hookctl.render("ping", provider=folder)
    shutil.copy(EXAMPLES / "github" / "provider.toml", description)
    (folder / "events" / "ping.json").write_text('{"zen": 3}')
    with pytest.raises(hookctl.HookctlError, match="does not fit its schema"):
        hookctl.render("ping", provider=folder)
