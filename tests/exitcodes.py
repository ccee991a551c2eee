"""The exit codes as docs/exit-codes.md has them: what runs of hookctl in tests end in is held against the page."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = Path(__file__).resolve().parent.parent / "docs" / "exit-codes.md"


def codes(section: str) -> set[int]:
    """Return the codes that the table of a section has."""
    return {int(code) for code in re.findall(r"^\| (\d+) \| ", _sections()[section], re.MULTILINE)}


def commands() -> list[str]:
    """Return the commands that the page has a section for."""
    return [heading.removeprefix("hookctl ") for heading in _sections() if heading.startswith("hookctl ")]


def check(code: int, arguments: Sequence[str]) -> None:
    """Fail when a run ended in a code that the page does not tell of its command, nor of every one."""
    command = arguments[0] if arguments else ""
    # of what is no command, the help and the version among it, the page tells nothing else
    told = codes("Everywhere") | (codes(f"hookctl {command}") if command in commands() else {0})
    # less than 0 is a signal that nobody could catch
    assert code in told or code < 0, f"docs/exit-codes.md does not tell that `hookctl {command}` ends in {code}"


@cache
def _sections() -> dict[str, str]:
    parts = re.split(r"^##? (.+)\n", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))
