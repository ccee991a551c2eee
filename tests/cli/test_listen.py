"""`hookctl listen` as a process: where it listens, what it answers, what it says, how it ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import schemas
from tests.cli.inprocess import run_here
from tests.cli.listening import (
    Listening,
    body_of,
    command,
    delivery,
    lines,
    listening,
    resident_kib,
    submission,
    unsigned,
    without_privileges,
)
from tests.cli.processes import line_of, under_way
from tests.cli.recorder import Received, recording
from tests.cli.signed import arcade, arky
from tests.harness import ARKY_SECRET
from tests.receiver.rawclient import PATIENCE_S, RawClient, post

if TYPE_CHECKING:
    from tests.cli.recorder import Answer
    from tests.harness import Cli

KEYS = [
    *("type", "id", "received_at", "event", "event_id", "provider", "valid", "reason", "response_status", "forwarded"),
    *("diagnosis", "age_s", "occurrence", "method", "target", "body_bytes"),
]


def loopback_addresses() -> list[str]:
    """Return the loopback addresses of this machine: not every one has IPv6."""
    found = ["127.0.0.1"]
    with suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        found.append("::1")
    return found


def is_open(host: str, port: int) -> bool:
    """Return whether something listens there."""
    with suppress(OSError), socket.create_connection((host, port), timeout=5):
        return True
    return False


# where it listens


def test_it_listens_on_loopback_only_unless_it_is_told_otherwise(signing: Cli) -> None:
    with listening(signing) as listener:
        assert listener.host == "127.0.0.1"
        assert listener.record("ready") == {"type": "ready", "url": listener.url, "addresses": ["127.0.0.1"]}
        assert not is_open("127.0.0.2", listener.port)
        assert listener.end() == 0
        assert listener.errors == ""


def test_localhost_is_every_loopback_address_there_is(signing: Cli) -> None:
    addresses = loopback_addresses()
    with listening(signing, "--host", "localhost") as listener:
        assert listener.url == f"http://localhost:{listener.port}"
        assert listener.record("ready")["addresses"] == addresses
        for number, address in enumerate(addresses):
            with RawClient(address, listener.port) as client:
                client.send(delivery(f"evt_{number}"))
                assert client.answer().status == 200
        assert listener.end() == 0
        assert listener.rows() == [(f"evt_{number}",) for number in range(len(addresses))]


def test_an_ipv6_address_stands_in_brackets_or_is_said_to_be_missing(signing: Cli) -> None:
    if "::1" not in loopback_addresses():
        result = signing("listen", "--port", "0", "--host", "::1", "--no-store")
        assert (result.code, result.err.split("\n")[0]) == (3, "error: ::1 is not an address of this machine")
        return
    with listening(signing, "--host", "::1") as listener:
        assert listener.url == f"http://[::1]:{listener.port}"
        assert not is_open("127.0.0.1", listener.port)
        assert listener.send(delivery()).status == 200


def test_every_address_of_the_machine_is_warned_about(signing: Cli) -> None:
    with listening(signing, "--host", "0.0.0.0") as listener:
        assert listener.record("ready")["addresses"] == ["0.0.0.0"]
        assert is_open("127.0.0.2", listener.port) or os.uname().sysname != "Linux"
        assert listener.end() == 0
        assert "note: --host 0.0.0.0: whoever can reach this machine can deliver" in listener.errors


def test_a_port_in_use_is_said(signing: Cli) -> None:
    with listening(signing) as listener:
        result = signing("listen", "--port", str(listener.port))
        assert result.code == 3
        assert result.err.startswith(f"error: port {listener.port} on 127.0.0.1 is already in use\n hint: ")
        assert result.out == ""
        # the one that was there is unharmed
        assert listener.send(delivery()).status == 200


def test_a_reserved_port_is_said(signing: Cli) -> None:
    port = next(port for port in range(1023, 0, -1) if not is_open("127.0.0.1", port))
    done = subprocess.run(
        command("--port", str(port), "--no-store"),
        capture_output=True,
        cwd=signing.folder,
        env=signing.environment(),
        timeout=PATIENCE_S,
        preexec_fn=without_privileges,
        check=False,
    )
    assert done.returncode == 3
    said = f"port {port} on 127.0.0.1 is reserved for privileged users\n hint: use a port from 1024 up"
    assert said in done.stderr.decode()


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("203.0.113.7", "203.0.113.7 is not an address of this machine"),
        ("no such host", "cannot find the address of host 'no such host'"),
        ("", "the host to listen on is empty"),
    ],
)
def test_a_host_that_cannot_be_listened_on_is_said(signing: Cli, host: str, message: str) -> None:
    result = signing("listen", "--port", "0", "--host", host, "--no-store")
    assert result.code == 3
    assert f"error: {message}\n hint: " in result.err
    assert (result.out, "Traceback" in result.err) == ("", False)


# what is answered


def test_what_is_answered_is_the_users_choice(signing: Cli) -> None:
    with listening(signing, "--respond", "503", "--no-store") as listener:
        assert [listener.send(request).status for request in (delivery(), submission(), unsigned("X-A"))] == [503] * 3
        assert listener.record()["response_status"] == 503


@pytest.mark.parametrize("status", ["204", "304"])
def test_an_answer_without_a_body_has_none(signing: Cli, status: str) -> None:
    with listening(signing, "--respond", status) as listener, listener.client() as client:
        client.send(delivery(), delivery())
        assert [(answer.status, answer.body) for answer in (client.answer(), client.answer())] == [
            (int(status), b"")
        ] * 2


@pytest.mark.parametrize("store", [(), ("--no-store",)])
def test_an_answer_can_come_late_and_holds_nobody_up(signing: Cli, store: tuple[str, ...]) -> None:
    with listening(signing, "--delay", "0.5", *store) as listener:
        clients = [listener.client() for _ in range(8)]
        started_s = time.monotonic()
        for number, client in enumerate(clients):
            client.send(delivery(f"evt_{number}"))
        assert [client.answer().status for client in clients] == [200] * 8
        took_s = time.monotonic() - started_s
        for client in clients:
            client.socket.close()
    assert 0.5 <= took_s < 3


def test_the_last_answer_comes_late_too(signing: Cli) -> None:
    with listening(signing, "--delay", "0.7", "--until", "1") as listener:
        assert listener.send(delivery()).status == 200
        assert listener.wait() == 0


ARKY_FORGED = post(b"{}", *lines(arky(b"other")))
ARCADE_FORGED = post(b"{}", *lines(arcade(b"other")))
# what the providers' own examples answer; where Arky's is silent it is as for a wrong signature
REFUSED = [
    (unsigned("x-arky-timestamp"), 401, "missing_signature"),
    (post(b"{}", *lines(arky(b"{}")[:1])), 401, "missing_timestamp"),
    (ARKY_FORGED, 401, "mismatch"),
    (post(b"{}", b"x-arky-signature: abc", b"x-arky-timestamp: 1"), 401, "malformed_signature"),
    (unsigned("x-arcade-signature"), 403, "malformed_signature"),
    (ARCADE_FORGED, 403, "mismatch"),
    (post(b'{"type":"formSubmission.created"}'), 401, "missing_signature"),
    (post(b"hello"), 401, "unknown_provider"),
]


def test_what_is_not_valid_can_be_refused_as_the_provider_documents(signing: Cli) -> None:
    with listening(signing, "--require-valid") as listener:
        for request, status, reason in REFUSED:
            answer = listener.send(request)
            record = listener.record()
            assert (answer.status, record["response_status"], record["reason"]) == (status, status, reason)
            assert not record["valid"]
        assert listener.send(delivery()).status == 200
        assert listener.send(submission()).status == 200
        assert listener.end() == 0
        # what is refused is kept all the same
        assert [status for (status,) in listener.rows("response_status")] == [*(row[1] for row in REFUSED), 200, 200]


def test_what_is_not_valid_is_accepted_otherwise_and_told(signing: Cli) -> None:
    with listening(signing) as listener:
        for request, _, reason in REFUSED:
            assert listener.send(request).status == 200
            assert listener.record()["reason"] == reason


def test_without_any_secret_nothing_can_be_required_to_be_valid(cli: Cli) -> None:
    result = cli("listen", "--port", "0", "--require-valid")
    assert result.code == 3
    assert result.err.startswith("error: --require-valid needs a secret: ")
    assert " hint: " in result.err
    assert not (cli.folder / "state").exists()


def test_a_provider_without_its_secret_is_refused_where_validity_is_required(cli: Cli) -> None:
    with listening(cli, "--require-valid", env={"ARKY_WEBHOOK_SECRET": ARKY_SECRET}) as listener:
        assert listener.send(submission()).status == 403
        assert listener.record()["reason"] == "no_secret"
        assert listener.send(delivery()).status == 200


# what is kept


def test_the_store_is_private_whatever_the_umask(signing: Cli) -> None:
    with listening(signing, before=lambda: os.umask(0)) as listener:
        assert listener.send(delivery()).status == 200
        folder = listener.state / "hookctl"
        files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert files == dict.fromkeys(("deliveries.db", "deliveries.db-wal", "deliveries.db-shm"), 0o600)


def test_a_delivery_is_in_the_store_before_its_sender_is_told_so(signing: Cli) -> None:
    with listening(signing) as listener, listener.client() as client:
        for number in range(50):
            client.send(delivery(f"evt_{number}"))
            assert client.answer().status == 200
            assert len(listener.rows()) == number + 1


def test_nothing_is_kept_if_the_user_wants_it_so(signing: Cli) -> None:
    with listening(signing, "--no-store") as listener:
        assert listener.send(delivery()).status == 200
        record = listener.record()
        assert (record["id"], record["occurrence"], record["valid"]) == (None, None, True)
        assert listener.end() == 0
        assert listener.records()[-1]["stored"] == 0
        assert not listener.state.exists()
        assert list(Path(signing.environment()["HOME"]).iterdir()) == []


def test_what_comes_again_is_told_with_its_number(signing: Cli) -> None:
    with listening(signing, form="text") as listener:
        said = []
        for _ in range(12):
            listener.send(delivery("evt_same"))
        listener.send(delivery("evt_other"))
        assert listener.end() == 0
        said = [re.search(r"(\S+) time", line) for line in listener.rest() if "-->" in line]
    marks = [found and found[1] for found in said]
    assert marks == [None, "2nd", "3rd", *(f"{number}th" for number in range(4, 13)), None]


def test_the_number_goes_on_after_a_restart(signing: Cli) -> None:
    for occurrence in (1, 2):
        with listening(signing) as listener:
            listener.send(submission())
            assert listener.record()["occurrence"] == occurrence
            assert listener.end() == 0


# what is said


def test_each_delivery_is_two_lines_for_people(signing: Cli) -> None:
    with listening(signing, form="text") as listener:
        listener.send(delivery("evt_7"))
        assert listener.end() == 0
        ready, arrived, answered, summary = listener.rest()
    assert ready == f"listening on {listener.url}, Ctrl-C ends it\n"
    assert re.fullmatch(r"\d\d:\d\d:\d\d --> order\.paid \[evt_7\]  valid\n", arrived)
    assert re.fullmatch(r"\d\d:\d\d:\d\d <-- 200\n", answered)
    assert summary == "1 delivery: 1 valid\n"


def test_each_delivery_is_a_record_for_programs(signing: Cli) -> None:
    with listening(signing) as listener:
        listener.send(delivery("evt_7", target="/a?b=c"))
        listener.send(post(b"hello", b"X-A: b"))
        assert listener.end() == 0
        ready, known, unknown, summary = listener.records()
    assert list(ready) == ["type", "url", "addresses"]
    assert [list(record) for record in (known, unknown)] == [KEYS, KEYS]
    assert re.fullmatch(r"dl_[0-9A-Z]{18}", known.pop("id"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", known.pop("received_at"))
    assert known.pop("age_s") > 0
    assert known == {
        "type": "request",
        "event": "order.paid",
        "event_id": "evt_7",
        "provider": "arky",
        "valid": True,
        "reason": "ok",
        "response_status": 200,
        "forwarded": None,
        "diagnosis": None,
        "occurrence": 1,
        "method": "POST",
        "target": "/a?b=c",
        "body_bytes": len(body_of("evt_7")),
    }
    assert [unknown[key] for key in ("event", "event_id", "provider", "valid", "reason")] == [
        *(None, None, None, False, "unknown_provider")
    ]
    assert summary == {
        "type": "summary",
        "total": 2,
        "valid": 1,
        "invalid": 1,
        "counted": 1,
        "stored": 2,
        "not_stored": 0,
        "passed_on": 0,
        "not_passed_on": 0,
        "refused": 0,
        "waiting_retries": 0,
        "ended": "terminated",
    }


def test_a_diagnosis_says_what_was_done_to_a_delivery(signing: Cli) -> None:
    body = b'{"id":"evt_1","event":"order.paid"}'
    with listening(signing, form="text") as listener:
        listener.send(post(body + b"\n", *lines(arky(body))))
        assert listener.end() == 0
        said = "".join(listener.rest())
    assert "mismatch (trailing_newline)" in said
    assert "to do: " in said


def test_quiet_shows_only_what_goes_wrong(signing: Cli) -> None:
    with listening(signing, "-q", form="text") as listener:
        listener.send(delivery("evt_good"))
        listener.send(ARKY_FORGED)
        assert listener.end() == 0
        said = listener.rest()
    assert not [line for line in said if "evt_good" in line or "listening" in line]
    assert [line for line in said if "mismatch" in line]
    assert said[-1] == "2 deliveries: 1 valid, 1 not valid\n"


def test_verbose_shows_headers_and_body_and_no_secret(signing: Cli) -> None:
    body = b'{"said":"%b"}\x1b[31m' % ARKY_SECRET.encode()
    with listening(signing, "-v", form="text") as listener:
        listener.send(post(body, b"X-CaSe: one", b"X-CaSe: \xff"))
        assert listener.end() == 0
        said = "".join(listener.rest())
    assert "  > POST /hook\n" in said
    assert "  > X-CaSe: one\n  > X-CaSe: ÿ\n" in said
    assert "\\x1b[31m" in said
    assert "\x1b" not in said
    assert ARKY_SECRET not in said


# when it ends


def test_it_ends_after_so_many_deliveries(signing: Cli) -> None:
    with listening(signing, "--until", "2") as listener:
        # no delivery at all
        assert listener.send(post(b"hello")).status == 200
        assert listener.send(delivery("evt_1")).status == 200
        # not valid, and one nevertheless
        assert listener.send(ARKY_FORGED).status == 200
        assert listener.wait() == 0
        summary = listener.records()[-1]
        assert (summary["total"], summary["counted"], summary["ended"]) == (3, 2, "counted")
        assert not is_open("127.0.0.1", listener.port)


def test_only_wanted_events_are_counted_and_shown_and_all_are_kept(signing: Cli) -> None:
    with listening(signing, "--until", "2", "--events", "order.p*,formSubmission.created") as listener:
        listener.send(delivery("evt_1", "order.created"))
        listener.send(delivery("evt_2", "order.paid"))
        listener.send(delivery("evt_3", "order.refunded"))
        listener.send(submission())
        assert listener.wait() == 0
        records = listener.records()
        assert [record["event"] for record in records if record["type"] == "request"] == [
            *("order.paid", "formSubmission.created")
        ]
        assert records[-1]["total"] == len(listener.rows()) == 4


def test_only_valid_ones_are_counted_where_validity_is_required(signing: Cli) -> None:
    with listening(signing, "--until", "1", "--require-valid") as listener:
        assert listener.send(ARKY_FORGED).status == 401
        assert listener.send(post(b"hello")).status == 401
        assert listener.process.poll() is None
        assert listener.send(delivery()).status == 200
        assert listener.wait() == 0


def test_an_answer_of_507_that_the_user_wants_counts_as_any_other(signing: Cli) -> None:
    with listening(signing, "--until", "1", "--respond", "507") as listener:
        assert listener.send(delivery()).status == 507
        assert listener.wait() == 0


@pytest.mark.parametrize("form", ["text", "ndjson"])
def test_time_out_is_exit_code_1(signing: Cli, form: str) -> None:
    result = signing("listen", "--port", "0", "--until", "1", "--timeout", "0.3", "--format", form)
    assert result.code == 1
    last = result.out.splitlines()[-1]
    assert last == "timed out after 0 deliveries" if form == "text" else schemas.record(last)["ended"] == "timed_out"


@pytest.mark.parametrize(("arguments", "code"), [((), 0), (("--until", "2"), 1)])
def test_sigterm_lets_what_is_in_flight_end(signing: Cli, arguments: tuple[str, ...], code: int) -> None:
    arrived = threading.Event()

    def slow(_: int, __: Received) -> Answer:
        arrived.set()
        time.sleep(1)
        return 201, b"done"

    with recording(slow) as app, listening(signing, "--forward-to", app.base, *arguments) as listener:
        with listener.client() as client:
            client.send(delivery())
            assert arrived.wait(PATIENCE_S)
            listener.send_signal(signal.SIGTERM)
            answer = client.answer()
        assert (answer.status, answer.body) == (201, b"done")
        assert listener.wait() == code
        assert not (signing.folder / "ready").exists()
        assert listener.rows("response_status, forwarded_status") == [(201, 201)]
        assert listener.records()[-1]["passed_on"] == 1
        assert listener.errors == ""


def test_ctrl_c_is_exit_code_130_and_a_summary(signing: Cli) -> None:
    with listening(signing, form="text") as listener:
        listener.send(delivery())
        assert listener.end(signal.SIGINT) == 130
        assert listener.rest()[-1] == "1 delivery: 1 valid\n"
        assert listener.errors == ""
        assert not (signing.folder / "ready").exists()
        assert not is_open("127.0.0.1", listener.port)
        assert not list((listener.state / "hookctl").glob("*-wal"))


def test_a_second_ctrl_c_ends_it_at_once_although_the_app_hangs(signing: Cli) -> None:
    arrived, release = threading.Event(), threading.Event()

    def hang(_: int, __: Received) -> Answer:
        arrived.set()
        release.wait(PATIENCE_S)
        return 200, b""

    with recording(hang) as app:
        with listening(signing, "--forward-to", app.base) as listener, listener.client() as client:
            client.send(delivery())
            assert arrived.wait(PATIENCE_S)
            listener.send_signal(signal.SIGINT)
            time.sleep(0.3)
            assert listener.process.poll() is None
            pressed_s = time.monotonic()
            assert listener.end(signal.SIGINT) == 130
            took_s = time.monotonic() - pressed_s
            # a generous second: the machine may be busy
            assert took_s < 2
            assert listener.errors == ""
            assert not (signing.folder / "ready").exists()
            assert not is_open("127.0.0.1", listener.port)
            # it was there before it was passed on
            assert listener.rows() == [("evt_1",)]
        release.set()


@pytest.mark.slow
def test_an_app_that_hangs_does_not_keep_the_process_beyond_its_grace(signing: Cli) -> None:
    arrived, release = threading.Event(), threading.Event()

    def hang(_: int, __: Received) -> Answer:
        arrived.set()
        release.wait(60)
        return 200, b""

    with recording(hang) as app:
        with listening(signing, "--forward-to", app.base) as listener, listener.client() as client:
            client.send(delivery())
            assert arrived.wait(PATIENCE_S)
            started_s = time.monotonic()
            assert listener.end(signal.SIGINT) == 130
            # ten seconds of grace, not the thirty that the app may take
            assert 9 < time.monotonic() - started_s < 16
            assert listener.records()[-1]["type"] == "summary"
        release.set()


def test_deliveries_are_kept_when_the_reader_has_gone(signing: Cli) -> None:
    ready = signing.folder / "ready"
    state = {"XDG_STATE_HOME": str(signing.folder / "state")}
    listen = " ".join(f"'{word}'" for word in command("--ready-file", str(ready)))
    # the shell's own code is the listener's
    script = f"set -o pipefail; {{ {listen} & echo $! >pid; wait $!; }} | head -1"
    with subprocess.Popen(
        ["bash", "-c", script],
        cwd=signing.folder,
        env=signing.environment(state),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as shell:
        try:
            until_s = time.monotonic() + PATIENCE_S
            while not ready.exists():
                assert time.monotonic() < until_s
                time.sleep(0.01)
            listener = Listening(shell, ready.read_text().strip(), state=signing.folder / "state")
            for number in range(5):
                assert listener.send(delivery(f"evt_{number}")).status == 200
            os.kill(int((signing.folder / "pid").read_text()), signal.SIGTERM)
            out, err = shell.communicate(timeout=PATIENCE_S)
        finally:
            shell.kill()
    assert (shell.returncode, err) == (0, b"")
    assert [schemas.record(line)["type"] for line in out.splitlines()] == ["ready"]
    assert len(listener.rows()) == 5


def test_output_that_cannot_be_written_is_said_and_no_sender_suffers(signing: Cli) -> None:
    ready = signing.folder / "ready"
    with Path("/dev/full").open("wb") as full:
        # silent until something goes wrong, so that it is ready
        process = subprocess.Popen(
            command("-q", "--ready-file", str(ready), form="text"),
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=signing.folder,
            env=signing.environment({"XDG_STATE_HOME": str(signing.folder / "state")}),
        )
    with process:
        try:
            until_s = time.monotonic() + PATIENCE_S
            while not ready.exists():
                assert time.monotonic() < until_s
                time.sleep(0.01)
            listener = Listening(process, ready.read_text().strip(), state=signing.folder / "state")
            assert listener.send(ARKY_FORGED).status == 200
            _, err = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert process.returncode == 3
    assert err == b"error: cannot write to standard output: No space left on device\n"
    assert len(listener.rows()) == 1


# the ready file


def test_the_ready_file_says_where_when_the_port_is_open_and_goes_with_it(signing: Cli) -> None:
    ready = signing.folder / "ready"
    # the one that an earlier run has left is not believed
    ready.write_text("http://127.0.0.1:1\n")
    with under_way(signing, *command("--no-store", "--ready-file", "ready")[3:]) as process:
        url = schemas.record(line_of(process))["url"]
        assert ready.read_text() == f"{url}\n"
        assert list(signing.folder.iterdir()) == [ready]
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
        assert not ready.exists()


def test_a_ready_file_that_cannot_be_written_is_said_before_anybody_waits(signing: Cli, tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_bytes(b"")
    result = signing("listen", "--port", "0", "--no-store", "--ready-file", str(place / "ready"))
    assert result.code in {2, 3}
    assert str(place / "ready") in result.err
    assert ("Traceback" in result.err, result.out) == (False, "")


def test_a_stale_ready_file_goes_when_the_port_cannot_be_opened(signing: Cli) -> None:
    ready = signing.folder / "stale"
    ready.write_text("http://127.0.0.1:1\n")
    with listening(signing) as listener:
        result = signing("listen", "--port", str(listener.port), "--ready-file", str(ready))
    assert result.code == 3
    assert not ready.exists()


# mistakes


MISTAKES = [
    (("--respond", "200", "--forward-to", "3000"), 2, "--respond and --forward-to exclude each other"),
    (("--retry", "1s"), 2, "add --forward-to"),
    (("--insecure",), 2, "add --forward-to"),
    (("-v", "-q"), 2, "--verbose and --quiet exclude each other"),
    (("--secret", "abcdefgh"), 2, "or give --secret-file FILE"),
    (("--delay", "nan"), 2, "--delay must be a number of seconds"),
    (("--delay", "inf"), 2, "--delay must be a number of seconds"),
    (("--timeout", "nan"), 2, "--timeout must be a number of seconds"),
    (("--timeout", "-1"), 2, "--timeout must be a number of seconds"),
    (("--tolerance", "nan"), 2, "--tolerance must be a number of seconds"),
    (("--until", "0"), 2, "--until"),
    (("--port", "65536"), 2, "--port"),
    (("--respond", "199"), 2, "--respond"),
    (("--respond", "600"), 2, "--respond"),
    (("--max-body", "-1"), 2, "--max-body"),
    (("--format", "json"), 2, "--format"),
    (("--events", "order.padi"), 3, "order.paid"),
    (("--events", "order.*,order.shiped"), 3, "order.shipped"),
    (("--provider", "arkade"), 3, "arcade"),
    (("--secret-file", "missing"), 3, "missing"),
    (("--forward-to", "nowhere"), 3, "unknown endpoint 'nowhere'"),
    (("--forward-to", "70000"), 3, "70000 is not a port"),
    (("--forward-to", "ftp://localhost/"), 3, "ftp is not supported"),
    (("--forward-to", "3000", "--retry", "soon"), 3, "--retry: 'soon' is not a pause"),
    (("--forward-to", "3000", "--retry", "1s,,2s"), 3, "--retry: '' is not a pause"),
    (("--forward-to", "3000", "--retry", "nan"), 3, "--retry: 'nan' is not a pause"),
    (("--forward-to", "3000", "--retry", "-1s"), 3, "--retry: '-1s' is not a pause"),
    (("--forward-to", "3000", "--cacert", "missing.pem"), 3, "missing.pem"),
]


@pytest.mark.parametrize(("arguments", "code", "part"), MISTAKES, ids=[" ".join(row[0]) for row in MISTAKES])
def test_a_mistake_is_said_before_a_port_is_opened(
    signing: Cli, arguments: tuple[str, ...], code: int, part: str
) -> None:
    port = () if "--port" in arguments else ("--port", "0")
    result = run_here(signing, "listen", *port, "--timeout", "0", "--no-store", *arguments)
    assert result.code == code, result.err
    assert part in result.err
    assert result.err.startswith("error: ")
    assert result.out == ""


def test_a_secret_in_the_arguments_is_not_repeated(signing: Cli) -> None:
    result = signing("listen", "--port", "0", "--secret", "canary-in-the-arguments")
    assert result.code == 2
    assert "canary" not in result.err


# one process, some time


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_memory_does_not_grow_with_the_number_of_deliveries(signing: Cli) -> None:
    def deliver(sender: int, listener: Listening, count: int) -> None:
        with listener.client() as client:
            request = delivery(f"evt_{sender}")
            for _ in range(count // 50):
                client.send(request * 50)
                for _ in range(50):
                    assert client.answer().status == 200

    def together(listener: Listening, count: int) -> None:
        senders = [threading.Thread(target=deliver, args=(number, listener, count // 4)) for number in range(4)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()

    with listening(signing, "-q", form="text") as listener:
        together(listener, 10_000)
        before_kib = resident_kib(listener.process.pid)
        together(listener, 40_000)
        after_kib = resident_kib(listener.process.pid)
        assert listener.rows("count(*)") == [(50_000,)]
        assert listener.end() == 0
        assert listener.rest() == ["50,000 deliveries: 50,000 valid\n"]
    # SQLite's own cache is 2 MiB; a delivery held on to is 1 KiB at least
    assert after_kib - before_kib < 16 * 1024


def test_a_broken_pipe_is_no_traceback(signing: Cli) -> None:
    with under_way(signing, *command()[3:]) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        ready = schemas.record(process.stdout.readline())
        process.stdout.close()
        listener = Listening(process, ready["url"], state=signing.folder)
        for _ in range(3):
            assert listener.send(delivery()).status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 130
        assert process.stderr.read() == b""
