"""JSON text goes in and out with nothing lost, and comes out as JSON.stringify writes it."""

from __future__ import annotations

import json
import re
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hookctl.payload.jsontext import Json, JsonTextError, Number, encode, parse
from tests.payload.material import ANY_TEXT, NUMBER_TEXTS, NUMBERS, SAFE_INTEGERS, documents, stringified


def round_trip(text: str) -> str:
    return encode(parse(text)).decode()


@settings(max_examples=200, deadline=None)
@given(documents(NUMBERS))
def test_any_value_survives_encoding_and_parsing_exactly(value: Json) -> None:
    data = encode(value)
    again = parse(data.decode())
    assert again == value
    # equal dicts may differ in order, and True equals 1: the bytes do not lie
    assert encode(again) == data


@settings(max_examples=300, deadline=None)
@given(documents(SAFE_INTEGERS))
def test_pythons_own_decoder_reads_the_same_value(value: Json) -> None:
    assert json.loads(encode(value)) == value


def test_output_is_what_json_stringify_writes() -> None:
    texts: list[str] = []
    # an object's integer-like keys move to the front in JavaScript
    names = ANY_TEXT.filter(lambda name: not re.fullmatch(r"[0-9]+", name))

    @settings(
        max_examples=300, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.nested_given]
    )
    @given(documents(SAFE_INTEGERS, names))
    def collect(value: Json) -> None:
        texts.append(encode(value).decode())

    collect()
    # each character that JSON escapes or might, alone and before another
    characters = [*map(chr, range(0x180)), *"\u2028\u2029\ufeff\ufffe\uffff\U0001f600\ud800\udbff\udc00\udfff"]
    texts += [encode([character, f"{character}a"]).decode() for character in characters]
    assert len(texts) > 600
    for ours, theirs in zip(texts, stringified(texts), strict=True):
        assert ours == theirs


@settings(max_examples=200, deadline=None)
@given(NUMBER_TEXTS)
def test_a_number_stays_as_it_was_written(text: str) -> None:
    assert round_trip(f'{{"n": {text}}}') == f'{{"n":{text}}}'


@pytest.mark.parametrize(
    "text",
    [
        "12345678901234567890",
        "1e400",
        "-1E+400",
        "1.0",
        "100e-2",
        "-0",
        "-0.0",
        "0.1000000000000000055511151231257827",
        "9" * 1000,
        "9" * 1001,
        "-" + "9" * 5000,
        "1e" + "9" * 5000,
    ],
)
def test_numbers_that_floats_and_ints_would_change_stay(text: str) -> None:
    assert round_trip(text) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ('"\\u00e9\\/\\ud83d\\ude00"', '"é/😀"'),
        ('"\\ud83d"', '"\\ud83d"'),
        ('"\\ude00\\ud83d"', '"\\ude00\\ud83d"'),
        ('"\\u0000\\u001F\\u007f\\b\\f\\n\\r\\t\\"\\\\"', '"\\u0000\\u001f\x7f\\b\\f\\n\\r\\t\\"\\\\"'),
        (' { "b" : [ ] ,\n"a" : { } , "\\ud800" : null }\r\n\t', '{"b":[],"a":{},"\\ud800":null}'),
        ("[true,false,null,[[]]]", "[true,false,null,[[]]]"),
        ('""', '""'),
    ],
)
def test_text_is_written_compact_in_its_order_with_only_the_escapes_that_are_needed(text: str, written: str) -> None:
    assert round_trip(text) == written


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a":1,"a":1}', "the key 'a' is there twice"),
        ('[{"x":{"é":1,"b":2,"\\u00e9":3}}]', "the key 'é' is there twice"),
        ("NaN", "NaN is not JSON"),
        ("[Infinity]", "Infinity is not JSON"),
        ('{"a":-Infinity}', "-Infinity is not JSON"),
        ("", "Expecting value at column 1"),
        ("{,}", "Expecting property name enclosed in double quotes at column 2"),
        ("[1]]", "Extra data at column 4"),
        ('{\n"a": tru}', "Expecting value at line 2 column 6"),
        ('"a\nb"', "Invalid control character at at line 1 column 3"),
        ('"\\x"', "Invalid \\escape at column 2"),
        ("'a'", "Expecting value at column 1"),
        ("\ufeff{}", "Expecting value at column 1"),
        ("\xa01", "Expecting value at column 1"),
        ("01", "Extra data at column 2"),
        ("+1", "Expecting value at column 1"),
        (".5", "Expecting value at column 1"),
        ("1.", "Extra data at column 2"),
        ("0x10", "Extra data at column 2"),
        ("１", "Expecting value at column 1"),
        ("1２", "Extra data at column 2"),
    ],
)
def test_what_is_not_json_is_refused_with_the_reason_and_the_place(text: str, problem: str) -> None:
    with pytest.raises(JsonTextError) as caught:
        parse(text)
    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
@pytest.mark.parametrize("closed", [True, False])
def test_a_bomb_of_brackets_is_refused_in_words(opening: str, closed: bool) -> None:
    closing = opening.replace('"a":', "").translate(str.maketrans("[{", "]}"))[::-1]
    text = opening * 100_000 + "1" + (closing * 100_000 if closed else "")
    with pytest.raises(JsonTextError, match="nested more than 200 deep"):
        parse(text)


def test_two_hundred_levels_are_kept_and_one_more_is_not() -> None:
    deep = "[" * 200 + "1" + "]" * 200
    assert round_trip(deep) == deep
    objects = '{"a":' * 200 + "1" + "}" * 200
    assert round_trip(objects) == objects
    with pytest.raises(JsonTextError, match="nested more than 200 deep"):
        parse(f"[{deep}]")


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(st.sampled_from('[]{}":,\\u0019eE.+-tfn \n\ud800é')), st.text(st.characters())))
def test_any_text_is_parsed_or_refused_and_nothing_else(text: str) -> None:
    try:
        value = parse(text)
    except JsonTextError:
        return
    # what we take, Python's own decoder takes as well
    json.loads(text)
    assert encode(parse(encode(value).decode())) == encode(value)


@pytest.mark.parametrize(
    ("text", "integer"),
    [
        ("1.0", True),
        ("-0", True),
        ("0.000", True),
        ("0e-999999999999999999999", True),
        ("1e3", True),
        ("1E+3", True),
        ("1e400", True),
        ("1200e-2", True),
        ("1.25e2", True),
        ("1.5", False),
        ("1e-1", False),
        ("1200e-3", False),
        ("1.25e1", False),
        ("1e" + "9" * 5000, True),
        ("1e-" + "9" * 5000, False),
        ("9" * 5000, True),
    ],
)
def test_a_number_is_an_integer_when_its_value_is(text: str, integer: bool) -> None:
    assert Number(text).is_integer is integer


@settings(max_examples=200, deadline=None)
@given(
    st.from_regex(
        r"-?(0|[1-9][0-9]{0,6})(\.[0-9]{1,6})?([eE][+-]?[0-9]{1,2})?", fullmatch=True, alphabet="0123456789.eE+-"
    )
)
def test_is_integer_agrees_with_exact_arithmetic(text: str) -> None:
    assert Number(text).is_integer is (Fraction(text).denominator == 1)
