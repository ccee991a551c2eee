"""Rules of the repository that no linter knows."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hookctl import __version__
from hookctl.catalogue import load_catalogue
from hookctl.cli.app import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "src").rglob("*.py"))
TESTS = sorted(path for path in (ROOT / "tests").rglob("*.py") if "node_modules" not in path.parts)
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
VENDORS = re.compile("|".join(provider.name for provider in load_catalogue().providers), re.IGNORECASE)


def relative(path: Path) -> str:
    """Return the part of a test's id that stands for a file."""
    return str(path.relative_to(ROOT))


def test_no_module_is_named_after_nothing_in_particular() -> None:
    vague = re.compile(r"(utils?|helpers?|common|misc)\d*$")
    names = [path.stem for path in [*SOURCES, *TESTS]] + [path.parent.name for path in [*SOURCES, *TESTS]]
    assert not [name for name in names if vague.search(name)]


def literals(tree: ast.Module) -> Iterator[ast.Constant]:
    """Yield every string that the program itself uses: no docstrings, and no text of its own help."""
    prose: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            prose.add(id(node.value))  # a docstring, of a module, a class, a function or a field
        elif isinstance(node, ast.keyword) and node.arg in {"help", "hint"}:
            prose.update(id(below) for below in ast.walk(node))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node


def names(tree: ast.Module) -> Iterator[ast.expr | ast.alias | ast.stmt]:
    """Yield everything that carries a name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute | ast.alias | ast.FunctionDef | ast.ClassDef):
            yield node


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_no_code_knows_a_vendor_by_name(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    known = [(node.lineno, node.value) for node in literals(tree) if VENDORS.search(str(node.value))]
    for node in names(tree):
        name = next(str(getattr(node, key)) for key in ("id", "attr", "name") if hasattr(node, key))
        if VENDORS.search(name):
            known.append((getattr(node, "lineno", 0), name))
    assert known == []


def test_the_rule_about_vendors_would_be_seen_to_be_broken() -> None:
    broken = ast.parse('"""Arky."""\nif provider == "arky":\n    x = Option(help="Arky")\narcade_header = 1\n')
    assert [node.value for node in literals(broken) if VENDORS.search(str(node.value))] == ["arky"]
    assert [node.id for node in names(broken) if isinstance(node, ast.Name) and VENDORS.search(node.id)] == [
        *("arcade_header",)
    ]


def requirements(lock: Path) -> list[str]:
    """Return each requirement of a lock with its options, comments left out."""
    text = re.sub(r"^\s*#.*$", "", lock.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def test_there_are_the_three_locks() -> None:
    assert [lock.name for lock in LOCKS] == ["dev.txt", "lowest.txt", "runtime.txt"]


@pytest.mark.parametrize("lock", LOCKS, ids=relative)
def test_every_requirement_of_a_lock_is_pinned_with_hashes_and_without_an_address(lock: Path) -> None:
    lines = requirements(lock)
    assert len(lines) > 10
    for line in lines:
        assert re.match(r"[A-Za-z0-9._-]+==[0-9A-Za-z.+!]+ ", line), line
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", line), line
    # neither a package's nor an index's: who installs decides where from
    text = lock.read_text(encoding="utf-8")
    assert not re.search(r"https?:|file:|git\+|--index|--extra-index|--find-links|^-[ief]\b", text, re.MULTILINE)


def test_what_is_installed_for_users_is_the_same_in_both_locks() -> None:
    dev, _, runtime = ({line.split(" ", 1)[0] for line in requirements(lock)} for lock in LOCKS)
    assert runtime <= dev


def test_the_locks_cover_every_dependency_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    runtime = {_name(line) for line in requirements(ROOT / "requirements" / "runtime.txt")}
    dev = {_name(line) for line in requirements(ROOT / "requirements" / "dev.txt")}
    assert {_name(text) for text in [*project["project"]["dependencies"], *groups["build"]]} <= runtime
    assert {_name(text) for text in groups["dev"]} <= dev
    lowest = {_name(line) for line in requirements(ROOT / "requirements" / "lowest.txt")}
    assert {_name(text) for text in project["project"]["dependencies"]} <= lowest


def _name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match
    return re.sub(r"[-_.]+", "-", match.group()).lower()


def test_the_lock_of_the_node_receivers_has_hashes_and_no_addresses() -> None:
    lock = json.loads((ROOT / "tests" / "receivers" / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if not package["integrity"].startswith("sha512-")] == []


def test_the_changelog_speaks_of_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[(.+?)\]", text, re.MULTILINE)
    assert headings, "no section"
    assert headings[0] in {"Unreleased", __version__}
    assert __version__ in headings or headings == ["Unreleased"]
    assert len(headings) == len(set(headings))


def test_the_readme_names_every_command() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in COMMANDS:
        assert f"hookctl {command}" in text
