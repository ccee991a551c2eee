"""What a run does while it is under way: lines as things happen, waiting, Ctrl-C."""

from __future__ import annotations

import signal
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests import schemas
from tests.cli.processes import line_of, under_way
from tests.cli.recorder import Received, always, recording

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.recorder import Answer
    from tests.harness import Cli


def held_from(number: int, release: threading.Event) -> Callable[[int, Received], Answer]:
    """Return an answer that is given at once before that request, and from it on only when released."""

    def answer(at: int, request: Received) -> Answer:
        if at >= number:
            release.wait(20)
        return 200, b"OK"

    return answer


@pytest.mark.parametrize("form", ["ndjson", "json", "text"])
def test_a_delivery_is_written_before_the_next_one_is_answered(signing: Cli, form: str) -> None:
    release = threading.Event()
    with recording(held_from(1, release)) as recorder:
        arguments = ("send", "order.paid", "order.shipped", "--to", f"{recorder.base}/hook", "--format", form)
        with under_way(signing, *arguments) as process:
            line = line_of(process)
            if form == "json":
                assert line == '{"results": [\n'
            else:
                assert "order.paid" in line
            recorder.wait(2)
            assert process.poll() is None  # the second delivery is still waiting for its answer
            release.set()
            rest, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    if form == "ndjson":
        first = schemas.record(line)
        second, summary = schemas.records(rest)
        assert [first["event"], second["event"], summary["type"]] == ["order.paid", "order.shipped", "summary"]
    elif form == "json":
        document = schemas.document(line + rest.decode())
        assert [result["event"] for result in document["results"]] == ["order.paid", "order.shipped"]
    else:
        assert "2 deliveries: 2 ok" in rest.decode()


@pytest.mark.parametrize("answered", [0, 1])
@pytest.mark.parametrize("form", ["ndjson", "json", "text"])
def test_ctrl_c_ends_a_hanging_delivery_at_once_with_a_partial_summary(signing: Cli, form: str, answered: int) -> None:
    release = threading.Event()
    with recording(held_from(answered, release)) as recorder:
        # longer than this test may take: only the signal ends it
        arguments = ("send", "--all", "--provider", "arky", "--to", f"{recorder.base}/hook", "--timeout", "300")
        with under_way(signing, *arguments, "--format", form) as process:
            recorder.wait(answered + 1)
            sent_s = time.monotonic()
            process.send_signal(signal.SIGINT)
            out, err = (stream.decode() for stream in process.communicate(timeout=10))
            took_s = time.monotonic() - sent_s
        release.set()
    assert process.returncode == 130
    assert took_s < 3
    assert "Traceback" not in out + err
    counts = {"type": "summary", "total": answered, "ok": answered, "unexpected": 0, "not_delivered": 0}
    if form == "ndjson":
        *deliveries, summary = schemas.records(out)
        del summary["latency_ms"]
        assert (len(deliveries), summary) == (answered, counts)
    elif form == "json":
        document = schemas.document(out)
        del document["summary"]["latency_ms"]
        assert (len(document["results"]), document["summary"]) == (answered, counts)
    else:
        lines = out.splitlines()
        assert len([line for line in lines if line.startswith("✓")]) == answered
        assert f"24 deliveries: {answered} ok, {24 - answered} not sent" in out


def test_ctrl_c_while_waiting_for_the_app_to_start_is_exit_code_130(signing: Cli) -> None:
    with socket.socket() as never:
        never.bind(("127.0.0.1", 0))  # bound and not listening: refused, and nobody else can take the port
        url = f"http://127.0.0.1:{never.getsockname()[1]}/hook"
        with under_way(signing, "send", "order.paid", "--to", url, "--wait", "300") as process:
            assert "waiting up to 300.0 s" in line_of(process, "stderr")
            process.send_signal(signal.SIGINT)
            out, err = (stream.decode() for stream in process.communicate(timeout=10))
    assert process.returncode == 130
    assert "Traceback" not in out + err
    assert out.startswith("1 delivery: 0 ok, 1 not sent")


def test_with_wait_a_delivery_succeeds_once_something_listens(signing: Cli) -> None:
    with socket.socket() as late:
        late.bind(("127.0.0.1", 0))
        late.settimeout(20)
        url = f"http://127.0.0.1:{late.getsockname()[1]}/hook"
        with under_way(signing, "send", "order.paid", "--to", url, "--wait", "60", "--format", "ndjson") as process:
            assert "waiting up to 60.0 s" in line_of(process, "stderr")
            late.listen()
            connection, _ = late.accept()
            with connection:
                assert connection.recv(65536).startswith(b"POST /hook HTTP/1.1\r\n")
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                out, err = process.communicate(timeout=20)
    delivery, summary = schemas.records(out)
    assert (process.returncode, err) == (0, b"")
    assert (delivery["ok"], summary["total"]) == (True, 1)
    # the time of the delivery, not of the wait
    assert delivery["duration_ms"] < 5000


def test_the_exit_code_tells_the_truth_when_the_reader_goes_away(signing: Cli) -> None:
    with recording(always(500)) as recorder:
        arguments = ("send", "order.*", "--to", f"{recorder.base}/hook", "--format", "ndjson")
        with under_way(signing, *arguments) as process:
            line_of(process)
            assert process.stdout is not None
            process.stdout.close()
            assert process.wait(timeout=20) == 1
            assert process.stderr is not None
            assert b"Traceback" not in process.stderr.read()
        assert len(recorder.requests) == 6
