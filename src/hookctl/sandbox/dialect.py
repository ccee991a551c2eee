"""What each call of one dialect does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from hookctl.sandbox.bodies import Template, place, read_json
from hookctl.sandbox.orders import Deliver, Deliveries, Fate, Order, Outcome
from hookctl.sandbox.problems import Invalid, ProblemError, not_valid
from hookctl.sandbox.records import Maker, Records, unknown_event

if TYPE_CHECKING:
    from hookctl.model import Event, Provider
    from hookctl.model.api import CallSpec, DialectSpec, OutcomeSpec
    from hookctl.payload.jsontext import Json
    from hookctl.sandbox.records import Hook

_LONGEST_NAME = 200
"""Characters of the name that a caller gives a delivery."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call, as far as it has been read."""

    webhook: str
    """The id in the path; empty where the path has none."""
    query: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call is answered."""

    status: int
    body: Json | None
    """None for no body at all."""
    remark: str | None = None
    """What whoever watches should know beside the status."""


Handler: TypeAlias = Callable[[Call], Awaitable[Answer]]
"""Does what a call asks for.

Raises:
    ProblemError: it is not done.
"""


@dataclass(frozen=True, slots=True)
class Desk:
    """What the calls of every dialect share."""

    provider: Provider
    maker: Maker
    take_secret: Callable[[str], bool]
    """Is told of every secret before it is kept; returns False for one too many."""
    secret_without: str | None
    """Why a webhook without a secret cannot be delivered; None where there is another secret to sign with."""
    deliver: Deliver


class Dialect:
    """One dialect of the API.

    Args:
        spec: its description.
        desk: what it shares with the others.
    """

    def __init__(self, spec: DialectSpec, desk: Desk) -> None:
        self.spec = spec
        self._desk = desk
        self._records = Records(spec, desk.provider, desk.maker, desk.take_secret)
        self._deliveries = Deliveries()

    @property
    def word(self) -> str:
        """The key that says what is wrong with a field: one of the two that are known in the one kind of dialect."""
        return "error" if self.spec.record.several else "message"

    def calls(self) -> list[tuple[CallSpec, Handler]]:
        """Return each call with what does it."""
        spec = self.spec
        calls: list[tuple[CallSpec | None, Callable[[Call, Template], Awaitable[Answer]]]] = [
            (spec.read, self._read),
            (spec.create, self._create),
            (spec.test, self._test),
            (spec.update, self._update),
            (spec.delete, self._delete),
        ]
        return [(call, _with(Template(call.body), handler)) for call, handler in calls if call is not None]

    async def _read(self, call: Call, _: Template) -> Answer:
        return Answer(200, self._records.read(call.query))

    async def _create(self, call: Call, template: Template) -> Answer:
        found = self._take(call, template)
        return Answer(201, self._records.create(found["{record}"], template.field("{record}")))

    async def _update(self, call: Call, template: Template) -> Answer:
        found = self._take(call, template)
        webhook = self._webhook(call, template, found)
        answer, lost = self._records.update(webhook, found["{record}"], template.field("{record}"))
        remark = f"lost {', '.join(lost)}: a write replaces the whole record" if lost else None
        return Answer(200, answer, remark)

    async def _delete(self, call: Call, template: Template) -> Answer:
        self._records.delete(self._webhook(call, template, {} if call.webhook else self._take(call, template)))
        return Answer(204, None)

    async def _test(self, call: Call, template: Template) -> Answer:
        found = self._take(call, template)
        name = self._text(template, found, "{fresh}")
        webhook = self._webhook(call, template, found)
        known = None if name is None else self._deliveries.find(name)
        if known is not None:
            before, order, outcome = known
            if before != webhook:
                reason = "is that of a delivery of another webhook"
                raise ProblemError(409, "Conflict", conflict=Invalid(template.field("{fresh}"), reason))
            return self._told(order, outcome, template, found)
        hook = self._records.hook(webhook)
        event = self._event(hook, template, found)
        order = self._order(hook, event)
        progress = _forget if name is None else self._deliveries.keep(name, webhook, order)
        outcome = await self._desk.deliver(order, progress)
        return self._told(order, outcome, template, found)

    def _take(self, call: Call, template: Template) -> dict[str, Json]:
        """Return what stands at the placeholders of a body, the account checked."""
        if template.is_empty:
            return {}
        found = template.read(read_json(call.body))
        account = self._desk.maker.account
        if found.get("{account}", account) != account:
            raise not_valid([Invalid(template.field("{account}"), f"must be {account}, as in the path")])
        return found

    def _text(self, template: Template, found: Mapping[str, Json], placeholder: str) -> str | None:
        """Return the text at a placeholder, or None where the template has none such."""
        if placeholder not in found:
            return None
        value = found[placeholder]
        if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_NAME:
            reason = f"must be a string of 1 to {_LONGEST_NAME} characters"
            raise not_valid([Invalid(template.field(placeholder), reason)])
        return value

    def _webhook(self, call: Call, template: Template, found: Mapping[str, Json]) -> str:
        return call.webhook or self._text(template, found, "{webhook}") or ""

    def _event(self, hook: Hook, template: Template, found: Mapping[str, Json]) -> Event:
        """Return the event to test: the one that is named, else the first that the webhook is subscribed to."""
        provider = self._desk.provider
        name = self._text(template, found, "{event}") or next(iter(hook.events), provider.events[0].name)
        event = provider.event(name)
        if event is None:
            raise not_valid([Invalid(template.field("{event}"), unknown_event(provider, name))])
        return event

    def _order(self, hook: Hook, event: Event) -> Order:
        record = self.spec.record
        if hook.url is None:
            raise ProblemError(409, "No webhook is configured", conflict=Invalid(record.url, "is not set"))
        if not hook.enabled:
            raise ProblemError(409, "The webhook is off", conflict=Invalid(record.enabled or "", "is false"))
        if hook.secret is None and self._desk.secret_without is not None:
            reason = f"is not set, and {self._desk.secret_without}"
            raise ProblemError(409, "Nothing to sign with", conflict=Invalid(record.secret, reason))
        return Order(event, hook, hook.url, event.name in hook.events)

    def _told(self, order: Order, outcome: Outcome, template: Template, found: Mapping[str, Json]) -> Answer:
        """Return the answer to a test: what the API is known to say, and what only a stand-in can."""
        remark = None
        if not order.subscribed:
            remark = f"{order.event.name} is not subscribed: a test is delivered all the same"
        if self.spec.outcome is None:
            body: dict[str, Json] = {"success": outcome.fate is Fate.TAKEN}
        else:
            body = _outcome(self.spec.outcome, outcome)
            field = template.field("{fresh}")
            if "{fresh}" in found and field:
                body = {field: found["{fresh}"], **body}
        body["sandbox"] = {
            "event": order.event.name,
            "event_id": outcome.event_id,
            "subscribed": order.subscribed,
            "url": order.url,
            "receiver_status": outcome.receiver_status,
            "duration_ms": None if outcome.duration_ms is None else round(outcome.duration_ms),
            "error": outcome.error,
            "note": remark,
        }
        return Answer(200, body, remark)


def _with(template: Template, handler: Callable[[Call, Template], Awaitable[Answer]]) -> Handler:
    return lambda call: handler(call, template)


def _forget(_: Outcome) -> None:
    pass


def _outcome(spec: OutcomeSpec, outcome: Outcome) -> dict[str, Json]:
    """Return what became of a delivery, in the API's own words."""
    words = {
        Fate.REQUESTED: spec.pending[:1],
        Fate.UNDER_WAY: spec.pending[-1:],
        Fate.TAKEN: spec.delivered[:1],
        Fate.REFUSED: spec.undelivered[:1],
        Fate.FAILED: spec.undelivered[-1:],
        Fate.UNCLEAR: (),
    }
    said: dict[str, Json] = {spec.status: next(iter(words[outcome.fate]), "unknown")}
    if spec.receiver_status is not None and outcome.receiver_status is not None:
        said[spec.receiver_status] = outcome.receiver_status
    if spec.error is not None and outcome.error is not None:
        said[spec.error] = outcome.error
    body = place(said)
    return body if isinstance(body, dict) else {}
