"""Every exit code of the contract, each for every cause that is documented, and what is said with it."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from hookctl.model import Tamper
from tests.cli.inprocess import run_here
from tests.cli.recorder import Received, always, recording, unused_port
from tests.harness import ARKY_SECRET

if TYPE_CHECKING:
    from tests.cli.recorder import Answer, Recorder
    from tests.harness import Cli


@pytest.mark.parametrize(
    ("answered", "expect"), [(200, None), (204, None), (299, None), (503, "503"), (404, "200,4xx")]
)
def test_0_when_every_answer_is_as_expected(signing: Cli, answered: int, expect: str | None) -> None:
    with recording(always(answered)) as recorder:
        option = [] if expect is None else ["--expect", expect]
        result = signing("send", "order.paid", "--to", f"{recorder.base}/hook", *option)
    assert (result.code, result.err) == (0, "")
    assert "1 delivery: 1 ok" in result.out


@pytest.mark.parametrize(("answered", "expect"), [(302, None), (404, None), (500, None), (200, "201"), (200, "4xx")])
def test_1_when_an_answer_is_not_as_expected(signing: Cli, answered: int, expect: str | None) -> None:
    with recording(always(answered, b"no thanks")) as recorder:
        option = [] if expect is None else ["--expect", expect]
        result = signing("send", "order.paid", "--to", f"{recorder.base}/hook", *option)
        # neither a redirect nor an error is tried again
        assert len(recorder.requests) == 1
    assert (result.code, result.err) == (1, "")
    assert f"expected {expect or '2xx'}, answered {answered}" in result.out
    assert "no thanks" in result.out
    assert "1 delivery: 0 ok, 1 unexpected" in result.out


INPUT = [
    # arguments, what standard error must name
    (["events", "--provider", "akry"], ["unknown provider 'akry'", "'arky'"]),
    (["events", "--provider", "./nowhere"], ["nowhere", "provider.toml"]),
    (["events", "show", "order.padi"], ["unknown event 'order.padi'", "'order.paid'"]),
    (["events", "schema", "Order.Paid"], ["unknown event 'Order.Paid'", "'order.paid'"]),
    (["send", "order.padi"], ["unknown event 'order.padi'", "'order.paid'"]),
    (["send", "oder.*"], ["'oder.*'", "order.*"]),
    (["send", "order.paid", "--provider", "arcade"], ["unknown event 'order.paid'"]),
    (["send", "order.paid", "--to", "staging"], ["unknown endpoint 'staging'", "[endpoints]"]),
    (["send", "order.paid", "--to", "http://a b/"], ["'http://a b/'", "%20"]),
    (["send", "order.paid", "--to", "ftp://localhost/"], ["ftp", "http and https"]),
    (["send", "order.paid", "--to", "http://me:pass-word@localhost/"], ["credentials"]),
    (["send", "order.paid", "--to", "0"], ["0 is not a port"]),
    (["send", "order.paid", "--to", "65536"], ["65536 is not a port"]),
    (["send", "formSubmission.created"], ["no endpoint for Arcade", "--to URL", "[endpoints]"]),
    (["send", "formSubmission.created", "--to", "3000"], ["port 3000", "Arcade", "/webhooks/arcade"]),
    (["send", "order.paid", "--secret-file", "missing"], ["secret file missing"]),
    (["send", "order.paid", "--secret-file", "empty"], ["secret is empty", "empty"]),
    (["send", "order.paid", "--data", "missing"], ["--data missing"]),
    (["send", "order.paid", "--data", "."], ["--data .", "directory"]),
    (["send", "--data", "empty"], ["whose event", "--provider"]),
    (["send", "order.paid", "--set", "data.order.totl=1"], ["data.order.totl", "'data.order.total'"]),
    (["send", "order.paid", "--set", "data.order.total=much"], ["data.order.total", "'much'", "integer"]),
    (["send", "order.paid", "--set", "data.order.total:={"], ["data.order.total", "not valid JSON"]),
    (["send", "order.paid", "--set", "data.order.items[7].price=1"], ["items[7]", "out of range"]),
    (["send", "order.paid", "--add", "data.order:={}"], ["data.order", "--set"]),
    (["send", "order.paid", "--unset", "data.nothing"], ["data.nothing"]),
    (["send", "order.paid", "--cacert", "missing", "--to", "https://127.0.0.1:9/"], ["--cacert missing"]),
    (["send", "order.paid", "--cacert", "empty", "--to", "https://127.0.0.1:9/"], ["--cacert empty", "PEM"]),
    (["send", "--provider", "arky", "--data", "empty", "--tamper", "body"], ["--tamper body", "no string value"]),
    (
        ["send", "formSubmission.created", "--rotate", "both", "--to", "http://127.0.0.1:9/"],
        ["previous secret", "ARCADE_SIGNING_SECRET_PREVIOUS"],
    ),
]


@pytest.mark.parametrize(("arguments", "named"), INPUT, ids=[" ".join(arguments) for arguments, _ in INPUT])
def test_3_for_input_that_cannot_be_used(signing: Cli, arguments: list[str], named: list[str]) -> None:
    (signing.folder / "empty").touch()
    result = run_here(signing, *arguments)
    assert (result.code, result.out) == (3, "")
    assert result.err.startswith("error: ")
    for text in named:
        assert text in result.err
    assert "Traceback" not in result.err
    assert "pass-word" not in result.err


@pytest.mark.parametrize(("arguments", "named"), [INPUT[2], INPUT[17], INPUT[20]])
def test_the_process_ends_in_that_exit_code(signing: Cli, arguments: list[str], named: list[str]) -> None:
    result = signing(*arguments)
    assert (result.code, result.out) == (3, "")
    assert all(text in result.err for text in named)
    assert result == run_here(signing, *arguments)


@pytest.mark.parametrize(
    ("event", "variable"),
    [("order.paid", "ARKY_WEBHOOK_SECRET"), ("formSubmission.created", "ARCADE_SIGNING_SECRET")],
)
@pytest.mark.parametrize("value", [None, ""], ids=["unset", "empty"])
def test_3_without_a_secret_and_the_message_names_the_variable(
    signing: Cli, recorder: Recorder, event: str, variable: str, value: str | None
) -> None:
    result = signing("send", event, "--to", f"{recorder.base}/hook", env={variable: value})
    assert (result.code, result.out, recorder.requests) == (3, "", [])
    assert variable in result.err


CONFIGURATIONS = [
    ("colour = 1", ["hookctl.toml", "colour"]),
    ("provdier = 'arky'", ["hookctl.toml", "provdier", "'provider'"]),
    ("endpoints = 3", ["hookctl.toml", "endpoints"]),
    ("[endpoints]\narky = ['x']", ["hookctl.toml", "endpoints.arky"]),
    ("provider = \n", ["hookctl.toml", "TOML", "line 1"]),
    ("[endpoints]\narky = 'https://192.0.2.1/hook'", ["endpoints.arky", "192.0.2.1", "--allow-remote"]),
]


@pytest.mark.parametrize(("text", "named"), CONFIGURATIONS, ids=[text for text, _ in CONFIGURATIONS])
def test_3_for_a_configuration_that_cannot_be_used(signing: Cli, text: str, named: list[str]) -> None:
    (signing.folder / "hookctl.toml").write_text(text)
    result = run_here(signing, "send", "order.paid")
    assert (result.code, result.out) == (3, "")
    for part in named:
        assert part in result.err


def test_4_when_nothing_listens(signing: Cli) -> None:
    port = unused_port()
    result = signing("send", "order.paid", "--to", str(port))
    assert (result.code, result.err) == (4, "")
    assert f"nothing listens on localhost:{port}" in result.out
    assert "1 delivery: 0 ok, 1 not delivered" in result.out


def test_4_when_the_name_does_not_resolve(signing: Cli) -> None:
    # RFC 6761: no resolver answers for it, so nothing leaves this machine for it either
    result = signing("send", "order.paid", "--to", "http://receiver.invalid/", "--format", "ndjson")
    assert result.code == 4
    assert result.records[0]["error"].startswith("dns: the name receiver.invalid ")


def test_4_when_no_answer_comes_in_time(signing: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        result = signing("send", "order.paid", "--to", url, "--timeout", "0.2", "--format", "ndjson")
    assert result.code == 4
    assert result.records[0]["error"] == "timeout: no answer within 0.2 s"
    assert 200 <= result.records[0]["duration_ms"] < 2000


def test_4_when_the_receiver_does_not_speak_tls(signing: Cli, recorder: Recorder) -> None:
    url = recorder.base.replace("http:", "https:") + "/hook"
    result = signing("send", "order.paid", "--to", url, "--timeout", "3", "--format", "ndjson")
    assert result.code == 4
    assert result.records[0]["error"].startswith("tls: ")


def test_4_for_an_address_that_hookctl_never_sends_to(signing: Cli) -> None:
    result = signing("send", "order.paid", "--to", "http://169.254.169.254/latest", "--format", "ndjson")
    assert result.code == 4
    assert result.records[0]["error"].startswith("blocked: 169.254.169.254")


def test_4_outweighs_1(signing: Cli) -> None:
    given_up = threading.Event()

    def fail_then_hang(number: int, request: Received) -> Answer:
        if number:
            given_up.wait(10)
        return 500, b""

    with recording(fail_then_hang) as recorder:
        url = f"{recorder.base}/hook"
        result = signing("send", "order.created", "order.paid", "--to", url, "--timeout", "1.5", "--format", "ndjson")
        given_up.set()
        assert len(recorder.requests) == 2
    first, second, summary = result.records
    assert (first["status"], second["ok"], second["error"] is None) == (500, False, False)
    assert (summary["ok"], summary["unexpected"], summary["not_delivered"]) == (0, 1, 1)
    assert result.code == 4


def test_4_when_wait_is_over_and_still_nothing_listens(signing: Cli) -> None:
    result = signing("send", "order.paid", "--to", str(unused_port()), "--wait", "0.3")
    assert result.code == 4
    assert "waiting up to 0.3 s" in result.err
    assert "nothing listens on" in result.out


@pytest.mark.parametrize("kind", [None, *Tamper])
@pytest.mark.parametrize("form", ["text", "json", "ndjson"])
def test_no_output_ever_holds_the_secret(signing: Cli, kind: Tamper | None, form: str) -> None:
    # a receiver that gives back everything it knows
    with recording(always(500, f"your secret is {ARKY_SECRET}".encode())) as recorder:
        option = [] if kind is None else ["--tamper", kind]
        more = ["-v"] if form == "text" else []
        arguments = ("send", "order.paid", "--to", f"{recorder.base}/hook", "--format", form, *more, *option)
        result = run_here(signing, *arguments)
    assert result.code == 1
    assert ARKY_SECRET not in result.out + result.err
    assert "[secret]" in result.out
