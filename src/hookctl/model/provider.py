"""What is known about a vendor: the values that the catalogue makes of its description."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

FRAMING_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade", "te"})
"""Lower-case names of the headers that the HTTP client writes: nobody else may."""


class Encoding(StrEnum):
    """How the signature's bytes are written in the header."""

    HEX = "hex"
    """Lower-case hexadecimal: 64 characters for SHA-256."""
    BASE64 = "base64"
    """Standard alphabet with padding: 44 characters for SHA-256."""


class KeyForm(StrEnum):
    """What a signing secret's text is."""

    TEXT = "text"
    """The key itself."""
    BASE64 = "base64"
    """The key in base64."""


class Algorithm(StrEnum):
    """Which keyed hash signs the content."""

    HMAC_SHA256 = "hmac-sha256"
    HMAC_SHA1 = "hmac-sha1"
    HMAC_SHA512 = "hmac-sha512"


class TimeUnit(StrEnum):
    """How a point in time is written in a payload or header."""

    UNIX_SECONDS = "unix-seconds"
    """Integer seconds since 1970-01-01T00:00:00Z."""
    UNIX_MILLISECONDS = "unix-milliseconds"
    """Integer milliseconds since 1970-01-01T00:00:00Z."""
    ISO8601_MILLISECONDS = "iso8601-milliseconds"
    """Text such as 2024-02-15T15:51:12.013Z: always UTC, always three decimals."""
    ISO8601_SECONDS = "iso8601-seconds"
    """Text such as 2024-02-15T15:51:12Z: always UTC, no decimals."""
    ISO8601_OFFSET = "iso8601-offset"
    """Text such as 2024-02-15T15:51:12+00:00: always UTC, no decimals, the offset in digits."""


class SampleKind(StrEnum):
    """Where an event's sample payload comes from."""

    DOCUMENTED = "documented"
    """Equal to the example on the vendor's page."""
    ILLUSTRATIVE = "illustrative"
    """Ours, in the documented shapes: the vendor's page gives none for this event."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where facts about a provider come from."""

    id: str
    """The name facts refer to."""
    title: str
    """The page or file, in words."""
    read: date
    """The day it was read."""


@dataclass(frozen=True, slots=True)
class SignatureSpec:
    """How a provider signs a delivery."""

    content: tuple[str, ...]
    """The signed content as a sequence of `{id}`, `{timestamp}`, `{body}` and literal pieces."""
    algorithm: Algorithm
    encoding: Encoding
    header: str
    """Name of the header that carries the signature."""
    rotation_header: str | None = None
    """Name of the header that carries a second signature while secrets rotate, if there is one."""
    value: tuple[str, ...] = ("{signatures}",)
    """The header's value as a sequence of `{timestamp}`, `{signatures}` and literal pieces."""
    item: tuple[str, ...] = ("{signature}",)
    """How each signature is written in it, as a sequence of `{signature}` and literal pieces."""
    separator: str | None = None
    """What stands between signatures where one header carries several; None where it carries one."""

    @property
    def headers(self) -> tuple[str, ...]:
        """Every header that may carry a signature, the main one first."""
        return (self.header,) if self.rotation_header is None else (self.header, self.rotation_header)

    @property
    def signs_timestamp(self) -> bool:
        """Whether the timestamp's text is part of the signed content."""
        return "{timestamp}" in self.content

    @property
    def rotates(self) -> bool:
        """Whether a delivery can carry two signatures while secrets rotate."""
        return self.rotation_header is not None or self.separator is not None


@dataclass(frozen=True, slots=True)
class TimestampSpec:
    """The time of a delivery, as its headers carry it."""

    header: str | None
    """Name of the header, or None where the time stands in the signature header alone."""
    unit: TimeUnit


@dataclass(frozen=True, slots=True)
class IdSpec:
    """The id of a delivery that has none in its body."""

    prefix: str | None
    """What it begins with, or None for a UUID."""


@dataclass(frozen=True, slots=True)
class HeaderSpec:
    """A header that says something about the event, beside those of the signature."""

    name: str
    value: tuple[str, ...]
    """A sequence of `{event}`, `{id}`, `{timestamp}` and literal pieces."""

    @property
    def is_fixed(self) -> bool:
        """Whether it says the same in every delivery, so that a user may well have it say something else."""
        return not {"{event}", "{id}", "{timestamp}"}.intersection(self.value)


@dataclass(frozen=True, slots=True)
class SecretSpec:
    """Where the signing secret is found."""

    env: str
    """The vendor's own name of the environment variable."""
    where: str
    """Where a developer finds the value, in words."""
    form: KeyForm = KeyForm.TEXT
    prefix: str = ""
    """What is cut off the value's beginning before it is read as a key."""
    example: str | None = None
    """What stands for a secret in the page's examples: whoever has copied it has no secret."""

    @property
    def previous_env(self) -> str:
        """The variable that holds the previous secret while secrets rotate."""
        return f"{self.env}_PREVIOUS"


@dataclass(frozen=True, slots=True)
class EnvelopeSpec:
    """Where a payload says what it is, as JSON Pointers (RFC 6901)."""

    id: str | None
    """The event's id, or None when the body has none."""
    type: str | None
    """The event's name, or None when only a header says it."""
    time: str | None
    """The time of the event, or None when the body has no such place."""
    time_unit: TimeUnit | None
    """Set where `time` is."""


@dataclass(frozen=True, slots=True)
class EndpointSpec:
    """Where the vendor's page puts the receiver."""

    path: str | None
    """Path of the endpoint, or None when the page documents none."""
    port: int
    """Port a local receiver listens on in the page's examples."""
    content_type: str


@dataclass(frozen=True, slots=True)
class ReplySpec:
    """What a correct receiver answers, as HTTP statuses."""

    success: int
    missing_signature: int
    invalid_signature: int
    handler_failure: int | None
    wrong_method: int | None
    deadline_s: float
    """Seconds a receiver may take before the vendor gives up."""


@dataclass(frozen=True, slots=True)
class Event:
    """One documented event of a provider. Its sample and schema are read when they are needed."""

    name: str
    provider: str
    """Name of the provider it belongs to."""
    group: str
    """Heading under which the vendor's page lists it."""
    description: str
    sample_kind: SampleKind
    source: str
    sample_path: Path
    schema_path: Path

    @property
    def documented(self) -> bool:
        """Whether the sample equals the example on the vendor's page."""
        return self.sample_kind is SampleKind.DOCUMENTED


@dataclass(frozen=True, slots=True)
class Provider:
    """Everything that is known about a vendor, read from its provider.toml."""

    name: str
    folder: Path
    """Where its provider.toml is."""
    title: str
    summary: str
    signature: SignatureSpec
    timestamp: TimestampSpec | None
    id: IdSpec | None
    headers: tuple[HeaderSpec, ...]
    secret: SecretSpec
    envelope: EnvelopeSpec
    endpoint: EndpointSpec
    replies: ReplySpec
    events: tuple[Event, ...]
    sources: tuple[Source, ...]
    facts: Mapping[str, str]
    """Source of each section's facts, by section name."""
    out_of_order: tuple[str, ...] = ()
    """Two events about one thing, the later one first: a receiver must stand it when they come like that."""

    @property
    def has_ids(self) -> bool:
        """Whether its deliveries have ids, in the body or in a header."""
        return self.envelope.id is not None or self.id is not None

    def event(self, name: str) -> Event | None:
        """Return the event of that exact name, or None."""
        return next((event for event in self.events if event.name == name), None)

    @property
    def protected_headers(self) -> frozenset[str]:
        """Lower-case names of the headers that belong to the signature or describe the event."""
        names = {name.lower() for name in self.signature.headers}
        names.update(header.name.lower() for header in self.headers if not header.is_fixed)
        if self.timestamp is not None and self.timestamp.header is not None:
            names.add(self.timestamp.header.lower())
        return frozenset(names)
