"""What `hookctl tunnel` was asked for, checked whole: nothing is opened before it could be."""

from __future__ import annotations

import re
import socket
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hookctl.config import Origin, Setting, load_config
from hookctl.delivery import ClientOptions
from hookctl.delivery.endpoint import resolve_base
from hookctl.errors import InputError, UsageError
from hookctl.flows.examine import Examiner, open_examiner
from hookctl.flows.forward import FORWARD_TIMEOUT_S, ForwardOptions
from hookctl.flows.listen import ListenOptions, wanted_events
from hookctl.flows.schedule import parse_schedule
from hookctl.flows.tunnel import TunnelOptions, WebhookPath
from hookctl.flows.tunnel_webhook import VendorWebhook
from hookctl.flows.webhook import WebhookOptions, open_administration, read_secret
from hookctl.receiver import Limits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hookctl.config import Config
    from hookctl.model import Provider
    from hookctl.runtime import Runtime
    from hookctl.tunnel import Say, Tunnel

DEFAULT_TARGET = "3000"
"""The port of the vendors' examples."""

PUBLIC_URL_PORT = 4400
"""Where hookctl listens for a tunnel of the user's own, which has to know it beforehand: as `hookctl listen` does."""

_LOOK_S = 0.5
_DOMAIN = re.compile(r"(https://)?([a-z0-9-]+(\.[a-z0-9-]+)+)/?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TunnelWishes:
    """What the user asked for. Durations in seconds."""

    target: str = DEFAULT_TARGET
    path: str | None = None
    """None is the documented path of the provider."""
    public_url: str | None = None
    """None is a tunnel of ngrok's."""
    domain: str | None = None
    ngrok_path: str | None = None
    port: int | None = None
    """Where hookctl itself listens."""
    provider: str | None = None
    secret_files: tuple[str, ...] = ()
    tolerance_s: float | None = None
    events: tuple[str, ...] = ()
    retry: str | None = None
    require_valid: bool = False
    until: int | None = None
    store: bool = True
    max_body_bytes: int | None = None
    allow_remote: bool = False
    cacert: Path | None = None
    insecure: bool = False
    update_webhook: bool = False
    test: str | None = None
    api: WebhookOptions = field(default_factory=WebhookOptions)
    """How to ask the vendor's API."""
    secret_env: str | None = None
    """The variable that holds the signing secret, for an API that shows it masked."""


@dataclass(frozen=True, slots=True)
class TunnelPlan:
    """What `hookctl.flows.tunnel.run_tunnel` needs."""

    examiner: Examiner
    options: TunnelOptions
    make_tunnel: Callable[[Say], Tunnel]


def plan_tunnel(runtime: Runtime, wishes: TunnelWishes) -> TunnelPlan:
    """Check what can be checked before anything is opened.

    Raises:
        InputError: the target, the path, a URL, a domain, a provider, an event or a secret file cannot be used; the
            provider has no API; there is no access token, or no secret to tell a valid test delivery by.
        UsageError: what was asked for contradicts itself, or does not say which provider it is about.
    """
    config = load_config(runtime)
    examiner = open_examiner(
        runtime,
        provider=wishes.provider,
        secret_files=wishes.secret_files,
        tolerance_s=wishes.tolerance_s,
        with_drift=False,
    )
    target = resolve_base(
        Setting(wishes.target, Origin.FLAG, "the app to pass deliveries on to"),
        config,
        allow_remote=wishes.allow_remote,
    )
    url = _where_it_listens(target.url)
    forward = ForwardOptions(
        url,
        target.loopback_only,
        FORWARD_TIMEOUT_S,
        ClientOptions(wishes.cacert, wishes.insecure, runtime.env),
    )
    default_port = 0 if wishes.public_url is None else PUBLIC_URL_PORT
    listen = ListenOptions(
        port=default_port if wishes.port is None else wishes.port,
        forward=forward,
        retry_s=() if wishes.retry is None else parse_schedule(wishes.retry),
        events=wanted_events(list(wishes.events), tuple(examiner.providers)),
        require_valid=wishes.require_valid,
        until=wishes.until,
        store=wishes.store,
        limits=Limits() if wishes.max_body_bytes is None else Limits(max_body_bytes=wishes.max_body_bytes),
    )
    webhook = _webhook(runtime, wishes, examiner, listen)
    chosen = _chosen(examiner, wishes, config, None if webhook is None else webhook.provider)
    public_url = None if wishes.public_url is None else _public_url(wishes.public_url, config)
    whole = public_url is not None and wishes.path is None and urlsplit(public_url).path not in {"", "/"}
    paths = _paths(examiner, chosen, "" if whole else _path(wishes.path), urlsplit(url).path)
    options = TunnelOptions(
        listen,
        url.removesuffix("/"),
        paths,
        replace(wishes.api, cacert=wishes.cacert, insecure=wishes.insecure),
        webhook,
        wishes.update_webhook,
        wishes.test,
    )
    return TunnelPlan(examiner, options, _maker(runtime, wishes, public_url))


def _where_it_listens(url: str) -> str:
    """Return the app's URL, with ::1 for a localhost where nothing listens but the app does there."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if parts.hostname == "localhost":
        for host in ("localhost", "::1"):
            with suppress(OSError), socket.create_connection((host, port), _LOOK_S):
                return url if host == "localhost" else url.replace("//localhost", "//[::1]", 1)
    return url


def _webhook(runtime: Runtime, wishes: TunnelWishes, examiner: Examiner, listen: ListenOptions) -> VendorWebhook | None:
    """Return the webhook that is to be pointed to the tunnel or tested."""
    test = wishes.test
    if test is None and not wishes.update_webhook:
        return None
    name = wishes.provider
    if name is None and test is not None:
        # an event of one provider says whose webhook it is
        name = next((one.name for one in examiner.providers if one.event(test) is not None), None)
    administered = open_administration(runtime, name)
    provider = administered.provider
    if test is not None:
        if listen.events and not any(fnmatchcase(test, pattern) for pattern in listen.events):
            raise UsageError(f"--test {test} is not one of --events: it would not be seen to arrive")
        if provider.name not in examiner.secrets:
            # whether it is valid could not be told
            raise examiner.secret_problems[provider.name]
    secret = None if wishes.secret_env is None else read_secret(runtime, administered.config, wishes.secret_env)
    options = replace(wishes.api, provider=name, cacert=wishes.cacert, insecure=wishes.insecure)
    return VendorWebhook(runtime, options, administered, secret=secret, secret_env=wishes.secret_env, event=test)


def _chosen(examiner: Examiner, wishes: TunnelWishes, config: Config, known: str | None) -> Provider | None:
    """Return the provider that the public URL is for, if that is said anywhere."""
    if wishes.provider is not None:
        return examiner.providers[0]
    name = known or (None if config.provider is None else config.provider.value)
    return next((provider for provider in examiner.providers if provider.name == name), None)


def _path(path: str | None) -> str | None:
    if path is not None and (not path.startswith("/") or re.search(r"[\s?#\x00-\x1f]", path)):
        raise InputError(f"--path {path!r} is not a path", hint="for instance --path /api/webhooks")
    return path


def _paths(examiner: Examiner, chosen: Provider | None, path: str | None, target_path: str) -> tuple[WebhookPath, ...]:
    if chosen is not None:
        documented = chosen.endpoint.path if chosen.endpoint.path is not None else target_path
        return (_webhook_path(chosen.name, chosen.title, documented if path is None else path),)
    if path is not None:
        return (_webhook_path(None, "", path),)
    return tuple(
        _webhook_path(provider.name, provider.title, provider.endpoint.path)
        for provider in examiner.providers
        if provider.endpoint.path is not None
    )


def _webhook_path(provider: str | None, title: str, path: str) -> WebhookPath:
    return WebhookPath(provider, title, "" if path == "/" else path)


def _public_url(text: str, config: Config) -> str:
    if "://" not in text:
        raise InputError(f"--public-url {text!r} is not a URL", hint="for instance https://name.trycloudflare.com")
    url = resolve_base(Setting(text, Origin.FLAG, "--public-url"), config, allow_remote=True).url
    if "?" in url:
        raise InputError(f"--public-url {url} has a query", hint="give it without; --path says what follows it")
    return url


def _maker(runtime: Runtime, wishes: TunnelWishes, public_url: str | None) -> Callable[[Say], Tunnel]:
    from hookctl.tunnel import NgrokOptions, NgrokTunnel, PublicUrl

    if public_url is not None:
        return lambda _: PublicUrl(public_url)
    domain = None
    if wishes.domain is not None:
        match = _DOMAIN.fullmatch(wishes.domain)
        if match is None:
            raise InputError(f"--domain {wishes.domain!r} is not a domain", hint="for instance name.ngrok-free.dev")
        domain = match.group(2)
    options = NgrokOptions(wishes.ngrok_path, domain)
    return lambda say: NgrokTunnel(options, runtime, say)
