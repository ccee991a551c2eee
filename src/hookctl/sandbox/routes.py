"""The paths of the API: from a request to the call that it is, and from an answer to a response.

The only module that knows the web framework.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from hookctl.delivery.endpoint import is_loopback_name
from hookctl.payload.jsontext import encode
from hookctl.sandbox.bodies import Template
from hookctl.sandbox.bridge import REMARK
from hookctl.sandbox.dialect import Answer, Call, Dialect, Handler
from hookctl.sandbox.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from hookctl.model import Provider
    from hookctl.model.api import ApiSpec


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call."""

    api: ApiSpec
    account: str
    token: str
    by_own_name: bool
    """Whether requests have to be to a name of this machine: any other is that of a web page that has had its own name
    resolve to this address, so as to be let in by the browser."""

    @property
    def challenge(self) -> str:
        """What a 401 says of the way to get in."""
        return self.api.authorization[0].strip() or "Token"

    def check(self, request: Request) -> None:
        """Raise `ProblemError` unless the token is right and the account is the one there is."""
        if self.by_own_name and not is_loopback_name(_host(request)):
            raise ProblemError(403, "This sandbox answers to the names of this machine only")
        scheme = "".join(self.api.authorization)
        expected = scheme.replace("{token}", self.token)
        given = request.headers.get("authorization")
        if given is None:
            raise ProblemError(401, f"The Authorization header is missing: {scheme.replace('{token}', 'TOKEN')}")
        # as bytes: of texts it compares ASCII only
        if not hmac.compare_digest(given.encode("latin-1"), expected.encode()):
            raise ProblemError(401, "The token is not the one of this sandbox")
        account = request.path_params.get("account", self.account)
        if account != self.account:
            shown = account if len(account) <= 80 else f"{account[:77]}..."
            raise ProblemError(404, f"No {self.api.account} {shown!r}: that of this sandbox is {self.account}")


def _host(request: Request) -> str:
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""


class _Way(NamedTuple):
    """What a method does on a path, and how its problems are told."""

    handler: Handler
    word: str


def build_app(access: Access, provider: Provider, dialects: Sequence[Dialect]) -> ASGIApp:
    """Return the API as an ASGI application."""
    paths: dict[str, dict[str, _Way]] = {}
    for dialect in dialects:
        for spec, handler in dialect.calls():
            # of dialects that share a call, the first has it
            paths.setdefault("".join(spec.path), {}).setdefault(spec.method, _Way(handler, dialect.word))
    events = access.api.events
    if events is not None:
        way = _Way(_event_list(provider, events.entry), "message")
        paths.setdefault("".join(events.read.path), {}).setdefault(events.read.method, way)
    app = Starlette(
        routes=[_route(path, ways, access) for path, ways in paths.items()],
        exception_handlers={HTTPException: _not_routed},
    )
    # a client that follows redirects with its token is not what this teaches
    app.router.redirect_slashes = False
    return app


def _route(path: str, ways: dict[str, _Way], access: Access) -> Route:
    async def endpoint(request: Request) -> Response:
        way = ways["GET" if request.method == "HEAD" else request.method]
        try:
            access.check(request)
            webhook = request.path_params.get("webhook", "")
            answer = await way.handler(Call(webhook, request.query_params, await request.body()))
        except ProblemError as problem:
            answer = Answer(problem.status, problem.body(word=way.word), problem.sentence)
        response = _response(request, answer)
        if answer.status == 401:
            response.headers["WWW-Authenticate"] = access.challenge
        return response

    return Route(path, endpoint, methods=list(ways))


def _event_list(provider: Provider, entry: object) -> Handler:
    template = Template(entry)

    async def answer(_: Call) -> Answer:
        return Answer(200, [template.fill({"{event}": event.name}) for event in provider.events])

    return answer


async def _not_routed(request: Request, error: Exception) -> Response:
    """Answer what no route is for: an unknown path, or a method that a path does not have."""
    # the handler is registered for nothing else
    assert isinstance(error, HTTPException)  # noqa: S101
    sentences = {404: "There is no such path", 405: f"{request.method} is not a method of this path"}
    problem = ProblemError(error.status_code, sentences.get(error.status_code, error.detail))
    response = _response(request, Answer(problem.status, problem.body(word="message"), problem.message))
    response.headers.update(error.headers or {})
    return response


def _response(request: Request, answer: Answer) -> Response:
    setattr(request.state, REMARK, answer.remark)
    if answer.body is None:
        return Response(status_code=answer.status)
    return Response(encode(answer.body), answer.status, media_type="application/json")
