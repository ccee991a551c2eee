"""The restore journal: how a webhook was before it was changed for a while, on the disk before it is changed.

One file for each account of an API, private, replaced whole and synced, never with a token or a signing secret in it.
Beside it a lock with the id of the process that holds it; the operating system drops the lock when that process ends,
however it ends. So a journal whose lock is free was left behind by a run that was killed.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from hookctl.statefolder import make_folder, state_folder, sync_folder
from hookctl.vendors.problems import BusyError, JournalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

SCHEMA = "hookctl.webhook-journal/1"

_FOLDER = "webhooks"
_KEY_DIGITS = 20
_LOOKS_S = (0.01, 0.02, 0.05)
_MOST_BYTES = 256 * 1024
_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW
_FOREIGN = "move it away, or use another state directory (XDG_STATE_HOME)"


@dataclass(frozen=True, slots=True)
class Target:
    """The account of an API whose webhook is changed: only one run at a time may."""

    provider: str
    api_url: str
    account: str

    @property
    def key(self) -> str:
        """What its files are called: of a fixed length and harmless, whatever the account is called."""
        text = f"{self.provider}\0{self.api_url}\0{self.account}"
        digest = sha256(text.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()[:_KEY_DIGITS]


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be undone."""

    target: Target
    dialect: str
    webhook: str | None
    """The webhook's id, where an account can have several; None for one that was made, whose id nobody knew yet."""
    created: bool
    """Whether the webhook was made: then undoing is removing it."""
    old_url: str | None
    new_url: str
    old_events: tuple[str, ...] | None
    new_events: tuple[str, ...] | None
    """None where the events were left as they were."""
    at_ms: int
    pid: int
    secret_env: str | None = None
    """The variable that held the signing secret, where the API shows that masked; never the secret."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """A journal on the disk."""

    path: Path
    entry: Entry | None
    """None when it cannot be read."""
    held_by: int | None = None
    """The process that is using it, or None when it was left behind. 0 is one that has not said which it is."""
    problem: JournalError | None = None
    """Why it cannot be read."""


class Claim:
    """The right to change the webhook of one account, held until the context that gave it ends.

    Raises:
        JournalError: the journal cannot be read, written or removed.
    """

    def __init__(self, path: Path, target: Target) -> None:
        self._path = path
        self.target = target

    def read(self) -> Entry | None:
        """Return what a run before this one has left to be undone, if anything."""
        return _read(self._path)

    def write(self, entry: Entry) -> None:
        """Keep an entry: when this returns it outlasts a power cut."""
        new = self._path.with_suffix(".new")
        with _told(self._path, "write"):
            # what a killed run has left half written; the claim keeps others away
            new.unlink(missing_ok=True)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(_encode(entry))
                stream.flush()
                os.fsync(descriptor)
            new.replace(self._path)
            sync_folder(self._path.parent)

    def clear(self) -> None:
        """Forget the entry: nothing is left to be undone."""
        with _told(self._path, "remove"):
            self._path.unlink(missing_ok=True)
            sync_folder(self._path.parent)


class Journal:
    """Every journal of this user.

    Args:
        folder: where they are; made when the first is written.
        sleep: waits for so many seconds.
    """

    def __init__(self, folder: Path, sleep: Callable[[float], None] = time.sleep) -> None:
        self._folder = folder
        self._sleep = sleep

    @classmethod
    def of(cls, env: Mapping[str, str]) -> Journal:
        """Return the journals in the folder for hookctl's state.

        Raises:
            JournalError: no variable says where that is.
        """
        folder = state_folder(env)
        if folder is None:
            message = "there is no place for the restore journal: HOME is not set"
            raise JournalError(message, hint="set XDG_STATE_HOME or HOME")
        return cls(folder / _FOLDER)

    @contextmanager
    def claim(self, target: Target) -> Iterator[Claim]:
        """Hold the right to change an account's webhook.

        Raises:
            BusyError: another run holds it; names the process.
            JournalError: the lock cannot be made.
        """
        lock = self._folder / f"{target.key}.lock"
        with _told(lock, "make"):
            make_folder(self._folder.parent)
            make_folder(self._folder)
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | _FLAGS, 0o600)
        try:
            _own(descriptor, lock)
            self._lock(descriptor, target)
            with _told(lock, "write"):
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
            yield Claim(self._folder / f"{target.key}.json", target)
        finally:
            # closing gives the lock up; the file stays, so that nobody ever locks one that is gone
            os.close(descriptor)

    def _lock(self, descriptor: int, target: Target) -> None:
        # who only looks whether it is held holds it for a moment
        for pause_s in (*_LOOKS_S, None):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if pause_s is None:
                    raise _busy(target, _pid(descriptor)) from None
                self._sleep(pause_s)
            else:
                return

    def entries(self) -> Iterator[Leftover]:
        """Yield every journal, with the process that is using it. Makes nothing."""
        if not self._folder.is_dir():
            return
        for path in sorted(self._folder.glob("*.json")):
            held_by = _holder(path.with_suffix(".lock"))
            try:
                entry = _read(path)
            except JournalError as error:
                yield Leftover(path, None, held_by, error)
                continue
            # one whose run has ended meanwhile is gone
            if entry is not None:
                yield Leftover(path, entry, held_by)


def _busy(target: Target, pid: int) -> BusyError:
    who = f"process {pid}" if pid else "another run"
    return BusyError(
        f"the webhook of {target.account} is in use by {who} of hookctl",
        hint="end that one first: it sets back what it has changed" + (f" (kill {pid})" if pid else ""),
        pid=pid,
    )


def _holder(lock: Path) -> int | None:
    """Return the process that holds a lock, None when nobody does."""
    try:
        descriptor = os.open(lock, os.O_RDWR | _FLAGS)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _pid(descriptor)
    finally:
        os.close(descriptor)
    return None


def _pid(descriptor: int) -> int:
    with suppress(OSError, ValueError):
        return int(os.pread(descriptor, 32, 0))
    return 0


def _own(descriptor: int, path: Path) -> None:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise JournalError(f"{path} is not a file", hint=_FOREIGN)
    if found.st_uid != os.geteuid():
        raise JournalError(f"{path} belongs to another user", hint=_FOREIGN)


@contextmanager
def _told(path: Path, verb: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"cannot {verb} {path}: {error.strerror or error}"
        hint = "without it the webhook could not be set back: nothing was changed" if verb != "remove" else None
        raise JournalError(message, hint=hint) from None


def _encode(entry: Entry) -> bytes:
    import json

    record = {
        "schema": SCHEMA,
        "provider": entry.target.provider,
        "api_url": entry.target.api_url,
        "account": entry.target.account,
        "dialect": entry.dialect,
        "webhook": entry.webhook,
        "created": entry.created,
        "old": {"url": entry.old_url, "events": entry.old_events},
        "new": {"url": entry.new_url, "events": entry.new_events},
        "at_ms": entry.at_ms,
        "pid": entry.pid,
        "secret_env": entry.secret_env,
    }
    return json.dumps(record, indent=1).encode("ascii") + b"\n"


def _read(path: Path) -> Entry | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | _FLAGS)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise JournalError(f"cannot read {path}: {error.strerror or error}", hint=_FOREIGN) from None
    with os.fdopen(descriptor, "rb") as stream:
        _own(descriptor, path)
        try:
            return _decode(stream.read(_MOST_BYTES))
        except OSError as error:
            raise JournalError(f"cannot read {path}: {error.strerror or error}") from None
        except (ValueError, TypeError, KeyError, RecursionError):
            raise JournalError(
                f"{path} is not a restore journal that this hookctl can read",
                hint="it says which URL a webhook had before: look into it, set that URL, then remove the file",
            ) from None


def _decode(data: bytes) -> Entry:
    """Return the entry; raises ValueError, TypeError or KeyError for anything that is none."""
    import json

    record = json.loads(data)
    if record["schema"] != SCHEMA:
        raise ValueError
    old, new = record["old"], record["new"]
    return Entry(
        target=Target(_text(record["provider"]), _text(record["api_url"]), _text(record["account"])),
        dialect=_text(record["dialect"]),
        webhook=_optional_text(record["webhook"]),
        created=record["created"] is True,
        old_url=_optional_text(old["url"]),
        new_url=_text(new["url"]),
        old_events=_optional_texts(old["events"]),
        new_events=_optional_texts(new["events"]),
        at_ms=int(record["at_ms"]),
        pid=int(record["pid"]),
        secret_env=_optional_text(record.get("secret_env")),
    )


def _text(value: Any) -> str:  # noqa: ANN401 - JSON
    if not isinstance(value, str) or not value:
        raise TypeError
    return value


def _optional_text(value: Any) -> str | None:  # noqa: ANN401
    return None if value is None else _text(value)


def _optional_texts(value: Any) -> tuple[str, ...] | None:  # noqa: ANN401
    return None if value is None else tuple(_text(item) for item in value)
