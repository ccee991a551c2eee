"""Runs hookctl as its users do: another process, its own folder, streams that are not a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests import exitcodes, schemas

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ARKY_SECRET = "whsec_arky_secret_for_tests"
ARCADE_SECRET = "arcade secret for tests"


@dataclass(frozen=True)
class Result:
    """What a run of hookctl left behind."""

    code: int
    out: str
    err: str
    raw_out: bytes

    @property
    def records(self) -> list[dict[str, Any]]:
        """Standard output as NDJSON, each object as its schema says."""
        return schemas.records(self.out)

    @property
    def document(self) -> dict[str, Any]:
        """Standard output as one JSON document, as its schema says."""
        return schemas.document(self.out)


@dataclass
class Cli:
    """The command line in a folder."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    """Variables beside the fenced environment's."""
    python: str = sys.executable
    """The interpreter whose hookctl it is."""

    def __call__(
        self,
        *arguments: str,
        stdin: bytes | None = None,
        env: Mapping[str, str | None] | None = None,
        timeout_s: float = 60.0,
    ) -> Result:
        """Run `python -m hookctl` with arguments; a variable set to None is removed."""
        done = subprocess.run(
            [self.python, "-m", "hookctl", *arguments],
            input=stdin if stdin is not None else None,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            cwd=self.folder,
            env=self.environment(env),
            timeout=timeout_s,
            check=False,
        )
        exitcodes.check(done.returncode, arguments)
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode(), done.stdout)

    def environment(self, env: Mapping[str, str | None] | None = None) -> dict[str, str]:
        """Return the environment of a run."""
        merged: dict[str, str | None] = {**os.environ, **self.env, **(env or {})}
        return {name: value for name, value in merged.items() if value is not None}

    def with_secrets(self) -> Cli:
        """Return the same with both providers' secrets in the environment."""
        secrets = {"ARKY_WEBHOOK_SECRET": ARKY_SECRET, "ARCADE_SIGNING_SECRET": ARCADE_SECRET}
        return Cli(self.folder, {**self.env, **secrets}, self.python)
