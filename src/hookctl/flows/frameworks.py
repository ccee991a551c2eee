"""Which web framework a folder's app is made with: what its own files say, read as text and never run."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from hookctl.model import Provider

_MOST_BYTES = 1024 * 1024
"""A list of dependencies that is longer is not looked at."""
_MOST_ROUTES = 2000
_PACKAGE_JSON = "package.json"
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_SEGMENT = re.compile(r"[A-Za-z0-9._~-]+")
_ROUTE_GROUP = re.compile(r"\(.*\)")
_ENDINGS = ("ts", "js", "tsx", "mts", "mjs")


@dataclass(frozen=True, slots=True)
class Framework:
    """What is usual for the apps of a web framework."""

    title: str
    packages: frozenset[str]
    """Names of the packages that an app of it depends on; one is enough."""
    port: int
    """Where its development server listens unless told otherwise."""
    ending: str = ""
    """What its paths end in by its own convention."""
    marker: str | None = None
    """A file that every app of it has, if there is one."""
    routes: tuple[str, ...] = ()
    """Folders in which the place of a file is the path of a URL."""

    def path(self, provider: Provider) -> str:
        """Return the path that a provider's deliveries usually go to: the page's, where it documents one."""
        path = provider.endpoint.path or f"/api/webhooks/{provider.name}"
        return path if path.endswith(self.ending) else f"{path}{self.ending}"


FRAMEWORKS = (
    # before Express: an app of Next.js may have a server of its own beside it
    Framework("Next.js", frozenset({"next"}), 3000, routes=("app", "src/app", "pages", "src/pages")),
    Framework("Express", frozenset({"express"}), 3000),
    # a POST to a path without the slash is not redirected but refused
    Framework("Django", frozenset({"django"}), 8000, ending="/", marker="manage.py"),
    Framework("FastAPI", frozenset({"fastapi"}), 8000),
    Framework("Flask", frozenset({"flask"}), 5000),
)
"""Every framework that is known, the first that fits wins."""

UNKNOWN = Framework("no framework that hookctl knows", frozenset(), 3000)
"""Stands for any other: the port of the vendors' examples."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a folder's files say about its app."""

    framework: Framework
    said_by: str | None
    """The file that named it; None where nothing did."""
    others: tuple[str, ...]
    """Titles of further frameworks that were named."""
    notes: tuple[str, ...]
    """Files that could not be used, each with why."""


def find_framework(folder: Path) -> Found:
    """Look into the files of one folder, and of no other: an app in a larger repository has its own."""
    notes: list[str] = []
    named = {name: file for file, names in _dependencies(folder, notes) for name in names}
    found: list[tuple[Framework, str]] = []
    for framework in FRAMEWORKS:
        files = [named[name] for name in sorted(framework.packages) if name in named]
        if not files and framework.marker and (folder / framework.marker).is_file():
            files = [framework.marker]
        if files:
            found.append((framework, files[0]))
    if not found:
        return Found(UNKNOWN, None, (), tuple(notes))
    return Found(*found[0], tuple(framework.title for framework, _ in found[1:]), tuple(notes))


def find_route(folder: Path, framework: Framework, provider: Provider) -> str | None:
    """Return the path of the route that bears a provider's name, where the place of a file is its path."""
    for root in framework.routes:
        for file in sorted(islice(_files(folder / root), _MOST_ROUTES)):
            path = _path_of(file, folder / root)
            if path is not None and provider.name in path.split("/"):
                return path
    return None


def _files(root: Path) -> Iterator[Path]:
    for ending in _ENDINGS:
        # a link in it is not followed: it may lead anywhere
        yield from root.glob(f"**/api/**/*.{ending}")


def _path_of(file: Path, root: Path) -> str | None:
    """Return the URL path that a file of Next.js answers; None for one that is no route, or one with parameters."""
    *folders, name = file.relative_to(root).parts
    stem = name.rpartition(".")[0]
    if root.name == "app":
        if stem != "route":
            return None
    elif stem != "index":
        folders.append(stem)
    segments = [segment for segment in folders if not _ROUTE_GROUP.fullmatch(segment)]
    if not all(map(_SEGMENT.fullmatch, segments)):
        return None
    return f"/{'/'.join(segments)}"


def _dependencies(folder: Path, notes: list[str]) -> Iterator[tuple[str, Iterable[str]]]:
    """Yield the names that each list of dependencies has, lower case, with its file's name."""
    readers = [(folder / _PACKAGE_JSON, _of_package_json)]
    readers += [(file, _of_requirements) for file in sorted(folder.glob("requirements*.txt"))]
    readers += [(folder / "pyproject.toml", _of_pyproject), (folder / "Pipfile", _of_pipfile)]
    for file, read in readers:
        # also no pipe and no device: they could be read for ever
        if not file.is_file():
            continue
        try:
            with file.open("rb") as stream:
                data = stream.read(_MOST_BYTES + 1)
            if len(data) > _MOST_BYTES:
                notes.append(f"{file.name} is larger than {_MOST_BYTES // 1024} KiB: not looked at")
                continue
            yield file.name, [name.lower() for name in read(data.decode("utf-8-sig"))]
        except OSError as error:
            notes.append(f"{file.name} cannot be read: {error.strerror}")
        except (ValueError, TypeError, RecursionError):
            notes.append(f"{file.name} is not what it should be: not looked at")


def _of_package_json(text: str) -> list[str]:
    content = json.loads(text)
    if not isinstance(content, dict):
        raise TypeError
    return [name for key in ("dependencies", "devDependencies") for name in _names(content.get(key))]


def _of_requirements(text: str) -> list[str]:
    return [match[1] for match in map(_REQUIREMENT.match, text.splitlines()) if match]


def _of_pyproject(text: str) -> list[str]:
    content = tomllib.loads(text)
    project = _table(content, "project")
    groups = [project.get("dependencies"), *_table(project, "optional-dependencies").values()]
    groups += _table(content, "dependency-groups").values()
    listed = [line for group in groups if isinstance(group, list) for line in group if isinstance(line, str)]
    poetry = _table(content, "tool", "poetry", "dependencies")
    return [*_of_requirements("\n".join(listed)), *poetry]


def _of_pipfile(text: str) -> list[str]:
    content = tomllib.loads(text)
    return [name for key in ("packages", "dev-packages") for name in _table(content, key)]


def _names(value: object) -> list[str]:
    return [str(name) for name in value] if isinstance(value, dict) else []


def _table(content: dict[str, object], *keys: str) -> dict[str, object]:
    for key in keys:
        inner = content.get(key)
        content = inner if isinstance(inner, dict) else {}
    return content
