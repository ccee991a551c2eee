"""The action does what its page says: it tells GitHub the truth, once, and nothing that a receiver says is obeyed."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml  # type: ignore[import-untyped]  # its types are another package

from tests.action.runner import ROOT, Runner, key_of_cache, prepared
from tests.cli.processes import under_way
from tests.cli.recorder import always, recording, unused_port
from tests.cli.signed import archive, forged, genuine
from tests.harness import ARKY_SECRET
from tests.receivers.launch import PROGRAMS, running

if TYPE_CHECKING:
    from tests.cli.recorder import Received
    from tests.harness import Cli

ARKY = next(program for program in PROGRAMS if program.provider == "arky")
HOSTILE = (
    b"::error::pwned\n##[error]pwned\r::set-output name=verdict::passed\n::stop-commands::x\n::add-mask::a\n"
    b"%0A::warning::pwned\nEOF\n| x | <script>y</script> `z`\nerror: pwned\nverdict=passed\n"
)


def test_a_right_receiver_is_told_to_be_right(runner: Runner) -> None:
    with running(ARKY, ARKY_SECRET) as receiver:
        step = runner.uses(target=receiver.url, secret=ARKY_SECRET, args="--only\nvalid,sig-*", junit="out/junit.xml")
    assert (step.code, step.commands) == (0, []), step.text
    assert (step.outputs["verdict"], step.outputs["exit-code"], step.outputs["failed"]) == ("passed", "0", "0")
    assert int(step.outputs["passed"]) > 5
    assert Path(step.outputs["report-junit"]) == runner.workspace / "out" / "junit.xml"
    assert Path(step.outputs["report-junit"]).is_file()
    assert "hookctl check: right&#58;" in step.summary
    # in the order in which it was written
    assert "right: " in step.text


@pytest.mark.parametrize("command", ["check", "send"])
def test_a_wrong_one_is_told_once_and_nothing_that_it_answers_is_obeyed(runner: Runner, command: str) -> None:
    with recording(always(500, HOSTILE + ARKY_SECRET.encode())) as recorder:
        inputs = {"check": {"provider": "arky"}, "send": {"args": "order.paid\n-v"}}[command]
        step = runner.uses(command=command, target=recorder.base, secret=ARKY_SECRET, **inputs)
    assert step.code == {"check": 6, "send": 1}[command]
    (annotation,) = step.commands
    assert annotation.name == "error"
    assert annotation.properties["title"].startswith(f"hookctl {command}: ")
    assert "answered 500" in annotation.data
    assert step.outputs["verdict"] == {"check": "inconclusive", "send": "failed"}[command]
    assert step.outputs["exit-code"] == str(step.code)
    assert step.masks == [ARKY_SECRET]
    assert "<script>" not in step.summary
    # known to the mask alone
    assert step.text.count(ARKY_SECRET) == 1
    assert ARKY_SECRET not in step.summary + json.dumps(step.outputs)


def test_a_receiver_that_is_not_there_is_4(runner: Runner) -> None:
    step = runner.uses(target="http://127.0.0.1:1/x", provider="arky", secret=ARKY_SECRET)
    assert (step.code, step.outputs["exit-code"], step.outputs["verdict"]) == (4, "4", "error")
    assert [one.name for one in step.commands] == ["error"]


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"args": "--onyl\nvalid"}, "--onyl"),
        ({"command": "chekc"}, "chekc"),
        ({"command": "check; id"}, "the input command is one word"),
        ({"command": "--help"}, "the input command is one word"),
        ({"command": ""}, "the input command is one word"),
        ({"command": "events", "target": "3000"}, "target is for check and send"),
        ({"target": "--start=id"}, "target is a URL or a port"),
        ({"command": "events", "junit": "x.xml"}, "for a run of send, verify or check"),
        ({"args": "--list", "json": "x.json"}, "for a run of send, verify or check"),
        ({"wait_for": "http://localhost:1"}, "goes with start"),
        ({"command": "listen", "start": "true"}, "needs wait-for"),
        ({"command": "listen", "start": "true", "wait_for": "localhost:1"}, "wait-for is no URL"),
        ({"secret": "x", "secret_variable": "A=B;"}, "not the name of a variable"),
    ],
)
def test_a_step_that_is_wrong_is_2_and_one_annotation(runner: Runner, inputs: dict[str, str], said: str) -> None:
    step = runner.uses(**inputs)
    assert step.code == 2, step.text
    (annotation,) = step.commands
    assert said in annotation.properties["title"]
    assert (step.outputs["verdict"], step.outputs["exit-code"]) == ("error", "2")
    assert said.split(maxsplit=1)[0] in step.summary.replace("&#45;", "-")


def test_an_error_that_hookctl_tells_is_not_told_twice(runner: Runner) -> None:
    step = runner.uses(target="nowhere", secret=ARKY_SECRET)
    assert step.code == 3
    (annotation,) = step.commands
    assert "unknown endpoint 'nowhere'" in annotation.properties["title"]


@pytest.mark.parametrize("command", ["events", "doctor"])
def test_any_command_may_be_run(runner: Runner, command: str) -> None:
    step = runner.uses(command=command, args="--format\njson")
    assert step.outputs["exit-code"] == str(step.code)
    assert [one.name for one in step.commands] == (["error"] if step.code else [])
    assert f"hookctl {command}" in step.summary


def test_arguments_arrive_as_they_stand(runner: Runner) -> None:
    told = "--set\r\ndata.order.customer.firstName=$(id) `id` \"a' *\r\n\n--dry-run\n--format\nhttp"
    step = runner.uses(command="send", args=f"order.paid\n{told}", secret=ARKY_SECRET)
    assert (step.code, step.commands) == (0, [])
    assert """"firstName":"$(id) `id` \\"a' *\"""" in step.text


def test_captures_are_verified_where_the_step_runs(runner: Runner) -> None:
    folder = runner.workspace / "sub folder"
    folder.mkdir()
    (folder / "deliveries").write_bytes(archive(genuine(1), forged(2)))
    step = runner.uses(
        command="verify",
        args="deliveries",
        secret="another",
        previous_secret=ARKY_SECRET,
        working_directory="sub folder",
        json="report.json",
    )
    assert (step.code, step.outputs["passed"], step.outputs["failed"]) == (1, "1", "1")
    assert json.loads((folder / "report.json").read_text())["summary"]["valid"] == 1
    assert step.masks == ["another", ARKY_SECRET]


_APP = """
import os, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
class App(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(404)
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.answer(200 if os.environ.get("ARKY_WEBHOOK_SECRET") == "from the app's side" else 401)
    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()
    def log_message(self, *_):
        print("the app was asked", flush=True)
time.sleep(0.3)
HTTPServer(("127.0.0.1", int(sys.argv[1])), App).serve_forever()
"""


def app(runner: Runner, port: int) -> str:
    """Return the command line of an app, which takes the secret from its environment."""
    (runner.workspace / "app.py").write_text(_APP)
    return f"python3 app.py {port} & wait"


def is_free(port: int) -> bool:
    """Return whether nothing listens on a port."""
    import socket

    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize("wait_for", [True, False])
@pytest.mark.parametrize("command", ["check", "send"])
def test_an_app_is_started_and_ended(runner: Runner, command: str, wait_for: bool) -> None:
    port = unused_port()
    base = f"http://127.0.0.1:{port}"
    inputs = {"check": {"args": "--only\nvalid"}, "send": {"args": "order.paid"}}[command]
    if wait_for:
        inputs["wait_for"] = f"{base}/ready"
    # the provider, since the path tells none
    step = runner.uses(
        command=command,
        target=f"{base}/hook",
        start=app(runner, port),
        provider="arky",
        secret="from the app's side",
        **inputs,
    )
    assert (step.code, step.commands) == (0, []), step.text
    assert is_free(port)


@pytest.mark.parametrize("command", ["check", "listen"])
def test_an_app_that_does_not_start_is_told_with_its_log(runner: Runner, command: str) -> None:
    url = f"http://127.0.0.1:{unused_port()}/hook"
    step = runner.uses(
        command=command,
        start="echo the reason; echo ::error::pwned; exit 3",
        wait_for=url,
        secret="x",
        **({"target": url, "provider": "arky"} if command == "check" else {"args": "--until\n1"}),
    )
    assert step.code == 4
    assert [one.name for one in step.commands] == ["error"]
    assert "has ended" in step.commands[0].properties["title"]


def test_an_app_that_runs_already_is_not_taken_for_the_one_that_is_started(runner: Runner) -> None:
    with recording(always(200, b"")) as recorder:
        inputs = {"target": recorder.base, "start": "true", "wait_for": recorder.base, "args": "order.paid"}
        step = runner.uses(command="send", secret="x", **inputs)
        assert [one.header("x-arky-signature") for one in recorder.requests] == [None]
    assert step.code == 3
    (annotation,) = step.commands
    assert "something answers" in annotation.properties["title"]


def test_how_long_an_app_is_waited_for_is_the_step_s_to_say(runner: Runner) -> None:
    url = f"http://127.0.0.1:{unused_port()}/hook"
    began = time.monotonic()
    step = runner.uses(command="send", target=url, start="sleep 120", args="order.paid\n--wait\n0.1", secret="x")
    assert step.code == 4, step.text
    # of the minute that is waited for otherwise
    assert time.monotonic() - began < 50


@pytest.mark.parametrize(
    ("event", "provider"),
    [("order.paid", ""), ("formSubmission.created", "arcade"), ("push", str(ROOT / "examples/providers/github"))],
)
def test_the_secret_goes_where_its_provider_s_belongs(runner: Runner, event: str, provider: str) -> None:
    step = runner.uses(
        command="send",
        provider=provider,
        args=f"{event}\n--to\nhttp://localhost:3000/hook\n--dry-run",
        secret="of them all",
    )
    assert (step.code, step.commands) == (0, []), step.text


def test_the_secret_goes_where_that_of_the_configured_provider_belongs(runner: Runner) -> None:
    (runner.workspace / "hookctl.toml").write_text('provider = "arcade"\n')
    url = "http://localhost:3000/hook"
    step = runner.uses(command="send", target=url, args="--all\n--dry-run", secret="x")
    assert (step.code, step.commands) == (0, []), step.text


def test_a_provider_that_there_is_none_of_is_told_by_the_command(runner: Runner) -> None:
    step = runner.uses(command="send", provider="arkade", args="order.paid\n--to\n3000", secret="x")
    assert step.code == 3
    (annotation,) = step.commands
    assert "unknown provider 'arkade'" in annotation.properties["title"]


@pytest.mark.parametrize("end", ["", "\\n", "\\r", "\\0"])
def test_the_annotation_is_heard_whatever_the_output_ends_with(runner: Runner, end: str) -> None:
    said = rf"::error::pwned\n\033[31merror:\033[0m the reason\n::x{end}"
    program = runner.temp / "hookctl" / "bin" / "hookctl"
    program.write_text(f"#!/bin/sh\n[ \"$1\" = --version ] || {{ printf '{said}'; exit 9; }}\n")
    step = runner.uses(command="deliveries")
    assert (step.code, step.outputs["exit-code"]) == (9, "9")
    (annotation,) = step.commands
    # found in colours, too, for which a job may have asked
    assert annotation.properties["title"] == "hookctl deliveries: the reason"


def log_programs(runner: Runner) -> Path:
    """Have the programs that scripts usually call write down how they are called, and return where."""
    log, programs = runner.folder / "called", runner.folder / "programs"
    programs.mkdir()
    names = "awk base64 bash cat cut date env expr grep head mkdir mktemp mv od rm sed seq sh sleep sort tail tee tr wc"
    for name in [*names.split(), "xargs"]:
        real = shutil.which(name)
        assert real, name
        # by bash itself, which calls nothing for that
        (programs / name).write_text(f'#!/bin/bash\nprintf "%s\\n" "{name}" "$@" >>"{log}"\nexec {real} "$@"\n')
        (programs / name).chmod(0o755)
    runner.path = os.pathsep.join([str(programs), runner.path])
    return log


def test_the_secret_is_in_no_command_line(runner: Runner) -> None:
    secret = "whsec_that_nobody_may_see"
    called = log_programs(runner)
    seen: list[bytes] = []

    def look(_: int, __: Received) -> tuple[int, bytes]:
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                seen.append(file.read_bytes())
            except OSError:
                # it has ended meanwhile
                continue
        return 200, b""

    with recording(look) as recorder:
        step = runner.uses(command="send", target=recorder.base, args="order.paid", secret=secret)
    assert step.code == 0
    # of those that are gone before anything is sent
    assert {"mktemp", "tee", "rm"} <= set(called.read_text().splitlines())
    assert secret not in called.read_text()
    # while hookctl was under way
    assert [line for line in seen if b"hookctl" in line and b"order.paid" in line]
    assert not [line for line in seen if secret.encode() in line]


def test_of_a_secret_with_several_lines_each_is_masked(runner: Runner) -> None:
    step = runner.uses(command="events", args="show\norder.paid", secret="one%0A\n\n  two \r\n")
    assert step.code == 0
    assert step.masks == ["one%0A", "  two \r"]


def test_what_an_app_says_to_another_command_is_not_obeyed(runner: Runner, cli: Cli) -> None:
    with recording(always(500, HOSTILE)) as recorder:
        port = unused_port()
        arguments = ("send", "order.paid", "--to", f"http://127.0.0.1:{port}/hook", "--wait", "30", "--expect", "500")
        with under_way(cli.with_secrets(), *arguments) as sender:
            listen = ["--port", str(port), "--until", "1", "--timeout", "30", "-v", "--forward-to", recorder.base]
            step = runner.uses(command="listen", args="\n".join(listen), secret="another")
            assert sender.wait(30) == 0
    # as it came: nothing guards the output of such a command but that commands are stopped meanwhile
    assert "##[error]pwned" in step.text
    assert (step.code, step.commands) == (0, [])
    assert "pwned" not in step.summary


# where it comes from


def test_the_key_of_the_cache_changes_with_what_is_installed_and_where(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    left_out = shutil.ignore_patterns(".*", "node_modules", "tests", "docs", "__pycache__")
    shutil.copytree(ROOT, checkout, ignore=left_out)
    runner = Runner(tmp_path / "one", checkout=checkout)
    first = key_of_cache(runner)
    assert first == key_of_cache(runner)
    (checkout / "src" / "hookctl" / "__pycache__").mkdir()
    (checkout / "src" / "hookctl" / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert key_of_cache(runner) == first
    keys = {first, key_of_cache(Runner(tmp_path / "two", checkout=checkout))}
    for name in ("src/hookctl/model/x.py", "requirements/runtime.txt", "fixtures/arky/provider.toml"):
        with (checkout / name).open("a") as file:
            file.write("\n")
        keys.add(key_of_cache(runner))
    assert len(keys) == 5


def test_what_another_commit_of_it_has_installed_is_not_run(runner: Runner) -> None:
    home = runner.temp / "hookctl"
    assert (prepared(runner)["ready"], home.exists()) == ("true", True)
    (runner.temp / "hookctl.from").write_text("/actions/OWNER/hookctl/another\n")
    assert (prepared(runner)["ready"], home.exists()) == ("false", False)


def test_that_it_cannot_be_installed_is_told(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT / "action", checkout / "action")
    # and nothing of what would be installed
    shutil.copy(ROOT / "action.yml", checkout)
    runner = Runner(tmp_path / "runner", checkout=checkout)
    step = runner.uses()
    assert step.code != 0
    (annotation,) = step.commands
    assert "cannot be installed" in annotation.data
    assert not list(runner.temp.glob("hookctl-source*"))


@pytest.mark.parametrize(("name", "said"), [("python3.9", "no Python 3.11 or newer"), ("false", "no Python 3.11")])
def test_a_python_that_is_none_or_too_old_is_told(runner: Runner, name: str, said: str) -> None:
    program = runner.folder / "python3.9"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    step = runner.uses(python=str(program) if name == "python3.9" else name)
    assert step.code == 1
    (annotation,) = step.commands
    assert said in annotation.data


def test_where_there_is_no_python_the_way_to_one_is_told(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "bash").symlink_to(shutil.which("bash") or "")
    step = Runner(tmp_path / "runner", path=str(programs)).uses()
    assert step.code == 1
    assert "actions/setup-python" in step.commands[0].data


# its page


def test_its_page_names_every_input_and_output_and_no_other() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    text = (ROOT / "docs" / "github-action.md").read_text(encoding="utf-8")
    for heading, known in (("## Inputs", action["inputs"]), ("## Outputs", action["outputs"])):
        section = text.split(heading)[1].split("\n## ")[0]
        rows = re.findall(r"^\| ((?:`[a-z-]+`(?:, )?)+) \|", section, re.MULTILINE)
        assert {name for row in rows for name in re.findall(r"`([a-z-]+)`", row)} == set(known)
