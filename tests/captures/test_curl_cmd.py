"""curl commands for cmd.exe are read as their writers meant them: browsers, and people who quote by hand."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookctl.captures.curl import read_curl
from hookctl.captures.form import Document
from hookctl.model import Capture, Unreadable
from tests.captures.toolservers import HERE, one, program

if TYPE_CHECKING:
    from collections.abc import Iterator

PRINTABLE = "".join(map(chr, range(32, 127)))
SPECIAL = "\"\\%^&|<>()!'`{}[]@;,= \naB1_"
GENERATIONS = ("quoted", "always", "printable")


class Browser:
    """Writes requests as Chrome copies them: `data/copy-as-curl-cmd.mjs`, kept running."""

    def __init__(self) -> None:
        command = [program("node"), str(HERE / "data" / "copy-as-curl-cmd.mjs")]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def copy(
        self, generation: str, body: str, value: str = "v", url: str = "https://h.example/hook?a=1&b=%20c"
    ) -> bytes:
        request = {"generation": generation, "url": url, "headers": [["X-A", value], ["X-Empty", ""]], "body": body}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        text: str = json.loads(self.process.stdout.readline())
        return text.encode()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    running = Browser()
    yield running
    running.process.communicate(timeout=20)


def read(data: bytes) -> list[Capture | Unreadable]:
    return list(read_curl(Document(data, "-", Path())))


@given(st.text(PRINTABLE + "\n", min_size=1, max_size=60) | st.text(SPECIAL, min_size=1, max_size=30))
@settings(max_examples=150)
def test_what_chrome_copies_for_cmd_is_the_request_that_it_sent(browser: Browser, body: str) -> None:
    value = f"x{body}x".replace("\n", " ")
    for generation in GENERATIONS:
        # the oldest of the three shows itself only by a quote within quotes
        sent = body + '"' if generation == "quoted" else body
        found = one(read(browser.copy(generation, sent, value)))
        assert found.body == sent.encode()
        assert dict(found.headers)[b"X-A"] == value.encode()
        assert dict(found.headers)[b"X-Empty"] == b""
        assert (found.method, found.target) == ("POST", "https://h.example/hook?a=1&b=%20c")


@given(st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40))
def test_letters_beyond_ascii_are_kept_where_the_browser_kept_them(browser: Browser, body: str) -> None:
    assert one(read(browser.copy("always", body))).body == body.encode()


def test_brackets_in_a_copied_url_are_brackets(browser: Browser) -> None:
    url = "https://h.example/a[1]{2}?b=[]"
    for generation in ("always", "printable"):
        assert one(read(browser.copy(generation, "x", url=url))).target == url


def test_a_copied_command_in_a_file_with_windows_line_ends_is_read(browser: Browser) -> None:
    copied = browser.copy("always", 'a\n\n"b"\n').replace(b"\n", b"\r\n")
    assert one(read(copied)).body == b'a\n\n"b"\n'


def test_what_the_copy_lost_is_noted(browser: Browser) -> None:
    [note] = one(read(browser.copy("printable", "Zoë"))).notes
    assert "a space for each character that is not printable ASCII" in note
    [note] = one(read(browser.copy("printable", "a\r\nb"))).notes
    assert "writes every line end the same way" in note
    assert one(read(browser.copy("printable", "a b"))).notes == ()


def test_all_requests_copied_at_once_are_read(browser: Browser) -> None:
    both = b" &\r\n".join([browser.copy("always", '{"n": 1}'), browser.copy("always", '{"n": 2}')])
    assert [part.body for part in read(both) if isinstance(part, Capture)] == [b'{"n": 1}', b'{"n": 2}']


@pytest.mark.parametrize(
    ("command", "body"),
    [
        (rb"curl.exe -X POST ^" + b"\r\n" + rb' -d "{\"a\": \"b c\"}" http://h/', b'{"a": "b c"}'),
        (rb'curl -d "a^b" ^' + b"\n http://h/", b"a^b"),
        (rb"curl -d a^&b ^" + b"\n http://h/", b"a&b"),
        (rb'curl -d "C:\dir\\" ^' + b"\n http://h/", b"C:\\dir\\"),
        (rb'curl -d "say ""hi""" ^' + b"\n http://h/", b'say "hi"'),
        (rb"curl -X POST ^" + b"\n" + rb' http://h/ > out.txt 2>nul -d "5\\\" wide"', b'5\\" wide'),
        (rb'curl -d "50%" ^' + b"\n http://h/?a=%20b%20c", b"50%"),
    ],
)
def test_what_people_write_for_cmd_is_split_as_windows_does(command: bytes, body: bytes) -> None:
    assert one(read(command)).body == body


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (b'curl -d "%USERNAME%" ^\n http://h/', "cmd.exe would put something else in place of '%USERNAME%'"),
        (b'curl ^\n -d "abc\n http://h/', "a quote is not closed where the line ends"),
        (b'curl ^"http://h/^" -d ^"abc', "a quote is not closed where the line ends"),
    ],
)
def test_what_cannot_be_known_is_refused(command: bytes, why: str) -> None:
    first = read(command)[0]
    assert isinstance(first, Unreadable)
    assert why in first.message


def test_carets_in_a_posix_shell_are_carets() -> None:
    assert one(read(b'curl -d \'^"x^"\' -H "a: ^b^" u')).body == b'^"x^"'
