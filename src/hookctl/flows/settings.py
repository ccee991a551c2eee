"""`hookctl config show`: every value in force, and what says so. A secret is present or absent, never shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookctl.catalogue.administration import load_administration
from hookctl.config import Origin, Setting, load_config
from hookctl.credentials import find_variable
from hookctl.delivery.endpoint import resolve_endpoint, without_credentials
from hookctl.flows.providers import open_catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.config import Config
    from hookctl.model import Provider
    from hookctl.runtime import Runtime


@dataclass(frozen=True, slots=True)
class InForce:
    """One value that is in force."""

    name: str
    """As the configuration calls it; the variable's name for a secret."""
    value: str | None
    """None where there is none, and for every secret."""
    origin: Origin | None
    """None where nothing says anything."""
    where: str | None
    """The file and key, variable or option that says so."""
    is_secret: bool = False

    @property
    def present(self) -> bool:
        """Whether there is a value."""
        return self.origin is not None


def settings_in_force(runtime: Runtime, provider: str | None) -> Iterator[InForce]:
    """Yield every value in force: what is said, and for each provider what holds where nothing is said.

    Args:
        runtime: environment and folder.
        provider: `--provider`.

    Raises:
        ConfigError: a file cannot be used.
        UnknownNameError: there is no such provider.
        SecretError: a `.env` file cannot be read.
    """
    config = load_config(runtime)
    named = config.provider if provider is None else Setting(provider, Origin.FLAG, "--provider")
    yield _in_force("provider", named)
    yield _in_force("to", config.to)
    catalogue = open_catalogue(config, named.value if named else None)
    names = {one.name for one in catalogue.providers}
    for one in catalogue.providers:
        yield _endpoint(one, config)
    for name, setting in sorted(config.endpoints.items()):
        if name not in names:
            yield _in_force(f"endpoints.{name}", setting)
    for name, folder in sorted(config.folders.items()):
        yield _in_force(f"providers.{name}", folder)
    for one in catalogue.providers:
        yield from _api(one, config, runtime)
    for one in catalogue.providers:
        yield _secret(one.secret.env, config, runtime)
        yield _secret(one.secret.previous_env, config, runtime)


def _in_force(name: str, setting: Setting | None) -> InForce:
    if setting is None:
        return InForce(name, None, None, None)
    # a URL with a name and a password in it is refused wherever it is used, and is not shown either
    return InForce(name, without_credentials(setting.value), setting.origin, setting.where)


def _endpoint(provider: Provider, config: Config) -> InForce:
    name = f"endpoints.{provider.name}"
    setting = config.endpoints.get(provider.name)
    if setting is not None:
        return _in_force(name, setting)
    if provider.endpoint.path is None:
        return _in_force(name, None)
    url = resolve_endpoint(provider, None, config, allow_remote=False).url
    return InForce(name, url, Origin.BUILT_IN, f"{provider.folder / 'provider.toml'}: endpoint")


def _api(provider: Provider, config: Config, runtime: Runtime) -> Iterator[InForce]:
    api = load_administration(provider).api
    if api is None:
        return
    said = config.apis.get(provider.name, {})
    file = provider.folder / "provider.toml"
    url = runtime.env.get(api.base_url_env)
    account = find_variable(runtime, config.project_folder, api.account_env)
    built_in = {
        "url": Setting(api.base_url, Origin.BUILT_IN, f"{file}: api.base_url"),
        "dialect": Setting(api.dialect, Origin.BUILT_IN, f"{file}: api.dialect"),
    }
    variables = {}
    if url:
        variables["url"] = Setting(url, Origin.ENVIRONMENT, f"${api.base_url_env}")
    if account is not None and account.value:
        text = account.value.decode("utf-8", "replace")
        variables["business"] = Setting(text, _origin(account.origin), account.origin)
    in_force = {**built_in, **said, **variables}
    for key in ("url", "business", "dialect"):
        yield _in_force(f"api.{provider.name}.{key}", in_force.pop(key, None))
    for key, setting in in_force.items():
        yield _in_force(f"api.{provider.name}.{key}", setting)
    yield _secret(api.token_env, config, runtime)


def _secret(name: str, config: Config, runtime: Runtime) -> InForce:
    found = find_variable(runtime, config.project_folder, name)
    if found is None:
        return InForce(name, None, None, None, is_secret=True)
    return InForce(name, None, _origin(found.origin), found.origin, is_secret=True)


def _origin(where: str) -> Origin:
    return Origin.ENVIRONMENT if where.startswith("$") else Origin.DOTENV
