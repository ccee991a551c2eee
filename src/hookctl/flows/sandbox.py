"""`hookctl sandbox`: answer as a vendor's business API does, and deliver what a call asks for."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from hookctl.catalogue.administration import load_administration
from hookctl.config import load_config
from hookctl.credentials import SecretSource, as_key
from hookctl.delivery import Client, ClientOptions, build_request
from hookctl.delivery.endpoint import is_loopback_name
from hookctl.delivery.expect import SUCCESS
from hookctl.errors import ExitCode, InputError, MissingSecretError, UnknownNameError, UsageError
from hookctl.flows.providers import open_catalogue
from hookctl.flows.signals import signals
from hookctl.flows.telling import Teller
from hookctl.flows.unawaited import UnawaitedThreads
from hookctl.model import Attempt, Delivery, Secret, SecretPair, SignedRequest
from hookctl.payload import IdSource, RenderOptions, render
from hookctl.receiver import CaptureServer, Limits, Refusal, Reply
from hookctl.sandbox.bridge import REMARK, App, ask
from hookctl.sandbox.dialect import Desk, Dialect
from hookctl.sandbox.orders import Fate, Outcome
from hookctl.sandbox.records import Maker
from hookctl.signing import sign

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookctl.config import Config
    from hookctl.model import CapturedRequest, Payload, Provider
    from hookctl.model.api import ApiSpec, DialectSpec
    from hookctl.runtime import Runtime
    from hookctl.sandbox.orders import Order, Progress

ACCOUNT = "biz_sandbox"
"""The id of the one account there is."""

TOKEN = "sandbox-token"  # noqa: S105 - a stand-in's own, which opens nothing else
"""The token that is asked for unless the user says otherwise."""

AT_ONCE = 16
"""Deliveries under way at the same time; further ones wait."""

MAX_WAITING = 1000
"""Deliveries that wait for their next try; one more is not tried again."""

MAX_SECRETS = 1000
"""Different secrets in the life of one sandbox: each is masked in all that is written, to the end."""

LIMITS = Limits(max_body_bytes=256 * 1024)
"""What an API call may take."""

GRACE_S = 10.0
"""Seconds for what is under way when the sandbox ends."""


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """What the user asked for. Durations in seconds."""

    host: str = "127.0.0.1"
    port: int = 0
    """0 is any free one."""
    token: str = TOKEN
    provider: str | None = None
    """None is the one whose API is described."""
    dialect: str | None = None
    """None is every one."""
    retry_s: tuple[float, ...] = ()
    """How long after each failure a delivery is tried again."""
    timeout_s: float | None = None
    """None is the vendor's deadline."""
    secret_files: tuple[str, ...] = ()
    allow_remote: bool = False
    client: ClientOptions = field(default_factory=ClientOptions)


@dataclass(frozen=True, slots=True)
class Plan:
    """A sandbox that can be started: what the options mean."""

    options: SandboxOptions
    provider: Provider
    api: ApiSpec
    dialects: tuple[DialectSpec, ...]
    secret: Secret | None
    """Signs for a webhook that has no secret of its own."""
    secret_missing: str
    """Why there is none, in words."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The port is open."""

    url: str
    addresses: tuple[str, ...]
    plan: Plan
    account: str = ACCOUNT
    """The id of the one account there is."""


@dataclass(frozen=True, slots=True)
class Called:
    """One API call, answered."""

    at_ms: int
    method: str
    target: str
    status: int
    duration_ms: float
    remark: str | None
    """What is worth knowing beside the status: what is wrong with the call, or what it has done unasked."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One try of a delivery."""

    delivery: Delivery
    subscribed: bool
    number: int
    """0 for the first try, 1 for the first retry."""
    of: int
    """How many retries there are at most."""
    next_s: float | None
    """How long until the next try; None when there is none."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that has gone wrong and that the sandbox outlives."""

    text: str


SandboxEvent: TypeAlias = Opened | Called | Sent | Refusal | Trouble


@dataclass(slots=True)
class SandboxSummary:
    """Counts of a sandbox's life."""

    calls: int = 0
    """API calls that were answered, those over a limit not counted."""
    rejected: int = 0
    """Those of them that were answered with 4xx or 5xx."""
    deliveries: int = 0
    """Tries of deliveries, retries counted."""
    taken: int = 0
    """Those of them that the receiver answered with 2xx."""
    refused: int = 0
    """Requests that were no HTTP or over a limit."""
    waiting_retries: int = 0
    """Deliveries that were to be tried again when it ended."""
    interrupted: bool = False
    """Whether Ctrl-C ended it, and not SIGTERM."""

    @property
    def exit_code(self) -> ExitCode:
        """The truth about the run."""
        return ExitCode.INTERRUPTED if self.interrupted else ExitCode.YES


@dataclass(frozen=True, slots=True)
class _Parcel:
    """A delivery, and what is left to do about it."""

    order: Order
    payload: Payload
    progress: Progress
    schedule: tuple[float, ...]


def plan_sandbox(runtime: Runtime, options: SandboxOptions) -> Plan:
    """Check everything that can be checked without a port.

    Raises:
        InputError: no provider with an API, an unknown dialect, a secret that cannot be used.
        UsageError: it is not said whose API is meant, or the token cannot be sent in a header.
    """
    if not options.token or not options.token.isprintable() or not options.token.isascii() or " " in options.token:
        raise UsageError("--token must be one word of printable ASCII characters")
    config = load_config(runtime)
    provider, api = _described(config, options.provider)
    dialects = {dialect.name: dialect for dialect in api.dialects}
    if options.dialect is not None and options.dialect not in dialects:
        raise UnknownNameError("dialect", options.dialect, list(dialects))
    secret, missing = None, ""
    try:
        secret = SecretSource(runtime, options.secret_files, config.project_folder).pair(provider).current
    except MissingSecretError:
        missing = f"the sandbox was started without {provider.secret.env} or --secret-file"
    wanted = tuple(dialects.values()) if options.dialect is None else (dialects[options.dialect],)
    return Plan(options, provider, api, wanted, secret, missing)


def _described(config: Config, chosen: str | None) -> tuple[Provider, ApiSpec]:
    """Return the provider that the sandbox stands in for, and its API."""
    described = {
        provider.name: (provider, api)
        for provider in open_catalogue(config, chosen).providers
        if (api := load_administration(provider).api) is not None
    }
    configured = config.provider.value if config.provider is not None else ""
    if len(described) > 1 and configured in described:
        return described[configured]
    if len(described) > 1:
        raise UsageError(f"whose API? there are {' and '.join(described)}", hint="say which with --provider")
    if not described:
        whose = "of no provider is an API" if chosen is None else f"of {chosen} no API is"
        raise InputError(f"{whose} described that a sandbox could stand in for")
    return next(iter(described.values()))


async def run_sandbox(
    plan: Plan, runtime: Runtime, emit: Callable[[SandboxEvent], None], flush: Callable[[], None]
) -> SandboxSummary:
    """Answer calls until Ctrl-C or SIGTERM.

    Args:
        plan: what to do.
        runtime: clock, randomness, environment.
        emit: is told of everything that happens, in order.
        flush: is called after a turn of the event loop in which something was told.

    Raises:
        InputError: the address cannot be listened on, or the authorities' file cannot be used.
        HookctlError: `emit` or `flush` raised it; the sandbox ends as it does otherwise.
    """
    return await Sandbox(plan, runtime, emit, flush).run()


class Sandbox:
    """One sandbox under way."""

    def __init__(
        self, plan: Plan, runtime: Runtime, emit: Callable[[SandboxEvent], None], flush: Callable[[], None]
    ) -> None:
        self._plan = plan
        self._runtime = runtime
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._teller = Teller(emit, flush, self._ended.set)
        self._emit = self._teller.emit
        self._summary = SandboxSummary()
        self._threads = UnawaitedThreads(AT_ONCE, "hookctl-sandbox")
        self._client = Client(plan.options.client)
        self._ids = IdSource(runtime.random_bytes(16))
        self._rounds = 0
        self._secrets: set[str] = set()
        self._retries: set[asyncio.Task[None]] = set()
        self._app = self._build()

    async def run(self) -> SandboxSummary:
        """Answer until something ends it."""
        options = self._plan.options
        server = CaptureServer(
            self._answer,
            limits=LIMITS,
            clock=self._runtime.now_ms,
            on_error=self._handler_failed,
            on_refused=self._refused,
        )
        async with AsyncExitStack() as stack:
            stack.enter_context(self._client)
            stack.callback(self._threads.close)
            await server.start(options.host, options.port)
            with signals(self._loop, self._signalled):
                self._emit(Opened(server.url, server.addresses, self._plan))
                await self._ended.wait()
                await server.stop(GRACE_S)
                await self._drop_retries()
        self._teller.close()
        return self._summary

    def _build(self) -> App:
        # 100 ms to load: not before all else is known to be right
        from hookctl.sandbox.routes import Access, build_app

        plan = self._plan
        maker = Maker(ACCOUNT, self._runtime.now_ms, lambda: f"wh_{self._runtime.random_bytes(12).hex()}")
        missing = None if plan.secret is not None else plan.secret_missing
        desk = Desk(plan.provider, maker, self._take_secret, missing, self._deliver)
        access = Access(plan.api, ACCOUNT, plan.options.token, is_loopback_name(plan.options.host))
        return build_app(access, plan.provider, [Dialect(spec, desk) for spec in plan.dialects])

    async def _answer(self, request: CapturedRequest) -> Reply:
        state: dict[str, str | None] = {}
        started_s = self._loop.time()
        reply = await ask(self._app, request, state)
        self._summary.calls += 1
        self._summary.rejected += reply.status >= 400
        duration_ms = (self._loop.time() - started_s) * 1000
        at_ms = request.received_at_ms
        self._emit(Called(at_ms, request.method, request.target, reply.status, duration_ms, state.get(REMARK)))
        return reply

    def _take_secret(self, secret: str) -> bool:
        """Have a secret masked from now on in all that is written; return False when there have been too many."""
        if secret not in self._secrets:
            if len(self._secrets) >= MAX_SECRETS:
                return False
            self._secrets.add(secret)
            self._runtime.redactor.register(secret.encode())
        return True

    async def _deliver(self, order: Order, progress: Progress) -> Outcome:
        """Deliver an order once; see to the retries beside everything else."""
        plan = self._plan
        self._rounds += 1
        options = RenderOptions(self._ids.round(self._rounds))
        payload = render(plan.provider, order.event, options, at_ms=self._runtime.now_ms())
        parcel = _Parcel(order, payload, progress, plan.options.retry_s)
        if plan.options.retry_s and len(self._retries) >= MAX_WAITING:
            self._emit(Trouble(f"{MAX_WAITING:,} deliveries wait to be tried again: the next is tried once"))
            parcel = replace(parcel, schedule=())
        outcome = await self._try(parcel, 0)
        if outcome.fate is Fate.UNDER_WAY:
            task = self._loop.create_task(self._try_again(parcel))
            self._retries.add(task)
            task.add_done_callback(self._retries.discard)
        return outcome

    async def _try_again(self, parcel: _Parcel) -> None:
        for number, pause_s in enumerate(parcel.schedule, 1):
            await asyncio.sleep(pause_s)
            if (await self._try(parcel, number)).fate is not Fate.UNDER_WAY:
                return

    async def _try(self, parcel: _Parcel, number: int) -> Outcome:
        """Make one try, and return what has become of the delivery."""
        request = self._request(parcel)
        begun = Outcome(Fate.UNDER_WAY, parcel.payload.event_id)

        def send() -> Attempt:
            # when its turn has come, and not before: the threads are few
            self._loop.call_soon_threadsafe(parcel.progress, begun)
            return self._send(request)

        attempt = await self._threads.call(send)
        outcome = _outcome(attempt, parcel.payload.event_id, self._runtime.redactor.clean)
        taken = outcome.fate is Fate.TAKEN
        self._summary.deliveries += 1
        self._summary.taken += taken
        next_s = parcel.schedule[number] if not taken and number < len(parcel.schedule) else None
        if next_s is not None:
            outcome = replace(outcome, fate=Fate.UNDER_WAY)
        parcel.progress(outcome)
        deadline_s = self._plan.provider.replies.deadline_s
        delivery = Delivery(request, attempt, expected=str(SUCCESS), ok=taken, deadline_s=deadline_s)
        self._emit(Sent(delivery, parcel.order.subscribed, number, len(parcel.schedule), next_s))
        return outcome

    def _request(self, parcel: _Parcel) -> SignedRequest:
        """Sign one try: the same body and id each time, the time of the try in the headers."""
        provider, payload, hook = self._plan.provider, parcel.payload, parcel.order.hook
        text = hook.secret
        secret = self._plan.secret if text is None else as_key(Secret(text.encode(), "the webhook"), provider.secret)
        # the order was not taken without one
        assert secret is not None  # noqa: S101
        signing = sign(provider, replace(payload, at_ms=self._runtime.now_ms()), SecretPair(secret))
        headers = signing.headers(provider)
        return build_request(provider, payload, parcel.order.url, headers, body=payload.body, extra=hook.headers)

    def _send(self, request: SignedRequest) -> Attempt:
        options = self._plan.options
        timeout_s = options.timeout_s or self._plan.provider.replies.deadline_s
        return self._client.deliver(request, timeout_s=timeout_s, loopback_only=not options.allow_remote)

    async def _drop_retries(self) -> None:
        tasks = list(self._retries)
        self._summary.waiting_retries = len(tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)

    def _handler_failed(self, error: Exception) -> None:
        self._emit(Trouble(f"a call was answered 500 because of a bug in hookctl: {error!r}"))

    def _refused(self, refusal: Refusal) -> None:
        # a browser opens connections in advance and keeps silent on them
        if refusal.received or refusal.status == 503:
            self._summary.refused += 1
            self._emit(refusal)

    def _signalled(self, number: signal.Signals) -> None:
        self._summary.interrupted = self._summary.interrupted or number is signal.SIGINT
        self._ended.set()


def _outcome(attempt: Attempt, event_id: str | None, clean: Callable[[str], str]) -> Outcome:
    response, failure = attempt.response, attempt.failure
    status = None if response is None else response.status
    if failure is not None:
        fate = Fate.FAILED if response is None else Fate.UNCLEAR
        return Outcome(fate, event_id, status, clean(failure.message), attempt.duration_ms)
    if status is not None and SUCCESS.met_by(status):
        return Outcome(Fate.TAKEN, event_id, status, None, attempt.duration_ms)
    return Outcome(Fate.REFUSED, event_id, status, f"the receiver answered {status}", attempt.duration_ms)
