"""Receivers made with FastAPI, Flask, and neither: correct ones, and ones with a single flaw.

Also copied beside the tests that a run of pytest of its own collects, so it imports nothing of this repository.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import flask
from fastapi import FastAPI, Request, Response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

Headers = Any
"""What a framework hands over: asked with get() by name."""


def status_of(headers: Headers, body: bytes, flaw: str | None = None) -> int:
    """Return what a receiver of both vendors answers, with a flaw or without."""
    if flaw == "raises":
        raise ValueError("the handler is broken")
    if flaw == "accepts all":
        return 200
    arky = headers.get("x-arky-timestamp") is not None or headers.get("x-arky-signature") is not None
    given = headers.get("x-arky-signature" if arky else "x-arcade-signature")
    if given is None:
        return 401
    if flaw == "looks only whether there is one":
        return 200
    if flaw == "fails on a bad one" and not _matches(arky, headers, body, given, None):
        return 500
    return 200 if _matches(arky, headers, body, given, flaw) else 401 if arky else 403


def _matches(arky: bool, headers: Headers, body: bytes, given: str, flaw: str | None) -> bool:
    secret = os.environ.get("ARKY_WEBHOOK_SECRET" if arky else "ARCADE_SIGNING_SECRET", "")
    if flaw == "another secret":
        secret = "another secret"
    if flaw == "no secret":
        secret = ""
    if flaw == "cuts the prefix off":
        secret = secret.removeprefix("whsec_")
    key = base64.b64decode(secret.removeprefix("whsec_")) if flaw == "decodes the secret" else secret.encode()
    if flaw == "verifies parsed JSON":
        body = json.dumps(json.loads(body)).encode()
    if flaw == "verifies sorted JSON":
        body = json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")).encode()
    content = b"%s.%s" % (headers.get("x-arky-timestamp", "").encode(), body) if arky else body
    if flaw == "leaves the time out":
        content = body
    digest = hmac.digest(key, content, "sha256")
    as_hex = arky != (flaw == "takes the other encoding")
    return hmac.compare_digest(digest.hex() if as_hex else base64.b64encode(digest).decode(), given)


def fastapi_app(flaw: str | None = None, life: list[str] | None = None) -> FastAPI:
    """Return a receiver that says in `life` when it is started and shut down."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, str]]:
        if life is not None:
            life.append("started")
        yield {"shop": "ours"}
        if life is not None:
            life.append("shut down")

    app = FastAPI(lifespan=lifespan)

    async def hook(request: Request) -> Response:
        assert request.state.shop == "ours"
        body = await request.body()
        return Response(f"said {request.url.path}", status_code=status_of(request.headers, body, flaw))

    app.add_api_route("/api/webhooks/arky", hook, methods=["POST"])
    app.add_api_route("/hooks/arcade", hook, methods=["POST"])
    return app


def flask_app(flaw: str | None = None) -> flask.Flask:
    """Return a receiver."""
    app = flask.Flask("shop")

    def hook() -> tuple[str, int]:
        return f"said {flask.request.path}", status_of(flask.request.headers, flask.request.get_data(), flaw)

    app.add_url_rule("/api/webhooks/arky", "arky", hook, methods=["POST"])
    app.add_url_rule("/hooks/arcade", "arcade", hook, methods=["POST"])
    return app


def plain_wsgi(flaw: str | None = None) -> Callable[..., Iterable[bytes]]:
    """Return a receiver that is a function of environ and start_response."""

    def app(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): value
            for name, value in environ.items()
            if isinstance(value, str)
        }
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        start_response(f"{status_of(headers, body, flaw)} Some words", [("X-Path", environ["PATH_INFO"])])
        yield b"in "
        yield b"pieces"

    return app


def plain_asgi(flaw: str | None = None) -> Callable[..., Awaitable[None]]:
    """Return a receiver that is a coroutine function of scope, receive and send, and knows no lifespan."""

    async def app(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        assert scope["type"] == "http"
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        body = (await receive())["body"]
        status = status_of(headers, body, flaw)
        await send({"type": "http.response.start", "status": status, "headers": [(b"x-path", scope["raw_path"])]})
        await send({"type": "http.response.body", "body": b"in ", "more_body": True})
        await send({"type": "http.response.body", "body": b"pieces"})
        while (await receive())["type"] != "http.disconnect":
            pass

    return app


APPS: dict[str, Callable[..., Any]] = {
    "FastAPI": fastapi_app,
    "Flask": flask_app,
    "plain WSGI": plain_wsgi,
    "plain ASGI": plain_asgi,
}
