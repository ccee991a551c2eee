"""Draws the pictures of the documentation from real runs.

Runs each command on a pseudo-terminal of 80 columns, as a person would see it, and exports what it printed as
SVG with rich. `make pictures` does it; the receiver that the pictures of `send` need is the tests' own.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from hookctl.receiver import BackgroundServer, Reply

if TYPE_CHECKING:
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


def run_on_terminal(arguments: list[str], environment: dict[str, str]) -> str:
    """Return what a command prints on a terminal, escape sequences included."""
    reader, writer = pty.openpty()
    subprocess.run(["stty", "cols", str(COLUMNS), "rows", "60"], stdin=writer, check=True)
    with tempfile.TemporaryDirectory() as folder:
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


if __name__ == "__main__":
    main()
