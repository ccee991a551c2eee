"""What a handler may answer, and the bytes it becomes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookctl.receiver import Reply
from hookctl.receiver.reply import Persistence


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
    encoded = reply.encode(at_ms=784_111_777_999, persistence=Persistence.CLOSE, with_body=True)
    # the date is the example of RFC 9110, 5.6.7
    assert encoded == (
        b"HTTP/1.1 299 \r\nX-Cased: \xe9\r\nx-cased: \r\n"
        b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 5\r\nConnection: close\r\n\r\n\xffbody"
    )


def _head(reply: Reply, *, with_body: bool = True) -> list[bytes]:
    encoded = reply.encode(at_ms=0, persistence=Persistence.DEFAULT, with_body=with_body)
    return encoded.partition(b"\r\n\r\n")[0].split(b"\r\n")


def test_repeated_headers_stay_apart_and_in_order() -> None:
    cookies = (("Set-Cookie", "a=1; Path=/"), ("X", "y"), ("Set-Cookie", "b=2"), ("set-cookie", "a=1; Path=/"))
    assert _head(Reply(200, b"", cookies))[1:5] == [
        b"Set-Cookie: a=1; Path=/",
        b"X: y",
        b"Set-Cookie: b=2",
        b"set-cookie: a=1; Path=/",
    ]


def test_every_final_status_can_be_passed_on() -> None:
    starts = [_head(Reply(status))[0] for status in range(200, 600)]
    assert [start[:13] for start in starts] == [b"HTTP/1.1 %d " % status for status in range(200, 600)]


@pytest.mark.parametrize(
    ("reply", "with_body", "length"),
    [
        (Reply(200, b"four"), True, b"Content-Length: 4"),
        (Reply(200, b"four"), False, b"Content-Length: 4"),
        (Reply(200, b"", (), 1234), False, b"Content-Length: 1234"),
        (Reply(200, b"", (), 1234), True, b"Content-Length: 0"),
    ],
)
def test_the_length_for_head_is_told_to_head_only(reply: Reply, with_body: bool, length: bytes) -> None:
    assert _head(reply, with_body=with_body)[-1] == length


def test_no_negative_length() -> None:
    with pytest.raises(ValueError, match="not a length"):
        Reply(200, b"", (), -1)


def test_one_reply_says_each_seconds_date() -> None:
    reply = Reply(200, b"x")
    dates = [
        reply.encode(at_ms=at_ms, persistence=Persistence.DEFAULT, with_body=True).split(b"\r\n")[1]
        for at_ms in (0, 999, 1000, 0, 86_400_000)
    ]
    assert [date[-12:] for date in dates] == [b"00:00:00 GMT"] * 2 + [b"00:00:01 GMT"] + [b"00:00:00 GMT"] * 2
    assert dates[4].startswith(b"Date: Fri, 02 Jan 1970")


@given(st.lists(st.tuples(st.integers(0, 3000), st.sampled_from(Persistence), st.booleans()), max_size=6))
def test_what_was_encoded_before_does_not_change_the_bytes(asked: list[tuple[int, Persistence, bool]]) -> None:
    reply = Reply(200, b"body", (("A", "b"),), head_length_bytes=7)
    for at_ms, persistence, with_body in asked:
        fresh = Reply(200, b"body", (("A", "b"),), head_length_bytes=7)
        assert reply.encode(at_ms=at_ms, persistence=persistence, with_body=with_body) == fresh.encode(
            at_ms=at_ms, persistence=persistence, with_body=with_body
        )
