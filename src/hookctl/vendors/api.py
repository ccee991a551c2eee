"""Speaks a vendor's API for webhooks: one method for each call of its dialect. Nothing is ever tried twice."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from hookctl import __version__
from hookctl.model import SignedRequest
from hookctl.model.api import Method
from hookctl.payload.filling import filled
from hookctl.payload.jsontext import encode
from hookctl.payload.paths import look_up, pointer_steps
from hookctl.vendors.answers import read_answer
from hookctl.vendors.problems import ApiError
from hookctl.vendors.record import Webhook, read_webhook, secrets_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookctl.delivery import Client
    from hookctl.model import Attempt
    from hookctl.model.api import CallSpec
    from hookctl.payload.jsontext import Json
    from hookctl.redaction import Redactor
    from hookctl.vendors.access import Access

_MOST_PAGES = 100
_ERROR_CHARACTERS = 200


class TestResult(StrEnum):
    """What is known of a test delivery."""

    ASKED_FOR = "asked_for"
    """The API took the request and says nothing more."""
    DELIVERED = "delivered"
    PENDING = "pending"
    UNDELIVERED = "undelivered"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """What the API said of a test delivery."""

    result: TestResult
    said: str | None
    """Its own word."""
    receiver_status: int | None
    """The HTTP status that the receiver answered."""
    error: str | None


class WebhookApi:
    """The API of one vendor, as one user, about one account.

    Args:
        access: who asks whom about what.
        client: sends requests.
        timeout_s: seconds for each request.
        redactor: learns the secrets that the API shows.
    """

    def __init__(self, access: Access, client: Client, timeout_s: float, redactor: Redactor) -> None:
        self.access = access
        self._client = client
        self._timeout_s = timeout_s
        self._redactor = redactor

    @property
    def proxy(self) -> str | None:
        """The proxy that requests go through, credentials left out, or None."""
        return None if self.access.loopback_only else self._client.proxy_for(self.access.base_url)

    def about(self, access: Access) -> WebhookApi:
        """Return the same with another access."""
        return WebhookApi(access, self._client, self._timeout_s, self._redactor)

    def read(self) -> tuple[Webhook, ...]:
        """Return the account's webhooks: all of them, in the API's order; one, where it has no more.

        Raises:
            ApiError: the answer is an error, or has no webhooks in it.
            ApiUnreachableError: no whole answer came.
        """
        dialect = self.access.dialect
        spec = dialect.record
        answer = self._call(dialect.read, {})
        records: list[Json] = []
        for _ in range(_MOST_PAGES):
            place = answer if spec.several and isinstance(answer, list) else self._at(answer, spec.place)
            if not spec.several:
                records = [{} if place is None else place]
                break
            if not isinstance(place, list):
                raise self._strange(f"no array of webhooks at {spec.place or 'its top'}")
            records += place
            cursor = None if spec.next_page is None else look_up(answer, spec.next_page)
            if not isinstance(cursor, str) or not cursor:
                break
            answer = self._call(dialect.read, {}, query={str(spec.next_page_query): cursor})
        else:
            raise ApiError(f"{self.access.named} has more than {_MOST_PAGES} pages of webhooks: that cannot be")
        return tuple(self._webhook(record) for record in records)

    def look(self) -> Attempt:
        """Ask for the webhooks as `read` does, and return what came of it, whatever that is."""
        return self._send(self.access.dialect.read, {}, None)

    def update(self, webhook: Webhook, fields: dict[str, Json]) -> None:
        """Write a webhook's fields; raises as `read` does."""
        self._call(self.access.dialect.update, {"{record}": fields, "{webhook}": webhook.id}, writes=True)

    def create(self, fields: dict[str, Json]) -> None:
        """Make a webhook of fields, with those that a new one has besides; raises as `read` does."""
        dialect = self.access.dialect
        assert dialect.create is not None  # noqa: S101 - the description has it where there can be none
        new = {key: filled(value, {}) for key, value in dialect.record.new.items()}
        self._call(dialect.create, {"{record}": {**new, **fields}}, writes=True)

    def delete(self, webhook: Webhook) -> None:
        """Remove a webhook; raises as `read` does."""
        dialect = self.access.dialect
        assert dialect.delete is not None  # noqa: S101 - as above
        self._call(dialect.delete, {"{webhook}": webhook.id}, writes=True)

    def test(self, webhook: Webhook, event: str, fresh: str) -> TestOutcome:
        """Ask for a test delivery; raises as `read` does.

        Args:
            webhook: what it is to be delivered to.
            event: which event, where the API lets one say so.
            fresh: a new UUID, where the API wants one.
        """
        dialect = self.access.dialect
        if dialect.test is None:
            raise ApiError(f"{self.access.named} has no test deliveries in the dialect {dialect.name}")
        answer = self._call(dialect.test, {"{webhook}": webhook.id, "{event}": event, "{fresh}": fresh}, writes=True)
        spec = dialect.outcome
        if spec is None:
            return TestOutcome(TestResult.ASKED_FOR, None, None, None)
        said = look_up(answer, spec.status)
        status = None if spec.receiver_status is None else look_up(answer, spec.receiver_status)
        error = None if spec.error is None else look_up(answer, spec.error)
        words = {
            **dict.fromkeys(spec.delivered, TestResult.DELIVERED),
            **dict.fromkeys(spec.pending, TestResult.PENDING),
            **dict.fromkeys(spec.undelivered, TestResult.UNDELIVERED),
        }
        return TestOutcome(
            result=words.get(said, TestResult.UNKNOWN) if isinstance(said, str) else TestResult.UNKNOWN,
            said=said if isinstance(said, str) else None,
            receiver_status=status if isinstance(status, int) else None,
            error=_in_words(error),
        )

    def _call(
        self,
        call: CallSpec,
        values: Mapping[str, Json],
        *,
        query: Mapping[str, str] | None = None,
        writes: bool = False,
    ) -> Json:
        return read_answer(self._send(call, values, query), self.access, writes=writes)

    def _send(self, call: CallSpec, values: Mapping[str, Json], query: Mapping[str, str] | None) -> Attempt:
        known: dict[str, Json] = {"{account}": self.access.account, **values}
        path = "".join(quote(str(known[part]), safe="") if part in known else part for part in call.path)
        url = f"{self.access.base_url}{path}{f'?{urlencode(query)}' if query else ''}"
        body = b"" if call.body is None else encode(filled(call.body, known))
        token = self.access.token.value.decode("ascii")
        headers = [
            ("accept", "application/json"),
            ("authorization", "".join(token if part == "{token}" else part for part in self.access.api.authorization)),
            ("user-agent", f"hookctl/{__version__}"),
        ]
        if call.method is not Method.GET:
            headers.append(("content-type", "application/json"))
        request = SignedRequest(self.access.provider.name, None, None, call.method, url, tuple(headers), body)
        return self._client.deliver(request, timeout_s=self._timeout_s, loopback_only=self.access.loopback_only)

    def _at(self, answer: Json, pointer: str) -> Json:
        """Return what stands at a place that must be there: what is not seen would be lost with the next write."""
        value = answer
        for step in pointer_steps(pointer):
            if not isinstance(value, dict) or step not in value:
                raise self._strange(f"nothing at {pointer}")
            value = value[step]
        return value

    def _webhook(self, record: Json) -> Webhook:
        spec = self.access.dialect.record
        if not isinstance(record, dict):
            raise self._strange("no object where the webhook should be")
        webhook = read_webhook(record, spec)
        if spec.several and not webhook.id:
            raise self._strange(f"a webhook without {spec.id}")
        for secret in secrets_in(webhook, spec):
            self._redactor.register(secret.encode("utf-8", "surrogatepass"))
        return webhook

    def _strange(self, what: str) -> ApiError:
        names = ", ".join(dialect.name for dialect in self.access.api.dialects)
        return ApiError(
            f"{self.access.named} answered with other JSON than the dialect {self.access.dialect.name} has: {what}",
            hint=f"--dialect chooses another: {names}",
        )


def _in_words(error: Json) -> str | None:
    if isinstance(error, dict):
        error = error.get("message")
    return error[:_ERROR_CHARACTERS] if isinstance(error, str) and error else None
