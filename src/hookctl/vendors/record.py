"""A webhook as the vendor's API has it: read from its JSON, compared with what is wanted, and written back.

What hookctl does not know goes back as it came. What reads masked never goes back: a mask is not the value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hookctl.model.api import Absent
from hookctl.vendors.problems import MaskedValueError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hookctl.model.api import DialectSpec, RecordSpec
    from hookctl.payload.jsontext import Json

_MASK = re.compile(
    r"[*•●∙·█▪■◦…]{3,}"  # whsec_***, ••••abcd
    r"|^[*•●∙·█▪■◦….xX_-]+$"  # nothing but such
    r"|(?:\.\.\.|…)$"  # whsec_abc...
    r"|^[\[<(]?(?:redacted|hidden|masked|secret)[\])>]?$",
    re.IGNORECASE,
)
_SECRET_NAME = re.compile(
    r"secret|token|passw|authoriz|credential|cookie|(?:api|access|private|signing)[-_]?key", re.IGNORECASE
)


class SecretState(StrEnum):
    """What the API shows of the signing secret."""

    UNSET = "not set"
    SHOWN = "set"
    MASKED = "set, shown masked"


_NEW_SECRET = {
    SecretState.UNSET: "set",
    SecretState.SHOWN: "another value",
    # it may be the same
    SecretState.MASKED: "the given value",
}
"""What a given secret makes of one, in words."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook as it stands at the vendor's."""

    id: str | None
    """None where an account has one webhook."""
    label: str | None
    url: str | None
    events: tuple[str, ...] | None
    """None where no subscription was ever made."""
    secret: SecretState
    record: Mapping[str, Json] = field(repr=False)
    """Everything that the API has on it. Holds the secret where the API shows it."""

    @property
    def secret_set(self) -> bool:
        """Whether there is a signing secret, as far as the API shows."""
        return self.secret is not SecretState.UNSET

    @property
    def called(self) -> str:
        """What to call it in a message, where there are several."""
        return self.label or self.id or "the webhook"


@dataclass(frozen=True, slots=True)
class Wish:
    """How a webhook should be; None is: as it is."""

    url: str | None = None
    events: tuple[str, ...] | None = None
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between how a webhook is and how it should be."""

    field: str
    """`url`, `events` or `secret`."""
    old: str | tuple[str, ...] | None
    """None for a URL or events that are not there. Of a secret, whether it is set, in words; never the value."""
    new: str | tuple[str, ...] | None


def is_masked(text: str) -> bool:
    """Return whether a text stands for a value that is not shown: `****`, `whsec_***`, bullets."""
    return _MASK.search(text) is not None


def same_url(one: str | None, other: str | None) -> bool:
    """Return whether two URLs lead to the same place: an API may write the scheme, host, port or bare path its way."""
    return one == other or (one is not None and other is not None and _parts(one) == _parts(other))


def read_webhook(record: Mapping[str, Json], spec: RecordSpec) -> Webhook:
    """Return what a record of the API says; what is there in another shape than described counts as not there."""
    identifier = record.get(spec.id) if spec.id is not None else None
    label = record.get(spec.label) if spec.label is not None else None
    url = record.get(spec.url)
    entries = record.get(spec.events)
    names = [_event_name(entry, spec) for entry in entries] if isinstance(entries, list) else None
    return Webhook(
        id=None if identifier is None else str(identifier),
        label=label if isinstance(label, str) and label else None,
        url=url if isinstance(url, str) and url else None,
        events=None if names is None else tuple(name for name in names if name is not None),
        secret=_secret_state(record.get(spec.secret)),
        record=record,
    )


def differences(webhook: Webhook | None, wish: Wish, spec: RecordSpec) -> tuple[Change, ...]:
    """Return what a wish changes about a webhook; None is one that is not there yet."""
    changes = []
    old_url = webhook.url if webhook else None
    if wish.url is not None and not same_url(wish.url, old_url):
        changes.append(Change("url", old_url, wish.url))
    old_events = webhook.events if webhook else None
    if wish.events is not None and (old_events is None or set(wish.events) != set(old_events)):
        changes.append(Change("events", old_events, wish.events))
    if wish.secret is not None and (webhook is None or webhook.record.get(spec.secret) != wish.secret):
        old = webhook.secret if webhook else SecretState.UNSET
        changes.append(Change("secret", str(old), _NEW_SECRET[old]))
    return tuple(changes)


def fields_of(wish: Wish, webhook: Webhook | None, spec: RecordSpec) -> dict[str, Json]:
    """Return a wish as fields of the record. An event that stays keeps its entry as it is."""
    fields: dict[str, Json] = {}
    if wish.url is not None:
        fields[spec.url] = wish.url
    if wish.events is not None:
        fields[spec.events] = event_entries(wish.events, webhook, spec)
    if wish.secret is not None:
        fields[spec.secret] = wish.secret
    return fields


def event_entries(events: tuple[str, ...], webhook: Webhook | None, spec: RecordSpec) -> Json:
    """Return events as the record's array of them."""
    entries = webhook.record.get(spec.events) if webhook else None
    known = {_event_name(entry, spec): entry for entry in entries} if isinstance(entries, list) else {}
    return [known.get(name) or (name if spec.event is None else {spec.event: name}) for name in events]


def merged(
    webhook: Webhook, fields: Mapping[str, Json], dialect: DialectSpec, *, secret: str | None = None
) -> dict[str, Json]:
    """Return what is to be written so that the fields change and nothing else does.

    Args:
        webhook: how it is.
        fields: what changes.
        dialect: what the record is like, and what a write does to what it leaves out.
        secret: the signing secret, for an API that shows it masked and would lose it.

    Raises:
        MaskedValueError: a value that reads masked would be lost.
    """
    spec = dialect.record
    kept = {key: value for key, value in webhook.record.items() if key not in spec.read_only}
    written = {**kept, **fields}
    for name, value in kept.items():
        masked = None if name in fields else next(_masked(value, name, spec), None)
        if masked is None:
            continue
        if dialect.absent is Absent.LOST and masked == spec.secret and secret is not None:
            written[name] = secret
            continue
        if dialect.absent is Absent.LOST:
            raise MaskedValueError(
                f"the API shows {masked} masked, and a write without its real value may lose it: nothing was changed",
                hint="make this change in the vendor's own app",
                is_secret=masked == spec.secret,
            )
        del written[name]
    return written


def secrets_in(webhook: Webhook, spec: RecordSpec) -> Iterator[str]:
    """Yield every value of a record that no message may hold: the signing secret, tokens, headers' passwords."""
    yield from (text for name, value in webhook.record.items() for _, text in _secret_texts(value, name, spec))


def _parts(url: str) -> object:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return url
    scheme = parts.scheme.lower()
    return scheme, parts.hostname, port or {"http": 80, "https": 443}.get(scheme), parts.path or "/", parts.query


def _masked(value: Json, name: str, spec: RecordSpec) -> Iterator[str]:
    yield from (path for path, text in _secret_texts(value, name, spec) if is_masked(text))


def _secret_texts(value: Json, path: str, spec: RecordSpec, *, named: bool = False) -> Iterator[tuple[str, str]]:
    """Yield every text that stands under a name which secrets have, with the path to it."""
    named = named or path == spec.secret or _SECRET_NAME.search(path.rpartition(".")[2]) is not None
    if isinstance(value, str):
        if named and value:
            yield path, value
    elif isinstance(value, dict):
        for key, member in value.items():
            yield from _secret_texts(member, f"{path}.{key}", spec, named=named)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _secret_texts(member, f"{path}.{index}", spec, named=named)


def _secret_state(value: Json) -> SecretState:
    if not isinstance(value, str) or not value:
        return SecretState.UNSET
    return SecretState.MASKED if is_masked(value) else SecretState.SHOWN


def _event_name(entry: Json, spec: RecordSpec) -> str | None:
    name = entry.get(spec.event) if isinstance(entry, dict) and spec.event is not None else entry
    return name if isinstance(name, str) else None
