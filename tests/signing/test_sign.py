"""Header lines of a signed payload, and which secret makes them while secrets rotate."""

from __future__ import annotations

import pytest

from hookctl.errors import ExitCode, SecretError, UsageError
from hookctl.model import Diagnosis, Reason, Rotation
from hookctl.signing import sign, verify
from tests.signing.support import ARCADE, ARKY, PAIR, pair, payload, wire

BODY = b'{"a":"b"}'
CURRENT = sign(ARCADE, payload(BODY), PAIR).signatures[0][1]
PREVIOUS = sign(ARCADE, payload(BODY), pair(b"the previous secret")).signatures[0][1]


@pytest.mark.parametrize(
    ("rotation", "expected"),
    [
        (None, (("x-arcade-signature", CURRENT),)),
        (Rotation.NEW, (("x-arcade-signature", CURRENT),)),
        (Rotation.OLD, (("x-arcade-signature", PREVIOUS),)),
        (Rotation.BOTH, (("x-arcade-signature", CURRENT), ("x-arcade-signature-2", PREVIOUS))),
    ],
)
def test_rotation_chooses_which_secrets_sign(rotation: Rotation | None, expected: tuple[tuple[str, str], ...]) -> None:
    signing = sign(ARCADE, payload(BODY), PAIR, rotation)
    assert signing.headers(ARCADE) == expected
    verdict = verify(ARCADE, wire(ARCADE, signing), BODY, PAIR)
    diagnosis = Diagnosis.PREVIOUS_SECRET if rotation is Rotation.OLD else None
    assert (verdict.valid, verdict.reason, verdict.diagnosis) == (True, Reason.OK, diagnosis)


def test_a_receiver_with_only_the_previous_secret_accepts_both_and_old() -> None:
    assert PAIR.previous is not None
    before = pair(PAIR.previous.value)
    for rotation, valid in ((Rotation.BOTH, True), (Rotation.OLD, True), (Rotation.NEW, False)):
        signing = sign(ARCADE, payload(BODY), PAIR, rotation)
        assert verify(ARCADE, wire(ARCADE, signing), BODY, before).valid is valid


@pytest.mark.parametrize("rotation", [Rotation.OLD, Rotation.BOTH])
def test_rotation_without_the_previous_secret_names_its_variable(rotation: Rotation) -> None:
    with pytest.raises(SecretError, match=f"--rotate {rotation} needs the previous secret of Arcade") as caught:
        sign(ARCADE, payload(BODY), pair(b"current secret"), rotation)
    assert caught.value.exit_code is ExitCode.INPUT
    assert "ARCADE_SIGNING_SECRET_PREVIOUS" in str(caught.value.hint)


def test_new_needs_no_previous_secret() -> None:
    assert sign(ARCADE, payload(BODY), pair(PAIR.current.value), Rotation.NEW).signatures[0][1] == CURRENT


@pytest.mark.parametrize("rotation", list(Rotation))
def test_arky_has_no_rotation(rotation: Rotation) -> None:
    with pytest.raises(UsageError, match="Arky documents no second signature") as caught:
        sign(ARKY, payload(BODY), PAIR, rotation)
    assert caught.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize(
    ("at_ms", "text"), [(0, "0"), (999, "0"), (1_704_067_200_999, "1704067200"), (253_402_300_799_999, "253402300799")]
)
def test_the_timestamp_header_is_whole_seconds_cut_never_rounded(at_ms: int, text: str) -> None:
    signing = sign(ARKY, payload(BODY, at_ms), PAIR)
    assert signing.timestamp == text
    assert [name for name, _ in signing.headers(ARKY)] == ["x-arky-signature", "x-arky-timestamp"]
    assert dict(signing.headers(ARKY))["x-arky-timestamp"] == text


def test_arcade_sends_no_time_and_signs_none() -> None:
    early, late = (sign(ARCADE, payload(BODY, at_ms), PAIR) for at_ms in (0, 10**12))
    assert early == late
    assert early.timestamp == ""
