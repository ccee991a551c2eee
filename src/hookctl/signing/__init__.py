"""Signs and verifies from a provider's description alone, over raw bytes.

`sign()` returns the headers of a payload, `tampered()` makes a request that must be refused, `verify()`
says whether a delivery is genuine and never raises on hostile input.
"""

from hookctl.signing.scheme import compute_signature, signed_content
from hookctl.signing.sign import Signing, sign
from hookctl.signing.tamper import require_support, tampered
from hookctl.signing.verify import verify

__all__ = [
    "Signing",
    "compute_signature",
    "require_support",
    "sign",
    "signed_content",
    "tampered",
    "verify",
]
