"""Signature headers by hand: hookctl and the vendors' libraries come to the same verdict."""

from __future__ import annotations

import re
import time
from base64 import b64encode
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookctl.catalogue import load_catalogue
from hookctl.model import Algorithm, Encoding, Payload, Reason, SignatureSpec
from hookctl.signing import sign, verify
from hookctl.signing.header import HeaderReader, ReadSignatures
from hookctl.signing.scheme import fill
from tests.examples.shared import EXAMPLES, GITHUB, SHOPIFY, STANDARD, STRIPE, Delivery, Example, agreed

if TYPE_CHECKING:
    from tests.examples.library import Libraries

BODY = b'{"greeting":"Gr\xc3\xbc\xc3\x9fe","n":1.50}'
NAMES = {
    STANDARD: "webhook-signature",
    GITHUB: "X-Hub-Signature-256",
    STRIPE: "Stripe-Signature",
    SHOPIFY: "X-Shopify-Hmac-Sha256",
}

OK, MISMATCH, MALFORMED = Reason.OK, Reason.MISMATCH, Reason.MALFORMED_SIGNATURE


def _delivery(example: Example, secret: str | None = None) -> Delivery:
    """Return a genuine delivery of now."""
    payload = Payload(BODY, example.provider.events[0].name, "msg_x1", time.time_ns() // 1_000_000)
    signing = sign(example.provider, payload, example.secrets(secret or example.secret))
    return Delivery(payload.event, payload.event_id, signing.headers(example.provider), BODY)


def _with(delivery: Delivery, name: str, value: str | None) -> Delivery:
    """Return the delivery with another value in a header, or without the header."""
    lines = [(key, value if key.lower() == name.lower() else old) for key, old in delivery.headers]
    return replace(delivery, headers=tuple((key, text) for key, text in lines if text is not None))


# a header's value by hand, and hookctl's reason. {good} and {other} are the signatures with the current and with the
# previous secret, without what is written around them; {now} is the signed time
VARIANTS: list[tuple[Example, str, str, Reason]] = [
    (STRIPE, "as it is", "t={now},v1={good}", OK),
    (STRIPE, "an unknown scheme behind it", "t={now},v1={good},v0={zeros}", OK),
    (STRIPE, "an unknown scheme before it", "t={now},v0={zeros},v1={good}", OK),
    (STRIPE, "two good ones", "t={now},v1={good},v1={good}", OK),
    (STRIPE, "a wrong one behind it", "t={now},v1={good},v1={other}", OK),
    (STRIPE, "a wrong one before it", "t={now},v1={other},v1={good}", OK),
    (STRIPE, "a malformed one before it", "t={now},v1=zz,v1={good}", OK),
    (STRIPE, "a comma at the end", "t={now},v1={good},", OK),
    (STRIPE, "an unknown pair", "t={now},key=value,v1={good}", OK),
    (STRIPE, "two wrong ones", "t={now},v1={other},v1={other}", MISMATCH),
    (STRIPE, "the good one under an unknown scheme", "t={now},v0={good}", MALFORMED),
    (STRIPE, "the good one beside a wrong one under an unknown scheme", "t={now},v1={other},v0={good}", MISMATCH),
    (STRIPE, "the scheme in capitals", "t={now},V1={good}", MALFORMED),
    (STRIPE, "no scheme", "t={now},{good}", MALFORMED),
    (STRIPE, "a blank behind the comma", "t={now}, v1={good}", MALFORMED),
    (STRIPE, "a semicolon for the comma", "t={now};v1={good}", MALFORMED),
    (STRIPE, "digits in capitals", "t={now},v1={capitals}", MALFORMED),
    (STRIPE, "a digit short", "t={now},v1={short}", MALFORMED),
    (STRIPE, "a digit more", "t={now},v1={good}0", MALFORMED),
    (STRIPE, "no signature", "t={now}", MALFORMED),
    (STRIPE, "no time", "v1={good}", MALFORMED),
    (STRIPE, "an empty time", "t=,v1={good}", Reason.MALFORMED_TIMESTAMP),
    (STRIPE, "a time that is no number", "t=now,v1={good}", Reason.MALFORMED_TIMESTAMP),
    (STRIPE, "another time", "t={later},v1={good}", MISMATCH),
    (STRIPE, "nothing but commas", ",,,", MALFORMED),
    (STRIPE, "another vendor's form", "sha256={good}", MALFORMED),
    (STANDARD, "as it is", "v1,{good}", OK),
    (STANDARD, "an asymmetric one behind it", "v1,{good} v1a,{zeros}{zeros}", OK),
    (STANDARD, "an asymmetric one before it", "v1a,{zeros}{zeros} v1,{good}", OK),
    (STANDARD, "two good ones", "v1,{good} v1,{good}", OK),
    (STANDARD, "a wrong one behind it", "v1,{good} v1,{other}", OK),
    (STANDARD, "a wrong one before it", "v1,{other} v1,{good}", OK),
    (STANDARD, "two blanks between", "v1,{other}  v1,{good}", OK),
    (STANDARD, "a word without a comma", "junk v1,{good}", OK),
    (STANDARD, "two wrong ones", "v1,{other} v1,{other}", MISMATCH),
    (STANDARD, "the good one under an unknown identifier", "v2,{good}", MALFORMED),
    (STANDARD, "the good one beside a wrong one under an unknown identifier", "v1,{other} v2,{good}", MISMATCH),
    (STANDARD, "the identifier in capitals", "V1,{good}", MALFORMED),
    (STANDARD, "no identifier", "{good}", MALFORMED),
    (STANDARD, "an identifier alone", "v1,", MALFORMED),
    (STANDARD, "an equals sign for the comma", "v1={good}", MALFORMED),
    (STANDARD, "no padding", "v1,{bare}", MALFORMED),
    (STANDARD, "hexadecimal", "v1,{zeros}", MALFORMED),
    (STANDARD, "a tab between", "v1,{other}\tv1,{good}", MALFORMED),
    (GITHUB, "as it is", "sha256={good}", OK),
    (GITHUB, "a wrong one", "sha256={other}", MISMATCH),
    (GITHUB, "no prefix", "{good}", MALFORMED),
    (GITHUB, "another algorithm's prefix", "sha1={good}", MALFORMED),
    (GITHUB, "the prefix in capitals", "SHA256={good}", MALFORMED),
    (GITHUB, "the prefix twice", "sha256=sha256={good}", MALFORMED),
    (GITHUB, "the prefix alone", "sha256=", MALFORMED),
    (GITHUB, "digits in capitals", "sha256={capitals}", MALFORMED),
    (GITHUB, "a digit short", "sha256={short}", MALFORMED),
    (GITHUB, "a wrong one and the good one", "sha256={other},sha256={good}", MALFORMED),
    (SHOPIFY, "as it is", "{good}", OK),
    (SHOPIFY, "a wrong one", "{other}", MISMATCH),
    (SHOPIFY, "no padding", "{bare}", MALFORMED),
    (SHOPIFY, "a prefix", "sha256={good}", MALFORMED),
    (SHOPIFY, "hexadecimal", "{zeros}", MALFORMED),
    (SHOPIFY, "a wrong one and the good one", "{other},{good}", MALFORMED),
]


def _by_hand(form: str, good: str, other: str) -> str:
    digits, wrong = (re.split("=|,", value.rstrip("="))[-1] + "=" * value.count("=", -1) for value in (good, other))
    now_s = int(time.time())
    return form.format(
        good=digits,
        other=wrong,
        now=now_s,
        later=now_s + 7,
        capitals=digits.upper(),
        short=digits[:-1],
        bare=digits.rstrip("="),
        zeros="0" * 64,
    )


@pytest.mark.parametrize(
    ("example", "form", "reason"),
    [pytest.param(example, form, reason, id=f"{example.name}: {title}") for example, title, form, reason in VARIANTS],
)
def test_the_verdict_on_a_signature_header_is_the_librarys(
    libraries: Libraries, example: Example, form: str, reason: Reason
) -> None:
    good, other = _delivery(example), _delivery(example, example.previous)
    name = NAMES[example]
    value = _by_hand(form, good.header(name), other.header(name))
    assert agreed(libraries, example, _with(good, name, value)) is reason


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_of_a_repeated_signature_header_the_first_decides(libraries: Libraries, example: Example) -> None:
    name = NAMES[example]
    good, other = _delivery(example), _delivery(example, example.previous)
    wrong = (name.swapcase(), other.header(name))
    behind = replace(good, headers=(*good.headers, wrong))
    assert agreed(libraries, example, behind) is Reason.OK
    before = replace(good, headers=(wrong, *good.headers))
    assert agreed(libraries, example, before) is Reason.MISMATCH
    empty = replace(good, headers=((name, ""), *good.headers))
    assert agreed(libraries, example, empty) is Reason.MALFORMED_SIGNATURE


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_a_header_name_counts_in_any_case(libraries: Libraries, example: Example) -> None:
    good = _delivery(example)
    for shape in (str.lower, str.upper, str.title):
        lines = tuple((shape(name), value) for name, value in good.headers)
        assert agreed(libraries, example, replace(good, headers=lines)) is Reason.OK


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_without_its_signature_header_a_delivery_is_refused(libraries: Libraries, example: Example) -> None:
    missing = _with(_delivery(example), NAMES[example], None)
    assert agreed(libraries, example, missing) is Reason.MISSING_SIGNATURE


def test_githubs_older_header_alone_is_no_signature(libraries: Libraries) -> None:
    good = _delivery(GITHUB)
    lines = tuple(("X-Hub-Signature", v) if n == NAMES[GITHUB] else (n, v) for n, v in good.headers)
    assert agreed(libraries, GITHUB, replace(good, headers=lines)) is Reason.MISSING_SIGNATURE


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("webhook-timestamp", None, Reason.MISSING_TIMESTAMP),
        ("webhook-timestamp", "", Reason.MALFORMED_TIMESTAMP),
        ("webhook-timestamp", "soon", Reason.MALFORMED_TIMESTAMP),
        ("webhook-timestamp", "1", Reason.MISMATCH),
        ("webhook-id", None, Reason.MISMATCH),
        ("webhook-id", "", Reason.MISMATCH),
        ("webhook-id", "msg_x2", Reason.MISMATCH),
    ],
)
def test_what_standard_webhooks_signs_beside_the_body_has_to_be_there(
    libraries: Libraries, name: str, value: str | None, reason: Reason
) -> None:
    assert agreed(libraries, STANDARD, _with(_delivery(STANDARD), name, value)) is reason


@pytest.mark.parametrize("value", [None, "", "yesterday", "1970-01-01T00:00:00.000Z"])
def test_a_time_that_is_not_signed_is_not_judged(libraries: Libraries, value: str | None) -> None:
    delivery = _with(_delivery(SHOPIFY), "X-Shopify-Triggered-At", value)
    assert agreed(libraries, SHOPIFY, delivery) is Reason.OK


# whatever arrives

SPECS = [provider.signature for provider in (*load_catalogue().providers, *(e.provider for e in EXAMPLES))]
LITERAL = st.text(st.characters(exclude_characters="{}", codec="utf-8"), max_size=5)


@st.composite
def _any_spec(draw: st.DrawFn) -> SignatureSpec:
    before, between, behind = draw(LITERAL), draw(LITERAL), draw(LITERAL)
    timed = draw(st.booleans())
    value = (before, *(("{timestamp}", between) if timed else ()), "{signatures}", behind)
    item = (draw(LITERAL), "{signature}", draw(LITERAL))
    return SignatureSpec(
        content=("{body}",),
        algorithm=draw(st.sampled_from(Algorithm)),
        encoding=draw(st.sampled_from(Encoding)),
        header="x-signature",
        value=tuple(part for part in value if part),
        item=tuple(part for part in item if part),
        separator=draw(st.none() | st.sampled_from([",", " ", ";", ", ", "|"])),
    )


@given(spec=st.sampled_from(SPECS) | _any_spec(), value=st.binary(max_size=200))
def test_reading_a_signature_header_never_raises(spec: SignatureSpec, value: bytes) -> None:
    read = HeaderReader(spec).read(value)
    assert read is None or (read.timestamp is not None) == ("{timestamp}" in spec.value)


PIECES = st.sampled_from(
    [b"t=", b"v1=", b"v0=", b",", b" ", b"1700000000", b"0" * 64, b"a" * 43 + b"=", b"sha256=", b"\xff", b"="]
)


@given(spec=st.sampled_from(SPECS), pieces=st.lists(PIECES, max_size=12))
def test_a_header_of_familiar_pieces_yields_well_formed_signatures_only(
    spec: SignatureSpec, pieces: list[bytes]
) -> None:
    read = HeaderReader(spec).read(b"".join(pieces))
    shape = rb"[0-9a-f]{64}" if spec.encoding is Encoding.HEX else rb"[A-Za-z0-9+/]{43}="
    for signature in read.signatures if read else ():
        assert re.fullmatch(shape, signature)


@given(
    spec=st.sampled_from(SPECS),
    digests=st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=4),
    at_s=st.integers(0, 2**33),
)
def test_what_is_written_into_a_signature_header_is_read_again(
    spec: SignatureSpec, digests: list[bytes], at_s: int
) -> None:
    hexadecimal = spec.encoding is Encoding.HEX
    written = [digest.hex() if hexadecimal else b64encode(digest).decode() for digest in digests]
    if spec.separator is None:
        written = written[:1]
    items = (spec.separator or "").join(fill(spec.item, {"{signature}": one}) for one in written)
    value = fill(spec.value, {"{timestamp}": str(at_s), "{signatures}": items})
    read = HeaderReader(spec).read(value.encode())
    assert read is not None
    assert read.signatures == tuple(one.encode() for one in written)
    assert read.timestamp == (str(at_s).encode() if "{timestamp}" in spec.value else None)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
@given(value=st.binary(max_size=120), beside=st.binary(max_size=40), body=st.binary(max_size=40))
def test_verifying_whatever_arrives_never_raises_and_never_accepts(
    example: Example, value: bytes, beside: bytes, body: bytes
) -> None:
    provider = example.provider
    lines = [(name.encode(), beside) for name in provider.protected_headers]
    lines.insert(0, (NAMES[example].encode(), value))
    assert not verify(provider, lines, body, example.secrets(example.secret)).valid


@settings(max_examples=40)
@given(
    delivery_id=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(lambda t: t == t.strip(" "))
)
def test_an_id_is_signed_as_the_bytes_that_its_header_holds(delivery_id: str) -> None:
    payload = Payload(BODY, "contact.created", delivery_id, 1_700_000_000_000)
    lines = sign(STANDARD.provider, payload, STANDARD.secrets(STANDARD.secret)).headers(STANDARD.provider)
    arrived = [(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in lines]
    assert verify(STANDARD.provider, arrived, BODY, STANDARD.secrets(STANDARD.secret)).valid


@pytest.mark.parametrize("behind", [b";", b";x=1", b" ", b",5"])
def test_nothing_may_follow_what_the_template_ends_with(behind: bytes) -> None:
    value = ("v=", "{signatures}", ";t=", "{timestamp}")
    spec = SignatureSpec(("{timestamp}", "{body}"), Algorithm.HMAC_SHA256, Encoding.HEX, "x-signature", value=value)
    header = b"v=" + b"a" * 64 + b";t=5"
    assert HeaderReader(spec).read(header) == ReadSignatures((b"a" * 64,), b"5")
    assert HeaderReader(spec).read(header + behind) is None
