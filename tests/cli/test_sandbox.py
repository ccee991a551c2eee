"""`hookctl sandbox` as a process: where it listens, what it says, how it ends."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests import schemas
from tests.catalogue.folders import ProviderFolder, replace
from tests.cli.processes import under_way
from tests.cli.recorder import recording
from tests.cli.serving import PATIENCE_S
from tests.cli.terminal import on_terminal
from tests.sandboxed import ACCOUNT, TOKEN, sandboxed

if TYPE_CHECKING:
    from tests.cli.recorder import Answer, Received
    from tests.harness import Cli

SECRET = "whsec_of_the_webhook"
URL = "http://localhost:3000/api/webhooks/arky"


def is_open(host: str, port: int) -> bool:
    """Return whether something listens there."""
    with suppress(OSError), socket.create_connection((host, port), timeout=5):
        return True
    return False


# where it listens


def test_it_listens_on_loopback_only_and_says_what_callers_need_to_know(cli: Cli) -> None:
    with sandboxed(cli) as sandbox:
        assert sandbox.host == "127.0.0.1"
        assert sandbox.record("ready") == {
            "type": "ready",
            "url": sandbox.url,
            "addresses": ["127.0.0.1"],
            "provider": "arky",
            "account": ACCOUNT,
            "token": TOKEN,
            "dialects": ["settings", "stores"],
        }
        assert not is_open("127.0.0.2", sandbox.port)
        assert (cli.folder / "ready-sandbox").read_text() == f"{sandbox.url}\n"
        assert (sandbox.end(), sandbox.errors) == (0, "")
        assert not (cli.folder / "ready-sandbox").exists()


def test_localhost_is_every_loopback_address_there_is(cli: Cli) -> None:
    with sandboxed(cli, "--host", "localhost") as sandbox:
        assert sandbox.url == f"http://localhost:{sandbox.port}"
        for address in sandbox.record("ready")["addresses"]:
            assert is_open(address, sandbox.port)
        assert sandbox.call("GET", sandbox.settings).status == 200


def test_other_machines_are_let_in_only_when_asked_for_and_then_by_any_name(cli: Cli) -> None:
    with sandboxed(cli, "--host", "0.0.0.0") as sandbox:
        sandbox.url = f"http://127.0.0.1:{sandbox.port}"
        assert sandbox.call("GET", sandbox.settings, headers={"Host": "sandbox:4410"}).status == 200
        assert sandbox.end() == 0
        assert "note: --host 0.0.0.0: whoever can reach this machine can have it deliver" in sandbox.errors


def test_a_port_in_use_is_said(cli: Cli) -> None:
    with sandboxed(cli) as sandbox:
        result = cli("sandbox", "--port", str(sandbox.port), "--ready-file", "ready")
        assert (result.code, result.out) == (3, "")
        assert result.err.startswith(f"error: port {sandbox.port} on 127.0.0.1 is already in use\n hint: ")
        assert not (cli.folder / "ready").exists()
        # the one that was there is unharmed
        assert sandbox.call("GET", sandbox.settings).status == 200


def test_the_port_is_free_again_at_once(cli: Cli) -> None:
    with sandboxed(cli) as sandbox:
        sandbox.call("GET", sandbox.settings)
        port = sandbox.port
        assert sandbox.end() == 0
        assert not is_open("127.0.0.1", port)
    with sandboxed(cli, "--port", str(port)) as sandbox:
        assert sandbox.port == port


# what it stands in for


def test_a_dialect_alone_is_all_there_is(cli: Cli) -> None:
    with sandboxed(cli, "--dialect", "stores", form="text") as sandbox:
        assert sandbox.call("GET", sandbox.webhooks).status == 200
        assert sandbox.call("GET", sandbox.settings).status == 404
        assert sandbox.end() == 0
        said = sandbox.rest()
    assert said[1] == f"business {ACCOUNT}, token {TOKEN}, dialect stores\n"
    # the client's own default is the other one
    assert said[4] == f"  hookctl webhook show --api-url {sandbox.url} --business {ACCOUNT} --dialect stores\n"


def test_the_token_is_the_users_choice(cli: Cli) -> None:
    with sandboxed(cli, "--token", "it's-$ecret") as sandbox:
        assert sandbox.call("GET", sandbox.settings).status == 401
        sandbox.token = "it's-$ecret"
        assert sandbox.call("GET", sandbox.settings).status == 200


def test_the_vendors_own_token_is_never_taken_nor_shown(cli: Cli) -> None:
    with sandboxed(cli, form="text", env={"ARKY_TOKEN": "a real token, 4711"}) as sandbox:
        sandbox.token = "a real token, 4711"
        assert sandbox.call("GET", sandbox.settings).status == 401
        assert sandbox.end() == 0
        assert "4711" not in "".join(sandbox.rest()) + sandbox.errors


def test_a_provider_from_a_folder_has_its_own_api(cli: Cli) -> None:
    provider = ProviderFolder.copied("arky", cli.folder / "ours")
    text = provider.description.read_text(encoding="utf-8")
    provider.description.write_text(text.replace("/v1/", "/api/v9/").replace("webhookUrl", "target"), encoding="utf-8")
    replace(provider.description, 'authorization = "Bearer {token}"', 'authorization = "Key {token}"')
    with sandboxed(cli, "--provider", "./ours") as sandbox:
        body = {"id": ACCOUNT, "settings": {"target": "x"}}
        answer = sandbox.call("PUT", f"/api/v9/businesses/{ACCOUNT}", body, headers={"Authorization": f"Key {TOKEN}"})
        assert (answer.status, answer.body["validationErrors"][0]["field"]) == (400, "settings.target")
        refused = sandbox.call("PUT", f"/api/v9/businesses/{ACCOUNT}", body)
        assert (refused.status, refused.headers["www-authenticate"]) == (401, "Key")


MISTAKES = [
    (["--dialect", "store"], 3, "unknown dialect 'store'\n hint: did you mean 'stores'?"),
    (["--provider", "arcade"], 3, "of arcade no API is described that a sandbox could stand in for"),
    (["--provider", "arki"], 3, "unknown provider 'arki'\n hint: did you mean 'arky'?"),
    (["--token", ""], 2, "--token must be one word of printable ASCII characters"),
    (["--token", "two words"], 2, "--token must be one word of printable ASCII characters"),
    (["--token", "caf\u00e9"], 2, "--token must be one word of printable ASCII characters"),
    (["--token", "a\nb"], 2, "--token must be one word of printable ASCII characters"),
    (["--retry", "soon"], 3, "--retry: 'soon' is not a pause\n hint: for instance 1s,5s,30s"),
    (["--timeout", "0"], 2, "--timeout must be a number of seconds above 0"),
    (["--timeout", "nan"], 2, "--timeout must be a number of seconds above 0"),
    (["--secret", "x"], 2, "--secret is not an option: every user of the machine can read a command line"),
    (["--secret-file", "missing"], 3, "cannot read the secret file missing: No such file or directory"),
    (["-v", "-q"], 2, "--verbose and --quiet exclude each other"),
    (["--cacert", "missing"], 3, "--cacert missing: No such file or directory"),
    (["--host", "203.0.113.7"], 3, "203.0.113.7 is not an address of this machine"),
    (["--ready-file", "."], 2, "--ready-file"),
    (["extra"], 2, "Got unexpected extra argument"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), MISTAKES, ids=[" ".join(one[0]) for one in MISTAKES])
def test_a_mistake_is_named_and_nothing_is_opened(cli: Cli, arguments: list[str], code: int, message: str) -> None:
    result = cli("sandbox", "--port", "0", *arguments)
    assert (result.code, result.out) == (code, "")
    assert result.err.split("error: ", 1)[1].startswith(message)


def test_an_empty_secret_in_the_environment_is_refused(cli: Cli) -> None:
    result = cli("sandbox", "--port", "0", env={"ARKY_WEBHOOK_SECRET": ""})
    assert (result.code, result.err.split("\n")[0]) == (3, "error: the secret is empty: $ARKY_WEBHOOK_SECRET")


# what it says


def test_what_it_says_for_people(cli: Cli) -> None:
    with recording() as receiver, sandboxed(cli, "--retry", "1s,5s", form="text") as sandbox:
        sandbox.configure(f"{receiver.base}/hook", "order.paid", secret=SECRET)
        sandbox.test("order.paid")
        sandbox.call("GET", "/nothing")
        assert sandbox.end() == 0
        said = "".join(sandbox.rest())
    at = r"\d\d:\d\d:\d\d"
    assert re.fullmatch(
        rf"""sandbox of Arky's business API on {sandbox.url}, Ctrl-C ends it
business biz_sandbox, token sandbox-token, dialects settings and stores
simulated retries after 1s,5s: your schedule, not the vendor's
in another terminal:
  export ARKY_TOKEN=sandbox-token
  hookctl webhook show --api-url {sandbox.url} --business biz_sandbox
{at} --> PUT /v1/businesses/biz_sandbox  200  lost timezone: a write replaces the whole record
{at} ==> order.paid \[evt_\w{{24}}\]  200 \d+ ms  {receiver.base}/hook
{at} --> POST /v1/businesses/biz_sandbox/webhooks/test  200
{at} --> GET /nothing  404  There is no such path
3 calls: 1 rejected, 1 try to deliver of which 1 taken
""",
        said,
    ), said


def test_the_next_commands_can_be_pasted(cli: Cli) -> None:
    with sandboxed(cli, "--token", "it's-$(touch${IFS}pwned)", form="text") as sandbox:
        lines = [sandbox.line() for _ in range(5)]
        script = "\n".join(line.strip().replace("hookctl", f"{sys.executable} -m hookctl", 1) for line in lines[3:])
        done = subprocess.run(
            ["/bin/sh", "-c", script],
            capture_output=True,
            cwd=cli.folder,
            env=cli.environment(),
            timeout=PATIENCE_S,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"secret not set" in done.stdout
    assert shlex.split(lines[3])[1] == "ARKY_TOKEN=it's-$(touch${IFS}pwned)"
    assert not (cli.folder / "pwned").exists()


def test_quiet_is_what_goes_wrong_and_verbose_is_everything(cli: Cli) -> None:
    def answer(number: int, _: Received) -> Answer:
        return (200, b"taken") if number == 0 else (500, b"Error: \x1b[31mno\nat line 5")

    for option, shown in (("-q", False), ("-v", True)):
        with recording(answer) as receiver, sandboxed(cli, option, form="text") as sandbox:
            sandbox.configure(receiver.base, "order.paid", secret=SECRET)
            sandbox.test("order.paid")
            sandbox.test("order.paid")
            assert sandbox.end() == 0
            said = "".join(sandbox.rest())
        assert ("PUT " in said, "  > x-arky-signature: " in said, "  | taken\n" in said) == (shown,) * 3
        assert "  | Error: \\x1b[31mno\n  | at line 5\n" in said
        assert "    expected 2xx, answered 500\n" in said
        assert said.endswith("3 calls: 2 tries to deliver of which 1 taken\n")


def test_nothing_that_comes_from_outside_acts_on_a_terminal(cli: Cli) -> None:
    with sandboxed(cli, form="text") as sandbox, sandbox.client() as client:
        client.send(b"GET /%1b]0;owned%07?\xe2 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.answer().status == 400
        sandbox.call("PUT", sandbox.settings, b'{"id":"\\u001b[2J","settings":{"webhookEvents":["\\u009b31m"]}}')
        assert sandbox.end() == 0
        said = "".join(sandbox.rest())
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", said)
    assert "refused with 400" in said


def test_it_is_coloured_on_a_terminal_and_ends_by_its_own_mistakes_there(cli: Cli) -> None:
    with sandboxed(cli) as sandbox:
        screen = on_terminal(cli, "sandbox", "--port", str(sandbox.port))
    assert screen.code == 3
    assert screen.raw.startswith("\x1b[31merror:\x1b[0m port ")


# how it ends


@pytest.mark.parametrize(
    ("number", "code", "ended"), [(signal.SIGTERM, 0, "terminated"), (signal.SIGINT, 130, "interrupted")]
)
def test_it_ends_cleanly(cli: Cli, number: signal.Signals, code: int, ended: str) -> None:
    with sandboxed(cli) as sandbox:
        sandbox.call("GET", sandbox.settings)
        assert (sandbox.end(number), sandbox.errors) == (code, "")
        assert sandbox.records()[-1] == {
            "type": "summary",
            "calls": 1,
            "rejected": 0,
            "deliveries": 0,
            "taken": 0,
            "refused": 0,
            "waiting_retries": 0,
            "ended": ended,
        }
        assert not (cli.folder / "ready-sandbox").exists()
        assert not is_open("127.0.0.1", sandbox.port)
        # nothing is kept anywhere
        assert sorted(path.name for path in cli.folder.iterdir()) == []


def test_a_delivery_under_way_is_finished_and_its_caller_answered(cli: Cli) -> None:
    arrived = threading.Event()

    def slow(_: int, __: Received) -> Answer:
        arrived.set()
        time.sleep(0.7)
        return 200, b""

    with recording(slow) as receiver, sandboxed(cli) as sandbox:
        sandbox.configure(receiver.base, secret=SECRET)
        answers = []
        caller = threading.Thread(target=lambda: answers.append(sandbox.test("order.paid")))
        caller.start()
        assert arrived.wait(PATIENCE_S)
        assert sandbox.end() == 0
        caller.join(PATIENCE_S)
        assert [answer.body["success"] for answer in answers] == [True]
        assert sandbox.records()[-1]["taken"] == 1


def test_what_is_to_be_tried_again_is_dropped_and_counted(cli: Cli) -> None:
    with recording(lambda *_: (503, b"")) as receiver, sandboxed(cli, "--retry", "1h") as sandbox:
        sandbox.configure(receiver.base, secret=SECRET)
        for _ in range(3):
            sandbox.test("order.paid")
        started_s = time.monotonic()
        assert sandbox.end() == 0
        assert time.monotonic() - started_s < 5
        assert sandbox.records()[-1]["waiting_retries"] == 3
        assert sandbox.errors == ""


def test_a_second_ctrl_c_ends_it_at_once_although_the_receiver_hangs(cli: Cli) -> None:
    arrived, release = threading.Event(), threading.Event()

    def hang(_: int, __: Received) -> Answer:
        arrived.set()
        release.wait(PATIENCE_S)
        return 200, b""

    with recording(hang) as receiver:
        with sandboxed(cli, "--timeout", "60") as sandbox, sandbox.client() as client:
            sandbox.configure(receiver.base, secret=SECRET)
            body = b'{"businessId":"biz_sandbox","event":"order.paid"}'
            head = b"POST %b/webhooks/test HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %b\r\n"
            client.send(head % (sandbox.settings.encode(), TOKEN.encode()))
            client.send(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
            assert arrived.wait(PATIENCE_S)
            sandbox.send_signal(signal.SIGINT)
            time.sleep(0.3)
            assert sandbox.process.poll() is None
            pressed_s = time.monotonic()
            assert sandbox.end(signal.SIGINT) == 130
            # a generous second: the machine may be busy
            assert time.monotonic() - pressed_s < 2
            assert sandbox.errors == ""
        release.set()


def test_killed_it_leaves_nothing_but_its_ready_file(cli: Cli) -> None:
    with sandboxed(cli) as sandbox:
        sandbox.configure(URL, "order.paid", secret=SECRET)
        port = sandbox.port
        assert sandbox.end(signal.SIGKILL) == -signal.SIGKILL
    assert not is_open("127.0.0.1", port)
    assert [path.name for path in cli.folder.iterdir()] == ["ready-sandbox"]
    # which the next one takes away before it is believed
    with sandboxed(cli) as sandbox:
        assert sandbox.call("GET", sandbox.settings).body["settings"] == {"timezone": "UTC"}


def test_without_standard_streams_it_serves_all_the_same(cli: Cli) -> None:
    command = f"exec {sys.executable} -m hookctl sandbox --port 0 --ready-file ready <&- >&- 2>&-"
    process = subprocess.Popen(["/bin/sh", "-c", command], cwd=cli.folder, env=cli.environment())
    with process:
        try:
            until_s = time.monotonic() + PATIENCE_S
            while not (cli.folder / "ready").exists():
                assert process.poll() is None
                assert time.monotonic() < until_s
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()


def test_a_reader_that_goes_away_is_no_traceback(cli: Cli) -> None:
    with under_way(cli, "sandbox", "--port", "0", "--format", "ndjson") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        ready = schemas.record(process.stdout.readline())
        process.stdout.close()
        host, port = ready["url"].removeprefix("http://").split(":")
        for _ in range(3):
            with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as client:
                client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                assert client.recv(100).startswith(b"HTTP/1.1 404")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 130
        assert process.stderr.read() == b""


def test_output_that_cannot_be_written_is_said_and_the_caller_is_answered(cli: Cli) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "hookctl", "sandbox", "--port", "0", "-q", "--ready-file", "ready"],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=cli.folder,
            env=cli.environment(),
        )
    finally:
        os.close(full)
    with process:
        try:
            until_s = time.monotonic() + PATIENCE_S
            while not (cli.folder / "ready").exists():
                assert time.monotonic() < until_s
                time.sleep(0.01)
            host, port = (cli.folder / "ready").read_text().strip().removeprefix("http://").split(":")
            with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as client:
                client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert client.recv(100).startswith(b"HTTP/1.1 404")
            _, err = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert (process.returncode, err) == (3, b"error: cannot write to standard output: No space left on device\n")
