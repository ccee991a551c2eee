"""The bound on the work of a diagnosis; apart from it, since a run that finds everything valid loads none of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """How much work the diagnosis of one delivery may cost."""

    signatures: int = 4096
    """Signatures that are computed."""
    hashed_bytes: int = 64 * 1024 * 1024
    """Bytes that are hashed for them."""


USUAL = Effort()
"""For captures that are told one by one."""
