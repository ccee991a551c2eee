"""Which API is spoken to, as whom, about which account: options, the vendor's own variables, configuration."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hookctl.catalogue import is_built_in
from hookctl.catalogue.administration import with_path
from hookctl.config import Origin, Setting
from hookctl.credentials import dotenv_places, find_variable
from hookctl.delivery.endpoint import is_loopback_name, resolve_api
from hookctl.errors import InputError, SecretError, UnknownNameError
from hookctl.vendors.journal import Target

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hookctl.config import Config
    from hookctl.model import Provider, Secret
    from hookctl.model.api import ApiSpec, DialectSpec
    from hookctl.runtime import Runtime

_SENDABLE = re.compile(rb"[\x21-\x7e]+")
_ID = re.compile(r"(?!\.{1,2}$)[^\x00-\x20\x7f/\\\ud800-\udfff]{1,200}")
_PATHS = "paths."


@dataclass(frozen=True, slots=True)
class AccessOptions:
    """What the user said on the command line."""

    api_url: str | None = None
    business: str | None = None
    dialect: str | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """Everything that a request to a vendor's API needs."""

    provider: Provider
    api: ApiSpec
    dialect: DialectSpec
    base_url: str
    """Without a slash at its end."""
    loopback_only: bool
    """Set where the base URL is not the user's own word: connecting beyond this machine is refused."""
    account: str
    token: Secret

    @property
    def named(self) -> str:
        """What to call the API in a message."""
        return f"{self.provider.title}'s API"

    @property
    def target(self) -> Target:
        """What is claimed before a change."""
        return Target(self.provider.name, self.base_url, self.account)

    def about(self, account: str, dialect: str) -> Access | None:
        """Return the same about another account and in another dialect, or None where there is no such dialect."""
        found = next((one for one in self.api.dialects if one.name == dialect), None)
        if dialect == self.dialect.name:
            # with the paths that the user has configured
            found = self.dialect
        return None if found is None else replace(self, account=account, dialect=found)

    @property
    def is_in_the_clear(self) -> bool:
        """Whether others on the way can read the token."""
        parts = urlsplit(self.base_url)
        return parts.scheme == "http" and not is_loopback_name(parts.hostname or "")


def open_access(
    provider: Provider,
    api: ApiSpec,
    options: AccessOptions,
    config: Config,
    runtime: Runtime,
    *,
    account: str | None = None,
) -> Access:
    """Find base URL, dialect, account and token.

    Args:
        provider: the vendor.
        api: its API.
        options: what the user said.
        config: what the files say.
        runtime: the environment, and where `.env` files are.
        account: the account, where it is known already.

    Raises:
        InputError: the base URL cannot be used, or is not the user's own word; no account.
        UnknownNameError: there is no such dialect.
        SecretError: no token, or one that no header can hold. Never holds its value.
    """
    settings = config.apis.get(provider.name, {})
    endpoint = resolve_api(_base_url(provider, api, options.api_url, settings, runtime.env))
    dialect = _dialect(api, options.dialect, settings)
    return Access(
        provider=provider,
        api=api,
        dialect=dialect,
        base_url=endpoint.url,
        loopback_only=endpoint.loopback_only,
        account=account or _account(provider, api, options.business, settings, runtime, config.project_folder),
        token=_token(provider, api, runtime, config.project_folder),
    )


def _base_url(
    provider: Provider, api: ApiSpec, given: str | None, settings: Mapping[str, Setting], env: Mapping[str, str]
) -> Setting:
    if given is not None:
        return Setting(given, Origin.FLAG, "--api-url")
    if env.get(api.base_url_env):
        return Setting(env[api.base_url_env], Origin.ENVIRONMENT, f"${api.base_url_env}")
    if "url" in settings:
        return settings["url"]
    # a folder from somewhere may name any address, and any variable as the one that holds the token
    origin = Origin.BUILT_IN if is_built_in(provider) else Origin.PROJECT
    return Setting(api.base_url, origin, f"{provider.folder / 'provider.toml'}: api.base_url")


def _dialect(api: ApiSpec, given: str | None, settings: Mapping[str, Setting]) -> DialectSpec:
    setting = settings.get("dialect")
    name, where = (given, "") if given is not None or setting is None else (setting.value, f" ({setting.where})")
    name = name or api.dialect
    dialects = {dialect.name: dialect for dialect in api.dialects}
    if name not in dialects:
        raise UnknownNameError("dialect", name, list(dialects), where=where)
    dialect = dialects[name]
    for key, path in settings.items():
        if key.startswith(_PATHS):
            dialect = with_path(dialect, key.removeprefix(_PATHS), path.value, path.where)
    return dialect


def _account(
    provider: Provider,
    api: ApiSpec,
    given: str | None,
    settings: Mapping[str, Setting],
    runtime: Runtime,
    folder: Path | None,
) -> str:
    variable = find_variable(runtime, folder, api.account_env)
    if given is not None:
        account, where = given, "--business"
    elif variable is not None and variable.value:
        account, where = variable.value.decode("utf-8", "replace"), variable.origin
    elif "business" in settings:
        account, where = settings["business"].value, settings["business"].where
    else:
        raise InputError(
            f"no {api.account} id for {provider.title}: {api.account_env} is not set",
            hint=f"set {api.account_env}, give --business ID, or set business under "
            f"[api.{provider.name}] in hookctl.toml",
        )
    # it becomes a part of a path
    if not _ID.fullmatch(account):
        raise InputError(f"{account[:60]!r} is not a {api.account} id ({where})", hint="for instance biz_abc123")
    return account


def _token(provider: Provider, api: ApiSpec, runtime: Runtime, folder: Path | None) -> Secret:
    token = find_variable(runtime, folder, api.token_env)
    if token is None or not token.value:
        raise SecretError(
            f"no access token for {provider.title}: {api.token_env} is not set",
            hint=f"set {api.token_env} ({api.token_where}); "
            f"looked in the environment, {dotenv_places(runtime, folder)}",
        )
    runtime.redactor.register(token.value)
    if not _SENDABLE.fullmatch(token.value):
        raise SecretError(
            f"{token.origin} has white space or another character in it that no token has",
            hint="was it pasted with its quotes or a line end?",
        )
    return token
