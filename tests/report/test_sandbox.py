"""What a sandbox shows: safe for a terminal and one record a line, whatever a caller or a receiver says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hookctl.catalogue import load_catalogue
from hookctl.catalogue.administration import load_administration
from hookctl.flows.sandbox import Called, Opened, Plan, SandboxEvent, SandboxOptions, SandboxSummary, Sent, Trouble
from hookctl.model import Attempt, Delivery, Failure, FailureKind, Response, SignedRequest
from hookctl.receiver import Refusal
from hookctl.report.sandbox import MachineSandboxReport, TextSandboxReport
from tests import schemas
from tests.harness import ARKY_SECRET
from tests.report.shown import NOW_MS, Shown, hostile
from tests.report.test_safe import ACTING

if TYPE_CHECKING:
    from pathlib import Path

names = st.none() | hostile


def plan(retry_s: tuple[float, ...] = ()) -> Plan:
    """Return what a sandbox is."""
    provider = load_catalogue("arky").provider("arky")
    api = load_administration(provider).api
    assert api is not None
    return Plan(SandboxOptions(retry_s=retry_s), provider, api, api.dialects, None, "")


def sent(
    *,
    event: str | None = "order.paid",
    event_id: str | None = "evt_1",
    url: str = "http://localhost/",
    body: bytes = b"{}",
    response: Response | None = None,
    failure: Failure | None = None,
    subscribed: bool = True,
    number: int = 0,
    next_s: float | None = None,
) -> Sent:
    """Return one try."""
    request = SignedRequest("arky", event, event_id, "POST", url, (("x-arky-signature", "5"),), body)
    ok = response is not None and response.status < 300
    return Sent(Delivery(request, Attempt(response, failure, 5.4), "2xx", ok, 5.0), subscribed, number, 2, next_s)


@st.composite
def anything_told(draw: st.DrawFn) -> SandboxEvent:
    """Draw something that a sandbox may tell, with nothing harmless in it."""
    text = draw(hostile)
    kind = draw(st.integers(0, 4))
    if kind == 0:
        return Opened(text, (text,), plan())
    if kind == 1:
        return Called(NOW_MS, "GET", text, draw(st.sampled_from([200, 404])), 1.5, draw(names))
    if kind == 2:
        return Refusal(NOW_MS, 400, text, text, text.encode("utf-8", "replace"))
    if kind == 3:
        return Trouble(text)
    headers = ((draw(hostile), draw(hostile)),)
    return sent(
        event=draw(names),
        event_id=draw(names),
        url=draw(hostile),
        body=draw(st.binary(max_size=60)),
        response=draw(st.none() | st.builds(Response, st.integers(200, 599), st.just(headers), st.binary(max_size=60))),
        failure=draw(st.none() | st.builds(Failure, st.sampled_from(FailureKind), hostile, names)),
        subscribed=draw(st.booleans()),
        number=draw(st.integers(0, 2)),
        next_s=draw(st.none() | st.just(1.0)),
    )


@settings(max_examples=200)
@given(events=st.lists(anything_told(), max_size=4), verbose=st.booleans(), quiet=st.booleans())
@example(events=[sent(event="\x1b[31m\n\u202e\ud800", body=b"\x9b\xff")], verbose=True, quiet=False)
def test_nothing_that_is_told_acts_on_a_terminal(
    tmp_path_factory: pytest.TempPathFactory, events: list[SandboxEvent], verbose: bool, quiet: bool
) -> None:
    shown = Shown(tmp_path_factory.getbasetemp())
    report = TextSandboxReport(shown.runtime, plan(), retry="1s\x1b", verbose=verbose, quiet=quiet and not verbose)
    for event in events:
        report.take(event)
        report.flush()
    report.close(SandboxSummary())
    assert not ACTING & set(shown.out + shown.err)
    assert shown.out.endswith("0 calls\n")


@settings(max_examples=200)
@given(events=st.lists(anything_told(), max_size=4))
def test_each_thing_told_is_one_line_of_ascii_json(
    tmp_path_factory: pytest.TempPathFactory, events: list[SandboxEvent]
) -> None:
    shown = Shown(tmp_path_factory.getbasetemp())
    report = MachineSandboxReport(shown.runtime)
    for event in events:
        report.take(event)
    report.close(SandboxSummary())
    assert shown.out.isascii()
    records = schemas.records(shown.out)
    told = [event for event in events if not isinstance(event, Trouble)]
    assert len(records) == len(told) + 1
    for record, event in zip(records, told, strict=False):
        if isinstance(event, Called):
            assert (record["target"], record["remark"]) == (event.target, event.remark)


@pytest.mark.parametrize("verbose", [False, True])
def test_no_secret_is_shown(tmp_path: Path, verbose: bool) -> None:
    shown = Shown(tmp_path)
    shown.runtime.redactor.register(ARKY_SECRET.encode())
    leaky = (
        Called(NOW_MS, "GET", f"/{ARKY_SECRET}", 404, 1.0, ARKY_SECRET),
        Trouble(ARKY_SECRET),
        sent(
            url=f"http://x/{ARKY_SECRET}",
            response=Response(500, (("X", ARKY_SECRET),), ARKY_SECRET.encode()),
        ),
        sent(failure=Failure(FailureKind.TLS, ARKY_SECRET, ARKY_SECRET)),
    )
    for report in (
        TextSandboxReport(shown.runtime, plan(), retry=None, verbose=verbose, quiet=False),
        MachineSandboxReport(shown.runtime),
    ):
        for event in leaky:
            report.take(event)
        report.flush()
    assert shown.out.count("[secret]") > 5
    assert ARKY_SECRET not in shown.out + shown.err


@pytest.mark.parametrize(
    ("summary", "line"),
    [
        (SandboxSummary(), "0 calls"),
        (SandboxSummary(calls=1), "1 call"),
        (SandboxSummary(calls=1200, rejected=3), "1,200 calls: 3 rejected"),
        (SandboxSummary(calls=2, deliveries=1), "2 calls: 1 try to deliver of which 0 taken"),
        (
            SandboxSummary(calls=2, deliveries=5, taken=1, refused=2, waiting_retries=1),
            "2 calls: 5 tries to deliver of which 1 taken, 2 refused, 1 retry dropped",
        ),
        (SandboxSummary(calls=2, waiting_retries=2), "2 calls: 2 retries dropped"),
    ],
)
def test_the_last_line_counts(tmp_path: Path, summary: SandboxSummary, line: str) -> None:
    shown = Shown(tmp_path)
    TextSandboxReport(shown.runtime, plan(), retry=None, verbose=False, quiet=True).close(summary)
    assert shown.out == f"{line}\n"


def test_a_retry_is_always_called_simulated(tmp_path: Path) -> None:
    shown = Shown(tmp_path)
    report = TextSandboxReport(shown.runtime, plan(), retry=None, verbose=False, quiet=False)
    report.take(sent(response=Response(503, (), b""), next_s=1.5))
    report.take(sent(response=Response(200, (), b""), number=1, subscribed=False))
    report.flush()
    first, why, again, second = shown.out.splitlines()
    assert first.endswith(" ==> order.paid [evt_1]  503 5 ms  http://localhost/")
    assert (why, again) == ("    expected 2xx, answered 503", "    simulated retry in 1.5 s")
    assert second.endswith("  200 5 ms  http://localhost/  not subscribed  (simulated retry 1 of 2)")
