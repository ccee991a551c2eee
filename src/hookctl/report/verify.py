"""`hookctl verify` for people and for programs."""

from __future__ import annotations

import shutil
import textwrap
from typing import TYPE_CHECKING, Protocol

from hookctl.model import Reason, Unreadable
from hookctl.report.machine import to_line
from hookctl.report.records import unreadable_record, verdict_record, verify_summary_record
from hookctl.report.safe import safe_bytes, safe_line
from hookctl.report.style import Style, Tone

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hookctl.flows.examine import Finding
    from hookctl.flows.tally import Found, Tally
    from hookctl.model import Explanation, Provider
    from hookctl.report.machine import RecordWriter
    from hookctl.runtime import Runtime

WIDTH = 80
"""Columns that text is broken to when standard output is no terminal."""

MAX_WIDTH = 100
"""Columns that text is broken to on the widest terminal."""

AROUND_BYTES = 24
"""Bytes shown on either side of the place where two bodies begin to differ."""

MAX_DRIFT_LINES = 20
"""Kinds of drift that the summary tells; the machine formats have them all."""

MAX_BODY_LINES = 40
"""Lines of a body that `--verbose` shows."""


class VerifyReport(Protocol):
    """Takes what a verification finds, and its counts."""

    def take(self, found: Found) -> None:
        """Report one finding with all there is to say."""

    def line(self, found: Found) -> str:
        """Return a finding in bulk as text, its line end included; "" when it is not to be told. In any process."""

    def take_lines(self, lines: str) -> None:
        """Report what `line` has returned."""

    def close(self, tally: Tally) -> None:
        """Report the end."""


class MachineVerifyReport:
    """Verdicts as records."""

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
        columns = shutil.get_terminal_size().columns if runtime.out.is_terminal else WIDTH
        self._width = max(40, min(columns, MAX_WIDTH))

    def take(self, found: Found) -> None:
        """Write a finding's line and what there is to say about it."""
        if self._quiet:
            return
        self._line(self._headline(found))
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
            where = f" {drift.path}" if drift.path else ""
            self._text(f"drift: {drift.kind}{where}: {drift.detail}", Tone.WARNING)
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
        text = self._headline(found)
        if isinstance(found, Unreadable):
            text += f": {safe_line(found.message)}"
        return f"{self._runtime.redactor.clean(text)}\n"

    def take_lines(self, lines: str) -> None:
        """Write lines."""
        for line in lines.splitlines():
            self._show(line)

    def close(self, tally: Tally) -> None:
        """Write the counts, and what the payloads have that their schemas do not."""
        parts = [
            f"{count:,} {what}"
            for count, what in (
                (tally.valid, "valid"),
                (tally.invalid, "invalid"),
                (tally.no_secret, "without a secret"),
                (tally.unknown_provider, "of an unknown provider"),
                (tally.unreadable, "unreadable"),
            )
            if count
        ]
        if tally.diagnoses and tally.total > 1:
            told = ", ".join(f"{count:,} {name}" for name, count in tally.diagnoses.most_common())
            parts.append(f"diagnosed: {told}")
        noun = "capture" if tally.total == 1 else "captures"
        text = f"{tally.total:,} {noun}: {', '.join(parts) or 'none'}"
        if tally.interrupted:
            text = f"interrupted after {text}"
        self._drift(tally)
        good = tally.exit_code == 0 and not tally.interrupted
        self._line(self._style.paint(text, Tone.GOOD if good else Tone.BAD))

    def _line(self, text: str) -> None:
        self._show(self._runtime.redactor.clean(text))

    def _text(self, text: str, tone: Tone | None = None) -> None:
        """Write a sentence, broken to the width and indented."""
        # masked whole: a secret that a line break cuts would stay
        clean = safe_line(self._runtime.redactor.clean(text))
        for line in textwrap.wrap(clean, self._width - 4, subsequent_indent="  ", break_on_hyphens=False):
            self._show(f"    {line if tone is None else self._style.paint(line, tone)}")

    def _headline(self, found: Found) -> str:
        style = self._style
        if isinstance(found, Unreadable):
            return f"{style.no} {safe_line(found.source)}  {style.paint('unreadable', Tone.BAD)}"
        verdict = found.verdict
        failed = not verdict.valid or (self._strict_schema and bool(found.drift))
        what = "valid" if verdict.valid else str(verdict.reason)
        if verdict.diagnosis is not None:
            what += f" ({verdict.diagnosis})"
        name = f"  {safe_line(found.event)}" if found.event is not None else ""
        parts = [f"{style.no if failed else style.yes} {safe_line(found.capture.source)}{name}"]
        parts.append(style.paint(what, Tone.GOOD if verdict.valid else Tone.BAD))
        if found.event_id is not None:
            parts.append(style.paint(safe_line(found.event_id), Tone.QUIET))
        if verdict.age_s is not None:
            parts.append(style.paint(age_in_words(verdict.age_s), Tone.QUIET))
        return "  ".join(parts)

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
        for name, body in (("captured", captured), ("signed", signed)):
            before = body[max(0, at - AROUND_BYTES) : at]
            after = body[at : at + AROUND_BYTES]
            lead = "..." if at > AROUND_BYTES else ""
            tail = "..." if len(body) > at + AROUND_BYTES else ""
            shown = self._style.paint(_shown(after) or "(the end)", Tone.WARNING)
            self._line(f"      {name + ':':<9} {lead}{_shown(before)}{shown}{tail}")

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
                self._text(f"{name}: {_cut(safe_bytes(value))}", Tone.QUIET)
        for name in required:
            if name.lower() not in seen:
                self._text(f"{name}: (missing)", Tone.QUIET)

    def _request(self, found: Finding) -> None:
        capture = found.capture
        self._line(f"  | {safe_line(' '.join(filter(None, (capture.method, capture.target))) or '(no request line)')}")
        for name, value in capture.headers:
            self._line(f"  | {safe_line(name.decode('latin-1'))}: {safe_line(value.decode('latin-1'))}")
        self._line("  |")
        # a captured body is never altered, only made safe to show
        lines = safe_bytes(capture.body).split("\n")
        for text in lines[:MAX_BODY_LINES]:
            self._show(f"  | {text}")
        if len(lines) > MAX_BODY_LINES:
            self._show(f"  | ({len(lines) - MAX_BODY_LINES} more lines)")

    def _drift(self, tally: Tally) -> None:
        # of a single capture it has been told beside it
        if not tally.drift or (tally.total == 1 and not self._quiet):
            return
        self._line(
            self._style.paint("what payloads have that their schemas do not, or the other way round:", Tone.WARNING)
        )
        lines = [self._drift_line(key, count) for key, count in tally.drift.most_common(MAX_DRIFT_LINES)]
        for line in lines:
            self._line(f"  {line}")
        left = len(tally.drift) - len(lines)
        if left or tally.other_drift:
            self._line(f"  and {left + tally.other_drift:,} more (--format json tells them)")

    def _drift_line(self, key: tuple[str, str | None, str, str], count: int) -> str:
        provider, name, kind, path = key
        event = self._providers[provider].event(name) if name is not None else None
        ours = "" if event is None or event.documented else "  (the schema is illustrative)"
        times = f"{count:,} times" if count > 1 else "once"
        return f"{safe_line(name or '(no event)')}  {kind} {safe_line(path)}  {times}{ours}"


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


def _cut(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:117]}..."
