"""What a handler may answer, and the bytes it becomes."""

from __future__ import annotations

import pytest

from hookctl.receiver import Reply
from hookctl.receiver.reply import Persistence, encode_reply


@pytest.mark.parametrize("status", [0, 100, 199, 600, 2000, -200])
def test_only_a_final_status(status: int) -> None:
    with pytest.raises(ValueError, match="not the status of a final answer"):
        Reply(status)


@pytest.mark.parametrize("status", [204, 304])
def test_no_body_where_none_can_be(status: int) -> None:
    with pytest.raises(ValueError, match="has no body"):
        Reply(status, b"x")


@pytest.mark.parametrize("name", ["Content-Length", "date", "CONNECTION", "Transfer-Encoding"])
def test_no_header_that_the_server_writes(name: str) -> None:
    with pytest.raises(ValueError, match="the server itself writes"):
        Reply(200, b"", ((name, "x"),))


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\nb", "ä", "a\n", "a\0"])
def test_no_malformed_name(name: str) -> None:
    with pytest.raises(ValueError, match="not a header name"):
        Reply(200, b"", ((name, "x"),))


@pytest.mark.parametrize("value", ["a\r\nb", "a\n", "\r", "a\0b", "\x7f", " a", "a ", "\t", "€"])
def test_no_value_that_cannot_be_sent(value: str) -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        Reply(200, b"", (("X", value),))


@pytest.mark.parametrize("value", ["", "a", "a\tb c", "é"])
def test_ordinary_values(value: str) -> None:
    assert Reply(200, b"", (("X", value),)).headers == (("X", value),)


def test_the_bytes() -> None:
    reply = Reply(299, b"\xffbody", (("X-Cased", "é"), ("x-cased", "")))
    encoded = encode_reply(reply, at_ms=784_111_777_999, persistence=Persistence.CLOSE, with_body=True)
    # the date is the example of RFC 9110, 5.6.7
    assert encoded == (
        b"HTTP/1.1 299 \r\nX-Cased: \xe9\r\nx-cased: \r\n"
        b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 5\r\nConnection: close\r\n\r\n\xffbody"
    )
