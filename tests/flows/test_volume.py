"""Many deliveries: rounds of fresh events, repeats of the same bytes, several at once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from hookctl.receiver import BackgroundServer, Reply
from tests import schemas
from tests.cli.processes import line_of, under_way
from tests.cli.recorder import recording, unused_port

if TYPE_CHECKING:
    from hookctl.model import CapturedRequest
    from tests.cli.recorder import Answer, Received
    from tests.harness import Cli

AT = "2026-01-02T03:04:05Z"


def bodies(requests: list[Received]) -> list[dict[str, Any]]:
    """Return the JSON of each request."""
    return [json.loads(request.body) for request in requests]


def order_id(body: dict[str, Any]) -> str:
    """Return the order an Arky event is about."""
    found: str = body["data"]["order"]["id"]
    return found


@pytest.mark.parametrize("extra", [(), ("--concurrency", "3")])
def test_repeat_sends_the_same_id_and_the_same_bytes(signing: Cli, extra: tuple[str, ...]) -> None:
    with recording() as recorder:
        result = signing("send", "order.paid", "--repeat", "3", "--to", f"{recorder.base}/hook", *extra)
        requests = recorder.requests
    assert result.code == 0, result.err
    assert len(requests) == 3
    assert len({request.body for request in requests}) == 1
    assert len({request.header("x-arky-signature") for request in requests}) == 1
    assert len({request.header("x-arky-timestamp") for request in requests}) == 1
    assert "3 deliveries: 3 ok" in result.out


def test_repeats_are_the_same_bytes_even_when_seconds_pass_between_them(signing: Cli) -> None:
    def slow(number: int, request: Received) -> Answer:
        # the signed time has whole seconds: let it move on
        began_s = int(time.time())
        while int(time.time()) == began_s:
            threading.Event().wait(0.02)
        return 200, b""

    with recording(slow) as recorder:
        assert signing("send", "order.paid", "--repeat", "2", "--to", f"{recorder.base}/hook").code == 0
        first, second = recorder.requests
    assert first.body == second.body
    assert first.header("x-arky-signature") == second.header("x-arky-signature")


def test_count_makes_fresh_events_that_agree_with_each_other_within_a_round(signing: Cli) -> None:
    with recording() as recorder:
        arguments = ("order.created", "order.paid", "--count", "3", "--to", f"{recorder.base}/hook")
        assert signing("send", *arguments).code == 0
        sent = bodies(recorder.requests)
    assert [body["event"] for body in sent] == ["order.created", "order.paid"] * 3
    assert len({body["id"] for body in sent}) == 6
    orders = [order_id(body) for body in sent]
    assert orders[0::2] == orders[1::2]
    assert len(set(orders)) == 3


def test_count_with_seed_and_at_is_the_same_every_time(signing: Cli) -> None:
    def sent() -> list[tuple[bytes, str | None]]:
        with recording() as recorder:
            arguments = ("order.paid", "--count", "4", "--seed", "7", "--at", AT, "--to", f"{recorder.base}/hook")
            assert signing("send", *arguments).code == 0
            return [(request.body, request.header("x-arky-signature")) for request in recorder.requests]

    first = sent()
    assert first == sent()
    assert len(set(first)) == 4


def test_the_first_round_of_a_count_is_what_a_single_round_sends(signing: Cli) -> None:
    arguments = ("send", "order.paid", "--seed", "7", "--at", AT, "--to", "http://127.0.0.1:9/", "--dry-run")
    alone = signing(*arguments, "--format", "ndjson").records[0]
    assert signing(*arguments, "--format", "ndjson", "--count", "2").records[0] == alone


@pytest.mark.parametrize("extra", [(), ("--concurrency", "5")])
def test_events_count_and_repeat_multiply(signing: Cli, extra: tuple[str, ...]) -> None:
    with recording() as recorder:
        arguments = ("order.created", "order.paid", "--count", "3", "--repeat", "2", "--to", f"{recorder.base}/hook")
        result = signing("send", *arguments, *extra)
        ids = Counter(body["id"] for body in bodies(recorder.requests))
    assert result.code == 0
    assert "12 deliveries: 12 ok" in result.out
    assert sorted(ids.values()) == [2] * 6


def test_concurrency_has_so_many_requests_under_way(signing: Cli) -> None:
    barrier = threading.Barrier(8, timeout=20)

    def together(number: int, request: Received) -> Answer:
        barrier.wait()  # nobody is answered before 8 are here
        return 200, b""

    with recording(together) as recorder:
        arguments = ("order.paid", "--count", "16", "--concurrency", "8", "--timeout", "30")
        result = signing("send", *arguments, "--to", f"{recorder.base}/hook", "--format", "ndjson")
        sent = bodies(recorder.requests)
    assert result.code == 0, result.err
    *deliveries, summary = result.records
    assert sorted(delivery["event_id"] for delivery in deliveries) == sorted(body["id"] for body in sent)
    assert len(sent) == 16
    assert (summary["total"], summary["ok"]) == (16, 16)


def test_without_concurrency_one_request_is_under_way(signing: Cli) -> None:
    counting = threading.Lock()
    now = most = 0

    def answer(number: int, request: Received) -> Answer:
        nonlocal now, most
        with counting:
            now += 1
            most = max(most, now)
        threading.Event().wait(0.02)  # room for another to come in, if one were sent
        with counting:
            now -= 1
        return 200, b""

    with recording(answer) as recorder:
        assert signing("send", "order.paid", "--count", "5", "--to", f"{recorder.base}/hook").code == 0
    assert most == 1


def test_one_unexpected_answer_among_many_is_exit_code_1(signing: Cli) -> None:
    with recording(lambda number, _: (500 if number == 3 else 200, b"")) as recorder:
        arguments = ("order.paid", "--count", "12", "--concurrency", "4", "--to", f"{recorder.base}/hook")
        result = signing("send", *arguments)
    assert result.code == 1
    assert "12 deliveries: 11 ok, 1 unexpected" in result.out


def test_not_delivered_beats_unexpected_with_concurrency(signing: Cli) -> None:
    # too slow for its deadline, and wrong answers beside it
    release = threading.Event()

    def answer(number: int, request: Received) -> Answer:
        if number == 0:
            release.wait(20)
        return 500, b""

    with recording(answer) as recorder:
        arguments = ("order.paid", "--count", "6", "--concurrency", "3", "--timeout", "1")
        result = signing("send", *arguments, "--to", f"{recorder.base}/hook", "--format", "ndjson")
        release.set()
    assert result.code == 4
    summary = result.records[-1]
    assert (summary["total"], summary["unexpected"], summary["not_delivered"]) == (6, 5, 1)


def test_wait_works_with_concurrency(signing: Cli) -> None:
    port = unused_port()

    async def accept(request: CapturedRequest) -> Reply:
        return Reply(200)

    arguments = ("order.paid", "--count", "6", "--concurrency", "3", "--to", f"http://127.0.0.1:{port}/hook")
    with under_way(signing, "send", *arguments, "--wait", "30", "--format", "ndjson") as process:
        assert "waiting up to" in line_of(process, "stderr")
        with BackgroundServer(accept, port=port):
            out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert schemas.record(out.splitlines()[-1])["ok"] == 6


def test_dry_run_shows_every_round(signing: Cli) -> None:
    arguments = ("order.paid", "--count", "3", "--repeat", "2", "--to", "http://127.0.0.1:9/hook", "--dry-run")
    result = signing("send", *arguments, "--format", "ndjson")
    assert result.code == 0
    *previews, summary = result.records
    assert summary["total"] == 6
    assert sorted(Counter(preview["event_id"] for preview in previews).values()) == [2, 2, 2]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("order.paid", "--count", "0"), "--count"),
        (("order.paid", "--count", "-1"), "--count"),
        (("order.paid", "--count", "many"), "--count"),
        (("order.paid", "--repeat", "0"), "--repeat"),
        (("order.paid", "--concurrency", "0"), "--concurrency"),
        (("order.paid", "--concurrency", "300"), "--concurrency"),
        (("order.paid", "--id", "evt_1", "--count", "2"), "--repeat"),
        (("order.paid", "--data", "body.json", "--count", "2"), "--count"),
    ],
)
def test_a_number_that_makes_no_sense_is_refused_and_nothing_sent(
    signing: Cli, arguments: tuple[str, ...], named: str
) -> None:
    (signing.folder / "body.json").write_text("{}")
    with recording() as recorder:
        result = signing("send", *arguments, "--to", f"{recorder.base}/hook")
        assert recorder.requests == []
    assert result.code == 2
    assert named in result.err
    assert result.out == ""


@pytest.mark.parametrize(("count", "shown"), [(9, False), (10, True)])
def test_the_summary_has_percentiles_from_ten_answers_on(signing: Cli, count: int, shown: bool) -> None:
    with recording() as recorder:
        result = signing("send", "order.paid", "--count", str(count), "--to", f"{recorder.base}/hook")
    assert ("(p50)" in result.out and "(p95)" in result.out and "(p99)" in result.out and "at most" in result.out) == (
        shown
    )
    assert ("answered in" in result.out) == shown


# prints the most memory that a run of the command line ever took, in KiB
_RUNNER = """
import resource, sys
from hookctl.cli.main import main
code = main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
sys.exit(code)
"""


def peak_kib(cli: Cli, url: str, count: int) -> int:
    """Return the most memory that so many deliveries take."""
    arguments = ("send", "order.paid", "--count", str(count), "--concurrency", "8", "--quiet", "--to", url)
    done = subprocess.run(
        [sys.executable, "-c", _RUNNER, *arguments],
        cwd=cli.folder,
        env=cli.environment(),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"{count} deliveries: {count} ok" in done.stdout
    return int(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_four_thousand_deliveries_take_no_more_memory_than_five_hundred(signing: Cli) -> None:
    async def accept(request: CapturedRequest) -> Reply:
        return Reply(200)

    with BackgroundServer(accept) as server:
        few = peak_kib(signing, f"{server.url}/hook", 500)
        many = peak_kib(signing, f"{server.url}/hook", 4000)
    assert many - few < 6 * 1024, (few, many)


@pytest.mark.parametrize("read", [1, 40, 97])
def test_ctrl_c_in_the_middle_leaves_a_summary_of_exactly_the_lines_written(signing: Cli, read: int) -> None:
    with recording() as recorder:
        arguments = ("order.paid", "--count", "5000", "--concurrency", "4", "--to", f"{recorder.base}/hook")
        with under_way(signing, "send", *arguments, "--format", "ndjson") as process:
            head = "".join(line_of(process) for _ in range(read))
            began_s = time.monotonic()
            process.send_signal(signal.SIGINT)
            out, err = (stream.decode() for stream in process.communicate(timeout=20))
            took_s = time.monotonic() - began_s
    assert process.returncode == 130
    assert took_s < 5
    assert "Traceback" not in err
    assert err == ""
    *deliveries, summary = schemas.records(head + out)
    assert summary["type"] == "summary"
    assert read <= summary["total"] == len(deliveries) < 5000
