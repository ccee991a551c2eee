"""Hosts an ASGI application on hookctl's own server: `python -m tests.docs.asgi_host MODULE PORT`, in its folder."""

from __future__ import annotations

import importlib
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hookctl.receiver import BackgroundServer
from hookctl.sandbox.bridge import ask

if TYPE_CHECKING:
    from hookctl.model import CapturedRequest
    from hookctl.receiver import Reply


def main(module: str, port: str) -> None:
    """Serve until a signal ends the process."""
    sys.path.insert(0, str(Path.cwd()))
    app = importlib.import_module(module).app

    async def handle(request: CapturedRequest) -> Reply:
        return await ask(app, request, {})

    with BackgroundServer(handle, host="localhost", port=int(port)):
        signal.pause()


if __name__ == "__main__":
    main(*sys.argv[1:])
