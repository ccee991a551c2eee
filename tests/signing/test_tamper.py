"""Bad deliveries: exactly the named thing is bad, and the genuine secrets verify none of them."""

from __future__ import annotations

import contextlib
import json
import re
import time
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from hookctl.errors import ExitCode, InputError, UsageError
from hookctl.model import Encoding, Reason, Rotation, Tamper
from hookctl.signing import require_support, sign, tampered, verify
from hookctl.signing.tamper import change_first_digit, change_one_character
from tests.signing.support import ARCADE, ARKY, AT_MS, PAIR, PROVIDERS, pair, payload, wire

if TYPE_CHECKING:
    from hookctl.model import Provider

BODY = b'{"key":"value","n":1}'
OTHER = b"another key altogether"

# quotes, colons, escapes and braces: whatever could be taken for JSON's own
nasty = st.text(st.sampled_from('"\\:{}[],/ aZ09\n\t\u0000é日🦊\u2028')) | st.text()
documents = st.dictionaries(
    nasty,
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | nasty,
        lambda children: st.lists(children, max_size=4) | st.dictionaries(nasty, children, max_size=4),
        max_leaves=12,
    ),
    max_size=5,
)
written = st.sampled_from(
    [
        {"separators": (",", ":"), "ensure_ascii": False},
        {"separators": (",", ":"), "ensure_ascii": True},
        {"indent": 2, "ensure_ascii": False},
        {"separators": (" ,\n", " \t:\r\n"), "ensure_ascii": True},
    ]
)

CASES = [
    pytest.param(provider, kind, rotation, id=f"{provider.name}-{kind}-{rotation or 'none'}")
    for provider in PROVIDERS
    for kind in Tamper
    for rotation in (None, *Rotation)
    if (kind is not Tamper.TIMESTAMP or provider.timestamp is not None)
    if (rotation is None or provider.signature.rotation_header is not None)
]


@pytest.mark.parametrize(("provider", "kind", "rotation"), CASES)
def test_exactly_the_named_thing_changes(provider: Provider, kind: Tamper, rotation: Rotation | None) -> None:
    good = sign(provider, payload(BODY), PAIR, rotation)
    body, bad = tampered(provider, payload(BODY), PAIR, kind, other_key=OTHER, rotation=rotation)
    assert (body != BODY) == (kind is Tamper.BODY)
    assert (bad.timestamp != good.timestamp) == (kind is Tamper.TIMESTAMP)
    if kind in {Tamper.BODY, Tamper.TIMESTAMP}:
        assert bad.signatures == good.signatures
    elif kind is Tamper.MISSING:
        assert bad.signatures == ()
    else:
        assert [name for name, _ in bad.signatures] == [name for name, _ in good.signatures]
        for (_, before), (_, after) in zip(good.signatures, bad.signatures, strict=True):
            assert before != after
            assert len(before) == len(after)


@pytest.mark.parametrize(("provider", "kind", "rotation"), CASES)
def test_the_genuine_secrets_verify_none_of_them(provider: Provider, kind: Tamper, rotation: Rotation | None) -> None:
    body, bad = tampered(provider, payload(BODY), PAIR, kind, other_key=OTHER, rotation=rotation)
    # still fresh: what refuses it is the signature
    verdict = verify(provider, wire(provider, bad), body, PAIR, received_at_ms=AT_MS, tolerance_s=300)
    expected = Reason.MISSING_SIGNATURE if kind is Tamper.MISSING else Reason.MISMATCH
    assert (verdict.valid, verdict.reason) == (False, expected)


def test_another_secret_signs_correctly_for_its_owner() -> None:
    for provider in PROVIDERS:
        body, bad = tampered(provider, payload(BODY), PAIR, Tamper.SECRET, other_key=OTHER)
        assert verify(provider, wire(provider, bad), body, pair(OTHER)).valid


def test_the_timestamp_is_one_second_on() -> None:
    _, bad = tampered(ARKY, payload(BODY), PAIR, Tamper.TIMESTAMP, other_key=OTHER)
    assert bad.timestamp == str(AT_MS // 1000 + 1)


def test_arcade_signs_no_timestamp_to_tamper_with() -> None:
    for call in (
        lambda: require_support(ARCADE, Tamper.TIMESTAMP),
        lambda: tampered(ARCADE, payload(BODY), PAIR, Tamper.TIMESTAMP, other_key=OTHER),
    ):
        with pytest.raises(UsageError, match="Arcade signs no timestamp") as caught:
            call()
        assert caught.value.exit_code is ExitCode.USAGE


FORMS = {Encoding.HEX: re.compile(r"[0-9a-f]{64}"), Encoding.BASE64: re.compile(r"[A-Za-z0-9+/]{43}=")}


@given(st.sampled_from(PROVIDERS), st.binary(max_size=40), st.binary(min_size=1, max_size=40))
def test_a_tampered_signature_is_well_formed_and_another_value(provider: Provider, body: bytes, key: bytes) -> None:
    good = sign(provider, payload(body), pair(key)).signatures[0][1]
    _, signing = tampered(provider, payload(body), pair(key), Tamper.SIGNATURE, other_key=OTHER)
    bad = signing.signatures[0][1]
    assert FORMS[provider.signature.encoding].fullmatch(bad)
    assert sum(before != after for before, after in zip(good, bad, strict=True)) == 1
    decode = bytes.fromhex if provider.signature.encoding is Encoding.HEX else b64decode
    assert decode(good) != decode(bad)
    assert not verify(provider, wire(provider, signing), body, pair(key)).valid


@pytest.mark.parametrize("first", "0123456789abcdef+/ABXYZz")
def test_whatever_the_first_digit_is_it_becomes_another(first: str) -> None:
    changed = change_first_digit(first + "rest")
    assert changed[0] in "01"
    assert changed[0] != first
    assert changed[1:] == "rest"


def strings_of(value: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Return every string value, depth first; keys are none."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for member in value.values() for text in strings_of(member)]
    if isinstance(value, list):
        return [text for member in value for text in strings_of(member)]
    return []


def skeleton(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return the value with every string value made the same."""
    if isinstance(value, str):
        return "string"
    if isinstance(value, dict):
        return {key: skeleton(member) for key, member in value.items()}
    if isinstance(value, list):
        return [skeleton(member) for member in value]
    return value


@given(documents, written)
@example({'a"b': "c", "d": "e:f"}, {})
@example({"\\": "\\", "x\\": "a"}, {})
@example({"a": '\\"b":"c'}, {})
@example({"longest of all": {"}": '{":"}'}}, {})
@example({"u": "\\u0041é", "t": "\t\n"}, {"ensure_ascii": True})
def test_a_tampered_body_differs_in_one_character_of_one_string_value(
    document: dict[str, Any], how: dict[str, Any]
) -> None:
    before = json.dumps(document, **how).encode("utf-8", "surrogatepass")
    try:
        after = change_one_character(before)
    except InputError:
        # nothing to change: no string value has a plain ASCII letter or digit that is not part of an escape
        texts = [json.dumps(text, ensure_ascii=how.get("ensure_ascii", True))[1:-1] for text in strings_of(document)]
        assert not any(re.search(r"[A-Za-z0-9]", re.sub(r"\\(u[0-9a-f]{4}|.)", "", text)) for text in texts)
        return
    assert len(after) == len(before)
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 1
    changed = json.loads(after.decode("utf-8", "surrogatepass"))
    assert skeleton(changed) == skeleton(document)
    pairs = [(a, b) for a, b in zip(strings_of(document), strings_of(changed), strict=True) if a != b]
    assert len(pairs) == 1
    ((old, new),) = pairs
    assert len(old) == len(new)
    assert sum(a != b for a, b in zip(old, new, strict=True)) == 1


@given(documents)
def test_a_body_with_any_letter_in_a_value_can_be_tampered_with(document: dict[str, Any]) -> None:
    assume(any(re.search(r"[A-Za-z0-9]", text) for text in strings_of(document)))
    body = json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")
    for provider in PROVIDERS:
        changed, signing = tampered(provider, payload(body), PAIR, Tamper.BODY, other_key=OTHER)
        assert not verify(provider, wire(provider, signing), changed, PAIR).valid


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'{"key":"value"}', b'{"key":"valux"}'),
        (b'{"key":"valux"}', b'{"key":"valuy"}'),
        (b'{"a":"short","b":"the longest"}', b'{"a":"short","b":"the longesx"}'),
        (b'{"a" : "b" , "longer key than value" : 1}', b'{"a" : "x" , "longer key than value" : 1}'),
        (b'{"a":"\\u0041\\n","b":"z"}', b'{"a":"\\u0041\\n","b":"x"}'),
        (b'["a\\\\n"]', b'["a\\\\x"]'),
        (b'"text"', b'"texx"'),
    ],
)
def test_which_character_changes(before: bytes, after: bytes) -> None:
    assert change_one_character(before) == after


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b'{"key":1}', b'{"a":"","b":"\\n\\u0041"}', '{"a":"é日"}'.encode(), b"\xff\x00", b'{"a', b'"a\\'],
)
def test_a_body_without_such_a_character_cannot_be_tampered_with(body: bytes) -> None:
    with pytest.raises(InputError, match="no string value") as caught:
        change_one_character(body)
    assert caught.value.exit_code is ExitCode.INPUT


@pytest.mark.parametrize("body", [b'"' + b'\\"' * 100_000, b'"' * 200_001, b"\\" * 200_000, b'"a' * 100_001])
def test_a_large_body_that_is_not_json_takes_no_longer(body: bytes) -> None:
    started_s = time.monotonic()
    with contextlib.suppress(InputError):
        assert len(change_one_character(body)) == len(body)
    # linear: tens of milliseconds; a search that starts again at every quote takes minutes
    assert time.monotonic() - started_s < 10
