"""Links of the documentation lead to files and headings that are there, and every page can be found."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest

from tests.docs.pages import DOCS, PAGES, Link, name, read_page

if TYPE_CHECKING:
    from pathlib import Path

INDEX = DOCS / "README.md"


def _inner(page: Path) -> list[Link]:
    return [link for link in read_page(page).links if not urlsplit(link.target).scheme]


def _file(page: Path, link: Link) -> Path:
    path = unquote(urlsplit(link.target).path)
    return (page.parent / path).resolve() if path else page


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_of_a_page_lead_to_files_and_headings(page: Path) -> None:
    for link in _inner(page):
        file, anchor = _file(page, link), unquote(urlsplit(link.target).fragment)
        assert file.exists(), f"{name(page)}:{link.line} links to {link.target}"
        if anchor:
            assert anchor in read_page(file).anchors, f"{name(page)}:{link.line} links to {link.target}"


def test_every_page_of_the_documentation_is_reached_from_its_index() -> None:
    reached, ahead = {INDEX}, [INDEX]
    while ahead:
        page = ahead.pop()
        found = {_file(page, link) for link in _inner(page)} & set(PAGES) - reached
        reached |= found
        # the way through a page outside of docs/ counts for nothing
        ahead += [one for one in found if one.is_relative_to(DOCS)]
    assert {name(page) for page in PAGES if page.is_relative_to(DOCS)} <= {name(page) for page in reached}


def test_the_anchor_of_a_heading_is_as_github_makes_it() -> None:
    assert {"units", "idsnamecall", "the-keys-of-providertoml"} & read_page(DOCS / "write-a-provider.md").anchors == {
        "units",
        "the-keys-of-providertoml",
    }
