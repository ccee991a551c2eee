"""What a signature that is not in the documented form may have been meant to be."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from hmac import compare_digest
from typing import TYPE_CHECKING

from hookctl.model import Diagnosis, Encoding
from hookctl.signing.changes import Change
from hookctl.signing.header import HeaderReader
from hookctl.signing.scheme import digest_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.model import SignatureSpec

_PREFIX = re.compile(rb"[A-Za-z0-9_-]{1,16}[=:, ]+(?=[^=])")
_MAX_LENGTH = 1024
"""Bytes of a header's value beyond which it is not a signature in any form."""


class Readings:
    """The digests that signature headers can be read as, each with what has to be assumed to read it so."""

    def __init__(self, spec: SignatureSpec, values: list[bytes]) -> None:
        self._spec = spec
        self._digests: dict[bytes, tuple[Change[bytes], ...]] = {}
        self._upper: dict[bytes, tuple[Change[bytes], ...]] = {}
        for value in values:
            for text in _signatures(spec, value):
                self._read(text, ())
                bare = _PREFIX.sub(b"", text, count=1) if _PREFIX.match(text) else text
                if bare != text:
                    self._read(bare, (_prefixed(text.removesuffix(bare).decode("ascii")),))

    def __bool__(self) -> bool:
        return bool(self._digests or self._upper)

    def match(self, digest: bytes) -> tuple[Change[bytes], ...] | None:
        """Return what has to be assumed for a digest to be what was sent, or None when it is not."""
        found = None
        for known, assumed in self._digests.items():
            # every one is compared, and in constant time
            if compare_digest(known, digest):
                found = assumed
        if found is None and self._upper:
            found = self._upper.get(b64encode(digest).upper())
        return found

    def _read(self, text: bytes, assumed: tuple[Change[bytes], ...]) -> None:
        size = digest_size(self._spec)
        if self._spec.encoding is Encoding.HEX:
            if re.fullmatch(rb"[0-9a-f]{%d}" % (2 * size), text):
                self._add(bytes.fromhex(text.decode()), assumed)
            elif re.fullmatch(rb"[0-9a-fA-F]{%d}" % (2 * size), text):
                self._add(bytes.fromhex(text.decode()), (*assumed, _uppercased()))
            else:
                self._add(_base64(text, size), (*assumed, _encoded(Diagnosis.BASE64_FOR_HEX, "base64", "hexadecimal")))
            return
        if re.fullmatch(rb"[0-9a-fA-F]{%d}" % (2 * size), text):
            change = _encoded(Diagnosis.HEX_FOR_BASE64, "hexadecimal", "base64")
            self._add(bytes.fromhex(text.decode()), (*assumed, change))
            return
        digest = _base64(text, size)
        if digest is not None and b64encode(digest) == text:
            self._add(digest, assumed)
        if text == text.upper() and len(text) == len(b64encode(bytes(size))):
            # its digest cannot be told from it, but one that is known can be written so and compared
            self._upper.setdefault(text, (*assumed, _uppercased()))

    def _add(self, digest: bytes | None, assumed: tuple[Change[bytes], ...]) -> None:
        if digest is None:
            return
        known = self._digests.get(digest)
        if known is None or len(assumed) < len(known):
            self._digests[digest] = assumed


def _signatures(spec: SignatureSpec, value: bytes) -> Iterator[bytes]:
    """Yield the texts in a header's value that may be signatures."""
    if len(value) > _MAX_LENGTH:
        return
    parsed = HeaderReader(spec).read(value)
    if parsed is not None and parsed.signatures:
        yield from parsed.signatures
        return
    # not in the documented form: what is written around a signature may be there or not
    text = value.removeprefix(_lead(spec.value, "{signatures}"))
    for part in text.split(spec.separator.encode()) if spec.separator else (text,):
        yield part.strip().removeprefix(_lead(spec.item, "{signature}"))


def _lead(template: tuple[str, ...], placeholder: str) -> bytes:
    return "".join(template[: template.index(placeholder)]).encode()


def _base64(text: bytes, size: int) -> bytes | None:
    padded = text.replace(b"-", b"+").replace(b"_", b"/")
    padded += b"=" * (-len(padded) % 4)
    try:
        digest = b64decode(padded, validate=True)
    except ValueError:
        return None
    return digest if len(digest) == size else None


def _prefixed(prefix: str) -> Change[bytes]:
    return Change(
        Diagnosis.SIGNATURE_PREFIXED,
        b"",
        f"{prefix!r} stands before the signature",
        "send the signature alone, as the vendor does; such prefixes are another vendor's",
    )


def _uppercased() -> Change[bytes]:
    return Change(
        Diagnosis.SIGNATURE_UPPERCASED,
        b"",
        "the signature was changed to upper-case letters",
        "send it as it was computed: a receiver compares it letter by letter",
    )


def _encoded(kind: Diagnosis, arrived: str, documented: str) -> Change[bytes]:
    form = "hex" if documented == "hexadecimal" else "base64"
    return Change(
        kind,
        b"",
        f"the signature is in {arrived} where {documented} belongs",
        f"encode the digest as {documented}: digest('{form}') in Node.js",
    )
