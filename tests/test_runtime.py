"""Streams that close, fill up or cannot show a character: what the program does, and what it says."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING, TextIO

import pytest

from hookctl.errors import ExitCode
from hookctl.report.style import Style, Tone
from hookctl.runtime import Output, OutputError
from tests import schemas
from tests.rawserver import answer, raw_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.harness import Cli


@pytest.fixture
def broken_pipe() -> Iterator[TextIO]:
    """A stream whose reader has gone."""
    reader, writer = os.pipe()
    stream = os.fdopen(writer, "w", encoding="utf-8")
    os.close(reader)
    yield stream
    stream.close()


@pytest.fixture
def full() -> Iterator[TextIO]:
    """A stream on a full disk."""
    with open("/dev/full", "w", encoding="utf-8") as stream:  # noqa: PTH123 - a device
        yield stream


def test_what_is_written_arrives_at_once(tmp_path: Path) -> None:
    file = tmp_path / "out"
    with file.open("w", encoding="utf-8") as stream:
        output = Output(stream, "a file")
        output.write("a")
        assert file.read_bytes() == b"a"
        output.line("é")
        assert file.read_bytes() == b"a\xc3\xa9\n"
        output.write_bytes(b"\xff\x00\r\n")
        assert file.read_bytes() == b"a\xc3\xa9\n\xff\x00\r\n"
        output.line()
        assert file.read_bytes() == b"a\xc3\xa9\n\xff\x00\r\n\n"


def test_a_reader_that_has_gone_makes_writing_silent(broken_pipe: TextIO) -> None:
    output = Output(broken_pipe, "standard output")
    output.line("lost")
    assert output.reader_gone
    output.line("lost too")
    output.write_bytes(b"and this")
    # closing flushes what is left: it must have gone where it does no harm
    broken_pipe.close()


def test_bytes_for_a_reader_that_has_gone_are_silent_too(broken_pipe: TextIO) -> None:
    output = Output(broken_pipe, "standard output")
    output.write_bytes(b"lost")
    assert output.reader_gone


@pytest.mark.parametrize("way", ["text", "bytes"])
def test_a_full_disk_is_an_error_that_names_the_stream_once(full: TextIO, way: str) -> None:
    output = Output(full, "standard output")

    def write() -> None:
        if way == "text":
            output.line("x")
        else:
            output.write_bytes(b"x")

    with pytest.raises(OutputError, match="cannot write to standard output: No space left on device") as caught:
        write()
    assert caught.value.exit_code is ExitCode.INPUT
    # said once: the note about it must not fail in its turn
    write()


@pytest.mark.parametrize(
    ("encoding", "is_unicode"),
    [("utf-8", True), ("UTF-8", True), ("utf8", True), ("utf-8-sig", True), ("ascii", False), ("cp1252", False)],
)
def test_which_encodings_show_every_character(encoding: str, is_unicode: bool) -> None:
    assert Output(io.TextIOWrapper(io.BytesIO(), encoding=encoding), "x").is_unicode is is_unicode


def shell(cli: Cli, command: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of bash in which $HOOKCTL is the program."""
    return subprocess.run(
        ["bash", "-c", command],
        cwd=cli.folder,
        # buffered, as it is for users: what stays in a buffer fails once more at the end
        env=cli.environment({"HOOKCTL": f"{sys.executable} -m hookctl", "PYTHONUNBUFFERED": "", **env}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )


COMMANDS = ["--version", "--help", "send --help", "events", "events --format json", "events show order.paid"]


def test_head_gets_its_line_and_nobody_complains(cli: Cli) -> None:
    done = shell(cli, 'set -o pipefail; $HOOKCTL events | head -1; echo "${PIPESTATUS[0]}"')
    lines = done.stdout.decode().splitlines()
    assert lines[0].startswith("Arcade")
    assert lines[1] == "0"
    assert done.stderr == b""


@pytest.mark.parametrize("command", COMMANDS)
def test_a_reader_that_never_reads_is_no_error(cli: Cli, command: str) -> None:
    # the pipe's only reader has gone before the program starts
    done = shell(cli, f'exec 3> >(exec 0<&-); wait $!; $HOOKCTL {command} >&3; echo "code $?" >&2')
    # where a sample comes from is a note beside the data
    assert done.stderr.splitlines()[-1] == b"code 0"
    assert b"rror" not in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_ends_in_exit_code_3(cli: Cli, command: str) -> None:
    done = shell(cli, f"$HOOKCTL {command} > /dev/full")
    assert done.returncode == 3
    # where a sample comes from is a note beside the data
    assert done.stderr.decode().splitlines()[-1] == "error: cannot write to standard output: No space left on device"
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("form", ["text", "json", "ndjson"])
def test_results_that_cannot_be_written_are_no_success(cli: Cli, form: str) -> None:
    with raw_server() as server:
        done = shell(cli.with_secrets(), f"$HOOKCTL send order.paid --to {server.url} --format {form} > /dev/full")
    assert done.returncode == 3
    assert b"cannot write to standard output" in done.stderr


@pytest.mark.parametrize(("command", "code"), [("send", 2), ("--bad", 2), ("nope", 2), ("events show nope", 3)])
@pytest.mark.parametrize("where", ["> /dev/full 2>&1", "2> /dev/full", "2>&-", "> /dev/full 2>&-"])
def test_when_nothing_can_be_said_the_exit_code_still_is(cli: Cli, command: str, code: int, where: str) -> None:
    done = shell(cli, f"$HOOKCTL {command} {where}")
    assert (done.returncode, done.stderr, done.stdout) == (code, b"", b"")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_closed_output_is_one_that_nobody_reads(cli: Cli, command: str) -> None:
    done = shell(cli, f"$HOOKCTL {command} >&-")
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"error" not in done.stderr
    done = shell(cli, f"$HOOKCTL {command} 2>&-")
    assert done.returncode == 0
    assert done.stdout


def test_a_closed_input_is_an_empty_one(cli: Cli) -> None:
    assert shell(cli, "$HOOKCTL events <&-").returncode == 0
    done = shell(cli, "$HOOKCTL send order.paid --dry-run --secret-file - <&-")
    assert done.returncode == 3
    assert b"the secret is empty: standard input" in done.stderr


def test_a_server_outlives_streams_that_are_closed(cli: Cli) -> None:
    # a socket that gets the number of a standard stream makes the event loop's library abort
    done = shell(cli, "$HOOKCTL listen --port 0 --no-store --timeout 0 <&- >&- 2>&-")
    assert done.returncode == 1


ENCODINGS = [
    {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    {"LC_ALL": "C"},
    {"PYTHONIOENCODING": "cp1252"},
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "utf-16-le"},
    {"PYTHONIOENCODING": "ascii:strict"},
]


@pytest.mark.parametrize("environment", ENCODINGS, ids=str)
def test_no_encoding_is_too_small(cli: Cli, environment: dict[str, str]) -> None:
    run = cli.with_secrets()
    with raw_server(lambda _: answer("Fehler: schlüssel 日本 🦊 ✓\udcff".encode("utf-8", "replace"))) as server:
        for arguments, code in (
            (("send", "order.paid", "--to", server.url, "-v"), "1"),
            (("events",), "0"),
            (("send", "日本🦊"), "3"),
        ):
            done = subprocess.run(
                [sys.executable, "-m", "hookctl", *arguments],
                cwd=run.folder,
                env=run.environment(environment),
                capture_output=True,
                timeout=60,
                check=False,
            )
            assert str(done.returncode) == code, done.stderr
            assert b"Traceback" not in done.stderr
            assert b"UnicodeEncodeError" not in done.stdout + done.stderr


def test_marks_are_ascii_where_unicode_is_not_shown(cli: Cli) -> None:
    with raw_server() as server:
        send = ("send", "order.paid", "--to", server.url)
        unicode = cli.with_secrets()(*send, env={"PYTHONIOENCODING": "utf-8"})
        ascii_only = cli.with_secrets()(*send, env={"PYTHONIOENCODING": "cp1252"})
    assert unicode.out.startswith("✓ order.paid")
    assert ascii_only.out.startswith("+ order.paid")
    assert ascii_only.out.isascii()


def test_machine_output_is_the_same_bytes_under_every_encoding(cli: Cli) -> None:
    outputs = {
        cli("events", "--format", "json", env=environment).raw_out for environment in ({}, *ENCODINGS[:4], ENCODINGS[5])
    }
    assert len(outputs) == 1
    assert len(schemas.document(outputs.pop())["results"]) > 20


@pytest.fixture
def terminal() -> Iterator[TextIO]:
    """A stream that is a terminal."""
    master, slave = pty.openpty()
    with os.fdopen(slave, "w", encoding="utf-8") as stream:
        yield stream
    os.close(master)


@pytest.mark.parametrize(
    ("env", "on_terminal", "elsewhere"),
    [
        ({"TERM": "xterm"}, True, False),
        ({}, True, False),
        ({"TERM": "dumb"}, False, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"CLICOLOR_FORCE": "1"}, True, True),
        ({"CLICOLOR_FORCE": "0"}, True, False),
        ({"CLICOLOR_FORCE": ""}, True, False),
        ({"CLICOLOR_FORCE": "1", "TERM": "dumb"}, True, True),
        ({"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, False, False),
    ],
)
def test_who_gets_colours(terminal: TextIO, env: dict[str, str], on_terminal: bool, elsewhere: bool) -> None:
    painted = "\x1b[32mtext\x1b[0m"
    for stream, coloured in ((terminal, on_terminal), (io.StringIO(), elsewhere)):
        style = Style.of(Output(stream, "x"), env)
        assert style.paint("text", Tone.GOOD) == (painted if coloured else "text")


@pytest.mark.parametrize(
    ("env", "coloured"),
    [({}, False), ({"CLICOLOR_FORCE": "1"}, True), ({"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, False)],
)
def test_the_program_heeds_the_variables(cli: Cli, env: dict[str, str], coloured: bool) -> None:
    for arguments in (("events",), ("send", "nope")):
        result = cli(*arguments, env=env)
        assert ("\x1b[" in result.out + result.err) == coloured
    assert "\x1b" not in cli("events", "--format", "json", env=env).out
