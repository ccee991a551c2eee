"""What is in the catalogue, and how names, patterns and folders find it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from hookctl.catalogue import Catalogue, load_catalogue, read_sample, read_schema
from hookctl.errors import InputError, ProviderError, UnknownNameError
from hookctl.model import Algorithm, Encoding, EndpointSpec, EnvelopeSpec, ReplySpec, TimestampSpec, TimeUnit
from tests.catalogue.folders import ProviderFolder, replace

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness import Cli

# the tables of Arky's page, in its order: group, name, description
ARKY_PAGE = """
Orders       order.created          New order placed
Orders       order.paid             Payment successful
Orders       order.shipped          Order marked as shipped
Orders       order.delivered        Order marked as delivered
Orders       order.cancelled        Order cancelled
Orders       order.refunded         Order refunded
Reservations reservation.created    New booking created
Reservations reservation.confirmed  Booking confirmed/paid
Reservations reservation.cancelled  Booking cancelled
Reservations reservation.completed  Appointment completed
Reservations reservation.noshow     Customer no-show
Users        user.registered        New user signup
Users        user.confirmed         Email confirmed
Users        user.updated           Profile updated
Content      node.created           Content created
Content      node.updated           Content updated
Content      node.published         Content published
Content      node.deleted           Content deleted
Emails       email.sent             Email sent
Emails       email.delivered        Email delivered
Emails       email.opened           Email opened
Emails       email.clicked          Link clicked
Emails       email.bounced          Delivery failed
Emails       email.unsubscribed     User unsubscribed
"""
SECTIONS = {"signature", "secret", "envelope", "endpoint", "replies", "checks"}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def test_arky_has_the_24_events_of_its_page_in_the_pages_order(catalogue: Catalogue) -> None:
    listed = [line.split(maxsplit=2) for line in ARKY_PAGE.strip().splitlines()]
    events = catalogue.provider("arky").events
    assert len(events) == 24
    assert [[event.group, event.name, event.description] for event in events] == listed


def test_arcade_has_its_two_events(catalogue: Catalogue) -> None:
    names = [event.name for event in catalogue.provider("arcade").events]
    assert names == ["formSubmission.created", "formSubmission.updated"]


def test_the_catalogue_is_both_providers_and_nothing_else(catalogue: Catalogue) -> None:
    assert [provider.name for provider in catalogue.providers] == ["arcade", "arky"]
    assert len(catalogue.events) == 26
    assert len({event.name for event in catalogue.events}) == 26
    for provider in catalogue.providers:
        assert {event.provider for event in provider.events} == {provider.name}


def test_only_the_pages_own_examples_are_called_documented(catalogue: Catalogue) -> None:
    documented = [event.name for event in catalogue.events if event.documented]
    assert documented == ["formSubmission.created", "order.paid", "reservation.confirmed"]


def test_arky_as_its_page_describes_it(catalogue: Catalogue) -> None:
    arky = catalogue.provider("arky")
    assert arky.signature.content == ("{timestamp}", ".", "{body}")
    assert (arky.signature.algorithm, arky.signature.encoding) == (Algorithm.HMAC_SHA256, Encoding.HEX)
    assert arky.signature.headers == ("x-arky-signature",)
    assert arky.signature.signs_timestamp
    assert arky.timestamp == TimestampSpec("x-arky-timestamp", TimeUnit.UNIX_SECONDS)
    assert (arky.secret.env, arky.secret.previous_env) == ("ARKY_WEBHOOK_SECRET", "ARKY_WEBHOOK_SECRET_PREVIOUS")
    assert arky.envelope == EnvelopeSpec("/id", "/event", "/timestamp", TimeUnit.UNIX_SECONDS)
    assert arky.endpoint == EndpointSpec("/api/webhooks/arky", 3000, "application/json")
    assert arky.replies == ReplySpec(200, 401, 401, 500, None, 5.0)
    assert arky.protected_headers == {"x-arky-signature", "x-arky-timestamp"}


def test_arcade_as_its_page_describes_it(catalogue: Catalogue) -> None:
    arcade = catalogue.provider("arcade")
    assert arcade.signature.content == ("{body}",)
    assert (arcade.signature.algorithm, arcade.signature.encoding) == (Algorithm.HMAC_SHA256, Encoding.BASE64)
    assert arcade.signature.headers == ("x-arcade-signature", "x-arcade-signature-2")
    assert not arcade.signature.signs_timestamp
    assert arcade.timestamp is None
    assert arcade.secret.env == "ARCADE_SIGNING_SECRET"
    assert arcade.envelope == EnvelopeSpec(None, "/type", "/timestamp", TimeUnit.ISO8601_MILLISECONDS)
    assert arcade.endpoint == EndpointSpec(None, 3000, "application/json")
    assert arcade.replies == ReplySpec(200, 401, 403, None, 405, 5.0)
    assert arcade.protected_headers == {"x-arcade-signature", "x-arcade-signature-2"}


@pytest.mark.parametrize(("name", "sections"), [("arky", SECTIONS | {"timestamp"}), ("arcade", SECTIONS)])
def test_every_fact_has_a_source_that_was_read_on_a_day(catalogue: Catalogue, name: str, sections: set[str]) -> None:
    provider = catalogue.provider(name)
    known = {source.id for source in provider.sources}
    assert {fact for fact in provider.facts if "." not in fact} == sections
    for fact, source in {**provider.facts, **{event.name: event.source for event in provider.events}}.items():
        assert source.partition(":")[0] in known, f"{fact}: {source}"
    assert all(source.title and isinstance(source.read, date) for source in provider.sources)


@pytest.mark.parametrize("key", ["arky:timestamp.unit", "arky:replies.missing_signature", "arcade:replies.deadline_s"])
def test_where_the_page_is_silent_the_source_says_that_the_choice_is_ours(catalogue: Catalogue, key: str) -> None:
    name, _, fact = key.partition(":")
    assert catalogue.provider(name).facts[fact] == "hookctl"


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (["order.paid"], ["order.paid"]),
        # in the order given, and twice when given twice
        (["user.updated", "order.paid", "user.updated"], ["user.updated", "order.paid", "user.updated"]),
        # a pattern's matches in the page's order
        (["user.*"], ["user.registered", "user.confirmed", "user.updated"]),
        (["*.updated"], ["formSubmission.updated", "user.updated", "node.updated"]),
        (["node.?re*"], ["node.created"]),
        (["email.[bc]*"], ["email.clicked", "email.bounced"]),
        ([], []),
    ],
)
def test_names_and_patterns_select_events(catalogue: Catalogue, patterns: list[str], names: list[str]) -> None:
    assert [event.name for event in catalogue.select(patterns)] == names


def test_the_widest_pattern_selects_every_event(catalogue: Catalogue) -> None:
    assert catalogue.select(["*"]) == catalogue.events


@pytest.mark.parametrize(
    ("wrong", "near"),
    [("order.payed", "order.paid"), ("ORDER.PAID", "order.paid"), ("formsubmission.created", "formSubmission.created")],
)
def test_an_unknown_event_is_answered_with_the_nearest_one(catalogue: Catalogue, wrong: str, near: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        catalogue.select(["order.created", wrong])
    assert caught.value.message == f"unknown event {wrong!r}"
    assert caught.value.hint is not None
    assert caught.value.hint.startswith(f"did you mean {near!r}")


def test_an_event_like_no_other_is_answered_with_the_command_that_lists_them(catalogue: Catalogue) -> None:
    with pytest.raises(UnknownNameError) as caught:
        catalogue.select(["zzz"])
    assert caught.value.hint == "(`hookctl events` lists them all)"


@pytest.mark.parametrize("pattern", ["orders.*", "ORDER.*", "order.[", "?"])
def test_a_pattern_that_matches_nothing_is_an_error_that_shows_patterns(catalogue: Catalogue, pattern: str) -> None:
    with pytest.raises(InputError) as caught:
        catalogue.select([pattern])
    assert caught.value.message == f"no event matches {pattern!r}"
    assert caught.value.hint is not None
    assert "order.*" in caught.value.hint


def test_a_name_that_two_providers_share_must_be_told_apart(tmp_path: Path) -> None:
    ours = ProviderFolder.copied("arky", tmp_path / "ours")
    replace(ours.description, 'name = "arky"', 'name = "ours"')
    both = Catalogue((*load_catalogue("arky").providers, ours.load()))
    with pytest.raises(InputError) as caught:
        both.select(["order.paid"])
    assert caught.value.message == "order.paid is an event of arky and ours"
    assert caught.value.hint == "say which with --provider"
    # a pattern asks for all that match, whosever they are
    assert [event.provider for event in both.select(["order.pai[d]"])] == ["arky", "ours"]


def test_a_provider_by_name() -> None:
    assert [provider.name for provider in load_catalogue("arcade").providers] == ["arcade"]


@pytest.mark.parametrize("wrong", ["arkyy", "Arky", "acrade"])
def test_an_unknown_provider_is_answered_with_the_nearest_one(catalogue: Catalogue, wrong: str) -> None:
    for look_up in (load_catalogue, catalogue.provider):
        with pytest.raises(UnknownNameError) as caught:
            look_up(wrong)
        assert caught.value.message == f"unknown provider {wrong!r}"
        assert caught.value.hint in {"did you mean 'arky'?", "did you mean 'arcade'?"}


def test_a_provider_like_no_other_is_answered_with_those_there_are() -> None:
    with pytest.raises(UnknownNameError) as caught:
        load_catalogue("shopify")
    assert caught.value.hint == "known: arcade, arky"


@pytest.mark.parametrize("written", ["./ours", "ours/", "../shop/ours", "absolute"])
def test_a_folder_anywhere_works_as_the_built_in_ones_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    ours = ProviderFolder.copied("arky", tmp_path / "shop" / "ours")
    replace(ours.description, 'title = "Arky"', 'title = "Ours"')
    monkeypatch.chdir(tmp_path / "shop")
    loaded = load_catalogue(str(ours.path) if written == "absolute" else written)
    assert [provider.title for provider in loaded.providers] == ["Ours"]
    assert len(loaded.events) == 24
    assert all(read_sample(event) and read_schema(event) for event in loaded.events)


@pytest.mark.parametrize("written", [".", ".."])
def test_the_current_folder_can_be_a_provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    ours = ProviderFolder.copied("arcade", tmp_path / "ours")
    monkeypatch.chdir(ours.path if written == "." else ours.path / "events")
    assert [provider.name for provider in load_catalogue(written).providers] == ["arcade"]


def test_a_folder_given_like_a_name_is_told_how_to_write_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ProviderFolder.copied("arky", tmp_path / "ours")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownNameError) as caught:
        load_catalogue("ours")
    assert caught.value.hint == "for the folder of that name, write ./ours"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProviderError) as caught:
        load_catalogue(str(tmp_path / "nowhere"))
    assert caught.value.message == f"no provider at {tmp_path / 'nowhere'}: it has no provider.toml"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["events", "show", "order.payed"], "unknown event 'order.payed'"),
        (["events", "--provider", "arkyy"], "unknown provider 'arkyy'"),
        (["events", "--provider", "./nowhere"], "no provider at nowhere: it has no provider.toml"),
    ],
)
def test_what_is_not_there_ends_the_command_with_3(cli: Cli, arguments: list[str], message: str) -> None:
    result = cli(*arguments)
    assert (result.code, result.out) == (3, "")
    assert message in result.err


def test_a_broken_folder_ends_the_command_with_3_and_names_the_key(cli: Cli) -> None:
    ours = ProviderFolder.copied("arky", cli.folder / "ours")
    replace(ours.description, 'encoding = "hex"', 'encoding = "hexx"')
    result = cli("events", "--provider", "./ours")
    assert (result.code, result.out) == (3, "")
    assert "ours/provider.toml: signature.encoding is 'hexx', which is not supported" in result.err
    assert "did you mean 'hex'?" in result.err
