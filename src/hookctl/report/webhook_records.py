"""The machine output of `hookctl webhook`, and what a run that points a webhook somewhere tells of setting it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hookctl.flows.pointing import Restoration
    from hookctl.flows.webhook import Administered
    from hookctl.report.records import Clean, Record
    from hookctl.vendors import Access, Change, TestOutcome, Webhook


def webhook_record(webhook: Webhook | None, access: Access, clean: Clean) -> Record:
    """Return `type:"webhook"`; None is one that is not there."""
    events = webhook.events if webhook else None
    return {
        "type": "webhook",
        "provider": access.provider.name,
        "url": clean(webhook.url) if webhook and webhook.url else None,
        "events": None if events is None else [clean(event) for event in events],
        "secret_set": webhook is not None and webhook.secret_set,
        "id": webhook.id if webhook else None,
        "name": clean(webhook.label) if webhook and webhook.label else None,
        "account": clean(access.account),
        "dialect": access.dialect.name,
        "api_url": clean(access.base_url),
    }


def manual_record(administered: Administered) -> Record:
    """Return `type:"webhook_manual"`: what to do by hand."""
    return {
        "type": "webhook_manual",
        "provider": administered.provider.name,
        "steps": list(administered.administration.manual),
    }


def changes_record(changes: Sequence[Change], clean: Clean) -> Record:
    """Return what a record of `set` has beside those of a webhook: `changes`."""

    def told(value: str | tuple[str, ...] | None) -> object:
        return [clean(one) for one in value] if isinstance(value, tuple) else value and clean(value)

    return {"changes": [{"field": one.field, "old": told(one.old), "new": told(one.new)} for one in changes]}


def test_record(outcome: TestOutcome, event: str | None, provider: str, clean: Clean) -> Record:
    """Return `type:"webhook_test"`; the event is None where one cannot be asked for."""
    return {
        "type": "webhook_test",
        "provider": provider,
        "event": event,
        "result": outcome.result,
        "status": outcome.said and clean(outcome.said),
        "receiver_status": outcome.receiver_status,
        "error": outcome.error and clean(outcome.error),
    }


def restored_record(restoration: Restoration, clean: Clean) -> Record:
    """Return `type:"restored"`."""
    entry = restoration.entry
    return {
        "type": "restored",
        "outcome": restoration.outcome,
        "provider": entry.target.provider if entry else None,
        "account": clean(entry.target.account) if entry else None,
        "api_url": clean(entry.target.api_url) if entry else None,
        "url": clean(entry.old_url) if entry and entry.old_url else None,
        "current_url": restoration.current_url and clean(restoration.current_url),
        "pid": restoration.held_by,
        "error": restoration.error and clean(restoration.error.message),
    }
