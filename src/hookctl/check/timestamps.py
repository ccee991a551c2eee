"""Checks of the time of a delivery: it is signed, it is required, and old deliveries are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.check.compose import latin
from hookctl.check.model import Check, Effect, Severity
from hookctl.check.wanted import refused
from hookctl.model import TimeUnit
from hookctl.timestamps import write_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hookctl.check.compose import Composer, Draft
    from hookctl.check.model import Builder, Probe
    from hookctl.model import Provider

_HOUR_MS = 3_600_000
_WINDOW = "refuse what is more than 300 s from now: Math.abs(Date.now() / 1000 - Number(timestamp)) > 300"
_DIGITS = "take digits only, /^[0-9]{1,15}$/, before Number(): NaN passes every comparison"


def checks(provider: Provider) -> tuple[Check, ...]:
    """Return the checks of the time."""
    refusal = str(provider.replies.invalid_signature)
    time = provider.timestamp
    signs = provider.signature.signs_timestamp and time is not None
    absent = None if signs else f"{provider.title} signs no time"
    header = None if time is None else time.header
    alone = absent or (None if header is not None else f"{provider.title} has no header for the time alone")
    seconds = time is not None and time.unit is TimeUnit.UNIX_SECONDS
    numeric = absent or (None if seconds else f"{provider.title} does not write the time in seconds")

    def check(  # noqa: PLR0913 - the columns of a table
        id_: str,
        severity: Severity,
        sends: str,
        why: str,
        fix: str,
        build: Builder,
        *,
        effect: Effect = Effect.CARRIED,
        absent: str | None = absent,
        times: bool = True,
    ) -> Check:
        return Check(id_, severity, sends, refusal, why, fix, effect, build, malformed=True, times=times, absent=absent)

    return (
        check(
            "ts-missing",
            Severity.MUST,
            f"a signature of now, and no {header} header",
            "what is not there cannot have been verified",
            f"answer {refusal} when {header} is missing, before it is used",
            _missing,
            effect=Effect.NONE,
            absent=alone,
            times=False,
        ),
        check(
            "ts-coerced",
            Severity.SHOULD,
            f"no {header} header, signed over undefined, null, None and nothing in place of the time",
            "a missing header that becomes a word in a template makes a delivery that never gets old",
            f"answer {refusal} when {header} is missing, before it goes into `${{timestamp}}.${{body}}`",
            _coerced,
            absent=alone,
            times=False,
        ),
        check(
            "ts-tampered",
            Severity.MUST,
            "the time changed by one second after signing",
            "a time that is not signed can be set to now by whoever sends an old delivery again",
            "sign what the scheme signs: the text of the time, then the body",
            _tampered,
            effect=Effect.NONE,
            times=False,
        ),
        check(
            "ts-old",
            Severity.SHOULD,
            "signed an hour ago",
            "who has seen one delivery can send it again for ever; five minutes are the field's norm, the page is "
            "silent",
            _WINDOW,
            _shifted(-_HOUR_MS),
        ),
        check(
            "ts-future",
            Severity.SHOULD,
            "signed an hour from now",
            "a delivery of tomorrow stays fresh for a day",
            _WINDOW,
            _shifted(_HOUR_MS),
        ),
        check(
            "ts-nan",
            Severity.SHOULD,
            "no number for a time, and signed: abc, NaN, -1, nothing, full-width digits",
            "NaN passes Math.abs(now - time) > 300",
            _DIGITS,
            _texts(("abc", "abc"), ("NaN", "NaN"), ("-1", "-1"), ("nothing", "")),
        ),
        check(
            "ts-ms",
            Severity.SHOULD,
            "the time in milliseconds, signed",
            "a time in another unit is thousands of years ahead, and never gets old",
            _WINDOW,
            _milliseconds,
            absent=numeric,
        ),
        check(
            "ts-suffix",
            Severity.SHOULD,
            "the time with something behind it, signed",
            "parseInt takes `1704067200.junk`, and the dot between time and body can move: one signature, two bodies",
            _DIGITS,
            _suffixed,
            absent=numeric,
        ),
    )


def _missing(composer: Composer, check: Check) -> Iterator[Probe]:
    yield composer.probe(_without_time(composer, composer.draft(check)), refused(composer.provider))


def _coerced(composer: Composer, check: Check) -> Iterator[Probe]:
    for label, text in (("undefined", "undefined"), ("null", "null"), ("None", "None"), ("nothing", "")):
        draft = composer.signed(composer.draft(check), timestamp=text)
        yield composer.probe(_without_time(composer, draft), refused(composer.provider), f"over {label}")


def _tampered(composer: Composer, check: Check) -> Iterator[Probe]:
    draft = composer.draft(check)
    time = composer.provider.timestamp
    assert time is not None  # noqa: S101 - the check is absent otherwise
    later = str(write_time(draft.payload.at_ms + 1000, time.unit))
    yield composer.probe(composer.signed(draft, sent_timestamp=later), refused(composer.provider))


def _shifted(by_ms: int) -> Builder:
    def build(composer: Composer, check: Check) -> Iterator[Probe]:
        draft = composer.draft(check, at_ms=composer.now_ms() + by_ms)
        yield composer.probe(draft, refused(composer.provider))

    return build


def _texts(*texts: tuple[str, str]) -> Builder:
    def build(composer: Composer, check: Check) -> Iterator[Probe]:
        for label, text in texts:
            draft = composer.signed(composer.draft(check), timestamp=text)
            yield composer.probe(draft, refused(composer.provider), label)
        draft = composer.draft(check)
        wide = latin("".join(chr(ord(digit) + 0xFEE0) if digit.isdigit() else digit for digit in _time(draft)))
        draft = composer.signed(draft, timestamp=wide)
        yield composer.probe(draft, refused(composer.provider), "full-width digits")

    return build


def _milliseconds(composer: Composer, check: Check) -> Iterator[Probe]:
    yield from _changed(composer, check, lambda time: f"{time}000")


def _suffixed(composer: Composer, check: Check) -> Iterator[Probe]:
    yield from _changed(composer, check, lambda time: f"{time}.junk")


def _changed(composer: Composer, check: Check, change: Callable[[str], str]) -> Iterator[Probe]:
    draft = composer.draft(check)
    draft = composer.signed(draft, timestamp=change(_time(draft)))
    yield composer.probe(draft, refused(composer.provider))


def _time(draft: Draft) -> str:
    return draft.signing.timestamp


def _without_time(composer: Composer, draft: Draft) -> Draft:
    time = composer.provider.timestamp
    assert time is not None  # noqa: S101 - the check is absent otherwise
    assert time.header is not None  # noqa: S101 - likewise
    return composer.with_header(draft, time.header)
