"""What is known about a vendor's own HTTP API for webhooks: the values that the catalogue makes of its description."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Method(StrEnum):
    """An HTTP method that a call may use."""

    GET = "GET"
    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    DELETE = "DELETE"


class Absent(StrEnum):
    """What a write does to the fields that it leaves out."""

    KEPT = "kept"
    """They stay as they are."""
    LOST = "lost"
    """They are gone: a write replaces the whole record."""


@dataclass(frozen=True, slots=True)
class CallSpec:
    """One request of the API."""

    method: Method
    path: tuple[str, ...]
    """Below the base URL, as a sequence of `{account}`, `{webhook}` and literal pieces."""
    body: object
    """A JSON value in which the texts `{account}`, `{webhook}`, `{record}`, `{event}` and `{fresh}` stand for a
    value; None where the request has no body."""


@dataclass(frozen=True, slots=True)
class RecordSpec:
    """Where a webhook stands in the API's JSON, and what its fields are called there."""

    place: str
    """JSON Pointer into the answer of `read`: to the record, or to the array of records. "" is the answer itself."""
    several: bool
    """Whether an account can have more than one webhook: then `place` leads to an array of records, and a write
    answers with the record alone."""
    next_page: str | None
    """JSON Pointer to what the next page of records is asked for with, or None where there is one page."""
    next_page_query: str | None
    """Name of the query parameter that asks for it; set where `next_page` is."""
    id: str | None
    """Field with the id that `{webhook}` stands for; set where there are several."""
    label: str | None
    """Field with a name that people know the webhook by, if there is one."""
    url: str
    secret: str
    events: str
    event: str | None
    """Field of each entry of `events` that holds the event's name, or None where the entry is the name."""
    read_only: tuple[str, ...]
    """Fields that the API makes: they are never written."""
    new: Mapping[str, object]
    """Further fields of a webhook that is created."""
    headers: str | None
    """Field with further headers of each delivery, an object of texts, if there is one."""
    enabled: str | None
    """Field that says whether anything is delivered at all, if there is one."""
    made: Mapping[str, object]
    """What the API makes of read-only fields, as the sandbox does: JSON values in which the texts `{account}`,
    `{fresh}`, `{created}` and `{updated}` stand for a value, the last two for milliseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class OutcomeSpec:
    """What the answer to a test says about the delivery, for an API that says anything."""

    status: str
    """JSON Pointer to a word for what became of it."""
    receiver_status: str | None
    """JSON Pointer to the HTTP status that the receiver answered, if the answer has it."""
    error: str | None
    """JSON Pointer to what went wrong, in words."""
    delivered: tuple[str, ...]
    """The words for a delivery that was taken."""
    pending: tuple[str, ...]
    """The words for one that is under way: the first for one that has not begun."""
    undelivered: tuple[str, ...]
    """The words for one that was not taken: the first for one that the receiver refused, the last for one that it never
    answered. Any other word says nothing either way."""


@dataclass(frozen=True, slots=True)
class DialectSpec:
    """One form in which the API has existed: which calls, with which bodies."""

    name: str
    summary: str
    read: CallSpec
    update: CallSpec
    create: CallSpec | None
    """Set where an account can have several webhooks, and so none."""
    delete: CallSpec | None
    """Set where `create` is."""
    test: CallSpec | None
    record: RecordSpec
    absent: Absent
    outcome: OutcomeSpec | None

    @property
    def test_names_event(self) -> bool:
        """Whether one can say which event is to be tested."""
        return self.test is not None and "{event}" in _texts(self.test.body)


@dataclass(frozen=True, slots=True)
class EventListSpec:
    """The call that lists the events there are. Its answer is an array."""

    read: CallSpec
    entry: object
    """Each entry of the array: a JSON value in which the text `{event}` stands for the event's name."""


@dataclass(frozen=True, slots=True)
class ApiSpec:
    """The API through which a vendor's webhooks are configured."""

    base_url: str
    base_url_env: str
    """The vendor's own variable for another base URL."""
    token_env: str
    """The vendor's own variable for the access token."""
    token_where: str
    """Where a developer gets one, in words."""
    account: str
    """What an account is called, in one word."""
    account_env: str
    """The vendor's own variable for the account's id."""
    authorization: tuple[str, ...]
    """The Authorization header as a sequence of `{token}` and literal pieces."""
    dialect: str
    """Name of the dialect that is spoken unless the user says otherwise."""
    dialects: tuple[DialectSpec, ...]
    subscription: tuple[str, ...]
    """Events to subscribe to where there is no subscription yet."""
    events: EventListSpec | None
    """What lists the events, if anything does."""
    facts: Mapping[str, str]
    """Source of each section's facts, by section name."""


@dataclass(frozen=True, slots=True)
class WebhookAdministration:
    """How a vendor's webhooks are configured: by an API, by hand, or nothing is known of either."""

    api: ApiSpec | None
    manual: tuple[str, ...]
    """What to do by hand, step by step."""


def _texts(value: object) -> set[str]:
    if isinstance(value, dict):
        return {text for member in value.values() for text in _texts(member)}
    if isinstance(value, list | tuple):
        return {text for member in value for text in _texts(member)}
    return {value} if isinstance(value, str) else set()
