"""The pages of the documentation, as Markdown is read: headings, links, and blocks with what stands before them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = (*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md")))

SHELL = frozenset({"console", "sh", "bash", "shell"})
"""The languages of blocks that are run."""

_SHOWN_FILE = re.compile(r"This is `([^`]+)`")


@dataclass(frozen=True)
class Block:
    """A block of code of a page."""

    page: Path
    line: int
    """The number of its first line, from 1."""
    section: str
    """The heading it stands under, of whatever level; empty before the first."""
    language: str
    text: str
    before: str
    """The paragraph just before it; empty where none is."""

    @property
    def file(self) -> str | None:
        """The file that it shows, where the paragraph before it says `This is ...`."""
        found = _SHOWN_FILE.findall(self.before)
        return found[-1] if found and self.before.endswith(":") else None

    @property
    def place(self) -> str:
        """Where it stands, for messages."""
        return f"{name(self.page)}:{self.line}"


@dataclass(frozen=True)
class Link:
    """A link of a page, or a picture."""

    target: str
    line: int


@dataclass(frozen=True)
class Page:
    """What a page has."""

    blocks: tuple[Block, ...]
    links: tuple[Link, ...]
    anchors: frozenset[str]
    """What can stand behind `#`."""
    code: tuple[str, ...]
    """What stands between backticks in its sentences."""


def name(page: Path) -> str:
    """Return how a page is called in messages and in the ids of tests."""
    return str(page.relative_to(ROOT))


@cache
def read_page(page: Path) -> Page:
    """Read a page."""
    tokens = MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))
    return Page(tuple(_blocks(page, tokens)), tuple(_links(tokens)), frozenset(_anchors(tokens)), tuple(_code(tokens)))


def block_of(page: Path, file: str) -> Block:
    """Return the block of a page that shows a file."""
    (block,) = (block for block in read_page(page).blocks if block.file == file)
    return block


def _blocks(page: Path, tokens: Sequence[Token]) -> Iterator[Block]:
    section = ""
    for index, token in enumerate(tokens):
        if token.type == "heading_open":
            section = tokens[index + 1].content
        # indented ones too, in no language: nothing is to hide there
        if token.type in {"fence", "code_block"}:
            assert token.map is not None
            follows = index > 0 and tokens[index - 1].type == "paragraph_close"
            before = tokens[index - 2].content if follows else ""
            yield Block(page, token.map[0] + 2, section, token.info.strip(), token.content, before)


def _links(tokens: Sequence[Token]) -> Iterator[Link]:
    line = 0
    for token in tokens:
        line = token.map[0] + 1 if token.map else line
        for child in token.children or ():
            target = child.attrGet({"link_open": "href", "image": "src"}.get(child.type, ""))
            if isinstance(target, str):
                yield Link(target, line)


def _code(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        yield from (child.content for child in token.children or () if child.type == "code_inline")


def _anchors(tokens: Sequence[Token]) -> Iterator[str]:
    """Yield the anchors of headings as GitHub makes them."""
    taken: dict[str, int] = {}
    for index, token in enumerate(tokens):
        if token.type != "heading_open":
            continue
        text = "".join(child.content for child in tokens[index + 1].children or ())
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        number = taken[slug] = taken.get(slug, -1) + 1
        yield f"{slug}-{number}" if number else slug
