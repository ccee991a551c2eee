"""Times and sizes as people say them, in listings of what was received."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from hookctl.report.deliveries import TextListReport
from hookctl.report.words import ordinal, size_in_words
from hookctl.runtime import Output, Runtime
from hookctl.store import Summary
from tests.store.material import OK


def at(text: str) -> int:
    """Return a local time in milliseconds since the epoch."""
    return int(datetime.fromisoformat(text).astimezone().timestamp() * 1000)


def listed(now: str, *times: str, encoding: str = "ascii") -> list[str]:
    """Return the lines of a listing of deliveries that came at these local times."""
    out = TextIOWrapper(BytesIO(), encoding=encoding, newline="\n")
    err = Output(TextIOWrapper(BytesIO()), "standard error")
    runtime = Runtime({}, Path("/"), BytesIO(), Output(out, "standard output"), err, now_ms=lambda: at(now))
    report = TextListReport(runtime, narrowed=False)
    report.take(
        [
            Summary(
                sequence=number,
                id="dl_01HK153X000000000",
                occurrence=number,
                received_at_ms=at(time),
                method="POST",
                target="/",
                http_version="1.1",
                body_bytes=2,
                verdict=OK,
                provider="arky",
                event="order.paid",
                event_id=None,
                status=200,
                forwarded=None,
            )
            for number, time in enumerate(times, 1)
        ]
    )
    buffer = out.buffer
    assert isinstance(buffer, BytesIO)
    return buffer.getvalue().decode(encoding).splitlines()


def test_a_time_is_as_exact_as_it_is_near() -> None:
    assert listed("2024-07-15T12:00:00", "2024-07-15T00:00:01", "2024-07-14T23:59:59", "2023-12-31T23:59:59") == [
        "+ dl_01HK153X000000000    00:00:01 200 order.paid valid",
        "+ dl_01HK153X000000000 07-14 23:59 200 order.paid valid  2nd time",
        "+ dl_01HK153X000000000  2023-12-31 200 order.paid valid  3rd time",
    ]


def test_times_of_one_day_take_no_more_room_than_they_need() -> None:
    (line,) = listed("2024-07-15T12:00:00", "2024-07-15T11:59:59", encoding="utf-8")
    assert line == "✓ dl_01HK153X000000000 11:59:59 200 order.paid valid"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (11, "11th"),
        (12, "12th"),
        (13, "13th"),
        (21, "21st"),
        (101, "101st"),
        (111, "111th"),
        (1_000, "1,000th"),
        (1_012, "1,012th"),
    ],
)
def test_a_place_in_a_row_is_said_as_people_say_it(number: int, text: str) -> None:
    assert ordinal(number) == text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (1_572_864, "1.5 MiB"),
        (3 << 40, "3,072.0 GiB"),
    ],
)
def test_a_size_is_said_as_people_say_it(size_bytes: int, text: str) -> None:
    assert size_in_words(size_bytes) == text
