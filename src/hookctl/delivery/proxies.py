"""Which proxy a URL goes through: what the environment says, except that loopback never goes through one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from hookctl.delivery.endpoint import is_loopback_name

if TYPE_CHECKING:
    from collections.abc import Mapping


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
    value = proxies.get(parts.scheme) or proxies.get("all")
    if not value or is_loopback_name(host):
        return None
    # 15 ms to load, and only an environment with proxies needs it
    from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # typeshed lacks it

    address = f"{host}:{parts.port}" if parts.port else host
    if proxy_bypass_environment(address, proxies):
        return None
    proxy = urlsplit(value if "://" in value else f"http://{value}")
    auth = None
    if proxy.username is not None:
        auth = (unquote(proxy.username).encode(), unquote(proxy.password or "").encode())
    where = f"[{proxy.hostname}]" if ":" in (proxy.hostname or "") else proxy.hostname
    port = f":{proxy.port}" if proxy.port else ""
    return ProxyServer(proxy.scheme, f"{proxy.scheme}://{where}{port}", auth)
