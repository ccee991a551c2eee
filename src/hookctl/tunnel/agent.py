"""The ngrok agent on this machine: which program it is, how old, and the settings that its user has made for it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hookctl.errors import InputError
from hookctl.tunnel.interface import TunnelError
from hookctl.tunnel.problems import AGENT_HINT, NO_TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VERSION_S = 5.0
"""How long the agent may take to say its version."""

_LOOK_S = 0.1
_LONGEST_SCRIPT = 4096
# what would make the agent's log or its API unreadable for us, and is not needed by anybody meanwhile
_LEFT_OUT = frozenset({"log", "log_level", "log_format"})


@dataclass(frozen=True, slots=True)
class Settings:
    """What the agent is to know."""

    content: Mapping[str, Any] | None = field(repr=False)
    """The user's own settings as far as they concern the connection; None without a file."""
    token: str | None = field(repr=False)
    """The authtoken in the file; the one in the environment goes first."""


def ngrok_folder(env: Mapping[str, str]) -> Path:
    """Return where ngrok keeps its settings and where pyngrok puts the agent."""
    home = Path(env.get("HOME", "/"))
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "ngrok"
    return Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "ngrok"


def find_agent(given: str | None, env: Mapping[str, str], cwd: Path) -> Path | None:
    """Return the agent's path: the one given, one that pyngrok's variable names, one on the PATH, pyngrok's own.

    Returns:
        None when there is none.

    Raises:
        InputError: the one that was given is no program.
    """
    for name, where in ((given, "--ngrok-path"), (env.get("PYNGROK_NGROK_PATH"), "PYNGROK_NGROK_PATH")):
        if name:
            return _given(cwd / Path(name).expanduser(), where)
    for folder in env.get("PATH", "").split(os.pathsep):
        candidate = Path(folder or ".", "ngrok").absolute()
        if _is_program(candidate) and not _is_pyngrok(candidate):
            return candidate
    own = ngrok_folder(env) / "ngrok"
    return own if _is_program(own) else None


def _given(path: Path, where: str) -> Path:
    if path.is_dir():
        raise InputError(f"{where}: {path} is a folder", hint="give the path of the ngrok program in it")
    if not path.exists():
        raise InputError(f"{where}: {path} does not exist", hint=AGENT_HINT)
    if not os.access(path, os.X_OK):
        raise InputError(f"{where}: {path} is not executable", hint=f"chmod +x {path}")
    return path


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _is_pyngrok(path: Path) -> bool:
    """Whether it is the script that pyngrok installs as `ngrok`: it starts the agent, and is none."""
    with suppress(OSError), path.open("rb") as stream:
        start = stream.read(_LONGEST_SCRIPT)
        return start.startswith(b"#!") and b"pyngrok" in start
    return False


def agent_version(path: Path, given_up: Callable[[], bool]) -> tuple[int, int]:
    """Ask the agent for its version.

    Args:
        path: the agent.
        given_up: says whether nobody wants to know any more.

    Returns:
        Major and minor number.

    Raises:
        TunnelError: it does not say, or is older than version 3.
    """
    said = _ask(path, given_up)
    match = re.search(r"\bversion (\d+)\.(\d+)", said)
    if match is None:
        first = (said.strip().splitlines() or ["nothing"])[0][:200]
        raise TunnelError(f"{path} is not the ngrok agent: asked for its version, it said {first!r}", hint=AGENT_HINT)
    version = (int(match.group(1)), int(match.group(2)))
    if version < (3, 0):
        raise TunnelError(
            f"the ngrok agent {path} is version {version[0]}.{version[1]}: hookctl needs 3.0 or later",
            hint="`ngrok update`, or " + AGENT_HINT,
        )
    return version


def _ask(path: Path, given_up: Callable[[], bool]) -> str:
    try:
        process = subprocess.Popen(  # noqa: S603 - the user's own program
            [path, "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # a Ctrl-C at the terminal is ours to handle
            start_new_session=True,
        )
    except OSError as error:
        raise TunnelError(f"cannot run {path}: {error.strerror or error}", hint=AGENT_HINT) from None
    with process:
        try:
            for _ in range(round(VERSION_S / _LOOK_S)):
                with suppress(subprocess.TimeoutExpired):
                    return process.communicate(timeout=_LOOK_S)[0].decode("utf-8", "replace")
                if given_up():
                    break
            raise TunnelError(
                f"{path} did not say its version within {VERSION_S:.0f} s",
                hint=f"run `{path} --version` to see why, or " + AGENT_HINT,
            )
        finally:
            # with what it may have started
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)


def read_settings(env: Mapping[str, str]) -> Settings:
    """Read the user's own settings of the agent.

    Raises:
        InputError: the file cannot be read, or is no such file.
    """
    import yaml  # type: ignore[import-untyped]  # its types are another package

    file = ngrok_folder(env) / "ngrok.yml"
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings(None, None)
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f", line {mark.line + 1}"
        raise InputError(f"{file}{where}: not valid YAML", hint="`ngrok config check` says more") from None
    if content is None:
        return Settings(None, None)
    agent = content.get("agent") if isinstance(content, dict) and str(content.get("version")) == "3" else content
    if not isinstance(content, dict) or not isinstance(agent, dict | None):
        raise InputError(f"{file}: not settings of the ngrok agent", hint="`ngrok config check` says more")
    kept = {key: value for key, value in (agent or {}).items() if _is_kept(key, value)}
    token = kept.get("authtoken")
    if env.get("NGROK_AUTHTOKEN"):
        # which of the two the agent takes is not for its versions to decide
        kept.pop("authtoken", None)
    if agent is content:
        return Settings(kept, None if token is None else str(token))
    return Settings({"version": content["version"], "agent": kept}, None if token is None else str(token))


def _is_kept(key: str, value: object) -> bool:
    if key in _LEFT_OUT or key in {"endpoints", "tunnels"}:
        return False
    # without its local API the agent cannot be told anything
    return not (key == "web_addr" and value is False)


def check_token(settings: Settings, env: Mapping[str, str]) -> str:
    """Return the authtoken that the agent will use.

    Raises:
        TunnelError: there is none; ngrok would say so too, seconds later.
    """
    token = env.get("NGROK_AUTHTOKEN") or settings.token
    if not token:
        raise TunnelError(NO_TOKEN.sentence, hint=NO_TOKEN.hint)
    return token


def settings_text(settings: Settings, version: tuple[int, int]) -> str:
    """Return the settings as the agent of a version reads them."""
    import yaml

    content = settings.content
    if content is None:
        content = {"version": "3", "agent": {}} if version >= ENDPOINTS_SINCE else {"version": "2"}
    text: str = yaml.safe_dump(dict(content))
    return text


ENDPOINTS_SINCE = (3, 30)
"""The first version of the agent whose local API has endpoints; an older one has tunnels."""
