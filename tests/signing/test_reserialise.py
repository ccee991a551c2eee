"""Bodies that were parsed and written again: each style is what its program writes, and the signed bytes come back."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hookctl.payload.jsontext import Json, JsonTextError, Number, encode, parse
from hookctl.signing import jsonstyles, numberstyles
from hookctl.signing.arrangements import (
    keys_as_in,
    keys_as_javascript_keeps,
    keys_as_javascript_sorts,
    keys_sorted,
    php_arrays,
)
from hookctl.signing.jsonstyles import JsonStyle, write
from hookctl.signing.reserialise import MAX_CANDIDATES, reserialised
from tests.payload.material import ANY_TEXT, CATALOGUE, NUMBERS, SAFE_INTEGERS, documents, stringified

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hookctl.model import Event

VECTORS = Path(__file__).parents[1] / "vectors" / "reserialised"
ORIGINALS: dict[str, str] = {
    one["name"]: one["body"] for one in json.loads((VECTORS / "originals.json").read_text(encoding="utf-8"))
}
STYLES = {style.name: style for style in vars(jsonstyles).values() if isinstance(style, JsonStyle)}
# programs that write as another one does, with other white space or numbers
STYLES |= {
    "Python json.dumps, compact, ensure_ascii=False": replace(jsonstyles.PYTHON_RAW, item=",", colon=":"),
    "Python json.dumps, indent=2, ensure_ascii=False": replace(jsonstyles.PYTHON_RAW, item=",", indent="  "),
    "PHP json_encode, zero fractions preserved": replace(jsonstyles.PHP, numbers=replace(numberstyles.PHP, whole=".0")),
    "Java Gson without HTML escapes": replace(jsonstyles.PHP_BOTH, numbers=None),
    "Rust serde_json, pretty": replace(jsonstyles.RUST, colon=": ", indent="  "),
    "jq --tab": replace(jsonstyles.JQ, indent="\t"),
}
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not on the PATH")


@dataclass(frozen=True)
class Vector:
    """What another program made of an original."""

    tool: str
    style: str
    original: str
    text: str | None

    @property
    def body(self) -> bytes:
        assert self.text is not None
        return self.text.encode()


def load() -> Iterator[Vector]:
    for file in sorted(VECTORS.glob("*.jsonl")):
        # as bytes: splitlines() of a text takes U+2028 for a line end
        for line in file.read_bytes().splitlines():
            one = json.loads(line)
            yield Vector(file.stem, one["style"], one["name"], one["text"])


ALL = list(load())
STYLES_OF_TOOLS = sorted({(vector.tool, vector.style) for vector in ALL})


def expected_style(tool: str, name: str) -> tuple[JsonStyle, Callable[[Json], Json]]:
    """Return our style for a program's, and what the program does to the order of keys."""
    name, as_written, _ = name.partition(", numbers as written")
    name, is_sorted, _ = name.partition(", keys sorted")
    keep = keys_as_javascript_keeps if tool == "node" else lambda value: value
    sort = keys_as_javascript_sorts if tool == "node" else keys_sorted
    name, is_arrays, _ = name.partition(" of arrays")
    name, is_sorted_by_jq, _ = name.partition(" -S")
    style = STYLES[name]
    arrange = php_arrays if is_arrays else sort if is_sorted or is_sorted_by_jq else keep
    return replace(style, numbers=None) if as_written else style, arrange


OTHER_VERSIONS: dict[tuple[str, str], str] = {
    ("go", "control characters"): "Go 1.22 and later write \\b and \\f, this is 1.19; tested apart",
    ("python", "a number beyond a double"): "Python writes Infinity, which is not JSON",
    ("java", "a number beyond a double"): "Jackson writes the text Infinity, which is not the number",
    ("java", "small powers"): "before JDK 19 Double.toString wrote 4.9E-324 for 5e-324",
    ("ruby", "many digits"): "Ruby writes 1e15 with an exponent, but not 1234567890123456.8 of the same size",
    ("serde", "negative zero"): "serde_json reads -0 as a double",
}
"""Originals that a tool writes otherwise than our style for it does, and why."""
REWRITE_NUMBERS = ("jq", "newtonsoft")
"""Tools whose numbers differ from release to release: our styles keep them as they are."""
NUMBERS_ANY_TOOL_KEEPS = {"prices"}


def has_unusual_numbers(text: str) -> bool:
    return any(isinstance(number, Number) or abs(number) > 2**53 for number in numbers_in(parse(text)))


def numbers_in(value: Json) -> Iterator[int | Number]:
    if isinstance(value, (list, dict)):
        for member in value.values() if isinstance(value, dict) else value:
            yield from numbers_in(member)
    elif isinstance(value, Number) or (isinstance(value, int) and not isinstance(value, bool)):
        yield value


@pytest.mark.parametrize(("tool", "name"), STYLES_OF_TOOLS)
def test_a_style_writes_exactly_what_its_program_writes(tool: str, name: str) -> None:
    style, arrange = expected_style(tool, name)
    compared = 0
    for vector in (vector for vector in ALL if (vector.tool, vector.style) == (tool, name)):
        body = ORIGINALS[vector.original]
        if tool in REWRITE_NUMBERS and has_unusual_numbers(body) and vector.original not in NUMBERS_ANY_TOOL_KEEPS:
            continue
        if (tool, vector.original) in OTHER_VERSIONS and (tool == "go" or style.numbers is not None):
            continue
        written = write(arrange(parse(body)), style)
        assert written == (None if vector.text is None else vector.body), vector.original
        compared += 1
    assert compared >= 15


@pytest.mark.parametrize(("tool", "original"), OTHER_VERSIONS)
def test_what_is_listed_as_written_otherwise_is(tool: str, original: str) -> None:
    differing = []
    for vector in (vector for vector in ALL if (vector.tool, vector.original) == (tool, original)):
        style, arrange = expected_style(tool, vector.style)
        differing.append(vector.text is not None and write(arrange(parse(ORIGINALS[original])), style) != vector.body)
    assert any(differing)


def test_go_before_1_22_writes_backspace_and_form_feed_by_number() -> None:
    value = keys_sorted(parse(ORIGINALS["control characters"]))
    compared = 0
    for vector in ALL:
        if (vector.tool, vector.original) == ("go", "control characters"):
            if vector.style == "Go encoding/json, keys sorted":
                assert write(value, jsonstyles.GO_OLD) == vector.body
            style, arrange = expected_style("go", vector.style)
            old = replace(style, escaping=replace(style.escaping, short=jsonstyles.GO_OLD.escaping.short))
            assert write(arrange(parse(ORIGINALS[vector.original])), old) == vector.body
            compared += 1
    assert compared == 6


def test_every_original_is_in_the_vectors_of_every_style() -> None:
    counted: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for vector in ALL:
        counted[vector.tool, vector.style].add(vector.original)
    assert len(counted) > 35
    assert all(names == set(ORIGINALS) for names in counted.values())


@needs_node
@pytest.mark.parametrize(
    ("program", "stdin", "made"),
    [
        ("make-originals.mjs", None, "originals.json"),
        ("make-node.mjs", "originals.json", "node.jsonl"),
    ],
)
def test_node_makes_its_vectors_again(program: str, stdin: str | None, made: str) -> None:
    given_text = b"" if stdin is None else (VECTORS / stdin).read_bytes()
    done = subprocess.run(["node", program], cwd=VECTORS, input=given_text, capture_output=True, timeout=60, check=True)
    assert done.stdout == (VECTORS / made).read_bytes()


SIGNED_AS = ("JSON.stringify", "Python json.dumps", "Python json.dumps, compact", "PHP json_encode")
_KIND = "what was a double is an integer now: nothing says that it had a fraction or an exponent"
_ROUNDED = "the digits beyond a double are gone"
LOST: dict[tuple[str, str], str] = {
    ("whole numbers as fractions", "Python"): _KIND,
    ("exponents", "Python"): _KIND,
    ("negative zero", "Python"): _KIND,
    ("negative zero", "PHP"): "the sign is gone",
    ("large powers", "Python"): _KIND,
    ("large powers", "PHP"): _KIND,
    ("many digits", "Python"): _KIND,
    ("large integers", "Python"): _ROUNDED,
    ("large integers", "PHP"): _ROUNDED,
    ("integers beyond 64 bits", "Python"): _ROUNDED,
    ("integers beyond 64 bits", "PHP"): _ROUNDED,
    ("a lone surrogate", "JSON.stringify"): "Go and .NET write U+FFFD for any of them",
    ("a lone surrogate", "Python"): "likewise",
    ("a number beyond a double", "JSON.stringify"): "jq writes the largest double, Jackson a text",
    ("a number beyond a double", "Python"): "what Python signed is not JSON",
}
"""Originals that do not come back from every program, by the signer's language, and why."""
LOST_IN_PHP_ARRAYS = {
    "empty containers": "the empty objects are in arrays of unlike elements, of which the sample's first tells nothing",
    "keys that count up": "a list takes the place of the object, and lists are not made objects",
}
KEEPS_NUMBERS_AND_TEXT = ("Java Gson, numbers as written", "Java Gson, pretty, numbers as written")


def test_what_was_signed_comes_back_from_what_any_program_made_of_it() -> None:
    signed = {(vector.style, vector.original): vector for vector in ALL if vector.style in SIGNED_AS}
    lost: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    lost_in_arrays: set[str] = set()
    recovered = 0
    for captured in ALL:
        if captured.text is None:
            continue
        bodies = {one.body for one in reserialised(captured.body, parse(ORIGINALS[captured.original]))}
        for name in SIGNED_AS:
            original = signed[name, captured.original]
            if original.text is None or original.body == captured.body:
                continue
            if original.body in bodies:
                recovered += 1
            elif captured.style == "PHP json_encode of arrays" and captured.original in LOST_IN_PHP_ARRAYS:
                lost_in_arrays.add(captured.original)
            else:
                lost[captured.original, name.split()[0]].add(captured.style)
    assert set(lost) == set(LOST)
    assert lost_in_arrays == set(LOST_IN_PHP_ARRAYS)
    assert recovered > 2000
    for (name, language), styles in lost.items():
        if (name, language) != ("a number beyond a double", "Python"):
            assert styles.isdisjoint(KEEPS_NUMBERS_AND_TEXT), name


@pytest.mark.parametrize("event", CATALOGUE.events, ids=lambda event: event.name)
@pytest.mark.parametrize(
    "captured_as", ["Go encoding/json with 2 spaces", "Python json.dumps", "jq", "Java Jackson, pretty"]
)
def test_every_documented_body_comes_back_after_its_keys_were_sorted(event: Event, captured_as: str) -> None:
    sample = parse(event.sample_path.read_text(encoding="utf-8"))
    captured = write(keys_sorted(sample), STYLES[captured_as])
    assert captured is not None
    assert encode(sample) in [one.body for one in reserialised(captured, sample)]


@needs_node
def test_json_stringify_is_written_exactly_for_any_value() -> None:
    texts: list[str] = []
    names = st.one_of(ANY_TEXT, st.integers(0, 2**33).map(str), st.sampled_from(["4294967294", "4294967295", "01"]))

    @settings(
        max_examples=300, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.nested_given]
    )
    @given(documents(NUMBERS, names))
    def collect(value: Json) -> None:
        texts.append(encode(value).decode())

    collect()
    assert len(texts) > 200
    for text, theirs in zip(texts, stringified(texts), strict=True):
        written = write(keys_as_javascript_keeps(parse(text)), jsonstyles.STRINGIFY)
        assert written == theirs.encode()


@settings(max_examples=150, deadline=None)
@given(documents(st.one_of(SAFE_INTEGERS, st.floats(allow_nan=False, allow_infinity=False))))
def test_pythons_own_encoder_writes_the_same(value: Json) -> None:
    parsed = parse(json.dumps(value))
    assert write(parsed, jsonstyles.PYTHON) == json.dumps(value).encode()
    indented = json.dumps(value, indent=4, sort_keys=True).encode()
    assert write(keys_sorted(parsed), jsonstyles.PYTHON_4) == indented


def test_system_text_json_escapes_what_its_documentation_says() -> None:
    # JavaScriptEncoder.Default lets Basic Latin through, but for what matters in HTML
    value: Json = {"é": '<a href="x">\'+`&\\\u007f\n\U0001f98a', "url": "https://example.com/?a=1"}
    assert write(value, jsonstyles.SYSTEM_TEXT_JSON) == (
        rb'{"\u00E9":"\u003Ca href=\u0022x\u0022\u003E\u0027\u002B\u0060\u0026\\\u007F\n\uD83E\uDD8A",'
        rb'"url":"https://example.com/?a=1"}'
    )


def styles_of(body: bytes, key_order: Json | None = None) -> dict[str, bytes]:
    return {one.style: one.body for one in reserialised(body, key_order)}


def test_the_styles_are_named_in_words_and_the_likely_ones_come_first() -> None:
    named = styles_of('{"b": "é/<", "a": [1, {}]}'.encode())
    assert list(named)[:2] == ["JSON.stringify", "Python json.dumps"]
    assert named["JSON.stringify with 2 spaces"] == '{\n  "b": "é/<",\n  "a": [\n    1,\n    {}\n  ]\n}'.encode()
    assert named["PHP json_encode"] == rb'{"b":"\u00e9\/<","a":[1,{}]}'
    assert named["Go encoding/json, keys sorted"] == r'{"a":[1,{}],"b":"é/\u003c"}'.encode()


def test_a_samples_order_of_keys_is_tried_in_every_object() -> None:
    sample = parse('{"id":1,"data":{"z":1,"items":[{"n":1,"m":2}]},"answers":{"Q":{"v":1,"t":2}}}')
    captured = (
        b'{"answers":{"A":{"t":4,"v":3},"B":{"t":2,"v":1}},"data":{"extra":1,"items":[{"m":2,"n":1},{"m":4}],"z":1}}'
    )
    named = styles_of(captured, sample)
    assert named["JSON.stringify, keys as documented"] == (
        b'{"data":{"z":1,"items":[{"n":1,"m":2},{"m":4}],"extra":1},"answers":{"A":{"v":3,"t":4},"B":{"v":1,"t":2}}}'
    )
    assert "JSON.stringify, keys as documented" not in styles_of(captured)


@pytest.mark.parametrize("sample", ["1", "[]", "[[]]", '{"a":1}', '{"a":[]}', '{"b":{"x":{}},"a":null}', '"x"'])
def test_a_sample_of_another_shape_does_no_harm(sample: str) -> None:
    value = parse('{"a":{"d":1,"c":[2]},"b":[3]}')
    arranged = keys_as_in(parse(sample), value)
    assert arranged == value


def test_an_empty_array_becomes_an_object_where_the_sample_has_one() -> None:
    sample = parse('{"data":{"a":1},"list":[1]}')
    assert b'{"data":{},"list":[]}' in [one.body for one in reserialised(b'{"data":[],"list":[]}', sample)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"n":1.50}', b'{"n":1.5}'),
        (b'{"n":12345678901234567890}', b'{"n":12345678901234567000}'),
        (b'{"n":1E+2}', b'{"n":100}'),
        (b'{"n":1e2}', b'{"n": 100.0}'),
        (b'{"n":1e25}', b'{"n":1.0e+25}'),
        (b'{"n":0.00001}', b'{"n":1.0E-5}'),
        (b'{"n":1e400}', b'{"n":null}'),
    ],
)
def test_numbers_are_tried_as_programs_rewrite_them(body: bytes, expected: bytes) -> None:
    assert expected in [one.body for one in reserialised(body)]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b'{"a":1',
        b'{"a":1,"a":2}',
        b"NaN",
        b'"\xff"',
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00}\x00",
        b'"\xed\xa0\x80"',
        b"[" * 201 + b"1" + b"]" * 201,
        b"[" * 100_000,
    ],
)
def test_what_is_not_json_that_can_be_kept_yields_nothing(body: bytes) -> None:
    assert list(reserialised(body)) == []


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b'{"b":1,"a":', b"}")])
def test_two_hundred_levels_are_written(opening: bytes, closing: bytes) -> None:
    body = opening * 200 + b"1" + closing * 200
    assert len(list(reserialised(body, parse(body.decode())))) > 5


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.sampled_from([b"%b", b'"%b"', b'{"a":"%b"}', b"[%b]", b'{"a":%b}']))
def test_any_bytes_yield_candidates_or_nothing_and_never_raise(data: bytes, frame: bytes) -> None:
    body = frame % data
    bodies = [one.body for one in islice(reserialised(body), 1000)]
    try:
        parse(body.decode())
    except (UnicodeDecodeError, JsonTextError):
        assert bodies == []


def same(value: Json) -> object:
    """Reduce a value to what every style keeps: numbers as doubles, and an object that PHP makes an array as one."""
    if isinstance(value, dict):
        members = {key: same(member) for key, member in value.items()}
        counting = [str(index) for index in range(len(members))]
        return [members[key] for key in counting] if set(members) == set(counting) else members
    if isinstance(value, list):
        return [same(member) for member in value]
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, bool) or value is None:
        return repr(value)
    return float(value.text if isinstance(value, Number) else value)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    documents(
        st.one_of(
            SAFE_INTEGERS,
            st.integers(-(10**30), 10**30),
            st.floats(allow_nan=False, allow_infinity=False).map(lambda number: Number(repr(number))),
        ),
        st.text(max_size=4),
    ),
    st.one_of(st.none(), documents(SAFE_INTEGERS)),
    st.sampled_from([jsonstyles.STRINGIFY, jsonstyles.PYTHON_2, jsonstyles.PHP]),
)
def test_every_candidate_is_another_text_of_the_same_value(value: Json, sample: Json, captured: JsonStyle) -> None:
    body = write(value, replace(captured, numbers=None)) or encode(value)
    candidates = list(reserialised(body, sample))
    bodies = [one.body for one in candidates]
    assert body not in bodies
    assert len(set(bodies)) == len(bodies) <= MAX_CANDIDATES
    for candidate in candidates:
        assert same(parse(candidate.body.decode())) == same(value), candidate.style


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents(NUMBERS), documents(NUMBERS))
def test_the_hardest_values_raise_nothing_and_stay_within_the_bound(value: Json, sample: Json) -> None:
    candidates = list(reserialised(encode(value), sample))
    assert len(candidates) <= MAX_CANDIDATES
    for candidate in candidates:
        parse(candidate.body.decode())


TELLS_ALL_STYLES_APART = (
    r'{"b":{"2":"é/<\u2028\u0085\b\u007f\ud83e\udd8a+","1":{}},"a":[1.50,1e-7,12345678901234567890,[],{}],"\uffff":1,'
    r'"\ud83e\udd8a":"=\u0001\u001f","c":{"0":{"z":1,"y":10000000000000000.0},"1":1E22}}'
)


def test_the_number_of_candidates_is_bounded_and_almost_reached() -> None:
    sample = parse('{"c":1,"b":{"2":1}}')
    candidates = list(reserialised(TELLS_ALL_STYLES_APART.encode(), sample))
    assert 130 <= len(candidates) <= MAX_CANDIDATES
    assert len({one.style for one in candidates}) == len(candidates)


def calls(work: Callable[[], object]) -> int:
    """Count the function calls of some work: what it does, whatever the clock says."""
    count = 0

    def profile(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def test_the_work_grows_with_the_size_and_no_faster() -> None:
    def body(size: int) -> bytes:
        members = ",".join(f'{{"b":"é{index}","a":[{index}.50,{{}}]}}' for index in range(size))
        return f'{{"items":[{members}]}}'.encode()

    sample = parse('{"items":[{"a":1,"b":2}]}')
    small, large = body(50), body(200)
    assert calls(lambda: list(reserialised(large, sample))) < 4.4 * calls(lambda: list(reserialised(small, sample)))


def test_nothing_is_written_before_it_is_asked_for() -> None:
    body = TELLS_ALL_STYLES_APART.encode()
    first = calls(lambda: next(reserialised(body)))
    everything = calls(lambda: list(reserialised(body)))
    assert 0 < first * 20 < everything
