"""`send --watch`: real files change, a real app restarts, and what that changed is said."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import schemas
from tests.cli.processes import line_of, under_way
from tests.cli.recorder import recording, unused_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.recorder import Answer, Received
    from tests.harness import Cli

WAITING = "waiting for changes, Ctrl-C ends it"

# answers the status that a file held when it started, as an app answers with the code it was started with
_APP = """
import os, pathlib
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import TCPServer
STATUS = int(pathlib.Path(os.environ["STATUS_FILE"]).read_text())
class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(STATUS)
        self.send_header("content-length", "0")
        self.end_headers()
    def log_message(self, *args):
        pass
class Server(HTTPServer):
    server_bind = TCPServer.server_bind
with Server(("127.0.0.1", int(os.environ["PORT"])), Handler) as server:
    print("ready", flush=True)
    server.serve_forever(0.01)
"""


@contextmanager
def app(port: int, status_file: Path) -> Iterator[None]:
    """Run the app for the length of a `with` block."""
    process = subprocess.Popen(
        [sys.executable, "-c", _APP],
        env={**os.environ, "PORT": str(port), "STATUS_FILE": str(status_file)},
        stdout=subprocess.PIPE,
        bufsize=0,
    )
    with process:
        try:
            assert line_of(process) == "ready\n"
            yield
        finally:
            process.kill()


@contextmanager
def watching(cli: Cli, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `hookctl send ... --watch ...`; a test that waits for a line which never comes ends by its own timeout."""
    with under_way(cli, "send", *arguments) as process:
        yield process


def until(process: subprocess.Popen[bytes], text: str, stream: str = "stdout") -> str:
    """Return what is written up to and with the line that holds a text."""
    lines: list[str] = []
    while True:
        line = line_of(process, stream)
        assert line, f"it ended before {text!r}: {lines}"
        lines.append(line)
        if text in line:
            return "".join(lines)


def interrupted(process: subprocess.Popen[bytes]) -> tuple[str, str]:
    """End it with Ctrl-C and return the rest of both outputs."""
    process.send_signal(signal.SIGINT)
    out, err = (stream.decode() for stream in process.communicate(timeout=10))
    assert process.returncode == 130
    assert "Traceback" not in out + err
    return out, err


@pytest.mark.timeout(60)
def test_a_change_is_sent_once_the_app_is_back_and_the_difference_is_said(signing: Cli) -> None:
    status = signing.folder / "app.txt"
    status.write_text("500")
    port = unused_port()
    with ExitStack() as stack:
        with app(port, status):
            arguments = ("order.paid", "--to", f"http://127.0.0.1:{port}/hook", "--watch", "app.txt")
            process = stack.enter_context(watching(signing, *arguments))
            first = until(process, WAITING)
        assert re.match(r"\d\d:\d\d:\d\d first round\n", first)
        assert "1 delivery: 0 ok, 1 unexpected" in first
        # nothing listens now: the first try is refused
        status.write_text("200")
        assert "waiting up to 30.0 s" in until(process, "waiting up to", "stderr")
        with app(port, status):
            second = until(process, WAITING)
        assert re.match(r"\d\d:\d\d:\d\d app\.txt changed\n", second)
        assert "1 delivery: 1 ok" in second
        assert re.search(r"order\.paid: was 500 (→|->) now 200\n", second)
        assert interrupted(process) == ("", "")


@pytest.mark.timeout(60)
def test_an_app_that_is_not_there_in_the_first_round_is_not_waited_for_and_later_is_a_difference(signing: Cli) -> None:
    status = signing.folder / "app.txt"
    status.write_text("200")
    port = unused_port()
    arguments = ("order.paid", "--to", f"http://127.0.0.1:{port}/hook", "--watch", "app.txt")
    with watching(signing, *arguments) as process:
        assert "1 delivery: 0 ok, 1 not delivered" in until(process, WAITING)
        with app(port, status):
            status.write_text("200")
            assert re.search(r"order\.paid: was refused (→|->) now 200\n", until(process, WAITING))
        interrupted(process)


@pytest.mark.timeout(60)
def test_writes_close_together_are_one_round(signing: Cli) -> None:
    folder = signing.folder / "src"
    folder.mkdir()
    with recording() as recorder:
        with watching(signing, "order.paid", "--to", f"{recorder.base}/hook", "--watch", "src") as process:
            until(process, WAITING)
            for number in range(5):
                (folder / f"part{number}.py").write_text("x")
                threading.Event().wait(0.02)
            second = until(process, WAITING)
            # a round that the last writes had caused would come before this one
            (folder / "end.py").write_text("x")
            third = until(process, WAITING)
            interrupted(process)
        assert len(recorder.requests) == 3
    assert "part0.py, src/part1.py, src/part2.py and 2 more changed" in second
    assert "src/end.py changed" in third


@pytest.mark.timeout(60)
def test_each_of_several_paths_is_watched_and_nothing_beside_them(signing: Cli) -> None:
    for name in ("one", "two"):
        (signing.folder / name).mkdir()
    single = signing.folder / "single.txt"
    single.write_text("")
    arguments = ("--watch", "one", "--watch", "two", "--watch", "single.txt")
    with recording() as recorder:
        with watching(signing, "order.paid", "--to", f"{recorder.base}/hook", *arguments) as process:
            until(process, WAITING)
            for changed in ("one/a", "two/b", "single.txt"):
                (signing.folder / "beside.txt").write_text(changed)
                (signing.folder / changed).write_text("x")
                assert re.match(rf"\d\d:\d\d:\d\d {re.escape(changed)} changed\n", until(process, WAITING))
            interrupted(process)
        assert len(recorder.requests) == 4


@pytest.mark.timeout(60)
def test_a_file_that_an_editor_replaces_is_still_watched(signing: Cli) -> None:
    # many editors write a new file and rename it over the old one, every time
    source = signing.folder / "app.py"
    source.write_text("0")
    with (
        recording() as recorder,
        watching(signing, "order.paid", "--to", f"{recorder.base}/hook", "--watch", "app.py") as process,
    ):
        until(process, WAITING)
        for number in range(3):
            beside = signing.folder / f"{number}.new"
            beside.write_text(str(number))
            beside.replace(source)
            assert re.match(r"\d\d:\d\d:\d\d app\.py changed\n", until(process, WAITING))
        interrupted(process)


@pytest.mark.timeout(60)
def test_what_is_saved_while_the_watcher_starts_is_a_round_too(signing: Cli) -> None:
    folder = signing.folder / "src"
    folder.mkdir()
    stop = threading.Event()

    def keep_writing() -> None:
        while not stop.wait(0.01):
            (folder / "app.py").write_text("x")

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        with (
            recording() as recorder,
            watching(signing, "order.paid", "--to", f"{recorder.base}/hook", "--watch", "src") as process,
        ):
            until(process, WAITING)
            stop.set()
            assert "src/app.py changed" in until(process, "changed")
            until(process, WAITING)
            interrupted(process)
    finally:
        stop.set()
        writer.join()


@pytest.mark.timeout(60)
def test_a_given_body_that_changes_is_sent_with_its_new_bytes(signing: Cli) -> None:
    body = signing.folder / "body.json"
    body.write_bytes(b'{"event": "order.paid", "n": 1}')
    with recording() as recorder:
        arguments = ("order.paid", "--data", "body.json", "--to", f"{recorder.base}/hook", "--watch", "body.json")
        with watching(signing, *arguments) as process:
            until(process, WAITING)
            body.write_bytes(b'{"event": "order.paid",\t"n": 2}')
            until(process, WAITING)
            interrupted(process)
        first, second = recorder.requests
    assert first.body == b'{"event": "order.paid", "n": 1}'
    assert second.body == b'{"event": "order.paid",\t"n": 2}'
    assert first.header("x-arky-signature") != second.header("x-arky-signature")


@pytest.mark.timeout(60)
def test_a_mistake_in_a_changed_file_is_told_and_the_next_change_sends_again(signing: Cli) -> None:
    config = signing.folder / "hookctl.toml"
    config.write_text("")
    with recording() as recorder:
        arguments = ("order.paid", "--to", f"{recorder.base}/hook", "--watch", "hookctl.toml")
        with watching(signing, *arguments) as process:
            until(process, WAITING)
            config.write_text("provider = [")
            assert "hookctl.toml changed" in until(process, WAITING)
            assert "hookctl.toml" in until(process, "error:", "stderr")
            assert len(recorder.requests) == 1
            config.write_text("# good again")
            assert "1 delivery: 1 ok" in until(process, WAITING)
            interrupted(process)
        assert len(recorder.requests) == 2


@pytest.mark.timeout(60)
def test_what_goes_missing_before_a_later_round_is_told_and_watching_goes_on(signing: Cli) -> None:
    source, authorities = signing.folder / "app.py", signing.folder / "ca.pem"
    source.write_text("")
    pem = Path(__file__).parent / "authority.pem"
    authorities.write_bytes(pem.read_bytes())
    with recording() as recorder:
        arguments = ("order.paid", "--to", f"{recorder.base}/hook", "--watch", "app.py", "--cacert", "ca.pem")
        with watching(signing, *arguments) as process:
            until(process, WAITING)
            authorities.unlink()
            source.write_text("x")
            until(process, WAITING)
            assert "ca.pem" in until(process, "error:", "stderr")
            assert len(recorder.requests) == 1
            authorities.write_bytes(pem.read_bytes())
            source.write_text("y")
            assert "1 delivery: 1 ok" in until(process, WAITING)
            interrupted(process)
        assert len(recorder.requests) == 2


@pytest.mark.timeout(60)
def test_ndjson_has_deliveries_and_a_summary_for_each_round_and_headings_beside_it(signing: Cli) -> None:
    answers = [500, 200]
    source = signing.folder / "app.py"
    source.write_text("")

    def answer(number: int, request: Received) -> Answer:
        return answers[number], b""

    with recording(answer) as recorder:
        arguments = ("order.paid", "--to", f"{recorder.base}/hook", "--watch", "app.py", "--format", "ndjson")
        with watching(signing, *arguments) as process:
            records: list[dict[str, Any]] = [schemas.record(line_of(process)) for _ in range(2)]
            assert "first round" in until(process, "note:", "stderr")
            source.write_text("x")
            records += [schemas.record(line_of(process)) for _ in range(2)]
            notes = until(process, "now 200", "stderr")
            assert interrupted(process) == ("", "")
    assert [record["type"] for record in records] == ["delivery", "summary"] * 2
    assert [record["status"] for record in records[::2]] == answers
    assert [record["ok"] for record in records[1::2]] == [0, 1]
    assert "app.py changed" in notes
    assert "order.paid: was 500" in notes


@pytest.mark.timeout(60)
def test_ctrl_c_during_a_round_ends_quietly(signing: Cli) -> None:
    release = threading.Event()

    def hold(number: int, request: Received) -> Answer:
        release.wait(20)
        return 200, b""

    with recording(hold) as recorder:
        arguments = ("order.paid", "--to", f"{recorder.base}/hook", "--watch", ".", "--timeout", "300")
        with watching(signing, *arguments) as process:
            recorder.wait(1)
            until(process, "first round")
            _, err = interrupted(process)
            assert err == ""
        release.set()


def test_a_path_to_watch_that_is_not_there_is_named_and_nothing_sent(signing: Cli) -> None:
    with recording() as recorder:
        result = signing("send", "order.paid", "--to", f"{recorder.base}/hook", "--watch", "nowhere")
        assert recorder.requests == []
    assert result.code == 3
    assert "--watch nowhere: no such file or folder" in result.err


def test_a_first_round_that_cannot_start_ends_it(signing: Cli) -> None:
    assert signing("send", "order.piad", "--to", "3000", "--watch", ".").code == 3


@pytest.mark.parametrize(
    "extra",
    [("--dry-run",), ("--report", "junit=r.xml"), ("--format", "json"), ("--secret-file", "-"), ("--data", "-")],
)
def test_watch_does_not_go_with_what_ends_or_can_be_read_once(signing: Cli, extra: tuple[str, ...]) -> None:
    with recording() as recorder:
        # standard input is empty, and it ends at once when it is refused
        result = signing("send", "order.paid", "--to", f"{recorder.base}/hook", "--watch", ".", *extra, timeout_s=10)
        assert recorder.requests == []
    assert result.code == 2
    assert "--watch" in result.err
    assert not (signing.folder / "r.xml").exists()
