"""A tunnel that somebody else has opened: hookctl is told its URL and nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookctl.tunnel.interface import TunnelError


class PublicUrl:
    """A public URL that leads to the capture port already.

    Args:
        url: a checked URL.
    """

    def __init__(self, url: str) -> None:
        self._url = url.removesuffix("/")

    def open(self, port: int) -> str:  # noqa: ARG002 - where it leads is its owner's business
        """Return the URL."""
        return self._url

    def problem(self) -> TunnelError | None:
        """Return None: nothing is known about it."""
        return None

    def close(self) -> None:
        """Leave it open: it is not hookctl's."""
