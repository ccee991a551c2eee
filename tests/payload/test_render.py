"""A sample is made new: fresh ids, times moved to now, the same bytes for the same seed; or sent as documented."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookctl.payload import IdSource, RenderOptions, render
from hookctl.payload.freshness import ID_LENGTH
from tests.payload.material import AT_MS, EVENTS, NAMES, SEED, found, places, rendered, stringified

if TYPE_CHECKING:
    from pathlib import Path

    from hookctl.model import Payload
    from tests.harness import Cli

LAST_MS = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z."""

FRESH = re.compile(r"(evt|ord|usr|pay|shp|rfd|res|eml|node)_[a-z0-9]+")
"""Ids of what comes into being, in Arky's samples."""

KEPT = re.compile(r"(biz|prod|svc|prv)_[a-z0-9]+|khM1A286JbRPxN9fxYsE")
"""Ids of what is there already: the business, its products, services and staff, the demo."""


def sample(name: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads(found(name)[1].sample_path.read_bytes())


def body(payload: Payload) -> Any:  # noqa: ANN401 - JSON
    return json.loads(payload.body)


def is_time(steps: tuple[str | int, ...]) -> bool:
    return steps == ("timestamp",) or str(steps[-1]).endswith(("At", "Time"))


def as_documented(name: str) -> Payload:
    provider, event = found(name)
    return render(provider, event, RenderOptions(IdSource(SEED), as_documented=True), at_ms=AT_MS)


@pytest.mark.parametrize("name", NAMES)
def test_ids_are_fresh_times_are_moved_and_all_else_is_the_sample(name: str) -> None:
    before, after = sample(name), body(rendered(name))
    old, new = list(places(before)), list(places(after))
    # the same members in the same order
    assert [steps for steps, _ in old] == [steps for steps, _ in new]
    seen = 0
    for (steps, was), (_, value) in zip(old, new, strict=True):
        if isinstance(was, dict | list):
            continue
        if is_time(steps):
            assert value != was, steps
        elif isinstance(was, str) and FRESH.fullmatch(was):
            prefix = was[: was.index("_") + 1]
            assert re.fullmatch(rf"{prefix}[0-9A-Za-z]{{{ID_LENGTH}}}", str(value)), steps
            seen += 1
        elif steps == ("sessionId",):
            parsed = uuid.UUID(str(value))
            assert str(parsed) == value != was
            assert (parsed.version, parsed.variant) == (4, uuid.RFC_4122)
            seen += 1
        else:
            assert value == was, steps
    # Arcade's only fresh id is the session's; Arky's events have their own and their subject's
    assert seen >= (1 if name.startswith("formSubmission") else 2)


@pytest.mark.parametrize("name", NAMES)
def test_ids_of_what_is_there_already_stay(name: str) -> None:
    old, new = dict(places(sample(name))), dict(places(body(rendered(name))))
    kept = {steps for steps, value in old.items() if isinstance(value, str) and KEPT.fullmatch(value)}
    assert kept
    assert all(new[steps] == old[steps] for steps in kept)


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(NAMES), at_ms=st.integers(0, LAST_MS))
def test_every_time_moves_by_the_distance_that_brings_the_envelope_to_now(name: str, at_ms: int) -> None:
    payload = rendered(name, at_ms=at_ms)
    assert payload.at_ms == at_ms
    before, after = sample(name), body(payload)
    if name.startswith("formSubmission"):
        text = after["timestamp"]
        assert re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z", text)
        moment = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)
        assert moment.days * 86_400_000 + moment.seconds * 1000 + moment.microseconds // 1000 == at_ms
        return
    assert after["timestamp"] == at_ms // 1000
    distance = after["timestamp"] - before["timestamp"]
    moved = dict(places(after))
    for steps, value in places(before):
        if is_time(steps):
            assert moved[steps] == value + distance, steps


def test_answers_that_are_dates_are_the_persons_and_stay() -> None:
    answers = body(rendered("formSubmission.updated"))["answers"]
    assert answers["Preferred date"] == {"variant": "date", "value": "2024-03-01"}


def test_one_order_lives_through_the_events_of_a_run() -> None:
    names = ["order.created", "order.paid", "order.shipped", "order.delivered", "order.refunded"]
    bodies = {name: body(rendered(name)) for name in [*names, "email.sent", "user.registered"]}
    orders = [bodies[name]["data"]["order"] for name in names]
    (order_id,) = {order["id"] for order in orders}
    (customer_id,) = {order["customer"]["id"] for order in orders}
    assert bodies["email.sent"]["data"]["email"]["orderId"] == order_id
    assert bodies["user.registered"]["data"]["user"]["id"] == customer_id
    assert bodies["order.paid"]["data"]["payment"] == bodies["order.refunded"]["data"]["payment"]
    assert bodies["order.shipped"]["data"]["shipment"]["id"] == bodies["order.delivered"]["data"]["shipment"]["id"]
    # but no two deliveries are of one event
    assert len({document["id"] for document in bodies.values()}) == len(bodies)


def test_one_visit_lives_through_both_of_arcades_events() -> None:
    visits = {body(rendered(name))["sessionId"] for name in ("formSubmission.created", "formSubmission.updated")}
    assert len(visits) == 1


def test_different_things_have_different_ids_and_other_runs_have_others() -> None:
    def ids(seed: bytes) -> dict[str, set[str]]:
        fresh: dict[str, set[str]] = {}
        for name in NAMES:
            new = dict(places(body(rendered(name, seed=seed))))
            for steps, was in places(sample(name)):
                if isinstance(was, str) and (FRESH.fullmatch(was) or steps == ("sessionId",)):
                    fresh.setdefault(was, set()).add(str(new[steps]))
        return fresh

    first, second = ids(b"1"), ids(b"2")
    # one thing of the samples is one thing of the run, and the other way round
    assert all(len(values) == 1 for values in first.values())
    values = [value for group in first.values() for value in group]
    assert len(set(values)) == len(values) == len(first)
    assert not set(values) & {value for group in second.values() for value in group}


def test_repeats_of_an_event_are_new_events_about_the_same_things() -> None:
    provider, event = found("order.paid")
    options = RenderOptions(IdSource(SEED))
    bodies = [body(render(provider, event, options, at_ms=AT_MS, occurrence=number)) for number in range(50)]
    assert len({document["id"] for document in bodies}) == 50
    assert len({document["data"]["order"]["id"] for document in bodies}) == 1
    assert body(rendered("order.paid")) == bodies[0]


def test_things_of_different_providers_are_never_the_same() -> None:
    ids = IdSource(SEED)
    assert ids.entity("x_1", "x_", "arky") != ids.entity("x_1", "x_", "arcade")
    assert ids.event("order.paid", "evt_", "arky", 0) != ids.event("order.paid", "evt_", "ours", 0)


@settings(max_examples=200, deadline=None)
@given(seed=st.binary(max_size=40), sample_id=st.text(st.characters()), prefix=st.none() | st.text(max_size=5))
def test_any_id_of_any_sample_becomes_a_fresh_one(seed: bytes, sample_id: str, prefix: str | None) -> None:
    fresh = IdSource(seed).entity(sample_id, prefix, "ours")
    if prefix is None:
        assert uuid.UUID(fresh).version == 4
    else:
        assert fresh.startswith(prefix)
        assert re.fullmatch(r"[0-9A-Za-z]{24}", fresh[len(prefix) :])
    assert IdSource(seed).entity(sample_id, prefix, "ours") == fresh


@pytest.mark.parametrize("name", NAMES)
def test_the_payload_names_what_stands_in_its_body(name: str) -> None:
    payload = rendered(name)
    document = body(payload)
    assert payload.event == name == document.get("event", document.get("type"))
    assert payload.event_id == document.get("id")


# the bytes

EVERY_EVENT = """
import hashlib
from hookctl.catalogue import load_catalogue
from hookctl.payload import IdSource, RenderOptions, render
catalogue = load_catalogue()
digest = hashlib.sha256()
for event in catalogue.events:
    for occurrence in range(2):
        provider = catalogue.provider(event.provider)
        options = RenderOptions(IdSource(b"42"))
        payload = render(provider, event, options, at_ms=1767225600123, occurrence=occurrence)
        digest.update(payload.body + b"\\n")
print(digest.hexdigest())
"""

PINNED = "974d492a84300b9b78e1c266a40e85ff47c346c68bd9bca8f96da304f98a35c0"
"""What seed 42 gives on 2026-01-01T00:00:00.123Z. It changes only when a sample or the derivation of ids does: the
changelog has to say so then, for the users who pinned bytes of their own."""


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_one_seed_and_one_time_give_the_same_bytes_in_every_process(hash_seed: str, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": "Asia/Kathmandu", "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, "-c", EVERY_EVENT],
        capture_output=True,
        check=True,
        cwd=tmp_path,
        env=environment,
        text=True,
        timeout=30,
    )
    assert done.stdout.strip() == PINNED


def test_the_pinned_bytes_of_one_event_spelt_out() -> None:
    payload = rendered("user.confirmed", seed=b"42", at_ms=1_767_225_600_123)
    assert payload.body == (
        b'{"id":"evt_mejVswlbaAOxc1r9TlzBpZ9Z","event":"user.confirmed","timestamp":1767225600,'
        b'"businessId":"biz_xyz789","data":{"user":{"id":"usr_sZL1mI5ZkVeyDWEHONoKM7Ws","status":"CONFIRMED",'
        b'"email":"john@example.com","firstName":"John","lastName":"Doe","language":"en","confirmedAt":1767225600}}}'
    )


def test_on_the_command_line_seed_and_time_give_the_same_bytes(cli: Cli) -> None:
    arguments = [
        "send",
        "*.updated",
        "--to",
        "http://127.0.0.1:9/hooks",
        "--seed",
        "42",
        "--at",
        "2026-01-01T00:00:00.123Z",
    ]
    runs = [
        cli.with_secrets()(*arguments, "--dry-run", "--format", "http", env={"PYTHONHASHSEED": hash_seed})
        for hash_seed in ("0", "1")
    ]
    assert runs[0].code == 0
    assert runs[0].raw_out == runs[1].raw_out
    # the same derivation as above: --seed's digits are the seed
    provider, event = found("user.updated")
    expected = render(provider, event, RenderOptions(IdSource(b"42")), at_ms=1_767_225_600_123)
    assert expected.body in runs[0].raw_out


@pytest.mark.parametrize("name", NAMES)
def test_as_documented_is_the_sample_compact_in_its_order_dated_as_it_is(name: str) -> None:
    payload = as_documented(name)
    compact = json.dumps(sample(name), separators=(",", ":"), ensure_ascii=False)
    assert payload.body == compact.encode()
    stamp = sample(name)["timestamp"]
    assert payload.at_ms == (
        stamp * 1000 if isinstance(stamp, int) else round(datetime.fromisoformat(stamp).timestamp() * 1000)
    )
    assert (payload.event, payload.event_id) == (name, sample(name).get("id"))


@pytest.mark.parametrize(
    ("name", "at_ms", "sha256"),
    [
        # of the page's text, through JSON.stringify(JSON.parse(...))
        ("order.paid", 1_704_067_200_000, "1b1a1f16beedfd45f6a3839cfc5776e8c7a5693b8c4dc97e41ad46f837445046"),
        (
            "reservation.confirmed",
            1_704_067_200_000,
            "079e36d11ceed2a3a206209f8250d04d46b40cd1197a2020990c6c82b9902de5",
        ),
        (
            "formSubmission.created",
            1_708_012_272_013,
            "6774fbd8c33a09cecf3647bcec34586173dfc3146657150681069d8dee811eab",
        ),
    ],
)
def test_the_documented_bytes_and_their_time_literally(name: str, at_ms: int, sha256: str) -> None:
    payload = as_documented(name)
    assert payload.at_ms == at_ms
    assert hashlib.sha256(payload.body).hexdigest() == sha256


def test_a_body_is_what_json_stringify_would_have_written() -> None:
    bodies = [make(event.name).body.decode() for event in EVENTS for make in (rendered, as_documented)]
    assert len(bodies) == 52
    for ours, theirs in zip(bodies, stringified(bodies), strict=True):
        assert ours == theirs
