"""Where to send: `--to`, the configuration, or the path on localhost that the provider's page documents."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from ipaddress import IPv6Address, ip_address
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
_HOST = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
_FOUR_NUMBERS = re.compile(r"[0-9]+(\.[0-9]+){3}")
_CREDENTIALS = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://)?.*@", re.DOTALL)
_LONGEST_URL = 16 * 1024
_IN_A_HEADER = "send them with -H 'Authorization: ...'"


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


def resolve_base(to: Setting, config: Config, *, allow_remote: bool) -> Endpoint:
    """Find the endpoint that deliveries of any provider are passed on to; a port stands for localhost without a path.

    Raises:
        InputError: it is not a usable URL, or no configured name.
    """
    setting = to
    if _is_name(setting.value) and setting.value in config.endpoints:
        setting = config.endpoints[setting.value]
    if _PORT.fullmatch(setting.value):
        if not 0 < int(setting.value) < 65536:
            raise InputError(f"{setting.value} is not a port ({setting.where}): 1 to 65535")
        setting = replace(setting, value=f"http://localhost:{setting.value}")
    return _endpoint(None, setting, config, allow_remote=allow_remote)


def normal_url(url: str, where: str) -> str:
    """Return a URL that somebody else has named, in the form in which it is sent.

    Raises:
        InputError: it is not an http or https URL with a host; names where it was given.
    """
    if not _HAS_SCHEME.match(url):
        raise InputError(f"{_shown(url)} is not a URL ({where})", hint="for instance http://localhost:3000/webhooks")
    parts = _checked(url, where, "whoever reads the settings or a log could read them too")
    try:
        return _normal(parts, _host(parts))
    except UnicodeError:
        raise InputError(f"{_shown(url)} has half of a surrogate pair in it ({where})") from None


def _is_name(value: str) -> bool:
    return bool(_NAME.fullmatch(value)) and not _PORT.fullmatch(value)


def _endpoint(provider: Provider | None, setting: Setting, config: Config, *, allow_remote: bool) -> Endpoint:
    text = setting.value
    if provider is not None and _PORT.fullmatch(text):
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
        hint = "for instance http://localhost:3000/webhooks"
        raise InputError(f"{_shown(text)} is not a URL ({setting.where})", hint=hint)
    confirm = None if allow_remote else "confirm with --allow-remote, or use --to"
    return _trusted(url, setting, confirm)


def resolve_api(setting: Setting) -> Endpoint:
    """Find the base URL of a vendor's API: a URL, a host with a port, or a port of this machine.

    Raises:
        InputError: it is not a usable URL, or a project's file names one beyond this machine, where a token would
            go to whoever wrote that file.
    """
    url = setting.value
    if _PORT.fullmatch(url):
        url = f"http://localhost:{url}"
    elif not _HAS_SCHEME.match(url) and _HOST_AND_PORT.fullmatch(url):
        url = f"http://{url}"
    endpoint = _trusted(url, setting, "confirm with --api-url", "the access token is what an API takes")
    if "?" in endpoint.url:
        raise InputError(f"{_shown(url)} has a query, which a base URL cannot have ({setting.where})")
    return replace(endpoint, url=endpoint.url.rstrip("/"))


def check_url(url: str, where: str) -> str:
    """Return the host of a URL that somebody else is going to send to.

    Raises:
        InputError: it is not an http or https URL with a host; names where it was given.
    """
    return _host(_checked(url, where, "whoever reads the settings or a log could read them too"))


def _trusted(url: str, setting: Setting, confirm: str | None, credentials: str = _IN_A_HEADER) -> Endpoint:
    """Check a URL; where a project's file names it, it has to be on this machine unless nothing is left to confirm.

    Args:
        url: what the setting says, as a URL.
        setting: where it comes from.
        confirm: how the user confirms it; None where that is done.
        credentials: what to do instead of writing a name and a password into it.
    """
    parts = _checked(url, setting.where, credentials)
    host = _host(parts)
    loopback_only = setting.origin is Origin.PROJECT and confirm is not None
    if loopback_only and not is_loopback_name(host):
        raise InputError(
            f"{setting.where} points beyond this machine, to {host}",
            hint=f"a file of the project says so, not you: {confirm}",
        )
    return Endpoint(_normal(parts, host), host, setting.origin, loopback_only)


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


def _checked(url: str, where: str, credentials: str) -> SplitResult:
    shown = _shown(url)
    try:
        parts = urlsplit(url)
        _ = parts.port
        host = _host(parts)
    except (ValueError, UnicodeError):
        raise InputError(f"{shown} is not a URL ({where})") from None
    if any(character.isspace() or ord(character) < 0x20 for character in url):
        raise InputError(f"{shown} has white space in it ({where})", hint="write a space in a URL as %20")
    if len(url) > _LONGEST_URL:
        raise InputError(f"the URL {shown} is longer than {_LONGEST_URL} characters ({where})")
    if parts.scheme.lower() not in {"http", "https"}:
        raise InputError(f"{shown}: {parts.scheme} is not supported ({where})", hint="http and https are")
    if not host:
        raise InputError(f"{shown} names no host ({where})")
    if not _is_host(host, bracketed="[" in parts.netloc):
        raise InputError(f"{shown}: {host!r} is not a host ({where})")
    if parts.port == 0:
        raise InputError(f"{shown}: port 0 is not a port to send to ({where})")
    if parts.username is not None or parts.password is not None:
        raise InputError(f"the URL for {host} has credentials in it ({where})", hint=credentials)
    return parts


def without_credentials(text: str) -> str:
    """Return what was given as a URL without a user's name and password, to be shown."""
    # up to the last @: a password may have a slash in it, and then no URL can be read from the text
    return _CREDENTIALS.sub(r"\1***@", text)


def _shown(text: str) -> str:
    """Return what was given as a URL for a message."""
    shown = without_credentials(text)
    return repr(shown if len(shown) <= 200 else f"{shown[:197]}...")


def _host(parts: SplitResult) -> str:
    """Return the host as it is looked up: lower case, an international name in its ASCII form.

    Raises:
        UnicodeError: the name has no ASCII form.
    """
    host = parts.hostname or ""
    return host if host.isascii() else host.encode("idna").decode("ascii").lower()


def _is_host(host: str, *, bracketed: bool) -> bool:
    if bracketed or _FOUR_NUMBERS.fullmatch(host):
        try:
            return ip_address(host).version == (6 if bracketed else 4)
        except ValueError:
            return False
    return bool(_HOST.fullmatch(host))


def _normal(parts: SplitResult, host: str) -> str:
    """Return the URL as it is shown and sent: no fragment, non-ASCII escaped, never an empty path."""
    netloc = f"[{host}]" if ":" in host else host
    if parts.port is not None:
        netloc += f":{parts.port}"
    # bytes of the command line that are not UTF-8 are escaped as they are
    path = quote(parts.path or "/", safe=_URL_SAFE, errors="surrogateescape")
    query = f"?{quote(parts.query, safe=_URL_SAFE, errors='surrogateescape')}" if parts.query else ""
    return f"{parts.scheme.lower()}://{netloc}{path}{query}"


def is_loopback_name(host: str) -> bool:
    """Return whether a host is this machine by its name alone: localhost, *.localhost or a loopback address."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ip = ip_address(host)
    except ValueError:
        return False
    # the form in which IPv6 sockets write an IPv4 address; not every Python calls it loopback
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    return (mapped or ip).is_loopback


def own_path(target: str) -> str:
    """Return the path and the query of a request target, which may be a whole URL."""
    if target.startswith("/"):
        return target
    try:
        parts = urlsplit(target)
    except ValueError:
        return "/"
    path = parts.path if parts.path.startswith("/") else "/"
    return f"{path}?{parts.query}" if parts.query else path
