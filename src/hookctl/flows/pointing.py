"""A webhook that points somewhere else for a while: changed, and set back however the run ends.

What is to be undone is on the disk before anything is changed, so that what a killed run has left behind can be set
back by the next one. Undoing never overwrites what somebody else has set meanwhile.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hookctl.config import load_config
from hookctl.errors import ExitCode, HookctlError
from hookctl.flows.interrupts import interrupt_afterwards
from hookctl.flows.webhook import find_again, notes_on_access, open_session, plan_set, read_secret, to_write, write
from hookctl.vendors import (
    ApiError,
    BusyError,
    Entry,
    Journal,
    RestoreError,
    Wish,
    event_entries,
    same_url,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hookctl.flows.webhook import Administered, Session, SetPlan, WebhookOptions
    from hookctl.payload.jsontext import Json
    from hookctl.runtime import Runtime
    from hookctl.vendors import Claim, Leftover, Webhook

LATER = "`hookctl webhook restore` sets it back later"
"""What to do about a webhook that could not be set back."""


class Outcome(StrEnum):
    """What became of a webhook that was to be set back: a closed list."""

    RESTORED = "restored"
    """It is as it was."""
    REMOVED = "removed"
    """It was made for the run, and is gone again."""
    ALREADY = "already"
    """It was as it had been: the change was never made, or undone before."""
    NOT_OURS = "not_ours"
    """Somebody else has changed it meanwhile: it was left alone, and the journal forgotten."""
    GONE = "gone"
    """It is no longer there."""
    IN_USE = "in_use"
    """A run that is under way has changed it, and will set it back itself."""
    ELSEWHERE = "elsewhere"
    """It belongs to another API than the one that is spoken to; its journal is kept."""
    FAILED = "failed"
    """It could not be set back; its journal is kept."""


@dataclass(frozen=True, slots=True)
class Restoration:
    """What became of one webhook that was to be set back."""

    outcome: Outcome
    entry: Entry | None
    """What was to be undone; None where the journal cannot be read."""
    current_url: str | None = None
    """Where it points to, when it was left alone."""
    held_by: int | None = None
    """The process that has it in use."""
    error: HookctlError | None = None
    """Why it failed."""

    @property
    def exit_code(self) -> ExitCode:
        """What it is to a script: whether the webhook is as it was."""
        if self.error is not None:
            return self.error.exit_code
        left = {Outcome.NOT_OURS, Outcome.IN_USE, Outcome.ELSEWHERE}
        return ExitCode.NO if self.outcome in left else ExitCode.YES


@dataclass(slots=True)
class Pointing:
    """A webhook while it points somewhere else."""

    before: Webhook | None
    """How it was; None for one that was made."""
    webhook: Webhook
    """How it is now."""
    leftover: Restoration | None
    """What a killed run had left behind, and what became of it before this one began."""
    restoration: Restoration | None = None
    """What became of it at the end; set when the context has ended."""


@contextmanager
def pointed(
    session: Session, url: str, *, secret: str | None = None, secret_env: str | None = None
) -> Iterator[Pointing]:
    """Point a webhook to a URL for the length of the context, then set it back.

    It is set back after a normal end, an error and a Ctrl-C alike. SIGTERM and SIGHUP have to arrive as an exception:
    that is for the command to see to. What a killed run has left behind is set back first.

    Args:
        session: whose webhook.
        url: where to.
        secret: the signing secret, for an API that shows it masked and would lose it with a write.
        secret_env: the variable that holds it, so that whoever sets back what a killed run has left finds it there.

    Raises:
        BusyError: another run has it; names the process.
        MaskedValueError: the API shows a value masked and would lose it. Nothing was changed.
        JournalError: the journal cannot be written. Nothing was changed.
        ApiError, ApiUnreachableError: it could not be changed; it is set back all the same.
        RestoreError: it could not be set back, at the end or after a killed run; the journal is kept.
    """
    with session.journal.claim(session.access.target) as claim:
        leftover = _left_behind(session, claim, secret)
        plan = plan_set(session, Wish(url=url), secret=secret)
        if not plan.changes:
            # it points there already, by the user's own doing: nothing to be undone
            assert plan.webhook is not None  # noqa: S101 - one that is missing is a change
            yield Pointing(plan.webhook, plan.webhook, leftover)
            return
        entry = _entry(session, plan, url, secret_env)
        claim.write(entry)
        pointing: Pointing | None = None
        try:
            # a Ctrl-C waits until it is known how things stand
            with interrupt_afterwards():
                write(session, plan)
                webhook = find_again(session, plan)
            if webhook is None or not same_url(webhook.url, url):
                raise ApiError(
                    f"{session.access.named} took the change, but the webhook does not point to {url}",
                    hint="`hookctl webhook show` shows how it is now",
                )
            pointing = Pointing(plan.webhook, webhook, leftover)
            yield pointing
        finally:
            # the first Ctrl-C may have ended the run; another one waits here
            with interrupt_afterwards():
                restoration = _restored(session, claim, entry, secret)
                if pointing is not None:
                    pointing.restoration = restoration


def leftovers(runtime: Runtime) -> tuple[Leftover, ...]:
    """Return what killed runs have left changed, and journals that cannot be read. Asks no API, changes nothing.

    Raises:
        JournalError: no variable says where journals are.
    """
    return tuple(one for one in Journal.of(runtime.env).entries() if one.held_by is None)


def restore(
    runtime: Runtime,
    options: WebhookOptions,
    administered: Administered,
    noted: Callable[[str], None],
    *,
    secret: str | None = None,
) -> Iterator[Restoration]:
    """Set back what killed runs have left changed at a provider's API; yields what became of each.

    Args:
        runtime: environment and clock.
        options: what the user said; an account, if one was named, is the only one that is looked at.
        administered: the provider.
        noted: is told what is worth knowing before the API is asked.
        secret: the signing secret, for an API that shows it masked and would lose it with a write.

    Raises:
        InputError: the base URL cannot be used.
        SecretError: no access token. Not asked for when nothing is left behind.
        JournalError: no variable says where journals are.
    """
    account = options.access.business
    mine = [
        one
        for one in Journal.of(runtime.env).entries()
        if one.entry is None
        or (one.entry.target.provider == administered.provider.name and account in {None, one.entry.target.account})
    ]
    for damaged in (one for one in mine if one.entry is None):
        yield Restoration(Outcome.FAILED, None, error=damaged.problem)
    accounts = [one.entry.target.account for one in mine if one.entry is not None]
    if not accounts:
        return
    with open_session(runtime, options, administered, account=accounts[0]) as session:
        for note in notes_on_access(session):
            noted(note)
        for leftover in mine:
            if leftover.entry is not None:
                yield _restore_one(session, leftover.entry, leftover.held_by, secret)


def _restore_one(session: Session, entry: Entry, held_by: int | None, secret: str | None) -> Restoration:
    if held_by is not None:
        return Restoration(Outcome.IN_USE, entry, held_by=held_by)
    # the token is the one for the API that the user speaks to now
    if entry.target.api_url != session.access.base_url:
        return Restoration(Outcome.ELSEWHERE, entry)
    try:
        with session.journal.claim(entry.target) as claim, interrupt_afterwards():
            return undo(session, claim, entry, secret)
    except BusyError as error:
        return Restoration(Outcome.IN_USE, entry, held_by=error.pid)
    except HookctlError as error:
        return Restoration(Outcome.FAILED, entry, error=error)


def undo(session: Session, claim: Claim, entry: Entry, secret: str | None = None) -> Restoration:
    """Set a webhook back to how an entry says it was, if it is still as the entry says it was made; forget the entry.

    Raises:
        HookctlError: it could not be set back; the entry is kept.
    """
    there = session.about(entry.target.account, entry.dialect)
    if there is None:
        raise RestoreError(
            f"the webhook was changed in the dialect {entry.dialect}, which is no longer described",
            hint=f"it pointed to {entry.old_url or 'nothing'} before: set that with `hookctl webhook set --url`",
        )
    webhook = _find(there, entry)
    outcome, current = Outcome.GONE, None
    if webhook is not None:
        current = webhook.url
        outcome = _judge(webhook, entry)
    if webhook is not None and outcome in {Outcome.RESTORED, Outcome.REMOVED}:
        _set_back(there, webhook, entry, secret or _secret_of(session, entry))
    claim.clear()
    return Restoration(outcome, entry, current)


def _secret_of(session: Session, entry: Entry) -> str | None:
    """Return the signing secret from the variable that the run had it from, if it is still there."""
    if entry.secret_env is None:
        return None
    try:
        return read_secret(session.runtime, load_config(session.runtime), entry.secret_env)
    except HookctlError:
        # it may not be needed, and if it is, what is said then names the variable
        return None


def _judge(webhook: Webhook, entry: Entry) -> Outcome:
    if same_url(webhook.url, entry.new_url):
        return Outcome.REMOVED if entry.created else Outcome.RESTORED
    return Outcome.ALREADY if same_url(webhook.url, entry.old_url) else Outcome.NOT_OURS


def _find(session: Session, entry: Entry) -> Webhook | None:
    webhooks = session.api.read()
    if entry.created:
        return next((webhook for webhook in webhooks if same_url(webhook.url, entry.new_url)), None)
    return next((webhook for webhook in webhooks if webhook.id == entry.webhook), None)


def _set_back(session: Session, webhook: Webhook, entry: Entry, secret: str | None) -> None:
    spec = session.access.dialect.record
    if entry.created:
        session.api.delete(webhook)
    else:
        fields: dict[str, Json] = {spec.url: entry.old_url}
        # events that somebody has changed meanwhile are theirs
        if entry.new_events is not None and set(webhook.events or ()) == set(entry.new_events):
            old = entry.old_events
            fields[spec.events] = None if old is None else event_entries(old, webhook, spec)
        session.api.update(webhook, to_write(session, webhook, fields, secret))
    after = _find(session, entry)
    if after is not None and (entry.created or not same_url(after.url, entry.old_url)):
        raise RestoreError(
            f"{session.access.named} took the change, but the webhook points to {after.url or 'nothing'}",
            hint=f"it pointed to {entry.old_url or 'nothing'} before; {LATER}",
        )


def _left_behind(session: Session, claim: Claim, secret: str | None) -> Restoration | None:
    entry = claim.read()
    return None if entry is None else _restored(session, claim, entry, secret)


def _restored(session: Session, claim: Claim, entry: Entry, secret: str | None) -> Restoration:
    """Undo an entry; whatever goes wrong says how to do it later."""
    try:
        return undo(session, claim, entry, secret)
    except HookctlError as error:
        raise RestoreError(
            f"the webhook was not set back, it pointed to {entry.old_url or 'nothing'} before: {error.message}",
            hint="; ".join(filter(None, (error.hint, None if LATER in (error.hint or "") else LATER))),
        ) from error


def _entry(session: Session, plan: SetPlan, url: str, secret_env: str | None) -> Entry:
    before = plan.webhook
    return Entry(
        target=session.access.target,
        dialect=session.access.dialect.name,
        webhook=before.id if before else None,
        created=before is None,
        old_url=before.url if before else None,
        new_url=url,
        old_events=before.events if before else None,
        new_events=plan.wish.events,
        at_ms=session.runtime.now_ms(),
        pid=os.getpid(),
        secret_env=secret_env,
    )
