"""What the tests of captures in JSON share: reading a document, judging what was read, and spoiling a value."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from hookctl.captures.form import Document, NotThisForm
from hookctl.captures.jsondocument import parse_json
from hookctl.catalogue import load_catalogue
from hookctl.model import Capture, Secret, SecretPair, Unreadable
from hookctl.signing import verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Reader = Callable[[Document, object], Iterator[Capture | Unreadable]]

DATA = Path(__file__).parent / "data" / "json"
TEXT_BODY = '{"event":"order.paid","note":"Zoë 🦊"}\r\n'.encode()
RAW_BODY = b'\0\xff\x80{"a":1}'
SECRET = b"whsec_5f1e7a0c2d9b4836"
_ARKY = load_catalogue().provider("arky")


def read(reader: Reader, data: bytes, source: str = "file") -> list[Capture | Unreadable]:
    """Read a document's bytes."""
    return list(reader(Document(data, source, Path()), parse_json(data)))


def read_value(reader: Reader, value: object) -> list[Capture | Unreadable]:
    """Read what a document holds."""
    return list(reader(Document(b"", "file", Path()), value))


def refusal(reader: Reader, value: object) -> NotThisForm:
    """Return why a value is not of the reader's form."""
    try:
        parts = read_value(reader, value)
    except NotThisForm as error:
        return error
    raise AssertionError(f"it was read: {parts}")


def captures(parts: list[Capture | Unreadable]) -> list[Capture]:
    """Return what was read when all of it could be."""
    assert all(isinstance(part, Capture) for part in parts), parts
    return [part for part in parts if isinstance(part, Capture)]


def unreadable(part: Capture | Unreadable) -> Unreadable:
    """Return what was read when it could not be."""
    assert isinstance(part, Unreadable), part
    return part


def is_genuine(capture: Capture, secret: bytes = SECRET) -> bool:
    """Return whether the signature, made by openssl or Node, is that of the headers and the body."""
    return verify(_ARKY, list(capture.headers), capture.body, SecretPair(Secret(secret, "a test"))).valid


JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**6), 10**6) | st.sampled_from([10**400, -1, 2**64]),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(exclude_categories=()), max_size=6),
        st.sampled_from(["=", "AA=A", "ÿ", "\udcff", "\ud800", "2024-13-45T99:00:00Z", "GET", "base64"]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


def _paths(value: object, so_far: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield so_far
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    for key, inner in items:
        yield from _paths(inner, (*so_far, key))


def spoilt(value: object) -> st.SearchStrategy[object]:
    """Return values that are like the given one, but that any JSON value stands somewhere in it, or nothing does."""
    paths = st.sampled_from(list(_paths(value)))
    return st.builds(_replaced, st.just(value), paths, JSON_VALUES, st.booleans())


def _replaced(value: Any, path: tuple[Any, ...], new: object, remove: bool) -> object:  # noqa: ANN401 - any JSON
    if not path:
        return new
    changed = copy.deepcopy(value)
    *way, last = path
    place = changed
    for key in way:
        place = place[key]
    if remove:
        del place[last]
    else:
        place[last] = new
    return changed


def load(name: str) -> Any:  # noqa: ANN401 - any JSON
    """Return what a file of the data folder holds."""
    return json.loads((DATA / name).read_bytes().removeprefix(b"\xef\xbb\xbf"))


def survives(reader: Reader, value: object) -> None:
    """Read a value; fail when anything but a refusal comes of it, or a message is not one line of text."""
    try:
        messages = [part.message for part in read_value(reader, value) if isinstance(part, Unreadable)]
    except NotThisForm as error:
        messages = [error.reason]
    assert all(message.isprintable() for message in messages), messages
