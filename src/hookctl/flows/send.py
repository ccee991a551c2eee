"""`hookctl send`: render, sign and deliver events."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from hookctl.config import Config, Origin, Setting, load_config
from hookctl.credentials import SecretSource
from hookctl.delivery import Client, ClientOptions, Endpoint, build_request, resolve_endpoint
from hookctl.delivery.expect import SUCCESS, Expectation
from hookctl.errors import ExitCode, InputError, UsageError
from hookctl.flows.concurrently import each
from hookctl.flows.interrupts import interrupt_afterwards
from hookctl.flows.latency import Latencies
from hookctl.flows.providers import open_catalogue
from hookctl.model import Delivery, FailureKind, Rotation, SignedRequest, Tamper
from hookctl.payload import IdSource, RenderOptions, given_body, render
from hookctl.payload.paths import look_up
from hookctl.payload.render import read_envelope
from hookctl.signing import require_support, sign, tampered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hookctl.catalogue import Catalogue
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
    count: int = 1
    """Rounds of fresh events."""
    repeat: int = 1
    """Times that each event is sent, the same bytes again."""
    concurrency: int = 1
    """Deliveries under way at once."""
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
    round: int = 0
    """Which round of fresh events it belongs to."""
    dated_ms: int | None = None
    """Set where several deliveries must be the same to the byte."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Every delivery of a run, checked: whatever can be known to be wrong beforehand is."""

    jobs: tuple[Job, ...]
    """One round, each event once."""
    options: SendOptions
    ids: IdSource
    data: bytes | None

    @property
    def size(self) -> int:
        """How many deliveries there are."""
        return len(self.jobs) * self.options.count * self.options.repeat

    def deliveries(self, runtime: Runtime) -> Iterator[Job]:
        """Yield every delivery in turn, each round's fresh events and each event's repeats."""
        for number in range(self.options.count):
            for job in self.jobs:
                if self.options.repeat == 1:
                    yield replace(job, round=number)
                    continue
                same = replace(job, round=number, dated_ms=runtime.now_ms())
                for _ in range(self.options.repeat):
                    yield same

    def prepare(self, job: Job, now_ms: int) -> SignedRequest:
        """Render and sign one delivery, dated now unless the job or the options date it."""
        at_ms = self.options.at_ms
        if at_ms is None:
            at_ms = now_ms if job.dated_ms is None else job.dated_ms
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
        options = RenderOptions(
            self.ids.round(job.round), self.options.edits, self.options.event_id, self.options.as_documented
        )
        if self.data is not None:
            name = job.event.name if job.event else None
            return given_body(
                job.provider, self.data, event=name, at_ms=at_ms, options=options, occurrence=job.occurrence
            )
        assert job.event is not None  # noqa: S101 - the plan has no such job without data
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
    latencies: Latencies = field(default_factory=Latencies)
    """How long the answers took."""

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
        if delivery.attempt.failure is None:
            self.latencies.add(delivery.attempt.duration_ms)
        if delivery.request.url not in self.urls:
            self.urls.append(delivery.request.url)


SendEvent: TypeAlias = Note | Delivery


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
    pairs = _select(options, open_catalogue(config, chosen), data)
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
    for job in plan.deliveries(runtime):
        yield plan.prepare(job, runtime.now_ms())


def run_send(plan: Plan, runtime: Runtime, summary: SendSummary) -> Iterator[SendEvent]:
    """Make every delivery of a plan.

    Yields:
        Notes, then each delivery as it ends: with several
        under way at once that is not the order of the plan. Memory does not grow with their number.

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

        def deliver(job: Job) -> Iterator[SendEvent]:
            return _deliver(plan, job, client, runtime, wait_until_s)

        for step in each(plan.deliveries(runtime), deliver, at_once=min(options.concurrency, plan.size)):
            # until the caller asks for the next: what is counted has been written, and whole
            with interrupt_afterwards():
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
    answered = attempt.failure is None and attempt.response is not None
    yield Delivery(
        request=request,
        attempt=attempt,
        expected=str(expected),
        ok=answered and attempt.response is not None and expected.met_by(attempt.response.status),
        deadline_s=job.provider.replies.deadline_s,
        genuine=plan.options.tamper is None,
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
        _exclude("--data is the whole body", {"--count": options.count > 1})
    if options.event_id is not None and options.count > 1:
        raise UsageError("--id names one event, and --count makes fresh ones: use --repeat to send it again")
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
    if options.rotate is not None and not provider.signature.rotates:
        raise UsageError(
            f"--rotate: {provider.title} documents no second signature for rotation",
            hint="choose events of a provider that does with --provider",
        )
    if options.event_id is not None and not provider.has_ids:
        raise UsageError(f"--id: {provider.title} events have no id")


def _select(options: SendOptions, catalogue: Catalogue, data: bytes | None) -> list[tuple[Provider, Event | None]]:
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
        name = look_up(document, provider.envelope.type) if provider.envelope.type else None
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
