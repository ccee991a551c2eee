"""Writes records as NDJSON (a line each, flushed) or as one JSON document, streamed."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hookctl.report.records import Record
    from hookctl.runtime import Output


class Sink(Protocol):
    """Takes text: a standard stream, or a file."""

    def write(self, text: str, /) -> None:
        """Write text."""


class RecordWriter(Protocol):
    """Takes records as they come and a summary at the end."""

    def write(self, record: Record) -> None:
        """Write one result."""

    def write_lines(self, lines: str) -> None:
        """Write results that `to_line` has made text of, each with its line end."""

    def close(self, summary: Record) -> None:
        """Write the summary; nothing may follow."""


def _dumps(record: Record) -> str:
    # non-ASCII is escaped: the output is the same bytes under every locale
    return json.dumps(record, separators=(",", ":"))


def to_line(record: Record) -> str:
    """Return a record as a line of text, its end included: the same text as a writer makes, several times as fast."""
    import msgspec

    try:
        text = msgspec.json.encode(record)
    except UnicodeEncodeError:
        # the name of a file that is not UTF-8
        return f"{_dumps(record)}\n"
    # DEL it leaves as it is
    return f"{text.decode('ascii')}\n" if text.isascii() and b"\x7f" not in text else f"{_dumps(record)}\n"


class NdjsonWriter:
    """One object per line, the summary last."""

    def __init__(self, output: Sink) -> None:
        self._output = output

    def write(self, record: Record) -> None:
        """Write one line."""
        self._output.write(f"{_dumps(record)}\n")

    def write_lines(self, lines: str) -> None:
        """Write lines as they are."""
        if lines:
            self._output.write(lines)

    def close(self, summary: Record) -> None:
        """Write the summary as the last line."""
        self._output.write(f"{_dumps(summary)}\n")


class JsonWriter:
    """One document: `{"results": [...], "summary": {...}}`."""

    def __init__(self, output: Sink) -> None:
        self._output = output
        self._lead = '{"results": [\n'

    def write(self, record: Record) -> None:
        """Write one element."""
        self._output.write(self._lead + _dumps(record))
        self._lead = ",\n"

    def write_lines(self, lines: str) -> None:
        """Write the elements that the lines hold."""
        if lines:
            # inside JSON of one line each there is no line end
            self._output.write(self._lead + lines.removesuffix("\n").replace("\n", ",\n"))
            self._lead = ",\n"

    def close(self, summary: Record) -> None:
        """Close the array and write the summary."""
        opening = "" if self._lead.startswith(",") else self._lead.rstrip("\n")
        self._output.write(f'{opening}\n], "summary": {_dumps(summary)}}}\n')


class MachineFormat(StrEnum):
    """The machine formats."""

    JSON = "json"
    NDJSON = "ndjson"


def record_writer(kind: MachineFormat, output: Output) -> RecordWriter:
    """Return the writer of a format."""
    return JsonWriter(output) if kind is MachineFormat.JSON else NdjsonWriter(output)
