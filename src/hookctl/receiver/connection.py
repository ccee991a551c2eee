"""One connection: reads requests in turn, asks the handler, writes the answers in the same order.

At any moment a connection is in one of four states, and each has its own deadline:

- reading: a request is on its way, or awaited;
- handling: a task runs the handler, later requests wait unread or unparsed;
- writing: an answer is not yet in the peer's hands, nothing else happens until it is;
- lingering: the last answer is written and our side is closed. What still arrives is thrown away, because
  closing with unread bytes would reset the connection and could destroy the answer on its way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, cast

from hookctl.model import CapturedRequest
from hookctl.receiver.reply import CONTINUE, Persistence, Reply, encode_reply, plain_reply
from hookctl.receiver.request import RequestError, RequestReader

if TYPE_CHECKING:
    from hookctl.receiver.limits import Limits

Handler: TypeAlias = Callable[[CapturedRequest], Awaitable[Reply]]
"""Answers a request. It is not cancelled when the peer goes away, only when the server's grace runs out."""

OnError: TypeAlias = Callable[[Exception], None]
"""Told of an exception that a handler raised; the peer has got 500."""

Clock: TypeAlias = Callable[[], int]
"""Returns the time in milliseconds since the Unix epoch."""

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Service:
    """What the connections of one server share."""

    handler: Handler
    limits: Limits
    clock: Clock
    on_error: OnError
    stopping: bool = False
    """Whether answers close their connection and new connections are dropped."""
    open: set[Connection] = field(default_factory=set)
    """Admitted connections, until both the peer and the handler are done."""
    refused: set[Connection] = field(default_factory=set)
    """Connections over the limit, on their way out."""
    on_all_gone: Callable[[], None] = lambda: None
    """Called whenever the last connection of both kinds is gone."""

    def leave(self, connection: Connection) -> None:
        """Forget a connection."""
        self.open.discard(connection)
        self.refused.discard(connection)
        if not self.open and not self.refused:
            self.on_all_gone()


class Connection(asyncio.Protocol):
    """The protocol of one accepted connection."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._limits = service.limits
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader = RequestReader(self._limits)
        self._inbox = bytearray()
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._fresh = True
        """Whether the first request has not begun yet."""
        self._eof = False
        """Whether the peer has closed its side."""
        self._flushed = True
        """Whether everything written is in the peer's hands, or the kernel's."""
        self._lingering = False
        self._discarded_bytes = 0
        self._reading_paused = False
        # moments of the event loop's clock, in seconds
        self._waiting_since_s = 0.0
        self._head_since_s = 0.0
        self._request_began_s = 0.0
        self._wrote_s = 0.0
        self._linger_began_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit or refuse the peer."""
        self._transport = cast("asyncio.Transport", transport)
        # zero: pause_writing and resume_writing tell exactly when the peer has taken the answer
        self._transport.set_write_buffer_limits(high=0)
        self._waiting_since_s = self._head_since_s = self._loop.time()
        service = self._service
        if service.stopping:
            self._transport.abort()
        elif len(service.open) < self._limits.max_connections:
            service.open.add(self)
            self._arm()
        elif len(service.refused) < self._limits.max_connections:
            service.refused.add(self)
            self._refuse(RequestError(503, f"all {self._limits.max_connections} connections are in use"))
        else:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the peer; a running handler goes on and what it returns is dropped."""
        del exc
        self._transport = None
        self._inbox.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is None:
            self._service.leave(self)

    def data_received(self, data: bytes) -> None:
        """Keep what arrives, and go on."""
        if self._lingering:
            self._discarded_bytes += len(data)
            self._regulate_reading()
            return
        self._inbox += data
        self._advance()

    def eof_received(self) -> bool:
        """Note that the peer has closed its side; our side stays open for the answers."""
        self._eof = True
        self._advance()
        return True

    def pause_writing(self) -> None:
        """Wait for the peer to take the answer."""
        self._flushed = False
        self._wrote_s = self._loop.time()

    def resume_writing(self) -> None:
        """Go on after the peer has taken the answer."""
        self._flushed = True
        now_s = self._loop.time()
        self._waiting_since_s = now_s
        self._linger_began_s = now_s
        self._advance()

    def shut_down(self) -> None:
        """Close at once when nothing is under way; otherwise the next answer is the last."""
        if self._transport is None or self._task is not None or self._lingering or self._reader.started:
            return
        if self._flushed:
            self._transport.close()
        else:
            self._linger()

    def abort(self) -> asyncio.Task[None] | None:
        """Drop the connection and cancel its handler; return the handler's task, if one is running."""
        if self._transport is not None:
            self._transport.abort()
        if self._task is not None:
            self._task.cancel()
        return self._task

    def _advance(self) -> None:
        """Do all that can be done now: the one place where the state moves on."""
        if self._transport is None:
            return
        while self._inbox and self._may_read():
            self._read_some()
        if self._eof and self._may_read() and not self._inbox:
            if self._reader.started:
                self._refuse(RequestError(400, "the request ended early"))
            else:
                self._linger()
        if self._lingering and self._eof:
            # flushes what is still to be written; the deadline for that goes on
            self._transport.close()
        self._regulate_reading()
        self._arm()

    def _may_read(self) -> bool:
        return self._task is None and self._flushed and not self._lingering

    def _read_some(self) -> None:
        had_started = self._reader.started
        try:
            taken = self._reader.feed(self._inbox)
        except RequestError as error:
            self._refuse(error)
            return
        del self._inbox[:taken]
        if self._reader.started and not had_started:
            self._request_began_s = self._loop.time()
            if not self._fresh:
                self._head_since_s = self._request_began_s
            self._fresh = False
        if self._reader.complete:
            request = self._reader.request(self._service.clock())
            self._task = self._loop.create_task(self._serve(request))
        elif self._reader.take_continue():
            self._write(CONTINUE)

    async def _serve(self, request: CapturedRequest) -> None:
        try:
            message, last = await self._answer(request)
        except BaseException:
            # there is no answer to give, so the peer must not wait for one
            if self._transport is not None:
                self._transport.abort()
            raise
        finally:
            self._task = None
            if self._transport is None:
                self._service.leave(self)
        if self._transport is None:
            return
        self._reader = RequestReader(self._limits)
        self._waiting_since_s = self._loop.time()
        self._write(message)
        if last:
            self._linger()
        self._advance()

    async def _answer(self, request: CapturedRequest) -> tuple[bytes, bool]:
        """Return the bytes of the handler's answer, or of 500, and whether it is the connection's last."""
        try:
            return self._encode(await self._service.handler(request))
        except asyncio.CancelledError as cancelled:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # not ours: something that the handler awaited was cancelled
            failure: Exception = RuntimeError("the handler was cancelled from within")
            failure.__cause__ = cancelled
        except Exception as error:  # noqa: BLE001 - whatever a handler does, the server goes on
            failure = error
        try:
            self._service.on_error(failure)
        except Exception:  # noqa: BLE001 - same
            _log.exception("on_error failed")
        return self._encode(plain_reply(500, "the handler failed"))

    def _encode(self, reply: Reply) -> tuple[bytes, bool]:
        last = self._service.stopping or not self._reader.keep_alive
        persistence = Persistence.DEFAULT
        if last:
            persistence = Persistence.CLOSE
        elif self._reader.http_version == "1.0":
            persistence = Persistence.KEEP_ALIVE
        message = encode_reply(
            reply,
            at_ms=self._service.clock(),
            persistence=persistence,
            with_body=self._reader.method != "HEAD",
        )
        return message, last

    def _refuse(self, error: RequestError) -> None:
        """Answer what cannot be taken, and close."""
        self._write(
            encode_reply(
                plain_reply(error.status, error.sentence),
                at_ms=self._service.clock(),
                persistence=Persistence.CLOSE,
                with_body=self._reader.method != "HEAD",
            )
        )
        self._linger()
        self._advance()

    def _write(self, message: bytes) -> None:
        if self._transport is not None:
            self._transport.write(message)

    def _linger(self) -> None:
        self._lingering = True
        self._linger_began_s = self._loop.time()
        self._inbox.clear()
        # a transport that is closing already has lost its peer
        if self._transport is not None and not self._transport.is_closing():
            try:
                self._transport.write_eof()
            except OSError:
                # the peer has reset the connection, and there is nobody to wait for
                self._transport.abort()

    def _regulate_reading(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._lingering:
            pause = self._discarded_bytes > self._limits.max_discarded_bytes
        else:
            pause = len(self._inbox) > self._limits.max_queued_bytes
        if pause and not self._reading_paused:
            self._transport.pause_reading()
        elif self._reading_paused and not pause:
            self._transport.resume_reading()
        self._reading_paused = pause

    def _deadline_s(self) -> float | None:
        """Return when the present state has lasted too long, on the event loop's clock, or None."""
        limits = self._limits
        if not self._flushed:
            return self._wrote_s + limits.response_deadline_s
        if self._lingering:
            return self._linger_began_s + limits.linger_s
        if self._task is not None:
            return None
        if not self._reader.started:
            patience_s = limits.head_deadline_s if self._fresh else limits.idle_s
            return self._waiting_since_s + patience_s
        request_deadline_s = self._request_began_s + limits.request_deadline_s
        if self._reader.head_complete:
            return request_deadline_s
        return min(self._head_since_s + limits.head_deadline_s, request_deadline_s)

    def _arm(self) -> None:
        """Make sure that the timer rings no later than the deadline.

        A timer that rings too early only looks again: setting one for each state of each request would
        cost more than that.
        """
        deadline_s = self._deadline_s()
        if self._transport is None or deadline_s is None:
            return
        if self._timer is not None:
            if self._timer.when() <= deadline_s:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(deadline_s, self._ring)

    def _ring(self) -> None:
        self._timer = None
        deadline_s = self._deadline_s()
        if self._transport is None or deadline_s is None:
            return
        if self._loop.time() < deadline_s:
            self._arm()
        elif self._lingering or not self._flushed:
            self._transport.abort()
        elif self._reader.started or self._fresh:
            self._refuse(RequestError(408, "the request took too long to arrive"))
        else:
            self._transport.close()
