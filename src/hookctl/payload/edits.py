"""The user's changes to a sample: `--set`, `--add`, `--unset`. What cannot be applied is an error, never a no-op."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

from hookctl.errors import PathError, ProviderError, UsageError, did_you_mean
from hookctl.payload.jsontext import Json, JsonTextError, parse
from hookctl.payload.paths import INDEX, PayloadPath, Step, split_path
from hookctl.payload.schema import SchemaNode, type_name
from hookctl.payload.validation import TYPE_KEYWORDS, InvalidSchemaError, find_problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    Container = dict[str, Json] | list[Json]


class EditKind(StrEnum):
    """What an edit does; the value is the option's name."""

    SET = "--set"
    """Change a value that the schema or the sample knows."""
    ADD = "--add"
    """Add a member that neither knows, or append to an array."""
    UNSET = "--unset"
    """Remove a value."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One change, as the user wrote it."""

    kind: EditKind
    path: PayloadPath
    text: str | None = None
    """The value as plain text (`PATH=VALUE`), typed by the schema."""
    json: str | None = None
    """The value as JSON text (`PATH:=JSON`)."""


def parse_edit(kind: EditKind, argument: str) -> Edit:
    """Read the argument of `--set`, `--add` or `--unset`.

    Raises:
        UsageError: it has not the form that the option takes.
    """
    if _SURROGATES.intersection(argument):
        raise UsageError(f"the argument of {kind} is not valid UTF-8", hint="use --data FILE for such bytes")
    path, rest = split_path(argument)
    if kind is EditKind.UNSET:
        if rest:
            raise UsageError(f"{kind} takes a path alone, not {argument!r}", hint=f"{kind} {path}")
        return Edit(kind, path)
    if rest.startswith(":="):
        return Edit(kind, path, json=rest[2:])
    if kind is EditKind.ADD:
        raise UsageError(f"{kind} takes PATH:=JSON, not {argument!r}", hint=f"""for instance '{path}:="text"'""")
    if not rest:
        raise UsageError(f"{kind} takes PATH=VALUE or PATH:=JSON, not {argument!r}")
    return Edit(kind, path, text=rest[1:])


# what os.fsdecode makes of bytes that are not UTF-8
_SURROGATES = frozenset(chr(code) for code in range(0xDC80, 0xDD00))


class Editor:
    """Applies edits to one payload, in order.

    Args:
        document: the payload; changed in place.
        schema: the event's schema.
        event: the event's name, for messages.
    """

    def __init__(self, document: dict[str, Json], schema: SchemaNode, event: str) -> None:
        self._document = document
        self._schema = schema
        self._event = event

    def apply(self, edit: Edit) -> None:
        """Apply one edit.

        Raises:
            PathError: the path leads nowhere, or the value has the wrong type.
        """
        container, node = self._descend(edit)
        last = edit.path.steps[-1]
        if isinstance(container, list):
            self._edit_array(edit, container, node, last)
        else:
            self._edit_object(edit, container, node, str(last))

    def _descend(self, edit: Edit) -> tuple[Container, SchemaNode | None]:
        """Return the container that holds the path's last step, and its schema if it has one."""
        steps = edit.path.steps
        value: Json = self._document
        node: SchemaNode | None = self._schema
        for depth, step in enumerate(steps[:-1]):
            so_far = PayloadPath(steps[: depth + 1])
            if isinstance(value, list):
                value = value[self._index(so_far, value, step)]
                node = node.element() if node else None
                continue
            if not isinstance(value, dict) or isinstance(step, int):
                raise self._not_a_container(PayloadPath(steps[:depth]), value, step)
            node = node.member(step) if node else None
            if step not in value:
                # an optional object that the sample lacks comes into being with its first member
                if edit.kind is EditKind.UNSET or node is None or "object" not in node.types:
                    raise self._unknown(edit, so_far, known=node is not None)
                value[step] = {}
            value = value[step]
        if not isinstance(value, dict | list) or (isinstance(value, dict) and isinstance(steps[-1], int)):
            raise self._not_a_container(PayloadPath(steps[:-1]), value, steps[-1])
        return value, node

    def _edit_object(self, edit: Edit, container: dict[str, Json], node: SchemaNode | None, name: str) -> None:
        member = node.member(name) if node else None
        known = name in container or member is not None
        if edit.kind is EditKind.UNSET:
            if name not in container:
                raise self._unknown(edit, edit.path, known=member is not None)
            del container[name]
        elif edit.kind is EditKind.ADD:
            if known:
                hint = f"use --set: it checks the value's type ({_type_list(member)})" if member else "use --set"
                raise PathError(f"--add {edit.path}: {self._event} has that field already", hint=hint)
            container[name] = self._value(edit, None)
        elif known:
            container[name] = self._value(edit, member)
        else:
            raise self._unknown(edit, edit.path, known=False)

    def _edit_array(self, edit: Edit, container: list[Json], node: SchemaNode | None, step: Step) -> None:
        element = node.element() if node else None
        if edit.kind is EditKind.ADD:
            if step not in ("-", len(container), str(len(container))):
                where = PayloadPath(edit.path.steps[:-1])
                hint = f"append with --add '{where}[{len(container)}]:=JSON', or change an element with --set"
                raise PathError(f"--add {edit.path}: elements are only added at the end", hint=hint)
            container.append(self._value(edit, element))
            return
        index = self._index(edit.path, container, step)
        if edit.kind is EditKind.UNSET:
            del container[index]
        else:
            container[index] = self._value(edit, element)

    def _index(self, path: PayloadPath, container: list[Json], step: Step) -> int:
        where = PayloadPath(path.steps[:-1])
        if isinstance(step, str):
            if not INDEX.fullmatch(step):
                hint = f"write {where}[0]" if container else None
                raise PathError(f"{where} is an array: {step!r} is not an index into it", hint=hint)
            step = int(step)
        if step >= len(container):
            count = len(container)
            range_ = {0: "it is empty", 1: "it has one element, [0]"}.get(count, f"it has [0] to [{count - 1}]")
            hint = f"append with --add '{where}[{count}]:=JSON'"
            raise PathError(f"{path}: the index is out of range: {range_}", hint=hint)
        return step

    def _not_a_container(self, path: PayloadPath, value: Json, step: Step) -> PathError:
        wanted = f"no element [{step}]" if isinstance(step, int) else f"no member {step!r}"
        return PathError(f"{path} is {type_name(value)} in {self._event}: it has {wanted}")

    def _unknown(self, edit: Edit, path: PayloadPath, *, known: bool) -> PathError:
        if known:
            hint = None if edit.kind is EditKind.UNSET else "its parent has to be set first"
            return PathError(f"{edit.kind} {path}: the sample of {self._event} does not have that field", hint=hint)
        hint = self._nearest(str(edit.path))
        if edit.kind is EditKind.SET and hint is None:
            hint = f"to add a field that {self._event} does not have, use --add PATH:=JSON"
        return PathError(f"{edit.kind} {edit.path}: {self._event} has no {path}", hint=hint)

    def _nearest(self, wanted: str) -> str | None:
        # a schema that refers to itself names paths without end
        named = islice(self._schema.paths(), _MAX_NAMED)
        known = list(dict.fromkeys([*map(str, named), *map(str, _paths(self._document))]))
        last = wanted.rpartition(".")[2]
        same_name = [path for path in known if path.rpartition(".")[2] == last][:3]
        if same_name:
            return "did you mean " + " or ".join(repr(path) for path in same_name) + "?"
        return did_you_mean(wanted, known)

    def _value(self, edit: Edit, node: SchemaNode | None) -> Json:
        if edit.json is not None:
            try:
                value = parse(edit.json)
            except JsonTextError as error:
                hint = """strings need their quotes: PATH:='"text"'"""
                raise PathError(f"{edit.kind} {edit.path}: not valid JSON: {error}", hint=hint) from None
        else:
            value = _typed(edit, edit.text or "", node)
        if node is not None:
            _check_type(edit, value, node, self._event)
        return value


def _typed(edit: Edit, text: str, node: SchemaNode | None) -> Json:
    """Read plain text as the type the schema asks for; a string wherever it allows one."""
    types = node.types if node else ()
    if not types or "string" in types:
        return text
    try:
        value = parse(text)
    except JsonTextError:
        value = text
    if isinstance(value, str | list | dict) or (value is None and "null" not in types):
        hint = "write PATH:=JSON" if {"object", "array"} & set(types) else None
        raise PathError(f"{edit.kind} {edit.path}: {text!r} is not {_type_list(node)}", hint=hint)
    return value


def _type_list(node: SchemaNode | None) -> str:
    types = node.types if node else ()
    names = [f"{'an' if name[0] in 'aio' else 'a'} {name}" if name != "null" else "null" for name in types]
    return " or ".join(names) or "any JSON value"


def _check_type(edit: Edit, value: Json, node: SchemaNode, event: str) -> None:
    try:
        problems = list(find_problems(value, node))
    except InvalidSchemaError as invalid:
        raise ProviderError(f"{edit.kind} {edit.path}: the schema of {event} is not valid there: {invalid}") from None
    for problem in problems:
        # types are enforced; a value outside a documented set, or an object with a gap, is a legitimate thing to send
        if problem.keyword not in TYPE_KEYWORDS:
            continue
        where = PayloadPath((*edit.path.steps, *problem.steps))
        types = _type_list(node) if not problem.steps else "what the schema says"
        raise PathError(
            f"{edit.kind} {where}: {problem.shown} is {type_name(problem.value)}", hint=f"expected: {types}"
        )


_MAX_NAMED = 5000


def _paths(value: Json, steps: tuple[Step, ...] = ()) -> Iterator[PayloadPath]:
    """Yield every path that exists in a payload."""
    if steps:
        yield PayloadPath(steps)
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, member in members:
        yield from _paths(member, (*steps, step))
