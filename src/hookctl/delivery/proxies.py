"""Which proxy a URL goes through: what the environment says, except that loopback never goes through one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from hookctl.delivery.endpoint import is_loopback_name
from hookctl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

_HOST = re.compile(r"[A-Za-z0-9_.:%-]+")


@dataclass(frozen=True, slots=True)
class ProxyServer:
    """A proxy from the environment."""

    scheme: str
    url: str
    """Without credentials."""
    auth: tuple[bytes, bytes] | None = field(repr=False)

    @property
    def shown(self) -> str:
        """The URL for messages: without credentials."""
        return self.url


def find_proxy(url: str, env: Mapping[str, str]) -> ProxyServer | None:
    """Return the proxy for a URL, or None for a direct connection.

    Args:
        url: where the request goes.
        env: has HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, in either case; lower case wins.

    Raises:
        InputError: the variable that applies holds no proxy's URL. The value, which may hold a password, stays out.
    """
    proxies = {
        name.lower().removesuffix("_proxy"): value
        for name, value in sorted(env.items())
        if name.lower().endswith("_proxy") and value
    }
    if not proxies:
        return None
    parts = urlsplit(url)
    host = parts.hostname or ""
    kind = parts.scheme if parts.scheme in proxies else "all"
    value = proxies.get(kind)
    if not value or is_loopback_name(host):
        return None
    # 15 ms to load, and only an environment with proxies needs it
    from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # typeshed lacks it

    address = f"{host}:{parts.port}" if parts.port else host
    if proxy_bypass_environment(address, proxies):
        return None
    try:
        return _server(value)
    except ValueError:
        raise InputError(
            f"{kind.upper()}_PROXY in the environment is not the URL of a proxy", hint="for instance http://proxy:8080"
        ) from None


def _server(value: str) -> ProxyServer:
    proxy = urlsplit(value if "://" in value else f"http://{value}")
    name, number = proxy.hostname, proxy.port
    if name is None or not _HOST.fullmatch(name):
        raise ValueError
    auth = None
    if proxy.username is not None:
        auth = (unquote(proxy.username).encode(), unquote(proxy.password or "").encode())
    where = f"[{name}]" if ":" in name else name
    port = f":{number}" if number else ""
    return ProxyServer(proxy.scheme, f"{proxy.scheme}://{where}{port}", auth)
