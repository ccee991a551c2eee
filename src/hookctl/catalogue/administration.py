"""Reads how a vendor's webhooks are configured: `[api]` becomes an `ApiSpec`, strictly; `[manual]` the steps by hand.

Apart from the rest of the description, and loaded on its own: signing and delivering need nothing of it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, time
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Any

from hookctl.catalogue.description import read_description
from hookctl.catalogue.sections import Sections
from hookctl.catalogue.template import check_placeholder, split_template, split_text
from hookctl.errors import ProviderError, did_you_mean
from hookctl.model.api import (
    Absent,
    ApiSpec,
    CallSpec,
    DialectSpec,
    EventListSpec,
    Method,
    OutcomeSpec,
    RecordSpec,
    WebhookAdministration,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.catalogue.table import Table
    from hookctl.catalogue.template import Fail
    from hookctl.model import Provider

_BASE_URL = re.compile(r"https?://[A-Za-z0-9_.\[\]:-]+(?:/[!-~]*)?")
_PATH = re.compile(r"/[!-~]*")
_DIALECT_NAME = re.compile(r"[a-z][a-z0-9-]*")
_WORD = re.compile(r"[^\W\d_]+")
_IN_HEADER = re.compile(r"[\x20-\x7e]+")
_TEMPLATE = re.compile(r"\{[^{}]*\}")

_ACCOUNT, _WEBHOOK, _RECORD = "{account}", "{webhook}", "{record}"
_BODIES = {
    "read": (),
    "create": (_ACCOUNT, _RECORD),
    "update": (_ACCOUNT, _WEBHOOK, _RECORD),
    "delete": (_ACCOUNT, _WEBHOOK),
    "test": (_ACCOUNT, _WEBHOOK, "{event}", "{fresh}"),
}
"""The calls of a dialect, and the placeholders that stand for a value in the body of each."""


def load_administration(provider: Provider) -> WebhookAdministration:
    """Read how a provider's webhooks are configured.

    Raises:
        ProviderError: what provider.toml says of it cannot be used; names the key and the nearest valid name.
    """
    top = read_description(provider.folder)
    sections = Sections(top)
    api = top.optional_table("api")
    manual = top.optional_table("manual")
    return WebhookAdministration(
        None if api is None else _api(sections, api, provider),
        () if manual is None else sections.read(manual, _steps),
    )


def with_path(dialect: DialectSpec, call: str, path: str, where: str) -> DialectSpec:
    """Return a dialect in which one call has another path.

    Args:
        dialect: the dialect.
        call: `read`, `update`, `create`, `delete` or `test`.
        path: the path, as provider.toml would have it.
        where: what says so, for messages.

    Raises:
        ProviderError: the dialect has no such call, or it is not a usable path.
    """

    def fail(problem: str, *, hint: str | None = None) -> ProviderError:
        return ProviderError(f"{where} {problem}", hint=hint)

    calls = {name: getattr(dialect, name) for name in _BODIES if getattr(dialect, name) is not None}
    if call not in calls:
        hint = did_you_mean(call, list(calls)) or f"known: {', '.join(calls)}"
        raise fail(f"is no call of the dialect {dialect.name}", hint=hint)
    known = _in_paths(_known(call, dialect.record))
    changes: dict[str, Any] = {call: replace(calls[call], path=_checked_path(split_text(path, known, fail), fail))}
    return replace(dialect, **changes)


def _steps(table: Table) -> tuple[str, ...]:
    steps = table.texts("steps")
    if not steps:
        raise table.error("steps", "lists no step")
    return steps


def _api(sections: Sections, table: Table, provider: Provider) -> ApiSpec:
    def read(table: Table) -> ApiSpec:
        dialects = tuple(_dialect(sections, name, entry) for name, entry in _dialects(table.table("dialects")))
        spec = ApiSpec(
            base_url=table.matching("base_url", _BASE_URL, "an http or https URL").rstrip("/"),
            base_url_env=table.variable("base_url_env"),
            token_env=table.variable("token_env"),
            token_where=table.text("token_where"),
            account=table.matching("account", _WORD, "one word"),
            account_env=table.variable("account_env"),
            authorization=split_template(table, "authorization", ("{token}",), needed="{token}"),
            dialect=table.text("dialect"),
            dialects=dialects,
            subscription=table.texts("subscription"),
            events=_events(table.table("events")) if "events" in table else None,
            facts=sections.facts,
        )
        if not _IN_HEADER.fullmatch("".join(spec.authorization)):
            raise table.error("authorization", "has a character that a header cannot hold")
        names = [dialect.name for dialect in dialects]
        if spec.dialect not in names:
            hint = did_you_mean(spec.dialect, names) or f"known: {', '.join(names) or 'none'}"
            raise table.error("dialect", f"is {spec.dialect!r}, which is not in [api.dialects]", hint=hint)
        for event in spec.subscription:
            if provider.event(event) is None:
                near = did_you_mean(event, [known.name for known in provider.events])
                raise table.error("subscription", f"has {event!r}, which is not in [events]", hint=near)
        return spec

    return sections.read(table, read)


def _dialects(table: Table) -> Iterator[tuple[str, Table]]:
    for name, dialect in table.tables():
        if not _DIALECT_NAME.fullmatch(name):
            raise table.error(name, "is no name for a dialect", hint="lower-case letters, digits and '-'")
        yield name, dialect


def _dialect(sections: Sections, name: str, table: Table) -> DialectSpec:
    def read(table: Table) -> DialectSpec:
        record = _record(table.table("record"))
        calls = {key: _call(table.table(key), key, record) if key in table else None for key in _BODIES}
        read, update = calls["read"], calls["update"]
        if read is None or update is None:
            raise table.error("update" if update is None else "read", "is missing")
        for key in ("create", "delete"):
            if record.several is not (calls[key] is not None):
                is_so = "an account can have several webhooks" if record.several else "there is always one webhook"
                raise table.error(key, f"is {'missing' if record.several else 'there'}, but {is_so}")
        outcome = _outcome(table.table("outcome")) if "outcome" in table else None
        if outcome is not None and calls["test"] is None:
            raise table.error("outcome", "is there, but no test")
        return DialectSpec(
            name=name,
            summary=table.text("summary"),
            read=read,
            update=update,
            create=calls["create"],
            delete=calls["delete"],
            test=calls["test"],
            record=record,
            absent=table.choice("absent", Absent),
            outcome=outcome,
        )

    return sections.read(table, read)


def _call(table: Table, name: str, record: RecordSpec) -> CallSpec:
    known = _known(name, record)
    path = _checked_path(split_template(table, "path", _in_paths(known)), partial(table.error, "path"))
    body = table.value("body")
    _check_json(body, known, partial(table.error, "body"))
    if _RECORD in known and _placed(body, _RECORD) != 1:
        raise table.error("body", f"must have {_RECORD} in it once")
    spec = CallSpec(table.choice("method", Method), path, body)
    table.finish()
    return spec


def _events(table: Table) -> EventListSpec:
    entry = table.value("entry")
    fail = partial(table.error, "entry")
    _check_json(entry, ("{event}",), fail)
    if _placed(entry, "{event}") != 1:
        raise fail("must have {event} in it once")
    path = _checked_path(split_template(table, "path", ()), partial(table.error, "path"))
    spec = EventListSpec(CallSpec(table.choice("method", Method), path, None), entry)
    table.finish()
    return spec


def _known(call: str, record: RecordSpec) -> tuple[str, ...]:
    # where there is one webhook it has no id
    return tuple(placeholder for placeholder in _BODIES[call] if record.several or placeholder != _WEBHOOK)


def _in_paths(known: tuple[str, ...]) -> tuple[str, ...]:
    return (_ACCOUNT, _WEBHOOK) if _WEBHOOK in known else (_ACCOUNT,)


def _checked_path(path: tuple[str, ...], fail: Fail) -> tuple[str, ...]:
    if not _PATH.fullmatch("".join(path)):
        raise fail("must begin with / and have no white space in it")
    return path


def _check_json(value: object, known: tuple[str, ...], fail: Fail) -> None:
    """Refuse what JSON cannot hold, and a placeholder that stands for nothing."""
    if isinstance(value, dict):
        for member in value.values():
            _check_json(member, known, fail)
    elif isinstance(value, list):
        for member in value:
            _check_json(member, known, fail)
    elif isinstance(value, date | time) or (isinstance(value, float) and not isfinite(value)):
        raise fail(f"has {value} in it, which JSON cannot hold")
    elif isinstance(value, str) and _TEMPLATE.fullmatch(value):
        check_placeholder(value, known, fail)


def _placed(value: object, placeholder: str) -> int:
    if isinstance(value, dict):
        return sum(_placed(member, placeholder) for member in value.values())
    if isinstance(value, list):
        return sum(_placed(member, placeholder) for member in value)
    return int(value == placeholder)


def _record(table: Table) -> RecordSpec:
    several = table.flag("several")
    spec = RecordSpec(
        place=table.optional_pointer("place") or "",
        several=several,
        next_page=table.optional_pointer("next_page"),
        next_page_query=table.text("next_page_query") if "next_page" in table else None,
        id=table.text("id") if several else None,
        label=table.optional_text("label"),
        url=table.text("url"),
        secret=table.text("secret"),
        events=table.text("events"),
        event=table.optional_text("event"),
        read_only=table.texts("read_only"),
        new=_fields(table, "new"),
        headers=table.optional_text("headers"),
        enabled=table.optional_text("enabled"),
        made=_fields(table, "made", (_ACCOUNT, "{fresh}", "{created}", "{updated}")),
    )
    for field in spec.made:
        if field not in spec.read_only:
            raise table.error("made", f"has {field!r}, which is not in read_only")
    table.finish()
    return spec


def _fields(table: Table, key: str, known: tuple[str, ...] = ()) -> dict[str, object]:
    fields = table.optional_table(key)
    values: dict[str, object] = {} if fields is None else {name: fields.value(name) for name in fields}
    _check_json(values, known, partial(table.error, key))
    return values


def _outcome(table: Table) -> OutcomeSpec:
    spec = OutcomeSpec(
        status=table.pointer("status"),
        receiver_status=table.optional_pointer("receiver_status"),
        error=table.optional_pointer("error"),
        delivered=table.texts("delivered"),
        pending=table.texts("pending"),
        undelivered=table.texts("undelivered"),
    )
    table.finish()
    return spec
