"""`hookctl init`: the file it writes works, whatever lies in the folder, and it never overwrites."""

from __future__ import annotations

import json
import os
import shutil
import tomllib
from typing import TYPE_CHECKING

import pytest

from tests.catalogue.folders import FIXTURES
from tests.cli.inprocess import run_here
from tests.cli.recorder import recording
from tests.cli.terminal import on_terminal
from tests.unreadable import unreadable

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness import Cli

ARKY, ARCADE = "/api/webhooks/arky", "/api/webhooks/arcade"

# files, the framework that is named, its port, what its paths end in
APPS = [
    ({"package.json": '{"dependencies": {"next": "15", "react": "19"}}'}, "Next.js", 3000, ""),
    ({"package.json": '{"devDependencies": {"express": "5"}}'}, "Express", 3000, ""),
    ({"package.json": '\ufeff{"dependencies": {"express": "5"}}'}, "Express", 3000, ""),
    ({"requirements.txt": "# web\nFastAPI[standard]>=0.115 ; python_version > '3'\n"}, "FastAPI", 8000, ""),
    ({"requirements-dev.txt": "flask\n"}, "Flask", 5000, ""),
    ({"pyproject.toml": '[project]\ndependencies = ["django>=5"]\n'}, "Django", 8000, "/"),
    ({"pyproject.toml": '[project.optional-dependencies]\nweb = ["Flask"]\n'}, "Flask", 5000, ""),
    ({"pyproject.toml": '[dependency-groups]\ndev = ["fastapi", {include-group = "x"}]\n'}, "FastAPI", 8000, ""),
    ({"pyproject.toml": '[tool.poetry.dependencies]\nfastapi = "*"\n'}, "FastAPI", 8000, ""),
    ({"Pipfile": '[packages]\nflask = "*"\n'}, "Flask", 5000, ""),
    ({"manage.py": "import os\n"}, "Django", 8000, "/"),
    ({"requirements.txt": "flask-cors\nnextcord\ndjangorestframework\n"}, "no framework that hookctl knows", 3000, ""),
    ({"package.json": '{"dependencies": ["next"]}'}, "no framework that hookctl knows", 3000, ""),
    ({}, "no framework that hookctl knows", 3000, ""),
]


def lay(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def endpoints(cli: Cli) -> dict[str, str]:
    table: dict[str, str] = tomllib.loads((cli.folder / "hookctl.toml").read_text(encoding="utf-8"))["endpoints"]
    return table


@pytest.mark.parametrize(("files", "framework", "port", "ending"), APPS)
def test_the_framework_decides_port_and_path(
    cli: Cli, files: dict[str, str], framework: str, port: int, ending: str
) -> None:
    lay(cli.folder, files)
    result = run_here(cli, "init")
    assert (result.code, framework in result.out) == (0, True)
    base = f"http://localhost:{port}"
    assert endpoints(cli) == {"arky": f"{base}{ARKY}{ending}", "arcade": f"{base}{ARCADE}{ending}"}


ROUTES = [
    ("app/api/webhooks/arky/route.ts", ARKY),
    ("src/app/api/(hooks)/in/arky/route.js", "/api/in/arky"),
    ("pages/api/arky.ts", "/api/arky"),
    ("src/pages/api/hooks/arky/index.ts", "/api/hooks/arky"),
    # neither a route nor one without parameters
    ("app/api/arky/helper.ts", None),
    ("app/api/[shop]/arky/route.ts", None),
    ("app/arky/route.ts", None),
    ('app/api/a"b/arky/route.ts', None),
]


@pytest.mark.parametrize(("file", "path"), ROUTES)
def test_a_route_that_is_there_decides_the_path(cli: Cli, file: str, path: str | None) -> None:
    lay(cli.folder, {"package.json": '{"dependencies": {"next": "15"}}', file: ""})
    result = run_here(cli, "init")
    assert endpoints(cli)["arky"] == f"http://localhost:3000{path or ARKY}"
    assert ("the route in this folder" in (cli.folder / "hookctl.toml").read_text()) == (path is not None)
    assert result.code == 0


@pytest.mark.parametrize("arguments", [[], ["--provider", "arky"], ["--provider", "arcade"]], ids=" ".join)
def test_what_is_written_is_what_send_goes_by(cli: Cli, arguments: list[str]) -> None:
    lay(cli.folder, {"requirements.txt": "flask"})
    assert cli("init", *arguments).code == 0
    shown = cli("config", "show", "--format", "json").document["results"]
    values = {record["name"]: record for record in shown}
    assert values["provider"]["value"] == (arguments[1] if arguments else None)
    event, provider = ("formSubmission.created", "arcade") if "arcade" in arguments else ("order.paid", "arky")
    assert values[f"endpoints.{provider}"]["origin"] == "project"
    preview = cli.with_secrets()("send", event, "--dry-run", "--format", "json").document["results"][0]
    assert preview["url"] == f"http://localhost:5000/api/webhooks/{provider}"


def test_a_delivery_arrives_where_the_file_says(cli: Cli) -> None:
    cli("init")
    file = cli.folder / "hookctl.toml"
    with recording() as receiver:
        file.write_text(file.read_text().replace("http://localhost:3000", receiver.base))
        assert cli.with_secrets()("send", "--all").code == 0
        assert {request.path for request in receiver.requests} == {ARKY, ARCADE}


def test_every_key_that_is_commented_out_is_accepted_when_it_is_not(cli: Cli) -> None:
    cli("init")
    file = cli.folder / "hookctl.toml"
    lines = file.read_text().splitlines()
    file.write_text(
        "\n".join(line[2:] if line.startswith("# ") and (" = " in line or "[" in line) else line for line in lines)
    )
    shown = cli("config", "show", "--format", "json").document["results"]
    assert {"endpoints.staging", "api.arky.business", "api.arky.dialect"} <= {
        record["name"] for record in shown if record["origin"] == "project"
    }


def test_a_provider_s_own_folder_is_named_and_read(cli: Cli) -> None:
    folder = os.path.relpath(FIXTURES.parent / "examples" / "providers" / "github", cli.folder)
    assert cli("init", "--provider", folder).code == 0
    preview = cli("send", "push", "--dry-run", "--format", "json", env={"WEBHOOK_SECRET": "a secret for tests"})
    assert preview.document["results"][0]["url"].startswith("http://localhost:3000/")


def test_a_folder_whose_name_no_toml_can_hold_is_refused(cli: Cli) -> None:
    copy = cli.folder / "a\nb"
    shutil.copytree(FIXTURES.parent / "examples" / "providers" / "github", copy)
    result = run_here(cli, "init", "--provider", "./a\nb")
    assert (result.code, "cannot be written into a hookctl.toml" in result.err) == (3, True)
    assert not (cli.folder / "hookctl.toml").exists()


def test_nothing_is_ever_overwritten(cli: Cli) -> None:
    file = cli.folder / "hookctl.toml"
    file.write_text("# mine\n")
    result = run_here(cli, "init")
    assert (result.code, result.out, str(file) in result.err) == (3, "", True)
    assert file.read_text() == "# mine\n"
    file.unlink()
    target = cli.folder / "elsewhere"
    file.symlink_to(target)
    assert run_here(cli, "init").code == 3
    assert not target.exists()


def test_a_folder_that_takes_no_file_is_told(cli: Cli) -> None:
    # a folder of /proc takes none, not even root's
    cli.folder = cli.folder.__class__("/proc/self")
    result = run_here(cli, "init")
    assert (result.code, result.err.startswith("error: cannot write /proc/self/hookctl.toml: ")) == (3, True)


def test_a_dry_run_prints_the_same_and_writes_nothing(cli: Cli) -> None:
    shown = run_here(cli, "init", "--dry-run")
    assert not (cli.folder / "hookctl.toml").exists()
    assert run_here(cli, "init").code == 0
    assert shown.out == (cli.folder / "hookctl.toml").read_text()
    # what is there is no hindrance to looking
    assert run_here(cli, "init", "--dry-run").out == shown.out


HOSTILE = [
    "not JSON",
    "[]",
    "null",
    '"next"',
    "[" * 100_000,
    '{"dependencies": 1}',
    '{"dependencies": {"next": ' + "9" * 5000 + "}}",
    '{"dependencies": {"\\ud800": "1"}}',
    "\x00",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_package_json_that_is_none_is_no_crash(cli: Cli, text: str) -> None:
    (cli.folder / "package.json").write_text(text)
    result = run_here(cli, "init")
    assert result.code == 0
    assert endpoints(cli)["arky"] == f"http://localhost:3000{ARKY}"


def test_a_list_of_dependencies_without_end_is_not_read(cli: Cli) -> None:
    (cli.folder / "package.json").write_text(json.dumps({"dependencies": {"next": "1"}}) + " " * 2_000_000)
    (cli.folder / "Pipfile").symlink_to("/dev/zero")
    os.mkfifo(cli.folder / "requirements.txt")
    (cli.folder / "pyproject.toml").symlink_to("pyproject.toml")
    result = run_here(cli, "init")
    assert (result.code, "package.json is larger than 1024 KiB: not looked at" in result.err) == (0, True)
    assert "no framework" in result.out


def test_a_list_that_cannot_be_read_is_a_note(cli: Cli) -> None:
    unreadable(cli.folder / "package.json")
    result = run_here(cli, "init")
    assert (result.code, "package.json cannot be read" in result.err) == (0, True)


def test_what_is_worth_knowing_is_noted(cli: Cli) -> None:
    lay(cli.folder, {"package.json": '{"dependencies": {"next": "1", "express": "1"}}'})
    (cli.folder.parent / "hookctl.toml").write_text("")
    (cli.folder.parent / ".git").mkdir()
    notes = run_here(cli, "init", "--dry-run").err
    assert "also named here: Express; the port is that of Next.js" in notes
    assert f"takes the place of {cli.folder.parent / 'hookctl.toml'}" in notes
    assert "no .gitignore here leaves out .env.local" in notes
    for line in (".env.local", ".env*", "/.env*.local", "**/.env.*"):
        (cli.folder.parent / ".gitignore").write_text(f"# secrets\n{line}\n")
        assert ".gitignore" not in run_here(cli, "init", "--dry-run").err
    (cli.folder.parent / ".gitignore").write_text("# .env.local\nnode_modules\n.env\n")
    assert ".gitignore" in run_here(cli, "init", "--dry-run").err


def test_a_name_from_outside_cannot_write_a_key(cli: Cli) -> None:
    (cli.folder / 'requirements\nprovider = "arcade"\n#.txt').write_text("flask")
    assert run_here(cli, "init").code == 0
    assert "provider" not in tomllib.loads((cli.folder / "hookctl.toml").read_text())
    assert endpoints(cli)["arky"].startswith("http://localhost:5000/")


def test_only_this_folder_is_looked_into(cli: Cli) -> None:
    lay(cli.folder, {"packages/web/package.json": '{"dependencies": {"next": "1"}}'})
    lay(cli.folder.parent, {"package.json": '{"dependencies": {"express": "1"}}'})
    assert "no framework" in run_here(cli, "init").out


def test_an_unknown_provider_is_answered_with_the_nearest(cli: Cli) -> None:
    result = run_here(cli, "init", "--provider", "akry")
    assert (result.code, "did you mean 'arky'" in result.err) == (3, True)
    assert not (cli.folder / "hookctl.toml").exists()


def test_it_fits_on_a_terminal_and_ends_with_what_to_do_next(cli: Cli) -> None:
    screen = on_terminal(cli, "init")
    assert screen.code == 0
    for command in ("hookctl doctor", "hookctl send order.paid", "hookctl config show"):
        assert f"\n  {command}" in screen.text
    assert max(len(line) for line in screen.text.splitlines() if str(cli.folder) not in line) <= 80
