"""Where a delivery goes: what is understood, what is refused and with which words."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookctl.config import Config, Origin, Setting
from hookctl.delivery import Client, ClientOptions, resolve_endpoint
from hookctl.delivery.endpoint import is_loopback_name
from hookctl.errors import InputError
from hookctl.model import FailureKind, SignedRequest
from tests.delivery import faults
from tests.delivery.faults import serve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hookctl.delivery import Endpoint
    from hookctl.model import Provider
    from tests.delivery.conftest import Here
    from tests.delivery.faults import Server

PASSWORD = "hunter22"


def _config(endpoints: Mapping[str, str] | None = None, origin: Origin = Origin.USER) -> Config:
    settings_ = {name: Setting(value, origin, f"file: endpoints.{name}") for name, value in (endpoints or {}).items()}
    return Config(provider=None, endpoints=settings_, to=None, project_folder=None)


def _resolve(
    provider: Provider,
    to: str | None,
    endpoints: Mapping[str, str] | None = None,
    *,
    origin: Origin = Origin.USER,
    allow_remote: bool = False,
) -> Endpoint:
    setting = None if to is None else Setting(to, Origin.FLAG, "--to")
    return resolve_endpoint(provider, setting, _config(endpoints, origin), allow_remote=allow_remote)


@pytest.mark.parametrize(
    ("to", "url"),
    [
        (None, "http://localhost:3000/api/webhooks/arky"),
        ("8080", "http://localhost:8080/api/webhooks/arky"),
        ("1", "http://localhost:1/api/webhooks/arky"),
        ("65535", "http://localhost:65535/api/webhooks/arky"),
        ("staging", "https://staging.example/hooks?key=1"),
        ("local", "http://localhost:4000/api/webhooks/arky"),
        ("localhost:3000", "http://localhost:3000/"),
        ("127.0.0.1:3000/hooks?a=b", "http://127.0.0.1:3000/hooks?a=b"),
        ("[::1]:3000/hooks", "http://[::1]:3000/hooks"),
        ("my-app.test:80/x", "http://my-app.test:80/x"),
        ("http://localhost", "http://localhost/"),
        ("http://localhost:3000?a=b", "http://localhost:3000/?a=b"),
        ("HTTP://LocalHost:3000/Hooks", "http://localhost:3000/Hooks"),
        ("https://example.com/a/../b/./c//d", "https://example.com/a/../b/./c//d"),
        ("http://localhost:3000/a#fragment", "http://localhost:3000/a"),
        ("http://localhost:/a", "http://localhost/a"),
        ("http://localhost:003000/a", "http://localhost:3000/a"),
        ("http://localhost/caf\u00e9?q=\u00fc&r=%C3%BC", "http://localhost/caf%C3%A9?q=%C3%BC&r=%C3%BC"),
        ("http://localhost/\udcff", "http://localhost/%FF"),
        ('http://localhost/"<>|{}', "http://localhost/%22%3C%3E%7C%7B%7D"),
        ("http://b\u00fccher.example:3000/", "http://xn--bcher-kva.example:3000/"),
        ("http://b\u00fccher:3000/", "http://xn--bcher-kva:3000/"),
        ("http://\u2603.example/", "http://xn--n3h.example/"),
        ("http://xn--zzzzzz.example/", "http://xn--zzzzzz.example/"),
        ("http://\uff11\uff12\uff17\u30020.0.1/", "http://127.0.0.1/"),
        ("http://[::FFFF:127.0.0.1]:80/", "http://[::ffff:127.0.0.1]:80/"),
        ("http://a_b.example./", "http://a_b.example./"),
        ("http://2130706433/", "http://2130706433/"),
    ],
)
def test_an_endpoint_is_understood(to: str | None, url: str, arky: Provider) -> None:
    endpoints = {"staging": "https://staging.example/hooks?key=1", "local": "4000"}
    endpoint = _resolve(arky, to, endpoints)
    assert endpoint.url == url
    assert not endpoint.loopback_only


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("0", "0 is not a port (--to): 1 to 65535"),
        ("65536", "65536 is not a port (--to): 1 to 65535"),
        ("stagin", "unknown endpoint 'stagin' (--to)"),
        ("123456", "unknown endpoint '123456' (--to)"),
        ("", "'' is not a URL (--to)"),
        ("localhost/hooks", "'localhost/hooks' is not a URL (--to)"),
        ("http:/localhost", "'http:/localhost' is not a URL (--to)"),
        ("http://", "'http://' names no host (--to)"),
        ("http:///hooks", "'http:///hooks' names no host (--to)"),
        ("http://:3000/", "'http://:3000/' names no host (--to)"),
        ("http://localhost:port/", "'http://localhost:port/' is not a URL (--to)"),
        ("http://localhost:99999/", "'http://localhost:99999/' is not a URL (--to)"),
        ("http://localhost:0/", "'http://localhost:0/': port 0 is not a port to send to (--to)"),
        ("http://[::1/", "'http://[::1/' is not a URL (--to)"),
        ("http://[v1.a]/", "'http://[v1.a]/': 'v1.a' is not a host (--to)"),
        ("http://999.1.1.1/", "'http://999.1.1.1/': '999.1.1.1' is not a host (--to)"),
        ("http://0177.0.0.1/", "'http://0177.0.0.1/': '0177.0.0.1' is not a host (--to)"),
        ("http://local<host/", "'http://local<host/': 'local<host' is not a host (--to)"),
        ("http://local\x7fhost/", "'http://local\\x7fhost/': 'local\\x7fhost' is not a host (--to)"),
        ("http://a..b/", "'http://a..b/': 'a..b' is not a host (--to)"),
        ("http://.localhost/", "'http://.localhost/': '.localhost' is not a host (--to)"),
        ("http://%31.example/", "'http://%31.example/': '%31.example' is not a host (--to)"),
        ("http://*.example/", "'http://*.example/': '*.example' is not a host (--to)"),
        (f"http://{'a' * 64}.example/", f"'http://{'a' * 64}.example/': '{'a' * 64}.example' is not a host (--to)"),
        ("http://\u00fc..example/", "'http://\u00fc..example/' is not a URL (--to)"),
        ("http://\udcff.example/", "'http://\\udcff.example/' is not a URL (--to)"),
        ("http://local host/", "'http://local host/' has white space in it (--to)"),
        ("http://localhost/a b", "'http://localhost/a b' has white space in it (--to)"),
        ("http://localhost/a\nb", "'http://localhost/a\\nb' has white space in it (--to)"),
        (" http://localhost/", "' http://localhost/' is not a URL (--to)"),
        ("http://localhost/ ", "'http://localhost/ ' has white space in it (--to)"),
        ("http://localhost/\u2028", "'http://localhost/\\u2028' has white space in it (--to)"),
        ("ftp://localhost/", "'ftp://localhost/': ftp is not supported (--to)"),
        ("file:///etc/passwd", "'file:///etc/passwd': file is not supported (--to)"),
        ("http://joe@localhost/", "the URL for localhost has credentials in it (--to)"),
        ("http://:@localhost/", "the URL for localhost has credentials in it (--to)"),
        ("http://localhost\\@example.com/", "the URL for example.com has credentials in it (--to)"),
    ],
)
def test_what_is_no_endpoint_is_refused_by_name(to: str, message: str, arky: Provider) -> None:
    with pytest.raises(InputError) as refusal:
        _resolve(arky, to, {"staging": "https://staging.example/"})
    assert refusal.value.message == message


@pytest.mark.parametrize(
    "to",
    [
        f"http://joe:{PASSWORD}@localhost:3000/",
        f"http://:{PASSWORD}@localhost/",
        f"http://joe:{PASSWORD}@localhost:port/",
        f"http://joe:{PASSWORD}@localhost:0/",
        f"http://joe:{PASSWORD}@local host/",
        f"http://joe:{PASSWORD} x@localhost/",
        f"http://joe:{PASSWORD}/x@localhost/",
        f"http://joe:{PASSWORD}@x@localhost/",
        f"http://joe:{PASSWORD}@",
        f"http://joe:{PASSWORD}@a..b/",
        f"ftp://joe:{PASSWORD}@localhost/",
        f"joe:{PASSWORD}@localhost:3000/",
        f"http:joe:{PASSWORD}@localhost",
        f"http://joe:{PASSWORD}@[::1/",
        f"http://joe:{PASSWORD}@localhost/{'a' * 20_000}",
    ],
)
def test_a_password_in_a_url_is_refused_and_not_repeated(to: str, arky: Provider) -> None:
    with pytest.raises(InputError) as refusal:
        _resolve(arky, to)
    assert PASSWORD not in refusal.value.message
    assert PASSWORD not in (refusal.value.hint or "")


def test_a_url_that_is_far_too_long_is_refused_in_a_short_message(arky: Provider) -> None:
    with pytest.raises(InputError, match="is longer than 16384 characters") as refusal:
        _resolve(arky, "http://localhost/" + "a" * 100_000)
    assert len(refusal.value.message) < 300


def test_an_unknown_name_shows_the_nearest_known_one(arky: Provider) -> None:
    with pytest.raises(InputError) as refusal:
        _resolve(arky, "stagin", {"staging": "https://staging.example/"})
    assert refusal.value.hint == "did you mean 'staging'?"


def test_a_configured_endpoint_of_the_provider_is_the_default(arky: Provider) -> None:
    assert _resolve(arky, None, {"arky": "http://localhost:9000/ours"}).url == "http://localhost:9000/ours"


def test_a_bad_configured_endpoint_names_its_place(arky: Provider) -> None:
    with pytest.raises(InputError, match=r"ftp is not supported \(file: endpoints\.arky\)"):
        _resolve(arky, None, {"arky": "ftp://localhost/"})


def test_a_provider_that_documents_no_path_needs_a_whole_url(here: Here) -> None:
    nothing = here("send", "formSubmission.created")
    assert nothing.code == 3
    assert "no endpoint for Arcade" in nothing.err
    bare = here("send", "formSubmission.created", "--to", "3000")
    assert bare.code == 3
    assert "port 3000 alone is not enough for Arcade" in bare.err
    assert "--to http://localhost:3000/webhooks/arcade" in bare.err


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("app.localhost", True),
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost.example.com", False),
        ("notlocalhost", False),
        ("128.0.0.1", False),
        ("::ffff:192.0.2.1", False),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
    ],
)
def test_loopback_is_known_by_its_name(host: str, loopback: bool) -> None:
    assert is_loopback_name(host) is loopback


@pytest.mark.parametrize("url", ["http://192.0.2.1/", "https://example.com/", "http://0.0.0.0:3000/", "http://127.1/"])
def test_a_projects_endpoint_beyond_loopback_needs_consent(url: str, arky: Provider) -> None:
    with pytest.raises(InputError, match="points beyond this machine"):
        _resolve(arky, None, {"arky": url}, origin=Origin.PROJECT)
    with pytest.raises(InputError, match="points beyond this machine"):
        _resolve(arky, "prod", {"prod": url}, origin=Origin.PROJECT)
    assert not _resolve(arky, None, {"arky": url}, origin=Origin.PROJECT, allow_remote=True).loopback_only
    assert not _resolve(arky, None, {"arky": url}, origin=Origin.USER).loopback_only
    assert not _resolve(arky, url, {"arky": url}, origin=Origin.PROJECT).loopback_only


def test_a_projects_endpoint_on_loopback_is_held_to_it(arky: Provider) -> None:
    assert _resolve(arky, None, {"arky": "http://app.localhost:3000/"}, origin=Origin.PROJECT).loopback_only
    assert _resolve(arky, "dev", {"dev": "3000"}, origin=Origin.PROJECT).loopback_only


# --- any text --------------------------------------------------------------------------------------------------------

_PIECES = st.sampled_from(
    [
        "http://",
        "https://",
        "localhost",
        "127.0.0.1",
        "[::1]",
        ":",
        ":80",
        "/",
        "?",
        "#",
        "@",
        "%",
        "%2e",
        "..",
        ".",
        "\\",
    ]
)
_TEXT = st.lists(_PIECES | st.text(max_size=6), max_size=8).map("".join)


@pytest.fixture
def nothing_resolves(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_address(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_address)


@pytest.mark.usefixtures("nothing_resolves")
def test_any_text_is_refused_or_is_a_url_that_can_be_used(arky: Provider) -> None:
    @given(text=_TEXT | _TEXT.map("http://".__add__))
    @settings(max_examples=400, deadline=None)
    def check(text: str) -> None:
        try:
            endpoint = _resolve(arky, text)
        except InputError:
            return
        assert endpoint.url.isascii()
        assert endpoint.url.isprintable()
        assert " " not in endpoint.url
        with Client(ClientOptions()) as client:
            attempt = client.deliver(SignedRequest("arky", None, None, "POST", endpoint.url, (), b""), timeout_s=5)
        assert attempt.failure is not None
        assert attempt.failure.kind is FailureKind.DNS

    check()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve(faults.reply(200)) as running:
        yield running


@given(tail=st.lists(_PIECES | st.text(max_size=6), max_size=6).map("".join))
@settings(max_examples=150, deadline=None)
def test_the_target_on_the_wire_is_the_one_that_is_shown(tail: str, server: Server, arky: Provider) -> None:
    try:
        endpoint = _resolve(arky, f"http://127.0.0.1:{server.port}/{tail}")
    except InputError:
        return
    with Client(ClientOptions()) as client:
        attempt = client.deliver(SignedRequest("arky", None, None, "POST", endpoint.url, (), b""), timeout_s=5)
    assert attempt.failure is None
    shown = endpoint.url.removeprefix(f"http://127.0.0.1:{server.port}")
    assert faults.head_lines(server.requests[-1])[:2] == [
        b"POST " + shown.encode() + b" HTTP/1.1",
        b"Host: 127.0.0.1:%d" % server.port,
    ]
