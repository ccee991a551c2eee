"""Calls an ASGI app on an event loop of its own, in a thread: a test may be a coroutine itself, or none."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from hookctl.delivery.client import RESPONSE_LIMIT_BYTES
from hookctl.model import Attempt, Failure, FailureKind, Response
from hookctl.pytest_plugin.logged import LoggedException
from hookctl.pytest_plugin.receivers import Answer, LifespanError
from hookctl.pytest_plugin.wsgi import app_failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookctl.model import SignedRequest

_START_S = 60.0
"""How long an app may take to start, and to shut down."""

_VERSIONS = {"version": "3.0", "spec_version": "2.3"}


class AsgiReceiver:
    """An ASGI app, started by its first request and shut down by `close()`.

    Args:
        app: the application.
        name: what it is called in messages.
    """

    def __init__(self, app: Callable[..., Any], name: str) -> None:
        self.name = name
        self._app = app
        self._state: dict[str, Any] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started: Future[asyncio.AbstractEventLoop] = Future()
        self._stop: asyncio.Event | None = None
        self._ended: Future[None] = Future()
        self._thread: threading.Thread | None = None

    def send(self, request: SignedRequest, timeout_s: float) -> Answer:
        """Call the app, which is started first where it was not."""
        loop = self._start()
        started = time.perf_counter()
        exchange = _Exchange(request, self._state)
        with LoggedException() as logged:
            # in the test's context: what it has set there is what the app sees
            done = asyncio.run_coroutine_threadsafe(exchange.run(self._app), loop)
            failure: Failure | None = None
            raised: BaseException | None = None
            try:
                done.result(timeout_s)
            except TimeoutError as error:
                if done.done():
                    raised = error
                else:
                    done.cancel()
                    failure = Failure(FailureKind.TIMEOUT, f"no answer within {timeout_s:g} s")
            except Exception as error:  # noqa: BLE001 - whatever an app raises is what there is to tell
                raised = error
        response = exchange.response()
        if raised is not None and failure is None and response is None:
            failure = app_failure(raised)
        if response is None and failure is None:
            failure = Failure(FailureKind.RESET, "the app ended without an answer")
        return Answer(Attempt(response, failure, (time.perf_counter() - started) * 1000), raised, logged.exception)

    def close(self) -> None:
        """Shut the app down.

        Raises:
            LifespanError: it did not shut down.
        """
        if self._thread is None or self._loop is None or self._stop is None:
            return
        self._loop.call_soon_threadsafe(self._stop.set)
        try:
            self._ended.result(_START_S)
        except TimeoutError:
            raise LifespanError(f"{self.name} did not shut down within {_START_S:g} s") from None
        self._thread.join(_START_S)

    def _start(self) -> asyncio.AbstractEventLoop:
        if self._thread is None:
            context = contextvars.copy_context()
            self._thread = threading.Thread(target=context.run, args=(self._run,), name="hookctl-asgi", daemon=True)
            self._thread.start()
        if self._loop is None:
            try:
                self._loop = self._started.result(_START_S)
            except TimeoutError:
                raise LifespanError(f"{self.name} did not start within {_START_S:g} s") from None
        return self._loop

    def _run(self) -> None:
        try:
            with asyncio.Runner() as runner:
                runner.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - it belongs to the thread that waits
            waiting = self._ended if self._started.done() else self._started
            waiting.set_exception(error)
        else:
            self._ended.set_result(None)

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        lifespan = _Lifespan(self._app, self._state, self.name)
        await lifespan.start()
        self._started.set_result(asyncio.get_running_loop())
        await self._stop.wait()
        await lifespan.stop()


class _Lifespan:
    """The lifespan of an app, which it may not have: then nothing is started and nothing shut down."""

    def __init__(self, app: Callable[..., Any], state: dict[str, Any], name: str) -> None:
        self._app = app
        self._state = state
        self._name = name
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        scope = {"type": "lifespan", "asgi": _VERSIONS, "state": self._state}
        self._task = asyncio.create_task(_called(self._app, scope, self._to_app.get, self._from_app.put))
        message = await self._ask("lifespan.startup")
        if message is None:
            # an app without a lifespan raises, or returns: as servers do, it goes on without
            return
        if message["type"] == "lifespan.startup.failed":
            raise LifespanError(f"{self._name} did not start: {message.get('message', '')}") from self._raised()

    async def stop(self) -> None:
        assert self._task is not None  # noqa: S101 - it was started
        if self._task.done():
            return
        message = await self._ask("lifespan.shutdown")
        if message is not None and message["type"] == "lifespan.shutdown.failed":
            raise LifespanError(f"{self._name} did not shut down: {message.get('message', '')}") from self._raised()
        await self._task

    async def _ask(self, kind: str) -> dict[str, Any] | None:
        """Tell the app what is to happen and return what it says, or None when it ends without a word."""
        assert self._task is not None  # noqa: S101 - it was started
        await self._to_app.put({"type": kind})
        answer = asyncio.create_task(self._from_app.get())
        await asyncio.wait({answer, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done() and self._from_app.empty():
            answer.cancel()
            # looked at, so that nobody warns of it
            self._raised()
            return None
        message = await answer
        if message["type"].endswith(".failed"):
            await asyncio.wait({self._task})
        return message

    def _raised(self) -> BaseException | None:
        done = self._task is not None and self._task.done() and not self._task.cancelled()
        return self._task.exception() if done and self._task is not None else None


class _Exchange:
    """One request, and what the app sends back."""

    def __init__(self, request: SignedRequest, state: dict[str, Any]) -> None:
        self._request = request
        self._state = state
        self._status: int | None = None
        self._headers: tuple[tuple[str, str], ...] = ()
        self._body = bytearray()
        self._complete = asyncio.Event()
        self._read = False

    async def run(self, app: Callable[..., Any]) -> None:
        """Call the app."""
        await _called(app, self._scope(), self._receive, self._send)

    def response(self) -> Response | None:
        """Return what has arrived of the answer."""
        if self._status is None:
            return None
        body = bytes(self._body[:RESPONSE_LIMIT_BYTES])
        return Response(self._status, self._headers, body, len(self._body) > RESPONSE_LIMIT_BYTES)

    def _scope(self) -> dict[str, Any]:
        parts = urlsplit(self._request.url)
        ours = (("host", parts.netloc), ("content-length", str(len(self._request.body))))
        return {
            "type": "http",
            "asgi": _VERSIONS,
            "http_version": "1.1",
            "method": self._request.method,
            "scheme": parts.scheme,
            "path": unquote(parts.path or "/"),
            "raw_path": (parts.path or "/").encode("ascii"),
            "query_string": parts.query.encode("ascii"),
            "root_path": "",
            "headers": [
                (name.lower().encode("latin-1"), value.encode("latin-1"))
                for name, value in (*ours, *self._request.headers)
            ],
            "client": ("127.0.0.1", 50000),
            "server": (parts.hostname, parts.port or 80),
            "state": self._state.copy(),
        }

    async def _receive(self) -> dict[str, Any]:
        if not self._read:
            self._read = True
            return {"type": "http.request", "body": self._request.body, "more_body": False}
        # the client stays until it has the answer
        await self._complete.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = tuple(
                (name.decode("latin-1"), value.decode("latin-1")) for name, value in message.get("headers", ())
            )
        elif message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                self._complete.set()


async def _called(app: Callable[..., Any], *arguments: object) -> None:
    await app(*arguments)
