"""`hookctl send --watch`: send again whenever files change, and say what that changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from os.path import abspath
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from hookctl.errors import HookctlError, InputError
from hookctl.flows.send import Plan, SendEvent, SendOptions, SendSummary, plan_send, run_send
from hookctl.model import Delivery

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hookctl.runtime import Runtime

DEBOUNCE_MS = 400
"""Changes closer together than this are one: editors and build tools write several files at once."""

RESTART_S = 30.0
"""How long a round waits for an app that restarts, unless --wait says more."""

_STEP_MS = 50
"""How long one look for changes takes when there are none."""


@dataclass(frozen=True, slots=True)
class RoundBegins:
    """A round is about to start."""

    number: int
    at_ms: int
    changed: tuple[str, ...]
    """The files that changed, relative to the current folder where they are below it; empty in the first round."""
    plan: Plan


@dataclass(frozen=True, slots=True)
class RoundFailed:
    """A round could not start: what was changed has a mistake in it."""

    number: int
    at_ms: int
    changed: tuple[str, ...]
    error: HookctlError


@dataclass(frozen=True, slots=True)
class Difference:
    """An event whose outcome is not what it was in the round before."""

    event: str
    before: str
    """A status, or the kind of failure."""
    after: str
    ok: bool
    """Whether it is as expected now."""


@dataclass(frozen=True, slots=True)
class RoundEnds:
    """A round is over."""

    summary: SendSummary
    differences: tuple[Difference, ...]


WatchEvent: TypeAlias = RoundBegins | RoundFailed | RoundEnds | SendEvent


def run_watch(runtime: Runtime, options: SendOptions, paths: Sequence[Path]) -> Iterator[WatchEvent]:
    """Send now, and again after each change of the watched files, until interrupted.

    Yields:
        For each round its beginning, what `run_send` yields, and its end.

    Raises:
        HookctlError: the first round cannot start; later ones that cannot are yielded as `RoundFailed`.
        InputError: a path to watch does not exist.
        KeyboardInterrupt: the user ends it.
    """
    changes = _changes(runtime, paths)
    # the watcher runs before the first round: what is saved while that is under way is not lost
    next(changes)
    outcomes: dict[tuple[str, str | None], tuple[str, bool]] = {}
    plan = plan_send(runtime, options)
    changed: tuple[str, ...] = ()
    number = 1
    while True:
        yield RoundBegins(number, runtime.now_ms(), changed, plan)
        summary = SendSummary(planned=plan.size)
        seen: dict[tuple[str, str | None], tuple[str, bool]] = {}
        try:
            for event in run_send(plan, runtime, summary):
                if isinstance(event, Delivery):
                    seen[event.request.provider, event.request.event] = _outcome(event)
                yield event
        except HookctlError as error:
            if number == 1:
                raise
            yield RoundFailed(number, runtime.now_ms(), changed, error)
        else:
            yield RoundEnds(summary, _compare(outcomes, seen))
            outcomes |= seen
        while True:
            changed = next(changes)
            number += 1
            try:
                plan = plan_send(runtime, replace(options, wait_s=max(options.wait_s, RESTART_S)))
            except HookctlError as error:
                yield RoundFailed(number, runtime.now_ms(), changed, error)
                continue
            break


def _changes(runtime: Runtime, paths: Sequence[Path]) -> Iterator[tuple[str, ...]]:
    """Yield once when the watcher runs, then the changed files after each change."""
    # 20 ms to load, and only this needs it
    from watchfiles import watch

    for path in paths:
        if not (runtime.cwd / path).exists():
            raise InputError(f"--watch {path}: no such file or folder")
    targets = [runtime.cwd / path for path in paths]
    folders = [target for target in targets if target.is_dir()]
    # a file's folder, not the file: editors replace it by another, and a watch would stay with the old one
    single = [target for target in targets if not target.is_dir()]
    # a link may come to point elsewhere, and what it points to may change
    files = {Path(abspath(target)) for target in single} | {target.resolve() for target in single}  # noqa: PTH100
    watchers = []
    if folders:
        watchers.append(watch(*folders, debounce=DEBOUNCE_MS, rust_timeout=_STEP_MS, yield_on_timeout=True))
    if files:
        watchers.append(
            watch(
                *{file.parent for file in files},
                watch_filter=lambda _, name: Path(name) in files,
                recursive=False,
                debounce=DEBOUNCE_MS,
                rust_timeout=_STEP_MS,
                yield_on_timeout=True,
            )
        )
    # without a change each yields nothing after a step; by then it has begun to watch
    batch = set().union(*map(next, watchers))
    yield ()
    while True:
        if batch:
            yield tuple(sorted({_shown(runtime.cwd, Path(name)) for _, name in batch}))
        batch = set().union(*map(next, watchers))


def _shown(folder: Path, path: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def _outcome(delivery: Delivery) -> tuple[str, bool]:
    attempt = delivery.attempt
    if attempt.failure is not None or attempt.response is None:
        return (attempt.failure.kind.value if attempt.failure else "nothing"), False
    return str(attempt.response.status), delivery.ok


def _compare(
    before: dict[tuple[str, str | None], tuple[str, bool]], now: dict[tuple[str, str | None], tuple[str, bool]]
) -> tuple[Difference, ...]:
    return tuple(
        Difference(key[1] or "(unnamed)", before[key][0], outcome, ok)
        for key, (outcome, ok) in now.items()
        if key in before and before[key][0] != outcome
    )
