"""Checks of the rotation of secrets: either of two signatures may be the right one, and one of them has to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.check.model import Check, Effect, Severity
from hookctl.check.wanted import ACCEPTED, refused
from hookctl.signing.tamper import change_first_digit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.check.compose import Composer
    from hookctl.check.model import Probe
    from hookctl.model import Provider


def checks(provider: Provider) -> tuple[Check, ...]:
    """Return the checks of rotation."""
    spec = provider.signature
    absent = None if spec.rotates else f"{provider.title} documents no second signature"
    where = spec.rotation_header or f"a second signature in {spec.header}"
    return (
        Check(
            "rot-either",
            Severity.MUST,
            f"a wrong signature and the right one in {where}; the other way round; only the second"
            if spec.rotation_header is not None
            else "a wrong signature and the right one, in either order",
            "2xx",
            "while the secret is being rotated the right signature is in either place",
            f"accept a delivery when either signature is right: {spec.header} or {where}",
            Effect.CARRIED,
            _either,
            absent=absent,
        ),
        Check(
            "rot-neither",
            Severity.MUST,
            "two wrong signatures",
            str(provider.replies.invalid_signature),
            "that there are two makes neither right",
            "refuse when neither signature is right",
            build=_neither,
            malformed=True,
            absent=absent,
        ),
    )


def _either(composer: Composer, check: Check) -> Iterator[Probe]:
    spec = composer.provider.signature
    second = spec.rotation_header or spec.header
    for label, right_is_second in (("wrong, then right", True), ("right, then wrong", False)):
        draft = composer.draft(check)
        wrong = change_first_digit(draft.signature)
        values = (wrong, draft.signature) if right_is_second else (draft.signature, wrong)
        changed = composer.with_signatures(draft, (spec.header, values[0]), (second, values[1]))
        yield composer.probe(changed, ACCEPTED, label)
    if spec.rotation_header is not None:
        draft = composer.draft(check)
        yield composer.probe(composer.with_signatures(draft, (second, draft.signature)), ACCEPTED, "only the second")


def _neither(composer: Composer, check: Check) -> Iterator[Probe]:
    spec = composer.provider.signature
    draft = composer.draft(check)
    wrong = change_first_digit(draft.signature)
    also_wrong = change_first_digit(composer.signed(draft, key=composer.other_key).signature)
    changed = composer.with_signatures(draft, (spec.header, wrong), (spec.rotation_header or spec.header, also_wrong))
    yield composer.probe(changed, refused(composer.provider))
