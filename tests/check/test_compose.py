"""The requests of every check of every provider, held against hookctl's own verification and against plain HMACs."""

from __future__ import annotations

import hmac
import json
from base64 import b64decode, b64encode, urlsafe_b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hookctl.catalogue import load_catalogue
from hookctl.check.catalogue import checks_of
from hookctl.check.compose import Composer
from hookctl.check.model import Effect, Manner
from hookctl.delivery.request import USER_AGENT
from hookctl.model import Encoding, Reason, Secret, SecretPair
from hookctl.payload import IdSource
from hookctl.signing import verify

if TYPE_CHECKING:
    from hookctl.check.model import Check, Probe
    from hookctl.model import Provider, SignedRequest, Verdict

_EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "providers"
PROVIDERS: dict[str, Provider] = {
    **{provider.name: provider for provider in load_catalogue().providers},
    **{
        folder.name: load_catalogue(str(folder)).providers[0]
        for folder in sorted(_EXAMPLES.iterdir())
        if folder.is_dir()
    },
}
KEY = b"a key for tests of checks"
NOW_MS = 1_764_000_000_000
NOW_S = NOW_MS // 1000
URL = "http://localhost:3000/hook"
_SECRETS = SecretPair(Secret(KEY, "the test"))


def composer_of(provider: Provider, *, seed: bytes = b"seed") -> Composer:
    event = next((event for event in provider.events if event.documented), provider.events[0])
    return Composer(provider, event, _SECRETS, URL, ids=IdSource(seed), now_ms=lambda: NOW_MS, run="a-run")


def sending(provider: Provider) -> list[Check]:
    return [check for check in checks_of(provider) if check.absent is None and check.build is not None]


def made(composer: Composer, check: Check) -> list[Probe]:
    assert check.build is not None
    return list(check.build(composer, check))


def probes(provider: str, id_: str) -> list[Probe]:
    composer = composer_of(PROVIDERS[provider])
    return made(composer, next(check for check in sending(PROVIDERS[provider]) if check.id == id_))


def only(provider: str, id_: str) -> SignedRequest:
    (probe,) = probes(provider, id_)
    return probe.request


def labelled(provider: str, id_: str) -> dict[str, SignedRequest]:
    return {probe.label: probe.request for probe in probes(provider, id_)}


def header(request: SignedRequest, name: str) -> str:
    (value,) = headers(request, name)
    return value


def headers(request: SignedRequest, name: str) -> list[str]:
    return [value for key, value in request.headers if key.lower() == name.lower()]


def verdict(provider: Provider, request: SignedRequest, *, tolerance_s: float | None = 300) -> Verdict:
    """Verify what a receiver gets: white space around values is gone by then."""
    lines = [(name.encode("latin-1"), value.strip(" \t").encode("latin-1")) for name, value in request.headers]
    return verify(provider, lines, request.body, _SECRETS, received_at_ms=NOW_MS, tolerance_s=tolerance_s)


def hexed(message: bytes, key: bytes = KEY) -> str:
    return hmac.new(key, message, "sha256").hexdigest()


def based(message: bytes, key: bytes = KEY) -> str:
    return b64encode(hmac.new(key, message, "sha256").digest()).decode()


CASES = [(name, check) for name, provider in PROVIDERS.items() for check in sending(provider)]
IDS = [f"{name}-{check.id}" for name, check in CASES]

# wanted neither way by their status alone: what they are is told below
_EITHER = {"sig-upperhex", "sig-dup"}


@pytest.mark.parametrize(("name", "check"), CASES, ids=IDS)
@pytest.mark.parametrize("unknown", [False, True])
def test_what_is_wanted_is_what_verifies(name: str, check: Check, unknown: bool) -> None:
    provider = PROVIDERS[name]
    composer = composer_of(provider)
    composer.unknown_events = unknown
    all_probes = made(composer, check)
    assert all_probes
    for probe in all_probes:
        found = verdict(provider, probe.request)
        if probe.wanted.refusal:
            assert not found.valid, f"{probe.label}: a genuine delivery would have to be refused"
        elif check.id not in _EITHER:
            assert found.valid, f"{probe.label}: {found.reason}"


@pytest.mark.parametrize(("name", "check"), CASES, ids=IDS)
def test_a_request_says_which_check_it_is_and_is_of_now(name: str, check: Check) -> None:
    provider = PROVIDERS[name]
    for probe in made(composer_of(provider), check):
        request = probe.request
        assert header(request, "user-agent") == f"{USER_AGENT} check/{check.id}"
        assert request.url == URL
        assert request.method == "POST" or check.id == "method"
        if check.id not in {"body-empty", "body-badjson", "body-badutf8", "method"}:
            document = json.loads(request.body.removeprefix(b"\xef\xbb\xbf"))
            place = document["data"] if isinstance(document.get("data"), dict) else document
            assert place["hookctl"]["check"] == check.id
            assert place["hookctl"]["run"] == "a-run"
        time = provider.timestamp
        if time is None or time.header is None or check.id.startswith("ts-"):
            continue
        assert [NOW_MS // 1000] * len(headers(request, time.header)) == [
            int(value) if value.strip(" \t").isdigit() else NOW_S for value in headers(request, time.header)
        ]


@pytest.mark.parametrize("name", ["arky", "stripe"])
def test_the_time_of_the_body_is_now_too(name: str) -> None:
    where = {"arky": "timestamp", "stripe": "created"}[name]
    for check in sending(PROVIDERS[name]):
        if check.id in {"body-empty", "body-badjson", "body-badutf8", "method", "ts-old", "ts-future"}:
            continue
        for probe in made(composer_of(PROVIDERS[name]), check):
            assert json.loads(probe.request.body.removeprefix(b"\xef\xbb\xbf"))[where] == NOW_S


@pytest.mark.parametrize("name", PROVIDERS)
def test_no_two_requests_of_a_run_are_the_same_delivery_but_where_they_have_to_be(name: str) -> None:
    provider = PROVIDERS[name]
    composer = composer_of(provider)
    ids: list[str | None] = []
    bodies: list[bytes] = []
    for check in sending(provider):
        all_probes = made(composer, check)
        if check.id.startswith("dup-"):
            assert len({(probe.request.event_id, probe.request.body) for probe in all_probes}) == 1
            all_probes = all_probes[:1]
        ids += [probe.request.event_id for probe in all_probes]
        bodies += [probe.request.body for probe in all_probes if probe.request.body]
    assert len(set(bodies)) == len(bodies)
    if provider.has_ids:
        assert len(set(ids)) == len(ids)
    again = made(composer_of(provider, seed=b"another run"), sending(provider)[0])[0].request
    assert not provider.has_ids or again.event_id not in ids


@pytest.mark.parametrize(("name", "check"), CASES, ids=IDS)
def test_only_checks_without_effect_on_handlers_say_so(name: str, check: Check) -> None:
    """A genuine delivery of a known event may only come from a check that is said to run handlers."""
    provider = PROVIDERS[name]
    composer = composer_of(provider)
    composer.unknown_events = True
    known = {event.name for event in provider.events}
    for probe in made(composer, check):
        genuine = verdict(provider, probe.request, tolerance_s=None).valid
        if check.effect is Effect.NONE and genuine:
            # the event does not exist, or nothing can be read out of the body
            assert probe.request.event not in known or check.id in {"body-empty", "body-badjson"}
        if check.effect is Effect.CARRIED and provider.envelope.type is not None:
            assert probe.request.event == f"hookctl.check.{check.id}"


# --- signatures ------------------------------------------------------------------------------------------------------


def test_the_control_is_signed_as_the_page_says() -> None:
    arky, arcade = only("arky", "valid"), only("arcade", "valid")
    assert header(arky, "x-arky-timestamp") == str(NOW_S)
    assert header(arky, "x-arky-signature") == hexed(b"%d." % NOW_S + arky.body)
    assert header(arcade, "x-arcade-signature") == based(arcade.body)
    assert headers(arcade, "x-arcade-signature-2") == []
    assert json.loads(arky.body)["event"] == "order.paid"


def test_what_is_changed_after_signing_is_one_character_or_a_space() -> None:
    for name in PROVIDERS:
        tampered, appended = only(name, "body-tampered"), only(name, "body-appended")
        assert isinstance(json.loads(tampered.body), dict)
        assert appended.body.endswith(b"} ")
    assert header(only("arcade", "body-appended"), "x-arcade-signature") == based(
        only("arcade", "body-appended").body[:-1]
    )


def test_other_keys_are_the_empty_one_and_one_that_nobody_knows() -> None:
    empty = only("arcade", "empty-secret")
    assert header(empty, "x-arcade-signature") == based(empty.body, b"")
    wrong = only("arcade", "wrong-secret")
    assert len(b64decode(header(wrong, "x-arcade-signature"))) == 32
    assert header(wrong, "x-arcade-signature") not in {based(wrong.body), based(wrong.body, b"")}


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_missing_signature_leaves_no_header_and_an_empty_one_an_empty_header(name: str) -> None:
    spec = PROVIDERS[name].signature
    assert headers(only(name, "sig-missing"), spec.header) == []
    assert headers(only(name, "sig-empty"), spec.header) == [""]
    for request in labelled(name, "method").values():
        assert headers(request, spec.header) == []


@pytest.mark.parametrize("name", ["arky", "arcade"])
def test_prefixes_are_of_the_right_signature(name: str) -> None:
    spec = PROVIDERS[name].signature
    found = labelled(name, "sig-prefix")
    assert list(found) == ["the first half", "one character", "one character less", "one character more"]
    lengths = []
    for request in found.values():
        value = header(request, spec.header)
        right = hexed(b"%d." % NOW_S + request.body) if name == "arky" else based(request.body)
        assert value.startswith(right.rstrip("=")) or right.startswith(value)
        assert value != right.rstrip("=")
        lengths.append(len(value))
    # base64 of 32 bytes is 43 characters and one for padding
    assert lengths == ([32, 1, 63, 65] if name == "arky" else [21, 1, 42, 45])


@pytest.mark.parametrize("name", ["arky", "arcade"])
def test_malformed_signatures_are_as_long_as_a_right_one(name: str) -> None:
    spec = PROVIDERS[name].signature
    length = 64 if name == "arky" else 44
    foreign = header(only(name, "sig-nonhex"), spec.header)
    assert foreign == ("z" if name == "arky" else "!") * length
    assert header(only(name, "sig-nonascii"), spec.header) == "\xe9" * length
    words = {label: header(request, spec.header) for label, request in labelled(name, "sig-literal").items()}
    assert words == {word: word for word in ("undefined", "null", "None")}


def test_upper_case_is_the_right_signature_with_a_letter_in_it() -> None:
    for seed in range(20):
        composer = composer_of(PROVIDERS["arky"], seed=b"%d" % seed)
        check = next(check for check in sending(PROVIDERS["arky"]) if check.id == "sig-upperhex")
        (probe,) = made(composer, check)
        value = header(probe.request, "x-arky-signature")
        assert value == hexed(b"%d." % NOW_S + probe.request.body).upper()
        assert value != value.lower()


@pytest.mark.parametrize("seed", range(10))
def test_other_ways_to_write_a_signature_differ_from_the_right_one(seed: int) -> None:
    for name in ("arky", "arcade"):
        provider = PROVIDERS[name]
        check = next(check for check in sending(provider) if check.id == "sig-encoding")
        composer = composer_of(provider, seed=b"%d" % seed)
        for probe in made(composer, check):
            request = probe.request
            content = b"%d." % NOW_S + request.body if name == "arky" else request.body
            digest = hmac.digest(KEY, content, "sha256")
            text = b64encode(digest).decode()
            # else some of these ways would be the same text
            assert "+" in text
            assert "/" in text
            assert digest.hex() != digest.hex().upper()
            own = digest.hex() if provider.signature.encoding is Encoding.HEX else text
            forms = {
                "in base64": text,
                "in hex": digest.hex(),
                "with sha256= before it": f"sha256={own}",
                "in quotes": f'"{own}"',
                "without padding": text.rstrip("="),
                "URL-safe": urlsafe_b64encode(digest).decode(),
            }
            value = header(request, provider.signature.header)
            assert value == forms[probe.label]
            assert value != own
    labels = [list(labelled(name, "sig-encoding")) for name in ("arky", "arcade")]
    assert labels == [
        ["in base64", "with sha256= before it", "in quotes"],
        ["in hex", "with sha256= before it", "in quotes", "without padding", "URL-safe"],
    ]


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_repeated_header_holds_the_right_value_second(name: str) -> None:
    provider = PROVIDERS[name]
    for label, request in labelled(name, "sig-dup").items():
        first, second = headers(request, provider.signature.header)
        assert (first == second) is (label == "the same value twice")
        kept = [line for line in request.headers if line != (provider.signature.header, first)]
        if first != second:
            lines = [(key.encode(), value.encode("latin-1")) for key, value in kept]
            assert verify(provider, lines, request.body, _SECRETS).valid


def test_in_rotation_the_right_signature_is_where_the_label_says() -> None:
    found = labelled("arcade", "rot-either")
    for label, (first_right, second_right) in {
        "wrong, then right": (False, True),
        "right, then wrong": (True, False),
    }.items():
        request = found[label]
        right = based(request.body)
        assert (header(request, "x-arcade-signature") == right) is first_right
        assert (header(request, "x-arcade-signature-2") == right) is second_right
    alone = found["only the second"]
    assert headers(alone, "x-arcade-signature") == []
    assert header(alone, "x-arcade-signature-2") == based(alone.body)
    neither = only("arcade", "rot-neither")
    values = {header(neither, name) for name in ("x-arcade-signature", "x-arcade-signature-2")}
    assert len(values) == 2
    assert based(neither.body) not in values
    assert all(len(b64decode(value)) == 32 for value in values)


# --- times -----------------------------------------------------------------------------------------------------------


def _signed_over(request: SignedRequest, text: bytes) -> bool:
    return header(request, "x-arky-signature") == hexed(text + b"." + request.body)


def test_times_of_arky_are_signed_as_they_are_sent() -> None:
    for id_, sent in {
        "ts-old": f"{NOW_S - 3600}",
        "ts-future": f"{NOW_S + 3600}",
        "ts-ms": f"{NOW_S}000",
        "ts-suffix": f"{NOW_S}.junk",
    }.items():
        request = only("arky", id_)
        assert header(request, "x-arky-timestamp") == sent
        assert _signed_over(request, sent.encode())
    texts = {label: header(request, "x-arky-timestamp") for label, request in labelled("arky", "ts-nan").items()}
    wide = texts.pop("full-width digits")
    assert wide.encode("latin-1").decode().translate({0xFF10 + n: 48 + n for n in range(10)}) == str(NOW_S)
    assert texts == {"abc": "abc", "NaN": "NaN", "-1": "-1", "nothing": ""}
    for request in labelled("arky", "ts-nan").values():
        assert _signed_over(request, header(request, "x-arky-timestamp").encode("latin-1"))


def test_a_missing_time_is_signed_as_now_or_as_a_word() -> None:
    missing = only("arky", "ts-missing")
    assert headers(missing, "x-arky-timestamp") == []
    assert _signed_over(missing, b"%d" % NOW_S)
    coerced = labelled("arky", "ts-coerced")
    assert list(coerced) == ["over undefined", "over null", "over None", "over nothing"]
    for label, request in coerced.items():
        assert headers(request, "x-arky-timestamp") == []
        assert _signed_over(request, label.removeprefix("over ").replace("nothing", "").encode())


def test_a_changed_time_has_the_signature_of_the_old_one() -> None:
    request = only("arky", "ts-tampered")
    assert header(request, "x-arky-timestamp") == str(NOW_S + 1)
    assert _signed_over(request, b"%d" % NOW_S)


@pytest.mark.parametrize("name", ["arky", "stripe", "standard-webhooks"])
def test_only_their_age_makes_old_and_future_deliveries_wrong(name: str) -> None:
    for id_, reason in (("ts-old", Reason.STALE), ("ts-future", Reason.FUTURE)):
        request = only(name, id_)
        assert verdict(PROVIDERS[name], request, tolerance_s=None).valid
        assert verdict(PROVIDERS[name], request).reason is reason


# --- bodies ----------------------------------------------------------------------------------------------------------


def _marker(request: SignedRequest) -> dict[str, Any]:
    document = json.loads(request.body)
    place = document["data"] if isinstance(document.get("data"), dict) else document
    marker: dict[str, Any] = place["hookctl"]
    return marker


@pytest.mark.parametrize("name", PROVIDERS)
def test_bodies_have_what_their_checks_say(name: str) -> None:
    unicode_ = only(name, "body-unicode").body
    assert all(text.encode() in unicode_ for text in ("Zo\xeb", "\u2028", "\u6771\u4eac", "\U0001f600"))
    escapes = only(name, "body-escapes")
    assert rb"Zo\u00eb \/" in escapes.body
    assert _marker(escapes)["text"] == "Zo\xeb / /"
    numbers = only(name, "body-numbers").body
    assert b"1.0" in numbers
    assert b"1e2" in numbers
    assert b"18446744073709551616" in numbers
    assert _marker(only(name, "body-numbers"))["numbers"] == [1.0, 100.0, 2**64]
    spaced, plain = only(name, "body-ws-order").body, only(name, "valid").body
    assert b"\r\n\t" in spaced
    assert spaced.endswith(b"}\n")
    assert list(json.loads(spaced)) == list(reversed(json.loads(plain)))
    bom = only(name, "body-bom").body
    assert bom.startswith(b"\xef\xbb\xbf{")
    bad = only(name, "body-badutf8").body
    with pytest.raises(UnicodeDecodeError):
        bad.decode()
    assert isinstance(json.loads(bad.decode("utf-8", "replace")), dict)
    twice: list[str] = []
    json.loads(only(name, "body-dupkeys").body, object_pairs_hook=lambda pairs: twice.extend(key for key, _ in pairs))
    assert twice.count("hookctl_twice") == 2
    assert only(name, "body-empty").body == b""
    with pytest.raises(ValueError, match=r"\w"):
        json.loads(only(name, "body-badjson").body)


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("kib", [20, 90, 256])
def test_sizes_are_exact(name: str, kib: int) -> None:
    request = only(name, f"size-{kib}k")
    assert len(request.body) == kib * 1024
    assert set(_marker(request)["padding"]) == {"x"}


def test_a_stale_body_says_that_it_is_an_hour_old_and_is_genuine() -> None:
    request = only("arcade", "body-stale")
    assert json.loads(request.body)["timestamp"].startswith("2025-11-24T15:00:00")
    assert header(request, "x-arcade-signature") == based(request.body)
    assert json.loads(only("arcade", "valid").body)["timestamp"].startswith("2025-11-24T16:00:00")


# --- HTTP ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROVIDERS)
def test_headers_differ_only_in_how_they_are_written(name: str) -> None:
    found = labelled(name, "hdr-case")
    ours = {header_.lower() for header_, _ in only(name, "valid").headers}
    for request in found.values():
        assert {key.lower() for key, _ in request.headers} == ours
    signature = PROVIDERS[name].signature.header
    names = {
        label: next(key for key, _ in request.headers if key.lower() == signature.lower())
        for label, request in found.items()
    }
    assert names["lower case"] == signature.lower()
    assert names["upper case"] == signature.upper()
    assert names["mixed case"] not in {signature.lower(), signature.upper()}
    padded = header(found["white space around the values"], signature)
    assert padded != padded.strip(" \t")


def test_what_is_http_about_a_delivery_is_as_it_is_said() -> None:
    for name in ("arky", "arcade"):
        assert list(labelled(name, "method")) == ["GET", "PUT", "DELETE"]
        assert {label: request.method for label, request in labelled(name, "method").items()} == {
            method: method for method in ("GET", "PUT", "DELETE")
        }
        assert header(only(name, "ct-charset"), "content-type") == "application/json; charset=utf-8"
        assert [probe.chunked for probe in probes(name, "chunked")] == [True]
        assert len(probes(name, "keepalive")) == len(probes(name, "latency")) == 5
        more = only(name, "extra-headers")
        assert len(headers(more, "signature")) == len(headers(more, "content-digest")) == 1


@pytest.mark.parametrize("name", ["arky", "arcade"])
def test_two_events_out_of_order_are_about_the_same_thing(name: str) -> None:
    later, earlier = probes(name, "order")
    events = [probe.request.event for probe in (later, earlier)]
    assert events == list(PROVIDERS[name].out_of_order)

    def things(probe: Probe) -> set[str]:
        return set(_ids(json.loads(probe.request.body)))

    assert things(later)
    assert things(later) & things(earlier)
    if name == "arky":
        orders = [json.loads(probe.request.body)["data"]["order"]["id"] for probe in (later, earlier)]
        assert orders[0] == orders[1]
        assert later.request.event_id != earlier.request.event_id


def _ids(value: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Return the values of all members whose name ends in id."""
    if isinstance(value, list):
        return [id_ for one in value for id_ in _ids(one)]
    if not isinstance(value, dict):
        return []
    own = [one for key, one in value.items() if key.lower().endswith("id") and isinstance(one, str)]
    return own + [id_ for one in value.values() for id_ in _ids(one)]


# --- what is looked for in answers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "check"), CASES, ids=IDS)
def test_the_right_signature_is_looked_for_only_where_it_was_not_sent(name: str, check: Check) -> None:
    for probe in made(composer_of(PROVIDERS[name]), check):
        sent = "\n".join(value for _, value in probe.request.headers)
        assert not [form for form in probe.genuine if form in sent]
        forged = probe.wanted.refusal and check.manner is Manner.EACH
        if forged and check.id in {"body-tampered", "wrong-secret", "sig-missing", "sig-literal"}:
            assert len(probe.genuine) == 2


def test_the_right_signature_is_that_of_what_is_sent() -> None:
    request = probes("arcade", "body-appended")[0]
    assert request.genuine == {
        based(request.request.body).rstrip("="),
        b64decode(based(request.request.body)).hex(),
    }
    tampered = probes("arky", "ts-tampered")[0]
    assert hexed(b"%d." % (NOW_S + 1) + tampered.request.body) in tampered.genuine
