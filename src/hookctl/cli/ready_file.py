"""`--ready-file`: how a script learns that a port is open, and which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


class ReadyFile:
    """The file that says that the port is open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # one that an earlier run has left would be believed
        self.remove()

    def write(self, url: str) -> None:
        """Let it appear."""
        from hookctl.report.files import write_atomically

        write_atomically(self._path, f"{url}\n".encode())

    def remove(self) -> None:
        """Take it away."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise UsageError(f"--ready-file {self._path}: {error.strerror}") from None
