"""What holds for every body, every key and every header line."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hookctl.model import Reason
from hookctl.signing import compute_signature, sign, signed_content, verify
from tests.signing.support import ARCADE, ARKY, AT_MS, OTHERS, PAIR, PROVIDERS, Lines, pair, payload, wire

if TYPE_CHECKING:
    from hookctl.model import Provider

providers = st.sampled_from(PROVIDERS)
keys = st.binary(min_size=1, max_size=100)
times_ms = st.integers(min_value=0, max_value=253_402_300_799_999)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)
names = st.sampled_from(
    [b"x-arky-signature", b"X-Arky-Timestamp", b"x-arcade-signature", b"X-ARCADE-SIGNATURE-2", b"host"]
)
digests = st.binary(min_size=32, max_size=32)
values = st.binary(max_size=80) | digests.map(lambda digest: digest.hex().encode()) | digests.map(b64encode)
lines = st.lists(st.tuples(names | st.binary(max_size=20), values), max_size=6)


def flip(data: bytes, bit: int) -> bytes:
    """Return the bytes with one bit changed."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def is_valid(provider: Provider, headers: Lines, body: bytes) -> bool:
    return verify(provider, headers, body, PAIR, received_at_ms=AT_MS).valid


@given(providers, json_values, keys, times_ms)
def test_any_json_signs_and_verifies(provider: Provider, document: object, key: bytes, at_ms: int) -> None:
    for ascii_only in (True, False):
        body = json.dumps(document, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
        signing = sign(provider, payload(body, at_ms), pair(key))
        verdict = verify(provider, wire(provider, signing), body, pair(key), received_at_ms=at_ms, tolerance_s=1)
        assert (verdict.valid, verdict.reason, verdict.diagnosis) == (True, Reason.OK, None)


@given(providers, st.binary(max_size=300), keys, times_ms)
@example(ARKY, b"", b"k", 0)
@example(ARCADE, b"\x00\xff\r\n", b"\x00", 0)
def test_any_bytes_sign_and_verify(provider: Provider, body: bytes, key: bytes, at_ms: int) -> None:
    signing = sign(provider, payload(body, at_ms), pair(key))
    assert verify(provider, wire(provider, signing), body, pair(key)).valid


@given(providers, st.binary(min_size=1, max_size=60), st.data())
def test_no_single_bit_of_the_body_can_change(provider: Provider, body: bytes, data: st.DataObject) -> None:
    headers = wire(provider, sign(provider, payload(body), PAIR))
    bit = data.draw(st.integers(0, len(body) * 8 - 1))
    assert not is_valid(provider, headers, flip(body, bit))


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
def test_every_single_bit_of_a_body_counts(provider: Provider) -> None:
    body = '{"name":"Zoë"}\r\n'.encode()
    headers = wire(provider, sign(provider, payload(body), PAIR))
    assert is_valid(provider, headers, body)
    assert [bit for bit in range(len(body) * 8) if is_valid(provider, headers, flip(body, bit))] == []


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
def test_every_single_bit_of_every_signature_header_counts(provider: Provider) -> None:
    headers = wire(provider, sign(provider, payload(b"{}"), PAIR))
    assert is_valid(provider, headers, b"{}")
    for index, (name, value) in enumerate(headers):
        for bit in range(len(value) * 8):
            changed = [*headers[:index], (name, flip(value, bit)), *headers[index + 1 :]]
            # the timestamp's header is among them: its text is signed, not its number
            assert not is_valid(provider, changed, b"{}"), (name, flip(value, bit))


@given(providers, st.binary(max_size=40), keys, st.data())
def test_no_single_bit_of_the_headers_can_change(
    provider: Provider, body: bytes, key: bytes, data: st.DataObject
) -> None:
    headers = wire(provider, sign(provider, payload(body), pair(key)))
    index = data.draw(st.integers(0, len(headers) - 1))
    name, value = headers[index]
    changed = flip(value, data.draw(st.integers(0, len(value) * 8 - 1)))
    headers[index] = (name, changed)
    assert not verify(provider, headers, body, pair(key)).valid


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_the_time_is_not_moved_into_the_body(body: bytes, more: bytes) -> None:
    # "1704067200.1.x" is both 1704067200 over "1.x" and, were the text free, "1704067200.1" over "x"
    moved = b"1." + body
    signature = compute_signature(ARKY.signature, PAIR.current.value, signed_content(ARKY.signature, moved, b"1"))
    headers = [(b"x-arky-signature", signature.encode()), (b"x-arky-timestamp", b"1.1")]
    assert not verify(ARKY, headers, body, PAIR).valid
    assert not verify(ARKY, headers, more, PAIR).valid


@given(providers, lines, st.binary(max_size=60), st.none() | times_ms, st.none() | st.floats(min_value=0))
def test_verify_never_raises_and_never_accepts_what_the_key_did_not_sign(
    provider: Provider, headers: Lines, body: bytes, received_at_ms: int | None, tolerance_s: float | None
) -> None:
    verdict = verify(provider, headers, body, PAIR, received_at_ms=received_at_ms, tolerance_s=tolerance_s)
    assert not verdict.valid
    assert verdict.reason is not Reason.OK
    assert verdict.diagnosis is None


@given(providers, lines, st.binary(max_size=60))
def test_without_a_secret_nothing_is_valid(provider: Provider, headers: Lines, body: bytes) -> None:
    genuine = wire(provider, sign(provider, payload(body), PAIR))
    assert verify(provider, genuine, body, None).reason is Reason.NO_SECRET
    assert not verify(provider, [*headers, *genuine], body, None).valid


@given(providers, st.binary(max_size=60), keys, keys)
def test_another_key_verifies_nothing(provider: Provider, body: bytes, key: bytes, other: bytes) -> None:
    # HMAC fills a key up with NULs, so "k" and "k\0" are one key
    if key.rstrip(b"\0") == other.rstrip(b"\0"):
        return
    headers = wire(provider, sign(provider, payload(body), pair(key)))
    assert verify(provider, headers, body, pair(other)).reason is Reason.MISMATCH


@given(providers, st.binary(max_size=60), lines)
def test_what_stands_behind_the_signature_changes_nothing(provider: Provider, body: bytes, more: Lines) -> None:
    headers = wire(provider, sign(provider, payload(body), PAIR))
    own = {name.encode() for name in provider.protected_headers}
    unrelated = [line for line in more if line[0].lower() not in own]
    assert is_valid(provider, [*unrelated, *headers, *unrelated], body)


@given(providers, st.binary(max_size=60))
def test_the_secrets_of_others_sign_for_nobody(provider: Provider, body: bytes) -> None:
    headers = wire(provider, sign(provider, payload(body), OTHERS))
    assert verify(provider, headers, body, PAIR).reason is Reason.MISMATCH
