"""The grammar of paths: dotted with indexes and quoted names, or a JSON Pointer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hookctl.errors import ExitCode, UsageError
from hookctl.payload import EditKind, parse_edit
from hookctl.payload.paths import PayloadPath, look_up, pointer_steps, split_path
from tests.payload.material import ANY_TEXT

if TYPE_CHECKING:
    from hookctl.payload.jsontext import Json


@pytest.mark.parametrize(
    ("text", "steps", "rest"),
    [
        ("a", ("a",), ""),
        ("data.order.total=5", ("data", "order", "total"), "=5"),
        ("data.order.items[0].price:=5", ("data", "order", "items", 0, "price"), ":=5"),
        ("a[0][12]", ("a", 0, 12), ""),
        ("a[0].b[1]=", ("a", 0, "b", 1), "="),
        ("a[999999999]", ("a", 999_999_999), ""),
        # quoted names
        ('answers."Work e-mail".value=x', ("answers", "Work e-mail", "value"), "=x"),
        ('"a.b"."c[0]"."="', ("a.b", "c[0]", "="), ""),
        (r'"say \"hi\" \\ \n"=x', ('say "hi" \\ n',), "=x"),
        ('""=x', ("",), "=x"),
        ('a."".b', ("a", "", "b"), ""),
        ('a."x"[1]', ("a", "x", 1), ""),
        ('"line\nbreak"', ("line\nbreak",), ""),
        # bare names may hold what does not end them
        ("answers.País.value=México", ("answers", "País", "value"), "=México"),
        ("answers.Work e-mail.value=x", ("answers", "Work e-mail", "value"), "=x"),
        ("a:b=1", ("a:b",), "=1"),
        ("a:b:=1", ("a:b",), ":=1"),
        ("a/b~c=1", ("a/b~c",), "=1"),
        # the first = or := ends the path; the value may hold more of them
        ("a=b=c", ("a",), "=b=c"),
        ("a=b:=c", ("a",), "=b:=c"),
        ('a:="b=c"', ("a",), ':="b=c"'),
        ('a:=":="', ("a",), ':=":="'),
        ("a==", ("a",), "=="),
        ("a=x.y[0]", ("a",), "=x.y[0]"),
        # JSON Pointers
        ("/data/order/total=5", ("data", "order", "total"), "=5"),
        ("/data/items/0:=1", ("data", "items", "0"), ":=1"),
        ("/a~1b/c~0d/~01=x", ("a/b", "c~d", "~1"), "=x"),
        ("/=x", ("",), "=x"),
        ("//a", ("", "a"), ""),
        ("/a.b[0] c=x=y:=z", ("a.b[0] c",), "=x=y:=z"),
        ('/"a"=1', ('"a"',), "=1"),
        ("/-", ("-",), ""),
    ],
)
def test_a_path_ends_where_the_value_begins(text: str, steps: tuple[str | int, ...], rest: str) -> None:
    assert split_path(text) == (PayloadPath(steps), rest)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 1),
        ("=1", 1),
        (":=1", 1),
        (".a", 1),
        ("a.", 3),
        ("a..b", 3),
        ("a.=1", 3),
        ("[0]", 1),
        ("a[", 2),
        ("a[]", 2),
        ("a[-1]", 2),
        ("a[01]", 2),
        ("a[x]", 2),
        ("a[１]", 2),
        ("a[0", 2),
        ("a[0]b", 5),
        ("a[1000000000]", 2),
        ('"a', 1),
        ('a."b', 3),
        ('"a"b', 4),
        ('a"b"', 2),
        (" a", 1),
        ("a. b", 3),
    ],
)
def test_a_malformed_path_says_where_it_breaks_off_and_how_to_write_one(text: str, position: int) -> None:
    with pytest.raises(UsageError) as caught:
        split_path(text)
    assert caught.value.exit_code is ExitCode.USAGE
    assert caught.value.message == f"{text!r} is not a path: it breaks off at character {position}"
    assert caught.value.hint is not None
    assert "data.order.items[0].price" in caught.value.hint


@pytest.mark.parametrize("text", ["/a~", "/a~2b", "/~~0"])
def test_a_pointer_with_a_bare_tilde_is_malformed(text: str) -> None:
    with pytest.raises(UsageError, match="is not a JSON Pointer") as caught:
        split_path(f"{text}=1")
    assert caught.value.hint == "~ is written ~0 there, and / inside a key ~1"


STEPS = st.tuples(ANY_TEXT, st.lists(st.one_of(ANY_TEXT, st.integers(0, 999_999_999)), max_size=4)).map(
    lambda parts: (parts[0], *parts[1])
)
RESTS = st.one_of(
    st.just(""),
    st.text().map(lambda value: f"={value}"),
    st.text().map(lambda value: f":={value}"),
)


@settings(max_examples=200, deadline=None)
@given(steps=STEPS, rest=RESTS)
@example(steps=("/a",), rest="=x")
@example(steps=("a\n",), rest="")
@example(steps=("a:",), rest="=x")
@example(steps=('\\"', "\\", 0), rest=":=1")
def test_a_path_of_any_names_parses_back_from_how_it_is_written(steps: tuple[str | int, ...], rest: str) -> None:
    path = PayloadPath(steps)
    assert split_path(f"{path}{rest}") == (path, rest)


@settings(max_examples=200, deadline=None)
@given(names=st.lists(ANY_TEXT, min_size=1, max_size=4))
def test_a_pointer_of_any_names_parses_back(names: list[str]) -> None:
    pointer = "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)
    assert pointer_steps(pointer) == tuple(names)


@settings(max_examples=200, deadline=None)
@given(names=st.lists(ANY_TEXT.filter(lambda name: "=" not in name and not name.endswith(":")), min_size=1), rest=RESTS)
def test_a_pointer_ends_at_the_first_equals_sign(names: list[str], rest: str) -> None:
    pointer = "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)
    assert split_path(pointer + rest) == (PayloadPath(tuple(names)), rest)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(st.sampled_from('ab."[]0=:/~\\ \n')), st.text()))
def test_any_text_is_a_path_or_is_refused_and_nothing_else(text: str) -> None:
    try:
        path, rest = split_path(text)
    except UsageError:
        return
    assert rest == "" or rest.startswith(("=", ":="))
    assert text.endswith(rest)
    assert split_path(f"{path}{rest}") == (path, rest)


@pytest.mark.parametrize(
    ("kind", "argument", "message"),
    [
        (EditKind.SET, "data.order.total", "--set takes PATH=VALUE or PATH:=JSON, not 'data.order.total'"),
        (EditKind.ADD, "data.x", "--add takes PATH:=JSON, not 'data.x'"),
        (EditKind.ADD, "data.x=1", "--add takes PATH:=JSON, not 'data.x=1'"),
        (EditKind.UNSET, "data.x=1", "--unset takes a path alone, not 'data.x=1'"),
        (EditKind.UNSET, "data.x:=1", "--unset takes a path alone, not 'data.x:=1'"),
        (EditKind.SET, "data.x=\udcff", "the argument of --set is not valid UTF-8"),
    ],
)
def test_an_argument_of_the_wrong_form_says_which_form_is_right(kind: EditKind, argument: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_edit(kind, argument)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/a/b", 1),
        ("/a/c/1", "y"),
        ("/a/c/01", None),
        ("/a/c/２", None),
        ("/a/c/-", None),
        ("/a/c/" + "9" * 5000, None),
        ("/a/c/3", None),
        ("/a/b/c", None),
        ("/x/y", None),
        ("/~1/~0", True),
        ("/", 7),
    ],
)
def test_a_pointer_leads_to_its_value_or_nowhere(pointer: str, value: object) -> None:
    top: Json = {"a": {"b": 1, "c": ["x", "y", "z"]}, "/": {"~": True}, "": 7}
    assert look_up(top, pointer) == value
