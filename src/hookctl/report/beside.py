"""Reports beside what is shown: `--report junit=FILE`, `json=FILE` and `github`, any of them at once.

Each takes the same events that the terminal is told, and appears at the end of the run. One that cannot be written
keeps neither the run nor the others from going on; it is the run's error once all is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

from hookctl.errors import ExitCode, HookctlError, InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

    from hookctl.report.files import ReportFile
    from hookctl.report.github import GitHub
    from hookctl.runtime import Runtime

Event_contra = TypeVar("Event_contra", contravariant=True)
Summary_contra = TypeVar("Summary_contra", contravariant=True)


class ReportKind(StrEnum):
    """What `--report` takes."""

    JUNIT = "junit"
    JSON = "json"
    GITHUB = "github"


USAGE = "junit=FILE|json=FILE|github"
"""How the help names it."""


class Report(Protocol[Event_contra, Summary_contra]):
    """Takes what a run yields, and its summary."""

    def take(self, event: Event_contra, /) -> None:
        """Take one thing that happened into account."""

    def close(self, summary: Summary_contra, /) -> None:
        """Take the end into account; nothing may follow."""


class Digest(Report[Event_contra, Summary_contra], Protocol):
    """A report that GitHub is told."""

    def tell(self, github: GitHub, exit_code: ExitCode, problem: HookctlError | None) -> None:
        """Tell it, after `close`; `problem` is what kept another report from being written."""


class Maker(Protocol[Event_contra, Summary_contra]):
    """Makes the reports of one command."""

    def junit(self, file: ReportFile) -> Report[Event_contra, Summary_contra]:
        """Return a report that writes JUnit XML."""

    def json(self, file: ReportFile) -> Report[Event_contra, Summary_contra]:
        """Return a report that writes the document of `--format json`."""

    def digest(self) -> Digest[Event_contra, Summary_contra]:
        """Return a report for GitHub."""


@dataclass(slots=True)
class _Open(Generic[Event_contra, Summary_contra]):
    """A report under way."""

    report: Report[Event_contra, Summary_contra]
    file: ReportFile


class Reports(Generic[Event_contra, Summary_contra]):
    """The reports of one run; as a context manager, so that an error in it is told, too.

    Args:
        arguments: what `--report` was given, each time.
        runtime: the folder that files are relative to, streams, environment.
        command: the command's name.
        machine: whether standard output is JSON.

    Raises:
        UsageError: an unknown kind, or the same kind or the same file twice.
    """

    def __init__(self, arguments: Sequence[str], runtime: Runtime, command: str, *, machine: bool) -> None:
        self._runtime = runtime
        self._paths: dict[ReportKind, Path] = {}
        self._open: dict[ReportKind, _Open[Event_contra, Summary_contra]] = {}
        self._digest: Digest[Event_contra, Summary_contra] | None = None
        self._github: GitHub | None = None
        self._problems: list[InputError] = []
        wants_github = False
        for argument in arguments:
            kind, name = _parse(argument)
            if kind in self._paths or (kind is ReportKind.GITHUB and wants_github):
                raise UsageError(f"--report {kind} is given twice")
            if kind is ReportKind.GITHUB:
                wants_github = True
                continue
            path = runtime.cwd / name
            if path in self._paths.values():
                raise UsageError(f"two reports cannot go into one file: {name}")
            self._paths[kind] = path
        if wants_github:
            from hookctl.report.github import GitHub

            self._github = GitHub(runtime, command, self._paths, machine=machine)

    @property
    def kinds(self) -> frozenset[ReportKind]:
        """What was asked for."""
        return frozenset(self._paths) | ({ReportKind.GITHUB} if self._github is not None else frozenset())

    def begin(self, maker: Maker[Event_contra, Summary_contra]) -> None:
        """Open every report, before anything is done.

        Raises:
            InputError: one cannot be written; the message names the place.
        """
        from hookctl.report.files import ReportFile

        if self._github is not None:
            self._github.begin()
            self._digest = maker.digest()
        for kind, path in self._paths.items():
            file = ReportFile(path)
            report = maker.junit(file) if kind is ReportKind.JUNIT else maker.json(file)
            self._open[kind] = _Open(report, file)

    def take(self, event: Event_contra) -> None:
        """Hand an event to each."""
        self._each(lambda report: report.take(event))
        if self._digest is not None:
            self._digest.take(event)

    def _each(self, do: Callable[[Report[Event_contra, Summary_contra]], None]) -> None:
        """Do something with each that goes into a file; one that fails is left out from then on."""
        for kind, one in list(self._open.items()):
            try:
                do(one.report)
            except InputError as problem:
                self._leave_out(kind, problem)

    def close(self, summary: Summary_contra, exit_code: ExitCode) -> None:
        """Let them appear.

        Args:
            summary: what the run came to.
            exit_code: what the process is going to answer, unless a report cannot be written.

        Raises:
            InputError: one cannot be written; the others are.
        """
        self._each(lambda report: report.close(summary))
        for kind, one in list(self._open.items()):
            try:
                one.file.finish()
            except InputError as problem:
                self._leave_out(kind, problem)
        self._open.clear()
        github, digest = self._github, self._digest
        first = self._problems[0] if self._problems else None
        if github is not None and digest is not None:
            # whatever happens to it is told as an error is, and not twice
            self._github = None
            digest.close(summary)
            try:
                digest.tell(github, exit_code if first is None else first.exit_code, first)
            except InputError as error:
                self._problems.append(error)
        if self._problems:
            raise InputError("; ".join(one.message for one in self._problems))

    def _leave_out(self, kind: ReportKind, problem: InputError) -> None:
        self._open.pop(kind).file.discard()
        # GitHub is not told of it
        del self._paths[kind]
        self._problems.append(problem)

    def __enter__(self) -> Self:
        """Begin to listen for errors."""
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Forget what is not whole, and tell GitHub what kept the run from its end."""
        for one in self._open.values():
            one.file.discard()
        if self._github is not None and isinstance(exc, Exception):
            self._github.failed(exc)


def _parse(argument: str) -> tuple[ReportKind, str]:
    kind, equals, name = argument.partition("=")
    if kind == ReportKind.GITHUB and not equals:
        return ReportKind.GITHUB, ""
    if kind in {ReportKind.JUNIT, ReportKind.JSON} and name:
        return ReportKind(kind), name
    raise UsageError(f"--report takes junit=FILE, json=FILE or github, not {argument!r}")
