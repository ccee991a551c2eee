"""What an answer gives away: stack traces, and signatures that would have been right."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookctl.check.model import Probe
    from hookctl.model import Response

_TRACES = (
    # JavaScript: `at handler (file:///app/server.mjs:12:5)`, also with HTML around and blanks as entities
    re.compile(r"\bat (?:async )?[^\n<]{0,200}?\(?(?:file://|node:|/|[A-Za-z]:\\)[^\s()<>]{1,300}:\d+:\d+"),
    re.compile(r"Traceback \(most recent call last\)"),
    re.compile(r'File "[^"\n]{1,300}", line \d+'),
    # Java and Kotlin
    re.compile(r"\bat [\w.$]{1,200}\([\w$]{1,100}\.(?:java|kt):\d+\)"),
    # PHP and .NET
    re.compile(r"#\d+ [^\s(]{1,300}\(\d+\): "),
    re.compile(r"\bat [\w.<>`]{1,200}\([^)\n]{0,200}\) in [^\n]{1,300}:line \d+"),
    # Go and Ruby
    re.compile(r"goroutine \d+ \["),
    re.compile(r"[\w./-]{1,200}\.rb:\d+:in [`']"),
)

_LOOKED_AT = 64 * 1024


def found_in(probe: Probe, response: Response) -> str | None:
    """Return what an answer gives away, as a clause, or None.

    Args:
        probe: what was sent, and which signature would have been right.
        response: the answer.
    """
    said = [value for _, value in response.headers]
    text = response.body[:_LOOKED_AT].decode("utf-8", "replace")
    everything = "\n".join((text, *said))
    folded = everything.lower()
    for form in probe.genuine:
        if form in everything or (form.isalnum() and form.lower() in folded):
            return "the signature that would have been right"
    if any(trace.search(text) for trace in _TRACES):
        return "a stack trace"
    return None
