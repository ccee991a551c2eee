"""How the requests of each manner of check are sent, and what is made of the answers."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from hookctl.check.counter import STABLE_S, CounterError, growth
from hookctl.check.model import Deviation, Manner, Outcome, Result, Severity
from hookctl.check.outcomes import inconclusive, status_of, summed_up
from hookctl.check.repeats import COPIES
from hookctl.check.wanted import ACCEPTED, judge, not_the_receiver, refused
from hookctl.model import FailureKind
from hookctl.signing.tamper import change_first_digit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hookctl.check.compose import Composer
    from hookctl.check.counter import Counter
    from hookctl.check.model import Check, Exchange, Probe
    from hookctl.check.sender import Sender
    from hookctl.runtime import Runtime

RECOVERY_S = 3.0
"""How long a receiver that has gone is waited for: whatever watches over it may start it again."""

_PAUSE_S = 0.1


class Conduct:
    """Carries out checks, one at a time.

    Args:
        composer: makes the requests.
        sender: sends them.
        runtime: the clock.
        counter: what the receiver has acted on; None where it cannot be seen.
    """

    def __init__(self, composer: Composer, sender: Sender, runtime: Runtime, counter: Counter | None) -> None:
        self._composer = composer
        self._sender = sender
        self._runtime = runtime
        self._counter = counter
        self._counter_problem: str | None = None
        self._counter_tried = False
        self._counter_lag_s = 0.0
        """How long after the answers different events were counted."""
        self.gone_after: str | None = None
        """The check after which the receiver was there no more."""

    def carry_out(self, check: Check) -> Outcome:
        """Send what a check sends, and return what it came to."""
        match check.manner:
            case Manner.TIMED:
                return self._timed(check)
            case Manner.ONE_CONNECTION:
                return self._in_turn(check)
            case Manner.COUNTED:
                return self._counted(check, self._send_each)
            case Manner.TOGETHER:
                return self._counted(check, self._sender.send_together)
            case _:
                return self._each(check)

    def _each(self, check: Check) -> Outcome:
        deviations: list[Deviation] = []
        exchange: Exchange | None = None
        # made one by one: what is signed is dated when it is sent
        for probe in _made(check, self._composer):
            exchange = self._sender.send(check, probe)
            deviation = self._deviation(check, exchange)
            if deviation is not None:
                deviations.append(deviation)
            # who hangs on one hangs on the others, and each takes as long
            if self.gone_after is not None or _hung(exchange):
                break
        return summed_up(check, deviations, exchange)

    def _deviation(self, check: Check, exchange: Exchange) -> Deviation | None:
        """Return how an answer deviates, or None; sees whether the receiver has survived where that is in doubt."""
        label = exchange.probe.label
        if check.malformed or exchange.attempt.failure is not None:
            crash = self._crash(check)
            if crash is not None:
                return Deviation(label, crash, Result.FAIL, check.severity.at_least(Severity.SHOULD), exchange)
        judged = judge(exchange.probe.wanted, check.severity, exchange.attempt)
        if judged.result is Result.PASS:
            return None
        return Deviation(label, judged.sentence, judged.result, judged.severity, exchange)

    def _crash(self, check: Check) -> str | None:
        """Return what has happened to the receiver when it does not answer any more, else None."""
        began_s = self._runtime.monotonic_s()
        away = False
        while True:
            exchange = self._sender.send_quietly(check, self._sign_of_life(check))
            if exchange.attempt.response is not None:
                return "the receiver crashed on it, and was started again" if away else None
            if self._runtime.monotonic_s() - began_s > RECOVERY_S:
                self.gone_after = check.id
                return "the receiver does not answer any more after it: it crashed, or hangs"
            away = True
            self._runtime.sleep(_PAUSE_S)

    def _sign_of_life(self, check: Check) -> Probe:
        """Return a well-formed request with a wrong signature, which any receiver that runs answers somehow."""
        draft = self._composer.draft(check)
        wrong = self._composer.with_signature(draft, change_first_digit(draft.signature))
        return self._composer.probe(wrong, refused(self._composer.provider))

    def _timed(self, check: Check) -> Outcome:
        durations_ms: list[float] = []
        exchange: Exchange | None = None
        for probe in _probes(check, self._composer):
            exchange = self._sender.send(check, probe)
            durations_ms.append(exchange.attempt.duration_ms)
            deviation = self._deviation(check, exchange)
            if deviation is not None:
                return summed_up(check, [deviation], exchange)
        middle_ms = median(durations_ms)
        detail = f"{middle_ms:.0f} ms at the median"
        late = middle_ms > self._composer.provider.replies.deadline_s * 1000
        sentence = f"{detail}, expected {check.expects}"
        deviations = [Deviation("", sentence, Result.FAIL, check.severity, exchange)] if late else []
        return summed_up(check, deviations, exchange, detail=detail, duration_ms=middle_ms)

    def _in_turn(self, check: Check) -> Outcome:
        # what each kind is answered over a connection of its own is what it has to be answered here
        kinds = {probe.label: probe for probe in _probes(check, self._composer)}
        usual = {kind: status_of(self._sender.send_quietly(check, probe)) for kind, probe in kinds.items()}
        exchanges, left_open = self._sender.send_in_turn(check, _probes(check, self._composer))
        for place, exchange in enumerate(exchanges):
            failure, status, kind = exchange.attempt.failure, status_of(exchange), exchange.probe.label
            between = None if exchange.attempt.response is None else not_the_receiver(exchange.attempt.response)
            if between is not None:
                return inconclusive(check, f"answered {status}: {between}")
            if failure is None and status == usual[kind]:
                continue
            after = f" after the {exchanges[place - 1].probe.label} one" if place else ""
            if failure is not None:
                sentence = f"the connection was lost without a word{after}: {failure.message}"
            else:
                sentence = f"a {kind} one{after} was answered {status}, but {usual[kind]} over a connection of its own"
            return summed_up(check, [Deviation("", sentence, Result.FAIL, check.severity, exchange)], exchange)
        detail = "" if left_open else f"the receiver closes the connection after answer {len(exchanges)}, and says so"
        return summed_up(check, [], exchanges[-1], detail=detail)

    def _counted(self, check: Check, send: Callable[[Check, Sequence[Probe]], list[Exchange]]) -> Outcome:
        assert self._counter is not None  # noqa: S101 - the check is skipped otherwise
        problem = self._problem_with_counter(check)
        if problem is not None:
            return inconclusive(check, problem)
        exchanges: list[Exchange] = []
        try:
            grown = growth(
                self._counter,
                1,
                self._runtime,
                lambda: exchanges.extend(send(check, _probes(check, self._composer))),
                # a worker that took its time for the different events takes as long for each repeat
                max(STABLE_S, 2 * self._counter_lag_s),
            ).value
        except CounterError as error:
            return inconclusive(check, error.message)
        deviations: list[Deviation] = []
        if check.manner is Manner.TOGETHER:
            deviations += [one for exchange in exchanges if (one := self._deviation(check, exchange)) is not None]
        if grown != 1:
            sentence = f"the counter grew by {grown} for {len(exchanges)} deliveries of one event, expected 1"
            deviations.append(Deviation("", sentence, Result.FAIL, check.severity, exchanges[-1]))
        return summed_up(check, deviations, exchanges[-1], detail="the counter grew by 1")

    def _problem_with_counter(self, check: Check) -> str | None:
        """Return why the counter tells nothing, or None: different events must each be counted once."""
        assert self._counter is not None  # noqa: S101 - the check is skipped otherwise
        if self._counter_tried:
            return self._counter_problem
        self._counter_tried = True
        exchanges: list[Exchange] = []

        def act() -> None:
            for _ in range(COPIES):
                probe = self._composer.probe(self._composer.draft(check), ACCEPTED)
                exchanges.append(self._sender.send(check, probe))

        try:
            settled = growth(self._counter, COPIES, self._runtime, act)
        except CounterError as error:
            self._counter_problem = error.message
            return self._counter_problem
        grown, self._counter_lag_s = settled.value, settled.lag_s
        accepted = sum(judge(ACCEPTED, check.severity, one.attempt).result is Result.PASS for one in exchanges)
        if accepted != COPIES:
            self._counter_problem = f"of {COPIES} different events only {accepted} were accepted"
        elif grown != COPIES:
            self._counter_problem = f"the counter grew by {grown} for {COPIES} different events: it does not count them"
        return self._counter_problem

    def _send_each(self, check: Check, probes: Sequence[Probe]) -> list[Exchange]:
        return [self._sender.send(check, probe) for probe in probes]


def _hung(exchange: Exchange) -> bool:
    failure = exchange.attempt.failure
    return failure is not None and failure.kind is FailureKind.TIMEOUT


def _probes(check: Check, composer: Composer) -> list[Probe]:
    return list(_made(check, composer))


def _made(check: Check, composer: Composer) -> Iterator[Probe]:
    assert check.build is not None  # noqa: S101 - only checks that send nothing of their own have none
    return check.build(composer, check)
