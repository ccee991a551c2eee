"""Keeps deliveries in SQLite: durable before the sender is told so, private, exact to the byte.

`Store` reads and prunes, its `Writer` stores a batch in one transaction, and `GroupCommit` lets the tasks of an
event loop share those. Everything that can go wrong is a `StoreError` with a kind.
"""

from __future__ import annotations

from hookctl.store.delivery import Arrival, Forwarded, Kept, Outcome, StoredDelivery, Summary, as_capture
from hookctl.store.filters import Filters
from hookctl.store.inspection import Inspection, inspect_store
from hookctl.store.location import default_path
from hookctl.store.problems import (
    StoreCorruptError,
    StoreError,
    StoreForeignError,
    StoreFullError,
    StoreIoError,
    StoreLockedError,
    StoreNewerError,
    StoreProblem,
    StoreReadOnlyError,
    UnknownDeliveryError,
)
from hookctl.store.store import LAST, Store
from hookctl.store.writer import Writer

__all__ = [
    "LAST",
    "Arrival",
    "Filters",
    "Forwarded",
    "Inspection",
    "Kept",
    "Outcome",
    "Store",
    "StoreCorruptError",
    "StoreError",
    "StoreForeignError",
    "StoreFullError",
    "StoreIoError",
    "StoreLockedError",
    "StoreNewerError",
    "StoreProblem",
    "StoreReadOnlyError",
    "StoredDelivery",
    "Summary",
    "UnknownDeliveryError",
    "Writer",
    "as_capture",
    "default_path",
    "inspect_store",
]
