"""`hookctl deliveries` for people and for programs."""

from __future__ import annotations

import shutil
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from hookctl.report.columns import columns, cut, padded
from hookctl.report.machine import to_line
from hookctl.report.records import count_record, stored_record
from hookctl.report.safe import safe_line, safe_text
from hookctl.report.style import Style, Tone
from hookctl.report.words import ordinal, size_in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hookctl.flows.deliveries import Pruned
    from hookctl.model import RawHeaders, Verdict
    from hookctl.report.machine import RecordWriter
    from hookctl.runtime import Runtime
    from hookctl.store import StoredDelivery, Summary

MIN_WIDTH = 60
"""Columns that a listing takes on the narrowest terminal."""
MAX_WIDTH = 120
"""Columns that a listing takes on the widest terminal, and where there is none."""
BESIDE_NAMES = 56
"""Columns that are left for what stands beside the names of events, in a line with a short verdict."""
BODY_LINES = 40
"""Lines of a body that are shown unless all are asked for."""
BODY_CHARACTERS = 8 * 1024
"""Characters of a body, likewise: JSON is often a single line."""

_MIN_NAME = 7
_ROOMY_WIDTH = 100


class ListReport(Protocol):
    """Takes the lines of a listing, a page at a time, and at the end how many there are."""

    def take(self, page: Sequence[Summary]) -> None:
        """Report some deliveries."""

    def close(self, shown: int, total: int) -> None:
        """Report the end.

        Args:
            shown: how many were reported.
            total: how many there are that were asked for.
        """


class MachineListReport:
    """Deliveries as records."""

    def __init__(self, writer: RecordWriter, runtime: Runtime) -> None:
        self._writer = writer
        self._clean = runtime.redactor.clean

    def take(self, page: Sequence[Summary]) -> None:
        """Write a record for each."""
        self._writer.write_lines("".join(to_line(stored_record(line, self._clean)) for line in page))

    def close(self, shown: int, total: int) -> None:  # noqa: ARG002 - a summary counts its stream
        """Write the count."""
        self._writer.close(count_record(shown))


class TextListReport:
    """A line for each delivery: mark, id, time, status, event, verdict; how many there are.

    Args:
        runtime: streams, clock and redactor.
        narrowed: whether only some of the deliveries were asked for.
    """

    def __init__(self, runtime: Runtime, *, narrowed: bool) -> None:
        self._runtime = runtime
        self._narrowed = narrowed
        self._style = Style.of(runtime.out, runtime.env)
        self._today = _local(runtime.now_ms())
        # without a terminal nobody has to fit 80 columns, and names are cut less
        width = shutil.get_terminal_size().columns if runtime.out.is_terminal else MAX_WIDTH
        self._width = max(MIN_WIDTH, min(width, MAX_WIDTH))
        self._told = _judged if self._width >= _ROOMY_WIDTH else _diagnosed

    def take(self, page: Sequence[Summary]) -> None:
        """Write a line for each, their columns below each other."""
        times = [self._time(line.received_at_ms) for line in page]
        names = [cut(self._name(line), max(_MIN_NAME, self._width - BESIDE_NAMES)) for line in page]
        time_width, name_width = max(map(len, times)), max(map(columns, names))
        lines = [
            self._line(line, f"{time:>{time_width}}", name, name_width)
            for line, time, name in zip(page, times, names, strict=True)
        ]
        self._runtime.out.write("".join(lines))

    def close(self, shown: int, total: int) -> None:
        """Write how many of how many were shown."""
        noun = "delivery" if total == 1 else "deliveries"
        which = f"matching {noun}" if self._narrowed else noun
        if not total:
            text = "no stored delivery matches" if self._narrowed else "the store is empty"
        elif shown < total:
            text = f"{shown:,} of {total:,} {which} (--limit 0 lists all)"
        else:
            text = f"{total:,} {which}"
        self._runtime.out.line(self._style.paint(text, Tone.QUIET))

    def _line(self, line: Summary, time: str, name: str, name_width: int) -> str:
        style, verdict = self._style, line.verdict
        told = self._told(verdict)
        often = f"{ordinal(line.occurrence)} time" if line.occurrence > 1 else ""
        # mark, id, time and status with the blanks between them, and what stands behind the name
        beside = 1 + 1 + len(line.id) + 1 + len(time) + 1 + 3 + 1 + 1 + len(told) + (len(often) + 2 if often else 0)
        room = max(_MIN_NAME, min(name_width, self._width - beside))
        name = padded(cut(name, room), room)
        tone = Tone.GOOD if verdict.valid else Tone.BAD
        parts = [
            f"{style.yes if verdict.valid else style.no} {line.id} {style.paint(time, Tone.QUIET)}",
            _status(line.status, style),
            name,
            style.paint(told, tone),
        ]
        if often:
            parts.append(f" {style.paint(often, Tone.WARNING)}")
        return " ".join(parts) + "\n"

    def _name(self, line: Summary) -> str:
        return safe_line(self._runtime.redactor.clean(line.event or f"{line.method} {line.target}"))

    def _time(self, at_ms: int) -> str:
        """Return a time as exact as it is near: what counts of today is the second, of another year the day."""
        time = _local(at_ms)
        if time.date() == self._today.date():
            return f"{time:%H:%M:%S}"
        return f"{time:%m-%d %H:%M}" if time.year == self._today.year else f"{time:%Y-%m-%d}"


def show_delivery(delivery: StoredDelivery, runtime: Runtime, *, verbose: bool) -> None:
    """Write all there is to say about one delivery.

    Args:
        delivery: what to show.
        runtime: streams and redactor.
        verbose: show bodies whole.
    """
    runtime.out.write("".join(f"{line}\n" for line in _Shown(delivery, runtime, verbose=verbose).lines()))


class _Shown:
    """The lines that tell of one delivery. Text is masked whole before it is made safe or cut."""

    def __init__(self, delivery: StoredDelivery, runtime: Runtime, *, verbose: bool) -> None:
        self._delivery = delivery
        self._redact = runtime.redactor.clean
        self._style = Style.of(runtime.out, runtime.env)
        self._verbose = verbose

    def lines(self) -> Iterator[str]:
        """Yield what came, how it was judged, what was answered and what became of passing it on."""
        style, delivery = self._style, self._delivery
        request = delivery.request
        yield style.paint(delivery.id, Tone.STRONG)
        for name, value in self._facts():
            yield f"  {style.paint(f'{name:<9}', Tone.QUIET)} {value}"
        yield ""
        yield f"  > {self._line(f'{request.method} {request.target} HTTP/{request.http_version}')}"
        yield from self._message(">", request.headers, request.body)
        if delivery.response is not None:
            yield ""
            yield f"  < {delivery.response.status}"
            yield from self._message("<", delivery.response.headers, delivery.response.body)

    def _facts(self) -> Iterator[tuple[str, str]]:
        # a listing does without what verifies
        from hookctl.report.verify import age_in_words

        style, delivery = self._style, self._delivery
        verdict, forwarded = delivery.verdict, delivery.forwarded
        received = _local(delivery.received_at_ms)
        yield "received", f"{received:%Y-%m-%d %H:%M:%S}.{delivery.received_at_ms % 1000:03d} {received:%z}"
        if delivery.event is not None:
            yield "event", self._line(delivery.event)
        if delivery.event_id is not None:
            yield "event id", self._line(delivery.event_id)
        if delivery.provider is not None:
            yield "provider", self._line(delivery.provider)
        judged = style.paint(_judged(verdict), Tone.GOOD if verdict.valid else Tone.BAD)
        age = "" if verdict.age_s is None else f"  {style.paint(age_in_words(verdict.age_s), Tone.QUIET)}"
        yield "verdict", f"{style.yes if verdict.valid else style.no} {judged}{age}"
        if delivery.occurrence > 1:
            text = f"for the {ordinal(delivery.occurrence)} time"
            yield "came", style.paint(text, Tone.WARNING)
        status = None if delivery.response is None else delivery.response.status
        yield "answered", "not known" if status is None else _status(status, style)
        if forwarded is not None:
            answer = "no answer" if forwarded.status is None else _status(forwarded.status, style)
            yield "passed on", f"{self._line(forwarded.url)}  {answer}  {forwarded.duration_ms:.0f} ms"
            if forwarded.error is not None:
                yield "", style.paint(self._line(forwarded.error), Tone.BAD)

    def _message(self, mark: str, headers: RawHeaders, body: bytes) -> Iterator[str]:
        for name, value in headers:
            yield f"  {mark} {self._line(name.decode('latin-1'))}: {self._line(value.decode('latin-1'))}"
        if not body:
            return
        yield f"  {mark}"
        text = safe_text(self._redact(body.decode("utf-8", "backslashreplace")))
        lines = (text if self._verbose else text[:BODY_CHARACTERS]).split("\n")
        shown = lines if self._verbose else lines[:BODY_LINES]
        for line in shown:
            yield f"  {mark} {line}"
        if len(shown) < len(lines) or (not self._verbose and len(text) > BODY_CHARACTERS):
            yield f"  {mark} {self._style.paint(f'({len(body):,} bytes in all: -v shows them)', Tone.QUIET)}"

    def _line(self, text: str) -> str:
        return safe_line(self._redact(text))


def show_pruned(pruned: Pruned, runtime: Runtime) -> None:
    """Write what was pruned, or would be."""
    noun = "delivery" if pruned.removed == 1 else "deliveries"
    if pruned.dry_run:
        runtime.out.line(f"would remove {pruned.removed:,} {noun}, {pruned.left:,} would be left")
    else:
        freed = size_in_words(pruned.freed_bytes)
        runtime.out.line(f"removed {pruned.removed:,} {noun}, {freed} given back, {pruned.left:,} left")


def _local(at_ms: int) -> datetime:
    # the wall clock of the person who reads
    return datetime.fromtimestamp(at_ms / 1000).astimezone()


def _diagnosed(verdict: Verdict) -> str:
    """Return a verdict in a few characters: what was done to a delivery says more than that it does not match."""
    if verdict.valid:
        return "valid" if verdict.diagnosis is None else f"valid ({verdict.diagnosis})"
    return str(verdict.reason if verdict.diagnosis is None else verdict.diagnosis)


def _judged(verdict: Verdict) -> str:
    """Return a verdict with all that it says."""
    word = "valid" if verdict.valid else str(verdict.reason)
    return word if verdict.diagnosis is None else f"{word} ({verdict.diagnosis})"


def _status(status: int | None, style: Style) -> str:
    if status is None:
        return style.paint("---", Tone.QUIET)
    return style.paint(str(status), Tone.GOOD if status < 400 else Tone.BAD)
