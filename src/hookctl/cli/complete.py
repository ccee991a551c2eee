"""What a shell is offered behind TAB. Whatever goes wrong, the answer is an empty list, never an error.

Names and descriptions come from files of a folder that may not be one's own, and zsh evaluates what it is offered.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from hookctl.errors import HookctlError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hookctl.catalogue import Catalogue
    from hookctl.config import Config

# a name of other characters would have to be quoted, by each shell's own rules: it is left to be typed
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]*")

# what quoting, expansion, markup and terminals act on
_NOT_PLAIN = re.compile(r"[^\w .,:;/?&=%@+()-]+")


def _offer(
    incomplete: str, candidates: Callable[[Catalogue, Config], Iterable[tuple[str, str]]]
) -> list[tuple[str, str]]:
    """Return what begins with what is there, each with its description, and nothing that a shell would act on."""
    from hookctl.config import load_config
    from hookctl.flows.providers import open_catalogue
    from hookctl.runtime import Runtime

    with suppress(HookctlError):
        config = load_config(Runtime.system())
        return [
            (name, _NOT_PLAIN.sub(" ", description).strip())
            for name, description in candidates(open_catalogue(config, None), config)
            if name.startswith(incomplete) and _NAME.fullmatch(name)
        ]
    return []


def events(incomplete: str) -> list[tuple[str, str]]:
    """Offer event names with their descriptions."""
    return _offer(incomplete, lambda catalogue, _: ((event.name, event.description) for event in catalogue.events))


def providers(incomplete: str) -> list[tuple[str, str]]:
    """Offer provider names with what they are."""
    return _offer(incomplete, lambda catalogue, _: ((one.name, one.summary) for one in catalogue.providers))


def endpoints(incomplete: str) -> list[tuple[str, str]]:
    """Offer the names of configured endpoints with their URLs."""
    return _offer(incomplete, lambda _, config: ((name, to.value) for name, to in config.endpoints.items()))


def dialects(incomplete: str) -> list[tuple[str, str]]:
    """Offer the dialects of every described API with what they are."""
    from hookctl.catalogue.administration import load_administration

    def described(catalogue: Catalogue, _: Config) -> Iterable[tuple[str, str]]:
        for provider in catalogue.providers:
            api = load_administration(provider).api
            for dialect in () if api is None else api.dialects:
                yield dialect.name, dialect.summary

    return _offer(incomplete, described)
