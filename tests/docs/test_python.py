"""The Python of the pages does what they say; that of docs/python-api.md is run by tests/api."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hookctl.receiver import BackgroundServer
from tests.docs.pages import DOCS, README, ROOT, read_page
from tests.docs.receiver import SECRETS, Receiver
from tests.pytest_plugin.runs import run_pytest

if TYPE_CHECKING:
    import pytest

    from tests.docs.pages import Block

SHOP = Path(__file__).with_name("shop.py")
CLIENT = """
import pytest
from shop import create_app

@pytest.fixture
def client():
    return create_app().test_client()
"""


def _python(page: Path, section: str | None = None) -> list[Block]:
    return [one for one in read_page(page).blocks if one.language == "python" and section in {None, one.section}]


def test_every_test_of_the_pages_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, secret in SECRETS.items():
        monkeypatch.setenv(name, secret)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    shutil.copy(SHOP, tmp_path / "shop.py")
    for block in read_page(DOCS / "write-a-provider.md").blocks:
        if block.file is not None:
            file = tmp_path / "webhooks" / block.file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, encoding="utf-8")
    settings = [one.text for one in read_page(DOCS / "pytest.md").blocks if one.language == "toml"]
    # two settings of one table
    keys = "".join(text.removeprefix("[tool.pytest.ini_options]\n") for text in settings)
    blocks = [*_python(DOCS / "pytest.md"), *_python(README, "In pytest")]
    with BackgroundServer(Receiver(), host="localhost") as server:
        files = {"conftest.py": CLIENT, "pyproject.toml": f"[tool.pytest.ini_options]\n{keys}"}
        for number, block in enumerate(blocks):
            text = block.text.replace("3000", str(server.port))
            files[f"test_{number}.py"] = f"import pytest\nfrom shop import *\n\n{text}"
        run = run_pytest(tmp_path, files)
    assert run.code == 0, run.out
    written = {name for block in blocks for name in re.findall(r"^def (test_\w+)", block.text, re.MULTILINE)}
    assert written == {name.partition("[")[0] for name in run.results}


def test_the_library_in_the_readme_does_what_its_comments_say() -> None:
    (block,) = _python(README, "From Python")
    names: dict[str, Any] = {"secret": SECRETS["ARKY_WEBHOOK_SECRET"]}
    exec(block.text, names)  # noqa: S102 - the page's
    assert names["verdict"].valid
