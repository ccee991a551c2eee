"""`hookctl listen`: receive, verify, keep, answer or pass on, and tell of each delivery."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeAlias

from hookctl.errors import ExitCode, SecretError
from hookctl.flows.forward import Forwarder, ForwardOptions, Passed
from hookctl.flows.signals import signals
from hookctl.flows.telling import Teller
from hookctl.model import Capture, CapturedResponse, Reason
from hookctl.receiver import CaptureServer, Limits, Refusal, Reply
from hookctl.signing.effort import Effort
from hookctl.store import Arrival, Forwarded, Store, StoreError, default_path
from hookctl.store.group_commit import GroupCommit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hookctl.flows.examine import Examiner, Finding
    from hookctl.model import CapturedRequest, Provider
    from hookctl.runtime import Runtime
    from hookctl.store import StoredDelivery

EFFORT = Effort(signatures=512, hashed_bytes=4 * 1024 * 1024)
"""How much work the diagnosis of one delivery may cost while others wait."""

GRACE_S = 10.0
"""Seconds for what is under way when the listener ends."""

_NOT_KEPT = Reply(507, b"hookctl could not store this delivery\n")


@dataclass(frozen=True, slots=True)
class ListenOptions:
    """What the user asked for. Durations in seconds."""

    host: str = "127.0.0.1"
    port: int = 0
    """0 is any free one."""
    forward: ForwardOptions | None = None
    retry_s: tuple[float, ...] = ()
    """How long after each failure a delivery is passed on again."""
    events: tuple[str, ...] = ()
    """Names and globs of the events that are shown, passed on and counted; none is all."""
    respond: int | None = None
    """The status of every answer; None is what the provider documents."""
    delay_s: float = 0.0
    require_valid: bool = False
    until: int | None = None
    timeout_s: float | None = None
    store: bool = True
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Ready:
    """The port is open."""

    url: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Received:
    """One delivery, answered."""

    finding: Finding
    request: CapturedRequest
    id: str | None
    """Its id in the store; None when it is not stored."""
    occurrence: int | None
    """1 for the first with its event id, or with its body where the provider has no ids; None when not stored."""
    status: int
    """What the sender was told."""
    forwarded: Forwarded | None
    answer: bytes = b""
    """The body of the receiver's answer that was passed back."""
    hint: str | None = None
    """What to do about a failure to pass it on."""


@dataclass(frozen=True, slots=True)
class Retried:
    """A delivery was passed on again."""

    id: str | None
    event: str | None
    number: int
    of: int
    forwarded: Forwarded


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that has gone wrong and that the listener outlives."""

    error: StoreError | None
    text: str
    hint: str | None = None


ListenEvent: TypeAlias = Ready | Received | Retried | Refusal | Trouble


class End(Enum):
    """Why a listener ended."""

    COUNTED = auto()
    """As many deliveries as were waited for have come."""
    TIMED_OUT = auto()
    INTERRUPTED = auto()
    TERMINATED = auto()
    FAILED = auto()
    """What it was to listen for cannot come any more."""

    @classmethod
    def by(cls, number: signal.Signals) -> End:
        """Return what a signal means."""
        return cls.INTERRUPTED if number is signal.SIGINT else cls.TERMINATED


@dataclass(slots=True)
class ListenSummary:
    """Counts of a listener's life."""

    total: int = 0
    """Requests that were answered, those that were refused not counted."""
    valid: int = 0
    invalid: int = 0
    """Not valid, or not to be judged."""
    counted: int = 0
    """Those that `--until` counts."""
    stored: int = 0
    not_stored: int = 0
    passed_on: int = 0
    not_passed_on: int = 0
    """The receiver did not answer, or not with 2xx."""
    refused: int = 0
    """Requests that were no HTTP or over a limit."""
    waiting_retries: int = 0
    """Retries that were still to come when it ended."""
    end: End | None = None

    def exit_code(self, until: int | None) -> ExitCode:
        """Return the truth about the run."""
        match self.end:
            case End.COUNTED:
                return ExitCode.YES
            case End.TIMED_OUT:
                return ExitCode.NO
            case End.TERMINATED:
                return ExitCode.YES if until is None else ExitCode.NO
            case _:
                return ExitCode.INTERRUPTED


async def listen(
    examiner: Examiner,
    options: ListenOptions,
    runtime: Runtime,
    emit: Callable[[ListenEvent], None],
    flush: Callable[[], None],
) -> ListenSummary:
    """Receive deliveries until something ends it.

    Args:
        examiner: verifies them.
        options: what to do.
        runtime: clock, environment.
        emit: is told of everything that happens, in order.
        flush: is called after a turn of the event loop in which something was told.

    Raises:
        InputError: the address cannot be listened on, or the authorities' file cannot be used.
        StoreError: the store cannot be opened.
        HookctlError: `emit` or `flush` raised it; the listener ends as it does otherwise.
        SecretError: valid signatures are required and there is no secret to tell them by.
    """
    listener = Listener(examiner, options, runtime, emit, flush)
    with signals(asyncio.get_running_loop(), lambda number: listener.end(End.by(number))):
        return await listener.run()


async def _nothing() -> None:
    pass


class Listener:
    """One listener under way; for the arguments and errors see `listen`."""

    def __init__(
        self,
        examiner: Examiner,
        options: ListenOptions,
        runtime: Runtime,
        emit: Callable[[ListenEvent], None],
        flush: Callable[[], None],
    ) -> None:
        if options.require_valid and not examiner.secrets:
            problem = next(iter(examiner.secret_problems.values()))
            raise SecretError(f"--require-valid needs a secret: {problem.message}", hint=problem.hint)
        self._examiner = examiner
        self._options = options
        self._runtime = runtime
        self._loop = asyncio.get_running_loop()
        self._summary = ListenSummary()
        self._ended = asyncio.Event()
        self._teller = Teller(emit, flush, self._ended.set)
        self._emit = self._teller.emit
        self._commit: GroupCommit | None = None
        self._forwarder: Forwarder | None = None
        self._retries: set[asyncio.Task[None]] = set()
        self._providers = {provider.name: provider for provider in examiner.providers}
        self._replies: dict[int, Reply] = {}
        self._trouble_told_s = float("-inf")

    async def run(self, before_closing: Callable[[], Awaitable[None]] = _nothing) -> ListenSummary:
        """Listen until something ends it.

        Args:
            before_closing: is awaited when it ends, while the port is still open.
        """
        options = self._options
        handler = self._answer if options.forward is None else self._pass_on
        async with AsyncExitStack() as stack:
            if options.store:
                store = Store.open(
                    default_path(self._runtime.env),
                    clock=self._runtime.now_ms,
                    random_bytes=self._runtime.random_bytes,
                )
                stack.callback(store.close)
                commit = GroupCommit(store, on_error=self._store_failed)
                self._commit = await stack.enter_async_context(commit)
            if options.forward is not None:
                self._forwarder = stack.enter_context(Forwarder(options.forward))
            server = CaptureServer(
                handler,
                limits=options.limits,
                clock=self._runtime.now_ms,
                on_error=self._handler_failed,
                on_refused=self._refused,
            )
            await server.start(options.host, options.port)
            self._emit(Ready(server.url, server.addresses))
            try:
                async with asyncio.timeout(options.timeout_s):
                    await self._ended.wait()
            except TimeoutError:
                self.end(End.TIMED_OUT)
            await before_closing()
            # those that were counted get their answers, however late the user wants those
            waiting_s = options.delay_s if self._summary.end is End.COUNTED else 0.0
            await server.stop(GRACE_S + waiting_s)
            await self._drop_retries()
        self._teller.close()
        return self._summary

    def _answer(self, request: CapturedRequest) -> Awaitable[Reply] | Reply:
        """Answer a delivery that is not passed on: as soon as it is stored."""
        finding = self._examine(request)
        reply = self._reply(finding)
        if self._commit is None:
            self._received(finding, request, None, reply.status, None)
            return reply if not self._options.delay_s else self._later(reply)
        answered: asyncio.Future[Reply] = self._loop.create_future()

        def stored(result: StoredDelivery | Exception) -> None:
            answer = self._kept(result, finding, request, reply)
            if self._options.delay_s and answer is reply:
                self._loop.call_later(self._options.delay_s, _complete, answered, answer)
            else:
                _complete(answered, answer)

        self._commit.submit(_arrival(finding, request, reply), stored)
        return answered

    def _kept(
        self, result: StoredDelivery | Exception, finding: Finding, request: CapturedRequest, reply: Reply
    ) -> Reply:
        """Tell of a delivery whose storing has ended, and return what the sender is told."""
        if isinstance(result, Exception):
            self._not_stored(result)
            self._received(finding, request, None, _NOT_KEPT.status, None)
            return _NOT_KEPT
        self._summary.stored += 1
        self._received(finding, request, result, reply.status, None)
        return reply

    async def _later(self, reply: Reply) -> Reply:
        await asyncio.sleep(self._options.delay_s)
        return reply

    async def _pass_on(self, request: CapturedRequest) -> Reply:
        """Store a delivery, pass it on, and answer as the receiver did."""
        assert self._forwarder is not None  # noqa: S101 - the handler of a listener that has one
        finding = self._examine(request)
        stored: StoredDelivery | None = None
        if self._commit is not None:
            try:
                stored = await self._commit.add(_arrival(finding, request, None))
            except StoreError as error:
                self._not_stored(error)
                self._received(finding, request, None, _NOT_KEPT.status, None)
                return _NOT_KEPT
            self._summary.stored += 1
        if not self._wanted(finding) or (self._options.require_valid and not finding.verdict.valid):
            reply = self._reply(finding)
            self._outcome(stored, _response(reply), None)
            self._received(finding, request, stored, reply.status, None)
            return reply
        passed = await self._forwarder.forward(request)
        self._outcome(stored, passed.response, passed.forwarded)
        self._count_passed(passed)
        hint = passed.failure.hint if passed.failure is not None else None
        self._received(finding, request, stored, passed.reply.status, passed.forwarded, passed.reply.body, hint)
        if self._options.retry_s and passed.to_be_retried:
            self._retry(stored, finding, request)
        if self._options.delay_s:
            await asyncio.sleep(self._options.delay_s)
        return passed.reply

    def _retry(self, stored: StoredDelivery | None, finding: Finding, request: CapturedRequest) -> None:
        # beside everything else: neither the sender nor other deliveries wait for it
        task = self._loop.create_task(self._try_again(stored, finding, request))
        self._retries.add(task)
        task.add_done_callback(self._retries.discard)

    async def _try_again(self, stored: StoredDelivery | None, finding: Finding, request: CapturedRequest) -> None:
        assert self._forwarder is not None  # noqa: S101 - as for the first time
        schedule = self._options.retry_s
        for number, pause_s in enumerate(schedule, 1):
            await asyncio.sleep(pause_s)
            passed = await self._forwarder.forward(request)
            self._outcome(stored, None, passed.forwarded)
            self._count_passed(passed)
            id_ = None if stored is None else stored.id
            self._emit(Retried(id_, finding.event, number, len(schedule), passed.forwarded))
            if not passed.to_be_retried:
                return

    async def _drop_retries(self) -> None:
        tasks = list(self._retries)
        self._summary.waiting_retries = len(tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)

    def _examine(self, request: CapturedRequest) -> Finding:
        return self._examiner.examine(
            Capture(
                "",
                request.headers,
                request.body,
                request.method,
                request.target,
                request.http_version,
                request.received_at_ms,
            ),
            EFFORT,
        )

    def _reply(self, finding: Finding) -> Reply:
        """Return the answer to a delivery that is not passed on."""
        options, verdict = self._options, finding.verdict
        provider = None if finding.provider is None else self._providers[finding.provider]
        if options.require_valid and not verdict.valid:
            status = 401
            if provider is not None:
                missing = verdict.reason is Reason.MISSING_SIGNATURE
                status = provider.replies.missing_signature if missing else provider.replies.invalid_signature
        elif options.respond is not None:
            status = options.respond
        else:
            status = 200 if provider is None else provider.replies.success
        reply = self._replies.get(status)
        if reply is None:
            body = b"" if status in {204, 304} else b"OK\n" if status < 300 else b"answered by hookctl listen\n"
            reply = self._replies[status] = Reply(status, body)
        return reply

    def _wanted(self, finding: Finding) -> bool:
        """Whether a delivery is one of those that the user wants to see."""
        patterns = self._options.events
        return not patterns or any(fnmatchcase(finding.event or "", pattern) for pattern in patterns)

    def _received(
        self,
        finding: Finding,
        request: CapturedRequest,
        stored: StoredDelivery | None,
        status: int,
        forwarded: Forwarded | None,
        answer: bytes = b"",
        hint: str | None = None,
    ) -> None:
        summary = self._summary
        summary.total += 1
        valid = finding.verdict.valid
        if valid:
            summary.valid += 1
        else:
            summary.invalid += 1
        if not self._wanted(finding):
            return
        id_, occurrence = (None, None) if stored is None else (stored.id, stored.occurrence)
        self._emit(Received(finding, request, id_, occurrence, status, forwarded, answer, hint))
        lost = self._options.store and stored is None
        # what is no delivery at all, or what was refused or lost, does not count as one that has come
        if finding.provider is None or lost or (self._options.require_valid and not valid):
            return
        summary.counted += 1
        if summary.counted == self._options.until:
            self.end(End.COUNTED)

    def _count_passed(self, passed: Passed) -> None:
        status = passed.forwarded.status
        if status is not None and 200 <= status < 300:
            self._summary.passed_on += 1
        else:
            self._summary.not_passed_on += 1

    def _outcome(
        self, stored: StoredDelivery | None, response: CapturedResponse | None, forwarded: Forwarded | None
    ) -> None:
        if stored is not None and self._commit is not None:
            # after the listener's end there is nothing to write with
            with suppress(RuntimeError):
                self._commit.update_result(stored.id, response=response, forwarded=forwarded)

    def _not_stored(self, error: Exception) -> None:
        self._summary.not_stored += 1
        if not isinstance(error, StoreError):
            error = StoreError(f"the store failed: {error!r}")
        # of a full disk every delivery tells; once a second is enough
        now_s = self._loop.time()
        if now_s - self._trouble_told_s >= 1.0:
            self._trouble_told_s = now_s
            self._emit(Trouble(error, f"not stored, answered 507: {error.message}", error.hint))

    def _store_failed(self, error: StoreError) -> None:
        self._emit(Trouble(error, f"what became of a delivery was not stored: {error.message}", error.hint))

    def _handler_failed(self, error: Exception) -> None:
        self._emit(Trouble(None, f"a delivery was answered 500 because of a bug in hookctl: {error!r}"))

    def _refused(self, refusal: Refusal) -> None:
        # a browser opens connections in advance and keeps silent on them
        if refusal.received or refusal.status == 503:
            self._summary.refused += 1
            self._emit(refusal)

    def end(self, end: End) -> None:
        """End it; the first reason stays."""
        if self._summary.end is None:
            self._summary.end = end
        self._ended.set()


def _complete(answered: asyncio.Future[Reply], reply: Reply) -> None:
    # stopping the server may have cancelled it
    if not answered.done():
        answered.set_result(reply)


def _arrival(finding: Finding, request: CapturedRequest, reply: Reply | None) -> Arrival:
    response = None if reply is None else _response(reply)
    return Arrival(request, finding.verdict, finding.provider, finding.event, finding.event_id, response)


def _response(reply: Reply) -> CapturedResponse:
    return CapturedResponse(reply.status, (), reply.body)


def wanted_events(arguments: list[str], providers: tuple[Provider, ...]) -> tuple[str, ...]:
    """Return the patterns of `--events`, which takes commas and repeats.

    Raises:
        UnknownNameError: a name that is no pattern is no event.
    """
    from hookctl.errors import UnknownNameError

    known = [event.name for provider in providers for event in provider.events]
    patterns = tuple(part.strip() for argument in arguments for part in argument.split(",") if part.strip())
    for pattern in patterns:
        if not any(character in pattern for character in "*?[") and pattern not in known:
            raise UnknownNameError("event", pattern, known)
    return patterns
