"""Servers that misbehave, one fault each, on raw sockets: no HTTP library that could tidy the fault up.

A `Script` plays one connection. `serve()` runs a script for every connection it accepts, keeps the bytes of each
request that was read, and leaves no thread and no socket behind.
"""

from __future__ import annotations

import base64
import select
import socket
import struct
import threading
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

PATIENCE_S = 10.0
"""No wait of a server is longer; none of them should come near."""


@dataclass
class Connection:
    """One accepted connection."""

    socket: socket.socket
    number: int
    """0 for the first connection of the server."""
    server: Server

    def read_request(self) -> bytes:
        """Read one request whole, keep it and return it; `b""` when the client left without one."""
        data = bytearray()
        while (end := data.find(b"\r\n\r\n")) < 0:
            piece = self.socket.recv(65536)
            if not piece:
                return b""
            data += piece
        head = bytes(data[:end]).lower()
        wanted = end + 4
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name == b"content-length":
                wanted += int(value)
        while len(data) < wanted:
            piece = self.socket.recv(65536)
            if not piece:
                break
            data += piece
        self.server.requests.append(bytes(data))
        return bytes(data)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def pause(self, seconds: float) -> bool:
        """Wait; return whether the server is still wanted."""
        return not self.server.stopped.wait(seconds)

    def hold(self) -> None:
        """Keep the connection open until the client closes it or the server stops, without reading from it."""
        # POLLHUP and POLLRDHUP tell of a client that left even while its bytes lie unread
        poll = select.poll()
        poll.register(self.socket, getattr(select, "POLLRDHUP", 0))
        while not self.server.stopped.is_set() and not poll.poll(20):
            pass

    def reset(self) -> None:
        """Close so that the client gets a RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def finish(self) -> None:
        """Close so that the client gets a FIN, whatever lies unread."""
        self.socket.shutdown(socket.SHUT_WR)
        with suppress(OSError):
            while self.socket.recv(65536):
                pass


Script: TypeAlias = "Callable[[Connection], None]"


@dataclass
class Server:
    """A listening socket on a port of its own."""

    host: str
    port: int
    tls: bool = False
    requests: list[bytes] = field(default_factory=list)
    """Requests in the order their last byte was read, exactly as they came."""
    connections: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.tls else ''}://{host}:{self.port}/hook"

    def at(self, host: str) -> str:
        """Return the URL with another name for this machine."""
        return f"http{'s' if self.tls else ''}://{host}:{self.port}/hook"


@contextmanager
def serve(
    script: Script,
    *,
    host: str = "127.0.0.1",
    listener: socket.socket | None = None,
    tls: ssl.SSLContext | None = None,
) -> Iterator[Server]:
    """Play a script for every connection.

    Args:
        script: what to do; its `OSError`s mean that the client has left, anything else fails the test.
        host: the address to listen on.
        listener: a socket that is bound already.
        tls: speak TLS.
    """
    if listener is None:
        listener = bound(host)
    listener.listen(64)
    server = Server(host, listener.getsockname()[1], tls is not None)
    bugs: list[BaseException] = []
    players: list[threading.Thread] = []

    def play(accepted: socket.socket, number: int) -> None:
        accepted.settimeout(PATIENCE_S)
        try:
            stream = accepted if tls is None else tls.wrap_socket(accepted, server_side=True)
            with stream:
                script(Connection(stream, number, server))
        except OSError:
            accepted.close()
        except BaseException as bug:  # noqa: BLE001 - raised again where the test sees it
            bugs.append(bug)

    def accept() -> None:
        while not server.stopped.is_set():
            try:
                accepted, _ = listener.accept()
            except OSError:
                continue
            player = threading.Thread(target=play, args=(accepted, server.connections), daemon=True)
            server.connections += 1
            players.append(player)
            player.start()

    # shutting the listener down wakes accept() on Linux; the timeout does where it does not
    listener.settimeout(0.5)
    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield server
    finally:
        server.stopped.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        accepting.join(PATIENCE_S)
        listener.close()
        for player in players:
            player.join(PATIENCE_S)
        assert not any(thread.is_alive() for thread in (accepting, *players)), "a server thread is still busy"
    if bugs:
        raise bugs[0]


def bound(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """Return a socket that has a port and refuses connections until it listens."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    return listener


@contextmanager
def refuse(host: str = "127.0.0.1") -> Iterator[Server]:
    """Hold a port that refuses every connection, and that nobody else can take meanwhile."""
    with bound(host) as held:
        yield Server(host, held.getsockname()[1])


# --- answers ---------------------------------------------------------------------------------------------------------


def response(status: int, body: bytes = b"", *lines: bytes) -> bytes:
    """Return a correct answer."""
    head = [b"HTTP/1.1 %d Whatever" % status, *lines, b"Content-Length: %d" % len(body)]
    return b"\r\n".join([*head, b"", body])


def answer(data: bytes) -> Script:
    """Read the request, send these bytes, whatever they are, and end the connection properly."""

    def script(connection: Connection) -> None:
        if connection.read_request():
            connection.send(data)
            connection.finish()

    return script


def reply(status: int, body: bytes = b"", *lines: bytes) -> Script:
    """Answer correctly."""
    return answer(response(status, body, *lines))


def answer_after(seconds: float, data: bytes) -> Script:
    """Answer late."""

    def script(connection: Connection) -> None:
        if connection.read_request() and connection.pause(seconds):
            connection.send(data)
            connection.finish()

    return script


def in_turn(*scripts: Script) -> Script:
    """Play the first script for the first connection, the second for the second, and begin anew after the last."""
    turns = cycle(scripts)
    lock = threading.Lock()

    def script(connection: Connection) -> None:
        with lock:
            chosen = next(turns)
        chosen(connection)

    return script


# --- faults ----------------------------------------------------------------------------------------------------------


def close_at_once(connection: Connection) -> None:
    """Accept and close, with the request unread."""


def close_before_answer(connection: Connection) -> None:
    """Read the request and close without a word."""
    connection.read_request()
    connection.finish()


def reset_before_answer(connection: Connection) -> None:
    """Read the request and reset the connection."""
    connection.read_request()
    connection.reset()


def reset_after(data: bytes) -> Script:
    """Begin an answer and reset the connection."""

    def script(connection: Connection) -> None:
        connection.read_request()
        connection.send(data)
        # a reset that comes too soon takes with it what the client has not read yet
        connection.pause(0.05)
        connection.reset()

    return script


def never_answer(connection: Connection) -> None:
    """Read the request and say nothing."""
    connection.read_request()
    connection.hold()


def never_read(connection: Connection) -> None:
    """Accept, and neither read nor write."""
    connection.hold()


def read_slowly(connection: Connection) -> None:
    """Take a little of the request again and again, so that no single write of the client's ever times out."""
    while connection.pause(0.01) and connection.socket.recv(128 * 1024):
        pass


def answer_unread(data: bytes) -> Script:
    """Answer before the request is read, as a server does with one that is too large."""

    def script(connection: Connection) -> None:
        connection.send(data)
        connection.finish()

    return script


def trickle(head: bytes, endless: bytes, *, step_s: float = 0.05) -> Script:
    """Send the head at once and then a byte each step, for ever: no single read of the client's times out."""

    def script(connection: Connection) -> None:
        connection.read_request()
        connection.send(head)
        for number in cycle(range(len(endless))):
            if not connection.pause(step_s):
                return
            connection.send(endless[number : number + 1])

    return script


def flood(head: bytes, endless: bytes) -> Script:
    """Send the head and then the same bytes for ever, as fast as they are taken."""

    def script(connection: Connection) -> None:
        connection.read_request()
        connection.send(head)
        block = endless * max(1, 65536 // len(endless))
        while not connection.server.stopped.is_set():
            connection.send(block)

    return script


# --- proxies ---------------------------------------------------------------------------------------------------------


def proxy(*, tunnel_to: int | None = None, refuse_with: bytes | None = None) -> Script:
    """Be an HTTP proxy: answer a plain request with 200, tunnel a CONNECT to a port of this machine.

    Args:
        tunnel_to: the port; the name in the CONNECT does not matter.
        refuse_with: answer this instead.
    """

    def script(connection: Connection) -> None:
        request = connection.read_request()
        if not request:
            return
        if refuse_with is not None:
            connection.send(refuse_with)
            connection.finish()
        elif request.startswith(b"CONNECT "):
            assert tunnel_to is not None, "a tunnel was not expected"
            with socket.create_connection(("127.0.0.1", tunnel_to), timeout=PATIENCE_S) as onward:
                connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
                _relay(connection, onward)
        else:
            connection.send(response(200, b"from the proxy"))
            connection.finish()

    return script


def _relay(connection: Connection, onward: socket.socket) -> None:
    ways = {connection.socket: onward, onward: connection.socket}
    while not connection.server.stopped.is_set():
        for source in select.select(list(ways), [], [], 0.05)[0]:
            piece = source.recv(65536)
            if not piece:
                return
            ways[source].sendall(piece)


def basic(credentials: str) -> bytes:
    """Return the value of a Basic authorization."""
    return b"Basic " + base64.b64encode(credentials.encode())


# --- reading what arrived --------------------------------------------------------------------------------------------


def head_lines(request: bytes) -> list[bytes]:
    """Return the request line and the header lines as they came."""
    return request.partition(b"\r\n\r\n")[0].split(b"\r\n")


def body_of(request: bytes) -> bytes:
    """Return what follows the head."""
    return request.partition(b"\r\n\r\n")[2]


def header_of(request: bytes, name: bytes) -> bytes | None:
    """Return the value of the only header line of that name, or None when there is none."""
    values = [
        value.strip()
        for line in head_lines(request)[1:]
        for key, _, value in [line.partition(b":")]
        if key.lower() == name.lower()
    ]
    assert len(values) <= 1, f"{name!r} is there {len(values)} times"
    return values[0] if values else None


@contextmanager
def serve_on_both(script: Script) -> Iterator[tuple[Server, Server]]:
    """Serve on 127.0.0.1 and on ::1, on one port."""
    with ExitStack() as stack:
        first = stack.enter_context(serve(script))
        second = stack.enter_context(serve(script, listener=bound("::1", first.port), host="::1"))
        yield first, second
