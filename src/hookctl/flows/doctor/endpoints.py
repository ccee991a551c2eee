"""Whether something listens where deliveries go. Only connected to: no request is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hookctl.config import Origin
from hookctl.delivery import resolve_endpoint
from hookctl.delivery.endpoint import Endpoint, is_loopback_name
from hookctl.errors import InputError
from hookctl.flows.doctor.diagnostic import Diagnostic, Result, failed
from hookctl.model import FailureKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.flows.doctor.diagnostic import Setup
    from hookctl.model import Failure, Provider

_FAMILIES = ("127.0.0.1", "[::1]")


def check_endpoints(setup: Setup) -> Iterator[Diagnostic]:
    """Say of each provider whether its receiver can be reached."""
    for provider in setup.providers:
        yield _endpoint(setup, provider)


def _endpoint(setup: Setup, provider: Provider) -> Diagnostic:
    id_, config = f"endpoint.{provider.name}", setup.config
    try:
        endpoint = resolve_endpoint(provider, config.to, config, allow_remote=setup.options.allow_remote)
    except InputError as error:
        return failed(id_, error, result=_unusable(setup, provider))
    url = endpoint.url
    proxy = None if endpoint.loopback_only else setup.client.proxy_for(url)
    failure = setup.client.reach(proxy or url, timeout_s=setup.options.timeout_s, loopback_only=endpoint.loopback_only)
    if failure is not None:
        return _unreachable(setup, id_, endpoint, failure, proxy)
    if proxy is not None:
        return Diagnostic(id_, Result.OK, f"{url} through the proxy {proxy}; reached as far as the proxy")
    # where localhost is two addresses, whoever connects to the other one finds nothing
    ways = _open_ways(setup, url) if endpoint.host == "localhost" else _FAMILIES
    if ways == ("[::1]",):
        fix = f"have the app listen on 127.0.0.1 too, or name it {_at(url, '[::1]')}"
        return Diagnostic(id_, Result.WARN, f"{url}: [::1] alone listens, and who connects to 127.0.0.1 fails", fix)
    return Diagnostic(id_, Result.OK, f"{url} accepts connections")


def _unusable(setup: Setup, provider: Provider) -> Result:
    """Return what an endpoint that cannot be used comes to: a failure where the user has said anything about it."""
    # HOOKCTL_TO may be a port that is meant for the vendors whose pages document a path
    meant = setup.config.to is not None and provider.endpoint.path is not None
    said = setup.named or meant or provider.name in setup.config.endpoints
    return Result.FAIL if said else Result.WARN


def _unreachable(setup: Setup, id_: str, endpoint: Endpoint, failure: Failure, proxy: str | None) -> Diagnostic:
    url = endpoint.url
    # nobody has said that the documented one is meant
    result = Result.WARN if endpoint.origin is Origin.BUILT_IN else Result.FAIL
    through = f", through the proxy {proxy}" if proxy else ""
    fix = failure.hint
    if failure.kind is FailureKind.REFUSED and is_loopback_name(endpoint.host):
        fix = "start the app; another port or path: `hookctl send --to`, or [endpoints] in hookctl.toml"
        others = [way for way in _open_ways(setup, url) if way.strip("[]") != endpoint.host]
        if others:
            fix = f"something listens on {others[0]} with that port: name it {_at(url, others[0])}"
    return Diagnostic(id_, result, f"{url}{through}: {failure.message}", fix or "check the URL and the network")


def _open_ways(setup: Setup, url: str) -> tuple[str, ...]:
    timeout_s = setup.options.timeout_s
    # only whether anybody listens: what certificate there is has been seen
    plain = f"http://{{}}:{_port(url)}/"
    ways = ((way, setup.client.reach(plain.format(way), timeout_s=timeout_s, loopback_only=True)) for way in _FAMILIES)
    return tuple(way for way, failure in ways if failure is None)


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def _at(url: str, host: str) -> str:
    """Return a URL with another host."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return parts._replace(netloc=f"{host}{port}").geturl()
