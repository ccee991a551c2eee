"""The promise to scripts: exit codes and what an error carries."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hookctl
from hookctl.errors import ExitCode, HookctlError, UnknownNameError, did_you_mean


def every_error() -> list[type[HookctlError]]:
    """Return every error class of the program, wherever it is defined."""
    for module in pkgutil.walk_packages(hookctl.__path__, "hookctl."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found: list[type[HookctlError]] = []
    left = HookctlError.__subclasses__()
    while left:
        error = left.pop()
        found.append(error)
        left += error.__subclasses__()
    return found


def test_the_numbers_never_change() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "YES": 0,
        "NO": 1,
        "USAGE": 2,
        "INPUT": 3,
        "NETWORK": 4,
        "VENDOR": 5,
        "INCONCLUSIVE": 6,
        "BUG": 70,
        "INTERRUPTED": 130,
    }


def test_every_error_has_an_exit_code_that_is_neither_success_nor_a_bug() -> None:
    errors = every_error()
    assert {"UsageError", "InputError", "SecretError", "ConfigError", "OutputError"} <= {
        error.__name__ for error in errors
    }
    for error in errors:
        assert isinstance(error.exit_code, ExitCode), error
        assert error.exit_code not in {ExitCode.YES, ExitCode.BUG, ExitCode.INTERRUPTED}, error


def test_an_error_of_no_kind_is_a_bug() -> None:
    assert HookctlError("x").exit_code is ExitCode.BUG


@pytest.mark.parametrize("hint", [None, "do this"])
def test_an_error_is_one_sentence_and_a_hint(hint: str | None) -> None:
    error = HookctlError("the thing is broken", hint=hint)
    assert (str(error), error.message, error.hint) == ("the thing is broken", "the thing is broken", hint)


@pytest.mark.parametrize(
    ("name", "known", "sentence"),
    [
        ("order.payed", ["order.paid", "zzz"], "did you mean 'order.paid'?"),
        ("ORDER.PAID", ["order.paid"], "did you mean 'order.paid'?"),
        ("formsubmission.created", ["formSubmission.created"], "did you mean 'formSubmission.created'?"),
        ("provdier", ["provider", "endpoints"], "did you mean 'provider'?"),
        ("zzz", ["order.paid"], None),
        ("", ["order.paid"], None),
        ("order.paid", [], None),
    ],
)
def test_the_nearest_name_is_proposed(name: str, known: list[str], sentence: str | None) -> None:
    assert did_you_mean(name, known) == sentence


def test_several_that_are_near_are_proposed_nearest_first() -> None:
    sentence = did_you_mean("node.updatd", ["node.created", "node.updated", "user.updated", "node.deleted"])
    assert sentence is not None
    assert sentence.startswith("did you mean 'node.updated' or ")
    assert sentence.count("'") <= 6


@given(st.text(), st.lists(st.text(min_size=1), max_size=5))
def test_only_known_names_are_proposed(name: str, known: list[str]) -> None:
    sentence = did_you_mean(name, known)
    assert sentence is None or any(repr(candidate) in sentence for candidate in known)


def test_an_unknown_name_without_a_near_one_lists_a_few() -> None:
    assert UnknownNameError("provider", "zzz", ["arky", "arcade"]).hint == "known: arky, arcade"
    assert UnknownNameError("provider", "arki", ["arky", "arcade"]).hint == "did you mean 'arky'?"
    assert UnknownNameError("event", "zzz", [f"event-{index}" for index in range(9)]).hint is None
    assert UnknownNameError("event", "zzz", []).hint is None
    error = UnknownNameError("event", "a\nb", [], where=" in the file")
    assert error.message == "unknown event 'a\\nb' in the file"
    assert error.exit_code is ExitCode.INPUT
