"""A capture server for callers without an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Self

from hookctl.receiver.server import CaptureServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from hookctl.receiver.connection import Clock, Handler, OnError
    from hookctl.receiver.limits import Limits
    from hookctl.receiver.refusal import OnRefused

_log = logging.getLogger(__name__)
# binding may have to resolve a name
_START_S = 15.0
# beyond the grace: cancelling handlers and closing the loop
_STOP_MARGIN_S = 3.0


class BackgroundServer:
    """Runs a `CaptureServer` on an event loop of its own, in a daemon thread, while the context lasts.

    The handler runs in that thread.

    Args:
        handler: answers the requests.
        host: the address to listen on.
        port: the TCP port, or 0 for any free one.
        grace_s: seconds that leaving the context gives to requests under way.
        limits: as for `CaptureServer`.
        clock: as for `CaptureServer`.
        on_error: as for `CaptureServer`; called in the server's thread.
        on_refused: as for `CaptureServer`; called in the server's thread.
        new_loop: makes the event loop; asyncio's own without it.
    """

    def __init__(  # noqa: PLR0913 - each by its name
        self,
        handler: Handler,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        grace_s: float = 5.0,
        limits: Limits | None = None,
        clock: Clock | None = None,
        on_error: OnError | None = None,
        on_refused: OnRefused | None = None,
        new_loop: Callable[[], asyncio.AbstractEventLoop] | None = None,
    ) -> None:
        self._server = CaptureServer(handler, limits=limits, clock=clock, on_error=on_error, on_refused=on_refused)
        self._new_loop = new_loop
        self._host = host
        self._port = port
        self._grace_s = grace_s
        self._thread = threading.Thread(target=self._run, name="hookctl-receiver", daemon=True)
        self._started: Future[asyncio.AbstractEventLoop] = Future()
        self._stop = asyncio.Event()

    def __enter__(self) -> Self:
        """Start listening.

        Raises:
            InputError: the address cannot be listened on.
            TimeoutError: starting took too long.
            RuntimeError: the context was entered before.
        """
        self._thread.start()
        try:
            self._started.result(timeout=_START_S)
        except BaseException:
            # Ctrl-C may arrive here, and there will be no __exit__
            if not self._started.cancel() and self._started.exception() is None:
                self._shut_down()
            self._thread.join(_STOP_MARGIN_S)
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the server and wait for its thread, for the grace and a little more at most."""
        self._shut_down()

    @property
    def host(self) -> str:
        """The address that is listened on, in digits; the first of `addresses`."""
        return self._server.host

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses that are listened on, in digits."""
        return self._server.addresses

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._server.port

    @property
    def url(self) -> str:
        """The server's URL without a path."""
        return self._server.url

    def _shut_down(self) -> None:
        loop = self._started.result(timeout=_STOP_MARGIN_S)
        # a handler that raises SystemExit ends the loop before its time
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(self._grace_s + _STOP_MARGIN_S)
        if self._thread.is_alive():
            _log.warning("the server on %s did not stop: its handler blocks the event loop", self.url)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=self._new_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        try:
            await self._server.start(self._host, self._port)
        except BaseException as error:  # noqa: BLE001 - it belongs to the thread that waits for the start
            if self._started.set_running_or_notify_cancel():
                self._started.set_exception(error)
            return
        if self._started.set_running_or_notify_cancel():
            self._started.set_result(asyncio.get_running_loop())
            await self._stop.wait()
        await self._server.stop(self._grace_s)
