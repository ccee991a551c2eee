"""What an API answers when it does not do what was asked: one clear line, what to do, the right exit code."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.cli.inprocess import run_here
from tests.cli.recorder import unused_port
from tests.delivery.faults import Connection, response, serve
from tests.vendors.business import ACCOUNT, JSON, SECRET, TOKEN, error, refusing

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.harness import Cli, Result
    from tests.vendors.business import Business

WRITE = ("webhook", "set", "--url", "https://new.example.com/", "--yes")

STATUSES = [
    # status, what the message begins with, what the hint has
    (400, "Arky's API answered 400 Bad Request", None),
    (401, "Arky's API answered 401 Unauthorized", "the token of $ARKY_TOKEN is not accepted"),
    (402, "Arky's API answered 402 Payment Required", f"the plan of business {ACCOUNT} does not allow it"),
    (403, "Arky's API answered 403 Forbidden", f"may not do this to business {ACCOUNT}"),
    (404, "Arky's API answered 404 Not Found", f"is there a business {ACCOUNT}, and is the dialect right?"),
    (409, "Arky's API answered 409 Conflict", "`hookctl webhook show` shows how it is now"),
    (418, "Arky's API answered 418 I'm a Teapot", None),
    (429, "Arky's API answered 429 Too Many Requests", "hookctl tries nothing again by itself"),
    (500, "Arky's API answered 500 Internal Server Error", "nothing is tried again"),
    (503, "Arky's API answered 503 Service Unavailable", "nothing is tried again"),
    (599, "Arky's API answered 599", "nothing is tried again"),
]


def told(result: Result) -> tuple[str, str]:
    """Return error and hint, which have to be all that there is beside what was asked about."""
    lines = result.err.splitlines()
    where = next(index for index, line in enumerate(lines) if line.startswith("error: "))
    hint = [line.removeprefix(" hint: ") for line in lines[where + 1 :]]
    assert len(hint) <= 1
    return lines[where].removeprefix("error: "), "".join(hint)


@pytest.mark.parametrize(("status", "message", "hint"), STATUSES)
def test_every_status_says_what_to_do(
    asking: Cli, business: Business, status: int, message: str, hint: str | None
) -> None:
    business.before = refusing("PUT", answer=error(status, {"message": "No, thanks", "statusCode": status}))
    result = run_here(asking, *WRITE)
    assert (result.code, result.out) == (5, "")
    told_message, told_hint = told(result)
    assert told_message == f"{message}: No, thanks"
    assert (hint or "") in told_hint
    # a write is never tried again
    assert len(business.writes) == 1


@pytest.mark.parametrize(
    ("body", "line"),
    [
        # the three documented shapes
        (
            (
                b'{"message":"Validation failed","error":"BAD_REQUEST","statusCode":400,'
                b'"validationErrors":[{"field":"settings.webhookUrl","message":"must be https"}]}'
            ),
            "Validation failed - settings.webhookUrl: must be https",
        ),
        (
            (
                b'{"message":"Validation failed","error":"BAD_REQUEST","statusCode":400,'
                b'"validationErrors":[{"field":"webhookUrl","error":"invalid"},{"field":"webhookEvents","error":"unknown"}]}'
            ),
            "Validation failed - webhookUrl: invalid; webhookEvents: unknown",
        ),
        (
            (
                b'{"error":"BAD_REQUEST","message":"Invalid webhook","statusCode":400,'
                b'"details":{"field":"url","reason":"not reachable"}}'
            ),
            "Invalid webhook - url: not reachable",
        ),
        # and others that are met
        (b"Bad webhook URL", "Bad webhook URL"),
        (b"Bad webhook URL\nat line 5\nat line 6", "Bad webhook URL"),
        (b'"just a text"', "just a text"),
        (b'{"error":"just a word"}', "just a word"),
        (b'{"error":{"message":"wrapped","details":{"field":"url","reason":"x"}}}', "wrapped - url: x"),
        (b'{"detail":"from a framework"}', "from a framework"),
        (b'{"validationErrors":[{"field":"url"}]}', "url"),
        (b'{"message":"  many\\n  lines  "}', "many lines"),
        (b"<!DOCTYPE html><html><head><title>502 Bad\n Gateway</title></head></html>", "a web page (502 Bad Gateway)"),
        (b"<html><body>no title</body></html>", "a web page"),
        # nothing that says anything
        (b"", ""),
        (b"{}", ""),
        (b"[]", ""),
        (b"null", ""),
        (b'{"message":5,"error":null,"validationErrors":7,"details":[null,{"field":1}]}', ""),
    ],
)
def test_every_shape_of_error_becomes_one_line_with_the_field(
    asking: Cli, business: Business, body: bytes, line: str
) -> None:
    business.before = refusing("PUT", answer=response(400, body, JSON))
    result = run_here(asking, *WRITE)
    assert (result.code, result.out) == (5, "")
    expected = "Arky's API answered 400 Bad Request"
    assert told(result) == (f"{expected}: {line}" if line else expected, "")


def test_many_fields_are_cut_and_counted(asking: Cli, business: Business) -> None:
    fields = [{"field": f"f{number}", "message": "no"} for number in range(40)]
    business.before = refusing("PUT", answer=error(400, {"message": "No", "validationErrors": fields}))
    message, _ = told(run_here(asking, *WRITE))
    assert message.endswith("No - f0: no; f1: no; f2: no; f3: no; f4: no; and 35 more")


def test_an_endless_message_is_cut(asking: Cli, business: Business) -> None:
    business.before = refusing("PUT", answer=error(400, {"message": "x" * 100_000}))
    message, _ = told(run_here(asking, *WRITE))
    assert len(message) < 300
    assert message.endswith("xxx...")


@pytest.mark.parametrize(
    ("wait", "hint"),
    [
        ("30", "do it yourself after 30 s"),
        ("Fri, 31 Dec 2027 23:59:59 GMT", "do it yourself after Fri, 31 Dec 2027 23:59:59 GMT"),
        ("", "do it yourself in a while"),
    ],
)
def test_too_many_requests_says_how_long_to_wait(asking: Cli, business: Business, wait: str, hint: str) -> None:
    line = [f"Retry-After: {wait}".encode()] if wait else []
    business.before = lambda _: error(429, {"message": "Slow down"}, *line)
    result = run_here(asking, "webhook", "show")
    assert result.code == 5
    assert hint in result.err
    assert len(business.asked) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_with_the_token(asking: Cli, business: Business, status: int) -> None:
    seen: list[bytes] = []

    def other(connection: Connection) -> None:
        seen.append(connection.read_request())
        connection.send(response(200, b'{"settings":{}}', JSON))

    with serve(other) as elsewhere:
        where = f"http://127.0.0.1:{elsewhere.port}/v1"
        business.before = lambda _: response(status, b"", f"Location: {where}".encode())
        result = run_here(asking, "webhook", "show")
    assert (result.code, seen) == (5, [])
    message, hint = told(result)
    assert message.endswith(f", a redirect to {where}")
    assert "none is followed, so that the token stays here" in hint


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (response(200, b"<html><title>Sign in</title></html>", b"Content-Type: text/html"), "a web page (Sign in)"),
        (response(200, b"{", JSON), "what is not JSON: Expecting property name"),
        (
            response(200, b'{"settings":{"webhookUrl":"a","webhookUrl":"b"}}', JSON),
            "the key 'webhookUrl' is there twice",
        ),
        (response(200, b'{"settings":' + b"[" * 100_000, JSON), "what is not JSON: nested more than 200 deep"),
        (response(200, b'{"settings":NaN}', JSON), "what is not JSON: NaN is not JSON"),
        (response(200, b'{"settings":"\xff"}', JSON), "what is not JSON: it is not UTF-8"),
        (response(200, b" " * 10 + b"x" * (2 * 1024 * 1024), JSON), "more than 1024 KiB"),
    ],
)
def test_a_success_that_is_no_json_is_told(asking: Cli, business: Business, answer: bytes, named: str) -> None:
    business.before = lambda _: answer
    result = run_here(asking, "webhook", "show")
    assert (result.code, result.out) == (5, "")
    message, hint = told(result)
    assert message.startswith("Arky's API answered 200 with ")
    assert named in message
    assert hint == f"is {business.base} where the API is? --api-url says it otherwise"


def test_a_write_that_is_answered_with_a_page_may_have_been_done(asking: Cli, business: Business) -> None:
    business.before = refusing("PUT", answer=response(200, b"<html></html>"))
    message, hint = told(run_here(asking, *WRITE))
    assert message == "Arky's API answered 200 with a web page instead of JSON"
    assert "`hookctl webhook show --provider arky` shows how it is now; nothing is tried again" in hint


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_write_needs_no_body_in_its_answer(asking: Cli, business: Business, status: int) -> None:
    def quietly(asked: object) -> bytes | None:
        if business.writes and asked is business.writes[-1]:
            business.settings = business.writes[-1].json["settings"]
            return response(status)
        return None

    business.before = quietly
    result = run_here(asking, *WRITE)
    assert (result.code, result.out) == (0, "✓ changed: https://new.example.com/\n")


def test_a_write_that_did_not_take_is_told(asking: Cli, business: Business) -> None:
    business.before = refusing("PUT", answer=response(200, b"{}", JSON))
    result = run_here(asking, *WRITE)
    assert result.code == 5
    message, _ = told(result)
    assert message == "Arky's API took the change, but url did not become what was asked for"


NO_ANSWER: list[tuple[str, Callable[[Connection], None], str]] = [
    ("silence", lambda connection: connection.hold(), "no answer within 0.3 s"),
    ("reset", lambda connection: connection.reset(), "the connection was reset before an answer came"),
    ("closed", lambda connection: connection.finish(), "the connection was closed before an answer came"),
    ("other protocol", lambda connection: connection.send(b"SSH-2.0-x\r\n\r\n"), "the answer is not valid HTTP"),
    (
        "cut off",
        lambda connection: connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"),
        "the answer began with 200 but",
    ),
]


@pytest.mark.parametrize(("ends", "named"), [case[1:] for case in NO_ANSWER], ids=[case[0] for case in NO_ANSWER])
def test_no_whole_answer_is_4_and_a_write_may_have_been_done(
    asking: Cli, business: Business, ends: Callable[[Connection], None], named: str
) -> None:
    def script(connection: Connection) -> None:
        data = connection.read_request()
        if data.startswith(b"GET"):
            connection.send(response(200, b'{"settings":{}}', JSON))
        elif data:
            ends(connection)

    with serve(script) as server:
        base = ["--api-url", f"http://127.0.0.1:{server.port}"]
        result = run_here(asking, *WRITE, *base, "--timeout", "0.3" if "0.3" in named else "10")
        assert (result.code, result.out) == (4, "")
        message, hint = told(result)
        assert message.startswith("no whole answer from Arky's API: ")
        assert named in message
        assert message.endswith("; whether the request was carried out is not known")
        assert "`hookctl webhook show --provider arky` shows how it is now" in hint
        assert sum(request.startswith(b"PUT") for request in server.requests) == 1


def test_nothing_there_is_4_and_nothing_is_said_of_a_write(asking: Cli) -> None:
    base = f"http://127.0.0.1:{unused_port()}"
    result = run_here(asking, *WRITE, "--api-url", base)
    assert (result.code, result.out) == (4, "")
    message, hint = told(result)
    assert "nothing listens on 127.0.0.1" in message
    assert hint == f"is {base} where the API is? --api-url says it otherwise"


def test_a_read_that_times_out_ends_in_time_and_says_how_to_wait_longer(asking: Cli, business: Business) -> None:
    with serve(lambda connection: connection.hold()) as server:
        started = time.monotonic()
        result = run_here(asking, "webhook", "show", "--api-url", f"http://127.0.0.1:{server.port}", "--timeout", "0.3")
        assert time.monotonic() - started < 8
    assert result.code == 4
    assert told(result) == ("no whole answer from Arky's API: no answer within 0.3 s", "--timeout S waits longer")


def test_plain_http_where_tls_is_spoken_is_4(asking: Cli, business: Business) -> None:
    result = run_here(asking, "webhook", "show", "--api-url", business.base.replace("http://", "https://"))
    assert result.code == 4
    assert "no TLS connection with 127.0.0.1" in result.err


@pytest.mark.parametrize(
    "body", [b'{"message":"%s %s"}', b"%s %s", b'{"validationErrors":[{"field":"%s","error":"%s"}]}']
)
def test_an_api_that_echoes_secrets_does_not_get_them_shown(asking: Cli, business: Business, body: bytes) -> None:
    business.before = refusing("PUT", answer=response(400, body % (TOKEN.encode(), SECRET.encode()), JSON))
    result = run_here(asking, *WRITE)
    assert result.code == 5
    assert TOKEN not in result.err
    assert SECRET not in result.err
    assert "[secret]" in result.err


def test_text_of_an_error_cannot_act_on_a_terminal(asking: Cli, business: Business) -> None:
    business.before = refusing("PUT", answer=response(400, b"\x1b]0;owned\x07 \xe2\x80\xae \xff"))
    result = run_here(asking, *WRITE)
    assert not {"\x1b", "\x07", "\u202e"} & set(result.err)
