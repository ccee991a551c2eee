"""Starts the receivers of this folder for a test, and makes sure that they end with it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

HERE = Path(__file__).resolve().parent
LEAST_NODE_MAJOR = 20
STOP_TIMEOUT_S = 3.0
STDERR_TAIL_LINES = 40

# What steers a receiver; a value left over in the developer's shell must not reach one.
STEERING_VARIABLES = frozenset(
    {
        *("ARCADE_SIGNING_SECRET", "ARKY_WEBHOOK_SECRET", "NODE_ENV", "NODE_OPTIONS", "PORT"),
        *("RECEIVER_HOST", "RECEIVER_MAX_AGE_S", "RECEIVER_RATE_LIMIT", "RECEIVER_SLEEP_S"),
        *("RECEIVER_TLS_CERT", "RECEIVER_TLS_KEY"),
    }
)


@dataclass(frozen=True)
class Program:
    """A receiver that can be started.

    Attributes:
        name: How test ids and messages call it.
        provider: The vendor whose deliveries it takes, `arky` or `arcade`.
        command: The argument list that starts it.
        secret_env: The environment variable it reads the signing secret from.
        env: Further variables and their values that make it what its name says.
    """

    name: str
    provider: str
    command: tuple[str, ...]
    secret_env: str
    env: tuple[tuple[str, str], ...] = ()


SECRET_ENV = {"arky": "ARKY_WEBHOOK_SECRET", "arcade": "ARCADE_SIGNING_SECRET"}
FIVE_MINUTES = (("RECEIVER_MAX_AGE_S", "300"),)


def _node(name: str, provider: str) -> Program:
    return Program(name, provider, ("node", str(HERE / f"{name}.mjs")), SECRET_ENV[provider])


def _node_mutant(provider: str, name: str) -> Program:
    command = ("node", str(HERE / "mutant.mjs"), provider, name)
    return Program(f"{provider}-{name}", provider, command, SECRET_ENV[provider])


def _python_mutant(name: str) -> Program:
    command = (sys.executable, "-m", "tests.receivers.mutant", name)
    return Program(f"arky-python-{name}", "arky", command, SECRET_ENV["arky"], FIVE_MINUTES)


PROGRAMS: tuple[Program, ...] = (
    _node("arky-express", "arky"),
    _node("arky-fetch", "arky"),
    Program("arky-python", "arky", (sys.executable, str(HERE / "arky_http.py")), SECRET_ENV["arky"]),
    _node("arcade-node", "arcade"),
    _node("arcade-fetch", "arcade"),
)

# The correct ones for Arky again, refusing timestamps that are more than five minutes from now.
FRESH: tuple[Program, ...] = tuple(
    replace(program, name=f"{program.name}-fresh", env=FIVE_MINUTES)
    for program in PROGRAMS
    if program.provider == "arky"
)

# What the vendors' own pages would have one run.
SAMPLES: tuple[Program, ...] = (
    _node("arky-sample-express", "arky"),
    _node("arky-sample-fetch", "arky"),
    _node("arcade-sample-node", "arcade"),
    _node("arcade-sample-fetch", "arcade"),
)

_BOTH = (
    *("deduping", "no-verification", "form-only", "signature-optional", "prefix-compare", "reserialising"),
    *("trims-body", "latin1-body", "empty-secret", "empty-previous-secret", "secret-trimmed", "secret-unprefixed"),
    *("secret-decoded", "case-sensitive-header", "generic-signature-header", "charset-strict", "limit-16k"),
    *("chunked-blind", "unguarded-parse", "always-200", "always-500", "redirect-301", "slow", "wrong-status"),
    *("html-error-page", "login-redirect", "leaks-stack", "leaks-expected", "hostile-text", "crash-on-short-signature"),
    *("hangs-on-short-signature", "unknown-event-400", "method-blind", "get-200", "no-dedupe", "check-then-insert"),
    *("dup-409", "keepalive-broken", "rate-limited", "bans-sender", "maintenance", "waf", "waf-rules"),
)
_ARKY = (
    *("no-timestamp-check", "parseint-timestamp", "nan-timestamp", "future-timestamp", "coerced-timestamp"),
    *("timestamp-from-body", "timestamp-not-signed", "body-alone", "timestamp-in-ms", "clock-ahead"),
    *("hex-truncating", "order-strict"),
)
_ARCADE = ("base64-lenient", "rotation-blind", "rotation-any", "fresh-body")
_PYTHON = (
    *("deduping", "no-verification", "raises-on-nonascii", "secret-unprefixed", "coerced-timestamp"),
    *("float-timestamp", "check-then-insert", "always-200", "unread-body", "debug-page"),
)

# One defect each (`deduping`: none), on a base that refuses timestamps more than five minutes from now.
MUTANTS: tuple[Program, ...] = (
    *(_node_mutant("arky", name) for name in (*_BOTH, *_ARKY)),
    *(_node_mutant("arcade", name) for name in (*_BOTH, *_ARCADE)),
    *(_python_mutant(name) for name in _PYTHON),
)


class RunningReceiver:
    """A receiver that has been started, and what it has said so far."""

    def __init__(self, program: Program, process: subprocess.Popen[bytes]) -> None:
        """Start reading the output of a process that was opened with three pipes."""
        assert process.stdout is not None
        assert process.stderr is not None
        self.url = ""
        self._program = program
        self._process = process
        self._records: list[dict[str, object]] = []
        self._stderr: deque[str] = deque(maxlen=STDERR_TAIL_LINES)
        self._stdout_ended = False
        self._changed = threading.Condition()
        self._readers = (
            threading.Thread(target=self._read_stdout, args=(process.stdout,), daemon=True),
            threading.Thread(target=self._read_stderr, args=(process.stderr,), daemon=True),
        )
        for reader in self._readers:
            reader.start()

    def records(self) -> list[dict[str, object]]:
        """Return the records of the requests so far, oldest first."""
        with self._changed:
            return list(self._records)

    def matching(self, n: int, where: Callable[[dict[str, object]], bool]) -> list[dict[str, object]]:
        """Return the records that are wanted, once there are `n` of them: a record comes after its answer.

        Raises:
            TimeoutError: as `wait_records`.
        """
        records = self.records()
        while len(found := [record for record in records if where(record)]) < n:
            records = self.wait_records(len(records) + 1)
        return found

    def wait_records(self, n: int, timeout_s: float = 5.0) -> list[dict[str, object]]:
        """Return the records as soon as there are at least `n`.

        Raises:
            TimeoutError: There were fewer after `timeout_s` seconds, or the receiver ended before.
        """
        with self._changed:
            self._changed.wait_for(lambda: len(self._records) >= n or self._stdout_ended, timeout_s)
            if len(self._records) < n:
                raise TimeoutError(f"{self._describe()}: {len(self._records)} of {n} records: {self._records}")
            return list(self._records)

    def wait_ready(self, timeout_s: float) -> None:
        """Return once the receiver has announced its URL.

        Raises:
            RuntimeError: It has not within `timeout_s` seconds, or has ended; the end of its stderr is in the message.
        """
        with self._changed:
            self._changed.wait_for(lambda: bool(self.url) or self._stdout_ended, timeout_s)
            ready = bool(self.url)
        if not ready:
            ended = self._stdout_ended
            self.stop()  # Also lets the rest of stderr arrive.
            reason = f"ended with exit code {self._process.returncode}" if ended else f"said nothing for {timeout_s} s"
            raise RuntimeError(f"{self._program.name} did not start: it {reason}\n{self.stderr_tail()}")

    def stderr_tail(self) -> str:
        """Return the last lines the receiver wrote to stderr."""
        with self._changed:
            return "".join(self._stderr)

    def stop(self) -> None:
        """End the process, politely first, and wait for it. A second call does nothing."""
        # Popen only signals a process it has not yet waited for, so never another one that was given the same id.
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for reader in self._readers:
            reader.join(STOP_TIMEOUT_S)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()

    def _describe(self) -> str:
        return f"{self._program.name} ({'ended' if self._stdout_ended else 'running'})"

    def _read_stdout(self, stdout: IO[bytes]) -> None:
        for line in stdout:
            value = _parse_line(line)
            with self._changed:
                if not self.url and value.get("ready") is True:
                    self.url = str(value["url"])
                else:
                    self._records.append(value)
                self._changed.notify_all()
        with self._changed:
            self._stdout_ended = True
            self._changed.notify_all()

    def _read_stderr(self, stderr: IO[bytes]) -> None:
        for line in stderr:
            with self._changed:
                self._stderr.append(line.decode("utf-8", "backslashreplace"))


def behind_tls(file: Path) -> dict[str, str]:
    """Return what makes a Node receiver speak https, given a PEM file with its certificate and key."""
    return {"RECEIVER_TLS_CERT": str(file), "RECEIVER_TLS_KEY": str(file)}


@contextmanager
def running(
    program: Program,
    secret: str,
    *,
    env: Mapping[str, str] | None = None,
    start_timeout_s: float = 20.0,
) -> Iterator[RunningReceiver]:
    """Run a receiver for the length of a `with` block, on a free port of 127.0.0.1 unless `env` says otherwise.

    Args:
        program: One of `PROGRAMS`, `FRESH`, `SAMPLES` or `MUTANTS`.
        secret: The signing secret, given to it as UTF-8.
        env: Further environment variables, such as `RECEIVER_MAX_AGE_S`.
        start_timeout_s: How long it may take to announce its URL, in seconds.

    Yields:
        The running receiver.

    Raises:
        RuntimeError: It did not start; the end of its stderr is in the message.
    """
    child_env: dict[str, str | bytes] = {
        name: value for name, value in os.environ.items() if name not in STEERING_VARIABLES
    }
    child_env.update({**dict(program.env), **(env or {})})
    # As bytes: text would be encoded as the locale says.
    child_env[program.secret_env] = secret.encode("utf-8")
    # The pipe to its stdin closes with this process, however that ends: even a killed test run leaves nothing behind.
    child_env["RECEIVER_EXIT_ON_EOF"] = "1"
    process = subprocess.Popen(
        program.command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=child_env,
        cwd=HERE.parent.parent,
    )
    receiver = RunningReceiver(program, process)
    try:
        receiver.wait_ready(start_timeout_s)
        yield receiver
    finally:
        receiver.stop()


def missing_tools() -> str | None:
    """Name the first thing without which the Node receivers cannot run, or return None if all is there."""
    node = shutil.which("node")
    if node is None:
        return f"node {LEAST_NODE_MAJOR} or newer"
    # No shell and no user input: the command is `node --version`.
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    match = re.match(r"v([0-9]+)\.", version)
    if match is None or int(match[1]) < LEAST_NODE_MAJOR:
        return f"node {LEAST_NODE_MAJOR} or newer (found {version or 'one that does not run'})"
    if not (HERE / "node_modules" / "express" / "package.json").is_file():
        return "the receivers' node_modules (run make test)"
    return None


def _parse_line(line: bytes) -> dict[str, object]:
    try:
        value = json.loads(line)
    except ValueError:
        value = None
    # Kept rather than dropped: a test that looks at the records then shows what was said instead.
    return value if isinstance(value, dict) else {"malformed": line.decode("utf-8", "backslashreplace")}
