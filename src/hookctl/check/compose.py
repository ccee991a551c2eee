"""Composes the requests of checks: a full, fresh delivery each, signed by the provider's scheme or made to deviate."""

from __future__ import annotations

import hmac
from base64 import b64encode
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hookctl.check.model import Effect, Probe
from hookctl.delivery.request import USER_AGENT
from hookctl.model import Headers, Payload, SignedRequest
from hookctl.payload import RenderOptions, render
from hookctl.payload.jsontext import Json, encode, parse
from hookctl.payload.paths import pointer_steps
from hookctl.signing.scheme import HASHES, compute_signature, signed_content
from hookctl.signing.sign import Signing, id_bytes
from hookctl.timestamps import write_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hookctl.check.model import Check
    from hookctl.check.wanted import Wanted
    from hookctl.model import Event, Provider, SecretPair
    from hookctl.payload import IdSource

MARKER = "hookctl"
"""The member of the payload that says which check it belongs to."""

UNKNOWN_EVENT = "hookctl.check"
"""What the names of events that no handler knows begin with."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A delivery that is not yet a request: everything about it can still be made to deviate."""

    check: str
    payload: Payload
    """What is signed."""
    signing: Signing
    body: bytes
    """What is sent."""
    headers: Headers
    """Those of the signature, as they are sent."""
    content_type: str
    method: str = "POST"

    @property
    def signature(self) -> str:
        """The signature's text."""
        return self.signing.signatures[0][1]


class Composer:
    """Makes deliveries for one run.

    Args:
        provider: whose deliveries.
        event: the documented event that stands for all.
        secrets: the receiver's.
        url: the receiver's.
        ids: where fresh ids come from.
        now_ms: the clock.
        run: a name for the run, which every payload holds.
    """

    def __init__(
        self,
        provider: Provider,
        event: Event,
        secrets: SecretPair,
        url: str,
        *,
        ids: IdSource,
        now_ms: Callable[[], int],
        run: str,
    ) -> None:
        self.provider = provider
        self.event = event
        self.secrets = secrets
        self.url = url
        self.now_ms = now_ms
        self.unknown_events = False
        """Whether checks that only need to be accepted carry an event that no handler knows."""
        self._ids = ids
        self._run = run
        self._made = 0

    @property
    def other_key(self) -> bytes:
        """A key that is not the receiver's."""
        return self._ids.bytes("another key")

    def draft(
        self,
        check: Check,
        *,
        marker: Mapping[str, Json] | None = None,
        at_ms: int | None = None,
        event: Event | None = None,
        unknown: bool | None = None,
        round_: int | None = None,
        marked: bool = True,
    ) -> Draft:
        """Return a genuine delivery, dated now, with ids that no other has.

        Args:
            check: what it is for.
            marker: more members of the marker.
            at_ms: when it happened; None is now. It is signed now all the same where `timestamp` says so.
            event: which event; None is the one that stands for all.
            unknown: whether it is an event that no handler knows; None is what the check's effect allows.
            round_: deliveries of one round are about the same things; None is a round of its own.
            marked: whether the payload holds the marker.
        """
        self._made += 1
        at_ms = self.now_ms() if at_ms is None else at_ms
        options = RenderOptions(self._ids.round(round_ or self._made))
        payload = render(self.provider, event or self.event, options, at_ms=at_ms, occurrence=self._made)
        if unknown is None:
            unknown = check.effect is Effect.CARRIED and self.unknown_events
        name = f"{UNKNOWN_EVENT}.{check.id}" if unknown else None
        members: dict[str, Json] = {"check": check.id, "run": self._run, "number": self._made, **(marker or {})}
        payload = self._marked(payload, members if marked else {}, name)
        return self.signed(
            Draft(check.id, payload, Signing("", ()), payload.body, (), self.provider.endpoint.content_type)
        )

    @property
    def next_round(self) -> int:
        """The number of a round of its own, for several deliveries about the same things."""
        return self._made + 1

    def signed(
        self,
        draft: Draft,
        *,
        body: bytes | None = None,
        key: bytes | None = None,
        timestamp: str | None = None,
        sent_timestamp: str | None = None,
    ) -> Draft:
        """Return a draft with a signature of what it sends.

        Args:
            draft: what to sign.
            body: another body to sign and send.
            key: another key.
            timestamp: another time's text, whose characters are its bytes (Latin-1).
            sent_timestamp: the text that is sent where it is not the one that is signed.
        """
        spec = self.provider.signature
        payload = draft.payload if body is None else replace(draft.payload, body=body)
        text = timestamp
        if text is None:
            time = self.provider.timestamp
            text = "" if time is None else str(write_time(payload.at_ms, time.unit))
        delivery_id = payload.event_id or ""
        content = signed_content(spec, payload.body, text.encode("latin-1"), id_bytes(self.provider, delivery_id))
        value = compute_signature(spec, self.secrets.current.value if key is None else key, content)
        sent = text if sent_timestamp is None else sent_timestamp
        signing = Signing(sent, ((spec.header, value),), payload.event or "", delivery_id)
        return replace(
            draft, payload=payload, signing=signing, body=payload.body, headers=signing.headers(self.provider)
        )

    def with_signatures(self, draft: Draft, *signatures: tuple[str, str]) -> Draft:
        """Return a draft that carries other signatures, each with the name of its header."""
        signing = replace(draft.signing, signatures=signatures)
        return replace(draft, headers=signing.headers(self.provider))

    def with_signature(self, draft: Draft, text: str) -> Draft:
        """Return a draft whose main header carries another text for a signature, written as the scheme writes it."""
        return self.with_signatures(draft, (self.provider.signature.header, text))

    def with_header(self, draft: Draft, name: str, *values: str) -> Draft:
        """Return a draft whose header has other values, one line each; none takes it away."""
        lines: list[tuple[str, str]] = []
        for key, value in draft.headers:
            if key != name:
                lines.append((key, value))
            elif not any(line[0] == name for line in lines):
                lines += [(name, one) for one in values]
        if all(key != name for key, _ in draft.headers):
            lines += [(name, one) for one in values]
        return replace(draft, headers=tuple(lines))

    def digest(self, draft: Draft) -> bytes:
        """Return the bytes of the right signature of a draft as it is signed."""
        spec = self.provider.signature
        content = signed_content(
            spec,
            draft.payload.body,
            draft.signing.timestamp.encode("latin-1"),
            id_bytes(self.provider, draft.payload.event_id or ""),
        )
        return hmac.digest(self.secrets.current.value, content, HASHES[spec.algorithm])

    def probe(
        self, draft: Draft, wanted: Wanted, label: str = "", *, chunked: bool = False, extra: Headers = ()
    ) -> Probe:
        """Return a draft as a request to send, with what a correct receiver answers."""
        agent = f"{USER_AGENT} check/{draft.check}"
        names = {name.lower() for name, _ in draft.headers}
        ours = tuple(
            line for line in (("content-type", draft.content_type), ("user-agent", agent)) if line[0] not in names
        )
        request = SignedRequest(
            provider=self.provider.name,
            event=draft.payload.event,
            event_id=draft.payload.event_id,
            method=draft.method,
            url=self.url,
            headers=(*ours, *draft.headers, *extra),
            body=draft.body,
        )
        digest = self.digest(replace(draft, payload=replace(draft.payload, body=draft.body)))
        said = "\n".join(value for _, value in draft.headers)
        # without padding: some write it, some do not
        forms = {digest.hex(), b64encode(digest).decode("ascii").rstrip("=")}
        return Probe(request, wanted, label, chunked, frozenset(form for form in forms if form not in said))

    def _marked(self, payload: Payload, members: dict[str, Json], name: str | None) -> Payload:
        """Return a payload with the marker in it and, where a name is given, as that event."""
        document = parse(payload.body.decode())
        # a sample is a JSON object
        assert isinstance(document, dict)  # noqa: S101
        inner = document.get("data")
        place = inner if isinstance(inner, dict) else document
        if members:
            place[MARKER] = members
        if name is not None and self.provider.envelope.type is not None:
            _put(document, pointer_steps(self.provider.envelope.type), name)
        return replace(payload, body=encode(document), event=name or payload.event)


def latin(text: str) -> str:
    """Return a header's text as the text whose characters are its UTF-8 bytes."""
    return text.encode().decode("latin-1")


def _put(document: dict[str, Json], steps: tuple[str, ...], value: str) -> None:
    *above, last = steps
    place: Json = document
    for step in above:
        place = place.get(step) if isinstance(place, dict) else None
    if isinstance(place, dict):
        place[last] = value
