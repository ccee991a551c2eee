"""Keeps secrets out of everything that is written for people or machines.

Rendered and captured bytes are never altered; messages, logs, reports and echoed responses are.
"""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MASK = "[secret]"
"""What stands where a secret stood."""

MIN_LENGTH = 8
"""Secrets shorter than this are not masked: replacing two or three letters everywhere would garble
messages and, by where the marks stand, give the secret away."""

_PREFIX = b"whsec_"
_ELLIPSIS = "..."


class Redactor:
    """Replaces every form of the registered secrets in text, and what an excerpt has left of one before three dots.

    Forms: the secret itself, the secret without a `whsec_` prefix, and the base64 (plain and URL-safe,
    with and without padding) of either; each also as JSON, a `repr` or a header's Latin-1 text writes it.

    Text is cleaned before it is made safe for a terminal: an escaped secret is another text.
    """

    def __init__(self) -> None:
        self._forms: list[str] = []
        self._shortest = 0

    def register(self, secret: bytes) -> None:
        """Mask this secret from now on; one shorter than `MIN_LENGTH` bytes is left alone."""
        from json.encoder import encode_basestring, encode_basestring_ascii

        plain = [secret]
        if secret.startswith(_PREFIX):
            plain.append(secret.removeprefix(_PREFIX))
        forms = set(self._forms)
        for value in plain:
            if len(value) < MIN_LENGTH:
                continue
            # messages carry undecodable bytes as surrogates, as replacement characters or as escapes
            texts = {value.decode("utf-8", errors) for errors in ("surrogateescape", "replace", "backslashreplace")}
            texts.add(value.decode("latin-1"))
            # a receiver that trims what it reads
            if len(value.strip()) >= MIN_LENGTH:
                texts.add(value.decode("utf-8", "replace").strip())
            for text in texts:
                quoted = (repr(text), encode_basestring(text), encode_basestring_ascii(text))
                forms.update((text, *(form[1:-1] for form in quoted)))
            for encode in (b64encode, urlsafe_b64encode):
                text = encode(value).decode("ascii")
                forms.update((text, text.rstrip("=")))
        self._forms = list(forms)
        self._shortest = min(map(len, forms), default=0)

    def clean(self, text: str) -> str:
        """Return the text with every form of every registered secret masked, overlapping ones as one."""
        spans = list(self._cut_off(text)) if _ELLIPSIS in text else []
        if len(text) < self._shortest and not spans:
            return text
        for form in self._forms:
            start = text.find(form)
            while start >= 0:
                spans.append((start, start + len(form)))
                start = text.find(form, start + 1)
        if not spans:
            return text
        pieces: list[str] = []
        end = 0
        for start, stop in sorted(spans):
            # a span that reaches into the one before only makes that longer
            if start >= end:
                pieces += (text[end:start], MASK)
            end = max(end, stop)
        return "".join((*pieces, text[end:]))

    def _cut_off(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where a form begins that an excerpt has cut off: what is left of it stands before three dots."""
        end = text.find(_ELLIPSIS)
        while end >= 0:
            for form in self._forms:
                for length in range(min(len(form) - 1, end), MIN_LENGTH - 1, -1):
                    if text.endswith(form[:length], 0, end):
                        yield end - length, end
                        break
            end = text.find(_ELLIPSIS, end + 1)
