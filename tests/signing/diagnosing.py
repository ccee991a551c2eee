"""What the tests of diagnosis share: a delivery that is signed in some way, and what is found out about it."""

from __future__ import annotations

import hmac
from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookctl.model import Encoding, SecretPair
from hookctl.signing import verify
from hookctl.signing.diagnose import Outcome, diagnose
from hookctl.signing.effort import USUAL, Effort
from tests.signing.support import AT_MS, PROVIDERS, Lines, pair

if TYPE_CHECKING:
    from hookctl.model import Diagnosis, Explanation, Provider

TIME = b"1704067200"
OTHER_KEY = b"the secret of the other one"


@dataclass(frozen=True)
class Signed:
    """A delivery as it arrives. What is not given is as the provider documents it."""

    provider: Provider
    captured: bytes
    """The body."""
    signed: bytes | None = None
    """The body that was signed, where that is another."""
    key: bytes = b"the secret"
    """What it was signed with."""
    content_time: bytes | None = TIME
    """The text that was signed as the time; None when the body alone was."""
    time: bytes | None = TIME
    """The header's text; None when there is no such header."""
    wrap: bytes = b"%s"
    """What is written around the signature."""
    others: dict[str, bytes] = field(default_factory=lambda: {"arky": OTHER_KEY, "arcade": OTHER_KEY})

    def content(self) -> bytes:
        """Return what was signed."""
        body = self.captured if self.signed is None else self.signed
        dated = self.provider.signature.signs_timestamp and self.content_time is not None
        return b"%s.%s" % (self.content_time, body) if dated else body

    def headers(self) -> Lines:
        """Return the lines of the signature."""
        digest = hmac.digest(self.key, self.content(), "sha256")
        text = digest.hex().encode() if self.provider.signature.encoding is Encoding.HEX else b64encode(digest)
        lines = [(self.provider.signature.header.encode(), self.wrap % text)]
        if self.provider.timestamp is not None and self.time is not None:
            lines.append((b"x-arky-timestamp", self.time))
        return lines

    def outcome(
        self, secret: bytes | SecretPair = b"the secret", effort: Effort = USUAL, tolerance_s: float | None = None
    ) -> Outcome:
        """Diagnose it as a receiver with that secret does, who knows the other provider's too."""
        secrets = secret if isinstance(secret, SecretPair) else pair(secret)
        verdict = verify(
            self.provider,
            self.headers(),
            self.captured,
            secrets,
            received_at_ms=AT_MS,
            tolerance_s=tolerance_s,
        )
        assert not verdict.valid
        return diagnose(
            self.provider,
            tuple(self.headers()),
            self.captured,
            secrets,
            verdict,
            others=[(other, pair(self.others[other.name])) for other in PROVIDERS if other is not self.provider],
            tolerance_s=tolerance_s,
            effort=effort,
        )

    def explanation(self, secret: bytes | SecretPair = b"the secret", tolerance_s: float | None = None) -> Explanation:
        """Diagnose it and expect an answer."""
        explanation = self.outcome(secret, tolerance_s=tolerance_s).explanation
        assert explanation is not None
        return explanation

    def found(self, secret: bytes = b"the secret") -> tuple[Diagnosis, Diagnosis | None, bytes | None]:
        """Diagnose it: what was done, what besides, and the body that was signed."""
        explanation = self.explanation(secret)
        return explanation.diagnosis, explanation.second, explanation.signed_body
