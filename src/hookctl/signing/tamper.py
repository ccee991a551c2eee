"""Makes deliveries that a correct receiver refuses, one defect at a time."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from hookctl.errors import InputError, UsageError
from hookctl.model import Rotation, Secret, SecretPair, Tamper
from hookctl.signing.sign import Signing, sign
from hookctl.timestamps import write_time

if TYPE_CHECKING:
    from hookctl.model import Payload, Provider

# every string of a JSON text in turn: outside strings JSON has no quotes. A colon behind it makes it a key; one that
# does not end runs to the end, so that what is not JSON at all takes no longer.
_STRING = re.compile(rb'"((?:[^"\\]++|\\.)*+)(?:"(\s*:)?|(\\?\Z))', re.DOTALL)
_ESCAPE = re.compile(rb"\\(?:u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_LETTER_OR_DIGIT = re.compile(rb"[A-Za-z0-9]")


def require_support(provider: Provider, kind: Tamper) -> None:
    """Raise `UsageError` when a provider's scheme has nothing to tamper with in that way."""
    if kind is Tamper.TIMESTAMP and not provider.signature.signs_timestamp:
        raise UsageError(
            f"--tamper timestamp: {provider.title} signs no timestamp",
            hint="choose events of a provider that does with --provider, or another kind",
        )


def tampered(
    provider: Provider,
    payload: Payload,
    secrets: SecretPair,
    kind: Tamper,
    *,
    other_key: bytes,
    rotation: Rotation | None = None,
) -> tuple[bytes, Signing]:
    """Sign a payload and spoil it.

    Args:
        provider: whose scheme to use.
        payload: what to sign.
        secrets: the genuine secrets.
        kind: what to spoil.
        other_key: the key for `Tamper.SECRET`; must differ from the genuine ones.
        rotation: as for `sign`; every signature is spoiled alike.

    Returns:
        The body to send and the signature headers to send with it.

    Raises:
        UsageError: the scheme lacks what is to be spoiled.
        InputError: the body has no string value to change.
    """
    require_support(provider, kind)
    match kind:
        case Tamper.BODY:
            return change_one_character(payload.body), sign(provider, payload, secrets, rotation)
        case Tamper.SIGNATURE:
            signing = sign(provider, payload, secrets, rotation)
            spoiled = tuple((name, change_first_digit(value)) for name, value in signing.signatures)
            return payload.body, replace(signing, signatures=spoiled)
        case Tamper.SECRET:
            wrong = Secret(other_key, "tampered")
            return payload.body, sign(provider, payload, SecretPair(wrong, wrong), rotation)
        case Tamper.TIMESTAMP:
            assert provider.timestamp is not None  # noqa: S101 - require_support has seen to it
            signing = sign(provider, payload, secrets, rotation)
            # one second on: still fresh, so only a receiver that checks the signature refuses it
            later = str(write_time(payload.at_ms + 1000, provider.timestamp.unit))
            return payload.body, replace(signing, timestamp=later)
        case Tamper.MISSING:
            return payload.body, replace(sign(provider, payload, secrets, rotation), signatures=())
        case _:
            assert_never(kind)


def change_one_character(body: bytes) -> bytes:
    """Return the body with the last letter or digit of its longest string value replaced by another.

    Raises:
        InputError: there is no string value with a letter or digit in it.
    """
    values = [match.span(1) for match in _STRING.finditer(body) if match[2] is None and match[3] is None]
    for start, end in sorted(values, key=lambda span: (span[0] - span[1], span[0])):
        # escapes are blanked out, so that none of their letters is taken for one of the text
        text = _ESCAPE.sub(lambda match: b" " * len(match.group()), body[start:end])
        letters = [match.start() for match in _LETTER_OR_DIGIT.finditer(text)]
        if letters:
            at = start + letters[-1]
            other = b"x" if body[at : at + 1] != b"x" else b"y"
            return body[:at] + other + body[at + 1 :]
    raise InputError("--tamper body: the body has no string value in which a character could be changed")


def change_first_digit(signature: str) -> str:
    """Return the signature with its first digit changed to another that both hex and base64 have.

    The first, because the last base64 digit before the padding holds bits that decoders ignore.
    """
    return ("0" if signature[0] != "0" else "1") + signature[1:]
