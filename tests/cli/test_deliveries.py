"""`hookctl deliveries`: what was received is listed, shown, exported so that it verifies, and pruned."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hookctl.model import CapturedResponse, Diagnosis, Reason, Verdict
from hookctl.report.safe import UNSAFE
from hookctl.store import Forwarded, Outcome, Store, default_path
from tests.cli.inprocess import run_here
from tests.cli.processes import under_way
from tests.cli.signed import arcade, arky
from tests.cli.terminal import on_terminal
from tests.harness import ARKY_SECRET
from tests.store.material import FORGED, arrival, clock
from tests.test_loading import NEVER_IN_A_SHORT_COMMAND, load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hookctl.model import RawHeaders
    from hookctl.store import Arrival
    from tests.cli.signed import Lines
    from tests.harness import Cli

DIAGNOSED = Verdict(valid=False, reason=Reason.MISMATCH, diagnosis=Diagnosis.BODY_RESERIALISED)
ROTATED = Verdict(valid=True, reason=Reason.OK, diagnosis=Diagnosis.PREVIOUS_SECRET, age_s=3.0)
ANSWER = CapturedResponse(502, ((b"Content-Type", b"text/plain"),), b"no app here")
ID = r"dl_[0-9A-Z]{18}"


def keep(cli: Cli, *arrivals: Arrival, outcomes: Sequence[tuple[int, Forwarded]] = ()) -> list[str]:
    """Put deliveries into the store that the command line reads, and return their ids."""
    with Store.open(default_path(cli.environment()), clock=clock) as store, store.writer() as writer:
        ids = [one.id for one in writer.write(arrivals)]
        writer.write([], [Outcome(ids[number], forwarded=forwarded) for number, forwarded in outcomes])
    return ids


def run_into(cli: Cli, stream: BinaryIO, *arguments: str) -> tuple[int, bytes]:
    """Run the command with its standard output in a file; return its exit code and standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "hookctl", "deliveries", *arguments],
        stdout=stream,
        stderr=subprocess.PIPE,
        cwd=cli.folder,
        env=cli.environment(),
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


def raw(lines: Lines) -> RawHeaders:
    return tuple((name.encode(), value.encode()) for name, value in lines)


@pytest.fixture
def some(cli: Cli) -> list[str]:
    """Keep four deliveries of four kinds; their ids, the oldest first."""
    return keep(
        cli,
        arrival(0, response=CapturedResponse(200)),
        arrival(1, event="order.cancelled", verdict=DIAGNOSED, response=ANSWER),
        arrival(2, event_id="evt_0", response=CapturedResponse(200)),
        arrival(3, provider=None, event=None, verdict=FORGED),
        outcomes=[
            (0, Forwarded("http://localhost:3000/hook", 200, 12.3456)),
            (1, Forwarded("http://localhost:3000/hook", None, 1.0, "nothing listens on localhost:3000")),
        ],
    )


def test_without_a_store_there_is_a_note_and_no_store_afterwards(cli: Cli) -> None:
    for arguments in ([], ["list"], ["export"], ["prune", "--keep", "0"]):
        result = run_here(cli, "deliveries", *arguments)
        assert (result.code, result.out) == (0, "")
        assert "nothing has been received yet; `hookctl listen`" in result.err
    for form in ("json", "ndjson"):
        result = run_here(cli, "deliveries", "--format", form)
        records = result.document if form == "json" else {"results": [], "summary": result.records[0]}
        assert (result.code, records) == (0, {"results": [], "summary": {"type": "summary", "total": 0}})
        assert "nothing has been received yet" in result.err
    for arguments in (["show", "last"], ["export", "last"]):
        result = run_here(cli, "deliveries", *arguments)
        assert (result.code, result.out) == (3, "")
        assert result.err == (
            "error: nothing has been received yet\n hint: `hookctl listen` receives deliveries and keeps them\n"
        )
    assert not default_path(cli.environment()).parent.exists()


def test_a_listing_has_a_line_for_each_the_newest_first(cli: Cli, some: list[str]) -> None:
    result = cli("deliveries", env={"TZ": "Asia/Kolkata", "PYTHONUTF8": "1"})
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        f"✗ {some[3]} 2024-01-01 --- POST /hook?a=b  mismatch",
        f"✓ {some[2]} 2024-01-01 200 order.paid      valid  2nd time",
        f"✗ {some[1]} 2024-01-01 502 order.cancelled mismatch (body_reserialised)",
        f"✓ {some[0]} 2024-01-01 200 order.paid      valid",
        "4 deliveries",
    ]
    assert cli("deliveries", "list", env={"TZ": "Asia/Kolkata", "PYTHONUTF8": "1"}) == result


def test_a_listing_says_how_many_of_how_many_it_shows(cli: Cli) -> None:
    keep(cli, *(arrival(number) for number in range(25)))
    for arguments, lines, footer in (
        ([], 20, "20 of 25 deliveries (--limit 0 lists all)"),
        (["--limit", "0"], 25, "25 deliveries"),
        (["--limit", "1", "--event", "order.*"], 1, "1 of 25 matching deliveries (--limit 0 lists all)"),
        (["--id", "evt_7"], 1, "1 matching delivery"),
        (["--invalid"], 0, "no stored delivery matches"),
    ):
        result = run_here(cli, "deliveries", *arguments)
        assert (result.code, len(result.out.splitlines()) - 1, result.out.splitlines()[-1]) == (0, lines, footer)
    run_here(cli, "deliveries", "prune", "--keep", "0")
    assert run_here(cli, "deliveries").out == "the store is empty\n"


FILTERED: list[tuple[list[str], list[int]]] = [
    (["--event", "order.*"], [2, 1, 0]),
    (["--event", "order.paid", "--reverse"], [0, 2]),
    (["--provider", "arky", "--invalid"], [1]),
    (["--valid"], [2, 0]),
    (["--reason", "mismatch"], [3, 1]),
    (["--status", "502"], [1]),
    (["--status", "2xx"], [2, 0]),
    (["--id", "evt_0"], [2, 0]),
    (["--since", "2024-01-01T00:00:00.002Z"], [3, 2]),
    (["--since", "2024-01-01T00:00:00.001Z", "--until", "2024-01-01T00:00:00.003Z"], [2, 1]),
    (["--since", "1h"], []),
    (["--until", "1h", "--limit", "2"], [3, 2]),
]


@pytest.mark.parametrize(("arguments", "expected"), FILTERED, ids=[" ".join(arguments) for arguments, _ in FILTERED])
def test_a_listing_has_what_was_asked_for(cli: Cli, some: list[str], arguments: list[str], expected: list[int]) -> None:
    result = run_here(cli, "deliveries", *arguments, "--format", "ndjson")
    *records, summary = result.records
    assert [some.index(record["id"]) for record in records] == expected
    assert (result.code, result.err, summary) == (0, "", {"type": "summary", "total": len(expected)})
    document = run_here(cli, "deliveries", "list", *arguments, "--format", "json").document
    assert document == {"results": records, "summary": summary}


def test_a_record_is_that_of_a_listener(cli: Cli, some: list[str]) -> None:
    result = run_here(cli, "deliveries", "--status", "502", "--format", "ndjson")
    assert json.dumps(result.records[0]) == json.dumps(
        {
            "type": "request",
            "id": some[1],
            "received_at": "2024-01-01T00:00:00.001Z",
            "event": "order.cancelled",
            "event_id": "evt_1",
            "provider": "arky",
            "valid": False,
            "reason": "mismatch",
            "response_status": 502,
            "forwarded": {
                "url": "http://localhost:3000/hook",
                "status": None,
                "duration_ms": 1.0,
                "error": "nothing listens on localhost:3000",
            },
            "diagnosis": "body_reserialised",
            "age_s": None,
            "occurrence": 1,
            "method": "POST",
            "target": "/hook?a=b",
            "body_bytes": 12,
        }
    )


def test_show_has_everything(cli: Cli, some: list[str]) -> None:
    for reference in (some[1], some[1].lower()):
        result = cli("deliveries", "show", reference, env={"TZ": "Asia/Kolkata", "PYTHONUTF8": "1"})
        assert (result.code, result.err) == (0, "")
        assert result.out == (
            f"{some[1]}\n"
            "  received  2024-01-01 05:30:00.001 +0530\n"
            "  event     order.cancelled\n"
            "  event id  evt_1\n"
            "  provider  arky\n"
            "  verdict   ✗ mismatch (body_reserialised)\n"
            "  answered  502\n"
            "  passed on http://localhost:3000/hook  no answer  1 ms\n"
            "            nothing listens on localhost:3000\n"
            "\n"
            "  > POST /hook?a=b HTTP/1.1\n"
            "  > X-Name: value\n"
            "  >\n"
            '  > {"number":1}\n'
            "\n"
            "  < 502\n"
            "  < Content-Type: text/plain\n"
            "  <\n"
            "  < no app here\n"
        )
    assert "for the 2nd time" in cli("deliveries", "show", some[2]).out
    assert cli("deliveries", "show", "last").out.startswith(some[3])


def test_show_has_everything_for_programs_too(cli: Cli) -> None:
    (id_,) = keep(cli, arrival(0, body=b"\xff\x00", headers=((b"X", b"\xe9"),), response=ANSWER, verdict=ROTATED))
    (listed, _) = run_here(cli, "deliveries", "--format", "ndjson").records
    shown, summary = run_here(cli, "deliveries", "show", id_, "--format", "ndjson").records
    assert shown == {
        **listed,
        "headers": [["X", "é"]],
        "body": None,
        "body_b64": "/wA=",
        "response": {"status": 502, "headers": [["Content-Type", "text/plain"]], "body": "no app here"},
    }
    assert (summary, listed["diagnosis"], listed["age_s"]) == ({"type": "summary", "total": 1}, "previous_secret", 3.0)
    assert run_here(cli, "deliveries", "show", id_, "--format", "json").document == {
        "results": [shown],
        "summary": summary,
    }


@pytest.mark.parametrize("body", [b"\n".join(b"line %d" % number for number in range(100)), b"x" * 50_000 + b"line 99"])
def test_show_cuts_a_long_body_unless_all_of_it_is_wanted(cli: Cli, body: bytes) -> None:
    keep(cli, arrival(0, body=body))
    short, whole = run_here(cli, "deliveries", "show", "last"), run_here(cli, "deliveries", "show", "last", "-v")
    assert "line 99" in whole.out
    assert "line 99" not in short.out
    assert len(short.out) < 9_000
    assert short.out.endswith(f"  > ({len(body):,} bytes in all: -v shows them)\n")


UNKNOWN = [
    ["show", "dl_ZZZ"],
    ["show", "nonsense"],
    ["export", "last", "dl_ZZZ"],
    ["show", "dl_01HK"],
]


@pytest.mark.parametrize("arguments", UNKNOWN, ids=" ".join)
@pytest.mark.usefixtures("some")
def test_3_for_an_id_that_is_unknown_or_several(cli: Cli, arguments: list[str]) -> None:
    result = run_here(cli, "deliveries", *arguments)
    assert (result.code, result.out) == (3, "")
    assert result.err.startswith("error: ")
    assert " hint: " in result.err


WRONG = [
    (["--reason", "mismach"], "did you mean 'mismatch'?"),
    (["--status", "abc"], "500"),
    (["--since", "soon"], "7d"),
    (["--limit", "-1"], "--limit"),
    (["--frobnicate"], "--frobnicate"),
    (["shwo"], "did you mean 'show'"),
    (["dl_01HK153X"], "hookctl deliveries show dl_01HK153X"),
    (["last"], "hookctl deliveries show last"),
    (["show"], "ID"),
    (["export", "last", "--valid"], "ids"),
    (["export", "--format", "har"], "har"),
    (["prune"], "--older-than"),
    (["prune", "--older-than", "7"], "7d"),
    (["prune", "--older-than", "2024-01-01T00:00:00Z"], "7d"),
    (["prune", "--keep", "-1"], "--keep"),
]


@pytest.mark.parametrize(("arguments", "named"), WRONG, ids=[" ".join(arguments) for arguments, _ in WRONG])
def test_2_for_what_cannot_be_meant(cli: Cli, arguments: list[str], named: str) -> None:
    result = run_here(cli, "deliveries", *arguments)
    assert (result.code, result.out) == (2, "")
    assert named in result.err


BODIES = [
    b'{"id":"evt_1","event":"order.paid","timestamp":1704067200,"data":{}}',
    b'{"id":"evt_2","event":"order.paid"}\n',
    b'{"id":"evt_3",\r\n"event":"order.paid"}\r\n\r\n',
    b'{"id":"evt_4","text":"it\'s $HOME `date` \\\\ \xe2\x9c\x93 \xc2\x9b"}',
    b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    b"\xff\xfe\x00\x01",
    b"\xef\xbb\xbf{}",
    b"",
]


@pytest.mark.parametrize("form", ["capture", "http", "curl"])
@pytest.mark.parametrize("to_file", [True, False], ids=["to a file", "to standard output"])
def test_what_is_exported_verifies(signing: Cli, form: str, to_file: bool) -> None:
    host = ((b"Host", b"localhost:3000"),)
    arrivals = []
    for number, body in enumerate(BODIES):
        framed = ((b"Transfer-Encoding", b"chunked"),) if number % 2 else ((b"Content-Length", b"%d" % len(body)),)
        lines = arcade(body) if number % 3 == 2 else arky(body)
        arrivals.append(arrival(number, body=body, headers=(*host, *framed, *raw(lines)), response=ANSWER))
    keep(signing, *arrivals)
    path = signing.folder / "out" / "export"
    if to_file:
        result = signing("deliveries", "export", "--format", form, "-o", "out/export")
        assert (result.code, result.out) == (0, "")
        assert result.err == f" note: exported {len(BODIES)} deliveries to out/export\n"
    else:
        path.parent.mkdir()
        with path.open("wb") as stream:
            assert run_into(signing, stream, "export", "--format", form) == (0, b"")
    verified = signing("verify", "out/export", "--format", "ndjson")
    *verdicts, summary = verified.records
    assert (verified.code, summary["valid"], summary["total"]) == (0, len(BODIES), len(BODIES)), verified.out
    # in the order in which they came
    assert [verdict["provider"] for verdict in verdicts] == [
        "arcade" if number % 3 == 2 else "arky" for number in range(len(BODIES))
    ]
    assert all(verdict["notes"] == [] for verdict in verdicts)


def test_an_export_is_of_these_ids_in_this_order_or_of_what_the_filters_let_through(cli: Cli, some: list[str]) -> None:
    def exported(*arguments: str) -> list[str]:
        result = run_here(cli, "deliveries", "export", *arguments)
        assert (result.code, result.err) == (0, "")
        return [record["id"] for record in result.records]

    assert exported() == some
    assert exported(some[2], "last", some[0]) == [some[2], some[3], some[0]]
    assert exported("--invalid") == [some[1], some[3]]
    assert exported("--id", "nothing has it") == []


def test_an_export_that_fails_leaves_the_old_file(cli: Cli, some: list[str]) -> None:
    (cli.folder / "file").write_bytes(b"old")
    result = run_here(cli, "deliveries", "export", some[0], "dl_ZZZ", "-o", "file")
    assert (result.code, (cli.folder / "file").read_bytes()) == (3, b"old")
    assert [path.name for path in cli.folder.iterdir()] == ["file"]
    result = run_here(cli, "deliveries", "export", "-o", "file/below")
    assert (result.code, "cannot write" in result.err) == (3, True)


def test_an_export_is_never_masked_and_what_is_shown_always_is(signing: Cli) -> None:
    body = f'{{"echo":"{ARKY_SECRET}"}}'.encode()
    header = ((b"Authorization", f"Bearer {ARKY_SECRET}".encode()),)
    answer = CapturedResponse(200, header, body)
    keep(signing, arrival(0, body=body, headers=header, event=ARKY_SECRET, event_id=ARKY_SECRET, response=answer))
    for form in ("capture", "http", "curl"):
        assert ARKY_SECRET in run_here(signing, "deliveries", "export", "--format", form).out
    for arguments in (["list"], ["show", "last"], ["show", "last", "-v"]):
        for form in ("text", "json", "ndjson"):
            result = run_here(signing, "deliveries", *arguments, "--format", form)
            assert result.code == 0
            assert ARKY_SECRET not in result.out + result.err
            assert "[secret]" in result.out


def test_a_prune_takes_what_it_says(cli: Cli) -> None:
    now_ms = time.time_ns() // 1_000_000
    keep(cli, *(arrival(number, at_ms=now_ms - number * 86_400_000 - 1000) for number in range(10)))
    result = run_here(cli, "deliveries", "prune", "--older-than", "5d", "--dry-run")
    assert (result.code, result.out) == (0, "would remove 5 deliveries, 5 would be left\n")
    result = run_here(cli, "deliveries", "prune", "--older-than", "5d")
    assert result.code == 0
    assert re.fullmatch(r"removed 5 deliveries, .+ given back, 5 left\n", result.out)
    result = run_here(cli, "deliveries", "prune", "--keep", "4", "--older-than", "5d", "--format", "ndjson")
    (summary,) = result.records
    assert list(summary) == ["type", "removed", "left", "freed_bytes", "dry_run"]
    assert (result.code, summary["type"], summary["removed"], summary["left"]) == (0, "summary", 1, 4)
    result = run_here(cli, "deliveries", "prune", "--older-than", "5d")
    assert (result.code, result.out) == (0, "removed 0 deliveries, 0 bytes given back, 4 left\n")


HOSTILE = "\x1b[2J\x1b]0;title\x07\x9b31m\u202e\u2028日本語\ud800 " + "e" * 200


@pytest.mark.parametrize("columns", [80, 100, 200])
def test_a_listing_fits_its_terminal_whatever_the_names_are(cli: Cli, columns: int) -> None:
    names = ["order.paid", HOSTILE, "日本語" * 40, "e" + "\u0301" * 500, None]
    verdicts = [DIAGNOSED, ROTATED, FORGED, Verdict(valid=False, reason=Reason.MALFORMED_TIMESTAMP)]
    keep(
        cli,
        *(
            arrival(
                number, event=names[number % 5], event_id="evt", verdict=verdicts[number % 4], target="/" + "x" * 300
            )
            for number in range(20)
        ),
    )
    screen = on_terminal(cli, "deliveries", columns=columns)
    lines = screen.text.splitlines()
    assert (screen.code, len(lines)) == (0, 21)
    assert len(screen.widest.replace("\u0301", "")) <= columns, screen.widest
    assert not UNSAFE.search(screen.text.replace("\n", ""))
    assert all(re.match(rf"[✓✗] {ID} 2024-01-01 --- \S", line) for line in lines[:-1])
    assert sum("20th time" in line for line in lines) == 1


def test_the_columns_of_a_listing_stand_below_each_other(cli: Cli) -> None:
    events = ["order.paid", "a", "subscription.renewed"]
    keep(cli, *(arrival(number, event=event) for number, event in enumerate(events)))
    lines = on_terminal(cli, "deliveries").text.splitlines()[:-1]
    assert {line.index(" valid") for line in lines} == {len(lines[0]) - len(" valid")}


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60), st.text(max_size=30), st.binary(max_size=20).filter(lambda value: b"\n" not in value))
def test_nothing_that_is_stored_acts_on_a_terminal(cli: Cli, body: bytes, name: str, value: bytes) -> None:
    answer = CapturedResponse(200, ((b"X", value),), body)
    keep(cli, arrival(0, event=name, event_id=name, body=body, headers=((value, value),), target=name, response=answer))
    for arguments in (["list", "--limit", "1"], ["show", "last"], ["show", "last", "-v"]):
        result = run_here(cli, "deliveries", *arguments)
        assert result.code == 0
        assert not UNSAFE.search(result.out.replace("\n", "").replace("\t", ""))


@pytest.mark.parametrize("form", ["capture", "http", "curl"])
def test_an_export_to_a_terminal_is_safe(cli: Cli, form: str) -> None:
    keep(cli, arrival(0, body=b"\x1b[2J\x9b\xff\r\n", headers=((b"X", b"\x9b"),)))
    screen = on_terminal(cli, "deliveries", "export", "--format", form)
    assert screen.code == 0
    assert not UNSAFE.search(screen.raw.replace("\r\n", ""))


@pytest.mark.parametrize(
    "arguments", [["--limit", "0"], ["export"], ["--limit", "0", "--format", "json"]], ids=" ".join
)
def test_a_reader_that_goes_away_is_no_error(cli: Cli, arguments: list[str]) -> None:
    keep(cli, *(arrival(number, body=b"x" * 500) for number in range(3000)))
    with under_way(cli, "deliveries", *arguments) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert (process.wait(30), process.stderr.read()) == (0, b"")


@pytest.mark.parametrize("arguments", [[], ["show", "last"], ["export"], ["export", "-o", "/dev/full"]], ids=" ".join)
@pytest.mark.usefixtures("some")
def test_3_when_the_output_is_full(cli: Cli, arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        code, err = run_into(cli, full, *arguments)
    assert code == 3
    assert err.startswith(b"error: cannot write ")
    assert b"No space left on device" in err


@pytest.mark.parametrize(
    "arguments",
    [[], ["--format", "json"], ["show", "last"], ["export", "--format", "http"], ["prune", "--keep", "9"]],
    ids=" ".join,
)
@pytest.mark.usefixtures("some")
def test_no_slow_library_is_loaded_but_the_stores(cli: Cli, arguments: list[str]) -> None:
    result = load(cli, "deliveries", *arguments)
    assert result.code == 0
    assert result.modules & {*NEVER_IN_A_SHORT_COMMAND, "uvloop", "sqlite3"} == {"sqlite3"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--help"], 0), (["export", "--help"], 0), (["--status", "x"], 2), (["--since", "x"], 2), (["prune"], 2)],
    ids=str,
)
def test_help_and_a_wrong_command_line_load_no_slow_library(cli: Cli, arguments: list[str], code: int) -> None:
    result = load(cli, "deliveries", *arguments)
    assert result.code == code
    assert not result.modules & {*NEVER_IN_A_SHORT_COMMAND, "uvloop", "sqlite3"}


@pytest.mark.parametrize("command", ["list", "show", "export", "prune"])
def test_the_help_of_each_command_fits_80_columns(cli: Cli, command: str) -> None:
    screen = on_terminal(cli, "deliveries", command, "--help")
    assert (screen.code, len(screen.widest) <= 80) == (0, True), screen.widest
    assert screen.text == cli("deliveries", command, "-h").out


_PEAK = """
import resource, sys
from hookctl.cli.main import main
code = main(sys.argv[1:])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
sys.stderr.write(f"{code} {peak // 1024 if sys.platform == 'darwin' else peak}")
"""

# a process is charged with the memory of the one that has started it: here a small one, not the test's own
_THROUGH_A_SHELL = ["sh", "-c", '"$@"; exit', "sh"]


@pytest.mark.slow
def test_40_000_deliveries_are_exported_and_listed_in_little_memory(cli: Cli) -> None:
    for begin in range(0, 40_000, 10_000):
        keep(cli, *(arrival(number, body=b"%d" % number + b"x" * 1500) for number in range(begin, begin + 10_000)))
    for arguments in (["export", "--format", "capture"], ["--limit", "0", "--format", "ndjson"], ["list"]):
        with Path("/dev/null").open("wb") as null:
            began = time.monotonic()
            done = subprocess.run(
                [*_THROUGH_A_SHELL, sys.executable, "-c", _PEAK, "deliveries", *arguments],
                stdout=null,
                stderr=subprocess.PIPE,
                cwd=cli.folder,
                env=cli.environment(),
                timeout=100,
                check=True,
            )
            duration_s = time.monotonic() - began
        code, peak_kib = done.stderr.split()
        assert (code, int(peak_kib) < 100_000, duration_s < 60) == (b"0", True, True), (arguments, peak_kib, duration_s)
