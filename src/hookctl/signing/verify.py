"""Says whether a delivery is genuine. Whatever arrives, the answer is a verdict, never an exception."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from hookctl.model import Diagnosis, Reason, TimeUnit, Verdict
from hookctl.payload.paths import look_up
from hookctl.payload.render import read_envelope
from hookctl.signing.header import HeaderReader
from hookctl.signing.scheme import compute_signature
from hookctl.timestamps import read_time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hookctl.model import Provider, RawHeaders, Secret, SecretPair
    from hookctl.signing.header import ReadSignatures

Content: TypeAlias = tuple[bytes | None, ...]
"""Signed content in pieces, as the scheme orders them; None is the place of the body."""

_Layout: TypeAlias = tuple[tuple[tuple[bytes, int], ...], tuple[str, ...]]
"""Where the headers that take part stand, by lower-case name, and which of them came again."""

_MAX_LAYOUTS = 256

_NUMERIC = frozenset({TimeUnit.UNIX_SECONDS, TimeUnit.UNIX_MILLISECONDS})


@dataclass(frozen=True, slots=True)
class Parts:
    """What of a delivery takes part in its signature."""

    given: tuple[bytes, ...]
    """The values of the signature headers, the main one's first; of a repeated header the first."""
    timestamp: bytes | None
    """The time's text; None when it is missing or not signed."""
    content: Content
    """The signed content; a time that is missing is empty in it."""


class Verifier:
    """Verifies deliveries of one provider; made once for many of them.

    Args:
        provider: whose scheme to use.
    """

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        spec = provider.signature
        self._spec = spec
        self._reader = HeaderReader(spec)
        self._signature_names = tuple(name.lower().encode() for name in spec.headers)
        # a time that is not signed says nothing: anyone may have written it
        self._time = provider.timestamp if spec.signs_timestamp else None
        own = self._time.header if self._time is not None else None
        self._time_name = None if own is None else own.lower().encode()
        id_header = next((header.name for header in provider.headers if header.value == ("{id}",)), None)
        self._signs_id = "{id}" in spec.content
        self._id_name = id_header.lower().encode() if id_header is not None and self._signs_id else None
        names = (*self._signature_names, self._time_name, self._id_name)
        self._wanted = frozenset(name for name in names if name is not None)
        self._layouts: dict[tuple[bytes, ...], _Layout] = {}
        self._pieces = tuple(None if piece == "{body}" else piece.encode() for piece in spec.content)

    def verify(
        self,
        headers: RawHeaders,
        body: bytes,
        secrets: SecretPair | None,
        *,
        received_at_ms: int | None = None,
        tolerance_s: float | None = None,
    ) -> Verdict:
        """Verify one delivery; see `verify`."""
        first, repeated = self._collect(headers)
        read = self._read(first)
        if read is None:
            return Verdict(valid=False, reason=Reason.MISSING_SIGNATURE)
        timestamp, age_s = b"", None
        if self._time is not None:
            found = self._timestamp(first, read)
            if found is None:
                # without a header of its own, the time is a part of what makes the signature header well-formed
                reason = Reason.MALFORMED_SIGNATURE if self._time_name is None else Reason.MISSING_TIMESTAMP
                return Verdict(valid=False, reason=reason, repeated=repeated)
            text = found.decode("latin-1")
            at_ms = read_time(text, self._time.unit)
            # JSON has negative numbers, a header of digits has no sign
            if at_ms is None or (text[:1] == "-" and self._time.unit in _NUMERIC):
                return Verdict(valid=False, reason=Reason.MALFORMED_TIMESTAMP, repeated=repeated)
            timestamp = found
            if received_at_ms is not None:
                age_s = (received_at_ms - at_ms) / 1000
        signatures = [signature for parsed in read for signature in parsed.signatures]
        reason, diagnosis = self._judge(signatures, self._content(first, timestamp, body), body, secrets)
        if reason is Reason.OK and tolerance_s is not None and age_s is not None and abs(age_s) > tolerance_s:
            reason, diagnosis = Reason.STALE if age_s > 0 else Reason.FUTURE, None
        return Verdict(reason is Reason.OK, reason, diagnosis, age_s, repeated)

    def parts(self, headers: RawHeaders, body: bytes) -> Parts:
        """Return what of a delivery takes part in its signature."""
        first, _ = self._collect(headers)
        given = tuple(first[name] for name in self._signature_names if name in first)
        timestamp = self._timestamp(first, self._read(first) or [])
        return Parts(given, timestamp, self._content(first, timestamp or b"", body))

    def _collect(self, headers: RawHeaders) -> tuple[dict[bytes, bytes], tuple[str, ...]]:
        """Return the first value of each header that takes part, and the names of those that came again."""
        # the deliveries of an archive have the same headers in the same order, again and again
        names = tuple([name for name, _ in headers])
        layout = self._layouts.get(names)
        if layout is None:
            layout = self._layout(names)
            if len(self._layouts) < _MAX_LAYOUTS:
                self._layouts[names] = layout
        places, repeated = layout
        return {name: headers[place][1].strip(b" \t") for name, place in places}, repeated

    def _layout(self, names: tuple[bytes, ...]) -> _Layout:
        places: dict[bytes, int] = {}
        repeated: dict[str, None] = {}
        for place, raw_name in enumerate(names):
            name = raw_name.lower()
            if name in places:
                repeated[name.decode("ascii")] = None
            elif name in self._wanted:
                places[name] = place
        return tuple(places.items()), tuple(repeated)

    def _read(self, first: dict[bytes, bytes]) -> list[ReadSignatures] | None:
        """Return what the signature headers in the documented form hold, or None when there are none at all."""
        given = [first[name] for name in self._signature_names if name in first]
        if not given:
            return None
        return [parsed for value in given if (parsed := self._reader.read(value)) is not None]

    def _timestamp(self, first: dict[bytes, bytes], read: list[ReadSignatures]) -> bytes | None:
        """Return the signed time's text from its own header, else from the signature header."""
        if self._time_name is not None:
            return first.get(self._time_name)
        if self._time is None:
            return None
        return next((parsed.timestamp for parsed in read if parsed.timestamp is not None), None)

    def _content(self, first: dict[bytes, bytes], timestamp: bytes, body: bytes) -> Content:
        """Return the signed content in pieces."""
        values = {b"{timestamp}": timestamp}
        if self._signs_id:
            values[b"{id}"] = self._delivery_id(first, body)
        return tuple([None if piece is None else values.get(piece, piece) for piece in self._pieces])

    def _judge(
        self, signatures: list[bytes], content: Content, body: bytes, secrets: SecretPair | None
    ) -> tuple[Reason, Diagnosis | None]:
        if not signatures:
            return Reason.MALFORMED_SIGNATURE, None
        if secrets is None:
            return Reason.NO_SECRET, None
        signed = b"".join([body if piece is None else piece for piece in content])
        for secret in secrets:
            if self._matches(secret, signed, signatures):
                return Reason.OK, Diagnosis.PREVIOUS_SECRET if secret is secrets.previous else None
        return Reason.MISMATCH, None

    def _matches(self, secret: Secret, signed: bytes, signatures: list[bytes]) -> bool:
        expected = compute_signature(self._spec, secret.value, signed).encode()
        # each is compared in constant time, and all are: how long it takes says nothing about which matched
        return sum([hmac.compare_digest(signature, expected) for signature in signatures]) > 0

    def _delivery_id(self, first: dict[bytes, bytes], body: bytes) -> bytes:
        """Return the id that is signed, from a header, else from the body; empty where there is none."""
        if self._id_name is not None:
            return first.get(self._id_name, b"")
        pointer = self.provider.envelope.id
        value = look_up(read_envelope(body), pointer) if pointer else None
        return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else b""


def verify(
    provider: Provider,
    headers: Iterable[tuple[bytes, bytes]],
    body: bytes,
    secrets: SecretPair | None,
    *,
    received_at_ms: int | None = None,
    tolerance_s: float | None = None,
) -> Verdict:
    """Verify one delivery.

    Args:
        provider: whose scheme to use.
        headers: header lines as they arrived; of a repeated one the first decides.
        body: the raw body.
        secrets: the secrets to try, current first; None when there is none.
        received_at_ms: when it arrived, for its age; None leaves the age out.
        tolerance_s: how far the signed time may be from the arrival, either way; None does not judge it.

    Returns:
        The verdict. With the previous secret it is valid and says so in its diagnosis.
    """
    verifier = Verifier(provider)
    return verifier.verify(tuple(headers), body, secrets, received_at_ms=received_at_ms, tolerance_s=tolerance_s)
