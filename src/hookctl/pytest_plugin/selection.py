"""Runs a marked test for each event that its marker names, and for each way to spoil one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hookctl.errors import HookctlError
from hookctl.model import Tamper
from hookctl.pytest_plugin import EVENT, MARKER, TAMPER
from hookctl.pytest_plugin.environment import find_provider, in_one_line, known_providers
from hookctl.pytest_plugin.requests import WebhookEvent
from hookctl.signing.tamper import require_support

if TYPE_CHECKING:
    from hookctl.catalogue import Catalogue
    from hookctl.model import Event, Provider


def parametrise(metafunc: pytest.Metafunc, marker: pytest.Mark) -> None:
    """Give a test the values that its marker stands for.

    Raises:
        pytest.Collector.CollectError: the marker names what there is not, or the test takes none of it.
    """
    wanted = [name for name in (EVENT, TAMPER) if name in metafunc.fixturenames]
    if not wanted:
        raise pytest.Collector.CollectError(
            f"{metafunc.function.__qualname__} is marked with {MARKER} and takes no argument {EVENT} or {TAMPER}"
        )
    try:
        catalogue = _catalogue(metafunc.config, **marker.kwargs)
        events = catalogue.select(marker.args) if marker.args else catalogue.events
    except TypeError as error:
        raise pytest.Collector.CollectError(f"@pytest.mark.{MARKER}: {error}") from None
    except HookctlError as error:
        raise pytest.Collector.CollectError(f"@pytest.mark.{MARKER}: {in_one_line(error)}") from None
    _parametrise(metafunc, wanted, catalogue, events)


def _parametrise(metafunc: pytest.Metafunc, wanted: list[str], catalogue: Catalogue, events: tuple[Event, ...]) -> None:
    kinds = {event.provider: _kinds(catalogue.provider(event.provider)) for event in events}
    named = [(WebhookEvent(event.name, catalogue.provider(event.provider)), event) for event in events]
    if wanted == [EVENT]:
        metafunc.parametrize(EVENT, [name for name, _ in named], ids=[str(name) for name, _ in named])
    elif wanted == [TAMPER]:
        # of several providers those ways that each has
        common = [kind for kind in Tamper if all(kind in known for known in kinds.values())]
        metafunc.parametrize(TAMPER, [str(kind) for kind in common])
    else:
        pairs = [(name, str(kind)) for name, event in named for kind in kinds[event.provider]]
        metafunc.parametrize(wanted, pairs, ids=[f"{name}-{kind}" for name, kind in pairs])


def _catalogue(config: pytest.Config, *, provider: str | None = None) -> Catalogue:
    everyone = known_providers(config)
    return everyone if provider is None else type(everyone)((find_provider(config, provider),))


def _kinds(provider: Provider) -> tuple[Tamper, ...]:
    """Return the ways to spoil a delivery that a provider's scheme has."""
    found: list[Tamper] = []
    for kind in Tamper:
        try:
            require_support(provider, kind)
        except HookctlError:
            continue
        found.append(kind)
    return tuple(found)
