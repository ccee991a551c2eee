"""`--report`, again and again: each kind whole beside the others, from the events that are shown."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest
from junitparser import JUnitXml

from tests import schemas
from tests.cli.inprocess import run_here
from tests.cli.processes import line_of, under_way
from tests.cli.recorder import always, recording
from tests.cli.signed import archive, forged, genuine
from tests.harness import ARKY_SECRET
from tests.workflow import commands_in, read_outputs

if TYPE_CHECKING:
    from tests.harness import Cli, Result

ALL = ("--report", "junit=new/junit.xml", "--report", "json=new/report.json", "--report", "github")
HOSTILE = b"::error::pwned\n##[error]pwned\r::set-output name=verdict::passed\n| x | <b>y</b> " + ARKY_SECRET.encode()


@pytest.fixture
def runner(cli: Cli) -> Cli:
    """A step of GitHub Actions, with secrets."""
    files = {name: str(cli.folder / name.lower()) for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    cli.env |= files
    return cli.with_secrets()


def commands(result: Result) -> list[str]:
    """Return what the runner would carry out of either output."""
    return [one.name for one in (*commands_in(result.raw_out), *commands_in(result.err.encode()))]


def output(cli: Cli, name: str) -> str:
    """Return an output of the step, the last that was given."""
    return read_outputs(cli.folder / "github_output")[name]


def command(cli: Cli, name: str, url: str) -> tuple[str, ...]:
    """Return a command line that asks a receiver, or verifies what is no receiver's."""
    (cli.folder / "deliveries").write_bytes(archive(genuine(1), forged(2)))
    return {
        "send": ("send", "order.paid", "order.created", "--to", url),
        "check": ("check", url, "--provider", "arky", "--only", "valid,sig-*"),
        "verify": ("verify", "deliveries"),
    }[name]


@pytest.mark.parametrize("form", ["text", "json", "ndjson"])
@pytest.mark.parametrize("name", ["send", "check", "verify"])
def test_a_run_that_fails_is_told_everywhere(runner: Cli, name: str, form: str) -> None:
    with recording(always(500, HOSTILE)) as recorder:
        result = run_here(runner, *command(runner, name, recorder.base), *ALL, "--format", form)
    assert result.code == {"send": 1, "check": 6, "verify": 1}[name]
    assert commands(result) == ["error"]
    document = schemas.document((runner.folder / "new" / "report.json").read_text())
    if form == "json":
        # not even a byte is different, but for what would be a command
        written = (runner.folder / "new" / "report.json").read_text()
        assert result.out.replace(r"##\u005b", "##[") == written
    if form != "text":
        shown = result.document["results"] if form == "json" else result.records[:-1]
        assert shown == document["results"]
    junit = JUnitXml.fromfile(str(runner.folder / "new" / "junit.xml"))
    assert junit.failures + junit.errors > 0
    assert (output(runner, "exit-code"), output(runner, "report-json")) == (
        str(result.code),
        str(runner.folder / "new" / "report.json"),
    )
    summary = (runner.folder / "github_step_summary").read_text()
    assert f"hookctl {name}" in summary
    assert "<b>" not in summary
    for file in runner.folder.rglob("*"):
        assert not file.is_file() or ARKY_SECRET.encode() not in file.read_bytes(), file


@pytest.mark.parametrize("name", ["send", "verify"])
def test_a_run_that_passes_is_told_without_an_annotation(runner: Cli, name: str) -> None:
    with recording() as recorder:
        arguments = command(runner, name, recorder.base)
        (runner.folder / "deliveries").write_bytes(archive(genuine(1)))
        result = run_here(runner, *arguments, *ALL)
    assert result.code == 0
    assert commands(result) == []
    assert (output(runner, "verdict"), output(runner, "failed")) == ("passed", "0")


@pytest.mark.parametrize("form", ["text", "ndjson"])
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_archive_is_reported_as_it_is_shown(runner: Cli, form: str, jobs: str) -> None:
    lines = [forged(number) if number % 1000 == 7 else genuine(number) for number in range(9000)]
    (runner.folder / "a.ndjson").write_bytes(archive(*lines))
    result = run_here(runner, "verify", "a.ndjson", "--jobs", jobs, "--format", form, *ALL)
    assert result.code == 1
    document = json.loads((runner.folder / "new" / "report.json").read_text())
    assert len(document["results"]) == 9000
    assert [one["source"] for one in document["results"]] == [f"a.ndjson:{number}" for number in range(1, 9001)]
    assert document["summary"]["invalid"] == 9
    assert output(runner, "failed") == "9"
    if form == "ndjson":
        assert [json.loads(line) for line in result.out.splitlines()] == [*document["results"], document["summary"]]
    else:
        assert "9,000 captures: 8,991 valid, 9 invalid" in result.out


@pytest.mark.parametrize(
    ("reports", "message"),
    [
        (("junit=a", "junit=b"), "--report junit is given twice"),
        (("github", "github"), "--report github is given twice"),
        (("junit=a", "json=./a"), "two reports cannot go into one file: ./a"),
        (("json",), "junit=FILE, json=FILE or github, not 'json'"),
        (("github=x",), "junit=FILE, json=FILE or github, not 'github=x'"),
        (("JSON=x",), "junit=FILE, json=FILE or github, not 'JSON=x'"),
    ],
)
@pytest.mark.parametrize("name", ["send", "check", "verify"])
def test_reports_that_cannot_be_meant_are_a_usage_error(
    runner: Cli, name: str, reports: tuple[str, ...], message: str
) -> None:
    with recording() as recorder:
        given = [word for report in reports for word in ("--report", report)]
        result = run_here(runner, *command(runner, name, recorder.base), *given)
        assert recorder.requests == []
    assert result.code == 2
    assert message in result.err
    assert [one.name for one in runner.folder.iterdir()] == ["deliveries"]


@pytest.mark.parametrize("arguments", [("send", "order.paid", "--dry-run"), ("check", "--list")])
def test_where_nothing_happens_there_is_nothing_to_report(runner: Cli, arguments: tuple[str, ...]) -> None:
    result = run_here(runner, *arguments, "--report", "json=a")
    assert result.code == 2
    assert "there is nothing to --report" in result.err


@pytest.mark.parametrize("name", ["send", "check"])
def test_a_place_that_cannot_be_written_is_found_before_anything_is_sent(runner: Cli, name: str) -> None:
    (runner.folder / "taken").mkdir()
    with recording() as recorder:
        arguments = ("--report", "json=kept.json", "--report", "junit=taken", "--report", "github")
        result = run_here(runner, *command(runner, name, recorder.base), *arguments)
        assert recorder.requests == []
    assert result.code == 3
    assert "cannot write the report" in result.err
    assert commands(result) == ["error"]
    assert (output(runner, "verdict"), output(runner, "exit-code")) == ("error", "3")
    assert not (runner.folder / "kept.json").exists()


def test_a_report_that_fails_at_the_end_leaves_the_others_whole(runner: Cli) -> None:
    with recording() as recorder:

        def take_the_place(*_: object) -> tuple[int, bytes]:
            (runner.folder / "taken").mkdir(exist_ok=True)
            return 200, b""

        recorder.answer = take_the_place
        arguments = ("--report", "junit=taken", "--report", "json=report.json", "--report", "github")
        result = run_here(runner, "send", "order.paid", "--to", recorder.base, *arguments)
    assert result.code == 3
    assert "cannot write the report" in result.err
    assert schemas.document((runner.folder / "report.json").read_text())["summary"]["ok"] == 1
    assert commands(result) == ["error"]
    assert (output(runner, "exit-code"), output(runner, "passed")) == ("3", "1")
    # of the two only the one that is there
    outputs = read_outputs(runner.folder / "github_output")
    assert {name for name in outputs if name.startswith("report-")} == {"report-json"}
    assert "junit report" not in (runner.folder / "github_step_summary").read_text()


def test_an_error_before_the_run_leaves_old_reports_alone(runner: Cli) -> None:
    (runner.folder / "old.json").write_text("old")
    result = run_here(runner, "send", "order.payed", "--report", "json=old.json", "--report", "github")
    assert result.code == 3
    assert commands(result) == ["error"]
    assert (runner.folder / "old.json").read_text() == "old"
    assert set(read_outputs(runner.folder / "github_output")) == {"verdict", "exit-code"}
    assert "order.paid" in (runner.folder / "github_step_summary").read_text().replace("&#46;", ".")


def test_an_error_is_no_command_whatever_it_names(runner: Cli) -> None:
    result = run_here(runner, "send", "##[error]pwned", "--report", "github")
    assert result.code == 3
    assert commands(result) == ["error"]
    assert r"no event matches '##\[error]pwned'" in result.err


def test_what_was_sent_before_ctrl_c_is_in_every_report(runner: Cli) -> None:
    with recording() as recorder:
        arguments = ("send", "order.paid", "--count", "1000000", "--to", recorder.base, "--format", "ndjson", *ALL)
        with under_way(runner, *arguments) as process:
            first = line_of(process)
            process.send_signal(signal.SIGINT)
            rest, err = process.communicate(timeout=30)
            assert process.returncode == 130
    shown = [json.loads(line) for line in (first.encode() + rest).splitlines()]
    document = json.loads((runner.folder / "new" / "report.json").read_text())
    assert [*document["results"], document["summary"]] == shown
    assert [one.name for one in commands_in(err)] == ["error"]
    assert (output(runner, "verdict"), output(runner, "exit-code")) == ("interrupted", "130")
    assert len(JUnitXml.fromfile(str(runner.folder / "new" / "junit.xml"))) == 1


def test_a_killed_run_leaves_no_part_of_a_report(runner: Cli) -> None:
    with recording() as recorder:
        arguments = ("send", "order.paid", "--count", "1000000", "--to", recorder.base, "--format", "ndjson", *ALL)
        with under_way(runner, *arguments) as process:
            assert line_of(process)
            process.kill()
            process.communicate(timeout=30)
    assert list((runner.folder / "new").iterdir()) == []


def test_outside_of_a_runner_a_failure_is_an_annotation_alone(cli: Cli) -> None:
    with recording(always(500)) as recorder:
        result = run_here(cli.with_secrets(), "send", "order.paid", "--to", recorder.base, "--report", "github")
    assert result.code == 1
    assert commands(result) == ["error"]
    assert list(cli.folder.iterdir()) == []
