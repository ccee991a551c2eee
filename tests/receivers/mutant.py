"""`python -m tests.receivers.mutant NAME`: the Python receiver with the one defect that is listed under that name."""

from __future__ import annotations

import hashlib
import hmac
import json
import sys
import threading
import time
import traceback

from tests.receivers.arky_http import Handler, Inbox, Outcome, main

RACE_WINDOW_S = 0.05


class CountingInbox(Inbox):
    """Correct, and its effects can be seen: it counts the ids it has acted on, whatever the event."""

    def __init__(self, secret: bytes, max_age_s: int | None) -> None:
        super().__init__(secret, max_age_s)
        self.count = 0
        self._count_lock = threading.Lock()

    def _is_first(self, event_id: str) -> bool:
        is_first = super()._is_first(event_id)
        if is_first:
            self._count_one()
        return is_first

    def _count_one(self) -> None:
        with self._count_lock:
            self.count += 1


class CountingHandler(Handler):
    """Correct, with the count beside it."""

    def do_GET(self) -> None:  # noqa: N802 - the base class's name
        """Tell the count, or answer as any other method is answered."""
        inbox = self.server.inbox
        if self.path == "/count" and isinstance(inbox, CountingInbox):
            self._send(200, "application/json", json.dumps({"count": inbox.count}))
        else:
            self.do_POST()

    def _send(self, status: int, content_type: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class NoVerification(CountingInbox):
    """Takes everybody's word."""

    def receive(self, signature: str, timestamp: str, body: bytes) -> Outcome:
        return super().receive(signature or "none", timestamp or "none", body)

    def _is_valid(self, signature: str, timestamp: str, body: bytes) -> bool:  # noqa: ARG002 - that is the defect
        return True


class RaisesOnNonAscii(CountingInbox):
    """compare_digest raises TypeError on text beyond ASCII; the thread ends, and the connection with it."""

    def _is_valid(self, signature: str, timestamp: str, body: bytes) -> bool:
        signed = timestamp.encode("latin-1") + b"." + body
        return hmac.compare_digest(signature, hmac.new(self._secret, signed, hashlib.sha256).hexdigest())


class SecretUnprefixed(CountingInbox):
    """Takes `whsec_` for decoration."""

    def __init__(self, secret: bytes, max_age_s: int | None) -> None:
        super().__init__(secret.removeprefix(b"whsec_"), max_age_s)


class CoercedTimestamp(CountingInbox):
    """f"{None}." is a text to sign as well, and has no age to check."""

    def receive(self, signature: str, timestamp: str, body: bytes) -> Outcome:
        if timestamp:
            return super().receive(signature, timestamp, body)
        is_signed = self._is_valid(signature, f"{None}", body)
        return Outcome(200) if is_signed else Outcome(401)


class FloatTimestamp(CountingInbox):
    """float() takes `nan`, which is never too old; what it does not take ends the thread."""

    def __init__(self, secret: bytes, max_age_s: int | None) -> None:
        super().__init__(secret, None)
        self._limit_s = max_age_s or 300

    def _is_valid(self, signature: str, timestamp: str, body: bytes) -> bool:
        is_stale = abs(time.time() - float(timestamp)) > self._limit_s
        return not is_stale and super()._is_valid(signature, timestamp, body)


class CheckThenInsert(CountingInbox):
    """Looks up, then inserts, each a journey to a database."""

    def _is_first(self, event_id: str) -> bool:
        if event_id in self._seen_ids:
            return False
        time.sleep(RACE_WINDOW_S)
        self._seen_ids.add(event_id)
        self._count_one()
        return True


class Always200(CountingHandler):
    """Is content with everything."""

    def _decide(self, body: bytes) -> Outcome:  # noqa: ARG002 - that is the defect
        return Outcome(200)


class UnreadBody(CountingHandler):
    """Refuses what has no signature before its body is read: the body is then the next request on the connection."""

    def do_POST(self) -> None:  # noqa: N802 - the base class's name
        if self.command != "POST" or self._header("x-arky-signature"):
            super().do_POST()
        else:
            self.server.print_line({"status": 401, "event": None, "id": None, "body_sha256": None})
            self._answer(401)


class DebugPage(CountingHandler):
    """Tells the sender where in the program it was refused."""

    def _answer(self, status: int) -> None:
        if status == 401:
            stack = "".join(traceback.format_stack())
            self._send(status, "text/plain", f"Traceback (most recent call last):\n{stack}PermissionError: mismatch\n")
        else:
            super()._answer(status)


MUTANTS: dict[str, tuple[type[CountingInbox], type[CountingHandler]]] = {
    "deduping": (CountingInbox, CountingHandler),
    "no-verification": (NoVerification, CountingHandler),
    "raises-on-nonascii": (RaisesOnNonAscii, CountingHandler),
    "secret-unprefixed": (SecretUnprefixed, CountingHandler),
    "coerced-timestamp": (CoercedTimestamp, CountingHandler),
    "float-timestamp": (FloatTimestamp, CountingHandler),
    "check-then-insert": (CheckThenInsert, CountingHandler),
    "always-200": (CountingInbox, Always200),
    "unread-body": (CountingInbox, UnreadBody),
    "debug-page": (CountingInbox, DebugPage),
}


if __name__ == "__main__":
    name = " ".join(sys.argv[1:])
    if name not in MUTANTS:
        sys.exit(f"unknown mutant; there are: {', '.join(MUTANTS)}")
    main(*MUTANTS[name])
