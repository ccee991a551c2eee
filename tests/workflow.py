"""What GitHub's runner reads of a step, written anew from its source: commands in its output, and its outputs.

ActionCommand.cs and ActionCommandManager.cs of actions/runner: a line is tried as `::name properties::data`, then as
`##[name properties]data`; while commands are stopped, only the token that ends that is one. Lines are those of .NET's
StreamReader: they end at LF, CR, or both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NAMES = frozenset(
    {
        *("add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group", "notice"),
        *("remove-matcher", "save-state", "set-env", "set-output", "stop-commands", "warning"),
    }
)


@dataclass(frozen=True)
class Command:
    """One that the runner would carry out."""

    name: str
    properties: dict[str, str]
    data: str


def commands_in(output: bytes) -> list[Command]:
    """Return the commands that a step's output holds."""
    found: list[Command] = []
    stopped: str | None = None
    text = output.decode("utf-8", "replace").removeprefix("\ufeff")
    for line in re.split(r"\r\n|\r|\n", text):
        known = NAMES | ({stopped.lower()} if stopped is not None else set())
        command = _new_style(line, known) or _old_style(line, known)
        if command is None:
            continue
        if stopped is not None:
            if command.name == stopped.lower():
                stopped = None
            continue
        if command.name == "stop-commands":
            stopped = command.data
        found.append(command)
    return found


def _new_style(line: str, known: frozenset[str] | set[str]) -> Command | None:
    line = line.lstrip()
    if not line.startswith("::"):
        return None
    end = line.find("::", 2)
    if end < 0:
        return None
    return _command(line[2:end], ",", line[end + 2 :], known, "\r\n:,%")


def _old_style(line: str, known: frozenset[str] | set[str]) -> Command | None:
    start = line.find("##[")
    end = line.find("]", start)
    if start < 0 or end < 0:
        return None
    return _command(line[start + 3 : end], ";", line[end + 1 :], known, ";\r\n]%")


def _command(head: str, mark: str, data: str, known: frozenset[str] | set[str], escaped: str) -> Command | None:
    name, _, rest = head.partition(" ")
    if name.lower() not in known:
        return None
    pairs = (part.partition("=") for part in rest.strip().split(mark) if "=" in part)
    properties = {key: _unescaped(value, escaped) for key, _, value in pairs if key and value}
    return Command(name.lower(), properties, _unescaped(data, "\r\n%" if mark == "," else escaped))


def _unescaped(text: str, characters: str) -> str:
    # the per cent sign last, as the runner does
    for character in characters:
        text = text.replace(f"%{ord(character):02X}", character)
    return text


def read_outputs(file: Path) -> dict[str, str]:
    """Return outputs as the runner reads them: `name=value`, or a value up to a line of the writer's choice."""
    lines = iter(file.read_text(encoding="utf-8").splitlines())
    found: dict[str, str] = {}
    for line in lines:
        if re.match(r"[\w-]+<<", line):
            name, _, end = line.partition("<<")
            value: list[str] = []
            while (text := next(lines)) != end:
                value.append(text)
            found[name] = "\n".join(value)
        elif line:
            name, equals, text = line.partition("=")
            assert equals, line
            found[name] = text
    return found
