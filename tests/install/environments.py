"""Clean environments of the Pythons that are on this machine, with hookctl installed as users install it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.install.distributions import ROOT, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.install.distributions import Built

SUPPORTED = ("3.11", "3.12", "3.13", "3.14")
"""Those that are looked for; the first is the oldest that hookctl runs on."""

_UV = Path(sys.executable).with_name("uv")

_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)


@dataclass(frozen=True)
class Way:
    """A way of installing hookctl."""

    python: str
    """Its version: "3.11"."""
    interpreter: Path
    form: str = "wheel"
    """`wheel` or `sdist`."""
    versions: str = "runtime"
    """The list in `requirements/` that says which version of each dependency it is."""
    beside: tuple[str, ...] = ()
    """What else is installed there."""

    @property
    def name(self) -> str:
        """What it is called in a test's id."""
        return "-".join((self.python, self.form, self.versions, *self.beside))


def ways() -> Iterator[Way]:
    """Yield every way that is tried: the two lists of versions with each Python, and what else may differ with one."""
    pythons = dict(_interpreters())
    for python, interpreter in pythons.items():
        yield Way(python, interpreter)
        yield Way(python, interpreter, versions="lowest")
    python, interpreter = next(iter(pythons.items()))
    yield Way(python, interpreter, form="sdist")
    # httpx brings a command line of its own to life where it finds this one
    yield Way(python, interpreter, beside=("click",))
    # hookctl is a plugin of this one
    yield Way(python, interpreter, beside=("pytest",))


def _interpreters() -> Iterator[tuple[str, Path]]:
    """Yield each supported Python that is here, on the PATH or where pyenv keeps them."""
    own = ".".join(map(str, sys.version_info[:2]))
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in SUPPORTED:
        found = shutil.which(f"python{version}")
        places = [Path(sys.base_prefix) / "bin" / f"python{version}"] if version == own else []
        places += sorted(pyenv.glob(f"{version}.*/bin/python"))
        places += [Path(found)] if found else []
        for place in places:
            if _version_of(place) == version:
                yield version, place
                break


def _version_of(interpreter: Path) -> str | None:
    """Return which Python it is; None for what does not run, such as pyenv's stand-in for one that is not chosen."""
    script = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([interpreter, "-c", script], capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


@dataclass(frozen=True)
class Installed:
    """An environment with hookctl in it."""

    way: Way
    python: Path

    def packages(self) -> dict[str, str]:
        """Return the version of everything that is installed there, by name."""
        listed = run([_UV, "pip", "list", "--quiet", "--python", self.python, "--format", "json"], self.python.parent)
        return {package["name"]: package["version"] for package in json.loads(listed)}

    def check(self) -> None:
        """Fail when a distribution lacks something that it says it needs."""
        run([_UV, "pip", "check", "--quiet", "--python", self.python], self.python.parent)


def install(way: Way, built: Built, folder: Path) -> Installed:
    """Make an environment in an empty folder and install hookctl there, with what it needs and nothing else."""
    home = folder / "venv"
    distribution = built.wheel if way.form == "wheel" else built.sdist
    # without the hashes, which the distribution itself has none of
    constraints = folder / "versions.txt"
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in pins_of(way).items()))
    options: list[str | Path] = ["--quiet", "--constraint", constraints, distribution, *way.beside]
    python = home / "bin" / "python"
    try:
        # a tenth of the time that pip takes
        run([_UV, "venv", "--quiet", "--no-python-downloads", "--python", way.interpreter, home], folder)
        run([_UV, "pip", "install", "--system-certs", "--compile-bytecode", "--python", python, *options], folder)
    except AssertionError:
        # it knows nothing of pip's configuration, which may say where packages come from
        run([way.interpreter, "-m", "venv", "--clear", home], folder)
        run([python, "-m", "pip", "install", "--disable-pip-version-check", *options], folder)
        # there in an environment of this kind, and no dependency
        run([python, "-m", "pip", "uninstall", "--quiet", "--yes", "setuptools", "pip"], folder)
    return Installed(way, python)


def pins_of(way: Way) -> dict[str, str]:
    """Return the version of everything that may be there; what hookctl does not need is as its tests have it."""
    return (pins("dev") if way.beside else {}) | pins(way.versions)


def pins(versions: str) -> dict[str, str]:
    """Return what a list in `requirements/` pins."""
    return dict(_PIN.findall((ROOT / "requirements" / f"{versions}.txt").read_text(encoding="utf-8")))


def floors() -> dict[str, str]:
    """Return the lowest version that hookctl allows of each of its dependencies."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = {}
    for requirement in project["dependencies"]:
        match = re.match(r"([A-Za-z0-9._-]+)>=([0-9.]+)", requirement)
        assert match, f"{requirement} has no lowest version"
        found[match[1]] = match[2]
    return found
