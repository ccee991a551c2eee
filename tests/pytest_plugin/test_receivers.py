"""Real apps and the fixture, in this very process: correct receivers pass with every event and every tampered one."""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import hookctl
from hookctl.pytest_plugin import UnexpectedAnswerError, WebhookEvent
from tests.cli.recorder import unused_port
from tests.pytest_plugin.apps import APPS, fastapi_app, flask_app, plain_asgi

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookctl.pytest_plugin import WebhookCapture, Webhooks


def _path(event: str) -> str | None:
    return "/hooks/arcade" if event.startswith("formSubmission") else None


@pytest.mark.webhook_events
def test_every_event_reaches_a_fastapi_app(webhooks: Webhooks, webhook_event: WebhookEvent) -> None:
    response = webhooks.deliver(fastapi_app(), webhook_event, path=_path(webhook_event))
    assert (response.status, response.request.event) == (200, webhook_event)


@pytest.mark.webhook_events
def test_every_event_reaches_a_flask_app(webhooks: Webhooks, webhook_event: WebhookEvent) -> None:
    response = webhooks.deliver(flask_app(), webhook_event, path=_path(webhook_event))
    assert response.text == f"said {response.request.path}"


@pytest.mark.parametrize("app", APPS)
@pytest.mark.webhook_events("order.paid", "formSubmission.created")
def test_every_tampered_one_is_refused(
    webhooks: Webhooks, webhook_event: WebhookEvent, webhook_tamper: str, app: str
) -> None:
    response = webhooks.deliver(APPS[app](), webhook_event, tamper=webhook_tamper, path=_path(webhook_event))
    expected = 401 if webhook_event == "order.paid" or webhook_tamper == "missing" else 403
    assert response.status == expected


@pytest.mark.parametrize("app", ["plain WSGI", "plain ASGI"])
def test_an_app_is_called_as_servers_call_it(webhooks: Webhooks, app: str) -> None:
    response = webhooks.deliver(APPS[app](), "order.paid", path="/caf%C3%A9/x?a=1&b=%20")
    assert (response.status, response.text) == (200, "in pieces")
    said = "/caf%C3%A9/x" if app == "plain ASGI" else "/café/x".encode().decode("latin-1")
    assert response.headers == {"x-path": said}
    assert response.duration_s > 0


def test_an_app_lives_for_the_length_of_a_test(webhooks: Webhooks) -> None:
    life: list[str] = []
    app = fastapi_app(life=life)
    with webhooks:
        webhooks.deliver(app, "order.paid")
        webhooks.deliver(app, "order.paid")
        assert life == ["started"]
    assert life == ["started", "shut down"]
    assert not [thread for thread in threading.enumerate() if thread.name == "hookctl-asgi"]


def test_it_works_where_a_loop_is_running_already(webhooks: Webhooks) -> None:
    said = contextvars.ContextVar("said", default="nothing")

    async def app(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": said.get().encode()})

    async def as_a_coroutine() -> str:
        said.set("the test's context")
        return webhooks.deliver(app, "order.paid").text

    assert asyncio.run(as_a_coroutine()) == "the test's context"


def test_a_request_suits_any_test_client(webhooks: Webhooks) -> None:
    made = webhooks.request("order.paid", set={"data.order.total": 7}, headers={"X-Request-Id": "1"})
    assert made.json()["data"]["order"]["total"] == 7
    assert (made.method, made.path, made.provider, made.tamper) == ("POST", "/api/webhooks/arky", "arky", None)

    async def post() -> int:
        transport = httpx.ASGITransport(app=plain_asgi())
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            return (await client.post(made.path, content=made.body, headers=made.headers)).status_code

    assert asyncio.run(post()) == 200
    flask_client = flask_app().test_client()
    assert flask_client.post(made.path, data=made.body, headers=made.headers).status_code == 200
    transport = httpx.WSGITransport(app=flask_app())
    with httpx.Client(transport=transport, base_url="http://shop") as other:
        spoiled = webhooks.request("order.paid", tamper="signature")
        assert other.post(spoiled.path, content=spoiled.body, headers=spoiled.headers).status_code == 401
    # the documented path of one that documents none
    assert webhooks.request("formSubmission.created").path == "/"


def test_what_is_made_in_one_test_is_about_the_same_things(webhooks: Webhooks) -> None:
    created, paid, again = (webhooks.request(name) for name in ("order.created", "order.paid", "order.paid"))
    assert created.json()["data"]["order"]["id"] == paid.json()["data"]["order"]["id"]
    assert len({created.event_id, paid.event_id, again.event_id}) == 3
    one, other = (webhooks.request("order.paid", seed=1, at=1704067200) for _ in range(2))
    assert (
        one.json()["data"]
        == other.json()["data"]
        == json.loads(hookctl.render("order.paid", seed=1, at=1704067200).body)["data"]
    )


def test_the_same_request_is_delivered_again_to_the_byte(webhooks: Webhooks) -> None:
    seen: list[bytes] = []

    async def app(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        seen.append((await receive())["body"] + repr(scope["headers"]).encode())
        await send({"type": "http.response.start", "status": 202})
        await send({"type": "http.response.body"})

    made = webhooks.request("order.paid")
    assert webhooks.deliver(app, made, expect=202).request is made
    webhooks.deliver(app, made, expect="200,202")
    assert seen[0] == seen[1]
    with pytest.raises(hookctl.HookctlError, match="the request is made already: at cannot go with it"):
        webhooks.deliver(app, made, at=1)


def test_a_body_of_ones_own_is_signed_byte_for_byte(webhooks: Webhooks) -> None:
    body = b'{"event" : "order.paid"}\n'
    made = webhooks.request(provider="arky", body=body)
    assert (made.body, made.event) == (body, "order.paid")
    webhooks.deliver(flask_app(), made)
    with pytest.raises(hookctl.HookctlError, match="body is the whole body"):
        webhooks.request("order.paid", body=body, set={"data.order.total": 1})


def test_secrets_rotate(webhooks: Webhooks, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(hookctl.HookctlError, match="needs the previous secret of Arcade"):
        webhooks.request("formSubmission.created", rotate="both")
    monkeypatch.setenv("ARCADE_SIGNING_SECRET_PREVIOUS", "the one before")
    made = webhooks.request("formSubmission.created", rotate="old")
    assert hookctl.verify("arcade", made.headers, made.body, "the one before")
    both = webhooks.request("formSubmission.created", rotate="both")
    assert "x-arcade-signature-2" in both.headers


def test_a_secret_of_the_test_s_own_is_used(webhooks: Webhooks) -> None:
    made = webhooks.request("order.paid", secret="of the test")
    assert hookctl.verify("arky", made.headers, made.body, "of the test")
    with pytest.raises(UnexpectedAnswerError, match="signed with: the secret that the test gives"):
        webhooks.deliver(flask_app(), made)


def test_a_secret_of_the_environment_is_used(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARKY_WEBHOOK_SECRET", "of the environment")
    webhooks: Webhooks = request.getfixturevalue("webhooks")
    assert webhooks.secret("arky") == "of the environment"
    webhooks.deliver(flask_app(), "order.paid")
    made_up = webhooks.secret("arcade")
    assert made_up
    assert hookctl.verify("arcade", (made := webhooks.request("formSubmission.created")).headers, made.body, made_up)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"event": "order.padi"}, "unknown event 'order.padi'"),
        ({"event": "order.paid", "set": {"data.order.totl": 1}}, "has no data.order.totl"),
        ({"event": "order.paid", "tamper": "boddy"}, "unknown value of tamper 'boddy'"),
        ({"event": "order.paid", "rotate": "both"}, "Arky documents no second signature"),
        ({"event": "formSubmission.created", "tamper": "timestamp"}, "tamper timestamp: Arcade signs no timestamp"),
        ({"event": "order.paid", "headers": {"X-Arky-Signature": "0"}}, "belongs to the signature"),
        ({}, "which event?"),
        ({"event": "order.paid", "provider": "./nowhere"}, "it has no provider.toml"),
    ],
)
def test_what_cannot_be_made_is_refused_with_what_to_do(
    webhooks: Webhooks, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(hookctl.HookctlError, match=message):
        webhooks.request(**arguments)


@pytest.mark.parametrize(
    ("to", "options", "kind", "message"),
    [
        (fastapi_app(), {"event": "formSubmission.created"}, hookctl.HookctlError, "no path for Arcade"),
        ("https://example.com/", {"event": "order.paid"}, hookctl.HookctlError, "is beyond this machine"),
        ("http://", {"event": "order.paid"}, hookctl.HookctlError, "is not a URL|names no host"),
        ("http://localhost/a", {"event": "order.paid", "path": "/b"}, hookctl.HookctlError, "has a path already"),
        (fastapi_app(), {"event": "order.paid", "expect": 42}, hookctl.HookctlError, "'42' is not a status"),
        (None, {"event": "order.paid"}, TypeError, "takes a WSGI or ASGI app, a URL or a port, not None"),
        (flask_app().test_client(), {"event": "order.paid"}, TypeError, "takes a WSGI or ASGI app"),
        (print, {"event": "order.paid"}, TypeError, "takes a WSGI or ASGI app"),
    ],
)
def test_what_cannot_be_delivered_is_refused(
    webhooks: Webhooks, to: object, options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        webhooks.deliver(to, **options)


def test_a_url_is_delivered_to(webhooks: Webhooks, capture_server: WebhookCapture) -> None:
    webhooks.deliver(f"{capture_server.url}/hooks", "order.paid")
    port = int(capture_server.url.rpartition(":")[2])
    webhooks.deliver(port, "order.paid")
    webhooks.deliver(port, "formSubmission.created", path="/arcade")
    webhooks.deliver(capture_server.url, "order.paid", path="/elsewhere")
    paths = [one.path for one in capture_server.deliveries]
    assert paths == ["/hooks", "/api/webhooks/arky", "/arcade", "/elsewhere"]
    assert all(one.verification for one in capture_server.deliveries)
    with pytest.raises(UnexpectedAnswerError, match=r"order.paid: nothing listens on"):
        webhooks.deliver(f"http://127.0.0.1:{unused_port()}/", "order.paid")


def test_an_app_that_logs_what_it_catches_leaves_no_handler_behind(webhooks: Webhooks) -> None:
    before = list(logging.getLogger().handlers)
    with pytest.raises(UnexpectedAnswerError) as raised:
        webhooks.deliver(flask_app("raises"), "order.paid")
    assert isinstance(raised.value.__cause__, ValueError)
    assert logging.getLogger().handlers == before


@pytest.mark.parametrize(
    ("status", "tamper", "expect", "told"),
    [
        (200, None, None, None),
        (204, None, None, None),
        (302, None, None, "was not accepted: answered 302, expected 2xx"),
        (404, None, None, "to do: is that the path of the webhook's route?"),
        (405, None, None, "to do: the route is there, but takes no POST"),
        (201, None, 200, "was accepted with 201, expected 200"),
        (201, None, "200,201", None),
        (401, "body", None, None),
        (400, "body", None, None),
        (401, "body", 403, "was answered 401, expected 403"),
        (400, "body", "4xx", None),
        # what has not come to look at the signature has not refused it
        (404, "body", None, "why: the app has not come to look at the signature"),
        (415, "missing", None, "why: the app has not come to look at the signature"),
        (302, "body", None, "why it matters: a refusal is a 4xx"),
        (429, "body", None, "was answered 429"),
        (500, "body", None, "why it matters: a receiver that fails is sent the same again"),
        (200, "timestamp", None, "to do: sign what the scheme signs"),
    ],
)
def test_an_answer_is_right_or_told(
    webhooks: Webhooks, status: int, tamper: str | None, expect: int | str | None, told: str | None
) -> None:
    async def app(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": status})
        await send({"type": "http.response.body"})

    if told is None:
        assert webhooks.deliver(app, "order.paid", tamper=tamper, expect=expect).status == status
        return
    with pytest.raises(UnexpectedAnswerError) as raised:
        webhooks.deliver(app, "order.paid", tamper=tamper, expect=expect)
    assert told in str(raised.value)


def test_an_answer_that_does_not_come_in_time_fails(webhooks: Webhooks) -> None:
    async def app(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        assert scope["type"] == "http"
        await asyncio.Event().wait()

    with pytest.raises(UnexpectedAnswerError, match=r"order.paid: no answer within 0.05 s"):
        webhooks.deliver(app, "order.paid", timeout_s=0.05)


def test_no_failure_shows_the_secret(webhooks: Webhooks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARKY_WEBHOOK_SECRET", "canary-0123456789")

    async def app(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 401})
        await send({"type": "http.response.body", "body": b"canary-0123456789 is not it \x1b[31m"})

    with pytest.raises(UnexpectedAnswerError, match=r"\[secret\] is not it \\x1b\[31m") as raised:
        webhooks.deliver(app, "order.paid")
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize("when", ["startup", "shutdown"])
def test_an_app_that_does_not_start_or_end_is_told(webhooks: Webhooks, when: str) -> None:
    async def app(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body"})
            return
        while True:
            kind = (await receive())["type"]
            failed = kind == f"lifespan.{when}"
            await send({"type": f"{kind}.{'failed' if failed else 'complete'}", "message": "no database"})
            if failed or kind == "lifespan.shutdown":
                return

    def use() -> None:
        with webhooks:
            webhooks.deliver(app, "order.paid")

    word = "start" if when == "startup" else "shut down"
    with pytest.raises(AssertionError, match=f"the app app did not {word}: no database"):
        use()
