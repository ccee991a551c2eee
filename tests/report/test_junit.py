"""`--report junit=FILE`: XML that every reader takes, whatever a receiver answers."""

from __future__ import annotations

import signal
import xml.sax
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from junitparser import JUnitXml

from hookctl.flows.send import SendSummary
from hookctl.model import Attempt, Delivery, Failure, FailureKind, Response, SignedRequest
from hookctl.redaction import MASK, Redactor
from hookctl.report.files import ReportFile
from hookctl.report.junit import MAX_BODY, MAX_PROBLEMS, SendJUnit
from tests.cli.processes import line_of, under_way
from tests.cli.recorder import always, recording, unused_port
from tests.harness import ARKY_SECRET

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.harness import Cli

SECRET = "whsec_a-secret-of-some-length"
URL = "http://127.0.0.1:1/x"


def delivery(
    event: str | None = "order.paid",
    *,
    status: int | None = 500,
    body: bytes = b"",
    failure: str | None = None,
    duration_ms: float = 250.0,
    provider: str = "arky",
) -> Delivery:
    request = SignedRequest(provider, event, "evt_1", "POST", URL, (), b"{}")
    answer = None if status is None else Response(status, (), body)
    broken = None if failure is None else Failure(FailureKind.RESET, failure)
    ok = broken is None and status == 200
    return Delivery(request, Attempt(answer, broken, duration_ms), "2xx", ok=ok, deadline_s=5.0)


def strict(file: Path) -> ET.Element:
    """Parse with every reader that is to understand it."""
    xml.sax.parse(str(file), xml.sax.ContentHandler())  # noqa: S317 - what hookctl wrote itself
    JUnitXml.fromfile(str(file))
    return ET.fromstring(file.read_bytes())  # noqa: S314


def written(folder: Path, deliveries: Iterable[Delivery]) -> ET.Element:
    redactor = Redactor()
    redactor.register(SECRET.encode())
    file = ReportFile(folder / "report.xml")
    report = SendJUnit(file, redactor.clean)
    for one in deliveries:
        report.take(one)
    report.close(SendSummary(planned=0))
    file.finish()
    return strict(folder / "report.xml")


def cases(root: ET.Element) -> list[ET.Element]:
    return list(root.iter("testcase"))


def outcome(case: ET.Element) -> ET.Element:
    (element,) = list(case)
    return element


NASTY = [
    b"\x00\x01\x1b[2J\x7f",
    b"]]>",
    b"\xff\xfe\xed\xa0\x80",
    rb"\ud800",
    b"\xef\xbf\xbe\xef\xbf\xbf",
    b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
    b"<html><script>alert('&amp;')</script>",
    b"x" * 1_000_000,
    b"\r\n\r",
]


@pytest.mark.parametrize("body", NASTY, ids=lambda body: repr(body[:12]))
def test_whatever_is_answered_the_file_can_be_read(tmp_path: Path, body: bytes) -> None:
    (case,) = cases(written(tmp_path, [delivery(body=body)]))
    assert len(outcome(case).text or "") < MAX_BODY + 200


@given(
    body=st.binary(max_size=60),
    event=st.text(st.characters(), min_size=1, max_size=8),
    message=st.text(st.characters()),
)
@example(body=b"", event="\ud800\x00", message="\ufffe\udfff]]>")
def test_no_bytes_and_no_text_break_the_file(
    tmp_path_factory: pytest.TempPathFactory, body: bytes, event: str, message: str
) -> None:
    folder = tmp_path_factory.mktemp("junit")
    root = written(folder, [delivery(event, body=body), delivery("other", status=None, failure=message)])
    assert len(cases(root)) == 1 + (event != "other")


@given(text=st.text(st.sampled_from("ab<>&\"'] é\n\t"), min_size=1, max_size=40))
def test_text_that_xml_can_hold_arrives_unchanged(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    (case,) = cases(written(tmp_path_factory.mktemp("junit"), [delivery(body=text.encode())]))
    assert (outcome(case).text or "").endswith(f"\n{text}")


@given(before=st.integers(MAX_BODY - 40, MAX_BODY + 5))
def test_a_secret_that_is_answered_is_masked_even_where_the_body_is_cut(
    tmp_path_factory: pytest.TempPathFactory, before: int
) -> None:
    body = b"." * before + SECRET.encode() + b"." * 50
    (case,) = cases(written(tmp_path_factory.mktemp("junit"), [delivery(body=body)]))
    assert "whsec_" not in (outcome(case).text or "")


def test_a_secret_is_masked_in_every_place(tmp_path: Path) -> None:
    written(tmp_path, [delivery(body=SECRET.encode()), delivery("x", status=None, failure=f"said {SECRET}")])
    text = (tmp_path / "report.xml").read_text(encoding="utf-8")
    assert SECRET not in text
    assert text.count(MASK) == 3


def test_many_deliveries_of_an_event_are_one_case_with_counts_and_the_sum_of_their_time(tmp_path: Path) -> None:
    (case,) = cases(written(tmp_path, [delivery(status=200)] * 3 + [delivery(status=503)] * 9))
    assert case.attrib == {"name": "order.paid", "classname": "hookctl.send.arky", "time": "3.0"}
    assert outcome(case).tag == "failure"
    assert outcome(case).get("message") == "9 of 12 deliveries: expected 2xx, answered 503"
    assert (outcome(case).text or "").count(f"POST {URL}") == MAX_PROBLEMS


def test_not_delivered_once_is_an_error_whatever_else_there_was(tmp_path: Path) -> None:
    (case,) = cases(written(tmp_path, [delivery(status=503), delivery(status=None, failure="gone")]))
    assert outcome(case).tag == "error"
    assert outcome(case).get("type") == "not_delivered"
    assert "gone" in (outcome(case).text or "")


def test_nothing_sent_is_a_report_without_cases(tmp_path: Path) -> None:
    assert cases(written(tmp_path, [])) == []


@pytest.mark.parametrize(
    ("status", "tag", "code"),
    [(200, None, 0), (500, "failure", 1), (None, "error", 4)],
    ids=["ok", "unexpected", "gone"],
)
def test_the_exit_code_is_the_same_with_a_report(cli: Cli, status: int | None, tag: str | None, code: int) -> None:
    signing = cli.with_secrets()
    with recording(always(status or 200, f"{ARKY_SECRET} \x00 ]]>".encode())) as recorder:
        to = recorder.base if status else f"http://127.0.0.1:{unused_port()}/"
        command = ["send", "order.paid", "node.*", "--count", "2", "--repeat", "2", "--to", to]
        with_report = signing(*command, "--report", "junit=new/folder/report.xml")
        assert [with_report.code, signing(*command).code] == [code, code]
    root = strict(cli.folder / "new" / "folder" / "report.xml")
    found = cases(root)
    names = [case.get("name") or "" for case in found]
    assert names[0] == "order.paid"
    assert {name.partition(".")[0] for name in names[1:]} == {"node"}
    assert len(names) == len(set(names)) > 2
    for case in found:
        assert [one.tag for one in case] == ([tag] if tag else [])
        assert float(case.get("time") or "") >= 0
        if tag:
            assert (outcome(case).get("message") or "").startswith("4 of 4 deliveries: ")
    assert ARKY_SECRET not in ET.tostring(root, encoding="unicode")


@pytest.mark.parametrize("argument", ["xml=f", "junit=", "f", "=f", "junit", ""])
def test_a_report_of_another_kind_is_a_usage_error(cli: Cli, argument: str) -> None:
    result = cli.with_secrets()("send", "order.paid", "--report", argument)
    assert result.code == 2
    assert "junit=FILE" in result.err
    assert list(cli.folder.iterdir()) == []


def test_a_report_that_cannot_be_written_is_named(cli: Cli) -> None:
    (cli.folder / "report.xml").mkdir()
    with recording() as recorder:
        result = cli.with_secrets()("send", "order.paid", "--to", recorder.base, "--report", "junit=report.xml")
    assert result.code == 3
    assert "report.xml" in result.err
    assert [one.name for one in cli.folder.iterdir()] == ["report.xml"]


def test_what_was_sent_before_ctrl_c_is_in_the_report(cli: Cli) -> None:
    with recording() as recorder:
        command = ["send", "order.paid", "--count", "1000000", "--to", recorder.base, "--report", "junit=report.xml"]
        with under_way(cli.with_secrets(), *command, "--format", "ndjson") as process:
            assert line_of(process)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
            assert process.returncode == 130
    (case,) = cases(strict(cli.folder / "report.xml"))
    assert case.get("name") == "order.paid"
