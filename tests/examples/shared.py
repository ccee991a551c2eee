"""The examples as the tests use them: their secrets, and both verdicts on one delivery."""

from __future__ import annotations

import time
from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from io import BytesIO, StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from hookctl.catalogue.description import load_provider
from hookctl.credentials import SecretSource
from hookctl.runtime import Output, Runtime
from hookctl.signing import verify

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hookctl.model import Provider, Reason, SecretPair, Verdict
    from tests.examples.library import Libraries
    from tests.harness import Result

ROOT = Path(__file__).resolve().parent.parent.parent
PROVIDERS = ROOT / "examples" / "providers"
NOWHERE = "http://127.0.0.1:9/x"
TOLERANCE_S = 300.0
"""How far the libraries let a signed time be in the past; those that look at it."""


@dataclass(frozen=True)
class Example:
    """One example provider and secrets in the form that its vendor gives them."""

    name: str
    secret_env: str
    secret: str
    previous: str
    signs_time: bool
    rotates: bool

    @property
    def path(self) -> str:
        """What --provider is given from the repository's folder."""
        return f"./examples/providers/{self.name}"

    @property
    def env(self) -> dict[str, str]:
        """The variables that hold the secrets."""
        return {self.secret_env: self.secret, f"{self.secret_env}_PREVIOUS": self.previous}

    @property
    def provider(self) -> Provider:
        """The provider."""
        return _load(self.name)

    def secrets(self, secret: str, previous: str | None = None) -> SecretPair:
        """Return the keys as a command finds them."""
        env = {self.secret_env: secret}
        if previous is not None:
            env[f"{self.secret_env}_PREVIOUS"] = previous
        out, err = Output(StringIO(), "out"), Output(StringIO(), "err")
        return SecretSource(Runtime(env=env, cwd=ROOT, stdin=BytesIO(), out=out, err=err)).pair(self.provider)


@cache
def _load(name: str) -> Provider:
    return load_provider(PROVIDERS / name)


def _whsec(byte: int) -> str:
    return "whsec_" + b64encode(bytes(range(byte, byte + 24))).decode()


STANDARD = Example("standard-webhooks", "STANDARD_WEBHOOKS_SECRET", _whsec(3), _whsec(90), True, True)
GITHUB = Example("github", "WEBHOOK_SECRET", "It's a Secret to Everybody", "an older secret", False, False)
STRIPE = Example("stripe", "STRIPE_WEBHOOK_SECRET", "whsec_new0123456789", "whsec_old0123456789", True, True)
SHOPIFY = Example("shopify", "SHOPIFY_API_SECRET", "shpss_0123456789abcdef", "shpss_fedcba9876543210", False, False)
EXAMPLES = (STANDARD, GITHUB, STRIPE, SHOPIFY)


@dataclass(frozen=True)
class Delivery:
    """A request as it was or would be sent; header values as Latin-1 text."""

    event: str | None
    event_id: str | None
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """Return the one value of a header."""
        (value,) = [value for key, value in self.headers if key.lower() == name.lower()]
        return value


def previews(result: Result) -> list[Delivery]:
    """Return the deliveries of a `--dry-run --format ndjson` that went well."""
    assert (result.code, result.err) == (0, "")
    *records, summary = result.records
    assert summary == {"type": "summary", "total": len(records)}
    return [
        Delivery(
            record["event"],
            record["event_id"],
            tuple((name, value) for name, value in record["headers"]),
            record["body"].encode(),
        )
        for record in records
    ]


def hookctl_verdict(
    example: Example, headers: Iterable[tuple[str, str]], body: bytes, secret: str, previous: str | None = None
) -> Verdict:
    """Return what hookctl says of a delivery that arrives now."""
    lines = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    return verify(
        example.provider,
        lines,
        body,
        example.secrets(secret, previous),
        received_at_ms=time.time_ns() // 1_000_000,
        tolerance_s=TOLERANCE_S,
    )


def agreed(libraries: Libraries, example: Example, delivery: Delivery, secret: str | None = None) -> Reason:
    """Return hookctl's reason; the vendor's library has come to the same verdict."""
    secret = example.secret if secret is None else secret
    ours = hookctl_verdict(example, delivery.headers, delivery.body, secret)
    theirs = libraries.verify(example.name, delivery.headers, delivery.body, secret)
    assert ours.valid == theirs.valid, f"hookctl says {ours.reason}, the library says {theirs.reason or 'valid'}"
    return ours.reason
