"""Which checks there are, how much each weighs and whether handlers run: the table, and what a user chooses of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hookctl.catalogue import load_catalogue
from hookctl.check.catalogue import checks_of, select
from hookctl.check.model import Effect, Manner, Severity
from hookctl.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from hookctl.check.model import Check

# id, severity for Arky, severity for Arcade ("-" where the scheme has no use for it), whether handlers run: no, yes,
# or carried, which is only where the receiver refuses events that no handler knows
_TABLE = """
valid           must    must    yes
unknown-type    should  should  no
body-tampered   must    must    no
body-appended   must    must    no
wrong-secret    must    must    no
empty-secret    must    must    no
sig-missing     must    must    no
sig-empty       must    must    no
sig-prefix      must    must    no
sig-nonhex      must    must    no
sig-nonascii    must    must    no
sig-literal     must    must    no
sig-upperhex    info    -       carried
sig-encoding    info    info    carried
sig-dup         info    info    carried
ts-missing      must    -       no
ts-coerced      should  -       carried
ts-tampered     must    -       no
ts-old          should  -       carried
ts-future       should  -       carried
ts-nan          should  -       carried
ts-ms           should  -       carried
ts-suffix       should  -       carried
hdr-case        must    must    carried
body-unicode    must    must    carried
body-escapes    must    must    carried
body-numbers    must    must    carried
body-ws-order   must    must    carried
body-dupkeys    info    info    carried
body-stale      -       info    carried
body-bom        info    info    carried
body-badutf8    info    info    carried
body-empty      should  should  no
body-badjson    should  should  no
size-20k        should  should  carried
size-90k        should  should  carried
size-256k       info    info    carried
method          info    must    no
redirect        must    must    no
latency         should  should  carried
ct-charset      should  should  carried
chunked         info    info    carried
keepalive       should  should  carried
extra-headers   info    info    carried
tls             must    must    no
rot-either      -       must    carried
rot-neither     -       must    no
dup-status      should  should  yes
dup-effect      must    must    yes
dup-race        should  should  yes
order           info    info    yes
leak            should  should  no
"""
ROWS = [line.split() for line in _TABLE.strip().splitlines()]
ALL = [row[0] for row in ROWS]

# what is expected where that is not 2xx
_EXPECTED = {
    "arky": {
        **dict.fromkeys(("body-tampered", "body-appended", "wrong-secret", "empty-secret"), "401"),
        **dict.fromkeys(("sig-missing", "sig-empty", "sig-prefix", "sig-nonhex", "sig-nonascii"), "401"),
        **dict.fromkeys(("sig-literal", "sig-encoding", "ts-missing", "ts-coerced", "ts-tampered"), "401"),
        **dict.fromkeys(("ts-old", "ts-future", "ts-nan", "ts-ms", "ts-suffix"), "401"),
        "method": "404 or 405",
    },
    "arcade": {
        **dict.fromkeys(("body-tampered", "body-appended", "wrong-secret", "empty-secret"), "403"),
        **dict.fromkeys(("sig-prefix", "sig-nonhex", "sig-nonascii", "sig-literal", "sig-encoding"), "403"),
        **dict.fromkeys(("sig-missing", "sig-empty"), "401"),
        "rot-neither": "403",
        "method": "405",
    },
}


def checks(provider: str) -> dict[str, Check]:
    return {check.id: check for check in checks_of(load_catalogue().provider(provider))}


def ids(*, only: tuple[str, ...] = (), skip: tuple[str, ...] = ()) -> list[str]:
    return [check.id for check in select(tuple(checks("arky").values()), only, skip)]


@pytest.mark.parametrize(("provider", "column"), [("arky", 1), ("arcade", 2)])
def test_the_checks_are_those_of_the_table_in_its_order(provider: str, column: int) -> None:
    found = checks(provider)
    assert list(found) == ALL
    for row in ROWS:
        check = found[row[0]]
        assert (check.absent is not None) is (row[column] == "-"), check.id
        if check.absent is None:
            assert (check.id, check.severity) == (check.id, row[column])
        assert (check.id, check.effect) == (check.id, row[3])


@pytest.mark.parametrize("provider", ["arky", "arcade"])
def test_what_a_refusal_is_expected_to_be_is_what_the_page_says(provider: str) -> None:
    found = checks(provider)
    refusals = {id_: check.expects for id_, check in found.items() if check.absent is None and check.expects.isdigit()}
    assert refusals.items() <= _EXPECTED[provider].items()
    assert {id_: found[id_].expects for id_ in _EXPECTED[provider]} == _EXPECTED[provider]


@pytest.mark.parametrize("provider", ["arky", "arcade"])
def test_every_check_says_what_it_is_about(provider: str) -> None:
    for check in checks(provider).values():
        for text in (check.sends, check.expects, check.why, check.fix, check.absent or "none"):
            assert text
            assert text.strip() == text
            assert not text.endswith(".")
        assert (check.build is None) is (check.manner in {Manner.TRANSPORT, Manner.REDIRECTS, Manner.LEAKS})
        # what sends nothing of its own runs nobody's handlers
        assert check.build is not None or check.effect is Effect.NONE


@pytest.mark.parametrize("provider", ["arky", "arcade"])
def test_malformed_headers_are_looked_after_and_ages_left_to_clocks_that_agree(provider: str) -> None:
    found = checks(provider).values()
    malformed = {check.id for check in found if check.malformed}
    assert malformed >= {id_ for id_ in ALL if id_.startswith(("sig-", "ts-"))}
    assert "valid" not in malformed
    aged = {check.id for check in found if check.times}
    assert aged == {"ts-old", "ts-future", "ts-nan", "ts-ms", "ts-suffix"}


def test_nothing_chosen_is_everything() -> None:
    assert ids() == ALL


@pytest.mark.parametrize(
    ("only", "skip", "chosen"),
    [
        (("leak",), (), ["valid", "leak"]),
        (("leak", "sig-dup"), (), ["valid", "sig-dup", "leak"]),
        (("valid",), (), ["valid"]),
        (("rot-*",), (), ["valid", "rot-either", "rot-neither"]),
        (("size-*k", "sig-d??"), (), ["valid", "sig-dup", "size-20k", "size-90k", "size-256k"]),
        (("size-[29]*",), ("size-20k",), ["valid", "size-90k", "size-256k"]),
        (("order",), ("order",), ["valid"]),
        ((), ("*-*", "redirect", "order"), ["valid", "method", "latency", "chunked", "keepalive", "tls", "leak"]),
        # a glob means the others
        ((), ("*",), ["valid"]),
    ],
)
def test_ids_and_globs_choose_and_the_control_always_runs(
    only: tuple[str, ...], skip: tuple[str, ...], chosen: list[str]
) -> None:
    assert ids(only=only, skip=skip) == chosen


@pytest.mark.parametrize("unknown", ["sig-prefx", "nothing-*", "", "VALID"])
def test_an_id_or_glob_that_matches_nothing_is_refused(unknown: str) -> None:
    for options in ({"only": (unknown,)}, {"skip": (unknown,)}, {"only": ("leak", unknown)}):
        with pytest.raises(UnknownNameError):
            ids(**options)


def test_the_nearest_id_is_suggested() -> None:
    with pytest.raises(UnknownNameError) as refusal:
        ids(only=("sig-prefx",))
    assert "sig-prefix" in (refusal.value.hint or "")


def test_the_control_cannot_be_left_out() -> None:
    with pytest.raises(UsageError, match="it is the control"):
        ids(skip=("valid",))


def test_severities_are_ordered() -> None:
    must, should, info = Severity
    assert [must.at_most(should), should.at_most(must), info.at_most(should)] == [should, should, info]
    assert [must.at_least(should), should.at_least(must), info.at_least(should)] == [must, must, should]
