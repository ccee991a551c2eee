"""What callers hand in becomes the values that the stages take; what is wrong with it is said in their terms."""

from __future__ import annotations

import os
import re
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from hookctl.catalogue import Catalogue, is_built_in, is_folder, load_catalogue, load_provider, read_sample
from hookctl.credentials import as_key
from hookctl.errors import HookctlError, MissingSecretError, SecretError, UsageError
from hookctl.model import Rotation, Secret, SecretPair
from hookctl.payload import Edit, EditKind
from hookctl.payload.paths import look_up, split_path
from hookctl.payload.render import read_envelope
from hookctl.payload.schema import load_sample
from hookctl.timestamps import require_range

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hookctl.model import Event, Payload, Provider, RawHeaders, SecretSpec
    from hookctl.payload.jsontext import Json
    from hookctl.payload.paths import PayloadPath

    _Text: TypeAlias = str | bytes
    GivenProvider: TypeAlias = str | os.PathLike[str]
    GivenHeaders: TypeAlias = Mapping[str, str] | Mapping[bytes, bytes] | Iterable[tuple[_Text, _Text]]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_PARAMETERS = {
    "--id": "event_id",
    "--rotate": "previous_secret",
    "--secret-file": "secret",
    **{f"--{name}": name.replace("-", "_") for name in ("set", "add", "unset", "provider", "at", "as-documented")},
}
"""What the command line's options are called here."""

_OPTION = re.compile(rf"(?<![\w-])(?:{'|'.join(_PARAMETERS)})(?![\w-])")

RAW_BODY = (
    "a signature is over the raw bytes as they arrived: request.get_data() in Flask, await request.body() in FastAPI "
    "and Starlette, request.body in Django"
)


@contextmanager
def worded_for_python() -> Iterator[None]:
    """Have errors name parameters instead of options, and carry their hint where a traceback shows it."""
    try:
        yield
    except HookctlError as error:
        error.message = _reworded(error.message)
        error.args = (error.message,)
        if error.hint is not None:
            error.hint = _reworded(error.hint)
            error.add_note(f"hint: {error.hint}")
        raise


def _reworded(text: str) -> str:
    return _OPTION.sub(lambda match: _PARAMETERS[match.group()], text)


# providers and events


@lru_cache(maxsize=1)
def _built_in() -> Catalogue:
    return load_catalogue()


@lru_cache(maxsize=64)
def _from_folder(folder: Path, changed_ns: int) -> Provider:
    """Read a folder once for as long as its description stays the same; what is not built in is checked whole."""
    del changed_ns
    provider = load_provider(folder)
    if not is_built_in(provider):
        from hookctl.payload.check import check_provider

        check_provider(provider)
    return provider


def catalogue(given: GivenProvider | None) -> Catalogue:
    """Return the provider that is meant, or every built-in one."""
    if given is None:
        return _built_in()
    if isinstance(given, str) and not is_folder(given):
        return Catalogue((_built_in().provider(given),))
    if not isinstance(given, str | os.PathLike):
        raise TypeError(f"a provider is a name or the path of a folder, not {_kind(given)}")
    folder = Path(given).absolute()
    try:
        changed_ns = (folder / "provider.toml").stat().st_mtime_ns
    except OSError:
        # reading it says what is the matter
        changed_ns = 0
    return Catalogue((_from_folder(folder, changed_ns),))


def provider(given: GivenProvider) -> Provider:
    """Return the provider of a name or a folder."""
    (found,) = catalogue(given).providers
    return found


def event(name: object, given: GivenProvider | None) -> tuple[Provider, Event]:
    """Return the event of that exact name, with its provider."""
    return event_among(catalogue(given), name)


def event_among(among: Catalogue, name: object) -> tuple[Provider, Event]:
    """Return the event of that exact name among some providers, with its provider."""
    if not isinstance(name, str):
        raise TypeError(f"an event is a name such as 'order.paid', not {_kind(name)}")
    if any(character in name for character in "*?["):
        raise UsageError(f"{name!r} stands for several events, and one is wanted")
    (found,) = among.select((name,))
    return among.provider(found.provider), found


def sample(source: Provider, body: bytes) -> Json | None:
    """Return the sample of the event that a body says it is, whose order of keys is the vendor's."""
    pointer = source.envelope.type
    name = look_up(read_envelope(body), pointer) if pointer else None
    known = source.event(name) if isinstance(name, str) else None
    return None if known is None else load_sample(known, read_sample(known))


# changes


def edits(to_set: Mapping[str, object], to_add: Mapping[str, object], to_unset: Iterable[str]) -> tuple[Edit, ...]:
    """Return changes in the order in which they are made."""
    if isinstance(to_unset, str):
        raise TypeError("unset takes several paths: unset=['data.payment']")
    found = [
        Edit(kind, _path(kind, path), json=_json_text(kind, path, value))
        for kind, values in ((EditKind.SET, to_set), (EditKind.ADD, to_add))
        for path, value in values.items()
    ]
    return (*found, *(Edit(EditKind.UNSET, _path(EditKind.UNSET, path)) for path in to_unset))


def _path(kind: EditKind, text: str) -> PayloadPath:
    path, rest = split_path(text)
    if rest:
        raise UsageError(f"{kind}: {text!r} is not a path", hint="a name with = in it goes in double quotes")
    return path


def _json_text(kind: EditKind, path: str, value: object) -> str:
    import json

    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{kind.removeprefix('--')} {path}: not a JSON value: {error}") from None


def check_untouched(
    changes: tuple[Edit, ...], at: datetime | float | None, event_id: str | None, *, as_documented: bool
) -> None:
    """Refuse to change what is to stay as documented."""
    given = {"set, add and unset": bool(changes), "at": at is not None, "event_id": event_id is not None}
    for name, is_given in given.items():
        if as_documented and is_given:
            raise UsageError(f"as_documented keeps the sample untouched: {name} cannot go with it")


def seed(number: int | None) -> bytes:
    """Return what ids are derived from: the same as for the command line's `--seed`, else made up."""
    return os.urandom(16) if number is None else str(number).encode()


# time


def moment_ms(at: object) -> int:
    """Return a point in time in milliseconds; None is now."""
    if at is None:
        return time.time_ns() // 1_000_000
    if isinstance(at, datetime):
        if at.utcoffset() is None:
            raise UsageError(f"{at!r} has no zone", hint="datetime(..., tzinfo=timezone.utc)")
        at_ms = (at - _EPOCH) // timedelta(milliseconds=1)
    elif isinstance(at, bool) or not isinstance(at, int | float):
        raise TypeError(f"a time is a datetime with a zone, or seconds since the epoch, not {_kind(at)}")
    else:
        try:
            at_ms = int(at * 1000)
        except (OverflowError, ValueError):
            raise UsageError(f"{at!r} is not a time") from None
    require_range(at_ms, repr(at), in_numbers=not isinstance(at, datetime))
    return at_ms


def moment(at_ms: int) -> datetime:
    """Return the point in time."""
    return _EPOCH + timedelta(milliseconds=at_ms)


def tolerance_s(given: float | None) -> float | None:
    """Return a tolerance that can be one."""
    if given is not None and not given >= 0:
        raise UsageError(f"tolerance_s: {given!r} is not a number of seconds")
    return given


# secrets


def secrets(source: Provider, current: object, previous: object) -> SecretPair:
    """Return the keys, read as the provider says."""
    spec = source.secret
    if current is None:
        raise MissingSecretError("the secret is None", hint=f"is {spec.env} set?")
    before = None if previous is None else _key(previous, "previous_secret", spec, spec.previous_env)
    return SecretPair(_key(current, "secret", spec, spec.env), before)


def _key(given: object, name: str, spec: SecretSpec, variable: str) -> Secret:
    if not isinstance(given, str | bytes):
        raise TypeError(f"{name} is text or bytes, not {_kind(given)}")
    # an environment variable that is not UTF-8 is text with its bytes as surrogates
    value = given.encode("utf-8", "surrogateescape") if isinstance(given, str) else given
    if not value:
        raise SecretError(f"the secret is empty: {name}", hint="anyone can sign with an empty key: give the real one")
    # a remedy says where it belongs
    return as_key(Secret(value, variable), spec)


def rotation(pair: SecretPair) -> Rotation | None:
    """Return which of the secrets sign: both where there are two."""
    return None if pair.previous is None else Rotation.BOTH


# what arrives, and what is sent


def raw_body(body: object) -> bytes:
    """Return the body's bytes.

    Raises:
        TypeError: it is not bytes.
    """
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    what = "text" if isinstance(body, str) else _kind(body)
    raise TypeError(f"the body is {what}, not bytes: {RAW_BODY}")


def raw_headers(headers: object) -> RawHeaders:
    """Return header lines as they arrived.

    Raises:
        TypeError: they are not names and values.
    """
    # werkzeug's and http.server's headers are no mappings and have items(), repeats kept
    items = getattr(headers, "items", None)
    lines: Any = items() if callable(items) else headers
    try:
        pairs = [(name, value) for name, value in lines]
    except (TypeError, ValueError):
        raise TypeError(f"headers are a mapping, or pairs of name and value, not {_kind(headers)}") from None
    return tuple((_header_bytes(name), _header_bytes(value)) for name, value in pairs)


def _header_bytes(text: object) -> bytes:
    if isinstance(text, bytes):
        return text
    if not isinstance(text, str):
        raise TypeError(f"a header's name and value are text or bytes, not {_kind(text)}")
    try:
        # as servers hand headers over
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def check_said(source: Provider, payload: Payload, event: str | None, event_id: str | None) -> None:
    """Refuse a name or an id that the delivery would not say, because its body says another or no header can."""
    for name, given, said in (("event", event, payload.event), ("event_id", event_id, payload.event_id)):
        if given is not None and given != said:
            told = "which has none" if said is None else f"which says {said!r}"
            raise UsageError(f"{name}: deliveries of {source.title} say it in the body, {told}")


def sendable(headers: dict[str, str]) -> dict[str, str]:
    """Return headers that a client can send; what is not plain text is looked at.

    Raises:
        InputError: a value has a control character in it, which the body's name or id for the event may have.
    """
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            from hookctl.delivery.headers import sendable as checked

            headers[name] = checked(name, value)
    return headers


def _kind(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
