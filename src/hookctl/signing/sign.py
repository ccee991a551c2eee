"""A payload becomes the headers that a provider would send with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hookctl.errors import InputError, SecretError, UsageError
from hookctl.model import Rotation
from hookctl.signing.scheme import compute_signature, fill, signed_content
from hookctl.timestamps import write_time

if TYPE_CHECKING:
    from hookctl.model import Headers, Payload, Provider, SecretPair


@dataclass(frozen=True, slots=True)
class Signing:
    """What is to be said in the signature headers of one payload."""

    timestamp: str
    """The time's text; "" when the provider sends none."""
    signatures: tuple[tuple[str, str], ...]
    """Each signature with the name of the header it goes into, which several may share."""
    event: str = ""
    delivery_id: str = ""

    def headers(self, provider: Provider) -> Headers:
        """Return the header lines in the order they are sent."""
        spec = provider.signature
        lines: list[tuple[str, str]] = []
        for name in dict.fromkeys(name for name, _ in self.signatures):
            items = [fill(spec.item, {"{signature}": value}) for header, value in self.signatures if header == name]
            joined = (spec.separator or "").join(items)
            lines.append((name, fill(spec.value, {"{timestamp}": self.timestamp, "{signatures}": joined})))
        if provider.timestamp is not None and provider.timestamp.header is not None:
            lines.append((provider.timestamp.header, self.timestamp))
        said = {"{event}": self.event, "{id}": self.delivery_id, "{timestamp}": self.timestamp}
        lines += [(header.name, fill(header.value, said)) for header in provider.headers]
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
        InputError: a header is to say the event's name or id, or the id is to be signed, and the payload has none.
    """
    spec = provider.signature
    _require_named(provider, payload)
    timestamp = "" if provider.timestamp is None else str(write_time(payload.at_ms, provider.timestamp.unit))
    delivery_id = payload.event_id or ""
    content = signed_content(spec, payload.body, timestamp.encode(), id_bytes(provider, delivery_id))
    unsigned = Signing(timestamp, (), payload.event or "", delivery_id)
    current = compute_signature(spec, secrets.current.value, content)
    if rotation is not None and not spec.rotates:
        raise UsageError(f"--rotate: {provider.title} documents no second signature for rotation")
    if rotation is None or rotation is Rotation.NEW:
        return replace(unsigned, signatures=((spec.header, current),))
    if secrets.previous is None:
        name = provider.secret.previous_env
        hint = f"set {name}, or give --secret-file twice: current, then previous"
        raise SecretError(f"--rotate {rotation} needs the previous secret of {provider.title}", hint=hint)
    previous = compute_signature(spec, secrets.previous.value, content)
    if rotation is Rotation.OLD:
        return replace(unsigned, signatures=((spec.header, previous),))
    second = spec.rotation_header or spec.header
    return replace(unsigned, signatures=((spec.header, current), (second, previous)))


def _require_named(provider: Provider, payload: Payload) -> None:
    for header in provider.headers:
        if "{event}" in header.value and payload.event is None:
            hint = "name the event too: hookctl send EVENT --data FILE"
            raise InputError(f"the header {header.name} says which event it is, and the body does not", hint=hint)
        if "{id}" in header.value and payload.event_id is None:
            raise InputError(f"the header {header.name} says the event's id, and the body has none")
    if "{id}" in provider.signature.content and payload.event_id is None:
        raise InputError(f"{provider.title} signs the event's id, and the body has none")


def id_bytes(provider: Provider, delivery_id: str) -> bytes:
    """Return an id as it is signed: as its header holds it, else as its text in the body reads."""
    if any("{id}" in header.value for header in provider.headers):
        try:
            return delivery_id.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            # no header can hold it either: building the request says so
            pass
    return delivery_id.encode("utf-8", "surrogatepass")
