"""Where to send: `--to`, the configuration, or the path on localhost that the provider's page documents."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote, urlsplit

from hookctl.config import Origin, Setting
from hookctl.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from hookctl.config import Config
    from hookctl.model import Provider

_PORT = re.compile(r"[0-9]{1,5}")
_HAS_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_HOST_AND_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):[0-9]{1,5}(?:[/?].*)?")
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_URL_SAFE = "%/:=&?~#+!$,;'@()*[]-._"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A receiver's URL, and how far it is trusted."""

    url: str
    host: str
    origin: Origin
    loopback_only: bool
    """Set for an endpoint that a project's file names: a connection beyond loopback is refused."""


def resolve_endpoint(provider: Provider, to: Setting | None, config: Config, *, allow_remote: bool) -> Endpoint:
    """Find the endpoint of a provider's deliveries.

    Args:
        provider: for its documented path and its name in the configuration.
        to: what the user asked for, if anything: a URL, a port or a configured name.
        config: the configured endpoints.
        allow_remote: whether a project's file may name an endpoint beyond loopback.

    Raises:
        InputError: there is none, or it is not a usable URL.
    """
    setting = to or config.endpoints.get(provider.name)
    if setting is None:
        if provider.endpoint.path is None:
            raise InputError(
                f"no endpoint for {provider.title}: its page documents no path",
                hint=f'give --to URL, or set {provider.name} = "URL" under [endpoints] in hookctl.toml',
            )
        setting = Setting(str(provider.endpoint.port), Origin.BUILT_IN, "the documented port")
    elif _is_name(setting.value) and setting.value in config.endpoints:
        setting = config.endpoints[setting.value]
    return _endpoint(provider, setting, config, allow_remote=allow_remote)


def _is_name(value: str) -> bool:
    return bool(_NAME.fullmatch(value)) and not _PORT.fullmatch(value)


def _endpoint(provider: Provider, setting: Setting, config: Config, *, allow_remote: bool) -> Endpoint:
    text = setting.value
    if _PORT.fullmatch(text):
        url = _local_url(provider, text, setting.where)
    elif _HAS_SCHEME.match(text):
        url = text
    elif _HOST_AND_PORT.fullmatch(text):
        url = f"http://{text}"
    elif _is_name(text):
        known = list(config.endpoints)
        hint = did_you_mean(text, known) or (f"configured: {', '.join(known)}" if known else None)
        hint = hint or 'a URL, a port, or a name under [endpoints] in hookctl.toml: name = "URL"'
        raise InputError(f"unknown endpoint {text!r} ({setting.where})", hint=hint)
    else:
        raise InputError(f"{text!r} is not a URL ({setting.where})", hint="for instance http://localhost:3000/webhooks")
    parts = _checked(url, setting.where)
    host = parts.hostname or ""
    project = setting.origin is Origin.PROJECT
    if project and not allow_remote and not is_loopback_name(host):
        raise InputError(
            f"{setting.where} points beyond this machine, to {host}",
            hint="a file of the project says so, not you: confirm with --allow-remote, or use --to",
        )
    return Endpoint(_normal(parts), host, setting.origin, loopback_only=project and not allow_remote)


def _local_url(provider: Provider, port: str, where: str) -> str:
    if not 0 < int(port) < 65536:
        raise InputError(f"{port} is not a port ({where}): 1 to 65535")
    path = provider.endpoint.path
    if path is None:
        raise InputError(
            f"port {port} alone is not enough for {provider.title}: its page documents no path",
            hint=f"give the whole URL, for instance --to http://localhost:{port}/webhooks/{provider.name}",
        )
    return f"http://localhost:{port}{path}"


def _checked(url: str, where: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
        host = parts.hostname
        if host and ":" not in host and not host.isascii():
            host.encode("idna")
    except (ValueError, UnicodeError):
        raise InputError(f"{url!r} is not a URL ({where})") from None
    if any(character.isspace() or ord(character) < 0x20 for character in url):
        raise InputError(f"{url!r} has white space in it ({where})", hint="write a space in a URL as %20")
    if parts.scheme.lower() not in {"http", "https"}:
        raise InputError(f"{url!r}: {parts.scheme} is not supported ({where})", hint="http and https are")
    if not host:
        raise InputError(f"{url!r} names no host ({where})")
    if parts.port == 0:
        raise InputError(f"{url!r}: port 0 is not a port to send to ({where})")
    if parts.username is not None or parts.password is not None:
        # the message must not repeat them
        hint = "send them with -H 'Authorization: ...'"
        raise InputError(f"the URL for {host} has credentials in it ({where})", hint=hint)
    return parts


def _normal(parts: SplitResult) -> str:
    """Return the URL as it is shown and sent: no fragment, non-ASCII escaped, never an empty path."""
    netloc = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode("ascii")
    path = quote(parts.path or "/", safe=_URL_SAFE)
    query = f"?{quote(parts.query, safe=_URL_SAFE)}" if parts.query else ""
    return f"{parts.scheme.lower()}://{netloc}{path}{query}"


def is_loopback_name(host: str) -> bool:
    """Return whether a host is this machine by its name alone: localhost, *.localhost or a loopback address."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False
