"""`hookctl verify` on files that are made to hurt: an answer and an exit code, in bounded time and memory."""

from __future__ import annotations

import gzip
import os
import resource
import subprocess
import sys
import threading
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hookctl.captures.form import Form
from tests import schemas
from tests.cli.inprocess import run_here
from tests.cli.signed import BODY, IN_FORM, archive, arky, genuine, http, record
from tests.unreadable import unreadable

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness import Cli, Result

GIBIBYTE = 1024 * 1024 * 1024


def judged(cli: Cli, data: bytes, *options: str) -> Result:
    """Verify a file that holds some bytes and make sure that it was answered as it should be."""
    (cli.folder / "file").write_bytes(data)
    result = run_here(cli, "verify", "file", *options, "--format", "json")
    assert result.code in {0, 1, 3}, result.err
    assert result.err == ""
    assert result.document["summary"]["total"] == len(result.document["results"]) > 0
    text = run_here(cli, "verify", "file", *options, "-v")
    assert (text.code, text.err) == (result.code, "")
    return result


def _bounded() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (GIBIBYTE, GIBIBYTE))


def bounded(cli: Cli, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run hookctl in no more than a gibibyte of addresses."""
    return subprocess.run(
        [sys.executable, "-m", "hookctl", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=cli.folder,
        env=cli.environment(),
        preexec_fn=_bounded,
        timeout=60,
        check=False,
    )


def _signed(body: bytes) -> bytes:
    return record(arky(body), body)


DEEP = 100_000
HOSTILE = {
    "deep list": b"[" * DEEP,
    "deep list, closed": b"[" * DEEP + b"]" * DEEP,
    "deep object": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "deep in a record": b'{"schema":"hookctl.capture/1","headers":' + b"[" * DEEP + b"]" * DEEP + b',"body":""}',
    "deep beside a record": b'{"schema":"hookctl.capture/1","headers":[],"body":"","x":'
    + b"[" * DEEP
    + b"]" * DEEP
    + b"}",
    "deep body": _signed(b"[" * DEEP + b"]" * DEEP),
    "deep body of an event": _signed(b'{"event":"order.paid","data":' * 5000 + b"1" + b"}" * 5000),
    "huge integer": b'{"schema":"hookctl.capture/1","id":' + b"9" * 10_000 + b"}",
    "huge integer in a body": _signed(b'{"event":"order.paid","timestamp":' + b"9" * 10_000 + b"}"),
    "huge exponent": _signed(b'{"event":"order.paid","timestamp":1e999999999}'),
    "not a number": _signed(b'{"event":"order.paid","timestamp":NaN,"data":-Infinity}'),
    "surrogate": _signed(b'{"event":"order.paid","id":"\\ud800","\\udfff":1}'),
    "the same key twice": _signed(b'{"event":"order.paid","event":"order.created","id":1,"id":"evt_1"}'),
    "huge timestamp": http([arky()[0], ("x-arky-timestamp", "9" * 5000)]),
    "timestamp beyond floats": http(arky(BODY, at="9" * 400)),
    "a thousand headers": http([*arky(), *((f"x-{number}", "v") for number in range(10_000))]),
    "a thousand signatures": http([*arky(), *(("x-arky-signature", "0" * 64) for _ in range(10_000))]),
    "a long header": http([*arky(), ("x-long", "v" * 1_000_000)]),
    "a long event": _signed(b'{"event":"' + b"e" * 1_000_000 + b'"}'),
    "many keys": _signed(b'{"event":"order.paid",' + b",".join(b'"k%d":1' % at for at in range(20_000)) + b"}"),
    "zeros": bytes(1_000_000),
    "high bytes": b"\xff" * 1_000_000,
    "UTF-16": ("\ufeff" + genuine(1).decode()).encode("utf-16-le"),
    "one line": b"x" * 5_000_000,
    "open brackets, spaced": b"{ " * 500_000,
    "quotes": b"curl '" + b"'\\''" * 200_000,
    "backslashes": b'curl "' + b"\\" * 500_000,
    "line continuations": b"curl \\\n" * 20_000,
    "empty chunks": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0\r\n" * 100_000,
    "huge chunk": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 5000 + b"\r\nx",
    "huge length": b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 10_000 + b"\r\n\r\nx",
    "negative length": b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\nx",
    "many requests": b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n" * 300,
    "gzip, cut off": gzip.compress(http(arky()))[:-9],
    "gzip, two bytes": b"\x1f\x8b",
    "gzip, broken": b"\x1f\x8b\x08\x00" + b"\xff" * 500,
    "gzip, wrong sum": gzip.compress(http(arky()))[:-8] + b"\0" * 8,
    "gzip, garbage behind": gzip.compress(http(arky())) + b"garbage",
    "gzip in gzip": gzip.compress(gzip.compress(http(arky()))),
    "deflate": zlib.compress(http(arky())),
    "an archive of everything": archive(
        b"{", b"[" * DEEP, b"\0", b"\xff\xfe", genuine(1), b'{"schema":1}', b"null", b'""'
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_answered(signing: Cli, kind: str) -> None:
    judged(signing, HOSTILE[kind])


@pytest.mark.parametrize("form", [form for form in Form if form is not Form.BODY])
@pytest.mark.parametrize(
    "kind", ["deep list", "deep body", "huge integer", "zeros", "quotes", "gzip, cut off", "UTF-16"]
)
def test_a_hostile_file_is_answered_whatever_it_is_said_to_be(signing: Cli, kind: str, form: Form) -> None:
    judged(signing, HOSTILE[kind], "--from", form)


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_body_is_judged_by_its_bytes(signing: Cli, kind: str) -> None:
    body = HOSTILE[kind]
    (_, signature), (_, at) = arky(body)
    result = judged(signing, body, "--provider", "arky", "--signature", signature, "--timestamp", at)
    (found,) = result.document["results"]
    # what is zipped is unzipped first, and is then another body
    expected = {"verdict"} if not body.startswith(b"\x1f\x8b") else {"verdict", "unreadable"}
    assert found["type"] in expected
    assert body.startswith(b"\x1f\x8b") or found["valid"]


@given(data=st.binary(max_size=200))
@example(b"")
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_answered(signing: Cli, data: bytes) -> None:
    judged(signing, data)


@given(data=st.data(), form=st.sampled_from([*IN_FORM]))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_capture_with_something_changed_is_answered(signing: Cli, data: st.DataObject, form: Form) -> None:
    whole = IN_FORM[form](arky(), BODY)
    at = data.draw(st.integers(0, len(whole) - 1))
    length = data.draw(st.integers(0, 5))
    changed = whole[:at] + data.draw(st.binary(max_size=5)) + whole[at + length :]
    options = data.draw(st.sampled_from([[], ["--from", form]]))
    judged(signing, changed, *options)


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """Return a gibibyte of zeros in a megabyte of gzip."""
    packer = zlib.compressobj(9, wbits=31)
    zeros = bytes(16 * 1024 * 1024)
    return b"".join([*(packer.compress(zeros) for _ in range(64)), packer.flush()])


@pytest.mark.parametrize("options", [[], ["--from", "http"], ["--provider", "arky", "--signature", "00"]], ids=str)
def test_a_gzip_bomb_is_refused_in_bounded_memory(signing: Cli, bomb: bytes, options: list[str]) -> None:
    assert len(bomb) < 1_100_000
    (signing.folder / "bomb.gz").write_bytes(bomb)
    done = bounded(signing, "verify", "bomb.gz", *options)
    assert (done.returncode, done.stderr) == (3, b"")
    assert b"larger than 256 MiB" in done.stdout


def test_a_gzip_bomb_of_an_archive_is_given_up(signing: Cli, bomb: bytes) -> None:
    line = gzip.compress(archive(genuine(1)) + b'{"schema"')
    (signing.folder / "bomb.gz").write_bytes(line + bomb + bomb[: len(bomb) // 8])
    done = bounded(signing, "verify", "bomb.gz", "--format", "ndjson")
    first, second, summary = schemas.records(done.stdout)
    assert (done.returncode, done.stderr) == (3, b"")
    assert (first["valid"], second["source"]) == (True, "bomb.gz:2")
    assert "the rest of the file was not read" in second["error"]
    assert summary["total"] == 2


def test_a_file_that_grows_while_it_is_read_comes_to_an_end(signing: Cli) -> None:
    path = signing.folder / "a.ndjson"
    block = archive(*(genuine(number) for number in range(500)))
    path.write_bytes(block * 10)
    over = threading.Event()

    def grow() -> None:
        with path.open("ab") as stream:
            while not over.wait(0.01):
                # faster than it can be examined, but no disk is filled
                if stream.tell() < 30_000_000:
                    stream.write(block * 4)
                    stream.flush()

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        result = signing("verify", "a.ndjson", "-q", "--jobs", "1")
    finally:
        over.set()
        writer.join()
    # what was there when it was opened; the last line of that may have been half written
    assert result.code in {0, 3}
    assert "captures: " in result.out


def _fifo_in_a_folder(folder: Path) -> str:
    os.mkfifo(folder / "pipe")
    return "it is not a regular file"


def _link_to_a_device(folder: Path) -> str:
    (folder / "zero").symlink_to("/dev/zero")
    return "it is not a regular file"


def _link_to_itself(folder: Path) -> str:
    (folder / "loop").symlink_to("loop")
    return "Too many levels of symbolic links"


def _link_to_nothing(folder: Path) -> str:
    (folder / "gone").symlink_to("nowhere")
    return "No such file or directory"


def _unreadable(folder: Path) -> str:
    unreadable(folder / "closed")
    return "cannot read it: "


@pytest.mark.parametrize("make", [_fifo_in_a_folder, _link_to_a_device, _link_to_itself, _link_to_nothing, _unreadable])
def test_a_folder_with_what_cannot_be_read_is_read_all_the_same(signing: Cli, make: Any) -> None:  # noqa: ANN401
    folder = signing.folder / "d"
    folder.mkdir()
    says = make(folder)
    (folder / "a.http").write_bytes(http(arky()))
    (folder / "zz.http").write_bytes(http(arky()))
    for name in ("d", "d/*"):
        result = signing("verify", name, "--format", "ndjson")
        first, second, third, summary = result.records
        assert (result.code, first["valid"], third["valid"], summary["unreadable"]) == (3, True, True, 1)
        assert says in second["error"]


def test_a_pipe_that_is_named_is_read(signing: Cli) -> None:
    # <(...) of a shell
    (signing.folder / "a.http").write_bytes(http(arky()))
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m hookctl verify <(gzip < a.http) -q"],
        cwd=signing.folder,
        env=signing.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("1 capture: 1 valid, 1 not as the schema says\n")


NAMES = [
    b"two\nlines",
    b"\x1b[2Jred",
    b"\xff\xfe",
    b" ",
    b"a:1",
    b"-v",
    b"#1",
    "Zoë \u202e".encode(),
    b"*",
    b"[x]",
    b"'\"$(x)",
]


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_a_file_may_be_called_anything(signing: Cli, name: bytes) -> None:
    text = os.fsdecode(name)
    (signing.folder / "d").mkdir()
    for folder in ("", "d/"):
        (signing.folder / f"{folder}{text}").write_bytes(http(arky()))
    given_name = f"./{text}" if text.startswith("-") else text
    for argument, source in ((given_name, given_name), ("d", f"d/{text}")):
        result = signing("verify", argument, "--format", "ndjson", "--report", "junit=report.xml")
        assert (result.code, result.err, result.records[0]["source"]) == (0, "", source)
        shown = signing("verify", argument)
        assert shown.code == 0
        assert shown.out.startswith("✓ ")
        assert "\x1b" not in shown.out
        assert " order.paid  valid  evt_1\n" in shown.out.partition("    drift")[0]
