"""What the checks must say of each receiver of tests/receivers: everything that is not a pass, and nothing else.

Written from the rules, not from a run: which of the documented requests each defect answers wrongly, and how much that
weighs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from hookctl.check.model import Result, Severity
from hookctl.errors import ExitCode

Verdicts: TypeAlias = dict[str, tuple[Result, Severity]]
"""Result and severity by the check's id."""


def must(*ids: str) -> Verdicts:
    """Return failures that decide."""
    return dict.fromkeys(ids, (Result.FAIL, Severity.MUST))


def should(*ids: str) -> Verdicts:
    """Return failures that decide under --strict."""
    return dict.fromkeys(ids, (Result.FAIL, Severity.SHOULD))


def info(*ids: str) -> Verdicts:
    """Return observations."""
    return dict.fromkeys(ids, (Result.INFO, Severity.INFO))


def unclear(severity: Severity, *ids: str) -> Verdicts:
    """Return what cannot be told."""
    return dict.fromkeys(ids, (Result.INCONCLUSIVE, severity))


@dataclass(frozen=True)
class Expected:
    """What one receiver comes to."""

    exit_code: ExitCode
    verdicts: Verdicts = field(default_factory=dict)
    alone: bool = False
    """Whether the control fails: everything that is not in `verdicts` is then skipped."""
    gone_after: str | None = None
    """The check that brings it down: everything after it is inconclusive."""
    busy_from: str | None = None
    """The check from which on it, or what stands before it, answers 429."""
    probed: bool = True
    """Whether it has a counter to be read."""


RIGHT = Expected(ExitCode.YES)

# everything that has to be refused, by how it is made
FORGED_BODY = ("body-tampered", "body-appended")
FORGED_KEY = ("wrong-secret", "empty-secret")
UNSIGNED = ("sig-missing", "sig-empty")
MALFORMED = ("sig-prefix", "sig-nonhex", "sig-nonascii", "sig-literal")
FORGERIES = (*FORGED_BODY, *FORGED_KEY, *UNSIGNED, *MALFORMED)
TIMES = ("ts-old", "ts-future", "ts-nan", "ts-ms", "ts-suffix")
FORGED_TIMES = ("ts-missing", "ts-tampered")
ALL_TIMES = (*FORGED_TIMES, "ts-coerced", *TIMES)

UNTIMED = should(*TIMES)
"""No age is checked."""

_INFORMING = ("sig-encoding", "sig-dup")
_BROKEN_BODIES = ("body-empty", "body-badjson")


def _all_refusals(provider: str, verdict: tuple[Result, Severity], encoding: tuple[Result, Severity]) -> Verdicts:
    """Return the same verdict for every request that has to be refused."""
    ids = (*FORGERIES, *(ALL_TIMES if provider == "arky" else ("rot-neither",)))
    return {**dict.fromkeys(ids, verdict), "sig-encoding": encoding}


def _accepting_anything(provider: str) -> Verdicts:
    forged = must(*FORGERIES)
    if provider == "arky":
        return {**forged, **must(*FORGED_TIMES), **should("ts-coerced", *TIMES), **info("sig-encoding")}
    return {**forged, **must("rot-neither"), **info("sig-encoding")}


_AS_INFO = (Result.INFO, Severity.INFO)
_AS_SHOULD = (Result.FAIL, Severity.SHOULD)

SAMPLES: dict[str, Expected] = {
    # throws on what it does not expect: its 500 refuses, and has the vendor send it again
    "arky-sample-express": Expected(
        ExitCode.YES,
        {
            **should(*UNSIGNED, "sig-prefix", "sig-nonascii", "sig-literal", "ts-coerced", *_BROKEN_BODIES, "leak"),
            **UNTIMED,
            **info(*_INFORMING, "body-bom"),
        },
        probed=False,
    ),
    # text() drops the byte order mark, and the framework's own page has no stack trace
    "arky-sample-fetch": Expected(
        ExitCode.YES,
        {
            **should(*UNSIGNED, "sig-prefix", "sig-nonascii", "sig-literal", "ts-coerced", *_BROKEN_BODIES),
            **UNTIMED,
            **info(*_INFORMING),
        },
        probed=False,
    ),
    "arcade-sample-node": Expected(ExitCode.YES, {**should(*_BROKEN_BODIES), **info("body-bom")}, probed=False),
    "arcade-sample-fetch": Expected(ExitCode.YES, should(*_BROKEN_BODIES), probed=False),
}

PROGRAMS: dict[str, Expected] = {
    "arky-express": Expected(ExitCode.YES, UNTIMED, probed=False),
    "arky-fetch": Expected(ExitCode.YES, UNTIMED, probed=False),
    "arky-python": Expected(ExitCode.YES, UNTIMED, probed=False),
    "arky-express-fresh": Expected(ExitCode.YES, probed=False),
    "arky-fetch-fresh": Expected(ExitCode.YES, probed=False),
    "arky-python-fresh": Expected(ExitCode.YES, probed=False),
    "arcade-node": Expected(ExitCode.YES, probed=False),
    "arcade-fetch": Expected(ExitCode.YES, probed=False),
}


def _both(provider: str) -> dict[str, Expected]:
    """Return what is expected of the mutants that there are of either provider."""
    arky = provider == "arky"
    control = must("valid")
    return {
        "deduping": RIGHT,
        # the body's own checks still hold: it parses what it does not verify
        "no-verification": Expected(ExitCode.NO, _accepting_anything(provider)),
        "form-only": Expected(
            ExitCode.NO,
            {**must(*FORGED_BODY, *FORGED_KEY), **(must("ts-tampered") if arky else must("rot-neither"))},
        ),
        "signature-optional": Expected(ExitCode.NO, must(*UNSIGNED)),
        "prefix-compare": Expected(
            # without its padding a base64 signature is a prefix of itself
            ExitCode.NO,
            {**must("sig-prefix"), **({} if arky else info("sig-encoding"))},
        ),
        "reserialising": Expected(ExitCode.NO, must("body-appended", "body-escapes", "body-numbers", "body-ws-order")),
        "trims-body": Expected(ExitCode.NO, must("body-appended", "body-ws-order")),
        # one of the two events that come out of order has a letter beyond ASCII in its sample
        "latin1-body": Expected(ExitCode.NO, {**must("body-unicode"), **({} if arky else info("order"))}),
        "empty-secret": Expected(ExitCode.INCONCLUSIVE, control, alone=True),
        "empty-previous-secret": Expected(ExitCode.NO, must("empty-secret")),
        # the secret of this run has nothing to be trimmed
        "secret-trimmed": RIGHT,
        "secret-unprefixed": Expected(ExitCode.INCONCLUSIVE, control, alone=True),
        "secret-decoded": Expected(ExitCode.INCONCLUSIVE, control, alone=True),
        "case-sensitive-header": Expected(ExitCode.NO, must("hdr-case")),
        "generic-signature-header": Expected(ExitCode.YES, info("extra-headers")),
        "charset-strict": Expected(ExitCode.YES, should("ct-charset")),
        "limit-16k": Expected(ExitCode.YES, should("size-20k", "size-90k")),
        "chunked-blind": Expected(ExitCode.YES, info("chunked")),
        "unguarded-parse": Expected(ExitCode.YES, {**should(*_BROKEN_BODIES), **info("body-bom")}),
        "always-200": Expected(
            ExitCode.NO,
            {
                **_accepting_anything(provider),
                **should(*_BROKEN_BODIES),
                **(info("method") if arky else must("method")),
                **unclear(Severity.MUST, "dup-effect"),
                **unclear(Severity.SHOULD, "dup-race"),
            },
        ),
        "always-500": Expected(ExitCode.INCONCLUSIVE, control, alone=True),
        "redirect-301": Expected(ExitCode.INCONCLUSIVE, must("valid", "redirect"), alone=True),
        "slow": Expected(ExitCode.INCONCLUSIVE, {**control, **should("latency")}, alone=True),
        "wrong-status": Expected(ExitCode.YES, _all_refusals(provider, _AS_INFO, _AS_INFO)),
        "html-error-page": Expected(
            ExitCode.YES,
            {
                **_all_refusals(provider, _AS_SHOULD, _AS_INFO),
                **should(*_BROKEN_BODIES, "leak"),
                **info("sig-dup", "body-bom", "body-badutf8", *(("sig-upperhex",) if arky else ())),
            },
        ),
        "login-redirect": Expected(
            ExitCode.NO,
            {
                **_all_refusals(provider, _AS_INFO, _AS_INFO),
                **should(*_BROKEN_BODIES),
                **info("sig-dup", "body-bom", "body-badutf8", *(("sig-upperhex",) if arky else ())),
                **must("redirect"),
            },
        ),
        "leaks-stack": Expected(ExitCode.YES, should("leak")),
        "leaks-expected": Expected(ExitCode.YES, should("leak")),
        "hostile-text": Expected(ExitCode.YES, _all_refusals(provider, _AS_INFO, _AS_INFO)),
        "crash-on-short-signature": Expected(ExitCode.NO, must("sig-prefix"), gone_after="sig-prefix"),
        # base64 that lacks its padding is shorter, and so is base64 of what hex is longer for
        "hangs-on-short-signature": Expected(
            ExitCode.YES, {**should("sig-prefix", "sig-literal"), **info("sig-encoding")}
        ),
        "unknown-event-400": Expected(ExitCode.YES, should("unknown-type")),
        # it refuses them as unsigned, which is another status than the page's
        "method-blind": Expected(ExitCode.YES, info("method")),
        "get-200": Expected(ExitCode.YES, info("method")) if arky else Expected(ExitCode.NO, must("method")),
        "no-dedupe": Expected(ExitCode.NO, {**must("dup-effect"), **should("dup-race")}),
        "check-then-insert": Expected(ExitCode.YES, should("dup-race")),
        "dup-409": Expected(ExitCode.YES, should("dup-status", "dup-race")),
        "keepalive-broken": Expected(ExitCode.YES, should("keepalive")),
        # ten requests are answered: the control, the events, the bodies and keys, and with a sign of life each the two
        # that are not signed
        "rate-limited": Expected(ExitCode.INCONCLUSIVE, unclear(Severity.MUST, "valid"), busy_from="sig-prefix"),
        "maintenance": Expected(ExitCode.INCONCLUSIVE, unclear(Severity.MUST, "valid"), alone=True),
        "waf": Expected(ExitCode.INCONCLUSIVE, unclear(Severity.MUST, "valid"), alone=True),
        "waf-rules": Expected(
            ExitCode.INCONCLUSIVE,
            {
                **unclear(Severity.MUST, "sig-nonascii"),
                **unclear(Severity.SHOULD, "size-90k", *(("ts-nan",) if arky else ())),
                **unclear(Severity.INFO, "size-256k"),
            },
        ),
        # after five refusals everything is: what was said before holds, and the control at the end fails
        "bans-sender": Expected(ExitCode.INCONCLUSIVE, _banned(arky=arky)),
    }


def _banned(*, arky: bool) -> Verdicts:
    refusals = ("sig-empty", *MALFORMED, "sig-encoding", *ALL_TIMES) if arky else ("sig-empty",)
    return {
        **must("valid", "hdr-case", "body-unicode", "body-escapes", "body-numbers", "body-ws-order"),
        **(must("rot-either") if not arky else {}),
        **should("size-20k", "size-90k", "latency", "ct-charset", "dup-status"),
        **info(*refusals, "size-256k", "method", "chunked", "extra-headers", "order"),
        **unclear(Severity.MUST, "dup-effect"),
        **unclear(Severity.SHOULD, "dup-race"),
    }


_ARKY: dict[str, Expected] = {
    "no-timestamp-check": Expected(ExitCode.YES, UNTIMED),
    "parseint-timestamp": Expected(ExitCode.YES, should("ts-suffix")),
    "nan-timestamp": Expected(ExitCode.YES, should("ts-nan", "ts-suffix")),
    "future-timestamp": Expected(ExitCode.YES, should("ts-future", "ts-ms")),
    "coerced-timestamp": Expected(ExitCode.YES, should("ts-coerced")),
    "timestamp-from-body": Expected(ExitCode.NO, must("ts-missing", "ts-tampered")),
    # that another scheme's signature is taken too is not among the documented checks
    "timestamp-not-signed": RIGHT,
    "body-alone": Expected(ExitCode.INCONCLUSIVE, must("valid"), alone=True),
    "timestamp-in-ms": Expected(ExitCode.INCONCLUSIVE, must("valid"), alone=True),
    "clock-ahead": Expected(ExitCode.YES, unclear(Severity.SHOULD, *TIMES)),
    "hex-truncating": Expected(ExitCode.NO, {**must(*MALFORMED), **info("sig-encoding")}),
    "order-strict": Expected(ExitCode.YES, info("order")),
}

_ARCADE: dict[str, Expected] = {
    "base64-lenient": Expected(ExitCode.YES, info("sig-encoding")),
    "rotation-blind": Expected(ExitCode.NO, must("rot-either")),
    "rotation-any": Expected(ExitCode.NO, must("rot-neither")),
    "fresh-body": RIGHT,
}

_PYTHON: dict[str, Expected] = {
    "deduping": RIGHT,
    "no-verification": Expected(
        # refuses what has no fresh time all the same
        ExitCode.NO,
        {**must(*FORGERIES, "ts-tampered"), **info("sig-encoding")},
    ),
    "raises-on-nonascii": Expected(ExitCode.YES, should("sig-nonascii")),
    "secret-unprefixed": Expected(ExitCode.INCONCLUSIVE, must("valid"), alone=True),
    "coerced-timestamp": Expected(ExitCode.YES, should("ts-coerced")),
    "float-timestamp": Expected(ExitCode.YES, should("ts-nan", "ts-suffix")),
    "check-then-insert": Expected(ExitCode.YES, should("dup-race")),
    "always-200": _both("arky")["always-200"],
    # only what it refuses unread is taken for the next request
    "unread-body": Expected(ExitCode.YES, should("keepalive")),
    "debug-page": Expected(ExitCode.YES, should("leak")),
}

MUTANTS: dict[str, Expected] = {
    **{f"arky-{name}": expected for name, expected in {**_both("arky"), **_ARKY}.items()},
    **{f"arcade-{name}": expected for name, expected in {**_both("arcade"), **_ARCADE}.items()},
    **{f"arky-python-{name}": expected for name, expected in _PYTHON.items()},
}

EXPECTED: dict[str, Expected] = {**PROGRAMS, **SAMPLES, **MUTANTS}

EVERYDAY = (
    *PROGRAMS,
    *SAMPLES,
    *(f"arky-{name}" for name in ("deduping", "no-verification", "prefix-compare", "reserialising")),
    *(f"arky-{name}" for name in ("parseint-timestamp", "no-timestamp-check", "empty-secret", "always-200")),
    *(f"arky-{name}" for name in ("always-500", "redirect-301", "slow", "check-then-insert", "html-error-page")),
    *(f"arky-{name}" for name in ("crash-on-short-signature", "bans-sender")),
    *(f"arcade-{name}" for name in ("deduping", "rotation-blind", "rotation-any", "base64-lenient", "no-dedupe")),
    "arky-python-deduping",
)
"""Those of `make test`; the others run in `make test-all`."""
