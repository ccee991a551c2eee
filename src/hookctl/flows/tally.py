"""Counts of a verification: added to one by one, or merged from several processes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from hookctl.errors import ExitCode
from hookctl.flows.examine import Finding
from hookctl.model import Reason, Unreadable

if TYPE_CHECKING:
    from hookctl.flows.plainly import Plain
    from hookctl.payload.drift import DriftKind

Found: TypeAlias = Finding | Unreadable

DriftKey: TypeAlias = tuple[str, str | None, "DriftKind", str]
"""Provider, event, kind of change and path."""

MAX_DRIFTS = 200
"""Different changes that are counted apart; `other_drift` counts the rest."""

MAX_EXAMPLES = 5
"""Failures of one case that are kept whole."""


@dataclass(slots=True)
class Case:
    """The captures of one event in one file."""

    captures: int = 0
    failed: int = 0
    unreadable: int = 0
    examples: list[Found] = field(default_factory=list)
    """The first failures."""


@dataclass(slots=True)
class Tally:
    """What came of a verification, in numbers."""

    strict_schema: bool = False
    """Whether drift counts as a failure."""
    by_case: bool = False
    """Whether `cases` are kept."""
    valid: int = 0
    invalid: int = 0
    no_secret: int = 0
    unknown_provider: int = 0
    unreadable: int = 0
    drifted: int = 0
    """Captures whose payload differs from its schema."""
    reasons: Counter[str] = field(default_factory=Counter)
    """How often each reason was given."""
    diagnoses: Counter[str] = field(default_factory=Counter)
    drift: Counter[DriftKey] = field(default_factory=Counter)
    """How often each change was seen."""
    other_drift: int = 0
    cases: dict[tuple[str, str], Case] = field(default_factory=dict)
    """By file and event."""
    interrupted: bool = False
    """Whether it ended before all was read."""

    @property
    def total(self) -> int:
        """Captures seen, the unreadable ones included."""
        return self.valid + self.invalid + self.no_secret + self.unknown_provider + self.unreadable

    @property
    def exit_code(self) -> ExitCode:
        """The truth about the run: what could not be judged outweighs what is not valid."""
        if self.unreadable or self.no_secret or self.unknown_provider:
            return ExitCode.INPUT
        return ExitCode.NO if self.invalid or (self.strict_schema and self.drifted) else ExitCode.YES

    def fresh(self) -> Tally:
        """Return one that counts in the same way from nothing."""
        return Tally(strict_schema=self.strict_schema, by_case=self.by_case)

    def failed(self, found: Found) -> bool:
        """Return whether something about it is not as it should be."""
        if isinstance(found, Unreadable):
            return True
        return not found.verdict.valid or (self.strict_schema and bool(found.drift))

    def count(self, found: Found) -> None:
        """Take one into account."""
        if isinstance(found, Unreadable):
            self.unreadable += 1
        else:
            self._count_finding(found)
        if self.by_case:
            self._count_case(found)

    def count_plain(self, plain: Plain) -> None:
        """Take a capture into account that is plainly valid."""
        self.valid += 1
        self.reasons["ok"] += 1
        if self.by_case:
            self.cases.setdefault((_file(plain.source), plain.event), Case()).captures += 1

    def merge(self, other: Tally) -> None:
        """Take another's counts into account."""
        for name in ("valid", "invalid", "no_secret", "unknown_provider", "unreadable", "drifted", "other_drift"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.reasons.update(other.reasons)
        self.diagnoses.update(other.diagnoses)
        for key, count in other.drift.items():
            self._count_drift(key, count)
        for where, case in other.cases.items():
            own = self.cases.setdefault(where, Case())
            own.captures += case.captures
            own.failed += case.failed
            own.unreadable += case.unreadable
            own.examples += case.examples[: MAX_EXAMPLES - len(own.examples)]

    def _count_finding(self, finding: Finding) -> None:
        verdict = finding.verdict
        if verdict.valid:
            self.valid += 1
        elif verdict.reason is Reason.NO_SECRET:
            self.no_secret += 1
        elif verdict.reason is Reason.UNKNOWN_PROVIDER:
            self.unknown_provider += 1
        else:
            self.invalid += 1
        self.reasons[verdict.reason] += 1
        if verdict.diagnosis is not None:
            self.diagnoses[verdict.diagnosis] += 1
        if finding.drift and finding.provider is not None:
            self.drifted += 1
            for drift in finding.drift:
                self._count_drift((finding.provider, finding.event, drift.kind, drift.path), 1)

    def _count_drift(self, key: DriftKey, count: int) -> None:
        if key in self.drift or len(self.drift) < MAX_DRIFTS:
            self.drift[key] += count
        else:
            # paths may be the customers' own words: there is no end to them
            self.other_drift += count

    def _count_case(self, found: Found) -> None:
        if isinstance(found, Unreadable):
            file, event = found.source, ""
        else:
            file, event = found.capture.source, found.event or ""
        case = self.cases.setdefault((_file(file), event), Case())
        case.captures += 1
        case.unreadable += isinstance(found, Unreadable)
        if self.failed(found):
            case.failed += 1
            if len(case.examples) < MAX_EXAMPLES:
                case.examples.append(found)


def _file(source: str) -> str:
    """Return a source without the number of the line or the request."""
    for mark in ":#":
        name, _, number = source.rpartition(mark)
        if name and number.isdecimal():
            return name
    return source
