"""Bodies by their templates: what stands at a placeholder is found again, whatever it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookctl.payload.jsontext import Number
from hookctl.sandbox.bodies import Template, place
from hookctl.sandbox.problems import Invalid, ProblemError

if TYPE_CHECKING:
    from hookctl.payload.jsontext import Json

values = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just(Number("1.0"))
WHOLE = {"a": {"b": "{event}", "n": [1, 2.5, True, None]}, "list": ["{account}", "fixed"], "record": "{record}"}


@given(values, values, st.dictionaries(st.text(max_size=3), values, max_size=3))
def test_what_is_filled_in_is_read_out_again(event: Json, account: Json, record: dict[str, Json]) -> None:
    found: dict[str, Json] = {"{event}": event, "{account}": account, "{record}": record}
    template = Template(WHOLE)
    filled = template.fill(found)
    assert template.read(filled) == found
    # members that nobody described are let pass
    assert isinstance(filled, dict)
    assert template.read({**filled, "more": 1}) == found


def test_where_a_placeholder_stands_is_known() -> None:
    template = Template(WHOLE)
    assert [template.field(name) for name in ("{event}", "{account}", "{record}", "{other}")] == [
        *("a.b", "list[0]", "record", "")
    ]
    assert Template("{record}").field("{record}") == ""
    assert (Template(None).is_empty, Template("{record}").is_empty) == (True, False)


@pytest.mark.parametrize(
    ("body", "invalid"),
    [
        (5, [Invalid("", "must be an object")]),
        ({}, [Invalid("a", "is missing"), Invalid("list", "is missing"), Invalid("record", "is missing")]),
        (
            {"a": [], "list": {}, "record": 1},
            [Invalid("a", "must be an object"), Invalid("list", "must be an array of 2")],
        ),
        (
            {"a": {"b": 1, "n": [1, Number("2.50"), True, None]}, "list": [1, 2, 3], "record": 1},
            [Invalid("a.n[1]", "must be 2.5"), Invalid("list", "must be an array of 2")],
        ),
        (
            {"a": {"b": 1, "n": [1, Number("2.5"), 1, None]}, "list": [1, "other"], "record": 1},
            [Invalid("a.n[2]", "must be true"), Invalid("list[1]", 'must be "fixed"')],
        ),
    ],
)
def test_what_does_not_look_like_it_is_named(body: Json, invalid: list[Invalid]) -> None:
    with pytest.raises(ProblemError) as caught:
        Template(WHOLE).read(body)
    assert list(caught.value.invalid) == invalid


@pytest.mark.parametrize(
    ("values", "whole"),
    [
        ({"": [1]}, [1]),
        ({"/a": 1}, {"a": 1}),
        ({"/a/b": 1, "/a/c": 2, "/d": 3}, {"a": {"b": 1, "c": 2}, "d": 3}),
        ({"/a~1b/~0": 1}, {"a/b": {"~": 1}}),
        # no description should, and none may break anything
        ({"/a": 1, "/a/b": 2}, {"a": {"b": 2}}),
    ],
)
def test_values_stand_where_their_pointers_lead(values: dict[str, Json], whole: Json) -> None:
    assert place(values) == whole
