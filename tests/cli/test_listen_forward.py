"""`hookctl listen --forward-to`: byte for byte there, byte for byte back, and whatever an app may do."""

from __future__ import annotations

import gzip
import re
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli.listening import Listening, delivery, listening
from tests.cli.recorder import Received as Recorded
from tests.cli.recorder import always, recording, unused_port
from tests.cli.serving import PATIENCE_S
from tests.harness import Cli
from tests.rawserver import RawServer, answer, raw_server
from tests.receiver.rawclient import RawClient, post, post_in_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from tests.cli.recorder import Answer


def forwarding(cli: Cli, app: RawServer, *arguments: str, form: str = "ndjson") -> AbstractContextManager[Listening]:
    """Return a listener that passes everything on, to its own path."""
    return listening(cli, "--forward-to", str(app.port), *arguments, form=form)


# there


def test_a_delivery_is_passed_on_byte_for_byte(signing: Cli) -> None:
    body = bytes(range(256)) * 3 + b"\r\n\x00\xff"
    lines = [b"X-CaSe: One", b"x-case: two", b"X-Latin: caf\xe9", b"X-Empty:", b"Cookie: a=b", b"X-CaSe: One"]
    with raw_server() as app, forwarding(signing, app) as listener:
        assert listener.send(post(body, *lines, target=b"/a/../b%2Fc;d?x=1&x=%20&y")).status == 200
        received = app.take()
    assert received.body == body
    assert received.lines[0] == b"POST /a/../b%2Fc;d?x=1&x=%20&y HTTP/1.1"
    # the two of this connection, then all others in their order and case
    assert received.lines[1:3] == [b"Host: localhost:%d" % app.port, b"Content-Length: %d" % len(body)]
    assert [line.replace(b": ", b":", 1) for line in received.lines[3:]] == [
        line.replace(b": ", b":", 1) for line in lines
    ]


def test_what_concerns_one_connection_only_is_not_passed_on(signing: Cli) -> None:
    lines = [
        *(b"Connection: keep-alive, X-Mine", b"X-Mine: secret", b"Keep-Alive: timeout=5", b"TE: trailers"),
        *(b"Upgrade: h2c", b"Proxy-Authorization: Basic eDp5", b"Proxy-Connection: close", b"connection: x-other"),
        *(b"X-Other: too", b"X-Stays: yes"),
    ]
    with raw_server() as app, forwarding(signing, app) as listener:
        assert listener.send(post(b"{}", *lines)).status == 200
        names = [name for name, _ in app.take().headers]
    assert names == [b"host", b"content-length", b"x-stays"]


def test_a_body_in_chunks_is_passed_on_with_its_length(signing: Cli) -> None:
    with raw_server() as app, forwarding(signing, app) as listener:
        assert listener.send(post_in_chunks([b"one", b"\x00two", b"x" * 70_000])).status == 200
        received = app.take()
    assert received.body == b"one\x00two" + b"x" * 70_000
    assert received.headers == [(b"host", b"localhost:%d" % app.port), (b"content-length", b"70007")]


def test_who_asks_whether_to_go_on_is_answered_by_the_listener(signing: Cli) -> None:
    with raw_server() as app, forwarding(signing, app) as listener, listener.client() as client:
        client.send(b"POST /hook HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert client.interim() == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(b"{}")
        assert client.answer().status == 200
        assert b"expect" not in dict(app.take().headers)


@settings(max_examples=40)
@given(
    bodies=st.lists(st.binary(max_size=300), min_size=1, max_size=4),
    values=st.lists(st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"))),
)
def test_any_bytes_are_passed_on_as_they_are(
    any_bytes: tuple[Listening, RawServer], bodies: list[bytes], values: list[str]
) -> None:
    listener, app = any_bytes
    # C1 controls are bytes like others; blanks around a value are no part of it
    raw = [value.strip(" ").encode("latin-1") for value in values]
    lines = [b"X-%d: %b" % (number, value) for number, value in enumerate(raw)]
    with listener.client() as client:
        for body in bodies:
            client.send(post(body, *lines))
            assert client.answer().status == 200
            received = app.take()
            assert received.body == body
            assert [value.strip(b" ") for _, value in received.headers[2:]] == raw


@pytest.fixture(scope="module")
def any_bytes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Listening, RawServer]]:
    """Return a listener, and the app that it passes on to."""
    cli = Cli(tmp_path_factory.mktemp("any"))
    with raw_server() as app, listening(cli, "--no-store", "--forward-to", str(app.port)) as listener:
        yield listener, app


@pytest.mark.parametrize(
    ("to", "target", "arrives"),
    [
        ("{port}", b"/a/b?c=d", b"/a/b?c=d"),
        ("localhost:{port}", b"/a", b"/a"),
        ("http://localhost:{port}/", b"/a", b"/a"),
        ("http://127.0.0.1:{port}/api/hook", b"/a", b"/api/hook"),
        ("http://127.0.0.1:{port}/api/hook", b"/a?c=d", b"/api/hook?c=d"),
        ("http://127.0.0.1:{port}/api/hook?token=1", b"/a?c=d", b"/api/hook?token=1&c=d"),
        ("http://127.0.0.1:{port}/?token=1", b"/a", b"/?token=1"),
        ("{port}", b"http://example.com/a?b", b"/a?b"),
        ("{port}", b"//other/a", b"//other/a"),
    ],
)
def test_which_path_a_delivery_goes_to(signing: Cli, to: str, target: bytes, arrives: bytes) -> None:
    with raw_server() as app, listening(signing, "--forward-to", to.format(port=app.port)) as listener:
        assert listener.send(post(b"{}", target=target)).status == 200
        assert app.take().lines[0] == b"POST " + arrives + b" HTTP/1.1"


def test_a_name_from_the_configuration_stands_for_its_url(signing: Cli) -> None:
    with raw_server() as app:
        (signing.folder / "hookctl.toml").write_text(f'[endpoints]\nmine = "{app.url}"\n')
        with listening(signing, "--forward-to", "mine") as listener:
            assert listener.send(delivery()).status == 200
            assert app.take().lines[0] == b"POST /hook HTTP/1.1"


def test_a_projects_file_may_not_send_deliveries_to_another_machine(signing: Cli) -> None:
    (signing.folder / "hookctl.toml").write_text('[endpoints]\nmine = "http://203.0.113.7/hook"\n')
    arguments = ("listen", "--port", "0", "--timeout", "0", "--no-store", "--forward-to", "mine")
    refused = signing(*arguments)
    assert refused.code == 3
    assert "points beyond this machine, to 203.0.113.7" in refused.err
    assert "--allow-remote" in refused.err
    assert signing(*arguments, "--allow-remote").code == 1  # it timed out


# back


def test_the_apps_answer_goes_back_as_it_is(signing: Cli) -> None:
    body = gzip.compress(b"hello" * 100, mtime=0) + b"\x00\xff"
    headers = b"Content-Encoding: gzip\r\nSet-Cookie: a=1\r\nX-CaSe: \xe9\r\nSet-Cookie: b=2\r\nKeep-Alive: 5\r\n"
    with raw_server(lambda _: answer(body, b"202 Fine", headers)) as app, forwarding(signing, app) as listener:
        with listener.client() as client:
            client.send(post(b"{}", b"Connection: close"))
            head, _, got = client.rest().partition(b"\r\n\r\n")
        record = listener.record()
    status, *lines = head.split(b"\r\n")
    assert (status.split()[1], got) == (b"202", body)
    assert lines[:4] == [b"Content-Encoding: gzip", b"Set-Cookie: a=1", b"X-CaSe: \xe9", b"Set-Cookie: b=2"]
    assert sorted(line.partition(b":")[0] for line in lines[4:]) == [b"Connection", b"Content-Length", b"Date"]
    assert record["response_status"] == record["forwarded"]["status"] == 202
    assert list(record["forwarded"]) == ["url", "status", "duration_ms", "error"]
    assert record["forwarded"]["error"] is None


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_an_answer_that_has_no_body_is_passed_back_without(signing: Cli, status: bytes) -> None:
    bare = b"HTTP/1.1 %b\r\nETag: x\r\n\r\n" % status
    with raw_server(lambda _: bare) as app, forwarding(signing, app) as listener, listener.client() as client:
        client.send(post(b"{}"), post(b"{}"))
        for _ in range(2):
            got = client.answer()
            assert (got.status, got.headers["etag"], got.body) == (int(status[:3]), "x", b"")
            assert "content-length" not in got.headers


def test_an_answer_to_head_has_the_length_and_no_body(signing: Cli) -> None:
    bare = b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nConnection: close\r\n\r\n"
    with raw_server(lambda _: bare) as app, forwarding(signing, app) as listener, listener.client() as client:
        client.send(b"HEAD /hook HTTP/1.1\r\nHost: x\r\n\r\n")
        got = client.answer(to_head=True)
        assert (got.status, got.headers["content-length"]) == (200, "1234")
        assert app.take().lines[0] == b"HEAD /hook HTTP/1.1"
        client.send(post(b"{}"))


def test_a_redirect_is_the_senders_to_follow(signing: Cli) -> None:
    with (
        raw_server() as other,
        raw_server(lambda _: answer(b"", b"307 There", b"Location: %b\r\n" % other.url.encode())) as app,
        forwarding(signing, app) as listener,
    ):
        got = listener.send(delivery())
        assert (got.status, got.headers["location"]) == (307, other.url)
        assert other.requests.empty()


def test_an_answer_in_chunks_goes_back_whole(signing: Cli) -> None:
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    with raw_server(lambda _: chunked) as app, forwarding(signing, app) as listener:
        assert listener.send(delivery()).body == b"abcde"


def test_an_interim_answer_of_the_app_is_not_its_answer(signing: Cli) -> None:
    both = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + answer(b"fin", b"200 OK")
    with raw_server(lambda _: both) as app, forwarding(signing, app) as listener:
        got = listener.send(delivery())
        assert (got.status, got.body) == (200, b"fin")


def test_what_the_app_says_about_its_failure_is_shown(signing: Cli) -> None:
    said = b"TypeError: x is \x1b[31mundefined\n  at handler\n"
    with raw_server(lambda _: answer(said)) as app, forwarding(signing, app, form="text") as listener:
        got = listener.send(delivery())
        assert (got.status, got.body) == (500, said)
        assert listener.end() == 0
        text = "".join(listener.rest())
    assert re.search(r"<-- 500 \d+ ms  http://localhost:\d+/hook\n", text)
    assert "  | TypeError: x is \\x1b[31mundefined\n  |   at handler\n" in text
    assert "1 passed on without success" in text


# what an app may do


def test_an_app_that_is_down_is_502_with_a_hint(signing: Cli) -> None:
    port = unused_port()
    with listening(signing, "--forward-to", str(port), form="text") as listener:
        got = listener.send(delivery())
        assert got.status == 502
        assert b"could not pass this on to http://localhost:%d/hook" % port in got.body
        assert listener.end() == 0
        text = "".join(listener.rest())
        assert re.search(r"<-- 502 \d+ ms  http://localhost:\d+/hook  nothing listens on localhost:\d+\n", text)
        assert "    hint: is the app running, and on that port?\n" in text
        assert listener.rows("response_status, forwarded_status") == [(502, None)]


BROKEN = [
    (b"hello\r\n\r\n", b"not valid HTTP"),
    (b"", b"closed before an answer came"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", b"the answer began with 200 but"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: ab\r\n\r\nabc", b"not valid HTTP"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nabc", b""),
    (b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n", b"not valid HTTP"),
    (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000 + b"\r\n", b""),
    (b"HTTP/1.1 700 What\r\nContent-Length: 0\r\n\r\n", b"the status 700"),
    (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", b""),
]


@pytest.mark.parametrize(("given_answer", "part"), BROKEN)
def test_a_broken_answer_is_502_and_not_a_bug(signing: Cli, given_answer: bytes, part: bytes) -> None:
    with raw_server(lambda _: given_answer) as app, forwarding(signing, app) as listener:
        got = listener.send(delivery())
        assert got.status == 502
        assert part in got.body
        assert listener.record()["response_status"] == 502
        assert listener.end() == 0
        assert "bug" not in listener.errors


@settings(max_examples=60)
@given(
    data=st.binary(max_size=60),
    before=st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\nX: "]),
)
def test_whatever_an_app_answers_the_sender_gets_an_answer(
    babbling: tuple[Listening, list[bytes]], data: bytes, before: bytes
) -> None:
    listener, says = babbling
    says[:] = [before + data]
    status = listener.send(post(b"{}")).status
    assert 200 <= status <= 599
    assert listener.errors == ""


@pytest.fixture(scope="module")
def babbling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Listening, list[bytes]]]:
    """Return a listener, and what the app that it passes on to answers."""
    from tests.harness import Cli

    says = [b""]
    cli = Cli(tmp_path_factory.mktemp("babbling"))
    with raw_server(lambda _: says[0]) as app, listening(cli, "--no-store", "--forward-to", str(app.port)) as listener:
        yield listener, says


def test_a_very_long_answer_is_cut_off_and_that_is_said(signing: Cli) -> None:
    with raw_server(lambda _: answer(b"x" * 3_000_000, b"200 OK")) as app, forwarding(signing, app) as listener:
        got = listener.send(delivery())
        assert (got.status, got.body) == (200, b"x" * 1024 * 1024)
        assert listener.record()["forwarded"]["error"] == "its answer went on past 1 MiB: the rest was cut off"


def test_a_slow_app_holds_no_other_delivery_up(signing: Cli) -> None:
    def slow_at_first(number: int, _: Recorded) -> Answer:
        if number == 0:
            time.sleep(2)
        return 200, b"%d" % number

    with recording(slow_at_first) as app, listening(signing, "--forward-to", app.base) as listener:
        with listener.client() as slow, listener.client() as direct:
            started_s = time.monotonic()
            slow.send(delivery("evt_slow"))
            app.wait(1)
            direct.send(delivery("evt_direct"))
            assert direct.answer().body == b"1"
            assert time.monotonic() - started_s < 1.5
            assert slow.answer().body == b"0"
            assert time.monotonic() - started_s >= 2
        assert [listener.record()["event_id"] for _ in range(2)] == ["evt_direct", "evt_slow"]


def test_sixteen_slow_answers_take_as_long_as_one(signing: Cli) -> None:
    def slow(_: int, __: Recorded) -> Answer:
        time.sleep(0.5)
        return 200, b""

    with recording(slow) as app, listening(signing, "--forward-to", app.base) as listener:
        clients = [listener.client() for _ in range(16)]
        started_s = time.monotonic()
        for number, client in enumerate(clients):
            client.send(delivery(f"evt_{number}"))
        assert [client.answer().status for client in clients] == [200] * 16
        assert time.monotonic() - started_s < 4
        for client in clients:
            client.socket.close()
        assert listener.end() == 0
        assert sorted(listener.rows("forwarded_status")) == [(200,)] * 16


@pytest.mark.parametrize("value", [b"a\x01b", b"a\x7fb", b"\x1b[31m", b"\x08"])
def test_a_control_character_in_a_header_is_refused_as_it_comes_in(signing: Cli, value: bytes) -> None:
    with raw_server() as app, forwarding(signing, app, form="text") as listener:
        assert listener.send(post(b"{}", b"X-Odd: " + value)).status == 400
        assert app.requests.empty()
        assert listener.end() == 0
        assert listener.errors == ""
        assert "\x1b" not in "".join(listener.rest())


@pytest.mark.parametrize("value", [b"a\tb", b"\x80\xff", b"\x85\xa0", b"\xc3\xa9\x9b31m"])
def test_an_odd_character_in_a_header_is_passed_on(signing: Cli, value: bytes) -> None:
    with raw_server() as app, forwarding(signing, app) as listener:
        assert listener.send(post(b"{}", b"X-Odd: " + value)).status == 200
        assert dict(app.take().headers)[b"x-odd"] == value


@pytest.mark.parametrize(
    ("target", "arrives"),
    [
        (b"*", b"/"),
        (b"/%", b"/%"),
        (b"/[x", b"/[x"),
        (b"//[x", b"//[x"),
        (b"http://[x/y", b"/"),
        (b"/" + b"x" * 15_000, b"/" + b"x" * 15_000),
        (b'/a|b\\c"<>^`{}', b'/a|b\\c"<>^`{}'),
    ],
    ids=lambda value: value[:20].decode(),
)
def test_an_odd_target_is_passed_on(signing: Cli, target: bytes, arrives: bytes) -> None:
    with raw_server() as app, forwarding(signing, app) as listener:
        assert listener.send(post(b"{}", target=target)).status == 200
        assert app.take().lines[0] == b"POST " + arrives + b" HTTP/1.1"


@pytest.mark.parametrize("target", ["/café".encode(), b"/\xff"])
def test_a_target_that_is_not_ascii_is_refused_as_it_comes_in(signing: Cli, target: bytes) -> None:
    with raw_server() as app, forwarding(signing, app) as listener:
        assert listener.send(post(b"{}", target=target)).status == 400
        assert app.requests.empty()
        assert listener.end() == 0
        assert listener.errors == ""


def test_what_is_not_wanted_is_kept_and_not_passed_on(signing: Cli) -> None:
    with raw_server() as app, forwarding(signing, app, "--events", "order.paid", "--require-valid") as listener:
        assert listener.send(delivery("evt_1", "order.created")).status == 200
        assert listener.send(post(b"{}", b"x-arky-signature: 00", b"x-arky-timestamp: 1")).status == 401
        assert listener.send(delivery("evt_2")).status == 200
        assert b"evt_2" in app.take().body
        assert app.requests.empty()
        assert listener.rows("event_id, response_status, forwarded_status") == [
            *(("evt_1", 200, None), (None, 401, None), ("evt_2", 200, 200))
        ]


# again


@pytest.mark.parametrize(
    ("statuses", "tries"), [((500, 200), 1), ((503, 429, 200), 2), ((500,), 2), ((200,), 0), ((400,), 0)]
)
def test_what_fails_is_passed_on_again_by_the_schedule(signing: Cli, statuses: tuple[int, ...], tries: int) -> None:
    left = list(statuses)

    def next_one(_: int, __: Recorded) -> Answer:
        return left.pop(0) if len(left) > 1 else left[0], b""

    with (
        recording(next_one) as app,
        listening(signing, "--forward-to", app.base, "--retry", "100ms,0.3s") as listener,
    ):
        # the sender gets the first answer, at once
        assert listener.send(delivery()).status == statuses[0]
        requests = app.wait(1 + tries)
        records = [listener.record("retry") for _ in range(tries)]
        time.sleep(0.6)
        assert len(app.requests) == 1 + tries
        assert [(record["number"], record["of"], record["event"]) for record in records] == [
            (number, 2, "order.paid") for number in range(1, tries + 1)
        ]
        assert len({(request.body, request.headers) for request in requests}) == 1
        assert listener.end() == 0
        assert listener.rows("response_status, forwarded_status") == [(statuses[0], left[0])]


def test_an_app_that_comes_back_gets_what_it_has_missed(signing: Cli) -> None:
    port = unused_port()
    with listening(signing, "--forward-to", str(port), "--retry", "0.1s,0.2s,1s,2s", form="text") as listener:
        assert listener.send(delivery()).status == 502
        app = subprocess.Popen(
            [sys.executable, "-c", _APP, str(port)], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
        with app:
            try:
                assert app.stdout is not None
                assert b"evt_1" in app.stdout.readline()
            finally:
                app.kill()
        lines = [listener.line() for _ in range(2)]
        while "retry" not in lines[-1] or "200" not in lines[-1]:
            lines.append(listener.line())
    assert lines[1] == "retries after 0.1s,0.2s,1s,2s: hookctl's own schedule, not the vendor's\n"
    assert re.search(r"<-- 200 \d+ ms  \S+  \(retry \d of 4 of order\.paid\)\n", lines[-1])


_APP = """
import socket, sys
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    connection, _ = listener.accept()
    data = b""
    while b"}}" not in data:
        data += connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n")
    connection.close()
    print(data, flush=True)
"""


def test_retries_that_were_still_to_come_are_dropped_and_counted(signing: Cli) -> None:
    with recording(always(500)) as app:
        arguments = ("--forward-to", app.base, "--retry", "1h", "--until", "2")
        with listening(signing, *arguments) as listener:
            for number in range(2):
                assert listener.send(delivery(f"evt_{number}")).status == 500
            assert listener.wait() == 0
            summary = listener.records()[-1]
            assert (summary["waiting_retries"], summary["not_passed_on"]) == (2, 2)
        assert len(app.requests) == 2


def test_nobody_waits_for_a_retry_that_hangs(signing: Cli) -> None:
    release = threading.Event()

    def hang_again(number: int, _: Recorded) -> Answer:
        if number:
            release.wait(PATIENCE_S)
        return 500, b""

    with recording(hang_again) as app:
        with listening(signing, "--forward-to", app.base, "--retry", "10ms") as listener:
            assert listener.send(delivery()).status == 500
            app.wait(2)
            started_s = time.monotonic()
            assert listener.end() == 0
            assert time.monotonic() - started_s < 5
            assert listener.records()[-1]["waiting_retries"] == 1
        release.set()


def test_a_sender_that_goes_away_changes_nothing(signing: Cli) -> None:
    def slow(_: int, __: Recorded) -> Answer:
        time.sleep(0.3)
        return 200, b""

    with recording(slow) as app, listening(signing, "--forward-to", app.base) as listener:
        with RawClient(listener.host, listener.port) as client:
            client.send(delivery())
            app.wait(1)
            client.socket.shutdown(socket.SHUT_RDWR)
        assert listener.record()["forwarded"]["status"] == 200
        assert listener.end() == 0
        assert listener.rows("forwarded_status") == [(200,)]
        assert listener.errors == ""
