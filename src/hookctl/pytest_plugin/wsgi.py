"""Calls a WSGI app (PEP 3333) in the test's own thread, as a server would."""

from __future__ import annotations

import sys
import time
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes, urlsplit

from hookctl.delivery.client import RESPONSE_LIMIT_BYTES
from hookctl.model import Attempt, Failure, FailureKind, Response
from hookctl.pytest_plugin.logged import LoggedException
from hookctl.pytest_plugin.receivers import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hookctl.model import SignedRequest

_UNPREFIXED = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


class WsgiReceiver:
    """A WSGI app.

    Args:
        app: the application.
        name: what it is called in messages.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]], name: str) -> None:
        self.name = name
        self._app = app

    def send(self, request: SignedRequest, timeout_s: float) -> Answer:
        """Call the app.

        It runs in the test's own thread, where its database connections and its context are: nothing can end it there
        when it takes too long.
        """
        del timeout_s
        started = time.perf_counter()
        response: Response | None = None
        raised: BaseException | None = None
        with LoggedException() as logged:
            try:
                response = self._call(request)
            except Exception as error:  # noqa: BLE001 - whatever an app raises is what there is to tell
                raised = error
        duration_ms = (time.perf_counter() - started) * 1000
        failure = None if raised is None else app_failure(raised)
        return Answer(Attempt(response, failure, duration_ms), raised, logged.exception)

    def close(self) -> None:
        """Nothing was started."""

    def _call(self, request: SignedRequest) -> Response:
        started: list[tuple[str, list[tuple[str, str]]]] = []
        body = bytearray()

        def start_response(
            status: str,
            headers: list[tuple[str, str]],
            exc_info: Any = None,  # noqa: ANN401 - as sys.exc_info()
        ) -> Callable[[bytes], object]:
            if exc_info is not None and body:
                raise exc_info[1].with_traceback(exc_info[2])
            started[:] = [(status, headers)]
            return body.extend

        chunks = self._app(environ(request), start_response)
        try:
            for chunk in chunks:
                body += chunk
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        if not started:
            raise RuntimeError("the app did not call start_response")
        status, headers = started[0]
        lines = tuple((str(name), str(value)) for name, value in headers)
        return Response(int(status[:3]), lines, bytes(body[:RESPONSE_LIMIT_BYTES]), len(body) > RESPONSE_LIMIT_BYTES)


def environ(request: SignedRequest) -> dict[str, object]:
    """Return a request as a WSGI server hands it to its app."""
    parts = urlsplit(request.url)
    found: dict[str, object] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        # text whose characters are the path's bytes
        "PATH_INFO": unquote_to_bytes(parts.path or "/").decode("latin-1"),
        "QUERY_STRING": parts.query,
        "SERVER_NAME": parts.hostname or "localhost",
        "SERVER_PORT": str(parts.port or 80),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(request.body)),
        "HTTP_HOST": parts.netloc,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers:
        lower = name.lower()
        key = _UNPREFIXED.get(lower) or f"HTTP_{lower.replace('-', '_').upper()}"
        # as servers join repeated headers
        found[key] = f"{found[key]},{value}" if key in found else value
    return found


def app_failure(error: BaseException) -> Failure:
    """Return what a client sees of an app that raises, with what it raised."""
    return Failure(FailureKind.RESET, f"the app raised {described(error)}")


def described(error: BaseException) -> str:
    """Return an exception in a few words."""
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
