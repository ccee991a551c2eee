"""The quick way: deliveries about which there is nothing to say but that they are valid.

Nearly all of an archive's are, and of those that a listener receives. For those this does the same as
`hookctl.captures` and `Examiner` do, in a third of the time, because nothing is made of them but what the answer needs,
and the headers of one are laid out as those of the one before. What is not plain is left to the thorough way.

It loads msgspec, so import it where an archive is read or deliveries are received.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from hookctl.captures.fastrecord import arrival_ms, read_plain
from hookctl.flows.examine import Finding
from hookctl.model import Capture, Reason, TimeUnit, Verdict
from hookctl.payload.drift import DriftFinder
from hookctl.payload.paths import pointer_steps
from hookctl.signing.scheme import KeyedSigner
from hookctl.timestamps import read_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hookctl.flows.examine import Examiner
    from hookctl.model import Provider

_MAX_LAYOUTS = 256
_MAX_DIGITS = 18
_NUMERIC = {TimeUnit.UNIX_SECONDS: 1000, TimeUnit.UNIX_MILLISECONDS: 1}


class Plain(NamedTuple):
    """A capture that is valid, signed with the current secret, and what its schema says."""

    source: str
    provider: str
    event: str
    event_id: str | None
    age_s: float | None


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where in a delivery's headers what is signed stands; the same for most of them."""

    provider: _PlainProvider
    signature: int
    timestamp: int | None


class _PlainProvider:
    """A provider whose scheme is a plain one."""

    def __init__(self, provider: Provider, key: bytes) -> None:
        spec = provider.signature
        self.provider = provider
        self.name = provider.name
        self._signs_timestamp = spec.signs_timestamp
        # looked up beforehand: a unit is an enum, whose hash is computed in Python
        self._unit_ms = None if provider.timestamp is None else _NUMERIC.get(provider.timestamp.unit)
        self._event_unit = provider.envelope.time_unit
        self.signer = KeyedSigner(spec, key)
        self.fits = DriftFinder(provider).fits
        self.before, self.between = _split(spec.content)
        envelope = provider.envelope
        pointers = (envelope.type, envelope.id, envelope.time)
        self.event_at, self.id_at, self.time_at = (None if one is None else pointer_steps(one) for one in pointers)

    def signed_by(self, signature: str, time: str, body: bytes) -> bool:
        """Return whether a signature is surely right: ASCII texts as they stand in the headers, "" for no time."""
        if not self._signs_timestamp:
            expected = self.signer.signature(body)
        elif time.isdigit() and len(time) <= _MAX_DIGITS:
            expected = self.signer.signature(self.before + time.encode() + self.between, body)
        else:
            return False
        return hmac.compare_digest(expected, signature)

    def at_ms(self, time: str, value: object) -> int | None:
        """Return when it was signed or, where no time is, when the event happened."""
        if time and self._unit_ms is not None:
            return int(time) * self._unit_ms
        if self.time_at is None or self._event_unit is None:
            return None
        return read_time(_at(value, self.time_at), self._event_unit)


class PlainExaminer:
    """Examines records of an archive, those that are plain.

    Args:
        examiner: whose providers, secrets and rules hold.
    """

    def __init__(self, examiner: Examiner) -> None:
        self._layouts = _Layouts(examiner)

    def examine(self, line: bytes, source: str) -> Plain | None:
        """Return what there is to say about a record, or None when that is more than can be said here."""
        record = read_plain(line)
        if record is None or record.body is None:
            return None
        headers = record.headers
        layout = self._layouts.of(tuple([name for name, _ in headers]))
        if layout is None:
            return None
        one = layout.provider
        body = record.body.encode()
        time = "" if layout.timestamp is None else headers[layout.timestamp][1]
        if not one.signed_by(headers[layout.signature][1], time, body):
            return None
        try:
            value = msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError, ValueError):
            return None
        event = _text_at(value, one.event_at)
        if event is None or not one.fits(event, value):
            return None
        age_s = None
        if record.received_at is not None:
            received_ms = arrival_ms(record.received_at)
            if received_ms is None:
                return None
            at_ms = one.at_ms(time, value)
            age_s = None if at_ms is None else (received_ms - at_ms) / 1000
        return Plain(source, one.name, event, _text_at(value, one.id_at) or None, age_s)


class PlainArrivals:
    """Examines requests as they arrive, those that are plain.

    Args:
        examiner: whose providers, secrets and rules hold.
    """

    def __init__(self, examiner: Examiner) -> None:
        self._with_drift = examiner.with_drift
        self._layouts = _Layouts(examiner)

    def examine(self, capture: Capture) -> Finding | None:
        """Return what `Examiner.examine` returns, or None when that is more than can be said here."""
        headers = capture.headers
        layout = self._layouts.of(tuple([name for name, _ in headers]))
        if layout is None:
            return None
        one = layout.provider
        body = capture.body
        signature = headers[layout.signature][1]
        time = "" if layout.timestamp is None else headers[layout.timestamp][1].decode("latin-1")
        if not (signature.isascii() and time.isascii() and one.signed_by(signature.decode(), time, body)):
            return None
        try:
            value = msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError, ValueError):
            return None
        event = _text_at(value, one.event_at)
        # what the body does not say, other headers may
        if not event or (self._with_drift and not one.fits(event, value)):
            return None
        age_s = None
        if capture.received_at_ms is not None:
            at_ms = one.at_ms(time, value)
            age_s = None if at_ms is None else (capture.received_at_ms - at_ms) / 1000
        event_id = _text_at(value, one.id_at) or None
        verdict = Verdict(True, Reason.OK, None, age_s)  # noqa: FBT003 - by position it takes half the time
        return Finding(capture, one.name, event, event_id, verdict, None, (), capture.notes)


class _Layouts:
    """Tells how the headers of plain deliveries are laid out, and remembers it.

    Args:
        examiner: whose providers, secrets and rules hold.
    """

    def __init__(self, examiner: Examiner) -> None:
        self._examiner = examiner
        self._known: dict[tuple[str, ...] | tuple[bytes, ...], _Layout | None] = {}
        self._providers: dict[str, _PlainProvider | None] = {}

    def of(self, names: tuple[str, ...] | tuple[bytes, ...]) -> _Layout | None:
        """Return the layout of headers of these names, or None when deliveries that have them are not plain."""
        try:
            return self._known[names]
        except KeyError:
            layout = self._find([name if isinstance(name, str) else name.decode("latin-1") for name in names])
            if len(self._known) < _MAX_LAYOUTS:
                self._known[names] = layout
            return layout

    def _find(self, names: Sequence[str]) -> _Layout | None:
        if self._examiner.tolerance_s is not None:
            return None
        # names beyond ASCII may be beyond Latin-1 too, which the thorough way refuses
        if not "".join(names).isascii():
            return None
        lower = [name.lower() for name in names]
        candidates = self._examiner.identifier.candidates([name.encode() for name in names])
        if len(candidates) != 1:
            return None
        one = self._plain(candidates[0])
        if one is None:
            return None
        spec, time = one.provider.signature, one.provider.timestamp
        header = time.header.lower() if spec.signs_timestamp and time is not None and time.header is not None else None
        required = [spec.header.lower(), *([header] if header is not None else [])]
        others = [name.lower() for name in spec.headers if name != spec.header]
        # one signature, in the main header, and nothing that takes part twice
        if any(lower.count(name) != 1 for name in required) or any(name in lower for name in others):
            return None
        return _Layout(one, lower.index(required[0]), None if header is None else lower.index(header))

    def _plain(self, provider: Provider) -> _PlainProvider | None:
        if provider.name not in self._providers:
            self._providers[provider.name] = self._make_plain(provider)
        return self._providers[provider.name]

    def _make_plain(self, provider: Provider) -> _PlainProvider | None:
        spec, time = provider.signature, provider.timestamp
        secrets = self._examiner.secrets.get(provider.name)
        if secrets is None or provider.envelope.type is None or spec.content[-1] != "{body}":
            return None
        if any(header.value in {("{event}",), ("{id}",)} for header in provider.headers):
            return None
        envelope = provider.envelope
        pointers = (envelope.type, envelope.id, envelope.time)
        if any(step.isdigit() for pointer in pointers if pointer is not None for step in pointer_steps(pointer)):
            # a step into a list, perhaps
            return None
        bare = spec.value == ("{signatures}",) and spec.item == ("{signature}",) and spec.separator is None
        if not bare or "{id}" in spec.content or spec.content.count("{body}") != 1:
            return None
        if spec.signs_timestamp and (
            time is None or time.header is None or time.unit not in _NUMERIC or spec.content.count("{timestamp}") != 1
        ):
            return None
        if not spec.signs_timestamp and spec.content != ("{body}",):
            return None
        return _PlainProvider(provider, secrets.current.value)


def _split(content: tuple[str, ...]) -> tuple[bytes, bytes]:
    """Return what is signed before the time, and between it and the body."""
    if "{timestamp}" not in content:
        return b"", b""
    place = content.index("{timestamp}")
    return "".join(content[:place]).encode(), "".join(content[place + 1 : -1]).encode()


def _at(value: object, steps: tuple[str, ...]) -> object:
    # nearly always one step: a member of the whole
    if len(steps) == 1 and isinstance(value, dict):
        return value.get(steps[0])
    for step in steps:
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def _text_at(value: object, steps: tuple[str, ...] | None) -> str | None:
    found = None if steps is None else _at(value, steps)
    return found if isinstance(found, str) else None
