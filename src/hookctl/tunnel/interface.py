"""What a tunnel is to the rest of the program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

from hookctl.errors import ExitCode, HookctlError

if TYPE_CHECKING:
    from collections.abc import Callable

Say: TypeAlias = "Callable[[str], None]"
"""Is told in a sentence what the user may want to know meanwhile; called from any thread."""


class TunnelError(HookctlError):
    """The tunnel cannot be opened, or is not open any more."""

    exit_code = ExitCode.VENDOR


class Tunnel(Protocol):
    """Leads from a public URL to a port of 127.0.0.1. Opened once; closed in every case, from any thread."""

    def open(self, port: int) -> str:
        """Open it and return the public URL, without a slash at its end. Takes seconds, and never without limit.

        Raises:
            TunnelError: it cannot be opened, or was closed meanwhile.
            InputError: what the user gave for it cannot be used.
        """

    def problem(self) -> TunnelError | None:
        """Return why it is not open any more; None as long as it is."""

    def close(self) -> None:
        """Close it, whatever its state is, and leave nothing behind. Never raises."""
