"""The `webhooks` fixture: makes signed requests, and delivers them to an app or a URL."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypedDict
from urllib.parse import urlsplit

from hookctl.api import given
from hookctl.config import Config, Origin, Setting
from hookctl.delivery.endpoint import Endpoint, is_loopback_name, resolve_endpoint
from hookctl.delivery.expect import Expectation, parse_expect
from hookctl.errors import HookctlError, InputError, UnknownNameError, UsageError
from hookctl.flows.send import Job, Plan, SendOptions
from hookctl.model import Rotation, Tamper
from hookctl.payload import IdSource
from hookctl.pytest_plugin.environment import Secrets, find_provider, known_providers
from hookctl.pytest_plugin.judging import Case, UnexpectedAnswerError, wish
from hookctl.pytest_plugin.receivers import LifespanError, UrlReceiver, receiver_of
from hookctl.pytest_plugin.requests import WebhookEvent, WebhookRequest, WebhookResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from enum import StrEnum
    from types import TracebackType
    from typing import Unpack

    import pytest

    from hookctl.model import Event, Provider, SignedRequest
    from hookctl.pytest_plugin.receivers import Answer, Receiver

_IN_PROCESS = "http://testserver"


class RequestOptions(TypedDict, total=False):
    """What a request may be given, all of it optional; as for `hookctl.render` where nothing is said."""

    provider: str | os.PathLike[str] | None
    set: Mapping[str, object] | None
    add: Mapping[str, object] | None
    unset: Iterable[str]
    at: datetime | float | None
    seed: int | None
    event_id: str | None
    as_documented: bool
    body: bytes | None
    """The whole body, byte for byte, instead of a rendered one."""
    headers: Mapping[str, str] | None
    """Further headers."""
    path: str | None
    """Where the receiver is, instead of the documented path."""
    tamper: str | None
    """How to spoil it: "body", "signature", "secret", "timestamp" or "missing"."""
    rotate: str | None
    """Which secrets sign while they are rotated: "old", "new" or "both"."""
    secret: str | bytes | None
    """The secret to sign with, instead of the environment's."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """How a test wants a delivery to be made and judged."""

    expect: Expectation | None
    timeout_s: float | None
    allow_remote: bool
    diagnose: bool


class Webhooks:
    """Makes signed webhooks and delivers them; one for each test.

    The secrets of every known provider are in the environment for as long as it lives: those that were there, and made
    up ones for the others.

    Args:
        config: pytest's, for the providers of the project.
        monkeypatch: puts secrets into the environment.
    """

    def __init__(self, config: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> None:
        self._config = config
        self._secrets = Secrets(monkeypatch)
        self._ids = IdSource(os.urandom(16))
        self._made: dict[tuple[str, str | None], int] = {}
        self._apps: dict[int, tuple[object, Receiver]] = {}
        for provider in known_providers(config).providers:
            self._secrets.value(provider)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Shut down the apps that were started."""
        apps, self._apps = self._apps, {}
        for _, receiver in apps.values():
            receiver.close()

    def secret(self, provider: str | os.PathLike[str]) -> str:
        """Return the signing secret that a provider's deliveries have, as it is in the environment.

        Args:
            provider: a name, or the path of a provider folder.
        """
        return self._secrets.value(self.provider(provider))

    def request(self, event: str | None = None, **options: Unpack[RequestOptions]) -> WebhookRequest:
        """Make a request as the vendor would send it, for a test client.

        Events that are made in one test are about the same things, with ids of their own.

        Args:
            event: the event's name; None for a `body` that says it itself.
            **options: see `RequestOptions`.

        Raises:
            HookctlError: an unknown event or path (the error names the nearest), or a value of the wrong type.
        """
        __tracebackhide__ = True
        try:
            with given.worded_for_python():
                return self._request(event, **options)
        except HookctlError as error:
            # it is the test's line that is wrong
            raise error.with_traceback(None) from None

    def deliver(
        self,
        to: object,
        event: str | WebhookRequest | None = None,
        *,
        expect: int | str | None = None,
        timeout_s: float | None = None,
        allow_remote: bool = False,
        diagnose: bool = True,
        **options: Unpack[RequestOptions],
    ) -> WebhookResponse:
        """Deliver a webhook, and fail the test when the answer is not what it should be.

        A genuine delivery has to be answered 2xx, one that was spoiled with `tamper` has to be refused with 4xx.

        Args:
            to: a WSGI or ASGI app, which is called in this process; a URL or a port of this machine.
            event: the event's name, or a request that `request()` has made: the same again, to the byte.
            expect: what has to be answered instead: `202`, or "200,4xx".
            timeout_s: how long an answer may take; the vendor's deadline without it. A WSGI app is not interrupted.
            allow_remote: whether a URL may be beyond this machine.
            diagnose: whether to send the usual mistakes, too, when a delivery is not answered as it should be.
            **options: as for `request()`.

        Raises:
            UnexpectedAnswerError: the answer is not what it should be; says what was sent, what came back, and why.
            HookctlError: as for `request()`; the URL is none, or no path is known.
        """
        __tracebackhide__ = True
        try:
            with given.worded_for_python():
                request = event if isinstance(event, WebhookRequest) else self._request(event, **options)
                if isinstance(event, WebhookRequest) and options:
                    raise UsageError(f"the request is made already: {', '.join(options)} cannot go with it")
                asked = _Asked(_expectation(expect), timeout_s, allow_remote, diagnose)
                result = self._deliver(to, request, asked)
        except HookctlError as error:
            raise error.with_traceback(None) from None
        except LifespanError as error:
            raise error.with_traceback(None) from error.__cause__
        if isinstance(result, UnexpectedAnswerError):
            raise result
        return result

    @property
    def providers(self) -> tuple[Provider, ...]:
        """The providers that are known: the built-in ones and the project's."""
        return known_providers(self._config).providers

    def provider(self, name: str | os.PathLike[str]) -> Provider:
        """Return the provider of a name, or of a folder's path."""
        return find_provider(self._config, name)

    def _request(  # noqa: PLR0913 - each by its name
        self,
        event: str | None,
        *,
        provider: str | os.PathLike[str] | None = None,
        set: Mapping[str, object] | None = None,  # noqa: A002 - as the command line's --set
        add: Mapping[str, object] | None = None,
        unset: Iterable[str] = (),
        at: datetime | float | None = None,
        seed: int | None = None,
        event_id: str | None = None,
        as_documented: bool = False,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        path: str | None = None,
        tamper: str | None = None,
        rotate: str | None = None,
        secret: str | bytes | None = None,
    ) -> WebhookRequest:
        source, known = self._find(event, provider)
        edits = given.edits(set or {}, add or {}, unset)
        given.check_untouched(edits, at, event_id, as_documented=as_documented)
        if body is not None and edits:
            raise UsageError("body is the whole body, byte for byte: set, add and unset cannot go with it")
        options = SendOptions(
            edits=edits,
            headers=tuple((headers or {}).items()),
            event_id=event_id,
            at_ms=None if at is None else given.moment_ms(at),
            as_documented=as_documented,
            tamper=None if tamper is None else _choice(Tamper, "tamper", tamper),
            rotate=None if rotate is None else _choice(Rotation, "rotate", rotate),
        )
        name = None if known is None else known.name
        occurrence = self._made.get((source.name, name), 0)
        self._made[source.name, name] = occurrence + 1
        ids = self._ids if seed is None else IdSource(given.seed(seed))
        wanted = path or source.endpoint.path
        # an origin of its own: what is delivered elsewhere is made anew with its URL
        endpoint = Endpoint(f"{_IN_PROCESS}{wanted or '/'}", "", Origin.FLAG, loopback_only=True)
        job = Job(source, known, endpoint, self._secrets.pair(source, secret), occurrence)
        plan = Plan((job,), options, ids, None if body is None else given.raw_body(body))
        signed = plan.prepare(job, time.time_ns() // 1_000_000)
        return WebhookRequest(
            provider=source.name,
            event=signed.event,
            event_id=signed.event_id,
            method=signed.method,
            path=wanted or "/",
            headers=dict(signed.headers),
            body=signed.body,
            tamper=None if options.tamper is None else str(options.tamper),
            source=source,
            job=job,
            plan=plan,
            asked_path=path,
            own_secret=secret,
        )

    def _find(self, event: str | None, provider: str | os.PathLike[str] | None) -> tuple[Provider, Event | None]:
        """Return whose an event is; None for the event of a body that says it itself."""
        if provider is None and isinstance(event, WebhookEvent):
            source = event.source
        elif provider is None:
            if event is None:
                raise UsageError("which event? give its name, or provider and body")
            return given.event_among(known_providers(self._config), event)
        else:
            source = self.provider(provider)
        if event is None:
            return source, None
        return given.event_among(type(known_providers(self._config))((source,)), event)

    def _deliver(self, to: object, request: WebhookRequest, asked: _Asked) -> WebhookResponse | UnexpectedAnswerError:
        source = request.source
        url, receiver = self._reach(to, request, allow_remote=asked.allow_remote)
        wait_s = source.replies.deadline_s if asked.timeout_s is None else asked.timeout_s

        def send(signed: SignedRequest) -> Answer:
            return receiver.send(signed, wait_s)

        answer = send(request.signed(url))
        wanted = wish(request, request.plan.expected(source), asked.expect)
        response = answer.attempt.response
        if wanted.granted_by(answer) and response is not None:
            headers: dict[str, str] = {}
            for name, value in response.headers:
                headers.setdefault(name.lower(), value)
            return WebhookResponse(response.status, headers, response.body, answer.attempt.duration_ms / 1000, request)
        documented = next((event for event in source.events if event.documented), source.events[0])
        return Case(
            request,
            answer,
            wanted,
            receiver.name,
            request.job.secrets,
            self._secrets.origin(source) if request.own_secret is None else "the secret that the test gives",
            url,
            request.job.event or documented,
            lambda signed: send(signed).attempt,
            lambda: self._request(request.event, provider=source.folder, tamper=Tamper.MISSING).signed(url),
            asked.diagnose,
        ).failure()

    def _reach(self, to: object, request: WebhookRequest, *, allow_remote: bool) -> tuple[str, Receiver]:
        """Return the URL of a receiver, and the way to it."""
        source = request.source
        if isinstance(to, str | int) and not isinstance(to, bool):
            return self._url(str(to), request, allow_remote=allow_remote), UrlReceiver(allow_remote=allow_remote)
        if request.asked_path is None and source.endpoint.path is None:
            raise InputError(
                f"no path for {source.title}: its page documents none", hint=f'give path="/webhooks/{source.name}"'
            )
        known = self._apps.get(id(to))
        if known is None:
            # kept, so that no other object gets its id
            known = self._apps[id(to)] = (to, receiver_of(to))
        return f"{_IN_PROCESS}{request.path}", known[1]

    def _url(self, to: str, request: WebhookRequest, *, allow_remote: bool) -> str:
        given_path = request.asked_path
        if to.isdigit() and given_path is not None:
            to = f"http://localhost:{to}"
        config = Config(None, {}, None, None)
        endpoint = resolve_endpoint(request.source, Setting(to, Origin.FLAG, "to"), config, allow_remote=allow_remote)
        if not allow_remote and not is_loopback_name(endpoint.host):
            raise InputError(f"{endpoint.url} is beyond this machine", hint="confirm with allow_remote=True")
        if given_path is None:
            return endpoint.url
        parts = urlsplit(endpoint.url)
        if parts.path not in {"", "/"}:
            raise UsageError(f"path: {endpoint.url} has a path already")
        return parts._replace(path=given_path).geturl()


def _choice(kinds: type[StrEnum], name: str, given_value: str) -> Any:  # noqa: ANN401 - a member of the enum
    known = [str(kind) for kind in kinds]
    if given_value not in known:
        raise UnknownNameError(f"value of {name}", str(given_value), known)
    return kinds(given_value)


def _expectation(expect: int | str | None) -> Expectation | None:
    return None if expect is None else parse_expect(str(expect))
