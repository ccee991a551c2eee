"""`hookctl verify`: read captures in any form, examine each, and count what came of it."""

from __future__ import annotations

from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from hookctl.captures.archive import DEFAULT_MAX_LINE_BYTES, Block, TooLong, read_blocks
from hookctl.captures.form import Document, Form
from hookctl.captures.recognise import archive_form, read_document
from hookctl.captures.sources import READ_ERRORS, STDIN, Opened, Source, find_sources, open_source, reason_of
from hookctl.errors import UsageError
from hookctl.flows.bulk import Bulk, BulkResult, LineExaminer, Lines, LineWriter, too_long
from hookctl.flows.examine import Examiner, Finding, open_examiner
from hookctl.flows.interrupts import interrupt_afterwards
from hookctl.flows.read_captures import read_head, read_whole
from hookctl.model import Capture, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.flows.tally import Tally
    from hookctl.model import Headers
    from hookctl.runtime import Runtime

_BOM = b"\xef\xbb\xbf"

LISTED = 100
"""Captures of a run that are told one by one with all there is to say; those after them in bulk."""


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """What the user asked for. Durations in seconds."""

    names: tuple[str, ...] = ()
    """Files, folders, globs, `-`."""
    form: Form | None = None
    provider: str | None = None
    headers: Headers = ()
    """Headers of a bare body."""
    signature: str | None = None
    timestamp: str | None = None
    secret_files: tuple[str, ...] = ()
    tolerance_s: float | None = None
    max_line_bytes: int = DEFAULT_MAX_LINE_BYTES
    jobs: int | None = None
    """Processes that examine; None is one for each core, where that pays."""

    @property
    def is_body(self) -> bool:
        """Whether the files are bare bodies."""
        return self.form is Form.BODY or bool(self.headers or self.signature is not None or self.timestamp is not None)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far reading is."""

    read_bytes: int | None
    """Bytes of the current file; None when that is not known, as of standard input."""
    size_bytes: int | None
    """What the file has."""


VerifyEvent: TypeAlias = Finding | Unreadable | BulkResult | Progress


@dataclass(slots=True)
class VerifyPlan:
    """A verification, checked: nothing has been read yet."""

    options: VerifyOptions
    examiner: Examiner


def plan_verify(runtime: Runtime, options: VerifyOptions) -> VerifyPlan:
    """Check everything that can be checked without reading a capture.

    Raises:
        UsageError: options that contradict each other.
        InputError: an unknown provider, a broken configuration, a secret file that cannot be read.
    """
    _check_options(options)
    examiner = open_examiner(
        runtime, provider=options.provider, secret_files=options.secret_files, tolerance_s=options.tolerance_s
    )
    return VerifyPlan(options, examiner)


def _check_options(options: VerifyOptions) -> None:
    if not options.names:
        raise UsageError(
            "which capture? give a file, a folder, a glob, or - for standard input",
            hint="hookctl verify delivery.http; hookctl verify body.json --signature HEX --timestamp SECONDS",
        )
    if [*options.names, *options.secret_files].count(STDIN) > 1:
        raise UsageError("standard input can be read once, but - is given twice")
    if options.is_body and options.form not in {None, Form.BODY}:
        raise UsageError(f"--signature, --timestamp and -H go with a bare body, not with --from {options.form}")
    if options.form is Form.BODY and options.signature is None and not options.headers:
        raise UsageError("a bare body needs its headers: --signature (and --timestamp), or -H 'Name: value'")


def run_verify(
    plan: VerifyPlan, runtime: Runtime, tally: Tally, writers: tuple[LineWriter, ...]
) -> Iterator[VerifyEvent]:
    """Examine every capture.

    Args:
        plan: what to do.
        runtime: streams and clock.
        tally: counts what was yielded.
        writers: make text of the findings that are told in bulk.

    Yields:
        Findings and what is unreadable, in the order of the input; of an archive, those beyond `LISTED` as
        `BulkResult`s. Memory does not grow with their number.

    Raises:
        UsageError: the scheme of a bare body's provider has no use for `--timestamp`.
    """
    lines = LineExaminer(plan.examiner, writers, tally.fresh(), plan.options.max_line_bytes)
    run = _Run(plan, runtime, tally, lines)
    with closing(run.bulk):
        for source in find_sources(plan.options.names, runtime.cwd):
            for event in (source,) if isinstance(source, Unreadable) else run.source(source):
                # until the caller asks for the next: what is counted has been written, and whole
                with interrupt_afterwards():
                    if isinstance(event, BulkResult):
                        tally.merge(event.tally)
                    elif not isinstance(event, Progress):
                        tally.count(event)
                    yield event


class _Run:
    """One verification under way."""

    def __init__(self, plan: VerifyPlan, runtime: Runtime, tally: Tally, lines: LineExaminer) -> None:
        self._options = plan.options
        self._examiner = plan.examiner
        self._runtime = runtime
        self._tally = tally
        self._lines = lines
        self.bulk = Bulk(lines, plan.options.jobs)

    def source(self, source: Source) -> Iterator[VerifyEvent]:
        """Examine what is in one file."""
        before = self._tally.total
        try:
            opened = open_source(source, self._runtime.stdin)
            with nullcontext() if source.path is None else closing(opened):
                yield from self._opened(source, opened)
        except READ_ERRORS as error:
            yield from self.bulk.drain()
            yield Unreadable(source.name, f"cannot read it: {reason_of(error)}")
            return
        if self._tally.total == before:
            yield Unreadable(source.name, "there is no capture in it")

    def _opened(self, source: Source, opened: Opened) -> Iterator[VerifyEvent]:
        if self._options.is_body:
            document = read_whole(source, opened, b"", self._runtime.cwd)
            yield document if isinstance(document, Unreadable) else self._examiner.examine(self._bare(document))
            return
        head, whole = read_head(opened, self._options.max_line_bytes)
        form = archive_form(head, self._options.form, whole=whole)
        if form is not None:
            yield from self._archive(Lines(source.name, form.form), opened, head)
            return
        document = read_whole(source, opened, head, self._runtime.cwd)
        if isinstance(document, Unreadable):
            yield document
            return
        for item in read_document(document, self._options.form):
            yield item if isinstance(item, Unreadable) else self._examiner.examine(item)

    def _bare(self, document: Document) -> Capture:
        """Return a bare body with the headers that were given for it."""
        headers = tuple((_typed(name), _typed(value)) for name, value in self._options.headers)
        capture = Capture(document.source, headers, document.data)
        signature, timestamp = self._options.signature, self._options.timestamp
        if signature is None and timestamp is None:
            return capture
        provider = self._examiner.provider_of(capture)
        if provider is None:
            # the verdict says so
            return capture
        given: list[tuple[bytes, bytes]] = []
        if signature is not None:
            given.append((provider.signature.header.encode(), _typed(signature)))
        if timestamp is not None:
            if provider.timestamp is None or provider.timestamp.header is None:
                raise UsageError(f"--timestamp: {provider.title} has no header for it")
            given.append((provider.timestamp.header.encode(), _typed(timestamp)))
        return capture._replace(headers=(*given, *headers))

    def _archive(self, lines: Lines, opened: Opened, head: bytes) -> Iterator[VerifyEvent]:
        text = head.removeprefix(_BOM)
        lines = replace(lines, path=opened.path, skipped_bytes=len(head) - len(text))
        blocks = read_blocks(
            opened.stream,
            head=text,
            max_line_bytes=self._options.max_line_bytes,
            size_bytes=None if opened.plain_bytes is None else opened.plain_bytes - lines.skipped_bytes,
        )
        self.bulk.expect(opened.size_bytes or 0)
        for block in blocks:
            if isinstance(block, TooLong):
                yield from self.bulk.drain()
                yield self._too_long(lines, block)
                if block.endless:
                    return
            elif self._tally.total < LISTED:
                # a block of its own for what is beyond, of which there may be much
                first, rest = _split(block, LISTED - self._tally.total)
                yield from self._lines.found(first, lines)
                if rest is not None:
                    yield from self.bulk.put(rest, lines)
            else:
                yield from self.bulk.put(block, lines)
            yield Progress(opened.position_bytes, opened.size_bytes)
        yield from self.bulk.drain()

    def _too_long(self, lines: Lines, found: TooLong) -> Unreadable:
        source = f"{lines.source}:{found.line}"
        if found.endless:
            return Unreadable(source, "the line has no end: the rest of the file was not read")
        return too_long(source, self._options.max_line_bytes)


def _split(block: Block, captures: int) -> tuple[Block, Block | None]:
    """Cut a block behind so many lines that are not blank."""
    start = line = 0
    while captures:
        end = block.data.find(b"\n", start) + 1
        if not end:
            return block, None
        captures -= not block.data[start:end].isspace()
        start = end
        line += 1
    rest = block.data[start:]
    first = Block(block.first_line, block.data[:start], block.offset)
    return first, Block(block.first_line + line, rest, block.offset + start) if rest else None


def _typed(text: str) -> bytes:
    """Return the bytes of what was typed on the command line."""
    return text.encode("utf-8", "surrogateescape")
