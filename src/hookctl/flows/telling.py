"""Tells what happens in an event loop and writes it once a turn, so that not every event is a write of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

from hookctl.errors import HookctlError

if TYPE_CHECKING:
    from collections.abc import Callable

_Event = TypeVar("_Event")


class Teller(Generic[_Event]):
    """Passes events on to whoever writes them.

    Args:
        tell: is told of everything that happens, in order.
        flush: is called after a turn of the event loop in which something was told.
        give_up: is called when the user cannot be told any more.
    """

    def __init__(
        self, tell: Callable[[_Event], None], flush: Callable[[], None], give_up: Callable[[], object]
    ) -> None:
        self._tell = tell
        self._flush = flush
        self._give_up = give_up
        self._loop = asyncio.get_running_loop()
        self._flushing = False
        self._failure: HookctlError | None = None

    def emit(self, event: _Event) -> None:
        """Tell of something; never raises for what the user's side does."""
        try:
            self._tell(event)
        except HookctlError as error:
            self._failed(error)
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush_now)

    def close(self) -> None:
        """Write what is left.

        Raises:
            HookctlError: why the user could not be told.
        """
        self._flush_now()
        if self._failure is not None:
            raise self._failure

    def _flush_now(self) -> None:
        self._flushing = False
        try:
            self._flush()
        except HookctlError as error:
            self._failed(error)

    def _failed(self, error: HookctlError) -> None:
        # raised at the end: here it would be the peer's loss, or nobody's
        self._failure = self._failure or error
        self._give_up()
