"""What an app catches and logs while it answers: frameworks answer 500 then, and the exception is in the log alone."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType


class LoggedException(logging.Handler):
    """Keeps the last exception that is logged while the context lasts, whoever logs it."""

    def __init__(self) -> None:
        super().__init__()
        self.exception: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the exception of a record."""
        if isinstance(record.exc_info, tuple) and record.exc_info[1] is not None:
            self.exception = record.exc_info[1]

    def __enter__(self) -> LoggedException:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        logging.getLogger().removeHandler(self)
