"""Proxies: loopback never goes through one, everything else as the environment says, and never in silence."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hookctl.delivery import Client, ClientOptions
from hookctl.delivery.proxies import find_proxy
from hookctl.errors import InputError
from hookctl.model import FailureKind, SignedRequest
from tests.delivery import faults
from tests.delivery.faults import basic, proxy, serve

if TYPE_CHECKING:
    from tests.delivery.conftest import Certificates, Deliver
    from tests.harness import Cli

PASSWORD = "hunter22"
_NAMES = ["HTTP_PROXY", "http_proxy", "Http_Proxy", "ALL_PROXY", "all_proxy"]


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.2"])
def test_loopback_goes_past_every_proxy(name: str, host: str, deliver: Deliver) -> None:
    with (
        serve(proxy()) as other,
        serve(faults.reply(200), host="127.0.0.2" if host == "127.0.0.2" else "127.0.0.1") as server,
    ):
        attempt = deliver(server.at(host), options=ClientOptions(env={name: f"http://127.0.0.1:{other.port}"}))
        assert attempt.failure is None
        assert (server.connections, other.connections) == (1, 0)


@pytest.mark.parametrize("host", ["[::1]", "app.localhost", "LOCALHOST", "[::ffff:127.0.0.1]"])
def test_loopback_is_known_in_every_spelling(host: str) -> None:
    assert find_proxy(f"http://{host}:3000/", {"ALL_PROXY": "http://192.0.2.1:8080"}) is None


def test_loopback_over_https_goes_past_a_proxy(certificates: Certificates, deliver: Deliver) -> None:
    with serve(proxy()) as other, serve(faults.reply(200), tls=certificates.good) as server:
        environment = {"HTTPS_PROXY": f"http://127.0.0.1:{other.port}"}
        attempt = deliver(server.url, options=ClientOptions(cacert=certificates.authority, env=environment))
        assert attempt.failure is None
        assert other.connections == 0


@pytest.mark.parametrize("name", _NAMES)
def test_anything_else_goes_through_it_and_only_it_resolves_the_name(name: str, deliver: Deliver) -> None:
    with serve(proxy()) as server:
        options = ClientOptions(env={name: f"http://127.0.0.1:{server.port}"})
        attempt = deliver("http://receiver.invalid:8080/hook?a=b", options=options, headers=(("X-Mine", "1"),))
    assert attempt.failure is None
    assert attempt.response is not None
    assert attempt.response.body == b"from the proxy"
    assert faults.head_lines(server.requests[0]) == [
        b"POST http://receiver.invalid:8080/hook?a=b HTTP/1.1",
        b"Host: receiver.invalid:8080",
        b"Content-Length: 2",
        b"X-Mine: 1",
    ]


def test_lower_case_wins_and_an_empty_variable_says_nothing(deliver: Deliver) -> None:
    with serve(proxy()) as server:
        good = f"http://127.0.0.1:{server.port}"
        for environment in (
            {"HTTP_PROXY": "http://192.0.2.1:1", "http_proxy": good},
            {"HTTP_PROXY": "", "ALL_PROXY": good},
        ):
            assert deliver("http://receiver.invalid/", options=ClientOptions(env=environment)).failure is None
        assert len(server.requests) == 2


def test_https_goes_through_a_tunnel_that_sees_neither_headers_nor_body(
    certificates: Certificates, deliver: Deliver
) -> None:
    with (
        serve(faults.reply(200, b"end"), tls=certificates.good) as server,
        serve(proxy(tunnel_to=server.port)) as other,
    ):
        environment = {"HTTPS_PROXY": f"http://joe:{PASSWORD}@127.0.0.1:{other.port}"}
        options = ClientOptions(cacert=certificates.authority, env=environment)
        attempt = deliver("https://receiver.example/hook", options=options, headers=(("X-Mine", "1"),), body=b"body")
        assert attempt.failure is None
        assert attempt.response is not None
        assert attempt.response.body == b"end"
        request_line, *lines = faults.head_lines(other.requests[0])
        assert request_line == b"CONNECT receiver.example:443 HTTP/1.1"
        assert faults.header_of(other.requests[0], b"proxy-authorization") == basic(f"joe:{PASSWORD}")
        assert not [line for line in lines if b"X-Mine" in line]
        assert faults.header_of(server.requests[0], b"x-mine") == b"1"
        assert faults.header_of(server.requests[0], b"proxy-authorization") is None


def test_a_certificate_is_checked_through_a_tunnel_too(certificates: Certificates, deliver: Deliver) -> None:
    with serve(faults.reply(200), tls=certificates.wrong_host) as server, serve(proxy(tunnel_to=server.port)) as other:
        environment = {"HTTPS_PROXY": f"http://127.0.0.1:{other.port}"}
        options = ClientOptions(cacert=certificates.authority, env=environment)
        attempt = deliver("https://receiver.example/hook", options=options)
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.TLS
    assert "not valid for 'receiver.example'" in attempt.failure.message
    assert server.requests == []


@pytest.mark.parametrize(
    ("user", "sent"), [(f"joe:{PASSWORD}", f"joe:{PASSWORD}"), ("joe", "joe:"), ("j%40e:p%3Aw%C3%A9", "j@e:p:w\u00e9")]
)
def test_credentials_for_the_proxy_reach_the_proxy(user: str, sent: str, deliver: Deliver) -> None:
    with serve(proxy()) as server:
        environment = {"HTTP_PROXY": f"http://{user}@127.0.0.1:{server.port}"}
        assert deliver("http://receiver.invalid/", options=ClientOptions(env=environment)).failure is None
    assert faults.header_of(server.requests[0], b"proxy-authorization") == basic(sent)


def test_a_proxy_is_named_without_its_credentials(cli: Cli) -> None:
    with serve(proxy()) as server:
        environment = {"http_proxy": f"joe:{PASSWORD}@127.0.0.1:{server.port}"}
        result = cli.with_secrets()(
            "send", "order.paid", "order.paid", "--to", "http://receiver.invalid/hook", "-v", env=environment
        )
    assert result.code == 0, result.out
    assert result.err == f" note: through the proxy http://127.0.0.1:{server.port}, as the environment says\n"
    assert PASSWORD not in result.out
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("no_proxy", "direct"),
    [
        ("*", True),
        ("receiver.example", True),
        (".example", True),
        ("other.test, receiver.example", True),
        ("receiver.example:8080", True),
        ("receiver.example:9090", False),
        ("other.example", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_no_proxy_names_what_goes_direct(no_proxy: str, direct: bool, name: str) -> None:
    environment = {"HTTP_PROXY": "http://192.0.2.1:8080", name: no_proxy}
    assert (find_proxy("http://receiver.example:8080/hook", environment) is None) is direct


def test_a_variable_of_the_other_scheme_says_nothing() -> None:
    assert find_proxy("https://receiver.example/", {"HTTP_PROXY": "http://192.0.2.1:1"}) is None
    assert find_proxy("http://receiver.example/", {"HTTPS_PROXY": "http://192.0.2.1:1"}) is None


@pytest.mark.parametrize("scheme", ["socks5", "ftp"])
def test_a_kind_of_proxy_that_is_not_supported_says_so(scheme: str, cli: Cli) -> None:
    environment = {"ALL_PROXY": f"{scheme}://joe:{PASSWORD}@127.0.0.1:1080"}
    result = cli.with_secrets()("send", "order.paid", "--to", "http://receiver.invalid/hook", env=environment)
    assert result.code == 4
    assert f"    the proxy {scheme}://127.0.0.1:1080 is of a kind that is not supported\n" in result.out
    assert "Traceback" not in result.err
    assert PASSWORD not in result.out + result.err


def test_a_proxy_that_is_not_there_is_the_proxys_failure_and_not_waited_for(cli: Cli) -> None:
    with faults.refuse() as closed:
        environment = {"HTTP_PROXY": f"http://joe:{PASSWORD}@127.0.0.1:{closed.port}"}
        result = cli.with_secrets()(
            *("send", "order.paid", "--to", "http://receiver.invalid/", "--wait", "30", "--format", "ndjson"),
            env=environment,
            timeout_s=10,
        )
    assert result.code == 4
    error = result.records[0]["error"]
    assert error.startswith(f"proxy: the proxy http://127.0.0.1:{closed.port} cannot be used: ")
    assert "waiting" not in result.err
    assert PASSWORD not in result.out + result.err


@pytest.mark.parametrize(
    ("refusal", "message"),
    [
        (faults.response(407, b"", b"Proxy-Authenticate: Basic"), "the proxy refused: 407 Whatever"),
        (b"HTTP/1.1 502 Bad \xff Gateway\r\nContent-Length: 0\r\n\r\n", "the proxy refused: 502 Bad  Gateway"),
    ],
)
def test_a_proxy_that_refuses_the_tunnel_is_quoted(refusal: bytes, message: str, deliver: Deliver) -> None:
    with serve(proxy(refuse_with=refusal)) as server:
        options = ClientOptions(env={"ALL_PROXY": f"http://127.0.0.1:{server.port}"})
        attempt = deliver("https://receiver.example/", options=options)
    assert attempt.response is None
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.PROXY
    assert attempt.failure.message == message


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (faults.never_answer, FailureKind.TIMEOUT),
        (faults.close_before_answer, FailureKind.RESET),
        (faults.answer(b"\x05\xff"), FailureKind.INVALID_HTTP),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_fault_of_a_proxy_is_bounded_like_a_receivers(
    script: faults.Script, kind: FailureKind, scheme: str, deliver: Deliver
) -> None:
    with serve(script) as server:
        options = ClientOptions(env={"ALL_PROXY": f"http://127.0.0.1:{server.port}"})
        attempt = deliver(f"{scheme}://receiver.example/", timeout_s=0.3, options=options)
    assert attempt.failure is not None
    assert attempt.failure.kind is kind


_BAD = [
    "http://",
    "http://127.0.0.1:port",
    "http://127.0.0.1:99999",
    "http://[::1",
    "http://pro xy:1",
    "http://\u2603/",
]


@pytest.mark.parametrize("value", _BAD)
def test_a_variable_that_holds_no_proxy_is_named(value: str) -> None:
    with pytest.raises(InputError, match="HTTP_PROXY in the environment is not the URL of a proxy"):
        find_proxy("http://receiver.example/", {"http_proxy": value})
    with pytest.raises(InputError, match="ALL_PROXY in the environment is not the URL of a proxy"):
        find_proxy("https://receiver.example/", {"ALL_PROXY": value})
    assert find_proxy("http://localhost/", {"http_proxy": value}) is None


def test_a_variable_that_holds_no_proxy_ends_a_run_in_3_before_anything_is_sent(cli: Cli) -> None:
    with serve(faults.reply(200)) as server:
        (cli.folder / "hookctl.toml").write_text(
            f'[endpoints]\narky = "{server.url}"\narcade = "http://receiver.example/"\n'
        )
        environment = {"HTTP_PROXY": f"http://joe:{PASSWORD}@proxy:port"}
        result = cli.with_secrets()("send", "order.paid", "formSubmission.created", "--allow-remote", env=environment)
        assert server.connections == 0
    assert result.code == 3
    assert "HTTP_PROXY in the environment is not the URL of a proxy" in result.err
    assert PASSWORD not in result.out + result.err


def test_any_value_of_a_variable_is_a_proxy_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_address(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_address)
    request = SignedRequest("arky", None, None, "POST", "http://receiver.example/", (), b"")

    @given(value=st.text() | st.text().map("http://".__add__))
    @example(value="http://a%b")
    @example(value="http://[::1%25x]:1")
    @example(value="https://proxy")
    @example(value="http://\udcff@proxy")
    @settings(max_examples=200, deadline=None)
    def check(value: str) -> None:
        environment = {"HTTP_PROXY": value}
        try:
            found = find_proxy(request.url, environment)
        except InputError:
            return
        assert (found is None) is (value == "")
        assert found is None or "@" not in found.shown
        with Client(ClientOptions(env=environment)) as client:
            failure = client.deliver(request, timeout_s=5).failure
        assert failure is not None
        assert failure.kind is (FailureKind.DNS if found is None else FailureKind.PROXY)

    check()
