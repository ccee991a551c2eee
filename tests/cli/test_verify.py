"""`hookctl verify` on what people have: exit codes, what may be given, what is said of it, for people and programs."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hookctl.captures.form import Form
from hookctl.model import Diagnosis, Reason
from tests.cli.inprocess import run_here
from tests.cli.signed import BODY, IN_FORM, arcade, archive, arky, forged, genuine, http, record
from tests.cli.terminal import on_terminal
from tests.harness import ARCADE_SECRET, ARKY_SECRET
from tests.unreadable import unreadable

if TYPE_CHECKING:
    from tests.harness import Cli, Result

ROOT = Path(__file__).resolve().parent.parent.parent
VECTORS = json.loads((ROOT / "tests" / "vectors" / "openssl.json").read_bytes())["vectors"]
DOCUMENTED = (ROOT / "fixtures" / "arky" / "events" / "order.paid.json").read_bytes()
FORM_BODY = b'{"type":"formSubmission.created","timestamp":"2024-02-15T15:51:12.013Z"}'

VERDICT = [
    *("type", "source", "provider", "event", "event_id", "valid", "reason", "diagnosis", "age_s", "drift"),
    *("second_diagnosis", "explanation", "notes"),
]
SUMMARY = [
    *("type", "total", "valid", "invalid", "no_secret", "unknown_provider", "unreadable", "drifted", "reasons"),
    *("diagnoses", "drift", "other_drift", "interrupted"),
]


def put(cli: Cli, name: str, data: bytes) -> str:
    """Write a file into the folder of the command line and return its name."""
    path = cli.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return name


def verdicts(cli: Cli, *arguments: str, stdin: bytes = b"") -> tuple[int, list[dict[str, Any]]]:
    """Return the exit code and all records but the summary."""
    result = run_here(cli, "verify", *arguments, "--format", "ndjson", stdin=stdin)
    *records, summary = result.records
    assert summary["total"] == len(records)
    return result.code, records


def one_verdict(cli: Cli, *arguments: str, stdin: bytes = b"") -> dict[str, Any]:
    """Return the only record."""
    _, (found,) = verdicts(cli, *arguments, stdin=stdin)
    return found


# exit codes


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
def test_what_openssl_has_signed_is_valid_unless_its_time_is_none(cli: Cli, vector: dict[str, Any]) -> None:
    put(cli, "secret", bytes.fromhex(vector["key_hex"]) + b"\n")
    put(cli, "body", bytes.fromhex(vector["body_hex"]))
    time = vector["timestamp"]
    at = [] if time is None else [f"--timestamp={time}"]
    given = ["--provider", vector["provider"], "--signature", vector["signature"], *at]
    result = run_here(cli, "verify", "body", *given, "--secret-file", "secret")
    is_time = time is None or (time.isascii() and time.isdecimal())
    assert (result.code, result.err) == (0 if is_time else 1, "")
    assert ("✓ body  " if is_time else "malformed_timestamp") in result.out


def test_the_process_ends_in_the_exit_code_and_says_the_same(signing: Cli) -> None:
    put(signing, "good.http", http(arky()))
    put(signing, "bad.http", http(arky(), BODY + b" "))
    put(signing, "empty", b"")
    for names, code in ((["good.http"], 0), (["good.http", "bad.http"], 1), (["empty", "bad.http"], 3)):
        result = signing("verify", *names)
        assert (result.code, result.err) == (code, "")
        assert result == run_here(signing, "verify", *names)


GOOD, BAD, BROKEN, EMPTY = http(arky()), http(arky(), b"{}"), b"\0\1\2", b""
UNKNOWN, OTHER = http([("x-other", "1")], b"{}"), http(arcade(FORM_BODY), FORM_BODY)


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ([GOOD], 0),
        ([GOOD, OTHER], 0),
        ([BAD], 1),
        ([GOOD, BAD], 1),
        ([BAD, GOOD], 1),
        ([BROKEN], 3),
        ([GOOD, BROKEN], 3),
        ([BAD, BROKEN], 3),
        ([BROKEN, BAD], 3),
        ([UNKNOWN], 3),
        ([BAD, UNKNOWN], 3),
        ([BAD, EMPTY], 3),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_could_not_be_judged_outweighs_what_is_not_valid(signing: Cli, files: list[bytes], code: int) -> None:
    names = [put(signing, f"{number}.http", data) for number, data in enumerate(files)]
    found, records = verdicts(signing, *names)
    assert found == code
    assert [one["source"] for one in records] == names


def test_3_without_a_secret_whatever_else_there_is(cli: Cli) -> None:
    names = [put(cli, "a.http", GOOD), put(cli, "b.http", BAD)]
    result = run_here(cli, "verify", *names)
    assert result.code == 3
    assert "no_secret" in result.out
    assert "ARKY_WEBHOOK_SECRET" in result.out
    assert "2 captures: 2 without a secret" in result.out


def test_one_provider_without_a_secret_does_not_keep_the_other_from_being_judged(cli: Cli) -> None:
    cli.env["ARCADE_SIGNING_SECRET"] = ARCADE_SECRET
    code, (ours, theirs) = verdicts(cli, put(cli, "a", OTHER), put(cli, "b", GOOD))
    assert (code, ours["valid"], theirs["reason"]) == (3, True, "no_secret")


EMPTY_INPUTS = [
    ("file", b""),
    ("file", b" \r\n\t\n"),
    ("file", b"\n" * 100_000),
    ("file", b"\xef\xbb\xbf"),
    ("file", gzip.compress(b"", mtime=0)),
    ("file", gzip.compress(b"\n\n", mtime=0)),
    ("file", b"[]"),
    ("file", b"{}"),
    ("file", b'{"log":{"entries":[]}}'),
    ("file", b'{"uri":"/api/requests/http","requests":[]}'),
]


@pytest.mark.parametrize(("name", "data"), EMPTY_INPUTS, ids=lambda value: repr(value)[:24])
def test_3_for_input_without_a_capture(signing: Cli, name: str, data: bytes) -> None:
    found, (record,) = verdicts(signing, put(signing, name, data))
    assert (found, record["type"], record["source"]) == (3, "unreadable", name)


@pytest.mark.parametrize("form", Form)
def test_3_for_an_empty_file_of_every_form(signing: Cli, form: Form) -> None:
    given = ["--signature", "00"] if form is Form.BODY else []
    code, (found,) = verdicts(signing, put(signing, "file", b""), "--from", form, *given)
    # a bare body of no bytes is a body, and its signature is not right
    assert (code, found["type"]) == ((3, "unreadable") if form is not Form.BODY else (3, "verdict"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["folder"], "the folder holds no file"),
        (["*.nothing"], "no file matches"),
        (["**/*.nothing"], "no file matches"),
        (["missing"], "No such file or directory"),
        (["/dev/null"], "it is not a regular file"),
        (["-"], "it is empty"),
        (["x" * 300], "File name too long"),
        (["x" * 300 + "*"], "no file matches"),
        (["file/below"], "Not a directory"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_3_for_a_name_that_stands_for_nothing(signing: Cli, arguments: list[str], says: str) -> None:
    put(signing, "folder/.hidden", GOOD)
    put(signing, "file", GOOD)
    code, (found,) = verdicts(signing, *arguments)
    assert (code, found["source"]) == (3, arguments[0])
    assert says in found["error"]


USAGE = [
    ([], "which capture?"),
    (["-", "-"], "- is given twice"),
    (["-", "--secret-file", "-"], "- is given twice"),
    (["f", "--from", "body"], "a bare body needs its headers"),
    (["f", "--from", "http", "--signature", "x"], "go with a bare body"),
    (["f", "--from", "har", "-H", "a: b"], "go with a bare body"),
    (["f", "--from", "htpp"], "htpp"),
    (["f", "-H", "no colon"], "NAME: VALUE"),
    (["f", "-H", ": v"], "NAME: VALUE"),
    (["f", "-H", "é: v"], "NAME: VALUE"),
    (["f", "-v", "-q"], "exclude each other"),
    (["f", "--tolerance", "-1"], "--tolerance"),
    (["f", "--tolerance", "nan"], "--tolerance"),
    (["f", "--tolerance", "inf"], "--tolerance"),
    (["f", "--max-line", "0"], "--max-line"),
    (["f", "--jobs", "0"], "--jobs"),
    (["f", "--report", "xml=f"], "junit=FILE"),
    (["f", "--secret", "hunter2-hunter2"], "--secret-file"),
    (["f", "--format", "yaml"], "yaml"),
]


@pytest.mark.parametrize(("arguments", "says"), USAGE, ids=[" ".join(arguments) for arguments, _ in USAGE])
def test_2_for_a_command_line_that_is_wrong(signing: Cli, arguments: list[str], says: str) -> None:
    put(signing, "f", GOOD)
    result = run_here(signing, "verify", *arguments)
    assert (result.code, result.out) == (2, "")
    assert says in result.err
    assert "hunter2" not in result.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["f", "--provider", "akry"], "'arky'"),
        (["f", "--provider", "./nowhere"], "nowhere"),
        (["f", "--secret-file", "missing"], "missing"),
        (["f", "--secret-file", "empty"], "empty"),
    ],
    ids=str,
)
def test_3_before_anything_is_read_for_an_option_that_cannot_be_used(
    signing: Cli, arguments: list[str], says: str
) -> None:
    put(signing, "f", GOOD)
    put(signing, "empty", b"")
    result = run_here(signing, "verify", *arguments)
    assert (result.code, result.out) == (3, "")
    assert says in result.err


# what may be given


def test_a_folder_is_read_in_order_without_what_begins_with_a_dot(signing: Cli) -> None:
    for name in ("d/b.http", "d/a.http", "d/.git/x.http", "d/.x.http", "d/sub/c.http", "d/C.http"):
        put(signing, name, GOOD)
    (signing.folder / "d" / "loop").symlink_to(signing.folder / "d")
    (signing.folder / "d" / "z.http").symlink_to(signing.folder / "d" / ".x.http")
    code, records = verdicts(signing, "d")
    sources = ["d/C.http", "d/a.http", "d/b.http", "d/z.http", "d/sub/c.http"]
    assert (code, [one["source"] for one in records]) == (0, sources)


@pytest.mark.parametrize(
    ("pattern", "sources"),
    [
        ("*.http", ["a.http"]),
        ("[ab].http", ["a.http"]),
        ("d/**/*.http", ["d/b.http", "d/e/c.http"]),
        ("**/*.http", ["a.http", "d/b.http", "d/e/c.http"]),
        ("**/c.http", ["d/e/c.http"]),
        ("**", ["a.http", "d/b.http", "d/e/c.http"]),
        ("**/e/**/*", ["d/e/c.http"]),
        ("?/**/**/c*", ["d/e/c.http"]),
    ],
)
def test_globs(signing: Cli, pattern: str, sources: list[str]) -> None:
    for name in ("a.http", "d/b.http", "d/e/c.http", "d/.hidden/f.http"):
        put(signing, name, GOOD)
    # a loop, and a second one: followed, they would be walked for ever
    for loop in ("one", "two"):
        (signing.folder / "d" / loop).symlink_to(signing.folder)
    code, records = verdicts(signing, pattern)
    assert (code, [one["source"] for one in records]) == (0, sources)
    # an absolute one finds the same
    code, absolute = verdicts(signing, f"{signing.folder}/{pattern}")
    assert [one["source"] for one in absolute] == [f"{signing.folder}/{source}" for source in sources]


def test_a_name_that_is_there_is_no_glob(signing: Cli) -> None:
    put(signing, "a[1].http", GOOD)
    put(signing, "a1.http", BAD)
    assert one_verdict(signing, "a[1].http")["valid"]


def test_several_names_are_read_in_the_order_they_are_given(signing: Cli) -> None:
    put(signing, "z.http", GOOD)
    put(signing, "a.http", BAD)
    _, records = verdicts(signing, "z.http", "-", "a.http", "z.http", stdin=OTHER)
    assert [(one["source"], one["valid"]) for one in records] == [
        *(("z.http", True), ("-", True), ("a.http", False), ("z.http", True))
    ]


def test_standard_input_is_not_touched_where_it_is_not_named(signing: Cli) -> None:
    _, records = verdicts(signing, put(signing, "a", GOOD), stdin=BAD)
    assert [one["source"] for one in records] == ["a"]


def test_a_file_that_is_called_minus_can_be_given(signing: Cli) -> None:
    put(signing, "-", GOOD)
    assert one_verdict(signing, "./-", stdin=BAD)["valid"]


@pytest.mark.parametrize("form", IN_FORM)
@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("where", ["file", "stdin"])
def test_every_form_is_recognised_and_read(signing: Cli, form: Form, zipped: bool, where: str) -> None:
    body = "{'né': 1}\r\n".encode()
    data = IN_FORM[form](arky(body), body)
    data = gzip.compress(data) if zipped else data
    name = put(signing, "file", data) if where == "file" else "-"
    for option in ([], ["--from", form]):
        found = one_verdict(signing, name, *option, stdin=data)
        assert found["type"] == "verdict", found
        assert (found["valid"], found["provider"]) == (True, "arky")


@pytest.mark.parametrize("form", IN_FORM)
@given(body=st.binary(max_size=60))
@example(b'{"a":1}\r\n')
@example(b'{"a":1}\n')
@example(b"\xef\xbb\xbf{}")
@example(b"\xff")
@example(b"\r\n\r\n\0")
@example(b"\x1f\x8b")
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_byte_of_a_body_is_lost_in_reading(signing: Cli, form: Form, body: bytes) -> None:
    if form is Form.HAR:
        body = body.decode("utf-8", "replace").encode()
    if form is Form.CURL:
        # no argument of a command can hold it
        body = body.replace(b"\0", b"")
    put(signing, "file", IN_FORM[form](arky(body), body))
    found = one_verdict(signing, "file", "--from", form)
    assert found["reason"] == "ok", found


@given(body=st.binary(max_size=60))
@example(b"\xff\r\n")
@example(b"\xef\xbb\xbf\n")
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_byte_of_a_bare_body_is_lost_in_reading(signing: Cli, body: bytes) -> None:
    put(signing, "file", body)
    (_, signature), (_, at) = arky(body)
    if not body.startswith(b"\x1f\x8b"):
        arguments = ("file", "--provider", "arky", "--signature", signature, "--timestamp", at)
        assert one_verdict(signing, *arguments)["reason"] == "ok"


def test_a_bare_body_takes_its_headers_from_the_command_line(signing: Cli) -> None:
    (name, signature), (at_name, at) = arky()
    put(signing, "b", BODY)
    assert one_verdict(signing, "b", "-H", f"{name}: {signature}", "-H", f"{at_name.upper()}:{at}")["valid"]
    assert one_verdict(signing, "b", "--signature", signature, "-H", f"{at_name}: {at}")["valid"]
    assert one_verdict(signing, "-", "--signature", signature, "--timestamp", at, stdin=BODY)["valid"]
    assert one_verdict(signing, "b", "--timestamp", at)["reason"] == "missing_signature"
    assert one_verdict(signing, "b", "--signature", signature)["reason"] == "missing_timestamp"


def test_nobody_knows_whose_a_bare_body_is_until_it_is_said(signing: Cli) -> None:
    (_, signature), (_, at) = arky(b"1")
    given = ("--signature", signature, "--timestamp", at)
    code, (found,) = verdicts(signing, put(signing, "b", b"1"), *given)
    assert (code, found["reason"], found["provider"]) == (3, "unknown_provider", None)
    assert "--provider" in run_here(signing, "verify", "b", *given).out
    assert one_verdict(signing, "b", *given, "--provider", "arky")["valid"]


def test_a_timestamp_for_a_provider_that_has_none_is_a_usage_error(signing: Cli) -> None:
    put(signing, "b", FORM_BODY)
    result = run_here(signing, "verify", "b", "--signature", "x", "--timestamp", "1")
    assert (result.code, result.out) == (2, "")
    assert "Arcade has no header for it" in result.err


@pytest.mark.parametrize("form", IN_FORM)
@pytest.mark.parametrize("said", IN_FORM)
def test_a_form_that_it_is_not_is_named_with_the_reason(signing: Cli, form: Form, said: Form) -> None:
    if form is said:
        return
    code, records = verdicts(signing, put(signing, "file", IN_FORM[form](arky(), BODY)), "--from", said)
    assert code == 3
    for found in records:
        assert found["type"] == "unreadable"
    assert any(f"cannot be read as {named}: " in found["error"] for named in (said, "JSON") for found in records)


def test_what_is_not_recognised_says_what_was_tried_and_where_each_gave_up(signing: Cli) -> None:
    found = one_verdict(signing, put(signing, "notes.txt", b"Dear diary,\ntoday I was refused.\n"))
    assert found["error"].startswith("no known form of capture fits (")
    for part in ("curl-trace: ", "curl: line 1 ", "http: line 1 ", "JSON: line 1, column 1"):
        assert part in found["error"]
    assert "--signature" in found["hint"]
    found = one_verdict(signing, put(signing, "other.json", b'{"hello": "world"}'))
    for part in ("capture: ", "har: ", "ngrok: ", "request: "):
        assert part in found["error"]


def test_a_broken_capture_says_what_is_broken(signing: Cli) -> None:
    put(signing, "a", record(arky()).replace(b'"headers": [', b'"headers": ["x",'))
    assert one_verdict(signing, "a")["error"] == "headers[0] is not a pair of texts"
    # of a request that is cut off the rest is judged, and its length told
    cut = one_verdict(signing, put(signing, "b", GOOD[:-5]))
    assert cut["reason"] == "mismatch"
    assert any("Content-Length" in note for note in cut["notes"])


# what is said


@pytest.fixture
def documented(signing: Cli) -> Cli:
    """Return a folder with a delivery as it was signed and one that was written again."""
    body = json.dumps(json.loads(DOCUMENTED), separators=(",", ":")).encode()
    put(signing, "good.http", http(arky(body), body))
    put(signing, "delivery.http", http(arky(body), json.dumps(json.loads(body)).encode()))
    return signing


def test_a_valid_delivery_is_one_line_and_a_count(documented: Cli) -> None:
    result = run_here(documented, "verify", "good.http")
    assert result.out == "✓ good.http  order.paid  valid  evt_abc123\n1 capture: 1 valid\n"


def test_the_culprit_is_shown(documented: Cli) -> None:
    out = run_here(documented, "verify", "delivery.http").out
    assert out.startswith("✗ delivery.http  order.paid  mismatch (body_reserialised)  evt_abc123\n")
    assert "JSON.stringify" in out
    assert "express.raw" in out
    assert "the bodies differ from byte 6 on" in out
    assert '\n      captured: {"id": "evt_abc123"' in out
    assert '\n      signed:   {"id":"evt_abc123"' in out
    assert "x-arky-signature:" in out
    assert "x-arky-timestamp: 1704067200" in out
    assert out.endswith("\n1 capture: 1 invalid\n")


def test_headers_that_are_missing_are_said_to_be(signing: Cli) -> None:
    put(signing, "a", http(arky()[1:]))
    out = run_here(signing, "verify", "a").out
    assert "missing_signature" in out
    assert "x-arky-signature: (missing)" in out


def test_a_repeated_signature_is_reported_and_the_first_decides(signing: Cli) -> None:
    found = one_verdict(signing, put(signing, "a", http([*arky(), ("X-Arky-Signature", "0" * 64)])))
    assert found["valid"]
    assert any("x-arky-signature came more than once" in note for note in found["notes"])
    found = one_verdict(signing, put(signing, "a", http([("X-Arky-Signature", "0" * 64), *arky()])))
    assert found["reason"] == "mismatch"


def test_verbose_shows_the_request_and_quiet_only_the_count(documented: Cli) -> None:
    shown = run_here(documented, "verify", "good.http", "-v").out
    for part in (
        "  | POST /hook\n",
        "  | Host: localhost\n",
        "  | x-arky-timestamp: 1704067200\n",
        '  | {"id":"evt_abc',
    ):
        assert part in shown
    quiet = run_here(documented, "verify", "good.http", "delivery.http", "-q")
    assert (quiet.code, quiet.out) == (1, "2 captures: 1 valid, 1 invalid, diagnosed: 1 body_reserialised\n")


WIDE_BODIES = [
    BODY,
    b'{"event":"order.paid","note":"' + b"\x80\xff" * 60 + b'"}',
    b'{"event":"order.paid","note":"' + b"\\u0001\x01" * 60 + b'"}',
    b"[" * 300,
    b'{"id":"' + b"i" * 300 + b'","event":"' + b"e" * 300 + b'"}',
    b'{"event":"order.created","data":{"' + b"k" * 200 + b'":1}}',
    b"\r\n" * 50,
]


@pytest.mark.parametrize("body", WIDE_BODIES, ids=lambda body: repr(body[:24]))
@pytest.mark.parametrize("change", [b"", b"\n", b"x"], ids=["as signed", "newline", "other"])
@pytest.mark.parametrize("several", [False, True])
def test_text_fits_80_columns(signing: Cli, body: bytes, change: bytes, several: bool) -> None:
    headers = [*arky(body), ("x-arky-signature", "f" * 500)]
    names = [put(signing, "captures/delivery.json", record(headers, body + change, "2024-01-01T00:00:00.000Z"))]
    if several:
        names += [put(signing, "secret.http", http(arky(body, secret="old"), body)), put(signing, "other", b"no\nform")]
    out = run_here(signing, "verify", *names).out
    assert max(map(len, out.splitlines())) <= 80, max(out.splitlines(), key=len)


def test_text_fits_a_terminal_of_80_columns_and_has_colours_there(documented: Cli) -> None:
    put(documented, "captures/2024-01-01/delivery-of-a-long-name.http", http(arky(BODY, secret=""), BODY))
    put(documented, "diary.txt", b"Dear diary,\ntoday I was refused.\n")
    arguments = ("verify", "good.http", "delivery.http", "captures", "diary.txt")
    screen = on_terminal(documented, *arguments)
    assert (screen.code, len(screen.widest) <= 80) == (3, True), screen.widest
    assert "\x1b[3" in screen.raw
    assert "\x1b[" not in on_terminal(documented, *arguments, env={"NO_COLOR": "1"}).raw
    piped = documented(*arguments)
    assert piped.out == screen.text
    assert "\x1b" not in piped.out


def test_a_console_without_unicode_gets_plain_marks(documented: Cli) -> None:
    result = documented("verify", "good.http", "delivery.http", env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert result.out.startswith("+ good.http  ")
    assert "\nx delivery.http  " in result.out
    assert result.out.isascii()


# for programs


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_records_have_exactly_the_documented_keys_in_their_order(signing: Cli, form: str) -> None:
    put(signing, "a", http(arky(), BODY + b"\n"))
    put(signing, "b", BROKEN)
    result = run_here(signing, "verify", "a", "b", "--format", form)
    if form == "json":
        assert list(result.document) == ["results", "summary"]
        (verdict, unreadable_one), summary = result.document["results"], result.document["summary"]
    else:
        verdict, unreadable_one, summary = result.records
    assert list(verdict) == VERDICT
    assert list(unreadable_one) == ["type", "source", "error", "hint"]
    assert list(summary) == SUMMARY
    assert verdict["diagnosis"] == "trailing_newline"
    assert list(verdict["drift"][0]) == ["kind", "path", "detail"]
    assert list(summary["drift"][0]) == ["provider", "event", "kind", "path", "count"]
    counted = ("valid", "invalid", "no_secret", "unknown_provider", "unreadable")
    assert [summary[key] for key in counted] == [0, 1, 0, 0, 1]
    assert (summary["reasons"], summary["diagnoses"]) == ({"mismatch": 1}, {"trailing_newline": 1})
    assert summary["interrupted"] is False
    assert result.raw_out.isascii()


def test_the_documentation_names_the_same_keys_reasons_and_diagnoses() -> None:
    page = (ROOT / "docs" / "machine-output.md").read_text(encoding="utf-8")
    section = page.partition("## verdict\n")[2].partition("## unreadable\n")[0]
    for name in (*VERDICT, *Reason, *Diagnosis):
        assert f"`{name}`" in section, name
    summary = page.partition("Of `verify`:")[2]
    for name in SUMMARY:
        assert f"`{name}`" in summary, name


def test_an_empty_result_is_a_document_too(signing: Cli) -> None:
    result = run_here(signing, "verify", "-", "--format", "json")
    assert [one["type"] for one in result.document["results"]] == ["unreadable"]


# age, schema


def _age(cli: Cli, received_at: str | None, *arguments: str) -> dict[str, Any]:
    return one_verdict(cli, put(cli, "a", record(arky(), BODY, received_at)), *arguments)


def test_age_is_told_and_counts_only_with_a_tolerance(signing: Cli) -> None:
    late = "2024-01-01T01:00:00.000Z"
    found = _age(signing, late)
    assert (found["valid"], found["reason"], found["age_s"]) == (True, "ok", 3600.0)
    assert "60 min old" in run_here(signing, "verify", "a").out
    found = _age(signing, late, "--tolerance", "3599")
    assert (found["valid"], found["reason"], found["age_s"]) == (False, "stale", 3600.0)
    assert _age(signing, late, "--tolerance", "3600")["valid"]
    assert _age(signing, "2023-12-31T23:50:00Z", "--tolerance", "300")["reason"] == "future"


def test_a_capture_that_does_not_say_when_it_came_is_held_against_now(signing: Cli) -> None:
    assert _age(signing, None)["age_s"] is None
    found = _age(signing, None, "--tolerance", "300")
    assert found["reason"] == "stale"
    assert found["age_s"] > 60_000_000


def test_a_bad_signature_is_told_before_its_age(signing: Cli) -> None:
    headers = [("x-arky-signature", "0" * 64), arky()[1]]
    put(signing, "a", record(headers, BODY, "2030-01-01T00:00:00Z"))
    assert one_verdict(signing, "a", "--tolerance", "1")["reason"] == "mismatch"


def test_where_no_time_is_signed_the_age_of_the_event_is_information(signing: Cli) -> None:
    put(signing, "a", record(arcade(FORM_BODY), FORM_BODY, "2024-02-15T15:51:22.013Z"))
    found = one_verdict(signing, "a", "--tolerance", "1")
    assert (found["valid"], found["age_s"]) == (True, 10.0)


def test_a_payload_that_is_not_what_its_schema_says_counts_only_when_asked(documented: Cli) -> None:
    body = BODY.replace(b"order.paid", b"order.teleported")
    put(documented, "new.http", http(arky(body), body))
    code, (fine, new) = verdicts(documented, "good.http", "new.http")
    assert (code, fine["drift"], [one["kind"] for one in new["drift"]]) == (0, [], ["unknown_event"])
    code, (_, new) = verdicts(documented, "good.http", "new.http", "--strict-schema")
    # the signature is still right
    assert (code, new["valid"]) == (1, True)
    assert run_here(documented, "verify", "good.http", "--strict-schema").code == 0


def test_drift_is_counted_for_each_event_and_change(signing: Cli) -> None:
    put(signing, "a", archive(*(genuine(number) for number in range(3))))
    summary = run_here(signing, "verify", "a", "--format", "ndjson").records[-1]
    assert (summary["drifted"], summary["other_drift"]) == (3, 0)
    assert {"provider": "arky", "event": "order.paid", "kind": "missing", "path": "data.order", "count": 3} in summary[
        "drift"
    ]
    assert "  order.paid  missing data.order  3 times\n" in run_here(signing, "verify", "a").out


def test_either_of_two_secrets_may_have_signed(signing: Cli) -> None:
    put(signing, "a", http(arky(BODY, secret="the one before")))
    assert one_verdict(signing, "a")["reason"] == "mismatch"
    signing.env["ARKY_WEBHOOK_SECRET_PREVIOUS"] = "the one before"
    found = one_verdict(signing, "a")
    assert (found["valid"], found["diagnosis"]) == (True, "previous_secret")


# reports


def test_a_report_that_cannot_be_written_is_named(signing: Cli) -> None:
    put(signing, "a", GOOD)
    put(signing, "file", b"")
    for target in ("file/report.xml", "folder"):
        (signing.folder / "folder").mkdir(exist_ok=True)
        result = run_here(signing, "verify", "a", "--report", f"junit={target}")
        assert result.code == 3
        assert target in result.err
        # before anything is read: what comes from a pipe could not be read again
        assert result.out == ""


# secrets


def _holding(secret: str) -> dict[str, bytes]:
    """Return captures that hold a secret wherever something can be held."""
    packed = base64.b64encode(secret.encode()).decode()
    body = json.dumps(
        {"id": secret, "event": f"order.{secret}", "timestamp": packed, "data": {secret: packed, packed: [secret]}}
    ).encode()
    compact = json.dumps(json.loads(body), separators=(",", ":")).encode()
    headers = arky(body)
    (_, signature), (_, at) = headers
    return {
        "valid": http([*headers, (secret, secret)], body, f"/{secret}?{packed}"),
        "reserialised": http(arky(compact), body),
        "near the difference": http(arky(compact[:-1]), b'{"id": ' + compact[6:]),
        "newline": http(arky(secret.encode()), secret.encode() + b"\n"),
        "prefixed": http([("x-arky-signature", f"{secret}={signature}"), ("x-arky-timestamp", at)], body),
        "malformed": http([("x-arky-signature", secret), ("x-arky-timestamp", packed)], body),
        "cut": http([("x-arky-signature", "z" * 100 + secret), ("x-arky-timestamp", at)], body),
        "unknown": http([(secret, packed)], body, f"/{packed}"),
        "record": record([*headers, ("a", secret)], body),
        "request": json.dumps({"headers": dict(headers), "body": json.loads(body), secret: secret}).encode(),
    }


@pytest.mark.parametrize("kind", _holding(ARKY_SECRET))
def test_no_output_ever_holds_the_secret_even_when_the_capture_does(signing: Cli, kind: str) -> None:
    name = put(signing, "file", _holding(ARKY_SECRET)[kind])
    packed = base64.b64encode(ARKY_SECRET.encode()).decode().rstrip("=")
    said = ""
    for options in ([], ["-v"], ["-q"], ["--format", "json"], ["--format", "ndjson"], ["--strict-schema"]):
        result = run_here(signing, "verify", name, *options, "--report", "junit=report.xml")
        said += result.out + result.err + (signing.folder / "report.xml").read_text(encoding="utf-8")
    # a part of it would be found too
    for part in (ARKY_SECRET, ARKY_SECRET[6:], ARKY_SECRET[:16], ARKY_SECRET[-16:], packed, packed[:16], packed[-16:]):
        assert part not in said
    assert "[secret]" in said or kind in {"near the difference", "newline", "request"}


def test_no_name_of_a_file_gives_the_secret_away(signing: Cli) -> None:
    name = put(signing, f"{ARKY_SECRET}.http", BROKEN)
    for options in ([], ["--format", "json"]):
        assert ARKY_SECRET not in run_here(signing, "verify", name, "missing-" + name, *options).out


# controls


CONTROLS = "".join(map(chr, [*range(9), 11, 12, *range(14, 32), *range(127, 160), 0x202E, 0x2066, 0x2028]))


def _shown(result: Result) -> str:
    return result.out + result.err


@given(text=st.text(st.sampled_from(CONTROLS + "aé\n\t\r\"\\{}[]:'"), max_size=30), raw=st.binary(max_size=30))
@example("\x1b]0;title\x07\x9b31m", b"\x1b[2J\x9b\xff")
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_control_character_of_a_capture_gets_out(signing: Cli, text: str, raw: bytes) -> None:
    body = json.dumps({"id": text, "event": text, "timestamp": text, "data": {text: 1}}, ensure_ascii=False).encode()
    latin = text.encode("utf-8").decode("latin-1")
    headers = [*arky(body), ("x-arky-signature", latin), (latin, latin)]
    put(signing, "a.json", record(headers, body))
    put(signing, "b.json", record(arky(raw), raw + b"\n"))
    put(signing, "c", raw + text.encode())
    put(signing, "d.json", archive(record([("x-arky-signature", latin)], raw), raw))
    for options in ([], ["-v"]):
        shown = _shown(run_here(signing, "verify", "a.json", "b.json", "c", "d.json", *options))
        assert not set(shown) & set(CONTROLS + "\r"), shown


def test_no_control_byte_of_a_capture_reaches_a_terminal(signing: Cli) -> None:
    nasty = "\x1b]0;owned\x07\x1b[2J\x9b31m\x08\u202e"
    body = json.dumps({"id": nasty, "event": nasty, "data": {nasty: nasty}}, ensure_ascii=False).encode()
    put(signing, "a.json", record([*arky(body), ("evil", nasty.encode().decode("latin-1"))], body))
    put(signing, "b\x1b[31m.txt", nasty.encode())
    put(signing, "c.ndjson", archive(*[record(arky(), body)] * 150))
    for options in ([], ["-v"]):
        screen = on_terminal(signing, "verify", "a.json", "b\x1b[31m.txt", "c.ndjson", *options)
        assert screen.code == 3
        # a bar, should it take longer than a moment, hides the cursor, goes up and clears its own lines
        shown = re.sub(r"\x1b\[(\?25[lh]|1A|2K)|\r", "", screen.text)
        assert not set(shown) & set(CONTROLS)


def test_a_file_that_cannot_be_read_does_not_keep_the_others_from_being_judged(signing: Cli) -> None:
    unreadable(signing.folder / "a.http")
    put(signing, "b.http", GOOD)
    code, (first, second) = verdicts(signing, "a.http", "b.http")
    assert (code, first["type"], second["valid"]) == (3, "unreadable", True)
    assert first["error"].startswith("cannot read it: ")


def test_the_first_hundred_captures_are_told_with_their_drift_and_the_rest_in_bulk(signing: Cli) -> None:
    blank = [b"", b"  ", b"\r"] * 40
    put(signing, "a", archive(*blank, *(genuine(number) for number in range(99)), *blank, forged(1), forged(2)))
    _, records = verdicts(signing, "a")
    assert [one["drift"] is None for one in records] == [False] * 100 + [True]
    assert [one["source"] for one in records[98:]] == ["a:219", "a:340", "a:341"]
    assert {tuple(one) for one in records} == {tuple(VERDICT)}
