"""Runs checks against a receiver: the control first and last, each verdict only where it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hookctl.check import diagnosis
from hookctl.check.catalogue import CONTROL, UNKNOWN_EVENT
from hookctl.check.conduct import Conduct
from hookctl.check.model import Check, Deviation, Effect, Exchange, Manner, Outcome, Result, Severity
from hookctl.check.outcomes import inconclusive, skipped, status_of
from hookctl.check.sender import Sender
from hookctl.check.wanted import ACCEPTED, judge, not_reached
from hookctl.delivery.network import DeliveryFailedError
from hookctl.model import FailureKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hookctl.check.compose import Composer
    from hookctl.check.counter import Counter
    from hookctl.check.model import Probe, RunEvent
    from hookctl.delivery.wire import Wire
    from hookctl.runtime import Runtime

SKEW_S = 30.0
"""How far the receiver's clock may be from ours before nothing is said about the age of deliveries."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run."""

    timeout_s: float
    """Seconds that one answer may take; more than the vendor's deadline, to tell late from never."""
    allow_side_effects: bool = False
    diagnose: bool = False
    loopback: bool = True
    """Whether the receiver is on this machine, by the name of its host."""
    verifying: Wire | None = None
    """Connections that check certificates, where the run's own do not."""


class Runner:
    """One run of checks.

    Args:
        checks: those that are wanted, in order.
        all_checks: all there are: one may be needed to run another.
        composer: makes the requests.
        wire: sends them.
        runtime: the clock.
        options: how to run.
        counter: what the receiver has acted on; None where it cannot be seen.
    """

    def __init__(
        self,
        checks: Sequence[Check],
        all_checks: Sequence[Check],
        composer: Composer,
        wire: Wire,
        runtime: Runtime,
        options: RunOptions,
        *,
        counter: Counter | None = None,
    ) -> None:
        by_id = {check.id: check for check in all_checks}
        self._control = by_id[CONTROL]
        self._unknown = by_id[UNKNOWN_EVENT]
        self._checks = [check for check in checks if check.id != CONTROL]
        self._composer = composer
        self._provider = composer.provider
        self._wire = wire
        self._options = options
        self._has_counter = counter is not None
        self._sender = Sender(wire, composer.url, runtime, options.timeout_s)
        self._conduct = Conduct(composer, self._sender, runtime, counter)
        self.unreachable = False
        """Whether the receiver could not be connected to at all."""
        self.control_failed = False
        """Whether a genuine delivery was not accepted, first or last."""

    def run(self) -> Iterator[RunEvent]:
        """Run everything.

        Yields:
            Each request with its answer and each check's outcome, as soon as there is one. The control's outcome comes
            first; a second one comes last when the control fails at the end.
        """
        control = self._run_control()
        yield from self._told(control)
        if control.result is not Result.PASS:
            self.control_failed = True
            yield from (self._without_control(check, control) for check in self._checks)
            return
        unknown: Outcome | None = None
        if self._needs_carrier():
            # events that no handler knows carry what only has to be accepted
            unknown = self._outcome(self._unknown)
            self._composer.unknown_events = unknown.result is Result.PASS
        for check in self._checks:
            if check.manner not in {Manner.REDIRECTS, Manner.LEAKS}:
                outcome = unknown if unknown is not None and check is self._unknown else self._outcome(check)
                yield from self._told(outcome)
        if self._conduct.gone_after is None:
            again = self._repeated_control()
            if again.result is not Result.PASS:
                self.control_failed = True
                yield from self._told(again)
        for check in self._checks:
            if check.manner is Manner.REDIRECTS:
                yield self._redirects(check)
            elif check.manner is Manner.LEAKS:
                yield self._leaks(check)

    def _told(self, outcome: Outcome) -> Iterator[RunEvent]:
        yield from self._sender.take()
        yield outcome

    # the control

    def _run_control(self) -> Outcome:
        outcome = self._control_once()
        if outcome.result is Result.PASS:
            outcome = self._control_once()
        if outcome.result is not Result.PASS and self._options.diagnose and not self.unreachable:
            return self._diagnosed(outcome)
        return outcome

    def _repeated_control(self) -> Outcome:
        outcome = self._control_once()
        # it was reached before: that it is gone is the run's doing, or an accident, but not a wrong address
        self.unreachable = False
        detail = f"at the end of the run: {outcome.detail}; what was seen in between cannot be relied on"
        return outcome if outcome.result is Result.PASS else replace(outcome, detail=detail)

    def _control_once(self) -> Outcome:
        exchange = self._sender.send(self._control, self._control_probe())
        attempt, deadline_s = exchange.attempt, self._provider.replies.deadline_s
        self._sender.note_clock(attempt.response)
        judged = judge(ACCEPTED, Severity.MUST, attempt)
        if judged.result is Result.PASS and attempt.duration_ms <= deadline_s * 1000:
            return Outcome(
                self._control, Result.PASS, Severity.MUST, status_of(exchange), duration_ms=attempt.duration_ms
            )
        if judged.result is Result.PASS:
            late = f"accepted, but only after {attempt.duration_ms / 1000:.1f} s: the sender gives up after"
            return self._failed(exchange, Result.FAIL, f"{late} {deadline_s:g} s", "answer first, then work")
        if attempt.failure is not None and not_reached(attempt.failure):
            self.unreachable = True
            return self._failed(exchange, judged.result, judged.sentence, attempt.failure.hint)
        hint = diagnosis.first_hint(self._provider, attempt, tried=self._options.diagnose)
        return self._failed(exchange, judged.result, judged.sentence, hint)

    def _control_probe(self) -> Probe:
        assert self._control.build is not None  # noqa: S101 - the control sends one delivery
        return next(self._control.build(self._composer, self._control))

    def _failed(self, exchange: Exchange, result: Result, detail: str, hint: str | None) -> Outcome:
        return Outcome(
            self._control,
            result,
            Severity.MUST,
            status_of(exchange),
            detail,
            (Deviation("", detail, result, Severity.MUST, exchange),),
            exchange.attempt.duration_ms,
            hint=hint,
        )

    def _diagnosed(self, outcome: Outcome) -> Outcome:
        trial = diagnosis.find_mistake(
            self._composer, self._control, lambda probe: self._sender.send(self._control, probe).attempt
        )
        if trial is None:
            return replace(outcome, detail=f"{outcome.detail}; none of the usual mistakes explains it")
        detail = f"{outcome.detail}; {trial.happened}, it was accepted"
        return replace(outcome, detail=detail, diagnosis=trial.name, hint=trial.remedy)

    def _without_control(self, check: Check, control: Outcome) -> Outcome:
        """Return what can be said without the control: nothing, but for what its own answers show."""
        deadline_s = self._provider.replies.deadline_s
        if check.manner is Manner.REDIRECTS and self._sender.redirect is not None:
            return self._redirects(check)
        if check.manner is Manner.TIMED and control.duration_ms > deadline_s * 1000:
            taken = f"the control took {control.duration_ms / 1000:.1f} s, expected {check.expects}"
            return Outcome(check, Result.FAIL, check.severity, control.status, taken, control.deviations)
        if check.manner is Manner.TRANSPORT:
            return self._transport(check)
        if check.absent is not None:
            return skipped(check, check.absent)
        return skipped(check, "the receiver could not be reached" if self.unreachable else "the control failed")

    # the other checks

    def _needs_carrier(self) -> bool:
        return self._unknown in self._checks or any(
            check.effect is Effect.CARRIED and check.absent is None for check in self._checks
        )

    def _outcome(self, check: Check) -> Outcome:
        reason = self._reason_to_skip(check)
        if reason is not None:
            return skipped(check, reason)
        if check.manner is Manner.TRANSPORT:
            return self._transport(check)
        if self._conduct.gone_after is not None:
            return inconclusive(check, f"the receiver was not there any more after {self._conduct.gone_after}")
        skew_s = self._sender.skew_s or 0.0
        if check.times and abs(skew_s) > SKEW_S:
            where = "ahead of" if skew_s > 0 else "behind"
            return inconclusive(check, f"the receiver's clock is {abs(skew_s):.0f} s {where} ours, by its Date header")
        return self._conduct.carry_out(check)

    def _reason_to_skip(self, check: Check) -> str | None:
        if check.absent is not None:
            return check.absent
        if check.manner in {Manner.COUNTED, Manner.TOGETHER} and not self._has_counter:
            return "what the receiver does with it cannot be seen: give --probe-url or --probe-cmd"
        if self._options.allow_side_effects or check.effect is Effect.NONE:
            return None
        if check.effect is Effect.GENUINE:
            return "it would run the receiver's own handlers: --allow-side-effects lets it"
        if not self._composer.unknown_events:
            return "unknown events are not accepted, so it would run the handlers: --allow-side-effects lets it"
        return None

    # checks that send nothing of their own

    def _transport(self, check: Check) -> Outcome:
        secure = self._composer.url.startswith("https:")
        if not secure and self._options.loopback:
            return skipped(check, "plain http, on this machine")
        if not secure:
            return _failing(check, "plain http, beyond this machine")
        wire = self._options.verifying or self._wire
        try:
            with wire.open(self._composer.url, timeout_s=self._options.timeout_s) as connection:
                session = connection.tls
                version = session.version() if session is not None else None
        except DeliveryFailedError as error:
            failure = error.failure
            bad = failure.kind is FailureKind.TLS
            return _failing(check, failure.message) if bad else inconclusive(check, failure.message)
        return Outcome(check, Result.PASS, check.severity, None, f"{version}, with a certificate that is trusted")

    def _redirects(self, check: Check) -> Outcome:
        exchange = self._sender.redirect
        if exchange is None:
            return Outcome(check, Result.PASS, check.severity)
        response = exchange.attempt.response
        location = None if response is None else response.header("location")
        where = f" to {location}" if location else ""
        sentence = f"{exchange.check} was answered with a redirect{where}"
        return _failing(check, sentence, exchange)

    def _leaks(self, check: Check) -> Outcome:
        if self._sender.leak is not None:
            exchange, what = self._sender.leak
            return _failing(check, f"the answer to {exchange.check} has {what} in it", exchange)
        if not self._sender.refusals:
            return skipped(check, "nothing was refused")
        return Outcome(check, Result.PASS, check.severity, None, f"{self._sender.refusals} refusals give nothing away")


def _failing(check: Check, sentence: str, exchange: Exchange | None = None) -> Outcome:
    deviation = Deviation("", sentence, Result.FAIL, check.severity, exchange)
    status = None if exchange is None else status_of(exchange)
    return Outcome(check, Result.FAIL, check.severity, status, sentence, (deviation,))
