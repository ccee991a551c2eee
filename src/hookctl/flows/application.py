"""An app that is started for a run and ended with it: with everything that it has started, whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from hookctl.errors import ExitCode, HookctlError, InputError
from hookctl.flows.interrupts import interrupt_afterwards
from hookctl.statefolder import make_folder, state_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import TracebackType

    from hookctl.runtime import Runtime

STOP_S = 5.0
"""How long an app gets to end by itself."""

TAIL_LINES = 20
_TAIL_BYTES = 16 * 1024
_KEPT_LOGS = 20
_PAUSE_S = (0.05, 0.5)
_TOLD_EVERY_S = 5.0

# Ends the app's processes when the pipe to it closes: that happens however hookctl ends, kill -9 included.
_WATCH = 'read _; kill -s TERM -- "-$1" 2>/dev/null; sleep 3; kill -s KILL -- "-$1" 2>/dev/null'


class ApplicationError(HookctlError):
    """The app did not start, or does not answer."""

    exit_code = ExitCode.NETWORK


@dataclass(frozen=True, slots=True)
class Waiting:
    """The app has been started and does not answer yet."""

    text: str


class Application:
    """Runs a command line in a process group of its own. Use it as a context manager.

    Args:
        command: for the shell.
        runtime: environment, folder, clock.

    Raises:
        InputError: there is no place for its log.
    """

    def __init__(self, command: str, runtime: Runtime) -> None:
        self._command = command
        self._runtime = runtime
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: subprocess.Popen[bytes] | None = None
        self.log = _log_file(runtime)

    def __enter__(self) -> Self:
        """Start it.

        Raises:
            InputError: the log cannot be written.
        """
        # a Ctrl-C between the two processes would leave the first one without the second
        with interrupt_afterwards():
            self._start()
        return self

    def _start(self) -> None:
        try:
            descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise InputError(f"cannot write the app's log {self.log}: {error.strerror}") from None
        try:
            # a session of its own: Ctrl-C reaches hookctl alone, which then ends the app
            self._process = subprocess.Popen(  # noqa: S602 - the user's own command line, as they typed it
                self._command,
                shell=True,
                cwd=self._runtime.cwd,
                env=dict(self._runtime.env),
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise ApplicationError(f"`{self._command}` cannot be started: {error.strerror}") from None
        finally:
            os.close(descriptor)
        try:
            self._watch = subprocess.Popen(  # noqa: S603 - a fixed script, and a number
                ["/bin/sh", "-c", _WATCH, "hookctl-watch", str(self._process.pid)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            # a context that is not entered is not left either
            self._end_group(self._process)
            raise ApplicationError(f"what ends `{self._command}` cannot be started: {error.strerror}") from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End it and everything it has started."""
        process, watch = self._process, self._watch
        if process is None or watch is None:
            return
        self._end_group(process)
        # killed before its pipe is closed: nothing is left for it to do
        watch.kill()
        watch.wait()
        if watch.stdin is not None:
            watch.stdin.close()

    def wait_for(self, url: str, answers: Callable[[], bool], timeout_s: float) -> Iterator[Waiting]:
        """Wait until the app answers.

        Args:
            url: for messages.
            answers: whether it does.
            timeout_s: seconds until it is given up.

        Yields:
            How the waiting goes, from time to time.

        Raises:
            ApplicationError: it has ended, or does not answer in time.
        """
        assert self._process is not None  # noqa: S101 - the context was entered
        began_s = told_s = self._runtime.monotonic_s()
        pause_s, longest_s = _PAUSE_S
        yield Waiting(f"started `{self._command}`, waiting up to {timeout_s:g} s for {url}")
        while not answers():
            now_s = self._runtime.monotonic_s()
            code = self._process.poll()
            if code is not None and not self._group_alive(self._process.pid):
                how = f"exit code {code}" if code >= 0 else f"signal {-code}"
                raise ApplicationError(f"`{self._command}` has ended with {how}, and {url} does not answer")
            if now_s - began_s > timeout_s:
                raise ApplicationError(
                    f"`{self._command}` does not answer at {url} after {timeout_s:g} s",
                    hint="is that the URL it serves? --wait-for takes another, --start-timeout more seconds",
                )
            if now_s - told_s > _TOLD_EVERY_S:
                told_s = now_s
                yield Waiting(f"still waiting for {url}, {now_s - began_s:.0f} s so far")
            self._runtime.sleep(pause_s)
            pause_s = min(pause_s * 2, longest_s)

    def tail(self) -> list[str]:
        """Return the last lines of its log."""
        try:
            with self.log.open("rb") as stream:
                stream.seek(0, os.SEEK_END)
                stream.seek(max(stream.tell() - _TAIL_BYTES, 0))
                text = stream.read().decode("utf-8", "backslashreplace")
        except OSError:
            return []
        return text.splitlines()[-TAIL_LINES:]

    def _end_group(self, process: subprocess.Popen[bytes]) -> None:
        group = process.pid
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGTERM)
        until_s = self._runtime.monotonic_s() + STOP_S
        while self._runtime.monotonic_s() < until_s:
            process.poll()
            if not self._group_alive(group):
                break
            self._runtime.sleep(_PAUSE_S[0])
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
        process.wait()

    @staticmethod
    def _group_alive(group: int) -> bool:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


def _log_file(runtime: Runtime) -> Path:
    """Return a new file's path in the folder for hookctl's state, where the logs of earlier runs are, not for ever."""
    state = state_folder(runtime.env)
    if state is None:
        raise InputError("there is no place for the app's log: HOME is not set", hint="set XDG_STATE_HOME or HOME")
    folder = state / "logs"
    try:
        make_folder(state)
        make_folder(folder)
        for old in sorted(folder.glob("app-*.log"))[: -(_KEPT_LOGS - 1)]:
            old.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder for the app's log {folder}: {error.strerror}") from None
    return folder / f"app-{runtime.now_ms():013d}-{runtime.random_bytes(3).hex()}.log"
