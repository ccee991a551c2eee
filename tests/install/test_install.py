"""hookctl works as users install it: each distribution and Python, with the newest and the oldest that it may need."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hookctl import __version__
from tests.cli.processes import line_of, under_way
from tests.cli.serving import Serving, serving
from tests.cli.signed import archive, genuine
from tests.cli.tunnelling import tunnels_in
from tests.harness import Cli
from tests.install.distributions import run
from tests.install.environments import SUPPORTED, floors, install, pins, pins_of, ways
from tests.sandboxed import ACCOUNT, TOKEN, sandboxed

if TYPE_CHECKING:
    import subprocess

    from tests.install.distributions import Built
    from tests.install.environments import Installed

WAYS = {way.name: way for way in ways()}


def test_the_oldest_versions_that_are_tried_are_the_oldest_that_are_allowed() -> None:
    lowest = pins("lowest")
    assert {name: version for name, version in lowest.items() if name in floors()} == {
        name: ".".join((*version.split("."), "0", "0")[:3]) for name, version in floors().items()
    }


def test_what_is_tried_covers_the_python_of_this_run_and_both_distributions() -> None:
    assert SUPPORTED[0] in {way.python for way in WAYS.values()}
    assert {way.form for way in WAYS.values()} == {"wheel", "sdist"}


@pytest.mark.install
@pytest.mark.parametrize("name", WAYS)
def test_hookctl_works_as_it_is_installed(name: str, built: Built, tmp_path: Path) -> None:
    way = WAYS[name]
    installed = install(way, built, tmp_path)
    _has_what_it_says_it_needs_and_nothing_else(installed)
    folder = tmp_path / "work"
    folder.mkdir()
    _the_library_is_the_installed_one(installed, folder)
    if "pytest" in way.beside:
        _pytest_has_the_plugin(installed, folder)
    cli = Cli(folder, python=str(installed.python)).with_secrets()
    _every_dependency_does_its_work(cli)
    _servers_and_tunnels_work(cli, tmp_path)


def _has_what_it_says_it_needs_and_nothing_else(installed: Installed) -> None:
    way, packages = installed.way, installed.packages()
    installed.check()
    assert packages.pop("hookctl") == __version__
    assert set(way.beside) <= set(packages)
    # all that they need in turn is in the lists, too
    assert packages.items() <= pins_of(way).items()
    assert set(floors()) <= set(packages)
    assert not {"pip", "hatchling", "ruff"} & set(packages)


def _the_library_is_the_installed_one(installed: Installed, folder: Path) -> None:
    script = """
import hookctl
order = hookctl.render("order.paid")
assert hookctl.verify("arky", order.sign("whsec_one"), order.body, "whsec_one")
assert not hookctl.verify("arky", hookctl.sign("arky", order.body, "whsec_two"), order.body, "whsec_one")
print(hookctl.__file__)
"""
    where = run([installed.python, "-c", script], folder).strip()
    # not the checkout, whose tests these are
    assert Path(where).is_relative_to(installed.python.parent.parent)


def _pytest_has_the_plugin(installed: Installed, folder: Path) -> None:
    (folder / "test_shop.py").write_text(
        """
import hmac, json, os

def app(environ, start_response):
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    signed = environ["HTTP_X_ARKY_TIMESTAMP"].encode() + b"." + body
    expected = hmac.new(os.environ["ARKY_WEBHOOK_SECRET"].encode(), signed, "sha256").hexdigest()
    genuine = environ["HTTP_X_ARKY_SIGNATURE"] == expected
    start_response("200 OK" if genuine else "401 Unauthorized", [])
    return []

def test_genuine(webhooks):
    webhooks.deliver(app, "order.paid")

def test_forged(webhooks):
    webhooks.deliver(app, "order.paid", tamper="body")
"""
    )
    # `-c`: none of the settings that a folder above may have
    (folder / "pytest.ini").write_text("[pytest]\n")
    assert "2 passed" in run([installed.python, "-m", "pytest", "-q", "-c", "pytest.ini", "test_shop.py"], folder)


def _every_dependency_does_its_work(cli: Cli) -> None:
    assert cli("--version").out == f"hookctl {__version__}\n"
    # rich, httpx, httpcore, httptools, uvloop
    assert "27 of 27 genuine deliveries accepted, 9 of 9 bad ones refused" in cli("demo").out
    # jsonschema-rs
    edited = cli("send", "order.paid", "--set", "data.order.total=5", "--dry-run", "--format", "http")
    assert b'"total":5,' in edited.raw_out
    assert cli("send", "order.paid", "--set", "data.order.total=much", "--dry-run").code == 3
    # msgspec, junitparser
    (cli.folder / "archive").write_bytes(archive(*(genuine(number) for number in range(200))))
    (cli.folder / "edited").write_bytes(edited.raw_out)
    verified = cli("verify", "archive", "edited", "--report", "junit=report.xml", "--format", "json")
    assert (verified.code, verified.document["summary"]["valid"]) == (0, 201)
    assert '<testcase name="order.paid"' in (cli.folder / "report.xml").read_text()
    # python-dotenv
    (cli.folder / ".env").write_text("ARKY_WEBHOOK_SECRET=from the file\n")
    assert "from" not in cli("send", "order.paid", "--dry-run", env={"ARKY_WEBHOOK_SECRET": None}).err
    # shells
    assert "hookctl" in cli("completion", "bash").out


def _servers_and_tunnels_work(cli: Cli, folder: Path) -> None:
    state = {"XDG_STATE_HOME": str(folder / "state")}
    listening = ("listen", "--port", "0", "--require-valid", "--format", "ndjson")
    with serving(Serving, cli, listening, env=state) as listener:
        # h11
        checked = cli("check", f"{listener.url}/api/webhooks/arky", "--only", "valid,sig-*,body-tampered", "-q")
        assert checked.code == 0, checked.out + checked.err
        assert cli("send", "formSubmission.created", "--to", listener.url).code == 0
        # watchfiles
        watched = cli.folder / "watched"
        watched.write_text("1")
        with under_way(cli, "send", "order.paid", "--to", listener.url, "--watch", "watched") as process:
            assert "1 ok" in _until(process, "waiting for changes")
            watched.write_text("2")
            assert "watched changed" in _until(process, "waiting for changes")
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 130
        assert listener.end() == 0
    assert cli("deliveries", env=state).code == 0
    # starlette
    with sandboxed(cli) as sandbox:
        account = {"ARKY_TOKEN": TOKEN, "ARKY_BUSINESS_ID": ACCOUNT, "ARKY_BASE_URL": sandbox.url}
        assert cli("webhook", "show", env=account).code == 0
        assert sandbox.end() == 0
    # pyngrok, pyyaml
    tunnels = tunnels_in(folder / "tunnels", cli)
    with tunnels.open("3000") as tunnel:
        assert json.loads(tunnel.line())["public_url"] == tunnel.url
        assert tunnel.end() == 0
    tunnels.check_clean()


def _until(process: subprocess.Popen[bytes], text: str) -> str:
    """Return what is written up to and with the line that holds a text."""
    lines: list[str] = []
    while not lines or text not in lines[-1]:
        lines.append(line_of(process))
        assert lines[-1], f"it ended before {text!r}: {lines}"
    return "".join(lines)
