"""`hookctl check`: is this receiver right?"""

from __future__ import annotations

from collections import Counter as Counts
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from hookctl.check.catalogue import checks_of, select
from hookctl.check.model import Check, Exchange, Outcome, Result, Severity
from hookctl.config import Origin, Setting, load_config
from hookctl.credentials import SecretSource
from hookctl.delivery.endpoint import is_loopback_name, resolve_base, resolve_endpoint
from hookctl.errors import ExitCode, InputError, UsageError, did_you_mean
from hookctl.flows.interrupts import interrupt_afterwards
from hookctl.flows.providers import open_catalogue
from hookctl.payload.paths import pointer_steps

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hookctl.catalogue import Catalogue
    from hookctl.check.counter import Counter
    from hookctl.check.runner import Runner
    from hookctl.config import Config
    from hookctl.delivery.endpoint import Endpoint
    from hookctl.delivery.wire import Wire
    from hookctl.flows.application import Application
    from hookctl.model import Event, Provider, SecretPair
    from hookctl.runtime import Runtime

LATE = 3
"""How many times the vendor's deadline an answer is waited for: late is told from never."""

_NOT_YET = frozenset({502, 503, 504})
"""What is answered in front of an app that is still starting."""

_WAIT_ANSWER_S = 2.0


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """What the user asked for. Durations in seconds."""

    target: str | None = None
    """URL, port or configured name."""
    provider: str | None = None
    event: str | None = None
    """The documented event that stands for all."""
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    strict: bool = False
    secret_files: tuple[str, ...] = ()
    probe_url: str | None = None
    probe_pointer: str | None = None
    probe_command: str | None = None
    diagnose: bool = False
    allow_side_effects: bool = False
    allow_remote: bool = False
    timeout_s: float | None = None
    cacert: Path | None = None
    insecure: bool = False
    start: str | None = None
    wait_for: str | None = None
    start_timeout_s: float = 60.0


@dataclass(frozen=True, slots=True)
class CheckPlan:
    """One run, checked: whatever can be known to be wrong beforehand is."""

    provider: Provider
    event: Event
    endpoint: Endpoint
    secrets: SecretPair
    checks: tuple[Check, ...]
    all_checks: tuple[Check, ...]
    probe_url: str | None
    wait_for: str | None
    options: CheckOptions
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth knowing that is not a result."""

    text: str
    loud: bool = False
    """Whether it is said however quiet the run."""


@dataclass(frozen=True, slots=True)
class Log:
    """The end of the log of an app that was started, and where all of it is."""

    path: str
    lines: tuple[str, ...]


@dataclass(slots=True)
class CheckSummary:
    """What a run came to."""

    strict: bool = False
    results: Counts[Result] = field(default_factory=Counts)
    failed: list[str] = field(default_factory=list)
    """Ids of the checks that decide the exit code and failed."""
    warned: list[str] = field(default_factory=list)
    """Ids of those that failed and do not decide it."""
    unclear: list[str] = field(default_factory=list)
    """Ids of the checks that would decide it and are inconclusive."""
    control_failed: bool = False
    unreachable: bool = False
    ended: bool = False
    """Whether the run came to its end."""
    _seen: dict[str, Outcome] = field(default_factory=dict)

    def count(self, outcome: Outcome) -> None:
        """Take one outcome into account; the later of two of one check counts."""
        self._seen[outcome.check.id] = outcome
        outcomes = self._seen.values()
        self.results = Counts(one.result for one in outcomes)
        failures = [one for one in outcomes if one.result is Result.FAIL]
        self.failed = [one.check.id for one in failures if self._decides(one.severity)]
        self.warned = [one.check.id for one in failures if not self._decides(one.severity)]
        self.unclear = [
            one.check.id for one in outcomes if one.result is Result.INCONCLUSIVE and self._decides(one.severity)
        ]

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The last outcome of each check, in the order of their first."""
        return tuple(self._seen.values())

    @property
    def exit_code(self) -> ExitCode:
        """The truth about the run: without a control nothing can be said, whatever else was seen."""
        if self.unreachable:
            return ExitCode.NETWORK
        if self.control_failed or not self.ended:
            return ExitCode.INCONCLUSIVE
        if self.failed:
            return ExitCode.NO
        return ExitCode.INCONCLUSIVE if self.unclear else ExitCode.YES

    @property
    def verdict(self) -> str:
        """The outcome in one word: right, wrong, inconclusive or unreachable."""
        words = {ExitCode.YES: "right", ExitCode.NO: "wrong", ExitCode.NETWORK: "unreachable"}
        return words.get(self.exit_code, "inconclusive")

    def _decides(self, severity: Severity) -> bool:
        return severity is Severity.MUST or (self.strict and severity is Severity.SHOULD)


CheckEvent: TypeAlias = Note | Log | Exchange | Outcome


def list_checks(runtime: Runtime, options: CheckOptions) -> list[tuple[Provider, Check]]:
    """Return the checks that a run would have, of one provider or of each.

    Raises:
        InputError: an unknown provider, check or event.
    """
    config = load_config(runtime)
    chosen = options.provider or (config.provider.value if config.provider is not None else None)
    catalogue = open_catalogue(config, chosen)
    return [
        (provider, check)
        for provider in catalogue.providers
        for check in select(checks_of(provider), options.only, options.skip)
    ]


def plan_check(runtime: Runtime, options: CheckOptions) -> CheckPlan:
    """Check everything that can be checked without sending.

    Raises:
        UsageError: options that contradict each other.
        InputError: nothing tells whose receiver it is; an unknown event or check, a missing secret, no URL.
    """
    _check_options(options)
    config = load_config(runtime)
    catalogue = open_catalogue(config, options.provider)
    provider, note = _provider(catalogue, options, config)
    event = _event(catalogue, provider, options.event)
    endpoint = _endpoint(provider, options, config)
    all_checks = checks_of(provider)
    checks = select(all_checks, options.only, options.skip)
    secrets = SecretSource(runtime, options.secret_files, config.project_folder).pair(provider)
    probe_url = None if options.probe_url is None else _url(options.probe_url, "--probe-url", options, config)
    wait_for = None if options.wait_for is None else _url(options.wait_for, "--wait-for", options, config)
    return CheckPlan(
        provider,
        event,
        endpoint,
        secrets,
        checks,
        all_checks,
        probe_url,
        wait_for,
        options,
        () if note is None else (note,),
    )


def run_check(plan: CheckPlan, runtime: Runtime, summary: CheckSummary) -> Iterator[CheckEvent]:
    """Run the checks of a plan; the app is started first, and ended whatever happens, where that is asked for.

    Yields:
        Notes, each request with its answer, each outcome as soon as there is one, and on failure the app's log.

    Raises:
        InputError: the `--cacert` file or a proxy in the environment cannot be used.
        ApplicationError: the app does not start.
    """
    from hookctl.delivery.client import ClientOptions
    from hookctl.delivery.proxies import find_proxy
    from hookctl.delivery.wire import Wire

    options = plan.options
    wire = Wire(ClientOptions(options.cacert, options.insecure, runtime.env), loopback_only=plan.endpoint.loopback_only)
    verifying = None
    if options.insecure:
        yield Note("--insecure: certificates are not checked, but for the check tls itself", loud=True)
        verifying = Wire(ClientOptions(options.cacert, env=runtime.env), loopback_only=plan.endpoint.loopback_only)
    proxy = None if plan.endpoint.loopback_only else find_proxy(plan.endpoint.url, runtime.env)
    if proxy is not None:
        yield Note(f"through the proxy {proxy.shown}, as the environment says", loud=True)
    for note in plan.notes:
        yield Note(note)
    with ExitStack() as stack:
        application: Application | None = None
        if options.start is not None:
            from hookctl.flows.application import Application

            _refuse_another(plan, wire)
            application = stack.enter_context(Application(options.start, runtime))
            yield from _started(plan, application, wire)
        runner = _runner(plan, wire, runtime, verifying)
        for event in runner.run():
            # until the caller asks for the next: what is counted has been written, and whole
            with interrupt_afterwards():
                summary.control_failed, summary.unreachable = runner.control_failed, runner.unreachable
                if isinstance(event, Outcome):
                    summary.count(event)
                yield event
        summary.control_failed, summary.unreachable = runner.control_failed, runner.unreachable
        summary.ended = True
        if application is not None and summary.exit_code is not ExitCode.YES:
            yield Log(str(application.log), tuple(application.tail()))


def _started(plan: CheckPlan, application: Application, wire: Wire) -> Iterator[CheckEvent]:
    from hookctl.flows.application import ApplicationError

    url = plan.wait_for or plan.endpoint.url
    try:
        for waiting in application.wait_for(url, lambda: _answers(url, wire), plan.options.start_timeout_s):
            yield Note(waiting.text)
    except ApplicationError:
        yield Log(str(application.log), tuple(application.tail()))
        raise


def _answers(url: str, wire: Wire) -> bool:
    from hookctl.delivery.wire import encode_request
    from hookctl.model import SignedRequest

    request = encode_request(SignedRequest("", None, None, "GET", url, (), b""))
    response = wire.deliver(url, request, timeout_s=_WAIT_ANSWER_S).response
    return response is not None and response.status not in _NOT_YET


def _refuse_another(plan: CheckPlan, wire: Wire) -> None:
    """Refuse to start an app where one answers already: the wrong one would be checked."""
    url = plan.wait_for or plan.endpoint.url
    if _answers(url, wire):
        raise InputError(
            f"something answers at {url} already, before --start has started anything",
            hint="end it, or leave --start out to check what runs there",
        )


def _runner(plan: CheckPlan, wire: Wire, runtime: Runtime, verifying: Wire | None) -> Runner:
    from hookctl.check.compose import Composer
    from hookctl.check.runner import Runner, RunOptions
    from hookctl.payload import IdSource

    options = plan.options
    composer = Composer(
        plan.provider,
        plan.event,
        plan.secrets,
        plan.endpoint.url,
        ids=IdSource(runtime.random_bytes(16)),
        now_ms=runtime.now_ms,
        run=runtime.random_bytes(6).hex(),
    )
    timeout_s = options.timeout_s or plan.provider.replies.deadline_s * LATE
    run_options = RunOptions(
        timeout_s=timeout_s,
        allow_side_effects=options.allow_side_effects,
        diagnose=options.diagnose,
        loopback=is_loopback_name(plan.endpoint.host),
        verifying=verifying,
    )
    return Runner(
        plan.checks,
        plan.all_checks,
        composer,
        wire,
        runtime,
        run_options,
        counter=_counter(plan, wire, runtime),
    )


def _counter(plan: CheckPlan, wire: Wire, runtime: Runtime) -> Counter | None:
    from hookctl.check.counter import CommandCounter, UrlCounter

    if plan.probe_url is not None:
        return UrlCounter(wire, plan.probe_url, plan.options.probe_pointer or "")
    if plan.options.probe_command is not None:
        return CommandCounter(plan.options.probe_command, runtime.cwd)
    return None


def _check_options(options: CheckOptions) -> None:
    if options.target is None:
        raise UsageError("which receiver? give its URL or port", hint="hookctl check http://localhost:3000/webhooks")
    if options.probe_url is not None and options.probe_command is not None:
        raise UsageError("--probe-url and --probe-cmd exclude each other")
    if options.probe_pointer is not None and options.probe_url is None:
        raise UsageError("--probe-pointer says where in the answer of --probe-url the number is: give that too")
    pointer = options.probe_pointer
    if pointer and not pointer.startswith("/"):
        raise UsageError(f"--probe-pointer: {pointer!r} is not a JSON Pointer", hint="for instance /count")
    if pointer:
        # what it refuses now cannot end a run half way
        pointer_steps(pointer)
    if options.wait_for is not None and options.start is None:
        raise UsageError("--wait-for says when the app of --start is ready: give that too")


def _provider(catalogue: Catalogue, options: CheckOptions, config: Config) -> tuple[Provider, str | None]:
    """Find whose receiver it is: by option, event, URL or configuration. Returns a note where it was inferred."""
    if len(catalogue.providers) == 1:
        return catalogue.providers[0], None
    if options.event is not None:
        names = {event.provider for event in catalogue.select((options.event,))}
        if len(names) == 1:
            return catalogue.provider(names.pop()), None
    target = options.target or ""
    if target in {provider.name for provider in catalogue.providers}:
        # an endpoint of the configuration under a provider's own name is that provider's
        return catalogue.provider(target), None
    if target.isdigit():
        documented = [provider for provider in catalogue.providers if provider.endpoint.path is not None]
        if len(documented) == 1:
            one = documented[0]
            return one, f"port {target} with {one.title}'s documented path, {one.endpoint.path}"
    setting = config.endpoints.get(target)
    found = _by_path(catalogue, setting.value if setting is not None else target)
    if found is not None:
        return found, None
    if config.provider is not None:
        return catalogue.provider(config.provider.value), None
    if setting is None and not target.isdigit() and not any(mark in target for mark in "/:."):
        configured = list(config.endpoints)
        hint = did_you_mean(target, configured) or "a URL, a port, or a name under [endpoints] in hookctl.toml"
        raise InputError(f"unknown endpoint {target!r}", hint=hint)
    known = ", ".join(provider.name for provider in catalogue.providers)
    raise InputError(f"whose deliveries does {target} take? nothing tells", hint=f"give --provider: {known}")


def _by_path(catalogue: Catalogue, url: str) -> Provider | None:
    """Return the provider whose documented path a URL has, else the one whose name is a part of its path."""
    try:
        path = urlsplit(url if "://" in url else f"http://{url}").path
    except ValueError:
        return None
    for provider in catalogue.providers:
        if provider.endpoint.path == path.rstrip("/"):
            return provider
    parts = path.split("/")
    named = [provider for provider in catalogue.providers if provider.name in parts]
    return named[0] if len(named) == 1 else None


def _event(catalogue: Catalogue, provider: Provider, name: str | None) -> Event:
    if name is None:
        # a documented example is what a receiver has been written for
        return next((event for event in provider.events if event.documented), provider.events[0])
    events = [event for event in catalogue.select((name,)) if event.provider == provider.name]
    if len(events) != 1:
        raise InputError(f"--event {name} is not one event of {provider.title}")
    return events[0]


def _endpoint(provider: Provider, options: CheckOptions, config: Config) -> Endpoint:
    setting = Setting(options.target or "", Origin.FLAG, "URL")
    # asked for as if it were allowed: the rule below is stricter, and its hint is the one that helps here
    found = resolve_endpoint(provider, setting, config, allow_remote=True)
    return _near(found, options)


def _url(text: str, option: str, options: CheckOptions, config: Config) -> str:
    return _near(resolve_base(Setting(text, Origin.FLAG, option), config, allow_remote=True), options).url


def _near(endpoint: Endpoint, options: CheckOptions) -> Endpoint:
    if not options.allow_remote and not is_loopback_name(endpoint.host):
        raise InputError(
            f"{endpoint.url} is beyond this machine",
            hint="a check sends dozens of requests: confirm with --allow-remote that they may go there",
        )
    return replace(endpoint, loopback_only=not options.allow_remote)
