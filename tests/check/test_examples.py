"""A provider of the user's own gets every check that its scheme allows, and none that is wrong."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from hookctl.catalogue.description import load_provider
from hookctl.receiver import BackgroundServer, Reply
from hookctl.signing import verify
from tests.cli.inprocess import run_here
from tests.examples.shared import EXAMPLES, PROVIDERS

if TYPE_CHECKING:
    from hookctl.model import CapturedRequest
    from tests.examples.shared import Example
    from tests.harness import Cli

# by the letter of each scheme: what a provider that signs no time, has no second signature or writes times otherwise
# has no use for
UNTIMED = {"ts-missing", "ts-coerced", "ts-tampered", "ts-old", "ts-future", "ts-nan", "ts-ms", "ts-suffix"}
ONE_SIGNATURE = {"rot-either", "rot-neither"}
NOT_PROBED = {"dup-effect", "dup-race"}
ABSENT = {
    "standard-webhooks": {"sig-upperhex", "body-stale", "order"},
    # the body has no time either
    "github": {*UNTIMED, *ONE_SIGNATURE, "body-stale", "order"},
    # the time stands in the signature's header, so it cannot be missing alone
    "stripe": {"ts-missing", "ts-coerced", "body-stale", "order"},
    "shopify": {*UNTIMED, *ONE_SIGNATURE, "sig-upperhex", "body-stale", "order"},
}


class _Correct:
    """A receiver that does what any provider asks for."""

    def __init__(self, example: Example) -> None:
        self._provider = example.provider
        self._secrets = example.secrets(example.secret)

    def __call__(self, request: CapturedRequest) -> Reply:
        if request.method != "POST":
            return Reply(405)
        replies = self._provider.replies
        if not any(request.header(name) for name in self._provider.signature.headers):
            return Reply(replies.missing_signature)
        now_ms = time.time_ns() // 1_000_000
        verdict = verify(
            self._provider, request.headers, request.body, self._secrets, received_at_ms=now_ms, tolerance_s=300
        )
        if not verdict.valid:
            return Reply(replies.invalid_signature)
        try:
            json.loads(request.body)
        except ValueError:
            return Reply(400)
        return Reply(replies.success)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_a_correct_receiver_of_another_vendor_passes_all_that_its_scheme_allows(cli: Cli, example: Example) -> None:
    cli.env.update(example.env)
    with BackgroundServer(_Correct(example)) as server:
        folder = str(PROVIDERS / example.name)
        result = run_here(cli, "check", f"{server.url}/hooks", "--provider", folder, "--format", "ndjson",
                          "--allow-side-effects")  # fmt: skip
    *outcomes, summary = result.records
    skipped = {one["id"] for one in outcomes if one["result"] == "skipped"}
    assert {one["id"]: one["detail"] for one in outcomes if one["result"] not in {"pass", "skipped"}} == {}
    assert skipped == {*ABSENT[example.name], *NOT_PROBED, "tls"}
    assert (result.code, summary["verdict"]) == (0, "right")


def test_the_examples_are_those_that_there_are() -> None:
    assert {folder.name for folder in PROVIDERS.iterdir()} == set(ABSENT)
    assert all(load_provider(PROVIDERS / name).out_of_order == () for name in ABSENT)
