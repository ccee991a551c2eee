"""The signature of some bytes under a scheme: the one place that computes an HMAC."""

from __future__ import annotations

import hmac
from base64 import b64encode
from hashlib import new
from typing import TYPE_CHECKING, assert_never

from hookctl.model import Algorithm, Encoding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookctl.model import SignatureSpec

HASHES = {Algorithm.HMAC_SHA256: "sha256", Algorithm.HMAC_SHA1: "sha1", Algorithm.HMAC_SHA512: "sha512"}
"""The hash of each algorithm, as hashlib names it."""


_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))


def digest_size(spec: SignatureSpec) -> int:
    """Return the bytes of a digest under a scheme."""
    return new(HASHES[spec.algorithm], usedforsecurity=False).digest_size


def signed_content(spec: SignatureSpec, body: bytes, timestamp: bytes, delivery_id: bytes = b"") -> bytes:
    """Return the bytes that are signed.

    Args:
        spec: the provider's scheme.
        body: the raw body.
        timestamp: the time's text exactly as it is sent; ignored by schemes that do not sign it.
        delivery_id: the id's text exactly as it is sent; likewise.
    """
    parts = {"{id}": delivery_id, "{timestamp}": timestamp, "{body}": body}
    return b"".join(parts[part] if part in parts else part.encode() for part in spec.content)


def fill(template: tuple[str, ...], values: Mapping[str, str]) -> str:
    """Return a template's text: placeholders such as `{id}` replaced, literal pieces as they are."""
    return "".join(values.get(part, part) for part in template)


class KeyedSigner:
    """Computes signatures with one key: prepared once, for many of them.

    HMAC by its definition (RFC 2104), over hashlib's hashes: with both padded keys hashed beforehand, a short content
    costs half of what the library's own object does, most of which is making it.
    """

    def __init__(self, spec: SignatureSpec, key: bytes) -> None:
        name = HASHES[spec.algorithm]
        size = new(name).block_size
        if len(key) > size:
            key = new(name, key).digest()
        padded = key.ljust(size, b"\0")
        self._inner = new(name, padded.translate(_INNER))
        self._outer = new(name, padded.translate(_OUTER))
        self._is_hex = spec.encoding is Encoding.HEX

    def signature(self, *content: bytes) -> str:
        """Return the signature of the pieces together, as the header carries it (ASCII text)."""
        inner = self._inner.copy()
        for piece in content:
            inner.update(piece)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.hexdigest() if self._is_hex else b64encode(outer.digest()).decode("ascii")


def compute_signature(spec: SignatureSpec, key: bytes, content: bytes) -> str:
    """Return the signature of content as the header carries it (ASCII text)."""
    digest = hmac.digest(key, content, HASHES[spec.algorithm])
    match spec.encoding:
        case Encoding.HEX:
            return digest.hex()
        case Encoding.BASE64:
            return b64encode(digest).decode("ascii")
        case _:
            assert_never(spec.encoding)
