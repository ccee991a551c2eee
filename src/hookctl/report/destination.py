"""A file of any size that a user wants written: whole or not at all, without holding it in memory."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from hookctl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME_CHARACTERS = 32
_PERMISSIONS = 0o666


@contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """Write a file under a temporary name beside it and give it its own when the context ends well.

    A reader sees the old file or the new one, never a part; whatever goes wrong, the old one stays. What is no file,
    such as a pipe or a device, is written to as it is. Parent folders are made.

    Args:
        path: the file; a link leads to the file that it stands for.

    Yields:
        Where to write to.

    Raises:
        InputError: it cannot be written; the message names the file.
    """
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as stream:
                yield stream
        else:
            with _replacing(Path(os.path.realpath(path))) as stream:
                yield stream
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from None


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    path.parent.mkdir(parents=True, exist_ok=True)
    # cut, for a name that is as long as can be
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:_NAME_CHARACTERS]}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(descriptor)
        # mkstemp makes it private; what a user asks for has the permissions of any new file
        temporary.chmod(_PERMISSIONS & ~_umask())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _umask() -> int:
    # there is no way to read it without setting it
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
