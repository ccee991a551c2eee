"""`hookctl doctor`: each line as ok, warning and failure, over real servers, files, journals and processes."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from email.utils import formatdate
from pathlib import Path
from time import monotonic, time
from typing import Any

import pytest

from hookctl.flows.doctor import CHECKS
from hookctl.model import CapturedRequest, Reason, Verdict
from hookctl.store import Arrival, Store, default_path
from tests.agent.launch import install
from tests.cli.inprocess import run_here
from tests.cli.processes import under_way
from tests.cli.recorder import unused_port
from tests.cli.terminal import on_terminal
from tests.delivery.faults import answer, bound, response, serve, serve_on_both
from tests.harness import ARCADE_SECRET, ARKY_SECRET, Cli
from tests.unreadable import unreadable
from tests.vendors.business import ACCOUNT, TOKEN, Business, error, refusing, running
from tests.vendors.pointing import OURS, WAITING, journals, start

KEYS = ["type", "id", "result", "detail", "fix"]


def look(cli: Cli, *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Run doctor and return its exit code and its lines by their ids; of several with one id, the last."""
    result = run_here(cli, "doctor", "--format", "ndjson", *arguments)
    *lines, summary = result.records
    assert all(list(line) == KEYS for line in lines)
    assert result.err == ""
    counts = {kind: sum(line["result"] == kind for line in lines) for kind in ("ok", "warn", "fail")}
    assert summary == {"type": "summary", "total": len(lines), **counts}
    assert result.code == (1 if counts["fail"] else 0)
    # who is told that something is wrong is told what to do
    assert all(line["fix"] for line in lines if line["result"] != "ok")
    return result.code, {line["id"]: line for line in lines}


def told(cli: Cli, id_: str, *arguments: str) -> tuple[str, str]:
    """Return result and text of one line."""
    line = look(cli, *arguments)[1][id_]
    return line["result"], f"{line['detail']} {line['fix'] or ''}"


def configure(cli: Cli, text: str) -> None:
    (cli.folder / "hookctl.toml").write_text(text)


def home(cli: Cli) -> Path:
    return Path(cli.environment()["HOME"])


def state(cli: Cli) -> Path:
    folder = home(cli) / ".local" / "state" / "hookctl"
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    return folder


# --- the whole --------------------------------------------------------------------------------------------------------


def test_a_set_up_in_which_all_is_well_has_no_line_that_is_not_ok(asking: Cli, tmp_path: Path) -> None:
    install(tmp_path / "ngrok", asking)
    with serve_on_both(answer(b"")) as (server, _):
        configure(asking, f'provider = "arky"\n[endpoints]\narky = "http://localhost:{server.port}/hook"\n')
        asking.env["ARKY_WEBHOOK_SECRET"] = ARKY_SECRET
        code, lines = look(asking)
    # whether bytecode can be kept is the test environment's matter
    assert {id_ for id_, line in lines.items() if line["result"] != "ok"} <= {"bytecode"}
    assert code == 0
    assert {id_.partition(".")[0] for id_ in lines} == {check.id for check in CHECKS}


def test_with_nothing_at_all_there_are_warnings_and_no_failure(cli: Cli) -> None:
    cli.env["PATH"] = ""
    code, lines = look(cli)
    assert code == 0
    assert lines["endpoint.arky"]["result"] in {"ok", "warn"}
    assert lines["secret.arky"]["result"] == "warn"


def test_no_home_no_path_and_no_terminal_is_no_crash(cli: Cli) -> None:
    result = cli("doctor", env={"HOME": None, "PATH": None, "TERM": None})
    assert (result.code, result.err) == (0, "")
    assert "neither XDG_STATE_HOME nor HOME is set" in " ".join(result.out.split())


def test_a_line_has_a_mark_and_at_most_80_columns_but_for_a_word_that_is_longer(asking: Cli) -> None:
    screen = on_terminal(asking, "doctor")
    assert "✓ python" in screen.text
    assert "! secret.arky" in screen.text
    for line in screen.text.splitlines():
        assert len(line) <= 80 or " " not in line.strip().removeprefix("fix: ")[18:], line
    plain = asking("doctor", env={"PYTHONIOENCODING": "ascii"})
    assert plain.raw_out.isascii()
    assert re.search(r"^\+ python +CPython", plain.out, re.MULTILINE)
    assert re.search(r"^\d+ ok, \d+ warnings?, \d+ failed$", plain.out, re.MULTILINE)


def test_json_is_one_document(cli: Cli) -> None:
    document = run_here(cli, "doctor", "--format", "json").document
    assert list(document) == ["results", "summary"]
    assert document["summary"]["total"] == len(document["results"])


def test_no_secret_token_or_password_is_ever_shown(cli: Cli, tmp_path: Path) -> None:
    canaries = [f"canary-{number}-4b1d9e72aa" for number in range(8)]
    ngrok = home(cli) / ".config" / "ngrok" / "ngrok.yml"
    ngrok.parent.mkdir(parents=True)
    ngrok.write_text(f'version: "3"\nagent:\n  authtoken: {canaries[4]}\n')
    (cli.folder / ".env").write_text(f"ARCADE_SIGNING_SECRET=' {canaries[1]}'\n")
    configure(cli, f'[endpoints]\narcade = "http://user:{canaries[6]}@localhost:1/"\n')
    with running(Business(before=lambda _: error(500, {"message": f"token {canaries[2]} ?"}))) as api:
        cli.env |= {
            "ARKY_WEBHOOK_SECRET": f'"{canaries[0]}"',
            "ARKY_WEBHOOK_SECRET_PREVIOUS": canaries[7],
            "ARKY_TOKEN": canaries[2],
            "ARKY_BASE_URL": api.base,
            "ARKY_BUSINESS_ID": ACCOUNT,
            "HTTPS_PROXY": f"http://user:{canaries[3]}@127.0.0.1:{unused_port()}",
        }
        for arguments in (["--format", "json"], [], ["--format", "ndjson"]):
            result = cli("doctor", *arguments)
            assert not [canary for canary in canaries if canary in result.out + result.err]
            assert "500" in result.out
        cli.env |= {"NGROK_AUTHTOKEN": f"{canaries[5]} "}
        result = cli("doctor")
        assert canaries[5] not in result.out + result.err
        assert "white space" in result.out


def test_an_agent_that_says_its_token_is_not_repeated(cli: Cli, tmp_path: Path) -> None:
    agent = install(tmp_path / "ngrok", cli, token="canary-agent-4b1d9e72aa")
    agent.program.write_text('#!/bin/sh\necho "no version, and $NGROK_AUTHTOKEN"\n')
    result = cli("doctor")
    assert "canary" not in result.out + result.err
    assert "no version, and [secret]" in " ".join(result.out.split())


def test_what_names_say_cannot_act_on_a_terminal(cli: Cli) -> None:
    configure(cli, '[endpoints]\narky = "http://localhost:1/"\n')
    cli.env["PYNGROK_NGROK_PATH"] = "/nowhere/\x1b[2J\u202e"
    result = run_here(cli, "doctor")
    assert "\x1b" not in result.out
    assert "\u202e" not in result.out
    assert "\\x1b[2J" in result.out


def test_it_takes_a_few_seconds_where_everything_hangs(cli: Cli, tmp_path: Path) -> None:
    install(tmp_path / "ngrok", cli).program.write_text("#!/bin/sh\nexec sleep 60\n")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        configure(cli, f'[endpoints]\narky = "https://localhost:{port}/"\narcade = "https://localhost:{port}/"\n')
        cli.env |= {"ARKY_TOKEN": TOKEN, "ARKY_BUSINESS_ID": ACCOUNT, "ARKY_BASE_URL": f"http://127.0.0.1:{port}"}
        started_s = monotonic()
        _, lines = look(cli, "--timeout", "0.5")
        took_s = monotonic() - started_s
    assert {lines[id_]["result"] for id_ in ("endpoint.arky", "endpoint.arcade", "api.arky", "ngrok")} == {"fail"}
    # three times half a second, and five for the agent's version
    assert took_s < 20


def test_ctrl_c_ends_it(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        configure(cli, f'[endpoints]\narky = "https://127.0.0.1:{silent.getsockname()[1]}/"\n')
        with under_way(cli, "doctor", "--provider", "arky", "--timeout", "60", "--format", "ndjson") as process:
            connection, _ = silent.accept()
            with connection:
                process.send_signal(signal.SIGINT)
                assert process.wait(30) == 130


# --- installation -----------------------------------------------------------------------------------------------------


def test_python_and_hookctl_are_named_with_their_places(cli: Cli) -> None:
    _, lines = look(cli)
    assert sys.executable in lines["python"]["detail"]
    assert "hookctl" in lines["hookctl"]["detail"]


def test_a_start_that_compiles_anew_is_told(cli: Cli, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    variables: dict[str, str | None] = {"PYTHONPYCACHEPREFIX": str(kept), "PYTHONDONTWRITEBYTECODE": None}

    def bytecode(**more: str) -> dict[str, Any]:
        records = cli("doctor", "--format", "ndjson", env={**variables, **more}).records
        return next(record for record in records if record["id"] == "bytecode")

    never = bytecode(PYTHONDONTWRITEBYTECODE="1")
    assert never["result"] == "warn"
    assert "PYTHONDONTWRITEBYTECODE" in never["detail"]
    assert "compileall" in never["fix"]
    assert bytecode()["result"] == "ok"
    shutil.rmtree(kept)
    kept.write_text("a file where the folder should be")
    impossible = bytecode()
    assert impossible["result"] == "warn"
    assert "compiles" in impossible["detail"]


# --- configuration and secrets ----------------------------------------------------------------------------------------


def test_the_files_and_variables_that_decide_are_named(cli: Cli) -> None:
    assert "hookctl init" in told(cli, "config")[1]
    configure(cli, "")
    user = home(cli) / ".config" / "hookctl" / "config.toml"
    user.parent.mkdir(parents=True)
    user.write_text("")
    cli.env["HOOKCTL_TO"] = str(unused_port())
    result, text = told(cli, "config")
    assert result == "ok"
    assert f"HOOKCTL_TO over {cli.folder / 'hookctl.toml'} over {user}" in text


def test_a_variable_that_says_nothing_is_a_warning_with_the_nearest(cli: Cli) -> None:
    cli.env["HOOKCTL_PROVDER"] = "arky"
    result, text = told(cli, "config")
    assert result == "warn"
    assert text.startswith("HOOKCTL_PROVDER in the environment says nothing to hookctl did you mean 'HOOKCTL_PROVIDER'")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("provider = ", "not valid TOML"),
        ('endpoint = "x"', "endpoint is not a known key did you mean 'endpoints'?"),
        ("[" * 5000, "not valid TOML"),
        ('[api.arky]\npaths = { read = "/" }', "is not for a project to say"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_a_line_and_the_others_go_on(cli: Cli, text: str, names: str) -> None:
    configure(cli, text)
    code, lines = look(cli)
    assert (code, lines["config"]["result"]) == (1, "fail")
    assert names in f"{lines['config']['detail']} {lines['config']['fix']}"
    assert str(cli.folder / "hookctl.toml") in lines["config"]["detail"]
    assert lines["secret.arky"]["result"] == "warn"


def test_an_unreadable_configuration_is_a_line(cli: Cli) -> None:
    unreadable(cli.folder / "hookctl.toml")
    assert "cannot read" in look(cli)[1]["config"]["detail"]


@pytest.mark.parametrize("name", ["akry", "./nowhere"])
def test_a_provider_that_there_is_not_is_a_line(cli: Cli, name: str) -> None:
    code, lines = look(cli, "--provider", name)
    assert (code, lines["providers"]["result"]) == (1, "fail")
    assert not [id_ for id_ in lines if id_.startswith(("secret.", "endpoint.", "api."))]


def test_a_secret_that_looks_like_one_is_ok_and_its_place_is_told(cli: Cli) -> None:
    (cli.folder / ".env.local").write_text(f"ARCADE_SIGNING_SECRET={ARCADE_SECRET}\n")
    cli.env |= {"ARKY_WEBHOOK_SECRET": ARKY_SECRET, "ARKY_WEBHOOK_SECRET_PREVIOUS": "the one before"}
    _, lines = look(cli)
    assert lines["secret.arky"]["detail"] == (
        "present, $ARKY_WEBHOOK_SECRET; the previous one is $ARKY_WEBHOOK_SECRET_PREVIOUS"
    )
    place = cli.folder / ".env.local"
    assert lines["secret.arcade"]["detail"] == f"present, ARCADE_SIGNING_SECRET in {place}"


@pytest.mark.parametrize(
    ("secret", "names"),
    [
        ("whsec_your_secret_key", "is the example of the vendor's page"),
        (" whsec_your_secret_key\n", "is the example of the vendor's page"),
        ("whsec_0123456789abcdef ", "white space around it"),
        ("'whsec_0123456789abcdef'", "quotes around it"),
        ("whsec_12345", "shorter than 16 bytes"),
    ],
)
def test_a_secret_that_is_odd_is_a_warning(cli: Cli, secret: str, names: str) -> None:
    cli.env["ARKY_WEBHOOK_SECRET"] = secret
    result, text = told(cli, "secret.arky")
    assert (result, names in text) == ("warn", True)
    assert secret.strip() not in text


def test_a_secret_that_cannot_be_used_is_a_failure(cli: Cli) -> None:
    cli.env["ARKY_WEBHOOK_SECRET"] = ""
    assert told(cli, "secret.arky")[0] == "fail"
    unreadable(cli.folder / ".env")
    assert told(cli, "secret.arcade")[0] == "fail"


def test_a_missing_secret_is_a_failure_where_the_vendor_is_named(cli: Cli) -> None:
    assert told(cli, "secret.arky", "--provider", "arky")[0] == "fail"
    configure(cli, 'provider = "arky"\n')
    code, lines = look(cli)
    assert (code, lines["secret.arky"]["result"], "secret.arcade" in lines) == (1, "fail", False)


# --- endpoints --------------------------------------------------------------------------------------------------------


def endpoint(cli: Cli, url: str, *arguments: str) -> tuple[str, str]:
    configure(cli, f"[endpoints]\narky = {json.dumps(url)}\n")
    return told(cli, "endpoint.arky", *arguments)


def test_a_receiver_is_connected_to_and_sent_nothing(cli: Cli) -> None:
    with serve_on_both(answer(response(200))) as (first, second):
        result, text = endpoint(cli, f"http://localhost:{first.port}/hook")
        assert (result, text) == ("ok", f"http://localhost:{first.port}/hook accepts connections ")
        assert not [*first.requests, *second.requests]


def test_a_receiver_that_is_not_there_is_a_failure_where_it_is_configured(cli: Cli) -> None:
    port = unused_port()
    result, text = endpoint(cli, f"http://127.0.0.1:{port}/")
    assert result == "fail"
    assert f"nothing listens on 127.0.0.1:{port} start the app" in text


def test_localhost_that_is_one_address_alone_is_told(cli: Cli) -> None:
    with serve(answer(b""), listener=bound("::1", 0), host="::1") as server:
        result, text = endpoint(cli, f"http://localhost:{server.port}/x")
        # where the machine's localhost has no such address, it fails
        both = "::1" in {str(entry[4][0]) for entry in socket.getaddrinfo("localhost", server.port)}
        assert (result, f"name it http://[::1]:{server.port}/x" in text) == ("warn" if both else "fail", True)
        result, text = endpoint(cli, f"http://127.0.0.1:{server.port}/x")
        assert (result, f"something listens on [::1] with that port: name it http://[::1]:{server.port}/x" in text) == (
            "fail",
            True,
        )
    with serve(answer(b"")) as server:
        assert endpoint(cli, f"http://localhost:{server.port}/x")[0] == "ok"
        result, text = endpoint(cli, f"http://[::1]:{server.port}/x")
        assert (result, f"name it http://127.0.0.1:{server.port}/x" in text) == ("fail", True)


def test_a_project_s_endpoint_beyond_this_machine_is_not_contacted(cli: Cli) -> None:
    # the fence around the tests would fail the run at any attempt
    result, text = endpoint(cli, "https://203.0.113.9/hook")
    assert result == "fail"
    assert "points beyond this machine" in text
    assert "--allow-remote" in text


def test_an_endpoint_without_tls_where_https_is_said_is_a_failure(cli: Cli) -> None:
    with serve(answer(b"plain text")) as server:
        assert endpoint(cli, f"https://127.0.0.1:{server.port}/")[0] == "fail"


def test_an_endpoint_that_is_no_url_is_a_failure_and_no_endpoint_a_warning(cli: Cli) -> None:
    assert endpoint(cli, "ftp://localhost/")[0] == "fail"
    assert told(cli, "endpoint.arcade")[0] == "warn"
    cli.env["HOOKCTL_TO"] = "ftp://localhost/"
    assert told(cli, "endpoint.arky")[0] == "fail"
    cli.env["HOOKCTL_TO"] = str(unused_port())
    assert told(cli, "endpoint.arcade")[0] == "warn"
    del cli.env["HOOKCTL_TO"]
    assert told(cli, "endpoint.arcade", "--provider", "arcade")[0] == "fail"


def test_authorities_that_cannot_be_read_are_a_line(cli: Cli) -> None:
    code, lines = look(cli, "--cacert", "missing.pem")
    assert (code, lines["endpoint"]["result"]) == (1, "fail")
    assert "missing.pem" in lines["endpoint"]["detail"]


# --- state and store --------------------------------------------------------------------------------------------------


def test_a_state_folder_that_is_missing_or_private_is_ok_and_looking_makes_none(cli: Cli) -> None:
    assert "made when it is needed" in told(cli, "state")[1]
    assert not (home(cli) / ".local").exists()
    folder = state(cli)
    assert told(cli, "state") == ("ok", f"{folder}, yours alone ")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("mode", "result"), [(0o755, "warn"), (0o750, "warn"), (0o777, "fail"), (0o770, "fail")])
def test_a_state_folder_that_others_get_into_is_told(cli: Cli, mode: int, result: str) -> None:
    folder = state(cli)
    folder.chmod(mode)
    assert told(cli, "state")[0] == result
    assert f"chmod 700 {folder}" in told(cli, "state")[1]


def test_a_state_folder_that_is_no_folder_is_a_failure(cli: Cli) -> None:
    folder = state(cli)
    folder.rmdir()
    folder.write_text("")
    assert told(cli, "state")[0] == "fail"
    cli.env["XDG_STATE_HOME"] = str(folder)
    assert told(cli, "state")[0] == "fail"


def stored(cli: Cli) -> Path:
    path = default_path(cli.environment())
    with Store.open(path, clock=lambda: 0) as store, store.writer() as writer:
        arrived = CapturedRequest(1_700_000_000_000, "POST", "/", "1.1", (), b"{}")
        writer.write([Arrival(arrived, Verdict(valid=True, reason=Reason.OK), "arky", "order.paid", "evt_1")])
    return path


def test_a_store_is_told_with_its_size_and_not_changed(cli: Cli) -> None:
    path = stored(cli)
    before = path.read_bytes()
    result, text = told(cli, "store")
    assert result == "ok"
    assert text.startswith("1 delivery, 0.")
    assert "schema 1" in text
    assert path.read_bytes() == before


def test_a_store_that_others_can_read_is_a_warning(cli: Cli) -> None:
    stored(cli).chmod(0o644)
    assert told(cli, "store")[0] == "warn"


def _garbage(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)


def _foreign(path: Path) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.commit()
    connection.close()


def _newer(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()


def _link(path: Path) -> None:
    path.rename(path.with_suffix(".real"))
    path.symlink_to(path.with_suffix(".real"))


@pytest.mark.parametrize(
    ("spoil", "names"),
    [(_garbage, "not a database"), (_foreign, "another program"), (_newer, "newer hookctl"), (_link, "symbolic link")],
)
def test_a_store_that_cannot_be_used_is_a_failure(cli: Cli, spoil: Any, names: str) -> None:  # noqa: ANN401 - a table's
    spoil(stored(cli))
    result, text = told(cli, "store")
    assert (result, names in text) == ("fail", True)


def test_a_store_that_another_program_holds_is_a_failure(cli: Cli) -> None:
    connection = sqlite3.connect(stored(cli), isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        assert "locked" in told(cli, "store")[1]
    finally:
        connection.close()


# --- proxies ----------------------------------------------------------------------------------------------------------


def test_proxies_are_told_with_what_they_do_to_loopback(cli: Cli) -> None:
    assert told(cli, "proxy") == ("ok", "no proxy variables ")
    cli.env["HTTP_PROXY"] = "http://user:hidden@proxy.example:3128"
    result, text = told(cli, "proxy")
    assert result == "warn"
    assert "HTTP_PROXY: http://proxy.example:3128" in text
    assert "hidden" not in text
    assert "set NO_PROXY=127.0.0.1,localhost,::1" in text
    cli.env["NO_PROXY"] = "intern.example, 127.0.0.1,localhost"
    assert told(cli, "proxy")[0] == "ok"
    cli.env["https_proxy"] = "http://"
    assert told(cli, "proxy")[0] == "fail"


# --- the vendor's API -------------------------------------------------------------------------------------------------


def test_an_api_is_asked_once_by_a_get_where_there_is_a_token(asking: Cli, business: Business) -> None:
    result, text = told(asking, "api.arky")
    assert result == "ok"
    assert f"{business.base} answers, takes the token of $ARKY_TOKEN and knows {ACCOUNT}" in text
    assert [asked.method for asked in business.asked] == ["GET"]


def test_an_api_is_not_asked_without_a_token(cli: Cli) -> None:
    result, text = told(cli, "api.arky")
    assert result == "ok"
    assert "not asked: ARKY_TOKEN is not set" in text
    assert told(cli, "api.arky", "--api-url", f"http://127.0.0.1:{unused_port()}")[0] == "fail"


def test_an_api_that_does_not_answer_well_is_a_failure(asking: Cli, business: Business) -> None:
    asking.env["ARKY_TOKEN"] = "another-token-than-theirs"
    assert "is not accepted" in told(asking, "api.arky")[1]
    asking.env["ARKY_TOKEN"] = TOKEN
    business.before = refusing("GET", answer=response(200, b"<html>a page"))
    assert "a web page" in told(asking, "api.arky")[1]
    result, text = told(asking, "api.arky", "--api-url", f"http://127.0.0.1:{unused_port()}")
    assert (result, "cannot be reached" in text) == ("fail", True)
    del asking.env["ARKY_BUSINESS_ID"]
    assert "ARKY_BUSINESS_ID is not set" in told(asking, "api.arky")[1]


@pytest.mark.parametrize(
    ("ahead_s", "result", "names"),
    [(0, "ok", "within 1 s"), (20, "ok", "within 20 s"), (-300, "fail", "ahead of"), (86400, "fail", "behind")],
)
def test_a_clock_that_is_wrong_is_a_failure(
    asking: Cli, business: Business, ahead_s: int, result: str, names: str
) -> None:
    date = formatdate(time() + ahead_s, usegmt=True).encode()
    business.before = lambda _: response(200, b'{"settings":{}}', b"Date: " + date)
    found, text = told(asking, "clock")
    assert found == result
    # a second or two may go by between the two looks at it
    assert names in text or (result == "ok" and re.search(r"within (1|2|3|18|19|20|21) s", text))


@pytest.mark.parametrize("date", [b"", b"Date: yesterday", b"Date: Mon, 99 Foo 20261 00:00:00"])
def test_a_time_that_nobody_can_read_is_no_comparison(asking: Cli, business: Business, date: bytes) -> None:
    business.before = lambda _: response(200, b"{}", *filter(None, [date]))
    assert told(asking, "clock") == ("ok", "not compared: no API was asked ")


# --- what killed runs have left ---------------------------------------------------------------------------------------


def leave_changed(cli: Cli) -> None:
    """Leave a webhook changed, as a run that is killed does."""
    process = start(cli, WAITING, OURS, "settings")
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"pointed\n"
        process.kill()
    assert len(journals(cli)) == 1


def test_what_a_killed_run_has_left_is_set_back(asking: Cli, business: Business) -> None:
    before = business.url
    assert told(asking, "webhook") == ("ok", "no run has left a webhook changed ")
    leave_changed(asking)
    assert business.url == OURS
    assert told(asking, "webhook") == ("ok", f"a killed run had left {ACCOUNT} changed: set back to {before} ")
    assert business.url == before
    assert journals(asking) == []


def test_what_a_killed_run_has_left_is_told_where_no_api_can_be_asked(asking: Cli, business: Business) -> None:
    leave_changed(asking)
    del asking.env["ARKY_TOKEN"]
    result, text = told(asking, "webhook")
    assert result == "fail"
    assert f"pointing to {OURS}" in text
    assert "hookctl webhook restore" in text
    assert business.url == OURS
    assert len(journals(asking)) == 1


def test_what_somebody_else_has_changed_since_is_left_alone(asking: Cli, business: Business) -> None:
    leave_changed(asking)
    business.settings["webhookUrl"] = "https://somebody.example/hook"
    result, text = told(asking, "webhook")
    assert (result, "https://somebody.example/hook" in text) == ("warn", True)
    assert business.url == "https://somebody.example/hook"


def test_what_is_at_another_api_or_cannot_be_set_back_is_a_failure(asking: Cli, business: Business) -> None:
    leave_changed(asking)
    with running(Business()) as other:
        result, text = told(asking, "webhook", "--api-url", other.base)
        assert (result, f"--api-url {business.base}" in text) == ("fail", True)
    business.before = refusing("PUT", answer=error(500, {"message": "no"}))
    assert told(asking, "webhook")[0] == "fail"
    assert len(journals(asking)) == 1


def test_a_journal_that_cannot_be_read_is_a_failure(asking: Cli) -> None:
    leave_changed(asking)
    journals(asking)[0].write_text("{")
    result, text = told(asking, "webhook")
    assert (result, str(journals(asking)[0]) in text) == ("fail", True)


def test_a_webhook_that_a_run_has_in_use_is_nothing_to_mend(asking: Cli, business: Business) -> None:
    process = start(asking, WAITING, OURS, "settings")
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"pointed\n"
            assert told(asking, "webhook") == ("ok", "no run has left a webhook changed ")
            assert business.url == OURS
        finally:
            process.kill()


def test_an_agent_that_a_killed_run_has_left_is_ended(cli: Cli) -> None:
    assert told(cli, "agents") == ("ok", "no run has left an ngrok agent behind ")
    folder = state(cli) / "tunnels" / "hookctl-1"
    folder.mkdir(parents=True, mode=0o700)
    agent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", str(folder / "ngrok.yml")])
    try:
        assert told(cli, "agents") == ("ok", "ended an ngrok agent that a killed run had left behind ")
        assert agent.wait(10) == -signal.SIGTERM
        assert not folder.exists()
    finally:
        agent.kill()
        agent.wait()


# --- ngrok ------------------------------------------------------------------------------------------------------------


def test_an_agent_is_told_with_its_version_and_place(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.env["PATH"] = ""
    assert told(cli, "ngrok")[0] == "warn"
    agent = install(tmp_path / "ngrok", cli)
    result, text = told(cli, "ngrok")
    assert (result, str(agent.program) in text) == ("ok", True)
    monkeypatch.setenv("STAND_IN_VERSION", "3.9.0")
    result, text = told(cli, "ngrok")
    assert (result, "3.9" in text, "older than 3.30" in text) == ("warn", True, True)
    monkeypatch.setenv("STAND_IN_VERSION", "2.3.40")
    assert told(cli, "ngrok")[0] == "fail"
    monkeypatch.setenv("STAND_IN_FAULTS", "version-nonsense")
    assert "is not the ngrok agent" in told(cli, "ngrok")[1]


def test_pyngrok_s_own_script_is_no_agent(cli: Cli, tmp_path: Path) -> None:
    script = tmp_path / "ngrok"
    script.write_text("#!/usr/bin/python3\nfrom pyngrok.ngrok import main\nmain()\n")
    script.chmod(0o755)
    cli.env["PATH"] = str(tmp_path)
    assert told(cli, "ngrok")[0] == "warn"
    cli.env["PYNGROK_NGROK_PATH"] = str(tmp_path / "gone")
    assert told(cli, "ngrok")[0] == "fail"


def test_a_token_is_present_or_not(cli: Cli) -> None:
    assert told(cli, "ngrok_token")[0] == "warn"
    file = home(cli) / ".config" / "ngrok" / "ngrok.yml"
    file.parent.mkdir(parents=True)
    file.write_text("version: 2\nauthtoken: 2abcDEFghi\n")
    assert told(cli, "ngrok_token") == ("ok", f"present, {file} ")
    cli.env["NGROK_AUTHTOKEN"] = "2abcDEFghi_2"
    assert told(cli, "ngrok_token") == ("ok", "present, NGROK_AUTHTOKEN ")
    cli.env["NGROK_AUTHTOKEN"] = "2abcDEFghi_2 "
    assert told(cli, "ngrok_token")[0] == "fail"
    del cli.env["NGROK_AUTHTOKEN"]
    file.write_text("a: [")
    result, text = told(cli, "ngrok_token")
    assert (result, "not valid YAML" in text) == ("fail", True)
