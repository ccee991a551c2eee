"""A receiver with a flaw fails the test, with what is wrong with it: every case in one run of pytest of its own."""

from __future__ import annotations

import pytest

from tests.pytest_plugin.apps import APPS
from tests.pytest_plugin.runs import Run, run_pytest

# the flaw, how the delivery is spoiled, and what the failure says
FLAWS = [
    ("another secret", None, "why: not known; none of the usual mistakes explains it"),
    ("no secret", None, "why: secret_empty"),
    ("cuts the prefix off", None, "why: secret_unprefixed"),
    ("decodes the secret", None, "why: secret_base64_decoded"),
    (
        "verifies parsed JSON",
        None,
        "body_reserialised: signed over the same JSON in the style of Python json.dumps",
    ),
    ("verifies sorted JSON", None, "why: body_reserialised"),
    ("leaves the time out", None, "why: timestamp_not_signed"),
    ("takes the other encoding", None, "why: base64_for_hex"),
    ("raises", None, "ValueError: the handler is broken"),
    ("accepts all", "body", "why: without any signature it is accepted, too: nothing is verified"),
    ("accepts all", "missing", "to do: answer 401 when x-arky-signature is missing, before it is used"),
    ("looks only whether there is one", "signature", "was accepted with 200, expected 401 or another 4xx"),
    ("fails on a bad one", "secret", "was answered 500, expected 401 or another 4xx"),
]

_TESTS = """
import pytest
from apps import APPS

@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize(("flaw", "tamper"), {flaws!r})
def test_flaw(webhooks, app, flaw, tamper):
    webhooks.deliver(APPS[app](flaw), "order.paid", tamper=tamper)  # the line of the test

def test_unknown_event(webhooks):
    webhooks.request("order.padi")  # the line of the test
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run every app with every flaw."""
    flaws = [(flaw, tamper) for flaw, tamper, _ in FLAWS]
    return run_pytest(tmp_path_factory.mktemp("flaws"), {"test_flaws.py": _TESTS.format(flaws=flaws)})


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize(("flaw", "tamper", "told"), FLAWS)
def test_a_flaw_is_told(run: Run, app: str, flaw: str, tamper: str | None, told: str) -> None:
    outcome, text = run.results[f"test_flaw[{flaw}-{tamper}-{app}]"]
    assert outcome == "failed"
    assert told in text
    assert "# the line of the test" in text
    # none of the plugin's own code is in the way
    assert "pytest_plugin/" not in text


def test_a_mistake_of_the_test_is_told_at_its_line(run: Run) -> None:
    outcome, text = run.results["test_unknown_event"]
    assert outcome == "failed"
    assert "hint: did you mean 'order.paid'" in text
    assert "# the line of the test" in text
    assert "given.py" not in text
