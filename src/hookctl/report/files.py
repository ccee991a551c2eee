"""Report files: whole or not at all, wherever the user wants them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hookctl.errors import InputError


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file under a temporary name beside it, then rename it; parent folders are made.

    A reader sees the old file or the new one, never a part, and a failure leaves the old one.

    Raises:
        InputError: it cannot be written; the message names the file.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # cut, for a name that is as long as can be
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:32]}.", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            # mkstemp makes it private; a report has the permissions of any new file
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
        except BaseException:
            temporary.unlink()
            raise
    except OSError as error:
        raise InputError(f"cannot write the report {path}: {error.strerror}") from None


def _umask() -> int:
    # there is no way to read it without setting it
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
