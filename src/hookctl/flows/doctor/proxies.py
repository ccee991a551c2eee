"""Proxy variables, and what they do to loopback and to ngrok."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.delivery.proxies import find_proxy
from hookctl.errors import InputError
from hookctl.flows.doctor.diagnostic import Diagnostic, Result, failed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.flows.doctor.diagnostic import Setup

_NAMES = ("http_proxy", "https_proxy", "all_proxy")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_BEYOND = "proxied.invalid"
"""A host that stands for any beyond this machine."""
_NGROK = "ngrok's agent goes through a proxy on paid plans alone"


def check_proxies(setup: Setup) -> Iterator[Diagnostic]:
    """Say which proxies there are."""
    env = setup.runtime.env
    # credentials may stand in the values: only what is left after they are cut off is shown
    proxied = {name: value for name, value in env.items() if name.lower() in _NAMES and value}
    if not proxied:
        yield Diagnostic("proxy", Result.OK, "no proxy variables")
        return
    names = ", ".join(sorted(proxied))
    try:
        servers = [find_proxy(f"{scheme}://{_BEYOND}/", proxied) for scheme in ("http", "https")]
    except InputError as error:
        yield failed("proxy", error)
        return
    shown = " and ".join(dict.fromkeys(server.shown for server in servers if server is not None))
    detail = f"{names}: {shown}; hookctl never sends to this machine through it; {_NGROK}"
    missing = _not_excepted(env.get("no_proxy") or env.get("NO_PROXY") or "")
    if missing:
        yield Diagnostic(
            "proxy",
            Result.WARN,
            f"{detail}; NO_PROXY does not name {', '.join(missing)}, so other programs may",
            f"set NO_PROXY={','.join(_LOOPBACK)} beside what it has",
        )
        return
    yield Diagnostic("proxy", Result.OK, detail)


def _not_excepted(no_proxy: str) -> list[str]:
    """Return the names of this machine that a list of exceptions leaves out."""
    names = {name.strip().strip("[]") for name in no_proxy.split(",")}
    return [] if "*" in names else [name for name in _LOOPBACK[:2] if name not in names]
