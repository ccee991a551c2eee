"""One connection: reads requests in turn, asks the handler, writes the answers in the same order.

At any moment a connection is in one of four states, and each has its own deadline:

- reading: a request is on its way, or awaited;
- handling: the handler's answer is pending, later requests wait unread or unparsed;
- writing: an answer is not yet in the peer's hands, nothing else happens until it is;
- lingering: the last answer is written and our side is closed. What still arrives is thrown away, because
  closing with unread bytes would reset the connection and could destroy the answer on its way.

A request that arrives in one piece and is answered at once passes through all of it in a single call.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, cast

from hookctl.model import CapturedRequest
from hookctl.receiver.refusal import Refusal, RequestError
from hookctl.receiver.reply import CONTINUE, LaterReply, Persistence, Reply, plain_reply
from hookctl.receiver.request import RequestReader, read_whole

if TYPE_CHECKING:
    from hookctl.receiver.head import Head
    from hookctl.receiver.limits import Limits
    from hookctl.receiver.refusal import OnRefused
    from hookctl.receiver.request import Arrived

Handler: TypeAlias = Callable[[CapturedRequest], Awaitable[Reply] | LaterReply | Reply]
"""Answers a request: a coroutine function, or a plain one.

A plain function that returns the reply itself, or a `LaterReply` that someone else gives, costs no task. A pending
answer is not cancelled when the peer goes away, only when the server's grace runs out. There is no limit on its time
but the handler's own.
"""

OnError: TypeAlias = Callable[[Exception], None]
"""Told of an exception that a handler raised; the peer has got 500."""

Clock: TypeAlias = Callable[[], int]
"""Returns the time in milliseconds since the Unix epoch."""

_log = logging.getLogger(__name__)
# answers to pipelined requests are written together, up to about so much
_MAX_OUTBOX_BYTES = 64 * 1024


@dataclass(slots=True, eq=False)
class Service:
    """What the connections of one server share."""

    handler: Handler
    limits: Limits
    clock: Clock
    on_error: OnError
    on_refused: OnRefused
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
        self._peer = ""
        self._inbox = bytearray()
        self._outbox: list[bytes] = []
        """Answers that are made but not yet given to the transport."""
        self._outbox_bytes = 0
        self._reader: RequestReader | None = None
        """Reads the request that has not arrived in one piece, if there is one."""
        self._head: Head | None = None
        """Of the request that is being handled."""
        self._pending: asyncio.Future[Reply] | LaterReply | None = None
        """The handler's answer, while it is awaited."""
        self._timer: asyncio.TimerHandle | None = None
        self._fresh = True
        """Whether the first request has not begun yet."""
        self._eof = False
        """Whether the peer has closed its side."""
        self._flushed = True
        """Whether everything written is in the peer's hands, or the kernel's."""
        self._lingering = False
        self._aborted = False
        """Whether the server has dropped the connection and what it was doing."""
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
        self._peer = _written(self._transport.get_extra_info("peername"))
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
            self._advance()
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
        if self._pending is None:
            self._service.leave(self)

    def data_received(self, data: bytes) -> None:
        """Keep what arrives, and go on."""
        if self._lingering:
            self._discarded_bytes += len(data)
            self._regulate_reading()
            return
        if not self._inbox and self._reader is None and self._may_read():
            # nearly always: one whole request and nothing else, on a connection where nothing is under way
            whole = read_whole(data, self._limits)
            if whole is not None and whole[1] == len(data):
                self._handle(whole[0])
                if self._pending is None:
                    self._advance()
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
        if self._transport is None or self._pending is not None or self._lingering or self._started:
            return
        if self._flushed:
            self._transport.close()
        else:
            self._linger()

    def abort(self) -> asyncio.Future[Reply] | None:
        """Drop the connection and cancel the pending answer; return it, if there is one."""
        self._aborted = True
        pending = self._pending
        if isinstance(pending, LaterReply):
            # no task to wait for: whoever gives it gives it in vain
            pending.take = None
            self._pending = pending = None
        if self._transport is not None:
            self._transport.abort()
        elif pending is None:
            self._service.leave(self)
        if pending is not None:
            pending.cancel()
        return pending

    @property
    def _started(self) -> bool:
        """Whether a request has begun to arrive and is not complete."""
        return self._reader is not None and self._reader.started

    def _advance(self) -> None:
        """Do all that can be done now: the one place where the state moves on."""
        if self._transport is None:
            return
        while self._inbox and self._may_read():
            self._read_some()
            if self._outbox_bytes > _MAX_OUTBOX_BYTES:
                self._flush()
        self._flush()
        if self._eof and not self._inbox and self._may_read():
            if self._started:
                self._refuse(RequestError(400, "the request ended early"))
            else:
                self._linger()
        if self._lingering and self._eof:
            # flushes what is still to be written; the deadline for that goes on
            self._transport.close()
        self._regulate_reading()
        self._arm()

    def _may_read(self) -> bool:
        return self._pending is None and self._flushed and not self._lingering

    def _read_some(self) -> None:
        if self._reader is None:
            whole = read_whole(self._inbox, self._limits)
            if whole is not None:
                arrived, taken = whole
                del self._inbox[:taken]
                self._handle(arrived)
                return
            self._reader = RequestReader(self._limits)
        reader = self._reader
        had_started = reader.started
        try:
            taken = reader.feed(self._inbox)
        except RequestError as error:
            self._refuse(error)
            return
        del self._inbox[:taken]
        if reader.started and not had_started:
            self._request_began_s = self._loop.time()
            if not self._fresh:
                self._head_since_s = self._request_began_s
            self._fresh = False
        if reader.complete:
            self._reader = None
            self._handle(reader.arrived())
        elif reader.take_continue():
            self._put(CONTINUE)

    def _handle(self, arrived: Arrived) -> None:
        """Ask the handler, and answer if it answers at once."""
        self._fresh = False
        head, body = arrived
        self._head = head
        service = self._service
        try:
            answer = service.handler(
                CapturedRequest(service.clock(), head.method, head.target, head.http_version, head.headers, body)
            )
            if isinstance(answer, LaterReply):
                if answer.reply is None:
                    self._pending = answer
                    answer.take = self._answer
                    return
                answer = answer.reply
            if not isinstance(answer, Reply):
                self._pending = asyncio.ensure_future(answer, loop=self._loop)
                self._pending.add_done_callback(self._handled)
                return
            message = self._encode(answer, head)
        except Exception as error:  # noqa: BLE001 - whatever a handler does, the server goes on
            message = self._encode_failure(error, head)
        self._give(message, head)

    def _answer(self, reply: Reply) -> None:
        """Give the answer that was promised, and go on."""
        self._pending = None
        if self._transport is None:
            self._service.leave(self)
            return
        head = cast("Head", self._head)
        try:
            message = self._encode(reply, head)
        except Exception as error:  # noqa: BLE001 - as of an answer at once: a clock may fail
            message = self._encode_failure(error, head)
        self._give(message, head)
        self._advance()

    def _handled(self, pending: asyncio.Future[Reply]) -> None:
        """Give the answer that was awaited, and go on."""
        self._pending = None
        head = cast("Head", self._head)
        if self._transport is None:
            self._service.leave(self)
        try:
            message = self._encode(pending.result(), head)
        except asyncio.CancelledError as cancelled:
            if self._aborted:
                return
            # not ours: something that the handler awaited was cancelled
            failure = RuntimeError("the handler was cancelled from within")
            failure.__cause__ = cancelled
            message = self._encode_failure(failure, head)
        except Exception as error:  # noqa: BLE001 - whatever a handler does, the server goes on
            message = self._encode_failure(error, head)
        except BaseException:  # noqa: BLE001 - its task has raised it through the event loop, which ends
            self._give_up()
            return
        if self._transport is not None:
            self._give(message, head)
            self._advance()

    def _is_last(self, head: Head) -> bool:
        return self._service.stopping or not head.keep_alive

    def _encode(self, reply: Reply, head: Head) -> bytes:
        persistence = Persistence.DEFAULT
        if self._is_last(head):
            persistence = Persistence.CLOSE
        elif head.http_version == "1.0":
            persistence = Persistence.KEEP_ALIVE
        return reply.encode(at_ms=self._service.clock(), persistence=persistence, with_body=head.method != "HEAD")

    def _encode_failure(self, failure: Exception, head: Head) -> bytes:
        try:
            self._service.on_error(failure)
        except Exception:  # noqa: BLE001 - same as for a handler
            _log.exception("on_error failed")
        try:
            return self._encode(plain_reply(500, "the handler failed"), head)
        except BaseException:
            self._give_up()
            raise

    def _give_up(self) -> None:
        """Drop the connection, as there is no answer to give and the peer must not wait for one."""
        if self._transport is not None:
            self._transport.abort()

    def _give(self, message: bytes, head: Head) -> None:
        """Write an answer to a request that was handled."""
        self._waiting_since_s = self._loop.time()
        self._put(message)
        if self._is_last(head):
            self._linger()

    def _refuse(self, error: RequestError) -> None:
        """Answer what cannot be taken, and close."""
        received = b"" if self._reader is None else self._reader.first_bytes
        at_ms = self._service.clock()
        try:
            self._service.on_refused(Refusal(at_ms, error.status, error.sentence, self._peer, received))
        except Exception:  # noqa: BLE001 - the peer is answered whatever the program does with it
            _log.exception("on_refused failed")
        self._put(
            plain_reply(error.status, error.sentence).encode(
                at_ms=at_ms, persistence=Persistence.CLOSE, with_body=not received.startswith(b"HEAD ")
            )
        )
        self._linger()

    def _put(self, message: bytes) -> None:
        self._outbox.append(message)
        self._outbox_bytes += len(message)

    def _flush(self) -> None:
        """Hand everything over to the transport, in one piece."""
        if self._outbox and self._transport is not None:
            message = self._outbox[0] if len(self._outbox) == 1 else b"".join(self._outbox)
            self._outbox.clear()
            self._outbox_bytes = 0
            self._transport.write(message)

    def _linger(self) -> None:
        self._flush()
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
        if self._pending is not None:
            return None
        if self._reader is None or not self._reader.started:
            patience_s = limits.head_deadline_s if self._fresh else limits.idle_s
            return self._waiting_since_s + patience_s
        request_deadline_s = self._request_began_s + limits.request_deadline_s
        if self._reader.head is not None:
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
        elif self._started or self._fresh:
            self._refuse(RequestError(408, "the request took too long to arrive"))
            self._advance()
        else:
            self._transport.close()


def _written(address: tuple[str, int] | None) -> str:
    """Return a socket's address as it is written in a URL; empty when the peer is gone already."""
    if not address:
        return ""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
