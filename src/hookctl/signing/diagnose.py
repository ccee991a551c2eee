"""Says why a delivery's signature is not valid: by finding what has to be changed for it to match.

Nothing is guessed. A change is tried, and reported only when the signature then matches, which no accident does.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeAlias

from hookctl.model import Diagnosis, Explanation, Reason, TimeUnit
from hookctl.signing import changes
from hookctl.signing.effort import USUAL, Effort
from hookctl.signing.readings import Readings
from hookctl.signing.scheme import HASHES
from hookctl.signing.verify import Verifier

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hookctl.model import Provider, RawHeaders, SecretPair, Verdict
    from hookctl.payload.jsontext import Json
    from hookctl.signing.changes import Change
    from hookctl.signing.verify import Content, Parts

    _Changes: TypeAlias = tuple[Change[bytes] | Change[Content], ...]

_MATCHED = frozenset({Reason.OK, Reason.STALE, Reason.FUTURE})
_UNMATCHED = frozenset({Reason.MISMATCH, Reason.MALFORMED_SIGNATURE, Reason.MISSING_TIMESTAMP})

MAX_CHANGES = 2
"""Changes that are reported together at most."""

_STYLES_IN_PAIRS = 40
"""Ways to write the JSON that are tried together with another change."""

_BODY_IN_PAIRS_BYTES = 128 * 1024
"""Size of a body up to which they are."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a diagnosis came to."""

    explanation: Explanation | None
    exhausted: bool
    """Whether everything was tried; False when the effort was spent before."""


@dataclass(frozen=True, slots=True)
class _Trial:
    """A signature to compute, and the changes that it would prove."""

    key: bytes
    content: Content
    body: bytes
    changes: _Changes


class _Budget:
    """What is left of the effort."""

    def __init__(self, effort: Effort) -> None:
        self._signatures = effort.signatures
        self._bytes = effort.hashed_bytes

    def spend(self, size_bytes: int) -> bool:
        """Take the cost of a signature over so many bytes, or return False when that is more than what is left."""
        self._signatures -= 1
        self._bytes -= size_bytes
        return self._signatures >= 0 and self._bytes >= 0


def _size_bytes(content: Content, body: bytes) -> int:
    return sum(len(body if piece is None else piece) for piece in content)


def diagnose(  # noqa: PLR0913 - what is known of a delivery
    provider: Provider,
    headers: RawHeaders,
    body: bytes,
    secrets: SecretPair,
    verdict: Verdict,
    *,
    others: Sequence[tuple[Provider, SecretPair]] = (),
    sample: Json | None = None,
    tolerance_s: float | None = None,
    effort: Effort = USUAL,
) -> Outcome:
    """Find what was done to a delivery whose signature is not valid.

    Args:
        provider: whose scheme it was verified by.
        headers: header lines as they arrived.
        body: the body as captured.
        secrets: the secrets it was verified with.
        verdict: what came of it.
        others: the other providers whose secrets are known.
        sample: the event's sample, whose order of keys is the vendor's; None when the event is not known.
        tolerance_s: what the verdict's age was held against.
        effort: when to give up.
    """
    parts = Verifier(provider).parts(headers, body)
    if verdict.reason in _MATCHED:
        future = verdict.reason is Reason.FUTURE
        return Outcome(_in_milliseconds(provider, parts, verdict, tolerance_s) if future else None, exhausted=True)
    budget = _Budget(effort)
    theirs = _as_others(provider, others, headers, body, budget)
    if theirs is not None:
        return theirs
    if verdict.reason not in _UNMATCHED:
        return Outcome(None, exhausted=True)
    readings = Readings(provider.signature, list(parts.given))
    if not readings:
        return Outcome(None, exhausted=True)
    hash_name = HASHES[provider.signature.algorithm]
    for trial in _trials(provider, parts, body, secrets, others, sample):
        if not budget.spend(_size_bytes(trial.content, trial.body)):
            return Outcome(None, exhausted=False)
        content = b"".join(trial.body if piece is None else piece for piece in trial.content)
        assumed = readings.match(hmac.digest(trial.key, content, hash_name))
        if assumed is None:
            continue
        found = (*trial.changes, *assumed)
        if 0 < len(found) <= MAX_CHANGES:
            return Outcome(_explanation(found, None if trial.body == body else trial.body), exhausted=True)
    return Outcome(None, exhausted=True)


def _as_others(
    provider: Provider,
    others: Iterable[tuple[Provider, SecretPair]],
    headers: RawHeaders,
    body: bytes,
    budget: _Budget,
) -> Outcome | None:
    """Return what came of it if the delivery is genuine as somebody else's, or if the effort is spent with that."""
    for other, pair in others:
        verifier = Verifier(other)
        parts = verifier.parts(headers, body)
        if not parts.given:
            continue
        if not all(budget.spend(_size_bytes(parts.content, body)) for _ in pair):
            return Outcome(None, exhausted=False)
        if verifier.verify(headers, body, pair).valid:
            return Outcome(_other_provider(provider, other), exhausted=True)
    return None


def _trials(
    provider: Provider,
    parts: Parts,
    body: bytes,
    secrets: SecretPair,
    others: Iterable[tuple[Provider, SecretPair]],
    sample: Json | None,
) -> Iterator[_Trial]:
    """Yield what to try, the likeliest and cheapest first: what is told must not be more than what happened."""
    spec = provider.signature
    given = [secret.value for secret in secrets]
    other_keys = changes.keys(provider, secrets, others)
    contents = changes.contents(spec, parts.content, parts.timestamp)
    bodies = list(_distinct(changes.simple_bodies(body), body))
    rewritten: list[Change[bytes]] = []
    # without the time, nothing matches that has it in the signed content
    if parts.timestamp is not None or not spec.signs_timestamp:
        plain = parts.content
        yield from (_Trial(key, plain, body, ()) for key in given)
        yield from (_Trial(key, plain, one.value, (one,)) for one in bodies for key in given)
        yield from (_Trial(one.value, plain, body, (one,)) for one in other_keys)
        yield from (_Trial(key, one.value, body, (one,)) for one in contents for key in given)
        for one in changes.rewritten_bodies(body, sample):
            # of a large body the copies are not kept: the effort does not reach to the pairs anyway
            if len(rewritten) < _STYLES_IN_PAIRS and len(body) <= _BODY_IN_PAIRS_BYTES:
                rewritten.append(one)
            yield from (_Trial(key, plain, one.value, (one,)) for key in given)
        yield from (_Trial(key, plain, one.value, (one,)) for one in changes.lost_bytes(body) for key in given)
        yield from (
            _Trial(key.value, plain, one.value, (one, key)) for key in other_keys for one in (*bodies, *rewritten)
        )
        for first, second in chain(_twice((*rewritten, *bodies)), _rewritten_and_marked(body, sample)):
            yield from (_Trial(key, plain, second.value, (first, second)) for key in given)
    else:
        yield from (_Trial(key, one.value, body, (one,)) for one in contents for key in given)
        if len(body) <= _BODY_IN_PAIRS_BYTES:
            rewritten += islice(changes.rewritten_bodies(body, sample), _STYLES_IN_PAIRS)
    yield from (_Trial(key.value, what.value, body, (what, key)) for key in other_keys for what in contents)
    for what in contents:
        yield from (_Trial(key, what.value, one.value, (one, what)) for one in (*bodies, *rewritten) for key in given)
    # a thousand of them: last
    for what in changes.exact_milliseconds(spec, parts.content, parts.timestamp):
        yield from (_Trial(key, what.value, body, (what,)) for key in given)


def _distinct(found: Iterable[Change[bytes]], body: bytes) -> Iterator[Change[bytes]]:
    """Yield the changes that lead to different bodies, none of them the captured one."""
    seen = {body}
    for change in found:
        if change.value not in seen:
            seen.add(change.value)
            yield change


def _twice(once: Iterable[Change[bytes]]) -> Iterator[tuple[Change[bytes], Change[bytes]]]:
    """Yield pairs of changes to the body; the second has the body to which both were done."""
    for first in once:
        for second in changes.simple_bodies(first.value):
            if second.diagnosis is not first.diagnosis:
                yield first, second


def _rewritten_and_marked(body: bytes, sample: Json | None) -> Iterator[tuple[Change[bytes], Change[bytes]]]:
    """Yield the pairs for a body that got a byte order mark after it was written again: JSON has none."""
    marks = [change for change in changes.byte_order_mark(body) if len(change.value) < len(body)]
    for mark in marks:
        yield from ((mark, one) for one in changes.rewritten_bodies(mark.value, sample))


def _explanation(found: _Changes, signed_body: bytes | None) -> Explanation:
    second = found[1] if len(found) > 1 else None
    return Explanation(
        diagnosis=found[0].diagnosis,
        second=None if second is None else second.diagnosis,
        happened=found[0].happened if second is None else f"{found[0].happened}; and {second.happened}",
        remedy=found[0].remedy if second is None else f"{found[0].remedy}; and {second.remedy}",
        signed_body=signed_body,
    )


def _other_provider(provider: Provider, other: Provider) -> Explanation:
    return Explanation(
        diagnosis=Diagnosis.OTHER_PROVIDER,
        second=None,
        happened=f"it is a genuine delivery of {other.title}, not of {provider.title}",
        remedy=f"verify it as {other.title}'s: give each provider an endpoint of its own, or tell them apart by their "
        "headers",
        signed_body=None,
    )


def _in_milliseconds(
    provider: Provider, parts: Parts, verdict: Verdict, tolerance_s: float | None
) -> Explanation | None:
    """Return the explanation of a time that is far in the future, if it is near when read as milliseconds."""
    time = provider.timestamp
    if time is None or time.unit is not TimeUnit.UNIX_SECONDS or parts.timestamp is None:
        return None
    if verdict.age_s is None or tolerance_s is None:
        return None
    text = int(parts.timestamp)
    received_s = verdict.age_s + text
    if abs(received_s - text / 1000) > tolerance_s:
        return None
    return Explanation(
        diagnosis=Diagnosis.TIMESTAMP_IN_MS,
        second=None,
        happened="the time is in milliseconds where seconds belong: read so, it is fresh",
        remedy="write the time in seconds: Math.floor(Date.now() / 1000) in JavaScript",
    )
