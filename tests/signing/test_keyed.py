"""The prepared way to compute signatures is HMAC: by RFC 4231's vectors, by Python's own, for every length of key."""

from __future__ import annotations

import hmac
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookctl.catalogue import load_catalogue
from hookctl.model import Algorithm, Encoding
from hookctl.signing.scheme import HASHES, KeyedSigner, compute_signature

SPEC = load_catalogue().provider("arky").signature

# RFC 4231, sections 4.2 to 4.4, 4.7 and 4.8: key, data, HMAC-SHA-256
RFC_4231 = [
    (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    (b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
]


@pytest.mark.parametrize(("key", "data", "expected"), RFC_4231)
def test_the_vectors_of_the_standard(key: bytes, data: bytes, expected: str) -> None:
    signer = KeyedSigner(SPEC, key)
    # twice: what is prepared is not used up
    assert [signer.signature(data), signer.signature(data[:3], data[3:])] == [expected, expected]


@given(
    algorithm=st.sampled_from(Algorithm),
    encoding=st.sampled_from(Encoding),
    key=st.binary(max_size=200),
    content=st.binary(max_size=300),
)
def test_the_same_as_the_library(algorithm: Algorithm, encoding: Encoding, key: bytes, content: bytes) -> None:
    spec = replace(SPEC, algorithm=algorithm, encoding=encoding)
    signature = KeyedSigner(spec, key).signature(content)
    assert signature == compute_signature(spec, key, content)
    if encoding is Encoding.HEX:
        assert signature == hmac.new(key, content, HASHES[algorithm]).hexdigest()
