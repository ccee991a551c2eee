"""Makes a sample new: fresh ids with the right prefix, every time moved by the same distance."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from hookctl.model import TimeUnit
from hookctl.payload.schema import ID_KEYWORD, TIME_KEYWORD
from hookctl.timestamps import read_time, write_time

if TYPE_CHECKING:
    from hookctl.payload.jsontext import Json
    from hookctl.payload.schema import SchemaNode

ID_LENGTH = 24
"""Characters after the prefix of a fresh id: 24 of 62, about 143 bits."""

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class IdSource:
    """Derives fresh ids from a seed.

    An entity keeps its id through one run: `ord_123` becomes the same fresh order in order.created and in
    order.paid, so that a receiver sees one order live. The event's own id differs for each delivery.
    """

    seed: bytes
    """Random, or from `--seed`: the same seed gives the same ids on every machine."""

    def round(self, number: int) -> IdSource:
        """Return the source of a further round of fresh events: nothing in it is what it was in another round."""
        return self if number == 0 else IdSource(self.bytes(f"round {number}"))

    def entity(self, sample_id: str, prefix: str | None, provider: str) -> str:
        """Return the run's id for an entity of the samples.

        Args:
            sample_id: the id in the sample.
            prefix: what the fresh id begins with, or None for a UUID.
            provider: entities of different providers are never the same.
        """
        return self._derive("entity", provider, sample_id, prefix=prefix)

    def event(self, event: str, prefix: str | None, provider: str, occurrence: int) -> str:
        """Return the id of one delivery's event; `occurrence` tells repeats of the event apart."""
        return self._derive("event", provider, event, str(occurrence), prefix=prefix)

    def bytes(self, purpose: str) -> bytes:
        """Return 32 bytes that depend on the seed and the purpose alone."""
        # a sample may hold half of a surrogate pair
        return sha256(b"\0".join((self.seed, purpose.encode(errors="surrogatepass")))).digest()

    def _derive(self, *parts: str, prefix: str | None) -> str:
        digest = self.bytes("\0".join(parts))
        if prefix is None:
            return _uuid4(digest)
        number = int.from_bytes(digest)
        characters = []
        for _ in range(ID_LENGTH):
            number, digit = divmod(number, len(_ALPHABET))
            characters.append(_ALPHABET[digit])
        return prefix + "".join(characters)


def _uuid4(digest: bytes) -> str:
    """Return the digest as a random UUID (RFC 9562, version 4). The uuid module takes 5 ms to load."""
    octets = bytearray(digest[:16])
    octets[6] = octets[6] & 0x0F | 0x40
    octets[8] = octets[8] & 0x3F | 0x80
    text = octets.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


@dataclass(frozen=True, slots=True)
class Freshening:
    """What makes one payload new."""

    ids: IdSource
    provider: str
    event: str
    occurrence: int
    event_id: Json
    """The sample's own event id, which is fresh for each delivery."""
    shift_ms: int
    """How far every time moves."""

    def apply(self, value: Json, node: SchemaNode | None) -> Json:
        """Return the value with its ids and times made new, as the schema's annotations say."""
        if isinstance(value, dict):
            return {key: self.apply(member, node.member(key) if node else None) for key, member in value.items()}
        if isinstance(value, list):
            element = node.element() if node else None
            return [self.apply(member, element) for member in value]
        if node is None:
            return value
        if isinstance(value, str) and isinstance(annotation := node.keywords.get(ID_KEYWORD), dict):
            return self._id(value, annotation)
        if isinstance(unit := node.keywords.get(TIME_KEYWORD), str):
            return self._time(value, TimeUnit(unit))
        return value

    def _id(self, value: str, annotation: dict[str, Json]) -> str:
        if annotation.get("fresh") is False:
            return value
        prefix = None if annotation.get("kind") == "uuid" else str(annotation.get("prefix", ""))
        if value == self.event_id:
            return self.ids.event(self.event, prefix, self.provider, self.occurrence)
        return self.ids.entity(value, prefix, self.provider)

    def _time(self, value: Json, unit: TimeUnit) -> Json:
        at_ms = read_time(value, unit)
        return value if at_ms is None else write_time(at_ms + self.shift_ms, unit)


def latest_time(value: Json, node: SchemaNode | None) -> int | None:
    """Return the latest point in time that the schema marks in a value, milliseconds, or None when there is none."""
    members: list[tuple[Json, SchemaNode | None]] = []
    if isinstance(value, dict):
        members = [(member, node.member(key) if node else None) for key, member in value.items()]
    elif isinstance(value, list):
        members = [(member, node.element() if node else None) for member in value]
    elif node is not None and isinstance(unit := node.keywords.get(TIME_KEYWORD), str):
        return read_time(value, TimeUnit(unit))
    return max((at_ms for child, below in members if (at_ms := latest_time(child, below)) is not None), default=None)
