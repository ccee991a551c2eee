"""`hookctl tunnel`: a listener with a public URL, and all that was done for it undone at the end."""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from hookctl.delivery.endpoint import is_loopback_name
from hookctl.errors import ExitCode, HookctlError
from hookctl.flows.listen import End, Listener, ListenEvent, ListenOptions, ListenSummary, Ready
from hookctl.flows.unawaited import UnawaitedThreads
from hookctl.receiver import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hookctl.flows.examine import Examiner
    from hookctl.runtime import Runtime
    from hookctl.tunnel import Say, Tunnel

PROBE_S = 1.0
"""How long the app may take to accept a connection before hookctl says that it does not."""

_LOOK_S = 0.3
"""How often hookctl looks whether the tunnel is still open."""


@dataclass(frozen=True, slots=True)
class WebhookPath:
    """Whom the public URL is for, and what follows it in the URL that the vendor is given."""

    provider: str | None
    """None when that is open."""
    title: str
    path: str


@dataclass(frozen=True, slots=True)
class TunnelOptions:
    """What the user asked for."""

    listen: ListenOptions
    target: str
    """The app's URL."""
    paths: tuple[WebhookPath, ...]


@dataclass(frozen=True, slots=True)
class Opening:
    """The port is open, and the tunnel is being opened."""

    url: str
    """The port's, on this machine."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The tunnel is open."""

    public_url: str
    target: str
    paths: tuple[WebhookPath, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """What is worth knowing meanwhile."""

    text: str
    hint: str | None = None


TunnelEvent: TypeAlias = ListenEvent | Opening | Opened | Note


@dataclass(frozen=True, slots=True)
class TunnelSummary:
    """How it ended."""

    listen: ListenSummary
    opened: bool
    error: HookctlError | None
    """Why it ended, or what could not be undone; None when nothing went wrong."""

    def exit_code(self, until: int | None) -> ExitCode:
        """Return the truth about a run without an error."""
        return self.listen.exit_code(until)


def run_tunnel(
    make_tunnel: Callable[[Say], Tunnel],
    examiner: Examiner,
    options: TunnelOptions,
    runtime: Runtime,
    emit: Callable[[TunnelEvent], None],
    flush: Callable[[], None],
) -> TunnelSummary:
    """Receive deliveries through a tunnel until something ends it, and undo what was done for it, whatever that is.

    A first SIGINT, SIGTERM or SIGHUP lets what is under way be answered; a second one does not wait for it. What has to
    be undone is undone then too: no signal but SIGKILL is heard meanwhile.

    Args:
        make_tunnel: returns the tunnel, not yet open; what it tells meanwhile is to be said to the user.
        examiner: verifies deliveries.
        options: what to do.
        runtime: clock, environment.
        emit: is told of everything that happens, in order.
        flush: is called after a turn of the event loop in which something was told.

    Raises:
        KeyboardInterrupt: at a second Ctrl-C.
        HookctlError: as for `hookctl.flows.listen.listen`.
    """
    session = _Session(make_tunnel, examiner, options, runtime, emit, flush)
    with _heard(session.signalled):
        try:
            listened = run(session.run())
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
        finally:
            session.undo()
    return TunnelSummary(listened, session.opened, session.error)


class _Session:
    """One tunnel under way."""

    def __init__(
        self,
        make_tunnel: Callable[[Say], Tunnel],
        examiner: Examiner,
        options: TunnelOptions,
        runtime: Runtime,
        emit: Callable[[TunnelEvent], None],
        flush: Callable[[], None],
    ) -> None:
        self._tunnel = make_tunnel(self._say)
        self._examiner = examiner
        self._options = options
        self._runtime = runtime
        self._tell = emit
        self._flush = flush
        self._threads = UnawaitedThreads(4, "hookctl-tunnel")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[ListenSummary] | None = None
        self._listener: Listener | None = None
        self._work: asyncio.Task[None] | None = None
        """Opens the tunnel, then looks after it."""
        self._signals = 0
        self._early: list[ListenEvent] = []
        """What came before the tunnel was open: told after that."""
        self.opened = False
        self.error: HookctlError | None = None

    async def run(self) -> ListenSummary:
        """Listen until something ends it."""
        self._loop = asyncio.get_running_loop()
        listener = Listener(self._examiner, self._options.listen, self._runtime, self._take, self._flush)
        self._listener = listener
        self._main = asyncio.ensure_future(listener.run(self._before_closing))
        try:
            return await self._main
        finally:
            self._threads.close()

    def _say(self, text: str) -> None:
        """Tell the user something, from any thread."""
        loop = self._loop
        if loop is not None:
            # a loop that is closed has nobody left who tells
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._note, Note(text))

    def signalled(self, number: signal.Signals) -> None:
        """Note a signal; called between any two steps of the main thread."""
        if self._loop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._heard, number)

    def _heard(self, number: signal.Signals) -> None:
        self._signals += 1
        if self._signals == 1 and self._listener is not None:
            self._listener.end(End.by(number))
        elif self._main is not None:
            self._main.cancel()

    def _take(self, event: ListenEvent) -> None:
        if isinstance(event, Ready):
            self._early.append(event)
            assert self._loop is not None  # noqa: S101 - it runs
            self._work = self._loop.create_task(self._look_after(event))
        elif self.opened:
            self._tell(event)
        else:
            self._early.append(event)

    def undo(self) -> None:
        """Undo what was done, whatever that is; nothing else runs any more."""
        self._tunnel.close()

    def _note(self, note: Note) -> None:
        try:
            self._tell(note)
            self._flush()
        except HookctlError as error:
            self._fail(error)

    async def _look_after(self, ready: Ready) -> None:
        try:
            await self._open(ready)
            while (problem := self._tunnel.problem()) is None:
                await asyncio.sleep(_LOOK_S)
            raise problem
        except HookctlError as error:
            self._fail(error)

    async def _open(self, ready: Ready) -> None:
        self._tell(Opening(ready.url))
        self._flush()
        await self._probe()
        port = urlsplit(ready.url).port
        assert port is not None  # noqa: S101 - a listener's URL has one
        public_url = await self._threads.call(lambda: self._tunnel.open(port))
        self._tell(Opened(public_url, self._options.target, self._options.paths))
        self.opened = True
        for event in self._early:
            self._tell(event)
        self._early.clear()
        self._flush()

    async def _probe(self) -> None:
        """Say so when the app does not run: its deliveries would be answered 502."""
        parts = urlsplit(self._options.target)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        if not is_loopback_name(host):
            return
        try:
            async with asyncio.timeout(PROBE_S):
                _, writer = await asyncio.open_connection(host, port)
        except (OSError, TimeoutError):
            name = f"[{host}]" if ":" in host else host
            text = f"nothing listens on {name}:{port} yet: until it does, deliveries are kept and answered 502"
            self._note(Note(text, "start your app; `hookctl replay last` sends one again"))
        else:
            writer.close()

    async def _before_closing(self) -> None:
        if self._work is not None:
            self._work.cancel()

    def _fail(self, error: HookctlError) -> None:
        if self.error is None:
            self.error = error
        if self._listener is not None:
            self._listener.end(End.FAILED)


@contextmanager
def _heard(call: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Turn SIGINT, SIGTERM and SIGHUP into calls while the context lasts; under nohup the last stays ignored."""
    if threading.current_thread() is not threading.main_thread():
        # only the main thread may say so
        yield
        return

    def hear(number: int, _frame: object) -> None:
        call(signal.Signals(number))

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    for number, handler in before.items():
        if number is not signal.SIGHUP or handler is not signal.SIG_IGN:
            signal.signal(number, hear)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
