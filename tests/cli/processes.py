"""A run of hookctl that a test can watch and interrupt while it is under way."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.harness import Cli


@contextmanager
def under_way(cli: Cli, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start hookctl with pipes for both outputs; it is ended with the `with` block if it has not before."""
    process = subprocess.Popen(
        [cli.python, "-m", "hookctl", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cli.folder,
        # an interpreter that never buffers would hide that hookctl forgot to flush
        env=cli.environment({"PYTHONUNBUFFERED": None}),
        bufsize=0,  # what is read line by line must not take the rest of the output with it
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[bytes], stream: str = "stdout") -> str:
    """Return the next line of a stream as soon as it is there; the test's own timeout bounds the wait."""
    pipe = process.stdout if stream == "stdout" else process.stderr
    assert pipe is not None
    return pipe.readline().decode()
