"""What is sent, answered, received and judged: the values that the stages hand to each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

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
    connected: bool = True
    """Whether there was a connection for it to happen on, as far as the kind does not say."""


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
    """Seconds a receiver has: as the vendor says, or hookctl's own choice where it does not."""
    genuine: bool = True
    """Whether a receiver should accept it: not when it was tampered with."""

    @property
    def late(self) -> bool:
        """Whether the answer came after the deadline."""
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
    """What was done to a delivery: only ever something that was tried and matched. A closed list."""

    PREVIOUS_SECRET = "previous_secret"  # noqa: S105 - the name of a diagnosis
    """Valid, but signed with the secret before the current one."""
    BODY_RESERIALISED = "body_reserialised"
    """The body was parsed and written again as other JSON text."""
    TRAILING_NEWLINE = "trailing_newline"
    """A line end at the end of the body was added or lost."""
    NEWLINE_CONVERTED = "newline_converted"
    """Line ends inside the body were converted."""
    BOM_STRIPPED = "bom_stripped"
    """A byte order mark at the beginning of the body was lost, or added."""
    LOSSY_UTF8 = "lossy_utf8"
    """The body was decoded as text in the wrong way and encoded again."""
    BASE64_FOR_HEX = "base64_for_hex"
    """The signature is in base64 where hexadecimal belongs."""
    HEX_FOR_BASE64 = "hex_for_base64"
    """The signature is in hexadecimal where base64 belongs."""
    SIGNATURE_PREFIXED = "signature_prefixed"
    """Something such as `sha256=` stands before the signature."""
    SIGNATURE_UPPERCASED = "signature_uppercased"
    TIMESTAMP_NOT_SIGNED = "timestamp_not_signed"
    """The body alone was signed, or a placeholder in place of the time."""
    TIMESTAMP_IN_MS = "timestamp_in_ms"
    """One side has the time in milliseconds where the other has seconds."""
    SECRET_TRIMMED = "secret_trimmed"  # noqa: S105
    """The secrets of the two sides differ in the white space or quotes around them."""
    SECRET_UNPREFIXED = "secret_unprefixed"  # noqa: S105
    """The secrets of the two sides differ in a prefix such as `whsec_`."""
    SECRET_BASE64_DECODED = "secret_base64_decoded"  # noqa: S105
    """One side decodes the secret as base64 and the other does not."""
    SECRET_EMPTY = "secret_empty"  # noqa: S105
    """Signed with an empty key."""
    OTHER_PROVIDER = "other_provider"
    """Signed by another provider's scheme, or with its secret."""


class Verdict(NamedTuple):
    """Whether a delivery is genuine.

    A tuple, as are the others that are made for every delivery: a frozen dataclass takes three times as long to make.
    """

    valid: bool
    reason: Reason
    diagnosis: Diagnosis | None = None
    age_s: float | None = None
    """Seconds from the signed time to the arrival; None when either is unknown."""
    repeated: tuple[str, ...] = ()
    """Lower-case names of the headers of the signature that came more than once: the first value decided."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was done to a delivery whose signature is not valid: tried, and the signature then matched."""

    diagnosis: Diagnosis
    second: Diagnosis | None
    """What was done besides."""
    happened: str
    """What happened, as a clause that begins in lower case and has no full stop."""
    remedy: str
    """What to change in the receiver, the sender or the capture; likewise."""
    signed_body: bytes | None = None
    """The body that was signed, where that is not the captured one."""


RawHeaders: TypeAlias = tuple[tuple[bytes, bytes], ...]
"""Header lines as they arrived: names in the case they were sent, order and repeats kept."""


class Capture(NamedTuple):
    """One delivery as a file holds it. What a form of file does not say is None."""

    source: str
    """The file's name, with `:LINE` or `#NUMBER` where the file holds several; `-` is standard input."""
    headers: RawHeaders
    body: bytes
    """The body after transfer coding, before any content coding."""
    method: str | None = None
    target: str | None = None
    """The request target or the URL, query included."""
    http_version: str | None = None
    """"1.0", "1.1", "2"."""
    received_at_ms: int | None = None
    id: str | None = None
    """The capture's own id, not the event's."""
    response: CapturedResponse | None = None
    """What the receiver answered."""
    notes: tuple[str, ...] = ()
    """What could not be kept or had to be assumed when it was read, in sentences."""


@dataclass(frozen=True, slots=True)
class CapturedResponse:
    """What a receiver answered, as a file holds it."""

    status: int
    headers: RawHeaders = ()
    body: bytes = b""


class Unreadable(NamedTuple):
    """A file, or a part of one, that no delivery could be read from."""

    source: str
    """As in `Capture`."""
    message: str
    """One sentence that says why, without the source."""
    hint: str | None = None


class CapturedRequest(NamedTuple):
    """A request as it arrived: raw bytes, raw header lines, nothing decoded but the framing."""

    received_at_ms: int
    method: str
    target: str
    """The request target as sent, query included."""
    http_version: str
    """"1.0" or "1.1"."""
    headers: RawHeaders
    body: bytes
    """The body after transfer coding, before any content coding."""

    def header(self, name: str) -> bytes | None:
        """Return the first value of a header, whatever its case, or None."""
        wanted = name.lower().encode("latin-1")
        return next((value for key, value in self.headers if key.lower() == wanted), None)
