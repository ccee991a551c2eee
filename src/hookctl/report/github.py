"""`--report github`: an annotation, the step's summary and its outputs, as GitHub Actions takes them.

The annotation goes to standard error, the others into the files that the runner names in `GITHUB_STEP_SUMMARY` and
`GITHUB_OUTPUT`. Where one is not named, as outside of a runner, it is left out.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hookctl.errors import ExitCode, HookctlError, InputError
from hookctl.report.safe import safe_line
from hookctl.report.workflow import CommandGuard, command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hookctl.report.beside import ReportKind
    from hookctl.runtime import Runtime

SUMMARY, OUTPUT = "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"

MAX_SUMMARY_BYTES = 1024 * 1024
"""What the summary of a step may have, of all that the step has run."""

MAX_ROWS = 50
"""Failures that the summary tells in full."""

MAX_CELL = 300
"""Characters of one cell of its table."""

MAX_ANNOTATION = 1000
"""Characters of the annotation."""

_WORDS: dict[int, str] = {
    ExitCode.YES: "passed",
    ExitCode.NO: "failed",
    ExitCode.INCONCLUSIVE: "inconclusive",
    ExitCode.INTERRUPTED: "interrupted",
}
_ERROR = "error"

# what Markdown or HTML might take for more than text: all but letters, digits and spaces
_PLAIN = re.compile(r"[^\w ]|_")


@dataclass(frozen=True, slots=True)
class Told:
    """What a run came to, for GitHub."""

    headline: str
    """The outcome in one line."""
    passed: int
    failed: int
    """What was not as it should be, or could not be told."""
    columns: Sequence[str]
    failures: Sequence[Sequence[str]]
    """Of each failure a row; the last cell says what is wrong. Not more than `MAX_ROWS`."""
    where: Sequence[str] = ()
    """Where it went: URLs."""


class GitHub:
    """The runner of GitHub Actions, told once.

    Args:
        runtime: environment, standard error, what masks secrets.
        command: the name of the command.
        files: the other reports; what is not written is not told.
        machine: whether standard output is JSON.
    """

    def __init__(self, runtime: Runtime, command: str, files: Mapping[ReportKind, Path], *, machine: bool) -> None:
        self._runtime = runtime
        self._command = f"hookctl {command}"
        self._files = files
        # from here to the end of the process nothing that is shown can speak to the runner, an error included
        runtime.out.guard = CommandGuard(json=machine)
        runtime.err.guard = CommandGuard(json=False)

    def begin(self) -> None:
        """Find out whether everything can be written.

        Raises:
            InputError: a file that the runner names cannot be; the message names both.
        """
        for variable in (SUMMARY, OUTPUT):
            self._append(variable, "")

    def tell(self, told: Told, exit_code: ExitCode, problem: HookctlError | None) -> None:
        """Tell what a run came to.

        Args:
            told: the outcome.
            exit_code: what the process answers.
            problem: what kept another report from being written.

        Raises:
            InputError: a file that the runner names cannot be written; the annotation is.
        """
        headline = told.headline if problem is None else f"{problem.message}; {told.headline}"
        if exit_code is not ExitCode.YES:
            self._annotate(headline, [": ".join((row[0], row[-1])) for row in told.failures])
        self._outputs(_WORDS.get(exit_code, _ERROR), exit_code, passed=told.passed, failed=told.failed)
        self._summary(headline, told, good=exit_code == 0)

    def ended(self, headline: str, exit_code: int) -> None:
        """Tell how a process ended of which no more is known; `exit_code` may be one that is no `ExitCode`.

        Raises:
            InputError: as `tell`.
        """
        if exit_code != 0:
            self._annotate(headline, [])
        self._outputs(_WORDS.get(exit_code, _ERROR), exit_code)
        self._summary(headline, None, good=exit_code == 0)

    def failed(self, error: Exception) -> None:
        """Tell of an error that has ended the run."""
        known = isinstance(error, HookctlError)
        message = error.message if isinstance(error, HookctlError) else f"a bug: {type(error).__name__}: {error}"
        hint = (error.hint or "") if isinstance(error, HookctlError) else ""
        code = error.exit_code if isinstance(error, HookctlError) else ExitCode.BUG
        self._annotate(message, [hint] if hint else [])
        self._files = {}
        # the error is what counts, and it is going to be shown
        with suppress(InputError):
            self._outputs(_ERROR if known else "bug", code)
            self._summary(f"{message} ({hint})" if hint else message, None, good=False)

    def _clean(self, text: str) -> str:
        """Return text from outside on one line: secrets masked, nothing in it that acts."""
        return safe_line(self._runtime.redactor.clean(text))

    def _annotate(self, headline: str, details: Sequence[str]) -> None:
        text = self._clean(headline)
        told = ""
        for detail in details:
            more = f"{told}\n{_cut(self._clean(detail))}"
            if len(more) > MAX_ANNOTATION:
                break
            told = more
        line = command("error", told.lstrip("\n") or text, title=f"{self._command}: {text}"[:MAX_ANNOTATION])
        guard, self._runtime.err.guard = self._runtime.err.guard, None
        self._runtime.err.line(line)
        self._runtime.err.guard = guard

    def _outputs(self, verdict: str, exit_code: int, **counts: int) -> None:
        values = {"verdict": verdict, "exit-code": str(int(exit_code))}
        values |= {name: str(count) for name, count in counts.items()}
        values |= {f"report-{kind}": str(path) for kind, path in self._files.items()}
        self._append(OUTPUT, "".join(self._output(name, value) for name, value in values.items()))

    def _output(self, name: str, value: str) -> str:
        # random, so that no value can have it in it
        end = f"hookctl-{self._runtime.random_bytes(16).hex()}"
        return f"{name}<<{end}\n{value}\n{end}\n"

    def _summary(self, headline: str, told: Told | None, *, good: bool) -> None:
        mark = "✅" if good else "❌"
        text = f"### {mark} {_text(self._command)}: {_text(self._clean(headline))}\n\n"
        short = text
        if told is not None:
            text += "".join(f"{_text(self._clean(url))}\n\n" for url in told.where)
            if told.failures:
                text += self._table(told)
        text += "".join(f"{_text(self._clean(f'{kind} report: {path}'))}\n\n" for kind, path in self._files.items())
        path = self._runtime.env.get(SUMMARY)
        if not path:
            return
        try:
            before = Path(path).stat().st_size
        except OSError:
            before = 0
        for one in (text, short):
            # GitHub takes all of a summary or nothing
            if before + len(one.encode()) <= MAX_SUMMARY_BYTES:
                self._append(SUMMARY, one)
                return

    def _table(self, told: Told) -> str:
        rows = [told.columns, ["---"] * len(told.columns)]
        rows += [[_text(_cut(self._clean(cell))) for cell in row] for row in told.failures[:MAX_ROWS]]
        lines = [f"| {' | '.join(row)} |" for row in rows]
        left = told.failed - len(told.failures[:MAX_ROWS])
        if left > 0:
            lines += ["", f"and {left:,} more"]
        return "\n".join([*lines, "", ""])

    def _append(self, variable: str, text: str) -> None:
        name = self._runtime.env.get(variable)
        if not name:
            return
        try:
            with Path(name).open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except OSError as error:
            raise InputError(
                f"cannot write the report {name}: {error.strerror}", hint=f"GitHub's runner names it in {variable}"
            ) from None


def _cut(text: str) -> str:
    return text if len(text) <= MAX_CELL else f"{text[: MAX_CELL - 3]}..."


def _text(text: str) -> str:
    """Return a line as Markdown that shows just that: no link, no image, no HTML, no end of a table's cell."""
    return _PLAIN.sub(lambda match: f"&#{ord(match.group())};", text)
