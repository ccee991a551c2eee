"""Why a receiver refuses a genuine delivery: the usual mistakes are tried, and what is then accepted is the reason."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from hookctl.check.model import Result, Severity
from hookctl.check.wanted import ACCEPTED, judge, not_the_receiver
from hookctl.model import Diagnosis, Encoding, FailureKind, KeyForm, TimeUnit
from hookctl.signing.changes import VERIFY_RAW
from hookctl.signing.reserialise import reserialised
from hookctl.signing.scheme import compute_signature

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hookctl.check.compose import Composer
    from hookctl.check.model import Check, Probe
    from hookctl.model import Attempt, Provider

_PREFIX = b"whsec_"

_STYLES = 14
"""Ways to write the JSON again that are tried: the usual programs', with the keys in their order and sorted."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One mistake that a receiver may make, and the delivery that such a receiver accepts."""

    name: str
    """As in the verdicts of `verify`, where that has a name for it."""
    happened: str
    """What was done to the delivery, as a clause."""
    remedy: str
    probe: Probe


def find_mistake(composer: Composer, control: Check, send: Callable[[Probe], Attempt]) -> Trial | None:
    """Return the first of the usual mistakes that explains why genuine deliveries are refused, or None.

    Args:
        composer: makes the deliveries.
        control: the check that they stand for.
        send: delivers one to the receiver, in whatever way it is reached.
    """
    for trial in trials(composer, control):
        if judge(ACCEPTED, Severity.MUST, send(trial.probe)).result is Result.PASS:
            return trial
    return None


def trials(composer: Composer, control: Check) -> Iterator[Trial]:
    """Yield the usual mistakes, likeliest first. Every delivery is a fresh one of a documented event."""
    provider, current = composer.provider, composer.secrets.current.value
    env = provider.secret.env

    def signed_with(key: bytes, name: str, happened: str, remedy: str) -> Trial:
        return Trial(
            name, happened, remedy, composer.probe(composer.signed(composer.draft(control), key=key), ACCEPTED)
        )

    if composer.secrets.previous is not None:
        yield signed_with(
            composer.secrets.previous.value,
            Diagnosis.PREVIOUS_SECRET,
            "signed with the previous secret",
            f"the receiver still has the old {env}",
        )
    trimmed = current.strip().strip(b"\"'")
    if trimmed and trimmed != current:
        yield signed_with(
            trimmed,
            Diagnosis.SECRET_TRIMMED,
            "signed with the secret without the white space or quotes around it",
            "hookctl's secret has white space or quotes around it that the receiver's has not",
        )
    bare = trimmed.removeprefix(_PREFIX)
    if provider.secret.form is KeyForm.TEXT and bare != trimmed and bare:
        yield signed_with(
            bare,
            Diagnosis.SECRET_UNPREFIXED,
            "signed with the secret without its prefix",
            f"the receiver cuts {_PREFIX.decode()} off; the key is the whole string",
        )
    decoded = _decoded(bare)
    if provider.secret.form is KeyForm.TEXT and decoded:
        yield signed_with(
            decoded,
            Diagnosis.SECRET_BASE64_DECODED,
            "signed with the secret decoded from base64",
            "the receiver decodes the secret from base64; the key is the text itself",
        )
    yield from _of_the_scheme(composer, control)
    yield from _written_again(composer, control)
    yield signed_with(
        b"",
        Diagnosis.SECRET_EMPTY,
        "signed with an empty key",
        f"the receiver has no {env}: set it, and refuse to start without it",
    )


def _of_the_scheme(composer: Composer, control: Check) -> Iterator[Trial]:
    provider = composer.provider
    if provider.signature.signs_timestamp:
        draft = composer.draft(control)
        # the signature of the body alone: what a scheme without the time would have signed
        alone = compute_signature(provider.signature, composer.secrets.current.value, draft.body)
        yield Trial(
            Diagnosis.TIMESTAMP_NOT_SIGNED,
            "signed over the body alone",
            "the receiver leaves the time out of what it verifies: sign the time, then the body, as the scheme says",
            composer.probe(composer.with_signature(draft, alone), ACCEPTED),
        )
    time = provider.timestamp
    if provider.signature.signs_timestamp and time is not None and time.unit is TimeUnit.UNIX_SECONDS:
        draft = composer.draft(control)
        draft = composer.signed(draft, timestamp=f"{draft.signing.timestamp}000")
        yield Trial(
            Diagnosis.TIMESTAMP_IN_MS,
            "signed with the time in milliseconds",
            "the receiver takes the time for milliseconds: compare with Date.now() / 1000",
            composer.probe(draft, ACCEPTED),
        )
    is_hex = provider.signature.encoding is Encoding.HEX
    draft = composer.draft(control)
    digest = composer.digest(draft)
    text = b64encode(digest).decode("ascii") if is_hex else digest.hex()
    wanted, used = ("hex", "base64") if is_hex else ("base64", "hex")
    yield Trial(
        Diagnosis.BASE64_FOR_HEX if is_hex else Diagnosis.HEX_FOR_BASE64,
        f"with the signature in {used}",
        f"the receiver compares with {used}: digest('{wanted}')",
        composer.probe(composer.with_signature(draft, text), ACCEPTED),
    )
    yield Trial(
        "unknown_fields",
        "without the member that says which check it is",
        "the receiver refuses payloads with members that it does not know: vendors add some",
        composer.probe(composer.draft(control, marked=False), ACCEPTED),
    )


def _written_again(composer: Composer, control: Check) -> Iterator[Trial]:
    """Yield what a receiver accepts that verifies the body after it was parsed and written again."""
    draft = composer.draft(control)
    for candidate in islice(reserialised(draft.body), _STYLES):
        signed = composer.signed(draft, body=candidate.body)
        yield Trial(
            Diagnosis.BODY_RESERIALISED,
            f"signed over the same JSON in the style of {candidate.style}",
            f"the receiver verifies the body after it was parsed and written again: {VERIFY_RAW}",
            composer.probe(replace(signed, body=draft.body), ACCEPTED),
        )


def _decoded(text: bytes) -> bytes | None:
    try:
        return b64decode(text, validate=True) if len(text) >= 16 else None
    except ValueError:
        return None


def first_hint(provider: Provider, attempt: Attempt, *, tried: bool) -> str | None:
    """Return what to look at first when a genuine delivery is not accepted.

    Args:
        provider: for its secret's variable.
        attempt: what came back.
        tried: whether the usual mistakes are tried anyway.
    """
    response = attempt.response
    if attempt.failure is not None or response is None:
        kind = None if attempt.failure is None else attempt.failure.kind
        return "answer first, then work" if kind is FailureKind.TIMEOUT else None
    if not_the_receiver(response) is not None:
        return "run it against the receiver itself, without what stands in front of it"
    status = response.status
    location = response.header("location")
    match status:
        case 401 | 403:
            hint = f"does the receiver have the same {provider.secret.env}, and does it verify the raw bytes?"
            return hint if tried else f"{hint} --diagnose tries the usual mistakes"
        case 404:
            return "is that the path of the webhook's route?"
        case 405:
            return "the route is there, but takes no POST"
        case 413:
            return "the receiver's limit for bodies is less than one event: raise it"
        case 415:
            return f"the receiver does not take {provider.endpoint.content_type}"
        case _ if 300 <= status < 400:
            where = f" to {location}" if location else ""
            return f"the receiver redirects{where}: senders do not follow, so give that URL"
        case _ if status >= 500:
            return "the receiver failed: its own log says why"
        case _:
            return "the receiver verified it and refused it for another reason: its own log says why"
