"""Prints the key under which an installed hookctl is cached: what it is made of, for what, and where it lies.

`hashFiles` of a workflow sees the workspace alone, and this action lies outside of it.
"""

from __future__ import annotations

import hashlib
import platform
import sys
from pathlib import Path

MADE_OF = ("pyproject.toml", "README.md", "LICENSE", "requirements/runtime.txt", "src", "fixtures", "action/install.sh")


def key(root: Path, home: str) -> str:
    """Return the key for a checkout of hookctl; an environment works in one place, so that the place is in it."""
    digest = hashlib.sha256(f"{home}\0{sys.executable}\0{sys.version}\0".encode())
    files = [root / name for name in MADE_OF]
    for file in sorted(inner for one in files for inner in ([one] if one.is_file() else one.rglob("*"))):
        if file.is_file() and "__pycache__" not in file.parts:
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            digest.update(f"{file.relative_to(root).as_posix()}\0{content}\0".encode())
    version = ".".join(platform.python_version_tuple()[:2])
    return f"hookctl-{platform.system()}-{platform.machine()}-python{version}-{digest.hexdigest()[:32]}"


if __name__ == "__main__":
    sys.stdout.write(f"{key(Path(sys.argv[1]), sys.argv[2])}\n")
