"""A bash into which the commands of a page are typed, one after another, and the other terminals beside it."""

from __future__ import annotations

import os
import re
import select
import shlex
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.docs.pages import SHELL, Block

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

PATIENCE_S = 60.0
_EXIT_CODE = re.compile(r"#.*\bexit code (\d+)\b")
# what goes on until Ctrl-C, unless one of the options below makes it end
_SERVER = re.compile(r"\bhookctl (listen|sandbox|tunnel)\b|\bhookctl send\b.* --(watch)\b|^(cloudflared)\b")
_ENDS = re.compile(r" --(until|timeout|help)\b")
_WAITS = re.compile(r"\bhookctl listen\b.* --until (\d+)\b")
_APP = re.compile(r" --start\b|\bnpm start\b|\bnode \S*server\.mjs\b")


@dataclass(frozen=True)
class Example:
    """A command of a page, and what the page says comes of it."""

    place: str
    command: str
    shown: tuple[str, ...] = ()
    """Lines of its output."""
    script: bool = False
    """Whether it is a script of its own, in which a command that fails is the end."""

    @property
    def code(self) -> int:
        """The exit code that a comment beside the command names; else 0."""
        found = _EXIT_CODE.search(self.command)
        return int(found[1]) if found else 0

    @property
    def server(self) -> str | None:
        """The kind of server that this starts, if it does: of each kind, one runs at a time."""
        found = _SERVER.search(self.bare)
        return next((kind for kind in found.groups() if kind), None) if found else None

    @property
    def goes_on(self) -> bool:
        """Whether it goes on until Ctrl-C, and keeps a terminal."""
        return (
            self.server is not None and not self.script and not _ENDS.search(self.bare) and not self.bare.endswith("&")
        )

    @property
    def waits_for(self) -> int:
        """How many deliveries it waits for, and keeps a terminal meanwhile; 0 where it waits for none."""
        found = None if self.bare.endswith("&") or self.script else _WAITS.search(self.bare)
        return int(found[1]) if found else 0

    @property
    def starts_app(self) -> bool:
        """Whether it starts the app on localhost, which otherwise is thought to run already."""
        return _APP.search(self.bare) is not None

    @property
    def leaves_app(self) -> bool:
        """Whether that app goes on when this has ended."""
        return any(_APP.search(line) and line.endswith("&") for line in self.bare.splitlines())

    @property
    def bare(self) -> str:
        """The command without the comment behind it."""
        return re.sub(r"\s+# .*$", "", self.command)


def examples(block: Block) -> Iterator[Example]:
    """Yield the commands of a block: in a `console` block each line behind `$`, else all of it."""
    if block.language in SHELL - {"console"}:
        yield Example(block.place, block.text, script=True)
        return
    lines = block.text.splitlines()
    starts = [index for index, line in enumerate(lines) if line.startswith("$ ")]
    assert lines[0].startswith("$ "), f"{block.place} begins with what is no command"
    for start, following in zip(starts, [*starts[1:], len(lines)], strict=True):
        end = start + 1
        # a command goes on behind a backslash
        while lines[end - 1].endswith("\\"):
            end += 1
        command = "\n".join([lines[start].removeprefix("$ "), *lines[start + 1 : end]])
        yield Example(f"{block.place} (line {start + 1})", command, tuple(lines[end:following]))


@dataclass(frozen=True)
class Done:
    """What came of a command."""

    code: int
    output: str


@dataclass(frozen=True)
class Started:
    """A command that goes on, in a process group of its own."""

    pid: int
    output: Path


class Shell:
    """A bash in a folder.

    Args:
        folder: where it is.
        notes: an empty folder for what it has to remember.
        environment: all of it.
    """

    def __init__(self, folder: Path, notes: Path, environment: Mapping[str, str]) -> None:
        self._notes = notes
        self._number = 0
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=folder,
            env=dict(environment),
            text=True,
            start_new_session=True,
        )
        # each command a process group of its own, as at a prompt: Ctrl-C reaches it and all that it has started
        self._type("set -m\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End it, and all that the commands have left, whatever state they are in."""
        self._bash.kill()
        self._bash.wait()
        until_s = time.monotonic() + PATIENCE_S
        while left := _of_session(self._bash.pid):
            assert time.monotonic() < until_s, left
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)
        for pipe in (self._bash.stdin, self._bash.stdout):
            assert pipe is not None
            pipe.close()

    def run(self, command: str, *, script: bool = False) -> Done:
        """Run a command to its end: in this shell, or as a script in one of its own."""
        file, output = self._write(command)
        how = "bash -e" if script else "."
        code = self._ask(f"{how} {shlex.quote(str(file))} > {shlex.quote(str(output))} 2>&1 < /dev/null; echo $?\n")
        return Done(int(code), output.read_text(encoding="utf-8"))

    def start(self, command: str) -> Started:
        """Start a command that goes on, as in another terminal, and return when it has said something."""
        self._number += 1
        output = self._notes / f"{self._number}.out"
        pid = int(self._ask(f"{command} > {shlex.quote(str(output))} 2>&1 < /dev/null & echo $!\n"))
        until_s = time.monotonic() + PATIENCE_S
        while not (output.exists() and output.stat().st_size):
            assert self._is_running(pid), f"{command} ended, and said nothing"
            assert time.monotonic() < until_s, f"{command} says nothing"
            time.sleep(0.01)
        return Started(pid, output)

    def wait_for(self, started: Started, lines: Sequence[str]) -> None:
        """Return when it has shown all these lines, or has ended, or never will."""
        until_s = time.monotonic() + PATIENCE_S
        while self._is_running(started.pid) and time.monotonic() < until_s:
            output = started.output.read_text(encoding="utf-8")
            if all(shows(output, line) for line in lines):
                return
            time.sleep(0.02)

    def wait(self, started: Started) -> Done:
        """Wait until it ends by itself."""
        return Done(int(self._ask(f"wait {started.pid}; echo $?\n")), started.output.read_text(encoding="utf-8"))

    def interrupt(self, started: Started) -> Done:
        """Press Ctrl-C in the other terminal, and wait for the end."""
        return Done(self._end(started.pid), started.output.read_text(encoding="utf-8"))

    def interrupt_all(self) -> list[int]:
        """Do so with what the commands have left in the background, and return the exit codes."""
        return [self._end(pid) for pid in self._jobs()]

    def _end(self, pid: int) -> int:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGINT)
        return int(self._ask(f"wait {pid}; echo $?\n"))

    def _jobs(self) -> list[int]:
        return [int(word) for word in self._ask("echo $(jobs -p)\n").split()]

    def _is_running(self, pid: int) -> bool:
        return self._ask(f"jobs -rp | grep -cx {pid}\n").strip() == "1"

    def _write(self, command: str) -> tuple[Path, Path]:
        self._number += 1
        file = self._notes / f"{self._number}.sh"
        file.write_text(f"{command}\n", encoding="utf-8")
        return file, file.with_suffix(".out")

    def _ask(self, line: str) -> str:
        """Type a line that prints one, and return that."""
        self._type(line)
        assert self._bash.stdout is not None
        readable, _, _ = select.select([self._bash.stdout], [], [], PATIENCE_S)
        assert readable, f"no end within {PATIENCE_S} s: {line}"
        answer = self._bash.stdout.readline()
        assert answer, f"the shell itself has ended: {line}"
        return answer

    def _type(self, line: str) -> None:
        assert self._bash.stdin is not None
        self._bash.stdin.write(line)
        self._bash.stdin.flush()


def _of_session(id_: int) -> list[int]:
    """Return the processes of a session that have not ended."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError):
                state, _, _, session = Path(entry.path, "stat").read_text().rpartition(")")[2].split()[:4]
                if int(session) == id_ and state not in {"Z", "X"}:
                    found.append(int(entry.name))
    return found


def shows(output: str, line: str) -> bool:
    """Return whether an output has the words of a line in this order, but for those that are others in each run."""
    expected, given = _fixed(line), _fixed(output)
    return any(given[start : start + len(expected)] == expected for start in range(len(given) + 1 - len(expected)))


_CHANGES = re.compile(r"\d|…|\.\.\.|[\[(]?(evt|dl|ord|wh)_")
_STATUS = re.compile(r"[1-5]\d\d,?")


def _fixed(text: str) -> list[str]:
    words = text.split()
    following = [*words[1:], ""]
    return [
        word
        for word, after in zip(words, following, strict=True)
        if not _CHANGES.search(word) or (_STATUS.fullmatch(word) and after not in {"ms", "s"})
    ]
