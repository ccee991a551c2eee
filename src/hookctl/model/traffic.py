"""What is sent, answered, received and judged: the values that the stages hand to each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Headers: TypeAlias = tuple[tuple[str, str], ...]
"""Header lines in the order they are sent, name and value, repeats kept."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A signing secret: the key's bytes, exactly as given, and where they came from."""

    value: bytes = field(repr=False)
    origin: str
    """In words, for messages: a file's name or a variable's."""


@dataclass(frozen=True, slots=True)
class SecretPair:
    """The secrets of one provider: the current one and, while secrets rotate, the one before."""

    current: Secret
    previous: Secret | None = None

    def __iter__(self) -> Iterator[Secret]:
        yield self.current
        if self.previous is not None:
            yield self.previous


@dataclass(frozen=True, slots=True)
class Payload:
    """A rendered body, ready to be signed."""

    body: bytes
    event: str | None
    """The event's name, or None for a body that does not say."""
    event_id: str | None
    """The event's id as it stands in the body, else the delivery's; None where the provider has neither."""
    at_ms: int
    """When the delivery is dated: the timestamp header is written from this."""


class Tamper(StrEnum):
    """Ways to make a delivery that a receiver must refuse."""

    BODY = "body"
    """One character inside a string value is changed after signing; the JSON stays valid."""
    SIGNATURE = "signature"
    """One digit of the signature is changed; length and alphabet stay intact."""
    SECRET = "secret"  # noqa: S105 - the name of a kind, not a secret
    """Signed with another key."""
    TIMESTAMP = "timestamp"
    """The timestamp header is changed after signing."""
    MISSING = "missing"
    """The signature is left out."""


class Rotation(StrEnum):
    """Which secrets sign while secrets rotate."""

    OLD = "old"
    """Only the previous secret."""
    NEW = "new"
    """Only the current secret."""
    BOTH = "both"
    """The current one in the main header, the previous one in the rotation header."""


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """One HTTP request, complete but for Host and Content-Length, which its URL and body imply."""

    provider: str
    event: str | None
    event_id: str | None
    method: str
    url: str
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """What the receiver answered, as far as it was read."""

    status: int
    headers: Headers
    body: bytes
    truncated: bool = False
    """Whether the body went on past the limit of what is read."""

    def header(self, name: str) -> str | None:
        """Return the first value of a header, whatever its case, or None."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


class FailureKind(StrEnum):
    """Why a request was not delivered. A response that arrived whole is never a failure."""

    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    DNS = "dns"
    TLS = "tls"
    TIMEOUT = "timeout"
    RESET = "reset"
    INVALID_HTTP = "invalid_http"
    BLOCKED = "blocked"
    """The address is one that hookctl does not send to."""
    PROXY = "proxy"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request was not delivered, in one word and in one sentence."""

    kind: FailureKind
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request as it went over the wire: an answer, or the reason there is none.

    Both are set when an answer began and broke off.
    """

    response: Response | None
    failure: Failure | None
    duration_ms: float
    """From the start of connecting to the end of the answer, or to the failure."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request, what became of it, and whether that was what was expected."""

    request: SignedRequest
    attempt: Attempt
    expected: str
    """The statuses that count as success, in words: "2xx", "401"."""
    ok: bool
    deadline_s: float
    """Seconds the vendor gives a receiver."""
    genuine: bool = True
    """Whether a receiver should accept it: not when it was tampered with."""

    @property
    def late(self) -> bool:
        """Whether the answer came after the vendor would have given up."""
        return self.attempt.failure is None and self.attempt.duration_ms > self.deadline_s * 1000


class Reason(StrEnum):
    """Why a signature is valid or not: a closed list."""

    OK = "ok"
    MISSING_SIGNATURE = "missing_signature"
    MISSING_TIMESTAMP = "missing_timestamp"
    MALFORMED_SIGNATURE = "malformed_signature"
    MALFORMED_TIMESTAMP = "malformed_timestamp"
    MISMATCH = "mismatch"
    STALE = "stale"
    FUTURE = "future"
    NO_SECRET = "no_secret"  # noqa: S105 - the name of a reason
    UNKNOWN_PROVIDER = "unknown_provider"


class Diagnosis(StrEnum):
    """What was tried and matched."""

    PREVIOUS_SECRET = "previous_secret"  # noqa: S105 - the name of a diagnosis


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a delivery is genuine."""

    valid: bool
    reason: Reason
    diagnosis: Diagnosis | None = None
    age_s: float | None = None
    """Seconds from the signed time to the arrival; None when either is unknown."""


@dataclass(frozen=True, slots=True)
class CapturedRequest:
    """A request as it arrived: raw bytes, raw header lines, nothing decoded but the framing."""

    received_at_ms: int
    method: str
    target: str
    """The request target as sent, query included."""
    http_version: str
    """"1.0" or "1.1"."""
    headers: tuple[tuple[bytes, bytes], ...]
    """Header lines in order, names in the case they were sent, repeats kept."""
    body: bytes
    """The body after transfer coding, before any content coding."""

    def header(self, name: str) -> bytes | None:
        """Return the first value of a header, whatever its case, or None."""
        wanted = name.lower().encode("latin-1")
        return next((value for key, value in self.headers if key.lower() == wanted), None)
