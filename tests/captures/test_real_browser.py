"""A real Chromium posts signed bodies, and the HTTP Archive of it verifies."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hookctl.captures.har import read_har
from hookctl.model import Capture, Unreadable
from tests.captures.jsoncaptures import is_genuine, read
from tests.captures.toolservers import program

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.browser

FOLDER = Path(__file__).parent / "browser"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
KEY = "whsec_a secret with ümlaut"

TEXTS = {
    "/umlauts": '{"name":"Zoë Müller","emoji":"🦊👩‍👩‍👧","beyond":"\u202e\u2028"}',
    "/line-ends": '{"a":1}\r\n\r\n{"b":2}\n\r\r\n',
    "/mark": "\ufeff{}",
    "/nul": 'a\0b\x7f"\\',
    "/form": "a=1&b=%20x+y&c=%C3%AB",
    "/empty": "",
}
# an unlikely type of content for each: Playwright leaves out what is called octet-stream
BINARIES = {
    "/dropped": (bytes(range(256)), "application/octet-stream"),
    "/replaced": (b'\0\xff\x80{"a":1}', "application/json"),
    "/utf-8": ("ë🦊".encode(), "application/json"),
}


class _Site(BaseHTTPRequestHandler):
    """Answers GET with an empty page and keeps what is posted."""

    protocol_version = "HTTP/1.1"
    bodies: dict[str, bytes]

    def do_GET(self) -> None:
        self._answer(b"<!doctype html><title>hookctl</title>", "text/html")

    def do_POST(self) -> None:
        self.bodies[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(b"received \xff", "application/octet-stream")

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
        """Say nothing: the tests look at what was received."""


@pytest.fixture(scope="module")
def posted() -> Iterator[tuple[str, dict[str, bytes]]]:
    """Yield the origin of a site on loopback and the bodies that are posted to it, by path."""
    bodies: dict[str, bytes] = {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("_BoundSite", (_Site,), {"bodies": bodies}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", bodies
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def archive(
    posted: tuple[str, dict[str, bytes]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Capture | Unreadable]:
    """Return what is read out of the archive, by path."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    assert browser is not None, f"this test needs one of {', '.join(BROWSERS)}"
    assert (FOLDER / "node_modules").is_dir(), "run npm ci in tests/captures/browser"
    har = tmp_path_factory.mktemp("har") / "page.har"
    common = {"secret": KEY, "timestamp": "1704067200"}
    deliveries = [
        {**common, "path": path, "text": text, "contentType": kind}
        for path, text in TEXTS.items()
        for kind in ["application/x-www-form-urlencoded" if path == "/form" else "application/json"]
    ]
    deliveries += [
        {**common, "path": path, "base64": b64encode(body).decode(), "contentType": kind}
        for path, (body, kind) in BINARIES.items()
    ]
    command = [program("node"), str(FOLDER / "record-har.mjs"), browser, posted[0], str(har)]
    done = subprocess.run(command, input=json.dumps(deliveries).encode(), capture_output=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr.decode()
    parts = read(read_har, har.read_bytes())
    return dict(zip([*TEXTS, *BINARIES], parts, strict=True))


@pytest.mark.parametrize("path", [*TEXTS, "/utf-8"])
def test_text_is_kept_byte_for_byte(
    path: str, archive: dict[str, Capture | Unreadable], posted: tuple[str, dict[str, bytes]]
) -> None:
    origin, bodies = posted
    capture = archive[path]
    assert isinstance(capture, Capture), capture
    assert capture.body == bodies[path]
    assert (capture.method, capture.target, capture.notes) == ("POST", f"{origin}{path}", ())
    assert is_genuine(capture, KEY.encode())
    assert capture.received_at_ms is not None
    assert capture.response is not None
    assert (capture.response.status, capture.response.body) == (200, b"received \xff")


def test_a_body_that_was_not_kept_is_unreadable(archive: dict[str, Capture | Unreadable]) -> None:
    part = archive["/dropped"]
    assert isinstance(part, Unreadable)
    assert "does not have the body" in part.message


def test_a_body_that_lost_bytes_is_not_genuine_and_says_why(
    archive: dict[str, Capture | Unreadable], posted: tuple[str, dict[str, bytes]]
) -> None:
    capture = archive["/replaced"]
    assert isinstance(capture, Capture)
    assert posted[1]["/replaced"] == BINARIES["/replaced"][0]
    assert not is_genuine(capture, KEY.encode())
    assert any("U+FFFD" in note for note in capture.notes)
