"""What the library promises: its names, their arguments and the members of what they return."""

from __future__ import annotations

import inspect
from dataclasses import fields

import pytest

import hookctl
from hookctl.errors import HookctlError
from hookctl.model import Diagnosis, Reason

# a change here is a change of a promise: it belongs into the changelog, and into a major version when it breaks one
SIGNATURES = {
    "render": "(event: 'str', *, provider: 'GivenProvider | None' = None, set: 'Mapping[str, object] | None' = None, "
    "add: 'Mapping[str, object] | None' = None, unset: 'Iterable[str]' = (), at: 'datetime | float | None' = None, "
    "seed: 'int | None' = None, event_id: 'str | None' = None, as_documented: 'bool' = False) -> 'Rendered'",
    "sign": "(provider: 'GivenProvider', body: 'bytes', secret: 'str | bytes', *, "
    "previous_secret: 'str | bytes | None' = None, at: 'datetime | float | None' = None, event: 'str | None' = None, "
    "event_id: 'str | None' = None) -> 'dict[str, str]'",
    "verify": "(provider: 'GivenProvider', headers: 'GivenHeaders', body: 'bytes', secret: 'str | bytes', *, "
    "previous_secret: 'str | bytes | None' = None, tolerance_s: 'float | None' = None, "
    "received_at: 'datetime | float | None' = None, diagnose: 'bool' = True) -> 'Verification'",
}
MEMBERS = {
    "Rendered": {"body", "provider", "event", "event_id", "at", "sign"},
    "Verification": {"valid", "reason", "diagnosis", "age_s", "happened", "remedy"},
}


def test_the_names_are_these() -> None:
    others = {"Diagnosis", "HookctlError", "Reason", "__version__"}
    assert set(hookctl.__all__) == {*SIGNATURES, *MEMBERS, *others}
    assert set(hookctl.__all__) <= set(dir(hookctl))
    assert (hookctl.HookctlError, hookctl.Reason, hookctl.Diagnosis) == (HookctlError, Reason, Diagnosis)


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_function_takes_these_arguments(name: str) -> None:
    assert str(inspect.signature(getattr(hookctl, name))) == SIGNATURES[name]


@pytest.mark.parametrize("name", MEMBERS)
def test_a_result_has_these_members(name: str) -> None:
    kind = getattr(hookctl, name)
    named = {member for member in dir(kind) if not member.startswith("_")}
    assert named == MEMBERS[name]
    assert {field.name for field in fields(kind) if not field.name.startswith("_")} <= named


@pytest.mark.parametrize("name", [*SIGNATURES, *MEMBERS])
def test_everything_is_documented(name: str) -> None:
    value = getattr(hookctl, name)
    told = inspect.getdoc(value)
    assert told
    if name in SIGNATURES:
        for section in ("Args:", "Returns:", "Raises:", "Example:"):
            assert section in told
        for argument in inspect.signature(value).parameters:
            assert f"\n    {argument}: " in told


def test_another_name_is_an_error_that_names_it() -> None:
    with pytest.raises(AttributeError, match="module 'hookctl' has no attribute 'redner'"):
        _ = hookctl.redner  # type: ignore[attr-defined]
