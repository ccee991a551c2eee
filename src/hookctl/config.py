"""Options and where each came from: flag, environment, project file, user file or built in.

Files: the nearest `hookctl.toml` upwards from the current folder, over `$XDG_CONFIG_HOME/hookctl/config.toml`.
A project's file comes with a repository that may not be one's own: it can name a provider, endpoints, an account
and an API on this machine, and nothing about transport, trust or programs to run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from hookctl.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hookctl.runtime import Runtime

PROJECT_FILE = "hookctl.toml"

VARIABLES = ("HOOKCTL_PROVIDER", "HOOKCTL_TO")
"""What the environment can say; other variables that hookctl reads are the vendors' own."""

_KEYS = ("provider", "endpoints", "providers", "api")
_API_KEYS = ("url", "business", "dialect", "paths")


class Origin(StrEnum):
    """Where a value came from."""

    FLAG = "the command line"
    ENVIRONMENT = "the environment"
    PROJECT = "the project's hookctl.toml"
    USER = "the user's config.toml"
    BUILT_IN = "the provider's page"
    DOTENV = "a .env file"


@dataclass(frozen=True, slots=True)
class Setting:
    """A text value and its origin."""

    value: str
    origin: Origin
    where: str
    """The file, variable or option that holds it, for messages."""


@dataclass(frozen=True, slots=True)
class Config:
    """What the files and the environment say."""

    provider: Setting | None
    endpoints: Mapping[str, Setting]
    """Endpoint URLs by name; a provider's own name is its default endpoint."""
    to: Setting | None
    """HOOKCTL_TO: where to send unless --to says otherwise."""
    project_folder: Path | None
    """The folder of the project file, if there is one."""
    providers: Mapping[str, Path] = field(default_factory=dict)
    """Folders of providers beside the built-in ones, by name."""
    apis: Mapping[str, Mapping[str, Setting]] = field(default_factory=dict)
    """What is said of each provider's API: `url`, `business`, `dialect`, and `paths.CALL` for each call."""
    folders: Mapping[str, Setting] = field(default_factory=dict)
    """What is said of `providers`, with what says it."""


@dataclass(frozen=True, slots=True)
class _File:
    provider: Setting | None
    endpoints: dict[str, Setting]
    providers: dict[str, Setting]
    apis: dict[str, dict[str, Setting]]


def load_config(runtime: Runtime) -> Config:
    """Read both files and the environment.

    Raises:
        ConfigError: a file is unreadable, malformed or has an unknown key; the message names file and key.
    """
    project = find_project_file(runtime.cwd)
    files = []
    if project is not None:
        files.append(_read(project, Origin.PROJECT))
    user = find_user_file(runtime.env)
    if user is not None:
        files.append(_read(user, Origin.USER))
    endpoints: dict[str, Setting] = {}
    folders: dict[str, Setting] = {}
    apis: dict[str, dict[str, Setting]] = {}
    for file in reversed(files):
        endpoints.update(file.endpoints)
        folders.update(file.providers)
        for name, settings in file.apis.items():
            apis.setdefault(name, {}).update(settings)
    provider = _variable(runtime.env, "HOOKCTL_PROVIDER")
    return Config(
        provider=next(filter(None, (provider, *(file.provider for file in files))), None),
        endpoints=endpoints,
        providers={name: Path(folder.value) for name, folder in folders.items()},
        to=_variable(runtime.env, "HOOKCTL_TO"),
        project_folder=project.parent if project else None,
        apis=apis,
        folders=folders,
    )


def _variable(env: Mapping[str, str], name: str) -> Setting | None:
    value = env.get(name)
    return Setting(value, Origin.ENVIRONMENT, name) if value else None


def find_project_file(folder: Path) -> Path | None:
    """Return the nearest `hookctl.toml` upwards from a folder, or None."""
    for candidate in (folder, *folder.parents):
        file = candidate / PROJECT_FILE
        if file.is_file():
            return file
    return None


def find_user_file(env: Mapping[str, str]) -> Path | None:
    """Return the user's own file, or None where there is none or no variable says where it would be."""
    base = env.get("XDG_CONFIG_HOME")
    if not base:
        home = env.get("HOME")
        if not home:
            return None
        base = f"{home}/.config"
    file = Path(base) / "hookctl" / "config.toml"
    return file if file.is_file() else None


def _read(file: Path, origin: Origin) -> _File:
    import tomllib

    try:
        with file.open("rb") as stream:
            data = tomllib.load(stream)
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        # beside TOMLDecodeError: not UTF-8, a number of more than 4300 digits, arrays nested without end
        raise ConfigError(f"{file}: not valid TOML: {error}") from None
    for key in data:
        if key not in _KEYS:
            hint = did_you_mean(key, list(_KEYS)) or f"known: {', '.join(_KEYS)}"
            raise ConfigError(f"{file}: {key} is not a known key", hint=hint)
    provider = data.get("provider")
    if provider is not None and (not isinstance(provider, str) or not provider):
        raise ConfigError(f"{file}: provider must be a provider's name")
    table = data.get("endpoints", {})
    if not isinstance(table, dict):
        raise ConfigError(f"{file}: endpoints must be a table of names and URLs")
    endpoints: dict[str, Setting] = {}
    for name, value in table.items():
        # a number is a port, as it is for --to
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            raise ConfigError(f"{file}: endpoints.{name} must be a URL or a port")
        endpoints[name] = Setting(str(value), origin, f"{file}: endpoints.{name}")
    default = Setting(provider, origin, str(file)) if provider else None
    return _File(default, endpoints, _folders(file, data, origin), _apis(file, data, origin))


def _folders(file: Path, data: dict[str, object], origin: Origin) -> dict[str, Setting]:
    table = data.get("providers", {})
    if not isinstance(table, dict):
        raise ConfigError(f"{file}: providers must be a table of names and folders")
    folders: dict[str, Setting] = {}
    for name, value in table.items():
        if not isinstance(value, str) or not value:
            raise ConfigError(f"{file}: providers.{name} must be the path of a provider's folder")
        # relative to the file that says so, wherever hookctl is run
        folders[name] = Setting(str(file.parent / value), origin, f"{file}: providers.{name}")
    return folders


def _apis(file: Path, data: dict[str, object], origin: Origin) -> dict[str, dict[str, Setting]]:
    apis: dict[str, dict[str, Setting]] = {}
    for name, table in _tables(file, "api", data.get("api", {})):
        where = f"api.{name}"
        if not isinstance(table, dict):
            raise ConfigError(f"{file}: {where} must be a table")
        for key in table:
            if key not in _API_KEYS:
                hint = did_you_mean(key, list(_API_KEYS)) or f"known: {', '.join(_API_KEYS)}"
                raise ConfigError(f"{file}: {where}.{key} is not a known key", hint=hint)
        settings = dict(table)
        paths = settings.pop("paths", {})
        if paths and origin is Origin.PROJECT:
            # with the user's token, a path is a request that somebody else has chosen
            raise ConfigError(f"{file}: {where}.paths is not for a project to say", hint="your own config.toml may")
        for key, path in _tables(file, f"{where}.paths", paths):
            settings[f"paths.{key}"] = path
        for key, value in settings.items():
            if not isinstance(value, str) or not value:
                raise ConfigError(f"{file}: {where}.{key} must be a text")
        apis[name] = {key: Setting(value, origin, f"{file}: {where}.{key}") for key, value in settings.items()}
    return apis


def _tables(file: Path, where: str, table: object) -> Iterable[tuple[str, object]]:
    if not isinstance(table, dict):
        raise ConfigError(f"{file}: {where} must be a table")
    return table.items()
