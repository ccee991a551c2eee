"""What a check of a set-up says, and what the checks of one run share."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from hookctl.config import Config, load_config
from hookctl.delivery import Client, ClientOptions
from hookctl.errors import ConfigError, HookctlError
from hookctl.flows.providers import open_catalogue

if TYPE_CHECKING:
    from pathlib import Path

    from hookctl.model import Provider
    from hookctl.runtime import Runtime

TIMEOUT_S = 3.0
"""Seconds that anything which is asked may take, unless the user says otherwise."""


class Result(StrEnum):
    """What a check came to: a closed list."""

    OK = "ok"
    WARN = "warn"
    """It works, or may be meant to be so; it is worth knowing."""
    FAIL = "fail"
    """It does not work."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One line of a check."""

    id: str
    """What was looked at; with the provider's name behind a dot where it is one provider's."""
    result: Result
    detail: str
    fix: str | None = None
    """What to do about it."""


def failed(id_: str, error: HookctlError, *, result: Result = Result.FAIL) -> Diagnostic:
    """Return the line of an error; one that has no hint of its own gets the next step that there always is."""
    return Diagnostic(id_, result, error.message, error.hint or "mend that, then run `hookctl doctor` again")


@dataclass(frozen=True, slots=True)
class DoctorOptions:
    """What the user said."""

    provider: str | None = None
    api_url: str | None = None
    allow_remote: bool = False
    cacert: Path | None = None
    insecure: bool = False
    timeout_s: float = TIMEOUT_S


@dataclass
class Setup:
    """The set-up that is looked at. What cannot be read is told by one check, and empty for the rest."""

    runtime: Runtime
    options: DoctorOptions
    answered: set[str] = field(default_factory=set)
    """Names of the providers whose API has answered that it takes the token."""
    skews_s: dict[str, float] = field(default_factory=dict)
    """By how much this machine's clock is ahead, in seconds, by each provider whose API has said its own time."""

    @cached_property
    def _loaded(self) -> Config | ConfigError:
        try:
            return load_config(self.runtime)
        except ConfigError as error:
            return error

    @property
    def config_problem(self) -> ConfigError | None:
        """Why the configuration cannot be used, if it cannot."""
        return self._loaded if isinstance(self._loaded, ConfigError) else None

    @property
    def config(self) -> Config:
        """What is configured; nothing, where the configuration cannot be used."""
        return Config(None, {}, None, None) if isinstance(self._loaded, ConfigError) else self._loaded

    @property
    def named(self) -> str | None:
        """The one provider that is meant, if the user says which."""
        chosen = self.config.provider
        return self.options.provider or (chosen.value if chosen else None)

    @cached_property
    def _opened(self) -> tuple[Provider, ...] | HookctlError:
        try:
            return open_catalogue(self.config, self.named).providers
        except HookctlError as error:
            return error

    @property
    def providers_problem(self) -> HookctlError | None:
        """Why the providers cannot be used, if they cannot."""
        return self._opened if isinstance(self._opened, HookctlError) else None

    @property
    def providers(self) -> tuple[Provider, ...]:
        """The providers that are meant."""
        return () if isinstance(self._opened, HookctlError) else self._opened

    @cached_property
    def client(self) -> Client:
        """What connects.

        Raises:
            InputError: the `--cacert` file cannot be used.
        """
        options = self.options
        return Client(ClientOptions(options.cacert, options.insecure, self.runtime.env))
