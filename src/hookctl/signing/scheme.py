"""The signature of some bytes under a scheme: the one place that computes an HMAC."""

from __future__ import annotations

import hmac
from base64 import b64encode
from typing import TYPE_CHECKING, assert_never

from hookctl.model import Algorithm, Encoding

if TYPE_CHECKING:
    from hookctl.model import SignatureSpec

_HASHES = {Algorithm.HMAC_SHA256: "sha256"}


def signed_content(spec: SignatureSpec, body: bytes, timestamp: bytes) -> bytes:
    """Return the bytes that are signed.

    Args:
        spec: the provider's scheme.
        body: the raw body.
        timestamp: the timestamp header's value exactly as it is sent; ignored by schemes that do not sign it.
    """
    parts = {"{timestamp}": timestamp, "{body}": body}
    return b"".join(parts[part] if part in parts else part.encode() for part in spec.content)


def compute_signature(spec: SignatureSpec, key: bytes, content: bytes) -> str:
    """Return the signature of content as the header carries it (ASCII text)."""
    digest = hmac.digest(key, content, _HASHES[spec.algorithm])
    match spec.encoding:
        case Encoding.HEX:
            return digest.hex()
        case Encoding.BASE64:
            return b64encode(digest).decode("ascii")
        case _:
            assert_never(spec.encoding)
