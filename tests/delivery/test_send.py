"""`hookctl send` when something is wrong on the way: one clear line, the right exit code, and on to the next."""

from __future__ import annotations

import hashlib
import hmac
import io
import shutil
import subprocess
import sys
import time
from base64 import b64encode
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from hookctl.catalogue.location import fixtures_root
from hookctl.delivery import parse_expect
from hookctl.errors import UsageError
from hookctl.flows.send import SendOptions, SendSummary, plan_send, run_send
from hookctl.model import Delivery, FailureKind
from hookctl.runtime import Output, Runtime
from tests.delivery import faults
from tests.delivery.faults import Server, bound, in_turn, reply, serve
from tests.delivery.outcomes import FAULTS, TIMEOUT_S
from tests.harness import ARKY_SECRET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.delivery.conftest import Here
    from tests.harness import Cli, Result

_TIMEOUT = ("--timeout", str(TIMEOUT_S))


def _no_crash(result: Result) -> None:
    assert "Traceback" not in result.out + result.err
    assert "bug" not in result.err


# --- every fault -----------------------------------------------------------------------------------------------------


_WAITS = {"never answers", "trickles its body"}
"""Of the faults that take all of the deadline, these stand for the others."""
_FAULTS = [fault for name, fault in FAULTS.items() if fault.kind is not FailureKind.TIMEOUT or name in _WAITS]
_EVENTS = ("order.paid",) * (len(_FAULTS) + 1)


@pytest.fixture(scope="module")
def gauntlet() -> Iterator[Server]:
    """Play every fault in turn, for one delivery each, and be fine at last."""
    with serve(in_turn(*(fault.script for fault in _FAULTS), reply(200))) as server:
        yield server


def test_every_fault_is_one_record_and_none_of_them_ends_the_run(gauntlet: Server, cli: Cli) -> None:
    result = cli.with_secrets()("send", *_EVENTS, "--to", gauntlet.url, *_TIMEOUT, "--format", "ndjson")
    assert result.code == 4
    assert result.err == ""
    *deliveries, summary = result.records
    assert summary.pop("latency_ms")["max"] == deliveries[-1]["duration_ms"]
    assert summary == {
        "type": "summary",
        "total": len(_EVENTS),
        "ok": 1,
        "unexpected": 0,
        "not_delivered": len(_FAULTS),
    }
    for fault, delivery in zip(_FAULTS, deliveries, strict=False):
        kind, _, message = delivery["error"].partition(": ")
        assert kind == fault.kind
        assert fault.matches(message), message
        assert delivery["status"] == fault.status
        assert delivery["ok"] is False
        assert delivery["duration_ms"] < TIMEOUT_S * 1000 + 1000
        assert (delivery["response"] is None) is (fault.status is None)
    assert (deliveries[-1]["ok"], deliveries[-1]["status"], deliveries[-1]["error"]) == (True, 200, None)


def test_every_fault_is_told_in_one_line_under_its_delivery(gauntlet: Server, cli: Cli) -> None:
    result = cli.with_secrets()("send", *_EVENTS, "--to", gauntlet.url, *_TIMEOUT)
    assert result.code == 4
    assert result.err == ""
    assert all(line.isprintable() for line in result.out.split("\n"))
    lines = result.out.splitlines()
    heads = [number for number, line in enumerate(lines) if " order.paid " in line]
    assert len(heads) == len(_EVENTS)
    for fault, start, end in zip(_FAULTS, heads[:-1], heads[1:], strict=True):
        status, detail, *more = [lines[start].split()[2], *lines[start + 1 : end]]
        assert status == (str(fault.status) if fault.status else "---")
        assert fault.matches(detail.removeprefix("    ")), detail
        # nothing else but a hint
        assert all(line.startswith("    hint: ") for line in more)
        assert len(more) <= 1
    assert lines[-1].startswith(f"{len(_EVENTS)} deliveries: 1 ok, {len(_FAULTS)} not delivered")


def test_a_timeout_says_how_long_the_vendor_waits(here: Here) -> None:
    with serve(faults.never_answer) as server:
        result = here("send", "order.paid", "--to", server.url, "--timeout", "0.2")
    assert result.code == 4
    assert "    no answer within 0.2 s\n    hint: answer within 5 s: first the answer, then the work\n" in result.out


def test_a_port_that_nothing_listens_on_ends_in_4(cli: Cli) -> None:
    with faults.refuse() as closed:
        result = cli.with_secrets()("send", "order.paid", "--to", str(closed.port))
    assert result.code == 4
    expected = f"    nothing listens on localhost:{closed.port}\n    hint: is the app running, and on that port?\n"
    assert expected in result.out
    _no_crash(result)


# --- statuses --------------------------------------------------------------------------------------------------------


def test_the_second_of_several_fails_and_the_others_are_sent(cli: Cli) -> None:
    turns = in_turn(reply(200), faults.reset_before_answer, reply(200))
    with serve(turns) as server:
        result = cli.with_secrets()(
            "send", "order.paid", "order.created", "order.shipped", "--to", server.url, "--format", "ndjson"
        )
        assert len(server.requests) == 3
    assert result.code == 4
    assert [record.get("ok") for record in result.records[:-1]] == [True, False, True]
    assert [record["event"] for record in result.records[:-1]] == ["order.paid", "order.created", "order.shipped"]


@pytest.mark.parametrize(
    ("scripts", "code", "counts"),
    [
        ((reply(200), reply(204)), 0, (2, 0, 0)),
        ((reply(200), reply(500)), 1, (1, 1, 0)),
        ((reply(500), faults.close_before_answer), 4, (0, 1, 1)),
        ((faults.close_before_answer, reply(500)), 4, (0, 1, 1)),
        ((faults.reset_after(faults.response(200, b"x" * 9)[:-1]), reply(200)), 4, (1, 0, 1)),
    ],
)
def test_not_delivered_outweighs_unexpected(
    scripts: tuple[faults.Script, ...], code: int, counts: tuple[int, int, int], here: Here
) -> None:
    with serve(in_turn(*scripts)) as server:
        result = here("send", "order.paid", "order.paid", "--to", server.url, "--format", "ndjson")
    assert result.code == code
    summary = result.records[-1]
    assert (summary["ok"], summary["unexpected"], summary["not_delivered"]) == counts


@pytest.mark.parametrize(
    ("expect", "status", "code"),
    [
        (None, 200, 0),
        (None, 299, 0),
        (None, 302, 1),
        (None, 404, 1),
        ("200", 201, 1),
        ("404, 5XX", 503, 0),
        ("404,5xx", 404, 0),
        ("4xx", 500, 1),
    ],
)
def test_a_status_is_judged_by_what_is_expected(expect: str | None, status: int, code: int, here: Here) -> None:
    options = () if expect is None else ("--expect", expect)
    with serve(reply(status)) as server:
        result = here("send", "order.paid", "--to", server.url, *options)
    assert result.code == code
    assert ("expected " in result.out) is (code == 1)


@pytest.mark.parametrize("expect", ["", "ok", "2x", "20", "600", "200;201", "200,", "٢٠٠", "-200"])
def test_what_is_no_status_is_refused(expect: str) -> None:
    with pytest.raises(UsageError, match="is not a status"):
        parse_expect(expect)


def test_a_wrong_expect_ends_in_2_and_sends_nothing(here: Here) -> None:
    with serve(reply(200)) as server:
        result = here("send", "order.paid", "--to", server.url, "--expect", "okay")
        assert server.connections == 0
    assert result.code == 2
    assert result.err == "error: --expect: 'okay' is not a status\n hint: for instance 200, 2xx or 401,403\n"


def test_a_redirect_ends_in_1_and_says_where_it_points(here: Here) -> None:
    with serve(reply(200)) as other, serve(reply(307, b"", b"Location: " + other.url.encode())) as server:
        result = here("send", "order.paid", "--to", server.url)
        assert other.connections == 0
    assert result.code == 1
    assert f"hint: it redirects to {other.url}; a webhook sender does not follow" in result.out


def test_an_answer_of_odd_bytes_is_shown_safely_and_reported_exactly(here: Here) -> None:
    odd = b"\xff\x1b[31m\x00\xe2\x80\xae"
    with serve(reply(500, odd, b"X-Odd: \xff\x80")) as server:
        shown = here("send", "order.paid", "--to", server.url, "-v")
        reported = here("send", "order.paid", "--to", server.url, "--format", "ndjson")
    assert shown.code == reported.code == 1
    assert "  | \\xff\\x1b[31m\\x00\\u202e\n" in shown.out
    assert "\x1b" not in shown.out
    response = reported.records[0]["response"]
    assert response["body"] is None
    assert response["body_b64"] == b64encode(odd).decode()
    assert ["X-Odd", "\xff\x80"] in response["headers"]


def test_an_answer_that_goes_on_past_the_limit_says_so_and_its_status_counts(here: Here) -> None:
    with serve(faults.flood(b"HTTP/1.1 200 OK\r\n\r\n", b"on and on\n")) as server:
        shown = here("send", "order.paid", "--to", server.url)
        reported = here("send", "order.paid", "--to", server.url, "--format", "ndjson")
    assert shown.code == reported.code == 0
    assert "(the answer went on: reading stopped at 1 MiB)" in shown.out
    assert reported.records[0]["response"]["truncated"] is True
    assert len(reported.records[0]["response"]["body"]) == 1024 * 1024


# --- tampering -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "kind", "refusal"),
    [
        ("order.paid", "body", 401),
        ("order.paid", "signature", 401),
        ("order.paid", "secret", 401),
        ("order.paid", "timestamp", 401),
        ("order.paid", "missing", 401),
        ("formSubmission.created", "body", 403),
        ("formSubmission.created", "missing", 401),
    ],
)
def test_a_tampered_delivery_succeeds_when_it_is_refused_as_documented(
    event: str, kind: str, refusal: int, here: Here
) -> None:
    other = {401: 403, 403: 401}[refusal]
    with serve(in_turn(reply(refusal), reply(200), reply(other), faults.close_before_answer)) as server:
        result = here("send", event, event, event, event, "--to", server.url, "--tamper", kind, "--format", "ndjson")
    assert [record["ok"] for record in result.records[:-1]] == [True, False, False, False]
    assert result.code == 4


@pytest.mark.parametrize(("status", "code"), [(401, 0), (200, 1), (403, 1), (500, 1)])
def test_a_receiver_that_accepts_a_tampered_delivery_is_told_off(status: int, code: int, here: Here) -> None:
    with serve(reply(status)) as server:
        result = here("send", "order.paid", "--to", server.url, "--tamper", "signature")
    assert result.code == code
    accepted = "it accepted a request that is not genuine: a receiver must refuse it" in result.out
    assert accepted is (status == 200)


def test_expect_overrides_the_documented_refusal(here: Here) -> None:
    with serve(reply(400)) as server:
        tampered = ("send", "order.paid", "--to", server.url, "--tamper", "body")
        assert here(*tampered, "--expect", "400").code == 0


def test_a_kind_of_tampering_that_the_scheme_lacks_is_refused(here: Here) -> None:
    with serve(reply(401)) as server:
        result = here("send", "formSubmission.created", "--to", server.url, "--tamper", "timestamp")
        assert server.connections == 0
    assert result.code == 2
    assert "--tamper timestamp: Arcade signs no timestamp" in result.err


# --- time ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def hasty(tmp_path: Path) -> str:
    """Return a provider like Arky that waits for a tenth of a second only."""
    folder = tmp_path / "hasty"
    shutil.copytree(fixtures_root() / "arky", folder)
    file = folder / "provider.toml"
    text = file.read_text()
    assert "deadline_s = 5.0" in text
    file.write_text(text.replace("deadline_s = 5.0", "deadline_s = 0.1"))
    return str(folder)


@pytest.mark.parametrize(("status", "code"), [(200, 0), (500, 1)])
def test_slower_than_the_vendor_waits_is_said_and_judged_by_the_status(
    status: int, code: int, hasty: str, here: Here
) -> None:
    with serve(faults.answer_after(0.3, faults.response(status))) as server:
        result = here("send", "order.paid", "--provider", hasty, "--to", server.url, "--timeout", "10")
    assert result.code == code, result.out + result.err
    assert "slower than the 0.1 s that a sender can be expected to wait" in result.out


def test_the_vendors_deadline_is_the_default(hasty: str, here: Here) -> None:
    with serve(faults.answer_after(0.5, faults.response(200))) as server:
        result = here("send", "order.paid", "--provider", hasty, "--to", server.url)
    assert result.code == 4
    assert "no answer within 0.1 s" in result.out


def test_an_answer_in_time_is_not_called_slow(here: Here) -> None:
    with serve(reply(200)) as server:
        result = here("send", "order.paid", "--to", server.url, "--timeout", "10")
    assert result.code == 0
    assert "slower" not in result.out


@pytest.mark.parametrize("timeout", ["0", "-1", "nan", "inf", "3601", "soon"])
def test_a_timeout_that_is_none_ends_in_2(timeout: str, here: Here) -> None:
    result = here("send", "order.paid", "--to", "9", f"--timeout={timeout}")
    assert result.code == 2
    assert "--timeout" in result.err


@pytest.mark.parametrize("wait", ["-1", "nan", "inf", "soon"])
def test_a_wait_that_is_none_ends_in_2(wait: str, here: Here) -> None:
    with faults.refuse() as closed:
        result = here("send", "order.paid", "--to", str(closed.port), f"--wait={wait}")
    assert result.code == 2
    assert "--wait" in result.err


# --- waiting for a receiver ------------------------------------------------------------------------------------------


def test_a_receiver_that_starts_late_is_waited_for(cli: Cli) -> None:
    run = cli.with_secrets()
    with ExitStack() as stack:
        listener = bound()
        port = listener.getsockname()[1]
        words = (sys.executable, "-m", "hookctl", "send", "order.paid", "order.paid", "--to", str(port))
        process = subprocess.Popen(
            [*words, "--wait", "30"],
            cwd=run.folder,
            env=run.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        stack.callback(process.kill)
        assert process.stderr is not None
        note = process.stderr.readline()
        # refused once by now, as the note says
        server = stack.enter_context(serve(reply(200), listener=listener))
        out, more = process.communicate(timeout=30)
    assert process.returncode == 0, out
    assert len(server.requests) == 2
    assert note.startswith(" note: waiting up to ")
    assert note.endswith(f" s for http://localhost:{port}/api/webhooks/arky: nothing listens on localhost:{port}\n")
    assert "waiting" not in more


class Clock:
    """Time that passes while the program sleeps, and only then."""

    def __init__(self, when: Callable[[float], None] | None = None) -> None:
        self.slept_s = 0.0
        self.longest_s = 0.0
        self._when = when
        """Told after each sleep how long it has been in all."""

    def now_s(self) -> float:
        return 1_700_000_000 + self.slept_s

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.slept_s += seconds
        self.longest_s = max(self.longest_s, seconds)
        if self._when is not None:
            self._when(self.slept_s)

    def runtime(self, folder: Path) -> Runtime:
        silent = io.TextIOWrapper(io.BytesIO())
        return Runtime(
            env={"ARKY_WEBHOOK_SECRET": ARKY_SECRET},
            cwd=folder,
            stdin=io.BytesIO(),
            out=Output(silent, "standard output"),
            err=Output(silent, "standard error"),
            now_ms=lambda: int(self.now_s() * 1000),
            monotonic_s=self.now_s,
            sleep=self.sleep,
        )


def test_a_delivery_is_dated_and_signed_after_the_wait(tmp_path: Path) -> None:
    with ExitStack() as stack:
        listener = bound()
        port = listener.getsockname()[1]
        servers: list[Server] = []

        def start_late(slept_s: float) -> None:
            if slept_s > 61 and not servers:
                servers.append(stack.enter_context(serve(reply(200), listener=listener)))

        clock = Clock(start_late)
        runtime = clock.runtime(tmp_path)
        options = SendOptions(patterns=("order.paid",), to=f"http://127.0.0.1:{port}/", wait_s=120)
        summary = SendSummary(1)
        deliveries = [
            step for step in run_send(plan_send(runtime, options), runtime, summary) if isinstance(step, Delivery)
        ]
        requests = servers[0].requests
    assert summary.exit_code == 0
    assert len(requests) == len(deliveries) == 1
    timestamp = faults.header_of(requests[0], b"x-arky-timestamp") or b""
    assert int(timestamp) == int(clock.now_s()) > 1_700_000_060
    body = faults.body_of(requests[0])
    assert body == deliveries[0].request.body
    signed = hmac.new(ARKY_SECRET.encode(), timestamp + b"." + body, hashlib.sha256).hexdigest()
    assert faults.header_of(requests[0], b"x-arky-signature") == signed.encode()


def test_the_wait_is_shared_by_the_whole_run(tmp_path: Path) -> None:
    clock = Clock()
    runtime = clock.runtime(tmp_path)
    with faults.refuse() as closed:
        options = SendOptions(patterns=("order.paid",) * 3, to=closed.url, wait_s=7)
        summary = SendSummary(3)
        steps = list(run_send(plan_send(runtime, options), runtime, summary))
    assert clock.slept_s == pytest.approx(7)
    assert clock.longest_s <= 0.5
    assert summary.not_delivered == 3
    assert summary.exit_code == 4
    deliveries = [step for step in steps if isinstance(step, Delivery)]
    assert {step.attempt.failure.kind for step in deliveries if step.attempt.failure} == {FailureKind.REFUSED}


def test_a_wait_in_vain_ends_in_4(cli: Cli) -> None:
    with faults.refuse() as closed:
        started = time.monotonic()
        result = cli.with_secrets()(
            "send", "order.paid", "order.paid", "--to", closed.url, "--wait", "0.6", "--format", "ndjson"
        )
        took_s = time.monotonic() - started
    assert result.code == 4
    assert 0.6 <= took_s < 5
    assert result.records[-1]["not_delivered"] == 2
    assert result.err.count("waiting up to ") == 1


@pytest.mark.parametrize(
    "script", [faults.close_before_answer, faults.reset_before_answer, faults.answer(b"\x00"), reply(503)]
)
def test_only_a_refused_connection_is_tried_again(script: faults.Script, here: Here) -> None:
    with serve(script) as server:
        result = here("send", "order.paid", "--to", server.url, "--wait", "3")
        assert server.connections == 1
    assert result.code in {1, 4}
    assert "waiting" not in result.err


def test_only_a_tampered_request_is_called_not_genuine(cli: Cli) -> None:
    with serve(in_turn(reply(200), reply(200))) as server:
        genuine = cli.with_secrets()("send", "order.paid", "--to", server.url, "--expect", "201")
        tampered = cli.with_secrets()("send", "order.paid", "--to", server.url, "--tamper", "body")
    assert (genuine.code, tampered.code) == (1, 1)
    assert "expected 201, answered 200" in genuine.out
    assert "genuine" not in genuine.out
    assert "it accepted a request that is not genuine" in tampered.out
