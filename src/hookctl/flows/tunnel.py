"""`hookctl tunnel`: a listener with a public URL, and all that was done for it undone at the end."""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from hookctl.delivery import Client, ClientOptions
from hookctl.delivery.endpoint import is_loopback_name
from hookctl.errors import ExitCode, HookctlError
from hookctl.flows.listen import End, Listener, ListenEvent, ListenOptions, ListenSummary, Ready, Received
from hookctl.flows.tunnel_webhook import settle_leftovers
from hookctl.flows.unawaited import UnawaitedThreads
from hookctl.model import SignedRequest
from hookctl.receiver import run
from hookctl.tunnel import TunnelError, explain
from hookctl.vendors import ApiUnreachableError, TestResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hookctl.flows.examine import Examiner
    from hookctl.flows.pointing import Restoration
    from hookctl.flows.tunnel_webhook import VendorWebhook
    from hookctl.flows.webhook import WebhookOptions
    from hookctl.runtime import Runtime
    from hookctl.tunnel import Say, Tunnel

PROBE_S = 1.0
"""How long the app may take to accept a connection before hookctl says that it does not."""

ASK_S = 5.0
"""How long the public URL may take to answer, when a test delivery has not come through it."""

_LOOK_S = 0.3
"""How often hookctl looks whether the tunnel is still open."""

_TOLD_OFF_S = 3.0
"""How long a test delivery is waited for of which the vendor says that it was not delivered."""


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
    """One where the webhook is pointed to it or tested."""
    api: WebhookOptions
    """How to ask an API."""
    webhook: VendorWebhook | None = None
    """What is pointed to the tunnel or tested; None for neither."""
    update: bool = False
    """Whether it is pointed to the tunnel."""
    test: str | None = None
    """The event of which a test delivery is asked for."""


@dataclass(frozen=True, slots=True)
class Opening:
    """The port is open, and the tunnel is being opened."""

    url: str
    """The port's, on this machine."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The tunnel is open."""

    url: str
    """The public one."""
    target: str
    paths: tuple[WebhookPath, ...]


@dataclass(frozen=True, slots=True)
class Pointed:
    """The vendor's webhook points to the tunnel."""

    provider: str
    account: str
    url: str
    old_url: str | None


@dataclass(frozen=True, slots=True)
class Tested:
    """The test delivery has come, and it is valid."""

    received: Received
    after_s: float
    """Since it was asked for."""


@dataclass(frozen=True, slots=True)
class SetBack:
    """The vendor's webhook does not point to the tunnel any more."""

    restoration: Restoration


@dataclass(frozen=True, slots=True)
class Note:
    """What is worth knowing meanwhile."""

    text: str
    hint: str | None = None


TunnelEvent: TypeAlias = ListenEvent | Opening | Opened | Pointed | Tested | SetBack | Note


class TestInvalidError(HookctlError):
    """The test delivery has come, and it is not valid."""

    __test__ = False

    exit_code = ExitCode.NO


class TestMissingError(HookctlError):
    """The test delivery has not come."""

    __test__ = False

    exit_code = ExitCode.VENDOR


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
        KeyboardInterrupt: at a second signal, when everything could be undone.
        HookctlError: as for `hookctl.flows.listen.listen`; at a second signal, what could not be undone.
    """
    session = _Session(make_tunnel, examiner, options, runtime, emit, flush)
    with _heard(session.signalled):
        try:
            listened = run(session.run())
        except asyncio.CancelledError:
            listened = None
        finally:
            session.undo()
    if listened is None:
        raise session.error or KeyboardInterrupt
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
        self._awaited: asyncio.Future[Received] | None = None
        """The test delivery, once it was asked for."""
        self._public_url = ""
        self._told_back = False
        self.opened = False
        self.error: HookctlError | None = None

    async def run(self) -> ListenSummary:
        """Listen until something ends it."""
        self._loop = asyncio.get_running_loop()
        listener = Listener(self._examiner, self._options.listen, self._runtime, self._take, self._flush)
        self._listener = listener
        self._main = asyncio.ensure_future(listener.run(self._before_closing))
        try:
            summary = await self._main
        finally:
            self._threads.close()
        if self._work is not None and self._work.done() and not self._work.cancelled():
            self._work.result()
        return summary

    def signalled(self, number: signal.Signals) -> None:
        """Note a signal; called between any two steps of the main thread."""
        if self._loop is not None:
            # one that is closed has nothing left to be ended
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._heard, number)

    def undo(self) -> None:
        """Undo what was done and is not undone yet; nothing else runs any more."""
        webhook = self._options.webhook
        if webhook is not None:
            try:
                self._set_back(webhook.restore())
            except HookctlError as error:
                # it outweighs everything else: the vendor delivers to nowhere
                self.error = error
            finally:
                self._tunnel.close()
        else:
            self._tunnel.close()

    def _say(self, text: str) -> None:
        """Tell the user something, from any thread."""
        loop = self._loop
        if loop is not None:
            # a loop that is closed has nobody left who tells
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._show, Note(text))

    def _show(self, event: TunnelEvent) -> None:
        """Tell of something now."""
        try:
            self._tell(event)
            self._flush()
        except HookctlError as error:
            self._fail(error)

    def _heard(self, number: signal.Signals) -> None:
        self._signals += 1
        if self._signals == 1 and self._listener is not None:
            self._listener.end(End.by(number))
        elif self._main is not None and not self._main.done():
            if self._options.update:
                self._show(Note("the webhook is being set back: a moment"))
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
        if isinstance(event, Received):
            self._note_test(event)

    def _note_test(self, received: Received) -> None:
        """Take note of a delivery that may be the one that a test was to bring."""
        webhook, awaited = self._options.webhook, self._awaited
        if webhook is None or awaited is None or awaited.done() or received.finding.provider != webhook.provider:
            return
        if not webhook.names_event or received.finding.event == self._options.test:
            awaited.set_result(received)

    async def _look_after(self, ready: Ready) -> None:
        try:
            await self._begin()
            await self._open(ready)
            await self._use()
            while (problem := self._tunnel.problem()) is None:
                await asyncio.sleep(_LOOK_S)
            self._fail(problem)
        except HookctlError as error:
            self._fail(error)
        except Exception:
            # a bug: raised again as soon as everything is undone
            listener = self._listener
            if listener is not None:
                listener.end(End.FAILED)
            raise

    async def _begin(self) -> None:
        """Do what comes before a tunnel: set right what was left, and find out what would fail later."""
        options, webhook = self._options, self._options.webhook

        def settle() -> list[str]:
            notes = list(settle_leftovers(self._runtime, options.api))
            if webhook is not None:
                notes += webhook.notes()
                webhook.check()
            return notes

        for note in await self._threads.call(settle):
            self._show(Note(note))
        await self._probe()

    async def _open(self, ready: Ready) -> None:
        self._show(Opening(ready.url))
        port = urlsplit(ready.url).port
        assert port is not None  # noqa: S101 - a listener's URL has one
        public_url = await self._threads.call(lambda: self._tunnel.open(port))
        self._tell(Opened(public_url, self._options.target, self._options.paths))
        self.opened = True
        self._public_url = public_url
        for event in self._early:
            self._tell(event)
        self._early.clear()
        self._flush()

    async def _use(self) -> None:
        """Point the webhook to the tunnel, and test it."""
        webhook, options = self._options.webhook, self._options
        if webhook is None:
            return
        url = self._public_url + options.paths[0].path
        if options.update:
            pointing = await self._threads.call(lambda: webhook.point(url))
            before = pointing.before
            self._show(Pointed(webhook.provider, webhook.account, url, None if before is None else before.url))
        else:
            await self._threads.call(lambda: webhook.check_points_to(url))
        if options.test is not None:
            await self._test(webhook, options.test)

    async def _test(self, webhook: VendorWebhook, event: str) -> None:
        """Ask for a test delivery and wait for it.

        Raises:
            TestInvalidError: it has come, and is not valid.
            TestMissingError: it has not come.
        """
        loop = asyncio.get_running_loop()
        awaited = self._awaited = loop.create_future()
        started_s = loop.time()
        patience_s = self._options.api.timeout_s
        said: str | None = None
        try:
            outcome = await self._threads.call(lambda: webhook.test(event))
            said = outcome.error
            if outcome.result is TestResult.UNDELIVERED:
                patience_s = min(patience_s, _TOLD_OFF_S)
        except ApiUnreachableError as error:
            # an API that delivers before it answers says nothing either when its delivery gets no answer
            if not awaited.done() and await self._threads.call(self._ask) is None:
                raise
            said, patience_s = error.message, 0.0
        try:
            async with asyncio.timeout(patience_s):
                received = await awaited
        except TimeoutError:
            raise await self._missing(event, said, loop.time() - started_s) from None
        finding = received.finding
        if not finding.verdict.valid:
            happened = "" if finding.explanation is None else f": {finding.explanation.happened}"
            raise TestInvalidError(
                f"the test delivery of {event} has come, and it is not valid ({finding.verdict.reason}){happened}",
                hint=finding.explanation.remedy
                if finding.explanation
                else "is the secret that hookctl has the one that the webhook is signed with?",
            )
        self._show(Tested(received, loop.time() - started_s))

    async def _missing(self, event: str, said: str | None, waited_s: float) -> HookctlError:
        """Return why a test delivery may not have come: ask the public URL itself."""
        message = f"the test delivery of {event} has not come within {waited_s:.1f} s"
        if said is not None:
            message += f": {said}"
        why = await self._threads.call(self._ask)
        if why is not None:
            return TestMissingError(f"{message}; {why.message}", hint=why.hint)
        return TestMissingError(message, hint="the public URL works; `hookctl webhook show` shows what is configured")

    def _ask(self) -> TunnelError | None:
        """Return what stands in the way at the public URL, None when a request comes through."""
        request = SignedRequest(
            "", None, None, "GET", f"{self._public_url}/hookctl-tunnel-check", (("User-Agent", "hookctl"),), b""
        )
        forward = self._options.listen.forward
        options = ClientOptions(env=self._runtime.env) if forward is None else forward.client
        try:
            with Client(options) as client:
                attempt = client.deliver(request, timeout_s=ASK_S, loopback_only=False)
        except HookctlError as error:
            return TunnelError(f"the public URL cannot be asked: {error.message}", hint=error.hint)
        if attempt.response is None:
            why = attempt.failure.message if attempt.failure else "it did not answer"
            return TunnelError(f"the public URL cannot be reached: {why}", hint="does the tunnel lead here?")
        code = attempt.response.header("ngrok-error-code")
        return None if code is None else explain(code)

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
            self._show(Note(text, "start your app; `hookctl replay last` sends one again"))
        else:
            writer.close()

    async def _before_closing(self) -> None:
        """Set the webhook back while what is under way can still come."""
        if self._work is not None:
            self._work.cancel()
        webhook = self._options.webhook
        if webhook is not None:
            try:
                self._set_back(await self._threads.call(webhook.restore))
            except HookctlError as error:
                self.error = error

    def _set_back(self, restoration: Restoration | None) -> None:
        # whoever waited for it may not have been there any more when it was done
        if restoration is not None and not self._told_back:
            self._told_back = True
            self._show(SetBack(restoration))

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
