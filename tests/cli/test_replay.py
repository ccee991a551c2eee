"""`hookctl replay` against real receivers: what arrives, where it may go, what is said of it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import signal
import socket
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookctl.flows import replay_plan
from hookctl.model import CapturedRequest, CapturedResponse, Reason, Verdict
from hookctl.store import Arrival, Forwarded, Outcome, Store, default_path
from tests import schemas
from tests.cli.inprocess import run_here
from tests.cli.processes import line_of, under_way
from tests.cli.recorder import Received, always, recording, unused_port
from tests.cli.signed import BODY, arcade, archive, arky, genuine, http, record
from tests.cli.terminal import on_terminal
from tests.harness import ARKY_SECRET, Cli
from tests.rawserver import answer, raw_server
from tests.receivers.launch import PROGRAMS, running
from tests.test_loading import NETWORK, NEVER_IN_A_SHORT_COMMAND, load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.store import StoredDelivery
    from tests.cli.recorder import Answer, Recorder

NOW_MS = 1_704_067_200_000
HEADERS = [
    ("User-Agent", "Arky-Webhooks/1.0"),
    ("X-ARKY-Signature", "00" * 32),
    ("x-Trace", "first"),
    ("content-TYPE", "application/json"),
    ("X-Arky-Timestamp", "1704067200"),
    ("x-trace", "second, again"),
]
"""In odd case and order, with a repeat; signed with no secret that anyone has."""


def saved(cli: Cli, data: bytes, name: str = "delivery.http") -> str:
    """Write a file into the folder of the command line and return its name."""
    (cli.folder / name).write_bytes(data)
    return name


def stored(
    cli: Cli,
    *bodies: bytes,
    verdict: Verdict | None = None,
    response: CapturedResponse | None = None,
    forwarded: Forwarded | None = None,
    provider: str | None = "arky",
) -> list[StoredDelivery]:
    """Put deliveries into the store of the command line."""
    with Store.open(default_path(cli.environment()), clock=lambda: NOW_MS) as store, store.writer() as writer:
        deliveries = writer.write(
            [
                Arrival(
                    CapturedRequest(
                        NOW_MS + number,
                        "POST",
                        "/in?from=vendor",
                        "1.1",
                        tuple((name.encode(), value.encode()) for name, value in arky(body)),
                        body,
                    ),
                    verdict or Verdict(valid=True, reason=Reason.OK),
                    provider,
                    "order.paid",
                    f"evt_{number}",
                    response,
                )
                for number, body in enumerate(bodies)
            ]
        )
        writer.write([], [Outcome(one.id, forwarded=forwarded) for one in deliveries])
    return deliveries


@contextmanager
def anywhere() -> Iterator[Cli]:
    """Return a command line in a folder of its own, for a property that runs it many times."""
    with TemporaryDirectory() as folder:
        yield Cli(Path(folder))


def openssl_signature(timestamp: str, body: bytes) -> str:
    """Return Arky's signature as openssl computes it."""
    command = ["openssl", "dgst", "-sha256", "-hmac", ARKY_SECRET, "-r"]
    done = subprocess.run(command, input=timestamp.encode() + b"." + body, capture_output=True, check=True, timeout=30)
    return done.stdout.split()[0].decode()


# --- what arrives ----------------------------------------------------------------------------------------------------


def test_verbatim_is_what_was_captured_to_the_byte_without_a_secret(cli: Cli) -> None:
    body = b'{ "id": "evt_1",\r\n "event":"order.paid", "x":"\xff\x00" }\n'
    name = saved(cli, http(HEADERS, body))
    with raw_server() as server:
        result = cli("replay", name, "--to", server.url, "--verbatim")
        received = server.take()
    assert (result.code, result.err) == (0, "")
    assert received.body == body
    lines = [line.decode() for line in received.lines]
    assert lines[0] == "POST /hook HTTP/1.1"
    assert lines[3:] == [f"{key}: {value}" for key, value in HEADERS]
    assert [line.partition(":")[0] for line in lines[1:3]] == ["Host", "Content-Length"]


@settings(max_examples=25)
@given(body=st.binary(max_size=2000), value=st.binary(max_size=60))
def test_any_body_and_any_value_that_a_header_can_hold_arrive_as_captured(body: bytes, value: bytes) -> None:
    kept = bytes(byte for byte in value if byte >= 0x20 and byte != 0x7F).strip(b" ")
    headers = [["x-arky-signature", "ab"], ["X-Any", kept.decode("latin-1")]]
    packed = {"schema": "hookctl.capture/1", "headers": headers, "body_b64": base64.b64encode(body).decode()}
    with anywhere() as cli, raw_server() as server:
        arguments = ("replay", "-", "--to", server.url, "--verbatim", "--provider", "arky")
        result = run_here(cli, *arguments, stdin=json.dumps(packed).encode())
        assert result.code == 0, result.err
        received = server.take()
    assert received.body == body
    assert dict(received.headers)[b"x-any"] == kept


def test_signed_anew_only_signature_and_time_change_and_stay_in_their_place(signing: Cli) -> None:
    name = saved(signing, http(HEADERS, BODY))
    with raw_server() as server:
        result = signing("replay", name, "--to", server.url)
        received = server.take()
    assert (result.code, received.body) == (0, BODY)
    pairs = [line.decode().partition(": ") for line in received.lines[3:]]
    assert [key for key, _, _ in pairs] == [key for key, _ in HEADERS]
    said = {key: value for key, _, value in pairs}
    assert said["X-ARKY-Signature"] == openssl_signature(said["X-Arky-Timestamp"], BODY)
    assert int(said["X-Arky-Timestamp"]) > 1_704_067_200
    unchanged = {key for key, value in HEADERS if said[key] == value}
    assert unchanged == {"User-Agent", "x-Trace", "content-TYPE", "x-trace"}


def test_a_signature_that_was_lost_is_added_at_the_end(signing: Cli) -> None:
    name = saved(signing, http([("x-arky-timestamp", "1"), ("X-Last", "1")], BODY))
    with raw_server() as server:
        assert run_here(signing, "replay", name, "--to", server.url).code == 0
        names = [key for key, _ in server.take().headers]
    assert names == [b"host", b"content-length", b"x-arky-timestamp", b"x-last", b"x-arky-signature"]


def test_the_second_signature_of_a_rotation_goes(signing: Cli) -> None:
    body = b'{"type":"formSubmission.created","timestamp":"2024-01-01T00:00:00.000Z","data":{}}'
    old = arcade(body, secret="old")[0][1]
    name = saved(signing, http([("x-arcade-signature", old), ("X-Arcade-Signature-2", old), ("a", "b")], body))
    with raw_server() as server:
        assert run_here(signing, "replay", name, "--to", server.url).code == 0
        received = server.take()
    secret = signing.environment()["ARCADE_SIGNING_SECRET"].encode()
    expected = base64.b64encode(hmac.new(secret, body, hashlib.sha256).digest())
    assert received.headers[2:] == [(b"x-arcade-signature", expected), (b"a", b"b")]


@pytest.mark.parametrize("name", ["arky-express", "arky-python"])
def test_a_real_receiver_takes_what_is_signed_anew_and_refuses_the_forged_original(signing: Cli, name: str) -> None:
    program = next(one for one in PROGRAMS if one.name == name)
    file = saved(signing, http(HEADERS, BODY))
    with running(program, ARKY_SECRET) as receiver:
        anew = signing("replay", file, "--to", receiver.url, "--format", "ndjson")
        as_it_was = signing("replay", file, "--to", receiver.url, "--verbatim", "--format", "ndjson")
    assert (anew.code, anew.records[0]["status"]) == (0, 200)
    assert (as_it_was.code, as_it_was.records[0]["status"]) == (1, 401)


def test_what_concerns_one_connection_and_what_lets_someone_in_is_not_sent_again(signing: Cli) -> None:
    dropped = [
        *(("Connection", "keep-alive, X-Hop"), ("X-Hop", "1"), ("Keep-Alive", "timeout=5"), ("TE", "trailers")),
        *(("Trailer", "x"), ("Upgrade", "h2c"), ("Expect", "100-continue"), ("Proxy-Anything", "1")),
        *(("Cookie", "session=abc"), ("AUTHORIZATION", "Bearer abc"), ("Proxy-Authorization", "Basic abc")),
    ]
    kept = [("Forwarded", "for=192.0.2.1"), ("X-Forwarded-For", "192.0.2.1"), ("X-Real-IP", "192.0.2.1")]
    name = saved(signing, http([*dropped, *kept, *arky()]))
    with raw_server() as server:
        for option in ([], ["--verbatim"]):
            result = run_here(signing, "replay", name, "--to", server.url, *option)
            assert result.code == 0
            assert result.err == " note: not sent again: Cookie and AUTHORIZATION, which may let someone in\n"
            head = server.take().head
            assert b"abc" not in head
            names = [line.split(b":")[0].decode() for line in head.split(b"\r\n")[3:]]
            assert names == [key for key, _ in (*kept, *arky())]


def test_edits_come_before_signing_and_keep_the_rest(signing: Cli) -> None:
    body = run_here(signing, "send", "order.paid", "--dry-run", "--format", "ndjson").records[0]["body"].encode()
    name = saved(signing, http(arky(body), body))
    edits = (
        "--set",
        "data.order.total=7",
        "--add",
        "data.gift:=true",
        "--unset",
        "data.payment",
        "--set",
        "id=evt_new",
    )
    with raw_server() as server:
        result = run_here(signing, "replay", name, "--to", server.url, *edits, "--format", "ndjson")
        received = server.take()
    before, after = json.loads(body), json.loads(received.body)
    assert (result.code, result.records[0]["event_id"]) == (0, "evt_new")
    assert (after["data"]["order"]["total"], after["data"]["gift"], after["id"]) == (7, True, "evt_new")
    assert "payment" not in after["data"]
    assert after["timestamp"] == before["timestamp"]
    assert after["data"]["order"]["customer"] == before["data"]["order"]["customer"]
    said = dict(received.headers)
    expected = openssl_signature(said[b"x-arky-timestamp"].decode(), received.body)
    assert said[b"x-arky-signature"].decode() == expected


def test_a_dry_run_shows_a_request_that_verify_accepts_and_sends_nothing(signing: Cli, recorder: Recorder) -> None:
    name = saved(signing, http(HEADERS, BODY))
    shown = run_here(signing, "replay", name, "--to", f"{recorder.base}/hook", "--dry-run", "--format", "http")
    assert (shown.code, recorder.requests) == (0, [])
    assert run_here(signing, "verify", "-", stdin=shown.raw_out).code == 0
    assert run_here(signing, "verify", name).code == 1


def test_every_capture_of_a_file_is_sent_in_its_order(signing: Cli, recorder: Recorder) -> None:
    saved(signing, archive(*map(genuine, range(5))), "archive.ndjson")
    result = run_here(signing, "replay", "archive.ndjson", "--to", f"{recorder.base}/hook", "--format", "json")
    assert result.code == 0
    ids = [json.loads(request.body)["id"] for request in recorder.requests]
    assert ids == [f"evt_{number}" for number in range(5)]
    assert [one["replay_of"] for one in result.document["results"]] == [f"archive.ndjson:{n}" for n in range(1, 6)]
    assert result.document["summary"]["total"] == 5


# --- which deliveries ------------------------------------------------------------------------------------------------


def test_ids_their_beginnings_and_last_are_stored_deliveries(signing: Cli, recorder: Recorder) -> None:
    first, second = stored(signing, BODY, BODY.replace(b"evt_1", b"evt_2"))
    to = ("--to", f"{recorder.base}/hook", "--format", "ndjson")
    names = (first.id, second.id[:-1].lower(), "last")
    result = run_here(signing, "replay", *names, *to)
    assert (result.code, result.err) == (0, "")
    assert [one["replay_of"] for one in result.records[:-1]] == [first.id, second.id, second.id]
    assert [request.body for request in recorder.requests] == [first.request.body, *[second.request.body] * 2]


def test_a_file_goes_before_an_id_and_before_last(signing: Cli, recorder: Recorder) -> None:
    stored(signing, b'{"id":"stored"}')
    for name in ("last", "dl_00"):
        saved(signing, http(arky()), name)
        result = run_here(signing, "replay", name, "--to", f"{recorder.base}/hook", "--format", "ndjson")
        assert (result.code, result.records[0]["replay_of"]) == (0, name)
    assert [request.body for request in recorder.requests] == [BODY] * 2


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dl_00", "no stored delivery has the id 'dl_00'"),
        ("dl_!", "no stored delivery has the id 'dl_!'"),
        ("dl_", "no stored delivery has the id 'dl_'"),
        ("delivery.htpp", "'delivery.htpp' is neither a file nor the id of a stored delivery"),
        ("*.nothing", "*.nothing: no file matches"),
        ("empty", "empty: it is empty"),
        ("text", "text: no known form of capture fits"),
        (".", "the folder holds no file"),
    ],
)
def test_what_is_no_delivery_is_exit_code_3_and_nothing_is_sent(
    signing: Cli, recorder: Recorder, name: str, said: str
) -> None:
    stored(signing, BODY)
    if name in {"empty", "text"}:
        saved(signing, b"" if name == "empty" else b'{"a":1}', name)
    good = saved(signing, http(arky()), ".good.http")
    result = run_here(signing, "replay", good, name, "--to", f"{recorder.base}/hook")
    assert (result.code, result.out, recorder.requests) == (3, "", [])
    assert result.err.startswith("error: ")
    assert said in result.err
    assert "--signature" not in result.err


def test_without_a_store_an_id_is_exit_code_3_and_none_is_made(signing: Cli) -> None:
    result = run_here(signing, "replay", "last")
    assert (result.code, result.err.splitlines()[0]) == (3, "error: nothing has been received yet")
    assert not default_path(signing.environment()).parent.exists()


def test_one_that_cannot_be_read_in_the_middle_keeps_all_from_being_sent(signing: Cli, recorder: Recorder) -> None:
    saved(signing, archive(genuine(1), b'{"schema":"hookctl.capture/1","headers":3}', genuine(2)), "archive.ndjson")
    result = run_here(signing, "replay", "archive.ndjson", "--to", f"{recorder.base}/hook")
    assert (result.code, recorder.requests) == (3, [])
    assert result.err.startswith("error: archive.ndjson:2: ")


def test_more_than_one_run_replays_is_refused_while_reading(
    signing: Cli, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(signing, archive(*map(genuine, range(4))), "archive.ndjson")
    arguments = ("replay", "archive.ndjson", "--to", f"{recorder.base}/hook")
    monkeypatch.setattr(replay_plan, "MAX_DELIVERIES", 4)
    assert run_here(signing, *arguments).code == 0
    monkeypatch.setattr(replay_plan, "MAX_DELIVERIES", 3)
    result = run_here(signing, *arguments)
    assert (result.code, len(recorder.requests)) == (3, 4)
    assert "archive.ndjson:4: that is more than one run replays: 3 deliveries or 256 MiB" in result.err
    monkeypatch.setattr(replay_plan, "MAX_BYTES", 100)
    assert "archive.ndjson:1: that is more" in run_here(signing, *arguments).err


# --- where they go ---------------------------------------------------------------------------------------------------


def test_without_to_it_goes_where_it_was_passed_on_to(signing: Cli, recorder: Recorder) -> None:
    stored(signing, BODY, forwarded=Forwarded(f"{recorder.base}/app?a=b", 500, 3.0))
    result = run_here(signing, "replay", "last", "--format", "ndjson")
    assert (result.code, recorder.requests[0].path) == (0, "/app?a=b")
    assert result.records[0]["before"] == 500


def test_a_port_takes_the_path_of_the_delivery_where_the_vendor_documents_none(
    signing: Cli, recorder: Recorder
) -> None:
    body = b'{"type":"formSubmission.created"}'
    name = saved(signing, http(arcade(body), body, target="/my/hook?a=%20b"))
    port = recorder.base.rpartition(":")[2]
    for to in (port, recorder.base):
        assert run_here(signing, "replay", name, "--to", to).code == 0
    assert [request.path for request in recorder.requests] == ["/my/hook?a=%20b"] * 2


@pytest.mark.parametrize("option", [[], ["--verbatim"]])
def test_beyond_this_machine_only_with_consent_whoever_says_so(signing: Cli, option: list[str]) -> None:
    name = saved(signing, http(arky()))
    stored(signing, BODY, forwarded=Forwarded("https://app.example/hook", 200, 1.0))
    (signing.folder / "hookctl.toml").write_text('[endpoints]\nstaging = "http://192.0.2.7/x"\n')
    for arguments, env in [
        ((name, "--to", "http://receiver.example/"), {}),
        ((name, "--to", "http://192.0.2.7/"), {}),
        ((name, "--to", "staging"), {}),
        (("last",), {}),
        ((name,), {"HOOKCTL_TO": "http://receiver.example/"}),
    ]:
        result = run_here(Cli(signing.folder, {**signing.env, **env}), "replay", *arguments, *option)
        assert (result.code, result.out) == (3, "")
        assert "is beyond this machine" in result.err
        assert "--allow-remote" in result.err


def test_a_local_name_that_is_another_machine_is_refused_when_connecting(
    signing: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = saved(signing, http(arky()))
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *more, **options: real("192.0.2.7", *more, **options))
    result = run_here(signing, "replay", name, "--to", "http://localhost:9/", "--format", "ndjson")
    assert result.code == 4
    assert result.records[0]["error"].startswith("blocked: localhost is 192.0.2.7, which is not this machine")


def test_a_metadata_service_is_never_reached(signing: Cli) -> None:
    name = saved(signing, http(arky()))
    result = run_here(
        signing, "replay", name, "--to", "http://169.254.169.254/", "--allow-remote", "--format", "ndjson"
    )
    assert result.code == 4
    assert result.records[0]["error"].startswith("blocked: ")


# --- whose it is, and what cannot be sent ----------------------------------------------------------------------------


def test_of_an_unknown_sender_only_verbatim_works_and_needs_to_be_told_where(signing: Cli, recorder: Recorder) -> None:
    name = saved(signing, http([("x-other", "1")], b"hello", target="/own"))
    to = ("--to", recorder.base)
    refused = run_here(signing, "replay", name, *to)
    assert (refused.code, recorder.requests) == (3, [])
    assert "whose delivery is it? nothing in it tells" in refused.err
    assert run_here(signing, "replay", name, "--verbatim").err.startswith(f"error: {name}: where to?")
    result = run_here(signing, "replay", name, *to, "--verbatim", "--format", "ndjson")
    assert (result.code, result.records[0]["provider"], recorder.requests[0].path) == (0, None, "/own")
    assert run_here(signing, "replay", name, *to, "--verbatim", "--expect", "500").code == 1
    assert run_here(signing, "replay", name, "--to", f"http://127.0.0.1:{unused_port()}/", "--verbatim").code == 4
    assert run_here(signing, "replay", name, *to, "--provider", "arcade").code == 0


def test_without_a_secret_it_is_exit_code_3_and_verbatim_is_offered(cli: Cli, recorder: Recorder) -> None:
    name = saved(cli, http(arky()))
    result = run_here(cli, "replay", name, "--to", f"{recorder.base}/")
    assert (result.code, recorder.requests) == (3, [])
    assert "no signing secret for Arky" in result.err
    assert "--verbatim needs no secret" in result.err


def test_signing_what_was_not_genuine_is_said(signing: Cli, recorder: Recorder) -> None:
    (one,) = stored(signing, BODY, verdict=Verdict(valid=False, reason=Reason.MISMATCH))
    result = run_here(signing, "replay", "last", "--to", f"{recorder.base}/")
    assert result.code == 0
    assert f"note: {one.id} was not genuine when it arrived (mismatch)" in result.err
    assert run_here(signing, "replay", "last", "--to", f"{recorder.base}/", "--verbatim").err == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"headers": [["X-Good", "a\r\nX-Evil: 1"]]}, "the header X-Good cannot hold"),
        ({"headers": [["X-Good", "a\nb"]]}, "the header X-Good cannot hold"),
        ({"headers": [["X-Good", "a\u0000b"]]}, "the header X-Good cannot hold"),
        ({"headers": [["X-Evil: 1\r\nX-Good", "a"]]}, "is not the name of a header"),
        ({"headers": [["X Good", "a"]]}, "'X Good' is not the name of a header"),
        ({"headers": [["", "a"]]}, "'' is not the name of a header"),
        ({"method": "POST / HTTP/1.1\r\nX-Evil: 1\r\n\r\nGET"}, "is not a method"),
        ({"method": ""}, None),
        ({"method": "CONNECT"}, "CONNECT asks a proxy for a connection"),
    ],
)
@pytest.mark.parametrize("option", [[], ["--verbatim"]])
def test_a_capture_cannot_smuggle_anything_in(
    signing: Cli, option: list[str], change: dict[str, Any], said: str | None
) -> None:
    what = {"schema": "hookctl.capture/1", "body": BODY.decode(), "headers": arky(), **change}
    name = saved(signing, json.dumps(what).encode(), "evil.json")
    with raw_server() as server:
        result = run_here(signing, "replay", name, "--to", server.url, *option, "--provider", "arky")
        if said is None:
            assert (result.code, server.take().lines[0]) == (0, b"POST /hook HTTP/1.1")
            return
        assert server.requests.empty()
    assert (result.code, result.err.count("\n")) == (3, 1)
    assert result.err.startswith("error: evil.json: ")
    assert said in result.err


def test_a_target_cannot_lead_to_another_machine(signing: Cli) -> None:
    for target in ("//192.0.2.7/x", "http://192.0.2.7/x", "@192.0.2.7/x", "/\u00e9 \r\nX-Evil: 1"):
        what = {"schema": "hookctl.capture/1", "body": "{}", "headers": arcade(b"{}"), "target": target}
        name = saved(signing, json.dumps(what).encode(), "evil.json")
        with raw_server() as server:
            result = run_here(signing, "replay", name, "--to", str(server.port), "--dry-run", "--format", "ndjson")
            assert server.requests.empty()
        if result.code == 0:
            assert result.records[0]["url"].startswith(f"http://localhost:{server.port}/")
        else:
            assert (result.code, "white space" in result.err) == (3, True)


@pytest.mark.parametrize(
    ("body", "edit", "said"),
    [
        (BODY, "data.order.totl=1", "order.paid has no data.order.totl"),
        (BODY, "timestamp=soon", "'soon' is not an integer"),
        (b"hello", "id=1", "the body cannot be changed: it is not JSON"),
        (b"[1]", "id=1", "the body cannot be changed: it is not a JSON object"),
        (b'{"id":"1","id":"2"}', "id=1", "the key 'id' is there twice"),
        (b'{"event":"order.new","id":"1"}', "id=2", "no schema says of what type that is"),
    ],
)
def test_an_edit_that_does_not_fit_one_of_them_keeps_all_from_being_sent(
    signing: Cli, recorder: Recorder, body: bytes, edit: str, said: str
) -> None:
    good = saved(signing, http(arky()), "good.http")
    bad = saved(signing, http(arky(body), body), "bad.http")
    result = run_here(signing, "replay", good, bad, "--to", f"{recorder.base}/", "--set", edit)
    assert (result.code, recorder.requests) == (3, [])
    assert said in result.err


def test_json_says_its_own_type_where_no_schema_does(signing: Cli, recorder: Recorder) -> None:
    body = b'{"event":"order.new","total":1}'
    name = saved(signing, http(arky(body), body))
    assert run_here(signing, "replay", name, "--to", f"{recorder.base}/", "--set", "total:=2").code == 0
    assert recorder.requests[0].body == b'{"event":"order.new","total":2}'


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["x", "--verbatim", "--set", "id=1"],
        ["x", "--verbatim", "--unset", "id"],
        ["x", "--verbatim", "--secret-file", "s"],
        ["x", "--secret", "s"],
        ["x", "--rate", "0"],
        ["x", "--rate", "-1"],
        ["x", "--rate", "nan"],
        ["x", "--rate", "inf"],
        ["x", "--timeout", "0"],
        ["x", "--from", "body"],
        ["x", "--format", "curl"],
        ["x", "-v", "-q"],
        ["-", "--secret-file", "-"],
    ],
    ids=" ".join,
)
def test_a_command_line_that_contradicts_itself_is_exit_code_2(signing: Cli, arguments: list[str]) -> None:
    saved(signing, http(arky()), "x")
    result = run_here(signing, "replay", *arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: ")


# --- what is shown ---------------------------------------------------------------------------------------------------


def test_the_old_and_the_new_answer_stand_side_by_side(signing: Cli) -> None:
    old = CapturedResponse(500, (), b"it broke\nin line 7\x1b[2J")
    (one,) = stored(signing, BODY, response=old)
    with recording(always(200, b"thank you")) as receiver:
        to = ("--to", f"{receiver.base}/hook")
        text = run_here(signing, "replay", "last", *to).out
        machine = run_here(signing, "replay", "last", *to, "--format", "ndjson").records[0]
        quiet = run_here(signing, "replay", "last", *to, "-q").out
    assert text.splitlines()[1:-1] == [
        f"    replay of {one.id}  was 500 → now 200",
        "    was | it broke",
        "    was | in line 7\\x1b[2J",
        "    now | thank you",
    ]
    assert quiet == f"1 delivery: 1 ok  {receiver.base}/hook\n"
    assert list(machine)[-2:] == ["replay_of", "before"]
    assert (machine["replay_of"], machine["before"], machine["response"]["body"]) == (one.id, 500, "thank you")


def test_answers_that_are_alike_are_not_shown_twice_and_a_failure_has_its_hint(signing: Cli) -> None:
    stored(signing, BODY, response=CapturedResponse(401, (), b"no"))
    with recording(always(401, b"no")) as receiver:
        result = run_here(signing, "replay", "last", "--to", f"{receiver.base}/hook")
    assert result.code == 1
    assert "was 401 → now 401" in result.out
    assert result.out.count("| no") == 1
    assert "hint: does the receiver use the same ARKY_WEBHOOK_SECRET" in result.out


def test_answers_that_differ_beyond_what_is_shown_are_said_to(signing: Cli) -> None:
    stored(signing, BODY, response=CapturedResponse(200, (), b"x" * 500 + b"old"))
    with recording(always(200, b"x" * 500 + b"new")) as receiver:
        result = run_here(signing, "replay", "last", "--to", f"{receiver.base}/hook")
    assert result.out.splitlines()[2] == "    the answers differ from byte 500 on"


def test_without_an_answer_it_is_exit_code_4_and_said(signing: Cli) -> None:
    stored(signing, BODY, response=CapturedResponse(200))
    result = run_here(signing, "replay", "last", "--to", f"http://127.0.0.1:{unused_port()}/")
    assert result.code == 4
    assert "was 200 → now no answer" in result.out


def test_not_delivered_outweighs_unexpected(signing: Cli) -> None:
    with recording(always(500)) as receiver:
        stored(signing, BODY, forwarded=Forwarded(f"{receiver.base}/", 200, 1.0))
        stored(signing, BODY, forwarded=Forwarded(f"http://127.0.0.1:{unused_port()}/", 200, 1.0))
        with Store.open(default_path(signing.environment()), clock=lambda: NOW_MS) as store:
            both = [line.id for line in store.summaries()]
        assert run_here(signing, "replay", *both).code == 4
        assert run_here(signing, "replay", *both, "--expect", "500").code == 4


def test_a_terminal_of_80_columns_is_wide_enough(signing: Cli) -> None:
    long = CapturedResponse(500, (), b"x" * 500)
    stored(signing, *[BODY.replace(b"evt_1", b"evt_%d" % number) for number in range(3)], response=long)
    with recording(always(200, b"y" * 500)) as receiver:
        screen = on_terminal(signing, "replay", "last", "--to", f"{receiver.base}/hook")
    assert (screen.code, len(screen.widest) <= 80) == (0, True), screen.widest
    assert "now | yyy" in screen.text


def test_the_exit_code_tells_the_truth_when_the_reader_goes_away(signing: Cli) -> None:
    saved(signing, archive(*map(genuine, range(5))), "archive.ndjson")
    with recording(always(500)) as receiver:
        arguments = ("replay", "archive.ndjson", "--to", f"{receiver.base}/hook", "--format", "ndjson")
        with under_way(signing, *arguments) as process:
            line_of(process)
            assert process.stdout is not None
            process.stdout.close()
            assert process.wait(timeout=20) == 1
            assert process.stderr is not None
            assert process.stderr.read() == b""
        assert len(receiver.requests) == 5


def test_ctrl_c_ends_it_with_a_partial_summary(signing: Cli) -> None:
    release = threading.Event()

    def hold(number: int, _: Received) -> Answer:
        if number == 2:
            release.wait(20)
        return 200, b""

    saved(signing, archive(*map(genuine, range(5))), "archive.ndjson")
    with recording(hold) as receiver:
        arguments = ("replay", "archive.ndjson", "--to", f"{receiver.base}/hook", "--timeout", "300")
        with under_way(signing, *arguments, "--format", "ndjson") as process:
            receiver.wait(3)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10)
        release.set()
    *deliveries, summary = schemas.records(out)
    assert (process.returncode, err, len(deliveries), summary["total"]) == (130, b"", 2, 2)


def test_ctrl_c_while_waiting_for_the_next_ends_it_at_once(signing: Cli) -> None:
    saved(signing, archive(*map(genuine, range(2))), "archive.ndjson")
    with recording() as receiver:
        arguments = ("replay", "archive.ndjson", "--to", f"{receiver.base}/hook", "--rate", "0.001")
        with under_way(signing, *arguments) as process:
            assert "order.paid" in line_of(process)
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=10)
        assert len(receiver.requests) == 1
    assert process.returncode == 130
    assert b"2 deliveries: 1 ok, 1 not sent" in out


def test_a_failing_answer_is_shown_safely_and_with_both_bodies(signing: Cli) -> None:
    stored(signing, BODY, response=CapturedResponse(200, (), b"fine"))
    with raw_server(lambda _: answer(b"\x1b]0;evil\x07boom")) as server:
        result = run_here(signing, "replay", "last", "--to", server.url)
    assert result.code == 1
    assert "was | fine" in result.out
    assert "  | \\x1b]0;evil\\x07boom" in result.out
    assert "\x1b" not in result.out


# --- what is loaded --------------------------------------------------------------------------------------------------


def test_a_dry_run_of_a_file_loads_no_slow_library_and_no_database(signing: Cli) -> None:
    name = saved(signing, http(arky()))
    result = load(signing, "replay", name, "--to", "3000", "--dry-run")
    assert result.code == 0
    assert not result.modules & {*NEVER_IN_A_SHORT_COMMAND, "sqlite3"}


def test_sending_loads_the_http_library_and_no_other_slow_one(signing: Cli, recorder: Recorder) -> None:
    name = saved(signing, record(arky()), "one.json")
    result = load(signing, "replay", name, "--to", f"{recorder.base}/")
    assert result.code == 0
    assert "httpx" in result.modules
    assert not result.modules & (NEVER_IN_A_SHORT_COMMAND - NETWORK)
