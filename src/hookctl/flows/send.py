"""`hookctl send`: render, sign and deliver events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from hookctl.catalogue import Catalogue, load_catalogue
from hookctl.config import Config, Origin, Setting, load_config
from hookctl.credentials import SecretSource
from hookctl.delivery import Client, ClientOptions, Endpoint, build_request, resolve_endpoint
from hookctl.delivery.expect import SUCCESS, Expectation
from hookctl.errors import ExitCode, InputError, UsageError
from hookctl.model import Delivery, FailureKind, Rotation, SignedRequest, Tamper
from hookctl.payload import IdSource, RenderOptions, given_body, render
from hookctl.payload.paths import look_up
from hookctl.payload.render import read_envelope
from hookctl.signing import require_support, sign, tampered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hookctl.model import Event, Headers, Payload, Provider, SecretPair
    from hookctl.payload import Edit
    from hookctl.runtime import Runtime

WAIT_STEP_S = (0.05, 0.5)
"""Pauses between tries while the connection is refused: the first, and the longest."""


@dataclass(frozen=True, slots=True)
class SendOptions:
    """What the user asked for. Times in milliseconds since the epoch, durations in seconds."""

    patterns: tuple[str, ...] = ()
    """Event names and globs."""
    all_events: bool = False
    provider: str | None = None
    to: str | None = None
    secret_files: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()
    data: str | None = None
    """File that holds the whole body, `-` for standard input."""
    headers: Headers = ()
    event_id: str | None = None
    at_ms: int | None = None
    seed: int | None = None
    as_documented: bool = False
    timeout_s: float | None = None
    """None is the vendor's deadline."""
    wait_s: float = 0.0
    expect: Expectation | None = None
    tamper: Tamper | None = None
    rotate: Rotation | None = None
    allow_remote: bool = False
    cacert: Path | None = None
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """One delivery to make."""

    provider: Provider
    event: Event | None
    """None for a body that does not say what it is."""
    endpoint: Endpoint
    secrets: SecretPair
    occurrence: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Every delivery of a run, checked: whatever can be known to be wrong beforehand is."""

    jobs: tuple[Job, ...]
    options: SendOptions
    ids: IdSource
    data: bytes | None

    def prepare(self, job: Job, now_ms: int) -> SignedRequest:
        """Render and sign one delivery, dated now unless the options date it."""
        at_ms = now_ms if self.options.at_ms is None else self.options.at_ms
        payload = self._payload(job, at_ms)
        body = payload.body
        if self.options.tamper is None:
            signing = sign(job.provider, payload, job.secrets, self.options.rotate)
        else:
            body, signing = tampered(
                job.provider,
                payload,
                job.secrets,
                self.options.tamper,
                other_key=self.ids.bytes("another key"),
                rotation=self.options.rotate,
            )
        headers = signing.headers(job.provider)
        return build_request(job.provider, payload, job.endpoint.url, headers, body=body, extra=self.options.headers)

    def expected(self, provider: Provider) -> Expectation:
        """Return the statuses that count as success: for a bad request, the refusal the provider documents."""
        if self.options.expect is not None:
            return self.options.expect
        if self.options.tamper is None:
            return SUCCESS
        replies = provider.replies
        missing = self.options.tamper is Tamper.MISSING
        return Expectation((str(replies.missing_signature if missing else replies.invalid_signature),))

    def timeout_s(self, provider: Provider) -> float:
        """Return the seconds one delivery may take."""
        return self.options.timeout_s or provider.replies.deadline_s

    def _payload(self, job: Job, at_ms: int) -> Payload:
        if self.data is not None:
            return given_body(job.provider, self.data, event=job.event.name if job.event else None, at_ms=at_ms)
        assert job.event is not None  # noqa: S101 - the plan has no such job without data
        options = RenderOptions(self.ids, self.options.edits, self.options.event_id, self.options.as_documented)
        return render(job.provider, job.event, options, at_ms=at_ms, occurrence=job.occurrence)


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth knowing that is not a result."""

    text: str


@dataclass(slots=True)
class SendSummary:
    """Counts of a run."""

    planned: int
    ok: int = 0
    unexpected: int = 0
    """Answered, but not with an expected status."""
    not_delivered: int = 0
    urls: list[str] = field(default_factory=list)
    """Where they went, each once."""

    @property
    def total(self) -> int:
        """Deliveries made or tried."""
        return self.ok + self.unexpected + self.not_delivered

    @property
    def exit_code(self) -> ExitCode:
        """The truth about the run: not delivered outweighs unexpected."""
        if self.not_delivered:
            return ExitCode.NETWORK
        return ExitCode.NO if self.unexpected else ExitCode.YES

    def count(self, delivery: Delivery) -> None:
        """Take one delivery into account."""
        if delivery.attempt.failure is not None:
            self.not_delivered += 1
        elif delivery.ok:
            self.ok += 1
        else:
            self.unexpected += 1
        if delivery.request.url not in self.urls:
            self.urls.append(delivery.request.url)


SendEvent: TypeAlias = Note | SignedRequest | Delivery


def plan_send(runtime: Runtime, options: SendOptions) -> Plan:
    """Check everything that can be checked without sending.

    Raises:
        UsageError: options that contradict each other, or that the provider's scheme has no meaning for.
        InputError: an unknown event or path, a missing secret or endpoint, an unreadable file.
    """
    _check_options(options)
    config = load_config(runtime)
    chosen = options.provider
    if chosen is None and config.provider is not None and not options.patterns:
        # a configured provider narrows what is not named; an event's name says whose it is
        chosen = config.provider.value
    data = None if options.data is None else _read_data(runtime, options.data)
    pairs = _select(options, chosen, data)
    for provider, _ in pairs:
        _check_provider(options, provider)
    secrets = SecretSource(runtime, options.secret_files, config.project_folder)
    to = _to(options, config)
    endpoints: dict[str, Endpoint] = {}
    keys: dict[str, SecretPair] = {}
    for provider, _ in pairs:
        if provider.name not in endpoints:
            endpoints[provider.name] = resolve_endpoint(provider, to, config, allow_remote=options.allow_remote)
            keys[provider.name] = secrets.pair(provider)
    jobs: list[Job] = []
    seen: dict[tuple[str, str | None], int] = {}
    for provider, event in pairs:
        key = (provider.name, event.name if event else None)
        occurrence = seen.get(key, 0)
        seen[key] = occurrence + 1
        jobs.append(Job(provider, event, endpoints[provider.name], keys[provider.name], occurrence))
    seed = runtime.random_bytes(16) if options.seed is None else str(options.seed).encode()
    plan = Plan(tuple(jobs), options, IdSource(seed), data)
    for job in jobs:
        # an edit that does not fit the last event must be found before the first is sent
        plan.prepare(job, runtime.now_ms())
    return plan


def dry_run(plan: Plan, runtime: Runtime) -> Iterator[SignedRequest]:
    """Yield every request of a plan, complete, without sending it."""
    for job in plan.jobs:
        yield plan.prepare(job, runtime.now_ms())


def run_send(plan: Plan, runtime: Runtime, summary: SendSummary) -> Iterator[SendEvent]:
    """Make every delivery of a plan.

    Yields:
        Notes, then for each delivery the request that goes out and what became of it.

    Raises:
        InputError: the `--cacert` file or a proxy in the environment cannot be used; nothing has been sent then.
    """
    options = plan.options
    noted: set[str] = set()
    with Client(ClientOptions(options.cacert, options.insecure, runtime.env)) as client:
        if options.insecure:
            yield Note("--insecure: certificates are not checked; anyone on the way can read and change deliveries")
        wait_until_s = runtime.monotonic_s() + options.wait_s
        for job in plan.jobs:
            # before anything is sent: the environment may name a proxy that is none
            proxy = client.proxy_for(job.endpoint.url)
            if proxy is not None and proxy not in noted:
                noted.add(proxy)
                yield Note(f"through the proxy {proxy}, as the environment says")
        for job in plan.jobs:
            for step in _deliver(plan, job, client, runtime, wait_until_s):
                if isinstance(step, Delivery):
                    summary.count(step)
                yield step


def _deliver(plan: Plan, job: Job, client: Client, runtime: Runtime, wait_until_s: float) -> Iterator[SendEvent]:
    expected = plan.expected(job.provider)
    pause_s, longest_s = WAIT_STEP_S
    waiting = False
    while True:
        # prepared anew for each try: after a wait the signed time must not be old
        request = plan.prepare(job, runtime.now_ms())
        attempt = client.deliver(
            request, timeout_s=plan.timeout_s(job.provider), loopback_only=job.endpoint.loopback_only
        )
        failure = attempt.failure
        left_s = wait_until_s - runtime.monotonic_s()
        if failure is None or failure.kind is not FailureKind.REFUSED or left_s <= 0:
            break
        if not waiting:
            waiting = True
            yield Note(f"waiting up to {left_s:.1f} s for {request.url}: {failure.message}")
        runtime.sleep(min(pause_s, left_s))
        pause_s = min(pause_s * 2, longest_s)
    yield request
    answered = attempt.failure is None and attempt.response is not None
    yield Delivery(
        request=request,
        attempt=attempt,
        expected=str(expected),
        ok=answered and attempt.response is not None and expected.met_by(attempt.response.status),
        deadline_s=job.provider.replies.deadline_s,
    )


def _check_options(options: SendOptions) -> None:
    if options.all_events and options.patterns:
        raise UsageError("give events or --all, not both")
    if not options.all_events and not options.patterns and options.data is None:
        raise UsageError(
            "which event? give a name, a glob such as 'order.*', or --all", hint="`hookctl events` lists them"
        )
    if [*options.secret_files, options.data].count("-") > 1:
        raise UsageError("standard input can be read once, but - is given twice")
    changes = {
        "--set, --add and --unset": bool(options.edits),
        "--id": options.event_id is not None,
    }
    if options.data is not None:
        others = {**changes, "--all": options.all_events, "--as-documented": options.as_documented}
        _exclude("--data is the whole body, byte for byte", others)
    if options.as_documented:
        _exclude("--as-documented sends the sample untouched", {**changes, "--at": options.at_ms is not None})


def _exclude(reason: str, others: dict[str, bool]) -> None:
    for name, given in others.items():
        if given:
            raise UsageError(f"{reason}: {name} cannot go with it")


def _check_provider(options: SendOptions, provider: Provider) -> None:
    """Refuse what the scheme has no meaning for, before anything is looked up or sent."""
    if options.tamper is not None:
        require_support(provider, options.tamper)
    if options.rotate is not None and provider.signature.rotation_header is None:
        raise UsageError(
            f"--rotate: {provider.title} documents no second signature for rotation",
            hint="choose events of a provider that does with --provider",
        )
    if options.event_id is not None and provider.envelope.id is None:
        raise UsageError(f"--id: {provider.title} events have no id")


def _select(options: SendOptions, chosen: str | None, data: bytes | None) -> list[tuple[Provider, Event | None]]:
    catalogue = load_catalogue(chosen)
    if options.all_events:
        return [(provider, event) for provider in catalogue.providers for event in provider.events]
    if options.patterns:
        events = catalogue.select(options.patterns)
        if data is not None and len(events) != 1:
            raise UsageError(f"--data is one body, but {len(events)} events are named")
        return [(catalogue.provider(event.provider), event) for event in events]
    return [_recognise(catalogue, data or b"")]


def _recognise(catalogue: Catalogue, body: bytes) -> tuple[Provider, Event | None]:
    """Find whose event a given body is, by its envelope."""
    if len(catalogue.providers) == 1:
        return catalogue.providers[0], None
    document = read_envelope(body)
    for provider in catalogue.providers:
        name = look_up(document, provider.envelope.type)
        event = provider.event(name) if isinstance(name, str) else None
        if event is not None:
            return provider, event
    raise InputError("whose event is that body? its envelope does not say", hint="name the event, or give --provider")


def _to(options: SendOptions, config: Config) -> Setting | None:
    return Setting(options.to, Origin.FLAG, "--to") if options.to is not None else config.to


def _read_data(runtime: Runtime, name: str) -> bytes:
    try:
        if name == "-":
            return runtime.stdin.read()
        return (runtime.cwd / name).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read --data {name}: {error.strerror}") from None
