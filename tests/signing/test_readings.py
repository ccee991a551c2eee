"""A signature that is written in another way than documented is read as what it was meant to be, and as no more."""

from __future__ import annotations

import hmac
import time
from base64 import b64encode, urlsafe_b64encode
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hookctl.catalogue import load_provider
from hookctl.model import Diagnosis, Reason
from hookctl.signing import verify
from hookctl.signing.readings import Readings
from tests.catalogue.folders import FIXTURES
from tests.signing.support import ARCADE, ARKY, PAIR, PROVIDERS

if TYPE_CHECKING:
    from hookctl.model import Provider

EXAMPLES = FIXTURES.parent / "examples" / "providers"
OTHERS = [load_provider(EXAMPLES / name) for name in ("github", "standard-webhooks", "stripe", "shopify")]

DIGEST = hmac.digest(b"key", b"content", "sha256")
HEX = DIGEST.hex().encode()
BASE64 = b64encode(DIGEST)
# its base64 has both characters that URLs write otherwise
MARKED = bytes(range(0xE0, 0x100))

digests = st.binary(min_size=32, max_size=32)
each_provider = pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)


def read(provider: Provider, value: bytes, digest: bytes = DIGEST) -> tuple[Diagnosis, ...] | None:
    """Return what has to be assumed for a header's value to be a digest, or None when it is not."""
    assumed = Readings(provider.signature, [value]).match(digest)
    return None if assumed is None else tuple(change.diagnosis for change in assumed)


def documented(provider: Provider, digest: bytes = DIGEST) -> bytes:
    return digest.hex().encode() if provider is ARKY else b64encode(digest)


@each_provider
@settings(max_examples=40)
@given(digests, digests)
def test_the_documented_form_needs_no_assumption(provider: Provider, digest: bytes, other: bytes) -> None:
    value = documented(provider, digest)
    assert read(provider, value, digest) == ()
    assert read(provider, value, other) == (() if other == digest else None)


@settings(max_examples=40)
@given(digests)
@example(MARKED)
@example(bytes(32))
def test_base64_is_read_where_hexadecimal_belongs_in_either_alphabet_and_unpadded(digest: bytes) -> None:
    for encoded in (b64encode(digest), urlsafe_b64encode(digest)):
        for value in (encoded, encoded.rstrip(b"=")):
            assert read(ARKY, value, digest) == (Diagnosis.BASE64_FOR_HEX,)
            assert read(ARKY, b"sha256=" + value, digest) == (Diagnosis.SIGNATURE_PREFIXED, Diagnosis.BASE64_FOR_HEX)


def test_the_marked_digest_differs_in_the_two_alphabets() -> None:
    assert b64encode(MARKED) != urlsafe_b64encode(MARKED)


@settings(max_examples=40)
@given(digests)
def test_hexadecimal_is_read_where_base64_belongs_in_either_case(digest: bytes) -> None:
    for value in (digest.hex().encode(), digest.hex().upper().encode()):
        assert read(ARCADE, value, digest) == (Diagnosis.HEX_FOR_BASE64,)
        assert read(ARCADE, b"sha256=" + value, digest) == (Diagnosis.SIGNATURE_PREFIXED, Diagnosis.HEX_FOR_BASE64)


@each_provider
@settings(max_examples=40)
@given(digests)
def test_upper_case_is_read_alone_and_behind_a_prefix(provider: Provider, digest: bytes) -> None:
    value = documented(provider, digest)
    upper = value.upper()
    if upper == value:
        return
    assert read(provider, upper, digest) == (Diagnosis.SIGNATURE_UPPERCASED,)
    assert read(provider, b"v1=" + upper, digest) == (Diagnosis.SIGNATURE_PREFIXED, Diagnosis.SIGNATURE_UPPERCASED)


@each_provider
@pytest.mark.parametrize(
    "prefix", [b"sha256=", b"SHA256=", b"v1=", b"v1,", b"Bearer ", b"hmac-sha256 ", b"t: ", b"sha256:", b"HMAC_SHA256="]
)
def test_a_prefix_is_read_and_told_word_for_word(provider: Provider, prefix: bytes) -> None:
    assumed = Readings(provider.signature, [prefix + documented(provider)]).match(DIGEST)
    assert assumed is not None
    assert [change.diagnosis for change in assumed] == [Diagnosis.SIGNATURE_PREFIXED]
    assert repr(prefix.decode()) in assumed[0].happened


@pytest.mark.parametrize(
    "value",
    [
        b"",
        HEX[:-1],
        HEX + b"0",
        HEX + HEX,
        HEX[:-1] + b"g",
        b"=" + HEX,
        b"a prefix of more than one word=" + HEX,
        b"averyveryverylongprefix=" + HEX,
        b"sha256=v1=" + HEX,
        b"sha256=",
        BASE64[:-2],
        BASE64 + b"=",
        BASE64[:20] + b"\n" + BASE64[20:],
        BASE64[:20] + b" " + BASE64[20:],
        b"\xff" + HEX,
        HEX.decode().encode("utf-16"),
        HEX[::-1],
    ],
)
@each_provider
def test_what_is_not_a_signature_is_not_read_as_one(provider: Provider, value: bytes) -> None:
    assert read(provider, value) is None


def test_upper_case_of_mixed_case_is_not_taken_for_another_digest() -> None:
    other = hmac.digest(b"key", b"other", "sha256")
    assert read(ARCADE, b64encode(DIGEST).upper(), other) is None
    assert read(ARKY, HEX.upper(), other) is None


def test_base64_in_upper_case_is_refused_until_a_digest_is_known() -> None:
    upper = BASE64.upper()
    assert verify(ARCADE, [(b"x-arcade-signature", upper)], b"content", PAIR).reason is Reason.MISMATCH
    assert bool(Readings(ARCADE.signature, [upper]))
    assert not Readings(ARCADE.signature, [upper + b"A"])
    assert not Readings(ARCADE.signature, [b"1704067200"])


@each_provider
def test_any_of_several_headers_is_read_and_the_plainest_reading_wins(provider: Provider) -> None:
    plain = documented(provider)
    for values in ([b"v1=" + plain, plain], [plain, b"v1=" + plain]):
        assert Readings(provider.signature, values).match(DIGEST) == ()
    assert Readings(provider.signature, []).match(DIGEST) is None
    assert not Readings(provider.signature, [])


@each_provider
@settings(max_examples=100)
@given(st.lists(st.binary(max_size=200) | digests.map(b64encode) | st.text(max_size=90).map(str.encode), max_size=3))
def test_no_value_raises_and_none_is_the_digest_of_something_else(provider: Provider, values: list[bytes]) -> None:
    assert Readings(provider.signature, values).match(DIGEST) is None


@pytest.mark.parametrize("provider", [*PROVIDERS, *OTHERS], ids=lambda provider: provider.name)
@pytest.mark.parametrize(
    "nonsense", [b"A", b"a1", b"=", b" ", b",", b"sha256=", b"v1,", b"v1=a,", b"t=1,", b"\xff", b"\n", b"A=A:A,"]
)
def test_ten_thousand_bytes_of_nonsense_are_quick(provider: Provider, nonsense: bytes) -> None:
    value = (nonsense * 10_000)[:10_000]
    before = time.process_time()
    for size in (1024, 10_000):
        assert Readings(provider.signature, [value[:size]]).match(DIGEST) is None
        assert not verify(provider, [(provider.signature.header.encode(), value[:size])], b"{}", PAIR).valid
    # a pattern that tries again from every byte would take a hundred times as long
    assert time.process_time() - before < 1.0


@pytest.mark.parametrize(
    ("provider", "value", "expected"),
    [
        (OTHERS[0], b"sha256=" + HEX, ()),
        (OTHERS[0], HEX, ()),
        (OTHERS[0], b"sha256=" + BASE64, (Diagnosis.BASE64_FOR_HEX,)),
        (OTHERS[0], b"sha256=" + HEX.upper(), (Diagnosis.SIGNATURE_UPPERCASED,)),
        (OTHERS[1], b"v1," + BASE64, ()),
        (OTHERS[1], b"v1,AAAA v1," + BASE64, ()),
        (OTHERS[1], b"v1," + HEX, (Diagnosis.HEX_FOR_BASE64,)),
        (OTHERS[2], b"t=1,v1=" + HEX, ()),
        (OTHERS[2], b"t=1,v1=" + HEX.upper(), (Diagnosis.SIGNATURE_UPPERCASED,)),
        (OTHERS[2], b"t=1,v1=" + BASE64, (Diagnosis.BASE64_FOR_HEX,)),
        (OTHERS[3], BASE64, ()),
        (OTHERS[3], b"sha256=" + BASE64, (Diagnosis.SIGNATURE_PREFIXED,)),
    ],
)
def test_a_template_of_the_providers_own_is_no_prefix(
    provider: Provider, value: bytes, expected: tuple[Diagnosis, ...]
) -> None:
    assert read(provider, value) == expected
