"""A payload becomes the headers that a provider would send with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookctl.errors import SecretError, UsageError
from hookctl.model import Rotation
from hookctl.signing.scheme import compute_signature, signed_content
from hookctl.timestamps import write_time

if TYPE_CHECKING:
    from hookctl.model import Headers, Payload, Provider, SecretPair


@dataclass(frozen=True, slots=True)
class Signing:
    """The signature headers of one payload, by what they are."""

    timestamp: str
    """The timestamp header's text; "" when the provider sends none."""
    signatures: tuple[tuple[str, str], ...]
    """Header name and value of each signature."""

    def headers(self, provider: Provider) -> Headers:
        """Return the header lines in the order they are sent."""
        lines = list(self.signatures)
        if provider.timestamp is not None:
            lines.append((provider.timestamp.header, self.timestamp))
        return tuple(lines)


def sign(provider: Provider, payload: Payload, secrets: SecretPair, rotation: Rotation | None = None) -> Signing:
    """Sign a payload.

    Args:
        provider: whose scheme to use.
        payload: the body and its time.
        secrets: the current secret and, for `Rotation.OLD` and `BOTH`, the previous one.
        rotation: which of them sign; None is the current one alone.

    Raises:
        UsageError: the provider has no second signature header.
        SecretError: the previous secret is asked for and missing.
    """
    spec = provider.signature
    timestamp = "" if provider.timestamp is None else str(write_time(payload.at_ms, provider.timestamp.unit))
    content = signed_content(spec, payload.body, timestamp.encode())
    current = compute_signature(spec, secrets.current.value, content)
    if rotation is None or rotation is Rotation.NEW:
        _require_rotation(provider, rotation)
        return Signing(timestamp, ((spec.header, current),))
    second_header = _require_rotation(provider, rotation)
    if secrets.previous is None:
        name = provider.secret.previous_env
        hint = f"set {name}, or give --secret-file twice: current, then previous"
        raise SecretError(f"--rotate {rotation} needs the previous secret of {provider.title}", hint=hint)
    previous = compute_signature(spec, secrets.previous.value, content)
    if rotation is Rotation.OLD:
        return Signing(timestamp, ((spec.header, previous),))
    return Signing(timestamp, ((spec.header, current), (second_header, previous)))


def _require_rotation(provider: Provider, rotation: Rotation | None) -> str:
    header = provider.signature.rotation_header
    if header is None and rotation is not None:
        raise UsageError(f"--rotate: {provider.title} documents no second signature for rotation")
    return header or ""
