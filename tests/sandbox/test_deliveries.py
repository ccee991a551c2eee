"""What the sandbox delivers: to real receivers, signed as the vendor signs, again by the user's schedule."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Any

import pytest

from tests.catalogue.folders import ProviderFolder, replace
from tests.cli.recorder import always, recording, unused_port
from tests.harness import ARKY_SECRET
from tests.rawserver import raw_server
from tests.receivers.launch import PROGRAMS, running
from tests.sandboxed import sandboxed

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from tests.cli.recorder import Answer, Received, Recorder
    from tests.harness import Cli
    from tests.receivers.launch import Program
    from tests.sandboxed import Sandboxed

SECRET = "whsec_configured_through_the_api"
PATIENCE_S = 20.0


def genuine(request: Received, secret: str = SECRET) -> bool:
    """Return whether a delivery is signed as Arky's page says, worked out without hookctl."""
    signed = (request.header("x-arky-timestamp") or "").encode() + b"." + request.body
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() == request.header("x-arky-signature")


def final(sandbox: Sandboxed, webhook: str, delivery: str) -> dict[str, Any]:
    """Ask for what became of a delivery until nothing more can."""
    until_s = time.monotonic() + PATIENCE_S
    while True:
        answer: dict[str, Any] = sandbox.test_webhook(webhook, delivery).body
        if answer["status"] not in {"requested", "processing"}:
            return answer
        assert time.monotonic() < until_s, answer
        time.sleep(0.01)


def patient(cli: Cli) -> AbstractContextManager[Sandboxed]:
    """Run a sandbox that waits for a receiver as long as a busy machine may take."""
    return sandboxed(cli, "--timeout", "60")


def failing(times: int, status: int = 503) -> Any:  # noqa: ANN401 - what a recorder answers
    """Return an answer that is bad so many times and then good."""
    return lambda number, _: (status, b"not now") if number < times else (200, b"OK")


# one delivery


def test_a_test_call_delivers_what_is_signed_with_the_configured_secret(sandbox: Sandboxed, recorder: Recorder) -> None:
    assert sandbox.configure(f"{recorder.base}/hook?a=b", "order.paid", secret=SECRET).status == 200
    answer = sandbox.test("order.paid")
    (request,) = recorder.requests
    body = json.loads(request.body)
    assert (request.path, genuine(request)) == ("/hook?a=b", True)
    assert (request.header("content-type"), body["event"]) == ("application/json", "order.paid")
    assert abs(int(request.header("x-arky-timestamp") or "0") - time.time()) < 60
    told = answer.body["sandbox"]
    assert (answer.status, answer.body["success"]) == (200, True)
    assert {**told, "duration_ms": None} == {
        "event": "order.paid",
        "event_id": body["id"],
        "subscribed": True,
        "url": f"{recorder.base}/hook?a=b",
        "receiver_status": 200,
        "duration_ms": None,
        "error": None,
        "note": None,
    }
    record = sandbox.record("delivery")
    assert list(record) == [
        *("type", "event", "event_id", "provider", "url", "status", "ok", "duration_ms", "error", "response"),
        *("subscribed", "retry", "of", "next_s", "simulated"),
    ]
    assert (record["event_id"], record["status"], record["ok"], record["error"]) == (body["id"], 200, True, None)
    assert (record["retry"], record["of"], record["next_s"], record["simulated"]) == (0, 0, None, False)
    assert sandbox.record("call")["target"] == f"{sandbox.settings}/webhooks/test"


def test_each_test_is_an_event_of_its_own(sandbox: Sandboxed, recorder: Recorder) -> None:
    sandbox.configure(recorder.base, secret=SECRET)
    for _ in range(3):
        sandbox.test("order.paid")
    ids = [json.loads(request.body)["id"] for request in recorder.requests]
    assert len(set(ids)) == 3
    orders = [json.loads(request.body)["data"]["order"]["id"] for request in recorder.requests]
    assert len(set(orders)) == 3


@pytest.mark.parametrize("event", ["order.created", "email.bounced"])
def test_an_event_that_is_not_subscribed_is_delivered_and_that_is_said(
    cli: Cli, recorder: Recorder, event: str
) -> None:
    with sandboxed(cli, form="text") as sandbox:
        sandbox.configure(recorder.base, "order.paid", secret=SECRET)
        answer = sandbox.test(event)
        assert sandbox.end() == 0
        said = sandbox.rest()
    why = f"{event} is not subscribed: a test is delivered all the same"
    assert [json.loads(request.body)["event"] for request in recorder.requests] == [event]
    assert answer.body["success"]
    assert (answer.body["sandbox"]["subscribed"], answer.body["sandbox"]["note"]) == (False, why)
    delivered, called = said[-3:-1]
    assert f"==> {event} [" in delivered
    assert delivered.endswith("/  not subscribed\n")
    assert called.endswith(f"--> POST {sandbox.settings}/webhooks/test  200  {why}\n")


def test_a_webhook_without_a_secret_is_signed_with_the_providers_variable(signing: Cli, recorder: Recorder) -> None:
    with sandboxed(signing) as sandbox:
        sandbox.configure(recorder.base)
        sandbox.test("order.paid")
        # its own comes first
        sandbox.configure(recorder.base, secret=SECRET)
        sandbox.test("order.paid")
    first, second = recorder.requests
    assert (genuine(first, ARKY_SECRET), genuine(second, SECRET)) == (True, True)


def test_a_secret_can_come_from_a_file(cli: Cli, recorder: Recorder) -> None:
    (cli.folder / "secret").write_text("from the file\n")
    with sandboxed(cli, "--secret-file", "secret") as sandbox:
        sandbox.configure(recorder.base)
        assert sandbox.test("order.paid").body["success"]
    assert genuine(recorder.requests[0], "from the file")


@pytest.mark.parametrize("program", [one for one in PROGRAMS if one.provider == "arky"], ids=lambda one: one.name)
def test_real_receivers_take_what_it_delivers_and_refuse_another_secret(sandbox: Sandboxed, program: Program) -> None:
    with running(program, SECRET) as receiver:
        sandbox.configure(receiver.url, secret=SECRET)
        assert sandbox.test("order.paid").body["sandbox"]["receiver_status"] == 200
        sandbox.configure(receiver.url, secret="whsec_of_somebody_else")
        refused = sandbox.test("order.paid").body
    assert (refused["success"], refused["sandbox"]["receiver_status"]) == (False, 401)
    assert refused["sandbox"]["error"] == "the receiver answered 401"


def test_further_headers_of_a_webhook_are_sent(sandbox: Sandboxed, recorder: Recorder) -> None:
    headers = {"X-Team": "caf\u00e9", "User-Agent": "theirs"}
    webhook = sandbox.create(recorder.base, "order.paid", secret=SECRET, headers=headers).body["id"]
    assert sandbox.test_webhook(webhook, "d1").body["status"] == "succeeded"
    (request,) = recorder.requests
    # bytes are shown as Latin-1: UTF-8 went over the wire
    assert (request.header("x-team") or "").encode("latin-1").decode() == "caf\u00e9"
    assert [value for name, value in request.headers if name.lower() == "user-agent"] == ["theirs"]


# what is told of it


@pytest.mark.parametrize("status", [199 + 1, 204, 299])
def test_2xx_is_a_success(sandbox: Sandboxed, status: int) -> None:
    with recording(always(status)) as receiver:
        webhook = sandbox.create(receiver.base, "order.paid", secret=SECRET).body["id"]
        answer = sandbox.test_webhook(webhook, "d1").body
    assert (answer["status"], answer["provider_status_code"]) == ("succeeded", status)
    assert "error" not in answer


@pytest.mark.parametrize("status", [300, 401, 404, 500, 503])
def test_another_status_is_a_rejection(sandbox: Sandboxed, status: int) -> None:
    with recording(always(status, b"no")) as receiver:
        webhook = sandbox.create(receiver.base, "order.paid", secret=SECRET).body["id"]
        answer = sandbox.test_webhook(webhook, "d1").body
    assert list(answer) == ["delivery_id", "status", "provider_status_code", "error", "sandbox"]
    assert (answer["delivery_id"], answer["status"], answer["provider_status_code"]) == ("d1", "rejected", status)
    assert answer["error"] == f"the receiver answered {status}"


def test_no_answer_is_a_failure(sandbox: Sandboxed) -> None:
    port = unused_port()
    webhook = sandbox.create(f"http://127.0.0.1:{port}/", "order.paid", secret=SECRET).body["id"]
    answer = sandbox.test_webhook(webhook, "d1").body
    assert (answer["status"], "provider_status_code" in answer) == ("failed", False)
    assert answer["error"] == f"nothing listens on 127.0.0.1:{port}"


def test_an_answer_that_breaks_off_is_neither(sandbox: Sandboxed) -> None:
    broken = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"
    with raw_server(lambda _: broken) as receiver:
        webhook = sandbox.create(receiver.url, "order.paid", secret=SECRET).body["id"]
        answer = sandbox.test_webhook(webhook, "d1").body
    assert (answer["status"], answer["provider_status_code"]) == ("unknown", 200)
    assert answer["error"].startswith("the answer began with 200 but the connection was closed")


def test_a_receiver_beyond_the_vendors_deadline_is_given_up(cli: Cli) -> None:
    provider = ProviderFolder.copied("arky", cli.folder / "ours")
    replace(provider.description, "deadline_s = 5.0", "deadline_s = 0.4")
    release = threading.Event()

    def slow(_: int, __: Received) -> Answer:
        release.wait(PATIENCE_S)
        return 200, b""

    with recording(slow) as receiver, sandboxed(cli, "--provider", "./ours") as sandbox:
        webhook = sandbox.create(receiver.base, "order.paid", secret=SECRET).body["id"]
        answer = sandbox.test_webhook(webhook, "d1").body
        release.set()
        record = sandbox.record("delivery")
    assert (answer["status"], answer["error"]) == ("failed", "no answer within 0.4 s")
    # the deadline, and a generous second for a busy machine
    assert 400 <= record["duration_ms"] < 1400
    assert record["error"] == "timeout: no answer within 0.4 s"


def test_the_deadline_can_be_another(cli: Cli) -> None:
    release = threading.Event()

    def slow(_: int, __: Received) -> Answer:
        release.wait(PATIENCE_S)
        return 200, b""

    with recording(slow) as receiver, sandboxed(cli, "--timeout", "0.2") as sandbox:
        sandbox.configure(receiver.base, secret=SECRET)
        assert sandbox.test("order.paid").body["sandbox"]["error"] == "no answer within 0.2 s"
        release.set()


def test_nothing_goes_beyond_this_machine_unless_it_is_allowed(sandbox: Sandboxed) -> None:
    # an address for documentation (RFC 5737), which nobody has
    assert sandbox.configure("http://192.0.2.1/hook", secret=SECRET).status == 200
    error = sandbox.test("order.paid").body["sandbox"]["error"]
    assert error == "192.0.2.1, which is not this machine"


def test_not_even_then_to_a_cloud_metadata_service(cli: Cli) -> None:
    with sandboxed(cli, "--allow-remote") as sandbox:
        assert sandbox.configure("http://169.254.169.254/", secret=SECRET).status == 200
        error = sandbox.test("order.paid").body["sandbox"]["error"]
    assert error == "169.254.169.254, a cloud metadata service: hookctl never sends there"


def test_a_redirect_is_not_followed(sandbox: Sandboxed, recorder: Recorder) -> None:
    head = f"HTTP/1.1 307 Go\r\nLocation: {recorder.base}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with raw_server(lambda _: head.encode()) as receiver:
        sandbox.configure(receiver.url, secret=SECRET)
        answer = sandbox.test("order.paid").body
    assert (answer["success"], answer["sandbox"]["receiver_status"]) == (False, 307)
    assert recorder.requests == []


# again


def test_what_fails_is_delivered_again_as_the_same_event_signed_anew(cli: Cli) -> None:
    with recording(failing(2)) as receiver, sandboxed(cli, "--retry", "1.1s,0.1s,5s") as sandbox:
        sandbox.configure(receiver.base, "order.paid", secret=SECRET)
        answer = sandbox.test("order.paid").body
        # it is answered after the first try
        assert (answer["success"], answer["sandbox"]["receiver_status"]) == (False, 503)
        requests = receiver.wait(3, PATIENCE_S)
        records = [sandbox.record("delivery") for _ in range(3)]
        assert sandbox.end() == 0
        summary = sandbox.records()[-1]
    assert len({request.body for request in requests}) == 1
    assert [genuine(request) for request in requests] == [True] * 3
    # signed when it is sent, not when it happened
    first, second, _ = (int(request.header("x-arky-timestamp") or "0") for request in requests)
    assert second > first
    assert {record["event_id"] for record in records} == {json.loads(requests[0].body)["id"]}
    assert [(record["retry"], record["of"], record["next_s"]) for record in records] == [
        (0, 3, 1.1),
        (1, 3, 0.1),
        (2, 3, None),
    ]
    assert [(record["status"], record["simulated"]) for record in records] == [(503, False), (503, True), (200, True)]
    # the fourth was not needed
    assert (summary["deliveries"], summary["taken"], summary["waiting_retries"]) == (3, 1, 0)


def test_the_schedule_has_an_end(cli: Cli) -> None:
    with recording(always(500)) as receiver, sandboxed(cli, "--retry", "50ms,50ms") as sandbox:
        webhook = sandbox.create(receiver.base, "order.paid", secret=SECRET).body["id"]
        assert sandbox.test_webhook(webhook, "d1").body["status"] == "processing"
        assert final(sandbox, webhook, "d1")["status"] == "rejected"
        # asking is not delivering
        assert len(receiver.requests) == 3
        assert sandbox.end() == 0


def test_a_delivery_can_be_asked_for_by_its_name(cli: Cli) -> None:
    with recording(failing(1)) as receiver, sandboxed(cli, "--retry", "0.3s") as sandbox:
        webhook, other = (sandbox.create(receiver.base, "order.paid", secret=SECRET).body["id"] for _ in range(2))
        first = sandbox.test_webhook(webhook, "d1").body
        assert (first["status"], first["provider_status_code"]) == ("processing", 503)
        last = final(sandbox, webhook, "d1")
        assert (last["status"], last["provider_status_code"]) == ("succeeded", 200)
        assert last["sandbox"]["event_id"] == first["sandbox"]["event_id"]
        taken = sandbox.test_webhook(other, "d1")
        assert (taken.status, taken.body["details"]["field"]) == (409, "delivery_id")
        # a removed webhook's delivery is still one
        sandbox.call("DELETE", f"{sandbox.webhooks}/{webhook}")
        assert sandbox.test_webhook(webhook, "d1").body["status"] == "succeeded"


def test_a_second_question_while_the_receiver_is_still_busy_is_answered_at_once(cli: Cli) -> None:
    arrived, release = threading.Event(), threading.Event()

    def slow(_: int, __: Received) -> Answer:
        arrived.set()
        release.wait(PATIENCE_S)
        return 200, b""

    with recording(slow) as receiver, patient(cli) as sandbox, ThreadPoolExecutor(1) as thread:
        webhook = sandbox.create(receiver.base, "order.paid", secret=SECRET).body["id"]
        first = thread.submit(sandbox.test_webhook, webhook, "d1")
        assert arrived.wait(PATIENCE_S)
        assert sandbox.test_webhook(webhook, "d1").body["status"] == "processing"
        release.set()
        assert first.result(PATIENCE_S).body["status"] == "succeeded"
        assert len(receiver.requests) == 1


def test_the_oldest_deliveries_are_forgotten(cli: Cli, recorder: Recorder) -> None:
    with sandboxed(cli, "--timeout", "30") as sandbox, ThreadPoolExecutor(16) as threads:
        webhook = sandbox.create(recorder.base, "order.paid", secret=SECRET).body["id"]
        names = ["first", *(f"d{number}" for number in range(1000))]
        sandbox.test_webhook(webhook, names[0])
        list(threads.map(lambda name: sandbox.test_webhook(webhook, name), names[1:]))
        # one more than are kept: it is delivered anew
        assert len(recorder.requests) == 1001
        sandbox.test_webhook(webhook, "first")
        assert len(recorder.requests) == 1002


# many at once


def test_many_tests_at_once_all_arrive_and_a_slow_receiver_holds_up_no_call(cli: Cli) -> None:
    release = threading.Event()

    def slow(_: int, __: Received) -> Answer:
        release.wait(PATIENCE_S)
        return 200, b""

    with recording(slow) as receiver, patient(cli) as sandbox, ThreadPoolExecutor(12) as threads:
        sandbox.configure(receiver.base, secret=SECRET)
        under_way = [threads.submit(sandbox.test, "order.paid") for _ in range(12)]
        receiver.wait(12, PATIENCE_S)
        assert sandbox.call("GET", sandbox.settings).status == 200
        release.set()
        assert all(one.result(PATIENCE_S).body["success"] for one in under_way)
    assert len({json.loads(request.body)["id"] for request in receiver.requests}) == 12
    assert all(genuine(request) for request in receiver.requests)


def test_one_that_has_to_wait_for_its_turn_is_requested_and_not_yet_processing(cli: Cli) -> None:
    release = threading.Event()

    def slow(_: int, __: Received) -> Answer:
        release.wait(PATIENCE_S)
        return 200, b""

    with recording(slow) as receiver, patient(cli) as sandbox, ThreadPoolExecutor(18) as threads:
        webhook = sandbox.create(receiver.base, "order.paid", secret=SECRET).body["id"]
        # as many as are delivered at once
        busy = [threads.submit(sandbox.test_webhook, webhook, f"d{number}") for number in range(16)]
        receiver.wait(16, PATIENCE_S)
        # of two calls the second is answered at once, whichever that is
        both = [threads.submit(sandbox.test_webhook, webhook, "last") for _ in range(2)]
        answered = next(as_completed(both, PATIENCE_S))
        asked = answered.result().body["status"]
        release.set()
        others = [one for one in (*busy, *both) if one is not answered]
        assert {one.result(PATIENCE_S).body["status"] for one in others} == {"succeeded"}
    assert asked == "requested"
    assert len(receiver.requests) == 17


def test_a_new_secret_signs_from_then_on_and_retries_keep_the_old_one(cli: Cli) -> None:
    with recording(failing(1)) as receiver, sandboxed(cli, "--retry", "0.3s") as sandbox:
        sandbox.configure(receiver.base, secret=SECRET)
        sandbox.test("order.paid")
        sandbox.configure(receiver.base, secret="whsec_the_next_one")
        first, again = receiver.wait(2, PATIENCE_S)
        assert sandbox.test("order.paid").body["success"]
        third = receiver.requests[2]
    assert (genuine(first), genuine(again), genuine(third, "whsec_the_next_one")) == (True, True, True)


# what is bounded


def test_only_so_many_deliveries_wait_to_be_tried_again(cli: Cli) -> None:
    with recording(always(503)) as receiver, sandboxed(cli, "--retry", "1h", "--timeout", "60") as sandbox:
        sandbox.configure(receiver.base, secret=SECRET)
        with ThreadPoolExecutor(16) as threads:
            list(threads.map(lambda _: sandbox.test("order.paid"), range(1000)))
        sandbox.test("order.paid")
        sandbox.wait_for_error("note: 1,000 deliveries wait to be tried again: the next is tried once\n")
        assert sandbox.end() == 0
        records = sandbox.records()
    tries = [record for record in records if record["type"] == "delivery"]
    assert [record["next_s"] for record in tries] == [3600.0] * 1000 + [None]
    assert records[-1]["waiting_retries"] == 1000


def test_more_secrets_than_can_be_masked_are_not_taken(sandbox: Sandboxed) -> None:
    for number in range(1000):
        assert sandbox.configure("http://localhost/", secret=f"whsec_number_{number}").status == 200
    # an old one is none more
    assert sandbox.configure("http://localhost/", secret="whsec_number_7").status == 200
    refused = sandbox.configure("http://localhost/", secret="whsec_one_too_many")
    assert (refused.status, refused.body["details"]["field"]) == (409, "webhookSecret")
    assert sandbox.test("order.paid").status == 200


# what is never shown


@pytest.mark.parametrize("form", ["text", "ndjson"])
def test_a_secret_that_a_receiver_echoes_is_masked(cli: Cli, form: str) -> None:
    canary = "whsec_canary_in_the_sandbox"
    echo = b"HTTP/1.1 401 No\r\nX-Echo: %b\r\nContent-Length: %d\r\n\r\n%b" % ((canary.encode(), 27, canary.encode()))
    # the HTTP library quotes a line that it does not like
    quoted = b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % canary.encode()
    verbose = ("-v",) if form == "text" else ()
    with (
        raw_server(lambda _: echo) as receiver,
        raw_server(lambda _: quoted) as broken,
        sandboxed(cli, *verbose, form=form) as sandbox,
    ):
        answers = []
        for url in (receiver.url, broken.url):
            sandbox.configure(url, secret=canary)
            answers.append(sandbox.test("order.paid").raw)
        assert sandbox.end() == 0
        written = "".join(sandbox.rest()) + sandbox.errors
    assert "[secret]" in written
    assert "canary" not in written
    assert b"canary" not in b"".join(answers)
