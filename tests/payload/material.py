"""What the tests of rendering share: JSON of any shape, and Node as the judge of it."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from hookctl.catalogue import load_catalogue
from hookctl.payload import EditKind, IdSource, RenderOptions, parse_edit, render
from hookctl.payload.jsontext import Json, Number, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hookctl.model import Event, Payload, Provider

CATALOGUE = load_catalogue()
EVENTS = CATALOGUE.events
NAMES = [event.name for event in EVENTS]
SEED = b"a seed for tests"
AT_MS = 1_800_000_000_000


def joined(text: str) -> str:
    """Join surrogates that make a pair, as every JSON parser does; those that stand alone stay."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


# st.characters() includes lone surrogates and controls, which st.text() alone leaves out
ANY_TEXT = st.text(st.characters(), max_size=12).map(joined)
# what can stand on a command line: no lone surrogates and no NUL
ARGUMENT_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)

NUMBER_TEXTS = st.from_regex(
    r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,5})?", fullmatch=True, alphabet="0123456789.eE+-"
)
_PLAIN_INTEGER = re.compile(r"0|-?[1-9][0-9]*")


def _number(text: str) -> int | Number:
    return int(text) if _PLAIN_INTEGER.fullmatch(text) else Number(text)


NUMBERS: st.SearchStrategy[int | Number] = st.one_of(
    NUMBER_TEXTS.map(_number),
    st.integers(-(10**400), 10**400),
    st.sampled_from([Number("-0"), Number("1e400"), Number("-0.0"), Number("1.0"), Number("9" * 5000)]),
)
SAFE_INTEGERS = st.integers(-(2**53) + 1, 2**53 - 1)


def documents(numbers: st.SearchStrategy[Any], names: st.SearchStrategy[str] = ANY_TEXT) -> st.SearchStrategy[Json]:
    """Return JSON values of any shape."""
    leaves: st.SearchStrategy[Json] = st.one_of(st.none(), st.booleans(), numbers, ANY_TEXT)
    return st.recursive(
        leaves,
        lambda members: st.one_of(st.lists(members, max_size=4), st.dictionaries(names, members, max_size=4)),
        max_leaves=12,
    )


def stringified(texts: Sequence[str]) -> list[str]:
    """Return what JSON.stringify makes of each text that JSON.parse has read: one run of Node for all."""
    script = (
        "const texts = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        "process.stdout.write(JSON.stringify(texts.map((text) => JSON.stringify(JSON.parse(text)))))"
    )
    done = subprocess.run(
        ["node", "-e", script], input=json.dumps(texts).encode(), capture_output=True, timeout=30, check=True
    )
    answers: list[str] = json.loads(done.stdout)
    return answers


def found(name: str) -> tuple[Provider, Event]:
    """Return an event and its provider."""
    (event,) = CATALOGUE.select([name])
    return CATALOGUE.provider(event.provider), event


def rendered(name: str, *edits: tuple[EditKind, str], at_ms: int = AT_MS, seed: bytes = SEED) -> Payload:
    """Render an event with edits, written as on the command line."""
    provider, event = found(name)
    parsed = tuple(parse_edit(kind, argument) for kind, argument in edits)
    return render(provider, event, RenderOptions(IdSource(seed), parsed), at_ms=at_ms)


def document(name: str, *edits: tuple[EditKind, str]) -> Any:  # noqa: ANN401 - JSON
    """Render an event and parse its body, numbers exact."""
    return parse(rendered(name, *edits).body.decode())


def places(value: Json, steps: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Json]]:
    """Yield every place below the top of a payload, containers too."""
    if steps:
        yield steps, value
    members: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, member in members:
        yield from places(member, (*steps, step))


def with_value(value: Json, steps: Sequence[str | int], new: Json) -> Json:
    """Return a copy with one place replaced, everything else and its order as it was."""
    if not steps:
        return new
    first, *rest = steps
    if isinstance(value, dict):
        return {key: with_value(member, rest, new) if key == first else member for key, member in value.items()}
    assert isinstance(value, list)
    return [with_value(member, rest, new) if index == first else member for index, member in enumerate(value)]


def without(value: Json, steps: Sequence[str | int]) -> Json:
    """Return a copy with one place left out."""
    first, *rest = steps
    if isinstance(value, dict):
        return {
            key: without(member, rest) if rest and key == first else member
            for key, member in value.items()
            if rest or key != first
        }
    assert isinstance(value, list)
    return [
        without(member, rest) if rest and index == first else member
        for index, member in enumerate(value)
        if rest or index != first
    ]
