"""The API through which a vendor's webhooks are configured, and the journal by which a change is undone.

`open_access()` finds out who asks whom, `WebhookApi` speaks the API, `Journal` remembers how a webhook was before it
was changed for a while.
"""

from hookctl.vendors.access import Access, AccessOptions, open_access
from hookctl.vendors.answers import read_answer
from hookctl.vendors.api import TestOutcome, TestResult, WebhookApi
from hookctl.vendors.journal import Claim, Entry, Journal, Leftover, Target
from hookctl.vendors.problems import (
    ApiError,
    ApiUnreachableError,
    BusyError,
    JournalError,
    MaskedValueError,
    RestoreError,
)
from hookctl.vendors.record import (
    Change,
    SecretState,
    Webhook,
    Wish,
    differences,
    event_entries,
    fields_of,
    merged,
    same_url,
)

__all__ = [
    "Access",
    "AccessOptions",
    "ApiError",
    "ApiUnreachableError",
    "BusyError",
    "Change",
    "Claim",
    "Entry",
    "Journal",
    "JournalError",
    "Leftover",
    "MaskedValueError",
    "RestoreError",
    "SecretState",
    "Target",
    "TestOutcome",
    "TestResult",
    "Webhook",
    "WebhookApi",
    "Wish",
    "differences",
    "event_entries",
    "fields_of",
    "merged",
    "open_access",
    "read_answer",
    "same_url",
]
