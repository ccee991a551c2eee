"""`hookctl check` as its users run it: exit codes, forms of output, what it refuses to do, what it starts."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
import xml.sax
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest
from junitparser import JUnitXml

from hookctl.receiver import BackgroundServer, Reply
from tests import schemas
from tests.authority import new_authority
from tests.cli.inprocess import run_here
from tests.cli.recorder import always, recording, unused_port
from tests.cli.terminal import on_terminal
from tests.harness import ARCADE_SECRET, ARKY_SECRET
from tests.receivers.launch import FRESH, MUTANTS, PROGRAMS, behind_tls, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hookctl.model import CapturedRequest
    from tests.harness import Cli, Result
    from tests.receivers.launch import RunningReceiver

ALL = {program.name: program for program in (*PROGRAMS, *FRESH, *MUTANTS)}
DIAGNOSABLE = "whsec_dGVzdC1zZWNyZXQtb2YtMzItYnl0ZXMtMTIzNDU2Nzg="


@pytest.fixture(scope="module")
def fresh() -> Iterator[RunningReceiver]:
    """Return a correct receiver of Arky's that looks at the age of deliveries."""
    with running(ALL["arky-express-fresh"], ARKY_SECRET) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def hostile() -> Iterator[RunningReceiver]:
    """Return a receiver whose refusals hold what terminals, XML and CI logs act on."""
    with running(ALL["arky-hostile-text"], ARKY_SECRET) as receiver:
        yield receiver


def check(cli: Cli, *arguments: str) -> Result:
    return run_here(cli.with_secrets(), "check", *arguments)


# what it says, and how it ends


def test_a_correct_receiver_is_right(cli: Cli, fresh: RunningReceiver) -> None:
    result = cli.with_secrets()("check", fresh.url)
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0] == f"checking {fresh.url}"
    assert lines[-1] == "right: 44 passed, 8 not run"
    assert max(map(len, lines)) <= 80


def test_a_wrong_receiver_is_told_what_is_wrong_and_what_to_do(cli: Cli) -> None:
    with running(ALL["arky-prefix-compare"], ARKY_SECRET) as receiver:
        result = check(cli, receiver.url, "--only", "sig-*")
    assert result.code == 1
    text = re.sub(r"\n {14}", " ", result.out)
    for label, part in (
        ("sent", "the right signature cut"),
        ("came back", "200 after"),
        ("expected", "401"),
        ("found", "the first half, one character, one character less: accepted with 200"),
        ("why", "CVE-2024-21491"),
        ("fix", "crypto.timingSafeEqual"),
    ):
        line = next(line for line in text.splitlines() if line.startswith(f"    {label}"))
        assert part in line
    assert result.out.splitlines()[-1] == "wrong: 1 failed (sig-prefix); 9 passed"
    assert max(map(len, result.out.splitlines())) <= 80


def test_nothing_is_said_without_the_control(cli: Cli) -> None:
    with running(ALL["arky-always-500"], ARKY_SECRET) as receiver:
        result = check(cli, receiver.url)
    assert result.code == 6
    assert result.out.splitlines()[-1] == "inconclusive: a genuine delivery was not accepted, so nothing can be told"
    assert "its own log says why" in result.out


def test_where_nothing_listens_it_is_unreachable(cli: Cli) -> None:
    result = check(cli, f"http://127.0.0.1:{unused_port()}/api/webhooks/arky")
    assert (result.code, result.out.splitlines()[-1]) == (4, "unreachable: nothing could be checked")
    assert "nothing listens" in result.out


def test_a_silent_port_is_inconclusive(cli: Cli) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/api/webhooks/arky"
        result = check(cli, url, "--timeout", "0.3")
    assert result.code == 6
    assert "no answer within 0.3 s" in result.out


def test_quiet_is_the_verdict_alone(cli: Cli, fresh: RunningReceiver) -> None:
    port = urlsplit(fresh.url).port
    result = check(cli, str(port), "-q")
    assert (result.code, result.out, result.err) == (0, "right: 44 passed, 8 not run\n", "")


def test_verbose_shows_requests_and_answers_but_no_secret(cli: Cli, fresh: RunningReceiver) -> None:
    result = check(cli, fresh.url, "--only", "sig-missing", "-v")
    assert "  > POST http://127.0.0.1" in result.out
    assert "  > user-agent: hookctl/" in result.out
    assert "  < 401 after" in result.out
    assert "check/sig-missing" in result.out
    assert ARKY_SECRET not in result.out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "which receiver?"),
        (["http://127.0.0.1:9/api/webhooks/arky", "--probe-url", "1", "--probe-cmd", "x"], 2, "exclude each other"),
        (["http://127.0.0.1:9/api/webhooks/arky", "--probe-pointer", "/x"], 2, "--probe-url"),
        (["3000", "--probe-url", "3000", "--probe-pointer", "x"], 2, "JSON Pointer"),
        (["3000", "--wait-for", "3000"], 2, "--start"),
        (["3000", "--timeout", "0"], 2, "--timeout"),
        (["3000", "--start-timeout", "nan"], 2, "--start-timeout"),
        (["3000", "-v", "-q"], 2, "exclude each other"),
        (["3000", "--secret", "x"], 2, "--secret is not an option"),
        (["3000", "--report", "xml=x"], 2, "junit=FILE"),
        (["3000", "--skip", "valid"], 2, "it is the control"),
        (["3000", "--only", "sig-prefixx"], 3, "did you mean 'sig-prefix'"),
        (["3000", "--event", "order.payd"], 3, "did you mean 'order.paid'"),
        (["3000", "--provider", "akry"], 3, "did you mean 'arky'?"),
        (["http://127.0.0.1:9/hooks"], 3, "give --provider: ar"),
        (["http://example.com/api/webhooks/arky"], 3, "--allow-remote"),
        (["3000", "--probe-url", "http://example.com/count"], 3, "--allow-remote"),
        (["not a url", "--provider", "arky"], 3, "is not a URL"),
        (["99999"], 3, "is not a port"),
        (["nosuch"], 3, "unknown endpoint 'nosuch'"),
        (["3000", "--cacert", "nowhere.pem"], 3, "nowhere.pem"),
    ],
)
def test_what_cannot_be_meant_is_said_before_anything_is_sent(
    cli: Cli, arguments: list[str], code: int, said: str
) -> None:
    result = check(cli, *arguments)
    assert (result.code, result.out) == (code, "")
    assert said in result.err


def test_without_a_secret_nothing_is_sent(cli: Cli) -> None:
    with recording() as recorder:
        result = run_here(cli, "check", recorder.base, "--provider", "arky")
        assert (result.code, len(recorder.requests)) == (3, 0)
    assert "ARKY_WEBHOOK_SECRET is not set" in result.err


# whose receiver it is


@pytest.mark.parametrize(
    ("path", "title"),
    [("/api/webhooks/arky", "Arky"), ("/api/webhooks/arky/", "Arky"), ("/hooks/arcade", "Arcade"), ("/arky/x", "Arky")],
)
def test_the_path_tells_whose_receiver_it_is(cli: Cli, path: str, title: str) -> None:
    with recording(always(500)) as recorder:
        result = check(cli, f"http://127.0.0.1:{urlsplit(recorder.base).port}{path}")
    assert result.out.splitlines()[1].startswith(f"{title}, ")


def test_a_configured_endpoint_is_checked_by_its_name(cli: Cli, fresh: RunningReceiver) -> None:
    (cli.folder / "hookctl.toml").write_text(f'[endpoints]\narky = "{fresh.url}"\nshop = "{fresh.url}"\n')
    for name in ("arky", "shop"):
        assert check(cli, name, "-q", "--only", "body-*").code == 0


def test_an_event_stands_for_all(cli: Cli, fresh: RunningReceiver) -> None:
    result = check(cli, fresh.url, "--event", "user.updated", "--only", "body-tampered", "-v")
    assert result.code == 0
    assert '"event":"user.updated"' in result.out


# which checks


def test_the_list_shows_each_check_and_sends_nothing(cli: Cli) -> None:
    text = run_here(cli, "check", "--list", "--provider", "arcade")
    assert (text.code, text.err) == (0, "")
    assert max(map(len, text.out.splitlines())) <= 80
    records = run_here(cli, "check", "--list", "--format", "ndjson").records
    assert {one["provider"] for one in records[:-1]} == {"arky", "arcade"}
    ids = [one["id"] for one in records if one.get("provider") == "arcade"]
    assert ids == [line.split()[0] for line in text.out.splitlines() if re.match(r"[a-z]+(-[a-z0-9]+)* +[a-z]+$", line)]
    assert records[-1] == {"type": "summary", "total": len(records) - 1}
    few = run_here(cli, "check", "--list", "--provider", "arky", "--only", "ts-*", "--format", "json").document
    assert [one["id"] for one in few["results"]][:2] == ["valid", "ts-missing"]


def test_only_and_skip_take_globs_commas_and_repeats(cli: Cli, fresh: RunningReceiver) -> None:
    arguments = ("--only", "sig-*,ts-old", "--only", "body-bom", "--skip", "sig-p*", "--format", "ndjson")
    ids = [one["id"] for one in check(cli, fresh.url, *arguments).records[:-1]]
    assert "sig-prefix" not in ids
    assert ids[0] == "valid"
    assert {"sig-empty", "ts-old", "body-bom"} < set(ids)
    assert all(one.startswith("sig-") or one in {"valid", "ts-old", "body-bom"} for one in ids)


# forms of output


def test_json_and_ndjson_hold_the_same(cli: Cli) -> None:
    with running(ALL["arky-no-timestamp-check"], ARKY_SECRET) as receiver:
        lines = check(cli, receiver.url, "--only", "ts-*", "--format", "ndjson").records
        document = check(cli, receiver.url, "--only", "ts-*", "--format", "json").document
    keys = [list(one) for one in lines]
    assert keys == [list(one) for one in (*document["results"], document["summary"])]
    assert keys[0][:6] == ["type", "id", "severity", "result", "status", "detail"]
    summary = lines[-1]
    assert summary["schema"] == "hookctl.check/1"
    assert (summary["verdict"], summary["exit_code"]) == ("right", 0)
    assert summary["warned"] == ["ts-old", "ts-future", "ts-nan", "ts-ms", "ts-suffix"]
    counts = sum(summary[result] for result in ("pass", "fail", "skipped", "inconclusive", "info"))
    assert counts == len(lines) - 1


def test_the_junit_report_is_xml_whatever_the_receiver_answers(cli: Cli, hostile: RunningReceiver) -> None:
    file = cli.folder / "reports" / "deep" / "check.xml"
    result = check(cli, hostile.url, "--report", f"junit={file}", "-q")
    assert result.code == 0
    xml.sax.parse(str(file), xml.sax.ContentHandler())  # noqa: S317 - what hookctl wrote itself
    assert ET.parse(file).getroot().tag == "testsuites"  # noqa: S314 - likewise
    cases = [case for suite in JUnitXml.fromfile(str(file)) for case in suite]
    assert len(cases) == 52
    assert all(not case.result or case.is_skipped for case in cases)


def test_the_junit_report_has_failures_errors_and_reasons(cli: Cli) -> None:
    file = cli.folder / "check.xml"
    with running(ALL["arky-always-200"], ARKY_SECRET) as receiver:
        assert check(cli, receiver.url, "--report", f"junit={file}", "-q").code == 1
    cases = {case.name: case for suite in JUnitXml.fromfile(str(file)) for case in suite}
    assert cases["body-tampered"].is_failure
    assert "fix: " in cases["body-tampered"].result[0].text
    # weighs less than what decides: with its reason, and no failure
    assert cases["ts-old"].is_skipped
    assert cases["ts-old"].result[0].message.startswith("should fail: accepted with 200")
    assert cases["dup-effect"].is_skipped
    with running(ALL["arky-always-500"], ARKY_SECRET) as receiver:
        assert check(cli, receiver.url, "--report", f"junit={file}", "-q").code == 6
    cases = {case.name: case for suite in JUnitXml.fromfile(str(file)) for case in suite}
    assert cases["valid"].is_error
    assert all(case.is_skipped for name, case in cases.items() if name != "valid")


def test_no_byte_of_a_receiver_acts_on_the_terminal(cli: Cli, hostile: RunningReceiver) -> None:
    screen = on_terminal(cli.with_secrets(), "check", hostile.url)
    assert screen.code == 0
    for forbidden in ("\x1b[2J", "\x00", "\x07", "\u202e", "\x9b"):
        assert forbidden not in screen.raw
    assert not [line for line in screen.text.splitlines() if line.startswith("::error")]
    assert len(screen.widest) <= 80


def test_a_secret_that_a_receiver_echoes_is_masked(cli: Cli) -> None:
    def echo(request: CapturedRequest) -> Reply:
        return Reply(401, f"your key is {ARKY_SECRET}".encode())

    file = cli.folder / "check.xml"
    with BackgroundServer(echo) as server:
        url = f"{server.url}/api/webhooks/arky"
        for form in ("text", "json", "ndjson"):
            result = check(cli, url, "-v", "--format", form, "--diagnose", "--report", f"junit={file}")
            assert result.code == 6
            assert ARKY_SECRET not in result.out + result.err + file.read_text()


# diagnoses


@pytest.mark.parametrize(
    ("name", "diagnosis"),
    [
        ("arky-body-alone", "timestamp_not_signed"),
        ("arky-timestamp-in-ms", "timestamp_in_ms"),
        ("arky-secret-unprefixed", "secret_unprefixed"),
        ("arky-secret-decoded", "secret_base64_decoded"),
        ("arky-empty-secret", "secret_empty"),
        ("arcade-secret-unprefixed", "secret_unprefixed"),
        ("arky-always-500", None),
    ],
)
def test_a_failed_control_is_diagnosed(cli: Cli, name: str, diagnosis: str | None) -> None:
    program = ALL[name]
    cli.env[program.secret_env] = DIAGNOSABLE
    with running(program, DIAGNOSABLE) as receiver:
        result = run_here(
            cli, "check", receiver.url, "--diagnose", "--format", "ndjson", "--provider", program.provider
        )
    control = result.records[0]
    assert (result.code, control["id"], control["diagnosis"]) == (6, "valid", diagnosis)
    assert ("it was accepted" in control["detail"]) is (diagnosis is not None)


def test_a_secret_with_white_space_is_diagnosed(cli: Cli, fresh: RunningReceiver) -> None:
    cli.env["ARKY_WEBHOOK_SECRET"] = f" {ARKY_SECRET}\n"
    result = run_here(cli, "check", fresh.url, "--diagnose", "--format", "ndjson")
    assert result.records[0]["diagnosis"] == "secret_trimmed"


def test_the_previous_secret_is_diagnosed(cli: Cli, fresh: RunningReceiver) -> None:
    cli.env.update({"ARKY_WEBHOOK_SECRET": "whsec_the_new_one", "ARKY_WEBHOOK_SECRET_PREVIOUS": ARKY_SECRET})
    result = run_here(cli, "check", fresh.url, "--diagnose", "--format", "ndjson")
    assert result.records[0]["diagnosis"] == "previous_secret"


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [
        (404, (), "is that the path"),
        (405, (), "takes no POST"),
        (413, (), "limit for bodies"),
        (415, (), "application/json"),
        (308, (("Location", "https://elsewhere.test/x"),), "https://elsewhere.test/x"),
        (401, (), "--diagnose"),
        (500, (), "its own log"),
        (422, (), "for another reason"),
    ],
)
def test_each_kind_of_refused_control_has_a_next_step(
    cli: Cli, status: int, headers: tuple[tuple[str, str], ...], said: str
) -> None:
    with BackgroundServer(lambda _: Reply(status, b"", headers)) as server:
        result = check(cli, f"{server.url}/api/webhooks/arky", "--format", "ndjson")
    assert result.code == 6
    assert said in result.records[0]["fix"]


# what handlers do, seen from outside


def test_without_a_carrier_nothing_makes_handlers_act_unasked(cli: Cli) -> None:
    with running(ALL["arky-unknown-event-400"], ARKY_SECRET) as receiver:
        result = check(cli, receiver.url, "--format", "ndjson")
        # the control alone: twice first, once last
        assert len(receiver.matching(3, lambda record: record["status"] == 200)) == 3
    skipped = {one["id"] for one in result.records if one.get("result") == "skipped"}
    assert {"hdr-case", "body-unicode", "ts-old", "size-20k", "latency", "keepalive", "dup-status"} <= skipped


def test_handlers_act_for_the_control_alone_where_unknown_events_are_accepted(cli: Cli) -> None:
    with running(ALL["arky-express-fresh"], ARKY_SECRET) as receiver:
        assert check(cli, receiver.url, "-q").code == 0
        paid = receiver.matching(3, lambda record: record["event"] == "order.paid")
        others = {record["event"] for record in receiver.records()} - {"order.paid", None, ""}
    assert len(paid) == 3
    assert others
    assert all(str(event).startswith("hookctl.check.") for event in others)


def test_a_command_tells_what_was_acted_on(cli: Cli) -> None:
    with running(ALL["arky-no-dedupe"], ARKY_SECRET) as receiver:
        address = urlsplit(receiver.url).netloc
        script = cli.folder / "count.py"
        script.write_text(
            "import json, urllib.request\n"
            f"print(json.load(urllib.request.urlopen('http://{address}/count'))['count'])\n"
        )
        read = f"{sys.executable} {script}"
        arguments = ("--allow-side-effects", "--only", "dup-*", "--format", "ndjson", "--probe-cmd", read)
        result = check(cli, receiver.url, *arguments)
        assert result.code == 1
        assert result.records[-1]["failed"] == ["dup-effect"]
        broken = check(cli, receiver.url, *arguments[:-1], "echo not a number")
    assert broken.code == 6
    assert "not a whole number" in broken.records[2]["detail"]


# transport


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_tls_endpoints_are_checked(cli: Cli, tmp_path: Path, host: str) -> None:
    authority = new_authority(tmp_path)
    pem = authority.issue("receiver", alternative="IP:127.0.0.1,IP:::1")
    env = {"RECEIVER_HOST": host, **behind_tls(pem)}
    with running(ALL["arcade-node"], ARCADE_SECRET, env=env) as receiver:
        trusted = check(cli, receiver.url, "--cacert", str(authority.file), "--format", "ndjson")
        assert trusted.code == 0
        assert next(one for one in trusted.records if one.get("id") == "tls")["result"] == "pass"
        untrusted = check(cli, receiver.url, "--format", "ndjson")
        assert untrusted.code == 4
        assert next(one for one in untrusted.records if one.get("id") == "tls")["result"] == "fail"
        insecure = check(cli, receiver.url, "--insecure", "--format", "ndjson")
        assert (insecure.code, insecure.records[-1]["failed"]) == (1, ["tls"])
        assert "--insecure" in insecure.err


def test_ipv6_without_tls(cli: Cli) -> None:
    with running(ALL["arky-express-fresh"], ARKY_SECRET, env={"RECEIVER_HOST": "::1"}) as receiver:
        assert receiver.url.startswith("http://[::1]:")
        assert check(cli, receiver.url, "-q").code == 0


def test_a_redirect_is_not_followed(cli: Cli) -> None:
    with recording() as other, BackgroundServer(lambda _: Reply(307, b"", (("Location", other.base),))) as server:
        assert check(cli, f"{server.url}/api/webhooks/arky", "-q").code == 6
        assert len(other.requests) == 0


# the app


def _command(name: str, port: int) -> str:
    program = ALL[name]
    words = " ".join(program.command)
    variables = " ".join(f"{key}={value}" for key, value in (*program.env, ("PORT", str(port))))
    return f"{variables} exec {words}"


def test_the_app_is_started_and_ended(cli: Cli) -> None:
    port = unused_port()
    result = cli.with_secrets()("check", str(port), "--start", _command("arky-express-fresh", port), "-q")
    assert (result.code, result.out) == (0, "right: 44 passed, 8 not run\n")
    assert cli("check", str(port), "-q", env={"ARKY_WEBHOOK_SECRET": "x"}).code == 4


def test_an_app_that_does_not_start_is_told_with_the_end_of_its_log(cli: Cli) -> None:
    result = cli.with_secrets()("check", str(unused_port()), "--start", "echo no such module >&2; exit 7")
    assert result.code == 4
    assert "exit code 7" in result.err
    assert "  | no such module" in result.err


def test_an_app_that_never_answers_is_given_up(cli: Cli) -> None:
    result = cli.with_secrets()("check", str(unused_port()), "--start", "sleep 600", "--start-timeout", "0.5")
    assert result.code == 4
    assert "does not answer" in result.err


def test_a_wrong_app_s_log_is_shown(cli: Cli) -> None:
    port = unused_port()
    start = f"echo ready >&2; {_command('arky-always-500', port)}"
    result = cli.with_secrets()("check", str(port), "--start", start, "-q")
    assert result.code == 6
    assert "  | ready" in result.err
    assert result.out.splitlines()[-1].startswith("inconclusive: ")


def test_an_app_is_not_started_where_one_answers_already(cli: Cli, fresh: RunningReceiver) -> None:
    result = cli.with_secrets()("check", fresh.url, "--start", "touch started")
    assert result.code == 3
    assert "answers at" in result.err
    assert not (cli.folder / "started").exists()


def test_ctrl_c_ends_the_app_and_tells_what_was_seen(cli: Cli) -> None:
    port = unused_port()
    command = [sys.executable, "-m", "hookctl", "check", str(port), "--format", "ndjson", "--start-timeout", "30"]
    command += ["--start", _command("arky-slow", port)]
    env = cli.with_secrets().environment({"RECEIVER_SLEEP_S": "3"})
    with subprocess.Popen(command, env=env, cwd=cli.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            # by then it answers, and the control waits for its sleep
            _wait_until(lambda: _answers(port))
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 130
    assert schemas.record(out.splitlines()[-1])["type"] == "summary"
    _wait_until(lambda: not _answers(port))


def _answers(port: int) -> bool:
    import socket

    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _wait_until(condition: object, patience_s: float = 20.0) -> None:
    until_s = time.monotonic() + patience_s
    assert callable(condition)
    while not condition():
        assert time.monotonic() < until_s
        time.sleep(0.05)
