"""Sends the requests of checks, and keeps an eye on every answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.check.leaks import found_in
from hookctl.check.model import Exchange
from hookctl.delivery.network import DeliveryFailedError
from hookctl.delivery.wire import encode_request
from hookctl.model import Attempt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hookctl.check.model import Check, Probe
    from hookctl.delivery.wire import Message, Wire
    from hookctl.model import Response
    from hookctl.runtime import Runtime


class Sender:
    """Sends requests to one receiver.

    Args:
        wire: the connections.
        url: the receiver's.
        runtime: the clock.
        timeout_s: seconds that one answer may take.
    """

    def __init__(self, wire: Wire, url: str, runtime: Runtime, timeout_s: float) -> None:
        self._wire = wire
        self._url = url
        self._runtime = runtime
        self._timeout_s = timeout_s
        self._sent: list[Exchange] = []
        self.redirect: Exchange | None = None
        """The first answer that was a redirect."""
        self.leak: tuple[Exchange, str] | None = None
        """The first refusal that gave something away, and what."""
        self.refusals = 0
        """Refusals that were looked at for what they give away."""
        self.skew_s: float | None = None
        """How far the receiver's clock is ahead of ours; None where it does not tell the time."""

    def send(self, check: Check, probe: Probe) -> Exchange:
        """Send a request over a connection of its own."""
        attempt = self._wire.deliver(self._url, _message(probe), timeout_s=self._timeout_s)
        return self._taken(check, probe, attempt)

    def send_quietly(self, check: Check, probe: Probe) -> Exchange:
        """Send a request that is not one of the check's own, and that nobody is told of."""
        attempt = self._wire.deliver(self._url, _message(probe), timeout_s=self._timeout_s)
        return Exchange(check.id, probe, attempt)

    def send_together(self, check: Check, probes: Sequence[Probe]) -> list[Exchange]:
        """Send requests that the receiver gets at the same moment."""
        attempts = self._wire.deliver_together(
            self._url, [_message(probe) for probe in probes], timeout_s=self._timeout_s
        )
        return [self._taken(check, probe, attempt) for probe, attempt in zip(probes, attempts, strict=True)]

    def send_in_turn(self, check: Check, probes: Sequence[Probe]) -> tuple[list[Exchange], bool]:
        """Send requests over one connection.

        Returns:
            What became of each, up to the one that failed or after which the receiver said that it closes the
            connection, and whether it was left open to the end.
        """
        exchanges: list[Exchange] = []
        try:
            with self._wire.open(self._url, timeout_s=self._timeout_s) as connection:
                for probe in probes:
                    exchanges.append(self._taken(check, probe, connection.exchange(_message(probe))))
                    if exchanges[-1].attempt.failure is not None or not connection.reusable:
                        return exchanges, False
        except DeliveryFailedError as error:
            exchanges.append(self._taken(check, probes[0], Attempt(None, error.failure, 0)))
            return exchanges, False
        return exchanges, True

    def note_clock(self, response: Response | None) -> None:
        """Compare the receiver's clock with ours, by the Date header of an answer."""
        date = None if response is None else response.header("date")
        if date is None:
            return
        from email.utils import parsedate_to_datetime

        try:
            told_ms = parsedate_to_datetime(date).timestamp() * 1000
        except (ValueError, OverflowError):
            return
        self.skew_s = (told_ms - self._runtime.now_ms()) / 1000

    def take(self) -> list[Exchange]:
        """Return, and forget, what was sent since this was last asked."""
        sent, self._sent = self._sent, []
        return sent

    def _taken(self, check: Check, probe: Probe, attempt: Attempt) -> Exchange:
        exchange = Exchange(check.id, probe, attempt)
        self._sent.append(exchange)
        response = attempt.response
        if response is None:
            return exchange
        if 300 <= response.status < 400 and response.status != 304 and self.redirect is None:
            self.redirect = exchange
        if probe.wanted.refusal and response.status // 100 != 2:
            self.refusals += 1
            found = found_in(probe, response)
            if found is not None and self.leak is None:
                self.leak = (exchange, found)
        return exchange


def _message(probe: Probe) -> Message:
    return encode_request(probe.request, chunked=probe.chunked)
