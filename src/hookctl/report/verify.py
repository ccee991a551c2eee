"""`hookctl verify` for people and for programs."""

from __future__ import annotations

import re
import textwrap
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from hookctl.flows.examine import Finding
from hookctl.model import Capture, Reason, Unreadable, Verdict
from hookctl.payload.drift import DriftKind
from hookctl.report.columns import text_width
from hookctl.report.machine import to_line
from hookctl.report.records import (
    unreadable_record,
    verdict_record,
    verify_summary_record,
)
from hookctl.report.safe import safe_line, safe_text
from hookctl.report.style import Style, Tone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from hookctl.flows.plainly import Plain
    from hookctl.flows.tally import Found, Tally
    from hookctl.model import Explanation, Provider
    from hookctl.report.machine import RecordWriter
    from hookctl.report.records import Clean
    from hookctl.runtime import Runtime

AROUND_BYTES = 24
"""Bytes shown on either side of the place where two bodies begin to differ."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")

MAX_DRIFT_LINES = 20
"""Kinds of drift that the summary tells; the machine formats have them all."""

MAX_NAME = 60
"""Characters of an event's name or id that are shown."""

MAX_VALUE = 120
"""Characters of a header's value that are shown."""

MAX_BODY_LINES = 40
"""Lines of a body that `--verbose` shows."""


class VerifyReport(Protocol):
    """Takes what a verification finds, and its counts."""

    def take(self, found: Found) -> None:
        """Report one finding with all there is to say."""

    def line(self, found: Found) -> str:
        """Return a finding in bulk as text, its line end included; "" when it is not to be told. In any process."""

    def plain_line(self, plain: Plain) -> str:
        """Return the same for a capture that is plainly valid."""

    def take_lines(self, lines: str) -> None:
        """Report what `line` and `plain_line` have returned."""

    def close(self, tally: Tally) -> None:
        """Report the end."""


class MachineVerifyReport:
    """Verdicts as records, in a standard stream or in a file."""

    def __init__(self, writer: RecordWriter, runtime: Runtime) -> None:
        self._writer = writer
        self._clean = runtime.redactor.clean

    def take(self, found: Found) -> None:
        """Write one record."""
        if isinstance(found, Unreadable):
            self._writer.write(unreadable_record(found, self._clean))
        else:
            self._writer.write(verdict_record(found, self._clean))

    def line(self, found: Found) -> str:
        """Return one record as text."""
        if isinstance(found, Unreadable):
            return to_line(unreadable_record(found, self._clean))
        return to_line(verdict_record(found, self._clean, in_bulk=True))

    def plain_line(self, plain: Plain) -> str:
        """Return one record as text."""
        return self._plain_verdict_line(plain, self._clean)

    @cached_property
    def _plain_verdict_line(self) -> Callable[[Plain, Clean], str]:
        # msgspec takes 10 ms to load, and only archives need it
        from hookctl.report.plain_verdict import plain_verdict_line

        return plain_verdict_line

    def take_lines(self, lines: str) -> None:
        """Write records that are text already."""
        self._writer.write_lines(lines)

    def close(self, tally: Tally) -> None:
        """Write the counts."""
        self._writer.close(verify_summary_record(tally, self._clean))


class TextVerifyReport:
    """A line per capture, the culprit where there is one, a summary.

    Args:
        runtime: streams and redactor.
        providers: by name, for their headers and for which of their schemas are documented.
        hints: what to do when a provider has no secret, by its name.
        strict_schema: whether drift makes a finding a failure.
        verbose: show each capture's headers and body.
        quiet: only the summary.
        show: writes a line; given by a progress display that has to keep out of its way.
    """

    def __init__(
        self,
        runtime: Runtime,
        providers: Mapping[str, Provider],
        hints: Mapping[str, str],
        *,
        strict_schema: bool,
        verbose: bool,
        quiet: bool,
        show: Callable[[str], None],
    ) -> None:
        self._runtime = runtime
        self._providers = providers
        self._hints = hints
        self._strict_schema = strict_schema
        self._verbose = verbose
        self._quiet = quiet
        self._show = show
        self._style = Style.of(runtime.out, runtime.env)
        self._only_failures = runtime.out.is_terminal
        self._width = text_width(runtime.out)

    def take(self, found: Found) -> None:
        """Write a finding's line and what there is to say about it."""
        if self._quiet:
            return
        for line in self._broken(self._headline(found)):
            self._show(line)
        if isinstance(found, Unreadable):
            self._text(found.message, Tone.STRONG)
            if found.hint:
                self._text(f"hint: {found.hint}", Tone.QUIET)
        else:
            self._details(found)

    def _details(self, found: Finding) -> None:
        if found.explanation is not None:
            self._explanation(found, found.explanation)
        if self._verbose:
            self._request(found)
        elif not found.verdict.valid:
            self._signature_headers(found)
        for drift in found.drift:
            where = f" {self._clean(drift.path)}" if drift.path else ""
            shown = f"drift: {drift.kind}{_cut(where, MAX_VALUE)}"
            if drift.kind is not DriftKind.MISSING:
                # an unknown event's detail is its name, however long that is
                shown += f": {_cut(self._clean(drift.detail), MAX_VALUE)}"
            self._text(shown, Tone.WARNING)
        for note in found.notes:
            self._text(f"note: {note}", Tone.QUIET)
        hint = self._hint(found)
        if hint:
            self._text(f"hint: {hint}", Tone.QUIET)

    def _hint(self, found: Finding) -> str | None:
        if found.provider is None:
            return "nothing in its headers, path or body tells whose it is: give --provider"
        if found.verdict.reason is Reason.NO_SECRET:
            return self._hints.get(found.provider)
        if found.verdict.reason is Reason.MISMATCH and found.explanation is None:
            env = self._providers[found.provider].secret.env
            return f"no usual mistake explains it: is {env} the secret of this endpoint, and is the body complete?"
        return None

    def line(self, found: Found) -> str:
        """Return a finding's line; on a terminal only that of a failure."""
        failed = isinstance(found, Unreadable) or not found.verdict.valid or (self._strict_schema and bool(found.drift))
        if self._quiet or (self._only_failures and not failed):
            return ""
        parts = self._headline(found)
        if isinstance(found, Unreadable):
            parts.append(self._clean(found.message))
        return f"{'  '.join(parts)}\n"

    def plain_line(self, plain: Plain) -> str:
        """Return its line; on a terminal none."""
        if self._quiet or self._only_failures:
            return ""
        capture = Capture(plain.source, (), b"")
        verdict = Verdict(valid=True, reason=Reason.OK, age_s=plain.age_s)
        return self.line(Finding(capture, plain.provider, plain.event, plain.event_id, verdict, None, (), ()))

    def take_lines(self, lines: str) -> None:
        """Write lines."""
        for line in lines.splitlines():
            self._show(line)

    def close(self, tally: Tally) -> None:
        """Write the counts, and what the payloads have that their schemas do not."""
        text = verify_counts(tally)
        if tally.diagnoses and tally.total > 1:
            told = ", ".join(f"{count:,} {name}" for name, count in tally.diagnoses.most_common())
            text += f", diagnosed: {told}"
        self._drift(tally)
        good = tally.exit_code == 0 and not tally.interrupted
        for line in textwrap.wrap(text, self._width, subsequent_indent="  ", break_on_hyphens=False):
            self._show(self._painted(line, Tone.GOOD if good else Tone.BAD))

    def _clean(self, text: str) -> str:
        """Return text from outside as it may be shown on a line."""
        # masked first: an escaped secret is another text
        return safe_line(self._runtime.redactor.clean(text))

    def _painted(self, text: str, tone: Tone | None) -> str:
        return text if tone is None else self._style.paint(text, tone)

    def _broken(self, parts: Sequence[str]) -> Iterator[str]:
        """Yield the parts on as few lines as they fit on; a part that is wider than a line stays whole."""
        line = ""
        for part in parts:
            longer = f"{line}  {part}" if line else part
            # two columns are left for those who indent it
            if line and len(_COLOUR.sub("", longer)) > self._width - 2:
                yield line
                line = f"    {part}"
            else:
                line = longer
        yield line

    def _text(self, text: str, tone: Tone | None = None) -> None:
        """Write a sentence, broken to the width and indented."""
        # masked whole: a secret that a line break cuts would stay
        for line in textwrap.wrap(self._clean(text), self._width - 4, subsequent_indent="  ", break_on_hyphens=False):
            self._show(f"    {self._painted(line, tone)}")

    def _headline(self, found: Found) -> list[str]:
        """Return the parts of a finding's line."""
        style = self._style
        if isinstance(found, Unreadable):
            return [f"{style.no} {self._clean(found.source)}", style.paint("unreadable", Tone.BAD)]
        verdict = found.verdict
        failed = not verdict.valid or (self._strict_schema and bool(found.drift))
        what = "valid" if verdict.valid else str(verdict.reason)
        if verdict.diagnosis is not None:
            what += f" ({verdict.diagnosis})"
        parts = [f"{style.no if failed else style.yes} {self._clean(found.capture.source)}"]
        if found.event is not None:
            parts.append(_cut(self._clean(found.event), MAX_NAME))
        parts.append(style.paint(what, Tone.GOOD if verdict.valid else Tone.BAD))
        if found.event_id is not None:
            parts.append(style.paint(_cut(self._clean(found.event_id), MAX_NAME), Tone.QUIET))
        if verdict.age_s is not None:
            parts.append(style.paint(age_in_words(verdict.age_s), Tone.QUIET))
        return parts

    def _explanation(self, found: Finding, explanation: Explanation) -> None:
        self._text(explanation.happened, Tone.STRONG)
        self._text(f"to do: {explanation.remedy}")
        if explanation.signed_body is not None:
            self._difference(found.capture.body, explanation.signed_body)

    def _difference(self, captured: bytes, signed: bytes) -> None:
        """Show where the captured body begins to differ from the one that was signed."""
        at = next(
            (index for index, (one, other) in enumerate(zip(captured, signed, strict=False)) if one != other),
            min(len(captured), len(signed)),
        )
        self._text(f"the bodies differ from byte {at:,} on: {len(captured):,} bytes captured, {len(signed):,} signed")
        if any(self._holds_secret(body) for body in (captured, signed)):
            self._text("they hold a secret, and are not shown")
            return
        room = (self._width - len("      captured: ......")) // 2
        for name, body in (("captured", captured), ("signed", signed)):
            before, after = body[max(0, at - AROUND_BYTES) : at], body[at : at + AROUND_BYTES]
            # an escape takes up to four columns a byte
            while len(_shown(before)) > room:
                before = before[1:]
            while len(_shown(after)) > room:
                after = after[:-1]
            lead = "..." if at > len(before) else ""
            tail = "..." if len(body) > at + len(after) else ""
            shown = self._style.paint(_shown(after) or "(the end)", Tone.WARNING)
            self._show(f"      {name + ':':<9} {lead}{_shown(before)}{shown}{tail}")

    def _holds_secret(self, body: bytes) -> bool:
        """Return whether something would be masked; of a secret that is cut, what is left would not be."""
        text = body.decode("latin-1")
        return self._runtime.redactor.clean(text) != text

    def _signature_headers(self, found: Finding) -> None:
        """Show the headers that took part, or say that there are none."""
        provider = None if found.provider is None else self._providers.get(found.provider)
        if provider is None:
            return
        header = provider.timestamp.header if provider.timestamp is not None else None
        required = [provider.signature.header, *([header] if header is not None else [])]
        wanted = {name.lower() for name in (*required, *provider.signature.headers)}
        seen: set[str] = set()
        for raw_name, value in found.capture.headers:
            name = raw_name.decode("latin-1")
            if name.lower() in wanted:
                seen.add(name.lower())
                # masked before it is cut: the rest of a secret would stay
                text = self._runtime.redactor.clean(value.decode("utf-8", "backslashreplace"))
                self._text(f"{name}: {_cut(text, MAX_VALUE)}", Tone.QUIET)
        for name in required:
            if name.lower() not in seen:
                self._text(f"{name}: (missing)", Tone.QUIET)

    def _request(self, found: Finding) -> None:
        capture = found.capture
        first = " ".join(filter(None, (capture.method, capture.target))) or "(no request line)"
        self._show(f"  | {self._clean(first)}")
        for name, value in capture.headers:
            self._show(f"  | {self._clean(name.decode('latin-1'))}: {self._clean(value.decode('latin-1'))}")
        self._show("  |")
        # masked whole: a secret may have a line end in it
        lines = safe_text(self._runtime.redactor.clean(capture.body.decode("utf-8", "backslashreplace"))).split("\n")
        for text in lines[:MAX_BODY_LINES]:
            self._show(f"  | {text}")
        if len(lines) > MAX_BODY_LINES:
            self._show(f"  | ({len(lines) - MAX_BODY_LINES} more lines)")

    def _drift(self, tally: Tally) -> None:
        # of a single capture it has been told beside it
        if self._quiet or not tally.drift or tally.total == 1:
            return
        self._show(self._style.paint("where payloads differ from their schemas:", Tone.WARNING))
        lines = [self._drift_line(key, count) for key, count in tally.drift.most_common(MAX_DRIFT_LINES)]
        for parts in lines:
            for line in self._broken(parts):
                self._show(f"  {line}")
        left = len(tally.drift) - len(lines)
        if left or tally.other_drift:
            self._show(f"  and {left + tally.other_drift:,} more (--format json tells them)")

    def _drift_line(self, key: tuple[str, str | None, str, str], count: int) -> list[str]:
        provider, name, kind, path = key
        event = self._providers[provider].event(name) if name is not None else None
        shown = _cut(self._clean(name or "(no event)"), MAX_NAME)
        parts = [
            shown,
            f"{kind} {_cut(self._clean(path), MAX_NAME)}".rstrip(),
            f"{count:,} times" if count > 1 else "once",
        ]
        if event is not None and not event.documented:
            parts.append("(the schema is illustrative)")
        return parts


def failure_in_words(finding: Finding) -> tuple[str, str | None]:
    """Return why a capture is not as it should be, and what to do about it where that is known."""
    why = str(finding.verdict.reason)
    if finding.explanation is not None:
        explanation = finding.explanation
        return f"{why} ({explanation.diagnosis}): {explanation.happened}", explanation.remedy
    if finding.verdict.valid:
        why = f"its payload differs from its schema: {', '.join(f'{one.kind} {one.path}' for one in finding.drift)}"
    return why, None


def verify_counts(tally: Tally) -> str:
    """Return the counts in one line: "3 captures: 2 valid, 1 invalid"."""
    parts = (
        (tally.valid, "valid"),
        (tally.invalid, "invalid"),
        (tally.no_secret, "without a secret"),
        (tally.unknown_provider, "of an unknown provider"),
        (tally.unreadable, "unreadable"),
        (tally.drifted, "not as the schema says"),
    )
    told = ", ".join(f"{count:,} {what}" for count, what in parts if count)
    noun = "capture" if tally.total == 1 else "captures"
    text = f"{tally.total:,} {noun}: {told or 'none'}"
    return f"interrupted after {text}" if tally.interrupted else text


def age_in_words(age_s: float) -> str:
    """Return an age as people say it: "3 s old", "2 days old", "5 min ahead"."""
    size = abs(age_s)
    for unit, seconds in (("days", 86400), ("h", 3600), ("min", 60)):
        if size >= 2 * seconds:
            text = f"{size / seconds:.0f} {unit}"
            break
    else:
        text = f"{size:.0f} s"
    return f"{text} {'ahead' if age_s < 0 else 'old'}"


def _shown(data: bytes) -> str:
    """Return bytes so that each is seen: line ends and other controls escaped."""
    return safe_line(data.decode("utf-8", "backslashreplace"))


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else f"{text[: characters - 3]}..."
