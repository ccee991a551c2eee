"""What `hookctl tunnel` needs: the ngrok agent, its age, a token; and agents that killed runs have left."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hookctl.flows.doctor.diagnostic import Diagnostic, Result
from hookctl.statefolder import state_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.flows.doctor.diagnostic import Setup


def check_agent(setup: Setup) -> Iterator[Diagnostic]:
    """Say which agent there is and whether it is new enough."""
    from hookctl.tunnel.agent import ENDPOINTS_SINCE, agent_version, find_agent

    path = find_agent(None, setup.runtime.env, setup.runtime.cwd)
    if path is None:
        detail = "no ngrok agent on this machine: `hookctl tunnel` downloads it, once"
        fix = "where downloads are blocked, get it from https://ngrok.com/download"
        yield Diagnostic("ngrok", Result.WARN, detail, fix)
        return
    # Ctrl-C ends it; nobody else gives it up
    version = agent_version(path, lambda: False)
    said = f"{'.'.join(map(str, version))}, {path}"
    if version < ENDPOINTS_SINCE:
        since = ".".join(map(str, ENDPOINTS_SINCE))
        detail = f"{said}: older than {since}, so that it is spoken to in its older way"
        yield Diagnostic("ngrok", Result.WARN, detail, "ngrok update")
        return
    yield Diagnostic("ngrok", Result.OK, said)


def check_token(setup: Setup) -> Iterator[Diagnostic]:
    """Say whether there is an authtoken, and where."""
    from hookctl.tunnel.agent import ngrok_folder, read_settings
    from hookctl.tunnel.problems import NO_TOKEN

    env = setup.runtime.env
    given = env.get("NGROK_AUTHTOKEN")
    token = given or read_settings(env).token
    if not token:
        yield Diagnostic("ngrok_token", Result.WARN, NO_TOKEN.sentence, NO_TOKEN.hint)
        return
    setup.runtime.redactor.register(os.fsencode(token))
    where = "NGROK_AUTHTOKEN" if given else str(ngrok_folder(env) / "ngrok.yml")
    if token != token.strip() or " " in token:
        yield Diagnostic(
            "ngrok_token", Result.FAIL, f"{where}: the authtoken has white space in it", "copy it again, without"
        )
        return
    yield Diagnostic("ngrok_token", Result.OK, f"present, {where}")


def check_left_agents(setup: Setup) -> Iterator[Diagnostic]:
    """End the agents that killed runs have left."""
    from hookctl.tunnel.folder import base_folder, clean_up

    if state_folder(setup.runtime.env) is None:
        return
    ended = clean_up(base_folder(setup.runtime.env))
    if not ended:
        yield Diagnostic("agents", Result.OK, "no run has left an ngrok agent behind")
        return
    what = "an ngrok agent" if ended == 1 else f"{ended} ngrok agents"
    yield Diagnostic("agents", Result.OK, f"ended {what} that a killed run had left behind")
