"""How a vendor's webhooks are configured: what is shipped, and that a slip in it is named."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from hookctl.catalogue import load_catalogue
from hookctl.catalogue.administration import load_administration
from hookctl.errors import ExitCode, ProviderError
from hookctl.model.api import Absent, ApiSpec, CallSpec, EventListSpec, Method, OutcomeSpec, RecordSpec
from hookctl.payload.check import check_provider
from tests.catalogue.folders import ProviderFolder, replace

if TYPE_CHECKING:
    from pathlib import Path

    from hookctl.model.api import DialectSpec


@pytest.fixture
def arky(tmp_path: Path) -> ProviderFolder:
    return ProviderFolder.copied("arky", tmp_path / "ours")


def arky_api() -> ApiSpec:
    api = load_administration(load_catalogue("arky").provider("arky")).api
    assert api is not None
    return api


def dialect(name: str) -> DialectSpec:
    return next(dialect for dialect in arky_api().dialects if dialect.name == name)


def test_arkys_api_as_its_page_and_its_sdk_describe_it() -> None:
    api = arky_api()
    assert api.base_url == "https://api.arky.io"
    assert (api.base_url_env, api.token_env, api.account_env) == ("ARKY_BASE_URL", "ARKY_TOKEN", "ARKY_BUSINESS_ID")
    assert (api.account, api.authorization) == ("business", ("Bearer ", "{token}"))
    assert (api.dialect, [dialect.name for dialect in api.dialects]) == ("settings", ["settings", "stores"])
    # the page's example of Enable Webhooks, in its order
    assert api.subscription == (
        "order.created",
        "order.paid",
        "order.shipped",
        "reservation.created",
        "reservation.confirmed",
        "user.registered",
    )


def test_the_dialect_of_the_page() -> None:
    settings = dialect("settings")
    path = ("/v1/businesses/", "{account}")
    assert settings.read == CallSpec(Method.GET, path, None)
    assert settings.update == CallSpec(Method.PUT, path, {"id": "{account}", "settings": "{record}"})
    body = {"businessId": "{account}", "event": "{event}"}
    assert settings.test == CallSpec(Method.POST, (*path, "/webhooks/test"), body)
    assert (settings.create, settings.delete, settings.outcome) == (None, None, None)
    assert (settings.record.url, settings.record.secret, settings.record.events) == (
        "webhookUrl",
        "webhookSecret",
        "webhookEvents",
    )
    assert (settings.record.place, settings.record.several, settings.record.event) == ("/settings", False, None)
    assert settings.absent is Absent.LOST
    assert settings.test_names_event


def test_the_dialect_of_the_stores() -> None:
    stores = dialect("stores")
    path = ("/v1/stores/", "{account}", "/webhooks")
    assert stores.read == CallSpec(Method.GET, path, None)
    assert stores.create == CallSpec(Method.POST, path, "{record}")
    one = ("/v1/stores/", "{account}", "/webhooks/", "{webhook}")
    assert stores.update == CallSpec(Method.PUT, one, "{record}")
    assert stores.delete == CallSpec(Method.DELETE, one, None)
    body = {"delivery_id": "{fresh}", "webhook_id": "{webhook}"}
    assert stores.test == CallSpec(Method.POST, ("/v1/stores/", "{account}", "/webhooks/test"), body)
    assert stores.record == RecordSpec(
        place="/items",
        several=True,
        next_page="/cursor",
        next_page_query="cursor",
        id="id",
        label="key",
        url="url",
        secret="secret",
        events="events",
        event="event",
        read_only=("id", "store_id", "created_at", "updated_at"),
        new={"key": "hookctl", "headers": {}, "enabled": True},
        headers="headers",
        enabled="enabled",
        made={"id": "{fresh}", "store_id": "{account}", "created_at": "{created}", "updated_at": "{updated}"},
    )
    assert stores.outcome == OutcomeSpec(
        "/status",
        "/provider_status_code",
        "/error",
        ("succeeded",),
        ("requested", "processing"),
        ("rejected", "failed"),
    )
    assert stores.absent is Absent.KEPT
    assert not stores.test_names_event


def test_the_list_of_events() -> None:
    events = arky_api().events
    assert events == EventListSpec(
        CallSpec(Method.GET, ("/v1/platform/events",), None), {"event": "{event}", "scopes": []}
    )


def test_arcade_has_no_api_and_says_what_to_do_by_hand() -> None:
    arcade = load_administration(load_catalogue("arcade").provider("arcade"))
    assert arcade.api is None
    assert len(arcade.manual) == 4
    assert "ARCADE_SIGNING_SECRET" in " ".join(arcade.manual)


def test_every_fact_of_the_api_has_a_source_that_was_read_on_a_day() -> None:
    provider = load_catalogue("arky").provider("arky")
    facts = arky_api().facts
    assert {"api", "api.dialects.settings", "api.dialects.stores"} <= set(facts)
    known = {source.id: source.read for source in provider.sources}
    for fact, source in facts.items():
        assert isinstance(known[source.partition(":")[0]], date), fact


@pytest.mark.parametrize("fact", ["api.dialect", "api.dialects.settings.absent"])
def test_where_page_and_sdk_are_silent_the_source_says_that_the_choice_is_ours(fact: str) -> None:
    assert arky_api().facts[fact] == "hookctl"


def test_a_provider_that_says_nothing_of_it_has_neither(arky: ProviderFolder) -> None:
    text = arky.description.read_text(encoding="utf-8")
    start, end = text.index("[api]"), text.index('[events."order.created"]')
    arky.description.write_text(text[:start] + text[end:], encoding="utf-8")
    administration = load_administration(arky.load())
    assert (administration.api, administration.manual) == (None, ())


@pytest.mark.parametrize(
    ("old", "new", "problem", "hint"),
    [
        # keys
        ('token_env = "ARKY_TOKEN"', "", "api.token_env is missing", None),
        ('account = "business"', 'acount = "business"', "api.account is missing", None),
        (
            'dialect = "settings"',
            'dialect = "settings"\ndialcts = 1',
            "api.dialcts is not",
            "did you mean 'dialects' or",
        ),
        ('absent = "lost"', "", "api.dialects.settings.absent is missing", None),
        ('absent = "lost"', 'absent = "gone"', "api.dialects.settings.absent is 'gone'", "known: kept, lost"),
        ('secret = "webhookSecret"', "", "api.dialects.settings.record.secret is missing", None),
        (
            'place = "/settings"',
            'plce = "/settings"',
            "settings.record.plce is not a known key",
            "did you mean 'place'?",
        ),
        ('status = "/status"', "", "api.dialects.stores.outcome.status is missing", None),
        ('id = "id"\n', "", "api.dialects.stores.record.id is missing", None),
        ('next_page_query = "cursor"\n', "", "api.dialects.stores.record.next_page_query is missing", None),
        # values
        ('"https://api.arky.io"', '"api.arky.io"', "api.base_url is 'api.arky.io'; it must be an http", None),
        ('"ARKY_TOKEN"', '"ARKY TOKEN"', "api.token_env is 'ARKY TOKEN'; it must be the name of", None),
        ('account = "business"', 'account = "a b"', "api.account is 'a b'; it must be one word", None),
        ('"Bearer {token}"', '"Bearer"', "api.authorization must have {token} in it once", None),
        ('"Bearer {token}"', r'"Bearer\n{token}"', "api.authorization has a character that a header cannot", None),
        ('"Bearer {token}"', '"Bearer {tokn}"', "has the unknown placeholder {tokn}", "did you mean '{token}'?"),
        ('dialect = "settings"', 'dialect = "setings"', "api.dialect is 'setings'", "did you mean 'settings'?"),
        ('  "order.paid",', '  "order.piad",', "api.subscription has 'order.piad'", "did you mean 'order.paid'"),
        ('  "order.paid",', "  5,", "api.subscription must be an array of non-empty strings", None),
        ("several = true", 'several = "yes"', "api.dialects.stores.record.several must be true or false", None),
        (
            "[api.dialects.settings]",
            "[api.dialects.Settings]",
            "api.dialects.Settings is no name",
            "lower-case letters",
        ),
        ('place = "/settings"', 'place = "settings"', "settings.record.place is 'settings'; it must be a JSON", None),
        # calls
        ('method = "PUT"', 'method = "PUTT"', "api.dialects.settings.update.method is 'PUTT'", "did you mean 'PUT'?"),
        ('method = "PUT"', 'methd = "PUT"', "api.dialects.settings.update.method is missing", None),
        (
            '"/v1/businesses/{account}/webhooks/test"',
            '"/v1/businesses/{acount}/webhooks/test"',
            "api.dialects.settings.test.path has the unknown placeholder {acount}",
            "did you mean '{account}'?",
        ),
        ('"/v1/businesses/{account}/w', '"v1/businesses/{account}/w', "settings.test.path must begin with /", None),
        (
            '"/v1/businesses/{account}/w',
            '"/v1/businesses/{webhook}/w',
            "the unknown placeholder {webhook}",
            "known: {ac",
        ),
        ('event = "{event}" }', 'event = "{evnt}" }', "settings.test.body has the unknown", "did you mean '{event}'?"),
        ('event = "{event}" }', "at = 2026-01-01 }", "test.body has 2026-01-01 in it, which JSON cannot hold", None),
        ('event = "{event}" }', "n = [[nan]] }", "test.body has nan in it, which JSON cannot hold", None),
        ('settings = "{record}"', "settings = 1", "settings.update.body must have {record} in it once", None),
        ('settings = "{record}"', 'a = ["{record}"], b = "{record}"', "update.body must have {record} in it", None),
        ("enabled = true }", 'enabled = "{account}" }', "record.new has the unknown placeholder", "known: none"),
        ("made = { id", "made = { url", "record.made has 'url', which is not in read_only", None),
        ('"{updated}" }', '"{udated}" }', "record.made has the unknown", "did you mean '{updated}'"),
        ('entry = { event = "{event}"', 'entry = { event = "x"', "api.events.entry must have {event} in it", None),
        ('path = "/v1/platform/events"', 'path = "events"', "api.events.path must begin with /", None),
        ("read = { method", "raed = { method", "api.dialects.settings.read is missing", None),
        ("[api.dialects.settings.update]", "[api.dialects.settings.updte]", "settings.update is missing", None),
        ("delete = {", "delet = {", "stores.delete is missing, but an account can have several webhooks", None),
        (
            'place = "/settings"',
            'place = "/settings"\nseveral = true\nid = "id"',
            "settings.create is missing, but an account can have several",
            None,
        ),
        ("test = { method", "tst = { method", "api.dialects.stores.outcome is there, but no test", None),
        # sources
        ('source = "sdk: webhooks"', "", "api.dialects.stores.source is missing", None),
        ('source = "sdk: webhooks"', 'source = "sdc: x"', "stores.source names 'sdc'", "known: page, sdk, hookctl"),
        ('read = "sdk: getBusiness"', 'raed = "sdk"', "settings.sources.raed gives the source of a key", None),
        # the steps by hand
        ("[api]", '[manual]\nsteps = []\nsource = "page"\n[api]', "manual.steps lists no step", None),
        ("[api]", '[manual]\nsteps = ["x"]\n[api]', "manual.source is missing", None),
        (
            "[api]",
            '[manual]\nstps = 1\nsteps = ["x"]\nsource = "page"\n[api]',
            "manual.stps is",
            "did you mean 'steps'",
        ),
    ],
)
def test_a_slip_is_named_with_its_file_its_key_and_the_nearest_name(
    arky: ProviderFolder, old: str, new: str, problem: str, hint: str | None
) -> None:
    replace(arky.description, old, new)
    with pytest.raises(ProviderError) as caught:
        load_administration(arky.load())
    error = caught.value
    assert error.exit_code is ExitCode.INPUT
    assert error.message.startswith(f"{arky.description}: ")
    assert problem in error.message
    if hint is not None:
        assert error.hint is not None
        assert error.hint.startswith(hint)


def test_a_provider_from_outside_is_checked_with_its_api(arky: ProviderFolder) -> None:
    replace(arky.description, 'absent = "lost"', 'absent = "gone"')
    with pytest.raises(ProviderError, match=r"api\.dialects\.settings\.absent is 'gone'"):
        check_provider(arky.load())


def test_a_table_called_api_has_to_be_one(arky: ProviderFolder) -> None:
    replace(arky.description, 'summary = "commerce and booking"', 'summary = "commerce"\nmanual = 5')
    with pytest.raises(ProviderError, match="manual must be a table"):
        arky.load()
