"""The values that travel between the stages, all frozen.

A stage takes one of these and returns another: nothing else crosses a boundary. Bodies are bytes from
rendering to verification, times are integer milliseconds since the Unix epoch (`..._ms`) unless a name
says otherwise, and headers are ordered pairs, repeats kept.

Import them from here. The two modules behind are loaded when a name of theirs is asked for: making a frozen
dataclass takes half a millisecond, and `hookctl events` needs half of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookctl.model.provider import (
        FRAMING_HEADERS,
        Algorithm,
        Encoding,
        EndpointSpec,
        EnvelopeSpec,
        Event,
        HeaderSpec,
        IdSpec,
        KeyForm,
        Provider,
        ReplySpec,
        SampleKind,
        SecretSpec,
        SignatureSpec,
        Source,
        TimestampSpec,
        TimeUnit,
    )
    from hookctl.model.traffic import (
        Attempt,
        Capture,
        CapturedRequest,
        CapturedResponse,
        Delivery,
        Diagnosis,
        Explanation,
        Failure,
        FailureKind,
        Headers,
        Payload,
        RawHeaders,
        Reason,
        Response,
        Rotation,
        Secret,
        SecretPair,
        SignedRequest,
        Tamper,
        Unreadable,
        Verdict,
    )

__all__ = [
    "FRAMING_HEADERS",
    "Algorithm",
    "Attempt",
    "Capture",
    "CapturedRequest",
    "CapturedResponse",
    "Delivery",
    "Diagnosis",
    "Encoding",
    "EndpointSpec",
    "EnvelopeSpec",
    "Event",
    "Explanation",
    "Failure",
    "FailureKind",
    "HeaderSpec",
    "Headers",
    "IdSpec",
    "KeyForm",
    "Payload",
    "Provider",
    "RawHeaders",
    "Reason",
    "ReplySpec",
    "Response",
    "Rotation",
    "SampleKind",
    "Secret",
    "SecretPair",
    "SecretSpec",
    "SignatureSpec",
    "SignedRequest",
    "Source",
    "Tamper",
    "TimeUnit",
    "TimestampSpec",
    "Unreadable",
    "Verdict",
]


def __getattr__(name: str) -> object:
    # traffic comes last: a name of the provider's must not load it
    for part in ("provider", "traffic"):
        module = import_module(f"{__name__}.{part}")
        if hasattr(module, name):
            value: object = getattr(module, name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
