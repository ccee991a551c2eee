"""Draws the pictures of the documentation from real runs: one for each command.

`make pictures` draws all, `python -m docs.make_pictures send listen` those. Each command runs as its users run it, in a
home and a folder of its own, against real receivers on the ports that people use: 3000, 4400 and 4410 have to be free.
ngrok's agent is the stand-in of the tests, the vendor's API is hookctl's sandbox.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from docs.drawing import PROMPT, Terminal, draw, hookctl, shown
from hookctl.receiver import BackgroundServer, Reply
from tests.agent.launch import install
from tests.harness import Cli

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from hookctl.model import CapturedRequest

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
SECRET = "whsec_your_secret_key"  # noqa: S105 - the example of the vendor's page
HOME = "/home/me"
BUSINESS = {
    "ARKY_TOKEN": "sandbox-token",
    "ARKY_BUSINESS_ID": "biz_sandbox",
    "ARKY_BASE_URL": "http://127.0.0.1:4410",
}
"""Who asks hookctl's sandbox, and where."""
OLD = "https://example.com/api/webhooks/arky"
"""Where the webhook points to at first."""
_FREE_PORT = re.compile(r"127\.0\.0\.1:\d{5}")
"""Where something listens that takes any port which is free: another one each time."""


@dataclass
class Desk:
    """Where one picture is drawn: a home with a project in it, and what the shell there knows."""

    home: Path
    env: dict[str, str]
    replaced: dict[str, str] = field(default_factory=dict)
    """What is of this machine, and what is shown in its place."""
    started: list[Terminal] = field(default_factory=list)

    @property
    def project(self) -> Path:
        """The folder that commands run in."""
        return self.home / "shop"

    def write(self, name: str, text: str | bytes) -> None:
        """Write a file of the project."""
        file = self.project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)

    def start(self, *arguments: str) -> Terminal:
        """Start hookctl on a terminal; it does not outlive the desk."""
        return self.open(*hookctl(*arguments))

    def open(self, *command: str) -> Terminal:
        """Start any program on a terminal, likewise."""
        self.started.append(Terminal(command, self.env, self.project))
        return self.started[-1]

    def run(self, *arguments: str) -> str:
        """Return what hookctl prints on a terminal."""
        return self.start(*arguments).finish()

    def pipe(self, *arguments: str) -> bytes:
        """Return what hookctl prints into a pipe; that an app answers 500 is no failure."""
        done = subprocess.run(hookctl(*arguments), env=self.env, cwd=self.project, capture_output=True, check=False)
        if done.returncode not in {0, 1}:
            raise RuntimeError(f"hookctl {' '.join(arguments)}: {done.stderr.decode()}")
        return done.stdout

    @contextmanager
    def sandbox(self) -> Iterator[Terminal]:
        """Run the vendor's API for the length of a `with` block, and let commands ask it."""
        self.env |= BUSINESS
        server = self.start("sandbox")
        server.wait_for("hookctl webhook show")
        try:
            yield server
        finally:
            server.finish(interrupt=True)


@contextmanager
def desk() -> Iterator[Desk]:
    """Yield a new desk, and clear it away."""
    while True:
        # as long as what is shown in its place, so that lines break where the reader's would
        home = Path("/tmp", secrets.token_hex(2)[:3])  # noqa: S108 - made here, and nobody else's
        try:
            home.mkdir(mode=0o700)
            break
        except FileExistsError:
            continue
    env = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(home),
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "ARKY_WEBHOOK_SECRET": SECRET,
    }
    one = Desk(home, env, {str(home): HOME, str(ROOT): f"{HOME}/hookctl"})
    try:
        one.project.mkdir()
        yield one
    finally:
        for terminal in one.started:
            terminal.end()
        shutil.rmtree(home)


# receivers


async def accepting(_: CapturedRequest) -> Reply:
    """Stand in for an app in which all is well."""
    return Reply(200, b'{"received":true}')


async def buggy(request: CapturedRequest) -> Reply:
    """Stand in for an app that has a bug in one place."""
    if b"order.refunded" in request.body:
        return Reply(500, b'{"error":"Handler failed","detail":"refund of undefined"}')
    return Reply(200, b'{"received":true}')


def hasty(request: CapturedRequest) -> Reply:
    """Stand in for an app that compares as many characters of the signature as came, and never looks at the time."""
    given, time = (request.header(name) or b"" for name in ("x-arky-signature", "x-arky-timestamp"))
    expected = hmac.new(SECRET.encode(), time + b"." + request.body, "sha256").hexdigest().encode()
    if not given or not time or not expected.startswith(given):
        return Reply(401, b"Invalid signature")
    return Reply(200, b'{"received":true}')


def app(handler: Callable[[CapturedRequest], Reply | Awaitable[Reply]]) -> BackgroundServer:
    """Return an app on the port that apps use."""
    return BackgroundServer(handler, port=3000)


# the pictures


def demo(at: Desk) -> str:
    """The whole loop."""
    return shown("hookctl demo", at.run("demo"))


def events(at: Desk) -> str:
    """The list."""
    return shown("hookctl events", at.run("events"))


def send(at: Desk) -> str:
    """A family of events to an app with a bug."""
    with app(buggy):
        return shown("hookctl send 'order.*'", at.run("send", "order.*", "--seed", "1"))


def verify(at: Desk) -> str:
    """A delivery as a log keeps it that has parsed the body and written it again."""
    request = at.pipe("send", "order.paid", "--dry-run", "--format", "http", "--seed", "1")
    head, _, body = request.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
    at.write("delivery.http", b"\r\n".join(lines) + b"\r\n\r\n" + json.dumps(json.loads(body)).encode())
    return shown("hookctl verify delivery.http", at.run("verify", "delivery.http"))


def check(at: Desk) -> str:
    """Some of the checks, of an app with two flaws."""
    only = ("--only", "body-t*,sig-*,ts-old", "--skip", "sig-d*")
    with app(hasty):
        return shown("hookctl check 3000 --only 'body-t*,sig-*,ts-old' --skip 'sig-d*'", at.run("check", "3000", *only))


def listen(at: Desk) -> str:
    """A delivery, the same again, and one that was tampered with."""
    listener = at.start("listen")
    listener.wait_for("Ctrl-C ends it")
    order = ("send", "order.paid", "--seed", "1", "--to", "4400")
    at.pipe(*order, "--repeat", "2")
    at.pipe(*order, "--id", "evt_forged", "--tamper", "body", "--expect", "2xx")
    listener.wait_for("-->", times=3)
    return shown("hookctl listen", listener.finish(interrupt=True))


def received(at: Desk) -> None:
    """Have received, from a vendor, four deliveries that were passed on to an app with a bug."""
    listener = at.start("listen", "--forward-to", "3000")
    listener.wait_for("Ctrl-C ends it")
    to = ("--seed", "1", "--to", "http://127.0.0.1:4400/api/webhooks/arky")
    with app(buggy):
        for event in ("order.created", "order.paid", "order.refunded"):
            at.pipe("send", event, *to)
        at.pipe("send", "order.paid", *to, "--id", "evt_forged", "--tamper", "body")
        at.pipe("send", "order.refunded", *to)
        listener.wait_for("-->", times=5)
        listener.wait_for("<--", times=5)
    listener.finish(interrupt=True)


def deliveries(at: Desk) -> str:
    """The list of what was received, and the newest whole."""
    received(at)
    listed = shown("hookctl deliveries", at.run("deliveries"))
    return listed + shown("hookctl deliveries show last", at.run("deliveries", "show", "last"))


def replay(at: Desk) -> str:
    """What an app answered 500, after its bug is gone."""
    received(at)
    with app(accepting):
        return shown("hookctl replay last", at.run("replay", "last"))


def tunnel(at: Desk) -> str:
    """A tunnel that the webhook points to, with a test delivery, and its end."""
    with_agent(at)
    with at.sandbox(), app(accepting):
        at.pipe("webhook", "set", "--url", OLD, "--events", "order.*", "--yes")
        opened = at.start("tunnel", "3000", "--update-webhook", "--test", "order.paid")
        opened.wait_for("its signature is valid")
        _, public, *_ = dict.fromkeys(re.findall(r"http://127\.0\.0\.1:\d+", opened.output))
        at.replaced[public] = "https://name.ngrok-free.dev"
        output = opened.finish(interrupt=True)
    return shown("hookctl tunnel 3000 --update-webhook --test order.paid", output)


def with_agent(at: Desk) -> None:
    """Put the stand-in for ngrok's agent where a user has the agent."""
    install(at.home / ".local", Cli(at.project, at.env))


def webhook(at: Desk) -> str:
    """The webhook is set, shown, and asked for a test."""
    url, chosen = "http://localhost:3000/api/webhooks/arky", "order.paid,order.refunded"
    with at.sandbox(), app(accepting):
        at.pipe("webhook", "set", "--url", OLD, "--events", "order.paid", "--yes")
        changed = at.run("webhook", "set", "--url", url, "--events", chosen, "--yes")
        return (
            shown(f"hookctl webhook set --url {url} \\\n    --events {chosen} --yes", changed)
            + shown("hookctl webhook show", at.run("webhook", "show"))
            + shown("hookctl webhook test order.paid", at.run("webhook", "test", "order.paid"))
        )


def sandbox(at: Desk) -> str:
    """A vendor's API without the vendor: the webhook is set, and a test delivered to an app with a bug."""
    with at.sandbox() as server, app(buggy):
        at.pipe("webhook", "set", "--url", "http://localhost:3000/api/webhooks/arky", "--events", "order.*", "--yes")
        at.pipe("webhook", "test", "order.paid")
        at.pipe("webhook", "test", "order.refunded")
        server.wait_for("webhooks/test", times=2)
    return shown("hookctl sandbox", server.output)


def init(at: Desk) -> str:
    """A configuration for an app of Next.js that has its route already; a second one is not written over it."""
    next_app(at)
    return shown("hookctl init", at.run("init")) + shown("hookctl init", at.run("init"))


def next_app(at: Desk) -> None:
    """Make the project an app of Next.js."""
    at.write("package.json", '{"dependencies":{"next":"15.1.0","react":"19.0.0"}}')
    at.write("app/api/webhooks/arky/route.ts", "export async function POST(request: Request) {}\n")


def doctor(at: Desk) -> str:
    """A set-up with the secret of the vendor's example, and an app that does not run."""
    next_app(at)
    at.pipe("init", "--provider", "arky")
    with_agent(at)
    return shown("hookctl doctor --provider arky", at.run("doctor", "--provider", "arky"))


def config(at: Desk) -> str:
    """Values from a hookctl.toml, a .env file and the environment."""
    del at.env["ARKY_WEBHOOK_SECRET"]
    at.write("hookctl.toml", 'provider = "arky"\n\n[endpoints]\narky = "http://localhost:8080/hooks/arky"\n')
    at.write(".env.local", f"ARKY_WEBHOOK_SECRET={SECRET}\n")
    at.env["ARKY_BUSINESS_ID"] = "biz_abc123"
    return shown("hookctl config show", at.run("config", "show"))


def completion(at: Desk) -> str:
    """What TAB does in bash."""
    at.env["PS1"] = PROMPT.replace("\x1b[1;32m", r"\[\e[1;32m\]").replace("\x1b[0m", r"\[\e[0m\]")
    at.write(".inputrc", "set show-all-if-ambiguous on\nset enable-bracketed-paste off\nset bell-style none\n")
    at.env["INPUTRC"] = str(at.project / ".inputrc")
    shell = at.open("bash", "--norc", "--noprofile", "-i")
    shell.wait_for("$")
    shell.type('eval "$(hookctl completion bash)"\n')
    shell.wait_for("$", times=3)
    shell.type("hookctl send reservation.\t")
    # as typed, five in the list, and as typed again
    shell.wait_for("reservation.", times=7)
    shell.type("n\t")
    shell.wait_for("oshow ")
    shell.type("--tam\t")
    shell.wait_for("--tamper ")
    shell.type("\t")
    shell.wait_for("--tamper ", times=2)
    return shell.output


ALL: dict[str, Callable[[Desk], str]] = {
    one.__name__: one
    for one in (
        *(events, send, verify, deliveries, check, listen, tunnel, replay),
        *(webhook, sandbox, init, doctor, config, demo, completion),
    )
}
"""Every picture, by the command that it shows."""


def picture(name: str, folder: Path) -> None:
    """Draw one picture into a folder."""
    with desk() as at:
        text = ALL[name](at)
        for ours, theirs in at.replaced.items():
            text = text.replace(ours, theirs)
        draw(folder, name, _FREE_PORT.sub("127.0.0.1:49210", text))


def main() -> None:
    """Draw the pictures that the command line names, or all."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or ALL:
        picture(name, PICTURES)


if __name__ == "__main__":
    main()
