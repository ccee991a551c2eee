"""`hookctl replay`: send again what was received, or what a file holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from hookctl.delivery import Client, ClientOptions
from hookctl.delivery.expect import SUCCESS
from hookctl.flows.interrupts import interrupt_afterwards
from hookctl.flows.send import Note, SendSummary
from hookctl.model import Delivery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.flows.originals import Before
    from hookctl.flows.replay_plan import Replay, ReplayPlan
    from hookctl.model import SignedRequest
    from hookctl.runtime import Runtime

DEADLINE_S = 5.0
"""Seconds for a delivery of which nothing tells whose it is."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """One delivery that was made again."""

    delivery: Delivery
    """Its request's provider is "" when nothing told whose it is."""
    of: str
    """As in `Replay`."""
    before: Before | None


ReplayEvent: TypeAlias = Note | Replayed


def dry_run(plan: ReplayPlan, runtime: Runtime) -> Iterator[SignedRequest]:
    """Yield every request of a plan, complete, without sending it."""
    for replay in plan.replays:
        yield plan.prepare(replay, runtime.now_ms())


def run_replay(plan: ReplayPlan, runtime: Runtime, summary: SendSummary) -> Iterator[ReplayEvent]:
    """Make every delivery of a plan, one after the other.

    Yields:
        Notes, then each delivery as it ends.

    Raises:
        InputError: the `--cacert` file or a proxy in the environment cannot be used; nothing has been sent then.
    """
    options = plan.options
    pace = Pace(runtime, options.rate_per_s)
    with Client(ClientOptions(options.cacert, options.insecure, runtime.env)) as client:
        if options.insecure:
            yield Note("--insecure: certificates are not checked; anyone on the way can read and change deliveries")
        yield from map(Note, plan.notes)
        if options.allow_remote:
            urls = dict.fromkeys(replay.endpoint.url for replay in plan.replays)
            proxies = dict.fromkeys(filter(None, map(client.proxy_for, urls)))
            yield from (Note(f"through the proxy {proxy}, as the environment says") for proxy in proxies)
        for replay in plan.replays:
            pace.wait()
            replayed = _deliver(plan, replay, client, runtime)
            # until the caller asks for the next: what is counted has been written, and whole
            with interrupt_afterwards():
                summary.count(replayed.delivery)
                yield replayed


class Pace:
    """Spaces deliveries evenly: what came late does not make the next ones come sooner.

    Args:
        runtime: its monotonic clock, and its sleep.
        rate_per_s: how many a second; None for no pause.
    """

    def __init__(self, runtime: Runtime, rate_per_s: float | None) -> None:
        self._runtime = runtime
        self._step_s = 0.0 if rate_per_s is None else 1 / rate_per_s
        self._next_s: float | None = None

    def wait(self) -> None:
        """Return when the next delivery may begin; the first may at once."""
        if not self._step_s:
            return
        now_s = self._runtime.monotonic_s()
        if self._next_s is not None and now_s < self._next_s:
            self._runtime.sleep(self._next_s - now_s)
            now_s = self._next_s
        self._next_s = now_s + self._step_s


def _deliver(plan: ReplayPlan, replay: Replay, client: Client, runtime: Runtime) -> Replayed:
    options = plan.options
    expected = options.expect or SUCCESS
    deadline_s = DEADLINE_S if replay.provider is None else replay.provider.replies.deadline_s
    request = plan.prepare(replay, runtime.now_ms())
    attempt = client.deliver(
        request, timeout_s=options.timeout_s or deadline_s, loopback_only=replay.endpoint.loopback_only
    )
    response = attempt.response if attempt.failure is None else None
    delivery = Delivery(
        request=request,
        attempt=attempt,
        expected=str(expected),
        ok=response is not None and expected.met_by(response.status),
        deadline_s=deadline_s,
    )
    return Replayed(delivery, replay.of, replay.before)
