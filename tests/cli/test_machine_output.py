"""The machine output: exact keys and types, one document or one object a line, data alone on standard output."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from hookctl.catalogue import load_catalogue
from tests.cli.inprocess import run_here
from tests.cli.recorder import always, recording, unused_port

if TYPE_CHECKING:
    from tests.cli.recorder import Recorder
    from tests.harness import Cli, Result

NoneType = type(None)

Shape = dict[str, tuple[type, ...]]

DELIVERY: Shape = {
    "type": (str,),
    "event": (str, NoneType),
    "event_id": (str, NoneType),
    "provider": (str,),
    "url": (str,),
    "status": (int, NoneType),
    "ok": (bool,),
    "duration_ms": (float, int),
    "error": (str, NoneType),
    "response": (dict, NoneType),
}
EVENT: Shape = {"type": (str,), "name": (str,), "provider": (str,), "documented": (bool,), "description": (str,)}
PREVIEW: Shape = {
    "type": (str,),
    "event": (str, NoneType),
    "event_id": (str, NoneType),
    "provider": (str,),
    "method": (str,),
    "url": (str,),
    "headers": (list,),
    "body": (str,),
}
SEND_SUMMARY: Shape = {
    "type": (str,),
    "total": (int,),
    "ok": (int,),
    "unexpected": (int,),
    "not_delivered": (int,),
    "latency_ms": (dict, NoneType),
}
COUNT: Shape = {"type": (str,), "total": (int,)}


def check(record: dict[str, Any], shape: Shape, kind: str) -> None:
    """Fail unless a record has exactly the keys of a shape, in its order, and values of its types."""
    assert list(record) == list(shape)
    assert record["type"] == kind
    for key, types in shape.items():
        # bool is an int to Python, not to a reader of JSON
        assert type(record[key]) in types, key


def results_of(result: Result, form: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the results and the summary, whichever form they are in."""
    if form == "json":
        assert list(result.document) == ["results", "summary"]
        return result.document["results"], result.document["summary"]
    *results, summary = result.records
    return results, summary


@pytest.fixture(params=["json", "ndjson"])
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_delivery_that_was_answered(signing: Cli, recorder: Recorder, form: str) -> None:
    url = f"{recorder.base}/hook?a=b"
    result = signing("send", "order.paid", "formSubmission.created", "--to", url, "--format", form)
    (arky, arcade), summary = results_of(result, form)
    check(arky, DELIVERY, "delivery")
    check(arcade, DELIVERY, "delivery")
    check(summary, SEND_SUMMARY, "summary")
    assert (arky["provider"], arky["event"], arky["url"]) == ("arky", "order.paid", url)
    assert arky["event_id"].startswith("evt_")
    assert (arky["status"], arky["ok"], arky["error"]) == (200, True, None)
    assert (arcade["provider"], arcade["event"], arcade["event_id"]) == ("arcade", "formSubmission.created", None)
    assert list(arky["response"]) == ["headers", "body"]
    assert arky["response"]["body"] == "OK"
    assert ["Content-Length", "2"] in arky["response"]["headers"]
    latency = summary.pop("latency_ms")
    assert list(latency) == ["p50", "p95", "p99", "max"]
    assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"] <= latency["max"]
    assert latency["max"] == max(arky["duration_ms"], arcade["duration_ms"])
    assert summary == {"type": "summary", "total": 2, "ok": 2, "unexpected": 0, "not_delivered": 0}


def test_an_answer_that_is_not_text_comes_as_base64(signing: Cli, form: str) -> None:
    with recording(always(200, b"\xff\x00\xfe")) as recorder:
        result = signing("send", "order.paid", "--to", f"{recorder.base}/hook", "--format", form)
    (delivery,), _ = results_of(result, form)
    assert list(delivery["response"]) == ["headers", "body", "body_b64"]
    assert delivery["response"]["body"] is None
    assert base64.b64decode(delivery["response"]["body_b64"]) == b"\xff\x00\xfe"


def test_an_answer_that_goes_on_past_a_mebibyte_is_cut_and_says_so(signing: Cli, form: str) -> None:
    with recording(always(200, b"x" * (1024 * 1024 + 1))) as recorder:
        result = signing("send", "order.paid", "--to", f"{recorder.base}/hook", "--format", form)
    (delivery,), _ = results_of(result, form)
    assert list(delivery["response"]) == ["headers", "body", "truncated"]
    assert (len(delivery["response"]["body"]), delivery["response"]["truncated"]) == (1024 * 1024, True)


def test_a_delivery_that_was_not_answered(signing: Cli, form: str) -> None:
    port = unused_port()
    result = signing("send", "order.paid", "--to", str(port), "--format", form)
    (delivery,), summary = results_of(result, form)
    check(delivery, DELIVERY, "delivery")
    assert (delivery["status"], delivery["ok"], delivery["response"]) == (None, False, None)
    assert delivery["error"] == f"refused: nothing listens on localhost:{port}"
    # what never came took no time to answer
    counts = {"total": 1, "ok": 0, "unexpected": 0, "not_delivered": 1}
    assert summary == {"type": "summary", **counts, "latency_ms": None}


def test_a_delivery_that_was_answered_otherwise(signing: Cli, form: str) -> None:
    with recording(always(422)) as recorder:
        result = signing("send", "order.paid", "--to", f"{recorder.base}/hook", "--format", form)
    (delivery,), summary = results_of(result, form)
    check(delivery, DELIVERY, "delivery")
    assert (delivery["status"], delivery["ok"], delivery["error"]) == (422, False, None)
    assert summary.pop("latency_ms")["max"] == delivery["duration_ms"]
    assert summary == {"type": "summary", "total": 1, "ok": 0, "unexpected": 1, "not_delivered": 0}


def test_a_request_that_is_only_shown(signing: Cli, form: str) -> None:
    result = signing("send", "order.paid", "formSubmission.created", *TO, "--dry-run", "--format", form)
    (arky, arcade), summary = results_of(result, form)
    for preview in (arky, arcade):
        check(preview, PREVIEW, "request_preview")
        assert preview["method"] == "POST"
        assert all(isinstance(name, str) and isinstance(value, str) for name, value in preview["headers"])
    assert {name for name, _ in arky["headers"]} == {
        *("content-type", "user-agent", "x-arky-signature", "x-arky-timestamp")
    }
    assert {name for name, _ in arcade["headers"]} == {"content-type", "user-agent", "x-arcade-signature"}
    assert json.loads(arky["body"])["id"] == arky["event_id"]
    check(summary, COUNT, "summary")
    assert summary["total"] == 2


TO = ("--to", "http://localhost:3000/hook")


def test_a_body_that_is_not_text_is_shown_as_base64(signing: Cli, form: str) -> None:
    body = bytes(range(256))
    arguments = ("send", "--provider", "arky", "--data", "-", *TO, "--dry-run", "--format", form)
    (preview,), _ = results_of(signing(*arguments, stdin=body), form)
    assert list(preview) == [*PREVIEW, "body_b64"]
    assert (preview["body"], preview["event"], preview["event_id"]) == (None, None, None)
    assert base64.b64decode(preview["body_b64"]) == body


def test_events_as_a_document(cli: Cli) -> None:
    result = cli("events", "--format", "json")
    results, summary = results_of(result, "json")
    for event in results:
        check(event, EVENT, "event")
    check(summary, COUNT, "summary")
    assert [event["name"] for event in results] == [event.name for event in load_catalogue().events]
    assert summary["total"] == len(results) == 26


@pytest.mark.parametrize("what", ["show", "schema"])
def test_one_event_as_a_document(cli: Cli, what: str) -> None:
    result = cli("events", what, "order.paid", "--format", "json")
    (event,), summary = results_of(result, "json")
    extra = "sample" if what == "show" else "schema"
    check(event, {**EVENT, extra: (dict,)}, "event")
    assert event[extra] == json.loads(cli("events", what, "order.paid").out)
    assert summary == {"type": "summary", "total": 1}


def test_every_line_of_ndjson_is_an_object_and_the_summary_is_the_last_and_only_one(
    signing: Cli, recorder: Recorder
) -> None:
    result = signing("send", "order.*", "--to", f"{recorder.base}/hook", "--format", "ndjson")
    assert result.out.endswith("\n")
    assert [record["type"] for record in result.records] == ["delivery"] * 6 + ["summary"]


def test_machine_output_is_ascii_and_the_same_under_every_locale(signing: Cli) -> None:
    arguments = ["send", "order.paid", "--set", "data.order.customer.firstName=Zoë 💥", *TO]
    arguments += ["--seed", "1", "--at", "1704067200", "--dry-run", "--format", "ndjson"]
    locales = ({"LC_ALL": "C.UTF-8"}, {"LC_ALL": "C"}, {"PYTHONIOENCODING": "cp1252"})
    outputs = {signing(*arguments, env=env).raw_out for env in locales}
    assert len(outputs) == 1
    assert outputs.pop().isascii()


def test_notes_go_to_standard_error_and_leave_the_data_alone(signing: Cli, recorder: Recorder, form: str) -> None:
    # an illustrative event is noted, and so is that certificates are not checked
    result = signing("send", "order.created", "--to", f"{recorder.base}/hook", "--insecure", "--format", form)
    results, _ = results_of(result, form)
    assert len(results) == 1
    assert "illustrative" in result.err
    assert "--insecure" in result.err
    assert "note" not in result.out


def test_no_colour_and_no_control_character_reaches_a_program(signing: Cli) -> None:
    with recording(always(500, b"\x1b[31mred\x1b]0;title\x07\xc2\x9b")) as recorder:
        for arguments in (["--format", "json"], ["--format", "ndjson"], [], ["-v"]):
            result = run_here(signing, "send", "order.paid", "--to", f"{recorder.base}/hook", *arguments)
            assert not set(result.out) & (set(map(chr, [*range(32), *range(127, 160)])) - {"\n"})
