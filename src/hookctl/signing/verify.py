"""Says whether a delivery is genuine. Whatever arrives, the answer is a verdict, never an exception."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from hookctl.model import Diagnosis, Reason, Verdict
from hookctl.payload.paths import look_up
from hookctl.payload.render import read_envelope
from hookctl.signing.header import read_signatures
from hookctl.signing.scheme import compute_signature, signed_content
from hookctl.timestamps import read_time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hookctl.model import Provider, Secret, SecretPair, SignatureSpec, TimestampSpec
    from hookctl.signing.header import ReadSignatures


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
    spec = provider.signature
    first: dict[bytes, bytes] = {}
    for name, value in headers:
        first.setdefault(name.lower(), value.strip(b" \t"))
    given = [first[name] for header in spec.headers if (name := header.lower().encode()) in first]
    if not given:
        return Verdict(valid=False, reason=Reason.MISSING_SIGNATURE)
    read = [parsed for value in given if (parsed := read_signatures(spec, value)) is not None]
    timestamp = b""
    age_s = None
    # a time that is not signed says nothing: anyone may have written it
    if provider.timestamp is not None and spec.signs_timestamp:
        found = _timestamp(provider.timestamp, first, read)
        if found is None:
            # without a header of its own, the time is a part of what makes the signature header well-formed
            in_header = provider.timestamp.header is not None
            reason = Reason.MISSING_TIMESTAMP if in_header else Reason.MALFORMED_SIGNATURE
            return Verdict(valid=False, reason=reason)
        timestamp = found
        at_ms = read_time(timestamp.decode("latin-1"), provider.timestamp.unit)
        if at_ms is None:
            return Verdict(valid=False, reason=Reason.MALFORMED_TIMESTAMP)
        age_s = None if received_at_ms is None else (received_at_ms - at_ms) / 1000
    well_formed = [signature for parsed in read for signature in parsed.signatures]
    if not well_formed:
        return Verdict(valid=False, reason=Reason.MALFORMED_SIGNATURE, age_s=age_s)
    if secrets is None:
        return Verdict(valid=False, reason=Reason.NO_SECRET, age_s=age_s)
    content = signed_content(spec, body, timestamp, _delivery_id(provider, first, body))
    matched = next((secret for secret in secrets if _matches(spec, secret, content, well_formed)), None)
    if matched is None:
        return Verdict(valid=False, reason=Reason.MISMATCH, age_s=age_s)
    if tolerance_s is not None and age_s is not None and abs(age_s) > tolerance_s:
        return Verdict(valid=False, reason=Reason.STALE if age_s > 0 else Reason.FUTURE, age_s=age_s)
    diagnosis = Diagnosis.PREVIOUS_SECRET if matched is secrets.previous else None
    return Verdict(valid=True, reason=Reason.OK, diagnosis=diagnosis, age_s=age_s)


def _timestamp(spec: TimestampSpec, first: dict[bytes, bytes], read: list[ReadSignatures]) -> bytes | None:
    """Return the time's text from its own header, else from the signature header."""
    if spec.header is not None:
        return first.get(spec.header.lower().encode())
    return next((parsed.timestamp for parsed in read if parsed.timestamp is not None), None)


def _delivery_id(provider: Provider, first: dict[bytes, bytes], body: bytes) -> bytes:
    """Return the id that is signed, from a header, else from the body; empty where there is none."""
    if "{id}" not in provider.signature.content:
        return b""
    for header in provider.headers:
        if header.value == ("{id}",):
            return first.get(header.name.lower().encode(), b"")
    value = look_up(read_envelope(body), provider.envelope.id) if provider.envelope.id else None
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else b""


def _matches(spec: SignatureSpec, secret: Secret, content: bytes, signatures: list[bytes]) -> bool:
    expected = compute_signature(spec, secret.value, content).encode()
    # each is compared in constant time, and all are: how long it takes says nothing about which matched
    return sum(hmac.compare_digest(signature, expected) for signature in signatures) > 0
