"""The first `hookctl tunnel` on a machine without an agent: pyngrok downloads it, from a server of the tests'."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.authority import new_authority
from tests.cli.recorder import unused_port
from tests.delivery import faults
from tests.delivery.conftest import server_context
from tests.delivery.faults import Script, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.tunnelling import Tunnels

_HOST = "bin.ngrok.com"


def place() -> Path:
    """Return where the agent is put."""
    return Path(os.environ["HOME"], ".config", "ngrok", "ngrok")


def archive(folder: Path, program: Path) -> bytes:
    """Return what is downloaded for this machine, with a program as the agent in it."""
    inside = folder / "inside"
    inside.mkdir()
    shutil.copy(program, inside / "ngrok")
    return Path(shutil.make_archive(str(folder / "archive"), "gztar", inside)).read_bytes()


@contextmanager
def downloading(folder: Path, script: Script) -> Iterator[dict[str, str | None]]:
    """Play ngrok's server for the length of a `with` block; gives the variables that lead hookctl to it."""
    authority = new_authority(folder)
    tls = server_context(authority.issue("server", alternative=f"DNS:{_HOST}"))
    with serve(script, tls=tls) as server, serve(faults.proxy(tunnel_to=server.port)) as proxy:
        yield without_agent(f"http://127.0.0.1:{proxy.port}", SSL_CERT_FILE=str(authority.file))


def without_agent(proxy: str, **more: str) -> dict[str, str | None]:
    """Return the variables of a machine without an agent, whose way out is a proxy."""
    return {"PATH": "/usr/bin:/bin", "HTTPS_PROXY": proxy, **more}


def test_the_agent_is_downloaded_once_said_and_used(tunnels: Tunnels, tmp_path: Path) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    served = faults.reply(200, archive(folder, tunnels.agent.program))
    with downloading(folder, served) as env:
        with tunnels.open(str(unused_port()), env=env) as tunnel:
            assert "there is no ngrok agent on this machine: downloading it from bin.ngrok.com to " in tunnel.errors
            assert "downloaded 100 %" in tunnel.errors
            # nothing of it on standard output
            assert tunnel.record("tunnel")["public_url"] == tunnel.url
            assert tunnel.end() == 0
        assert place().stat().st_mode & 0o777 == 0o700
        # neither the archive nor anything half done stays
        assert [path.name for path in place().parent.iterdir()] == ["ngrok"]
        with tunnels.open(str(unused_port()), env=env) as tunnel:
            assert "downloading" not in tunnel.errors
            assert tunnel.end() == 0


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (faults.reply(403, b"no"), "HTTP Error 403"),
        (faults.reply(200, b"<!doctype html><title>Sign in</title>"), "not a gzip file"),
        (faults.reply(200, b"\x1f\x8b\x08\x00"), "ended"),
        (faults.close_before_answer, "closed"),
    ],
    ids=["refused", "a-page-instead", "cut-off", "closed"],
)
def test_5_when_it_cannot_be_downloaded_and_nothing_half_done_stays(
    tunnels: Tunnels, tmp_path: Path, script: Script, why: str
) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    with downloading(folder, script) as env:
        result = tunnels.fail(env=env)
    assert (result.code, result.out) == (5, "")
    assert "error: the ngrok agent cannot be downloaded: " in result.err
    assert why in result.err
    assert "--ngrok-path" in result.err
    assert list(place().parent.iterdir()) == []


def test_5_when_a_filter_is_in_the_way(tunnels: Tunnels) -> None:
    refused = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    with serve(faults.proxy(refuse_with=refused)) as proxy:
        result = tunnels.fail(env=without_agent(f"http://127.0.0.1:{proxy.port}"))
    assert result.code == 5
    assert "403 Forbidden" in result.err
    assert "--ngrok-path" in result.err


def test_5_within_seconds_when_nothing_comes(tunnels: Tunnels) -> None:
    with serve(faults.never_answer) as proxy:
        started_s = time.monotonic()
        result = tunnels.fail(env=without_agent(f"http://127.0.0.1:{proxy.port}"))
        assert time.monotonic() - started_s < 20
    assert result.code == 5
    assert "the ngrok agent cannot be downloaded: " in result.err


def test_without_a_token_nothing_is_downloaded(tunnels: Tunnels) -> None:
    result = tunnels.fail(env={**without_agent("http://127.0.0.1:9"), "NGROK_AUTHTOKEN": None})
    assert result.code == 5
    assert "downloading" not in result.err
    assert not place().parent.exists()
