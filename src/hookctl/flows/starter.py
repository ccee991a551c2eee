"""`hookctl init`: the first hookctl.toml of a project, written once and never over another."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from hookctl.catalogue import is_built_in, is_folder
from hookctl.catalogue.administration import load_administration
from hookctl.config import PROJECT_FILE, Config, find_project_file
from hookctl.credentials import DOTENV_FILES
from hookctl.errors import InputError
from hookctl.flows.frameworks import find_framework, find_route
from hookctl.flows.providers import open_catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hookctl.flows.frameworks import Found
    from hookctl.model import Provider
    from hookctl.runtime import Runtime

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_SECRETS = DOTENV_FILES[0]
_MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a provider's deliveries go, as the file says it."""

    provider: Provider
    url: str
    is_there: bool
    """Whether a route of that path was found; otherwise it is the usual one."""


@dataclass(frozen=True, slots=True)
class Starter:
    """The file that is to be written."""

    path: Path
    text: str
    found: Found
    endpoints: tuple[Endpoint, ...]
    notes: tuple[str, ...]
    """What is worth knowing about it."""

    @property
    def next_commands(self) -> tuple[tuple[str, str], ...]:
        """What to do next: commands, each with what it does."""
        events = self.endpoints[0].provider.events
        event = next((event for event in events if event.documented), events[0])
        return (
            ("hookctl doctor", "says what is still missing"),
            (f"hookctl send {event.name}", "signs an event and delivers it to your app"),
            ("hookctl config show", "shows what is in force, and what says so"),
        )


def plan_starter(runtime: Runtime, provider: str | None) -> Starter:
    """Look at the current folder and say what its hookctl.toml would be.

    Args:
        runtime: the folder.
        provider: a provider's name, or the path of its folder; None for every built-in one.

    Raises:
        UnknownNameError: there is no such provider.
        InputError: its folder has a name that no TOML can hold.
    """
    folder = runtime.cwd
    if provider is not None and not provider.isprintable():
        raise InputError(f"{provider!r} cannot be written into a {PROJECT_FILE}", hint="give the folder another name")
    # what a file further up says has no part in this one
    catalogue = open_catalogue(Config(None, {}, None, None), provider)
    found = find_framework(folder)
    # the first is the one that examples are of: one that has a route here, else one whose page names a path
    endpoints = tuple(
        sorted(
            (_endpoint(folder, found, one) for one in catalogue.providers),
            key=lambda endpoint: (not endpoint.is_there, endpoint.provider.endpoint.path is None),
        )
    )
    chosen = endpoints[0].provider if provider is not None else None
    text = "\n".join(_lines(found, endpoints, chosen, provider)) + "\n"
    return Starter(folder / PROJECT_FILE, text, found, endpoints, tuple(_notes(folder, found)))


def write_starter(starter: Starter) -> None:
    """Write the file, whole or not at all.

    Raises:
        InputError: there is one already, or it cannot be written.
    """
    path = starter.path
    try:
        descriptor = os.open(path, _FLAGS, 0o666)
    except FileExistsError:
        raise InputError(
            f"{path} is there already and is left as it is",
            hint="`hookctl init --dry-run` prints what would have been written",
        ) from None
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(starter.text.encode())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise InputError(f"cannot write {path}: {error.strerror}") from None


def _endpoint(folder: Path, found: Found, provider: Provider) -> Endpoint:
    route = find_route(folder, found.framework, provider)
    path = route or found.framework.path(provider)
    return Endpoint(provider, f"http://localhost:{found.framework.port}{path}", route is not None)


def _lines(found: Found, endpoints: tuple[Endpoint, ...], chosen: Provider | None, given: str | None) -> Iterator[str]:
    made = f", made for {found.framework.title} ({_commented(found.said_by)})" if found.said_by else ""
    yield f"# hookctl's settings for this project{made}. Every key may be left out."
    yield "# Options and HOOKCTL_* variables win over this file; it wins over ~/.config/hookctl/config.toml."
    yield "#"
    yield "# No secret belongs here: it comes from the environment, else from .env.local or .env beside this file."
    for endpoint in endpoints:
        secret = endpoint.provider.secret
        yield f"#   {secret.env}: {endpoint.provider.title}'s signing secret ({_commented(secret.where)})"
    yield ""
    yield "# The vendor that is meant where none is named."
    name = (chosen or endpoints[0].provider).name
    yield f'{"" if chosen else "# "}provider = "{name}"'
    yield ""
    yield "[endpoints]"
    yield "# Where deliveries go without --to. Under a vendor's name: that vendor's; any other name: for --to NAME."
    for endpoint in endpoints:
        why = "the route in this folder" if endpoint.is_there else "the usual path: change it to that of your route"
        yield f"# {why}"
        yield f"{endpoint.provider.name} = {_quoted(endpoint.url)}"
    yield '# staging = "https://staging.example.com/hooks"   # beyond this machine: needs --allow-remote'
    yield from _about_apis(endpoints)
    if given is not None and is_folder(given) and not is_built_in(endpoints[0].provider):
        yield ""
        yield "[providers]"
        yield "# Vendors beside the built-in ones: the folders that describe them."
        yield f"{name} = {_quoted(given)}"


def _about_apis(endpoints: tuple[Endpoint, ...]) -> Iterator[str]:
    for provider in (endpoint.provider for endpoint in endpoints):
        api = load_administration(provider).api
        if api is None:
            continue
        others = ", ".join(one.name for one in api.dialects if one.name != api.dialect)
        yield ""
        yield f"# For `hookctl webhook` and `hookctl tunnel --update-webhook`; the access token is {api.token_env}."
        yield f"# [api.{provider.name}]"
        yield f'# business = "ID"   # or {api.account_env}'
        yield f'# dialect = "{api.dialect}"' + (f"   # or another form of the API: {others}" if others else "")


def _quoted(text: str) -> str:
    r"""Return a text as TOML writes it; what cannot be seen as \uXXXX, as TOML wants it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in escaped) + '"'


def _commented(text: str) -> str:
    """Return a text from outside as it may stand in a comment: on its line."""
    return "".join(one if one.isprintable() else "?" for one in text)


def _notes(folder: Path, found: Found) -> Iterator[str]:
    yield from found.notes
    if found.others:
        yield f"also named here: {', '.join(found.others)}; the port is that of {found.framework.title}"
    above = find_project_file(folder.parent)
    if above is not None:
        yield f"in this folder it takes the place of {above}"
    if not _is_ignored(folder):
        yield f"no .gitignore here leaves out {_SECRETS}: see to it before you put a secret there"


def _is_ignored(folder: Path) -> bool:
    """Return whether git would leave `.env.local` out, as far as the usual patterns say; True outside a repository."""
    ignored = False
    for place in (folder, *folder.parents):
        ignored = ignored or any(_leaves_out(line) for line in _read_lines(place / ".gitignore"))
        if (place / ".git").exists():
            return ignored
    return True


def _leaves_out(line: str) -> bool:
    pattern = line.strip().removeprefix("**/").removeprefix("/")
    return bool(pattern) and fnmatchcase(_SECRETS, pattern)


def _read_lines(file: Path) -> list[str]:
    try:
        if not file.is_file():
            return []
        with file.open("rb") as stream:
            return stream.read(_MOST_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return []
