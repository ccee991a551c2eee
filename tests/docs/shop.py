"""The shop that the page about pytest tests: `app` and `create_app()` receive webhooks, and `our_sender` sends some."""

from __future__ import annotations

import asyncio
import http.client
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import flask
from fastapi import FastAPI, Request, Response

import hookctl
from hookctl.model import CapturedRequest
from tests.docs.receiver import SECRETS, Receiver

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hookctl.receiver import Reply


class Order:
    """The order that there is."""

    is_paid = False

    @classmethod
    def get(cls) -> type[Self]:
        """Return it."""
        return cls


async def _answer(path: str, headers: Iterable[tuple[str, str]], body: bytes) -> Reply:
    raw = tuple((name.encode(), value.encode()) for name, value in headers)
    reply = await Receiver()(CapturedRequest(0, "POST", path, "1.1", raw, body))
    Order.is_paid = reply.status == 200
    return reply


async def _hook(request: Request) -> Response:
    reply = await _answer(request.url.path, request.headers.items(), await request.body())
    return Response(b'{"ok":true}' if reply.status == 200 else b"", status_code=reply.status)


app = FastAPI()
for _path in ("/api/webhooks/arky", "/hooks"):
    app.add_api_route(_path, _hook, methods=["POST"])


def create_app() -> flask.Flask:
    """Return the shop as a WSGI app."""
    made = flask.Flask("shop")

    def hook() -> tuple[bytes, int]:
        reply = asyncio.run(_answer(flask.request.path, flask.request.headers.items(), flask.request.get_data()))
        return reply.body, reply.status

    made.add_url_rule("/api/webhooks/arky", "arky", hook, methods=["POST"])
    return made


class our_sender:  # noqa: N801 - a module, on the page
    """Sends webhooks, and tries again where one is not accepted."""

    @staticmethod
    def send_to(url: str) -> None:
        """Send one."""
        order = hookctl.render("order.paid")
        headers = order.sign(SECRETS["ARKY_WEBHOOK_SECRET"])
        status = 0
        while status != 200:
            where = urlsplit(url)
            connection = http.client.HTTPConnection(where.netloc, timeout=30)
            connection.request("POST", where.path, order.body, headers)
            status = connection.getresponse().status
            connection.close()
