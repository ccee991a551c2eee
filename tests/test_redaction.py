"""A canary secret: planted everywhere, looked for in every byte that is written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64encode, urlsafe_b64encode
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from hookctl.redaction import MASK, MIN_LENGTH, Redactor
from tests.rawserver import Received, answer, raw_server

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.harness import Cli, Result

# base64 of it has both characters in which the two alphabets differ, and padding
BARE = b"canary?>~~o\xc3\xbe\xc3\xbf?Kxy"
CANARY = b"whsec_" + BARE
OLD = b"old-canary-0123456789"


def forms_of(secret: bytes) -> list[bytes]:
    """Return every form in which a secret must not be seen."""
    plain = [secret, secret.removeprefix(b"whsec_")]
    encoded = [encode(value) for value in plain for encode in (b64encode, urlsafe_b64encode)]
    return [*plain, *encoded, *(value.rstrip(b"=") for value in encoded)]


FORMS = [form.decode() for form in forms_of(CANARY)]


def redactor(*secrets: bytes) -> Redactor:
    made = Redactor()
    for secret in secrets:
        made.register(secret)
    return made


def test_the_forms_are_all_different() -> None:
    assert len(set(FORMS)) == 10
    assert any("_" in form.removeprefix("whsec_") for form in FORMS)
    assert any("/" in form for form in FORMS)
    assert any(form.endswith("=") for form in FORMS)


@given(st.sampled_from(FORMS), st.text(), st.text())
def test_every_form_is_masked_in_any_text(form: str, before: str, after: str) -> None:
    cleaned = redactor(CANARY).clean(before + form + after)
    assert MASK in cleaned
    assert not [form for form in FORMS if form in cleaned]


@given(st.binary(min_size=MIN_LENGTH, max_size=60), st.text(), st.text())
@example(b'"quoted" \\ secret', "", "")
@example(b"two\nlines\tof secret\n", "", "")
@example(b"\xff\xfe\x00secret", "", "")
@example("schlüssel 日本".encode(), "", "")
def test_every_way_a_message_may_write_a_secret_is_masked(secret: bytes, before: str, after: str) -> None:
    clean = redactor(secret).clean
    text = secret.decode("utf-8", "surrogateescape")
    for form in (
        text,
        secret.decode("utf-8", "replace"),
        secret.decode("utf-8", "backslashreplace"),
        secret.decode("latin-1"),
        repr(text)[1:-1],
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        b64encode(secret).decode(),
    ):
        assert form not in clean(f"{before}{form}{after}")


@given(st.text(), st.binary(min_size=MIN_LENGTH, max_size=60))
def test_other_text_stays_as_it_is(text: str, secret: bytes) -> None:
    made = redactor(secret)
    assume(not any(form in text for form in made._forms))
    assert made.clean(text) == text


@given(st.text(), st.binary(max_size=MIN_LENGTH - 1))
@example("a secret of ten letters", b"e")
@example("", b"")
def test_a_short_secret_is_not_masked(text: str, secret: bytes) -> None:
    shown = text + secret.decode("utf-8", "replace") + text
    assert redactor(secret).clean(shown) == shown


def test_the_shortest_secret_that_is_masked() -> None:
    assert redactor(b"12345678").clean("<12345678>") == f"<{MASK}>"
    assert redactor(b"1234567").clean("<1234567>") == "<1234567>"


def test_a_short_rest_behind_whsec_is_not_masked_by_itself() -> None:
    assert redactor(b"whsec_abc").clean("abc whsec_abc") == f"abc {MASK}"


@pytest.mark.parametrize(
    ("secrets", "text", "cleaned"),
    [
        ((b"abcdefgh",), "abcdefgh abcdefgh", f"{MASK} {MASK}"),
        ((b"abcdefgh",), "abcdefghabcdefgh", MASK * 2),
        ((b"abcdefgh", b"abcdefgh-long"), "abcdefgh-long", MASK),
        ((b"abcdefgh-long", b"abcdefgh"), "x abcdefgh-long abcdefgh-lo", f"x {MASK} {MASK}-lo"),
        # the end of one is the start of the other: nothing of either is left standing
        ((b"abcdefgh12345678", b"12345678zyxwvuts"), "<abcdefgh12345678zyxwvuts>", f"<{MASK}>"),
        ((b"12345678zyxwvuts", b"abcdefgh12345678"), "<abcdefgh12345678zyxwvuts>", f"<{MASK}>"),
        ((b"<abcdefgh>-long-one", b"abcdefgh"), "<abcdefgh>-long-one", MASK),
        ((b"aaaaaaaa",), "aaaaaaaaaaa", MASK),
        ((b"[secret][secret]",), "[secret][secret]", MASK),
        ((b"  padded secret  ",), "trimmed: 'padded secret'", f"trimmed: '{MASK}'"),
    ],
)
def test_overlapping_secrets(secrets: tuple[bytes, ...], text: str, cleaned: str) -> None:
    assert redactor(*secrets).clean(text) == cleaned


@given(st.lists(st.text("ab", min_size=8, max_size=10), min_size=1, max_size=3), st.text("ab", max_size=30))
def test_of_secrets_that_overlap_in_any_way_every_character_is_masked(secrets: list[str], text: str) -> None:
    hidden: set[int] = set()
    for secret in secrets:
        for start in range(len(text)):
            if text.startswith(secret, start):
                hidden.update(range(start, start + len(secret)))
    left = "".join(character for index, character in enumerate(text) if index not in hidden)
    assert redactor(*(secret.encode() for secret in secrets)).clean(text).replace(MASK, "") == left


# the program itself


def echo(received: Received) -> bytes:
    """Answer with every form of the secret: in header values, in header names and in the body."""
    body = b"\n".join([b"you sent", *forms_of(CANARY), *forms_of(OLD), json.dumps(CANARY.decode()).encode()])
    headers = b"X-Echo: %s\r\nX-Again: %s\r\n%s: 1\r\n" % (CANARY, b64encode(CANARY), OLD)
    return answer(body, b"500 " + OLD, headers)


def bare(received: Received) -> bytes:
    """Answer in bytes that are no UTF-8, the secret among them."""
    return answer(
        b"\xff\xfe" + CANARY + b"\x1b[31m\r\n", b"200 OK", b"Location: http://localhost/?key=" + CANARY + b"\r\n"
    )


class Planted:
    """The command line with canaries as its secrets; every byte it writes is looked through."""

    def __init__(self, cli: Cli) -> None:
        self._cli = cli
        self.folder = cli.folder

    def __call__(self, *arguments: str, env: Mapping[str, str | None] | None = None) -> Result:
        variables = {
            "ARKY_WEBHOOK_SECRET": CANARY.decode(),
            "ARKY_WEBHOOK_SECRET_PREVIOUS": OLD.decode(),
            "ARCADE_SIGNING_SECRET": CANARY.decode(),
            "ARCADE_SIGNING_SECRET_PREVIOUS": OLD.decode(),
            **(env or {}),
        }
        result = self._cli(*arguments, env=variables)
        assert result.code != 70, result.err
        assert_unseen(result.raw_out + result.err.encode())
        return result


def assert_unseen(written: bytes) -> None:
    found = [form for secret in (CANARY, OLD) for form in forms_of(secret) if form in written]
    # JSON writes what is beyond ASCII with escapes; a terminal gets bytes that are no UTF-8 with others
    for text in (CANARY.decode(), CANARY.decode("latin-1"), BARE.decode(), BARE.decode("latin-1")):
        found += [form.encode() for form in (json.dumps(text)[1:-1], ascii(text)[1:-1]) if form.encode() in written]
    assert found == [], written.decode("utf-8", "replace")


@pytest.fixture
def planted(cli: Cli) -> Planted:
    return Planted(cli)


def test_the_search_would_find_it(cli: Cli) -> None:
    for secret in (CANARY, OLD):
        for form in forms_of(secret):
            with pytest.raises(AssertionError):
                assert_unseen(b"x" + form + b"y")


@pytest.mark.parametrize("form", ["text", "json", "ndjson"])
@pytest.mark.parametrize("options", [(), ("-v",), ("-q",)], ids=["plain", "verbose", "quiet"])
def test_an_answer_that_echoes_the_secret_is_masked(planted: Planted, form: str, options: tuple[str, ...]) -> None:
    with raw_server(echo) as server:
        result = planted("send", "order.paid", "--to", server.url, "--format", form, *options)
    assert result.code == 1
    if not options or form != "text":
        assert MASK in result.out
    assert "you sent" in result.out or "-q" in options


@pytest.mark.parametrize("form", ["text", "ndjson"])
def test_an_answer_of_raw_bytes_is_masked(planted: Planted, form: str) -> None:
    with raw_server(bare) as server:
        result = planted("send", "order.paid", "--to", server.url, "--format", form, "-v")
        assert result.code == 0
        assert MASK in result.out


@pytest.mark.parametrize("form", ["text", "json", "ndjson", "curl", "http"])
def test_a_preview_holds_no_secret(planted: Planted, form: str) -> None:
    result = planted("send", "--all", "--to", "http://localhost:1/", "--dry-run", "--format", form)
    assert result.code == 0
    assert "x-arcade-signature" in result.out


@pytest.mark.parametrize("tamper", ["body", "signature", "secret", "missing"])
def test_no_tampered_request_holds_it(planted: Planted, tamper: str) -> None:
    assert planted("send", "--all", "--to", "http://localhost:1/", "--dry-run", "--tamper", tamper).code == 0


@pytest.mark.parametrize("rotate", ["old", "new", "both"])
def test_no_rotated_request_holds_either(planted: Planted, rotate: str) -> None:
    arguments = ("formSubmission.*", "--to", "http://localhost:1/", "--dry-run", "--rotate", rotate, "--format", "http")
    assert planted("send", *arguments).code == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("events",), 0),
        (("events", "show", "order.paid"), 0),
        (("--help",), 0),
        (("send", "--help"), 0),
        (("send", "order.paid", "--to", "http://127.0.0.1:9/"), 4),
        (("send", "order.paid", "--to", "http://127.0.0.1:9/", "--format", "ndjson"), 4),
        (("send", "order.paid", "--to", f"http://127.0.0.1:9/?key={OLD.decode()}"), 4),
        (("send", "order.paid", "--to", f"http://127.0.0.1:9/?key={OLD.decode()}", "--format", "ndjson"), 4),
        (("send", "nope"), 3),
        (("send",), 2),
        (("send", "order.paid", "--bad"), 2),
        (("send", "order.paid", "--timeout", "x"), 2),
        (("send", "order.paid", "--secret", CANARY.decode()), 2),
        (("send", "order.paid", f"--secret={CANARY.decode()}"), 2),
        # the value where the file's name belongs: a likely slip
        (("send", "order.paid", "--secret-file", CANARY.decode()), 3),
        (("send", "order.paid", "--secret-file", OLD.decode()), 3),
        (("send", "order.paid", "--to", "1", "--cacert", "missing.pem"), 3),
    ],
    ids=lambda value: None if isinstance(value, int) else " ".join(value)[:60].encode("ascii", "replace").decode(),
)
def test_nothing_that_is_written_holds_a_secret(planted: Planted, arguments: tuple[str, ...], code: int) -> None:
    assert planted(*arguments).code == code


@pytest.mark.parametrize("form", ["text", "ndjson"])
def test_a_header_of_ones_own_is_sent_as_given_and_shown_masked(planted: Planted, form: str) -> None:
    with raw_server() as server:
        own = ("-H", f"Authorization: {OLD.decode()}", "-H", f"X-Key: {CANARY.decode()}", "-v", "--format", form)
        assert planted("send", "order.paid", "--to", server.url, *own).code == 0
        received = server.take()
    assert (b"authorization", OLD) in received.headers
    assert (b"x-key", CANARY) in received.headers


@pytest.mark.parametrize(
    "secret",
    [b"two\nlines of canary", b"two\r\nlines of canary", b"canary\xff\xfebytes", b'"canary" \\ quoted', b" canary \t"],
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_secret_that_is_escaped_when_shown_is_masked_before(cli: Cli, form: str, secret: bytes) -> None:
    (cli.folder / "secret").write_bytes(secret + b"\n")

    def reply(_: Received) -> bytes:
        return answer(b"<" + secret + b">" if secret.isascii() else b"<" + secret + b"\xff>")

    with raw_server(reply) as server:
        options = ("--secret-file", "secret", "--to", server.url, "--format", form)
        result = cli("send", "order.paid", *options)
    assert result.code == 1
    if form == "text" or secret.isascii():
        assert f"<{MASK}" in result.out
    assert "canary" not in result.out + result.err


def test_a_bug_is_reported_without_the_secret(tmp_path: Path) -> None:
    # a real fault in the outside world: a clock that fails, with the secret in its message
    program = """
import os, sys
from dataclasses import replace
from hookctl.cli.main import main
from hookctl.runtime import Runtime
def clock():
    raise RuntimeError("clock " + os.environ["ARKY_WEBHOOK_SECRET"])
sys.exit(main(["send", "order.paid"], replace(Runtime.system(), now_ms=clock)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "ARKY_WEBHOOK_SECRET": CANARY.decode()},
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 70
    assert b"has a bug: please report this" in done.stderr
    assert f"RuntimeError: clock {MASK}".encode() in done.stderr
    assert_unseen(done.stdout + done.stderr)
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("length", [8, 12, 27])
def test_what_an_excerpt_has_left_of_a_secret_is_masked(length: int) -> None:
    redactor = Redactor()
    redactor.register(b"whsec_a_secret_of_28_letters")
    text = f"line 1: 'ARKY_WEBHOOK_SECRET={'whsec_a_secret_of_28_letters'[:length]}...'"
    assert redactor.clean(text) == f"line 1: 'ARKY_WEBHOOK_SECRET={MASK}...'"


def test_three_dots_alone_mask_nothing() -> None:
    redactor = Redactor()
    redactor.register(b"whsec_a_secret_of_28_letters")
    for text in ("whsec_a...", "...", "whsec_...whsec_a_secre...t"[:14], "short..."):
        assert redactor.clean(text) == text
