"""The webhooks of the one account there is: in memory, checked before they are kept, shown without their secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookctl.credentials import as_key
from hookctl.delivery.endpoint import normal_url
from hookctl.delivery.headers import check_headers, parse_header
from hookctl.errors import HookctlError, InputError, SecretError, did_you_mean
from hookctl.model import Secret
from hookctl.model.api import Absent
from hookctl.payload.jsontext import Json, Number
from hookctl.sandbox.bodies import Template, place
from hookctl.sandbox.problems import MAX_INVALID, Invalid, ProblemError, not_valid

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookctl.model import Headers, Provider
    from hookctl.model.api import DialectSpec

MASK = "********"
"""What stands where a secret would: the stand-in never shows one, as the vendor may not."""

PAGE = 20
"""Webhooks that one answer lists, where the API has pages."""

MAX_WEBHOOKS = 100
MAX_SECRET = 1024

_ONE = ""
"""The id of the webhook where there is always exactly one."""

_ANOTHER_SETTING: dict[str, Json] = {"timezone": "UTC"}
"""What a record holds at first that is not about webhooks: a client that writes without reading first loses it."""


@dataclass(frozen=True, slots=True)
class Hook:
    """Where and how a webhook is delivered."""

    url: str | None
    secret: str | None
    events: tuple[str, ...]
    """The events it is subscribed to, in the order they were given."""
    headers: Headers
    """Further headers of each delivery."""
    enabled: bool


@dataclass(frozen=True, slots=True)
class Maker:
    """What the stand-in makes by itself."""

    account: str
    now_ms: Callable[[], int]
    fresh_id: Callable[[], str]


class Records:
    """The webhooks of one dialect.

    Args:
        dialect: its description.
        provider: whose events can be subscribed to.
        maker: makes ids and times.
        take_secret: is told of every secret before it is kept, so that nothing ever shows it; returns False for one
            too many.
    """

    def __init__(
        self, dialect: DialectSpec, provider: Provider, maker: Maker, take_secret: Callable[[str], bool]
    ) -> None:
        self._spec = dialect.record
        self._absent = dialect.absent
        self._provider = provider
        self._maker = maker
        self._take_secret = take_secret
        self._made = Template(dict(self._spec.made))
        self._records: dict[str, dict[str, Json]] = {} if self._spec.several else {_ONE: dict(_ANOTHER_SETTING)}

    def read(self, query: Mapping[str, str]) -> Json:
        """Return the answer to a call that reads: the one record, or a page of them.

        Raises:
            ProblemError: the query asks for a page that is none.
        """
        spec = self._spec
        if not spec.several:
            return self._around(self._shown(self._records[_ONE]))
        shown: list[Json] = [self._shown(record) for record in self._records.values()]
        if spec.next_page is None or spec.next_page_query is None:
            return place({spec.place: shown})
        start_text = query.get(spec.next_page_query) or "0"
        if not (start_text.isascii() and start_text.isdecimal() and len(start_text) <= 9):
            raise not_valid([Invalid(spec.next_page_query, "is not a page of this list")])
        start = int(start_text)
        following = str(start + PAGE) if start + PAGE < len(shown) else None
        return place({spec.place: shown[start : start + PAGE], spec.next_page: following})

    def create(self, given: Json, field: str) -> Json:
        """Add a record and return it as it is shown.

        Args:
            given: the record.
            field: where it stood in the body.

        Raises:
            ProblemError: it is not valid, or there are too many.
        """
        record = self._checked(given, field, {})
        if len(self._records) >= MAX_WEBHOOKS:
            reason = f"there are {MAX_WEBHOOKS} webhooks already, and this sandbox keeps no more"
            raise ProblemError(409, "Too many webhooks", conflict=Invalid(self._spec.url, reason))
        now_ms = self._maker.now_ms()
        id_ = self._maker.fresh_id()
        values: dict[str, Json] = {
            "{account}": self._maker.account,
            "{fresh}": id_,
            "{created}": now_ms,
            "{updated}": now_ms,
        }
        made = self._made.fill(values)
        # the template is an object, and so is what it is filled to
        assert isinstance(made, dict)  # noqa: S101
        self._keep(id_, {**record, **made, str(self._spec.id): id_})
        return self._shown(self._records[id_])

    def update(self, id_: str, given: Json, field: str) -> tuple[Json, list[str]]:
        """Write a record.

        Args:
            id_: which one; the one there is where there is only one.
            given: the record as it is to be, or the part of it that changes: the description says which.
            field: where it stood in the body.

        Returns:
            The answer, and the names of the fields that the write has lost because it left them out.

        Raises:
            ProblemError: there is no such record, or what is given is not valid.
        """
        before = self._find(id_)
        made = {name: value for name, value in before.items() if name in self._spec.read_only}
        base = before if self._absent is Absent.KEPT else made
        record = {**base, **self._checked(given, field, base), **made}
        for name, value in self._spec.made.items():
            if value == "{updated}":
                record[name] = self._maker.now_ms()
        self._keep(id_, record)
        shown = self._shown(record)
        return shown if self._spec.several else self._around(shown), [name for name in before if name not in record]

    def delete(self, id_: str) -> None:
        """Remove a record.

        Raises:
            ProblemError: there is none of that id.
        """
        self._find(id_)
        del self._records[id_]

    def hook(self, id_: str = _ONE) -> Hook:
        """Return where a webhook is delivered.

        Raises:
            ProblemError: there is none of that id.
        """
        record = self._find(id_)
        url, secret = record.get(self._spec.url), record.get(self._spec.secret)
        return Hook(
            normal_url(url, self._spec.url) if isinstance(url, str) and url else None,
            secret if isinstance(secret, str) and secret else None,
            self._names(record),
            _headers(record.get(self._spec.headers or "")),
            record.get(self._spec.enabled or "") is not False,
        )

    def _find(self, id_: str) -> dict[str, Json]:
        record = self._records.get(id_)
        if record is None:
            raise ProblemError(404, "Webhook not found", conflict=Invalid(self._spec.id or "", f"no webhook {id_!r}"))
        return record

    def _keep(self, id_: str, record: dict[str, Json]) -> None:
        secret = record.get(self._spec.secret)
        if isinstance(secret, str) and not self._take_secret(secret):
            reason = "is one too many: this sandbox has seen as many different ones as it can mask, start it anew"
            raise ProblemError(409, "Too many secrets", conflict=Invalid(self._spec.secret, reason))
        self._records[id_] = record

    def _around(self, record: Json) -> Json:
        """Return a single record as it stands in the account."""
        whole = place({self._spec.place: record})
        return {"id": self._maker.account, **whole} if isinstance(whole, dict) and self._spec.place else whole

    def _shown(self, record: dict[str, Json]) -> dict[str, Json]:
        secret = self._spec.secret
        return {**record, secret: MASK} if record.get(secret) else dict(record)

    def _names(self, record: dict[str, Json]) -> tuple[str, ...]:
        entries = record.get(self._spec.events)
        if not isinstance(entries, list):
            return ()
        names = (self._name(entry) for entry in entries)
        return tuple(name for name in names if isinstance(name, str))

    def _name(self, entry: Json) -> Json:
        if self._spec.event is None:
            return entry
        return entry.get(self._spec.event) if isinstance(entry, dict) else None

    def _checked(self, given: Json, field: str, base: Mapping[str, Json]) -> dict[str, Json]:
        """Return a record that may be kept, without the fields that only the API writes.

        Raises:
            ProblemError: it may not; names every field at fault.
        """
        if not isinstance(given, dict):
            raise not_valid([Invalid(field, "must be an object")])
        before = f"{field}." if field else ""
        invalid: list[Invalid] = []
        record = {name: value for name, value in given.items() if name not in self._spec.read_only}
        self._check_url(record, before, base, invalid)
        self._check_secret(record, before, invalid)
        self._check_events(record, before, invalid)
        for name, example in self._spec.new.items():
            if name in record and _kind(record[name]) != _kind(example):
                invalid.append(Invalid(f"{before}{name}", f"must be {_kind(example)}"))
            elif name == self._spec.headers:
                self._check_headers(record.get(name), f"{before}{name}", invalid)
        if invalid:
            raise not_valid(invalid)
        return record

    def _check_url(
        self, record: Mapping[str, Json], before: str, base: Mapping[str, Json], invalid: list[Invalid]
    ) -> None:
        field = f"{before}{self._spec.url}"
        url = record.get(self._spec.url, base.get(self._spec.url))
        if url is None or url == "":
            # a record of its own is about nothing else; where there is always one, no URL is how there is no webhook
            if self._spec.several or record.get(self._spec.events):
                invalid.append(Invalid(field, "is missing"))
        elif not isinstance(url, str):
            invalid.append(Invalid(field, "must be a string"))
        else:
            try:
                normal_url(url, field)
            except InputError as error:
                reason = error.message.removesuffix(f" ({field})")
                invalid.append(Invalid(field, f"cannot be delivered to: {reason}"))

    def _check_secret(self, record: Mapping[str, Json], before: str, invalid: list[Invalid]) -> None:
        field = f"{before}{self._spec.secret}"
        secret = record.get(self._spec.secret)
        if secret is None:
            return
        if not isinstance(secret, str):
            invalid.append(Invalid(field, "must be a string"))
        elif not 0 < len(secret) <= MAX_SECRET:
            invalid.append(Invalid(field, f"must have 1 to {MAX_SECRET} characters"))
        elif secret == MASK:
            invalid.append(Invalid(field, "is the mask that stands for the secret when it is read, not the secret"))
        else:
            try:
                as_key(Secret(secret.encode(), field), self._provider.secret)
            except UnicodeEncodeError:
                invalid.append(Invalid(field, "has half of a surrogate pair in it"))
            except SecretError as error:
                invalid.append(Invalid(field, error.message))

    def _check_headers(self, headers: Json, field: str, invalid: list[Invalid]) -> None:
        if not isinstance(headers, dict):
            return
        for name, value in headers.items():
            try:
                line = parse_header(f"{name}: {value}") if isinstance(value, str) else None
                check_headers((line,) if line is not None else (), self._provider)
            except (HookctlError, UnicodeError):
                line = None
            # a name with a colon in it would be another name
            if line is None or line[0] != name:
                invalid.append(Invalid(f"{field}.{name}", "cannot be sent as a header"))
            if len(invalid) > MAX_INVALID:
                return

    def _check_events(self, record: Mapping[str, Json], before: str, invalid: list[Invalid]) -> None:
        spec = self._spec
        entries = record.get(spec.events)
        if entries is None:
            return
        if not isinstance(entries, list):
            invalid.append(Invalid(f"{before}{spec.events}", "must be an array"))
            return
        seen: set[str] = set()
        for number, entry in enumerate(entries):
            field = f"{before}{spec.events}[{number}]" + (f".{spec.event}" if spec.event is not None else "")
            name = self._name(entry)
            if not isinstance(name, str):
                invalid.append(Invalid(field, "must be a string"))
            elif name in seen:
                invalid.append(Invalid(field, "is there twice"))
            elif self._provider.event(name) is None:
                invalid.append(Invalid(field, unknown_event(self._provider, name)))
            else:
                seen.add(name)
            if len(invalid) > MAX_INVALID:
                return


def unknown_event(provider: Provider, name: str) -> str:
    """Return what is wrong with the name of an event that there is not."""
    shown = name if len(name) <= 80 else f"{name[:77]}..."
    hint = did_you_mean(shown, [event.name for event in provider.events])
    return f"is no event: {shown!r}" + (f" ({hint})" if hint else "")


def _headers(value: Json) -> Headers:
    lines = value.items() if isinstance(value, dict) else ()
    return tuple(parse_header(f"{name}: {text}") for name, text in lines)


def _kind(value: object) -> str:
    """Return what kind of JSON value this is, in words."""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, list | tuple):
        return "an array"
    if isinstance(value, Mapping):
        return "an object"
    return "a number" if isinstance(value, int | float | Number) else "null"
