"""A counter of the receiver's, read from outside: how many deliveries it has acted on."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hookctl.delivery.wire import encode_request
from hookctl.errors import HookctlError
from hookctl.model import SignedRequest
from hookctl.payload.jsontext import JsonTextError, parse
from hookctl.payload.paths import look_up

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hookctl.delivery.wire import Wire
    from hookctl.runtime import Runtime

READ_S = 10.0
"""Seconds that one reading may take."""

POLL_S = 0.05
STABLE_S = 0.4
"""How long a counter must have stood still to be believed, once it has reached what it should."""
SETTLE_S = 2.0
"""How long it is waited for, where it has not."""

_NUMBER = re.compile(r"-?[0-9]{1,15}")


class CounterError(HookctlError):
    """The counter cannot be read; says why."""


class Counter(Protocol):
    """Where the number comes from."""

    def read(self) -> int:
        """Return it.

        Raises:
            CounterError: it cannot be read.
        """


@dataclass(frozen=True, slots=True)
class UrlCounter:
    """A number in the JSON that a URL answers with."""

    wire: Wire
    url: str
    pointer: str
    """JSON Pointer to the number; empty where it is the whole answer."""

    def read(self) -> int:
        """Return the number; raises `CounterError` when there is none."""
        request = SignedRequest("", None, None, "GET", self.url, (("accept", "application/json"),), b"")
        attempt = self.wire.deliver(self.url, encode_request(request), timeout_s=READ_S)
        if attempt.failure is not None:
            raise CounterError(f"--probe-url: {attempt.failure.message}")
        assert attempt.response is not None  # noqa: S101 - an attempt without a failure has an answer
        if attempt.response.status // 100 != 2:
            raise CounterError(f"--probe-url answered {attempt.response.status}")
        try:
            document = parse(attempt.response.body.decode())
        except (JsonTextError, UnicodeDecodeError):
            raise CounterError("--probe-url did not answer with JSON") from None
        value = look_up(document, self.pointer) if self.pointer else document
        if isinstance(value, bool) or not isinstance(value, int):
            where = f"at {self.pointer} " if self.pointer else ""
            raise CounterError(f"what --probe-url answered has no whole number {where}in it")
        return value


@dataclass(frozen=True, slots=True)
class CommandCounter:
    """The last line that a command prints."""

    command: str
    """For the shell."""
    folder: Path

    def read(self) -> int:
        """Return the number; raises `CounterError` when there is none."""
        try:
            done = subprocess.run(  # noqa: S602 - the user's own command line, as they typed it
                self.command,
                shell=True,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=READ_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise CounterError(f"--probe-cmd did not end within {READ_S:g} s") from None
        if done.returncode:
            raise CounterError(f"--probe-cmd ended with exit code {done.returncode}")
        lines = done.stdout.decode("utf-8", "backslashreplace").strip().splitlines()
        if not lines or not _NUMBER.fullmatch(lines[-1].strip()):
            raise CounterError("the last line that --probe-cmd printed is not a whole number")
        return int(lines[-1])


def settled(counter: Counter, target: int, runtime: Runtime) -> int:
    """Return the counter's value once it stands still.

    Receivers act after they have answered: it is waited for until the target is reached, and a little longer, so that
    what goes beyond it is seen too.

    Args:
        counter: what to read.
        target: what it should become.
        runtime: the clock.

    Raises:
        CounterError: it cannot be read.
    """
    value = counter.read()
    began_s = changed_s = runtime.monotonic_s()
    while True:
        now_s = runtime.monotonic_s()
        stable = now_s - changed_s >= STABLE_S
        if stable and (value >= target or now_s - began_s >= SETTLE_S):
            return value
        runtime.sleep(POLL_S)
        read = counter.read()
        if read != value:
            value, changed_s = read, runtime.monotonic_s()


def growth(counter: Counter, expected: int, runtime: Runtime, act: Callable[[], None]) -> int:
    """Return by how much the counter grows when something is done; raises `CounterError` as `settled` does."""
    before = counter.read()
    act()
    return settled(counter, before + expected, runtime) - before
