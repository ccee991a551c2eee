"""curl command lines are read as bash and curl themselves would have taken them."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hookctl.captures.curl import MAX_FILE_BYTES, read_curl
from hookctl.captures.curloptions import SHORT, SWITCHES, VALUED
from hookctl.captures.form import Document, NotThisForm
from hookctl.model import Capture, Unreadable
from tests.captures.toolservers import WAIT_S, capture, one, program, recorder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.captures.toolservers import Recorded, Recorder

URL = "http://h.example/hook"
OWN_HEADERS = {b"host", b"content-length", b"expect"}
OWN_VALUES = {(b"accept", b"*/*")}


def read(data: bytes | str, folder: Path = Path()) -> list[Capture | Unreadable]:
    raw = data.encode() if isinstance(data, str) else data
    return list(read_curl(Document(raw, "cmd.txt", folder)))


def refusal(data: bytes | str, folder: Path = Path()) -> str:
    [part] = read(data, folder)
    assert isinstance(part, Unreadable)
    return part.message


@pytest.fixture(scope="module")
def server() -> Iterator[Recorder]:
    with recorder() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "body.json").write_bytes(b'{"a":\r\n 1}\n\0\xff')
    (tmp_path / "text.json").write_bytes(b'\r\n{"a":\r\n 1}\n\xff\n')
    (tmp_path / "lines.txt").write_bytes(b"X-One: 1\r\nX-Two: 2\n")
    return tmp_path


def run_in_bash(command: bytes, folder: Path) -> None:
    script = folder / "script.sh"
    script.write_bytes(command)
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8", "no_proxy": "*"}
    program("curl")
    done = subprocess.run(
        [program("bash"), str(script)], cwd=folder, env=environment, capture_output=True, timeout=WAIT_S, check=False
    )
    assert done.returncode == 0, done.stderr


def seen(received: Recorded) -> list[tuple[bytes, bytes]]:
    kept = [line for line in received.headers if line[0] not in OWN_HEADERS and line not in OWN_VALUES]
    return sorted(line for line in kept if not line[1].startswith(b"curl/"))


def assert_same(command: bytes, server: Recorder, folder: Path) -> None:
    """Run a command under bash and curl, and compare what arrived with what was read."""
    run_in_bash(command, folder)
    received = server.take()
    found = one(read(command, folder))
    method, target, _ = received.line.decode("latin-1").split(" ", 2)
    assert found.method == method
    assert found.target is not None
    assert found.target.partition("#")[0] == server.url.removesuffix("/hook") + target
    assert found.body == received.body
    assert sorted((name.lower(), value) for name, value in found.headers) == seen(received)


BASH_COMMANDS = {
    "single quotes": rb"""curl -d '{"a": "$x `y` \n"}' URL""",
    "double quotes": rb"""curl -d "{\"a\": \"\$x \`y\` \n \\ \! !\"}" URL""",
    "dollars that are none": rb"""curl -d "a$ b$. $" -d c$ URL""",
    "ansi": rb"""curl --data-raw $'it\'s \x41\102\u00e9\U0001F98A\t\e\cA\\ \q \x' URL""",
    "joined pieces": rb"""curl -d 'a'"b"c\ d$'\n'\'' 'e URL""",
    "continuation": b"curl -sS \\\n  -X PUT \\\n -d x \\\n 'URL'",
    "continued within a word": b'curl -d "a\\\nb"c\\\nd URL',
    "bytes": b"curl -d 'a\xff\xfe' -H 'X: \xe9' URL",
    "newlines": b"curl --data-binary 'a\n\r\n' URL",
    "comment": b"# first\ncurl -d a#b URL # -d c",
    "file as text": b"curl -d @text.json URL",
    "file as it is": b"curl --data-binary @body.json URL",
    "file as json": b"curl --json @body.json URL",
    "data raw with at": b"curl --data-raw @body.json URL",
    "several": b"curl -d a=1 --data-ascii b --data-binary 'c\n' --data-raw '&' URL",
    "urlencode": b"curl --data-urlencode 'a=b c&~/\xc3\xa9' --data-urlencode '=x y' --data-urlencode n@body.json URL",
    "urlencode plain": b"curl --data-urlencode 'b c' --data-urlencode @body.json URL",
    "json": b"""curl --json '{"a":1}' --json '[2]' URL""",
    "json with own type": b"curl --json '{}' -H 'content-type: a/b' -H 'Accept:' URL",
    "empty data": b"curl -d '' URL",
    "get": b"curl -G -d a=1 --data-urlencode 'b= ' 'URL?x=1'",
    "head": b"curl -I URL",
    "headers": b"curl -HX-A:1 -H 'X-B:  2  ' --header 'X-C;' -H 'X-A: again' -H X-None -H 'Y; z' URL",
    "removed type": b"curl -d x -H Content-Type: URL",
    "headers from a file": b"curl -H @lines.txt URL",
    "identity": b"curl -u me:pass -A agent -e 'http://r/;auto' -b a=1 -b 'b=2; c=3' URL",
    "own identity": b"curl -A agent -H 'user-agent: mine' -b a=1 -H 'Cookie: b=2' URL",
    "agent taken away": b"curl -A '' URL",
    "bearer": b"curl --oauth2-bearer abc -d x URL",
    "url option and combined flags": b"curl -sSkXPATCH -dx --url URL",
    "options with values": b"curl --max-time 20 -o /dev/null --retry 0 -w '%{http_code}' --connect-timeout 5 -dx URL",
    "turned off": b"curl --no-keepalive --no-buffer --compressed -H Accept-Encoding: -d x URL",
    "separators": b"true; FOO=bar curl -d x URL >out.txt 2>&1 && true",
    "globs": rb"curl -d x 'URL?a=\[1\]&b=\{2\}'",
    "no globs": rb"curl -g -d x 'URL?a=[1]&b={2}'",
    "query": b"curl --url-query 'a=b c' --url-query +d=e -d x URL",
    "brace in quotes": b"curl -d '{a,b}' URL",
    "lone braces": b'curl -d {"a":1} URL',
    "http 1.0": b"curl -0 -d x URL",
}


@pytest.mark.parametrize("command", BASH_COMMANDS.values(), ids=BASH_COMMANDS)
def test_a_command_is_read_as_bash_and_curl_take_it(command: bytes, server: Recorder, folder: Path) -> None:
    command = command.replace(b"URL", server.url.encode())
    if command.startswith(b"true;"):
        # what comes first must be curl: a script says so in its first line
        command = b"#!/bin/bash\n" + command
    assert_same(command, server, folder)


def in_single_quotes(text: bytes) -> bytes:
    return b"'" + text.replace(b"'", b"'\\''") + b"'"


def in_double_quotes(text: bytes) -> bytes:
    for special in (b"\\", b'"', b"$", b"`"):
        text = text.replace(special, b"\\" + special)
    return b'"' + text + b'"'


def in_ansi_quotes(text: bytes) -> bytes:
    return b"$'" + b"".join(b"\\%03o" % byte if byte in b"'\\" or byte > 126 else bytes([byte]) for byte in text) + b"'"


def after_backslashes(text: bytes) -> bytes:
    return b"".join(b"'\n'" if byte == 10 else b"\\" + bytes([byte]) for byte in text) or b"''"


QUOTINGS = st.sampled_from([in_single_quotes, in_double_quotes, in_ansi_quotes])
TEXTS = st.binary(max_size=60).map(lambda body: body.replace(b"\0", b"")) | st.text(
    "'\"\\$`!\n #;&|{},.@^%ab", max_size=40
).map(str.encode)


@given(st.lists(st.tuples(TEXTS, QUOTINGS), max_size=4))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_quoted_is_read_as_bash_reads_it(
    server: Recorder, folder: Path, pieces: list[tuple[bytes, object]]
) -> None:
    word = b"".join(quote(text) for text, quote in pieces if callable(quote))
    assert_same(b"curl --data-raw " + (word or b"''") + b" " + server.url.encode(), server, folder)


@given(TEXTS)
@settings(max_examples=200)
def test_every_way_of_quoting_gives_the_text_back(text: bytes) -> None:
    for quote in (in_single_quotes, in_double_quotes, in_ansi_quotes, after_backslashes):
        assert one(read(b"curl --data-raw " + quote(text) + b" -X POST u")).body == text


@given(st.text(max_size=60))
def test_what_pythons_shlex_quotes_is_read(text: str) -> None:
    assert one(read(f"curl --data-raw {shlex.quote(text)} u".encode())).body == text.encode()


def test_several_commands_are_several_captures() -> None:
    data = f"$ curl -d 1 {URL}\n\n/usr/bin/curl -d 2 {URL}; curl.exe -d 3 {URL} && curl -d 4 {URL} | jq .\n"
    data += "curl -d 5 a b --next -d 6 c"
    found = [capture(part) for part in read(data)]
    assert [part.body for part in found] == [b"1", b"2", b"3", b"4", b"5", b"5", b"6"]
    assert [part.target for part in found][4:] == ["a", "b", "c"]
    assert [part.source for part in found] == [f"cmd.txt#{number}" for number in range(1, 8)]


def test_one_unreadable_command_does_not_hide_the_others() -> None:
    first, second, third = read(f"curl -d 1 {URL}\ncurl -d $X {URL}\ncurl -d 3 {URL}\n")
    assert (capture(first).body, capture(third).body) == (b"1", b"3")
    assert isinstance(second, Unreadable)
    assert second.source == "cmd.txt#2"
    assert second.message == "the command in line 2: the shell would put something else in place of '$X'"


def test_a_here_document_is_no_command() -> None:
    first, second = read(f"curl -d @- {URL} <<'EOF'\nit's\ncurl -d no {URL}\nEOF\ncurl -d 2 {URL}\n")
    assert isinstance(first, Unreadable)
    assert capture(second).body == b"2"


def test_a_mark_at_the_beginning_and_windows_line_ends_do_no_harm() -> None:
    assert one(read(b"\xef\xbb\xbfcurl -d x \\\r\n  " + URL.encode() + b"\r\n")).target == URL


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("curl -d $BODY u", "in place of '$BODY'"),
        ('curl -d "a $BODY" u', "in place of '$BODY'"),
        ('curl -H "A: ${TOKEN}" u', "in place of '${TOKEN}'"),
        ('curl -d "$(cat body.json)" u', "in place of '$("),
        ("curl -d $(cat body.json) u", "in place of '$(cat body.json)'"),
        ("curl -d `date` u", "in place of '`date`'"),
        ('curl -d "`date`" u', "in place of '`date`'"),
        ("curl -d {a,b} u", "in place of '{a,b}'"),
        ("curl -d 'abc u", 'a quote is never closed: "\'abc u"'),
        ('curl -d "abc u', "a quote is never closed"),
        ("curl -F a=b u", "with --form curl makes up a boundary at random"),
        ("curl --form-string a=b u", "with --form-string curl makes up a boundary"),
        ("curl -T file u", "with --upload-file curl uploads a file"),
        ("curl -K file u", "with --config curl takes more options"),
        ("curl -d @- u", "standard input"),
        ("curl --json @- u", "standard input"),
        ("curl -d @missing.json u", "'missing.json', which it names, cannot be read: No such file or directory"),
        ("curl -d @. u", "'.', which it names, cannot be read: it is not a regular file"),
        ("curl -d @pipe u", "'pipe', which it names, cannot be read: it is not a regular file"),
        ("curl -d @large u", "'large', which it names, is larger than 64 MiB"),
        ("curl -d @'a\0b' u", "cannot be read: it has no such name"),
        ("curl --frobnicate x u", "the option '--frobnicate' is not known"),
        ("curl -d x -! u", "the option '-!' is not known"),
        ("curl u -d", "the option -d lacks its value"),
        ("curl u --data", "the option --data lacks its value"),
        ("curl -d x", "it names no URL"),
    ],
)
def test_what_cannot_be_known_is_refused_by_name(command: str, why: str, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with (folder / "large").open("wb") as large:
        large.truncate(MAX_FILE_BYTES + 1)
    message = refusal(command, folder)
    assert message.startswith("the command in line 1: ")
    assert why in message


def test_a_file_given_as_text_loses_line_ends_and_nuls(folder: Path) -> None:
    # as newer versions of curl do it; 7.88 also loses what stands between a NUL and the end of its line
    assert one(read("curl -d @body.json u", folder)).body == b'{"a": 1}\xff'


def test_a_value_after_an_equals_sign_is_read_though_curl_would_not() -> None:
    assert one(read("curl --data=x=y --header='A: b' u")).body == b"x=y"


def test_a_header_that_only_curl_can_make_is_noted() -> None:
    assert one(read("curl --digest -u a:b u")).notes == (
        "the Authorization header that curl makes when it runs is missing",
    )
    assert one(read("curl -u a:b u")).notes == ()


def test_every_option_that_the_installed_curl_knows_is_known() -> None:
    done = subprocess.run([program("curl"), "--help", "all"], capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines()[1:]:
        names, _, value = line[:80].strip().partition(" ") if not line.startswith(" -") else line[5:].partition(" ")
        name = names.removeprefix("--")
        if name.startswith("-") or not name:
            continue
        valued = value.startswith(("<", "[protocol"))
        assert name in (VALUED if valued else SWITCHES), line
        if line.startswith(" -") and line[2] != "-":
            assert SHORT[line[2]] == name


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty"),
        (b"# only this\n", "it is empty"),
        (b"POST / HTTP/1.1\n\n", "line 1 is no curl command: 'POST / HTTP/1.1'"),
        (b"\n{}\n", "line 2 is no curl command: '{}'"),
        (b"curly -d x", "line 1 is no curl command: 'curly -d x'"),
        (b"#!/bin/sh\necho curl\n", "there is no curl command in it"),
    ],
)
def test_what_is_no_curl_command_says_where_it_gives_up(data: bytes, reason: str) -> None:
    with pytest.raises(NotThisForm) as raised:
        read(data)
    assert raised.value.reason == reason


PIECES = st.sampled_from(
    [
        b"curl ",
        b"-d ",
        b"'",
        b'"',
        b"\\",
        b"^",
        b'^"',
        b"$",
        b"$'",
        b"(",
        b")",
        b"`",
        b"{a,b}",
        b"<<E",
        b"\n",
        b"^\n",
        b"\\\n",
        b"%A%",
        b"@x",
        b"-H",
        b" ",
        b";",
        b"&",
        b">",
        b"x",
        b"\xff",
        b"\0",
        b"http://h/",
        b"\\uD800",
        b"\\U00110000",
        b"--next ",
    ]
)


@given(st.lists(PIECES, max_size=14).map(b"".join) | st.binary(max_size=60))
@settings(max_examples=500)
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    for whole in (data, b"curl " + data, b'curl ^"u^" ' + data):
        try:
            parts = read(whole, Path("no-such-folder"))
        except NotThisForm as no:
            assert no.reason  # noqa: PT017 - both ways out are right
        else:
            assert parts


@pytest.mark.parametrize(
    ("before", "piece", "after"),
    [
        (b"curl -d {", b"..", b" u"),
        (b"curl -d ", b"{,", b" u"),
        (b"curl -d ", b"$(", b" u"),
        (b'curl -d "', b'\\"x', b'" u'),
        (b"curl -d $'", b"\\n", b"' u"),
        (b'curl ^"u^" -d ^"', b"^\\^\\", b'^"'),
        (b"curl u\n", b"<<A <<B\n", b""),
        (b"", b"A=1 ", b"curl u"),
    ],
)
def test_four_times_as_much_takes_no_more_than_about_four_times_as_long(
    before: bytes, piece: bytes, after: bytes
) -> None:
    def seconds(count: int) -> float:
        data = before + piece * count + after
        begin = time.process_time()
        read(data)
        return time.process_time() - begin

    # quadratic work would take sixteen times as long
    assert seconds(80_000) < 10 * min(seconds(20_000) for _ in range(3)) + 0.05


@pytest.mark.parametrize(
    ("line", "body"),
    [
        (rb"printf %s '{\"a\":1}' | curl --data-binary @- http://h/", rb"{\"a\":1}"),
        (rb"printf %b 'a\0377\0000\0134b' | curl --data-binary @- http://h/", b"a\xff\0\\b"),
        (b"printf 'plain text' | curl --data-binary @- http://h/", b"plain text"),
        (b"echo -n x | curl --data-binary @- http://h/", b"x"),
        (b"echo x  'y z' | curl --data-binary @- http://h/", b"x y z\n"),
        (b"echo x | curl -d @- http://h/", b"x"),
        (b"cat body.json | curl --data-binary @- http://h/", b"from a file\n"),
    ],
)
def test_what_is_piped_into_curl_is_its_data(tmp_path: Path, line: bytes, body: bytes) -> None:
    (tmp_path / "body.json").write_bytes(b"from a file\n")
    (capture,) = read_curl(Document(line, "piped.sh", tmp_path))
    assert isinstance(capture, Capture), capture
    assert capture.body == body


@pytest.mark.parametrize(
    "line",
    [
        b"printf %s a | tr a b | curl --data-binary @- http://h/",
        b"printf '%d' 3 | curl --data-binary @- http://h/",
        b"printf 'a\\n' | curl --data-binary @- http://h/",
        b"echo -e 'a' | curl --data-binary @- http://h/",
        b'printf %s "$BODY" | curl --data-binary @- http://h/',
        b"printf %s x; curl --data-binary @- http://h/",
        b"printf %s x || curl --data-binary @- http://h/",
    ],
)
def test_what_another_program_pipes_into_curl_is_not_known(tmp_path: Path, line: bytes) -> None:
    (found,) = read_curl(Document(line, "piped.sh", tmp_path))
    assert isinstance(found, Unreadable)
