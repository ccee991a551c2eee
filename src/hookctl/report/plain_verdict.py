"""The record of a capture that is plainly valid, as text: what `verdict_record` and `to_line` make, in half the time.

It loads msgspec, so import it where an archive is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from hookctl.report.machine import to_line
from hookctl.report.records import plain_verdict_record

if TYPE_CHECKING:
    from hookctl.flows.plainly import Plain
    from hookctl.report.records import Clean

_encode = msgspec.json.Encoder().encode


class _Verdict(msgspec.Struct, tag_field="type", tag="verdict", gc=False):
    """The keys of `plain_verdict_record`, in its order."""

    source: str
    provider: str
    event: str
    event_id: str | None
    valid: bool
    reason: str
    diagnosis: None
    age_s: float | None
    drift: None
    second_diagnosis: None
    explanation: None
    notes: tuple[str, ...]


def plain_verdict_line(plain: Plain, clean: Clean) -> str:
    """Return one line, its end included.

    Args:
        plain: what there is to say.
        clean: masks secrets in what the capture says.
    """
    source, provider, event, event_id, age_s = plain
    # one search for all: hardly ever is there anything to mask
    together = f"{source} {event} {event_id}"
    # DEL, which is not printable, msgspec leaves as it is
    if clean(together) is together and together.isascii() and together.isprintable():
        verdict = _Verdict(source, provider, event, event_id, True, "ok", None, age_s, None, None, None, ())  # noqa: FBT003
        return _encode(verdict).decode("ascii") + "\n"
    return to_line(plain_verdict_record(plain, clean))
