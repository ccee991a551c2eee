"""Every known provider, and how names and patterns find their events."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from hookctl.catalogue.description import DESCRIPTION_FILE, load_provider
from hookctl.catalogue.location import fixtures_root
from hookctl.errors import InputError, ProviderError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hookctl.model import Event, Provider


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The providers in use, in alphabetical order."""

    providers: tuple[Provider, ...]

    @property
    def events(self) -> tuple[Event, ...]:
        """Every event of every provider, each provider's in its page's order."""
        return tuple(event for provider in self.providers for event in provider.events)

    def provider(self, name: str) -> Provider:
        """Return the provider of that name.

        Raises:
            UnknownNameError: there is none.
        """
        for provider in self.providers:
            if provider.name == name:
                return provider
        raise UnknownNameError("provider", name, [provider.name for provider in self.providers])

    def select(self, patterns: Sequence[str]) -> tuple[Event, ...]:
        """Return the events that names and glob patterns stand for, in the order given.

        A name given twice counts twice; a pattern yields its matches in catalogue order.

        Raises:
            InputError: a pattern matches nothing, or a name belongs to several providers.
            UnknownNameError: a name is not in the catalogue.
        """
        return tuple(event for pattern in patterns for event in self._find(pattern))

    def _find(self, pattern: str) -> list[Event]:
        events = self.events
        exact = [event for event in events if event.name == pattern]
        if len(exact) > 1:
            owners = " and ".join(event.provider for event in exact)
            raise InputError(f"{pattern} is an event of {owners}", hint="say which with --provider")
        if exact:
            return exact
        if any(character in pattern for character in "*?["):
            matches = [event for event in events if fnmatchcase(event.name, pattern)]
            if not matches:
                groups = sorted({event.name.partition(".")[0] + ".*" for event in events})
                raise InputError(f"no event matches {pattern!r}", hint=f"for instance: {', '.join(groups)}")
            return matches
        error = UnknownNameError("event", pattern, [event.name for event in events])
        error.hint = " ".join(filter(None, (error.hint, "(`hookctl events` lists them all)")))
        raise error


def load_catalogue(only: str | None = None, configured: Mapping[str, Path] | None = None) -> Catalogue:
    """Read providers.

    Args:
        only: a provider's name, or the path of a provider folder; None reads every one.
        configured: the folders of providers beside the built-in ones, by name.

    Raises:
        UnknownNameError: `only` names neither.
        ProviderError: a description cannot be used.
    """
    if only is not None and is_folder(only):
        return Catalogue((load_provider(Path(only)),))
    folders = {path.parent.name: path.parent for path in sorted(fixtures_root().glob(f"*/{DESCRIPTION_FILE}"))}
    for name, folder in (configured or {}).items():
        if name in folders:
            raise ProviderError(f"[providers]: {name} is the name of a built-in provider", hint="give it another")
        folders[name] = folder
    if only is None:
        return Catalogue(tuple(_named(name, folder) for name, folder in folders.items()))
    if only not in folders:
        error = UnknownNameError("provider", only, list(folders))
        if (Path(only) / DESCRIPTION_FILE).is_file():
            error.hint = f"for the folder of that name, write ./{only}"
        raise error
    return Catalogue((_named(only, folders[only]),))


def is_built_in(provider: Provider) -> bool:
    """Return whether a provider comes with hookctl, so that nobody else has written its description."""
    return provider.folder.parent == fixtures_root()


def is_folder(provider: str) -> bool:
    """Return whether what was given for a provider is a folder's path and not a name."""
    return "/" in provider or provider in {".", ".."}


def _named(name: str, folder: Path) -> Provider:
    provider = load_provider(folder)
    if provider.name != name:
        raise ProviderError(
            f"{folder / DESCRIPTION_FILE}: name is {provider.name!r}, but it is known as {name!r}",
            hint="use one name in both places",
        )
    return provider
