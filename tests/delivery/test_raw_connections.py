"""Raw connections: the exact bytes, every kind of answer, the same rules as deliveries, and requests in step."""

from __future__ import annotations

import resource
import socket
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import h11
import httpcore
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hookctl.delivery.client import RESPONSE_LIMIT_BYTES, ClientOptions
from hookctl.delivery.network import DeliveryFailedError
from hookctl.delivery.wire import Wire, encode_request
from hookctl.errors import InputError
from hookctl.model import FailureKind, SignedRequest
from tests.delivery import faults
from tests.delivery.conftest import SLACK_S
from tests.delivery.faults import basic, proxy, response, serve
from tests.delivery.outcomes import FAULTS, TIMEOUT_S, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hookctl.delivery.wire import Message
    from hookctl.model import Attempt, Headers
    from tests.delivery.conftest import Certificates
    from tests.delivery.faults import Connection, Script, Server

PASSWORD = "hunter22"
MIB = 1024 * 1024


def message(
    url: str, *, method: str = "POST", headers: Headers = (), body: bytes = b"{}", chunked: bool = False
) -> Message:
    return encode_request(SignedRequest("arky", None, None, method, url, headers, body), chunked=chunked)


def deliver(
    url: str,
    sent: Message | None = None,
    *,
    timeout_s: float = 5.0,
    options: ClientOptions | None = None,
    loopback_only: bool = False,
) -> Attempt:
    """Send over a raw connection, and check that it is over in time."""
    wire = Wire(options or ClientOptions(), loopback_only=loopback_only)
    began_s = time.monotonic()
    attempt = wire.deliver(url, sent or message(url), timeout_s=timeout_s)
    assert time.monotonic() - began_s < timeout_s + SLACK_S
    assert attempt.response is not None or attempt.failure is not None
    return attempt


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Record requests; a test looks at the last one."""
    with serve(faults.reply(200)) as running:
        yield running


# --- what goes over the wire -----------------------------------------------------------------------------------------


def test_headers_go_out_to_the_letter_and_only_host_and_length_are_added(server: Server) -> None:
    headers = (
        ("b-LOWER", "1"),
        ("A-Upper", " \t2 \t"),
        ("b-lower", "3"),
        ("X-Latin", "\xe9\xff"),
        ("X-Empty", ""),
        ("A-upper", "4"),
    )
    url = server.at("localhost") + "/a/../b%2f//c?x=%zz&y=a+b"
    assert deliver(url, message(url, headers=headers, body=b"body")).failure is None
    assert server.requests[-1] == (
        b"POST /hook/a/../b%%2f//c?x=%%zz&y=a+b HTTP/1.1\r\n"
        b"Host: localhost:%d\r\n"
        b"Content-Length: 4\r\n"
        b"b-LOWER: 1\r\n"
        b"A-Upper:  \t2 \t\r\n"
        b"b-lower: 3\r\n"
        b"X-Latin: \xe9\xff\r\n"
        b"X-Empty: \r\n"
        b"A-upper: 4\r\n"
        b"\r\n"
        b"body" % server.port
    )


def test_a_url_without_a_path_asks_for_the_root(server: Server) -> None:
    url = f"http://127.0.0.1:{server.port}?a=b"
    assert deliver(url).failure is None
    assert faults.head_lines(server.requests[-1])[0] == b"POST /?a=b HTTP/1.1"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_method_without_a_body_has_no_length(method: str, server: Server) -> None:
    assert deliver(server.url, message(server.url, method=method, body=b"")).failure is None
    assert faults.head_lines(server.requests[-1]) == [
        f"{method} /hook HTTP/1.1".encode(),
        b"Host: 127.0.0.1:%d" % server.port,
    ]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_an_empty_body_has_its_length_where_one_is_expected(method: str, server: Server) -> None:
    assert deliver(server.url, message(server.url, method=method, body=b"")).failure is None
    assert faults.header_of(server.requests[-1], b"content-length") == b"0"


def test_an_ipv6_address_is_in_brackets() -> None:
    with serve(faults.reply(200), host="::1") as server:
        assert deliver(server.url).failure is None
    assert faults.header_of(server.requests[0], b"host") == b"[::1]:%d" % server.port


def _read_chunked(connection: Connection) -> None:
    """Read until the chunk that is the last one, and answer."""
    data = bytearray()
    while not data.endswith(b"\r\n0\r\n\r\n"):
        data += connection.socket.recv(65536)
    connection.server.requests.append(bytes(data))
    connection.send(response(200))
    connection.finish()


@pytest.mark.parametrize(
    ("body", "chunks"),
    [
        (b"abcde", b"2\r\nab\r\n3\r\ncde\r\n"),
        (b"a", b"1\r\na\r\n"),
        (b"", b""),
        (b"\r\n0\r\n\r\n\xff", b"4\r\n\r\n0\r\r\n4\r\n\n\r\n\xff\r\n"),
    ],
)
def test_a_chunked_body_is_two_chunks_that_a_server_puts_together(body: bytes, chunks: bytes) -> None:
    url = "http://127.0.0.1:1/hook"
    data = message(url, body=body, chunked=True, headers=(("X-Mine", "1"),)).data
    head = b"POST /hook HTTP/1.1\r\nHost: 127.0.0.1:1\r\nTransfer-Encoding: chunked\r\nX-Mine: 1\r\n\r\n"
    assert data == head + chunks + b"0\r\n\r\n"
    reader = h11.Connection(h11.SERVER)
    reader.receive_data(data)
    pieces = b""
    while not isinstance(event := reader.next_event(), h11.EndOfMessage):
        pieces += bytes(event.data) if isinstance(event, h11.Data) else b""
    assert pieces == body


def test_a_chunked_body_is_sent_without_a_length() -> None:
    with serve(_read_chunked) as server:
        attempt = deliver(server.url, message(server.url, body=bytes(100_000), chunked=True))
    assert attempt.response is not None
    assert attempt.response.status == 200
    assert faults.header_of(server.requests[0], b"content-length") is None
    assert faults.body_of(server.requests[0]).startswith(b"c350\r\n")


_NAMES = st.text("!#$%&'*+.^_`|~-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1)
# whatever is no line end: what else a receiver makes of it is what is to be found out
_VALUES = st.binary(max_size=40).map(lambda value: value.replace(b"\r", b"").replace(b"\n", b"").decode("latin-1"))


@given(
    headers=st.lists(
        st.tuples(_NAMES.filter(lambda name: name.lower() not in {"content-length", "expect"}), _VALUES), max_size=5
    ),
    body=st.binary(max_size=2000),
)
@example(headers=[("x", "\0\x80 \t"), ("X", "")], body=b"\r\n\r\n")
@settings(max_examples=150, deadline=None)
def test_any_header_values_and_any_body_arrive_as_given(
    server: Server, headers: list[tuple[str, str]], body: bytes
) -> None:
    attempt = deliver(server.url, message(server.url, headers=tuple(headers), body=body))
    assert attempt.failure is None
    head, _, arrived = server.requests[-1].partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[3:] == [f"{name}: {value}".encode("latin-1") for name, value in headers]
    assert arrived == body


# --- answers ---------------------------------------------------------------------------------------------------------


def test_an_answer_is_returned_with_its_headers_as_they_came() -> None:
    with serve(faults.reply(401, b"no \xff", b"X-One: 1", b"x-one: 2")) as server:
        attempt = deliver(server.url)
    assert attempt.failure is None
    assert attempt.response is not None
    assert (attempt.response.status, attempt.response.body) == (401, b"no \xff")
    assert attempt.response.headers[:2] == (("X-One", "1"), ("x-one", "2"))
    assert not attempt.response.truncated
    assert attempt.duration_ms > 0


@pytest.mark.parametrize(
    ("before", "data", "status", "body"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\n", response(200, b"end"), 200, b"end"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 3, response(401, b"end"), 401, b"end"),
        (b"", b"HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, b"until the end"),
        (b"", b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, b"until the end"),
        (b"", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", 200, b"abc"),
        (b"", b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, b""),
        (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabcdef", 200, b"ab"),
    ],
)
def test_every_way_to_end_an_answer_is_understood(before: bytes, data: bytes, status: int, body: bytes) -> None:
    with serve(faults.answer(before + data)) as server:
        attempt = deliver(server.url)
    assert attempt.failure is None
    assert attempt.response is not None
    assert (attempt.response.status, attempt.response.body) == (status, body)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_told_as_it_is_of_any_delivery(fault: Fault) -> None:
    with serve(fault.script) as server:
        attempt = deliver(server.url, timeout_s=TIMEOUT_S)
    assert attempt.failure is not None
    assert attempt.failure.kind is fault.kind
    assert fault.matches(attempt.failure.message), attempt.failure.message
    assert (None if attempt.response is None else attempt.response.status) == fault.status


def test_an_answer_that_comes_before_the_request_is_read_is_the_answer() -> None:
    # a server that refuses a large body closes with most of it unread, and that resets the connection
    def refuse_early(connection: Connection) -> None:
        connection.socket.recv(1000)
        connection.send(response(413, b"too large", b"Connection: close"))

    with serve(refuse_early) as server:
        for _ in range(20):
            attempt = deliver(server.url, message(server.url, body=bytes(MIB)))
            assert attempt.failure is None
            assert attempt.response is not None
            assert (attempt.response.status, attempt.response.body) == (413, b"too large")


def test_a_receiver_that_does_not_read_is_given_up() -> None:
    with serve(faults.never_read) as server:
        attempt = deliver(server.url, message(server.url, body=bytes(32 * MIB)), timeout_s=0.3)
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.TIMEOUT


def test_a_body_beyond_the_limit_is_cut_and_the_rest_never_read() -> None:
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with serve(faults.flood(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536)) as server:
        attempt = deliver(server.url)
    assert attempt.failure is None
    assert attempt.response is not None
    assert attempt.response.truncated
    assert len(attempt.response.body) == RESPONSE_LIMIT_BYTES
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 64 * 1024


def test_a_body_of_just_the_limit_is_whole() -> None:
    with serve(faults.reply(200, bytes(RESPONSE_LIMIT_BYTES))) as server:
        attempt = deliver(server.url)
    assert attempt.response is not None
    assert (len(attempt.response.body), attempt.response.truncated) == (RESPONSE_LIMIT_BYTES, False)


def test_nothing_listening_is_a_failure_with_a_hint() -> None:
    with faults.refuse() as closed:
        attempt = deliver(closed.url)
    assert attempt.response is None
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.REFUSED
    assert attempt.failure.hint == "is the app running, and on that port?"


# --- several requests on one connection ------------------------------------------------------------------------------


def _in_turn(*answers: bytes, pause_s: float = 0) -> Script:
    """Answer the requests of one connection one after the other, and end it after the last."""

    def script(connection: Connection) -> None:
        for data in answers:
            if not connection.read_request() or not connection.pause(pause_s):
                return
            connection.send(data)
        connection.finish()

    return script


def test_a_connection_is_used_again_and_again() -> None:
    answers = [response(200, b"one"), b"HTTP/1.1 100 Continue\r\n\r\n" + response(401, b"two"), response(204)]
    with (
        serve(_in_turn(*answers)) as server,
        Wire(ClientOptions(), loopback_only=True).open(server.url, timeout_s=5) as connection,
    ):
        for status, body in ((200, b"one"), (401, b"two"), (204, b"")):
            attempt = connection.exchange(message(server.url, body=body))
            assert attempt.failure is None
            assert attempt.response is not None
            assert (attempt.response.status, attempt.response.body) == (status, body)
            assert connection.reusable
        assert (server.connections, len(server.requests)) == (1, 3)
        assert connection.tls is None
        # and the receiver, which has had enough, is told from one that refuses
        lost = connection.exchange(message(server.url))
    assert lost.failure is not None
    assert lost.failure.kind is FailureKind.RESET


@pytest.mark.parametrize(
    "data",
    [
        response(200, b"", b"Connection: close"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
    ],
)
def test_a_connection_that_the_receiver_ends_is_not_reusable(data: bytes) -> None:
    with (
        serve(faults.answer(data)) as server,
        Wire(ClientOptions(), loopback_only=True).open(server.url, timeout_s=5) as connection,
    ):
        connection.exchange(message(server.url))
        assert not connection.reusable


def test_every_answer_on_a_connection_has_its_own_time() -> None:
    with (
        serve(_in_turn(*[response(200)] * 4, pause_s=0.4)) as server,
        Wire(ClientOptions(), loopback_only=True).open(server.url, timeout_s=1.0) as connection,
    ):
        # together longer than any one of them may take
        attempts = [connection.exchange(message(server.url)) for _ in range(4)]
    assert [attempt.failure for attempt in attempts] == [None] * 4


def test_a_body_that_was_not_read_is_taken_for_the_next_request_and_that_shows() -> None:
    def answer_heads(connection: Connection) -> None:
        data = b""
        while piece := connection.socket.recv(65536):
            data += piece
            while b"\r\n\r\n" in data:
                head, _, data = data.partition(b"\r\n\r\n")
                connection.send(response(200 if head.startswith(b"POST ") else 400))

    with (
        serve(answer_heads) as server,
        Wire(ClientOptions(), loopback_only=True).open(server.url, timeout_s=5) as connection,
    ):
        attempts = [connection.exchange(message(server.url, body=b"unread")) for _ in range(2)]
    assert [attempt.response.status for attempt in attempts if attempt.response is not None] == [200, 400]


# --- TLS -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_certificate_of_a_given_authority_is_trusted(host: str, certificates: Certificates) -> None:
    options = ClientOptions(cacert=certificates.authority)
    with serve(faults.reply(200, b"secure"), tls=certificates.good) as server:
        attempt = deliver(server.at(host), options=options)
        assert attempt.response is not None
        assert attempt.response.body == b"secure"
        with Wire(options, loopback_only=True).open(server.at(host), timeout_s=5) as connection:
            assert connection.tls is not None
            assert (connection.tls.version() or "").startswith("TLS")


@pytest.mark.parametrize(
    ("server_has", "trusted", "reason"),
    [
        ("good", None, "unable to get local issuer certificate"),
        ("good", "other_authority", "unable to get local issuer certificate"),
        ("expired", "authority", "certificate has expired"),
        ("wrong_host", "authority", "certificate is not valid for 'localhost'"),
    ],
)
def test_a_certificate_that_does_not_hold_is_refused_before_anything_is_sent(
    server_has: str, trusted: str | None, reason: str, certificates: Certificates
) -> None:
    cacert = None if trusted is None else getattr(certificates, trusted)
    with serve(faults.reply(200), tls=getattr(certificates, server_has)) as server:
        attempt = deliver(server.at("localhost"), options=ClientOptions(cacert=cacert))
        assert attempt.failure is not None
        assert attempt.failure.kind is FailureKind.TLS
        assert reason in attempt.failure.message
        assert server.requests == []
        insecure = deliver(server.at("localhost"), options=ClientOptions(cacert=cacert, insecure=True))
        assert insecure.failure is None


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (faults.close_at_once, FailureKind.TLS),
        (faults.never_answer, FailureKind.TIMEOUT),
        (faults.never_read, FailureKind.TIMEOUT),
        (faults.answer_unread(b"HTTP/1.1 400 Bad Request\r\n\r\n"), FailureKind.TLS),
    ],
)
def test_a_fault_in_the_handshake_is_a_failure_in_time(script: Script, kind: FailureKind) -> None:
    with serve(script) as server:
        url = f"https://127.0.0.1:{server.port}/"
        attempt = deliver(url, timeout_s=0.4)
        assert attempt.failure is not None
        assert attempt.failure.kind is kind
        with pytest.raises(DeliveryFailedError), Wire(ClientOptions(), loopback_only=True).open(url, timeout_s=0.4):
            pass


def test_an_authority_file_that_cannot_be_used_is_refused_at_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(InputError, match="No such file or directory"):
        Wire(ClientOptions(cacert=tmp_path_factory.mktemp("none") / "ca.pem"), loopback_only=True)


# --- where it may go -------------------------------------------------------------------------------------------------


def _names(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Have every name resolve to an address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    entry = (family, socket.SOCK_STREAM, 6, "", (address, 80))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [entry])


@pytest.mark.parametrize("address", ["192.0.2.1", "10.0.0.1", "::ffff:192.0.2.1", "fe80::1%1"])
def test_a_name_that_leads_elsewhere_is_blocked_when_only_this_machine_is_allowed(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _names(monkeypatch, address)
    attempt = deliver("http://app.example/", loopback_only=True)
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.BLOCKED
    assert "--allow-remote" in (attempt.failure.hint or "")


@pytest.mark.parametrize("loopback_only", [True, False])
@pytest.mark.parametrize("address", ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254"])
def test_a_metadata_service_is_never_asked(address: str, loopback_only: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    _names(monkeypatch, address)
    attempt = deliver("http://app.example/", loopback_only=loopback_only)
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.BLOCKED
    assert "metadata" in attempt.failure.message


# --- proxies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("loopback_only", [True, False])
def test_loopback_goes_past_every_proxy(host: str, loopback_only: bool) -> None:
    with serve(proxy()) as other, serve(faults.reply(200)) as server:
        options = ClientOptions(env={"ALL_PROXY": f"http://127.0.0.1:{other.port}"})
        assert deliver(server.at(host), options=options, loopback_only=loopback_only).failure is None
        assert (server.connections, other.connections) == (1, 0)


def test_plain_http_goes_through_a_tunnel_too_and_arrives_to_the_letter() -> None:
    with serve(faults.reply(200)) as server, serve(proxy(tunnel_to=server.port)) as other:
        options = ClientOptions(env={"HTTP_PROXY": f"http://joe:{PASSWORD}@127.0.0.1:{other.port}"})
        url = "http://receiver.example:8080/hook"
        attempt = deliver(url, message(url, headers=(("x-ODD", " \xe9 "),)), options=options)
        assert attempt.failure is None
        request_line, *_ = faults.head_lines(other.requests[0])
        assert request_line == b"CONNECT receiver.example:8080 HTTP/1.1"
        assert faults.header_of(other.requests[0], b"proxy-authorization") == basic(f"joe:{PASSWORD}")
        assert server.requests == [
            b"POST /hook HTTP/1.1\r\nHost: receiver.example:8080\r\nContent-Length: 2\r\nx-ODD:  \xe9 \r\n\r\n{}"
        ]


def test_https_through_a_proxy_is_checked_against_the_receivers_name(certificates: Certificates) -> None:
    with serve(faults.reply(200), tls=certificates.good) as server, serve(proxy(tunnel_to=server.port)) as other:
        options = ClientOptions(cacert=certificates.authority, env={"HTTPS_PROXY": f"http://127.0.0.1:{other.port}"})
        assert deliver("https://receiver.example/", options=options).failure is None
        stranger = deliver("https://stranger.example/", options=options)
        assert stranger.failure is not None
        assert stranger.failure.kind is FailureKind.TLS
        assert faults.header_of(other.requests[0], b"host") == b"receiver.example:443"
        assert faults.header_of(other.requests[0], b"proxy-authorization") is None
        assert len(server.requests) == 1


def test_an_https_proxy_is_spoken_to_over_tls(certificates: Certificates) -> None:
    with (
        serve(faults.reply(200)) as server,
        serve(proxy(tunnel_to=server.port), tls=certificates.good) as other,
    ):
        options = ClientOptions(cacert=certificates.authority, env={"HTTP_PROXY": f"https://localhost:{other.port}"})
        assert deliver("http://receiver.example/", options=options).failure is None
        assert len(other.requests) == len(server.requests) == 1


@pytest.mark.parametrize(
    ("script", "message_"),
    [
        (proxy(refuse_with=response(407, b"", b"Proxy-Authenticate: Basic")), "it answered CONNECT with 407"),
        (proxy(refuse_with=response(502)), "it answered CONNECT with 502"),
        (faults.close_before_answer, "hung up"),
        (faults.reset_before_answer, "the proxy http://"),
        (faults.answer(b"\x05\xff\r\n\r\n"), "the proxy http://"),
        (faults.never_answer, "does not answer"),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_does_not_serve_is_the_proxys_failure(script: Script, message_: str, scheme: str) -> None:
    with serve(script) as server:
        options = ClientOptions(env={"ALL_PROXY": f"http://joe:{PASSWORD}@127.0.0.1:{server.port}"})
        attempt = deliver(f"{scheme}://receiver.example/", timeout_s=0.4, options=options)
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.PROXY
    assert message_ in attempt.failure.message
    assert PASSWORD not in attempt.failure.message


def test_a_proxy_that_is_not_there_or_of_another_kind_is_named() -> None:
    with faults.refuse() as closed:
        for value, told in (
            (f"http://127.0.0.1:{closed.port}", "cannot be used"),
            ("socks5://127.0.0.1:1", "of a kind that is not supported"),
        ):
            attempt = deliver("http://receiver.example/", options=ClientOptions(env={"ALL_PROXY": value}))
            assert attempt.failure is not None
            assert attempt.failure.kind is FailureKind.PROXY
            assert told in attempt.failure.message


@pytest.mark.parametrize("host", ["169.254.169.254", "0xa9fea9fe", "[::ffff:a9fe:a9fe]"])
def test_a_proxy_is_not_asked_for_a_metadata_service_either(host: str) -> None:
    with serve(proxy()) as server:
        options = ClientOptions(env={"ALL_PROXY": f"http://127.0.0.1:{server.port}"})
        attempt = deliver(f"http://{host}/", options=options)
        assert attempt.failure is not None
        assert attempt.failure.kind is FailureKind.BLOCKED
        assert server.connections == 0


# --- together --------------------------------------------------------------------------------------------------------


def together(url: str, messages: Sequence[Message], *, timeout_s: float = 5.0) -> list[Attempt]:
    return Wire(ClientOptions(), loopback_only=True).deliver_together(url, messages, timeout_s=timeout_s)


def test_nothing_is_whole_before_the_last_connection_stands(certificates: Certificates) -> None:
    last = 5
    ready: list[float] = []
    whole: list[float] = []

    def shake_hands(connection: Connection) -> None:
        late = connection.number == last
        if late and not connection.pause(0.3):
            return
        if late:
            ready.append(time.monotonic())
        with certificates.good.wrap_socket(connection.socket, server_side=True) as secure:
            inner = faults.Connection(secure, connection.number, connection.server)
            if inner.read_request():
                whole.append(time.monotonic())
                inner.send(response(200, b"%d" % connection.number))

    with serve(shake_hands) as server:
        url = f"https://127.0.0.1:{server.port}/"
        wire = Wire(ClientOptions(cacert=certificates.authority), loopback_only=True)
        sent = [message(url, body=bytes(1000 + place)) for place in range(last + 1)]
        attempts = wire.deliver_together(url, sent, timeout_s=5)
    assert [attempt.response.body for attempt in attempts if attempt.response] == [b"%d" % n for n in range(last + 1)]
    # the others have been open for a while, and none of their requests was ended
    assert min(whole) > ready[0]
    assert {len(faults.body_of(request)) for request in server.requests} == {1000 + n for n in range(last + 1)}


def test_an_empty_list_sends_nothing(server: Server) -> None:
    before = server.connections
    assert together(server.url, []) == []
    assert server.connections == before


def test_one_that_cannot_be_sent_leaves_the_others_alone() -> None:
    scripts = [faults.reply(200)] * 2 + [faults.close_at_once] + [faults.reply(200)] * 2
    with serve(faults.in_turn(*scripts)) as server:
        attempts = together(server.url, [message(server.url) for _ in scripts])
    assert sorted(attempt.failure is None for attempt in attempts) == [False, True, True, True, True]


def test_nothing_listening_fails_all_of_them() -> None:
    with faults.refuse() as closed:
        attempts = together(closed.url, [message(closed.url) for _ in range(3)])
    assert [attempt.failure.kind for attempt in attempts if attempt.failure] == [FailureKind.REFUSED] * 3


@pytest.mark.parametrize("secure", [False, True])
def test_a_receiver_that_hangs_is_given_up_for_all_at_once(secure: bool) -> None:
    with serve(faults.never_read) as server:
        url = f"http{'s' if secure else ''}://127.0.0.1:{server.port}/"
        began_s = time.monotonic()
        attempts = together(url, [message(url) for _ in range(5)], timeout_s=0.4)
        took_s = time.monotonic() - began_s
    assert [attempt.failure.kind for attempt in attempts if attempt.failure] == [FailureKind.TIMEOUT] * 5
    # one time for connecting, one for the answers: not one for each connection
    assert took_s < 2 * 0.4 + SLACK_S


def test_a_receiver_that_serves_one_connection_at_a_time_answers_all() -> None:
    # as servers with one thread do, which keep a connection until the client closes it
    turn = threading.Lock()

    def one_at_a_time(connection: Connection) -> None:
        with turn:
            while connection.read_request():
                connection.send(response(200))

    with serve(one_at_a_time) as server:
        attempts = together(server.url, [message(server.url) for _ in range(5)])
    assert [attempt.failure for attempt in attempts] == [None] * 5


def test_a_receiver_that_takes_only_so_many_connections_answers_those(certificates: Certificates) -> None:
    room = threading.Semaphore(3)

    def limited(connection: Connection) -> None:
        if not room.acquire(blocking=False):
            return
        connection.read_request()
        connection.send(response(200))
        connection.finish()

    with serve(limited) as server:
        attempts = together(server.url, [message(server.url) for _ in range(6)])
    assert sorted(attempt.failure is None for attempt in attempts) == [False] * 3 + [True] * 3
    assert {attempt.failure.kind for attempt in attempts if attempt.failure} == {FailureKind.RESET}
    with serve(faults.reply(200), tls=certificates.good) as server:
        wire = Wire(ClientOptions(cacert=certificates.authority), loopback_only=True)
        secure = wire.deliver_together(server.url, [message(server.url) for _ in range(3)], timeout_s=5)
    assert [attempt.failure for attempt in secure] == [None] * 3


def test_no_connection_is_left_open_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[httpcore.NetworkStream] = []
    real = httpcore.SyncBackend.connect_tcp

    def noted(*arguments: object, **options: object) -> httpcore.NetworkStream:
        stream: httpcore.NetworkStream = real(*arguments, **options)  # type: ignore[arg-type]
        opened.append(stream)
        return stream

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", noted)
    scripts = (faults.reply(200), faults.never_answer, faults.reset_before_answer, faults.close_at_once)
    with ExitStack() as stack:
        server = stack.enter_context(serve(faults.in_turn(*scripts)))
        together(server.url, [message(server.url) for _ in scripts], timeout_s=0.4)
        for _ in scripts:
            deliver(server.url, timeout_s=0.4)
            deliver(f"https://127.0.0.1:{server.port}/", timeout_s=0.4)
    assert len(opened) == 3 * len(scripts)
    assert [stream.get_extra_info("socket").fileno() for stream in opened] == [-1] * len(opened)
