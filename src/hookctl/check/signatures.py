"""Checks of the signature: forged ones are refused, whatever they look like, and the receiver survives them."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from dataclasses import replace
from typing import TYPE_CHECKING

from hookctl.check.model import Check, Effect, Severity
from hookctl.check.wanted import ACCEPTED, ACCEPTED_OR_CLIENT_ERROR, refused, refused_unsigned
from hookctl.model import Encoding
from hookctl.signing.scheme import digest_size
from hookctl.signing.tamper import change_first_digit, change_one_character

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.check.compose import Composer, Draft
    from hookctl.check.model import Probe
    from hookctl.model import Provider

_COMPARE = (
    "compare whole values: equal lengths first, then crypto.timingSafeEqual (it throws on unequal ones) or "
    "hmac.compare_digest"
)


def checks(provider: Provider) -> tuple[Check, ...]:
    """Return the checks of the signature, the control first."""
    replies, header, env = provider.replies, provider.signature.header, provider.secret.env
    refusal, unsigned = str(replies.invalid_signature), str(replies.missing_signature)
    is_hex = provider.signature.encoding is Encoding.HEX
    length = len(_written(b"\0" * digest_size(provider.signature), provider))
    form = "/^[0-9a-f]{64}$/" if is_hex and length == 64 else "the alphabet and the length"
    named = provider.envelope.type is not None or any("{event}" in one.value for one in provider.headers)
    return (
        Check(
            "valid",
            Severity.MUST,
            "a genuine delivery of a documented event, twice, and once more at the end",
            "2xx",
            "a receiver that refuses genuine deliveries loses them, and then nothing else can be told",
            f"verify over the raw bytes of the body with the secret in {env}",
            Effect.GENUINE,
            _valid,
        ),
        Check(
            "unknown-type",
            Severity.SHOULD,
            "a genuine delivery of an event that does not exist",
            "2xx",
            "vendors add events: what is refused is sent again and again, and may switch the webhook off",
            "answer 2xx to events that no handler is there for: a default branch that does nothing",
            Effect.NONE,
            _unknown_type,
            absent=None if named else f"a delivery of {provider.title} does not say which event it is",
        ),
        Check(
            "body-tampered",
            Severity.MUST,
            "one character of a string value changed after signing; the JSON stays valid",
            refusal,
            "anybody on the way could change what was signed",
            "verify the signature before anything else, and refuse what does not match",
            build=_body_tampered,
        ),
        Check(
            "body-appended",
            Severity.MUST,
            "a space appended to the body after signing",
            refusal,
            "what is parsed and written again before it is verified is not what was signed",
            "verify over the raw bytes: express.raw({type: 'application/json'}) before any express.json(); in a "
            "Next.js route handler request.arrayBuffer(), not JSON.stringify(await request.json())",
            build=_body_appended,
        ),
        Check(
            "wrong-secret",
            Severity.MUST,
            "signed with another key",
            refusal,
            "anybody can sign with a key of their own",
            "compute the HMAC with your secret, compare, and refuse what differs",
            build=_wrong_secret,
        ),
        Check(
            "empty-secret",
            Severity.MUST,
            "signed with the empty key",
            refusal,
            "a receiver whose secret is unset accepts what everybody can sign",
            f"refuse to start when {env} is unset or empty",
            build=_empty_secret,
        ),
        Check(
            "sig-missing",
            Severity.MUST,
            f"no {header} header",
            unsigned,
            "anybody can leave the signature out",
            f"answer {unsigned} when {header} is missing, before it is used",
            build=_missing,
            malformed=True,
        ),
        Check(
            "sig-empty",
            Severity.MUST,
            f"an empty {header} header",
            unsigned,
            "an empty text is a prefix of every signature",
            f"treat an empty {header} as a missing one",
            build=_empty,
            malformed=True,
        ),
        Check(
            "sig-prefix",
            Severity.MUST,
            "the right signature cut to its first half, to one character, by one, and made longer by one",
            refusal,
            "who compares as many characters as came lets a signature of one character be guessed (CVE-2024-21491)",
            _COMPARE,
            build=_prefix,
            malformed=True,
        ),
        Check(
            "sig-nonhex",
            Severity.MUST,
            f"{length} characters that no signature has",
            refusal,
            "decoders that stop at the first bad digit make an empty signature of it",
            f"check the form before decoding, {form}: Buffer.from(text, 'hex') stops silently",
            build=_foreign_digits,
            malformed=True,
        ),
        Check(
            "sig-nonascii",
            Severity.MUST,
            f"{length} bytes beyond ASCII",
            refusal,
            "comparison functions raise on text beyond ASCII or on more bytes than characters",
            f"check the form before comparing, {form}: hmac.compare_digest raises on such text",
            build=_beyond_ascii,
            malformed=True,
        ),
        Check(
            "sig-literal",
            Severity.MUST,
            "the words undefined, null and None for a signature",
            refusal,
            "an expected signature that was never computed reads like that",
            _COMPARE,
            build=_literals,
            malformed=True,
        ),
        Check(
            "sig-upperhex",
            Severity.INFO,
            "the right signature in upper case",
            "2xx or a refusal",
            "the vendor sends lower case; what else is taken is nobody's forgery",
            "either is fine; it must not fail",
            Effect.CARRIED,
            _upper_case,
            malformed=True,
            absent=None if is_hex else f"{provider.title} writes signatures in base64, where case counts",
        ),
        Check(
            "sig-encoding",
            Severity.INFO,
            "the right signature written otherwise: " + ", ".join(label for label, _ in _other_forms(b"", provider)),
            refusal,
            "a receiver that is lenient here accepts nothing forged, but more than it has to",
            f"check the form before comparing: {form}",
            Effect.CARRIED,
            _encodings,
            malformed=True,
        ),
        Check(
            "sig-dup",
            Severity.INFO,
            f"{header} twice: the same value, then a wrong one before the right one",
            "anything but 5xx",
            "servers hand out a repeated header as a list or joined by commas",
            "take the first value, or refuse; do not assume that it is one text",
            Effect.CARRIED,
            _repeated,
            malformed=True,
        ),
    )


def _valid(composer: Composer, check: Check) -> Iterator[Probe]:
    yield composer.probe(composer.draft(check), ACCEPTED)


def _unknown_type(composer: Composer, check: Check) -> Iterator[Probe]:
    yield composer.probe(composer.draft(check, unknown=True), ACCEPTED)


def _body_tampered(composer: Composer, check: Check) -> Iterator[Probe]:
    draft = composer.draft(check)
    yield composer.probe(_sent(draft, change_one_character(draft.body)), refused(composer.provider))


def _body_appended(composer: Composer, check: Check) -> Iterator[Probe]:
    draft = composer.draft(check)
    yield composer.probe(_sent(draft, draft.body + b" "), refused(composer.provider))


def _wrong_secret(composer: Composer, check: Check) -> Iterator[Probe]:
    draft = composer.signed(composer.draft(check), key=composer.other_key)
    yield composer.probe(draft, refused(composer.provider))


def _empty_secret(composer: Composer, check: Check) -> Iterator[Probe]:
    yield composer.probe(composer.signed(composer.draft(check), key=b""), refused(composer.provider))


def _missing(composer: Composer, check: Check) -> Iterator[Probe]:
    draft = composer.draft(check)
    yield composer.probe(composer.with_signatures(draft), refused_unsigned(composer.provider))


def _empty(composer: Composer, check: Check) -> Iterator[Probe]:
    draft = composer.draft(check)
    header = composer.provider.signature.header
    yield composer.probe(composer.with_header(draft, header, ""), refused_unsigned(composer.provider))


def _prefix(composer: Composer, check: Check) -> Iterator[Probe]:
    for label in _resized(""):
        draft = composer.draft(check)
        text = _resized(draft.signature)[label]
        yield composer.probe(composer.with_signature(draft, text), refused(composer.provider), label)


def _resized(signature: str) -> dict[str, str]:
    """Return a signature made shorter and longer, by what was done to it.

    Digits go, or come in place of the padding: what differs in its padding alone is the right one, written otherwise.
    """
    digits = signature.rstrip("=")
    padding = len(signature) - len(digits)
    return {
        "the first half": digits[: len(digits) // 2],
        "one character": digits[:1],
        "one character less": digits[:-1],
        "one character more": digits + "0" * (padding + 1),
    }


def _foreign_digits(composer: Composer, check: Check) -> Iterator[Probe]:
    draft = composer.draft(check)
    foreign = "z" if composer.provider.signature.encoding is Encoding.HEX else "!"
    text = foreign * len(draft.signature)
    yield composer.probe(composer.with_signature(draft, text), refused(composer.provider))


def _beyond_ascii(composer: Composer, check: Check) -> Iterator[Probe]:
    draft = composer.draft(check)
    text = "\xe9" * len(draft.signature)
    yield composer.probe(composer.with_signature(draft, text), refused(composer.provider))


def _literals(composer: Composer, check: Check) -> Iterator[Probe]:
    for word in ("undefined", "null", "None"):
        draft = composer.draft(check)
        yield composer.probe(composer.with_signature(draft, word), refused(composer.provider), word)


def _upper_case(composer: Composer, check: Check) -> Iterator[Probe]:
    draft = _telling(composer, check)
    yield composer.probe(composer.with_signature(draft, draft.signature.upper()), ACCEPTED_OR_CLIENT_ERROR)


def _encodings(composer: Composer, check: Check) -> Iterator[Probe]:
    for place, (label, _) in enumerate(_other_forms(b"", composer.provider)):
        draft = _telling(composer, check)
        text = _other_forms(composer.digest(draft), composer.provider)[place][1]
        yield composer.probe(composer.with_signature(draft, text), refused(composer.provider), label)


def _repeated(composer: Composer, check: Check) -> Iterator[Probe]:
    header = composer.provider.signature.header
    for label, spoiled in (("the same value twice", False), ("a wrong value, then the right one", True)):
        draft = composer.draft(check)
        value = next(value for name, value in draft.headers if name == header)
        wrong = composer.with_signature(draft, change_first_digit(draft.signature))
        first = next(value for name, value in wrong.headers if name == header) if spoiled else value
        yield composer.probe(composer.with_header(draft, header, first, value), ACCEPTED_OR_CLIENT_ERROR, label)


def _sent(draft: Draft, body: bytes) -> Draft:
    """Return a draft that sends another body than it has signed."""
    return replace(draft, body=body)


def _written(digest: bytes, provider: Provider) -> str:
    is_hex = provider.signature.encoding is Encoding.HEX
    return digest.hex() if is_hex else b64encode(digest).decode("ascii")


def _other_forms(digest: bytes, provider: Provider) -> list[tuple[str, str]]:
    """Return the ways to write a signature that the provider does not use, each with what it is called."""
    text = _written(digest, provider)
    others = [("with sha256= before it", f"sha256={text}"), ("in quotes", f'"{text}"')]
    if provider.signature.encoding is Encoding.HEX:
        return [("in base64", b64encode(digest).decode("ascii")), *others]
    url_safe = urlsafe_b64encode(digest).decode("ascii")
    return [("in hex", digest.hex()), *others, ("without padding", text.rstrip("=")), ("URL-safe", url_safe)]


def _telling(composer: Composer, check: Check) -> Draft:
    """Return a draft whose signature reads otherwise in every other form of writing it."""
    while True:
        draft = composer.draft(check)
        digest = composer.digest(draft)
        text = b64encode(digest).decode("ascii")
        if "+" in text and "/" in text and any(digit in "abcdef" for digit in digest.hex()):
            return draft
