"""The receiver that the pages have on localhost: a correct one, of every vendor that they speak of.

It verifies with nothing of hookctl's own, and acts on each event once.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
import time
from typing import TYPE_CHECKING, Any

from hookctl.receiver import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookctl.model import CapturedRequest

SECRETS = {
    "ARKY_WEBHOOK_SECRET": "whsec_your_secret_key",
    "ARCADE_SIGNING_SECRET": "your-signing-secret",
    "ACME_WEBHOOK_SECRET": "a-secret-for-tests",
}
"""The secrets that stand in the pages."""

_WINDOW_S = 300


class Receiver:
    """What a receiver is, without the server around it."""

    def __init__(self, secrets: Mapping[str, str] = SECRETS) -> None:
        self._secrets = {name: value.encode() for name, value in secrets.items()}
        self.acted: set[str] = set()
        """The ids of the events that it has acted on."""

    async def __call__(self, request: CapturedRequest) -> Reply:
        """Answer a request."""
        await asyncio.sleep(0)
        if request.method == "GET" and request.target in {"/count", "/health"}:
            return Reply(200, json.dumps({"orders": len(self.acted)}).encode())
        if request.method != "POST":
            return Reply(405, headers=(("Allow", "POST"),))
        if request.header("x-acme-sent") is not None:
            return self._acme(request)
        arcade = "arcade" in request.target or request.header("x-arcade-signature") is not None
        status = self._arcade(request) if arcade else self._arky(request)
        if status != 200:
            return Reply(status, b"Unauthorized")
        envelope = _object(request.body)
        if envelope is None:
            return Reply(400)
        self.acted.add(str(envelope.get("id") or hashlib.sha256(request.body).hexdigest()))
        return Reply(200, b"OK")

    def _arky(self, request: CapturedRequest) -> int:
        signature, timestamp = _text(request, "x-arky-signature"), _text(request, "x-arky-timestamp")
        if not re.fullmatch(r"[0-9]{1,12}", timestamp) or abs(time.time() - int(timestamp)) > _WINDOW_S:
            return 401
        signed = timestamp.encode() + b"." + request.body
        expected = hmac.new(self._secrets["ARKY_WEBHOOK_SECRET"], signed, "sha256").hexdigest()
        return 200 if signature == expected else 401

    def _arcade(self, request: CapturedRequest) -> int:
        given = {_text(request, "x-arcade-signature"), _text(request, "x-arcade-signature-2")} - {""}
        digest = hmac.new(self._secrets["ARCADE_SIGNING_SECRET"], request.body, "sha256").digest()
        return 401 if not given else 200 if base64.b64encode(digest).decode() in given else 403

    def _acme(self, request: CapturedRequest) -> Reply:
        signed = (request.header("x-acme-sent") or b"") + b":" + request.body
        expected = "sha512=" + hmac.new(self._secrets["ACME_WEBHOOK_SECRET"], signed, "sha512").hexdigest()
        return Reply(204 if _text(request, "x-acme-signature") == expected else 400)


def _text(request: CapturedRequest, header: str) -> str:
    return (request.header(header) or b"").decode("latin-1").strip()


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
