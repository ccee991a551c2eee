"""What can go wrong with a vendor's API, each with what to do about it."""

from __future__ import annotations

from hookctl.errors import ExitCode, HookctlError, InputError


class ApiError(HookctlError):
    """The API answered, and not with what was asked for."""

    exit_code = ExitCode.VENDOR

    def __init__(self, message: str, *, hint: str | None = None, status: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        """The HTTP status it answered."""


class ApiUnreachableError(HookctlError):
    """No whole answer came."""

    exit_code = ExitCode.NETWORK


class MaskedValueError(InputError):
    """The API shows a value masked, and a write without the real one would lose it."""

    def __init__(self, message: str, *, hint: str | None = None, is_secret: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.is_secret = is_secret
        """Whether it is the signing secret, which the user can give."""


class BusyError(HookctlError):
    """Another run of hookctl holds the webhook."""

    exit_code = ExitCode.VENDOR

    def __init__(self, message: str, *, hint: str | None = None, pid: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.pid = pid
        """The process that holds it; 0 when it has not said which it is."""


class JournalError(HookctlError):
    """The restore journal cannot be written or read."""

    exit_code = ExitCode.INPUT


class RestoreError(HookctlError):
    """The webhook was not set back; the journal is kept."""

    exit_code = ExitCode.VENDOR
