"""What an answer gives away, and what only looks as if it did."""

from __future__ import annotations

import hmac
import json
import time
from base64 import b64encode

import pytest

from hookctl.check.leaks import found_in
from hookctl.check.model import Probe
from hookctl.check.wanted import ACCEPTED
from hookctl.model import Response, SignedRequest

_DIGEST = next(
    digest
    for number in range(10_000)
    for digest in [hmac.digest(b"key", b"%d" % number, "sha256")]
    if "/" in b64encode(digest).decode()
)
_HEX = _DIGEST.hex()
_BASE64 = b64encode(_DIGEST).decode()
_SIGNATURE = "the signature that would have been right"


def found(body: str | bytes, *headers: tuple[str, str], genuine: frozenset[str] = frozenset()) -> str | None:
    request = SignedRequest("arky", None, None, "POST", "http://localhost/", (), b"")
    data = body.encode() if isinstance(body, str) else body
    return found_in(Probe(request, ACCEPTED, genuine=genuine), Response(500, headers, data))


_NODE = """Error: Unexpected token
    at JSON.parse (<anonymous>)
    at parse (/app/node_modules/body-parser/lib/types/json.js:92:19)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)
"""

TRACES = {
    "node": _NODE,
    "node, an internal frame alone": "at node:internal/main/run_main_module:23:47",
    "node, a module": "Error: x\n    at handler (file:///app/server.mjs:12:5)",
    "node, async": "Error: x\n    at async POST (/app/src/app/api/route.ts:10:3)",
    "node, Windows": "TypeError: x\n    at verify (C:\\app\\server.cjs:1:22)",
    "Next.js": "at POST (webpack-internal:///(rsc)/./app/api/webhooks/arky/route.ts:14:11)",
    "Express, HTML": (
        "<pre>RangeError [ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH]: Input buffers must have the same byte length<br>"
        " &nbsp; &nbsp;at verifySignature (file:///srv/app/arky.mjs:14:17)<br>"
        " &nbsp; &nbsp;at Layer.handle [as handle_request] (/srv/node_modules/express/lib/router/layer.js:95:5)</pre>"
    ),
    "node, inside JSON": json.dumps({"error": "no", "stack": _NODE}),
    "Python": 'Traceback (most recent call last):\n  File "/app/main.py", line 12, in hook\nValueError: no',
    "Python, inside JSON": json.dumps({"trace": 'File "/app/main.py", line 12, in hook'}),
    "Flask debugger": (
        "<title>ValueError: no // Werkzeug Debugger</title><h2>Traceback <em>(most recent call last)</em></h2>"
    ),
    "Java": "java.lang.IllegalStateException: no\n\tat com.example.Hook.handle(Hook.java:42)",
    "Java, of a module": "\tat java.base/java.lang.Thread.run(Thread.java:840)",
    "Kotlin": "\tat com.example.HookKt$main$1.invokeSuspend(Hook.kt:7)",
    "PHP": "Fatal error: no\nStack trace:\n#0 /var/www/hook.php(12): verify('a')\n#1 {main}",
    "PHP, thrown at the top": "PHP Fatal error: Uncaught Exception in /var/www/hook.php:3\nStack trace:\n#0 {main}",
    "PHP, HTML": "<b>Fatal error</b>: Uncaught Error<br />\nStack trace:<br />\n#0 {main}",
    "PHP, inside JSON": json.dumps({"trace": "Stack trace:\n#0 {main}"}),
    ".NET": "System.FormatException: no\n   at Hooks.Verify(String text) in /src/Hooks.cs:line 12",
    "Go": "http: panic serving 127.0.0.1:1: no\ngoroutine 34 [running]:\nmain.hook()",
    "Ruby": "/app/hook.rb:12:in `verify': no (ArgumentError)",
    "Ruby, from 3.4 on": "/app/hook.rb:12:in 'Hook#verify': no (ArgumentError)",
}


@pytest.mark.parametrize("text", TRACES.values(), ids=TRACES.keys())
def test_a_stack_trace_is_one(text: str) -> None:
    assert found(text) == "a stack trace"


ORDINARY = {
    "nothing": "",
    "a word": "Unauthorized",
    "JSON": '{"error":"invalid signature","path":"/api/webhooks/arky"}',
    "a time": "refused at 2026-11-24T10:11:12Z",
    "a time with slashes": "signature expired at 2026/11/24T10:11:12",
    "a time of a log": "refused at 24/Nov/2026:10:11:12 +0000",
    "a URL with a port": "look at http://localhost:3000/docs",
    "a URL, a port and numbers": "look at https://example.com/a/b:80:90",
    "a place in a text": "bad JSON at line 3:12:1",
    "a ratio": "at /2:3:4",
    "a file": 'File "report.pdf" is too large, line up again',
    "a number sign": "Issue #12 item(3): not found",
    "an email": "at info@example.com (see 1:2)",
    "HTML": "<!doctype html><title>403</title><p>Forbidden at <b>example.com</b> 12:30:45</p>",
    "a page of Express": "<pre>Cannot GET /api/webhooks/arky</pre>",
    "a sentence about traces": "No stack trace is shown: see the log. Traceback is off.",
    "binary": "".join(map(chr, range(256))),
}


@pytest.mark.parametrize("text", ORDINARY.values(), ids=ORDINARY.keys())
def test_an_ordinary_text_is_none(text: str) -> None:
    assert found(text) is None


@pytest.mark.parametrize("shown", [_HEX, _HEX.upper(), _HEX.title(), f"expected {_HEX}, got x", f"sha256={_HEX}"])
def test_the_right_signature_in_hex_is_seen_in_any_case(shown: str) -> None:
    genuine = frozenset({_HEX, _BASE64.rstrip("=")})
    assert found(f"no: {shown}.", genuine=genuine) == _SIGNATURE
    assert found("no", ("X-Expected", shown), genuine=genuine) == _SIGNATURE


@pytest.mark.parametrize(
    "shown", [_BASE64, _BASE64.rstrip("="), f'{{"expected":"{_BASE64}"}}', _BASE64.replace("/", "\\/")]
)
def test_the_right_signature_in_base64_is_seen(shown: str) -> None:
    genuine = frozenset({_HEX, _BASE64.rstrip("=")})
    assert found(shown, genuine=genuine) == _SIGNATURE
    assert found("", ("x-expected", shown), genuine=genuine) == _SIGNATURE


def test_what_differs_by_one_character_or_was_sent_is_no_leak() -> None:
    genuine = frozenset({_HEX, _BASE64.rstrip("=")})
    assert found(_HEX[:-1] + ("0" if _HEX[-1] != "0" else "1"), genuine=genuine) is None
    assert found(_BASE64.swapcase(), genuine=genuine) is None
    # what the request itself carries is not among what is looked for
    assert found(_HEX, genuine=frozenset({_BASE64})) is None
    assert found(_HEX + _BASE64) is None


def test_bytes_that_are_no_text_do_not_hide_a_trace() -> None:
    assert found(b"\xff\xfe\0" + _NODE.encode() + b"\xff") == "a stack trace"


_MIB = 1024 * 1024
HOSTILE = (
    "at " * (_MIB // 3),
    "at " + "/" * _MIB,
    "at //////" * (_MIB // 9),
    "at node:" * (_MIB // 8),
    "a.rb:1" * (_MIB // 6),
    "a" * _MIB,
    'File "' * (_MIB // 6),
    "#1 a" * (_MIB // 4),
    "#1 " + "a.b" * (_MIB // 3),
    "at a(" * (_MIB // 5),
    "at x.y() in " * (_MIB // 12),
    "Stack trace:" + " " * _MIB,
)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_hostile_text_costs_little(text: str) -> None:
    began_s = time.process_time()
    assert found(text, genuine=frozenset({_HEX, _BASE64})) is None
    # what backtracks takes minutes
    assert time.process_time() - began_s < 5
