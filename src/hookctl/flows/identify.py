"""Whose delivery is it, and which event: told by what came with it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hookctl.payload.paths import look_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hookctl.model import Capture, Provider, RawHeaders


_MAX_SEEN = 256


class Identifier:
    """Tells providers apart: by any header that one defines, else by the path, else by the envelope.

    Args:
        providers: those that come into question.
        only: the provider that the user named; it is then nobody else.
        preferred: the name of the one that is meant where several come into question.
    """

    def __init__(self, providers: Sequence[Provider], *, only: bool = False, preferred: str | None = None) -> None:
        # the preferred one first: everywhere below the first wins
        self._providers = sorted(providers, key=lambda provider: provider.name != preferred)
        self._only = self._providers[0] if only else None
        self._by_header: dict[bytes, list[Provider]] = {}
        self._by_signature: dict[bytes, list[Provider]] = {}
        for provider in self._providers:
            for name in provider.signature.headers:
                self._by_signature.setdefault(name.lower().encode(), []).append(provider)
            for name in provider.protected_headers:
                self._by_header.setdefault(name.encode(), []).append(provider)
        self._seen: dict[tuple[bytes, ...], Sequence[Provider]] = {}
        self._by_path = {
            provider.endpoint.path: provider for provider in reversed(self._providers) if provider.endpoint.path
        }

    def provider(self, capture: Capture, document: object) -> Provider | None:
        """Return whose delivery a capture is, or None when nothing tells.

        Args:
            capture: the delivery.
            document: its body, decoded; None when it is not JSON.
        """
        if self._only is not None:
            return self._only
        # the deliveries of an archive have the same headers, again and again
        names = tuple([name for name, _ in capture.headers])
        candidates = self._seen.get(names)
        if candidates is None:
            candidates = self.candidates(names)
            if len(self._seen) < _MAX_SEEN:
                self._seen[names] = candidates
        if len(candidates) == 1:
            return candidates[0]
        return self._among(candidates or self._providers, capture, document, anyone=bool(candidates))

    def candidates(self, names: Sequence[bytes]) -> Sequence[Provider]:
        """Return the providers that the names of a delivery's headers leave in question; none when they tell nothing.

        Those that define a header of a signature among them come before those that define any other.
        """
        if self._only is not None:
            return (self._only,)
        for known in (self._by_signature, self._by_header):
            found = {provider.name for name in names for provider in known.get(name.lower(), ())}
            if found:
                return [provider for provider in self._providers if provider.name in found]
        return ()

    def _among(
        self, candidates: Sequence[Provider], capture: Capture, document: object, *, anyone: bool
    ) -> Provider | None:
        """Return the one that the path or else the envelope tells, or where several share a header the first."""
        if capture.target is not None:
            found = self._by_path.get(_path(capture.target))
            if found is not None and found in candidates:
                return found
        for provider in candidates:
            name = _text_at(document, provider.envelope.type)
            if name is not None and provider.event(name) is not None:
                return provider
        return candidates[0] if anyone else None


def event_of(provider: Provider, headers: RawHeaders, document: object) -> tuple[str | None, str | None]:
    """Return the event's name and id as the body says them, else as headers do; None where nothing does."""
    return (
        _text_at(document, provider.envelope.type) or _said(provider, headers, "{event}"),
        _text_at(document, provider.envelope.id) or _said(provider, headers, "{id}"),
    )


def _text_at(document: object, pointer: str | None) -> str | None:
    if pointer is None or document is None:
        return None
    value = look_up(document, pointer)  # type: ignore[arg-type]  # decoded by whatever decoder
    return value if isinstance(value, str) else None


def _said(provider: Provider, headers: RawHeaders, what: str) -> str | None:
    wanted = next((spec.name.lower().encode() for spec in provider.headers if spec.value == (what,)), None)
    if wanted is None:
        return None
    return next((value.strip().decode("latin-1") for name, value in headers if name.lower() == wanted), None)


def _path(target: str) -> str:
    try:
        return urlsplit(target).path
    except ValueError:
        return target
