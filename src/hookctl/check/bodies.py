"""Checks of the body: whatever bytes were signed are verified as they are, and bad ones are refused, not failed on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hookctl.check.model import Check, Effect, Severity
from hookctl.check.wanted import ACCEPTED, ACCEPTED_OR_CLIENT_ERROR, CLIENT_ERROR, accepted_or
from hookctl.payload.jsontext import Number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hookctl.check.compose import Composer
    from hookctl.check.model import Builder, Probe
    from hookctl.check.wanted import Wanted
    from hookctl.model import Provider
    from hookctl.payload.jsontext import Json

_HOUR_MS = 3_600_000
_KIB = 1024
_PLACEHOLDER = "(here)"
_RAW = (
    "verify over the raw bytes: express.raw({type: 'application/json'}), or request.arrayBuffer() in a route handler, "
    "not text that was decoded and not JSON that was written again"
)


def checks(provider: Provider) -> tuple[Check, ...]:
    """Return the checks of the body."""
    untimed = not provider.signature.signs_timestamp and provider.envelope.time is not None

    def accepted(id_: str, sends: str, why: str, build: Builder) -> Check:
        return Check(id_, Severity.MUST, sends, "2xx", why, _RAW, Effect.CARRIED, build)

    def odd(id_: str, sends: str, why: str, fix: str, build: Builder, expects: str = "anything but 5xx") -> Check:
        return Check(id_, Severity.INFO, sends, expects, why, fix, Effect.CARRIED, build)

    def sized(kib: int, severity: Severity, fix: str) -> Check:
        wanted = ACCEPTED if severity is Severity.SHOULD else accepted_or(413)
        return Check(
            f"size-{kib}k",
            severity,
            f"a body of {kib} KiB",
            str(wanted),
            "an order with many lines is that long",
            fix,
            Effect.CARRIED,
            _padded(kib * _KIB, wanted),
        )

    limit = "raise the limit of the body parser: express.raw({type: 'application/json', limit: '1mb'})"
    return (
        accepted(
            "body-unicode",
            "text beyond ASCII as raw UTF-8, U+2028 and an emoji among it",
            "names are written like that",
            _with_text("Zo\xeb \u2028 \u6771\u4eac \U0001f600"),
        ),
        accepted(
            "body-escapes",
            r"escapes that JSON.stringify does not write: \u00eb and \/",
            "another program's JSON is written in another style",
            _replaced(rb'"Zo\u00eb \/ \/"'),
        ),
        accepted(
            "body-numbers",
            "numbers that JavaScript writes otherwise: 1.0, 1e2, 2^64",
            "who parses and writes again changes them",
            _with_numbers,
        ),
        accepted(
            "body-ws-order",
            "line ends, tabs, keys in another order, a line end at the end",
            "white space and order are part of what is signed",
            _spaced,
        ),
        odd(
            "body-dupkeys",
            "a key that is there twice",
            "parsers differ in which of the two they take",
            "either is fine; it must not fail",
            _repeated_key,
            "2xx or 4xx",
        ),
        Check(
            "body-stale",
            Severity.INFO,
            "a genuine delivery whose body says that it is an hour old",
            "anything",
            f"{provider.title} signs no time: a delivery that is sent again cannot be told from a late one",
            "remember what was handled by the SHA-256 of the raw body",
            Effect.CARRIED,
            _stale,
            absent=None if untimed else f"{provider.title} signs the time: ts-old is about that",
        ),
        odd(
            "body-bom",
            "a byte order mark before the JSON, signed",
            "text() drops it, and the signature no longer fits",
            _RAW,
            _changed(lambda body: b"\xef\xbb\xbf" + body),
        ),
        odd(
            "body-badutf8",
            "bytes that are not UTF-8 inside a string, signed",
            "decoders put U+FFFD in their place, and the signature no longer fits",
            _RAW,
            _replaced(b'"\xff\xfe"', ACCEPTED_OR_CLIENT_ERROR),
        ),
        Check(
            "body-empty",
            Severity.SHOULD,
            "an empty body, signed",
            "4xx",
            "a receiver that fails with 5xx is sent the same again",
            "catch what JSON.parse throws and answer 400",
            build=_changed(lambda _: b"", CLIENT_ERROR),
        ),
        Check(
            "body-badjson",
            Severity.SHOULD,
            "JSON that breaks off, signed",
            "4xx",
            "a receiver that fails with 5xx is sent the same again",
            "catch what JSON.parse throws and answer 400",
            build=_changed(lambda body: body[: len(body) // 2], CLIENT_ERROR),
        ),
        sized(20, Severity.SHOULD, limit),
        sized(90, Severity.SHOULD, limit),
        sized(256, Severity.INFO, limit),
    )


def _with_text(text: str) -> Builder:
    return _marked({"text": text})


def _with_numbers(composer: Composer, check: Check) -> Iterator[Probe]:
    yield from _marked({"numbers": [Number("1.0"), Number("1e2"), 2**64]})(composer, check)


def _marked(members: dict[str, Json]) -> Builder:
    def build(composer: Composer, check: Check) -> Iterator[Probe]:
        yield composer.probe(composer.draft(check, marker=members), ACCEPTED)

    return build


def _replaced(written: bytes, wanted: Wanted = ACCEPTED) -> Builder:
    def build(composer: Composer, check: Check) -> Iterator[Probe]:
        draft = composer.draft(check, marker={"text": _PLACEHOLDER})
        body = draft.body.replace(f'"{_PLACEHOLDER}"'.encode(), written)
        yield composer.probe(composer.signed(draft, body=body), wanted)

    return build


def _changed(change: Callable[[bytes], bytes], wanted: Wanted = ACCEPTED_OR_CLIENT_ERROR) -> Builder:
    def build(composer: Composer, check: Check) -> Iterator[Probe]:
        draft = composer.draft(check)
        yield composer.probe(composer.signed(draft, body=change(draft.body)), wanted)

    return build


def _spaced(composer: Composer, check: Check) -> Iterator[Probe]:
    draft = composer.draft(check)
    # the samples' numbers are whole and small: nothing is lost on the way through Python's own values
    document = json.loads(draft.body)
    turned = dict(reversed(document.items()))
    text = json.dumps(turned, indent="\t", ensure_ascii=False).replace("\n", "\r\n") + "\n"
    yield composer.probe(composer.signed(draft, body=text.encode()), ACCEPTED)


def _repeated_key(composer: Composer, check: Check) -> Iterator[Probe]:
    draft = composer.draft(check)
    body = b'{"hookctl_twice":1,"hookctl_twice":2,' + draft.body[1:]
    yield composer.probe(composer.signed(draft, body=body), ACCEPTED_OR_CLIENT_ERROR)


def _stale(composer: Composer, check: Check) -> Iterator[Probe]:
    draft = composer.draft(check, at_ms=composer.now_ms() - _HOUR_MS)
    yield composer.probe(draft, ACCEPTED_OR_CLIENT_ERROR)


def _padded(size_bytes: int, wanted: Wanted) -> Builder:
    def build(composer: Composer, check: Check) -> Iterator[Probe]:
        draft = composer.draft(check, marker={"padding": _PLACEHOLDER})
        padding = b"x" * (size_bytes - len(draft.body) + len(_PLACEHOLDER))
        body = draft.body.replace(_PLACEHOLDER.encode(), padding)
        yield composer.probe(composer.signed(draft, body=body), wanted)

    return build
