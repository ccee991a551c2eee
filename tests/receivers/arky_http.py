"""Arky on nothing but Python's standard library.

Built on http.server: wsgiref's own server closes the connection after every answer, and webhook senders keep theirs.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import signal
import sys
import threading
import time
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = "/api/webhooks/arky"
MAX_BODY_BYTES = 2 * 1024 * 1024
READ_SIZE_BYTES = 64 * 1024

# Lower case only. `[0-9]` rather than `\d`, which takes the digits of every script.
HEX_SHA256 = re.compile(r"[0-9a-f]{64}")
WHOLE_NUMBER = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True)
class Outcome:
    """What became of one request; event and id are only believed after a valid signature."""

    status: int
    event: str | None = None
    id: str | None = None


class MalformedRequestError(Exception):
    """The request's framing cannot be trusted, so neither can what follows on the connection."""


class SenderGoneError(Exception):
    """The connection ended before the request did."""


class Inbox:
    """What the receiver makes of one delivery, given the header texts and the raw bytes."""

    def __init__(self, secret: bytes, max_age_s: int | None) -> None:
        """Take the signing secret and the greatest age in seconds (None: the age is not checked)."""
        self._secret = secret
        self._max_age_s = max_age_s
        self._seen_ids: set[str] = set()
        self._seen_lock = threading.Lock()

    def receive(self, signature: str, timestamp: str, body: bytes) -> Outcome:
        """Verify, then parse, one delivery. Absent headers come as empty text."""
        if not signature or not timestamp:
            return Outcome(401)
        if not self._is_valid(signature, timestamp, body):
            return Outcome(401)
        if self._max_age_s is not None and not _is_fresh(timestamp, self._max_age_s):
            return Outcome(401)

        envelope = _parse_object(body)
        if envelope is None:
            return Outcome(400)
        event_id = _text_or_none(envelope.get("id"))
        if event_id is not None and not self._is_first(event_id):
            # A duplicate is a success all the same: anything but 2xx would make the vendor try again.
            sys.stderr.write(f"duplicate ignored: {json.dumps(event_id)}\n")
        # No list of known events: vendors add new ones.
        return Outcome(200, event=_text_or_none(envelope.get("event")), id=event_id)

    def _is_valid(self, signature: str, timestamp: str, body: bytes) -> bool:
        # compare_digest raises on text beyond ASCII, hence the form first.
        if not HEX_SHA256.fullmatch(signature):
            return False
        # http.server reads header bytes as Latin-1; writing them back the same way signs the bytes that were sent.
        signed = timestamp.encode("latin-1") + b"." + body
        expected = hmac.new(self._secret, signed, hashlib.sha256).hexdigest()
        return hmac.compare_digest(signature, expected)

    def _is_first(self, event_id: str) -> bool:
        # Looked up and added under one lock: two deliveries of one id at a time cannot both be first.
        with self._seen_lock:
            if event_id in self._seen_ids:
                return False
            self._seen_ids.add(event_id)
            return True


class Server(ThreadingHTTPServer):
    """One thread a connection, on loopback."""

    request_queue_size = 128  # The default of 5 drops connections of a concurrent sender.

    def __init__(self, port: int, inbox: Inbox, handler_type: type[Handler]) -> None:
        """Bind the port (0: any free one)."""
        super().__init__(("127.0.0.1", port), handler_type)
        self.inbox = inbox
        self._stdout_lock = threading.Lock()

    def server_bind(self) -> None:
        """Bind without HTTPServer's reverse look-up of the host name, which can hang where there is no resolver."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.socket.getsockname()[1]

    def print_line(self, value: dict[str, object]) -> None:
        """Print one line of JSON, whole, whichever thread it comes from."""
        with self._stdout_lock:
            try:
                sys.stdout.write(f"{json.dumps(value)}\n")
                sys.stdout.flush()
            except BrokenPipeError:
                os._exit(0)  # Nobody reads the records any more: the test run is gone.


class Handler(BaseHTTPRequestHandler):
    """Reads every request to its end, so that the next one on the connection starts where it should."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = 30  # Seconds without a byte, after which the connection is closed.
    # Head and body leave in two writes; with Nagle's algorithm the second waits 40 ms for the first one's receipt.
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Answer one request of any method."""
        body: bytes | None = None
        try:
            body = self._read_body()
            outcome = Outcome(413) if body is None else self._decide(body)
        except MalformedRequestError:
            # Not yet a request, so no record: Node's parser answers these before any program sees them, too.
            self.close_connection = True
            self._answer(400)
            return
        except (SenderGoneError, ConnectionError):
            self.close_connection = True
            return

        # The record goes out before the answer: whoever has the answer can count on the record.
        digest = None if body is None else hashlib.sha256(body).hexdigest()
        self.server.print_line(
            {"status": outcome.status, "event": outcome.event, "id": outcome.id, "body_sha256": digest}
        )
        self._answer(outcome.status)

    # http.server looks the methods up by name, and would say 501 to those it does not find.
    do_GET = do_HEAD = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_POST  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing on stderr: the records are the log."""

    def _decide(self, body: bytes) -> Outcome:
        if self.path.split("?", 1)[0] != PATH:
            return Outcome(404)
        if self.command != "POST":
            return Outcome(405)
        return self.server.inbox.receive(self._header("x-arky-signature"), self._header("x-arky-timestamp"), body)

    def _header(self, name: str) -> str:
        # Repeats are joined, as RFC 9110 reads them, and are then refused: which was meant is not ours to guess.
        return ", ".join(value.strip(" \t") for value in self.headers.get_all(name, []))

    def _answer(self, status: int) -> None:
        text = HTTPStatus(status).phrase.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "POST")
        if self.close_connection:
            self.send_header("Connection", "close")
        try:
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text)
        except ConnectionError:
            self.close_connection = True

    def _read_body(self) -> bytes | None:
        """Return the raw body, or None if it is over the limit; it has been read to its end either way."""
        if self.headers.defects:  # A line without a colon ends the header early, for Python's parser.
            raise MalformedRequestError
        kept = bytearray()
        size_bytes = 0
        for part_size in self._part_sizes():
            remaining = part_size
            while remaining:
                piece = self.rfile.read(min(remaining, READ_SIZE_BYTES))
                if not piece:
                    raise SenderGoneError
                remaining -= len(piece)
                size_bytes += len(piece)
                # The rest of a body over the limit is read and thrown away: a sender that is cut off in mid-upload
                # sees a broken connection instead of the 413.
                if size_bytes <= MAX_BODY_BYTES:
                    kept += piece
        return bytes(kept) if size_bytes <= MAX_BODY_BYTES else None

    def _part_sizes(self) -> Iterator[int]:
        lengths = self.headers.get_all("content-length", [])
        codings = self.headers.get_all("transfer-encoding", [])
        if codings:
            # Both at once is how requests are smuggled past one another.
            if lengths or [coding.strip().lower() for coding in codings] != ["chunked"]:
                raise MalformedRequestError
            return self._chunk_sizes()
        if not lengths:
            return iter(())
        if len(lengths) > 1 or not WHOLE_NUMBER.fullmatch(lengths[0].strip()):
            raise MalformedRequestError
        return iter((int(lengths[0]),))

    def _chunk_sizes(self) -> Iterator[int]:
        """Yield the size of each chunk, when the one before has been read."""
        while True:
            size_text = self._line().split(b";", 1)[0].strip()
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", size_text):
                raise MalformedRequestError
            size_bytes = int(size_text, 16)
            if size_bytes == 0:
                break
            yield size_bytes
            if self._line():
                raise MalformedRequestError
        while self._line():  # Trailer fields, of which nothing is believed.
            pass

    def _line(self) -> bytes:
        line = self.rfile.readline(1024)
        if not line:
            raise SenderGoneError
        if not line.endswith(b"\r\n"):
            raise MalformedRequestError
        return line[:-2]


def main(inbox_type: type[Inbox] = Inbox, handler_type: type[Handler] = Handler) -> None:
    """Serve until told to leave."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # The environment as bytes: the secret is used exactly as given.
    secret = os.environb.get(b"ARKY_WEBHOOK_SECRET", b"")
    if not secret:
        _refuse_to_start("ARKY_WEBHOOK_SECRET is unset or empty")  # Anyone can sign with an empty key.
    inbox = inbox_type(secret, _whole_number_from_env("RECEIVER_MAX_AGE_S"))
    port = _whole_number_from_env("PORT") or 0
    if os.environ.get("RECEIVER_EXIT_ON_EOF") == "1":
        threading.Thread(target=_leave_on_eof, daemon=True).start()
    try:
        server = Server(port, inbox, handler_type)
    except (OSError, OverflowError) as error:
        sys.stderr.write(f"cannot listen: {error}\n")
        sys.exit(1)
    server.print_line({"ready": True, "url": f"http://127.0.0.1:{server.server_port}{PATH}"})
    server.serve_forever()


def _is_fresh(timestamp: str, max_age_s: int) -> bool:
    return WHOLE_NUMBER.fullmatch(timestamp) is not None and abs(int(time.time()) - int(timestamp)) <= max_age_s


def _parse_object(body: bytes) -> dict[str, object] | None:
    try:
        # Decoded first: given bytes, json.loads would also take UTF-16 and a byte order mark.
        text = body.decode("utf-8")
        # Integers as floats: int() refuses more than 4300 digits. NaN and Infinity are not JSON.
        value = json.loads(text, parse_int=float, parse_constant=_no_such_number)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _no_such_number(name: str) -> NoReturn:
    raise ValueError(f"not JSON: {name}")


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _leave_on_eof() -> None:
    try:
        while os.read(0, READ_SIZE_BYTES):
            pass
    finally:  # Closed or broken, it is the end as well.
        os._exit(0)


def _whole_number_from_env(name: str) -> int | None:
    text = os.environ.get(name, "")
    if not text:
        return None
    if len(text) > 9 or not WHOLE_NUMBER.fullmatch(text):
        _refuse_to_start(f"{name} is not a whole number: {text!r}")
    return int(text)


def _refuse_to_start(reason: str) -> NoReturn:
    sys.stderr.write(f"refusing to start: {reason}\n")
    sys.exit(2)


if __name__ == "__main__":
    main()
