"""Why a delivery is refused, in the words of the closed list."""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING

import pytest

from hookctl.model import Diagnosis, Reason
from hookctl.signing import compute_signature, sign, signed_content, verify
from tests.signing.support import ARCADE, ARKY, AT_MS, OTHERS, PAIR, PROVIDERS, Lines, pair, payload, wire

if TYPE_CHECKING:
    from hookctl.model import Provider

BODY = b'{"a":"b"}'

each_provider = pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)


def genuine(provider: Provider) -> Lines:
    return wire(provider, sign(provider, payload(BODY), PAIR))


def arky(signature: bytes, timestamp: bytes | None = b"1704067200") -> Lines:
    lines = [(b"x-arky-signature", signature)]
    return lines if timestamp is None else [*lines, (b"x-arky-timestamp", timestamp)]


def over(timestamp: bytes) -> bytes:
    """Return Arky's genuine signature for a timestamp header of that text."""
    content = signed_content(ARKY.signature, BODY, timestamp)
    return compute_signature(ARKY.signature, PAIR.current.value, content).encode()


HEX = over(b"1704067200")
BASE64 = sign(ARCADE, payload(BODY), PAIR).signatures[0][1].encode()


def test_the_list_is_closed() -> None:
    assert {reason.value for reason in Reason} == {
        "ok",
        "missing_signature",
        "missing_timestamp",
        "malformed_signature",
        "malformed_timestamp",
        "mismatch",
        "stale",
        "future",
        "no_secret",
        "unknown_provider",
    }


@each_provider
def test_ok(provider: Provider) -> None:
    verdict = verify(provider, genuine(provider), BODY, PAIR)
    assert (verdict.valid, verdict.reason, verdict.diagnosis, verdict.age_s) == (True, Reason.OK, None, None)


@each_provider
def test_header_names_in_any_case(provider: Provider) -> None:
    for case in (bytes.upper, bytes.title):
        assert verify(provider, [(case(name), value) for name, value in genuine(provider)], BODY, PAIR).valid


@each_provider
def test_white_space_round_a_value_is_not_part_of_it(provider: Provider) -> None:
    spaced = [(name, b" \t" + value + b"\t ") for name, value in genuine(provider)]
    assert verify(provider, spaced, BODY, PAIR).valid


@each_provider
def test_missing_signature(provider: Provider) -> None:
    headers = [line for line in genuine(provider) if b"signature" not in line[0]]
    for secrets in (PAIR, None):
        assert verify(provider, headers, BODY, secrets).reason is Reason.MISSING_SIGNATURE
    assert verify(provider, [], BODY, PAIR).reason is Reason.MISSING_SIGNATURE
    assert verify(provider, [(b"signature", b"x")], BODY, PAIR).reason is Reason.MISSING_SIGNATURE


def test_missing_timestamp() -> None:
    assert verify(ARKY, arky(HEX, None), BODY, PAIR).reason is Reason.MISSING_TIMESTAMP
    # Arcade has none to miss
    assert verify(ARCADE, [(b"x-arcade-signature", BASE64)], BODY, PAIR).reason is Reason.OK


@pytest.mark.parametrize(
    "text",
    [
        b"abc",
        b"",
        b" ",
        b"1e9",
        b"1704067200.0",
        b"+1704067200",
        b"1_704_067_200",
        b"0x65920080",
        b"1704067200 1",
        b"--1",
        b"-1",
        b"-",
        b"1704067200\n",
        b"1704067200\x00",
        b"2024-01-01T00:00:00.000Z",
        b"1234567890123456789",
        b"9" * 5000,
        "１７０４０６７２００".encode(),
        "١٧٠٤٠٦٧٢٠٠".encode(),
        b"\xb2",
        b"\xff\xfe",
    ],
)
def test_malformed_timestamp(text: bytes) -> None:
    # signed over that very text: only the form is at fault
    verdict = verify(ARKY, arky(over(text.strip(b" \t")), text), BODY, PAIR, received_at_ms=AT_MS, tolerance_s=300)
    assert (verdict.valid, verdict.reason, verdict.age_s) == (False, Reason.MALFORMED_TIMESTAMP, None)


@pytest.mark.parametrize(
    ("text", "age_s"),
    [
        (b"1704067200", 0.0),
        (b"01704067200", 0.0),
        (b" 1704067200 ", 0.0),
        (b"0", 1_704_067_200.0),
        (b"1704067201", -1.0),
    ],
)
def test_the_time_is_signed_as_text_and_judged_as_a_number(text: bytes, age_s: float) -> None:
    signature = over(text.strip(b" \t"))
    verdict = verify(ARKY, arky(signature, text), BODY, PAIR, received_at_ms=AT_MS)
    assert (verdict.valid, verdict.reason, verdict.age_s) == (True, Reason.OK, age_s)
    # the same moment in other digits is another text
    assert verify(ARKY, arky(signature, b"00" + text.strip(b" ")), BODY, PAIR).valid is False


@pytest.mark.parametrize(
    "signature",
    [
        HEX.upper(),
        HEX[:-1] + HEX[-1:].upper() + b"F",
        b"sha256=" + HEX,
        b"v1=" + HEX,
        HEX[:-1],
        HEX + b"0",
        HEX + b"," + HEX,
        HEX[:-1] + b"g",
        b'"' + HEX + b'"',
        HEX + b"\n",
        HEX + b"\x00",
        HEX.decode().translate(str.maketrans("0123456789", "０１２３４５６７８９")).encode(),
        BASE64,
        b"",
        b"\xff" * 64,
    ],
)
def test_malformed_hex_signature(signature: bytes) -> None:
    verdict = verify(ARKY, arky(signature), BODY, PAIR, received_at_ms=AT_MS + 1500)
    assert (verdict.valid, verdict.reason, verdict.age_s) == (False, Reason.MALFORMED_SIGNATURE, 1.5)


RAW = b64decode(BASE64)


@pytest.mark.parametrize(
    "signature",
    [
        BASE64.rstrip(b"="),
        BASE64 + b"=",
        BASE64[:-2] + b"==",
        b"sha256=" + BASE64,
        BASE64 + b"\n",
        BASE64[:20] + b" " + BASE64[20:],
        BASE64[:20] + b"\r\n" + BASE64[20:],
        urlsafe_b64encode(b"\xfb\xff" + RAW[2:]),
        RAW.hex().encode(),
        RAW,
        b"",
        b"=" * 44,
    ],
)
def test_malformed_base64_signature(signature: bytes) -> None:
    verdict = verify(ARCADE, [(b"x-arcade-signature", signature)], BODY, PAIR)
    assert (verdict.valid, verdict.reason) == (False, Reason.MALFORMED_SIGNATURE)


def test_a_genuine_signature_in_the_url_safe_alphabet_is_refused() -> None:
    # one that has a character in which the alphabets differ
    body = next(body for index in range(100) if b"/" in signed(body := b"%d" % index))
    assert verify(ARCADE, [(b"x-arcade-signature", signed(body))], body, PAIR).valid
    other = signed(body).replace(b"/", b"_").replace(b"+", b"-")
    assert verify(ARCADE, [(b"x-arcade-signature", other)], body, PAIR).reason is Reason.MALFORMED_SIGNATURE


def signed(body: bytes) -> bytes:
    return sign(ARCADE, payload(body), PAIR).signatures[0][1].encode()


def test_base64_that_decodes_alike_but_is_written_otherwise_is_refused() -> None:
    # the last digit before the padding carries two bits that decoders ignore
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    at = alphabet.index(BASE64[-2:-1])
    twin = BASE64[:-2] + alphabet[at ^ 1 : (at ^ 1) + 1] + b"="
    assert b64decode(twin) == RAW
    assert verify(ARCADE, [(b"x-arcade-signature", twin)], BODY, PAIR).reason is Reason.MISMATCH


@each_provider
def test_mismatch(provider: Provider) -> None:
    assert verify(provider, genuine(provider), BODY + b" ", PAIR).reason is Reason.MISMATCH
    assert verify(provider, genuine(provider), BODY, OTHERS).reason is Reason.MISMATCH


@each_provider
def test_no_secret(provider: Provider) -> None:
    assert verify(provider, genuine(provider), BODY, None).reason is Reason.NO_SECRET


def test_what_is_wrong_with_the_headers_is_said_before_the_lack_of_a_secret() -> None:
    assert verify(ARKY, arky(b"x"), BODY, None).reason is Reason.MALFORMED_SIGNATURE
    assert verify(ARKY, arky(HEX, b"x"), BODY, None).reason is Reason.MALFORMED_TIMESTAMP
    assert verify(ARKY, arky(HEX, None), BODY, None).reason is Reason.MISSING_TIMESTAMP


@pytest.mark.parametrize(
    ("late_ms", "tolerance_s", "reason"),
    [
        (0, 0.0, Reason.OK),
        (1, 0.0, Reason.STALE),
        (-1, 0.0, Reason.FUTURE),
        (300_000, 300.0, Reason.OK),
        (300_001, 300.0, Reason.STALE),
        (-300_000, 300.0, Reason.OK),
        (-300_001, 300.0, Reason.FUTURE),
        (10**12, None, Reason.OK),
        (-(10**12), None, Reason.OK),
    ],
)
def test_the_tolerance_holds_either_way_and_its_bounds_are_within(
    late_ms: int, tolerance_s: float | None, reason: Reason
) -> None:
    verdict = verify(ARKY, arky(HEX), BODY, PAIR, received_at_ms=AT_MS + late_ms, tolerance_s=tolerance_s)
    assert (verdict.valid, verdict.reason, verdict.age_s) == (reason is Reason.OK, reason, late_ms / 1000)


def test_an_unknown_arrival_is_neither_stale_nor_early() -> None:
    verdict = verify(ARKY, arky(HEX), BODY, PAIR, tolerance_s=0)
    assert (verdict.valid, verdict.age_s) == (True, None)


def test_a_scheme_without_a_time_has_no_age() -> None:
    verdict = verify(ARCADE, genuine(ARCADE), BODY, PAIR, received_at_ms=10**15, tolerance_s=0)
    assert (verdict.valid, verdict.reason, verdict.age_s) == (True, Reason.OK, None)


def test_an_old_forgery_is_a_mismatch_not_stale() -> None:
    verdict = verify(ARKY, arky(HEX), BODY + b" ", PAIR, received_at_ms=AT_MS + 10**9, tolerance_s=1)
    assert (verdict.reason, verdict.age_s) == (Reason.MISMATCH, 10.0**6)


@each_provider
def test_of_a_repeated_signature_header_the_first_decides(provider: Provider) -> None:
    name = provider.signature.header.encode()
    good = genuine(provider)
    bad = [(name, b"0" * 64 if provider is ARKY else b"A" * 43 + b"=")]
    assert verify(provider, [*good, *bad], BODY, PAIR).reason is Reason.OK
    assert verify(provider, [*bad, *good], BODY, PAIR).reason is Reason.MISMATCH
    # another case is the same name
    assert verify(provider, [(name.upper(), b"x"), *good], BODY, PAIR).reason is Reason.MALFORMED_SIGNATURE
    assert verify(provider, [(name, b""), *good], BODY, PAIR).reason is Reason.MALFORMED_SIGNATURE


def test_of_a_repeated_timestamp_header_the_first_decides() -> None:
    good, other = (b"x-arky-timestamp", b"1704067200"), (b"x-arky-timestamp", b"1704067201")
    assert verify(ARKY, [(b"x-arky-signature", HEX), good, other], BODY, PAIR).reason is Reason.OK
    assert verify(ARKY, [(b"x-arky-signature", HEX), other, good], BODY, PAIR).reason is Reason.MISMATCH


MAIN, SECOND = b"x-arcade-signature", b"x-arcade-signature-2"


@pytest.mark.parametrize("header", [MAIN, SECOND])
@pytest.mark.parametrize("other", [None, b"", b"malformed", b"A" * 43 + b"="])
def test_a_match_of_either_header_with_either_secret_is_valid(header: bytes, other: bytes | None) -> None:
    for key, diagnosis in ((PAIR.current, None), (PAIR.previous, Diagnosis.PREVIOUS_SECRET)):
        assert key is not None
        lines = [(header, sign(ARCADE, payload(BODY), pair(key.value)).signatures[0][1].encode())]
        if other is not None:
            lines.append((SECOND if header == MAIN else MAIN, other))
        for headers in (lines, lines[::-1]):
            verdict = verify(ARCADE, headers, BODY, PAIR)
            assert (verdict.valid, verdict.reason, verdict.diagnosis) == (True, Reason.OK, diagnosis)


def test_neither_header_matching_is_a_mismatch() -> None:
    wrong = sign(ARCADE, payload(BODY), OTHERS).signatures[0][1].encode()
    assert verify(ARCADE, [(MAIN, wrong), (SECOND, wrong)], BODY, PAIR).reason is Reason.MISMATCH
    assert verify(ARCADE, [(MAIN, b"x"), (SECOND, wrong)], BODY, PAIR).reason is Reason.MISMATCH
    assert verify(ARCADE, [(MAIN, b"x"), (SECOND, b"y")], BODY, PAIR).reason is Reason.MALFORMED_SIGNATURE


def test_arky_has_no_second_header() -> None:
    headers = [(b"x-arky-signature-2", HEX), (b"x-arky-timestamp", b"1704067200")]
    assert verify(ARKY, headers, BODY, PAIR).reason is Reason.MISSING_SIGNATURE


@each_provider
def test_the_previous_secret_is_valid_and_named(provider: Provider) -> None:
    assert PAIR.previous is not None
    headers = wire(provider, sign(provider, payload(BODY), pair(PAIR.previous.value)))
    verdict = verify(provider, headers, BODY, PAIR)
    assert (verdict.valid, verdict.reason, verdict.diagnosis) == (True, Reason.OK, Diagnosis.PREVIOUS_SECRET)
    assert verify(provider, headers, BODY, pair(PAIR.current.value)).reason is Reason.MISMATCH


def test_with_both_signatures_the_current_secret_is_the_one_that_matched() -> None:
    assert PAIR.previous is not None
    old, new = (
        sign(ARCADE, payload(BODY), pair(key)).signatures[0][1] for key in (PAIR.previous.value, PAIR.current.value)
    )
    headers = [(MAIN, old.encode()), (SECOND, new.encode())]
    assert verify(ARCADE, headers, BODY, PAIR).diagnosis is None
