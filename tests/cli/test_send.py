"""`hookctl send`: which events, where to, with what in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hookctl.catalogue import load_catalogue
from tests.cli.inprocess import run_here
from tests.cli.recorder import always, recording

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.recorder import Recorder
    from tests.harness import Cli

ARKY_EVENTS = [event.name for event in load_catalogue("arky").events]
ARCADE_EVENTS = [event.name for event in load_catalogue("arcade").events]


def endpoints(cli: Cli, **urls: str) -> None:
    """Write the project's configuration."""
    lines = [f'{name} = "{url}"\n' for name, url in urls.items()]
    (cli.folder / "hookctl.toml").write_text("[endpoints]\n" + "".join(lines))


def names(recorder: Recorder) -> list[str]:
    """Return the events that arrived, as their bodies say."""
    bodies = [json.loads(request.body) for request in recorder.requests]
    return [body.get("event") or body["type"] for body in bodies]


def test_all_without_an_endpoint_for_arcade_sends_nothing_at_all(signing: Cli, recorder: Recorder) -> None:
    endpoints(signing, arky=f"{recorder.base}/arky")
    result = signing("send", "--all", "--format", "ndjson")
    assert (result.code, result.out, recorder.requests) == (3, "", [])
    assert "no endpoint for Arcade" in result.err


def test_all_without_the_secret_of_one_provider_sends_nothing_at_all(signing: Cli, recorder: Recorder) -> None:
    endpoints(signing, arky=f"{recorder.base}/arky", arcade=f"{recorder.base}/arcade")
    result = signing("send", "--all", env={"ARKY_WEBHOOK_SECRET": None})
    assert (result.code, result.out, recorder.requests) == (3, "", [])
    assert "ARKY_WEBHOOK_SECRET" in result.err


def test_all_with_both_endpoints_sends_every_event_of_both(signing: Cli, recorder: Recorder) -> None:
    endpoints(signing, arky=f"{recorder.base}/arky", arcade=f"{recorder.base}/arcade")
    result = signing("send", "--all", "--format", "ndjson")
    *deliveries, summary = result.records
    assert (result.code, len(deliveries), summary["ok"]) == (0, 26, 26)
    assert [delivery["event"] for delivery in deliveries] == [*ARCADE_EVENTS, *ARKY_EVENTS]
    assert [request.path for request in recorder.requests] == ["/arcade"] * 2 + ["/arky"] * 24
    assert names(recorder) == [*ARCADE_EVENTS, *ARKY_EVENTS]


def test_provider_narrows_all(signing: Cli, recorder: Recorder) -> None:
    result = signing("send", "--all", "--provider", "arcade", "--to", f"{recorder.base}/hook")
    assert (result.code, names(recorder)) == (0, ARCADE_EVENTS)


@pytest.mark.parametrize("how", ["variable", "file"])
def test_a_configured_provider_narrows_all(signing: Cli, recorder: Recorder, how: str) -> None:
    if how == "file":
        (signing.folder / "hookctl.toml").write_text('provider = "arcade"\n')
    env = {"HOOKCTL_PROVIDER": "arcade"} if how == "variable" else {}
    assert signing("send", "--all", "--to", f"{recorder.base}/hook", env=env).code == 0
    assert names(recorder) == ARCADE_EVENTS


def test_events_go_out_in_the_order_given_and_as_often_as_given(signing: Cli, recorder: Recorder) -> None:
    chosen = ["order.paid", "user.*", "order.paid", "formSubmission.created"]
    assert signing("send", *chosen, "--to", f"{recorder.base}/hook").code == 0
    users = [name for name in ARKY_EVENTS if name.startswith("user.")]
    assert names(recorder) == ["order.paid", *users, "order.paid", "formSubmission.created"]
    ids = [json.loads(request.body).get("id") for request in recorder.requests if b'"event":' in request.body]
    assert len(set(ids)) == len(ids) == 5


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        # each fits order.paid, which comes first, and not what comes after it
        (["--set", "data.payment.method=cash"], "data.payment"),
        (["--unset", "data.payment"], "data.payment"),
        (["--set", "data.order.items[0].price=1"], "data.order"),
    ],
)
def test_an_edit_that_does_not_fit_one_of_the_events_is_found_before_anything_is_sent(
    signing: Cli, recorder: Recorder, edit: list[str], named: str
) -> None:
    to = ["--to", f"{recorder.base}/hook"]
    refused = signing("send", "order.paid", "user.updated", *to, *edit)
    assert (refused.code, refused.out, recorder.requests) == (3, "", [])
    assert named in refused.err
    assert "user.updated" in refused.err
    assert signing("send", "order.paid", *to, *edit).code == 0


@pytest.mark.parametrize(
    ("to", "url"),
    [
        (["--to", "8080"], "http://localhost:8080/api/webhooks/arky"),
        (["--to", "localhost:8080"], "http://localhost:8080/"),
        (["--to", "[::1]:8080/hook"], "http://[::1]:8080/hook"),
        (["--to", "http://127.0.0.1:1/a/../b?c=d#e"], "http://127.0.0.1:1/a/../b?c=d"),
        (["--to", "staging"], "http://127.0.0.1:2/staging"),
        (["--to", "arky"], "http://localhost:7777/api/webhooks/arky"),
        ([], "http://localhost:7777/api/webhooks/arky"),
    ],
)
def test_where_a_delivery_goes(signing: Cli, to: list[str], url: str) -> None:
    (signing.folder / "hookctl.toml").write_text('[endpoints]\narky = 7777\nstaging = "http://127.0.0.1:2/staging"\n')
    result = run_here(signing, "send", "order.paid", *to, "--dry-run", "--format", "ndjson")
    assert (result.code, result.records[0]["url"]) == (0, url)


def test_without_any_configuration_a_delivery_goes_where_the_page_says(signing: Cli) -> None:
    result = signing("send", "order.paid", "--dry-run", "--format", "ndjson")
    assert result.records[0]["url"] == "http://localhost:3000/api/webhooks/arky"


def test_a_port_reaches_a_receiver_on_localhost(signing: Cli, recorder: Recorder) -> None:
    assert signing("send", "order.paid", "--to", recorder.base.rpartition(":")[2]).code == 0
    assert [request.path for request in recorder.requests] == ["/api/webhooks/arky"]


def test_the_flag_wins_over_the_variable_and_the_variable_over_the_file(signing: Cli) -> None:
    endpoints(signing, arky="http://127.0.0.1:1/file")
    arguments = ["send", "order.paid", "--dry-run", "--format", "ndjson"]
    assert run_here(signing, *arguments).records[0]["url"] == "http://127.0.0.1:1/file"
    signing.env["HOOKCTL_TO"] = "http://127.0.0.1:1/variable"
    assert run_here(signing, *arguments).records[0]["url"] == "http://127.0.0.1:1/variable"
    assert run_here(signing, *arguments, "--to", "http://127.0.0.1:1/flag").records[0]["url"].endswith("/flag")


def test_a_project_file_in_a_folder_above_is_found(signing: Cli, recorder: Recorder) -> None:
    endpoints(signing, arky=f"{recorder.base}/above")
    below = signing.folder / "a" / "b"
    below.mkdir(parents=True)
    signing.folder = below
    assert signing("send", "order.paid").code == 0
    assert [request.path for request in recorder.requests] == ["/above"]


def test_an_id_and_headers_of_ones_own_arrive_beside_what_hookctl_writes(signing: Cli, recorder: Recorder) -> None:
    result = signing(
        *("send", "order.paid", "--to", f"{recorder.base}/hook", "--id", "evt_mine", "--format", "ndjson"),
        *("-H", "X-Trace: a, b", "--header", "x-trace: c", "-H", "User-Agent: curl/8", "-H", "x-empty:"),
    )
    (request,) = recorder.requests
    assert (result.code, result.records[0]["event_id"]) == (0, "evt_mine")
    assert json.loads(request.body)["id"] == "evt_mine"
    assert [value for name, value in request.headers if name.lower() == "x-trace"] == ["a, b", "c"]
    assert [value for name, value in request.headers if name.lower() == "user-agent"] == ["curl/8"]
    assert request.header("x-empty") == ""
    assert request.header("content-type") == "application/json"
    assert request.header("x-arky-signature")


def test_seed_and_time_make_the_same_bytes_in_every_process_and_folder(signing: Cli, tmp_path: Path) -> None:
    endpoints(signing, arcade="http://127.0.0.1:1/arcade")
    arguments = ("send", "--all", "--dry-run", "--format", "http", "--seed", "7", "--at", "2026-02-03T04:05:06.789Z")
    first = signing(*arguments, env={"PYTHONHASHSEED": "1", "TZ": "UTC"})
    other = tmp_path / "another folder"
    other.mkdir()
    signing.folder = other
    endpoints(signing, arcade="http://127.0.0.1:1/arcade")
    second = signing(*arguments, env={"PYTHONHASHSEED": "2", "TZ": "Asia/Kathmandu", "LC_ALL": "C"})
    assert (first.code, first.raw_out) == (0, second.raw_out)
    assert first.raw_out.count(b"POST /") == 26
    # the other seed, the other time: other bytes
    assert signing(*arguments, "--seed", "8").raw_out != first.raw_out
    assert signing(*arguments, "--at", "2026-02-03T04:05:06.790Z").raw_out != first.raw_out


def test_without_a_seed_no_two_runs_share_an_id(signing: Cli) -> None:
    runs = [signing("send", "order.paid", "--dry-run", "--format", "ndjson").records[0] for _ in range(2)]
    assert runs[0]["event_id"] != runs[1]["event_id"]


def test_as_documented_is_the_sample_to_the_letter(signing: Cli, recorder: Recorder) -> None:
    assert signing("send", "order.paid", "--to", f"{recorder.base}/hook", "--as-documented").code == 0
    sample = json.loads(signing("events", "show", "order.paid").out)
    assert recorder.requests[0].body == json.dumps(sample, separators=(",", ":"), ensure_ascii=False).encode()
    assert recorder.requests[0].header("x-arky-timestamp") == str(sample["timestamp"])


def test_a_redirect_is_shown_and_not_followed(signing: Cli, recorder: Recorder) -> None:
    # the recorder writes no Location, which is the worst of redirects
    with recording(always(307)) as redirecting:
        result = signing("send", "order.paid", "--to", f"{redirecting.base}/hook")
        assert len(redirecting.requests) == 1
    assert (result.code, recorder.requests) == (1, [])
    assert "redirects to nowhere" in result.out


def test_verbose_shows_requests_and_answers_and_quiet_the_summary_alone(signing: Cli, recorder: Recorder) -> None:
    to = f"{recorder.base}/hook"
    loud = signing("send", "order.paid", "--to", to, "-v")
    assert f"  > POST {to}\n" in loud.out
    assert "  > x-arky-signature: " in loud.out
    assert "  < Content-Length: 2\n" in loud.out
    assert "  | OK\n" in loud.out
    quiet = signing("send", "order.created", "--to", to, "-q")
    assert (quiet.out, quiet.err) == (f"1 delivery: 1 ok  {to}\n", "")


def test_a_loopback_endpoint_is_reached_directly_whatever_proxy_the_environment_names(
    signing: Cli, recorder: Recorder
) -> None:
    with recording() as proxy:
        env = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY"), proxy.base)
        result = signing("send", "order.paid", "--to", f"{recorder.base}/hook", env=env)
        assert (result.code, len(recorder.requests), proxy.requests) == (0, 1, [])


@pytest.fixture(scope="module")
def mirror() -> Iterator[Recorder]:
    """Return a receiver that lasts for many deliveries."""
    with recording() as running:
        yield running


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=300))
@example(b"")
@example(b"\xef\xbb\xbf{}\r\n")
@example(b'{"event":"order.paid","id":"evt_1"}\n')
def test_whatever_bytes_are_given_as_data_arrive_unchanged(signing: Cli, mirror: Recorder, body: bytes) -> None:
    (signing.folder / "body").write_bytes(body)
    result = run_here(
        signing, "send", "--provider", "arky", "--data", "body", "--to", f"{mirror.base}/hook", "--format", "ndjson"
    )
    assert result.code == 0, result.err
    request = mirror.requests[-1]
    assert request.body == body
    assert request.header("content-length") == str(len(body))
