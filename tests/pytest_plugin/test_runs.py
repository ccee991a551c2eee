"""The plugin among others: unused, shut out, parallel, with secrets for the session, with providers of the project."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.pytest_plugin.runs import run_pytest

GITHUB = Path(__file__).resolve().parents[2] / "examples" / "providers" / "github"

_UNUSED = """
import sys

def test_what_is_loaded():
    loaded = {name for name in sys.modules if name.startswith("hookctl")}
    assert loaded == {"hookctl", "hookctl.pytest_plugin"}
    assert not loaded & {"httpx", "starlette", "tomllib"}
"""


def test_it_costs_nothing_where_it_is_not_used(tmp_path: Path) -> None:
    run = run_pytest(tmp_path, {"test_unused.py": _UNUSED})
    assert run.code == 0, run.out


_SHUT_OUT = """
import os, sys

def test_nothing_is_there(request):
    assert "hookctl" not in sys.modules
    assert not request.config.pluginmanager.has_plugin("hookctl")
"""


def test_it_can_be_shut_out(tmp_path: Path) -> None:
    run = run_pytest(tmp_path, {"test_without.py": _SHUT_OUT}, "-p", "no:hookctl")
    assert run.code == 0, run.out


_INI = """
[pytest]
hookctl_secrets = arky ./github
hookctl_providers = github
"""

_AT_IMPORT = """
import os
# read before any fixture is made, as many apps do
SECRET = os.environ["ARKY_WEBHOOK_SECRET"]
OURS = os.environ["WEBHOOK_SECRET"]
"""

_SESSION = """
import asyncio
import conftest
import hookctl
import pytest
from apps import fastapi_app

@pytest.mark.parametrize("number", range(4))
def test_the_app_has_the_secret_of_the_session(webhooks, number):
    assert webhooks.secret("arky") == conftest.SECRET
    webhooks.deliver(fastapi_app(), "order.paid")

def test_a_coroutine(webhooks):
    async def deliver():
        webhooks.deliver(fastapi_app(), "order.paid", tamper="body")
    asyncio.run(deliver())

@pytest.mark.webhook_events(provider="github")
def test_events_of_the_project(webhooks, webhook_event):
    made = webhooks.request(webhook_event)
    assert made.headers["X-GitHub-Event"] == webhook_event
    assert hookctl.verify(webhook_event.source.folder, made.headers, made.body, conftest.OURS)

@pytest.mark.webhook_events("pu*")
def test_a_pattern_finds_them_too(webhooks, webhook_event):
    assert webhook_event.provider == "github"

@pytest.mark.webhook_events(provider="./github")
def test_a_folder_may_be_named(webhook_tamper):
    assert webhook_tamper != "timestamp"
"""


def test_secrets_are_there_before_anything_is_imported_and_workers_agree(tmp_path: Path) -> None:
    shutil.copytree(GITHUB, tmp_path / "github")
    files = {"pytest.ini": _INI, "conftest.py": _AT_IMPORT, "test_session.py": _SESSION}
    run = run_pytest(tmp_path, files, "-n", "2")
    assert run.code == 0, run.out
    assert "test_events_of_the_project[push]" in run.results
    assert {f"test_a_folder_may_be_named[{kind}]" for kind in ("body", "signature", "secret", "missing")} <= {
        *run.results
    }


_WRONG = """
import pytest

@pytest.mark.webhook_events({marker})
def test_wrong({argument}):
    pass
"""


@pytest.mark.parametrize(
    ("marker", "argument", "message"),
    [
        ("'order.padi'", "webhook_event", "unknown event 'order.padi'; did you mean 'order.paid'"),
        ("'oder.*'", "webhook_event", "no event matches 'oder.*'; for instance"),
        ("provider='akry'", "webhook_event", "unknown provider 'akry'; did you mean 'arky'?"),
        ("provder='arky'", "webhook_event", "unexpected keyword argument 'provder'"),
        ("", "", "takes no argument webhook_event or webhook_tamper"),
    ],
)
def test_a_marker_that_names_nothing_is_an_error_of_collection(
    pytester: pytest.Pytester, marker: str, argument: str, message: str
) -> None:
    pytester.makepyfile(_WRONG.format(marker=marker, argument=argument))
    result = pytester.runpytest_inprocess()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert message in result.stdout.str()


def test_an_argument_without_the_marker_says_what_is_missing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_a(webhook_event): pass\ndef test_b(webhook_tamper): pass\n")
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(errors=2)
    assert result.stdout.str().count("mark the test with @pytest.mark.webhook_events()") >= 2


def test_a_secret_of_an_unknown_provider_ends_the_run(tmp_path: Path) -> None:
    run = run_pytest(tmp_path, {"pytest.ini": "[pytest]\nhookctl_secrets = akry\n", "test_a.py": ""})
    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert "hookctl_secrets: unknown provider 'akry'; did you mean 'arky'?" in run.out
    assert "Traceback" not in run.out


def test_a_provider_of_the_project_may_not_have_the_name_of_another(tmp_path: Path) -> None:
    folder = tmp_path / "ours"
    shutil.copytree(GITHUB, folder)
    files = {"pytest.ini": "[pytest]\nhookctl_providers = ours ours\nhookctl_secrets = arky\n", "test_a.py": ""}
    run = run_pytest(tmp_path, files)
    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert "hookctl_providers: github is the name of another provider; give it another" in run.out
