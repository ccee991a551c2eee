"""Text that is cut to a width takes no more than that, whatever script it is in."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookctl.report.columns import columns, cut, padded


@pytest.mark.parametrize(
    ("text", "room", "expected"),
    [
        ("order.paid", 10, "order.paid"),
        ("order.paid", 9, "order...."),
        ("order.paid", 3, "..."),
        ("order.paid", 2, ".."),
        ("order.paid", 0, ""),
        ("", 0, ""),
        ("日本語", 6, "日本語"),
        # a letter of two columns that fits only by half is left out
        ("日本語", 5, "日..."),
        ("日本語", 4, "..."),
        ("e\u0301e\u0301", 2, "e\u0301e\u0301"),
    ],
)
def test_text_is_cut_where_it_would_take_more_room(text: str, room: int, expected: str) -> None:
    assert cut(text, room) == expected


@settings(max_examples=200)
@given(st.text(max_size=40) | st.text("a日\u0301\u200d🦊", max_size=40), st.integers(0, 30))
def test_what_is_cut_fits_and_begins_as_the_text_does(text: str, room: int) -> None:
    result = cut(text, room)
    assert columns(result) <= room
    assert result == text or text.startswith(result.rstrip("."))
    assert columns(padded(result, room)) == room


def test_marks_that_take_no_room_do_not_make_a_line_endless() -> None:
    assert len(cut("e" + "\u0301" * 100_000, 20)) <= 80 + 3
