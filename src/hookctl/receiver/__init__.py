"""Receives webhooks: an HTTP/1.1 server that keeps requests as they arrive and hands them to a handler."""

from __future__ import annotations

from hookctl.receiver.background import BackgroundServer
from hookctl.receiver.connection import Handler, OnError
from hookctl.receiver.limits import Limits
from hookctl.receiver.reply import Reply
from hookctl.receiver.server import CaptureServer

__all__ = ["BackgroundServer", "CaptureServer", "Handler", "Limits", "OnError", "Reply"]
