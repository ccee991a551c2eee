"""Where in a payload: `data.order.items[0].price`, `answers."Work e-mail".value` or `/data/order/total`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from hookctl.errors import UsageError

if TYPE_CHECKING:
    from hookctl.payload.jsontext import Json

Step: TypeAlias = str | int
"""One step down: a member's name or an element's index. JSON Pointers give indexes as names."""

_BARE = re.compile(r"""[^."\[\]=:\s][^."\[\]=]*?(?=[."\[=]|:=|$)""", re.DOTALL)
INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
"""An index as RFC 6901 writes it: ASCII digits without a leading zero. No payload needs more than nine."""

_INDEX = re.compile(rf"\[({INDEX.pattern})\]")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_PLAIN_NAME = re.compile(r"""[^."\[\]=:\s/-][^."\[\]=:\s]*""")


@dataclass(frozen=True, slots=True)
class PayloadPath:
    """A parsed path: the steps from the top of the payload."""

    steps: tuple[Step, ...]

    def __str__(self) -> str:
        """Return the path in dotted form, names that need it in double quotes."""
        text = ""
        for step in self.steps:
            if isinstance(step, int):
                text += f"[{step}]"
                continue
            name = step if _PLAIN_NAME.fullmatch(step) else '"' + step.replace("\\", "\\\\").replace('"', '\\"') + '"'
            text += f".{name}" if text else name
        return text or "the top"


def split_path(text: str) -> tuple[PayloadPath, str]:
    """Read a path from the start of a text.

    Returns:
        The path, and what follows it: "", "=VALUE" or ":=JSON".

    Raises:
        UsageError: there is no path, or it breaks off.
    """
    return _split_pointer(text) if text.startswith("/") else _split_dotted(text)


def _split_pointer(text: str) -> tuple[PayloadPath, str]:
    pointer, equals, value = text.partition("=")
    rest = equals + value
    if equals and pointer.endswith(":"):
        pointer, rest = pointer[:-1], f":{rest}"
    return PayloadPath(pointer_steps(pointer)), rest


@lru_cache(maxsize=256)
def pointer_steps(pointer: str) -> tuple[str, ...]:
    """Return the reference tokens of a JSON Pointer (RFC 6901), unescaped.

    Raises:
        UsageError: a `~` is not followed by 0 or 1.
    """
    if re.search(r"~(?![01])", pointer):
        raise UsageError(f"{pointer!r} is not a JSON Pointer", hint="~ is written ~0 there, and / inside a key ~1")
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:])


def _split_dotted(text: str) -> tuple[PayloadPath, str]:
    steps: list[Step] = []
    position = 0
    while True:
        step, position = _name(text, position)
        steps.append(step)
        while match := _INDEX.match(text, position):
            steps.append(int(match[1]))
            position = match.end()
        if text[position : position + 1] != ".":
            break
        position += 1
    rest = text[position:]
    if rest and not rest.startswith(("=", ":=")):
        raise _malformed(text, position)
    return PayloadPath(tuple(steps)), rest


def _name(text: str, position: int) -> tuple[str, int]:
    quoted = _QUOTED.match(text, position)
    if quoted:
        return re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL), quoted.end()
    bare = _BARE.match(text, position)
    if not bare:
        raise _malformed(text, position)
    return bare.group(), bare.end()


def _malformed(text: str, position: int) -> UsageError:
    shown = text if len(text) <= 60 else f"{text[:57]}..."
    hint = 'write data.order.items[0].price, answers."Work e-mail".value or /data/order/total'
    return UsageError(f"{shown!r} is not a path: it breaks off at character {position + 1}", hint=hint)


def look_up(value: Json, pointer: str) -> Json:
    """Return the value a JSON Pointer leads to, or None when it leads nowhere."""
    for token in pointer_steps(pointer):
        if isinstance(value, dict):
            value = value.get(token)
        elif isinstance(value, list) and INDEX.fullmatch(token) and int(token) < len(value):
            value = value[int(token)]
        else:
            return None
    return value
