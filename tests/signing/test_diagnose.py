"""Whatever was done to a delivery is found out, alone or with one other thing, and a forgery is never explained."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from hookctl.catalogue import load_provider
from hookctl.model import Diagnosis, Reason, Verdict
from hookctl.payload.jsontext import JsonTextError, encode, parse
from hookctl.signing import compute_signature, verify
from hookctl.signing.diagnose import Outcome, diagnose
from tests.catalogue.folders import FIXTURES
from tests.payload.material import SAFE_INTEGERS, documents
from tests.signing.diagnosing import OTHER_KEY, TIME, Signed
from tests.signing.support import ARCADE, ARKY, AT_MS, PAIR, PROVIDERS, Lines, pair
from tests.signing.test_properties import flip, keys, lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookctl.model import Provider
    from hookctl.payload.jsontext import Json

EXAMPLES = FIXTURES.parent / "examples" / "providers"
STANDARD = load_provider(EXAMPLES / "standard-webhooks")

providers = st.sampled_from(PROVIDERS)
each_provider = pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
secrets = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+/", min_size=8, max_size=40).map(
    str.encode
)
payloads = st.fixed_dictionaries({"name": st.text(max_size=8).map("Zoë ".__add__), "data": documents(SAFE_INTEGERS)})


def dumped(value: Json, indent: int | None = None) -> bytes:
    return json.dumps(value, indent=indent).encode()


class BodyChange(NamedTuple):
    """Something that happens to bodies."""

    diagnosis: Diagnosis
    happens: Callable[[Json], tuple[bytes, bytes]]
    """The body that is signed and the one that arrives, for a payload."""


class KeyChange(NamedTuple):
    """Something that happens to secrets."""

    diagnosis: Diagnosis
    happens: Callable[[bytes], tuple[bytes, bytes]]
    """The signer's key and the receiver's, for a secret."""


BODY_CHANGES = {
    "compact to indented": BodyChange(Diagnosis.BODY_RESERIALISED, lambda value: (encode(value), dumped(value, 2))),
    "spaced to compact": BodyChange(Diagnosis.BODY_RESERIALISED, lambda value: (dumped(value), encode(value))),
    "compact to indented with a line end": BodyChange(
        Diagnosis.BODY_RESERIALISED, lambda value: (encode(value), dumped(value, 4) + b"\n")
    ),
    "indented to compact with a CRLF": BodyChange(
        Diagnosis.BODY_RESERIALISED, lambda value: (dumped(value, 2), encode(value) + b"\r\n")
    ),
    "a line end more": BodyChange(Diagnosis.TRAILING_NEWLINE, lambda value: (encode(value), encode(value) + b"\n")),
    "a CRLF more": BodyChange(Diagnosis.TRAILING_NEWLINE, lambda value: (dumped(value), dumped(value) + b"\r\n")),
    "a line end less": BodyChange(Diagnosis.TRAILING_NEWLINE, lambda value: (encode(value) + b"\n", encode(value))),
    "a CRLF less": BodyChange(Diagnosis.TRAILING_NEWLINE, lambda value: (encode(value) + b"\r\n", encode(value))),
    "LF to CRLF": BodyChange(
        Diagnosis.NEWLINE_CONVERTED, lambda value: (dumped(value, 2), dumped(value, 2).replace(b"\n", b"\r\n"))
    ),
    "CRLF to LF": BodyChange(
        Diagnosis.NEWLINE_CONVERTED, lambda value: (dumped(value, 2).replace(b"\n", b"\r\n"), dumped(value, 2))
    ),
    "LF to CRLF at the end alone": BodyChange(
        Diagnosis.NEWLINE_CONVERTED, lambda value: (encode(value) + b"\n", encode(value) + b"\r\n")
    ),
    "a mark more": BodyChange(
        Diagnosis.BOM_STRIPPED, lambda value: (encode(value), encode(value).decode().encode("utf-8-sig"))
    ),
    "a mark less": BodyChange(
        Diagnosis.BOM_STRIPPED, lambda value: (encode(value).decode().encode("utf-8-sig"), encode(value))
    ),
    "UTF-8 read as Latin-1": BodyChange(
        Diagnosis.LOSSY_UTF8, lambda value: (encode(value), encode(value).decode("latin-1").encode())
    ),
    "decoded before it was signed": BodyChange(
        Diagnosis.LOSSY_UTF8, lambda value: (encode(value) + "\ufffd".encode(), encode(value) + b"\xff")
    ),
}
KEY_CHANGES = {
    "a line end more": KeyChange(Diagnosis.SECRET_TRIMMED, lambda key: (key + b"\n", key)),
    "a line end less": KeyChange(Diagnosis.SECRET_TRIMMED, lambda key: (key, key + b"\r\n")),
    "quoted": KeyChange(Diagnosis.SECRET_TRIMMED, lambda key: (key, b' "%s"\n' % key)),
    "without whsec_": KeyChange(Diagnosis.SECRET_UNPREFIXED, lambda key: (key, b"whsec_" + key)),
    "with whsec_": KeyChange(Diagnosis.SECRET_UNPREFIXED, lambda key: (b"whsec_" + key, key)),
    "decoded": KeyChange(Diagnosis.SECRET_BASE64_DECODED, lambda key: (key, b64encode(key))),
    "decoded, after whsec_": KeyChange(Diagnosis.SECRET_BASE64_DECODED, lambda key: (key, b"whsec_" + b64encode(key))),
    "encoded": KeyChange(Diagnosis.SECRET_BASE64_DECODED, lambda key: (b64encode(key), key)),
    "empty": KeyChange(Diagnosis.SECRET_EMPTY, lambda key: (b"", key)),
    "the other's": KeyChange(Diagnosis.OTHER_PROVIDER, lambda key: (OTHER_KEY, key)),
}
# what was signed as the time, and what the header says
TIME_CHANGES = {
    "the body alone": (Diagnosis.TIMESTAMP_NOT_SIGNED, None, TIME),
    "undefined": (Diagnosis.TIMESTAMP_NOT_SIGNED, b"undefined", TIME),
    "nothing": (Diagnosis.TIMESTAMP_NOT_SIGNED, b"", TIME),
    "undefined, and no header": (Diagnosis.TIMESTAMP_NOT_SIGNED, b"undefined", None),
    "the body alone, and no header": (Diagnosis.TIMESTAMP_NOT_SIGNED, None, None),
    "milliseconds were signed": (Diagnosis.TIMESTAMP_IN_MS, TIME + b"000", TIME),
    "milliseconds are in the header": (Diagnosis.TIMESTAMP_IN_MS, TIME, TIME + b"123"),
}
each_body_change = pytest.mark.parametrize("change", BODY_CHANGES.values(), ids=BODY_CHANGES)
each_key_change = pytest.mark.parametrize("change", KEY_CHANGES.values(), ids=KEY_CHANGES)
each_time_change = pytest.mark.parametrize("change", TIME_CHANGES.values(), ids=TIME_CHANGES)


@each_body_change
@settings(max_examples=15)
@given(provider=providers, payload=payloads, key=secrets)
def test_a_change_of_the_body_is_found_and_undone(
    change: BodyChange, provider: Provider, payload: Json, key: bytes
) -> None:
    signed, captured = change.happens(payload)
    assert Signed(provider, captured, signed, key).found(key) == (change.diagnosis, None, signed)


@each_key_change
@settings(max_examples=15)
@given(provider=providers, body=st.binary(max_size=60), secret=secrets)
def test_a_change_of_the_secret_is_found(change: KeyChange, provider: Provider, body: bytes, secret: bytes) -> None:
    signer, receiver = change.happens(secret)
    assert Signed(provider, body, key=signer).found(receiver) == (change.diagnosis, None, None)


@each_time_change
@settings(max_examples=15)
@given(body=st.binary(max_size=60), key=secrets)
def test_a_change_of_the_time_is_found(
    change: tuple[Diagnosis, bytes | None, bytes | None], body: bytes, key: bytes
) -> None:
    diagnosis, signed, sent = change
    assert Signed(ARKY, body, key=key, content_time=signed, time=sent).found(key) == (diagnosis, None, None)


@each_body_change
@each_provider
def test_a_change_of_the_body_and_one_of_the_secret_are_found_together(provider: Provider, change: BodyChange) -> None:
    signed, captured = change.happens({"name": "Zoë", "list": [1, {}, "x"]})
    for other in KEY_CHANGES.values():
        signer, receiver = other.happens(b"c2VjcmV0IHNlY3JldA")
        assert Signed(provider, captured, signed, signer).found(receiver) == (change.diagnosis, other.diagnosis, signed)


@each_body_change
def test_a_change_of_the_body_and_one_of_the_time_are_found_together(change: BodyChange) -> None:
    signed, captured = change.happens({"name": "Zoë", "list": [1, {}, "x"]})
    for diagnosis, content_time, time in TIME_CHANGES.values():
        delivery = Signed(ARKY, captured, signed, content_time=content_time, time=time)
        assert delivery.found() == (change.diagnosis, diagnosis, signed), (content_time, time)


@each_key_change
def test_a_change_of_the_time_and_one_of_the_secret_are_found_together(change: KeyChange) -> None:
    signer, receiver = change.happens(b"c2VjcmV0IHNlY3JldA")
    for diagnosis, content_time, time in TIME_CHANGES.values():
        delivery = Signed(ARKY, b"{}", key=signer, content_time=content_time, time=time)
        assert delivery.found(receiver) == (diagnosis, change.diagnosis, None), (content_time, time)


@each_body_change
def test_a_change_of_the_body_and_a_prefix_are_found_together(change: BodyChange) -> None:
    signed, captured = change.happens({"name": "Zoë", "list": [1, {}, "x"]})
    for provider in PROVIDERS:
        found = Signed(provider, captured, signed, wrap=b"sha256=%s").found()
        assert found == (change.diagnosis, Diagnosis.SIGNATURE_PREFIXED, signed)


@settings(max_examples=60)
@given(providers, st.binary(max_size=60), st.sampled_from([b"\n", b"\r\n"]))
@example(ARKY, b"", b"\n")
@example(ARKY, b"\r", b"\n")
@example(ARCADE, b"\xef\xbb\xbf", b"\r\n")
def test_of_any_bytes_an_added_line_end_is_found(provider: Provider, body: bytes, end: bytes) -> None:
    assert Signed(provider, body + end, body).found() == (Diagnosis.TRAILING_NEWLINE, None, body)


@settings(max_examples=60)
@given(providers, st.lists(st.binary(max_size=9), min_size=2, max_size=5), st.permutations([b"\n", b"\r\n"]))
@example(ARKY, [b"", b""], [b"\n", b"\r\n"])
@example(ARKY, [b"", b""], [b"\r\n", b"\n"])
def test_of_any_bytes_converted_line_ends_are_found(provider: Provider, chunks: list[bytes], ends: list[bytes]) -> None:
    pieces = [chunk.translate(None, b"\r\n") for chunk in chunks]
    signed, captured = (end.join(pieces) for end in ends)
    assert Signed(provider, captured, signed).found() == (Diagnosis.NEWLINE_CONVERTED, None, signed)


@settings(max_examples=60)
@given(providers, st.binary(max_size=60), st.sampled_from(["latin-1", "cp1252"]))
@example(ARKY, b"\x80", "cp1252")
def test_of_any_bytes_that_were_read_as_another_encoding_the_signed_ones_come_back(
    provider: Provider, body: bytes, encoding: str
) -> None:
    try:
        captured = body.decode(encoding).encode()
    except UnicodeDecodeError:
        assume(False)
    assume(captured != body)
    assert Signed(provider, captured, body).found() == (Diagnosis.LOSSY_UTF8, None, body)


@settings(max_examples=60)
@given(
    providers,
    st.lists(st.text(max_size=9).filter(lambda text: "\ufffd" not in text), min_size=2, max_size=4),
    st.integers(0x80, 0xFF),
)
def test_the_one_byte_that_a_decoder_replaced_is_found(provider: Provider, texts: list[str], byte: int) -> None:
    signed = bytes([byte]).join(text.encode() for text in texts)
    captured = signed.decode("utf-8", "replace").encode()
    # two bytes may make a character after all
    assume(captured.count("\ufffd".encode()) == len(texts) - 1)
    assert Signed(provider, captured, signed).found() == (Diagnosis.LOSSY_UTF8, None, signed)


def same_json(one: bytes, other: bytes) -> bool:
    try:
        return parse(one.decode()) == parse(other.decode())
    except (JsonTextError, UnicodeDecodeError):
        return False


@settings(max_examples=40)
@given(providers, payloads.map(encode) | st.binary(min_size=1, max_size=60), keys, st.data())
def test_a_body_with_one_bit_flipped_is_never_explained(
    provider: Provider, body: bytes, key: bytes, data: st.DataObject
) -> None:
    forged = flip(body, data.draw(st.integers(0, len(body) * 8 - 1)))
    # \ud800 and \uD800 are one bit apart and the same value
    assume(not same_json(body, forged))
    assert Signed(provider, forged, body, key).outcome(key).explanation is None


@each_provider
def test_no_flipped_bit_of_a_payload_is_explained(provider: Provider) -> None:
    body = '{"id":"evt_1","name":"Zoë","total":5999}'.encode()
    for bit in range(len(body) * 8):
        assert Signed(provider, flip(body, bit), body).outcome() == Outcome(None, exhausted=True), bit


@settings(max_examples=40)
@given(st.binary(max_size=40), st.integers(0, 10**10 - 1).map(lambda number: b"%010d" % number))
@example(b"{}", b"1704067201")
@example(b"{}", b"0000000000")
def test_a_delivery_with_another_time_is_never_explained(body: bytes, time: bytes) -> None:
    assume(time != TIME)
    assert Signed(ARKY, body, time=time).outcome() == Outcome(None, exhausted=True)


@settings(max_examples=40)
@given(providers, st.binary(max_size=40), keys, keys)
def test_a_delivery_that_another_key_signed_is_never_explained(
    provider: Provider, body: bytes, key: bytes, other: bytes
) -> None:
    # HMAC fills a key up with NULs; and a key in base64, quotes or with white space beside it is told
    mine, theirs = (one.strip(b"\0 \t\r\n\"'") for one in (key, other))
    assume(mine and theirs and min(len(mine), len(theirs)) > 3 and mine not in theirs and theirs not in mine)
    assume(b64encode(mine) != theirs and b64encode(theirs) != mine)
    assert Signed(provider, body, key=other).outcome(key).explanation is None


@settings(max_examples=60)
@given(
    providers,
    lines,
    st.binary(max_size=60) | payloads.map(encode),
    keys,
    st.sampled_from(Reason),
    st.none() | st.floats(),
)
def test_whatever_arrives_it_neither_raises_nor_explains(
    provider: Provider, headers: Lines, body: bytes, key: bytes, reason: Reason, tolerance_s: float | None
) -> None:
    verdict = verify(provider, headers, body, pair(key), received_at_ms=AT_MS)
    assert not verdict.valid
    others = [(other, pair(OTHER_KEY)) for other in PROVIDERS]
    for one in (verdict, Verdict(valid=False, reason=reason, age_s=1.0)):
        outcome = diagnose(provider, tuple(headers), body, pair(key), one, others=others, tolerance_s=tolerance_s)
        # a time in milliseconds needs no signature: the verdict says that it matched
        assert outcome.explanation is None or reason is Reason.FUTURE


@pytest.mark.parametrize(
    ("signed", "captured", "diagnosis"),
    [
        (b"x", b"x\n", Diagnosis.TRAILING_NEWLINE),
        (b'{"a":1}', b'{"a":1}\n', Diagnosis.TRAILING_NEWLINE),
        (b'{"a":1}\n', b'{"a":1}', Diagnosis.TRAILING_NEWLINE),
        (b'{"a":1}\n', b'{"a":1}\r\n', Diagnosis.NEWLINE_CONVERTED),
        (b'{"a":1}', b'{\n  "a": 1\n}\n', Diagnosis.BODY_RESERIALISED),
        (b'{"a":1}', b'{\r\n  "a": 1\r\n}\r\n', Diagnosis.BODY_RESERIALISED),
        (b'{\n  "a": 1\n}', b'{\r\n  "a": 1\r\n}', Diagnosis.NEWLINE_CONVERTED),
        (b'{"a":1}', b'{"a":1.0}', Diagnosis.BODY_RESERIALISED),
        (b'{"a":1.0}', b'{"a":1}', None),
        (b'{"a":"\xc3\xab"}', b'{"a":"\\u00eb"}', Diagnosis.BODY_RESERIALISED),
    ],
)
def test_of_two_that_are_true_the_simpler_is_told(signed: bytes, captured: bytes, diagnosis: Diagnosis | None) -> None:
    for provider in PROVIDERS:
        explanation = Signed(provider, captured, signed).outcome().explanation
        assert (None if explanation is None else (explanation.diagnosis, explanation.second)) == (
            None if diagnosis is None else (diagnosis, None)
        )


def test_a_change_is_found_with_the_previous_secret_too() -> None:
    secrets = pair(b"the new one", b"the one before")
    explanation = Signed(ARKY, b"{}\n", b"{}", b"the one before").explanation(secrets)
    assert (explanation.diagnosis, explanation.signed_body) == (Diagnosis.TRAILING_NEWLINE, b"{}")


@pytest.mark.parametrize("rest", [b"001", b"500", b"999"])
def test_any_millisecond_of_the_second_is_found_with_either_secret(rest: bytes) -> None:
    body = dumped({"name": "Zoë", "list": [1, {}, "x"]}, 2)
    for key in (PAIR.current.value, b"the previous secret"):
        explanation = Signed(ARKY, body, key=key, content_time=TIME + rest).explanation(PAIR)
        assert (explanation.diagnosis, explanation.second) == (Diagnosis.TIMESTAMP_IN_MS, None)
        assert (TIME + rest).decode() in explanation.happened


def test_a_signed_time_in_milliseconds_is_told_where_it_is_fresh_when_read_so() -> None:
    ms = TIME + b"789"
    delivery = Signed(ARKY, b"{}", content_time=ms, time=ms)
    verdict = verify(ARKY, delivery.headers(), b"{}", pair(b"the secret"), received_at_ms=AT_MS, tolerance_s=300)
    assert verdict.reason is Reason.FUTURE
    assert delivery.explanation(tolerance_s=300).diagnosis is Diagnosis.TIMESTAMP_IN_MS


@pytest.mark.parametrize("time", [b"1704067601", b"1704067800123", b"9999999999999"])
def test_a_future_that_is_none_in_milliseconds_either_is_not_told_as_such(time: bytes) -> None:
    delivery = Signed(ARKY, b"{}", content_time=time, time=time)
    assert delivery.outcome(tolerance_s=300) == Outcome(None, exhausted=True)


def test_a_late_delivery_is_late_and_nothing_else() -> None:
    # the same scheme and secret under another name: its signature matches there too
    time = b"1704000000"
    delivery = Signed(ARKY, b"{}", content_time=time, time=time)
    secret = pair(b"the secret")
    verdict = verify(ARKY, delivery.headers(), b"{}", secret, received_at_ms=AT_MS, tolerance_s=300)
    assert verdict.reason is Reason.STALE
    headers = tuple(delivery.headers())
    outcome = diagnose(ARKY, headers, b"{}", secret, verdict, others=[(ARKY, secret)], tolerance_s=300)
    assert outcome == Outcome(None, exhausted=True)


@pytest.mark.parametrize("time", [b"", b"abc", b"-1704067200", b"1704067200.0", "１７０４０６７２００".encode()])
def test_a_time_that_is_none_is_a_reason_of_its_own(time: bytes) -> None:
    delivery = Signed(ARKY, b"{}", content_time=time, time=time)
    verdict = verify(ARKY, delivery.headers(), b"{}", pair(b"the secret"))
    assert verdict.reason is Reason.MALFORMED_TIMESTAMP
    assert delivery.outcome() == Outcome(None, exhausted=True)


def test_of_a_repeated_signature_the_first_is_diagnosed() -> None:
    bad, good = Signed(ARKY, b"{}\n", b"{}"), Signed(ARKY, b"{}\n")
    secret = pair(b"the secret")
    headers = [*bad.headers(), *good.headers()]
    verdict = verify(ARKY, headers, b"{}\n", secret)
    assert (verdict.reason, verdict.repeated) == (Reason.MISMATCH, ("x-arky-signature", "x-arky-timestamp"))
    explanation = diagnose(ARKY, tuple(headers), b"{}\n", secret, verdict).explanation
    assert explanation is not None
    assert explanation.diagnosis is Diagnosis.TRAILING_NEWLINE
    turned = verify(ARKY, [*good.headers(), *bad.headers()], b"{}\n", secret)
    assert (turned.valid, turned.repeated) == (True, ("x-arky-signature", "x-arky-timestamp"))


@pytest.mark.parametrize("name", [b"x-arcade-signature", b"X-Arcade-Signature-2"])
def test_either_header_of_two_is_diagnosed(name: bytes) -> None:
    ((_, signature),) = Signed(ARCADE, b"{}\n", b"{}").headers()
    headers = [(b"x-arcade-signature", b"A" * 43 + b"="), (b"x-arcade-signature-2", b"A" * 43 + b"=")]
    headers = [(known, signature if known == name.lower() else value) for known, value in headers]
    secret = pair(b"the secret")
    verdict = verify(ARCADE, headers, b"{}\n", secret)
    assert (verdict.reason, verdict.repeated) == (Reason.MISMATCH, ())
    explanation = diagnose(ARCADE, tuple(headers), b"{}\n", secret, verdict).explanation
    assert explanation is not None
    assert explanation.diagnosis is Diagnosis.TRAILING_NEWLINE


def test_a_missing_signature_is_explained_only_by_another_provider() -> None:
    headers = tuple(Signed(ARCADE, b"{}").headers())
    verdict = verify(ARKY, headers, b"{}", PAIR)
    assert verdict.reason is Reason.MISSING_SIGNATURE
    assert diagnose(ARKY, headers, b"{}", PAIR, verdict) == Outcome(None, exhausted=True)
    others = [(ARCADE, pair(b"the secret"))]
    explanation = diagnose(ARKY, headers, b"{}", PAIR, verdict, others=others).explanation
    assert explanation is not None
    assert (explanation.diagnosis, explanation.signed_body) == (Diagnosis.OTHER_PROVIDER, None)


def standard(key: bytes, content: bytes) -> Lines:
    """Return the headers of the open specification, which has an id, a time and a key in base64."""
    signature = compute_signature(STANDARD.signature, key, content)
    return [
        (b"webhook-id", b"msg_1"),
        (b"webhook-timestamp", TIME),
        (b"webhook-signature", f"v1,{signature}".encode()),
    ]


@pytest.mark.parametrize(
    ("key", "content", "expected"),
    [
        (b"the key", b"{}", (Diagnosis.TIMESTAMP_NOT_SIGNED, None)),
        (b"the key", b"msg_1.{}", (Diagnosis.TIMESTAMP_NOT_SIGNED, None)),
        (b"the key", b"msg_1.undefined.{}", (Diagnosis.TIMESTAMP_NOT_SIGNED, None)),
        (b"the key", b"msg_1.1704067200000.{}", (Diagnosis.TIMESTAMP_IN_MS, None)),
        (b"dGhlIGtleQ==", b"msg_1.1704067200.{}", (Diagnosis.SECRET_BASE64_DECODED, None)),
        (b"whsec_dGhlIGtleQ==", b"msg_1.1704067200.{}", (Diagnosis.SECRET_BASE64_DECODED, None)),
        (
            b"whsec_dGhlIGtleQ==",
            b"msg_1.1704067200.{}\n",
            (Diagnosis.TRAILING_NEWLINE, Diagnosis.SECRET_BASE64_DECODED),
        ),
        (b"", b"msg_1.1704067200.{}", (Diagnosis.SECRET_EMPTY, None)),
    ],
)
def test_a_scheme_with_an_id_and_a_key_in_base64_is_diagnosed_alike(
    key: bytes, content: bytes, expected: tuple[Diagnosis, Diagnosis | None]
) -> None:
    headers = standard(key, content)
    secret = pair(b"the key")
    verdict = verify(STANDARD, headers, b"{}", secret)
    assert verdict.reason is Reason.MISMATCH
    explanation = diagnose(STANDARD, tuple(headers), b"{}", secret, verdict).explanation
    assert explanation is not None
    assert (explanation.diagnosis, explanation.second) == expected


def test_a_signature_of_nothing_explains_nothing() -> None:
    # no piece stands between the time and the body
    spec = replace(ARKY.signature, content=("{timestamp}", "{body}"))
    provider = replace(ARKY, signature=spec)
    headers = tuple(Signed(ARKY, b"", content_time=None).headers())
    verdict = verify(provider, headers, b'{"forged":true}', pair(b"the secret"))
    outcome = diagnose(provider, headers, b'{"forged":true}', pair(b"the secret"), verdict)
    assert outcome == Outcome(None, exhausted=True)
