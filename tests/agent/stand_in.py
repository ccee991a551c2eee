#!/usr/bin/env python3
"""A stand-in for the ngrok agent, for tests on loopback: its command line, log lines, local API, and a real proxy.

It speaks what pyngrok and hookctl need of the agent's protocol; its "public" URL is a port of 127.0.0.1 whose requests
go to the upstream, byte for byte but for the headers that ngrok adds. The standard library is all it needs.

Environment:
    STAND_IN_VERSION: the version that it says it has; agents before 3.30 do not know /api/endpoints.
    STAND_IN_FAULTS: words, separated by commas, that make it fail. An error code (105, 108, 9009 ...) refuses the
        session; post-CODE refuses the endpoint, post-CODE-once the first one only; public-CODE answers at the public
        URL for ngrok. The others stand in `Fault`.
    STAND_IN_DIE: see `Fault.DIES_ONCE_OPEN`.
    STAND_IN_LOG: a file that it adds JSON lines to: its start, its endpoints, its end.
"""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

WAIT_S = 30.0
"""No connection is waited for longer."""


class Fault(StrEnum):
    """What it can do wrong beside answering with error codes."""

    VERSION_HANGS = "version-hangs"
    VERSION_IS_NONSENSE = "version-nonsense"
    HANGS = "hangs"
    """It starts and says nothing at all."""
    SILENT = "silent"
    """It waits for a network that drops its packets."""
    NO_NAME = "no-name"
    """It has no name service and says so, again and again."""
    INTERCEPTED = "intercepted"
    """Somebody on the way shows a certificate of their own."""
    DIES_AT_START = "dies-at-start"
    DIES_ONCE_OPEN = "dies-once-open"
    """It ends when the file named by STAND_IN_DIE appears."""
    HTML = "html"
    """Its API answers with a web page."""
    DEAF = "deaf"
    """It does not end on SIGTERM."""
    CHATTY = "chatty"
    """It writes more than a pipe holds."""
    GARBLED = "garbled"
    """Its log has lines that are no text."""
    LOSES_SESSION = "loses-session"
    """It loses its session once the endpoint is open, and says so."""
    SWALLOWS = "swallows"
    """Its public URL takes requests and passes none on."""


FAULTS = {word for word in os.environ.get("STAND_IN_FAULTS", "").split(",") if word}
VERSION = os.environ.get("STAND_IN_VERSION", "3.39.1")

SENTENCES = {
    "105": "authentication failed: The authtoken you specified does not look like a proper ngrok authtoken.",
    "107": "authentication failed: The authtoken you specified is properly formed, but it is invalid.",
    "108": "authentication failed: Your account is limited to 3 simultaneous ngrok agent sessions.",
    "121": "authentication failed: Your ngrok-agent version is too old for this account.",
    "4018": "authentication failed: Usage of ngrok requires a verified account and authtoken.",
    "9009": "authentication failed: Running the agent with an http/s proxy is only available on paid plans.",
    "324": "failed to start tunnel: Your account may not run more than 3 endpoints over a single ngrok agent session.",
    "334": "failed to start tunnel: The endpoint 'https://stand-in.ngrok-free.dev' is already online.",
    "320": "failed to bind: the domain is reserved for another account.",
    "725": "Your account has exceeded its bandwidth limit.",
    "727": "Your account has exceeded its HTTP request limit.",
}


def tell(record: dict[str, Any]) -> None:
    """Add a line to the file that tests read."""
    path = os.environ.get("STAND_IN_LOG")
    if path:
        with Path(path).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"pid": os.getpid(), **record}) + "\n")


def log(level: str, message: str, **fields: str) -> None:
    """Write a line of the agent's log."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
    words = "".join(f" {key}={json.dumps(value) if ' ' in value else value}" for key, value in fields.items())
    sys.stdout.write(f't={now} lvl={level} msg="{message}"{words}\n')
    sys.stdout.flush()


def sentence(code: str) -> str:
    """Return what ngrok says with a code, line ends and all."""
    return f"{SENTENCES.get(code, 'It went wrong.')}\r\n\r\nERR_NGROK_{code}\r\n"


def fail(code: str) -> int:
    """End as the agent does when it is refused: in the log, and on standard error."""
    # it writes the line ends as backslashes and letters
    text = sentence(code).replace("\r\n", "\\r\\n")
    log("eror", "failed to auth", obj="tunnels.session", err=text)
    log("crit", "command failed", err=text)
    sys.stderr.write(f"ERROR:  {SENTENCES.get(code, '')}\nERROR:  \nERROR:  ERR_NGROK_{code}\n")
    return 1


class Endpoint:
    """A public URL: a loopback port whose requests go to the upstream."""

    def __init__(self, name: str, upstream: str) -> None:
        host, _, port = re.sub(r"^https?://", "", upstream).rstrip("/").rpartition(":")
        self.name = name
        self.upstream = upstream
        self._where = (host.strip("[]") or "localhost", int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.requests: list[dict[str, Any]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take it away."""
        self._listener.close()

    def record(self, kind: str) -> dict[str, Any]:
        """Return what the API says about it."""
        return {
            "name": self.name,
            "ID": f"id-{self.name}",
            "uri": f"/api/{kind}/{self.name}",
            "public_url": self.url,
            "proto": "https",
            "config": {"addr": self.upstream, "inspect": True},
            "metrics": {},
        }

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, peer = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection, peer[0]), daemon=True).start()

    def _serve(self, connection: socket.socket, peer: str) -> None:
        connection.settimeout(WAIT_S)
        # either side may be gone at any moment
        with suppress(OSError, ValueError), connection, connection.makefile("rb") as source:
            while (request := read_message(source)) is not None:
                if not self._answer(connection, request, peer):
                    return

    def _answer(self, connection: socket.socket, request: bytes, peer: str) -> bool:
        """Answer one request; return whether the connection goes on."""
        code = next((word.removeprefix("public-") for word in FAULTS if word.startswith("public-")), None)
        if Fault.SWALLOWS in FAULTS:
            time.sleep(WAIT_S)
            return False
        if code is not None:
            connection.sendall(refusal(code, b"403 Forbidden"))
            return False
        started = time.time()
        try:
            upstream = socket.create_connection(self._where, timeout=WAIT_S)
        except OSError:
            connection.sendall(refusal("8012", b"502 Bad Gateway"))
            return False
        with upstream, upstream.makefile("rb") as answers:
            line, _, rest = request.partition(b"\r\n")
            host = re.search(rb"(?im)^host: *(\S+)", request)
            added = b"X-Forwarded-For: %s\r\nX-Forwarded-Host: %s\r\nX-Forwarded-Proto: https\r\n"
            name = host.group(1) if host else b""
            whole = line + b"\r\n" + added % (peer.encode(), name) + rest
            upstream.sendall(whole)
            answer = read_message(answers, to_head=line.startswith(b"HEAD "))
        if answer is None:
            connection.sendall(refusal("3004", b"502 Bad Gateway"))
            return False
        connection.sendall(answer)
        self.requests.append(inspected(self.name, peer, whole, answer, started))
        return b"\r\nconnection: close" not in answer.partition(b"\r\n\r\n")[0].lower()


def refusal(code: str, status: bytes) -> bytes:
    """Return what ngrok answers for itself at a public URL."""
    body = sentence(code).encode()
    head = b"HTTP/1.1 %s\r\nNgrok-Error-Code: ERR_NGROK_%s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
    return head % (status, code.encode(), len(body)) + body


def read_message(source: BinaryIO, *, to_head: bool = False) -> bytes | None:
    """Return one HTTP message whole, as it came; None when there is none."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = source.readline(65536)
        if not line:
            return None
        head += line
    status = re.match(rb"HTTP/1\.\d (\d{3})", head)
    if status and status.group(1) == b"100":
        return read_message(source, to_head=to_head)
    if to_head or (status and status.group(1) in {b"204", b"304"}):
        return head
    if re.search(rb"(?im)^transfer-encoding: *chunked", head):
        return head + read_chunks(source)
    length = re.search(rb"(?im)^content-length: *(\d+)", head)
    if length:
        return head + source.read(int(length.group(1)))
    return head + source.read() if status else head


def read_chunks(source: BinaryIO) -> bytes:
    """Return a chunked body as it came."""
    body = b""
    while True:
        line = source.readline(65536)
        size = int(line.split(b";")[0] or b"0", 16)
        body += line
        if size == 0:
            while line not in {b"\r\n", b""}:
                line = source.readline(65536)
                body += line
            return body
        body += source.read(size + 2)


def inspected(name: str, peer: str, request: bytes, answer: bytes, started: float) -> dict[str, Any]:
    """Return an exchange as the agent's inspector tells it."""

    def headers(message: bytes) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for line in message.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]:
            key, _, value = line.decode("latin-1").partition(":")
            found.setdefault(key.title(), []).append(value.strip())
        return found

    method, target, proto = request.partition(b"\r\n")[0].decode("latin-1").split(" ")
    status = answer.partition(b"\r\n")[0].decode("latin-1").partition(" ")[2]
    id_ = f"airt_{time.time_ns()}"
    return {
        "id": id_,
        "uri": f"/api/requests/http/{id_}",
        "tunnel_name": name,
        "remote_addr": peer,
        "start": datetime.fromtimestamp(started, UTC).isoformat(),
        "duration": int((time.time() - started) * 1e9),
        "request": {
            "method": method,
            "proto": proto,
            "headers": headers(request),
            "uri": target,
            "raw": base64.b64encode(request).decode(),
        },
        "response": {
            "status": status,
            "status_code": int(status[:3]),
            "proto": "HTTP/1.1",
            "headers": headers(answer),
            "raw": base64.b64encode(answer).decode(),
        },
    }


class Api(BaseHTTPRequestHandler):
    """The agent's local API."""

    endpoints: ClassVar[dict[str, Endpoint]] = {}
    refused: ClassVar[set[str]] = set()
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """List endpoints or requests."""
        kind = self._kind()
        if kind is not None:
            records = [endpoint.record(kind) for endpoint in self.endpoints.values()]
            self._send(200, {kind: records, "uri": self.path})
        elif self.path.startswith("/api/requests/http"):
            requests = [record for endpoint in self.endpoints.values() for record in endpoint.requests]
            self._send(200, {"uri": self.path, "requests": requests[::-1]})
        else:
            self._send(404, {"status_code": 404, "msg": "Not Found"})

    def do_POST(self) -> None:
        """Open an endpoint."""
        data = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        kind = self._kind()
        if kind is None:
            self._send(404, {"status_code": 404, "msg": "Not Found"})
            return
        if Fault.HTML in FAULTS:
            self._send(200, "<!doctype html><title>Sign in to the network</title>")
            return
        tell({"what": "post", "kind": kind, "data": data})
        for word in sorted(FAULTS - self.refused):
            match = re.fullmatch(r"post-(\d+)(-once)?", word)
            if match:
                if match.group(2):
                    self.refused.add(word)
                self._refuse(match.group(1))
                return
        upstream = data["upstream"]["url"] if kind == "endpoints" else data["addr"]
        endpoint = self.endpoints[data["name"]] = Endpoint(data["name"], upstream)
        tell({"what": "open", "url": endpoint.url})
        log("info", "started tunnel", obj="tunnels", name=endpoint.name, addr=upstream, url=endpoint.url)
        self._send(201, endpoint.record(kind))
        if Fault.LOSES_SESSION in FAULTS:
            trouble = {"obj": "tunnels.session", "err": "read tcp: i/o timeout"}
            threading.Timer(0.5, log, ("eror", "session closed, starting reconnect loop"), trouble).start()

    def do_DELETE(self) -> None:
        """Take an endpoint away."""
        endpoint = self.endpoints.pop(self.path.rpartition("/")[2], None)
        if endpoint is not None:
            endpoint.close()
        self.send_response(204)
        self.end_headers()

    def _kind(self) -> str | None:
        match = re.match(r"/api/(endpoints|tunnels)\b", self.path)
        old = tuple(map(int, VERSION.split(".")[:2])) < (3, 30)
        if match is None or (match.group(1) == "endpoints" and old):
            return None
        return match.group(1)

    def _refuse(self, code: str) -> None:
        details = {"err": sentence(code)}
        self._send(502, {"error_code": 103, "status_code": 502, "msg": "failed to start tunnel", "details": details})

    def _send(self, status: int, content: dict[str, Any] | str) -> None:
        body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if isinstance(content, str) else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: the agent does not log its API."""


def has_token(arguments: list[str]) -> bool:
    """Return whether an authtoken is given, in any of the places where the agent looks."""
    if "--authtoken" in arguments or os.environ.get("NGROK_AUTHTOKEN"):
        return True
    if "--config" not in arguments:
        return False
    text = Path(arguments[arguments.index("--config") + 1]).read_text(encoding="utf-8")
    return re.search(r"(?m)^\s*authtoken: *\S", text) is not None


def wait_for_network() -> None:
    """Do what the agent does without one: try on."""
    trouble = {
        Fault.NO_NAME: "dial tcp: lookup connect.ngrok-agent.com on 127.0.0.53:53: no such host",
        Fault.INTERCEPTED: "tls: failed to verify certificate: x509: certificate signed by unknown authority",
    }
    for fault, error in trouble.items():
        while fault in FAULTS:
            address = 'failed to dial ngrok server with address "connect.ngrok-agent.com:443"'
            log("eror", "failed to reconnect session", obj="tunnels.session", err=f"{address}: {error}")
            time.sleep(0.5)
    while Fault.SILENT in FAULTS:
        time.sleep(1)


def start(arguments: list[str]) -> int:
    """Run until somebody ends it."""
    tell({"what": "start", "argv": sys.argv, "no_proxy": os.environ.get("no_proxy")})
    if Fault.DEAF in FAULTS:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if Fault.GARBLED in FAULTS:
        sys.stdout.write("\x1b[31mINFO\x07[11-25|01:02:03] no \"configuration' paths\n\n= =x lvl= =\n")
        sys.stdout.flush()
    while Fault.HANGS in FAULTS:
        time.sleep(1)
    if Fault.DIES_AT_START in FAULTS:
        sys.stderr.write("\x1b[31mpanic: runtime error\n")
        return 2
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    log("info", "starting web service", obj="web", addr=f"127.0.0.1:{server.server_address[1]}", allow_hosts="[]")
    if not has_token(arguments):
        return fail("4018")
    for code in sorted(word for word in FAULTS if word.isdecimal()):
        return fail(code)
    wait_for_network()
    log("info", "client session established", obj="tunnels.session")
    log("info", "tunnel session started", obj="tunnels.session")
    die = os.environ.get("STAND_IN_DIE")
    while True:
        if Fault.CHATTY in FAULTS:
            log("info", "x" * 4000, obj="noise")
        if Fault.DIES_ONCE_OPEN in FAULTS and die and Path(die).exists():
            log("crit", "command failed", err="the account was suspended")
            return 1
        time.sleep(0.02)


def main(arguments: list[str]) -> int:
    """Do what a command line says."""
    if arguments == ["--version"]:
        tell({"what": "version"})
        while Fault.VERSION_HANGS in FAULTS:
            time.sleep(1)
        sys.stdout.write("hello\n" if Fault.VERSION_IS_NONSENSE in FAULTS else f"ngrok version {VERSION}\n")
        return 0
    if arguments[:1] == ["start"]:
        return start(arguments)
    sys.stderr.write(f"ERROR:  unknown command {arguments!r}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
