"""Which modules each command loads: start-up time is a feature, and modules, unlike milliseconds, do not flicker."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from hookctl.catalogue.location import fixtures_root
from tests.cli.listening import listening
from tests.cli.recorder import recording, unused_port
from tests.cli.signed import BODY, IN_FORM, archive, arky, genuine, http
from tests.vendors.business import ACCOUNT, TOKEN, Business, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hookctl.captures.form import Form
    from tests.cli.recorder import Recorder
    from tests.harness import Cli

# Runs a command as `python -m hookctl` does and says on the last line of standard error how it ended and what it has
# loaded. None in sys.modules is a module that was kept out, not one that is there.
_RUN = """
import sys
from hookctl.cli.main import main
code = main(sys.argv[1:])
loaded = sorted(name for name, module in sys.modules.items() if module is not None)
sys.stderr.write("\\n" + " ".join([str(code), *loaded]))
"""

# As above, but counts the TLS contexts that are made, whoever makes them.
_COUNT_TLS = """
import ssl, sys
made = []
original = ssl.SSLContext.__new__
def counted(cls, *arguments, **options):
    made.append(cls)
    return original(cls, *arguments, **options)
ssl.SSLContext.__new__ = counted
from hookctl.cli.main import main
code = main(sys.argv[1:])
sys.stderr.write(f"\\n{code} {len(made)}")
"""

NETWORK = {"httpx", "httpcore", "h11", "anyio", "certifi", "ssl", "email"}
NEVER_IN_A_SHORT_COMMAND = {
    *("rich", "pyngrok", "watchfiles", "asyncio", "uvloop", "httptools", "sqlite3", "jsonschema_rs", "dotenv", "click"),
    *("starlette", "uvicorn"),
    *NETWORK,
}


@dataclass(frozen=True)
class Load:
    """How a run ended, and the modules that it had loaded."""

    code: int
    modules: frozenset[str]


def run(cli: Cli, script: str, *arguments: str, env: Mapping[str, str | None] | None = None) -> list[str]:
    """Run a script with arguments and return the words of its last line of standard error."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=cli.folder,
        env=cli.environment(env),
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr.rpartition("\n")[2].split()


def load(cli: Cli, *arguments: str, env: Mapping[str, str | None] | None = None) -> Load:
    """Run hookctl and return what it has loaded."""
    code, *modules = run(cli, _RUN, *arguments, env=env)
    return Load(int(code), frozenset(modules))


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    with recording() as running:
        yield running


def test_the_version_loads_next_to_nothing(cli: Cli) -> None:
    result = load(cli, "--version")
    assert result.code == 0
    assert not result.modules & {*NEVER_IN_A_SHORT_COMMAND, "typer", "tomllib", "json", "dataclasses", "pathlib"}
    # the interpreter's own start is some fifty modules
    assert {name for name in result.modules if name.startswith("hookctl")} == {
        *("hookctl", "hookctl.cli", "hookctl.cli.main", "hookctl.errors")
    }


SHORT = [
    ["--help"],
    ["-h"],
    ["events", "--help"],
    ["send", "--help"],
    ["demo", "--help"],
    ["listen", "--help"],
    ["sandbox", "--help"],
    ["tunnel", "--help"],
    ["verify", "--help"],
    ["webhook", "--help"],
    ["webhook", "set", "--help"],
    ["webhook", "show", "--provider", "arcade"],
    ["webhook", "restore"],
    ["check", "--help"],
    ["check", "--list"],
    ["check", "--list", "--format", "ndjson", "--only", "sig-*"],
    ["init", "--help"],
    ["init", "--dry-run"],
    ["init"],
    ["doctor", "--help"],
    ["config", "--help"],
    ["config", "show", "--format", "json"],
    ["events"],
    ["events", "list", "--format", "json"],
    ["events", "show", "order.paid"],
    ["events", "schema", "formSubmission.created"],
    ["--version", "--help"],
]


@pytest.mark.parametrize("arguments", SHORT, ids=" ".join)
def test_a_command_that_only_shows_something_loads_no_slow_library(cli: Cli, arguments: list[str]) -> None:
    result = load(cli, *arguments)
    assert result.code == 0
    assert not result.modules & NEVER_IN_A_SHORT_COMMAND
    assert not {name for name in result.modules if name.startswith("hookctl.receiver")}


FAILING = [
    (["send", "order.padi"], 3),
    (["send", "order.paid", "--to", "nowhere"], 3),
    (["send", "order.paid", "--secret-file", "missing"], 3),
    (["send", "order.paid", "--dryrun"], 2),
    (["send"], 2),
    (["sned"], 2),
    (["events", "show", "order.padi"], 3),
    (["tunnel", "--public-url", "https://a.example", "--domain", "b.example"], 2),
    (["webhook", "set", "--url", "https://example.com/"], 2),
    (["webhook", "test"], 2),
    (["webhook", "show", "--business", "a/b"], 3),
    (["webhook", "show", "--dialect", "setings", "--business", "biz_1"], 3),
    (["check"], 2),
    (["check", "3000", "--only", "sig-prefx"], 3),
    (["check", "https://receiver.example/"], 3),
    (["check", "3000", "--probe-pointer", "/count"], 2),
]


@pytest.mark.parametrize(("arguments", "code"), FAILING, ids=[" ".join(arguments) for arguments, _ in FAILING])
def test_an_error_loads_no_slow_library(cli: Cli, arguments: list[str], code: int) -> None:
    result = load(cli.with_secrets(), *arguments)
    assert result.code == code
    assert not result.modules & NEVER_IN_A_SHORT_COMMAND


def test_a_send_that_fails_for_want_of_a_secret_loads_no_slow_library(cli: Cli) -> None:
    result = load(cli, "send", "order.paid")
    assert result.code == 3
    assert not result.modules & NEVER_IN_A_SHORT_COMMAND


@pytest.mark.parametrize("form", ["text", "json", "ndjson", "curl", "http"])
def test_a_dry_run_loads_no_slow_library(cli: Cli, form: str) -> None:
    arguments = ("send", "order.*", "--seed", "1", "--at", "1704067200", "--tamper", "body")
    result = load(cli.with_secrets(), *arguments, "--dry-run", "--format", form)
    assert result.code == 0
    assert not result.modules & NEVER_IN_A_SHORT_COMMAND


@pytest.mark.parametrize("form", ["text", "json", "ndjson"])
def test_a_send_loads_the_http_library_and_no_other_slow_one(cli: Cli, recorder: Recorder, form: str) -> None:
    arguments = ("send", "order.paid", "--to", f"{recorder.base}/hook", "--format", form)
    result = load(cli.with_secrets(), *arguments)
    assert result.code == 0
    assert "httpx" in result.modules
    assert not result.modules & (NEVER_IN_A_SHORT_COMMAND - NETWORK)


@pytest.mark.parametrize(
    "arguments", [["show"], ["set", "--url", "https://example.com/", "--yes"], ["test", "order.paid"]]
)
def test_an_api_is_spoken_to_with_the_http_library_and_no_other_slow_one(cli: Cli, arguments: list[str]) -> None:
    with running(Business()) as api:
        variables = {"ARKY_TOKEN": TOKEN, "ARKY_BUSINESS_ID": ACCOUNT, "ARKY_BASE_URL": api.base}
        result = load(cli, "webhook", *arguments, env=variables)
    assert result.code == 0
    assert "httpx" in result.modules
    assert not result.modules & (NEVER_IN_A_SHORT_COMMAND - NETWORK)


def test_doctor_loads_a_library_only_where_there_is_something_to_ask_with_it(cli: Cli, recorder: Recorder) -> None:
    # connecting is done below the HTTP library, and nothing was received or is to be asked
    result = load(cli.with_secrets(), "doctor", env={"HOOKCTL_TO": recorder.base})
    assert result.code == 0
    slow = NEVER_IN_A_SHORT_COMMAND - NETWORK
    assert not result.modules & slow
    assert not {name for name in result.modules if name.startswith("hookctl.receiver")}


def test_what_describes_an_api_is_read_only_where_one_is_spoken_to(cli: Cli) -> None:
    described = {"hookctl.model.api", "hookctl.catalogue.administration"}
    assert not load(cli.with_secrets(), "send", "order.paid", "--dry-run").modules & described
    assert load(cli, "webhook", "restore").modules >= described


@pytest.mark.parametrize("form", ["text", "ndjson"])
def test_a_listener_loads_what_it_receives_with_and_no_client(cli: Cli, form: str) -> None:
    arguments = ("listen", "--port", "0", "--timeout", "0", "--format", form)
    result = load(cli.with_secrets(), *arguments)
    # it timed out
    assert result.code == 1
    assert result.modules >= {"asyncio", "httptools", "sqlite3"}
    client = {"httpx", "httpcore", "h11", "anyio", "certifi"}
    unwanted = {"rich", "pyngrok", "watchfiles", "jsonschema_rs", "dotenv", "click", "starlette", *client}
    assert not result.modules & unwanted
    forwarding = load(cli.with_secrets(), *arguments, "--forward-to", "3000")
    assert forwarding.modules >= {"httpx", "httpcore"}


@pytest.mark.parametrize("form", ["text", "json", "ndjson"])
def test_a_check_loads_connections_and_no_client(cli: Cli, recorder: Recorder, form: str) -> None:
    arguments = ("check", f"{recorder.base}/hook", "--provider", "arky", "--only", "sig-missing", "--format", form)
    result = load(cli.with_secrets(), *arguments)
    # the recorder accepts everything
    assert result.code == 1
    assert result.modules >= {"httpcore", "h11"}
    assert not result.modules & (NEVER_IN_A_SHORT_COMMAND - NETWORK)
    assert not result.modules & {"httpx", "hookctl.flows.application"}


def test_a_tunnel_of_the_user_s_own_loads_no_agent_and_no_settings_of_one(cli: Cli, recorder: Recorder) -> None:
    cli.env["XDG_STATE_HOME"] = str(cli.folder / "state")
    port = recorder.base.rpartition(":")[2]
    arguments = ("tunnel", recorder.base, "--public-url", "https://mine.example.com", "--port", port)
    result = load(cli.with_secrets(), *arguments)
    # its port is in use
    assert result.code == 3
    assert result.modules >= {"asyncio", "httptools", "httpx"}
    assert not result.modules & {
        "rich",
        "pyngrok",
        "yaml",
        "watchfiles",
        "jsonschema_rs",
        "dotenv",
        "click",
        "starlette",
    }


@pytest.mark.parametrize("mistake", [["--port", "x"], ["-v", "-q"], ["--secret", "x"], ["--retry", "1s"]], ids=" ".join)
def test_a_wrong_command_line_of_a_listener_loads_no_slow_library(cli: Cli, mistake: list[str]) -> None:
    result = load(cli, "listen", *mistake)
    assert result.code == 2
    assert not result.modules & NEVER_IN_A_SHORT_COMMAND


@pytest.mark.parametrize(
    "mistake", [["--port", "x"], ["-v", "-q"], ["--secret", "x"], ["--timeout", "0"], ["--dialect"]], ids=" ".join
)
def test_a_wrong_command_line_of_a_sandbox_loads_no_slow_library(cli: Cli, mistake: list[str]) -> None:
    result = load(cli, "sandbox", *mistake)
    assert result.code == 2
    assert not result.modules & NEVER_IN_A_SHORT_COMMAND


def test_a_sandbox_loads_the_web_framework_and_no_server_but_hookctls_own(cli: Cli) -> None:
    # it has all loaded before it finds that the port is taken
    with listening(cli, "--no-store") as listener:
        result = load(cli, "sandbox", "--port", str(listener.port))
    assert result.code == 3
    assert result.modules >= {"starlette", "asyncio", "httptools", "httpx"}
    assert not result.modules & {"uvicorn", "click", "rich", "pyngrok", "watchfiles", "jsonschema_rs", "sqlite3"}


def test_what_is_loaded_only_when_needed_is_loaded_then(cli: Cli) -> None:
    # were this not seen, the tests above could not fail
    edited = load(cli.with_secrets(), "send", "order.paid", "--set", "data.order.total=1", "--dry-run")
    assert edited.modules & NEVER_IN_A_SHORT_COMMAND >= {"jsonschema_rs"}
    (cli.folder / ".env").write_text("ARKY_WEBHOOK_SECRET=from the file\n")
    from_file = load(cli, "send", "order.paid", "--dry-run")
    assert (from_file.code, from_file.modules & NEVER_IN_A_SHORT_COMMAND) == (0, frozenset({"dotenv"}))


def test_the_demo_loads_what_it_shows_and_receives_with_and_nothing_else(cli: Cli) -> None:
    result = load(cli, "demo")
    assert result.code == 0
    assert result.modules >= {"rich", "asyncio", "httptools", "httpx"}
    assert not result.modules & {"pyngrok", "watchfiles", "jsonschema_rs", "dotenv", "click", "starlette"}


def test_no_tls_context_is_made_for_plain_http(cli: Cli, recorder: Recorder) -> None:
    assert run(cli.with_secrets(), _COUNT_TLS, "send", "order.paid", "--to", f"{recorder.base}/hook") == ["0", "0"]
    assert run(cli, _COUNT_TLS, "demo") == ["0", "0"]
    # one for https, however many deliveries: the count does count
    https = f"https://127.0.0.1:{unused_port()}/hook"
    assert run(cli.with_secrets(), _COUNT_TLS, "send", "order.*", "--to", https) == ["4", "1"]


# what a valid capture needs no part of: the network, other processes, what explains a failure
NOT_FOR_A_VALID_CAPTURE = {
    *("httpx", "httpcore", "ssl", "asyncio", "multiprocessing", "concurrent.futures", "rich", "junitparser"),
    *("hookctl.signing.diagnose", "hookctl.signing.changes", "hookctl.signing.reserialise", "dotenv", "click"),
}


@pytest.mark.parametrize("form", IN_FORM)
@pytest.mark.parametrize("output", ["text", "json", "ndjson"])
def test_one_valid_capture_is_judged_without_a_slow_library(cli: Cli, form: Form, output: str) -> None:
    body = (fixtures_root() / "arky" / "events" / "order.paid.json").read_bytes()
    (cli.folder / "capture").write_bytes(IN_FORM[form](arky(body), body))
    result = load(cli.with_secrets(), "verify", "capture", "--format", output)
    assert result.code == 0
    assert not result.modules & NOT_FOR_A_VALID_CAPTURE


def test_what_only_a_failure_or_a_large_archive_needs_is_loaded_then(cli: Cli) -> None:
    (cli.folder / "bad").write_bytes(http(arky(), BODY + b"\n"))
    failed = load(cli.with_secrets(), "verify", "bad")
    assert (failed.code, "hookctl.signing.diagnose" in failed.modules) == (1, True)
    (cli.folder / "archive").write_bytes(archive(*(genuine(number) for number in range(18_000))))
    bulk = load(cli.with_secrets(), "verify", "archive", "-q", "--jobs", "2")
    assert (bulk.code, "multiprocessing" in bulk.modules) == (0, sys.platform == "linux")
    assert not bulk.modules & {"rich", "httpx", "ssl", "asyncio"}
    beside = {"hookctl.report.files", "hookctl.report.github", "hookctl.report.verify_reports", "junitparser"}
    assert not beside & load(cli.with_secrets(), "verify", "bad").modules
    for_github = load(cli.with_secrets(), "verify", "bad", "--report", "json=report.json", "--report", "github")
    assert (for_github.code, "junitparser" in for_github.modules) == (1, False)
    reported = load(cli.with_secrets(), "verify", "bad", "--report", "junit=report.xml")
    assert (reported.code, "junitparser" in reported.modules) == (1, True)


_LIBRARY = """
import sys
before = set(sys.modules)
{program}
loaded = sorted(name for name in set(sys.modules) - before if sys.modules[name] is not None)
sys.stderr.write("\\n" + " ".join(["0", *loaded]))
"""


def loaded_by(cli: Cli, program: str) -> set[str]:
    """Run a program of Python and return the modules that it has loaded beyond those of the interpreter's start."""
    return set(run(cli, _LIBRARY.format(program=program))[1:])


def test_importing_the_library_loads_next_to_nothing(cli: Cli) -> None:
    assert loaded_by(cli, "import hookctl") == {"hookctl"}
    loaded = loaded_by(cli, "from hookctl import render, sign, verify")
    assert {name for name in loaded if name.startswith("hookctl")} == {"hookctl", "hookctl.api"}
    assert not loaded & {
        "typing",
        "dataclasses",
        "enum",
        "re",
        "json",
        "pathlib",
        "functools",
        "collections",
        "inspect",
    }


def test_the_library_loads_what_its_calls_need_and_no_slow_library(cli: Cli) -> None:
    call = "import hookctl; order = hookctl.render('order.paid'); headers = order.sign('a secret'); "
    slow = NEVER_IN_A_SHORT_COMMAND | {"typer", "msgspec", "argparse", "subprocess", "logging"}
    valid = loaded_by(cli, f"{call} assert hookctl.verify('arky', headers, order.body, 'a secret')")
    assert not valid & {*slow, "hookctl.signing.diagnose", "hookctl.delivery", "hookctl.flows", "hookctl.cli"}
    invalid = loaded_by(cli, f"{call} assert not hookctl.verify('arky', headers, order.body, 'another')")
    assert "hookctl.signing.diagnose" in invalid
    assert not invalid & slow
    edited = loaded_by(cli, "import hookctl; hookctl.render('order.paid', set={'data.order.total': 1})")
    assert "jsonschema_rs" in edited
    # which loads its own version's metadata
    assert not edited & (slow - {"jsonschema_rs", "email"})
