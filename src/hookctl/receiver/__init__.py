"""Receives webhooks: an HTTP/1.1 server that keeps requests as they arrive and hands them to a handler."""

from __future__ import annotations

from hookctl.receiver.background import BackgroundServer
from hookctl.receiver.connection import Handler, OnError
from hookctl.receiver.limits import Limits
from hookctl.receiver.loop import new_event_loop, run
from hookctl.receiver.refusal import OnRefused, Refusal
from hookctl.receiver.reply import SERVER_HEADERS, LaterReply, Reply
from hookctl.receiver.server import CaptureServer

__all__ = [
    "SERVER_HEADERS",
    "BackgroundServer",
    "CaptureServer",
    "Handler",
    "LaterReply",
    "Limits",
    "OnError",
    "OnRefused",
    "Refusal",
    "Reply",
    "new_event_loop",
    "run",
]
