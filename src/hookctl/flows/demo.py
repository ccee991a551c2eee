"""`hookctl demo`: the whole loop on this machine, with throw-away secrets and a correct receiver of our own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hookctl.catalogue import Catalogue, load_catalogue
from hookctl.config import Origin
from hookctl.delivery import Client, ClientOptions, Endpoint
from hookctl.errors import ExitCode
from hookctl.flows.send import Job, Plan, SendOptions
from hookctl.model import (
    Attempt,
    CapturedRequest,
    Provider,
    Rotation,
    Secret,
    SecretPair,
    SignedRequest,
    Tamper,
    Verdict,
)
from hookctl.payload import IdSource
from hookctl.receiver import BackgroundServer, Reply
from hookctl.signing import verify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Case:
    """One delivery of the demo: what is sent and what a correct receiver does with it."""

    job: Job
    tamper: Tamper | None = None
    rotation: Rotation | None = None

    @property
    def genuine(self) -> bool:
        """Whether the receiver must accept it."""
        return self.tamper is None


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one case."""

    case: Case
    request: SignedRequest
    attempt: Attempt
    verdict: Verdict | None
    """What the receiver found; None when nothing arrived."""
    right: bool
    """A genuine delivery arrived byte for byte and was accepted, or a bad one was refused as documented."""


@dataclass(slots=True)
class DemoSummary:
    """Counts of a demo."""

    genuine: int = 0
    accepted: int = 0
    """Genuine deliveries that were accepted."""
    bad: int = 0
    refused: int = 0
    """Bad deliveries that were refused."""

    def count(self, step: Step) -> None:
        """Take one step into account."""
        if step.case.genuine:
            self.genuine += 1
            self.accepted += step.right
        else:
            self.bad += 1
            self.refused += step.right

    @property
    def exit_code(self) -> ExitCode:
        """Success only when something was sent and every delivery ended as it must."""
        right = self.genuine > 0 and self.accepted == self.genuine and self.refused == self.bad
        return ExitCode.YES if right else ExitCode.NO


class DemoReceiver:
    """A receiver that does what the providers' pages ask for, and remembers what it found.

    Args:
        secrets: the signing secrets by provider.

    """

    def __init__(self, catalogue: Catalogue, secrets: dict[str, SecretPair]) -> None:
        self._providers = {endpoint_path(provider): provider for provider in catalogue.providers}
        self._secrets = secrets
        self._found: list[tuple[CapturedRequest, Verdict]] = []

    async def __call__(self, request: CapturedRequest) -> Reply:
        """Verify a delivery and answer as its provider documents."""
        provider = self._providers.get(request.target)
        if provider is None:
            return Reply(404, b"no provider has this path\n")
        verdict = verify(
            provider,
            request.headers,
            request.body,
            self._secrets[provider.name],
            received_at_ms=request.received_at_ms,
        )
        self._found.append((request, verdict))
        signed = any(request.header(name) is not None for name in provider.signature.headers)
        if verdict.valid:
            return Reply(provider.replies.success, b"OK")
        refusal = provider.replies.invalid_signature if signed else provider.replies.missing_signature
        return Reply(refusal, verdict.reason.encode())

    def take(self) -> tuple[CapturedRequest, Verdict] | None:
        """Return and forget the latest delivery, or None when nothing arrived."""
        return self._found.pop() if self._found else None


def endpoint_path(provider: Provider) -> str:
    """Return the path of a provider's endpoint in the demo: the documented one where there is one."""
    return provider.endpoint.path or f"/webhooks/{provider.name}"


def run_demo(runtime: Runtime, summary: DemoSummary) -> Iterator[Step]:
    """Deliver every event of every provider, and each kind of bad one, to a receiver on a free loopback port.

    Yields:
        A step for each delivery, in catalogue order, each provider's bad ones last.

    Raises:
        InputError: no loopback port can be listened on.
    """
    catalogue = load_catalogue()
    secrets = {provider.name: _throw_away_secrets(runtime) for provider in catalogue.providers}
    receiver = DemoReceiver(catalogue, secrets)
    plan = Plan((), SendOptions(), IdSource(runtime.random_bytes(16)), None)
    with (
        BackgroundServer(receiver, clock=runtime.now_ms) as server,
        Client(ClientOptions(env=runtime.env)) as client,
    ):
        for provider in catalogue.providers:
            url = f"{server.url}{endpoint_path(provider)}"
            endpoint = Endpoint(url, server.host, Origin.BUILT_IN, loopback_only=True)
            for case in _cases(provider, endpoint, secrets[provider.name]):
                step = _run(case, plan, client, receiver, runtime)
                summary.count(step)
                yield step


def _throw_away_secrets(runtime: Runtime) -> SecretPair:
    current, previous = (Secret(runtime.random_bytes(16).hex().encode(), "made up") for _ in range(2))
    return SecretPair(current, previous)


def _cases(provider: Provider, endpoint: Endpoint, secrets: SecretPair) -> list[Case]:
    jobs = [Job(provider, event, endpoint, secrets, 0) for event in provider.events]
    cases = [Case(job) for job in jobs]
    # the documented example stands for all where something is done to it
    example = next((job for job in jobs if job.event is not None and job.event.documented), jobs[0])
    if provider.signature.rotates:
        cases += [Case(replace(example, occurrence=1), rotation=Rotation.BOTH)]
    kinds = [kind for kind in Tamper if kind is not Tamper.TIMESTAMP or provider.signature.signs_timestamp]
    cases += [Case(replace(example, occurrence=2 + index), tamper=kind) for index, kind in enumerate(kinds)]
    return cases


def _run(case: Case, plan: Plan, client: Client, receiver: DemoReceiver, runtime: Runtime) -> Step:
    provider = case.job.provider
    one = replace(plan, options=SendOptions(tamper=case.tamper, rotate=case.rotation))
    request = one.prepare(case.job, runtime.now_ms())
    attempt = client.deliver(request, timeout_s=one.timeout_s(provider), loopback_only=True)
    arrived = receiver.take()
    captured, verdict = arrived or (None, None)
    status = attempt.response.status if attempt.response is not None and attempt.failure is None else None
    right = (
        status is not None
        and captured is not None
        and verdict is not None
        and captured.body == request.body
        and verdict.valid is case.genuine
        and one.expected(provider).met_by(status)
    )
    return Step(case, request, attempt, verdict, right)
