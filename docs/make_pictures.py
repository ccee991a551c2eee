"""Draws the pictures of the documentation from real runs.

Runs each command on a pseudo-terminal of 80 columns, as a person would see it, and exports what it printed as
SVG with rich. `make pictures` does it; the receiver that the pictures of `send` need is the tests' own.
"""

from __future__ import annotations

import hmac
import json
import os
import pty
import re
import socket
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from hookctl.receiver import BackgroundServer, Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookctl.model import CapturedRequest

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
COLUMNS = 80
SECRET = "whsec_your_secret_key"  # noqa: S105 - the example of the vendor's page


# rich's template without the fonts it would load from another host: each text has its length set, so any
# monospaced font that the reader has fits
_FONT_FACES = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)
SVG_FORMAT = _FONT_FACES.sub("", CONSOLE_SVG_FORMAT).replace(
    "Fira Code, monospace", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace"
)


def run_on_terminal(
    arguments: list[str], environment: dict[str, str], *, files: Mapping[str, bytes] = MappingProxyType({})
) -> str:
    """Return what a command prints on a terminal, escape sequences included, in a folder with these files."""
    reader, writer = pty.openpty()
    subprocess.run(["stty", "cols", str(COLUMNS), "rows", "60"], stdin=writer, check=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            Path(folder, name).write_bytes(content)
        process = subprocess.Popen(
            [sys.executable, "-m", "hookctl", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=writer,
            cwd=folder,
            env=environment,
        )
        os.close(writer)
        output = bytearray()
        while True:
            try:
                chunk = os.read(reader, 65536)
            except OSError:  # Linux says EIO when the other side has closed
                break
            if not chunk:
                break
            output += chunk
        process.wait(timeout=60)
        os.close(reader)
    return output.decode().replace("\r\n", "\n")


def draw(name: str, prompt: str, output: str) -> None:
    """Write one picture."""
    console = Console(record=True, width=COLUMNS + 2, file=open(os.devnull, "w"), force_terminal=True)  # noqa: PTH123, SIM115
    console.print(Text.from_markup(f"[bold green]$[/] [bold]{prompt}[/]"))
    console.print(Text.from_ansi(output.rstrip()))
    console.save_svg(str(PICTURES / f"{name}.svg"), title="hookctl", unique_id=name, code_format=SVG_FORMAT)


async def _picky(request: CapturedRequest) -> Reply:
    """Stand in for an app that has a bug in one place and refuses everything else that is not for it."""
    if b"order.refunded" in request.body:
        return Reply(500, b'{"error":"Handler failed","detail":"refund of undefined"}')
    return Reply(200, b'{"received":true}')


def _hasty(request: CapturedRequest) -> Reply:
    """Stand in for an app that compares as many characters of the signature as came, and never looks at the time."""
    given, time = (request.header(name) or b"" for name in ("x-arky-signature", "x-arky-timestamp"))
    expected = hmac.new(SECRET.encode(), time + b"." + request.body, "sha256").hexdigest().encode()
    if not given or not time or not expected.startswith(given):
        return Reply(401, b"Invalid signature")
    return Reply(200, b'{"received":true}')


def refused_delivery(environment: dict[str, str]) -> bytes:
    """Return a delivery as a log keeps it that has parsed the body and written it again."""
    command = [sys.executable, "-m", "hookctl", "send", "order.paid", "--dry-run", "--format", "http", "--seed", "1"]
    request = subprocess.run(command, env=environment, capture_output=True, check=True).stdout
    head, _, body = request.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
    return b"\r\n".join(lines) + b"\r\n\r\n" + json.dumps(json.loads(body)).encode()


def listen_to_three(environment: dict[str, str]) -> str:
    """Return what a listener shows of a delivery, of the same again and of one that was tampered with."""
    port = free_port()
    send = [sys.executable, "-m", "hookctl", "send", "order.paid", "--seed", "1", "--to", str(port), "--wait", "20"]
    with ThreadPoolExecutor(1) as threads:
        arguments = ["listen", "--port", str(port), "--until", "3", "--timeout", "30"]
        shown = threads.submit(run_on_terminal, arguments, environment)
        for more in (["--repeat", "2"], ["--id", "evt_forged", "--tamper", "body", "--expect", "2xx"]):
            subprocess.run([*send, *more], env=environment, capture_output=True, check=True)
        return shown.result().replace(f":{port}", ":4400")


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def main() -> None:
    """Draw every picture."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": tempfile.gettempdir(),
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "ARKY_WEBHOOK_SECRET": SECRET,
    }
    draw("demo", "hookctl demo", run_on_terminal(["demo"], environment))
    draw("events", "hookctl events", run_on_terminal(["events"], environment))
    with BackgroundServer(_picky) as server:
        url = f"{server.url}/api/webhooks/arky"
        output = run_on_terminal(["send", "order.*", "--to", url], environment)
    draw("send", "hookctl send 'order.*'", output.replace(server.url, "http://localhost:3000"))
    files = {"delivery.http": refused_delivery(environment)}
    draw(
        "verify", "hookctl verify delivery.http", run_on_terminal(["verify", "delivery.http"], environment, files=files)
    )
    with BackgroundServer(_hasty) as server:
        url = f"{server.url}/api/webhooks/arky"
        output = run_on_terminal(["check", url, "--only", "body-t*,sig-*,ts-old", "--skip", "sig-d*"], environment)
    shown = "hookctl check 3000 --only 'body-t*,sig-*,ts-old'"
    draw("check", shown, output.replace(server.url, "http://localhost:3000"))
    with tempfile.TemporaryDirectory() as state:
        draw("listen", "hookctl listen", listen_to_three({**environment, "XDG_STATE_HOME": state}))


if __name__ == "__main__":
    main()
