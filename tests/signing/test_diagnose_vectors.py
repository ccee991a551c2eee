"""What other programs did to a delivery is found out, whichever it was: openssl signed every one of them."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from hookctl.catalogue import read_sample
from hookctl.flows.identify import event_of
from hookctl.model import Diagnosis, Explanation, Reason, Verdict
from hookctl.payload.render import read_envelope
from hookctl.payload.schema import load_sample
from hookctl.signing import verify
from hookctl.signing.diagnose import Outcome, diagnose
from tests.signing.support import AT_MS, CATALOGUE, PROVIDERS, Lines, pair

VECTORS = Path(__file__).parents[1] / "vectors" / "diagnoses.json"
TOOLS = ("openssl", "node", "python3", "jq", "php", "iconv", "sed", "base64", "tr", "od")
OTHER_SECRET = pair(b"the other secret")


@dataclass(frozen=True)
class Vector:
    """A delivery that something was done to."""

    name: str
    provider: str
    """Whose it is taken to be."""
    made: str
    """The commands that did it."""
    headers: Lines
    tolerance_s: float | None
    diagnosis: Diagnosis
    second: Diagnosis | None
    secret: bytes
    previous: bytes | None
    signed: bytes
    captured: bytes

    def verdict(self) -> Verdict:
        """Verify it as its receiver does, at the time it was signed."""
        provider = CATALOGUE.provider(self.provider)
        secrets = pair(self.secret, self.previous)
        return verify(
            provider, self.headers, self.captured, secrets, received_at_ms=AT_MS, tolerance_s=self.tolerance_s
        )

    def outcome(self) -> Outcome:
        """Diagnose it with all that is known: the sample, and the other provider's secret."""
        provider = CATALOGUE.provider(self.provider)
        name, _ = event_of(provider, tuple(self.headers), read_envelope(self.captured))
        event = None if name is None else provider.event(name)
        return diagnose(
            provider,
            tuple(self.headers),
            self.captured,
            pair(self.secret, self.previous),
            self.verdict(),
            others=[(other, OTHER_SECRET) for other in PROVIDERS if other is not provider],
            sample=None if event is None else load_sample(event, read_sample(event)),
            tolerance_s=self.tolerance_s,
        )

    def explanation(self) -> Explanation:
        """Diagnose it, and expect an answer."""
        outcome = self.outcome()
        assert outcome.exhausted, self.made
        assert outcome.explanation is not None, self.made
        return outcome.explanation


def load() -> list[Vector]:
    return [
        Vector(
            one["name"],
            one["provider"],
            one["made"],
            [(name.encode(), value.encode()) for name, value in one["headers"]],
            one["tolerance_s"],
            Diagnosis(one["diagnosis"]),
            None if one["second"] is None else Diagnosis(one["second"]),
            bytes.fromhex(one["secret_hex"]),
            None if one["previous_hex"] is None else bytes.fromhex(one["previous_hex"]),
            bytes.fromhex(one["signed_hex"]),
            bytes.fromhex(one["captured_hex"]),
        )
        for one in json.loads(VECTORS.read_bytes())["vectors"]
    ]


ALL = load()
BROKEN = [vector for vector in ALL if vector.diagnosis is not Diagnosis.PREVIOUS_SECRET]
each_broken = pytest.mark.parametrize("vector", BROKEN, ids=lambda vector: f"{vector.provider}-{vector.name}")


@pytest.mark.slow
@pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason=f"not all of {', '.join(TOOLS)} are on the PATH")
def test_the_command_in_the_file_makes_the_file_again() -> None:
    command = shlex.split(json.loads(VECTORS.read_bytes())["made_by"])
    done = subprocess.run(command, cwd=VECTORS.parents[2], capture_output=True, timeout=110, check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    assert done.stdout == VECTORS.read_bytes(), f"{' '.join(command)} > {VECTORS.name}"


def test_the_list_of_diagnoses_is_closed_and_every_one_has_a_vector() -> None:
    assert {diagnosis.value for diagnosis in Diagnosis} == {
        "previous_secret",
        "body_reserialised",
        "trailing_newline",
        "newline_converted",
        "bom_stripped",
        "lossy_utf8",
        "base64_for_hex",
        "hex_for_base64",
        "signature_prefixed",
        "signature_uppercased",
        "timestamp_not_signed",
        "timestamp_in_ms",
        "secret_trimmed",
        "secret_unprefixed",
        "secret_base64_decoded",
        "secret_empty",
        "other_provider",
    }
    alone = {(vector.provider, vector.diagnosis) for vector in ALL if vector.second is None}
    only_arky = {Diagnosis.BASE64_FOR_HEX, Diagnosis.TIMESTAMP_IN_MS, Diagnosis.TIMESTAMP_NOT_SIGNED}
    assert alone == {("arky", one) for one in Diagnosis if one is not Diagnosis.HEX_FOR_BASE64} | {
        ("arcade", one) for one in Diagnosis if one not in only_arky
    }


@pytest.mark.parametrize(
    "vector",
    [vector for vector in ALL if vector.diagnosis is Diagnosis.PREVIOUS_SECRET],
    ids=lambda vector: vector.provider,
)
def test_the_previous_secret_is_told_by_the_verdict(vector: Vector) -> None:
    verdict = vector.verdict()
    assert (verdict.valid, verdict.reason, verdict.diagnosis) == (True, Reason.OK, Diagnosis.PREVIOUS_SECRET)
    assert vector.captured == vector.signed


@each_broken
def test_what_was_done_is_found_and_nothing_else(vector: Vector) -> None:
    assert not vector.verdict().valid
    explanation = vector.explanation()
    assert (explanation.diagnosis, explanation.second) == (vector.diagnosis, vector.second), explanation.happened


@each_broken
def test_the_body_that_was_signed_is_given_back_where_another_arrived(vector: Vector) -> None:
    expected = None if vector.signed == vector.captured else vector.signed
    assert vector.explanation().signed_body == expected


@each_broken
def test_it_is_told_in_one_plain_clause_each(vector: Vector) -> None:
    explanation = vector.explanation()
    for text in (explanation.happened, explanation.remedy):
        assert text.isprintable()
        assert text[:1] == text[:1].lower() or not text[:1].isalpha()
        assert not text.endswith(".")
    assert ("; and " in explanation.happened) is (vector.second is not None)
    secret = vector.secret.decode().strip("\"'\n")
    assert secret not in explanation.happened + explanation.remedy


@each_broken
def test_one_flipped_bit_in_the_captured_body_leaves_nothing_to_tell(vector: Vector) -> None:
    # a letter of the text, which is the same however the body was written
    at = vector.captured.index(b"timestamp")
    forged = bytearray(vector.captured)
    forged[at] ^= 1
    outcome = replace(vector, captured=bytes(forged)).outcome()
    assert outcome == Outcome(None, exhausted=True)
