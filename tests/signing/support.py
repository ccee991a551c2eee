"""What the tests of signing share: providers, secrets, and headers as they arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.catalogue import load_catalogue
from hookctl.model import Payload, Secret, SecretPair

if TYPE_CHECKING:
    from hookctl.model import Provider
    from hookctl.signing import Signing

CATALOGUE = load_catalogue()
ARKY = CATALOGUE.provider("arky")
ARCADE = CATALOGUE.provider("arcade")
PROVIDERS = (ARKY, ARCADE)

AT_MS = 1_704_067_200_000
"""The time of the documented example."""

Lines = list[tuple[bytes, bytes]]


def pair(current: bytes, previous: bytes | None = None) -> SecretPair:
    """Return a provider's secrets."""
    return SecretPair(Secret(current, "a test"), None if previous is None else Secret(previous, "a test"))


PAIR = pair(b"whsec_current secret", b"the previous secret")
OTHERS = pair(b"somebody else's", b"somebody else's before")


def payload(body: bytes, at_ms: int = AT_MS) -> Payload:
    """Return a body that is ready to be signed."""
    return Payload(body, None, None, at_ms)


def wire(provider: Provider, signing: Signing) -> Lines:
    """Return the signature headers as they arrive."""
    return [(name.encode(), value.encode()) for name, value in signing.headers(provider)]
