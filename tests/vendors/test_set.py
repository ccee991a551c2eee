"""`hookctl webhook set`: reads, merges, shows the difference, asks, writes once; never writes a mask back."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.inprocess import run_here
from tests.cli.processes import line_of, under_way
from tests.delivery.faults import response
from tests.vendors.business import ACCOUNT, EVENTS, JSON, SECRET, TOKEN, URL, error, hook, refusing

if TYPE_CHECKING:
    from tests.harness import Cli
    from tests.vendors.business import Asked, Business

NEW = "https://new.example.com/hooks"
STORES = ("--dialect", "stores")
EXAMPLE_SIX = [
    *("order.created", "order.paid", "order.shipped"),
    *("reservation.created", "reservation.confirmed", "user.registered"),
]


def test_only_what_was_named_changes_and_the_rest_goes_back_to_the_letter(asking: Cli, business: Business) -> None:
    before = (
        '{"timezone":"Europe/Sarajevo","webhookUrl":"https://old.example.com/","webhookSecret":"whsec_of_the_shop",'
        '"webhookEvents":["order.paid"],"nested":{"n":12345678901234567890,"f":1.50,"e":1E3,"t":"\\u0000 é \\ud800"}}'
    )

    def exact(asked: Asked) -> bytes | None:
        if asked.method == "GET" and not business.writes:
            return response(200, f'{{"id":"{ACCOUNT}","settings":{before}}}'.encode(), JSON)
        return None

    business.before = exact
    result = run_here(asking, "webhook", "set", "--url", NEW, "--yes")
    assert (result.code, result.out) == (0, f"✓ changed: {NEW}\n")
    (write,) = business.writes
    assert (write.method, write.path) == ("PUT", f"/v1/businesses/{ACCOUNT}")
    assert write.headers["content-type"] == "application/json"
    assert write.headers["authorization"] == f"Bearer {TOKEN}"
    settings = before.replace("https://old.example.com/", NEW).encode()
    assert write.body == b'{"id":"%s","settings":%s}' % (ACCOUNT.encode(), settings)


def test_the_record_of_a_store_goes_back_without_what_the_api_makes(asking: Cli, business: Business) -> None:
    arguments = ("--url", NEW, "--events", "order.paid,user.registered", "--yes")
    assert run_here(asking, "webhook", "set", *arguments, *STORES).code == 0
    (write,) = business.writes
    assert (write.method, write.path) == ("PUT", f"/v1/stores/{ACCOUNT}/webhooks/wh_1")
    assert write.json == {
        "key": "shop-1",
        "url": NEW,
        # an event that stays keeps what else is said of it
        "events": [{"event": "order.paid", "filter": "ORDER.PAID"}, {"event": "user.registered"}],
        "headers": {"X-Shop": "1"},
        "secret": SECRET,
        "enabled": True,
    }


def test_a_webhook_that_is_not_there_is_made(asking: Cli, business: Business) -> None:
    business.webhooks = []
    result = run_here(asking, "webhook", "set", "--url", NEW, "--yes", *STORES)
    assert (result.code, result.out) == (0, f"✓ made: {NEW}\n")
    (write,) = business.writes
    assert (write.method, write.path) == ("POST", f"/v1/stores/{ACCOUNT}/webhooks")
    assert write.json == {
        "key": "hookctl",
        "headers": {},
        "enabled": True,
        "url": NEW,
        "events": [{"event": name} for name in EXAMPLE_SIX],
    }
    assert "a new webhook" in result.err


def test_a_webhook_without_a_url_is_not_made(asking: Cli, business: Business) -> None:
    business.webhooks = []
    result = run_here(asking, "webhook", "set", "--events", "order.paid", "--yes", *STORES)
    assert (result.code, business.writes) == (3, [])
    assert "there is no webhook yet" in result.err


def test_the_subscription_stays_unless_it_is_named(asking: Cli, business: Business) -> None:
    business.settings["webhookEvents"] = ["order.payment_received", "order.paid"]
    assert run_here(asking, "webhook", "set", "--url", NEW, "--yes").code == 0
    assert business.settings["webhookEvents"] == ["order.payment_received", "order.paid"]


@pytest.mark.parametrize("events", [None, []])
def test_where_nothing_is_subscribed_the_pages_example_is(asking: Cli, business: Business, events: object) -> None:
    business.settings["webhookEvents"] = events
    result = run_here(asking, "webhook", "set", "--url", NEW, "--yes")
    assert result.code == 0
    assert business.settings["webhookEvents"] == EXAMPLE_SIX
    assert "note: nothing is subscribed yet: 6 events as on the vendor's page" in result.err


@pytest.mark.parametrize(
    ("arguments", "events"),
    [
        (["order.paid"], ["order.paid"]),
        (["order.paid, order.shipped ,order.paid"], ["order.paid", "order.shipped"]),
        (["user.*", "order.paid"], ["user.registered", "user.confirmed", "user.updated", "order.paid"]),
    ],
)
def test_events_are_names_and_globs(asking: Cli, business: Business, arguments: list[str], events: list[str]) -> None:
    options = [word for argument in arguments for word in ("--events", argument)]
    business.settings["webhookEvents"] = ["node.deleted"]
    assert run_here(asking, "webhook", "set", *options, "--yes").code == 0
    assert business.settings["webhookEvents"] == events
    assert business.url == URL


def test_an_unknown_event_is_a_note_and_sent_as_it_is(asking: Cli, business: Business) -> None:
    result = run_here(asking, "webhook", "set", "--events", "order.payment_received,order.piad", "--yes")
    assert result.code == 0
    assert business.settings["webhookEvents"] == ["order.payment_received", "order.piad"]
    assert "note: Arky's page has no event 'order.payment_received'" in result.err
    assert "note: Arky's page has no event 'order.piad' (did you mean 'order.paid'" in result.err


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        ([], 2, "nothing to set"),
        (["--events", "order.paid,,order.shipped"], 2, "--events has an empty name in it"),
        (["--events", "nothing.*"], 3, "no event of Arky matches 'nothing.*'"),
        (["--url", "example.com"], 3, "is not supported"),
        (["--url", "ftp://example.com/"], 3, "http and https are"),
        (["--url", "https://exa mple.com/"], 3, "white space"),
        (["--url", "https://me:password@example.com/"], 3, "has credentials in it"),
        (["--url", "https://"], 3, "names no host"),
        (["--secret-from-env", "NO_SUCH_VARIABLE"], 3, "NO_SUCH_VARIABLE is not set"),
        (["--secret-from-env", "EMPTY"], 3, "EMPTY is not set"),
        (["--url", NEW, "--webhook", "wh_1"], 3, "there is one webhook in the dialect settings"),
        (["--url", NEW, "--webhook", "wh_9", *STORES], 3, "there is no webhook 'wh_9'"),
        (["--url", NEW, "--timeout", "0"], 2, "--timeout must be more than 0"),
        (["--url", NEW, "--token", "abc"], 2, "--token is not an option"),
        (["--url", NEW, "--cacert", "missing.pem"], 3, "--cacert"),
        (["--url", NEW, "--provider", "akry"], 3, "unknown provider 'akry'"),
    ],
)
def test_a_mistake_is_told_and_nothing_written(
    asking: Cli, business: Business, arguments: list[str], code: int, named: str
) -> None:
    asking.env["EMPTY"] = ""
    result = run_here(asking, "webhook", "set", *arguments, "--yes")
    assert (result.code, result.out, business.writes) == (code, "", [])
    assert named in result.err
    assert "password" not in result.err


@pytest.mark.parametrize("wanted", ["wh_2", "shop-2"])
def test_one_of_several_is_named_by_id_or_name(asking: Cli, business: Business, wanted: str) -> None:
    business.webhooks = [hook(1), hook(2)]
    result = run_here(asking, "webhook", "set", "--url", NEW, "--yes", *STORES)
    assert (result.code, business.writes) == (3, [])
    assert "2 webhooks are there: which?" in result.err
    assert "one of: shop-1, shop-2" in result.err
    assert run_here(asking, "webhook", "set", "--url", NEW, "--yes", *STORES, "--webhook", wanted).code == 0
    assert [one["url"] for one in business.webhooks] == [URL, NEW]


def test_what_is_so_already_is_not_written(asking: Cli, business: Business) -> None:
    events = ",".join(reversed(EVENTS))
    result = run_here(asking, "webhook", "set", "--url", URL, "--events", events, "--yes")
    assert (result.code, result.out) == (0, "✓ nothing to change: it is so already\n")
    assert business.writes == []


# a terminal of its own is what makes a Ctrl-C that is typed a signal
_WITH_ITS_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "hookctl", *sys.argv[1:]])
"""


# --- agreeing ---------------------------------------------------------------------------------------------------------


def test_without_a_terminal_nothing_is_even_asked(asking: Cli, business: Business) -> None:
    result = asking("webhook", "set", "--url", NEW, stdin=b"y\n")
    assert (result.code, result.out, business.asked) == (2, "", [])
    assert "there is no terminal" in result.err
    assert "--yes changes it, --dry-run shows it" in result.err


@pytest.mark.parametrize(
    ("typed", "code"), [("y\n", 0), ("YES\n", 0), ("n\n", 1), ("\n", 1), ("\x04", 1), ("\x03", 130)]
)
def test_on_a_terminal_the_difference_is_shown_and_you_are_asked(
    asking: Cli, business: Business, typed: str, code: int
) -> None:
    ended, screen = _answer(asking, typed, "webhook", "set", "--url", NEW)
    assert ended == code
    assert f"- {URL}" in screen
    assert f"+ {NEW}" in screen
    assert screen.index(f"+ {NEW}") < screen.index("Change it? [y/N]")
    assert business.url == (NEW if code == 0 else URL)
    assert len(business.writes) == (1 if code == 0 else 0)
    assert ("nothing was changed" in screen) is (code == 1)


def _answer(cli: Cli, typed: str, *arguments: str) -> tuple[int, str]:
    """Run hookctl on a terminal, type something when it asks, return its exit code and what it showed."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _WITH_ITS_TERMINAL, *arguments],
        stdin=its,
        stdout=its,
        stderr=its,
        cwd=cli.folder,
        env=cli.environment({"NO_COLOR": "1"}),
    )
    os.close(its)
    with process:
        try:
            data = b""
            asked = False
            while True:
                try:
                    piece = os.read(ours, 65536)
                except OSError:
                    break
                if not piece:
                    break
                data += piece
                if not asked and b"[y/N] " in data:
                    asked = True
                    os.write(ours, typed.encode())
            return process.wait(30), data.decode()
        finally:
            process.kill()
            os.close(ours)


def test_a_dry_run_shows_the_difference_and_writes_nothing(asking: Cli, business: Business) -> None:
    result = run_here(asking, "webhook", "set", "--url", NEW, "--events", "order.paid,node.*", "--dry-run")
    assert (result.code, result.err, business.writes) == (0, "", [])
    assert result.out == (
        f"Arky business {ACCOUNT}, {business.base}, settings\n"
        f"  url    - {URL}\n         + {NEW}\n"
        "  events - order.shipped\n         + node.created\n         + node.updated\n         + node.published\n"
        "         + node.deleted\n         = order.paid\n"
        "  secret as it is\n"
        "nothing was changed (--dry-run)\n"
    )


def test_a_dry_run_for_programs(asking: Cli, business: Business) -> None:
    result = run_here(asking, "webhook", "set", "--url", NEW, "--dry-run", "--format", "json")
    assert (result.code, result.err, business.writes) == (0, "", [])
    (record,) = result.document["results"]
    assert (record["type"], record["url"], record["dry_run"]) == ("webhook", URL, True)
    assert record["changes"] == [{"field": "url", "old": URL, "new": NEW}]


def test_a_change_for_programs(asking: Cli, business: Business) -> None:
    arguments = ("--events", "order.paid", "--secret-from-env", "NEW_SECRET", "--yes", "--format", "json")
    asking.env["NEW_SECRET"] = "whsec_another_secret"
    result = run_here(asking, "webhook", "set", *arguments)
    assert result.code == 0
    (record,) = result.document["results"]
    assert (record["events"], record["secret_set"], record["dry_run"]) == (["order.paid"], True, False)
    assert record["changes"] == [
        {"field": "events", "old": EVENTS, "new": ["order.paid"]},
        {"field": "secret", "old": "set", "new": "another value"},
    ]
    assert business.settings["webhookSecret"] == "whsec_another_secret"


def test_a_url_on_this_machine_is_worth_a_note(asking: Cli, business: Business) -> None:
    result = run_here(asking, "webhook", "set", "--url", "http://localhost:3000/x", "--dry-run")
    assert "note: localhost is this machine" in result.err


# --- secrets and masks ------------------------------------------------------------------------------------------------


def test_a_masked_secret_is_never_written_back_and_its_loss_is_refused(asking: Cli, business: Business) -> None:
    business.masks = True
    result = run_here(asking, "webhook", "set", "--url", NEW, "--yes")
    assert (result.code, business.writes) == (3, [])
    assert "the API shows webhookSecret masked" in result.err
    assert "--secret-from-env ARKY_WEBHOOK_SECRET" in result.err
    assert business.settings["webhookSecret"] == SECRET


def test_the_real_secret_takes_the_masks_place(asking: Cli, business: Business) -> None:
    business.masks = True
    asking.env["MINE"] = SECRET
    result = run_here(asking, "webhook", "set", "--url", NEW, "--secret-from-env", "MINE", "--yes")
    assert result.code == 0
    assert business.writes[0].json["settings"]["webhookSecret"] == SECRET
    assert SECRET not in result.out + result.err


def test_where_a_write_keeps_what_it_leaves_out_the_mask_is_left_out(asking: Cli, business: Business) -> None:
    business.masks, business.replaces = True, False
    assert run_here(asking, "webhook", "set", "--url", NEW, "--yes", *STORES).code == 0
    assert "secret" not in business.writes[0].json
    assert (business.webhooks[0]["secret"], business.webhooks[0]["url"]) == (SECRET, NEW)


def test_other_masked_fields_are_left_alone_too(asking: Cli, business: Business) -> None:
    business.replaces = False
    business.webhooks = [hook(headers={"Authorization": "Bearer ****", "X-Shop": "1"})]
    assert run_here(asking, "webhook", "set", "--url", NEW, "--yes", *STORES).code == 0
    assert "headers" not in business.writes[0].json
    business.settings["smtp"] = {"password": "••••••••"}
    result = run_here(asking, "webhook", "set", "--url", NEW, "--yes")
    assert (result.code, len(business.writes)) == (3, 1)
    assert "the API shows smtp.password masked" in result.err


def test_a_secret_from_a_dotenv_file(asking: Cli, business: Business) -> None:
    (asking.folder / ".env").write_text("ARKY_WEBHOOK_SECRET=whsec_from_the_file\n")
    assert run_here(asking, "webhook", "set", "--secret-from-env", "ARKY_WEBHOOK_SECRET", "--yes").code == 0
    assert business.settings["webhookSecret"] == "whsec_from_the_file"


def test_a_secret_with_every_kind_of_character_arrives_as_it_is(asking: Cli, business: Business) -> None:
    secret = ' "\\\n\té€😀 '
    asking.env["ODD"] = secret
    assert run_here(asking, "webhook", "set", "--secret-from-env", "ODD", "--yes").code == 0
    assert business.settings["webhookSecret"] == secret


def test_no_output_holds_token_or_secret(asking: Cli, business: Business) -> None:
    asking.env["NEW_SECRET"] = "whsec_canary_in_the_coal_mine"
    arguments = ["webhook", "set", "--url", NEW, "--secret-from-env", "NEW_SECRET", "--yes"]
    runs = [run_here(asking, *arguments, "--format", form) for form in ("text", "json")]
    runs.append(run_here(asking, *arguments, "--dry-run"))
    echo = {"message": f"{TOKEN} whsec_canary_in_the_coal_mine canary_in_the_coal_mine"}
    business.before = refusing("PUT", answer=error(400, echo))
    business.settings["webhookUrl"] = URL
    runs.append(run_here(asking, *arguments))
    assert [run.code for run in runs] == [0, 0, 0, 5]
    for run in runs:
        for secret in (TOKEN, SECRET, "canary_in_the_coal_mine"):
            assert secret not in run.out + run.err


def test_the_token_is_not_in_the_arguments_of_any_process(asking: Cli, business: Business) -> None:
    seen: list[str] = []

    def look(_: Asked) -> None:
        done = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
        seen.append(done.stdout)

    business.after = look
    assert asking("webhook", "show").code == 0
    assert "hookctl webhook show" in seen[0]
    assert TOKEN not in seen[0]


def test_a_failed_write_is_reported_once_and_never_tried_again(asking: Cli, business: Business) -> None:
    business.before = refusing("PUT", answer=error(503, {"message": "Busy"}, b"Retry-After: 0"))
    assert run_here(asking, "webhook", "set", "--url", NEW, "--yes").code == 5
    assert [asked.method for asked in business.asked] == ["GET", "PUT"]


def test_a_ctrl_c_during_the_write_waits_until_it_is_told_how_things_stand(asking: Cli, business: Business) -> None:
    def press(asked: Asked) -> None:
        if asked.method == "PUT":
            process.send_signal(signal.SIGINT)

    business.after = press
    with under_way(asking, "webhook", "set", "--url", NEW, "--yes") as process:
        assert line_of(process) == f"✓ changed: {NEW}\n"
        assert process.wait(30) == 130
    assert business.url == NEW


def test_settings_that_are_not_there_begin_empty(asking: Cli, business: Business) -> None:
    business.settings = None
    assert run_here(asking, "webhook", "set", "--url", NEW, "--events", "order.paid", "--yes").code == 0
    assert json.loads(business.writes[0].body)["settings"] == {"webhookUrl": NEW, "webhookEvents": ["order.paid"]}
