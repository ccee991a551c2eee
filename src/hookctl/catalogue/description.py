"""Reads a provider's folder: `provider.toml` becomes a `Provider`, strictly.

A folder anywhere works as the built-in ones do. Every problem is a `ProviderError` that names the file,
the key and, for a name, the nearest valid one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from hookctl.catalogue.table import Table
from hookctl.errors import ProviderError
from hookctl.model import (
    Algorithm,
    Encoding,
    EndpointSpec,
    EnvelopeSpec,
    Event,
    Provider,
    ReplySpec,
    SampleKind,
    SecretSpec,
    SignatureSpec,
    Source,
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

_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_PLACEHOLDERS = ("{timestamp}", "{body}")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)+")
_PROVIDER_NAME = re.compile(r"[a-z][a-z0-9-]*")
# an event's name is also its file's name
_EVENT_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*")


def load_provider(folder: Path) -> Provider:
    """Read a provider's folder.

    Args:
        folder: holds provider.toml, events/<event>.json and schemas/<event>.json.

    Raises:
        ProviderError: the description is missing, malformed or names a sample that is not there.
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
    return _Description(folder, Table(file, "", data)).provider()


class _Description:
    """Turns the tables of one provider.toml into values, keeping the source of each section's facts."""

    def __init__(self, folder: Path, top: Table) -> None:
        self._folder = folder
        self._top = top
        self._sources: dict[str, Source] = {}
        self._facts: dict[str, str] = {}

    def provider(self) -> Provider:
        top = self._top
        version = top.integer("format")
        if version != FORMAT:
            raise top.error("format", f"is {version}; this hookctl reads format {FORMAT}")
        name = self._matching(top, "name", _PROVIDER_NAME, "lower-case letters, digits and '-'")
        for source_id, table in top.table("sources").tables():
            self._sources[source_id] = Source(source_id, table.text("title"), table.day("read"))
            table.finish()
        signature = self._section("signature", self._signature)
        timestamp = self._section("timestamp", self._timestamp) if "timestamp" in top else None
        if signature.signs_timestamp and timestamp is None:
            raise top.table("signature").error("content", "signs {timestamp}, but there is no [timestamp] table")
        provider = Provider(
            name=name,
            title=top.text("title"),
            summary=top.text("summary"),
            signature=signature,
            timestamp=timestamp,
            secret=self._section("secret", self._secret),
            envelope=self._section("envelope", self._envelope),
            endpoint=self._section("endpoint", self._endpoint),
            replies=self._section("replies", self._replies),
            events=tuple(self._event(name, key, table) for key, table in top.table("events").tables()),
            sources=tuple(self._sources.values()),
            facts=self._facts,
        )
        if not provider.events:
            raise top.error("events", "lists no event")
        top.finish()
        return provider

    def _section(self, name: str, read: Callable[[Table], T]) -> T:
        table = self._top.table(name)
        self._facts[name] = self._source(table)
        value = read(table)
        single = table.optional_table("sources")
        if single is not None:
            for key in single:
                self._facts[f"{name}.{key}"] = self._source(single, key)
                # by iteration, which does not make the key known
                if key not in list(table):
                    raise single.error(key, "gives the source of a key that is not there")
        table.finish()
        return value

    def _source(self, table: Table, key: str = "source") -> str:
        text = table.text(key)
        source_id = text.partition(":")[0]
        if source_id not in self._sources:
            known = ", ".join(self._sources) or "none"
            raise table.error(key, f"names {source_id!r}, which is not in [sources]", hint=f"known: {known}")
        return text

    def _signature(self, table: Table) -> SignatureSpec:
        return SignatureSpec(
            content=self._content(table),
            algorithm=table.choice("algorithm", Algorithm),
            encoding=table.choice("encoding", Encoding),
            header=self._header(table, "header"),
            rotation_header=self._header(table, "rotation_header") if "rotation_header" in table else None,
        )

    @staticmethod
    def _content(table: Table) -> tuple[str, ...]:
        text = table.text("content")
        parts: list[str] = []
        end = 0
        for match in _PLACEHOLDER.finditer(text):
            if match.group() not in _PLACEHOLDERS:
                known = " and ".join(_PLACEHOLDERS)
                raise table.error("content", f"has the unknown placeholder {match.group()}", hint=f"known: {known}")
            parts += [text[end : match.start()], match.group()]
            end = match.end()
        parts.append(text[end:])
        if any(("{" in part or "}" in part) and part not in _PLACEHOLDERS for part in parts):
            raise table.error("content", f"is {text!r}: a brace lacks its partner")
        if "{body}" not in parts:
            raise table.error("content", "does not sign {body}")
        return tuple(part for part in parts if part)

    def _timestamp(self, table: Table) -> TimestampSpec:
        return TimestampSpec(self._header(table, "header"), table.choice("unit", TimeUnit))

    def _secret(self, table: Table) -> SecretSpec:
        env = self._matching(table, "env", _ENV_NAME, "the name of an environment variable")
        return SecretSpec(env, table.text("where"))

    def _envelope(self, table: Table) -> EnvelopeSpec:
        return EnvelopeSpec(
            id=self._pointer(table, "id") if "id" in table else None,
            type=self._pointer(table, "type"),
            time=self._pointer(table, "time"),
            time_unit=table.choice("time_unit", TimeUnit),
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

    def _event(self, provider: str, name: str, table: Table) -> Event:
        if not _EVENT_NAME.fullmatch(name):
            hint = "letters, digits and . _ : -"
            raise self._top.table("events").error(name, "is not a usable event name", hint=hint)
        event = Event(
            name=name,
            provider=provider,
            group=table.text("group"),
            description=table.text("description"),
            sample_kind=table.choice("sample", SampleKind),
            source=self._source(table),
            sample_path=self._folder / "events" / f"{name}.json",
            schema_path=self._folder / "schemas" / f"{name}.json",
        )
        table.finish()
        return event

    @staticmethod
    def _matching(table: Table, key: str, pattern: re.Pattern[str], wanted: str) -> str:
        value = table.text(key)
        if not pattern.fullmatch(value):
            raise table.error(key, f"is {value!r}; it must be {wanted}")
        return value

    def _header(self, table: Table, key: str) -> str:
        return self._matching(table, key, _HEADER_NAME, "a header name")

    @staticmethod
    def _pointer(table: Table, key: str) -> str:
        value = table.text(key)
        if not _POINTER.fullmatch(value):
            raise table.error(key, f"is {value!r}; it must be a JSON Pointer such as /id")
        return value
