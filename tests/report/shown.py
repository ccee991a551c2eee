"""Reports into memory, and text that means harm, for tests of what a server shows."""

from __future__ import annotations

from io import BytesIO, TextIOWrapper
from typing import TYPE_CHECKING, TextIO

from hypothesis import strategies as st

from hookctl.runtime import Output, Runtime
from tests.report.test_safe import ACTING

if TYPE_CHECKING:
    from pathlib import Path

NOW_MS = 1_704_067_200_000
hostile = st.text(st.characters(exclude_categories=[]) | st.sampled_from(sorted(ACTING)), max_size=80)


class Shown:
    """Reports into memory."""

    def __init__(self, folder: Path, errors: TextIO | None = None) -> None:
        self._out, self._err = (
            TextIOWrapper(BytesIO(), encoding="utf-8", errors="backslashreplace", newline="\n") for _ in range(2)
        )
        out, err = Output(self._out, "standard output"), Output(errors or self._err, "standard error")
        self.runtime = Runtime({}, folder, BytesIO(), out, err, lambda: NOW_MS)

    @property
    def out(self) -> str:
        """What was written to standard output."""
        return _written(self._out)

    @property
    def err(self) -> str:
        """What was written to standard error."""
        return _written(self._err)


def _written(stream: TextIOWrapper[BytesIO]) -> str:
    stream.flush()
    return stream.buffer.getvalue().decode()
