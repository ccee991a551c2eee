"""`hookctl verify` on large archives: several processes, constant memory, Ctrl-C, and outputs that stay whole."""

from __future__ import annotations

import gzip
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import schemas
from tests.cli.processes import line_of, under_way
from tests.cli.signed import archive, forged, genuine
from tests.cli.terminal import on_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.harness import Cli

MEBIBYTE = 1024 * 1024

needs_fork = pytest.mark.skipif(sys.platform != "linux", reason="several processes examine only where they can fork")


def _mixed(number: int) -> bytes:
    """Return one line of an archive in which there is everything."""
    if number % 200 == 7:
        return forged(number)
    if number % 50 == 13:
        return genuine(number)[:-20]
    if number % 50 == 23:
        return b"" if number % 100 == 23 else b" \t"
    if number % 500 == 31:
        return genuine(number) + b" " * 3000
    return genuine(number)


@pytest.fixture(scope="module")
def mixed() -> bytes:
    """Return 5 MB, too much for one process: valid, invalid, broken, too long, blank, CRLF, no end of the last line."""
    lines: list[bytes] = []
    size = number = 0
    while size < 5_000_000:
        number += 1
        lines.append(_mixed(number) + (b"\r\n" if number % 3 == 0 else b"\n"))
        size += len(lines[-1])
    return b"".join(lines) + genuine(0)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an archive that takes many seconds."""
    path = tmp_path_factory.mktemp("large") / "archive.ndjson"
    block = archive(*(genuine(number) for number in range(4000)))
    with path.open("wb") as stream:
        for _ in range(30):
            stream.write(block)
    return path


@needs_fork
@pytest.mark.parametrize("form", ["text", "json", "ndjson"])
def test_several_processes_write_the_same_bytes_as_one(signing: Cli, mixed: bytes, form: str) -> None:
    (signing.folder / "a.ndjson").write_bytes(mixed)
    options = ("a.ndjson", "--max-line", "3000", "--format", form, "--report", "junit=report.xml")
    one = signing("verify", *options, "--jobs", "1")
    first_report = (signing.folder / "report.xml").read_bytes()
    two = signing("verify", *options, "--jobs", "2")
    assert (one.code, one.err, two.code, two.err) == (3, "", 3, "")
    assert one.raw_out == two.raw_out
    assert first_report == (signing.folder / "report.xml").read_bytes()
    if form == "ndjson":
        *records, summary = one.records
        numbers = [int(record["source"].rpartition(":")[2]) for record in records]
        assert numbers == sorted(set(numbers))
        text = mixed.split(b"\n")
        assert numbers == [number for number, line in enumerate(text, 1) if line.strip()]
        assert summary["total"] == len(records)
        assert summary["unreadable"] == sum(record["type"] == "unreadable" for record in records)
        too_long = {number for number, line in enumerate(text, 1) if len(line.rstrip(b"\r")) > 3000}
        told = {record["source"] for record in records if "longer than 3000 bytes" in record.get("error", "")}
        assert told == {f"a.ndjson:{number}" for number in too_long} != set()
        assert summary["invalid"] == sum(b"evt_x" in line for line in text)
        assert summary["drifted"] == summary["valid"] + summary["invalid"]
    if form == "json":
        assert one.document["summary"]["total"] == len(one.document["results"])


@needs_fork
def test_blank_lines_do_not_bring_captures_out_of_order(signing: Cli) -> None:
    # lines so long that few make a block, with blanks between them: fewer than a hundred captures, of over 4 MB
    padding = b" " * 300_000
    lines = [line for number in range(1, 60) for line in (*[b""] * 120, genuine(number) + padding)]
    (signing.folder / "a").write_bytes(archive(genuine(0), *lines))
    one, two = (signing("verify", "a", "--format", "ndjson", "--jobs", jobs) for jobs in ("1", "3"))
    assert one.raw_out == two.raw_out
    *records, _ = one.records
    assert [record["event_id"] for record in records] == [f"evt_{number}" for number in range(60)]
    assert all(record["drift"] for record in records)


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
def test_an_archive_comes_from_standard_input_too(signing: Cli, zipped: bool) -> None:
    data = archive(*(genuine(number) for number in range(3000)))
    result = signing("verify", "-", "--format", "json", stdin=gzip.compress(data) if zipped else data)
    assert (result.code, result.document["summary"]["valid"]) == (0, 3000)
    assert result.document["results"][-1]["source"] == "-:3000"


def test_a_line_over_the_limit_is_an_error_for_that_line_only(signing: Cli) -> None:
    long = genuine(2)[:-1] + b" " * 3 * MEBIBYTE + b"}"
    (signing.folder / "a").write_bytes(archive(genuine(1), long, genuine(3)))
    result = signing("verify", "a", "--max-line", str(2 * MEBIBYTE), "--format", "ndjson")
    first, second, third, _ = result.records
    assert (result.code, first["valid"], third["valid"]) == (3, True, True)
    assert second["source"] == "a:2"
    assert second["error"] == "the line is longer than 2 MiB"
    assert "--max-line" in second["hint"]
    assert signing("verify", "a", "-q").code == 0


def test_a_broken_archive_in_gzip_tells_what_came_before_the_break(signing: Cli) -> None:
    data = gzip.compress(archive(*(genuine(number) for number in range(8000))), 1)
    (signing.folder / "a.gz").write_bytes(data[: len(data) * 3 // 4])
    result = signing("verify", "a.gz", "--format", "ndjson")
    *records, broken, summary = result.records
    assert result.code == 3
    assert broken["error"] == "cannot read it: the gzip data are cut off"
    assert len(records) > 1000
    assert summary["valid"] >= len(records) - 1


def test_in_bulk_the_names_of_files_may_be_any_bytes(signing: Cli) -> None:
    name = os.fsdecode(b"\xff\n\x1b.ndjson")
    (signing.folder / name).write_bytes(archive(*(genuine(number) for number in range(150))))
    result = signing("verify", ".", "--format", "ndjson")
    assert result.code == 0
    assert {record["source"] for record in result.records[:-1]} == {f"{name}:{number}" for number in range(1, 151)}
    text = signing("verify", ".")
    assert (text.code, len(text.out.splitlines()) > 150) == (0, True)
    assert "\\udcff\\n\\x1b.ndjson:150  order.paid  valid" in text.out


# the end before the end


def _children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in listed.stdout.split()]


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # one that has ended and that nobody has asked about is still listed
    return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")


def _all_end(pids: list[int]) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if all(_gone(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def _drain(process: subprocess.Popen[bytes], into: list[bytes]) -> threading.Thread:
    assert process.stdout is not None
    stream = process.stdout
    thread = threading.Thread(target=lambda: into.extend(iter(lambda: stream.read(65536), b"")))
    thread.start()
    return thread


@needs_fork
@pytest.mark.parametrize("whom", ["group", "parent"])
@pytest.mark.parametrize("form", ["json", "ndjson", "text"])
def test_ctrl_c_ends_in_a_summary_and_leaves_no_process_behind(signing: Cli, large: Path, whom: str, form: str) -> None:
    arguments = [sys.executable, "-m", "hookctl", "verify", str(large), "--jobs", "2", "--format", form]
    process = subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=signing.folder,
        env=signing.environment(),
        start_new_session=True,
    )
    pieces: list[bytes] = []
    with process:
        try:
            reader = _drain(process, pieces)
            while not (children := _children(process.pid)):
                assert process.poll() is None
                time.sleep(0.02)
            (os.killpg if whom == "group" else os.kill)(process.pid, signal.SIGINT)
            code = process.wait(60)
            reader.join(10)
            assert process.stderr is not None
            err = process.stderr.read()
        finally:
            process.kill()
    assert (code, err) == (130, b"")
    assert _all_end(children)
    out = b"".join(pieces).decode()
    if form == "text":
        assert out.rstrip("\n").rpartition("\n")[2].startswith("interrupted after ")
        return
    document = schemas.document(out) if form == "json" else None
    summary = document["summary"] if document is not None else schemas.record(out.splitlines()[-1])
    count = len(document["results"]) if document is not None else len(out.splitlines()) - 1
    assert summary["interrupted"] is True
    # what is counted is what was told
    assert (summary["total"], summary["valid"]) == (count, count)
    assert 0 < count < 240_000


@needs_fork
def test_a_killed_process_is_told_and_is_no_bug(signing: Cli, large: Path) -> None:
    with under_way(signing, "verify", str(large), "--jobs", "2", "--format", "ndjson") as process:
        reader = _drain(process, [])
        while not (children := _children(process.pid)):
            assert process.poll() is None
            time.sleep(0.02)
        os.kill(children[0], signal.SIGKILL)
        code = process.wait(60)
        reader.join(10)
        assert process.stderr is not None
        err = process.stderr.read().decode()
    assert code == 3
    assert "a process that examined captures was killed" in err
    assert "--jobs 1" in err
    assert "Traceback" not in err
    assert _all_end(children)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_when_the_reader_goes_away_it_ends_quietly(signing: Cli, mixed: bytes, jobs: str) -> None:
    (signing.folder / "a").write_bytes(mixed)
    with under_way(signing, "verify", "a", "--format", "ndjson", "--jobs", jobs) as process:
        assert schemas.record(line_of(process))["source"] == "a:1"
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        err = process.stderr.read()
        # the truth about the archive, all the same
        assert (process.wait(60), err) == (3, b"")


@pytest.mark.parametrize("form", ["text", "json", "ndjson"])
def test_a_full_disk_is_an_error(signing: Cli, mixed: bytes, form: str) -> None:
    (signing.folder / "a").write_bytes(mixed)
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "hookctl", "verify", "a", "--format", form],
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=signing.folder,
            env=signing.environment(),
            timeout=60,
            check=False,
        )
    assert done.returncode == 3
    assert done.stderr.decode().startswith("error: cannot write to standard output: No space left on device")
    assert b"Traceback" not in done.stderr


# progress


def test_the_bar_is_there_on_a_terminal_and_gone_at_the_end(signing: Cli, mixed: bytes) -> None:
    (signing.folder / "a").write_bytes(mixed)
    screen = on_terminal(signing, "verify", "a", "-q", "--jobs", "1", env={"COLUMNS": None})
    assert screen.code == 3
    assert re.search(r"━.* [\d,]+ captures .*[\d,]+/s .* [\d,]+ failed", screen.text)
    assert all(len(frame) <= 80 for frame in re.split(r"\x1b\[[?0-9]+[a-zA-Z]|[\r\n]", screen.text))
    # the cursor is shown again and what was drawn last is erased before the counts
    after = screen.raw.rpartition("\x1b[2K")[2]
    assert screen.raw.count("\x1b[?25l") == screen.raw.count("\x1b[?25h") == 1
    assert "━" not in after
    assert " captures: " in after


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {}], ids=["dumb", "pipe"])
def test_no_bar_where_nobody_sees_it(signing: Cli, mixed: bytes, env: dict[str, str]) -> None:
    (signing.folder / "a").write_bytes(mixed)
    if env:
        assert "\x1b" not in on_terminal(signing, "verify", "a", "-q", env=env).raw
        return
    result = signing("verify", "a", "-q")
    assert result.err == ""
    assert len(result.out.splitlines()) < 10


# memory


def _watched(cli: Cli, *arguments: str) -> tuple[int, str, float, float]:
    """Run hookctl; return its exit code, output, seconds, and the peak of its largest process in MiB."""
    began_s = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "hookctl", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        cwd=cli.folder,
        env=cli.environment(),
    )
    pieces: list[bytes] = []
    peak_kib = 0
    with process:
        reader = _drain(process, pieces)
        while process.poll() is None:
            peak_kib = max(peak_kib, *(_peak_kib(pid) for pid in (process.pid, *_children(process.pid))))
            time.sleep(0.1)
        reader.join(10)
    return process.returncode, b"".join(pieces).decode(), time.monotonic() - began_s, peak_kib / 1024


def _peak_kib(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)


def _gigabyte(path: Path) -> Iterator[int]:
    """Write an archive of 1 GB in which one line has 200 MB, mostly holes; yield how many captures it holds."""
    block = archive(*(genuine(number) for number in range(2000)))
    # blank lines of 4 MB: read like any other, and nothing to examine
    with path.open("wb") as stream:
        stream.write(block)
        stream.write(b'{"schema":"hookctl.capture/1","body":"')
        stream.seek(200_000_000, os.SEEK_CUR)
        stream.write(b'"}\n')
        for _ in range(100):
            stream.write(b" " * 7_999_999 + b"\n")
            stream.write(block[: block.index(b"\n") + 1])
        stream.write(block)
    yield 2000 + 1 + 100 + 2000


@pytest.mark.slow
@needs_fork
def test_memory_stays_under_100_mib_for_a_gigabyte_with_a_line_of_200_mb(signing: Cli) -> None:
    path = signing.folder / "a.ndjson"
    (captures,) = _gigabyte(path)
    assert path.stat().st_size > 1_000_000_000
    code, out, seconds, peak_mib = _watched(signing, "verify", "a.ndjson", "--format", "ndjson", "--jobs", "2")
    records = schemas.records(out)
    summary = records[-1]
    assert (code, summary["total"], summary["unreadable"]) == (3, captures, 1)
    (long,) = [record for record in records if record["type"] == "unreadable"]
    assert (long["source"], long["error"]) == ("a.ndjson:2001", "the line is longer than 8 MiB")
    assert peak_mib < 100
    assert seconds < 60


@pytest.mark.slow
@needs_fork
def test_memory_stays_under_100_mib_for_many_captures(signing: Cli, large: Path) -> None:
    code, out, _, peak_mib = _watched(signing, "verify", str(large), "-q", "--jobs", "2")
    assert (code, out.splitlines()[-1]) == (0, "120,000 captures: 120,000 valid, 120,000 not as the schema says")
    assert peak_mib < 100
