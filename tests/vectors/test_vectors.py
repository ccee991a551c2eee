"""hookctl agrees with openssl and with node:crypto, byte for byte."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hookctl.model import Event, Payload, Reason, Secret, SecretPair
from hookctl.payload import IdSource, RenderOptions, render
from hookctl.signing import compute_signature, sign, signed_content, verify
from tests.signing.support import CATALOGUE

HERE = Path(__file__).parent
FILES = (HERE / "openssl.json", HERE / "node.json")


@dataclass(frozen=True)
class Vector:
    """A signature made by another program."""

    name: str
    provider: str
    key: bytes
    timestamp: str | None
    body: bytes
    signature: str

    @property
    def secrets(self) -> SecretPair:
        return SecretPair(Secret(self.key, "a vector"))

    @property
    def canonical(self) -> bool:
        """Whether hookctl itself would write the timestamp in that way."""
        text = self.timestamp
        return text is None or (text.isascii() and text.isdigit() and str(int(text)) == text)

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        provider = CATALOGUE.provider(self.provider)
        lines = [(provider.signature.header.encode(), self.signature.encode())]
        if provider.timestamp is not None and provider.timestamp.header is not None and self.timestamp is not None:
            lines.append((provider.timestamp.header.encode(), self.timestamp.encode()))
        return lines


def load(file: Path) -> list[Vector]:
    return [
        Vector(
            one["name"],
            one["provider"],
            bytes.fromhex(one["key_hex"]),
            one["timestamp"],
            bytes.fromhex(one["body_hex"]),
            one["signature"],
        )
        for one in json.loads(file.read_bytes())["vectors"]
    ]


ALL = [(file.stem, vector) for file in FILES for vector in load(file)]
each_vector = pytest.mark.parametrize(
    "vector", [pytest.param(vector, id=f"{tool}-{vector.provider}-{vector.name}") for tool, vector in ALL]
)

# what read_time takes for no time: such a header is refused before any key is tried
MALFORMED = {"1e9", "-1", "abc", "", "1704067200.5", "１７０４０６７２００", "+1", "1_000", "0x10", "1704067200Z"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_command_in_the_file_makes_the_file_again(file: Path) -> None:
    command = shlex.split(json.loads(file.read_bytes())["made_by"])
    for tool in {command[0], file.stem}:
        assert shutil.which(tool), f"{tool} is not on the PATH: install it, the vectors in {file.name} are made by it"
    done = subprocess.run(command, cwd=HERE.parents[1], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    assert done.stdout == file.read_bytes(), f"{' '.join(command)} > {file.name}"


def test_the_vectors_cover_both_providers_with_both_tools() -> None:
    assert {(tool, vector.provider) for tool, vector in ALL} == {
        (file.stem, provider.name) for file in FILES for provider in CATALOGUE.providers
    }
    assert len(ALL) > 90


def test_a_missing_openssl_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        ["/bin/sh", str(HERE / "make-openssl.sh")],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 127
    assert done.stdout == b""
    assert b"openssl is not on the PATH" in done.stderr


@each_vector
def test_hookctl_computes_the_same_signature(vector: Vector) -> None:
    spec = CATALOGUE.provider(vector.provider).signature
    content = signed_content(spec, vector.body, (vector.timestamp or "").encode())
    assert compute_signature(spec, vector.key, content) == vector.signature


@each_vector
def test_hookctl_verifies_the_signature(vector: Vector) -> None:
    verdict = verify(CATALOGUE.provider(vector.provider), vector.headers, vector.body, vector.secrets)
    if vector.timestamp in MALFORMED:
        assert (verdict.valid, verdict.reason) == (False, Reason.MALFORMED_TIMESTAMP)
    else:
        assert (verdict.valid, verdict.reason, verdict.diagnosis) == (True, Reason.OK, None)


@pytest.mark.parametrize(
    "vector",
    [pytest.param(vector, id=f"{tool}-{vector.provider}-{vector.name}") for tool, vector in ALL if vector.canonical],
)
def test_hookctl_signs_the_same_header_lines(vector: Vector) -> None:
    provider = CATALOGUE.provider(vector.provider)
    at_ms = int(vector.timestamp or 0) * 1000
    signing = sign(provider, Payload(vector.body, None, None, at_ms), vector.secrets)
    assert [(name.encode(), value.encode()) for name, value in signing.headers(provider)] == vector.headers


@each_vector
def test_no_other_key_of_the_vectors_verifies_it(vector: Vector) -> None:
    provider = CATALOGUE.provider(vector.provider)
    for key in {other.key for _, other in ALL} - {vector.key}:
        assert not verify(provider, vector.headers, vector.body, SecretPair(Secret(key, "another vector"))).valid


def node_samples() -> list[Any]:
    known = {event.name: event for event in CATALOGUE.events}
    return [
        pytest.param(vector, known[vector.name], id=vector.name)
        for vector in load(HERE / "node.json")
        if vector.name in known
    ]


@pytest.mark.parametrize(("vector", "event"), node_samples())
def test_a_sample_is_sent_as_json_stringify_writes_it(vector: Vector, event: Event) -> None:
    provider = CATALOGUE.provider(vector.provider)
    options = RenderOptions(IdSource(b"any"), as_documented=True)
    rendered = render(provider, event, options, at_ms=0)
    assert rendered.body == vector.body
    assert sign(provider, rendered, vector.secrets).signatures == ((provider.signature.header, vector.signature),)


def test_every_event_is_among_them() -> None:
    assert len(node_samples()) == len(CATALOGUE.events)
