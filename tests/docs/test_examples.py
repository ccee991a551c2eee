"""Every shell example of the documentation is run, by a shell, as a reader would who goes from one to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml  # type: ignore[import-untyped]  # its types are another package

from tests.docs.pages import DOCS, PAGES, README, SHELL, Block, name, read_page
from tests.docs.shell import Example, Shell, examples, shows
from tests.docs.stage import staged, write_npm_app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.docs.shell import Started
    from tests.docs.stage import Stage

NOT_RUN = {
    "bash .ci/run": "it runs these tests",
}
"""Commands that are not run, and why."""

BY_SECTION = {README, DOCS / "commands.md"}
"""Pages whose sections stand for themselves."""


@dataclass(frozen=True)
class Story:
    """Blocks that build on each other: a guide from its beginning, or a section."""

    title: str
    blocks: tuple[Block, ...]


def _stories() -> Iterator[Story]:
    for page in PAGES:
        blocks = read_page(page).blocks
        sections = dict.fromkeys(block.section for block in blocks) if page in BY_SECTION else [None]
        for section in sections:
            told = tuple(block for block in blocks if section in {None, block.section})
            if any(_commands(block) for block in told):
                yield Story(f"{name(page)}: {section}" if section else name(page), told)


def _commands(block: Block) -> list[Example]:
    """Return the commands of a block: of a shell's, or of a workflow of a CI."""
    if block.language in SHELL:
        return list(examples(block))
    if block.language == "yaml":
        return list(_of_workflow(yaml.safe_load(block.text), block.place))
    return []


def _of_workflow(value: Any, place: str) -> Iterator[Example]:  # noqa: ANN401 - YAML
    """Yield the commands of a CI's file: GitHub's `run`, a script each, and the lines of GitLab's `script`."""
    if isinstance(value, list):
        for one in value:
            yield from _of_workflow(one, place)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key == "run" and isinstance(inner, str):
                yield Example(place, inner, script=True)
            elif key in {"before_script", "script", "after_script"}:
                yield from (Example(place, line) for line in ([inner] if isinstance(inner, str) else inner))
            else:
                yield from _of_workflow(inner, place)


STORIES = list(_stories())


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.title)
def test_the_examples_do_what_the_page_says(story: Story, tmp_path: Path) -> None:
    with staged(tmp_path) as stage:
        write_npm_app(stage)
        with Shell(stage.cli.folder, stage.notes, stage.cli.environment()) as shell:
            Reader(stage, shell).follow(story)


class Reader:
    """Somebody who follows a page."""

    def __init__(self, stage: Stage, shell: Shell) -> None:
        self._stage = stage
        self._shell = shell
        self._open: dict[str, tuple[Example, Started]] = {}
        """What goes on in other terminals, by what it is."""
        self._own_app = False
        """Whether the reader has started the app, and left it running."""

    def follow(self, story: Story) -> None:
        """Do what blocks say, one after another."""
        for block in story.blocks:
            if block.file is not None:
                self._stage.write(block.file, block.text)
            for example in _commands(block):
                if example.bare not in NOT_RUN:
                    self._do(example)
        for server in list(self._open):
            self._interrupt(server)
        # what an example has put into the background itself
        assert set(self._shell.interrupt_all()) <= {0, 130}

    def _do(self, example: Example) -> None:
        if example.server in self._open:
            # of two on one port, or with one webhook, the first has to end
            self._interrupt(example.server)
        self._see_to_the_app(example)
        if example.server is not None and example.goes_on:
            self._open[example.server] = (example, self._shell.start(self._stage.here(example.bare)))
            return
        command = self._stage.here(example.command)
        if example.waits_for:
            started = self._shell.start(self._stage.here(example.bare))
            self._stage.deliver(example.waits_for)
            done = self._shell.wait(started)
        else:
            done = self._shell.run(command, script=example.script)
        assert done.code == example.code, f"{example.place}: {command}\nexit code {done.code}\n{done.output}"
        _compare(example, done.output)
        self._stage.settle()

    def _see_to_the_app(self, example: Example) -> None:
        if example.starts_app:
            self._stage.app.stop()
            self._own_app = self._own_app or example.leaves_app
        elif not self._own_app:
            self._stage.app.run()

    def _interrupt(self, server: str) -> None:
        example, started = self._open.pop(server)
        self._shell.wait_for(started, example.shown)
        done = self._shell.interrupt(started)
        assert done.code == 130, f"{example.place}: {example.command}\nexit code {done.code}\n{done.output}"
        assert "error:" not in done.output, f"{example.place}: {example.command}\n{done.output}"
        _compare(example, done.output)


def _compare(example: Example, output: str) -> None:
    missing = [line for line in example.shown if line.strip() and not shows(output, line)]
    assert not missing, f"{example.place}: {example.command}\nshows\n{output}\nand not\n" + "\n".join(missing)


def test_what_is_not_run_is_in_a_page() -> None:
    given = {example.bare for story in STORIES for block in story.blocks for example in _commands(block)}
    assert set(NOT_RUN) <= given
