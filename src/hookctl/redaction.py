"""Keeps secrets out of everything that is written for people or machines.

Rendered and captured bytes are never altered; messages, logs, reports and echoed responses are.
"""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode

MASK = "[secret]"
"""What stands where a secret stood."""

MIN_LENGTH = 8
"""Secrets shorter than this are not masked: replacing two or three letters everywhere would garble
messages and, by where the marks stand, give the secret away."""

_PREFIX = b"whsec_"


class Redactor:
    """Replaces every form of the registered secrets in text.

    Forms: the secret itself, the secret without a `whsec_` prefix, and the base64 (plain and URL-safe,
    with and without padding) of either.
    """

    def __init__(self) -> None:
        self._forms: list[str] = []

    def register(self, secret: bytes) -> None:
        """Mask this secret from now on; one shorter than `MIN_LENGTH` bytes is left alone."""
        plain = [secret]
        if secret.startswith(_PREFIX):
            plain.append(secret.removeprefix(_PREFIX))
        forms = set(self._forms)
        for value in plain:
            if len(value) < MIN_LENGTH:
                continue
            # messages carry undecodable bytes as surrogates or as replacement characters
            forms.update(value.decode("utf-8", errors) for errors in ("surrogateescape", "replace"))
            forms.add(value.decode("utf-8", "replace").strip())
            for encode in (b64encode, urlsafe_b64encode):
                text = encode(value).decode("ascii")
                forms.update((text, text.rstrip("=")))
        # longest first: a shorter form inside a longer one must not leave the rest standing
        self._forms = sorted((form for form in forms if len(form) >= MIN_LENGTH), key=len, reverse=True)

    def clean(self, text: str) -> str:
        """Return the text with every form of every registered secret masked."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        return text
