"""What a vendor's API answers: JSON, or one clear error out of whatever came instead."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from hookctl.model import FailureKind
from hookctl.payload.jsontext import JsonTextError, parse
from hookctl.vendors.problems import ApiError, ApiUnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.model import Attempt, Failure, Response
    from hookctl.payload.jsontext import Json
    from hookctl.vendors.access import Access

_LONGEST_TEXT = 200
_MOST_FIELDS = 5
_HTML = re.compile(rb"\s*(?:<!doctype html|<html|<head|<body)", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>([^<]{1,200})", re.IGNORECASE)
_UNSURE = frozenset({FailureKind.TIMEOUT, FailureKind.RESET, FailureKind.INVALID_HTTP})
"""Failures after which the request may have arrived."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What an error's body says."""

    message: str | None
    fields: tuple[tuple[str, str], ...]
    """The fields at fault, each with what is wrong with it."""

    def __str__(self) -> str:
        """Return it as one line: the message, then the fields."""
        told = [f"{name}: {text}" if text else name for name, text in self.fields[:_MOST_FIELDS]]
        if len(self.fields) > _MOST_FIELDS:
            told.append(f"and {len(self.fields) - _MOST_FIELDS} more")
        pieces = [self.message] if self.message else []
        return " - ".join([*pieces, "; ".join(told)]) if told else "".join(pieces)


def read_answer(attempt: Attempt, access: Access, *, writes: bool) -> Json:
    """Return the JSON of an answer, None where a success has no body.

    Args:
        attempt: what came of the request.
        access: whose API it is, for messages.
        writes: whether the request changes anything.

    Raises:
        ApiError: it is an error, or not JSON.
        ApiUnreachableError: none came, or it broke off.
    """
    response, failure = attempt.response, attempt.failure
    if failure is not None or response is None:
        raise _unreachable(failure, access, writes=writes)
    if not 200 <= response.status < 300:
        raise _refusal(response, access, writes=writes)
    body = response.body
    if not body.strip():
        return None
    told = f"{access.named} answered {response.status} with"
    hint = _look(access) if writes else f"is {access.base_url} where the API is? --api-url says it otherwise"
    if response.truncated:
        raise ApiError(f"{told} more than {len(body) // 1024} KiB", hint=hint, status=response.status)
    if _HTML.match(body):
        raise ApiError(f"{told} {_page(body)} instead of JSON", hint=hint, status=response.status)
    try:
        return parse(body.decode())
    except (UnicodeDecodeError, JsonTextError) as error:
        why = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise ApiError(f"{told} what is not JSON: {why}", hint=hint, status=response.status) from None


def read_problem(response: Response) -> Problem:
    """Return what the body of an error says, in any of the shapes that APIs give it.

    JSON with `message` or `error`, and the fields in `validationErrors` (`{field, message}` or `{field, error}`) or in
    `details` (`{field, reason}`); a page; plain text.
    """
    body = response.body
    if _HTML.match(body):
        return Problem(_page(body), ())
    try:
        value = parse(body.decode("utf-8", "replace"))
    except JsonTextError:
        lines = body.decode("utf-8", "backslashreplace").strip().splitlines()
        return Problem(_cut(lines[0]) if lines else None, ())
    if isinstance(value, str):
        return Problem(_cut(value), ())
    if not isinstance(value, dict):
        return Problem(None, ())
    inner = value.get("error")
    if isinstance(inner, dict):
        # some wrap the whole of it
        value = {**inner, **{key: member for key, member in value.items() if key != "error"}}
    texts = (value.get(key) for key in ("message", "error", "detail", "title"))
    message = next((text for text in texts if isinstance(text, str) and text.strip()), None)
    return Problem(None if message is None else _cut(message), tuple(_fields(value)))


def _fields(value: dict[str, Json]) -> Iterator[tuple[str, str]]:
    for key in ("validationErrors", "validation_errors", "errors", "details"):
        entries = value.get(key)
        for entry in entries if isinstance(entries, list) else [entries]:
            if not isinstance(entry, dict) or not isinstance(entry.get("field"), str):
                continue
            texts = (entry.get(name) for name in ("message", "error", "reason"))
            yield _cut(str(entry["field"])), _cut(next((text for text in texts if isinstance(text, str)), ""))


def _unreachable(failure: Failure | None, access: Access, *, writes: bool) -> ApiUnreachableError:
    message = failure.message if failure else "no answer"
    hint = failure.hint if failure else None
    if failure is not None and failure.kind is FailureKind.REFUSED:
        hint = f"is {access.base_url} where the API is? --api-url says it otherwise"
    if failure is not None and failure.kind is FailureKind.BLOCKED:
        hint = "if that is where the API is, confirm it with --api-url"
    if writes and (failure is None or failure.kind in _UNSURE):
        hint = _look(access)
        message = f"{message}; whether the request was carried out is not known"
    elif failure is not None and failure.kind is FailureKind.TIMEOUT:
        hint = "--timeout S waits longer"
    unsure = failure is None or failure.kind in _UNSURE
    lead = f"no whole answer from {access.named}" if unsure else f"{access.named} cannot be reached"
    return ApiUnreachableError(f"{lead}: {message}", hint=hint)


def _refusal(response: Response, access: Access, *, writes: bool) -> ApiError:
    status = response.status
    try:
        phrase = f" {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = ""
    message = f"{access.named} answered {status}{phrase}"
    if 300 <= status < 400:
        where = response.header("location")
        message += f", a redirect to {_cut(where)}" if where else ", a redirect"
        hint = f"none is followed, so that the token stays here; is {access.base_url} where the API is?"
        return ApiError(message, hint=hint, status=status)
    problem = str(read_problem(response))
    if problem:
        message += f": {problem}"
    return ApiError(message, hint=_hint(response, access, writes=writes), status=status)


def _hint(response: Response, access: Access, *, writes: bool) -> str | None:
    api = access.api
    if response.status == 429:
        wait = (response.header("retry-after") or "").strip()
        after = f" after {wait} s" if wait.isdigit() else f" after {_cut(wait)}" if wait else " in a while"
        return f"too many requests: hookctl tries nothing again by itself; do it yourself{after}"
    hints = {
        401: f"the token of {access.token.origin} is not accepted: is it current? It is {api.token_where}",
        402: f"the plan of {api.account} {access.account} does not allow it",
        403: f"the token of {access.token.origin} may not do this to {api.account} {access.account}",
        404: f"is there a {api.account} {access.account}, and is the dialect right? "
        f"--business and --dialect ({', '.join(dialect.name for dialect in api.dialects)}) say it otherwise",
        409: "somebody else has changed it meanwhile: `hookctl webhook show` shows how it is now; then do it again",
    }
    if response.status >= 500:
        return _look(access) if writes else "the vendor has a problem: try again later"
    return hints.get(response.status)


def _look(access: Access) -> str:
    return f"`hookctl webhook show --provider {access.provider.name}` shows how it is now; nothing is tried again"


def _page(body: bytes) -> str:
    title = _TITLE.search(body[: 16 * 1024].decode("utf-8", "replace"))
    return f"a web page ({_cut(title[1])})" if title else "a web page"


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_TEXT else f"{line[: _LONGEST_TEXT - 3]}..."
