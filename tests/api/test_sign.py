"""`hookctl.sign`: headers that other programs verify, and nothing else that would be signed by mistake."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

import hookctl

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "providers"
BODY = b'{"event":"order.paid","data":{"name":"Zo\xc3\xab"}}'


def test_openssl_computes_the_same_signature() -> None:
    headers = hookctl.sign("arky", BODY, "whsec_test", at=1704067200)
    command = ["openssl", "dgst", "-sha256", "-hmac", "whsec_test", "-r"]
    done = subprocess.run(command, input=b"1704067200." + BODY, capture_output=True, check=True)
    assert headers == {
        "content-type": "application/json",
        "x-arky-signature": done.stdout.split()[0].decode(),
        "x-arky-timestamp": "1704067200",
    }


def test_two_secrets_sign_while_they_are_rotated() -> None:
    headers = hookctl.sign("arcade", BODY, "new", previous_secret="old")
    for name, key in (("x-arcade-signature", b"new"), ("x-arcade-signature-2", b"old")):
        assert headers[name] == base64.b64encode(hmac.digest(key, BODY, hashlib.sha256)).decode()
    assert hookctl.verify("arcade", headers, BODY, "old")


@pytest.mark.parametrize(
    "secret", ["whsec_ünï", b"whsec_\xff\x00", " spaced \n", os.fsdecode(b"not utf-8: \xff")], ids=repr
)
def test_a_secret_is_used_exactly_as_given(secret: str | bytes) -> None:
    key = os.fsencode(secret)
    expected = hmac.digest(key, b"1704067200." + BODY, hashlib.sha256).hex()
    assert hookctl.sign("arky", BODY, secret, at=1704067200)["x-arky-signature"] == expected


def test_a_secret_in_base64_is_decoded_where_the_provider_says_so() -> None:
    folder = EXAMPLES / "standard-webhooks"
    key = bytes(range(24))
    secret = f"whsec_{base64.b64encode(key).decode()}"
    body = b'{"type":"contact.created"}'
    headers = hookctl.sign(folder, body, secret, at=1704067200, event_id="msg_1")
    signature = base64.b64encode(hmac.digest(key, b"msg_1.1704067200." + body, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{signature}"
    assert headers["webhook-id"] == "msg_1"
    with pytest.raises(hookctl.HookctlError, match="the secret is not what the provider documents") as raised:
        hookctl.sign(folder, body, "whsec_canary-1234!")
    assert "canary" not in f"{raised.value}{raised.value.hint}"


def test_a_header_that_names_the_event_is_filled() -> None:
    headers = hookctl.sign(EXAMPLES / "github", b"{}", "x", event="push", event_id="a-b")
    assert (headers["X-GitHub-Event"], headers["X-GitHub-Delivery"]) == ("push", "a-b")
    made_up = hookctl.sign(EXAMPLES / "github", b"{}", "x", event="push")["X-GitHub-Delivery"]
    assert len(made_up) == 36
    with pytest.raises(hookctl.HookctlError, match="says which event it is, and the body does not"):
        hookctl.sign(EXAMPLES / "github", b"{}", "x")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("arky", b"{}", ""), "the secret is empty"),
        (("arky", b"{}", b""), "the secret is empty"),
        (("arky", b"{}", None), "the secret is None"),
        (("akry", b"{}", "x"), "unknown provider 'akry'"),
    ],
)
def test_what_cannot_sign_is_refused(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(hookctl.HookctlError, match=message):
        hookctl.sign(*arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"previous_secret": "x"}, "previous_secret: Arky documents no second signature"),
        ({"previous_secret": ""}, "the secret is empty: previous_secret"),
        ({"event": "order.created"}, "event: deliveries of Arky say it in the body, which says 'order.paid'"),
        ({"event_id": "evt_1"}, "event_id: deliveries of Arky say it in the body, which has none"),
        ({"at": 1e30}, "outside the years"),
    ],
)
def test_what_would_not_be_said_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(hookctl.HookctlError, match=message):
        hookctl.sign("arky", BODY, "x", **options)


@pytest.mark.parametrize(
    ("body", "message"),
    [("{}", "the body is text, not bytes"), ({}, "the body is a dict"), (None, "the body is a None")],
)
def test_a_body_that_is_not_bytes_is_a_type_error_that_says_why(body: Any, message: str) -> None:  # noqa: ANN401
    with pytest.raises(TypeError, match=f"{message}.*raw bytes as they arrived"):
        hookctl.sign("arky", body, "x")


def test_a_name_in_the_body_cannot_smuggle_a_header_in(tmp_path: Path) -> None:
    with pytest.raises(hookctl.HookctlError, match="the header X-GitHub-Event cannot hold"):
        hookctl.sign(EXAMPLES / "github", b"{}", "x", event="push\r\nX-Admin: 1")
