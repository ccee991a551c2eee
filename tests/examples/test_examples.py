"""Every event of every example, as the command line sends it, before the vendors' own libraries."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hookctl.catalogue import read_sample, read_schema
from hookctl.model import Payload, Reason, SampleKind, Tamper
from hookctl.receiver import BackgroundServer, Reply
from hookctl.signing import sign
from tests.examples.library import Libraries, missing_tools
from tests.examples.shared import (
    EXAMPLES,
    GITHUB,
    NOWHERE,
    PROVIDERS,
    SHOPIFY,
    STANDARD,
    STRIPE,
    Delivery,
    Example,
    agreed,
    hookctl_verdict,
    previews,
)

if TYPE_CHECKING:
    from pathlib import Path

    from hookctl.model import CapturedRequest
    from tests.harness import Cli

DRY = ("--to", NOWHERE, "--dry-run", "--format", "ndjson")
each_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
ROTATING = [example for example in EXAMPLES if example.rotates]


def _send(hookctl: Cli, example: Example, *arguments: str) -> list[Delivery]:
    return previews(hookctl("send", *arguments, "--provider", example.path, *DRY, env=example.env))


def test_every_example_folder_is_tested() -> None:
    assert {path.parent.name for path in PROVIDERS.glob("*/provider.toml")} == {example.name for example in EXAMPLES}


@each_example
def test_an_examples_samples_fit_its_schemas_and_name_no_real_host(example: Example) -> None:
    provider = example.provider
    assert provider.name == example.name
    assert 2 <= len(provider.events) <= 4
    assert all(event.sample_kind is SampleKind.ILLUSTRATIVE for event in provider.events)
    for event in provider.events:
        sample = json.loads(read_sample(event))
        jsonschema_rs.validator_for(json.loads(read_schema(event))).validate(sample)
        hosts = {word.split("/")[0] for word in read_sample(event).decode().split("https://")[1:]}
        assert all(host == "example.com" or host.endswith(".example.com") for host in hosts)


@each_example
def test_the_vendors_library_accepts_every_event(libraries: Libraries, hookctl: Cli, example: Example) -> None:
    deliveries = _send(hookctl, example, "--all")
    assert [delivery.event for delivery in deliveries] == [event.name for event in example.provider.events]
    for delivery in deliveries:
        assert agreed(libraries, example, delivery) is Reason.OK
        # what is accepted with this secret is refused with another
        assert agreed(libraries, example, delivery, example.previous) is Reason.MISMATCH


@each_example
def test_headers_are_those_of_the_vendor(hookctl: Cli, example: Example) -> None:
    before_s = time.time()
    for delivery in _send(hookctl, example, "--all"):
        names = [name for name, _ in delivery.headers][2:]
        if example is STANDARD:
            assert names == ["webhook-signature", "webhook-timestamp", "webhook-id"]
            assert delivery.header("webhook-id") == delivery.event_id
            assert delivery.header("webhook-id").startswith("msg_")
            assert int(before_s) <= int(delivery.header("webhook-timestamp")) <= time.time()
        elif example is GITHUB:
            assert names == [
                "X-Hub-Signature-256",
                "X-GitHub-Event",
                "X-GitHub-Delivery",
                "X-GitHub-Hook-ID",
                "X-GitHub-Hook-Installation-Target-Type",
                "X-GitHub-Hook-Installation-Target-ID",
            ]
            assert delivery.header("X-GitHub-Event") == delivery.event
            assert delivery.header("X-GitHub-Delivery") == delivery.event_id
        elif example is STRIPE:
            assert names == ["Stripe-Signature"]
            assert json.loads(delivery.body)["id"] == delivery.event_id
        else:
            assert names == [
                "X-Shopify-Hmac-Sha256",
                "X-Shopify-Triggered-At",
                "X-Shopify-Topic",
                "X-Shopify-Webhook-Id",
                "X-Shopify-Event-Id",
                "X-Shopify-Shop-Domain",
                "X-Shopify-API-Version",
            ]
            assert delivery.header("X-Shopify-Topic") == delivery.event


@pytest.mark.parametrize(
    ("example", "event", "paths"),
    [
        (STANDARD, "contact.created", {"timestamp": "2030-05-06T07:08:09.000Z"}),
        (
            GITHUB,
            "issues",
            {"issue.created_at": "2030-05-06T07:08:09Z", "repository.pushed_at": "2030-05-06T07:07:09Z"},
        ),
        (
            GITHUB,
            "push",
            {"head_commit.timestamp": "2030-05-06T07:07:39+00:00", "repository.pushed_at": 1904281689},
        ),
        (STRIPE, "charge.refunded", {"created": 1904281689, "data.object.created": 1904281689 - 86405}),
        (SHOPIFY, "orders/create", {"created_at": "2030-05-06T07:08:09+00:00"}),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "name", ""),
)
def test_times_move_and_keep_the_vendors_form(
    hookctl: Cli, example: Example, event: str, paths: dict[str, object]
) -> None:
    (delivery,) = _send(hookctl, example, event, "--at", "2030-05-06T07:08:09Z")
    for path, expected in paths.items():
        value = json.loads(delivery.body)
        for step in path.split("."):
            value = value[step]
        assert value == expected


@pytest.mark.parametrize("kind", Tamper)
@each_example
def test_what_is_tampered_with_is_refused_by_the_vendors_library(
    libraries: Libraries, hookctl: Cli, example: Example, kind: Tamper
) -> None:
    if kind is Tamper.TIMESTAMP and not example.signs_time:
        result = hookctl("send", "--all", "--tamper", kind, "--provider", example.path, *DRY, env=example.env)
        assert (result.code, result.out) == (2, "")
        assert f"--tamper timestamp: {example.provider.title} signs no timestamp" in result.err
        return
    deliveries = _send(hookctl, example, "--all", "--tamper", kind)
    assert len(deliveries) == len(example.provider.events)
    expected = Reason.MISSING_SIGNATURE if kind is Tamper.MISSING else Reason.MISMATCH
    assert {agreed(libraries, example, delivery) for delivery in deliveries} == {expected}


@pytest.mark.parametrize("example", ROTATING, ids=lambda example: example.name)
def test_while_secrets_rotate_each_side_accepts_by_either_secret(
    libraries: Libraries, hookctl: Cli, example: Example
) -> None:
    event = example.provider.events[0].name
    (both,) = _send(hookctl, example, event, "--rotate", "both")
    assert agreed(libraries, example, both, example.secret) is Reason.OK
    assert agreed(libraries, example, both, example.previous) is Reason.OK
    (old,) = _send(hookctl, example, event, "--rotate", "old")
    assert agreed(libraries, example, old, example.secret) is Reason.MISMATCH
    assert agreed(libraries, example, old, example.previous) is Reason.OK
    (new,) = _send(hookctl, example, event, "--rotate", "new")
    assert agreed(libraries, example, new, example.secret) is Reason.OK
    assert agreed(libraries, example, new, example.previous) is Reason.MISMATCH
    (spoiled,) = _send(hookctl, example, event, "--rotate", "both", "--tamper", "signature")
    for secret in (example.secret, example.previous):
        assert agreed(libraries, example, spoiled, secret) is Reason.MISMATCH


@pytest.mark.parametrize("example", [e for e in EXAMPLES if not e.rotates], ids=lambda example: example.name)
def test_a_scheme_without_a_second_signature_cannot_rotate(hookctl: Cli, example: Example) -> None:
    result = hookctl("send", "--all", "--rotate", "both", "--provider", example.path, *DRY, env=example.env)
    assert (result.code, result.out) == (2, "")
    assert f"--rotate: {example.provider.title} documents no second signature" in result.err


@pytest.mark.parametrize("example", [STANDARD, STRIPE], ids=lambda example: example.name)
def test_a_delivery_of_ten_minutes_ago_is_refused(libraries: Libraries, hookctl: Cli, example: Example) -> None:
    (delivery,) = _send(hookctl, example, example.provider.events[0].name, "--at", str(int(time.time()) - 600))
    assert agreed(libraries, example, delivery) is Reason.STALE


@pytest.mark.parametrize(
    ("example", "secret"),
    [
        (STANDARD, "whsec_not base64!"),
        (STANDARD, "whsec_"),
    ],
)
def test_a_secret_of_another_form_is_named_by_its_variable(hookctl: Cli, example: Example, secret: str) -> None:
    env = {example.secret_env: secret}
    result = hookctl("send", "--all", "--provider", example.path, *DRY, env=env)
    assert (result.code, result.out) == (3, "")
    assert f"${example.secret_env}" in result.err
    assert "not base64!" not in result.err


def test_a_secret_may_lack_the_prefix_that_only_says_what_it_is(libraries: Libraries, hookctl: Cli) -> None:
    bare = STANDARD.secret.removeprefix("whsec_")
    result = hookctl("send", "--all", "--provider", STANDARD.path, *DRY, env={STANDARD.secret_env: bare})
    for delivery in previews(result):
        assert agreed(libraries, STANDARD, delivery, bare) is Reason.OK
        assert agreed(libraries, STANDARD, delivery) is Reason.OK


# the other way round: what the vendors' libraries sign


@pytest.mark.parametrize("example", [STANDARD, GITHUB, STRIPE], ids=lambda example: example.name)
def test_hookctl_accepts_what_the_vendors_library_signs(libraries: Libraries, example: Example) -> None:
    for event in example.provider.events:
        body = read_sample(event)
        now = int(time.time())
        made = libraries.sign(example.name, body, example.secret, delivery_id="msg_1", timestamp=now)
        assert hookctl_verdict(example, made, body, example.secret).reason is Reason.OK
        assert hookctl_verdict(example, made, body + b" ", example.secret).reason is Reason.MISMATCH
        with_old = hookctl_verdict(example, made, body, example.previous, example.secret)
        assert (with_old.reason, with_old.diagnosis) == (Reason.OK, "previous_secret")


JSON_TEXT = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=8,
).map(lambda value: json.dumps(value, ensure_ascii=False).encode())


@pytest.mark.parametrize("example", [STANDARD, GITHUB, STRIPE], ids=lambda example: example.name)
@given(body=JSON_TEXT)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_sign_alike_whatever_the_body_is(libraries: Libraries, example: Example, body: bytes) -> None:
    now = int(time.time())
    theirs = libraries.sign(example.name, body, example.secret, delivery_id="msg_1", timestamp=now)
    payload = Payload(body, "push", "msg_1", now * 1000)
    ours = sign(example.provider, payload, example.secrets(example.secret)).headers(example.provider)
    wanted = {name.lower(): value for name, value in theirs}
    assert wanted.items() <= {name.lower(): value for name, value in ours}.items()


# real deliveries


@each_example
def test_a_delivery_over_http_verifies_as_it_arrives(libraries: Libraries, hookctl: Cli, example: Example) -> None:
    arrived: list[CapturedRequest] = []

    async def keep(request: CapturedRequest) -> Reply:
        arrived.append(request)
        await asyncio.sleep(0)
        return Reply(200)

    event = example.provider.events[0].name
    with BackgroundServer(keep) as server:
        to = f"{server.url}/hook"
        result = hookctl("send", event, "--provider", example.path, "--to", to, "--format", "ndjson", env=example.env)
    assert result.code == 0
    (request,) = arrived
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers)
    delivery = Delivery(result.records[0]["event"], result.records[0]["event_id"], headers, request.body)
    assert delivery.event == event
    assert agreed(libraries, example, delivery) is Reason.OK
    assert delivery.header("content-length") == str(len(delivery.body))


# headers that a user may and may not replace


def test_a_fixed_header_of_the_provider_is_replaced_by_the_users(libraries: Libraries, hookctl: Cli) -> None:
    (delivery,) = _send(hookctl, SHOPIFY, "orders/create", "-H", "x-shopify-shop-domain: my-own.myshopify.com")
    assert delivery.header("X-Shopify-Shop-Domain") == "my-own.myshopify.com"
    assert agreed(libraries, SHOPIFY, delivery) is Reason.OK


@pytest.mark.parametrize("name", ["X-Shopify-Topic", "x-shopify-webhook-id", "X-Shopify-Triggered-At"])
def test_a_header_that_tells_of_the_delivery_is_not_replaced(hookctl: Cli, name: str) -> None:
    arguments = ("orders/create", "-H", f"{name}: other", "--provider", SHOPIFY.path, *DRY)
    result = hookctl("send", *arguments, env=SHOPIFY.env)
    assert (result.code, result.out) == (2, "")
    assert f"-H {name}" in result.err


# nothing is ever skipped


def test_a_missing_node_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert missing_tools() == "node 20 or newer is not on the PATH"


def test_a_node_that_is_too_old_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = tmp_path / "node"
    old.write_text("#!/bin/sh\necho v18.19.0\n", encoding="utf-8")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert missing_tools() == "node 20 or newer is needed; found v18.19.0"


def test_a_missing_npm_module_is_named_with_what_installs_it(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"dependencies": {"stripe": "^1"}}', encoding="utf-8")
    missing = missing_tools(tmp_path)
    assert missing == "the npm module stripe is not installed in tests/examples: run make test"
