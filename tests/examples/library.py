"""The vendors' own libraries, asked through one Node program that stays open."""

from __future__ import annotations

import json
import queue
import re
import shutil
import subprocess
import threading
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

HERE = Path(__file__).resolve().parent
LEAST_NODE_MAJOR = 20
ANSWER_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 5.0

Lines = list[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """What a library said of a delivery."""

    valid: bool
    reason: str | None


def missing_tools(folder: Path = HERE) -> str | None:
    """Name the first thing without which the libraries cannot be asked, or return None if all is there."""
    node = shutil.which("node")
    if node is None:
        return f"node {LEAST_NODE_MAJOR} or newer is not on the PATH"
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    match = re.match(r"v([0-9]+)\.", version)
    if match is None or int(match[1]) < LEAST_NODE_MAJOR:
        return f"node {LEAST_NODE_MAJOR} or newer is needed; found {version or 'one that does not run'}"
    for module in json.loads((folder / "package.json").read_text(encoding="utf-8"))["dependencies"]:
        if not (folder / "node_modules" / module / "package.json").is_file():
            return f"the npm module {module} is not installed in tests/examples: run make test"
    return None


class Libraries:
    """The running program; one question at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["node", str(HERE / "verify.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=HERE,
        )
        self._answers: queue.Queue[bytes] = queue.Queue()
        self._errors: list[bytes] = []
        self._readers = (
            threading.Thread(target=self._read_answers, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        )
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Libraries:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the program and wait for it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._process.stdin.close()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for reader in self._readers:
            reader.join(STOP_TIMEOUT_S)
        self._process.stdout.close()
        self._process.stderr.close()

    def verify(self, provider: str, headers: Iterable[tuple[str, str]], body: bytes, secret: str) -> Answer:
        """Return what the vendor's library says of a delivery."""
        asked = {"provider": provider, "headers": list(headers), "secret": secret}
        answer = self._ask(asked, body)
        return Answer(answer["valid"], answer["reason"])

    def sign(self, provider: str, body: bytes, secret: str, *, delivery_id: str, timestamp: int) -> Lines:
        """Return the signature headers that the vendor's library makes."""
        asked = {"sign": True, "provider": provider, "id": delivery_id, "timestamp": timestamp, "secret": secret}
        return [(name, value) for name, value in self._ask(asked, body)["headers"]]

    def _ask(self, asked: Mapping[str, object], body: bytes) -> dict[str, Any]:
        question = {**asked, "body": b64encode(body).decode()}
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
            line = self._answers.get(timeout=ANSWER_TIMEOUT_S)
        except (BrokenPipeError, queue.Empty):
            line = b""
        if not line:
            said = b"".join(self._errors).decode("utf-8", "backslashreplace")
            raise RuntimeError(f"verify.mjs gave no answer to {question}\n{said}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _read_answers(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put(b"")

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        self._errors.extend(self._process.stderr)
