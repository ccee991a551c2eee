"""A request that is shown instead of sent: pasted into a shell it is the very same request."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hookctl.model import SignedRequest
from hookctl.report.request_forms import as_curl, as_http, as_text
from hookctl.report.safe import UNSAFE
from tests.rawserver import RawServer, Received, raw_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hookctl.model import Headers
    from tests.harness import Cli

SHELLS = ("sh", "bash")
HEADERS: Headers = (("content-type", "application/json"), ("user-agent", "hookctl/0"), ("x-arky-signature", "ab" * 32))

BODIES = {
    "json": b'{"a":"b"}',
    "empty": b"",
    "single quotes": b"it's '' \"quoted\" `date` $(date) $HOME ${HOME} !! \\'",
    "newlines": b"\n\na\n\nb\n\n",
    "carriage returns": b"a\r\nb\r",
    "percent": b"%s %d %% %b %c %",
    "backslashes": b"\\ \\\\ \\n \\0101 \\c \\x41 \\u0041 \\",
    "backslashes among bytes": b"\\ \\\\ \\n \\0101 \\c \\x41 \\u0041 \\\xff",
    "percent among bytes": b"%s %d %% %\x00",
    "quotes among bytes": b"it's \"quoted\"\x00' $HOME `date`",
    "digits behind an escape": b"\x01" + b"1234567\x00" + b"01",
    "nul": b"\x00",
    "nul in the middle": b"a\x00b\x00",
    "leading at": b"@/etc/hostname",
    "leading dash": b"-n --help -e",
    "at and dash among bytes": b"@-\xff",
    "0xff": b"\xff\xfe",
    "all bytes": bytes(range(256)),
    "byte order mark": b"\xef\xbb\xbf{}",
    "non-ascii": "Zoë 日本 🦊".encode(),
    "escape sequences": b"\x1b[31m\xc2\x9b \xe2\x80\xae",
    "tabs": b"a\tb\t\t",
    "200 KiB of text": b"0123456789abcdef" * 12_800,
    "200 KiB of bytes": bytes(range(256)) * 800,
}


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    with raw_server() as running:
        yield running


def request(url: str, body: bytes, headers: Headers = HEADERS) -> SignedRequest:
    return SignedRequest("arky", "order.paid", None, "POST", url, headers, body)


def run(shell: str, command: str, folder: Path) -> None:
    """Run a command as a user would: typed, or from a file where it is longer than an argument can be."""
    environment = {"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(folder)}
    if len(command) < 100_000:
        arguments = [shell, "-c", command]
    else:
        script = folder / "script"
        script.write_text(command)
        arguments = [shell, str(script)]
    done = subprocess.run(
        arguments, stdin=subprocess.DEVNULL, capture_output=True, env=environment, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"HTTP/1.1 200")


def raw(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]


def without_curls_own(received: Received) -> list[tuple[bytes, bytes]]:
    return [line for line in received.headers if line[0] not in {b"host", b"accept", b"content-length", b"expect"}]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_curl_sends_the_very_same_request(shell: str, body: bytes, server: RawServer, tmp_path: Path) -> None:
    command = as_curl(request(server.url, body))
    assert not UNSAFE.search(command)
    run(shell, command, tmp_path)
    received = server.take()
    assert received.lines[0] == b"POST /hook HTTP/1.1"
    assert without_curls_own(received) == raw(HEADERS)
    assert received.body == body


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_curl_sends_any_body(body: bytes, server: RawServer, tmp_path: Path) -> None:
    for shell in SHELLS:
        run(shell, as_curl(request(server.url, body)), tmp_path)
        assert server.take().body == body


VALUES = {
    "plain": "v",
    "empty": "",
    "single quote": "it's",
    "double quote": 'say "hi"',
    "shell": "$(id) `id` $HOME \\ ; & | > %s !",
    "semicolon": "a; charset=utf-8;",
    "tab inside": "a\tb",
    "utf-8": "Zoë 日本".encode().decode("latin-1"),
    "latin-1": "\xe9\xff",
    "bidi": "\u202e".encode().decode("latin-1"),
    "c1 in utf-8": "\x9b".encode().decode("latin-1"),
    "leading at": "@/etc/hostname",
    "backslash and byte": "\\n\xff\\",
}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_curl_sends_the_very_same_headers(shell: str, value: str, server: RawServer, tmp_path: Path) -> None:
    headers = (*HEADERS, ("X-Own", value), ("x-own", "again"))
    command = as_curl(request(server.url, b"{}", headers))
    assert not UNSAFE.search(command.replace("\t", " "))
    run(shell, command, tmp_path)
    assert without_curls_own(server.take()) == raw(headers)


@pytest.mark.parametrize("target", ["/", "/a[1-3]", "/a?x=%7B1,2%7D&y=[a]", "/it's?$HOME", "/a;b&c"])
def test_curl_asks_for_the_very_same_target_once(target: str, server: RawServer, tmp_path: Path) -> None:
    run("sh", as_curl(request(f"http://127.0.0.1:{server.port}{target}", b"{}")), tmp_path)
    assert server.take().lines[0] == f"POST {target} HTTP/1.1".encode()
    assert server.requests.empty()


def test_a_readable_body_stays_readable() -> None:
    body = '{"name":"Zoë"}'
    assert as_curl(request("http://127.0.0.1:1/", body.encode())).startswith(f"printf %s '{body}' | curl ")


@pytest.mark.parametrize("environment", [{}, {"PYTHONIOENCODING": "cp1252"}, {"PYTHONIOENCODING": "ascii"}])
def test_the_command_line_writes_a_command_that_sends_what_send_sends(
    environment: dict[str, str], cli: Cli, server: RawServer, tmp_path: Path
) -> None:
    body = '{"type":"日本 é"}'.encode()
    same = ("order.paid", "--at", "1704067200", "--data", "-", "-H", "X-Own: é€", "--to", server.url)
    one = cli.with_secrets()("send", *same, stdin=body)
    assert one.code == 0, one.err
    sent = server.take()
    preview = cli.with_secrets()("send", *same, "--dry-run", "--format", "curl", stdin=body, env=environment)
    assert preview.code == 0, preview.err
    run("sh", preview.raw_out.decode().rstrip("\n"), tmp_path)
    received = server.take()
    assert received.body == sent.body == body
    assert set(without_curls_own(received)) <= set(sent.headers)
    assert (b"x-own", "é€".encode()) in received.headers


def parse(data: bytes) -> tuple[str, list[tuple[str, str]], bytes]:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    return first, [(name, value) for name, _, value in (line.partition(": ") for line in lines)], body


@given(st.binary(max_size=300), st.lists(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)), max_size=3))
def test_http_parses_back(body: bytes, values: list[str]) -> None:
    headers = (*HEADERS, *((f"x-{index}", value) for index, value in enumerate(values)))
    first, lines, rest = parse(as_http(request("http://localhost:3000/hook?a=b", body, headers)))
    assert first == "POST /hook?a=b HTTP/1.1"
    assert lines == [("Host", "localhost:3000"), ("Content-Length", str(len(body))), *headers]
    assert rest == body


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_http_over_a_socket_is_the_request(body: bytes, server: RawServer) -> None:
    import socket

    url = urlsplit(server.url)
    with socket.create_connection(("127.0.0.1", url.port or 0), timeout=10) as connection:
        connection.sendall(as_http(request(server.url, body)))
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
    received = server.take()
    assert received.body == body
    assert received.headers[2:] == raw(HEADERS)


@pytest.mark.parametrize(
    ("url", "first", "host"),
    [
        ("http://localhost:3000/", "POST / HTTP/1.1", "localhost:3000"),
        ("http://[::1]:3000/a", "POST /a HTTP/1.1", "[::1]:3000"),
        ("https://example.com", "POST / HTTP/1.1", "example.com"),
        ("http://h/a?b=c%20d", "POST /a?b=c%20d HTTP/1.1", "h"),
    ],
)
def test_http_names_target_and_host(url: str, first: str, host: str) -> None:
    parsed = parse(as_http(request(url, b"")))
    assert (parsed[0], parsed[1][0]) == (first, ("Host", host))


@given(st.binary(max_size=200), st.text(st.characters(min_codepoint=1, max_codepoint=0xFF), max_size=40))
def test_text_is_safe_whatever_is_in_it(body: bytes, value: str) -> None:
    text = as_text(request("http://localhost/", body, (("x", value),)))
    assert not UNSAFE.search(text)
    assert text.startswith("POST http://localhost/\nx: ")


def test_text_shows_request_line_headers_and_body() -> None:
    text = as_text(request("http://localhost/", b'{"a":"\xc3\xa9"}\n', (("a", "b"), ("c", "d"))))
    assert text == 'POST http://localhost/\na: b\nc: d\n\n{"a":"é"}\n\n'
