"""What the stand-in answers to what it cannot do, in the shapes that such APIs are known to use."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookctl.payload.jsontext import Json

MAX_INVALID = 20
"""Fields that one answer complains of at most."""


@dataclass(frozen=True, slots=True)
class Invalid:
    """One thing that is wrong with a request's body."""

    field: str
    """Where it is: `settings.webhookUrl`, `events[2]`; empty for the body as a whole."""
    message: str
    """What is wrong, as a clause without its subject."""


class ProblemError(Exception):
    """A call that is not done.

    Attributes:
        status: the HTTP status that says so.
        message: why, in one sentence.
        invalid: the fields at fault, for a body that is not valid.
        conflict: the one field whose value is in the way, for a call that is valid and cannot be done all the same.
    """

    def __init__(
        self, status: int, message: str, *, invalid: tuple[Invalid, ...] = (), conflict: Invalid | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.invalid = invalid[:MAX_INVALID]
        self.conflict = conflict

    @property
    def sentence(self) -> str:
        """The problem in one line, for whoever watches."""
        first = self.conflict or next(iter(self.invalid), None)
        if first is None or not first.field:
            return self.message if first is None else f"{self.message}: {first.message}"
        more = f" (and {len(self.invalid) - 1} more)" if len(self.invalid) > 1 else ""
        return f"{first.field} {first.message}{more}"

    def body(self, *, word: str) -> Json:
        """Return the answer's body.

        Args:
            word: what the key is called that says what is wrong with a field: APIs differ, and a client has to cope.
        """
        error = HTTPStatus(self.status).phrase
        if self.conflict is not None:
            details: Json = {"field": self.conflict.field, "reason": self.conflict.message}
            return {"error": error, "message": self.message, "details": details, "statusCode": self.status}
        fields: list[Json] = [{"field": one.field, word: one.message} for one in self.invalid]
        return {"message": self.message, "error": error, "statusCode": self.status, "validationErrors": fields}


def not_valid(invalid: list[Invalid]) -> ProblemError:
    """Return the problem of a body in which these things are wrong."""
    return ProblemError(400, "Validation failed", invalid=tuple(invalid))
