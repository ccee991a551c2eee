"""The ways to a receiver: an app inside the test's process, by WSGI or ASGI, or a URL."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from hookctl.model import Attempt, SignedRequest


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request."""

    attempt: Attempt
    raised: BaseException | None = None
    """What the app raised: nothing else would have been answered by a server."""
    logged: BaseException | None = None
    """What the app caught and logged while it answered."""


class LifespanError(AssertionError):
    """An app could not start, or did not shut down."""

    __module__ = "hookctl.pytest_plugin"


class Receiver(Protocol):
    """A receiver that requests can be sent to."""

    @property
    def name(self) -> str:
        """What it is, in words."""

    def send(self, request: SignedRequest, timeout_s: float) -> Answer:
        """Send a request and return what came of it; raises nothing for what an app or a network can do."""

    def close(self) -> None:
        """End what was started for it."""


class UrlReceiver:
    """A receiver behind a URL.

    Args:
        allow_remote: whether it may be beyond this machine.
    """

    def __init__(self, *, allow_remote: bool) -> None:
        self._allow_remote = allow_remote

    @property
    def name(self) -> str:
        """What it is: the URL of the request says where."""
        return ""

    def send(self, request: SignedRequest, timeout_s: float) -> Answer:
        """Send a request over a connection of its own."""
        import os

        from hookctl.delivery import Client, ClientOptions

        with Client(ClientOptions(env=os.environ)) as client:
            return Answer(client.deliver(request, timeout_s=timeout_s, loopback_only=not self._allow_remote))

    def close(self) -> None:
        """Nothing is left to end."""


def receiver_of(app: object) -> Receiver:
    """Return the way to an app.

    Raises:
        TypeError: it is neither a WSGI nor an ASGI application.
    """
    takes = _arguments(app)
    if callable(app) and (_is_async(app) or takes == 3):
        from hookctl.pytest_plugin.asgi import AsgiReceiver

        return AsgiReceiver(app, _name(app))
    if callable(app) and takes == 2:
        from hookctl.pytest_plugin.wsgi import WsgiReceiver

        return WsgiReceiver(app, _name(app))
    raise TypeError(
        f"deliver() takes a WSGI or ASGI app, a URL or a port, not {app!r}: an app is called with (environ, "
        "start_response) or (scope, receive, send)"
    )


def _is_async(app: Any) -> bool:  # noqa: ANN401 - whatever was given
    return inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(getattr(app, "__call__", None))  # noqa: B004


def _arguments(app: object) -> int:
    """Return how many arguments an app must be called with; 0 for what cannot be called."""
    try:
        parameters = inspect.signature(app).parameters.values()  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return 0
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(one.kind in positional and one.default is inspect.Parameter.empty for one in parameters)


def _name(app: object) -> str:
    own = getattr(app, "__name__", None)
    return f"the app {own}" if isinstance(own, str) and inspect.isroutine(app) else f"the {type(app).__name__} app"
