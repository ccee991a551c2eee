"""Nothing that came from outside can act on a terminal: in the functions, and on a real one."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
import unicodedata
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hookctl.report.safe import safe_bytes, safe_line, safe_text
from tests.harness import ARKY_SECRET
from tests.rawserver import Received, answer, raw_server

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness import Cli

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]
ACTING = {*CONTROLS, *BIDI, "\u2028", "\u2029"} - {"\n", "\t"}

anything = st.text(st.characters(exclude_categories=[]) | st.sampled_from(sorted(ACTING)))
hostile = st.lists(st.sampled_from([b"\x1b[31m", b"\x9b", "\x9b".encode(), "\u202e".encode(), b"\r\n", b"\xff"]))


@given(anything)
@example("".join(sorted(ACTING)))
@example("\r\r\n")
def test_no_character_that_acts_on_a_terminal_gets_out(text: str) -> None:
    assert not ACTING & set(safe_text(text))
    # what cannot be encoded would be a crash or another escape at the stream
    safe_text(text).encode()


@given(anything)
def test_a_line_stays_one_line(text: str) -> None:
    assert not (ACTING | {"\n", "\t"}) & set(safe_line(text))
    assert len(safe_line(text).splitlines()) <= 1


@given(st.binary() | hostile.map(b"".join))
def test_bytes_are_text_whatever_they_are(data: bytes) -> None:
    assert not ACTING & set(safe_bytes(data))


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Cf", "Zl", "Zp"]) | st.sampled_from("\n\t")))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert safe_text(text) == text
    assert safe_bytes(text.encode()) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b2J", "\\x9b2J"),
        ("a\rb", "a\\x0db"),
        ("a\r\nb", "a\nb"),
        ("\x00\x07\x08\x7f", "\\x00\\x07\\x08\\x7f"),
        ("\u202eexe.txt", "\\u202eexe.txt"),
        ("\u2028", "\\u2028"),
        ("\ud800", "\\ud800"),
        ("tab\tnewline\n", "tab\tnewline\n"),
        ("Zoë 日本 🦊", "Zoë 日本 🦊"),
    ],
)
def test_how_it_is_shown(text: str, shown: str) -> None:
    assert safe_text(text) == shown


def test_a_line_escapes_newline_and_tab_too() -> None:
    assert safe_line("a\r\nb\tc\n") == "a\\x0d\\nb\\tc\\n"


def test_bytes_that_are_not_utf_8_are_escaped() -> None:
    assert safe_bytes(b"a\xff\x1b\xc3\xa9") == "a\\xff\\x1bé"


def test_every_control_and_bidi_character_of_unicode_is_known() -> None:
    """Unicode itself says which characters are controls (Cc) and which reorder text."""
    reordering = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    every = [chr(code) for code in range(sys.maxunicode + 1)]
    acting = {
        character
        for character in every
        if unicodedata.category(character) in {"Cc", "Zl", "Zp"} or unicodedata.bidirectional(character) in reordering
    }
    assert acting - {"\n", "\t"} <= ACTING
    assert all(safe_text(character) != character for character in acting - {"\n", "\t"})


ATTACK = (
    "\x1b[2J\x1b]0;owned\x07\x9b31m\r\x08\x7f\x00\x1b[8m".encode()
    + BIDI.encode()
    + b"\x9b2J\x85\xff\xc2\x9b\r\n\tline two \xe2\x80\xa8\r"
)
# SGR as hookctl's own colours write it
OWN_COLOURS = re.compile(r"\x1b\[[0-9;]{1,5}m")


def on_a_terminal(cli: Cli, *arguments: str) -> tuple[int, str]:
    """Run hookctl with a pseudo-terminal for all three streams; return its exit code and what the terminal got."""
    master, slave = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "hookctl", *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=cli.folder,
            env=cli.environment({"PYTHONIOENCODING": "utf-8"}),
        )
    finally:
        os.close(slave)
    data = b""
    until_s = time.monotonic() + 30
    try:
        # reading fails when the last writer has closed the terminal
        while select.select([master], [], [], max(0.0, until_s - time.monotonic()))[0]:
            chunk = os.read(master, 65536)
            if not chunk:
                break
            data += chunk
    except OSError:
        pass
    finally:
        os.close(master)
        if time.monotonic() >= until_s:
            process.kill()
        code = process.wait(10)
    # the terminal itself writes \r\n for \n
    return code, data.decode().replace("\r\n", "\n")


def acting_in(text: str) -> set[str]:
    return ACTING & set(OWN_COLOURS.sub("", text))


@pytest.mark.parametrize("options", [(), ("-v",)], ids=["plain", "verbose"])
def test_a_receivers_answer_cannot_act_on_a_real_terminal(cli: Cli, options: tuple[str, ...]) -> None:
    # an ESC in a header is refused as invalid HTTP; bytes above 0x7f pass
    headers = b"X-Evil: \x9b2J\xc2\x9b\xe2\x80\xae\r\n"

    def reply(_: Received) -> bytes:
        return answer(ATTACK, b"500 \x9b31m", headers)

    with raw_server(reply) as server:
        code, shown = on_a_terminal(cli.with_secrets(), "send", "order.paid", "--to", server.url, *options)
    assert code == 1, shown
    assert acting_in(shown) == set(), shown
    # the answer is shown, and on this terminal in colour: the test has looked at the right thing
    assert "line two" in shown
    assert "\\x1b[2J" in shown
    assert OWN_COLOURS.search(shown)
    if options:
        assert "\\x9b2J" in shown
        assert ARKY_SECRET not in shown


@pytest.mark.parametrize(
    "arguments",
    [
        ("send", "\x1b[31m\x9b\u202e"),
        ("send", "order.paid", "--set", "\x1b]0;x\x07=1"),
        ("send", "order.paid", "--to", "http://\x1b[31m\u202e/"),
        ("send", "order.paid", "--\x1b[31m"),
        ("send", "order.paid", "--secret-file", "\x1b[31m\u202e"),
        ("send", "order.paid", "-H", "\x1b[31m: x"),
        ("\x1b[31m\u202e",),
        ("events", "show", "\x1b[31m\u202e"),
        ("events", "--provider", "./\x1b[31m\u202e"),
    ],
    ids=ascii,
)
def test_what_the_command_line_holds_is_repeated_safely(cli: Cli, arguments: tuple[str, ...]) -> None:
    result = cli.with_secrets()(*arguments)
    assert result.code in {2, 3}, result.err
    assert acting_in(result.err) == set()
    assert result.out == ""


def test_a_request_is_previewed_safely_on_a_terminal(cli: Cli) -> None:
    (cli.folder / "body").write_bytes(ATTACK)
    for form in ("text", "curl", "http", "json", "ndjson"):
        arguments = ("--data", "body", "-H", "X: \u202e\x85é", "--dry-run", "--format", form)
        code, shown = on_a_terminal(cli.with_secrets(), "send", "order.paid", *arguments)
        assert code == 0, shown
        assert "order" in shown or "POST" in shown
        assert acting_in(shown) == set(), (form, shown)


def test_a_providers_folder_cannot_act_on_a_terminal(cli: Cli) -> None:
    from hookctl.catalogue.location import fixtures_root

    folder = cli.folder / "evil"
    shutil.copytree(fixtures_root() / "arcade", folder)
    description = folder / "provider.toml"
    text = description.read_text()
    for key in ("title", "summary", "group", "description"):
        text = re.sub(rf'^{key} = "(?!hook|Arcade doc)', r"\g<0>\\u001b[2J\\u009b\\u202e", text, flags=re.MULTILINE)
    description.write_text(text)
    sample = folder / "events" / "formSubmission.created.json"
    sample.write_text(sample.read_text().replace("Foo Bar", "Foo\u202e\x7f\x9bBar"))
    for arguments in (("events",), ("events", "show", "formSubmission.created")):
        code, shown = on_a_terminal(cli, *arguments, "--provider", "./evil")
        assert code == 0, shown
        assert acting_in(shown) == set(), shown
        assert "\\u202e" in shown


def test_a_sample_goes_into_a_file_as_it_is(cli: Cli, tmp_path: Path) -> None:
    from hookctl.catalogue.location import fixtures_root

    folder = cli.folder / "own"
    shutil.copytree(fixtures_root() / "arcade", folder)
    sample = folder / "events" / "formSubmission.created.json"
    sample.write_text(sample.read_text().replace("Foo Bar", "Foo\u202eBar"))
    result = cli("events", "show", "formSubmission.created", "--provider", "./own")
    assert (result.code, result.raw_out) == (0, sample.read_bytes())
