"""Texts of a description that have placeholders in them, such as `{timestamp}.{body}`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hookctl.errors import did_you_mean

if TYPE_CHECKING:
    from hookctl.catalogue.table import Table

_PLACEHOLDER = re.compile(r"\{[^{}]*\}")


def split_template(
    table: Table, key: str, known: tuple[str, ...], *, needed: str | None = None, default: str = ""
) -> tuple[str, ...]:
    """Split a template into its placeholders and the literal pieces between them.

    Args:
        table: where it stands.
        key: its key.
        known: the placeholders it may have.
        needed: the one that it must have once, if any.
        default: what an absent key stands for.

    Raises:
        ProviderError: it has another placeholder, a lone brace, or not the one it needs.
    """
    text = table.optional_text(key) or default
    parts: list[str] = []
    end = 0
    for match in _PLACEHOLDER.finditer(text):
        check_placeholder(table, key, match.group(), known)
        parts += [text[end : match.start()], match.group()]
        end = match.end()
    parts.append(text[end:])
    if any(("{" in part or "}" in part) and part not in known for part in parts):
        raise table.error(key, f"is {text!r}: a brace lacks its partner")
    if needed is not None and parts.count(needed) != 1:
        raise table.error(key, f"must have {needed} in it once")
    return tuple(part for part in parts if part)


def check_placeholder(table: Table, key: str, placeholder: str, known: tuple[str, ...]) -> None:
    """Raise `ProviderError` for a placeholder that is not known, with the nearest one that is."""
    if placeholder not in known:
        hint = did_you_mean(placeholder, list(known)) or f"known: {' and '.join(known) or 'none'}"
        raise table.error(key, f"has the unknown placeholder {placeholder}", hint=hint)
