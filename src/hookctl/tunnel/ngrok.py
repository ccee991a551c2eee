"""The ngrok agent, run through pyngrok: the only module that knows either.

pyngrok waits without limit for an agent that says nothing and for an API that does not answer, gives the authtoken to
anybody who lists processes, and starts a second agent when the first has died. Hence the watch kept over it here.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hookctl.tunnel.agent import ENDPOINTS_SINCE, agent_version, check_token, find_agent, read_settings, settings_text
from hookctl.tunnel.folder import AgentFolder, base_folder, clean_up
from hookctl.tunnel.interface import TunnelError
from hookctl.tunnel.problems import NETWORK_HINT, code_of, explain, plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyngrok.conf import PyngrokConfig
    from pyngrok.log import NgrokLog

    from hookctl.runtime import Runtime
    from hookctl.tunnel.interface import Say

START_S = 10.0
"""How long the agent may take to have a session."""

_FUSE_S = 2.5
"""How much longer, once it has said what stands in the way."""

_API_S = 4.0
_IN_USE_TRIES = 3
_IN_USE_PAUSE_S = 1.5
"""An agent that has just ended is online for ngrok a moment longer."""

_CLOSE_S = 8.0
_SAME_NOTE_S = 30.0
_NEVER_PROXIED = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class NgrokOptions:
    """What the user asked for."""

    path: str | None = None
    """The agent's program; None is the one that is found, or downloaded."""
    domain: str | None = None
    """None is the account's own."""


class NgrokTunnel:
    """A tunnel of ngrok's.

    Args:
        options: what the user asked for.
        runtime: environment, folder, randomness, redactor.
        say: is told of a download, of agents that earlier runs have left, and of trouble that passes.
    """

    def __init__(self, options: NgrokOptions, runtime: Runtime, say: Say) -> None:
        self._options = options
        self._runtime = runtime
        self._say = say
        self._folder: AgentFolder | None = None
        self._last_error = ""
        """What the agent has said last about something that went wrong."""
        self._started = False
        self._installing = False
        self._closing = threading.Event()
        self._at_rest = threading.Event()
        """Nothing is being opened."""
        self._at_rest.set()
        self._removing = threading.Lock()
        self._watch: _Watch | None = None
        self._said: dict[str, float] = {}

    def open(self, port: int) -> str:
        """Start the agent and open the tunnel; see `Tunnel`."""
        self._at_rest.clear()
        try:
            return self._open(port)
        except BaseException:
            self._remove()
            raise
        finally:
            self._at_rest.set()

    def _open(self, port: int) -> str:
        env = self._runtime.env
        left = clean_up(base_folder(env))
        if left:
            self._say(f"ended {left} ngrok agent{'s' if left > 1 else ''} that an earlier run had left behind")
        settings = read_settings(env)
        self._runtime.redactor.register(os.fsencode(check_token(settings, env)))
        path = find_agent(self._options.path, env, self._runtime.cwd) or self._install()
        version = agent_version(path, self._closing.is_set)
        name = f"hookctl-{self._runtime.random_bytes(6).hex()}"
        folder = self._folder = AgentFolder(base_folder(env), name)
        folder.fill(path, settings_text(settings, version))
        self._check_open()
        return self._connect(folder, name, version, port)

    def problem(self) -> TunnelError | None:
        """Return why the agent does not run any more; see `Tunnel`."""
        from pyngrok import process

        folder = self._folder
        if not self._started or folder is None or process.is_process_running(str(folder.launcher)):
            return None
        return explain(self._last_error, fallback="the ngrok agent has ended by itself")

    def close(self) -> None:
        """End the agent; see `Tunnel`."""
        self._closing.set()
        until_s = time.monotonic() + _CLOSE_S
        # one that is being opened may start its agent a moment later; a download alone is not waited for
        while not self._installing and not self._at_rest.wait(0.05) and time.monotonic() < until_s:
            folder = self._folder
            if folder is not None:
                folder.end_agent()
        self._remove()

    def _remove(self) -> None:
        """End the agent, let pyngrok take note, and remove the folder."""
        with self._removing:
            folder, self._folder = self._folder, None
            if folder is None:
                return
            folder.remove()
            if self._started:
                # before, it is pyngrok that cleans up, and waits for its own lock when it is asked to
                from pyngrok import process

                with suppress(OSError):
                    process.kill_process(str(folder.launcher))

    def _check_open(self) -> None:
        if self._closing.is_set():
            raise TunnelError("the tunnel was closed before it was open")

    def _install(self) -> Path:
        from hookctl.tunnel.install import install_agent

        self._installing = True
        path = install_agent(self._runtime.env, self._say)
        self._installing = False
        self._check_open()
        return path

    def _connect(self, folder: AgentFolder, name: str, version: tuple[int, int], port: int) -> str:
        from pyngrok.conf import PyngrokConfig

        # it would write to standard error by itself
        logging.getLogger("pyngrok").addHandler(logging.NullHandler())
        config = PyngrokConfig(
            ngrok_path=str(folder.launcher),
            config_path=str(folder.config),
            log_event_callback=self._logged,
            startup_timeout=int(START_S),
            request_timeout=_API_S,
            # Ctrl-C at the terminal is for hookctl, which still needs it
            start_new_session=True,
            config_version="3" if version >= ENDPOINTS_SINCE else "2",
        )
        # they would stand on the agent's command line; it finds them itself
        config.auth_token = config.api_key = None
        with _Watch(folder) as watch, _loopback_unproxied():
            self._watch = watch
            try:
                url = self._tunnel(config, name, port)
            except Exception as error:
                # its own, OSError, YAMLError, ValueError
                raise self._failed(error, folder, watch) from error
            finally:
                self._watch = None
        self._started = True
        self._check_open()
        return url

    def _tunnel(self, config: PyngrokConfig, name: str, port: int) -> str:
        from pyngrok import ngrok, process
        from pyngrok.exception import PyngrokNgrokHTTPError

        wanted: dict[str, Any] = {"name": name, "pyngrok_config": config}
        if config.config_version == "2":
            wanted["schemes"] = ["https"]
            if self._options.domain is not None:
                wanted["domain"] = self._options.domain
        elif self._options.domain is not None:
            wanted["url"] = f"https://{self._options.domain}"
        for tries_left in reversed(range(_IN_USE_TRIES)):
            try:
                # with the scheme: a bare address becomes http://localhost:127.0.0.1:PORT
                url = ngrok.connect(f"http://127.0.0.1:{port}", **wanted).public_url
                break
            except PyngrokNgrokHTTPError as error:
                # with an agent that has ended it would start another
                in_use = code_of(error.body) == "334" and process.is_process_running(config.ngrok_path)
                self._last_error = error.body
                if not in_use or not tries_left or self._closing.wait(_IN_USE_PAUSE_S):
                    raise
        else:
            raise AssertionError("the last try raises")
        if not isinstance(url, str) or not url.startswith(("https://", "http://")):
            raise ValueError(f"the agent's public URL is {url!r}")
        return url.rstrip("/")

    def _failed(self, error: Exception, folder: AgentFolder, watch: _Watch) -> TunnelError:
        """Return what to say about a failure to open the tunnel."""
        if self._closing.is_set():
            return TunnelError("the tunnel was closed before it was open")
        said = [getattr(error, "body", ""), getattr(error, "ngrok_error", None) or "", self._last_error]
        complaints = folder.complaints
        if isinstance(error, json.JSONDecodeError):
            return TunnelError(
                "what answers in place of the agent's local API is something else",
                hint="a proxy or another program may be in the way; --public-url takes any other tunnel",
            )
        # the one with a code says most, wherever it stands
        for text in (*said, complaints):
            if text and code_of(text):
                return explain(text)
        if self._last_error:
            return explain(self._last_error, fallback="the ngrok agent has no session")
        if watch.bitten:
            return TunnelError(
                f"the ngrok agent has no session after {START_S:.0f} s, and says nothing", hint=NETWORK_HINT
            )
        if complaints.strip():
            return explain(complaints)
        return explain(str(error))

    def _logged(self, log: NgrokLog) -> None:
        """Take a line of the agent's log. Raising would keep pyngrok from reading on, which stalls the agent."""
        with suppress(Exception):
            if "session" in (log.msg or "") and "establ" in (log.msg or "") and self._watch is not None:
                self._watch.has_session = True
            if log.lvl not in {"ERROR", "CRITICAL"}:
                return
            text = str(log.err or log.msg or log.line)
            self._last_error = text
            if self._watch is not None:
                self._watch.shorten()
            elif self._started and not self._closing.is_set():
                self._pass(text)

    def _pass(self, text: str) -> None:
        """Tell of trouble that may pass; of the same only now and then."""
        error = explain(text, fallback="the ngrok agent has trouble")
        now_s = time.monotonic()
        if now_s - self._said.get(error.message, float("-inf")) >= _SAME_NOTE_S:
            self._said[error.message] = now_s
            self._say(plain(error.message))


class _Watch:
    """Ends an agent that has not done in time what it was started for: nothing else ends pyngrok's wait for it."""

    def __init__(self, folder: AgentFolder) -> None:
        self._folder = folder
        self._changed = threading.Condition()
        self._until_s = time.monotonic() + START_S
        self._over = False
        self.has_session = False
        self.bitten = False
        """Whether time ran out."""
        self._thread = threading.Thread(target=self._run, daemon=True, name="hookctl-ngrok-watch")

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._over = True
            self._changed.notify()
        self._thread.join()

    def shorten(self) -> None:
        """Let time run out soon, unless the agent has its session already."""
        with self._changed:
            if self.has_session:
                return
            self._until_s = min(self._until_s, time.monotonic() + _FUSE_S)
            self._changed.notify()

    def _run(self) -> None:
        with self._changed:
            while not self._over and (left_s := self._until_s - time.monotonic()) > 0:
                self._changed.wait(left_s)
            if self._over:
                return
            self.bitten = True
        while not self._over:
            self._folder.end_agent()
            time.sleep(0.05)


@contextmanager
def _loopback_unproxied() -> Iterator[None]:
    """Let no call to the agent's API go through a proxy of the environment: pyngrok asks nobody else meanwhile."""
    names = ("no_proxy", "NO_PROXY")
    before = {name: os.environ.get(name) for name in names}
    had = next(filter(None, before.values()), "")
    if had != "*":
        for name in names:
            os.environ[name] = ",".join(filter(None, (had, *_NEVER_PROXIED)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                with suppress(KeyError):
                    del os.environ[name]
            else:
                os.environ[name] = value
