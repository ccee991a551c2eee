"""Texts of a description that have placeholders in them, such as `{timestamp}.{body}`."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Protocol

from hookctl.errors import did_you_mean

if TYPE_CHECKING:
    from hookctl.catalogue.table import Table
    from hookctl.errors import ProviderError

_PLACEHOLDER = re.compile(r"\{[^{}]*\}")


class Fail(Protocol):
    """Makes the error that says what is wrong with a text, such as `Table.error` for one key."""

    def __call__(self, problem: str, *, hint: str | None = None) -> ProviderError:
        """Return the error."""


def split_template(
    table: Table, key: str, known: tuple[str, ...], *, needed: str | None = None, default: str = ""
) -> tuple[str, ...]:
    """Split the template at a key of a table into its placeholders and the literal pieces between them.

    Args:
        table: where it stands.
        key: its key.
        known: the placeholders it may have.
        needed: the one that it must have once, if any.
        default: what an absent key stands for.

    Raises:
        ProviderError: it has another placeholder, a lone brace, or not the one it needs.
    """
    return split_text(table.optional_text(key) or default, known, partial(table.error, key), needed=needed)


def split_text(text: str, known: tuple[str, ...], fail: Fail, *, needed: str | None = None) -> tuple[str, ...]:
    """Split a template as `split_template` does, wherever it stands."""
    parts: list[str] = []
    end = 0
    for match in _PLACEHOLDER.finditer(text):
        check_placeholder(match.group(), known, fail)
        parts += [text[end : match.start()], match.group()]
        end = match.end()
    parts.append(text[end:])
    if any(("{" in part or "}" in part) and part not in known for part in parts):
        raise fail(f"is {text!r}: a brace lacks its partner")
    if needed is not None and parts.count(needed) != 1:
        raise fail(f"must have {needed} in it once")
    return tuple(part for part in parts if part)


def check_placeholder(placeholder: str, known: tuple[str, ...], fail: Fail) -> None:
    """Raise `ProviderError` for a placeholder that is not known, with the nearest one that is."""
    if placeholder not in known:
        hint = did_you_mean(placeholder, list(known)) or f"known: {' and '.join(known) or 'none'}"
        raise fail(f"has the unknown placeholder {placeholder}", hint=hint)
