"""Reads a provider's folder: `provider.toml` becomes a `Provider`, strictly.

A folder anywhere works as the built-in ones do. Every problem is a `ProviderError` that names the file,
the key and, for a name, the nearest valid one.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from hookctl.catalogue.sections import Sections
from hookctl.catalogue.table import Table
from hookctl.catalogue.template import split_template
from hookctl.errors import ProviderError, did_you_mean
from hookctl.model import (
    FRAMING_HEADERS,
    Algorithm,
    Encoding,
    EndpointSpec,
    EnvelopeSpec,
    Event,
    HeaderSpec,
    IdSpec,
    KeyForm,
    Provider,
    ReplySpec,
    SampleKind,
    SecretSpec,
    SignatureSpec,
    TimestampSpec,
    TimeUnit,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

FORMAT = 1
"""Version of the provider.toml format that this program reads."""

DESCRIPTION_FILE = "provider.toml"

ADMINISTRATION = ("api", "manual")
"""The sections that say how the vendor's webhooks are configured."""

_CONTENT = ("{id}", "{timestamp}", "{body}")
_VALUE = ("{timestamp}", "{signatures}")
_ITEM = ("{signature}",)
_HEADER = ("{event}", "{id}", "{timestamp}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DIGITS = re.compile(r"[0-9A-Za-z+/=]+")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_WRITTEN_ANYWAY = FRAMING_HEADERS | {"content-type", "user-agent"}
_PROVIDER_NAME = re.compile(r"[a-z][a-z0-9-]*")
# an event's name is also its file's path, so no part of it may climb out of the folder
_EVENT_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.:-]*)*")


class _IdKind(StrEnum):
    PREFIX = "prefix"
    UUID = "uuid"


def load_provider(folder: Path) -> Provider:
    """Read a provider's folder.

    What `provider.toml` says of the vendor's own API is left alone: `load_administration()` reads that.

    Args:
        folder: holds provider.toml, events/<event>.json and schemas/<event>.json.

    Raises:
        ProviderError: the description is missing, malformed or names a sample that is not there.
    """
    return _Description(folder, read_description(folder)).provider()


def read_description(folder: Path) -> Table:
    """Return the top level of a folder's provider.toml, whose format is known to be one that can be read.

    Raises:
        ProviderError: the file is missing, not TOML or of another format.
    """
    # tomllib takes 15 ms to load: commands that read no provider do not pay for it
    import tomllib

    file = folder / DESCRIPTION_FILE
    try:
        with file.open("rb") as stream:
            data = tomllib.load(stream)
    except FileNotFoundError:
        raise ProviderError(f"no provider at {folder}: it has no {DESCRIPTION_FILE}") from None
    except OSError as error:
        raise ProviderError(f"cannot read {file}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        # beside TOMLDecodeError: not UTF-8, a number of more than 4300 digits, arrays nested without end
        raise ProviderError(f"{file}: not valid TOML: {error}") from None
    top = Table(file, "", data)
    version = top.integer("format")
    if version != FORMAT:
        raise top.error("format", f"is {version}; this hookctl reads format {FORMAT}")
    return top


class _Description:
    """Turns the tables of one provider.toml into values, keeping the source of each section's facts."""

    def __init__(self, folder: Path, top: Table) -> None:
        self._folder = folder
        self._top = top
        self._sections = Sections(top)

    def provider(self) -> Provider:
        top = self._top
        name = top.matching("name", _PROVIDER_NAME, "lower-case letters, digits and '-'")
        signature = self._section("signature", self._signature)
        timestamp = self._section("timestamp", self._timestamp) if "timestamp" in top else None
        identifier = self._section("id", self._id) if "id" in top else None
        headers = self._headers()
        envelope = self._section("envelope", self._envelope)
        self._check_parts(signature, timestamp, identifier, headers, envelope)
        self._check_header_names(signature, timestamp, headers)
        events = tuple(self._event(name, key, table) for key, table in top.table("events").tables())
        if not events:
            raise top.error("events", "lists no event")
        provider = Provider(
            name=name,
            folder=self._folder,
            title=top.text("title"),
            summary=top.text("summary"),
            signature=signature,
            timestamp=timestamp,
            id=identifier,
            headers=headers,
            secret=self._section("secret", self._secret),
            envelope=envelope,
            endpoint=self._section("endpoint", self._endpoint),
            replies=self._section("replies", self._replies),
            events=events,
            sources=self._sections.sources,
            facts=self._sections.facts,
            out_of_order=self._section("checks", self._out_of_order) if "checks" in top else (),
        )
        # sections that most commands have no use for: their values cost each run more than they are worth to it
        for section in ADMINISTRATION:
            top.optional_table(section)
        top.finish()
        return provider

    def _check_parts(
        self,
        signature: SignatureSpec,
        timestamp: TimestampSpec | None,
        identifier: IdSpec | None,
        headers: tuple[HeaderSpec, ...],
        envelope: EnvelopeSpec,
    ) -> None:
        """Refuse what is to be sent or signed and is nowhere to be had, and what is made and goes nowhere."""
        table = self._top.table("signature")
        templates = [(table, "content", signature.content), (table, "value", signature.value)]
        templates += [
            (table, "value", header.value)
            for table, header in zip(self._top.optional_tables("headers"), headers, strict=True)
        ]
        for table, key, parts in templates:
            if "{timestamp}" in parts and timestamp is None:
                raise table.error(key, "needs {timestamp}, but there is no [timestamp] table")
            if "{id}" in parts and identifier is None and envelope.id is None:
                raise table.error(key, "needs {id}, but neither envelope.id nor an [id] table is there")
        if timestamp is not None and timestamp.header is None and "{timestamp}" not in signature.value:
            raise self._top.table("timestamp").error(
                "header", "is missing, and signature.value does not carry the time"
            )
        hint = 'add [[headers]] with value = "{id}"'
        if identifier is not None and not any("{id}" in header.value for header in headers):
            raise self._top.error("id", "makes an id that is sent nowhere", hint=hint)
        # a receiver takes the id from a header of its own or from the body
        if "{id}" in signature.content and envelope.id is None and not any(h.value == ("{id}",) for h in headers):
            raise self._top.table("signature").error("content", "signs an {id} that no header holds alone", hint=hint)

    def _check_header_names(
        self, signature: SignatureSpec, timestamp: TimestampSpec | None, headers: tuple[HeaderSpec, ...]
    ) -> None:
        """Refuse a header name that is used twice: a receiver would read either."""
        table = self._top.table("signature")
        named = [(table, "header", signature.header)]
        if signature.rotation_header is not None:
            named.append((table, "rotation_header", signature.rotation_header))
        if timestamp is not None and timestamp.header is not None:
            named.append((self._top.table("timestamp"), "header", timestamp.header))
        tables = self._top.optional_tables("headers")
        named += [(table, "name", header.name) for table, header in zip(tables, headers, strict=True)]
        seen: dict[str, str] = {}
        for table, key, name in named:
            first = seen.setdefault(name.lower(), table.path(key))
            if first != table.path(key):
                raise table.error(key, f"is {name!r}, which {first} is already")

    def _section(self, name: str, read: Callable[[Table], T]) -> T:
        return self._sections.read(self._top.table(name), read)

    def _signature(self, table: Table) -> SignatureSpec:
        spec = SignatureSpec(
            content=split_template(table, "content", _CONTENT, needed="{body}"),
            algorithm=table.choice("algorithm", Algorithm),
            encoding=table.choice("encoding", Encoding),
            header=self._header(table, "header"),
            rotation_header=self._header(table, "rotation_header") if "rotation_header" in table else None,
            value=self._header_template(table, "value", _VALUE, "{signatures}", "{signatures}"),
            item=self._header_template(table, "item", _ITEM, "{signature}", "{signature}"),
            separator=table.optional_text("separator"),
        )
        if spec.separator is not None:
            if _CONTROL.search(spec.separator):
                raise table.error("separator", f"is {spec.separator!r}, which a header cannot hold")
            if spec.separator in "".join(spec.item):
                raise table.error("separator", f"is {spec.separator!r}, which is a part of item too")
            if _DIGITS.fullmatch(spec.separator):
                raise table.error("separator", f"is {spec.separator!r}, which a signature may hold")
        return spec

    def _header_template(
        self, table: Table, key: str, known: tuple[str, ...], needed: str | None, default: str
    ) -> tuple[str, ...]:
        parts = split_template(table, key, known, needed=needed, default=default)
        text = "".join(parts)
        if _CONTROL.search(text) or text != text.strip():
            raise table.error(key, f"is {text!r}, which a header cannot hold")
        return parts

    def _timestamp(self, table: Table) -> TimestampSpec:
        header = self._header(table, "header") if "header" in table else None
        return TimestampSpec(header, table.choice("unit", TimeUnit))

    @staticmethod
    def _id(table: Table) -> IdSpec:
        kind = table.choice("kind", _IdKind)
        return IdSpec(table.text("prefix") if kind is _IdKind.PREFIX else None)

    def _headers(self) -> tuple[HeaderSpec, ...]:
        headers = []
        for table in self._top.optional_tables("headers"):
            name = self._header(table, "name")
            headers.append(HeaderSpec(name, self._header_template(table, "value", _HEADER, None, "")))
            if not headers[-1].value:
                raise table.error("value", "is missing")
            self._sections.facts[f"headers.{name}"] = self._sections.source(table)
            table.finish()
        return tuple(headers)

    @staticmethod
    def _secret(table: Table) -> SecretSpec:
        env = table.variable("env")
        form = table.choice("form", KeyForm) if "form" in table else KeyForm.TEXT
        return SecretSpec(
            env, table.text("where"), form, table.optional_text("prefix") or "", table.optional_text("example")
        )

    @staticmethod
    def _envelope(table: Table) -> EnvelopeSpec:
        time = table.optional_pointer("time")
        return EnvelopeSpec(
            id=table.optional_pointer("id"),
            type=table.optional_pointer("type"),
            time=time,
            time_unit=table.choice("time_unit", TimeUnit) if time is not None else None,
        )

    @staticmethod
    def _endpoint(table: Table) -> EndpointSpec:
        path = table.optional_text("path")
        if path is not None and not path.startswith("/"):
            raise table.error("path", "must begin with /")
        port = table.optional_integer("port", 3000)
        if port is None or not 0 < port < 65536:
            raise table.error("port", "must be between 1 and 65535")
        return EndpointSpec(path, port, table.text("content_type"))

    def _replies(self, table: Table) -> ReplySpec:
        return ReplySpec(
            success=table.integer("success"),
            missing_signature=table.integer("missing_signature"),
            invalid_signature=table.integer("invalid_signature"),
            handler_failure=table.optional_integer("handler_failure"),
            wrong_method=table.optional_integer("wrong_method"),
            deadline_s=table.seconds("deadline_s"),
        )

    def _out_of_order(self, table: Table) -> tuple[str, ...]:
        if "out_of_order" not in table:
            raise table.error("out_of_order", "is missing")
        names = table.texts("out_of_order")
        known = [key for key, _ in self._top.table("events").tables()]
        for name in names:
            if name not in known:
                raise table.error("out_of_order", f"names {name!r}, which is no event", hint=did_you_mean(name, known))
        if len(set(names)) != 2 or len(names) != 2:
            raise table.error("out_of_order", "must name two events, the later one first")
        return names

    def _event(self, provider: str, name: str, table: Table) -> Event:
        if not _EVENT_NAME.fullmatch(name):
            hint = "letters, digits and . _ : - /"
            raise self._top.table("events").error(name, "is not a usable event name", hint=hint)
        event = Event(
            name=name,
            provider=provider,
            group=table.text("group"),
            description=table.text("description"),
            sample_kind=table.choice("sample", SampleKind),
            source=self._sections.source(table),
            sample_path=self._folder / "events" / f"{name}.json",
            schema_path=self._folder / "schemas" / f"{name}.json",
        )
        table.finish()
        return event

    @staticmethod
    def _header(table: Table, key: str) -> str:
        name = table.matching(key, _HEADER_NAME, "a header name")
        if name.lower() in _WRITTEN_ANYWAY:
            raise table.error(key, f"is {name!r}, which hookctl writes itself")
        return name
