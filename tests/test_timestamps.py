"""Times: what a user may write, and how vendors write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hookctl.errors import ExitCode, UsageError
from hookctl.model import TimeUnit
from hookctl.timestamps import parse_at, read_time, write_time

if TYPE_CHECKING:
    from tests.harness import Cli

LAST_MS = 253_402_300_799_999
TIMES = st.integers(0, LAST_MS)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [
        # seconds
        ("0", 0),
        ("1704067200", 1_704_067_200_000),
        ("1704067200.5", 1_704_067_200_500),
        ("1704067200.0129", 1_704_067_200_012),
        ("1704067200.999999999", 1_704_067_200_999),
        ("000000000001", 1_000),
        ("253402300799", 253_402_300_799_000),
        ("253402300799.999", LAST_MS),
        # RFC 3339
        ("2024-01-01T00:00:00Z", 1_704_067_200_000),
        ("2024-01-01t00:00:00z", 1_704_067_200_000),
        ("2024-01-01 00:00:00Z", 1_704_067_200_000),
        ("2024-01-01T02:00:00+02:00", 1_704_067_200_000),
        ("2023-12-31T18:30:00-05:30", 1_704_067_200_000),
        ("2024-01-01T00:00:00-00:00", 1_704_067_200_000),
        ("2024-02-15T15:51:12.013Z", 1_708_012_272_013),
        ("2024-02-15T15:51:12.0139999Z", 1_708_012_272_013),
        ("2024-02-15T15:51:12.0130000000000001Z", 1_708_012_272_013),
        ("2024-02-15T15:51:12.5Z", 1_708_012_272_500),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000),
        ("1970-01-01T00:00:00Z", 0),
        ("9999-12-31T23:59:59.999Z", LAST_MS),
        # the zone decides, not the digits of the year
        ("1969-12-31T23:00:00-01:00", 0),
    ],
)
def test_a_time_is_seconds_or_rfc_3339_with_a_zone(text: str, at_ms: int) -> None:
    assert parse_at(text) == at_ms


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "now",
        "T",
        "Z",
        # no zone, or none that RFC 3339 knows
        "2026-01-31T12:00:00",
        "2026-01-31 12:00:00",
        "2026-01-31",
        "2026-01-31T12:00:00+02",
        "2026-01-31T12:00:00+0200",
        "2026-01-31T12:00:00+02:00:30",
        "2026-01-31T12:00:00+24:00",
        "2026-01-31T12:00:00 +02:00",
        "2026-01-31T12:00:00 UTC",
        # other forms of ISO 8601
        "20260131T120000Z",
        "2026-W05-6T12:00:00Z",
        "2026-031T12:00:00Z",
        "2026-01-31T12Z",
        "2026-01-31T12:00Z",
        "2026-01-31T12:00:00,5Z",
        "2026-01-31T12:00:00.Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T23:59:60Z",
        "-2026-01-31T12:00:00Z",
        "+12026-01-31T12:00:00Z",
        # no such day or hour
        "2026-02-29T12:00:00Z",
        "2026-13-01T12:00:00Z",
        "2026-01-31T25:00:00Z",
        "2026-01-31T12:61:00Z",
        "0000-01-01T00:00:00Z",
        # characters that only look like those
        "１７０４０６７２００",
        "1704067200.５",
        "٢٠٢٤",
        "２０２６-01-31T12:00:00Z",
        "2026-01-31T12:00:0０Z",
        "2026‐01‐31T12:00:00Z",
        "2026-01-31T12:00:00−02:00",
        # white space and other separators
        " 1704067200",
        "1704067200 ",
        "1704067200\n",
        "2026-01-31T12:00:00Z\n",
        "2026-01-31\n12:00:00Z",
        "2026-01-31\x0012:00:00Z",
        "2026-01-31\xa012:00:00Z",
        # other notations for numbers
        "+5",
        "-1",
        "1_000",
        "1e9",
        "0x10",
        "1.",
        ".5",
        "1,5",
        "nan",
        "inf",
        "1704067200s",
        "9" * 19,
        "9" * 5000,
    ],
)
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_at(text)
    assert caught.value.exit_code is ExitCode.USAGE
    assert caught.value.message == f"{text!r} is not a time with a zone"
    assert caught.value.hint is not None
    for written in ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00+02:00", "1704067200"):
        assert written in caught.value.hint
        parse_at(written)


@pytest.mark.parametrize("text", ["253402300800", "1704067200000", "1704067200000.5", "9" * 18])
def test_milliseconds_are_recognised_by_a_year_that_is_out_of_range(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_at(text)
    assert caught.value.message == f"{text!r} is outside the years 1970 to 9999"
    assert caught.value.hint == "seconds are expected, not milliseconds"


@pytest.mark.parametrize(
    "text",
    [
        "1969-12-31T23:59:59.999Z",
        "1970-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
    ],
)
def test_other_years_are_out_of_range(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_at(text)
    assert caught.value.message == f"{text!r} is outside the years 1970 to 9999"
    assert caught.value.hint is None


@settings(max_examples=200, deadline=None)
@given(at_ms=TIMES, offset_minutes=st.integers(-23 * 60 - 59, 23 * 60 + 59))
@example(at_ms=0, offset_minutes=0)
@example(at_ms=LAST_MS, offset_minutes=-1)
def test_any_time_in_any_zone_is_read_as_it_is_written(at_ms: int, offset_minutes: int) -> None:
    zone = timezone(timedelta(minutes=offset_minutes))
    try:
        text = (EPOCH + timedelta(milliseconds=at_ms)).astimezone(zone).isoformat(timespec="milliseconds")
    except OverflowError:
        # local time in the year 10000
        return
    assert parse_at(text) == at_ms


@settings(max_examples=200, deadline=None)
@given(TIMES)
def test_seconds_with_a_fraction_are_read_as_they_are_written(at_ms: int) -> None:
    assert parse_at(f"{at_ms // 1000}.{at_ms % 1000:03d}") == at_ms
    assert parse_at(f"{at_ms // 1000}") == at_ms - at_ms % 1000


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(), st.text(st.sampled_from("0123456789-:.TZ+ "), max_size=30)))
def test_any_text_is_a_time_or_is_refused_and_nothing_else(text: str) -> None:
    try:
        at_ms = parse_at(text)
    except UsageError as error:
        assert repr(text) in error.message  # noqa: PT017 - either outcome is right
    else:
        assert 0 <= at_ms <= LAST_MS


@settings(max_examples=200, deadline=None)
@given(at_ms=TIMES, unit=st.sampled_from(TimeUnit))
def test_a_time_survives_in_every_unit_to_the_units_precision(at_ms: int, unit: TimeUnit) -> None:
    kept = at_ms if unit in {TimeUnit.UNIX_MILLISECONDS, TimeUnit.ISO8601_MILLISECONDS} else at_ms - at_ms % 1000
    value = write_time(at_ms, unit)
    assert read_time(value, unit) == kept
    # headers are text
    assert read_time(str(value), unit) == kept


@pytest.mark.parametrize(
    ("at_ms", "unit", "written"),
    [
        (1_708_012_272_013, TimeUnit.UNIX_SECONDS, 1_708_012_272),
        (1_708_012_272_999, TimeUnit.UNIX_SECONDS, 1_708_012_272),
        (-1, TimeUnit.UNIX_SECONDS, -1),
        (1_708_012_272_013, TimeUnit.UNIX_MILLISECONDS, 1_708_012_272_013),
        (1_708_012_272_013, TimeUnit.ISO8601_MILLISECONDS, "2024-02-15T15:51:12.013Z"),
        (0, TimeUnit.ISO8601_MILLISECONDS, "1970-01-01T00:00:00.000Z"),
        (LAST_MS, TimeUnit.ISO8601_MILLISECONDS, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_a_time_as_each_unit_writes_it(at_ms: int, unit: TimeUnit, written: int | str) -> None:
    assert write_time(at_ms, unit) == written


@pytest.mark.parametrize("at_ms", [-1, LAST_MS + 1, 10**30])
def test_text_holds_no_other_years(at_ms: int) -> None:
    with pytest.raises(UsageError, match="outside the years 1970 to 9999"):
        write_time(at_ms, TimeUnit.ISO8601_MILLISECONDS)


@pytest.mark.parametrize("unit", [TimeUnit.UNIX_SECONDS, TimeUnit.UNIX_MILLISECONDS])
@pytest.mark.parametrize(
    "value",
    ["", "abc", " 1", "1 ", "1\n", "+1", "1.0", "1_0", "１", "0x1", "1e3", "9" * 19, True, None, 1.5, [], {}, b"1"],
)
def test_what_is_not_a_number_is_no_numeric_time(value: object, unit: TimeUnit) -> None:
    assert read_time(value, unit) is None


@pytest.mark.parametrize("value", ["", "soon", "2024-02-15T15:51:12.013", "2024-02-30T00:00:00Z", 1_704_067_200, None])
def test_what_has_no_zone_is_no_time_in_text(value: object) -> None:
    assert read_time(value, TimeUnit.ISO8601_MILLISECONDS) is None


@pytest.mark.parametrize("text", ["2026-01-31T12:00:00", "１７０４０６７２００", "1704067200000"])
def test_on_the_command_line_a_bad_time_is_2(cli: Cli, text: str) -> None:
    result = cli.with_secrets()("send", "order.paid", "--dry-run", "--at", text)
    assert (result.code, result.out) == (2, "")
    assert text in result.err
