"""What a user wants replayed: ids become stored deliveries, other names become captures."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookctl.captures.sources import STDIN
from hookctl.errors import InputError
from hookctl.flows.deliveries import require_store
from hookctl.flows.read_captures import read_captures
from hookctl.model import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hookctl.captures.form import Form
    from hookctl.model import Capture, Reason
    from hookctl.runtime import Runtime
    from hookctl.store import Store, StoredDelivery

LAST = "last"
"""Stands for the delivery that was stored last, unless there is a file of that name."""

_ID_BEGINS = "dl_"
_GLOB_CHARACTERS = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Before:
    """How a delivery was answered at first."""

    status: int
    body: bytes | None
    """None when only the status is known."""


@dataclass(frozen=True, slots=True)
class Original:
    """One delivery as it was, from the store or from a file."""

    capture: Capture
    """Its source is the stored id, or the file's name with the place in it."""
    before: Before | None
    provider: str | None = None
    """Whose it was taken for when it was stored."""
    forwarded_to: str | None = None
    """The URL that it was passed on to."""
    refused_for: Reason | None = None
    """Why it was not genuine when it arrived; None when it was, or when that is not known."""


def find_originals(names: Sequence[str], runtime: Runtime, form: Form | None) -> Iterator[Original]:
    """Yield what the names stand for, in order; one in memory at a time.

    Args:
        names: ids and unique beginnings of ids, `last`, files, folders, globs, `-`. A file goes before an id.
        runtime: where files and the store are.
        form: of the captures in files; None to find out.

    Raises:
        InputError: a name is neither, nothing is stored under an id, a capture cannot be read.
        StoreError: the store cannot be read.
    """
    with ExitStack() as open_stores:
        store: Store | None = None
        for name in names:
            if _is_file(name, runtime):
                yield from _from_files(name, runtime, form)
            elif name == LAST or name.lower().startswith(_ID_BEGINS):
                store = store or open_stores.enter_context(require_store(runtime))
                yield _from_store(store.get(name))
            else:
                hint = f"ids begin with {_ID_BEGINS}, and {LAST} is the newest: `hookctl deliveries` lists them"
                raise InputError(f"{name!r} is neither a file nor the id of a stored delivery", hint=hint)


def _is_file(name: str, runtime: Runtime) -> bool:
    if name == STDIN or os.path.lexists(runtime.cwd / name):
        return True
    return bool(_GLOB_CHARACTERS.intersection(name))


def _from_store(stored: StoredDelivery) -> Original:
    from hookctl.store import as_capture

    verdict, forwarded, response = stored.verdict, stored.forwarded, stored.response
    status = response.status if response is not None else None
    if forwarded is not None:
        # the app's own answer: hookctl may have told the sender something else
        status = forwarded.status
    before = None
    if status is not None:
        relayed = response is not None and response.status == status
        before = Before(status, response.body if response is not None and relayed else None)
    return Original(
        capture=as_capture(stored),
        before=before,
        provider=stored.provider,
        forwarded_to=None if forwarded is None else forwarded.url,
        refused_for=None if verdict.valid else verdict.reason,
    )


def _from_files(name: str, runtime: Runtime, form: Form | None) -> Iterator[Original]:
    for item in read_captures((name,), runtime, form):
        if isinstance(item, Unreadable):
            raise _unreadable(item)
        response = item.response
        yield Original(item, None if response is None else Before(response.status, response.body))


def _unreadable(item: Unreadable) -> InputError:
    hint = item.hint
    if hint is not None and "--signature" in hint:
        # options of `hookctl verify`: here a bare body has nothing to be sent again but itself
        hint = "a bare body is sent with `hookctl send --data FILE`"
    return InputError(f"{item.source}: {item.message}", hint=hint)
