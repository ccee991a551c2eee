"""What a listener shows: safe for a terminal and one record a line, whatever a payload holds."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hookctl.flows.examine import Finding
from hookctl.flows.listen import End, ListenEvent, ListenSummary, Ready, Received, Retried, Trouble
from hookctl.model import Capture, CapturedRequest, Diagnosis, Explanation, Reason, Verdict
from hookctl.receiver import Refusal
from hookctl.report.listen import MachineListenReport, TextListenReport
from hookctl.report.words import ordinal
from hookctl.store import Forwarded, StoreError
from tests import schemas
from tests.harness import ARKY_SECRET
from tests.report.shown import NOW_MS, Shown, hostile
from tests.report.test_safe import ACTING

if TYPE_CHECKING:
    from pathlib import Path

names = st.none() | hostile


def received(
    *,
    event: str | None = "order.paid",
    event_id: str | None = "evt_1",
    verdict: Verdict = Verdict(valid=True, reason=Reason.OK),  # noqa: B008 - frozen
    explanation: Explanation | None = None,
    notes: tuple[str, ...] = (),
    target: str = "/hook",
    headers: tuple[tuple[bytes, bytes], ...] = (),
    body: bytes = b"{}",
    occurrence: int | None = 1,
    status: int = 200,
    forwarded: Forwarded | None = None,
    answer: bytes = b"",
    hint: str | None = None,
) -> Received:
    """Return a delivery that was answered."""
    capture = Capture("", headers, body, "POST", target, "1.1", NOW_MS)
    finding = Finding(capture, "arky", event, event_id, verdict, explanation, (), notes)
    request = CapturedRequest(NOW_MS, "POST", target, "1.1", headers, body)
    return Received(finding, request, "dl_1", occurrence, status, forwarded, answer, hint)


@st.composite
def anything_told(draw: st.DrawFn) -> ListenEvent:
    """Draw something that a listener may tell, with nothing harmless in it."""
    text = draw(hostile)
    forwarded = Forwarded(draw(hostile), draw(st.none() | st.integers(200, 599)), 1.5, draw(names))
    explanation = Explanation(Diagnosis.TRAILING_NEWLINE, None, draw(hostile), draw(hostile))
    kind = draw(st.integers(0, 4))
    if kind == 0:
        return Ready(text, (text,))
    if kind == 1:
        return Retried("dl_1", draw(names), 1, 2, forwarded)
    if kind == 2:
        return Refusal(NOW_MS, 400, text, text, text.encode("utf-8", "replace"))
    if kind == 3:
        return Trouble(StoreError(text), text, draw(names))
    unsure = draw(st.booleans())
    return received(
        event=draw(names),
        event_id=draw(names),
        verdict=Verdict(valid=False, reason=Reason.NO_SECRET if unsure else Reason.MISMATCH),
        explanation=None if unsure else explanation,
        notes=(draw(hostile),),
        target=text,
        headers=((draw(st.binary(max_size=20)), draw(st.binary(max_size=20))),),
        body=draw(st.binary(max_size=60)),
        status=draw(st.sampled_from([200, 502])),
        forwarded=draw(st.none() | st.just(forwarded)),
        answer=draw(st.binary(max_size=60)),
        hint=draw(names),
    )


@settings(max_examples=200)
@given(events=st.lists(anything_told(), max_size=4), verbose=st.booleans(), quiet=st.booleans())
@example(events=[received(event="\x1b[31m\n\u202e\ud800", body=b"\x9b\xff", status=502)], verbose=True, quiet=False)
def test_nothing_that_is_told_acts_on_a_terminal(
    tmp_path_factory: pytest.TempPathFactory, events: list[ListenEvent], verbose: bool, quiet: bool
) -> None:
    shown = Shown(tmp_path_factory.getbasetemp())
    report = TextListenReport(shown.runtime, verbose=verbose, quiet=quiet and not verbose, retry="1s\x1b")
    for event in events:
        report.take(event)
        report.flush()
    report.close(ListenSummary(end=End.COUNTED))
    # a tab inside a shown body is the only one that stays
    assert not ACTING & set(shown.out + shown.err)
    assert shown.out.endswith("0 deliveries\n")


@settings(max_examples=200)
@given(events=st.lists(anything_told(), max_size=4))
def test_each_thing_told_is_one_line_of_ascii_json(
    tmp_path_factory: pytest.TempPathFactory, events: list[ListenEvent]
) -> None:
    shown = Shown(tmp_path_factory.getbasetemp())
    report = MachineListenReport(shown.runtime)
    for event in events:
        report.take(event)
    report.close(ListenSummary(end=End.COUNTED))
    assert shown.out.isascii()
    records = schemas.records(shown.out)
    told = [event for event in events if not isinstance(event, Trouble)]
    assert len(records) == len(told) + 1
    for record, event in zip(records, told, strict=False):
        if isinstance(event, Received):
            assert (record["event"], record["target"]) == (event.finding.event, event.request.target)


def test_nothing_is_written_before_the_turns_end(tmp_path: Path) -> None:
    shown = Shown(tmp_path)
    reports = (
        TextListenReport(shown.runtime, verbose=False, quiet=False, retry=None),
        MachineListenReport(shown.runtime),
    )
    for report in reports:
        report.take(received())
        assert shown.out == ""
    for report in reports:
        report.flush()
    assert shown.out.count("\n") == 3


def test_trouble_is_told_beside_what_is_received(tmp_path: Path) -> None:
    shown = Shown(tmp_path)
    for report in (
        TextListenReport(shown.runtime, verbose=False, quiet=True, retry=None),
        MachineListenReport(shown.runtime),
    ):
        report.take(Trouble(StoreError("full"), "not stored: full", "free some space"))
    assert shown.out == ""
    assert shown.err == " note: not stored: full (free some space)\n" * 2


class _Full(StringIO):
    """A stream on a full disk."""

    def write(self, text: str) -> int:  # noqa: ARG002 - as every stream
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_trouble_that_cannot_be_told_does_not_stop_anything(tmp_path: Path) -> None:
    shown = Shown(tmp_path, _Full())
    report = MachineListenReport(shown.runtime)
    report.take(Trouble(None, "not stored"))
    report.take(received())
    report.flush()
    assert schemas.record(shown.out)["type"] == "request"


@pytest.mark.parametrize("verbose", [False, True])
def test_no_secret_is_shown(tmp_path: Path, verbose: bool) -> None:
    shown = Shown(tmp_path)
    shown.runtime.redactor.register(ARKY_SECRET.encode())
    leaky = received(
        event=ARKY_SECRET,
        event_id=ARKY_SECRET,
        target=f"/{ARKY_SECRET}",
        hint=ARKY_SECRET,
        headers=((b"X", ARKY_SECRET.encode()),),
        body=ARKY_SECRET.encode(),
        status=500,
        forwarded=Forwarded(f"http://x/{ARKY_SECRET}", 500, 1.0, ARKY_SECRET),
        answer=ARKY_SECRET.encode(),
    )
    for report in (
        TextListenReport(shown.runtime, verbose=verbose, quiet=False, retry=None),
        MachineListenReport(shown.runtime),
    ):
        report.take(leaky)
        report.flush()
    assert shown.out
    assert ARKY_SECRET not in shown.out


def test_long_names_are_cut(tmp_path: Path) -> None:
    shown = Shown(tmp_path)
    report = TextListenReport(shown.runtime, verbose=False, quiet=False, retry=None)
    report.take(received(event="e" * 1000, event_id="i" * 1000))
    report.flush()
    assert "e" * 57 + "... [" + "i" * 57 + "...]" in shown.out
    assert max(map(len, shown.out.splitlines())) < 160


def test_the_summary_counts_what_went_wrong(tmp_path: Path) -> None:
    shown = Shown(tmp_path)
    counts = ListenSummary(1200, 1100, 100, 0, 1190, 10, 5, 4, 3, 2, End.TIMED_OUT)
    TextListenReport(shown.runtime, verbose=False, quiet=True, retry=None).close(counts)
    assert shown.out == (
        "timed out after 1,200 deliveries: 1,100 valid, 100 not valid, 5 passed on, 4 passed on without success, "
        "10 NOT stored, 3 refused, 2 retries dropped\n"
    )


@pytest.mark.parametrize(
    ("number", "text"),
    [
        *((2, "2nd"), (3, "3rd"), (4, "4th"), (10, "10th"), (11, "11th"), (12, "12th"), (13, "13th"), (21, "21st")),
        *((22, "22nd"), (100, "100th"), (101, "101st"), (111, "111th"), (112, "112th"), (1013, "1,013th")),
    ],
)
def test_ordinals_are_english(number: int, text: str) -> None:
    assert ordinal(number) == text


def test_the_colours_of_a_refusal_are_not_escaped(tmp_path: Path) -> None:
    shown = Shown(tmp_path)
    report = TextListenReport(
        replace(shown.runtime, env={"CLICOLOR_FORCE": "1"}), verbose=False, quiet=False, retry=None
    )
    report.take(Refusal(NOW_MS, 408, "too slow", "127.0.0.1:1", b"G"))
    report.flush()
    assert "\\x1b" not in shown.out
    assert shown.out.endswith("\x1b[33mrefused with 408: too slow (from 127.0.0.1:1)\x1b[0m\n")
