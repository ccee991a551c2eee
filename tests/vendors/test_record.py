"""A record of the API and back: what is not known stays to the letter, and no mask is ever written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookctl.catalogue import load_catalogue
from hookctl.catalogue.administration import load_administration
from hookctl.model.api import Absent
from hookctl.payload.jsontext import Number, encode, parse
from hookctl.vendors.problems import MaskedValueError
from hookctl.vendors.record import (
    Change,
    SecretState,
    Wish,
    differences,
    fields_of,
    is_masked,
    merged,
    read_webhook,
    same_url,
    secrets_in,
)

if TYPE_CHECKING:
    from hookctl.model.api import ApiSpec, DialectSpec
    from hookctl.payload.jsontext import Json

MASKS = [
    *("*", "****", "whsec_***", "whsec_****", "••••••••", "●●●●", "whsec_••••1234", "abcd****wxyz", "***********e7f2"),
    *(
        "xxxxxxxx",
        "XXXX-XXXX",
        "········",
        "whsec_abc...",
        "whsec_a…",
        "[redacted]",
        "<hidden>",
        "REDACTED",
        "(masked)",
    ),
]
PLAIN = [
    *("whsec_your_secret_key", "whsec_9f8e7d6c", "a*b", "a**b", "geheim-ä", "mixxxer", "correct horse", "my-secret"),
    *("8*/+==", "pass...word"),
]


def api() -> ApiSpec:
    spec = load_administration(load_catalogue("arky").provider("arky")).api
    assert spec is not None
    return spec


SETTINGS, STORES = api().dialects
LOSING_STORES = replace(STORES, absent=Absent.LOST)


@pytest.mark.parametrize("text", MASKS)
def test_a_mask_is_known_for_one(text: str) -> None:
    assert is_masked(text)


@pytest.mark.parametrize("text", PLAIN)
def test_a_secret_is_no_mask(text: str) -> None:
    assert not is_masked(text)


json_values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([Number("1.50"), Number("1E400")]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
dialects = st.sampled_from([SETTINGS, STORES, LOSING_STORES])
wishes = st.builds(
    Wish,
    url=st.none() | st.just("https://new.example.com/"),
    events=st.none() | st.lists(st.sampled_from(["order.paid", "order.shipped", "x.y"]), unique=True).map(tuple),
    secret=st.none() | st.text(min_size=1),
)


@given(dialects, st.dictionaries(st.text(), json_values, max_size=6), json_values, json_values, json_values, wishes)
def test_what_is_written_is_what_was_read_but_for_what_was_wished_and_no_mask(
    dialect: DialectSpec, others: dict[str, Json], url: Json, events: Json, secret: Json, wish: Wish
) -> None:
    spec = dialect.record
    record: dict[str, Json] = {**others, spec.url: url, spec.events: events, spec.secret: secret, "id": "wh_1"}
    webhook = read_webhook(record, spec)
    fields = fields_of(wish, webhook, spec)
    try:
        written = merged(webhook, fields, dialect)
    except MaskedValueError:
        # only ever where it would be lost, and there is a mask
        assert dialect.absent is Absent.LOST
        assert any(is_masked(text) for text in secrets_in(webhook, spec))
        return
    for name, value in fields.items():
        assert written[name] == value
    for name, value in record.items():
        if name in fields:
            continue
        if name in spec.read_only:
            assert name not in written
        elif name in written:
            assert written[name] == value
        else:
            assert dialect.absent is Absent.KEPT
    if wish.secret is None and isinstance(secret, str) and is_masked(secret):
        assert spec.secret not in written
    # and it is JSON that reads as it was written
    assert parse(encode(written).decode()) == parse(encode(parse(encode(written).decode())).decode())


@given(dialects, wishes, st.booleans())
def test_a_wish_that_came_true_changes_nothing_more(dialect: DialectSpec, wish: Wish, there: bool) -> None:
    spec = dialect.record
    webhook = read_webhook({spec.url: "https://old.example.com/", "id": "wh_1"}, spec) if there else None
    record = {"id": "wh_1", **(merged(webhook, fields_of(wish, webhook, spec), dialect) if webhook else {})}
    if webhook is None:
        record.update(fields_of(wish, None, spec))
    assert differences(read_webhook(record, spec), wish, spec) == ()


def test_differences_of_one_that_is_not_there() -> None:
    wish = Wish("https://a.example/", ("order.paid",), "whsec_new")
    assert differences(None, wish, STORES.record) == (
        Change("url", None, "https://a.example/"),
        Change("events", None, ("order.paid",)),
        Change("secret", "not set", "set"),
    )


def test_a_secret_shown_as_the_same_is_no_change_and_a_masked_one_may_be() -> None:
    spec, wish = SETTINGS.record, Wish(secret="whsec_mine")
    assert differences(read_webhook({spec.secret: "whsec_mine"}, spec), wish, spec) == ()
    masked = read_webhook({spec.secret: "whsec_****"}, spec)
    assert masked.secret is SecretState.MASKED
    assert differences(masked, wish, spec) == (Change("secret", "set, shown masked", "the given value"),)


@pytest.mark.parametrize("masked", ["secret", "headers.Authorization", "headers.x-api-key", "auth.tokens.1"])
def test_a_masked_field_is_named_where_it_would_be_lost(masked: str) -> None:
    record: dict[str, Json] = {"id": "wh_1", "url": "https://a.example/"}
    place: dict[str, Json] = record
    *parents, last = masked.split(".")
    if masked == "auth.tokens.1":
        record["auth"] = {"tokens": ["plain", "****"]}
    else:
        for name in parents:
            inner: dict[str, Json] = {}
            place[name] = inner
            place = inner
        place[last] = "****"
    webhook = read_webhook(record, STORES.record)
    with pytest.raises(MaskedValueError, match=f"shows {masked} masked"):
        merged(webhook, {"url": "https://b.example/"}, LOSING_STORES)
    kept = merged(webhook, {"url": "https://b.example/"}, STORES)
    assert masked.split(".", maxsplit=1)[0] not in kept


def test_a_word_that_looks_like_a_mask_elsewhere_is_just_a_word() -> None:
    record: dict[str, Json] = {"id": "wh_1", "rating": "***", "key": "****", "description": "see more..."}
    written = merged(read_webhook(record, STORES.record), {}, LOSING_STORES)
    assert written == {"rating": "***", "key": "****", "description": "see more..."}


def test_the_real_secret_stands_in_for_its_mask_alone() -> None:
    record: dict[str, Json] = {"webhookSecret": "whsec_****", "smtp": {"password": "****"}}
    with pytest.raises(MaskedValueError, match=r"smtp\.password"):
        merged(read_webhook(record, SETTINGS.record), {}, SETTINGS, secret="whsec_real")
    del record["smtp"]
    assert merged(read_webhook(record, SETTINGS.record), {}, SETTINGS, secret="whsec_real") == {
        "webhookSecret": "whsec_real"
    }
    # one that the API shows is the right one
    shown = read_webhook({"webhookSecret": "whsec_shown"}, SETTINGS.record)
    assert merged(shown, {}, SETTINGS, secret="whsec_other") == {"webhookSecret": "whsec_shown"}


def test_no_representation_holds_a_secret() -> None:
    webhook = read_webhook({"webhookSecret": "whsec_canary"}, SETTINGS.record)
    assert "canary" not in repr(webhook)
    assert "canary" not in repr(Wish(secret="whsec_canary"))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.example", "https://a.example/", True),
        ("HTTPS://A.Example:443/x", "https://a.example/x", True),
        ("http://a.example:80/?q", "http://a.example?q", True),
        ("https://a.example/x", "https://a.example/x/", False),
        ("https://a.example/x", "https://a.example/X", False),
        ("https://a.example/", "http://a.example/", False),
        ("https://a.example/?a", "https://a.example/?b", False),
        ("https://a.example:8443/", "https://a.example/", False),
        ("https://[x", "https://[x", True),
        ("https://[x", "https://[y", False),
        (None, None, True),
        (None, "https://a.example/", False),
    ],
)
def test_an_api_may_write_a_url_its_own_way(one: str | None, other: str | None, same: bool) -> None:
    assert same_url(one, other) is same_url(other, one) is same
