"""Every fault with what becomes of a delivery that meets it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookctl.model import FailureKind
from tests.delivery import faults

if TYPE_CHECKING:
    from tests.delivery.faults import Script

TIMEOUT_S = 0.3
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclass(frozen=True)
class Fault:
    """What a receiver does, and what becomes of the delivery."""

    script: Script
    kind: FailureKind
    message: str
    """The message, or where it ends in "...", its beginning."""
    status: int | None = None

    def matches(self, message: str) -> bool:
        if self.message.endswith("..."):
            return message.startswith(self.message.removesuffix("..."))
        return message == self.message


_NO_ANSWER = f"no answer within {TIMEOUT_S:g} s"
_UNENDED = f"the answer began with 200 but did not end within {TIMEOUT_S:g} s"
_CUT = "the answer began with 200 but the connection was closed before its end"
_RESET = "the answer began with 200 but the connection was reset before its end"
_INVALID = "the answer is not valid HTTP: "
_NO_STATUS_LINE = f"{_INVALID}it does not begin with a status line"

FAULTS: dict[str, Fault] = {
    "closes at once": Fault(faults.close_at_once, FailureKind.RESET, "the connection was ..."),
    "closes before an answer": Fault(
        faults.close_before_answer, FailureKind.RESET, "the connection was closed before an answer came"
    ),
    "resets before an answer": Fault(
        faults.reset_before_answer, FailureKind.RESET, "the connection was reset before an answer came"
    ),
    "closes within the head": Fault(
        faults.answer(b"HTTP/1.1 200 OK\r\nContent-"),
        FailureKind.RESET,
        "the connection was closed before an answer came",
    ),
    "resets within the body": Fault(faults.reset_after(HEAD + b"some"), FailureKind.RESET, _RESET, 200),
    "closes within the body": Fault(faults.answer(HEAD + b"some"), FailureKind.RESET, _CUT, 200),
    "closes within a chunk": Fault(faults.answer(CHUNKED + b"5\r\nab"), FailureKind.RESET, _CUT, 200),
    "closes between chunks": Fault(faults.answer(CHUNKED + b"2\r\nab\r\n"), FailureKind.RESET, _CUT, 200),
    "sends no size of a chunk": Fault(
        faults.answer(CHUNKED + b"zz\r\n"), FailureKind.INVALID_HTTP, f"{_INVALID}illegal chunk header: ...", 200
    ),
    "sends binary garbage": Fault(faults.answer(bytes(range(256)) * 4), FailureKind.INVALID_HTTP, _NO_STATUS_LINE),
    "sends a line that is no HTTP": Fault(
        faults.answer(b"+OK POP3 ready\r\n\r\n"), FailureKind.INVALID_HTTP, f"{_INVALID}illegal status line: ..."
    ),
    "sends a very long line": Fault(
        faults.answer(b"SSH-2.0-" + b"x" * 80_000 + b"\r\n\r\n"),
        FailureKind.INVALID_HTTP,
        f"{_INVALID}illegal status line: ...",
    ),
    "sends no number for a status": Fault(
        faults.answer(b"HTTP/1.1 abc OK\r\n\r\n"), FailureKind.INVALID_HTTP, f"{_INVALID}illegal status line: ..."
    ),
    "sends a status below 100": Fault(
        faults.answer(b"HTTP/1.1 099 OK\r\n\r\n"), FailureKind.INVALID_HTTP, f"{_INVALID}..."
    ),
    "sends a NUL in a header": Fault(
        faults.answer(b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n"), FailureKind.INVALID_HTTP, f"{_INVALID}illegal header ..."
    ),
    "sends two lengths": Fault(
        faults.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        FailureKind.INVALID_HTTP,
        f"{_INVALID}conflicting Content-Length headers",
    ),
    "sends a negative length": Fault(
        faults.answer(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
        FailureKind.INVALID_HTTP,
        f"{_INVALID}bad Content-Length",
    ),
    "switches protocols unasked": Fault(
        faults.answer(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n\x81\x01"),
        FailureKind.INVALID_HTTP,
        f"{_INVALID}...",
    ),
    "sends a header without end": Fault(
        faults.flood(b"HTTP/1.1 200 OK\r\n", b"X-Endless: and so on\r\n"), FailureKind.INVALID_HTTP, f"{_INVALID}..."
    ),
    "trickles its head": Fault(
        faults.trickle(b"HTTP/1.1 200 OK\r\nX: ", b"and so on"), FailureKind.TIMEOUT, _NO_ANSWER
    ),
    "trickles its body": Fault(faults.trickle(HEAD, b"and so on"), FailureKind.TIMEOUT, _UNENDED, 200),
    "trickles chunks": Fault(faults.trickle(CHUNKED, b"1\r\na\r\n"), FailureKind.TIMEOUT, _UNENDED, 200),
    "promises an answer for ever": Fault(
        faults.flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), FailureKind.TIMEOUT, _NO_ANSWER
    ),
    "never answers": Fault(faults.never_answer, FailureKind.TIMEOUT, _NO_ANSWER),
    "answers too late": Fault(
        faults.answer_after(TIMEOUT_S + 0.2, faults.response(200)), FailureKind.TIMEOUT, _NO_ANSWER
    ),
}
