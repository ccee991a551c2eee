"""Schedules of retries, as users write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookctl.errors import InputError
from hookctl.flows.schedule import parse_schedule


@pytest.mark.parametrize(
    ("text", "pauses"),
    [
        ("1s,5s,30s", (1.0, 5.0, 30.0)),
        ("0.2s,0.4s", (0.2, 0.4)),
        ("1, 2 , 3", (1.0, 2.0, 3.0)),
        ("500ms", (0.5,)),
        ("1m,2h", (60.0, 7200.0)),
        ("0", (0.0,)),
        ("24h", (86400.0,)),
    ],
)
def test_a_schedule_is_a_list_of_pauses(text: str, pauses: tuple[float, ...]) -> None:
    assert parse_schedule(text) == pytest.approx(pauses)


@pytest.mark.parametrize(
    "text", ["", ",", "1s,", "s", "ms", "soon", "1x", "-1s", "nan", "inf", "1e9", "25h", "1s 2s", "0x1s"]
)
def test_what_is_no_schedule_is_named(text: str) -> None:
    with pytest.raises(InputError, match="is not a pause") as caught:
        parse_schedule(text)
    assert caught.value.hint == "for instance 1s,5s,30s"


@given(st.text(max_size=12))
def test_any_text_is_a_schedule_or_an_input_error(text: str) -> None:
    try:
        pauses = parse_schedule(text)
    except InputError:
        return
    assert all(0 <= pause_s <= 86400 for pause_s in pauses)
    assert len(pauses) == text.count(",") + 1
