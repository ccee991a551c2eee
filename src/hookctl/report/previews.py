"""`hookctl send --dry-run`: each request in the form asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from hookctl.report.machine import MachineFormat, record_writer
from hookctl.report.records import count_record, request_record
from hookctl.report.request_forms import as_curl, as_http, as_text
from hookctl.report.safe import safe_bytes

if TYPE_CHECKING:
    from hookctl.model import SignedRequest
    from hookctl.runtime import Runtime


class PreviewWriter(Protocol):
    """Takes requests that are not sent. Their bytes are written as they are, never redacted."""

    def write(self, request: SignedRequest) -> None:
        """Write one request."""

    def close(self) -> None:
        """Write what comes last."""


class _Records:
    def __init__(self, kind: MachineFormat, runtime: Runtime) -> None:
        self._writer = record_writer(kind, runtime.out)
        self._count = 0

    def write(self, request: SignedRequest) -> None:
        self._count += 1
        self._writer.write(request_record(request))

    def close(self) -> None:
        self._writer.close(count_record(self._count))


class _Text:
    def __init__(self, runtime: Runtime) -> None:
        self._out = runtime.out

    def write(self, request: SignedRequest) -> None:
        self._out.line(as_text(request))

    def close(self) -> None:
        pass


class _Curl(_Text):
    def write(self, request: SignedRequest) -> None:
        # as bytes: an encoding of the stream's own would change the body
        self._out.write_bytes(as_curl(request).encode() + b"\n")


class _Http(_Text):
    def write(self, request: SignedRequest) -> None:
        data = as_http(request)
        if self._out.is_terminal:
            self._out.line(safe_bytes(data.replace(b"\r\n", b"\n")))
        else:
            self._out.write_bytes(data)


def preview_writer(form: str, runtime: Runtime) -> PreviewWriter:
    """Return the writer of a form: text, json, ndjson, curl or http."""
    if form in {kind.value for kind in MachineFormat}:
        return _Records(MachineFormat(form), runtime)
    return {"text": _Text, "curl": _Curl, "http": _Http}[form](runtime)
