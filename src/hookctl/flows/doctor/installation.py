"""The interpreter, hookctl itself, and whether each start has to compile it anew."""

from __future__ import annotations

import os
import platform
import sys
from importlib.util import cache_from_source
from pathlib import Path
from typing import TYPE_CHECKING

import hookctl
from hookctl.flows.doctor.diagnostic import Diagnostic, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.flows.doctor.diagnostic import Setup

_COMPILED_ANEW = "each start of hookctl compiles {count} of its modules anew"


def check_python(_setup: Setup) -> Iterator[Diagnostic]:
    """Say which interpreter runs."""
    said = f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}"
    yield Diagnostic("python", Result.OK, said)


def check_hookctl(_setup: Setup) -> Iterator[Diagnostic]:
    """Say which hookctl runs."""
    yield Diagnostic("hookctl", Result.OK, f"{hookctl.__version__}, {_package()}")


def check_bytecode(setup: Setup) -> Iterator[Diagnostic]:
    """Say whether what this run has compiled is kept for the next."""
    missing = [source for source in _loaded() if not _is_compiled(source)]
    if not missing:
        yield Diagnostic("bytecode", Result.OK, "compiled: starts are as fast as they can be")
        return
    detail = _COMPILED_ANEW.format(count=len(missing))
    fix = f"{sys.executable} -m compileall -q {_package()}"
    if setup.runtime.env.get("PYTHONDONTWRITEBYTECODE"):
        yield Diagnostic("bytecode", Result.WARN, f"{detail}: PYTHONDONTWRITEBYTECODE is set", f"unset it, or {fix}")
        return
    folder = Path(cache_from_source(str(missing[0]))).parent
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    why = "" if os.access(existing, os.W_OK) else f": {existing} cannot be written to"
    yield Diagnostic("bytecode", Result.WARN, f"{detail}{why}", f"as a user who may write there: {fix}")


def _package() -> Path:
    return Path(hookctl.__file__).parent


def _loaded() -> list[Path]:
    """Return the source files of hookctl's own modules that this run has loaded."""
    names = [name for name in sys.modules if name == "hookctl" or name.startswith("hookctl.")]
    files = (getattr(sys.modules[name], "__file__", None) for name in sorted(names))
    return [Path(file) for file in files if file and file.endswith(".py")]


def _is_compiled(source: Path) -> bool:
    try:
        return Path(cache_from_source(str(source))).stat().st_mtime >= source.stat().st_mtime
    except OSError:
        return False
