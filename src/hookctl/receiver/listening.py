"""The sockets to listen on, and why an address cannot be listened on."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from typing import Any

from hookctl.errors import InputError

LOCALHOST = "localhost"
"""The name of this machine's loopback addresses."""

# not what the resolver says: browsers and Node try both whatever /etc/hosts has, ::1 first
_LOOPBACKS = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
_LOOPBACK_HINT = "use 127.0.0.1 or ::1 for this machine only, 0.0.0.0 or :: for every address it has"
_PORT_HINT = "use a port from 1 to 65535, or 0 for any free one"
_ABSENT = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
_BACKLOG = 128
# how often a port that is free on the one address may turn out to be taken on the other
_TRIES = 50


async def listen(host: str, port: int) -> list[socket.socket]:
    """Return the listening sockets for a host: one, or two for `localhost`, both with the same port.

    Args:
        host: an address of this machine or a name of one.
        port: the TCP port, or 0 for any free one.

    Raises:
        InputError: the address cannot be listened on; the message says why.
    """
    if not 0 <= port <= 65535:
        raise InputError(f"{port} is not a port", hint=_PORT_HINT)
    if not host:
        # to the resolver this would mean every address
        raise InputError("the host to listen on is empty", hint=_LOOPBACK_HINT)
    if host.lower() == LOCALHOST:
        return _listen_on_localhost(port)
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, ValueError) as error:
        # ValueError: IDNA encoding of the name, or a NUL in it
        raise InputError(f"cannot find the address of host {host!r}", hint=_LOOPBACK_HINT) from error
    family, *_, address = min(found, key=lambda entry: entry[0] is not socket.AF_INET)
    try:
        return [_listen_on(family, address)]
    except OSError as error:
        raise _explain(error, host, port) from error


def _listen_on_localhost(port: int) -> list[socket.socket]:
    for _ in range(_TRIES):
        listeners: list[socket.socket] = []
        shared_port = port
        for family, address in _LOOPBACKS:
            try:
                listeners.append(_listen_on(family, (address, shared_port)))
            except OSError as error:
                if error.errno in _ABSENT:
                    continue
                for listener in listeners:
                    listener.close()
                if error.errno == errno.EADDRINUSE and port == 0:
                    break
                raise _explain(error, address, shared_port) from error
            shared_port = listeners[0].getsockname()[1]
        else:
            if not listeners:
                raise InputError("this machine has no loopback address", hint=_LOOPBACK_HINT)
            return listeners
    raise InputError("no port is free on both 127.0.0.1 and ::1", hint=_PORT_HINT)


def _listen_on(family: int, address: tuple[Any, ...]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            # a port whose last connections are in TIME_WAIT can be taken again at once
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.setblocking(False)  # noqa: FBT003 - its only form
        listener.bind(address)
        # here and not in the event loop: of two that have bound a port, the second learns of it only now
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def _explain(error: OSError, host: str, port: int) -> InputError:
    match error.errno:
        case errno.EADDRINUSE:
            return InputError(
                f"port {port} on {host} is already in use",
                hint="stop the program that listens there, or use another port (0 for any free one)",
            )
        case errno.EACCES | errno.EPERM:
            return InputError(f"port {port} on {host} is reserved for privileged users", hint="use a port from 1024 up")
        case errno.EADDRNOTAVAIL | errno.EAFNOSUPPORT:
            return InputError(f"{host} is not an address of this machine", hint=_LOOPBACK_HINT)
        case _:
            return InputError(f"cannot listen on {host}, port {port}: {error.strerror or error}")
