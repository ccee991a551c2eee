"""Runs the command line inside the test's process: for properties and long tables, where processes take minutes."""

from __future__ import annotations

from contextlib import chdir
from io import BytesIO, TextIOWrapper
from typing import TYPE_CHECKING

from hookctl.cli.main import main
from hookctl.runtime import Output, Runtime
from tests import exitcodes
from tests.harness import Result

if TYPE_CHECKING:
    from tests.harness import Cli


def run_here(cli: Cli, *arguments: str, stdin: bytes = b"") -> Result:
    """Run hookctl with a runtime of its own: the folder and environment of `cli`, streams in memory."""
    out, err = (TextIOWrapper(BytesIO(), encoding="utf-8", errors="backslashreplace", newline="\n") for _ in range(2))
    runtime = Runtime(
        env=cli.environment(),
        cwd=cli.folder,
        stdin=BytesIO(stdin),
        out=Output(out, "standard output"),
        err=Output(err, "standard error"),
    )
    with chdir(cli.folder):
        code = main(arguments, runtime)
    exitcodes.check(code, arguments)
    raw_out, raw_err = (_written(stream) for stream in (out, err))
    return Result(code, raw_out.decode(), raw_err.decode(), raw_out)


def _written(stream: TextIOWrapper) -> bytes:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, BytesIO)
    return buffer.getvalue()
