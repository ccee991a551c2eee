"""What a reader is given and what it answers when a file is not its kind."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Form(StrEnum):
    """The forms of captures, as `--from` names them."""

    CAPTURE = "capture"
    """hookctl's own record: one JSON object, a list of them, or one to a line."""
    HTTP = "http"
    """Raw HTTP requests, one or several."""
    CURL = "curl"
    """curl command lines, quoted for a POSIX shell or for cmd.exe."""
    CURL_TRACE = "curl-trace"
    """What `curl --trace` or `--trace-ascii` writes."""
    HAR = "har"
    """HTTP Archive 1.2, from a browser or a proxy."""
    NGROK = "ngrok"
    """What ngrok's inspector answers under /api/requests/http, the list or a single one."""
    REQUEST = "request"
    """A JSON object with headers and body, as frameworks and serverless platforms log requests."""
    BODY = "body"
    """The bare body; its headers are given apart."""


@dataclass(frozen=True, slots=True)
class Document:
    """A whole file, read."""

    data: bytes
    source: str
    """The file's name as the user gave it; `-` for standard input."""
    folder: Path
    """Where the file names in it start from."""


class NotThisForm(Exception):  # noqa: N818 - an answer rather than an error
    """The document is not of the reader's form.

    Args:
        reason: where it gave up, as the end of a sentence: "line 1 is neither a request line nor a header".
        near: whether the file was clearly meant to be of this form and is broken: no other form is tried then.
    """

    def __init__(self, reason: str, *, near: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.near = near
