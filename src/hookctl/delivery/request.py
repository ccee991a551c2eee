"""Puts a request together: endpoint, content type, user agent, signature headers, the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl import __version__
from hookctl.delivery.headers import check_headers, sendable
from hookctl.model import SignedRequest

if TYPE_CHECKING:
    from hookctl.model import Headers, Payload, Provider

USER_AGENT = f"hookctl/{__version__}"


def build_request(
    provider: Provider, payload: Payload, url: str, signature: Headers, *, body: bytes, extra: Headers = ()
) -> SignedRequest:
    """Return the whole request.

    Args:
        provider: for the content type and what may not be replaced.
        payload: what the body is called.
        url: where it goes.
        signature: the signature headers.
        body: the bytes to send; not the payload's when they were tampered with.
        extra: the user's headers. One named content-type, user-agent or as one of the provider's fixed headers
            replaces that, others are added.

    Raises:
        UsageError: an extra header would replace one of the signature's or of the framing.
        InputError: the event's name or id stands in a header and has a character that no header can hold.
    """
    check_headers(extra, provider)
    replaced = {name.lower() for name, _ in extra}
    # of the provider's headers only fixed ones can be among the replaced: check_headers has refused the others
    signature = tuple((name, sendable(name, value)) for name, value in signature if name.lower() not in replaced)
    ours = (("content-type", provider.endpoint.content_type), ("user-agent", USER_AGENT))
    lines = [line for line in ours if line[0] not in replaced]
    return SignedRequest(
        provider=provider.name,
        event=payload.event,
        event_id=payload.event_id,
        method="POST",
        url=url,
        headers=(*lines, *signature, *extra),
        body=body,
    )
