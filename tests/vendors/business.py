"""A business API on loopback, both dialects, that keeps every request and can be told to fail.

Of plain sockets and the standard library: nothing of hookctl's own decides what was sent, nor what is answered.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.delivery.faults import response, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.delivery.faults import Connection

TOKEN = "arky-token-for-tests-4711"
ACCOUNT = "biz_abc123"
SECRET = "whsec_secret_at_the_vendors"
URL = "https://shop.example.com/api/webhooks/arky"
EVENTS = ["order.paid", "order.shipped"]
JSON = b"Content-Type: application/json"


@dataclass(frozen=True)
class Asked:
    """One request: its first line, its headers, its body."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        """The body as JSON."""
        return json.loads(self.body)


def settings() -> dict[str, Any]:
    """Return a business's settings with fields that hookctl has never heard of."""
    return {
        "timezone": "Europe/Sarajevo",
        "webhookUrl": URL,
        "webhookSecret": SECRET,
        "webhookEvents": list(EVENTS),
        "limits": {"orders": 12345678901234567890, "rate": 1.50, "names": ["a", None, True]},
    }


def hook(number: int = 1, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return a webhook of a store."""
    return {
        "id": f"wh_{number}",
        "store_id": ACCOUNT,
        "key": f"shop-{number}",
        "url": URL,
        "events": [{"event": name, "filter": name.upper()} for name in EVENTS],
        "headers": {"X-Shop": "1"},
        "secret": SECRET,
        "enabled": True,
        "created_at": 1700000000000,
        "updated_at": 1700000000000,
        **changes,
    }


@dataclass
class Business:
    """What is kept for the business, what was asked, and what goes wrong."""

    settings: Any = field(default_factory=settings)
    webhooks: list[dict[str, Any]] = field(default_factory=lambda: [hook()])
    replaces: bool = True
    """Whether a write loses what it leaves out."""
    masks: bool = False
    """Whether an answer shows the secret as a mask."""
    test_answer: Any = None
    asked: list[Asked] = field(default_factory=list)
    before: Callable[[Asked], bytes | None] | None = None
    """Sees each request first; what it returns is the answer, to the byte, and nothing is done."""
    after: Callable[[Asked], None] | None = None
    """Is called when a request has been carried out, before it is answered."""
    base: str = ""

    @property
    def writes(self) -> list[Asked]:
        """Every request but the reading ones."""
        return [asked for asked in self.asked if asked.method != "GET"]

    @property
    def url(self) -> str | None:
        """Where the webhook of the settings points to."""
        url: str | None = self.settings.get("webhookUrl")
        return url

    def play(self, connection: Connection) -> None:
        """Answer one connection."""
        data = connection.read_request()
        if not data:
            return
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        method, path, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        asked = Asked(method, path, headers, body)
        self.asked.append(asked)
        connection.send((self.before and self.before(asked)) or self._answer(asked))
        connection.finish()

    def _answer(self, asked: Asked) -> bytes:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return error(401, {"message": "Invalid token", "error": "UNAUTHORIZED", "statusCode": 401})
        for pattern, answer in (
            (rf"/v1/businesses/{ACCOUNT}", self._business),
            (rf"/v1/businesses/{ACCOUNT}/webhooks/test", self._test),
            (rf"/v1/stores/{ACCOUNT}/webhooks", self._stores),
            (rf"/v1/stores/{ACCOUNT}/webhooks/test", self._test),
            (rf"/v1/stores/{ACCOUNT}/webhooks/(wh_\d+)", self._store),
        ):
            match = re.fullmatch(pattern, asked.path)
            if match is not None:
                value = answer(asked, *match.groups())
                if self.after is not None:
                    self.after(asked)
                return response(200, b"" if value is None else json.dumps(value).encode(), JSON)
        return error(404, {"message": "Not found", "error": "NOT_FOUND", "statusCode": 404})

    def _business(self, asked: Asked) -> Any:  # noqa: ANN401
        if asked.method == "PUT":
            self.settings = self._written(self.settings, asked.json["settings"])
        return {"id": ACCOUNT, "name": "Shop", "settings": self._shown(self.settings, "webhookSecret")}

    def _stores(self, asked: Asked) -> Any:  # noqa: ANN401
        if asked.method == "POST":
            number = 1 + max((int(one["id"][3:]) for one in self.webhooks), default=0)
            made = {"id": f"wh_{number}", "store_id": ACCOUNT, **asked.json, "created_at": 1, "updated_at": 1}
            self.webhooks.append(made)
            return made
        return {"items": [self._shown(one, "secret") for one in self.webhooks], "cursor": None}

    def _store(self, asked: Asked, identifier: str) -> Any:  # noqa: ANN401
        index = next(index for index, one in enumerate(self.webhooks) if one["id"] == identifier)
        if asked.method == "DELETE":
            del self.webhooks[index]
            return {"deleted": True}
        made = {key: self.webhooks[index][key] for key in ("id", "store_id", "created_at")}
        self.webhooks[index] = {**made, **self._written(self.webhooks[index], asked.json)}
        return self._shown(self.webhooks[index], "secret")

    def _test(self, _: Asked) -> Any:  # noqa: ANN401
        return self.test_answer

    def _written(self, old: Any, new: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
        return dict(new) if self.replaces else {**(old or {}), **new}

    def _shown(self, record: Any, secret: str) -> Any:  # noqa: ANN401
        masked = isinstance(record, dict) and self.masks and record.get(secret)
        return {**record, secret: "whsec_****"} if masked else record


def error(status: int, body: object, *lines: bytes) -> bytes:
    """Return an error in JSON."""
    return response(status, json.dumps(body).encode(), JSON, *lines)


def refusing(*methods: str, answer: bytes) -> Callable[[Asked], bytes | None]:
    """Return a fault: requests of these methods get this answer, and nothing is done."""
    return lambda asked: answer if asked.method in methods else None


@contextmanager
def running(business: Business) -> Iterator[Business]:
    """Run a business API on a free port of 127.0.0.1."""
    with serve(business.play) as server:
        business.base = f"http://127.0.0.1:{server.port}"
        yield business
