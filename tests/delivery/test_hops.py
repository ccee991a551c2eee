"""Which header lines are passed on to another server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookctl.delivery.hops import HOP_BY_HOP, REWRITTEN, passed_on

names = st.sampled_from([*HOP_BY_HOP, *REWRITTEN, "x-a", "x-b", "x-arky-signature"]).flatmap(
    lambda name: st.sampled_from([name, name.upper(), name.title()])
)
values = st.text(max_size=10) | st.sampled_from(["x-a", "X-B , x-a", "close, X-A", ",,"])


@given(st.lists(st.tuples(names, values)).map(tuple))
def test_nothing_of_one_connection_goes_on_and_all_else_does_in_its_order(headers: tuple[tuple[str, str], ...]) -> None:
    named = {
        token.strip().lower() for name, value in headers if name.lower() == "connection" for token in value.split(",")
    }
    kept = passed_on(headers)
    assert not {name.lower() for name, _ in kept} & (HOP_BY_HOP | REWRITTEN | named)
    rest = [line for line in headers if line[0].lower() not in HOP_BY_HOP | REWRITTEN | named]
    assert list(kept) == rest


# RFC 9110, 7.6.1 and RFC 9112, C.2.2; Expect because the body is at hand
@pytest.mark.parametrize(
    "name",
    [
        *("Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "TE"),
        *("Trailer", "Transfer-Encoding", "Upgrade", "Expect", "Host", "Content-Length"),
    ],
)
def test_what_the_standard_names_is_of_one_connection(name: str) -> None:
    assert passed_on(((name, "x"), ("X-A", "1"))) == (("X-A", "1"),)


def test_what_connection_names_goes_wherever_it_stands() -> None:
    headers = (
        ("X-A", "1"),
        ("Connection", "close, x-a"),
        ("X-a", "2"),
        ("X-B", "3"),
        ("connection", "X-C"),
        ("x-c", ""),
    )
    assert passed_on(headers) == (("X-B", "3"),)


@pytest.mark.parametrize("name", ["Cookie", "Authorization", "Content-Type", "Content-Encoding", "Date", "Via"])
def test_what_concerns_the_request_goes_on(name: str) -> None:
    assert passed_on(((name, "x"),)) == ((name, "x"),)
