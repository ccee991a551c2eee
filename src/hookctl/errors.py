"""The exception tree and the exit codes: what can go wrong, and what a script sees of it.

Every error that hookctl raises on purpose derives from `HookctlError` and carries the exit code it ends
in, one sentence that names the thing, and where possible a hint that says what to do next. The single
place that catches them is `hookctl.cli.main`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What the process answers. The numbers are a promise to scripts and never change."""

    YES = 0
    """Everything asked for is so."""
    NO = 1
    """The answer is no: an unexpected status, an invalid signature, a failed check."""
    USAGE = 2
    """The command line itself is wrong."""
    INPUT = 3
    """Bad input or configuration: unknown event or path, unreadable file, no secret."""
    NETWORK = 4
    """Not delivered: unreachable, refused, TLS, timed out."""
    VENDOR = 5
    """The vendor's API or the tunnel failed."""
    INCONCLUSIVE = 6
    """Nothing can be said either way."""
    BUG = 70
    """hookctl itself is broken (EX_SOFTWARE of sysexits.h)."""
    INTERRUPTED = 130
    """Ctrl-C (128 + SIGINT)."""


class HookctlError(Exception):
    """Base of every error that hookctl raises on purpose.

    Attributes:
        message: one sentence that names the thing at fault.
        hint: what to do about it, or None.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.BUG

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(HookctlError):
    """The command line contradicts itself or asks for what does not exist."""

    exit_code = ExitCode.USAGE


class InputError(HookctlError):
    """A file, value, event, path or endpoint given by the user cannot be used."""

    exit_code = ExitCode.INPUT


class UnknownNameError(InputError):
    """A name that is not in a closed set; the hint holds the nearest valid one.

    Args:
        kind: what was named, as a noun ("event", "provider").
        name: what the user wrote.
        known: the valid names.
        where: appended to the sentence, for instance " in hookctl.toml".
    """

    def __init__(self, kind: str, name: str, known: list[str], *, where: str = "") -> None:
        hint = did_you_mean(name, known)
        if hint is None and 0 < len(known) <= 8:
            hint = f"known: {', '.join(known)}"
        super().__init__(f"unknown {kind} {name!r}{where}", hint=hint)


class PathError(InputError):
    """A `--set`, `--add` or `--unset` path or value that does not fit the payload."""


class ConfigError(InputError):
    """A configuration file or `HOOKCTL_*` variable that cannot be used."""


class ProviderError(InputError):
    """A provider's description is missing, malformed or contradicts itself."""


class SecretError(InputError):
    """No usable signing secret. Never carries the secret's value."""


class MissingSecretError(SecretError):
    """No signing secret is set."""


def did_you_mean(name: str, known: list[str]) -> str | None:
    """Return a "did you mean" sentence for the nearest of `known`, or None when nothing is near."""
    # difflib takes milliseconds to load and only an error needs it
    from difflib import get_close_matches

    folded = {candidate.casefold(): candidate for candidate in known}
    near = get_close_matches(name.casefold(), list(folded), n=3, cutoff=0.6)
    if not near:
        return None
    return "did you mean " + " or ".join(repr(folded[match]) for match in near) + "?"
