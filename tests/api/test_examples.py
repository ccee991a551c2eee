"""The examples of the library's page and docstrings do as they say."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

import hookctl.api

PAGE = Path(__file__).resolve().parents[2] / "docs" / "python-api.md"
_FLAGS = doctest.ELLIPSIS


def _examples() -> list[doctest.DocTest]:
    page = PAGE.read_text(encoding="utf-8")
    found = [doctest.DocTestParser().get_doctest(page, {}, PAGE.name, str(PAGE), 0)]
    return [*found, *(test for test in doctest.DocTestFinder().find(hookctl.api) if test.examples)]


@pytest.mark.parametrize("example", _examples(), ids=lambda example: example.name)
def test_an_example_does_as_it_says(example: doctest.DocTest) -> None:
    assert example.examples
    told: list[str] = []
    doctest.DocTestRunner(optionflags=_FLAGS, verbose=False).run(example, out=told.append)
    assert told == []


def test_the_page_shows_every_function() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name in ("render", "sign", "verify"):
        assert f"\n## {name}\n" in page
        assert f"hookctl.{name}(" in page
