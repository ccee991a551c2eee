"""Headers that concern one connection and not the request: they are not passed on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookctl.model import Headers

HOP_BY_HOP = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
        *("te", "trailer", "transfer-encoding", "upgrade", "expect"),
    }
)
"""Lower-case names (RFC 9110, 7.6.1); `expect` too, since the body is at hand."""

REWRITTEN = frozenset({"host", "content-length"})
"""Lower-case names of the headers that the next connection has its own of."""


def passed_on(headers: Headers) -> Headers:
    """Return the header lines that go on to another server, in their order and case."""
    dropped = HOP_BY_HOP | REWRITTEN
    for name, value in headers:
        if name.lower() == "connection":
            dropped |= {token.strip().lower() for token in value.split(",")}
    return tuple((name, value) for name, value in headers if name.lower() not in dropped)
