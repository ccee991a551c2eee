"""`hookctl tunnel --update-webhook --test`: the whole loop, and the old URL back however the run ends."""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from hookctl.errors import ExitCode
from tests import schemas
from tests.cli.listening import delivery
from tests.cli.processes import under_way
from tests.cli.recorder import unused_port
from tests.delivery.faults import response
from tests.sandboxed import ACCOUNT as SANDBOX_ACCOUNT
from tests.sandboxed import TOKEN as SANDBOX_TOKEN
from tests.sandboxed import Sandboxed, sandboxed
from tests.vendors.business import ACCOUNT, TOKEN, URL, Business, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.cli.recorder import Recorder
    from tests.cli.serving import Serving
    from tests.cli.tunnelling import Tunnels
    from tests.vendors.business import Asked

LOOP = ("--update-webhook", "--test", "order.paid")
OLD = "https://old.example.com/hooks/arky"


@pytest.fixture
def business(tunnels: Tunnels) -> Iterator[Business]:
    """Return a business API of the tests' own, which can fail at any step; it delivers nothing."""
    with running(Business()) as running_business:
        tunnels.cli.env |= {
            "ARKY_BASE_URL": running_business.base,
            "ARKY_TOKEN": TOKEN,
            "ARKY_BUSINESS_ID": ACCOUNT,
        }
        yield running_business


@pytest.fixture
def sandbox(tunnels: Tunnels) -> Iterator[Sandboxed]:
    """Return hookctl's sandbox, which really delivers, with a webhook that points elsewhere."""
    with sandboxed(tunnels.cli) as server:
        tunnels.cli.env |= {
            "ARKY_BASE_URL": server.url,
            "ARKY_TOKEN": SANDBOX_TOKEN,
            "ARKY_BUSINESS_ID": SANDBOX_ACCOUNT,
        }
        assert server.configure(OLD, "order.paid").status == 200
        yield server


def url_of(sandbox: Sandboxed) -> str:
    """Return where the webhook of the sandbox points to."""
    url: str = sandbox.call("GET", sandbox.settings).body["settings"]["webhookUrl"]
    return url


def eventually(true: Callable[[], bool]) -> None:
    """Return as soon as something is so."""
    until_s = time.monotonic() + 30
    while not true():
        assert time.monotonic() < until_s
        time.sleep(0.01)


def wait_until_pointed(business: Business, tunnel: Serving) -> None:
    """Return as soon as the webhook points to a tunnel, and the run has looked whether it does."""
    eventually(lambda: business.url == f"{tunnel.url}/api/webhooks/arky" and len(business.asked) >= 4)


# the loop


def test_the_whole_loop_and_the_old_url_is_back(tunnels: Tunnels, sandbox: Sandboxed, recorder: Recorder) -> None:
    port = recorder.base.rpartition(":")[2]
    with tunnels.open(port, *LOOP) as tunnel:
        assert tunnel.record("tunnel")["webhook_urls"][0]["url"] == f"{tunnel.url}/api/webhooks/arky"
        record = tunnel.record()
        assert (record["event"], record["valid"], record["response_status"]) == ("order.paid", True, 200)
        assert url_of(sandbox) == f"{tunnel.url}/api/webhooks/arky"
        (received,) = recorder.wait(1)
        assert received.path == "/api/webhooks/arky"
        assert tunnel.end(signal.SIGINT) == 130
        restored, summary = tunnel.records()
        assert (restored["type"], restored["outcome"], restored["url"]) == ("restored", "restored", OLD)
        assert (summary["type"], summary["valid"]) == ("summary", 1)
    assert url_of(sandbox) == OLD


def test_people_are_told_step_by_step(tunnels: Tunnels, sandbox: Sandboxed, recorder: Recorder) -> None:
    with tunnels.open(recorder.base, *LOOP, form="text") as tunnel:
        lines = [tunnel.line() for _ in range(6)]
        assert lines[2] == f"✓ the webhook of {SANDBOX_ACCOUNT} points here until the end; before: {OLD}\n".replace(
            "✓", lines[2][0]
        )
        assert "--> order.paid" in lines[3]
        assert lines[5][1:].startswith(" test: order.paid arrived after ")
        assert tunnel.end() == 0
        assert tunnel.rest()[0][1:] == f" webhook set back to {OLD}\n"
    assert url_of(sandbox) == OLD


def test_in_ci_the_test_is_the_one_that_is_waited_for(tunnels: Tunnels, sandbox: Sandboxed, recorder: Recorder) -> None:
    result = tunnels.cli("tunnel", recorder.base, *LOOP, "--until", "1", "--format", "ndjson")
    assert result.code == 0
    assert [record["type"] for record in result.records] == ["tunnel", "ready", "request", "restored", "summary"]
    assert url_of(sandbox) == OLD


def test_1_when_the_test_is_not_valid(tunnels: Tunnels, sandbox: Sandboxed, recorder: Recorder) -> None:
    env = {"ARKY_WEBHOOK_SECRET": "whsec_of_somebody_else"}
    result = tunnels.cli("tunnel", recorder.base, *LOOP, "--format", "ndjson", env=env)
    assert result.code == 1
    assert "the test delivery of order.paid has come, and it is not valid (mismatch)" in result.err
    assert url_of(sandbox) == OLD


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("public-725", "used up its bandwidth"),
        ("public-727", "used up its requests"),
        ("swallows", "cannot be reached"),
    ],
)
def test_5_when_the_test_does_not_come_and_the_public_url_is_asked_why(
    tunnels: Tunnels, sandbox: Sandboxed, recorder: Recorder, fault: str, said: str
) -> None:
    env = {"STAND_IN_FAULTS": fault}
    result = tunnels.cli("tunnel", recorder.base, *LOOP, "--timeout", "2", env=env)
    assert result.code == 5
    assert "error: the test delivery of order.paid has not come within " in result.err
    assert said in result.err
    assert url_of(sandbox) == OLD


def test_5_when_the_vendor_delivers_nothing(tunnels: Tunnels, business: Business, recorder: Recorder) -> None:
    business.test_answer = {"success": True}
    result = tunnels.cli("tunnel", recorder.base, *LOOP, "--timeout", "1")
    assert result.code == 5
    assert "has not come within 1" in result.err
    assert "the public URL works" in result.err
    assert business.url == URL


def test_a_test_without_the_update_needs_a_webhook_that_points_here(
    tunnels: Tunnels, sandbox: Sandboxed, recorder: Recorder
) -> None:
    result = tunnels.cli("tunnel", recorder.base, "--test", "order.paid")
    assert result.code == 3
    assert f"the webhook of {SANDBOX_ACCOUNT} points to {OLD}, so no test comes here" in result.err
    assert "--update-webhook" in result.err
    assert url_of(sandbox) == OLD


# what keeps it from beginning


def test_5_while_another_run_has_the_webhook_and_before_a_tunnel_is_opened(
    tunnels: Tunnels, business: Business
) -> None:
    port = str(unused_port())
    with tunnels.open(port, "--update-webhook") as first:
        wait_until_pointed(business, first)
        result = tunnels.cli("tunnel", port, "--update-webhook")
        assert result.code == 5
        assert f"in use by process {first.process.pid} of hookctl" in result.err
        assert business.url == f"{first.url}/api/webhooks/arky"
        assert first.end() == 0
    assert business.url == URL
    assert len(tunnels.agent.records("start")) == 1


BEFOREHAND = [
    ({"ARKY_TOKEN": None}, [], 3, "ARKY_TOKEN"),
    ({"ARKY_TOKEN": "wrong-token-of-somebody"}, [], 5, "Arky's API"),
    ({"ARKY_BUSINESS_ID": None}, [], 3, "ARKY_BUSINESS_ID"),
    ({"ARKY_BUSINESS_ID": "biz_none"}, [], 5, "biz_none"),
    ({"ARKY_WEBHOOK_SECRET": None}, ["--test", "order.paid"], 3, "ARKY_WEBHOOK_SECRET"),
    ({}, ["--provider", "arcade"], 3, "Arcade has no API for webhooks"),
    ({}, ["--api-url", "ftp://x"], 3, "ftp"),
]


@pytest.mark.parametrize(("env", "arguments", "code", "said"), BEFOREHAND)
def test_what_would_fail_later_is_said_before_a_tunnel_is_opened(
    tunnels: Tunnels, business: Business, env: dict[str, str | None], arguments: list[str], code: int, said: str
) -> None:
    result = tunnels.cli("tunnel", str(unused_port()), "--update-webhook", *arguments, env=env)
    assert (result.code, result.out) == (code, "")
    assert said in result.err
    assert TOKEN not in result.err
    assert tunnels.agent.records("start") == []
    assert business.writes == []


def test_5_when_the_change_does_not_stay_and_a_signal_comes_meanwhile(tunnels: Tunnels, business: Business) -> None:
    def interfere(asked: Asked) -> None:
        # somebody else is faster than the look at what has become of it, and the user ends it at that moment
        if asked.method == "PUT":
            business.settings["webhookUrl"] = "https://theirs.example.com/"
            process.send_signal(signal.SIGTERM)
            time.sleep(0.5)

    business.after = interfere
    with under_way(tunnels.cli, "tunnel", str(unused_port()), "--update-webhook") as process:
        _, errors = process.communicate()
    assert process.returncode == 5
    assert b"does not point to" in errors
    assert business.url == "https://theirs.example.com/"


def test_an_api_that_refuses_the_change_ends_it_and_the_url_is_as_it_was(tunnels: Tunnels, business: Business) -> None:
    def refuse_once(asked: Asked) -> bytes | None:
        return response(403, b"{}") if asked.method == "PUT" else None

    business.before = refuse_once
    result = tunnels.cli("tunnel", str(unused_port()), "--update-webhook")
    assert result.code == 5
    assert "403" in result.err
    assert business.url == URL


# the end


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_sets_it_back(tunnels: Tunnels, business: Business, number: signal.Signals) -> None:
    with tunnels.open(str(unused_port()), "--update-webhook") as tunnel:
        wait_until_pointed(business, tunnel)
        assert tunnel.end(number) == (130 if number is signal.SIGINT else 0)
        assert [schemas.record(line)["type"] for line in tunnel.rest()][-2:] == ["restored", "summary"]
    assert business.url == URL


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_signal_while_it_is_being_changed_waits_and_sets_it_back(
    tunnels: Tunnels, business: Business, method: str
) -> None:
    holder: list[Serving] = []

    def end_it_once() -> None:
        # a second signal would have it given up
        with suppress(IndexError):
            holder.pop().send_signal(signal.SIGTERM)

    def signal_during(asked: Asked) -> bytes | None:
        # the first read only looks; the second and the first write are the change
        if holder and asked.method == method and (method == "PUT" or len(business.asked) > 1):
            end_it_once()
            time.sleep(0.5)
        return None

    business.before = signal_during
    # the ready file appears before the webhook is touched: held up until the test has the process
    with tunnels.open(str(unused_port()), "--update-webhook") as tunnel:
        holder.append(tunnel)
        if tunnel.process.poll() is None and business.url != URL:
            # it was faster than the test
            end_it_once()
        assert tunnel.wait() == 0
    assert business.url == URL


def test_ctrl_c_again_and_again_while_it_is_set_back_does_not_keep_it_from_that(
    tunnels: Tunnels, business: Business
) -> None:
    with tunnels.open(str(unused_port()), "--update-webhook") as tunnel:
        wait_until_pointed(business, tunnel)

        def press(_: Asked) -> None:
            tunnel.send_signal(signal.SIGINT)
            time.sleep(0.3)
            tunnel.send_signal(signal.SIGINT)
            time.sleep(0.3)

        business.after = press
        assert tunnel.end(signal.SIGINT) == 130
        assert '"type":"restored"' in "".join(tunnel.rest())
    assert business.url == URL


def test_what_somebody_else_has_set_meanwhile_is_left_alone(tunnels: Tunnels, business: Business) -> None:
    with tunnels.open(str(unused_port()), "--update-webhook") as tunnel:
        wait_until_pointed(business, tunnel)
        business.settings["webhookUrl"] = "https://theirs.example.com/"
        assert tunnel.end() == 0
        restored = tunnel.records()[-2]
        assert (restored["outcome"], restored["current_url"]) == ("not_ours", "https://theirs.example.com/")
    assert business.url == "https://theirs.example.com/"


def test_5_when_it_cannot_be_set_back_and_what_to_do_is_said(tunnels: Tunnels, business: Business) -> None:
    with tunnels.open(str(unused_port()), "--update-webhook") as tunnel:
        wait_until_pointed(business, tunnel)
        business.before = lambda asked: response(503, b"down") if asked.method == "PUT" else None
        assert tunnel.end() == 5
        assert f"the webhook was not set back, it pointed to {URL} before" in tunnel.errors
        assert "hookctl webhook restore" in tunnel.errors
    business.before = None
    assert tunnels.cli("webhook", "restore").code == 0
    assert business.url == URL


def test_an_agent_that_dies_sets_it_back_too(tunnels: Tunnels, business: Business) -> None:
    die = tunnels.cli.folder / "die"
    env = {"STAND_IN_FAULTS": "dies-once-open", "STAND_IN_DIE": str(die)}
    with tunnels.open(str(unused_port()), "--update-webhook", env=env) as tunnel:
        wait_until_pointed(business, tunnel)
        die.touch()
        assert tunnel.wait() == ExitCode.VENDOR
    assert business.url == URL


STEPS = [(number, moment) for number in range(2, 8) for moment in ("before", "after")]
"""The requests of a run to the API: it looks, reads, writes, reads; at the end it reads, writes, reads."""

QUICK = {(3, "after"), (6, "before")}


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        pytest.param(
            number, moment, marks=[] if (number, moment) in {(3, "after"), (6, "before")} else pytest.mark.slow
        )
        for number, moment in STEPS
    ],
)
def test_killed_at_any_step_the_next_run_sets_it_back_and_ends_the_agent(
    tunnels: Tunnels, business: Business, number: int, moment: str
) -> None:
    with tunnels.open(str(unused_port()), "--update-webhook") as tunnel:
        wait_until_pointed(business, tunnel)
        # what comes before is killed below, where nobody waits for a ready file
        if number >= 5:
            _kill_at(business, number, moment, tunnel.process.kill)
            tunnel.send_signal(signal.SIGTERM)
            assert tunnel.wait() == -signal.SIGKILL
        else:
            assert tunnel.end() == 0
    if number < 5:
        _killed_at_the_beginning(tunnels, business, number, moment)
    business.before = business.after = None
    with tunnels.open(str(unused_port())) as tunnel:
        assert business.url == URL
        assert tunnel.end() == 0
    assert tunnels.cli("webhook", "restore").out.startswith("nothing to set back")


def _killed_at_the_beginning(tunnels: Tunnels, business: Business, number: int, moment: str) -> None:
    business.asked.clear()
    with under_way(tunnels.cli, "tunnel", str(unused_port()), "--update-webhook") as process:
        _kill_at(business, number, moment, process.kill)
        assert process.wait(60) == -signal.SIGKILL


def _kill_at(business: Business, number: int, moment: str, kill: Callable[[], None]) -> None:
    """Kill a run when it makes a request: before that is carried out, or after."""

    def at(_: Asked) -> None:
        if len(business.asked) >= number:
            kill()
            # carried out all the same: a request that has arrived is not taken back

    if moment == "after":
        business.after = at
    else:
        business.before = at


def test_a_delivery_under_way_at_the_end_is_answered(tunnels: Tunnels, business: Business, recorder: Recorder) -> None:
    with tunnels.open(recorder.base, "--update-webhook") as tunnel:
        wait_until_pointed(business, tunnel)
        answered: list[int] = []

        def deliver(asked: Asked) -> None:
            # set back, and the port is still open
            if asked.method == "PUT":
                answered.append(tunnel.send(delivery()).status)

        business.after = deliver
        assert tunnel.end() == 0
    assert answered == [200]
