"""What a shell is offered behind TAB. Whatever goes wrong, the answer is an empty list, never an error.

Names and descriptions come from files of a folder that may not be one's own, and zsh evaluates what it is offered.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from hookctl.errors import HookctlError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hookctl.catalogue import Catalogue
    from hookctl.config import Config

# a name of other characters would have to be quoted, by each shell's own rules: it is left to be typed
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]*")

# what quoting, expansion, markup and terminals act on
_NOT_PLAIN = re.compile(r"[^\w .,:;/?&=%@+()-]+")


def _open() -> tuple[Catalogue, Config] | None:
    from hookctl.config import load_config
    from hookctl.flows.providers import open_catalogue
    from hookctl.runtime import Runtime

    runtime = Runtime.system()
    with suppress(HookctlError):
        config = load_config(runtime)
        return open_catalogue(config, None), config
    return None


def _offer(incomplete: str, candidates: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return what begins with what is there, each with its description, and nothing that a shell would act on."""
    return [
        (name, _NOT_PLAIN.sub(" ", description).strip())
        for name, description in candidates
        if name.startswith(incomplete) and _NAME.fullmatch(name)
    ]


def events(incomplete: str) -> list[tuple[str, str]]:
    """Offer event names with their descriptions."""
    found = _open()
    if found is None:
        return []
    return _offer(incomplete, ((event.name, event.description) for event in found[0].events))


def providers(incomplete: str) -> list[tuple[str, str]]:
    """Offer provider names with what they are."""
    found = _open()
    if found is None:
        return []
    return _offer(incomplete, ((one.name, one.summary) for one in found[0].providers))


def endpoints(incomplete: str) -> list[tuple[str, str]]:
    """Offer the names of configured endpoints with their URLs."""
    found = _open()
    if found is None:
        return []
    return _offer(incomplete, ((name, to.value) for name, to in found[1].endpoints.items()))
