"""What a verification says: ages in words, records, lines of bulk that are those of the slow way."""

from __future__ import annotations

import json
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hookctl.catalogue import load_catalogue
from hookctl.flows.examine import Finding
from hookctl.flows.plainly import Plain
from hookctl.flows.tally import Found, Tally
from hookctl.model import Capture, Diagnosis, Explanation, Reason, Unreadable, Verdict
from hookctl.payload.drift import Drift, DriftKind
from hookctl.report.machine import JsonWriter, NdjsonWriter, to_line
from hookctl.report.plain_verdict import plain_verdict_line
from hookctl.report.records import plain_verdict_record
from hookctl.report.verify import MachineVerifyReport, TextVerifyReport, age_in_words
from hookctl.runtime import Output, Runtime

SECRET = "whsec_a-secret-of-some-length"
PROVIDERS = {provider.name: provider for provider in load_catalogue().providers}


class Screen:
    """A runtime whose output can be looked at, and the report that writes to it."""

    def __init__(self, *, strict_schema: bool = False, verbose: bool = False, quiet: bool = False) -> None:
        self._buffer = BytesIO()
        out = Output(TextIOWrapper(self._buffer, encoding="utf-8", errors="backslashreplace", newline="\n"), "out")
        self.runtime = Runtime({}, Path(), BytesIO(), out, out)
        self.runtime.redactor.register(SECRET.encode())
        self.text_report = TextVerifyReport(
            self.runtime,
            PROVIDERS,
            {},
            strict_schema=strict_schema,
            verbose=verbose,
            quiet=quiet,
            show=out.line,
        )

    @property
    def text(self) -> str:
        return self._buffer.getvalue().decode()


def finding(
    source: str = "a",
    event: str | None = "order.paid",
    event_id: str | None = "evt_1",
    *,
    headers: tuple[tuple[bytes, bytes], ...] = (),
    body: bytes = b"{}",
    valid: bool = True,
    explanation: Explanation | None = None,
    drift: tuple[Drift, ...] = (),
    notes: tuple[str, ...] = (),
    age_s: float | None = None,
) -> Finding:
    diagnosis = None if explanation is None else explanation.diagnosis
    verdict = Verdict(valid, Reason.OK if valid else Reason.MISMATCH, diagnosis, age_s)
    return Finding(Capture(source, headers, body), "arky", event, event_id, verdict, explanation, drift, notes)


def changed(signed: bytes) -> Explanation:
    return Explanation(Diagnosis.BODY_RESERIALISED, None, "it was written again", "keep the bytes", signed)


@pytest.mark.parametrize(
    ("age_s", "words"),
    [
        (0, "0 s old"),
        (119, "119 s old"),
        (120, "2 min old"),
        (7199, "120 min old"),
        (7200, "2 h old"),
        (172_800, "2 days old"),
        (-5, "5 s ahead"),
        (-400_000, "5 days ahead"),
    ],
)
def test_an_age_in_words(age_s: float, words: str) -> None:
    assert age_in_words(age_s) == words


@given(captured=st.binary(max_size=120), signed=st.binary(max_size=120))
@settings(max_examples=200)
def test_where_two_bodies_differ_is_shown_on_lines_that_fit(captured: bytes, signed: bytes) -> None:
    screen = Screen()
    screen.text_report.take(finding(body=captured, valid=False, explanation=changed(signed)))
    at = next((at for at in range(len(captured)) if captured[: at + 1] != signed[: at + 1]), len(captured))
    assert f"from byte {at:,} on: {len(captured):,} bytes captured, {len(signed):,} signed" in screen.text
    assert max(map(len, screen.text.splitlines())) <= 80
    assert "      captured: " in screen.text
    assert "      signed:   " in screen.text


@given(before=st.integers(0, 60))
def test_a_secret_in_a_body_is_not_shown_in_part_where_the_body_is_cut(before: int) -> None:
    screen = Screen()
    body = b"." * before + SECRET.encode() + b"." * 60
    screen.text_report.take(finding(body=b"x" + body, valid=False, explanation=changed(body)))
    assert "from byte 0 on" in screen.text
    assert "whsec" not in screen.text


@given(before=st.integers(0, 130))
def test_a_secret_in_a_header_is_masked_before_the_header_is_cut(before: int) -> None:
    screen = Screen()
    headers = ((b"x-arky-signature", b"z" * before + SECRET.encode()),)
    screen.text_report.take(finding(headers=headers, valid=False))
    assert "whsec" not in screen.text.replace("\n      ", "")


def test_a_secret_with_a_line_end_is_masked_in_a_body() -> None:
    screen = Screen(verbose=True)
    screen.runtime.redactor.register(b"two\nlines of a secret")
    screen.text_report.take(finding(body=b"before two\nlines of a secret after"))
    assert "  | before [secret] after\n" in screen.text


def test_a_long_body_is_cut_and_says_so() -> None:
    screen = Screen(verbose=True)
    screen.text_report.take(finding(body=b"\n".join(b"%d" % number for number in range(100))))
    assert "\n  | 39\n  | (60 more lines)\n" in screen.text
    assert "\n  | 40\n" not in screen.text


def test_names_without_end_are_cut_for_people_and_whole_for_programs() -> None:
    name = "e" * 100_000
    screen = Screen()
    drift = (Drift(DriftKind.UNKNOWN_EVENT, "", name),)
    found = finding(event=name, event_id=name, drift=drift)
    screen.text_report.take(found)
    assert len(screen.text) < 1000
    programs = MachineVerifyReport(NdjsonWriter(screen.runtime.out), screen.runtime)
    assert json.loads(programs.line(found))["event"] == name


def test_drift_that_is_illustrative_is_said_to_be_and_lines_fit() -> None:
    name = max((event.name for event in PROVIDERS["arky"].events if not event.documented), key=len)
    tally = Tally()
    for _ in range(3):
        tally.count(finding(event=name, drift=(Drift(DriftKind.ADDED, "data.a_rather_long.path_to.something", "x"),)))
    screen = Screen()
    screen.text_report.close(tally)
    flat = " ".join(screen.text.split())
    assert f"{name} added data.a_rather_long.path_to.something 3 times (the schema is illustrative)" in flat
    assert max(map(len, screen.text.splitlines())) <= 80


TEXT = st.text(st.characters(), max_size=12)
FINDINGS: st.SearchStrategy[Found] = st.one_of(
    st.builds(Unreadable, TEXT, TEXT, st.none() | TEXT),
    st.builds(
        finding,
        TEXT,
        st.none() | TEXT,
        st.none() | TEXT,
        valid=st.booleans(),
        notes=st.lists(TEXT, max_size=2).map(tuple),
        age_s=st.none() | st.integers(-(10**13), 10**13).map(lambda ms: ms / 1000),
    ),
)


@given(found=st.lists(FINDINGS, max_size=4))
@settings(max_examples=150)
def test_in_bulk_the_same_is_written_as_one_by_one(found: list[Found]) -> None:
    singly, in_bulk = Screen(), Screen()
    for screen, bulk in ((singly, False), (in_bulk, True)):
        report = MachineVerifyReport(JsonWriter(screen.runtime.out), screen.runtime)
        if bulk:
            report.take_lines("".join(map(report.line, found)))
        else:
            for one in found:
                report.take(one)
        report.close(Tally())
    one, other = (json.loads(screen.text)["results"] for screen in (singly, in_bulk))
    for record in one:
        if record["type"] == "verdict":
            # the one thing that bulk leaves out
            assert record["drift"] == []
            record["drift"] = None
    assert one == other
    assert in_bulk.text.isascii()
    assert in_bulk.text.count("\n") == singly.text.count("\n")


@given(found=FINDINGS)
def test_a_line_of_bulk_is_one_line_without_control_characters(found: Found) -> None:
    line = Screen().text_report.line(found)
    assert line.endswith("\n")
    assert len(line.splitlines()) == 1
    assert all(character.isprintable() or not character.isascii() for character in line[:-1])


@given(record=st.dictionaries(TEXT, st.one_of(TEXT, st.none(), st.booleans(), st.integers(-(2**53), 2**53))))
@example(record={"\x7f": "a\x7f"})
def test_a_line_is_the_same_text_as_the_slow_way_makes(record: dict[str, object]) -> None:
    assert to_line(record) == json.dumps(record, separators=(",", ":")) + "\n"


@given(source=TEXT, event=TEXT, event_id=st.none() | TEXT)
@example(source="a", event="order.paid", event_id="evt_\x7f")
@example(source="a\x7f", event="order.paid", event_id=None)
def test_the_line_of_a_plainly_valid_capture_is_that_of_its_record(
    source: str, event: str, event_id: str | None
) -> None:
    plain = Plain(source, "arky", event, event_id, 1.5)
    slowly = json.dumps(plain_verdict_record(plain, str), separators=(",", ":")) + "\n"
    assert plain_verdict_line(plain, str) == slowly


def test_quiet_says_the_count_only() -> None:
    screen = Screen(quiet=True)
    screen.text_report.take(finding())
    assert screen.text_report.line(finding(valid=False)) == ""
    tally = Tally()
    tally.count(finding())
    tally.interrupted = True
    screen.text_report.close(tally)
    assert screen.text == "interrupted after 1 capture: 1 valid\n"
