"""Nothing that is shown is a command to GitHub's runner, and what is one says just what it is to say."""

from __future__ import annotations

import io
import json

from hypothesis import example, given
from hypothesis import strategies as st

from hookctl.report.workflow import CommandGuard, command
from hookctl.runtime import Output
from tests.workflow import Command, commands_in

# what commands are made of, and what may stand around it
PIECES = st.sampled_from(
    [
        *("::", ":", "##[", "##", "#", "[", "]", "error", "::error::x", "##[error]x", "::stop-commands::t", "::t::"),
        *("\n", "\r", "\r\n", " ", "\t", "\x0b", "\x85", "\xa0", "\u3000", "\u2028", "\ufeff", "\\", "%0A", "é", "x"),
    ]
)
WRITES = st.lists(st.lists(PIECES, max_size=6).map("".join), max_size=8)


def written(pieces: list[str], guard: CommandGuard) -> bytes:
    raw = io.BytesIO()
    output = Output(io.TextIOWrapper(raw, encoding="utf-8", newline=""), "standard output")
    output.guard = guard
    for piece in pieces:
        output.write(piece)
    return raw.getvalue()


@given(pieces=WRITES)
@example(pieces=[":", ":error::x"])
@example(pieces=["#", "#", "[error]x"])
@example(pieces=["\ufeff::error::x"])
@example(pieces=["a\n \t", "\u2003", ":", ":error::x"])
@example(pieces=["ok", "::error::x\n::error::x"])
def test_whatever_is_written_in_however_many_pieces_is_no_command(pieces: list[str]) -> None:
    assert commands_in(written(pieces, CommandGuard(json=False))) == []


@given(pieces=WRITES)
def test_a_backslash_is_all_that_is_added(pieces: list[str]) -> None:
    text, shown = "".join(pieces), written(pieces, CommandGuard(json=False)).decode()
    assert shown.replace("\\", "") == text.replace("\\", "")
    # where there is nothing to keep from the runner, nothing is
    if not commands_in(text.encode()) and "::" not in text and "##[" not in text:
        assert shown == text


def test_the_oracle_would_see_a_command() -> None:
    for text in (
        b"::error::x",
        b" \t::error title=a,line=2::x",
        b"y ##[error]x",
        b"a\r::ERROR::x",
        b"\xef\xbb\xbf::error::x",
    ):
        assert [one.name for one in commands_in(text)] == ["error"], text
    assert commands_in(b"::stop-commands::t\n::error::x\n::t::\n::error::y")[1:] == [Command("error", {}, "y")]


@given(values=st.lists(st.lists(PIECES, max_size=8).map("".join) | st.text(), max_size=5))
def test_json_keeps_its_values(values: list[str]) -> None:
    lines = [json.dumps({"value": value}) + "\n" for value in values]
    shown = written(lines, CommandGuard(json=True))
    assert commands_in(shown) == []
    assert [json.loads(line)["value"] for line in shown.decode().splitlines()] == values


@given(data=st.lists(PIECES, max_size=8).map("".join) | st.text(), title=st.lists(PIECES, min_size=1).map("".join))
def test_a_command_says_what_it_is_to_say(data: str, title: str) -> None:
    # the runner takes white space around a property's value away
    title = f"hookctl{title}."
    line = command("error", data, title=title).encode("utf-8", "replace")
    assert commands_in(line + b"\n") == [Command("error", {"title": title}, data.encode("utf-8", "replace").decode())]
