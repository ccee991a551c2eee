"""What an HTTP library raises, told as a `Failure`: in one word, one sentence, and where possible a hint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.model import Failure, FailureKind

if TYPE_CHECKING:
    from hookctl.model import Response

_REASON_CHARACTERS = 160


def timed_out(response: Response | None, timeout_s: float) -> Failure:
    """Return the failure of an exchange that took too long.

    Args:
        response: what had arrived of the answer, if it had begun.
        timeout_s: how long it was given.
    """
    if response is None:
        return Failure(FailureKind.TIMEOUT, f"no answer within {timeout_s:g} s")
    message = f"the answer began with {response.status} but did not end within {timeout_s:g} s"
    return Failure(FailureKind.TIMEOUT, message)


def protocol_failure(reason: str, response: Response | None) -> Failure:
    """Return the failure of an answer that is not HTTP, or that ended before it was one.

    Args:
        reason: h11's or httpcore's complaint.
        response: what had arrived of the answer, if it had begun.
    """
    # httpcore's own wording for an end of stream; everything else is h11's complaint about the bytes
    if reason.startswith(("Server disconnected", "peer closed connection")):
        return connection_lost(response, "closed")
    if reason == "illegal request line":
        # h11's words for a first byte that no line of HTTP begins with
        message = "the answer is not valid HTTP: it does not begin with a status line"
        return Failure(FailureKind.INVALID_HTTP, message, "is it https there, or another protocol?")
    # h11 quotes the line that it did not like, and a line can be as long as the receiver pleases
    shown = reason if len(reason) <= _REASON_CHARACTERS else f"{reason[:_REASON_CHARACTERS]}..."
    return Failure(FailureKind.INVALID_HTTP, f"the answer is not valid HTTP: {shown}")


def connection_lost(response: Response | None, reason: str) -> Failure:
    """Return the failure of a connection that was closed or reset; the reason says which."""
    how = "was reset" if "reset" in reason.lower() else "was closed"
    if response is None:
        return Failure(FailureKind.RESET, f"the connection {how} before an answer came", "did the app crash?")
    return Failure(
        FailureKind.RESET, f"the answer began with {response.status} but the connection {how} before its end"
    )
