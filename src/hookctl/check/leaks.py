"""What an answer gives away: stack traces, and signatures that would have been right."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookctl.check.model import Probe
    from hookctl.model import Response

_TRACES = (
    # JavaScript: `at handler (file:///app/server.mjs:12:5)`, also with HTML around and blanks as entities. A time after
    # "at" has colons too, but neither a script's name nor a module's before them
    re.compile(r"\bat [^\n<]{0,300}?(?:\bnode:[\w/]{1,100}|\.[cm]?[jt]sx?):\d+:\d+"),
    re.compile(r"Traceback (?:<em>)?\(most recent call last\)"),
    re.compile(r'File \\?"[^"\n]{1,300}", line \d+'),
    # Java and Kotlin
    re.compile(r"\bat [\w.$/@]{1,200}\([\w$]{1,100}\.(?:java|kt):\d+\)"),
    # PHP and .NET
    re.compile(r"#\d+ [^\s(]{1,300}\.\w{1,8}\(\d+\): "),
    re.compile(r"Stack trace:(?:\\n)?\s{0,4}(?:<br ?/?>)?\s{0,4}#0 "),
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
    # JSON may write a slash of base64 as \/
    everything = "\n".join((text, *said)).replace("\\/", "/")
    folded = everything.lower()
    for form in probe.genuine:
        # only of base64 the case counts
        if form in everything or (form.isalnum() and form in folded):
            return "the signature that would have been right"
    if any(trace.search(text) for trace in _TRACES):
        return "a stack trace"
    return None
