"""The signing secrets of a test run: the environment's own where it has them, else made-up ones that are put there."""

from __future__ import annotations

import os
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hookctl.api import given
from hookctl.catalogue import Catalogue
from hookctl.errors import HookctlError, ProviderError
from hookctl.pytest_plugin import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hookctl.model import Provider, SecretPair, SecretSpec

_USUAL_PREFIX = "whsec_"


def known_providers(config: pytest.Config) -> Catalogue:
    """Return the providers of a run: the built-in ones, and those of the folders that the configuration names.

    Raises:
        ProviderError: a description cannot be used, or has the name of another.
    """
    found = {provider.name: provider for provider in given.catalogue(None).providers}
    for folder in config.getini(PROVIDERS):
        ours = given.provider(folder)
        if ours.name in found:
            raise ProviderError(f"{PROVIDERS}: {ours.name} is the name of another provider", hint="give it another")
        found[ours.name] = ours
    return Catalogue(tuple(found.values()))


def find_provider(config: pytest.Config, name: str | os.PathLike[str]) -> Provider:
    """Return the provider of a name, or of a folder's path, which is found from where the configuration is.

    Raises:
        UnknownNameError: there is none; names the nearest.
        ProviderError: its description cannot be used.
    """
    if isinstance(name, Path) or "/" in os.fspath(name):
        return given.provider(config.rootpath / name)
    return known_providers(config).provider(os.fspath(name))


def made_up_secret(name: str, spec: SecretSpec) -> str:
    """Return a made-up secret, the same in every run, in the form that the provider's secrets have."""
    # in base64 wherever it stands, so that an app that decodes what it should not can be told
    prefix = spec.prefix or (_USUAL_PREFIX if (spec.example or "").startswith(_USUAL_PREFIX) else "")
    return prefix + b64encode(f"hookctl's test secret of {name}".encode()).decode()


class Secrets:
    """The secrets of a test: what the environment holds, made up and put there where it holds none.

    Args:
        monkeypatch: puts them into the environment, and takes them out again.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def value(self, provider: Provider) -> str:
        """Return the secret's text, which is in the environment from now on."""
        name = provider.secret.env
        if not os.environ.get(name):
            self._monkeypatch.setenv(name, made_up_secret(provider.name, provider.secret))
        return os.environ[name]

    def pair(self, provider: Provider, secret: str | bytes | None = None) -> SecretPair:
        """Return the keys to sign with, the environment's unless another is given."""
        previous = os.environ.get(provider.secret.previous_env) or None
        return given.secrets(provider, self.value(provider) if secret is None else secret, previous)

    def origin(self, provider: Provider) -> str:
        """Return where the secret comes from, in words."""
        name = provider.secret.env
        if os.environ.get(name) == made_up_secret(provider.name, provider.secret):
            return f"the made-up {name} that hookctl has put into the environment"
        return f"{name}, as it was in the environment"


def set_for_session(config: pytest.Config, names: Sequence[str]) -> None:
    """Put the secrets of these providers into the environment until the run ends."""
    monkeypatch = pytest.MonkeyPatch()
    config.add_cleanup(monkeypatch.undo)
    secrets = Secrets(monkeypatch)
    try:
        for name in names:
            secrets.value(find_provider(config, name))
    except HookctlError as error:
        raise pytest.UsageError(f"hookctl_secrets: {in_one_line(error)}") from None


def in_one_line(error: HookctlError) -> str:
    """Return an error with its hint."""
    return f"{error.message}; {error.hint}" if error.hint else error.message
