"""`hookctl verify --report junit=FILE`: a case for each event of each file, and XML that every reader takes."""

from __future__ import annotations

import json
import xml.sax
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from junitparser import JUnitXml

from hookctl.flows.tally import MAX_EXAMPLES, Tally
from hookctl.model import Unreadable
from hookctl.report.files import ReportFile
from hookctl.report.junit import verify_cases, write_junit
from tests.cli.inprocess import run_here
from tests.cli.signed import BODY, archive, arky, forged, genuine, http, record
from tests.harness import ARKY_SECRET

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.harness import Cli


def strict(file: Path) -> ET.Element:
    """Parse with every reader that is to understand it."""
    xml.sax.parse(str(file), xml.sax.ContentHandler())  # noqa: S317 - what hookctl wrote itself
    JUnitXml.fromfile(str(file))
    return ET.fromstring(file.read_bytes())  # noqa: S314


def report(cli: Cli, *arguments: str, code: int) -> ET.Element:
    result = run_here(cli, "verify", *arguments, "--report", "junit=report.xml")
    assert result.code == code, result.out
    return strict(cli.folder / "report.xml")


def outcomes(root: ET.Element) -> dict[tuple[str, str], str | None]:
    """Return how each case ended, by file and event: "failure", "error", None for well."""
    return {
        (suite.get("name") or "", case.get("name") or ""): next((one.tag for one in case), None)
        for suite in root.iter("testsuite")
        for case in suite.iter("testcase")
    }


def test_a_case_for_each_event_of_each_file(signing: Cli) -> None:
    other = BODY.replace(b"order.paid", b"order.created")
    (signing.folder / "good.http").write_bytes(http(arky()))
    (signing.folder / "a.ndjson").write_bytes(archive(genuine(1), forged(2), record(arky(other), other), b"{broken"))
    (signing.folder / "none.http").write_bytes(http(arky(b"{}"), b"{}"))
    (signing.folder / "diary.txt").write_bytes(b"Dear diary,\n")
    (signing.folder / "unknown.http").write_bytes(http([]))
    root = report(signing, "good.http", "a.ndjson", "none.http", "diary.txt", "unknown.http", code=3)
    assert outcomes(root) == {
        ("good.http", "order.paid"): None,
        ("a.ndjson", "order.paid"): "failure",
        ("a.ndjson", "order.created"): None,
        ("a.ndjson", "(unreadable)"): "error",
        ("none.http", "(no event)"): None,
        ("diary.txt", "(unreadable)"): "error",
        # told by its body: the signature is missing
        ("unknown.http", "order.paid"): "failure",
    }
    (failure,) = [one for one in root.iter("failure") if "of 2 captures" in (one.get("message") or "")]
    assert (failure.get("message"), failure.get("type")) == ("1 of 2 captures: mismatch", "invalid")
    assert (failure.text or "").startswith("a.ndjson:2: mismatch")


def test_of_many_failures_the_first_are_told_and_the_rest_counted(signing: Cli) -> None:
    (signing.folder / "a").write_bytes(archive(*(forged(number) for number in range(MAX_EXAMPLES + 7))))
    (failure,) = report(signing, "a", code=1).iter("failure")
    assert failure.get("message") == f"{MAX_EXAMPLES + 7} of {MAX_EXAMPLES + 7} captures: mismatch"
    assert (failure.text or "").count("mismatch") == MAX_EXAMPLES
    assert (failure.text or "").endswith("\n\nand 7 more")


def test_a_diagnosis_and_its_remedy_are_told(signing: Cli) -> None:
    (signing.folder / "a").write_bytes(http(arky(), BODY + b"\n"))
    (failure,) = report(signing, "a", code=1).iter("failure")
    assert "trailing_newline" in (failure.get("message") or "")
    assert "\nfix: " in (failure.text or "")


def test_drift_is_a_failure_where_the_schema_is_strict(signing: Cli) -> None:
    (signing.folder / "a").write_bytes(http(arky()))
    assert outcomes(report(signing, "a", code=0)) == {("a", "order.paid"): None}
    root = report(signing, "a", "--strict-schema", code=1)
    (failure,) = root.iter("failure")
    assert "missing data.order" in (failure.text or "")


@given(source=st.text(st.characters(), min_size=1, max_size=10), message=st.text(st.characters(), max_size=20))
@example(source="\ufffe:1", message="]]>\x1b&<\ud800")
def test_no_text_breaks_the_file(tmp_path_factory: pytest.TempPathFactory, source: str, message: str) -> None:
    path = tmp_path_factory.mktemp("junit") / "report.xml"
    tally = Tally(by_case=True)
    tally.count(Unreadable(source, message))
    file = ReportFile(path)
    write_junit(file, "hookctl verify", verify_cases(tally), str)
    file.finish()
    assert len(list(strict(path).iter("error"))) == 1


@given(text=st.text(st.characters(), max_size=20), body=st.binary(max_size=40))
@example(text="\x00\ufffe]]>", body=b"\xff")
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_capture_breaks_the_file(signing: Cli, text: str, body: bytes) -> None:
    named = json.dumps({"event": text, "id": text, "data": {text: 1}}).encode()
    latin = text.encode("utf-8", "surrogatepass").decode("latin-1")
    lines = [record([("x-arky-signature", latin), ("x-arky-timestamp", "1")], named), record(arky(), body)]
    (signing.folder / "a").write_bytes(archive(*lines, b"\0" + body, text.encode("utf-8", "surrogatepass")))
    report(signing, "a", code=3)


def test_a_secret_is_masked_in_every_place(signing: Cli) -> None:
    body = json.dumps({"event": ARKY_SECRET, "id": ARKY_SECRET}).encode()
    (signing.folder / ARKY_SECRET).write_bytes(http([("x-arky-signature", ARKY_SECRET), arky()[1]], body))
    report(signing, ARKY_SECRET, code=1)
    text = (signing.folder / "report.xml").read_text(encoding="utf-8")
    assert ARKY_SECRET not in text
    assert text.count("[secret]") >= 2
