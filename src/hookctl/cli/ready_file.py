"""`--ready-file`: how a script learns that a port is open, and which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from hookctl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_Event = TypeVar("_Event")


class Opening(Protocol):
    """What a server tells when its port is open."""

    @property
    def url(self) -> str:
        """Where it listens."""


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


def marking(take: Callable[[_Event], None], mark: ReadyFile | None, opening: type[Opening]) -> Callable[[_Event], None]:
    """Return what takes a server's events and lets the file appear when the port is open, before that is told."""

    def take_and_mark(event: _Event) -> None:
        if mark is not None and isinstance(event, opening):
            mark.write(event.url)
        take(event)

    return take_and_mark
