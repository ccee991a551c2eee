"""Lets hookctl's own server answer with an ASGI application: limits, deadlines and the end of it all stay the server's.

See https://asgi.readthedocs.io/en/latest/specs/www.html for what is passed to and fro.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote

from hookctl.delivery.endpoint import own_path
from hookctl.receiver import SERVER_HEADERS, Reply

if TYPE_CHECKING:
    from hookctl.model import CapturedRequest

Message: TypeAlias = MutableMapping[str, Any]
App: TypeAlias = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]
"""An ASGI application."""


REMARK = "remark"
"""Name in an application's state of what whoever watches should know of a request."""


async def ask(app: App, request: CapturedRequest, state: dict[str, Any]) -> Reply:
    """Return an application's answer to a request.

    Args:
        app: is asked.
        request: as it arrived.
        state: what the application's `request.state` holds, before and afterwards.
    """
    path, _, query = own_path(request.target).partition("?")
    scope: Message = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": request.http_version,
        "method": request.method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers],
        "client": None,
        "server": None,
        "state": state,
    }
    arriving: list[Message] = [{"type": "http.request", "body": request.body, "more_body": False}]
    status = 500
    headers: list[tuple[bytes, bytes]] = []
    body = bytearray()

    async def receive() -> Message:
        return arriving.pop() if arriving else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            headers.extend(message.get("headers", ()))
        else:
            body.extend(message.get("body", b""))

    await app(scope, receive, send)
    lines = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    return Reply(status, bytes(body), tuple(line for line in lines if line[0].lower() not in SERVER_HEADERS))
