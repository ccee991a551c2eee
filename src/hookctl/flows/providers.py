"""Which providers a command works with: built in, configured, or a folder given by its path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.catalogue import Catalogue, is_folder, load_catalogue

if TYPE_CHECKING:
    from hookctl.config import Config
    from hookctl.model import Provider


def open_catalogue(config: Config, only: str | None) -> Catalogue:
    """Read the providers that a command may use; one that is not built in is checked whole.

    Args:
        config: the configured providers.
        only: a name or a folder's path; None for every provider.

    Raises:
        UnknownNameError: `only` names no provider.
        ProviderError: a description, sample or schema cannot be used; names file, key and nearest valid name.
    """
    catalogue = load_catalogue(only, config.providers)
    for provider in catalogue.providers:
        if provider.name in config.providers or (only is not None and is_folder(only)):
            _check(provider)
    return catalogue


def _check(provider: Provider) -> None:
    # loads the JSON Schema library, which no built-in provider needs: those are checked by the tests
    from hookctl.payload.check import check_provider

    check_provider(provider)
