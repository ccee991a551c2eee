"""Every command has a picture that shows it, fetches nothing, and holds nothing of the machine that it was drawn on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from docs.make_pictures import ALL, PICTURES, picture
from hookctl.cli.app import COMMANDS
from tests.docs.pages import ROOT

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 64 * 1024
SVG = "{http://www.w3.org/2000/svg}"


def test_every_command_has_a_picture_and_there_are_no_others() -> None:
    assert list(ALL) == list(COMMANDS)
    assert {file.name for file in PICTURES.iterdir()} == {f"{name}.svg" for name in COMMANDS}
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert re.findall(r"\]\(pictures/(\w+)\.svg\)", page) == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_picture_shows_its_command_and_nothing_of_the_machine_that_drew_it(name: str) -> None:
    data = (PICTURES / f"{name}.svg").read_bytes()
    assert len(data) < MAX_BYTES
    # ours, and parsed without what entities could do
    assert b"<!DOCTYPE" not in data
    lines = ["".join(line.itertext()).replace("\xa0", " ") for line in ET.fromstring(data).iter(f"{SVG}text")]  # noqa: S314
    shown = "".join(lines)
    command = 'eval "$(hookctl completion bash)"' if name == "completion" else f"hookctl {name}"
    # behind the window's title and the prompt
    assert shown.removeprefix("hookctl$").lstrip().startswith(command)
    text = data.decode()
    assert not re.search(r"@import|@font-face|<script|href=|src=|url\((?!#)", text)
    assert not re.search(r"/(tmp|work|root|var|opt)/|/home/(?!me\b)|site-packages", text)
    # a port that was free by chance is nothing that a reader has
    assert set(re.findall(r"(?:127\.0\.0\.1|localhost):(\d+)", shown)) <= {"3000", "4400", "4410", "8080", "49210"}
    assert "Traceback" not in shown
    assert "\x1b" not in text


@pytest.mark.parametrize("name", ["events", "init", "config"])
def test_a_picture_without_times_and_ids_is_as_it_would_be_drawn_now(tmp_path: Path, name: str) -> None:
    picture(name, tmp_path)
    assert (tmp_path / f"{name}.svg").read_bytes() == (PICTURES / f"{name}.svg").read_bytes(), "run `make pictures`"
