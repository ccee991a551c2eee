"""Builds the sdist and the wheel as a release does, from a copy of the checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent.parent

# what is not part of the source, or belongs to whoever works in the checkout at the moment
LEFT_OUT = shutil.ignore_patterns(
    *(".git", ".venv", "node_modules", "dist", "__pycache__", ".*_cache", ".hypothesis", "*.egg-info")
)


@dataclass(frozen=True)
class Built:
    """Where the distributions are."""

    source: Path
    """The copy of the repository that they are built from."""
    sdist: Path
    wheel: Path


def build(folder: Path) -> Built:
    """Build both in an empty folder: the build writes beside what it builds."""
    shutil.copytree(ROOT, folder / "source", ignore=LEFT_OUT)
    # by default the wheel is built from the sdist, which proves the sdist, too; nothing is downloaded for either
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", folder / "source"], folder)
    (sdist,) = (folder / "dist").glob("*.tar.gz")
    (wheel,) = (folder / "dist").glob("*.whl")
    return Built(folder / "source", sdist, wheel)


def run(arguments: Sequence[str | Path], cwd: Path, env: dict[str, str] | None = None) -> str:
    """Run a program that must succeed, and return its standard output."""
    done = subprocess.run(arguments, cwd=cwd, env=env, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
