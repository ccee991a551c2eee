"""`hookctl tunnel` through the stand-in for ngrok's agent: what is exposed, told, refused, and left behind: nothing."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import schemas
from tests.agent.launch import TOKEN, is_running
from tests.cli.listening import body_of, delivery, lines, stored
from tests.cli.processes import under_way
from tests.cli.recorder import unused_port
from tests.cli.signed import arky
from tests.receiver.rawclient import RawClient, post

if TYPE_CHECKING:
    from tests.cli.recorder import Recorder
    from tests.cli.tunnelling import Tunnels


def port_of(recorder: Recorder) -> str:
    """Return a receiver's port, as users name their app."""
    return recorder.base.rpartition(":")[2]


# what comes through


def test_a_delivery_comes_through_byte_for_byte_and_is_told_verified_and_kept(
    tunnels: Tunnels, recorder: Recorder
) -> None:
    with tunnels.open(port_of(recorder)) as tunnel:
        first, second = schemas.record(tunnel.line()), schemas.record(tunnel.line())
        url = f"{tunnel.url}/api/webhooks/arky"
        assert first == {
            "type": "tunnel",
            "public_url": tunnel.url,
            "target": f"http://localhost:{port_of(recorder)}",
            "webhook_urls": [{"provider": "arky", "url": url}],
        }
        assert second["type"] == "ready"
        body = body_of("evt_1").replace(b"{}", '{"name": "J\u00fcrgen"}'.encode()) + b" \r\n"
        assert tunnel.send(post(body, *lines(arky(body)), target=b"/api/webhooks/arky")).status == 200
        record = tunnel.record()
        assert (record["valid"], record["event_id"], record["target"]) == (True, "evt_1", "/api/webhooks/arky")
        assert record["forwarded"]["status"] == 200
        (received,) = recorder.wait(1)
        assert (received.path, received.body) == ("/api/webhooks/arky", body)
        assert tunnel.end() == 0
        assert tunnel.records()[-1]["ended"] == "terminated"
        assert tunnel.errors == ""
    assert stored(tunnels.state) == [("evt_1",)]


def test_only_hookctl_s_own_port_is_exposed_and_it_is_on_loopback(tunnels: Tunnels, recorder: Recorder) -> None:
    with tunnels.open(port_of(recorder)) as tunnel:
        port = tunnel.record("ready")["url"].rpartition(":")[2]
        (asked,) = tunnels.agent.records("post")
        assert asked["data"]["upstream"] == {"url": f"http://127.0.0.1:{port}"}
        assert asked["data"]["name"].startswith("hookctl-")
        assert tunnel.end() == 0


def test_people_see_the_public_url_and_what_to_do_with_it(tunnels: Tunnels, recorder: Recorder) -> None:
    with tunnels.open(port_of(recorder), form="text") as tunnel:
        assert tunnel.line() == f"{tunnel.url} --> {recorder.base.replace('127.0.0.1', 'localhost')}, Ctrl-C ends it\n"
        assert tunnel.line() == f"  Arky's webhook URL: {tunnel.url}/api/webhooks/arky\n"
        assert tunnel.send(delivery()).status == 200
        assert "--> order.paid [evt_1]  valid" in tunnel.line()
        assert tunnel.end(signal.SIGINT) == 130
        assert tunnel.rest()[-1] == "1 delivery: 1 valid, 1 passed on\n"


@pytest.mark.parametrize(
    ("arguments", "paths"),
    [
        (["--path", "/hooks"], [(None, "/hooks")]),
        (["--path", "/"], [(None, "")]),
        (["--provider", "arky", "--path", "/hooks"], [("arky", "/hooks")]),
        (["--provider", "arcade"], [("arcade", "")]),
    ],
)
def test_the_path_is_the_documented_one_or_the_user_s(
    tunnels: Tunnels, recorder: Recorder, arguments: list[str], paths: list[tuple[str | None, str]]
) -> None:
    with tunnels.open(port_of(recorder), *arguments) as tunnel:
        told = tunnel.record("tunnel")["webhook_urls"]
        assert [(one["provider"], one["url"].removeprefix(tunnel.url)) for one in told] == paths
        assert tunnel.end() == 0


def test_an_app_that_does_not_run_is_said_beforehand_and_its_deliveries_are_kept(tunnels: Tunnels) -> None:
    port = unused_port()
    with tunnels.open(str(port), "--until", "1") as tunnel:
        tunnel.wait_for_error(f"nothing listens on localhost:{port} yet")
        assert tunnel.send(delivery()).status == 502
        assert tunnel.wait() == 0
    assert stored(tunnels.state) == [("evt_1",)]


def test_an_app_on_ipv6_alone_is_found(tunnels: Tunnels) -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        # a machine without IPv6 has no such app
        return
    with listener, tunnels.open(str(listener.getsockname()[1])) as tunnel:
        with RawClient(tunnel.host, tunnel.port) as client:
            client.send(delivery())
            while True:
                connection, _ = listener.accept()
                with connection:
                    # those before only look whether somebody listens
                    if connection.recv(65536):
                        connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
                        break
            assert client.answer().status == 204
        assert tunnel.end() == 0
        assert tunnel.errors == ""


def test_a_tunnel_of_the_user_s_own_needs_no_agent(tunnels: Tunnels, recorder: Recorder) -> None:
    port = unused_port()
    arguments = ("--public-url", "https://mine.example.com/", "--port", str(port))
    with tunnels.open(port_of(recorder), *arguments, env={"NGROK_AUTHTOKEN": None}) as tunnel:
        assert tunnel.record("tunnel")["webhook_urls"][0]["url"] == "https://mine.example.com/api/webhooks/arky"
        assert tunnel.record("ready")["url"] == f"http://127.0.0.1:{port}"
        with RawClient("127.0.0.1", port) as client:
            client.send(delivery())
            assert client.answer().status == 200
        assert tunnel.end() == 0
    assert tunnels.agent.records("start") == []


def test_a_public_url_with_a_path_is_the_whole_webhook_url(tunnels: Tunnels, recorder: Recorder) -> None:
    arguments = ("--public-url", "https://mine.example.com/our/hook", "--port", "0")
    with tunnels.open(port_of(recorder), *arguments) as tunnel:
        assert tunnel.record("tunnel")["webhook_urls"] == [
            {"provider": None, "url": "https://mine.example.com/our/hook"}
        ]
        assert tunnel.end() == 0


# the agent


def test_the_agent_gets_no_token_on_its_command_line_and_a_proxy_does_not_get_its_calls(
    tunnels: Tunnels, recorder: Recorder
) -> None:
    # nothing answers there: a call that goes through it fails
    proxy = {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", "no_proxy": "example.com"}
    with tunnels.open(port_of(recorder), env=proxy) as tunnel:
        started = tunnels.agent.wait_for("start")
        assert TOKEN not in json.dumps(started["argv"])
        assert started["no_proxy"] == "example.com,127.0.0.1,localhost,::1"
        everything = b"".join(Path(f"/proc/{tunnel.process.pid}/cmdline").read_bytes().split(b"\0"))
        assert TOKEN.encode() not in everything
        assert tunnel.end() == 0


def test_a_token_in_ngrok_s_own_settings_is_enough_and_stays_private(tunnels: Tunnels, recorder: Recorder) -> None:
    settings = Path(os.environ["HOME"], ".config", "ngrok", "ngrok.yml")
    settings.parent.mkdir(parents=True)
    settings.write_text(f"version: 3\nagent:\n  authtoken: {TOKEN}\n  connect_cas: host\n  log_level: crit\n")
    with tunnels.open(port_of(recorder), env={"NGROK_AUTHTOKEN": None}) as tunnel:
        (folder,) = tunnels.folders
        assert folder.stat().st_mode & 0o777 == 0o700
        assert (folder / "ngrok.yml").stat().st_mode & 0o777 == 0o600
        text = (folder / "ngrok.yml").read_text()
        assert "connect_cas: host" in text
        # pyngrok reads the log
        assert "log_level" not in text
        assert TOKEN not in json.dumps(tunnels.agent.wait_for("start")["argv"])
        assert tunnel.end() == 0


def test_an_agent_before_endpoints_is_spoken_to_in_its_own_way(tunnels: Tunnels, recorder: Recorder) -> None:
    env = {"STAND_IN_VERSION": "3.10.1"}
    with tunnels.open(port_of(recorder), "--domain", "https://mine.ngrok.app", env=env) as tunnel:
        (asked,) = tunnels.agent.records("post")
        assert (asked["kind"], asked["data"]["domain"]) == ("tunnels", "mine.ngrok.app")
        assert tunnel.send(delivery()).status == 200
        assert tunnel.end() == 0


def test_a_domain_is_asked_for_as_a_url(tunnels: Tunnels, recorder: Recorder) -> None:
    with tunnels.open(port_of(recorder), "--domain", "mine.ngrok.app") as tunnel:
        (asked,) = tunnels.agent.records("post")
        assert asked["data"]["url"] == "https://mine.ngrok.app"
        assert tunnel.end() == 0


def test_pyngrok_s_own_script_is_not_taken_for_the_agent(tunnels: Tunnels, recorder: Recorder, tmp_path: Path) -> None:
    script = tmp_path / "venv" / "ngrok"
    script.parent.mkdir()
    script.write_text("#!/usr/bin/python3\nimport sys\nfrom pyngrok.ngrok import main\nsys.exit(main())\n")
    script.chmod(0o755)
    path = f"{script.parent}:{tunnels.cli.env['PATH']}"
    with tunnels.open(port_of(recorder), env={"PATH": path}) as tunnel:
        assert tunnel.end() == 0
    assert len(tunnels.agent.records("start")) == 1


@pytest.mark.parametrize("fault", ["deaf", "chatty", "garbled", "post-334-once"])
def test_an_agent_with_odd_ways_works_all_the_same(tunnels: Tunnels, recorder: Recorder, fault: str) -> None:
    with tunnels.open(port_of(recorder), env={"STAND_IN_FAULTS": fault}) as tunnel:
        assert tunnel.send(delivery()).status == 200
        assert tunnel.end() == 0
        assert tunnel.errors == ""


def test_an_agent_that_loses_its_session_is_spoken_of_and_goes_on(tunnels: Tunnels, recorder: Recorder) -> None:
    with tunnels.open(port_of(recorder), env={"STAND_IN_FAULTS": "loses-session"}) as tunnel:
        tunnel.wait_for_error("note: the ngrok agent has trouble: read tcp: i/o timeout")
        assert tunnel.send(delivery()).status == 200
        assert tunnel.end() == 0


def test_an_agent_that_ends_by_itself_ends_the_tunnel(tunnels: Tunnels, recorder: Recorder, tmp_path: Path) -> None:
    die = tmp_path / "die"
    env = {"STAND_IN_FAULTS": "dies-once-open", "STAND_IN_DIE": str(die)}
    with tunnels.open(port_of(recorder), env=env) as tunnel:
        die.touch()
        assert tunnel.wait() == 5
        assert "error: the ngrok agent has ended by itself: the account was suspended" in tunnel.errors
        # what had come is still counted
        assert tunnel.records()[-1]["ended"] == "failed"
    # and none was started in its place
    assert len(tunnels.agent.records("start")) == 1


def test_what_the_agent_complains_of_is_made_safe(tunnels: Tunnels) -> None:
    result = tunnels.fail("dies-at-start")
    assert result.code == 5
    assert "panic: runtime error" in result.err
    assert "\x1b" not in result.err


FAULTS = [
    ("105", ["authtoken is not a proper one", "ERR_NGROK_105", "NGROK_AUTHTOKEN"]),
    ("107", ["authtoken is not valid", "dashboard.ngrok.com"]),
    ("108", ["as many agents as it may", "end one of them"]),
    ("121", ["too old for the account", "ngrok update"]),
    ("4018", ["needs an authtoken", "NGROK_AUTHTOKEN"]),
    ("9009", ["through a proxy", "HTTP_PROXY"]),
    ("post-324", ["as many endpoints open as it may"]),
    ("post-334", ["the public URL is in use", "pooling", "--domain"]),
    ("post-320", ["reserved for another ngrok account", "--domain"]),
    ("post-725", ["used up its bandwidth", "1 GB a month"]),
    ("post-727", ["used up its requests", "20,000 a month", "--public-url"]),
    ("post-999", ["It went wrong.", "err_ngrok_999"]),
    ("no-name", ["no such host", "connect.ngrok-agent.com, port 443"]),
    ("intercepted", ["unknown authority", "connect_cas: host"]),
    ("html", ["the agent's local API", "--public-url"]),
    ("dies-at-start", ["the ngrok agent failed"]),
    ("version-nonsense", ["is not the ngrok agent", "'hello'", "--ngrok-path"]),
    ("silent", ["no session after 10 s", "connect.ngrok-agent.com, port 443"]),
    ("hangs", ["no session after 10 s"]),
    ("version-hangs", ["did not say its version within 5 s"]),
]


@pytest.mark.parametrize(("fault", "said"), FAULTS, ids=[fault for fault, _ in FAULTS])
def test_5_and_a_sentence_with_a_next_step_for_everything_that_may_go_wrong_with_the_agent(
    tunnels: Tunnels, fault: str, said: list[str]
) -> None:
    started_s = time.monotonic()
    result = tunnels.fail(fault)
    assert time.monotonic() - started_s < 25
    assert (result.code, result.out) == (5, "")
    error = result.err[result.err.index("error: ") :]
    assert error.count("\n") == 2
    assert "\n hint: " in error
    for text in said:
        assert text in error
    assert TOKEN not in result.err


@pytest.mark.parametrize("env", [{"NGROK_AUTHTOKEN": None}, {"NGROK_AUTHTOKEN": ""}])
def test_5_without_a_token_before_anything_is_started(tunnels: Tunnels, env: dict[str, str | None]) -> None:
    result = tunnels.fail(env=env)
    assert (result.code, result.out) == (5, "")
    assert "error: ngrok needs an authtoken, and there is none\n hint: copy yours from https://" in result.err
    assert tunnels.agent.records("start") == []


def test_5_with_an_agent_of_another_age(tunnels: Tunnels) -> None:
    result = tunnels.fail(env={"STAND_IN_VERSION": "2.3.41"})
    assert result.code == 5
    assert "is version 2.3: hookctl needs 3.0 or later" in result.err


INPUT = [
    (["3000", "--path", "hooks"], 3, "--path 'hooks' is not a path"),
    (["3000", "--path", "/a b"], 3, "is not a path"),
    (["nowhere"], 3, "unknown endpoint 'nowhere'"),
    (["0"], 3, "0 is not a port"),
    (["3000", "--public-url", "mine.example.com"], 3, "is not a URL"),
    (["3000", "--public-url", "https://mine.example.com/?a=1"], 3, "has a query"),
    (["3000", "--public-url", "https://me:pass@mine.example.com/"], 3, "credentials"),
    (["3000", "--domain", "no domain"], 3, "--domain 'no domain' is not a domain"),
    (["3000", "--ngrok-path", "missing"], 3, "missing does not exist"),
    (["3000", "--ngrok-path", "."], 3, "is a folder"),
    (["3000", "--ngrok-path", "file"], 3, "is not executable"),
    (["3000", "--provider", "akry"], 3, "unknown provider 'akry'"),
    (["3000", "--events", "order.padi"], 3, "unknown event 'order.padi'"),
    (["3000", "--retry", "soon"], 3, "is not a pause"),
    (["3000", "--public-url", "https://a.example", "--domain", "b.example"], 2, "--public-url is a tunnel of your own"),
    (["3000", "--via", "smoke"], 2, "smoke"),
    (["3000", "-v", "-q"], 2, "exclude each other"),
    (["3000", "--token", "x"], 2, "--token is not an option"),
    (["3000", "--timeout", "0"], 2, "--timeout must be more than 0"),
    (["3000", "--test", "order.paid", "--events", "user.*"], 2, "is not one of --events"),
]


@pytest.mark.parametrize(("arguments", "code", "said"), INPUT, ids=[" ".join(arguments) for arguments, *_ in INPUT])
def test_what_cannot_be_used_is_named(tunnels: Tunnels, arguments: list[str], code: int, said: str) -> None:
    (tunnels.cli.folder / "file").touch()
    result = tunnels.cli("tunnel", *arguments)
    assert (result.code, result.out) == (code, "")
    assert said in result.err
    assert ":pass" not in result.err


def test_settings_of_ngrok_s_that_cannot_be_read_are_named(tunnels: Tunnels) -> None:
    settings = Path(os.environ["HOME"], ".config", "ngrok", "ngrok.yml")
    settings.parent.mkdir(parents=True)
    for text, said in (
        ("a: [\n", "not valid YAML"),
        ("- 1\n", "not settings of the ngrok agent"),
        ("\x00", "not valid"),
    ):
        settings.write_text(text)
        result = tunnels.fail()
        assert (result.code, result.out) == (3, "")
        assert str(settings) in result.err
        assert said in result.err


def test_a_program_that_cannot_be_run_is_named(tunnels: Tunnels) -> None:
    program = tunnels.cli.folder / "ngrok"
    program.write_bytes(b"\x7fELF nonsense")
    program.chmod(0o755)
    result = tunnels.fail(arguments=("--ngrok-path", "ngrok"))
    assert result.code == 5
    assert f"cannot run {program}" in result.err


def test_a_port_in_use_is_said_and_no_tunnel_opened(tunnels: Tunnels) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = tunnels.fail(arguments=("--port", str(taken.getsockname()[1])))
    assert result.code == 3
    assert "is already in use" in result.err
    assert tunnels.agent.records("start") == []


# the end


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("fault", ["silent", "hangs", "version-hangs", "post-334"])
def test_a_signal_while_the_tunnel_is_being_opened_ends_it_at_once(
    tunnels: Tunnels, number: signal.Signals, fault: str
) -> None:
    tunnels.cli.env["STAND_IN_FAULTS"] = fault
    with under_way(tunnels.cli, "tunnel", str(unused_port())) as process:
        tunnels.agent.wait_for("version" if fault == "version-hangs" else "start")
        process.send_signal(number)
        # the test's own limit bounds the wait
        _, errors = process.communicate()
        assert process.returncode == (130 if number is signal.SIGINT else 0), errors


def test_what_a_killed_run_has_left_is_ended_by_the_next_and_nothing_else_is(
    tunnels: Tunnels, recorder: Recorder
) -> None:
    with tunnels.open(port_of(recorder)) as other:
        with tunnels.open(port_of(recorder)) as tunnel:
            tunnel.process.kill()
            tunnel.wait()
        mine, left = (record["pid"] for record in tunnels.agent.records("start"))
        assert is_running(left)
        with tunnels.open(port_of(recorder)) as tunnel:
            assert "ended 1 ngrok agent that an earlier run had left behind" in tunnel.errors
            assert not is_running(left)
            assert is_running(mine)
            assert tunnel.end() == 0
        assert other.send(delivery()).status == 200
        assert other.end() == 0


def test_without_a_home_there_is_a_sentence(tunnels: Tunnels) -> None:
    env = {"XDG_STATE_HOME": None, "HOME": None}
    result = tunnels.cli("tunnel", "--no-store", env=env)
    assert result.code == 3
    assert "HOME is not set" in result.err


def test_a_full_disk_of_the_output_ends_it(tunnels: Tunnels, recorder: Recorder) -> None:
    import subprocess
    import sys

    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [sys.executable, "-m", "hookctl", "tunnel", port_of(recorder)],
            stdout=full,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            cwd=tunnels.cli.folder,
            env=tunnels.cli.environment(),
            timeout=60,
            check=False,
        )
    assert done.returncode == 3
    assert b"cannot write to standard output" in done.stderr
