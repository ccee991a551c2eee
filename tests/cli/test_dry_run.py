"""`hookctl send --dry-run`: the request in each form, and nothing sent."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.cli.inprocess import run_here
from tests.cli.recorder import always, recording
from tests.cli.terminal import on_terminal
from tests.harness import ARCADE_SECRET, ARKY_SECRET

if TYPE_CHECKING:
    from tests.cli.recorder import Recorder
    from tests.harness import Cli

FORMS = ["text", "json", "ndjson", "curl", "http"]
FIXED = ("--seed", "3", "--at", "1704067200")


@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_sent_and_no_secret_is_shown(signing: Cli, recorder: Recorder, form: str) -> None:
    arguments = ("send", "order.*", "--to", f"{recorder.base}/hook", "--dry-run", "--format", form)
    result = signing(*arguments)
    assert (result.code, result.err, recorder.requests) == (0, "", [])
    assert ARKY_SECRET not in result.out
    # six requests, each with its own event
    for event in ("created", "paid", "shipped", "delivered", "cancelled", "refunded"):
        assert f"order.{event}" in result.out


def test_text_is_for_reading(signing: Cli) -> None:
    result = signing("send", "order.paid", *FIXED, "--dry-run")
    head, body, rest = result.out.split("\n\n", 2)
    assert head.splitlines()[0] == "POST http://localhost:3000/api/webhooks/arky"
    assert "x-arky-timestamp: 1704067200" in head.splitlines()
    assert json.loads(body)["event"] == "order.paid"
    assert rest == ""


def test_http_is_the_bytes_that_go_over_the_wire_and_the_signature_is_right(signing: Cli) -> None:
    result = signing("send", "order.paid", *FIXED, "--dry-run", "--format", "http")
    head, body = result.raw_out.split(b"\r\n\r\n", 1)
    request_line, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert request_line == "POST /api/webhooks/arky HTTP/1.1"
    assert (headers["Host"], headers["Content-Length"]) == ("localhost:3000", str(len(body)))
    expected = hmac.new(ARKY_SECRET.encode(), b"1704067200." + body, hashlib.sha256).hexdigest()
    assert headers["x-arky-signature"] == expected


def test_what_is_shown_is_what_is_sent(signing: Cli, recorder: Recorder) -> None:
    arguments = ("send", "formSubmission.created", "--to", f"{recorder.base}/hook?a=b", *FIXED)
    shown = signing(*arguments, "--dry-run", "--format", "ndjson").records[0]
    assert signing(*arguments).code == 0
    (request,) = recorder.requests
    assert request.body.decode() == shown["body"]
    assert request.path == "/hook?a=b"
    arrived = {(name.lower(), value) for name, value in request.headers}
    assert {(name, value) for name, value in shown["headers"]} <= arrived


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_curl_command_pasted_into_a_shell_sends_the_same_bytes(signing: Cli, recorder: Recorder, shell: str) -> None:
    body = bytes(range(256)) + "Zoë 'x' $(id) \\".encode()
    url = f"{recorder.base}/a/../hook?q=[1]&r={{2}}&s={{3,4}}"
    arguments = ["send", "--provider", "arcade", "--data", "-", "--to", url, "--dry-run"]
    arguments += ["-H", "x-note: 'a' \"b\" $HOME", "-H", "x-empty:"]
    curl = signing(*arguments, "--format", "curl", stdin=body)
    shown = signing(*arguments, "--format", "ndjson", stdin=body).records[0]
    pasted = subprocess.run([shell], input=curl.raw_out, capture_output=True, check=False, timeout=20)
    assert (pasted.returncode, pasted.stderr) == (0, b"")
    (request,) = recorder.requests
    assert request.body == body
    # neither the dots nor what curl would take for a list of URLs is touched
    assert recorder.base + request.path == shown["url"]
    assert (request.header("x-note"), request.header("x-empty")) == ("'a' \"b\" $HOME", "")
    assert ["x-arcade-signature", request.header("x-arcade-signature")] in shown["headers"]
    assert ARCADE_SECRET not in curl.out


def test_a_curl_command_is_one_line_for_each_request(signing: Cli) -> None:
    result = signing("send", "order.*", "--dry-run", "--format", "curl")
    lines = result.out.splitlines()
    assert len(lines) == 6
    assert all(line.startswith("printf ") and " | curl " in line for line in lines)


def test_json_is_one_document_also_for_one_request(signing: Cli) -> None:
    document = signing("send", "order.paid", "--dry-run", "--format", "json").document
    assert [result["type"] for result in document["results"]] == ["request_preview"]
    assert document["summary"] == {"type": "summary", "total": 1}


def test_a_dry_run_needs_no_receiver_and_no_network(signing: Cli) -> None:
    result = signing("send", "order.paid", "--to", "https://receiver.invalid/hook", "--dry-run")
    assert result.code == 0


@pytest.mark.parametrize("kind", ["body", "signature", "secret", "timestamp", "missing"])
def test_a_tampered_request_is_shown_tampered(signing: Cli, kind: str) -> None:
    arguments = ("send", "order.paid", *FIXED, "--dry-run", "--format", "ndjson")
    genuine, bad = (run_here(signing, *arguments, *more).records[0] for more in ([], ["--tamper", kind]))
    headers, bad_headers = dict(genuine["headers"]), dict(bad["headers"])
    differs = {name for name in headers if headers[name] != bad_headers.get(name)}
    if genuine["body"] != bad["body"]:
        differs.add("body")
    expected = {"body": {"body"}, "timestamp": {"x-arky-timestamp"}}
    assert differs == expected.get(kind, {"x-arky-signature"})
    assert ("x-arky-signature" in bad_headers) is (kind != "missing")


@pytest.mark.parametrize("form", FORMS)
def test_a_request_on_a_terminal_cannot_move_the_cursor(signing: Cli, form: str) -> None:
    (signing.folder / "body").write_bytes(b"\x1b[2J\x07\xc2\x9b31m\xff\r\n")
    arguments = ("send", "--provider", "arky", "--data", "body", "--dry-run", "--format", form)
    screen = on_terminal(signing, *arguments, env={"NO_COLOR": "1"})
    assert screen.code == 0
    assert not set(screen.raw) & (set(map(chr, [*range(32), *range(127, 160)])) - set("\r\n"))


def test_a_delivery_that_fails_does_not_fail_a_dry_run_of_it(signing: Cli) -> None:
    with recording(always(500)) as recorder:
        to = ("--to", f"{recorder.base}/hook")
        assert signing("send", "order.paid", *to).code == 1
        assert signing("send", "order.paid", *to, "--dry-run").code == 0
