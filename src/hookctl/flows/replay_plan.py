"""What is to be replayed, read and checked whole: nothing is sent before every delivery of a run can be."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hookctl.catalogue import read_schema
from hookctl.config import Config, Origin, Setting, load_config
from hookctl.delivery import Endpoint, resolve_endpoint
from hookctl.delivery.endpoint import is_loopback_name, own_path, resolve_base
from hookctl.errors import InputError, UsageError
from hookctl.flows.carried_headers import carried_headers, require_token, signed_anew
from hookctl.flows.examine import Examiner, open_examiner
from hookctl.flows.identify import event_of
from hookctl.flows.originals import Before, Original, find_originals
from hookctl.model import SignedRequest
from hookctl.payload import EditKind, IdSource, RenderOptions, given_body
from hookctl.payload.edits import Editor
from hookctl.payload.jsontext import JsonTextError, encode, parse
from hookctl.payload.render import read_envelope
from hookctl.payload.schema import SchemaNode, load_schema
from hookctl.signing import sign

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hookctl.captures.form import Form
    from hookctl.delivery.expect import Expectation
    from hookctl.model import Event, Headers, Provider, SecretPair
    from hookctl.payload import Edit
    from hookctl.runtime import Runtime

MAX_DELIVERIES = 10_000
"""Deliveries of one run at most. All are read before the first is sent, so that one that cannot be used stops the run
while nothing has been sent; reading twice instead would see other bytes of a file that grows, and standard input not at
all."""

MAX_BYTES = 256 * 1024 * 1024
"""What the bodies and headers of one run may have together."""

_NOTES_TOLD = 5


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """What the user asked for. Durations in seconds."""

    names: tuple[str, ...] = ()
    """Ids and unique beginnings of ids, `last`, files, folders, globs, `-`."""
    form: Form | None = None
    provider: str | None = None
    to: str | None = None
    secret_files: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()
    verbatim: bool = False
    """Body, signature and time as captured."""
    rate_per_s: float | None = None
    """Deliveries a second at most; None is one after the other without a pause."""
    timeout_s: float | None = None
    """None is the vendor's deadline."""
    expect: Expectation | None = None
    allow_remote: bool = False
    cacert: Path | None = None
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class Replay:
    """One delivery to make again, checked."""

    of: str
    """The stored id, or the file's name with the place in it."""
    provider: Provider | None
    """None when nothing tells whose it is, which a verbatim one need not."""
    endpoint: Endpoint
    secrets: SecretPair | None
    """None for one that goes as it was captured."""
    method: str
    headers: Headers
    body: bytes
    event: str | None
    event_id: str | None
    before: Before | None
    number: int
    """Its place in the run, from 0."""


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """Every delivery of a run, checked: whatever can be known to be wrong beforehand is."""

    replays: tuple[Replay, ...]
    options: ReplayOptions
    notes: tuple[str, ...]
    """What is worth knowing before anything is sent, in sentences."""
    ids: IdSource

    def prepare(self, replay: Replay, now_ms: int) -> SignedRequest:
        """Return one delivery complete, signed now unless it goes as it was captured."""
        headers, event, event_id = replay.headers, replay.event, replay.event_id
        if replay.provider is not None and replay.secrets is not None:
            # the id stays: a fresh one is made only where a header has to have one and none was captured
            options = RenderOptions(self.ids, event_id=event_id)
            payload = given_body(
                replay.provider, replay.body, event=event, at_ms=now_ms, options=options, occurrence=replay.number
            )
            signing = sign(replay.provider, payload, replay.secrets)
            headers = signed_anew(headers, signing.headers(replay.provider), replay.provider)
            event, event_id = payload.event, payload.event_id
        return SignedRequest(
            provider="" if replay.provider is None else replay.provider.name,
            event=event,
            event_id=event_id,
            method=replay.method,
            url=replay.endpoint.url,
            headers=headers,
            body=replay.body,
        )


def plan_replay(runtime: Runtime, options: ReplayOptions) -> ReplayPlan:
    """Read everything that is to be replayed, and check all that can be checked without sending.

    Raises:
        UsageError: options that contradict each other.
        InputError: an unknown id or provider, an unreadable capture, a header that cannot be sent, an edit that does
            not fit, a missing secret or endpoint, an endpoint beyond this machine, more than `MAX_DELIVERIES`.
        StoreError: the store cannot be read.
    """
    _check_options(options)
    planner = _Planner(runtime, options)
    replays: list[Replay] = []
    size_bytes = 0
    for original in find_originals(options.names, runtime, options.form):
        size_bytes += _size_bytes(original)
        if len(replays) == MAX_DELIVERIES or size_bytes > MAX_BYTES:
            raise InputError(
                f"{original.capture.source}: that is more than one run replays: {MAX_DELIVERIES:,} deliveries "
                f"or {MAX_BYTES // 1024 // 1024} MiB",
                hint="replay a part of it: head -n 10000 archive.ndjson | hookctl replay -",
            )
        with _told_of(original.capture.source):
            replays.append(planner.replay(original, len(replays)))
    plan = ReplayPlan(tuple(replays), options, planner.notes(), IdSource(runtime.random_bytes(16)))
    for replay in replays:
        with _told_of(replay.of):
            plan.prepare(replay, runtime.now_ms())
    return plan


def _check_options(options: ReplayOptions) -> None:
    if not options.names:
        raise UsageError(
            "which delivery? give an id, last, or a file with captures",
            hint="hookctl replay last; hookctl replay delivery.http --to 3000",
        )
    if [*options.names, *options.secret_files].count("-") > 1:
        raise UsageError("standard input can be read once, but - is given twice")
    if options.verbatim and options.edits:
        raise UsageError("--verbatim sends the captured bytes: --set, --add and --unset cannot go with it")
    if options.verbatim and options.secret_files:
        raise UsageError("--verbatim signs nothing: --secret-file cannot go with it")


@contextmanager
def _told_of(source: str) -> Iterator[None]:
    """Have an error name the delivery that it is about."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{source}: {error.message}", hint=error.hint) from None


def _size_bytes(original: Original) -> int:
    capture = original.capture
    answer = original.before.body if original.before is not None else None
    return len(capture.body) + len(answer or b"") + sum(len(name) + len(value) for name, value in capture.headers)


@dataclass(slots=True)
class _Planner:
    """Makes replays of originals, and gathers what is worth knowing about them."""

    runtime: Runtime
    options: ReplayOptions
    _config: Config = field(init=False)
    _examiner: Examiner = field(init=False)
    _schemas: dict[tuple[str, str], SchemaNode] = field(default_factory=dict)
    _withheld: dict[str, None] = field(default_factory=dict)
    _notes: list[str] = field(default_factory=list)
    _more_notes: int = 0

    def __post_init__(self) -> None:
        self._config = load_config(self.runtime)
        self._examiner = open_examiner(
            self.runtime, provider=self.options.provider, secret_files=self.options.secret_files
        )

    def replay(self, original: Original, number: int) -> Replay:
        """Check one original and return its replay."""
        capture, verbatim = original.capture, self.options.verbatim
        provider = self._provider(original)
        method = capture.method or "POST"
        require_token(method, "a method")
        if method.upper() == "CONNECT":
            raise InputError("CONNECT asks a proxy for a connection: it delivers nothing")
        carried = carried_headers(capture.headers)
        self._withheld |= dict.fromkeys(carried.withheld)
        body = capture.body
        event = event_id = None
        if provider is not None:
            event, _ = event_of(provider, capture.headers, read_envelope(body))
            if self.options.edits:
                body = self._edited(provider, event, body)
            event, event_id = event_of(provider, capture.headers, read_envelope(body))
        for text in capture.notes:
            self._note(f"{capture.source}: {text}")
        if original.refused_for is not None and not verbatim:
            about = f"was not genuine when it arrived ({original.refused_for}); signed anew, it is taken for genuine"
            self._note(f"{capture.source} {about}")
        return Replay(
            of=capture.source,
            provider=provider,
            endpoint=self._endpoint(original, provider),
            secrets=None if verbatim or provider is None else self._secrets(provider),
            method=method,
            headers=carried.headers,
            body=body,
            event=event,
            event_id=event_id,
            before=original.before,
            number=number,
        )

    def notes(self) -> tuple[str, ...]:
        """Return what is worth knowing about all of them."""
        notes = list(self._notes)
        if self._more_notes:
            notes.append(f"{self._more_notes:,} more such notes")
        if self._withheld:
            notes.append(f"not sent again: {' and '.join(self._withheld)}, which may let someone in")
        return tuple(notes)

    def _note(self, text: str) -> None:
        if len(self._notes) < _NOTES_TOLD:
            self._notes.append(text)
        else:
            self._more_notes += 1

    def _provider(self, original: Original) -> Provider | None:
        if self.options.provider is None and original.provider is not None:
            known = next((one for one in self._examiner.providers if one.name == original.provider), None)
            if known is not None:
                return known
        provider = self._examiner.provider_of(original.capture)
        if provider is None and not self.options.verbatim:
            raise InputError(
                "whose delivery is it? nothing in it tells, so it cannot be signed",
                hint="give --provider, or send it as it is with --verbatim",
            )
        return provider

    def _secrets(self, provider: Provider) -> SecretPair:
        if provider.name not in self._examiner.secrets:
            problem = self._examiner.secret_problems[provider.name]
            raise InputError(problem.message, hint=f"{problem.hint}; --verbatim needs no secret")
        return self._examiner.secrets[provider.name]

    def _edited(self, provider: Provider, name: str | None, body: bytes) -> bytes:
        try:
            document = parse(body.decode())
        except (JsonTextError, UnicodeDecodeError) as error:
            raise InputError(f"the body cannot be changed: it is not JSON: {error}") from None
        if not isinstance(document, dict):
            raise InputError("the body cannot be changed: it is not a JSON object")
        event = None if name is None else provider.event(name)
        editor = Editor(document, self._schema(event), name or "the event")
        for edit in self.options.edits:
            if event is None and edit.kind is EditKind.SET and edit.json is None:
                raise InputError(
                    f"{edit.kind} {edit.path}: no schema says of what type that is, since the event is not a known one",
                    hint=f"write {edit.path}:=JSON",
                )
            editor.apply(edit)
        return encode(document)

    def _schema(self, event: Event | None) -> SchemaNode:
        if event is None:
            return SchemaNode({}, {})
        key = (event.provider, event.name)
        if key not in self._schemas:
            self._schemas[key] = load_schema(event, read_schema(event))
        return self._schemas[key]

    def _endpoint(self, original: Original, provider: Provider | None) -> Endpoint:
        allow_remote = self.options.allow_remote
        # asked for as if it were allowed: the rule below is stricter, and its hint is the one that helps here
        found = self._find_endpoint(original, provider)
        if not allow_remote and not is_loopback_name(found.host):
            raise InputError(
                f"{found.url} is beyond this machine",
                hint="confirm with --allow-remote that the delivery may go there, or give --to",
            )
        return replace(found, loopback_only=not allow_remote)

    def _find_endpoint(self, original: Original, provider: Provider | None) -> Endpoint:
        config = self._config
        to = config.to if self.options.to is None else Setting(self.options.to, Origin.FLAG, "--to")
        if to is None and original.forwarded_to is not None:
            where = Setting(original.forwarded_to, Origin.USER, "where it was passed on to")
            return resolve_base(where, config, allow_remote=True)
        if provider is not None and (to is None or provider.endpoint.path is not None):
            return resolve_endpoint(provider, to, config, allow_remote=True)
        if to is None:
            raise InputError("where to? nothing tells whose delivery it is", hint="give --to URL")
        base = resolve_base(to, config, allow_remote=True)
        parts = urlsplit(base.url)
        if parts.path != "/" or parts.query:
            return base
        whole = base.url.removesuffix("/") + own_path(original.capture.target or "/")
        return resolve_base(replace(to, value=whole), config, allow_remote=True)
