"""Counts of a verification are the same whether one process made them or several."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookctl.errors import ExitCode
from hookctl.flows.examine import Finding
from hookctl.flows.tally import MAX_DRIFTS, MAX_EXAMPLES, Found, Tally
from hookctl.model import Capture, Diagnosis, Reason, Unreadable, Verdict
from hookctl.payload.drift import Drift, DriftKind


def finding(
    reason: Reason = Reason.OK,
    *,
    source: str = "a.ndjson:1",
    event: str | None = "order.paid",
    diagnosis: Diagnosis | None = None,
    drift: tuple[str, ...] = (),
) -> Finding:
    """Return what was found out about a capture; drift is where fields were added."""
    provider = None if reason is Reason.UNKNOWN_PROVIDER else "arky"
    changes = tuple(Drift(DriftKind.ADDED, path, "it is text") for path in drift)
    verdict = Verdict(reason is Reason.OK, reason, diagnosis)
    return Finding(Capture(source, (), b""), provider, event, None, verdict, None, changes, ())


def tally(*found: Found, strict_schema: bool = False) -> Tally:
    counted = Tally(strict_schema=strict_schema, by_case=True)
    for one in found:
        counted.count(one)
    return counted


BROKEN = Unreadable("a.ndjson:2", "it is broken")

FOUND = st.one_of(
    st.builds(Unreadable, st.sampled_from(["a", "a:1", "b#2"]), st.just("broken")),
    st.builds(
        finding,
        st.sampled_from(Reason),
        source=st.sampled_from(["a", "a:1", "b#2", "c:3#4"]),
        event=st.sampled_from([None, "order.paid", "order.created"]),
        diagnosis=st.sampled_from([None, Diagnosis.TRAILING_NEWLINE, Diagnosis.BOM_STRIPPED]),
        drift=st.lists(st.sampled_from("xyz"), max_size=3, unique=True).map(tuple),
    ),
)


@given(found=st.lists(FOUND, max_size=30), cuts=st.lists(st.integers(0, 30), max_size=3))
@settings(max_examples=150)
def test_counts_that_are_merged_are_those_of_the_whole(found: list[Found], cuts: list[int]) -> None:
    whole, merged = tally(*found), tally()
    edges = [0, *sorted(cuts), len(found)]
    for start, stop in pairwise(edges):
        part = merged.fresh()
        for one in found[start:stop]:
            part.count(one)
        merged.merge(part)
    assert merged == whole
    assert whole.total == len(found)
    assert sum(whole.reasons.values()) + whole.unreadable == whole.total
    assert sum(case.captures for case in whole.cases.values()) == whole.total


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ([finding()], ExitCode.YES),
        ([finding(drift=("x",))], ExitCode.YES),
        ([finding(), finding(Reason.MISMATCH)], ExitCode.NO),
        ([finding(Reason.STALE)], ExitCode.NO),
        ([finding(Reason.MISMATCH), BROKEN], ExitCode.INPUT),
        ([finding(Reason.NO_SECRET), finding(Reason.MISMATCH)], ExitCode.INPUT),
        ([finding(Reason.UNKNOWN_PROVIDER)], ExitCode.INPUT),
    ],
)
def test_the_exit_code_is_the_worst_of_what_was_found(found: list[Found], code: ExitCode) -> None:
    assert tally(*found).exit_code is code
    assert tally(*reversed(found)).exit_code is code


def test_drift_fails_only_where_the_schema_is_strict() -> None:
    drifted = finding(drift=("x",))
    strict, lax = tally(drifted, strict_schema=True), tally(drifted)
    assert (strict.exit_code, strict.failed(drifted)) == (ExitCode.NO, True)
    assert (lax.exit_code, lax.failed(drifted)) == (ExitCode.YES, False)
    assert strict.fresh() == Tally(strict_schema=True, by_case=True)


def test_changes_without_end_are_counted_without_their_names() -> None:
    many = [finding(drift=(f"answers.{number}",)) for number in range(MAX_DRIFTS + 50)]
    counted = tally(*many, *many[:3])
    assert (len(counted.drift), counted.other_drift) == (MAX_DRIFTS, 50)
    assert counted.drift["arky", "order.paid", DriftKind.ADDED, "answers.0"] == 2
    merged = tally()
    for _ in range(2):
        merged.merge(counted)
    assert (len(merged.drift), merged.other_drift, merged.drifted) == (MAX_DRIFTS, 100, 2 * (MAX_DRIFTS + 53))


def test_cases_are_by_file_and_event_and_keep_the_first_failures() -> None:
    bad = [finding(Reason.MISMATCH, source=f"a.ndjson:{number}") for number in range(20)]
    counted = tally(finding(source="b.http"), finding(source="b.http", event=None), *bad, BROKEN)
    keys = [(file, event) for file in ("b.http", "a.ndjson") for event in ("order.paid", "")]
    assert list(counted.cases) == keys
    case = counted.cases["a.ndjson", "order.paid"]
    assert (case.captures, case.failed, case.examples) == (20, 20, bad[:MAX_EXAMPLES])
    assert counted.cases["a.ndjson", ""].unreadable == 1
