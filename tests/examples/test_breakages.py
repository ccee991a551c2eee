"""A broken copy of an example: the error names the file, the key and the nearest valid name."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from hookctl.catalogue.description import load_provider
from hookctl.errors import ExitCode, ProviderError
from hookctl.model import Reason
from hookctl.signing import verify
from tests.examples.shared import (
    GITHUB,
    NOWHERE,
    PROVIDERS,
    SHOPIFY,
    STANDARD,
    STRIPE,
    Example,
    hookctl_verdict,
    previews,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness import Cli

DRY = ("--to", NOWHERE, "--dry-run", "--format", "ndjson")
WEBHOOK_ID = '[[headers]]\nname = "webhook-id"\nvalue = "{id}"\nsource = "spec: Webhook headers"\n'
STRIPE_TIME = """[timestamp]
# No header: the time stands in the signature's.
unit = "unix-seconds"
source = "webhooks: Verify webhook signatures manually; library: generateTestHeaderString"
"""
GITHUB_ID = '[id]\nkind = "uuid"\nsource = "payloads: Delivery headers, X-GitHub-Delivery"\n'


def _copy(tmp_path: Path, example: Example, *changes: tuple[str, str]) -> Path:
    """Return a copy of an example's folder with one place of its provider.toml changed each."""
    folder = tmp_path / example.name
    shutil.copytree(PROVIDERS / example.name, folder)
    file = folder / "provider.toml"
    text = file.read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")
    return folder


# an example, what is changed in it, the error behind the file's name, and the hint
BREAKAGES: list[tuple[Example, str, str, str, str | None]] = [
    # placeholders
    (
        STANDARD,
        'content = "{id}.',
        'content = "{ids}.',
        "signature.content has the unknown placeholder {ids}",
        "did you mean '{id}'?",
    ),
    (
        STANDARD,
        "{timestamp}.{body}",
        "{when}.{body}",
        "signature.content has the unknown placeholder {when}",
        "known: {id} and {timestamp} and {body}",
    ),
    (
        STRIPE,
        "{timestamp},{signatures}",
        "{timestmap},{signatures}",
        "signature.value has the unknown placeholder {timestmap}",
        "did you mean '{timestamp}'?",
    ),
    (
        GITHUB,
        "sha256={signatures}",
        "sha256={signature}",
        "signature.value has the unknown placeholder {signature}",
        "did you mean '{signatures}'?",
    ),
    (
        STANDARD,
        "v1,{signature}",
        "v1,{signatures}",
        "signature.item has the unknown placeholder {signatures}",
        "did you mean '{signature}'?",
    ),
    (
        SHOPIFY,
        'value = "{event}"',
        'value = "{events}"',
        "headers[0].value has the unknown placeholder {events}",
        "did you mean '{event}'?",
    ),
    (STANDARD, "v1,{signature}", "v1,{signature", "signature.item is 'v1,{signature': a brace lacks its partner", None),
    (STANDARD, "v1,{signature}", "v1", "signature.item must have {signature} in it once", None),
    (
        STRIPE,
        "{timestamp},{signatures}",
        "{timestamp},{signatures},{signatures}",
        "signature.value must have {signatures} in it once",
        None,
    ),
    (GITHUB, 'content = "{body}"', 'content = "body"', "signature.content must have {body} in it once", None),
    # what a placeholder needs
    (
        STRIPE,
        STRIPE_TIME,
        "",
        "signature.content needs {timestamp}, but there is no [timestamp] table",
        None,
    ),
    (
        GITHUB,
        'value = "5501"',
        'value = "{timestamp}"',
        "headers[2].value needs {timestamp}, but there is no [timestamp] table",
        None,
    ),
    (
        STANDARD,
        'header = "webhook-timestamp"\n',
        "",
        "timestamp.header is missing, and signature.value does not carry the time",
        None,
    ),
    (
        GITHUB,
        GITHUB_ID,
        "",
        "headers[1].value needs {id}, but neither envelope.id nor an [id] table is there",
        None,
    ),
    (
        STANDARD,
        WEBHOOK_ID,
        "",
        "id makes an id that is sent nowhere",
        'add [[headers]] with value = "{id}"',
    ),
    (
        STANDARD,
        'value = "{id}"',
        'value = "id={id}"',
        "signature.content signs an {id} that no header holds alone",
        'add [[headers]] with value = "{id}"',
    ),
    # the separator
    (STANDARD, 'separator = " "', "separator = 44", "signature.separator must be a non-empty string", None),
    (STANDARD, 'separator = " "', 'separator = ""', "signature.separator must be a non-empty string", None),
    (STANDARD, 'separator = " "', 'separator = ","', "signature.separator is ',', which is a part of item too", None),
    (STRIPE, 'separator = ","', 'separator = "and"', "signature.separator is 'and', which a signature may hold", None),
    (STRIPE, 'separator = ","', 'separator = "\\n"', "signature.separator is '\\n', which a header cannot hold", None),
    (
        STRIPE,
        'separator = ","',
        'seperator = ","',
        "signature.seperator is not a known key",
        "did you mean 'separator'?",
    ),
    (STRIPE, 'item = "v1={signature}"', "item = 1", "signature.item must be a non-empty string", None),
    # headers
    (
        SHOPIFY,
        'name = "X-Shopify-Topic"',
        'name = "X Shopify Topic"',
        "headers[0].name is 'X Shopify Topic'; it must be a header name",
        None,
    ),
    (
        SHOPIFY,
        'name = "X-Shopify-Topic"',
        'name = "Content-Length"',
        "headers[0].name is 'Content-Length', which hookctl writes itself",
        None,
    ),
    (
        SHOPIFY,
        'name = "X-Shopify-Topic"',
        'name = "user-agent"',
        "headers[0].name is 'user-agent', which hookctl writes itself",
        None,
    ),
    (
        SHOPIFY,
        'name = "X-Shopify-Topic"',
        'name = "x-shopify-hmac-sha256"',
        "headers[0].name is 'x-shopify-hmac-sha256', which signature.header is already",
        None,
    ),
    (
        SHOPIFY,
        'name = "X-Shopify-Event-Id"',
        'name = "X-SHOPIFY-TOPIC"',
        "headers[2].name is 'X-SHOPIFY-TOPIC', which headers[0].name is already",
        None,
    ),
    (
        SHOPIFY,
        'header = "X-Shopify-Triggered-At"',
        'header = "X-Shopify-Hmac-Sha256"',
        "timestamp.header is 'X-Shopify-Hmac-Sha256', which signature.header is already",
        None,
    ),
    (
        SHOPIFY,
        'value = "2026-07"',
        'value = "2026\\n07"',
        "headers[4].value is '2026\\n07', which a header cannot hold",
        None,
    ),
    (SHOPIFY, 'value = "2026-07"', 'value = " "', "headers[4].value is ' ', which a header cannot hold", None),
    (SHOPIFY, 'value = "2026-07"', "value = 7", "headers[4].value must be a non-empty string", None),
    (SHOPIFY, 'value = "2026-07"\n', "", "headers[4].value is missing", None),
    (SHOPIFY, 'value = "2026-07"', 'valeu = "2026-07"', "headers[4].value is missing", None),
    (
        STANDARD,
        "[[headers]]",
        "[headers]",
        "headers must be an array of tables: [[headers]]",
        None,
    ),
    (
        STANDARD,
        'value = "{id}"\nsource = "spec: Webhook headers"',
        'value = "{id}"',
        "headers[0].source is missing",
        None,
    ),
    # ids
    (GITHUB, 'kind = "uuid"', 'kind = "uid"', "id.kind is 'uid', which is not supported", "did you mean 'uuid'?"),
    (GITHUB, 'kind = "uuid"', 'kind = "ulid"', "id.kind is 'ulid', which is not supported", "did you mean 'uuid'?"),
    (GITHUB, 'kind = "uuid"', "", "id.kind is missing", None),
    (STANDARD, 'prefix = "msg_"\n', "", "id.prefix is missing", None),
    (STANDARD, 'prefix = "msg_"', 'perfix = "msg_"', "id.prefix is missing", None),
    (
        GITHUB,
        'kind = "uuid"',
        'kind = "uuid"\nprefix = "gh_"',
        "id.prefix is not a known key",
        "known here: kind, source, sources",
    ),
    # secrets
    (
        STANDARD,
        'form = "base64"',
        'form = "base46"',
        "secret.form is 'base46', which is not supported",
        "did you mean 'base64'?",
    ),
    (
        STANDARD,
        'form = "base64"',
        'form = "hex"',
        "secret.form is 'hex', which is not supported",
        "known: text, base64",
    ),
    (STANDARD, 'prefix = "whsec_"', 'prefix = ""', "secret.prefix must be a non-empty string", None),
    (
        STANDARD,
        'prefix = "whsec_"',
        'perfix = "whsec_"',
        "secret.perfix is not a known key",
        "did you mean 'prefix'?",
    ),
    # times
    (
        SHOPIFY,
        'unit = "iso8601-milliseconds"',
        'unit = "iso8601-second"',
        "timestamp.unit is 'iso8601-second', which is not supported",
        "did you mean 'iso8601-seconds' or 'iso8601-milliseconds' or 'iso8601-offset'?",
    ),
    (
        STRIPE,
        'time_unit = "unix-seconds"\n',
        "",
        "envelope.time_unit is missing",
        None,
    ),
    (
        STANDARD,
        'sources = { env = "hookctl" }',
        'sources = { evn = "hookctl" }',
        "secret.sources.evn gives the source of a key that is not there",
        None,
    ),
]


@pytest.mark.parametrize(
    ("example", "old", "new", "problem", "hint"),
    [pytest.param(*row, id=f"{row[0].name}: {row[3]}") for row in BREAKAGES],
)
def test_a_broken_copy_is_refused_by_file_key_and_nearest_name(
    tmp_path: Path, example: Example, old: str, new: str, problem: str, hint: str | None
) -> None:
    folder = _copy(tmp_path, example, (old, new))
    with pytest.raises(ProviderError) as caught:
        load_provider(folder)
    assert (caught.value.message, caught.value.hint) == (f"{folder / 'provider.toml'}: {problem}", hint)
    assert caught.value.exit_code is ExitCode.INPUT


def test_the_command_line_says_it_with_exit_code_3(tmp_path: Path, hookctl: Cli) -> None:
    folder = _copy(tmp_path, GITHUB, ("sha256={signatures}", "sha256={signature}"))
    result = hookctl("send", "--all", "--provider", str(folder), *DRY, env=GITHUB.env)
    assert (result.code, result.out) == (3, "")
    assert f"{folder / 'provider.toml'}: signature.value has the unknown placeholder {{signature}}" in result.err
    assert "did you mean '{signatures}'?" in result.err


# ids and names that no header can hold

BESIDE = '[[headers]]\nname = "X-Beside"\nvalue = "{}"\nsource = "hookctl"\n\n[secret]'


@pytest.mark.parametrize(
    ("example", "header", "text"),
    [
        (GITHUB, "X-GitHub-Delivery", "a\r\nX-Forged: 1"),
        (GITHUB, "X-GitHub-Delivery", " led by a blank"),
        (GITHUB, "X-GitHub-Delivery", "\x1b[31m\x7f"),
        (STANDARD, "webhook-id", "a\nb"),
        (SHOPIFY, "X-Shopify-Webhook-Id", "a\nb"),
    ],
)
def test_an_id_that_no_header_can_hold_is_bad_input(hookctl: Cli, example: Example, header: str, text: str) -> None:
    arguments = ("--all", "--id", text, "--provider", example.path, *DRY)
    result = hookctl("send", *arguments, env=example.env)
    assert (result.code, result.out) == (3, "")
    assert f"the header {header} cannot hold" in result.err
    assert "Traceback" not in result.err
    assert "\x1b" not in result.err


def test_an_id_in_the_body_alone_may_be_any_text(hookctl: Cli) -> None:
    arguments = ("customer.created", "--id", "a\nb", "--provider", STRIPE.path, *DRY)
    (delivery,) = previews(hookctl("send", *arguments, env=STRIPE.env))
    assert json.loads(delivery.body)["id"] == delivery.event_id == "a\nb"


def test_an_id_of_bytes_that_are_no_text_is_signed_as_it_is_sent(hookctl: Cli) -> None:
    arguments = ("contact.deleted", "--id", "\udcff\udcfe", "--provider", STANDARD.path, *DRY)
    (delivery,) = previews(hookctl("send", *arguments, env=STANDARD.env))
    assert delivery.header("webhook-id") == "\xff\xfe"
    assert hookctl_verdict(STANDARD, delivery.headers, delivery.body, STANDARD.secret).reason is Reason.OK


@pytest.mark.parametrize(
    ("value", "change"),
    [
        ("{id}", 'id:="\\ud83d"'),
        ("{id}", 'id:="a\\nb"'),
        ("{event}", 'type:="\\udc00\\ud83d"'),
        ("{event}", 'type:="a\\u0000b"'),
    ],
)
def test_what_stands_in_the_body_and_no_header_can_hold_is_bad_input(
    tmp_path: Path, hookctl: Cli, value: str, change: str
) -> None:
    folder = _copy(tmp_path, STRIPE, ("[secret]", BESIDE.format(value)))
    arguments = ("customer.created", "--set", change, "--provider", str(folder), *DRY)
    result = hookctl("send", *arguments, env=STRIPE.env)
    assert (result.code, result.out) == (3, "")
    assert "the header X-Beside cannot hold" in result.err


def test_a_header_says_the_event_that_was_asked_for_where_the_body_says_none(tmp_path: Path, hookctl: Cli) -> None:
    folder = _copy(tmp_path, STRIPE, ("[secret]", BESIDE.format("{event}")))
    arguments = ("customer.created", "--unset", "type", "--provider", str(folder), *DRY)
    (delivery,) = previews(hookctl("send", *arguments, env=STRIPE.env))
    assert delivery.header("X-Beside") == "customer.created"


def test_a_body_whose_event_only_a_header_says_has_to_be_named(hookctl: Cli) -> None:
    arguments = ("--data", "-", "--provider", GITHUB.path, *DRY)
    result = hookctl("send", *arguments, env=GITHUB.env, stdin=b"{}")
    assert (result.code, result.out) == (3, "")
    assert "the header X-GitHub-Event says which event it is, and the body does not" in result.err
    (delivery,) = previews(hookctl("send", "push", *arguments, env=GITHUB.env, stdin=b"{}"))
    assert (delivery.header("X-GitHub-Event"), delivery.body) == ("push", b"{}")


def test_a_body_without_the_id_that_is_to_be_signed_is_bad_input(tmp_path: Path, hookctl: Cli) -> None:
    folder = _copy(tmp_path, STRIPE, ("{timestamp}.{body}", "{id}.{timestamp}.{body}"))
    arguments = ("customer.created", "--data", "-", "--provider", str(folder), *DRY)
    result = hookctl("send", *arguments, env=STRIPE.env, stdin=b'{"id": 7}')
    assert (result.code, result.out) == (3, "")
    assert "Stripe signs the event's id, and the body has none" in result.err


def test_an_id_in_the_body_is_signed_and_verified_without_a_header(tmp_path: Path, hookctl: Cli) -> None:
    folder = _copy(tmp_path, STRIPE, ("{timestamp}.{body}", "{id}.{timestamp}.{body}"))
    arguments = ("customer.created", "--set", 'id:="\\ud83d é"', "--provider", str(folder), *DRY)
    (delivery,) = previews(hookctl("send", *arguments, env=STRIPE.env))
    lines = [(name.encode(), value.encode("latin-1")) for name, value in delivery.headers]
    secrets = STRIPE.secrets(STRIPE.secret)
    assert verify(load_provider(folder), lines, delivery.body, secrets).reason is Reason.OK
    other = delivery.body.replace("é".encode(), b"e")
    assert verify(load_provider(folder), lines, other, secrets).reason is Reason.MISMATCH
