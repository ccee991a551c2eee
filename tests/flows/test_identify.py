"""Whose a delivery is, told by what came with it: its headers, else its path, else its body."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookctl.catalogue import load_provider
from hookctl.flows.identify import Identifier, event_of
from hookctl.model import Capture, Provider, RawHeaders
from tests.catalogue.folders import FIXTURES
from tests.signing.support import ARCADE, ARKY

GITHUB = load_provider(FIXTURES.parent / "examples" / "providers" / "github")
STANDARD = load_provider(FIXTURES.parent / "examples" / "providers" / "standard-webhooks")
# another vendor that follows the same open specification, at a path and with events of its own
TWIN = replace(
    STANDARD,
    name="twin",
    endpoint=replace(STANDARD.endpoint, path="/hooks/twin"),
    events=tuple(replace(event, name=f"twin.{event.name}") for event in STANDARD.events),
)

ARKY_LINE = (b"X-Arky-Signature", b"whatever")
ARCADE_LINE = (b"x-arcade-signature-2", b"whatever")
STANDARD_LINE = (b"Webhook-Signature", b"whatever")
ARKY_PATH = "/api/webhooks/arky"
ARKY_BODY = {"event": "order.paid", "id": "evt_1"}
ARCADE_BODY = {"type": "formSubmission.created"}


def name(
    identifier: Identifier, *headers: tuple[bytes, bytes], target: str | None = None, document: object = None
) -> str | None:
    provider = identifier.provider(Capture("-", headers, b"", target=target), document)
    return None if provider is None else provider.name


BOTH = Identifier([ARKY, ARCADE])


def test_a_header_of_the_signature_tells() -> None:
    assert name(BOTH, (b"host", b"example.com"), ARKY_LINE) == "arky"
    assert name(BOTH, ARCADE_LINE) == "arcade"


def test_any_other_header_of_the_provider_tells() -> None:
    assert name(BOTH, (b"X-ARKY-TIMESTAMP", b"1")) == "arky"
    assert name(Identifier([ARKY, GITHUB]), (b"X-GitHub-Event", b"ping")) == "github"


def test_a_header_of_the_signature_outweighs_another_one() -> None:
    assert name(BOTH, (b"x-arky-timestamp", b"1"), ARCADE_LINE) == "arcade"


def test_a_header_outweighs_the_path_and_the_body() -> None:
    assert name(BOTH, ARCADE_LINE, target=ARKY_PATH, document=ARKY_BODY) == "arcade"


def test_the_path_outweighs_the_body() -> None:
    assert name(BOTH, target=ARKY_PATH, document=ARCADE_BODY) == "arky"


def test_the_body_tells_when_nothing_else_does() -> None:
    assert name(BOTH, target="/elsewhere", document=ARCADE_BODY) == "arcade"
    assert name(BOTH, document=ARKY_BODY) == "arky"


@pytest.mark.parametrize(
    "document",
    [
        None,
        7,
        "order.paid",
        [],
        {},
        {"event": None},
        {"event": ["order.paid"]},
        {"event": "order.unheard"},
        {"type": {}},
    ],
)
def test_what_tells_nothing_is_nobodys(document: object) -> None:
    assert name(BOTH, (b"host", b"example.com"), target="/", document=document) is None


@pytest.mark.parametrize(
    "target",
    [
        ARKY_PATH,
        f"{ARKY_PATH}?a=b/c#d",
        f"http://localhost:3000{ARKY_PATH}",
        f"https://user:pass@hooks.example.com{ARKY_PATH}?x",
        f"http://[::1]:3000{ARKY_PATH}",
    ],
)
def test_the_path_is_found_in_any_form_of_target(target: str) -> None:
    assert name(BOTH, target=target) == "arky"


@pytest.mark.parametrize(
    "target",
    [
        "",
        "*",
        "/",
        "example.com:443",
        f"{ARKY_PATH}/",
        f"{ARKY_PATH}x",
        f"/x?{ARKY_PATH}",
        f"http://[::1{ARKY_PATH}",
        f"http://[{ARKY_PATH}",
        "http://\u2100.example/api",
        f"/x\0{ARKY_PATH}",
        "\ud800",
        "/" * 100_000,
        "?" * 1000,
    ],
)
def test_no_other_target_tells_or_raises(target: str) -> None:
    assert name(BOTH, target=target) is None


def test_the_one_that_the_user_named_is_it_whatever_came() -> None:
    only = Identifier([ARKY], only=True)
    assert name(only) == "arky"
    assert name(only, ARCADE_LINE, target="/x", document=ARCADE_BODY) == "arky"


@pytest.mark.parametrize("providers", [[STANDARD, TWIN], [TWIN, STANDARD]])
def test_of_two_that_share_a_header_the_path_tells_then_the_body_then_the_preferred(providers: list[Provider]) -> None:
    for preferred in ("standard-webhooks", "twin", None):
        identifier = Identifier(providers, preferred=preferred)
        own = {"type": STANDARD.events[0].name}
        assert name(identifier, STANDARD_LINE, target="/hooks/twin", document=own) == "twin"
        assert name(identifier, STANDARD_LINE, document=own) == "standard-webhooks"
        assert name(identifier, STANDARD_LINE, document={"type": TWIN.events[0].name}) == "twin"
        assert name(identifier, STANDARD_LINE) == (preferred or providers[0].name)


def test_the_path_of_one_that_does_not_define_the_header_says_nothing() -> None:
    identifier = Identifier([ARKY, STANDARD, TWIN])
    assert name(identifier, STANDARD_LINE, target=ARKY_PATH, document={"type": TWIN.events[0].name}) == "twin"


@pytest.mark.parametrize("lines", [(ARKY_LINE, ARCADE_LINE), (ARCADE_LINE, ARKY_LINE)])
def test_with_the_headers_of_two_their_order_decides_nothing(lines: RawHeaders) -> None:
    assert name(BOTH, *lines) == "arky"
    assert name(Identifier([ARKY, ARCADE], preferred="arcade"), *lines) == "arcade"
    assert name(BOTH, *lines, document=ARCADE_BODY) == "arcade"
    assert name(Identifier([ARCADE, ARKY]), *lines, target=ARKY_PATH, document=ARCADE_BODY) == "arky"


def test_of_two_with_the_same_path_or_events_the_preferred_is_it() -> None:
    copy = replace(ARKY, name="copy")
    for preferred in ("arky", "copy"):
        identifier = Identifier([ARKY, copy], preferred=preferred)
        assert name(identifier, target=ARKY_PATH) == preferred
        assert name(identifier, document=ARKY_BODY) == preferred
        assert name(identifier, ARKY_LINE) == preferred


def test_the_preferred_one_is_not_forced_on_others() -> None:
    identifier = Identifier([ARKY, ARCADE], preferred="arcade")
    assert name(identifier, ARKY_LINE, document=ARCADE_BODY) == "arky"
    assert name(identifier, document={"type": "nothing"}) is None


def test_hundreds_of_different_header_lists_are_each_judged_for_themselves() -> None:
    identifier = Identifier([ARKY, ARCADE])
    for round_trip in range(2):
        for index in range(600):
            line = ARKY_LINE if index % 2 else ARCADE_LINE
            assert name(identifier, (b"x-%d" % index, b""), line) == ("arky" if index % 2 else "arcade"), round_trip


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=20)), max_size=5),
    st.none() | st.text(st.characters(), max_size=40) | st.text("htp:/[]@?#%.a", max_size=40),
    st.none() | st.integers() | st.text() | st.dictionaries(st.sampled_from(["event", "type"]), st.text() | st.none()),
)
def test_no_capture_raises(headers: list[tuple[bytes, bytes]], target: str | None, document: object) -> None:
    assert name(BOTH, *headers, target=target, document=document) is None
    event, event_id = event_of(ARKY, tuple(headers), document)
    assert event is None or isinstance(event, str)
    assert event_id is None


def test_the_event_and_its_id_are_the_bodys() -> None:
    assert event_of(ARKY, (), ARKY_BODY) == ("order.paid", "evt_1")
    assert event_of(ARCADE, (), ARCADE_BODY) == ("formSubmission.created", None)
    assert event_of(ARKY, (), {"event": 7, "id": []}) == (None, None)
    assert event_of(ARKY, (), None) == (None, None)


def test_the_event_and_its_id_are_the_headers_where_the_body_has_none() -> None:
    headers = ((b"X-GitHub-Event", b" push "), (b"x-github-delivery", b"7f3c"), (b"x-github-event", b"ping"))
    assert event_of(GITHUB, headers, {"ref": "refs/heads/main"}) == ("push", "7f3c")
    assert event_of(GITHUB, ((b"x-github-event", b"\xff"),), None) == ("\xff", None)
