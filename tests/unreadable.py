"""A file that is there and cannot be read, for root too."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def unreadable(path: Path) -> Path:
    """Make a file whose reading fails."""
    if os.geteuid() != 0:
        path.write_text("x")
        path.chmod(0)
    else:
        # permissions do not stop root, but at address 0 of a process there is nothing to read
        path.symlink_to("/proc/self/mem")
    return path
