"""Each flawed receiver has the flaw that it is named after, and no other; and so have the vendors' samples theirs."""

from __future__ import annotations

import base64
import subprocess
import time
from dataclasses import replace
from email.utils import parsedate_to_datetime

import pytest

from tests.authority import Authority, new_authority
from tests.cli.inprocess import run_here
from tests.harness import ARCADE_SECRET, ARKY_SECRET, Cli
from tests.receivers import battery
from tests.receivers.battery import Reply, Request, Vendor, ask
from tests.receivers.launch import (
    FRESH,
    MUTANTS,
    PROGRAMS,
    SAMPLES,
    Program,
    behind_tls,
    missing_tools,
    running,
)

ARKY = Vendor("x-arky-signature", ARKY_SECRET.encode(), "order.paid")
ARCADE = Vendor("x-arcade-signature", ARCADE_SECRET.encode(), "formSubmission.created")
VENDORS = {"arky": ARKY, "arcade": ARCADE}
BY_NAME = {program.name: program for program in (*PROGRAMS, *FRESH, *SAMPLES, *MUTANTS)}

# No answer at all is status 0. A receiver that means to answer does so long before PATIENCE_S of the battery is over.
HANG_PATIENCE_S = 0.25

NAMES = {provider: [name for name, _ in battery.battery(vendor)] for provider, vendor in VENDORS.items()}


def answers(status: int, *names: str) -> dict[str, int]:
    """Return the same status for several requests of the battery."""
    return dict.fromkeys(names, status)


NOT_JSON = ("body-bom", "body-badutf8", "body-empty", "body-badjson")
UNSIGNED = ("sig-missing", "sig-empty")
GENUINE = (
    *("valid", "unknown-type", "body-unicode", "body-escapes", "body-numbers", "body-ws", "body-lf"),
    *("size-20k", "size-90k", "size-256k", "hdr-case", "extra-headers", "ct-charset", "chunked"),
    *("rot-second", "rot-first", "rot-only-second", "body-stale"),
)


def correct(provider: str) -> dict[str, int]:
    """Return what a correct receiver answers; Arky's refuses timestamps an hour old."""
    refusal = {"arky": 401, "arcade": 403}[provider]
    known = answers(200, *GENUINE) | answers(400, *NOT_JSON) | answers(401, *UNSIGNED) | answers(405, "get", "put")
    if provider == "arcade":
        # its signature is over the body alone; of a header that is repeated the first value counts
        known |= answers(200, "body-alone", "sig-twice")
    return {name: known.get(name, refusal) for name in NAMES[provider]}


CORRECT = {provider: correct(provider) for provider in VENDORS}


def everything(provider: str, status: int) -> dict[str, int]:
    return answers(status, *NAMES[provider])


def refusals(provider: str, status: int) -> dict[str, int]:
    """Return the status for all that is refused for its signature or its time."""
    return answers(status, *(name for name, usual in CORRECT[provider].items() if usual in {401, 403}))


def accepted(provider: str, *, otherwise: int) -> dict[str, int]:
    """Return the status for all whose signature is right, as when the secrets differ."""
    return answers(otherwise, *(name for name, usual in CORRECT[provider].items() if usual in {200, 400}))


def after(provider: str, last: str, status: int) -> dict[str, int]:
    """Return the status for all that comes after a request of the battery."""
    return answers(status, *NAMES[provider][NAMES[provider].index(last) + 1 :])


SHORT = ("sig-half", "sig-1", "sig-n-1", "sig-undefined", "sig-null")
UNEQUAL = (*UNSIGNED, *SHORT, "sig-n+1", "sig-nonascii", "sig-swapped", "sig-labelled", "sig-quoted", "sig-twice")
FORGED = ("body-tampered", "body-appended", "wrong-secret", "empty-secret")
ANY_TIME = ("ts-old", "ts-future", "ts-abc", "ts-nan", "ts-negative", "ts-fullwidth", "ts-ms", "ts-suffix")
SAMPLE_TIMES = (*(name for name in ANY_TIME if name != "ts-fullwidth"), "ts-empty")


def flaws(provider: str) -> dict[str, dict[str, int]]:
    """Return, for each mutant, what it answers otherwise than a correct receiver."""
    refusal = {"arky": 401, "arcade": 403}[provider]
    return {
        "deduping": {},
        "no-verification": refusals(provider, 200),
        "form-only": answers(200, *FORGED, "body-alone", "ts-tampered", "rot-neither"),
        "signature-optional": answers(200, *UNSIGNED),
        "prefix-compare": answers(200, "sig-half", "sig-1", "sig-n-1"),
        "reserialising": answers(200, "body-appended")
        | answers(refusal, "body-escapes", "body-numbers", "body-ws", "body-lf"),
        "trims-body": answers(200, "body-appended") | answers(refusal, "body-ws", "body-lf"),
        "latin1-body": answers(refusal, "body-unicode", "body-bom", "body-badutf8"),
        "empty-secret": accepted(provider, otherwise=refusal) | answers(200, "empty-secret"),
        "empty-previous-secret": answers(200, "empty-secret"),
        "secret-trimmed": accepted(provider, otherwise=refusal),
        "secret-unprefixed": accepted(provider, otherwise=refusal),
        "secret-decoded": accepted(provider, otherwise=refusal),
        "case-sensitive-header": answers(401, "hdr-case"),
        "generic-signature-header": answers(refusal, "extra-headers"),
        "charset-strict": answers(415, "ct-charset"),
        "limit-16k": answers(413, "size-20k", "size-90k", "size-256k"),
        "chunked-blind": answers(refusal, "chunked"),
        "unguarded-parse": answers(500, *NOT_JSON) | answers(200, "body-badutf8"),
        "always-200": everything(provider, 200),
        "always-500": everything(provider, 500),
        "redirect-301": everything(provider, 301),
        "slow": {},
        "wrong-status": refusals(provider, 400),
        "html-error-page": refusals(provider, 500) | answers(500, *NOT_JSON),
        "login-redirect": refusals(provider, 302) | answers(302, *NOT_JSON),
        "leaks-stack": {},
        "leaks-expected": {},
        "hostile-text": refusals(provider, 400),
        "crash-on-short-signature": after(provider, "sig-empty", 0),
        "hangs-on-short-signature": answers(0, *SHORT, *(["sig-swapped"] if provider == "arky" else [])),
        "unknown-event-400": answers(400, "unknown-type"),
        "method-blind": answers(401, "get", "put"),
        "get-200": answers(200, "get"),
        "no-dedupe": {},
        "check-then-insert": {},
        "dup-409": {},
        "keepalive-broken": {},
        "rate-limited": after(provider, NAMES[provider][9], 429),
        "bans-sender": after(provider, {"arky": "body-alone", "arcade": "sig-missing"}[provider], 403),
        "maintenance": everything(provider, 503),
        "waf": everything(provider, 403),
        "waf-rules": answers(403, "sig-nonascii", "ts-fullwidth", "size-90k", "size-256k"),
    }


FLAWS: dict[str, dict[str, int]] = {
    **{program.name: {} for program in FRESH},
    **{program.name: answers(200, *ANY_TIME) if program.provider == "arky" else {} for program in PROGRAMS},
    **{f"{provider}-{name}": flaw for provider in VENDORS for name, flaw in flaws(provider).items()},
    "arky-no-timestamp-check": answers(200, *ANY_TIME),
    "arky-parseint-timestamp": answers(200, "ts-suffix"),
    "arky-nan-timestamp": answers(200, "ts-abc", "ts-nan", "ts-fullwidth", "ts-suffix"),
    "arky-future-timestamp": answers(200, "ts-future", "ts-ms"),
    "arky-coerced-timestamp": answers(200, "ts-coerced-undefined"),
    "arky-timestamp-from-body": answers(200, "ts-missing", "ts-tampered") | answers(401, *NOT_JSON),
    "arky-timestamp-not-signed": answers(200, "body-alone"),
    "arky-body-alone": accepted("arky", otherwise=401) | answers(200, "body-alone"),
    "arky-timestamp-in-ms": accepted("arky", otherwise=401) | answers(200, "ts-ms"),
    "arky-clock-ahead": {},
    "arky-hex-truncating": answers(200, *UNEQUAL, "sig-nonhex", "sig-upperhex") | answers(401, *UNSIGNED),
    "arky-order-strict": {},
    # longer ones too: Node's decoder stops at the padding; a shorter one lacks nothing but that
    "arcade-base64-lenient": answers(200, "sig-n-1", "sig-n+1", "sig-quoted", "sig-urlsafe"),
    "arcade-rotation-blind": answers(403, "rot-second") | answers(401, "rot-only-second"),
    "arcade-rotation-any": answers(200, "rot-neither"),
    "arcade-fresh-body": answers(403, "body-stale", *NOT_JSON),
    "arky-python-deduping": {},
    "arky-python-no-verification": answers(
        200, *UNEQUAL, *FORGED, "body-alone", "sig-nonhex", "sig-upperhex", "ts-tampered"
    ),
    "arky-python-raises-on-nonascii": answers(0, "sig-nonascii"),
    "arky-python-secret-unprefixed": accepted("arky", otherwise=401),
    "arky-python-coerced-timestamp": answers(200, "ts-coerced-none"),
    "arky-python-float-timestamp": answers(200, "ts-nan") | answers(0, "ts-abc", "ts-fullwidth", "ts-suffix"),
    "arky-python-check-then-insert": {},
    "arky-python-always-200": everything("arky", 200),
    "arky-python-unread-body": {},
    "arky-python-debug-page": {},
    "arky-sample-express": answers(500, *UNEQUAL, *NOT_JSON)
    | answers(401, "body-badutf8")
    | answers(413, "size-256k")
    | answers(404, "get", "put")
    | answers(200, "ts-coerced-undefined", *SAMPLE_TIMES),
    "arky-sample-fetch": answers(500, *UNEQUAL, *NOT_JSON)
    | answers(401, "body-bom", "body-badutf8")
    | answers(200, "ts-coerced-null", *SAMPLE_TIMES),
    "arcade-sample-node": answers(500, *NOT_JSON) | answers(200, "body-badutf8") | answers(403, "sig-twice"),
    "arcade-sample-fetch": answers(500, *NOT_JSON) | answers(403, "body-bom", "body-badutf8", "sig-twice"),
}

LEAKS = {
    "html-error-page": "stack",
    "leaks-stack": "stack",
    "leaks-expected": "signature",
    "arky-sample-express": "stack",
    "arky-python-debug-page": "stack",
}

# Secrets that the flaw makes others of.
SECRETS = {
    "secret-trimmed": " secret between blanks ",
    "secret-unprefixed": "whsec_prefixed",
    "secret-decoded": f"whsec_{base64.b64encode(b'thirty-two bytes of a real secret').decode()}",
}
MADE_OF_IT = {
    "secret-trimmed": b"secret between blanks",
    "secret-unprefixed": b"prefixed",
    "secret-decoded": b"thirty-two bytes of a real secret",
}


def kind(program: Program) -> str:
    """Return a mutant's name without its provider and language."""
    return program.name.removeprefix(f"{program.provider}-").removeprefix("python-")


def vendor_of(program: Program) -> Vendor:
    vendor = VENDORS[program.provider]
    secret = SECRETS.get(kind(program))
    return vendor if secret is None else Vendor(vendor.signature, secret.encode(), vendor.event)


def mutants(*kinds: str) -> list[Program]:
    """Return the mutants of these kinds, of every provider and language."""
    found = [program for program in MUTANTS if kind(program) in kinds]
    assert {kind(program) for program in found} == set(kinds)
    return found


def named(value: object) -> str | None:
    """Return the part of a test's id that stands for a parameter."""
    return value.name if isinstance(value, Program) else None


@pytest.fixture(autouse=True, scope="module")
def tools() -> None:
    missing = missing_tools()
    if missing is not None:
        pytest.fail(f"the receivers cannot run without {missing}", pytrace=False)


@pytest.mark.parametrize("program", BY_NAME.values(), ids=named)
def test_a_receiver_is_wrong_where_its_name_says_and_right_elsewhere(program: Program) -> None:
    vendor = vendor_of(program)
    # a flaw may be said of requests that only the other vendor has
    flaw = {name: status for name, status in FLAWS[program.name].items() if name in NAMES[program.provider]}
    expected = CORRECT[program.provider] | flaw
    answered: dict[str, int] = {}
    leaks = set()
    with running(program, vendor.secret.decode(), env={"RECEIVER_SLEEP_S": "0.01"}) as receiver:
        for name, request in battery.battery(vendor):
            patience_s = HANG_PATIENCE_S if expected[name] == 0 else battery.PATIENCE_S
            reply = ask(receiver.url, request, patience_s)
            answered[name] = reply.status
            leaks.add(battery.leak(reply, vendor, request))
    assert answered == expected
    leak = LEAKS.get(program.name, LEAKS.get(kind(program)))
    assert leaks - {None} == ({leak} if leak else set())


def test_every_receiver_is_in_the_table_once() -> None:
    assert set(FLAWS) == set(BY_NAME)
    assert len(BY_NAME) == len(PROGRAMS) + len(FRESH) + len(SAMPLES) + len(MUTANTS)


@pytest.mark.parametrize(
    ("command", "code"), [(mutants("slow")[0].command[:2], 2), (mutants("debug-page")[0].command[:3], 1)]
)
def test_an_unknown_mutant_does_not_start_and_lists_those_there_are(command: tuple[str, ...], code: int) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (code, "")
    of_it = [program for program in MUTANTS if program.command[: len(command)] == command]
    assert of_it
    for program in of_it:
        assert " ".join(program.command[len(command) :]) in done.stderr


@pytest.mark.parametrize("program", mutants(*SECRETS), ids=named)
def test_a_receiver_that_alters_its_secret_takes_what_the_altered_one_has_signed(program: Program) -> None:
    altered = Vendor(vendor_of(program).signature, MADE_OF_IT[kind(program)], vendor_of(program).event)
    with running(program, SECRETS[kind(program)]) as receiver:
        assert ask(receiver.url, altered.fresh()).status == 200


@pytest.mark.parametrize("program", SAMPLES, ids=named)
def test_a_sample_with_an_empty_secret_takes_a_forgery(program: Program) -> None:
    vendor = VENDORS[program.provider]
    with running(program, "") as receiver:
        assert ask(receiver.url, vendor.delivery(battery.compact(vendor.envelope()), secret=b"")).status == 200


def test_the_express_sample_has_no_body_but_that_of_its_content_type() -> None:
    with running(BY_NAME["arky-sample-express"], ARKY_SECRET) as receiver:
        assert ask(receiver.url, replace(ARKY.fresh(), content_type=b"text/plain")).status == 500


def count_at(url: str) -> int:
    """Return what the receiver says of how often it has acted."""
    root = url.split("/", 3)[:3]
    reply = ask("/".join([*root, "count"]), Request((), b"", "GET"))
    head, _, tail = reply.body.partition(b'{"count":')
    assert (reply.status, head, tail[-1:]) == (200, b"", b"}")
    return int(tail[:-1])


REPEATS = [
    # which, the statuses of three of a kind in turn, the effects of those three, of ten more at the same moment
    ("deduping", [200, 200, 200], 1, range(1, 2)),
    ("no-dedupe", [200, 200, 200], 3, range(10, 11)),
    ("check-then-insert", [200, 200, 200], 1, range(2, 11)),
    ("dup-409", [200, 409, 409], 1, range(1, 2)),
]


@pytest.mark.parametrize(
    ("program", "statuses", "effects", "at_once"),
    [(program, *rest) for name, *rest in REPEATS for program in mutants(name)],
    ids=named,
)
def test_what_a_repeated_delivery_does_can_be_counted(
    program: Program, statuses: list[int], effects: int, at_once: range
) -> None:
    vendor = vendor_of(program)
    with running(program, vendor.secret.decode()) as receiver:
        assert count_at(receiver.url) == 0
        again, raced = vendor.fresh(), vendor.fresh()
        assert [ask(receiver.url, again).status for _ in statuses] == statuses
        assert count_at(receiver.url) == effects
        assert set(battery.ask_at_once(receiver.url, raced, 10)) == set(statuses)
        assert count_at(receiver.url) - effects in at_once


@pytest.mark.parametrize("program", [p for p in mutants("deduping") if "python" not in p.name], ids=named)
def test_only_a_known_event_has_an_effect(program: Program) -> None:
    vendor = vendor_of(program)
    with running(program, vendor.secret.decode()) as receiver:
        assert ask(receiver.url, vendor.fresh("hookctl.check.x")).status == 200
        assert ask(receiver.url, vendor.fresh()).status == 200
        assert count_at(receiver.url) == 1
        unknown, known = receiver.wait_records(2)
    assert (unknown["event"], known["event"]) == ("hookctl.check.x", vendor.event)


@pytest.mark.parametrize(
    ("program", "statuses"),
    [
        *((program, [200, 401, 401, 200]) for program in mutants("deduping") if program.provider == "arky"),
        *((program, [200, 401, 403, 200]) for program in mutants("deduping") if program.provider == "arcade"),
        *((program, [200, 401, 401, 401]) for program in mutants("keepalive-broken")),
        # the body that nobody read, and the next request's first line, are taken for a method
        *((program, [200, 401, 501, 0]) for program in mutants("unread-body")),
    ],
    ids=named,
)
def test_what_a_refusal_does_to_its_connection(program: Program, statuses: list[int]) -> None:
    vendor = vendor_of(program)
    unsigned = battery.with_header(vendor.fresh(), vendor.signature, None)
    forged = vendor.delivery(battery.compact(vendor.envelope()), secret=b"another")
    with running(program, vendor.secret.decode()) as receiver:
        asked = [vendor.fresh(), unsigned, forged, vendor.fresh()]
        assert battery.ask_in_turn(receiver.url, asked) == statuses
        assert ask(receiver.url, vendor.fresh()).status == 200


def fresh_reply(name: str, **env: str) -> tuple[Reply, float]:
    """Return a mutant's answer to a genuine delivery, and how long it took."""
    program = BY_NAME[name]
    vendor = vendor_of(program)
    with running(program, vendor.secret.decode(), env=env) as receiver:
        started = time.monotonic()
        return ask(receiver.url, vendor.fresh()), time.monotonic() - started


def test_the_slow_one_takes_as_long_as_it_is_told() -> None:
    reply, took_s = fresh_reply("arky-slow", RECEIVER_SLEEP_S="0.3")
    assert reply.status == 200
    assert took_s >= 0.3


def test_the_limited_one_takes_as_many_as_it_is_told() -> None:
    reply, _ = fresh_reply("arcade-rate-limited", RECEIVER_RATE_LIMIT="1")
    assert reply.status == 200
    with running(BY_NAME["arcade-rate-limited"], ARCADE_SECRET, env={"RECEIVER_RATE_LIMIT": "2"}) as receiver:
        replies = [ask(receiver.url, ARCADE.fresh()) for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 429]
    assert b"Retry-After: 60" in replies[2].head


def test_the_firewall_looks_like_one() -> None:
    reply, _ = fresh_reply("arky-waf")
    assert b"\r\nServer: cloudflare\r\nCF-RAY: " in reply.head
    assert b"<title>Attention Required! | Cloudflare</title>" in reply.body


def test_the_clock_that_is_ahead_is_ahead() -> None:
    reply, _ = fresh_reply("arky-clock-ahead")
    assert reply.status == 200
    (date,) = [line[6:] for line in reply.head.split(b"\r\n") if line.startswith(b"Date: ")]
    assert 50 < parsedate_to_datetime(date.decode()).timestamp() - time.time() < 61


def test_the_redirect_leads_to_a_receiver() -> None:
    with running(BY_NAME["arky-redirect-301"], ARKY_SECRET) as receiver:
        reply = ask(receiver.url, ARKY.fresh())
        assert b"\r\nLocation: /api/webhooks/arky/\r\n" in reply.head
        assert ask(f"{receiver.url}/", ARKY.fresh()).status == 200


def test_the_strict_order_is_kept() -> None:
    with running(BY_NAME["arky-order-strict"], ARKY_SECRET) as receiver:
        shipped = ARKY.envelope("order.shipped")
        paid = {**ARKY.envelope("order.paid"), "data": shipped["data"]}
        shipped_again = {**ARKY.envelope("order.shipped"), "data": shipped["data"]}
        deliveries = [ARKY.delivery(battery.compact(envelope)) for envelope in (shipped, paid, shipped_again)]
        assert [ask(receiver.url, delivery).status for delivery in deliveries] == [422, 200, 200]


def test_the_hostile_text_is_hostile_to_every_report() -> None:
    with running(BY_NAME["arky-hostile-text"], ARKY_SECRET) as receiver:
        reply = ask(receiver.url, Request((), b"{}"))
    for text in ("\x1b[2J", "\0", "\u202e", "\ufffe", "]]>", "<script>", "\n::error::"):
        assert text.encode() in reply.body


@pytest.mark.parametrize("program", mutants("crash-on-short-signature"), ids=named)
def test_the_crash_ends_the_program(program: Program) -> None:
    vendor = vendor_of(program)
    with running(program, vendor.secret.decode()) as receiver:
        short = battery.with_header(vendor.fresh(), vendor.signature, b"ab")
        assert ask(receiver.url, short).status == 0
        with pytest.raises(TimeoutError, match="ended"):
            receiver.wait_records(1, timeout_s=20)
        assert ask(receiver.url, vendor.fresh()).status == 0
        assert "RangeError" in receiver.stderr_tail()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return new_authority(tmp_path_factory.mktemp("authority"))


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("arky-express", "127.0.0.1"),
        ("arky-express", "::1"),
        ("arky-fetch", "::1"),
        ("arcade-node", "::1"),
        ("arcade-sample-fetch", "::1"),
    ],
)
def test_a_node_receiver_can_be_behind_tls_and_on_ipv6(cli: Cli, authority: Authority, name: str, host: str) -> None:
    program = BY_NAME[name]
    vendor = vendor_of(program)
    pem = authority.issue("receiver", alternative="IP:127.0.0.1,IP:::1")
    with running(program, vendor.secret.decode(), env={"RECEIVER_HOST": host, **behind_tls(pem)}) as receiver:
        assert receiver.url.startswith("https://[::1]:" if host == "::1" else "https://127.0.0.1:")
        send = ("send", vendor.event, "-q", "--to", receiver.url)
        assert run_here(cli.with_secrets(), *send, "--cacert", str(authority.file)).code == 0
        assert run_here(cli.with_secrets(), *send).code == 4
        assert [record["status"] for record in receiver.wait_records(1)] == [200]


def test_a_node_receiver_can_be_on_ipv6() -> None:
    with running(BY_NAME["arky-fetch"], ARKY_SECRET, env={"RECEIVER_HOST": "::1"}) as receiver:
        assert receiver.url.startswith("http://[::1]:")
        assert ask(receiver.url, ARKY.fresh()).status == 200
