"""What goes over the wire: the bytes of the request, seen by a socket that knows no HTTP."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hookctl import __version__
from hookctl.delivery import Client, ClientOptions, build_request, parse_header
from hookctl.errors import UsageError
from hookctl.model import Payload
from hookctl.report.request_forms import as_http
from tests.delivery import faults
from tests.delivery.faults import serve
from tests.harness import ARCADE_SECRET, ARKY_SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.model import Provider
    from tests.delivery.conftest import Deliver, Here
    from tests.delivery.faults import Server
    from tests.harness import Cli

_SIGNATURE = (("x-arky-signature", "ab" * 32), ("x-arky-timestamp", "1700000000"))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Record requests; a test looks at the last one."""
    with serve(faults.reply(200)) as running:
        yield running


def test_an_arky_delivery_is_exactly_these_bytes(cli: Cli, server: Server) -> None:
    url = server.at("localhost")
    result = cli.with_secrets()("send", "order.paid", "--to", url, "--at", "1700000000", "-H", "X-Mine: a  b")
    assert result.code == 0, result.out
    request = server.requests[-1]
    body = faults.body_of(request)
    signed = hmac.new(ARKY_SECRET.encode(), b"1700000000." + body, hashlib.sha256).hexdigest()
    assert faults.head_lines(request) == [
        b"POST /hook HTTP/1.1",
        b"Host: localhost:%d" % server.port,
        b"Content-Length: %d" % len(body),
        b"content-type: application/json",
        b"user-agent: hookctl/" + __version__.encode(),
        b"x-arky-signature: " + signed.encode(),
        b"x-arky-timestamp: 1700000000",
        b"X-Mine: a  b",
    ]
    assert json.loads(body)["event"] == "order.paid"


def test_an_arcade_delivery_is_exactly_these_bytes(cli: Cli, server: Server) -> None:
    previous = {"ARCADE_SIGNING_SECRET_PREVIOUS": "old"}
    result = cli.with_secrets()("send", "formSubmission.created", "--to", server.url, "--rotate", "both", env=previous)
    assert result.code == 0, result.out
    request = server.requests[-1]
    body = faults.body_of(request)

    assert faults.head_lines(request) == [
        b"POST /hook HTTP/1.1",
        b"Host: 127.0.0.1:%d" % server.port,
        b"Content-Length: %d" % len(body),
        b"content-type: application/json",
        b"user-agent: hookctl/" + __version__.encode(),
        b"x-arcade-signature: " + _base64_hmac(ARCADE_SECRET, body),
        b"x-arcade-signature-2: " + _base64_hmac("old", body),
    ]


def _base64_hmac(key: str, body: bytes) -> bytes:
    return b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest())


def test_the_http_preview_is_what_is_sent(arky: Provider, server: Server, deliver: Deliver) -> None:
    payload = Payload(b'{"a": "\xc3\xa9"}', "order.paid", "evt_1", 0)
    url = server.at("localhost") + "/a/../b?x=%zz&y"
    extra = (("X-One", "1"), ("x-one", "2"), ("X-Empty", ""), ("USER-agent", "mine"), ("X-Latin", "\xe9\xff"))
    request = build_request(arky, payload, url, _SIGNATURE, body=payload.body, extra=extra)
    assert deliver(url, headers=request.headers, body=request.body).failure is None
    assert server.requests[-1] == as_http(request)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("body", [b"", b"{}", b"\x00\xff\r\n\r\n", bytes(200_000)])
def test_host_and_length_are_those_of_the_url_and_the_body(host: str, body: bytes, deliver: Deliver) -> None:
    with serve(faults.reply(200), host=host) as server:
        deliver(server.url, body=body)
    shown = f"[{host}]" if ":" in host else host
    assert faults.header_of(server.requests[0], b"host") == f"{shown}:{server.port}".encode()
    assert faults.header_of(server.requests[0], b"content-length") == str(len(body)).encode()
    assert faults.body_of(server.requests[0]) == body


def test_the_library_adds_nothing_of_its_own(server: Server, deliver: Deliver) -> None:
    deliver(server.url)
    names = [line.partition(b":")[0] for line in faults.head_lines(server.requests[-1])[1:]]
    assert names == [b"Host", b"Content-Length"]


def test_names_keep_their_case_and_order_and_repeats(server: Server, deliver: Deliver) -> None:
    headers = (("b-LOWER", "1"), ("A-Upper", "2"), ("b-lower", "3"), ("accept-ENCODING", "x"), ("A-upper", ""))
    deliver(server.url, headers=headers)
    assert faults.head_lines(server.requests[-1])[3:] == [
        b"b-LOWER: 1",
        b"A-Upper: 2",
        b"b-lower: 3",
        b"accept-ENCODING: x",
        b"A-upper: ",
    ]


def test_a_netrc_file_adds_no_authorization(cli: Cli, server: Server) -> None:
    netrc = Path(os.environ["HOME"]) / ".netrc"
    netrc.write_text("machine localhost login joe password hunter22\ndefault login joe password hunter22\n")
    netrc.chmod(0o600)
    result = cli.with_secrets()("send", "order.paid", "--to", server.at("localhost"), env={"NETRC": str(netrc)})
    assert result.code == 0
    assert faults.header_of(server.requests[-1], b"authorization") is None
    assert b"hunter22" not in server.requests[-1]


# --- headers that the user adds --------------------------------------------------------------------------------------

_TOKENS = st.text("!#$%&'*+.^_`|~-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1)
_WORDS = st.sampled_from(
    [
        ":",
        ": ",
        "\r\n",
        "\n",
        "\r",
        "\0",
        "\t",
        " ",
        "X-Mine",
        "Host",
        "content-type",
        "User-Agent",
        "x-arky-signature",
        "Content-Length",
        "é",
        "\x85",
        "\u2028",
        "\udcff",
        "Transfer-Encoding: chunked",
    ]
)
_BYTES = st.binary(max_size=12).map(os.fsdecode)
"""As the command line gives bytes that are not UTF-8."""
_LINES = st.lists(_WORDS | _BYTES | _TOKENS, max_size=6).map("".join) | st.builds(
    "{}:{}{}".format, _TOKENS, st.sampled_from(["", " ", "\t"]), st.text(max_size=20).filter(str.isprintable) | _BYTES
)


@given(line=_LINES)
@example(line="X: a\r\nInjected: 1")
@example(line="X: a\nInjected: 1")
@example(line="X: a\rInjected: 1")
@example(line="X\r\nInjected: 1")
@example(line="X : a")
@example(line=" X: a")
@example(line="X: \x0b")
@example(line="X: a\x7f")
@example(line="X: \xa0\x85 ")
@example(line="X:")
@settings(max_examples=300, deadline=None)
def test_a_header_is_refused_or_arrives_as_one_line_and_changes_nothing_else(
    line: str, server: Server, arky: Provider
) -> None:
    payload = Payload(b"{}", "order.paid", "evt_1", 0)
    plain = build_request(arky, payload, server.url, _SIGNATURE, body=payload.body)
    try:
        name, value = parse_header(line)
        request = build_request(arky, payload, server.url, _SIGNATURE, body=payload.body, extra=((name, value),))
    except UsageError:
        return
    with Client(ClientOptions()) as client:
        attempts = [client.deliver(each, timeout_s=5) for each in (plain, request)]
    assert [attempt.failure for attempt in attempts] == [None, None]
    without, with_ = (faults.head_lines(each) for each in server.requests[-2:])
    assert faults.body_of(server.requests[-1]) == b"{}"
    *rest, last = with_
    assert last == name.encode() + b": " + os.fsencode(line).partition(b":")[2].strip(b" \t")
    # one that is named like ours stands in its place, any other stands beside them
    assert rest == [each for each in without if not each.lower().startswith(name.lower().encode() + b":")]
    assert len(rest) >= len(without) - 1
    assert {each.partition(b":")[0] for each in without} - {each.partition(b":")[0] for each in rest} <= {
        b"content-type",
        b"user-agent",
    }


@pytest.mark.parametrize(
    "line",
    [
        "Host: evil.example",
        "hOST:evil.example",
        "Content-Length: 5",
        "content-length:5",
        "Transfer-Encoding: chunked",
        "TRANSFER-ENCODING: gzip",
        "Connection: close",
        "Expect: 100-continue",
        "Upgrade: h2c",
        "TE: trailers",
        "x-arky-signature: 00",
        "X-ARKY-Signature: 00",
        "X-Arky-Timestamp: 0",
    ],
)
def test_a_header_that_hookctl_has_to_write_is_refused_in_any_case(line: str, arky: Provider) -> None:
    payload = Payload(b"{}", None, None, 0)
    with pytest.raises(UsageError) as refusal:
        build_request(arky, payload, "http://localhost/", _SIGNATURE, body=b"", extra=(parse_header(line),))
    assert refusal.value.message.startswith(f"-H {line.partition(':')[0]}: ")


@pytest.mark.parametrize("line", ["hOST: evil.example", "X-Arky-Signature: 00", "no colon", "X: a\nInjected: 1"])
def test_nothing_is_sent_when_a_header_is_refused(line: str, here: Here, server: Server) -> None:
    before = server.connections
    result = here("send", "order.paid", "--to", server.url, "-H", line)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: -H")
    assert server.connections == before


@pytest.mark.parametrize("name", ["X-Arcade-Signature", "x-arcade-SIGNATURE-2"])
def test_each_signature_header_of_a_provider_is_protected(name: str, arcade: Provider) -> None:
    payload = Payload(b"{}", None, None, 0)
    with pytest.raises(UsageError, match="belongs to the signature"):
        build_request(arcade, payload, "http://localhost/", (), body=b"", extra=((name, "x"),))


def test_another_providers_signature_header_may_be_sent(arcade: Provider) -> None:
    payload = Payload(b"{}", None, None, 0)
    request = build_request(arcade, payload, "http://localhost/", (), body=b"", extra=(("x-arky-signature", "x"),))
    assert request.headers[-1] == ("x-arky-signature", "x")


def test_bytes_of_the_command_line_arrive_as_they_are(cli: Cli, server: Server) -> None:
    line = os.fsdecode(b"X-Odd: \xc3\xa9 \xff")
    assert cli.with_secrets()("send", "order.paid", "--to", server.url, "-H", line).code == 0
    assert faults.header_of(server.requests[-1], b"x-odd") == b"\xc3\xa9 \xff"


# --- what is loaded --------------------------------------------------------------------------------------------------

_TRAPS = ("click", "pygments", "rich")


def test_httpx_does_not_bring_its_command_line_along(tmp_path: Path, cli: Cli, server: Server) -> None:
    for name in _TRAPS:
        # httpx survives an ImportError, and would hide it
        (tmp_path / f"{name}.py").write_text(f"raise RuntimeError('{name} was imported')\n")
    environment = {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    result = cli.with_secrets()("send", "order.paid", "--to", server.url, "--format", "ndjson", env=environment)
    assert (result.code, result.err) == (0, "")


def test_httpx_can_still_be_used_by_others_afterwards(server: Server) -> None:
    program = f"""
import sys
from hookctl.delivery import Client, ClientOptions
from hookctl.model import SignedRequest
with Client(ClientOptions()) as client:
    attempt = client.deliver(SignedRequest("arky", None, None, "POST", {server.url!r}, (), b""), timeout_s=5)
assert attempt.response.status == 200
assert "httpx" in sys.modules
assert "httpx._main" not in sys.modules
assert not {set(_TRAPS)} & set(sys.modules), "too much is loaded"
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=30)
