"""What may have been done to a delivery on its way: each change with what was signed if it is what happened.

The reader of a diagnosis gets two sentences: what happened, and what to do. Both stand here, beside the change that
they tell of, so that no diagnosis can be reported without an explanation.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Generic, TypeVar

from hookctl.model import Diagnosis, KeyForm
from hookctl.signing.reserialise import reserialised

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hookctl.model import Provider, SecretPair, SecretSpec, SignatureSpec
    from hookctl.payload.jsontext import Json
    from hookctl.signing.verify import Content

T = TypeVar("T")

_BOM = b"\xef\xbb\xbf"
_REPLACEMENT = "\ufffd".encode()
_WHITE_SPACE = b" \t\r\n"
_QUOTES = (b'"', b"'")
_KEY_PREFIX = b"whsec_"
_MILLISECONDS = re.compile(rb"[0-9]{13}")
_SECONDS = re.compile(rb"[0-9]{10}")
# what a template makes of a time that is not there, in JavaScript, Python and elsewhere
_PLACEHOLDERS = (b"undefined", b"null", b"None", b"")

VERIFY_RAW = (
    "verify the raw body, before anything parses it: express.raw({type: '*/*'}) in Express, await request.text() in a "
    "Next.js route, request.get_data() in Flask, await request.body() in FastAPI"
)
"""What a receiver does that verifies what was signed."""

RAW_BODY = f"{VERIFY_RAW}. If the receiver does, the capture is at fault: save the bytes as they come"
"""What to do when the body is not what was signed."""


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """Something that may have been done to a delivery."""

    diagnosis: Diagnosis
    value: T
    """What was signed, signed with or meant, if this is what happened."""
    happened: str
    """What happened: a clause that begins in lower case and has no full stop."""
    remedy: str
    """What to change in the receiver, the sender or the capture; likewise."""


def simple_bodies(body: bytes) -> Iterator[Change[bytes]]:
    """Yield the bodies that differ from this one by line ends, a byte order mark or a wrong decoding."""
    return chain(_newline_at_end(body), _line_ends(body), byte_order_mark(body), _decoded(body))


def _newline_at_end(body: bytes) -> Iterator[Change[bytes]]:
    kind = Diagnosis.TRAILING_NEWLINE
    for end in (b"\r\n", b"\n"):
        if body.endswith(end):
            yield Change(
                kind,
                body.removesuffix(end),
                "a line end was added at the end of the body",
                "save the body without it: printf '%s' instead of echo, an editor that adds no final newline",
            )
    for end in (b"\n", b"\r\n"):
        yield Change(
            kind,
            body + end,
            "the body that was signed ends in a line end, which is lost",
            "do not trim the body, neither in the receiver nor when it is saved",
        )


def _line_ends(body: bytes) -> Iterator[Change[bytes]]:
    remedy = (
        "treat the body as bytes, not as text: open files in binary mode, and keep git (core.autocrlf) and editors "
        "from converting captures"
    )
    unix = body.replace(b"\r\n", b"\n")
    for value, told in (
        (unix, "the line ends of the body were converted from LF to CRLF"),
        (unix.replace(b"\n", b"\r\n"), "the line ends of the body were converted from CRLF to LF"),
        (body.replace(b"\r\r\n", b"\r\n"), "the line ends of the body were converted from CRLF to CR CR LF"),
        (body.replace(b"\n", b"\r"), "the line ends of the body were converted from CR to LF"),
        (body.replace(b"\r", b"\n"), "the line ends of the body were converted from LF to CR"),
    ):
        if value != body:
            yield Change(Diagnosis.NEWLINE_CONVERTED, value, told, remedy)


def byte_order_mark(body: bytes) -> Iterator[Change[bytes]]:
    """Yield the body without its byte order mark, or with one."""
    if body.startswith(_BOM):
        yield Change(
            Diagnosis.BOM_STRIPPED,
            body.removeprefix(_BOM),
            "the body begins with a byte order mark that was not signed",
            "save it without one: an editor or a PowerShell redirection has added it",
        )
    else:
        yield Change(
            Diagnosis.BOM_STRIPPED,
            _BOM + body,
            "the body that was signed begins with a byte order mark, which is lost",
            "verify the raw bytes: request.text() and TextDecoder drop the mark, request.arrayBuffer() keeps it",
        )


def _decoded(body: bytes) -> Iterator[Change[bytes]]:
    remedy = "verify the raw bytes: no decoding as text, neither before the signature is computed nor when it is saved"
    for value, told in (
        (
            _recoded(body, "utf-8", "utf-8", "replace"),
            "what was signed is the body with invalid UTF-8 replaced by U+FFFD",
        ),
        (_recoded(body, "utf-8", "utf-8", "ignore"), "what was signed is the body with invalid UTF-8 left out"),
        (_recoded(body, "utf-8", "latin-1"), "the body was decoded as Latin-1 and encoded as UTF-8"),
        (_recoded(body, "utf-8", "cp1252"), "the body was decoded as Windows-1252 and encoded as UTF-8"),
        (_recoded(body, "latin-1", "utf-8"), "the body was decoded as UTF-8 and encoded as Latin-1"),
        (_recoded(body, "cp1252", "utf-8"), "the body was decoded as UTF-8 and encoded as Windows-1252"),
    ):
        if value is not None and value != body:
            yield Change(Diagnosis.LOSSY_UTF8, value, told, remedy)


def _recoded(body: bytes, decode: str, encode: str, errors: str = "strict") -> bytes | None:
    try:
        return body.decode(decode, errors).encode(encode)
    except UnicodeError:
        return None


def lost_bytes(body: bytes) -> Iterator[Change[bytes]]:
    """Yield the bodies in which each U+FFFD was one and the same byte that is not UTF-8 by itself."""
    count = body.count(_REPLACEMENT)
    if not count:
        return
    for value in range(0x80, 0x100):
        yield Change(
            Diagnosis.LOSSY_UTF8,
            body.replace(_REPLACEMENT, bytes([value])),
            f"the body was decoded as UTF-8, which made U+FFFD of the byte 0x{value:02X}"
            + (f" in {count} places" if count > 1 else ""),
            "verify the raw bytes: no decoding as text, neither before the signature is computed nor when it is saved",
        )


def rewritten_bodies(body: bytes, sample: Json | None) -> Iterator[Change[bytes]]:
    """Yield the same JSON as other encoders write it.

    Args:
        body: the captured body.
        sample: the event's sample, whose order of keys is the vendor's; None when the event is not known.
    """
    for candidate in reserialised(body, sample):
        yield Change(
            Diagnosis.BODY_RESERIALISED,
            candidate.body,
            f"the body was parsed and written again: signed was the same JSON in the style of {candidate.style}",
            RAW_BODY,
        )


def keys(provider: Provider, secrets: SecretPair, others: Iterable[tuple[Provider, SecretPair]]) -> list[Change[bytes]]:
    """Return the keys that are the given ones but for a usual mistake, each once."""
    found: dict[bytes, Change[bytes]] = {}
    given = {secret.value for secret in secrets}
    env = provider.secret.env
    for secret in secrets:
        for change in _variants(secret.value, secret.origin, provider.secret):
            if change.value not in given:
                found.setdefault(change.value, change)
    empty = Change(
        Diagnosis.SECRET_EMPTY,
        b"",
        "it was signed with an empty key",
        f"set {env} where the signer runs, and have the receiver refuse to start without it: anyone can sign with an "
        "empty key",
    )
    found.setdefault(b"", empty)
    for other, pair in others:
        for secret in pair:
            if secret.value not in given:
                change = Change(
                    Diagnosis.OTHER_PROVIDER,
                    secret.value,
                    f"it was signed with the secret of {other.title} ({secret.origin})",
                    f"give each provider its own: {provider.title}'s belongs into {env}",
                )
                found.setdefault(secret.value, change)
    return list(found.values())


def _variants(key: bytes, origin: str, spec: SecretSpec) -> Iterator[Change[bytes]]:
    trimmed = key.strip(_WHITE_SPACE)
    for value in (
        trimmed,
        *(trimmed[1:-1] for quote in _QUOTES if len(trimmed) > 1 and trimmed[:1] == trimmed[-1:] == quote),
    ):
        if value and value != key:
            yield Change(
                Diagnosis.SECRET_TRIMMED,
                value,
                "it was signed with the secret without the white space or quotes around it",
                f"remove them from {origin}, or trim the secret on both sides alike",
            )
    for value in (key + b"\n", key + b"\r\n", key + b" ", b" " + key):
        yield Change(
            Diagnosis.SECRET_TRIMMED,
            value,
            "it was signed with the secret and white space beside it",
            "remove the white space from the signer's secret: a line end at the end of its file, most likely",
        )
    if spec.form is KeyForm.BASE64:
        text = b64encode(key)
        for value in (spec.prefix.encode() + text, text):
            yield Change(
                Diagnosis.SECRET_BASE64_DECODED,
                value,
                "it was signed with the secret's text, and the key is what that is when it is decoded as base64",
                "decode the secret where it signs: Buffer.from(secret, 'base64') in Node.js, its prefix cut off",
            )
        return
    bare = key.removeprefix(_KEY_PREFIX)
    prefix = _KEY_PREFIX.decode()
    if bare != key:
        yield Change(
            Diagnosis.SECRET_UNPREFIXED,
            bare,
            f"it was signed with the secret without its {prefix}",
            f"use the whole secret as the key, {prefix} included, on both sides",
        )
    else:
        yield Change(
            Diagnosis.SECRET_UNPREFIXED,
            _KEY_PREFIX + key,
            f"it was signed with {prefix} before the secret",
            f"put the whole secret into {origin}, {prefix} included",
        )
    for value in (decoded for part in (key, bare) if (decoded := _unbase64(part))):
        yield Change(
            Diagnosis.SECRET_BASE64_DECODED,
            value,
            "it was signed with what the secret is when it is decoded as base64",
            "use the secret's text itself as the key, on both sides",
        )
    yield Change(
        Diagnosis.SECRET_BASE64_DECODED,
        b64encode(key),
        "it was signed with the base64 of the secret",
        f"{origin} holds a decoded secret: use its text as the vendor shows it",
    )


def _unbase64(text: bytes) -> bytes | None:
    padded = text.strip().replace(b"-", b"+").replace(b"_", b"/")
    padded += b"=" * (-len(padded) % 4)
    try:
        return b64decode(padded, validate=True)
    except ValueError:
        return None


def contents(spec: SignatureSpec, pieces: Content, timestamp: bytes | None) -> list[Change[Content]]:
    """Return the signed contents that differ from the scheme's in the time.

    Args:
        spec: the scheme; one that does not sign the time has nothing to change.
        pieces: the content by the scheme, as `spec.content` is ordered.
        timestamp: the time's text as captured; None when it is missing.
    """
    if not spec.signs_timestamp:
        return []
    place = spec.content.index("{timestamp}")
    remedy = "sign the time's text, then what stands between, then the raw body, as the vendor documents"
    found = [
        Change(Diagnosis.TIMESTAMP_NOT_SIGNED, content, "the body was signed without the time", remedy)
        for content in dict.fromkeys(((None,), _undated(spec, pieces, place)))
    ]
    for word in _PLACEHOLDERS:
        if word != timestamp:
            told = (
                f"the text {word.decode()!r} was signed in place of the time"
                if word
                else "nothing was signed in place of the time"
            )
            found.append(Change(Diagnosis.TIMESTAMP_NOT_SIGNED, _dated(pieces, place, word), told, remedy))
    if timestamp is None:
        return found
    same = "write the time once and use the same text for the header and for the signed content"
    if _MILLISECONDS.fullmatch(timestamp):
        told = "the header has the time in milliseconds, and seconds were signed"
        found.append(Change(Diagnosis.TIMESTAMP_IN_MS, _dated(pieces, place, timestamp[:-3]), told, same))
    if _SECONDS.fullmatch(timestamp):
        told = "the header has the time in seconds, and milliseconds were signed"
        found.append(Change(Diagnosis.TIMESTAMP_IN_MS, _dated(pieces, place, timestamp + b"000"), told, same))
    return found


def exact_milliseconds(spec: SignatureSpec, pieces: Content, timestamp: bytes | None) -> Iterator[Change[Content]]:
    """Yield the contents with each millisecond of the header's second: the sender's clock is not known better."""
    if timestamp is None or not spec.signs_timestamp or not _SECONDS.fullmatch(timestamp):
        return
    place = spec.content.index("{timestamp}")
    for rest in range(1, 1000):
        yield Change(
            Diagnosis.TIMESTAMP_IN_MS,
            _dated(pieces, place, b"%s%03d" % (timestamp, rest)),
            f"the header has the time in seconds, and milliseconds were signed ({timestamp.decode()}{rest:03d})",
            "write the time once and use the same text for the header and for the signed content",
        )


def _undated(spec: SignatureSpec, pieces: Content, place: int) -> Content:
    """Return the content without the time and what stands between it and the next piece."""
    after = place + 1
    if after < len(pieces) and not spec.content[after].startswith("{"):
        after += 1
    return pieces[:place] + pieces[after:]


def _dated(pieces: Content, place: int, text: bytes) -> Content:
    return (*pieces[:place], text, *pieces[place + 1 :])
