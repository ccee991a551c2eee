"""hookctl against real receivers, written by the vendors' rules and not with hookctl's code."""

from __future__ import annotations

import hashlib
import json
import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from hookctl.catalogue import load_catalogue
from hookctl.model import Tamper
from tests.cli.inprocess import run_here
from tests.cli.recorder import recording
from tests.harness import ARCADE_SECRET, ARKY_SECRET, Cli
from tests.receivers import launch
from tests.receivers.launch import PROGRAMS, SECRET_ENV, Program, RunningReceiver, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRETS = {"arky": ARKY_SECRET, "arcade": ARCADE_SECRET}
OLD_SECRET = "arcade secret before the rotation"

ARKY = [program for program in PROGRAMS if program.provider == "arky"]
ARCADE = [program for program in PROGRAMS if program.provider == "arcade"]

# every byte there is, twice over in an odd order: NUL, CR LF, a byte order mark and bad UTF-8 among them
ODD_BYTES = b"\xef\xbb\xbf" + bytes(range(256)) + b"\r\n\r\n" + bytes(reversed(range(256))) + b"\n"


def named(value: object) -> str:
    """Return the part of a test's id that stands for a parameter."""
    return value.name if isinstance(value, Program) else str(value)


def require_tools() -> None:
    """Fail, never skip: a run without the receivers would be green and prove nothing."""
    missing = launch.missing_tools()
    if missing is not None:
        pytest.fail(f"the receivers cannot run without {missing}", pytrace=False)


class Fleet:
    """Starts each receiver once for all the tests here, for each secret it is asked to hold."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._running: dict[tuple[str, str], RunningReceiver] = {}

    def get(self, program: Program, secret: str | None = None) -> RunningReceiver:
        key = (program.name, secret or SECRETS[program.provider])
        if key not in self._running:
            self._running[key] = self._stack.enter_context(running(program, key[1]))
        return self._running[key]


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    require_tools()
    with ExitStack() as stack:
        yield Fleet(stack)


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("program", PROGRAMS, ids=named)
def test_every_event_is_accepted_and_arrives_as_it_was_rendered(fleet: Fleet, cli: Cli, program: Program) -> None:
    receiver = fleet.get(program)
    # seeded and dated, so that a dry run renders the very bytes that are sent
    arguments = ["send", "--provider", program.provider, "--all", "--to", receiver.url]
    arguments += ["--format", "ndjson", "--seed", str(PROGRAMS.index(program)), "--at", "2026-02-03T04:05:06.789Z"]
    before = len(receiver.records())
    sent = cli.with_secrets()(*arguments)
    shown = cli.with_secrets()(*arguments, "--dry-run")
    assert (sent.code, shown.code) == (0, 0), sent.out
    *deliveries, summary = sent.records
    *previews, _ = shown.records
    events = [event.name for event in load_catalogue(program.provider).events]
    assert [delivery["event"] for delivery in deliveries] == events
    assert [(delivery["status"], delivery["ok"]) for delivery in deliveries] == [(200, True)] * len(events)
    assert (summary["total"], summary["ok"]) == (len(events), len(events))
    records = receiver.wait_records(before + len(events))[before:]
    for delivery, preview, record in zip(deliveries, previews, records, strict=True):
        assert record["status"] == 200
        assert record["event"] == delivery["event"] == preview["event"]
        assert record["id"] == delivery["event_id"] == preview["event_id"]
        assert record["body_sha256"] == sha256(preview["body"].encode())
    # an id of its own for every Arky event; Arcade has none
    ids = {str(record["id"]) for record in records}
    assert ids == {"None"} if program.provider == "arcade" else len(ids) == len(events)


def _refusals() -> list[tuple[Program, Tamper, int]]:
    """Return every receiver with every kind of bad delivery that its scheme knows, and the documented refusal."""
    arky = dict.fromkeys(Tamper, 401)
    arcade = dict.fromkeys(Tamper, 403) | {Tamper.MISSING: 401}
    del arcade[Tamper.TIMESTAMP]  # Arcade signs none
    expected = {"arky": arky, "arcade": arcade}
    return [(program, kind, status) for program in PROGRAMS for kind, status in expected[program.provider].items()]


@pytest.mark.parametrize(("program", "kind", "status"), _refusals(), ids=named)
def test_a_bad_delivery_is_refused_as_documented_and_that_is_success(
    fleet: Fleet, cli: Cli, program: Program, kind: Tamper, status: int
) -> None:
    receiver = fleet.get(program)
    event = load_catalogue(program.provider).events[0].name
    before = len(receiver.records())
    arguments = ("send", event, "--to", receiver.url, "--tamper", kind, "--format", "ndjson")
    result = run_here(cli.with_secrets(), *arguments)
    delivery, _ = result.records
    assert (result.code, delivery["status"], delivery["ok"]) == (0, status, True)
    assert [record["status"] for record in receiver.wait_records(before + 1)[before:]] == [status]


@pytest.mark.parametrize(("program", "status"), [(p, 401 if p in ARKY else 403) for p in PROGRAMS], ids=named)
def test_a_wrong_secret_is_refused_and_exit_code_1_unless_expected(
    fleet: Fleet, cli: Cli, program: Program, status: int
) -> None:
    receiver = fleet.get(program)
    event = load_catalogue(program.provider).events[0].name
    # one character more: a receiver that trims, or compares a prefix, would be caught
    wrong = {SECRET_ENV[program.provider]: SECRETS[program.provider] + " "}
    result = cli("send", event, "--to", receiver.url, env=wrong)
    assert result.code == 1
    assert f"expected 2xx, answered {status}" in result.out
    assert SECRET_ENV[program.provider] in result.out  # the hint says which secret to compare
    expecting = cli("send", event, "--to", receiver.url, "--expect", str(status), "-q", env=wrong)
    assert expecting.code == 0


@pytest.mark.parametrize("kind", Tamper)
def test_a_bad_delivery_that_is_accepted_is_exit_code_1_and_the_receivers_fault(cli: Cli, kind: Tamper) -> None:
    with recording() as credulous:
        result = run_here(cli.with_secrets(), "send", "order.paid", "--to", f"{credulous.base}/hook", "--tamper", kind)
        assert len(credulous.requests) == 1
    assert result.code == 1
    assert "expected 401, answered 200" in result.out
    assert "accepted a request that is not genuine" in result.out


ROTATION = [
    # how it is signed, which secret the receiver holds, what it answers
    (None, "new", 200),
    (None, "old", 403),
    ("new", "new", 200),
    ("new", "old", 403),
    ("old", "new", 403),
    ("old", "old", 200),
    ("both", "new", 200),
    ("both", "old", 200),
]


@pytest.mark.parametrize("program", ARCADE, ids=named)
@pytest.mark.parametrize(("rotate", "holds", "status"), ROTATION)
def test_a_receiver_accepts_what_is_signed_with_the_secret_it_holds(
    fleet: Fleet, cli: Cli, program: Program, rotate: str | None, holds: str, status: int
) -> None:
    receiver = fleet.get(program, {"new": ARCADE_SECRET, "old": OLD_SECRET}[holds])
    cli.env |= {"ARCADE_SIGNING_SECRET": ARCADE_SECRET, "ARCADE_SIGNING_SECRET_PREVIOUS": OLD_SECRET}
    option = [] if rotate is None else ["--rotate", rotate]
    arguments = ("send", "formSubmission.created", "--to", receiver.url, *option, "--expect", str(status), "-q")
    result = run_here(cli, *arguments)
    assert result.code == 0, result.out


def test_secrets_for_a_rotation_also_come_from_two_files(fleet: Fleet, cli: Cli) -> None:
    receiver = fleet.get(ARCADE[0], OLD_SECRET)
    (cli.folder / "new").write_text(f"{ARCADE_SECRET}\n")
    (cli.folder / "old").write_text(f"{OLD_SECRET}\n")
    files = ["--secret-file", "new", "--secret-file", "old"]
    assert cli("send", "formSubmission.created", "--to", receiver.url, *files, "--rotate", "both").code == 0
    assert cli("send", "formSubmission.created", "--to", receiver.url, *files).code == 1


NASTY_NAMES = ["Zoë 'quoted' \"twice\"", "$HOME `id` $(id) \\n %s %% !!", "line\nbreak\ttab", "💥\u2028 end "]


@pytest.mark.parametrize("name", NASTY_NAMES)
def test_a_curl_command_pasted_into_bash_is_accepted(fleet: Fleet, cli: Cli, name: str) -> None:
    receiver = fleet.get(ARKY[0])
    setting = f"data.order.customer.firstName:={json.dumps(name)}"
    shown = cli.with_secrets()(
        *("send", "order.paid", "--to", receiver.url, "--set", setting, "-H", "x-note: it's $5"),
        *("--dry-run", "--format", "curl"),
    )
    assert (shown.code, shown.err) == (0, "")
    assert ARKY_SECRET not in shown.out
    before = len(receiver.records())
    pasted = subprocess.run(
        ["bash", "--noprofile", "--norc"], input=shown.raw_out, capture_output=True, check=False, timeout=20
    )
    assert (pasted.returncode, pasted.stderr) == (0, b"")
    assert pasted.stdout.startswith(b"HTTP/1.1 200 ")
    (record,) = receiver.wait_records(before + 1)[before:]
    assert (record["status"], record["event"]) == (200, "order.paid")


@pytest.mark.parametrize("program", PROGRAMS, ids=named)
def test_a_file_of_odd_bytes_arrives_byte_for_byte_and_correctly_signed(
    fleet: Fleet, cli: Cli, program: Program
) -> None:
    receiver = fleet.get(program)
    (cli.folder / "body.bin").write_bytes(ODD_BYTES)
    before = len(receiver.records())
    # 400, not 401 or 403: the signature held, and only then was the body found not to be JSON
    result = cli.with_secrets()(
        *("send", "--provider", program.provider, "--data", "body.bin", "--to", receiver.url),
        *("--expect", "400", "--format", "ndjson"),
    )
    assert result.code == 0, result.out
    assert result.records[0]["event"] is None
    (record,) = receiver.wait_records(before + 1)[before:]
    assert record == {"status": 400, "event": None, "id": None, "body_sha256": sha256(ODD_BYTES)}


def test_a_body_from_standard_input_arrives_byte_for_byte(fleet: Fleet, cli: Cli) -> None:
    receiver = fleet.get(ARKY[0])
    body = b' {"event" : "order.paid",\r\n "id": "evt_1", "n": 1.0, "t": "\\u00eb\xc3\xab"}\r\n'
    before = len(receiver.records())
    result = cli.with_secrets()("send", "--data", "-", "--to", receiver.url, "--format", "ndjson", stdin=body)
    assert (result.code, result.records[0]["event"], result.records[0]["event_id"]) == (0, "order.paid", "evt_1")
    (record,) = receiver.wait_records(before + 1)[before:]
    assert record == {"status": 200, "event": "order.paid", "id": "evt_1", "body_sha256": sha256(body)}


def test_a_fresh_timestamp_satisfies_a_receiver_that_checks_its_age_and_an_old_one_does_not(cli: Cli) -> None:
    require_tools()
    with running(ARKY[2], ARKY_SECRET, env={"RECEIVER_MAX_AGE_S": "300"}) as receiver:
        assert cli.with_secrets()("send", "order.paid", "--to", receiver.url).code == 0
        old = cli.with_secrets()("send", "order.paid", "--to", receiver.url, "--at", "1704067200", "--expect", "401")
        assert old.code == 0


def test_without_node_the_tests_fail_and_say_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pytest.fail.Exception, match="cannot run without node 20 or newer"):
        require_tools()


def test_with_a_node_that_is_too_old_the_tests_fail_and_name_its_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    node = tmp_path / "node"
    node.write_text("#!/bin/sh\necho v18.19.0\n")
    node.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pytest.fail.Exception, match=r"node 20 or newer \(found v18\.19\.0\)"):
        require_tools()


def test_without_node_modules_the_tests_fail_and_say_what_to_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(launch, "HERE", tmp_path)
    with pytest.raises(pytest.fail.Exception, match=r"node_modules \(run make test\)"):
        require_tools()


def test_a_receiver_that_does_not_start_says_why() -> None:
    # an empty secret is one of its own reasons to refuse
    with pytest.raises(RuntimeError, match="ARKY_WEBHOOK_SECRET is unset or empty"), running(ARKY[2], ""):
        pass
