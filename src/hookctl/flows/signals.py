"""What a command that goes on until it is told to end hears of it."""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class signals:  # noqa: N801 - read as a function
    """Turns SIGINT and SIGTERM into calls while the context lasts; a second SIGINT does not wait."""

    def __init__(self, loop: asyncio.AbstractEventLoop, call: Callable[[signal.Signals], None]) -> None:
        self._loop = loop
        self._call = call
        self._pressed = False
        self._handled: list[signal.Signals] = []

    def __enter__(self) -> None:
        # only the main thread hears signals, and Windows' loops take no handlers: Ctrl-C is an exception there
        if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.add_signal_handler(number, self._heard, number)
            self._handled.append(number)

    def __exit__(self, *_: object) -> None:
        for number in self._handled:
            self._loop.remove_signal_handler(number)

    def _heard(self, number: signal.Signals) -> None:
        if number is signal.SIGINT and self._pressed:
            raise KeyboardInterrupt
        self._pressed = self._pressed or number is signal.SIGINT
        self._call(number)
