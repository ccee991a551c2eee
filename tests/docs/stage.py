"""What the pages take for granted: an app on localhost, secrets, files, programs and the vendor's API."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import json
import os
import re
import shlex
import shutil
import sys
import time
from base64 import b64encode
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hookctl.captures.form import Document
from hookctl.captures.rawhttp import read_http
from hookctl.captures.record import capture_line
from hookctl.model import Capture, CapturedRequest, Reason, Verdict
from hookctl.receiver import BackgroundServer, Reply
from hookctl.store import Arrival, Store, default_path
from tests.agent import launch
from tests.cli.inprocess import run_here
from tests.cli.recorder import unused_port
from tests.docs.pages import DOCS, ROOT, block_of
from tests.docs.receiver import SECRETS, Receiver
from tests.harness import Cli
from tests.vendors.business import TOKEN, Business, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.agent.launch import StandIn
    from tests.vendors.business import Asked

# hookctl's own ports, which it takes where the command line names none; and the answer to a question
_EXPLICIT = (
    (re.compile(r"\bhookctl listen\b(?!.*--(port|help))"), "hookctl listen --port 4400"),
    (re.compile(r"\bhookctl sandbox\b(?!.*--(port|help))"), "hookctl sandbox --port 4410"),
    (re.compile(r"\bhookctl tunnel\b(?=.*--public-url)"), "hookctl tunnel --port 4400"),
    (re.compile(r"\bhookctl webhook set\b(?!.*--(yes|dry-run|help))"), "hookctl webhook set --yes"),
)

# what cannot be had on a machine that tests, each by a program of its name that does as much as can be done
_PROGRAMS = {
    # says what it would do: the targets exist, and nothing is installed anew, let alone these tests run again
    "make": f'PATH={shlex.quote(os.environ["PATH"])} exec env -u MAKEFLAGS make -n -C {ROOT} "$@"',
    "pbpaste": "cat delivery.http",
    # nothing is fetched here: what it would install is there
    "pip": 'test "$1" = install && echo "would $*"',
    "apt-get": 'echo "would $*"',
    "npm": f'test "$1" != ci || exec echo "would $*"; exec {shlex.quote(shutil.which("npm") or "npm")} "$@"',
    "check-jsonschema": f'exec {shlex.join([sys.executable, str(ROOT / "tests" / "docs" / "check_schema.py")])} "$@"',
    # the one that the tests have
    "flask": f'exec {shlex.join([sys.executable, "-m", "flask"])} "$@"',
    # says where it leads, and goes on
    "cloudflared": 'echo "https://name.trycloudflare.com"; exec sleep 600',
}


@dataclass
class Stage:
    """A folder with everything in its place, and the environment of whoever works there."""

    cli: Cli
    agent: StandIn
    notes: Path
    """An empty folder, outside of the one that the reader is in."""
    app: App
    ports: dict[str, int]
    """The ports that stand in the pages, and those that stand for them here."""
    stands_for: dict[str, str]
    """What else stands in the pages, and what stands for it here."""

    def here(self, text: str) -> str:
        """Return a text of a page with the ports, ids, signatures and the token that there are here."""
        for pattern, explicit in _EXPLICIT:
            text = pattern.sub(explicit, text)
        text = re.sub(r"\b(3000|8080|4400|4410|4040)\b", lambda port: str(self.ports[port[1]]), text)
        for told, here in self.stands_for.items():
            text = text.replace(told, here)
        return text

    def deliver(self, count: int) -> None:
        """Have so many deliveries come to where `hookctl listen` listens."""
        for number in range(count):
            _deliver(f"http://127.0.0.1:{self.ports['4400']}/", "order.paid", f"evt_{number}")

    def write(self, name: str, text: str) -> None:
        """Write a file that a page shows."""
        path = self.cli.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.here(text), encoding="utf-8")

    def settle(self) -> None:
        """Let what `hookctl init` has written be about the ports that there are here."""
        settings = self.cli.folder / "hookctl.toml"
        if settings.exists():
            self.write(settings.name, settings.read_text(encoding="utf-8"))


class App:
    """The app on localhost, on both of the ports that the pages speak of: runs until it is stopped, and again.

    Args:
        ports: the two ports.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        self._receiver = Receiver()
        self._ports = ports
        self._servers: ExitStack | None = None

    def run(self) -> None:
        """Have it running."""
        if self._servers is None:
            self._servers = ExitStack()
            for port in self._ports:
                self._servers.enter_context(BackgroundServer(self._receiver, host="localhost", port=port, grace_s=0.2))

    def stop(self) -> None:
        """Have it stopped, so that another can have its ports."""
        if self._servers is not None:
            self._servers.close()
            self._servers = None


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """Set a stage in an empty folder, for the length of a `with` block."""
    with ExitStack() as stack:
        ports = {page: unused_port() for page in ("3000", "8080", "4400", "4410")}
        ports["4040"] = stack.enter_context(BackgroundServer(_inspector)).port
        app = App([ports["3000"], ports["8080"]])
        stack.callback(app.stop)
        (folder / "work").mkdir()
        cli = Cli(folder / "work", dict(SECRETS))
        agent = launch.install(folder / "agent", cli)
        # where a test fails hookctl may be killed, and cannot end its agent
        stack.callback(agent.kill)
        url = f"http://localhost:{ports['3000']}/api/webhooks/arky"
        business = stack.enter_context(_business(url))
        cli.env |= {
            "PATH": os.pathsep.join([str(folder / "bin"), str(agent.program.parent), os.environ["PATH"]]),
            "ARKY_TOKEN": TOKEN,
            "ARKY_BUSINESS_ID": "biz_abc123",
            "ARKY_BASE_URL": business.base,
            "XDG_STATE_HOME": str(folder / "state"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "npm_config_update_notifier": "false",
        }
        _write_programs(folder / "bin")
        config = folder / "config" / "hookctl" / "config.toml"
        config.parent.mkdir(parents=True)
        config.write_text(f'[endpoints]\narky = "{url}"\n')
        (folder / "notes").mkdir()
        stage = Stage(cli, agent, folder / "notes", app, ports, _stands_for(cli))
        _write_files(stage)
        yield stage
        agent.wait_until_gone()


async def _inspector(request: CapturedRequest) -> Reply:
    """Answer as the inspector of ngrok's agent does, which has had one request."""
    await asyncio.sleep(0)
    assert request.target == "/api/requests/http"
    raw, capture = _capture()
    headers = {name.decode(): [value.decode()] for name, value in capture.headers}
    told = {"method": "POST", "proto": "HTTP/1.1", "headers": headers, "uri": capture.target}
    one = {"uri": "/api/requests/http/1", "tunnel_name": "ours", "request": {**told, "raw": b64encode(raw).decode()}}
    return Reply(200, json.dumps({"uri": request.target, "requests": [one]}).encode())


@contextmanager
def _business(url: str) -> Iterator[Business]:
    """Run a business API that delivers what it is asked to, to this machine alone.

    Args:
        url: where its webhook is at first, and what stands for the one of the pages at example.com.
    """

    def deliver(asked: Asked) -> None:
        if asked.path.endswith("/webhooks/test"):
            where = str(business.url)
            _deliver(url if urlsplit(where).hostname == "example.com" else where, asked.json["event"], "evt_8sJ2Vb")

    business = Business(after=deliver)
    business.settings["webhookUrl"] = url
    with running(business) as api:
        yield api


def _deliver(url: str, event: str, id_: str) -> None:
    """Send an event of Arky's, signed with nothing of hookctl's."""
    import hmac

    now = str(int(time.time()))
    body = json.dumps({"id": id_, "event": event, "timestamp": int(now), "data": {}}).encode()
    signature = hmac.new(SECRETS["ARKY_WEBHOOK_SECRET"].encode(), f"{now}.".encode() + body, "sha256").hexdigest()
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)
    headers = {"Content-Type": "application/json", "x-arky-signature": signature, "x-arky-timestamp": now}
    connection.request("POST", where.path, body, headers)
    connection.getresponse().read()
    connection.close()


def _write_programs(folder: Path) -> None:
    folder.mkdir()
    this = shlex.join([sys.executable, "-m", "hookctl"])
    for name, line in {"hookctl": f'exec {this} "$@"', **_PROGRAMS}.items():
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)


@cache
def _capture() -> tuple[bytes, Capture]:
    """Return a genuine delivery, as it goes over the wire and as a capture."""
    cli = Cli(Path("/"), dict(SECRETS))
    request = run_here(cli, "send", "order.paid", "--dry-run", "--format", "http").raw_out
    (capture,) = read_http(Document(request, "made", Path("/")))
    assert isinstance(capture, Capture)
    return request, capture


def _write_files(stage: Stage) -> None:
    """Write the files that the pages speak of and do not show."""
    request, capture = _capture()
    lines = (capture_line(capture) + b"\n") * 3
    folder = stage.cli.folder
    for name, content in {
        "delivery.http": request,
        "request.http": request,
        "captures/one.http": request,
        "more/one.har": _har(capture).encode(),
        "body.json": capture.body,
        "archive.ndjson": lines,
        "archive.ndjson.gz": gzip.compress(lines),
        "src/app.mjs": b"// it changes when somebody works on it\n",
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    shutil.copytree(DOCS / "schemas", folder / "schemas")
    stage.write(
        "make-three-deliveries", '#!/bin/sh\nexec hookctl send order.created order.paid order.shipped --to "$1/"\n'
    )
    stage.write("count-orders", "#!/bin/sh\ncurl --silent http://localhost:3000/count | tr -dc 0-9\n")
    for program in ("count-orders", "make-three-deliveries"):
        (folder / program).chmod(0o755)


def write_npm_app(stage: Stage) -> None:
    """Write the app of somebody who has followed the guide for receivers; `npm start` starts it."""
    guide = DOCS / "write-a-receiver.md"
    for file in ("webhooks.mjs", "node-server.mjs"):
        stage.write(file, block_of(guide, file).text)
    stage.write("package.json", json.dumps({"private": True, "scripts": {"start": "node node-server.mjs"}}))


def _har(capture: Capture) -> str:
    headers = [{"name": name.decode(), "value": value.decode()} for name, value in capture.headers]
    request = {
        "method": "POST",
        "url": "http://localhost:3000/api/webhooks/arky",
        "httpVersion": "HTTP/1.1",
        "headers": headers,
        "postData": {"mimeType": "application/json", "text": capture.body.decode()},
    }
    return json.dumps({"log": {"version": "1.2", "entries": [{"request": request}]}})


def _stands_for(cli: Cli) -> dict[str, str]:
    """Return what stands for what the pages have: the id of a stored delivery, the signature of `body.json`."""
    _, capture = _capture()
    headers = {name.decode(): value.decode() for name, value in capture.headers}
    return {
        "dl_01KAS7": _store(cli),
        "5f2b...": headers["x-arky-signature"],
        "1704067200": headers["x-arky-timestamp"],
        "your-access-token": TOKEN,
    }


def _store(cli: Cli) -> str:
    """Store a delivery, and return the beginning of its id."""
    _, capture = _capture()
    arrived = CapturedRequest(
        int(time.time() * 1000), "POST", "/api/webhooks/arky", "1.1", capture.headers, capture.body
    )
    arrival = Arrival(arrived, Verdict(valid=True, reason=Reason.OK), "arky", "order.paid", "evt_1")
    with Store.open(default_path(cli.environment()), clock=lambda: 0) as store, store.writer() as writer:
        (stored,) = writer.write([arrival])
    return stored.id[:10]
