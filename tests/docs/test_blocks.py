"""What the pages show is what it says it is: JSON is JSON, a program is a program, and no command hides in a text."""

from __future__ import annotations

import doctest
import json
import subprocess
import tomllib
from typing import TYPE_CHECKING

import pytest
import yaml  # type: ignore[import-untyped]  # its types are another package

from tests.docs.pages import PAGES, SHELL, Block, name, read_page

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _no_command(text: str) -> None:
    lines = [line.lstrip() for line in text.splitlines() if "[OPTIONS]" not in line]
    hidden = [line for line in lines if line.startswith(("$ ", "hookctl "))]
    assert not hidden, "a command belongs into a console block, which is run"


def _json(text: str) -> None:
    lines = text.splitlines()
    # records, one to a line, or one value
    for part in lines if len(lines) > 1 and lines[0].endswith("}") else [text]:
        json.loads(part)


def _module(text: str) -> None:
    done = subprocess.run(
        ["node", "--input-type=module", "--check"], input=text, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


READERS: dict[str, Callable[[str], object]] = {
    "text": _no_command,
    "json": _json,
    "toml": tomllib.loads,
    "yaml": yaml.safe_load,
    "python": lambda text: compile(text, "page", "exec"),
    "pycon": doctest.DocTestParser().get_examples,
    "js": _module,
    # of these nobody here is a judge
    "sql": str,
    "http": str,
}


@pytest.mark.parametrize("page", [page for page in PAGES if read_page(page).blocks], ids=name)
def test_every_block_of_a_page_is_in_the_language_that_it_names(page: Path) -> None:
    for block in read_page(page).blocks:
        if block.language not in SHELL:
            _read(block)


def _read(block: Block) -> None:
    assert block.language in READERS, f"{block.place} is in {block.language or 'no language'}"
    try:
        READERS[block.language](block.text)
    except (ValueError, SyntaxError, AssertionError, yaml.YAMLError) as error:
        pytest.fail(f"{block.place}: {error}")
