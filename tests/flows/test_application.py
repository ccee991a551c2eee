"""An app that is started for a run: it is waited for, its output kept, and everything of it ended whatever happens."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from hookctl.errors import ExitCode, InputError
from hookctl.flows import application as application_module
from hookctl.flows.application import TAIL_LINES, Application, ApplicationError
from hookctl.runtime import Output, Runtime
from tests.cli.processes import line_of, under_way
from tests.cli.recorder import unused_port
from tests.delivery import faults
from tests.delivery.faults import serve
from tests.ended import has_ended, pids_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.harness import Cli


def runtime(folder: Path, **env: str) -> Runtime:
    out = Output(io.TextIOWrapper(io.BytesIO()), "standard output")
    return Runtime(
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **env}, cwd=folder, stdin=io.BytesIO(), out=out, err=out
    )


def wait_for(application: Application, answers: Callable[[], bool], timeout_s: float = 10.0) -> list[str]:
    return [one.text for one in application.wait_for("http://localhost:1/", answers, timeout_s)]


def until_over(application: Application) -> str:
    """Wait until an app has ended by itself, and return what is said of it."""
    with pytest.raises(ApplicationError) as refusal:
        wait_for(application, lambda: False)
    return refusal.value.message


# --- ending it -------------------------------------------------------------------------------------------------------

# the shell, a child, and a grandchild whose parent has gone
_FAMILY = "echo $$ >> pids; sleep 300 & echo $! >> pids; (sleep 300 & echo $! >> pids); wait"
# who ignores SIGTERM, as children inherit it
_STUBBORN = f"trap '' TERM; {_FAMILY}"


def test_everything_it_has_started_ends_with_it(tmp_path: Path) -> None:
    with Application(_FAMILY, runtime(tmp_path)):
        pids = pids_in(tmp_path / "pids", 3)
        assert not any(has_ended(pid, within_s=0) for pid in pids)
        began_s = time.monotonic()
    # it ends when it is asked to; where nobody reaps orphans they are waited for in vain
    assert time.monotonic() - began_s < application_module.STOP_S + 2
    assert all(has_ended(pid, within_s=2) for pid in pids)


def test_an_app_is_asked_before_it_is_killed(tmp_path: Path) -> None:
    polite = "trap 'echo bye > said; exit 0' TERM; echo $$ >> pids; while :; do sleep 0.05; done"
    with Application(polite, runtime(tmp_path)):
        pids_in(tmp_path / "pids", 1)
    assert (tmp_path / "said").read_text() == "bye\n"


def test_an_app_that_does_not_listen_is_killed_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application_module, "STOP_S", 0.5)
    with Application(_STUBBORN, runtime(tmp_path)):
        pids = pids_in(tmp_path / "pids", 3)
        began_s = time.monotonic()
    assert 0.5 <= time.monotonic() - began_s < 5
    assert all(has_ended(pid, within_s=2) for pid in pids)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_it_ends_also_when_the_run_breaks_off(error: type[BaseException], tmp_path: Path) -> None:
    def run() -> None:
        with Application(_FAMILY, runtime(tmp_path)):
            pids_in(tmp_path / "pids", 3)
            raise error

    with pytest.raises(error):
        run()
    assert all(has_ended(pid, within_s=2) for pid in pids_in(tmp_path / "pids", 3))


def test_an_app_whose_first_process_ends_goes_on(tmp_path: Path) -> None:
    # as `npm start &` does, and servers that make themselves daemons
    tries = iter([False, False, True])
    with Application("sleep 300 & echo $! >> pids", runtime(tmp_path)) as application:
        pids = pids_in(tmp_path / "pids", 1)
        wait_for(application, lambda: next(tries))
        assert not has_ended(pids[0], within_s=0)
    assert has_ended(pids[0], within_s=2)


def test_a_watch_that_cannot_be_started_leaves_no_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = subprocess.Popen
    started: list[int] = []

    def start(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401 - Popen's own
        if started:
            raise OSError(11, "Resource temporarily unavailable")
        process: subprocess.Popen[bytes] = real(*arguments, **options)
        started.append(process.pid)
        return process

    monkeypatch.setattr(subprocess, "Popen", start)
    with (
        pytest.raises(ApplicationError, match="Resource temporarily unavailable"),
        Application("sleep 300", runtime(tmp_path)),
    ):
        pass
    assert has_ended(started[0], within_s=2)


def test_a_folder_that_has_gone_is_an_error_that_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    world = replace(runtime(tmp_path), cwd=folder)
    with pytest.raises(ApplicationError, match="cannot be started: No such file"), Application("true", world):
        pass


# --- waiting for it --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "how"),
    [
        ("exit 0", "exit code 0"),
        ("exit 3", "exit code 3"),
        ("no-such-command-anywhere", "exit code 127"),
        ("/dev/null", "exit code 126"),
        ("kill -9 $$", "signal 9"),
    ],
)
def test_an_app_that_ends_is_not_waited_for(command: str, how: str, tmp_path: Path) -> None:
    began_s = time.monotonic()
    with Application(command, runtime(tmp_path)) as application:
        assert until_over(application) == f"`{command}` has ended with {how}, and http://localhost:1/ does not answer"
    assert time.monotonic() - began_s < 5


def test_an_app_that_never_answers_is_given_up_with_a_hint(tmp_path: Path) -> None:
    with Application("sleep 300", runtime(tmp_path)) as application, pytest.raises(ApplicationError) as refusal:
        wait_for(application, lambda: False, timeout_s=0.3)
    assert refusal.value.exit_code is ExitCode.NETWORK
    assert "does not answer at http://localhost:1/ after 0.3 s" in refusal.value.message
    assert "--wait-for" in (refusal.value.hint or "")


def test_who_waits_is_told_what_for_and_that_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application_module, "_TOLD_EVERY_S", 0.1)
    tries = iter([False] * 6 + [True])
    with Application("sleep 300", runtime(tmp_path)) as application:
        first, *more = wait_for(application, lambda: next(tries), timeout_s=60)
    assert first == "started `sleep 300`, waiting up to 60 s for http://localhost:1/"
    assert more
    assert all(text.startswith("still waiting for http://localhost:1/, ") for text in more)


# --- its log ---------------------------------------------------------------------------------------------------------


def test_both_outputs_are_kept_for_the_user_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with Application("echo out; echo err >&2; echo $WHO; pwd", runtime(tmp_path, WHO="me")) as application:
            until_over(application)
    finally:
        os.umask(before)
    assert application.tail() == ["out", "err", "me", str(tmp_path)]
    assert application.log.is_relative_to(tmp_path / ".local/state/hookctl/logs")
    assert application.log.stat().st_mode & 0o777 == 0o600
    assert application.log.parent.stat().st_mode & 0o777 == 0o700


def test_an_app_has_no_input_to_wait_for(tmp_path: Path) -> None:
    with Application("cat; echo end", runtime(tmp_path)) as application:
        until_over(application)
    assert application.tail() == ["end"]


def test_of_a_long_log_the_end_is_shown(tmp_path: Path) -> None:
    with Application("seq 1 100000", runtime(tmp_path)) as application:
        until_over(application)
    assert application.tail() == [str(number) for number in range(100_001 - TAIL_LINES, 100_001)]
    assert len(application.log.read_text().splitlines()) == 100_000


def test_a_line_without_end_does_not_fill_the_screen(tmp_path: Path) -> None:
    with Application("head -c 1000000 /dev/zero | tr '\\0' x", runtime(tmp_path)) as application:
        until_over(application)
    assert [len(line) for line in application.tail()] == [16 * 1024]


def test_bytes_that_are_no_text_are_shown_as_what_they_are(tmp_path: Path) -> None:
    with Application("printf 'a\\377b\\303\\251\\n'", runtime(tmp_path)) as application:
        until_over(application)
    assert application.tail() == ["a\\xffb\u00e9"]
    application.log.unlink()
    assert application.tail() == []


def test_of_old_logs_twenty_are_kept(tmp_path: Path) -> None:
    world = runtime(tmp_path)
    logs = []
    for number in range(23):
        then = replace(world, now_ms=partial(int, 1_700_000_000_000 + number))
        with Application("true", then) as application:
            logs.append(application.log)
    strange = logs[0].parent / "mine.txt"
    strange.write_text("not a log of an app")
    with Application("true", world):
        pass
    kept = sorted(logs[0].parent.glob("app-*.log"))
    assert len(kept) == 20
    assert kept[:-1] == logs[4:]
    assert strange.exists()


def test_without_a_home_there_is_no_place_for_a_log(tmp_path: Path) -> None:
    world = runtime(tmp_path, HOME="")
    with pytest.raises(InputError, match="HOME is not set"):
        Application("true", world)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    with pytest.raises(InputError, match="cannot make the folder for the app's log"):
        Application("true", runtime(tmp_path, XDG_STATE_HOME=str(tmp_path / "state")))


def test_a_link_that_lies_where_the_log_goes_is_not_followed(tmp_path: Path) -> None:
    application = Application("echo overwritten", runtime(tmp_path))
    victim = tmp_path / "victim"
    victim.write_text("mine")
    application.log.symlink_to(victim)
    with pytest.raises(InputError, match="cannot write the app's log"), application:
        pass
    assert victim.read_text() == "mine"


# --- as users run it -------------------------------------------------------------------------------------------------

# answers 503 for a while where it is asked to, takes a delivery, says so, and never answers it
_APP = """
import pathlib, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
late = int(sys.argv[2])
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        global late
        late -= 1
        self.send_response(503 if late >= 0 else 404)
        self.end_headers()
    def do_POST(self):
        pathlib.Path("got").touch()
        time.sleep(300)
ThreadingHTTPServer.daemon_threads = True
print("\\x1b[31mserving\\x1b[0m", flush=True)
time.sleep(0.3)
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def _app(cli: Cli, port: int, late: int = 0) -> str:
    (cli.folder / "app.py").write_text(_APP)
    return f"echo $$ >> pids; '{sys.executable}' app.py {port} {late} & echo $! >> pids; wait"


def _until(there: Callable[[], bool]) -> None:
    until_s = time.monotonic() + 30
    while not there():
        assert time.monotonic() < until_s
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, ExitCode.INTERRUPTED),
        (signal.SIGTERM, -signal.SIGTERM),
        (signal.SIGHUP, -signal.SIGHUP),
        (signal.SIGKILL, -signal.SIGKILL),
    ],
)
def test_however_hookctl_ends_nothing_of_the_app_is_left(number: signal.Signals, code: int, cli: Cli) -> None:
    port = unused_port()
    url = f"http://127.0.0.1:{port}/api/webhooks/arky"
    command = ("check", url, "--start", _app(cli, port, late=2))
    with under_way(cli.with_secrets(), *command) as process:
        pids = pids_in(cli.folder / "pids", 2)
        _until((cli.folder / "got").exists)
        assert not any(has_ended(pid, within_s=0) for pid in pids)
        process.send_signal(number)
        assert process.wait(20) == code
        assert all(has_ended(pid) for pid in pids)


def test_a_signal_while_the_app_is_waited_for_ends_it_too(cli: Cli) -> None:
    url = f"http://127.0.0.1:{unused_port()}/api/webhooks/arky"
    with under_way(cli.with_secrets(), "check", url, "--start", _FAMILY) as process:
        pids = pids_in(cli.folder / "pids", 3)
        assert "waiting up to 60 s" in line_of(process, "stderr")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == ExitCode.INTERRUPTED
        assert all(has_ended(pid) for pid in pids)


def test_a_stubborn_app_is_ended_after_a_kill_too(cli: Cli) -> None:
    url = f"http://127.0.0.1:{unused_port()}/api/webhooks/arky"
    with under_way(cli.with_secrets(), "check", url, "--start", _STUBBORN) as process:
        pids = pids_in(cli.folder / "pids", 3)
        assert "waiting up to 60 s" in line_of(process, "stderr")
        process.kill()
        process.wait(20)
        assert all(has_ended(pid) for pid in pids)


def test_something_that_answers_already_is_not_taken_for_the_app(cli: Cli) -> None:
    with serve(faults.reply(404)) as server:
        url = f"http://127.0.0.1:{server.port}/api/webhooks/arky"
        result = cli.with_secrets()("check", url, "--start", "touch started")
    assert result.code == ExitCode.INPUT
    assert f"something answers at {url} already" in result.err
    assert not (cli.folder / "started").exists()


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("echo 'it broke \\033[2J'; exit 3", "has ended with exit code 3"),
        ("no-such-command-anywhere", "has ended with exit code 127"),
        ("echo '\\033[2Jup'; sleep 300", "does not answer at"),
    ],
)
def test_an_app_that_does_not_start_ends_in_4_with_the_end_of_its_log(command: str, told: str, cli: Cli) -> None:
    url = f"http://127.0.0.1:{unused_port()}/api/webhooks/arky"
    result = cli.with_secrets()("check", url, "--start", command, "--start-timeout", "0.5")
    assert result.code == ExitCode.NETWORK
    assert told in result.err
    assert "the app's log is " in result.err
    assert "\x1b[2J" not in result.err
