"""Report files: whole or not at all, wherever the user wants them."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from hookctl.errors import InputError

_COPIED_BYTES = 1024 * 1024

_STREAMS = ("/dev", "/dev/fd", "/proc/self/fd")
"""Where streams have names, which may be open files: /dev/stdout."""


class ReportFile:
    """A file that is written bit by bit and appears as a whole, or not at all; parent folders are made.

    What is written meanwhile has no name, so that nothing of it is left when the process is killed. A reader sees the
    old file or the new one, never a part, and a failure leaves the old one. What is no file, /dev/stdout for one, is
    written to at the end.

    Args:
        path: where it is to appear.

    Raises:
        InputError: nothing can be written there; the message names the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                raise IsADirectoryError(None, "Is a directory")
            # a device or a pipe: to put a file in its place would take it from everybody else
            self._is_special = path.exists() and (not path.is_file() or str(path.parent) in _STREAMS)
            folder = None if self._is_special else path.parent
            self._stream = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by finish() or discard()
        except OSError as error:
            raise self._error(error) from None

    def write(self, text: str) -> None:
        """Write text, as UTF-8; raises as the file itself does."""
        self.write_bytes(text.encode())

    def write_bytes(self, data: bytes) -> None:
        """Write bytes; raises as the file itself does."""
        try:
            self._stream.write(data)
        except OSError as error:
            self.discard()
            raise self._error(error) from None

    def finish(self) -> None:
        """Let it appear; raises as the file itself does."""
        try:
            self._stream.seek(0)
            if self._is_special:
                with self.path.open("ab") as special:
                    shutil.copyfileobj(self._stream, special, _COPIED_BYTES)
                return
            # cut, for a name that is as long as can be
            descriptor, name = tempfile.mkstemp(prefix=f".{self.path.name[:32]}.", dir=self.path.parent)
            temporary = Path(name)
            try:
                with os.fdopen(descriptor, "wb") as named:
                    shutil.copyfileobj(self._stream, named, _COPIED_BYTES)
                    named.flush()
                    os.fsync(named.fileno())
                # mkstemp makes it private; a report has the permissions of any new file
                temporary.chmod(0o666 & ~_umask())
                temporary.replace(self.path)
            except BaseException:
                temporary.unlink()
                raise
        except OSError as error:
            raise self._error(error) from None
        finally:
            self.discard()

    def discard(self) -> None:
        """Forget what was written; the old file stays."""
        # what has found no room would be tried again
        with suppress(OSError):
            self._stream.close()

    def _error(self, error: OSError) -> InputError:
        return InputError(f"cannot write the report {self.path}: {error.strerror}")


def write_atomically(path: Path, data: bytes) -> None:
    """Write a whole file at once; raises `InputError` as `ReportFile` does."""
    file = ReportFile(path)
    file.write_bytes(data)
    file.finish()


def _umask() -> int:
    # there is no way to read it without setting it
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
