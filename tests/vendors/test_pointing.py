"""A webhook that points somewhere else for a while: set back however the run ends, and by the next one after a kill."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.cli.inprocess import run_here
from tests.cli.processes import line_of
from tests.delivery.faults import response
from tests.vendors.business import EVENTS, JSON, SECRET, TOKEN, URL, error, hook, refusing
from tests.vendors.pointing import KILLED, OURS, WAITING, journals, start, tell

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from tests.harness import Cli
    from tests.vendors.business import Asked, Business


@contextmanager
def pointing(
    cli: Cli, dialect: str = "settings", env: dict[str, str | None] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process that has pointed the webhook somewhere and waits."""
    process = start(cli, WAITING, OURS, dialect, env=env)
    with process:
        try:
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    """Wait for the end; return exit code and the last line."""
    line = line_of(process)
    return process.wait(30), line.strip()


# --- however it ends --------------------------------------------------------------------------------------------------

ENDS = [
    ("", None, 0, "ended: restored"),
    ("error", None, 1, "ValueError: the command's own trouble"),
    (None, signal.SIGINT, 130, "interrupted"),
    (None, signal.SIGTERM, 143, "ended by 15"),
    (None, signal.SIGHUP, 129, "ended by 1"),
]


@pytest.mark.parametrize(("word", "number", "code", "line"), ENDS, ids=["end", "error", "INT", "TERM", "HUP"])
@pytest.mark.parametrize("dialect", ["settings", "stores"])
def test_it_is_set_back_however_the_run_ends(
    asking: Cli,
    business: Business,
    dialect: str,
    word: str | None,
    number: signal.Signals | None,
    code: int,
    line: str,
) -> None:
    before = (dict(business.settings), [dict(one) for one in business.webhooks])
    with pointing(asking, dialect) as process:
        assert line_of(process) == "pointed\n"
        now = business.url if dialect == "settings" else business.webhooks[0]["url"]
        assert now == OURS
        assert len(journals(asking)) == 1
        if number is None:
            tell(process, [str(word)])
        else:
            process.send_signal(number)
        assert ended(process) == (code, line)
    assert business.settings == before[0]
    kept = ("id", "key", "url", "events", "headers", "secret", "enabled")
    assert [{key: one[key] for key in kept} for one in business.webhooks] == [
        {key: one[key] for key in kept} for one in before[1]
    ]
    assert journals(asking) == []


def test_the_journal_is_there_before_the_change_and_holds_no_secret(asking: Cli, business: Business) -> None:
    seen: list[str] = []

    def look(asked: Asked) -> None:
        if asked.method == "PUT":
            seen.extend(path.read_text() for path in journals(asking))

    def before(asked: Asked) -> bytes | None:
        look(asked)
        return None

    business.before = before
    with pointing(asking) as process:
        assert line_of(process) == "pointed\n"
        assert len(seen) == 1
        assert URL in seen[0]
        assert OURS in seen[0]
        assert TOKEN not in seen[0]
        assert SECRET not in seen[0]
        tell(process)
        assert ended(process)[0] == 0


def test_one_that_was_made_for_the_run_is_removed(asking: Cli, business: Business) -> None:
    business.webhooks = []
    with pointing(asking, "stores") as process:
        assert line_of(process) == "pointed\n"
        assert [one["url"] for one in business.webhooks] == [OURS]
        tell(process)
        assert ended(process) == (0, "ended: removed")
    assert business.webhooks == []
    assert journals(asking) == []


@pytest.mark.parametrize("events", [None, []])
def test_a_subscription_that_was_made_for_the_run_is_undone(asking: Cli, business: Business, events: object) -> None:
    business.settings["webhookEvents"] = events
    with pointing(asking) as process:
        assert line_of(process) == "pointed\n"
        assert len(business.settings["webhookEvents"]) == 6
        tell(process)
        assert ended(process)[0] == 0
    assert business.settings["webhookEvents"] == events
    assert business.url == URL


def test_a_webhook_that_had_no_url_has_none_afterwards(asking: Cli, business: Business) -> None:
    del business.settings["webhookUrl"]
    with pointing(asking) as process:
        assert line_of(process) == "pointed\n"
        tell(process)
        assert ended(process) == (0, "ended: restored")
    assert business.url is None


def test_what_somebody_else_has_set_meanwhile_is_left_alone(asking: Cli, business: Business) -> None:
    with pointing(asking) as process:
        assert line_of(process) == "pointed\n"
        business.settings["webhookUrl"] = "https://theirs.example.com/"
        tell(process)
        assert ended(process) == (0, "ended: not_ours")
    assert business.url == "https://theirs.example.com/"
    assert journals(asking) == []


def test_events_that_somebody_else_has_set_meanwhile_stay(asking: Cli, business: Business) -> None:
    business.settings["webhookEvents"] = []
    with pointing(asking) as process:
        assert line_of(process) == "pointed\n"
        business.settings["webhookEvents"] = ["node.deleted"]
        tell(process)
        assert ended(process) == (0, "ended: restored")
    assert (business.url, business.settings["webhookEvents"]) == (URL, ["node.deleted"])


def test_an_api_that_writes_urls_its_own_way_is_set_back_too(asking: Cli, business: Business) -> None:
    def in_its_way(_: Asked) -> None:
        business.settings["webhookUrl"] = business.settings["webhookUrl"].replace("https://abc123", "HTTPS://ABC123")

    business.after = in_its_way
    with pointing(asking) as process:
        assert line_of(process) == "pointed\n"
        assert business.url != OURS
        tell(process)
        assert ended(process) == (0, "ended: restored")
    assert business.url == URL


def test_one_that_points_there_already_is_not_touched(asking: Cli, business: Business) -> None:
    business.settings["webhookUrl"] = OURS
    with pointing(asking) as process:
        assert line_of(process) == "pointed\n"
        assert journals(asking) == []
        tell(process)
        assert ended(process) == (0, "ended: None")
    assert business.writes == []


# --- trouble with the API ---------------------------------------------------------------------------------------------


def test_a_refused_change_leaves_nothing_behind(asking: Cli, business: Business) -> None:
    business.before = refusing("PUT", answer=error(400, {"message": "No"}))
    with pointing(asking) as process:
        assert ended(process) == (5, "ApiError: Arky's API answered 400 Bad Request: No")
    assert (business.url, journals(asking)) == (URL, [])
    assert len(business.writes) == 1


def test_a_change_whose_answer_was_lost_is_undone(asking: Cli, business: Business) -> None:
    def lose(asked: Asked) -> bytes | None:
        if asked.method == "PUT" and len(business.writes) == 1:
            business.settings = asked.json["settings"]
            return b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"
        return None

    business.before = lose
    with pointing(asking) as process:
        code, line = ended(process)
    assert code == 4
    assert "whether the request was carried out is not known" in line
    assert [write.json["settings"]["webhookUrl"] for write in business.writes] == [OURS, URL]
    assert (business.url, journals(asking)) == (URL, [])


def test_an_api_that_is_gone_at_the_end_keeps_the_journal_and_says_what_was(asking: Cli, business: Business) -> None:
    with pointing(asking) as process:
        assert line_of(process) == "pointed\n"
        business.before = lambda _: error(503, {"message": "Down"})
        tell(process)
        code, line = ended(process)
    assert code == 5
    assert line.startswith(f"RestoreError: the webhook was not set back, it pointed to {URL} before: Arky's API")
    assert (business.url, len(journals(asking))) == (OURS, 1)
    business.before = None
    result = run_here(asking, "webhook", "restore")
    assert (result.code, result.out) == (0, f"✓ arky biz_abc123: set back to {URL}\n")
    assert (business.url, journals(asking)) == (URL, [])


def test_a_change_that_did_not_take_is_told_and_nothing_is_left(asking: Cli, business: Business) -> None:
    business.before = refusing("PUT", answer=response(200, b"{}", JSON))
    with pointing(asking) as process:
        code, line = ended(process)
    assert (code, line) == (5, f"ApiError: Arky's API took the change, but the webhook does not point to {OURS}")
    assert (business.url, journals(asking), len(business.writes)) == (URL, [], 1)


def test_setting_back_that_did_not_take_is_told(asking: Cli, business: Business) -> None:
    with pointing(asking) as process:
        assert line_of(process) == "pointed\n"
        business.before = refusing("PUT", answer=response(200, b"{}", JSON))
        tell(process)
        code, line = ended(process)
    assert code == 5
    assert f"took the change, but the webhook points to {OURS}" in line
    assert len(journals(asking)) == 1


def test_a_masked_secret_is_refused_before_anything_is_changed(asking: Cli, business: Business) -> None:
    business.masks = True
    with pointing(asking) as process:
        code, line = ended(process)
    assert code == 3
    assert "the API shows webhookSecret masked" in line
    assert (business.writes, journals(asking)) == ([], [])


def test_with_the_real_secret_it_is_changed_and_set_back(asking: Cli, business: Business) -> None:
    business.masks = True
    with pointing(asking, env={"REAL_SECRET": SECRET}) as process:
        assert line_of(process) == "pointed\n"
        tell(process)
        assert ended(process) == (0, "ended: restored")
    assert [write.json["settings"]["webhookSecret"] for write in business.writes] == [SECRET, SECRET]
    assert business.url == URL


def test_a_second_ctrl_c_while_it_is_set_back_waits_for_it(asking: Cli, business: Business) -> None:
    def press(asked: Asked) -> None:
        if asked.method == "PUT" and len(business.writes) == 2:
            process.send_signal(signal.SIGINT)

    business.after = press
    with pointing(asking) as process:
        assert line_of(process) == "pointed\n"
        process.send_signal(signal.SIGINT)
        assert ended(process) == (130, "interrupted")
    assert (business.url, journals(asking)) == (URL, [])


def test_a_ctrl_c_while_it_is_changed_waits_for_the_answer_and_undoes_it(asking: Cli, business: Business) -> None:
    def press(asked: Asked) -> None:
        if asked.method == "PUT" and len(business.writes) == 1:
            process.send_signal(signal.SIGINT)

    business.after = press
    with pointing(asking) as process:
        assert ended(process) == (130, "interrupted")
    assert [write.json["settings"]["webhookUrl"] for write in business.writes] == [OURS, URL]
    assert (business.url, journals(asking)) == (URL, [])


# --- two at once ------------------------------------------------------------------------------------------------------


def test_a_second_run_is_refused_with_the_pid_and_changes_nothing(asking: Cli, business: Business) -> None:
    with pointing(asking) as first:
        assert line_of(first) == "pointed\n"
        asked = len(business.asked)
        with pointing(asking) as second:
            busy = f"BusyError: the webhook of biz_abc123 is in use by process {first.pid} of hookctl"
            assert ended(second) == (5, busy)
        changed = run_here(asking, "webhook", "set", "--url", "https://x.example/", "--yes")
        assert changed.code == 5
        assert f"in use by process {first.pid} of hookctl" in changed.err
        assert len(business.asked) == asked
        restored = run_here(asking, "webhook", "restore")
        assert restored.code == 1
        assert f"in use by a run that is under way (process {first.pid})" in restored.out
        assert business.url == OURS
        tell(first)
        assert ended(first)[0] == 0
    assert business.url == URL


def test_of_many_at_once_one_changes_it(asking: Cli, business: Business) -> None:
    runs = [start(asking, WAITING, OURS, "settings") for _ in range(6)]
    try:
        lines = [line_of(run).strip() for run in runs]
        assert lines.count("pointed") == 1
        first = runs[lines.index("pointed")]
        assert all(line == "pointed" or f"in use by process {first.pid}" in line for line in lines)
        tell(first)
        assert ended(first)[0] == 0
    finally:
        for run in runs:
            run.kill()
            run.communicate()
    assert (business.url, len(business.writes)) == (URL, 2)


# --- killed -----------------------------------------------------------------------------------------------------------


def kill_while_pointed(cli: Cli, dialect: str = "settings") -> None:
    """Leave a webhook changed, as a run that is killed does."""
    with pointing(cli, dialect) as process:
        assert line_of(process) == "pointed\n"
        process.kill()
        process.wait()


def test_the_next_run_sets_back_first_and_then_begins(asking: Cli, business: Business) -> None:
    kill_while_pointed(asking)
    assert business.url == OURS
    assert len(journals(asking)) == 1
    with pointing(asking) as process:
        assert line_of(process) == "pointed\n"
        tell(process)
        assert ended(process) == (0, "ended: restored")
    # set back to what was before the first run, never to the first run's own URL
    assert [write.json["settings"]["webhookUrl"] for write in business.writes] == [OURS, URL, OURS, URL]
    assert (business.url, journals(asking)) == (URL, [])


def test_a_run_that_cannot_set_back_first_does_not_begin(asking: Cli, business: Business) -> None:
    kill_while_pointed(asking)
    business.before = refusing("PUT", answer=error(500, {"message": "No"}))
    with pointing(asking) as process:
        code, line = ended(process)
    assert code == 5
    assert f"was not set back, it pointed to {URL} before" in line
    assert len(journals(asking)) == 1


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("dialect", ["settings", "stores"])
@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 5])
def test_a_kill_at_any_request_is_put_right(
    asking: Cli, business: Business, moment: str, dialect: str, number: int
) -> None:
    count = -1

    def strike(_: Asked) -> None:
        nonlocal count
        count += 1
        if count == number:
            process.kill()
            process.wait()

    def before(asked: Asked) -> bytes | None:
        strike(asked)
        return None

    if moment == "before":
        # killed when the request has come and nothing was done; it is carried out all the same
        business.before = before
    else:
        business.after = strike
    with pointing(asking, dialect) as process:
        tell(process)
        process.wait(30)
    business.before = business.after = None
    result = run_here(asking, "webhook", "restore", "--dialect", dialect)
    assert result.code == 0, result
    assert business.url == URL
    assert [one["url"] for one in business.webhooks] == [URL]
    assert journals(asking) == []


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["settings", "stores", "made"])
def test_a_kill_at_any_step_is_put_right(asking: Cli, business: Business, dialect: str) -> None:
    if dialect == "made":
        dialect, business.webhooks = "stores", []
    before = [one["url"] for one in business.webhooks]
    changed_when_killed = steps = 0
    process = start(asking, KILLED, OURS, dialect, "point")
    with process:
        try:
            while True:
                step, what, *code = line_of(process).split()
                if what == "ended":
                    assert code == ["0"]
                    break
                steps = int(step)
                urls = [business.url, *(one["url"] for one in business.webhooks)]
                changed_when_killed += OURS in urls
                # what is changed can be undone: the journal was there first
                assert journals(asking) or OURS not in urls, f"killed at step {step}"
                result = run_here(asking, "webhook", "restore", "--dialect", dialect)
                assert result.code == 0, (step, result)
                assert business.url == URL, f"killed at step {step}"
                assert [one["url"] for one in business.webhooks] == before, f"killed at step {step}"
                assert journals(asking) == []
                tell(process)
        finally:
            process.kill()
    assert steps >= 15
    assert changed_when_killed >= 3


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["settings", "stores"])
def test_a_kill_at_any_step_of_setting_back_is_put_right(asking: Cli, business: Business, dialect: str) -> None:
    kill_while_pointed(asking, dialect)
    (path,) = journals(asking)
    entry = path.read_bytes()
    steps = forgotten = 0
    process = start(asking, KILLED, OURS, dialect, "restore")
    with process:
        try:
            while True:
                step, what, *code = line_of(process).split()
                url = business.url if dialect == "settings" else business.webhooks[0]["url"]
                if what == "ended":
                    assert (code, url, journals(asking)) == (["0"], URL, [])
                    break
                steps = int(step)
                assert url == URL or journals(asking), f"killed at step {step}"
                forgotten += not journals(asking)
                assert run_here(asking, "webhook", "restore").code == 0
                assert (business.url, business.webhooks[0]["url"]) == (URL, URL), f"killed at step {step}"
                # as the first run has left it
                path.write_bytes(entry)
                if dialect == "settings":
                    business.settings["webhookUrl"] = OURS
                else:
                    business.webhooks[0]["url"] = OURS
                tell(process)
        finally:
            process.kill()
    assert steps >= 8
    assert forgotten >= 1


# --- webhook restore --------------------------------------------------------------------------------------------------


def test_nothing_to_restore_needs_neither_token_nor_network(cli: Cli) -> None:
    result = cli("webhook", "restore")
    assert (result.code, result.err) == (0, "")
    assert result.out == "nothing to set back: no run has left a webhook changed\n"
    record = cli("webhook", "restore", "--format", "json").document
    assert record == {"results": [], "summary": {"type": "summary", "total": 0}}


def test_restore_for_programs(asking: Cli, business: Business) -> None:
    kill_while_pointed(asking)
    result = run_here(asking, "webhook", "restore", "--format", "json")
    assert (result.code, result.err) == (0, "")
    assert result.document["results"] == [
        {
            "type": "restored",
            "outcome": "restored",
            "provider": "arky",
            "account": "biz_abc123",
            "api_url": business.base,
            "url": URL,
            "current_url": OURS,
            "pid": None,
            "error": None,
        }
    ]


def test_restore_needs_a_token_only_when_there_is_something(asking: Cli, business: Business) -> None:
    kill_while_pointed(asking)
    result = asking("webhook", "restore", env={"ARKY_TOKEN": None, "ARKY_BUSINESS_ID": None})
    assert result.code == 3
    assert "no access token for Arky" in result.err
    # whose it is stands in the journal
    assert asking("webhook", "restore", env={"ARKY_BUSINESS_ID": None}).code == 0
    assert business.url == URL


def test_restore_leaves_alone_what_somebody_else_has_set_and_forgets_it(asking: Cli, business: Business) -> None:
    kill_while_pointed(asking)
    business.settings["webhookUrl"] = "https://theirs.example.com/"
    result = run_here(asking, "webhook", "restore")
    assert result.code == 1
    expected = f"left alone: somebody else has set it to https://theirs.example.com/; it was {URL} before"
    assert expected in result.out
    assert business.url == "https://theirs.example.com/"
    assert run_here(asking, "webhook", "restore").code == 0
    assert len(business.writes) == 1


@pytest.mark.parametrize("dialect", ["settings", "stores"])
def test_restore_of_what_is_as_before_or_gone_writes_nothing(asking: Cli, business: Business, dialect: str) -> None:
    kill_while_pointed(asking, dialect)
    if dialect == "settings":
        business.settings["webhookUrl"] = URL
    else:
        business.webhooks = [hook(9)]
    writes = len(business.writes)
    result = run_here(asking, "webhook", "restore")
    assert result.code == 0
    assert ("it is as it was" if dialect == "settings" else "the webhook is no longer there") in result.out
    assert (len(business.writes), journals(asking)) == (writes, [])


def test_restore_speaks_the_dialect_of_the_change(asking: Cli, business: Business) -> None:
    kill_while_pointed(asking, "stores")
    assert run_here(asking, "webhook", "restore").code == 0
    assert business.webhooks[0]["url"] == URL


def test_a_token_is_not_sent_to_the_api_of_an_old_journal(asking: Cli, business: Business) -> None:
    kill_while_pointed(asking)
    asked = len(business.asked)
    elsewhere = ("--api-url", "http://127.0.0.1:1")
    result = run_here(asking, "webhook", "restore", *elsewhere)
    assert result.code == 1
    assert f"left alone: it is at {business.base}, say so with --api-url" in result.out
    assert len(business.asked) == asked
    assert len(journals(asking)) == 1
    assert run_here(asking, "webhook", "restore").code == 0


def test_restore_finds_the_masked_secret_where_the_killed_run_had_it(asking: Cli, business: Business) -> None:
    business.masks = True
    with pointing(asking, env={"REAL_SECRET": SECRET, "SECRET_FROM": "MINE"}) as process:
        assert line_of(process) == "pointed\n"
        process.kill()
        process.wait()
    (journal,) = journals(asking)
    assert SECRET not in journal.read_text()
    assert run_here(asking, "webhook", "restore").code == 3
    asking.env["MINE"] = SECRET
    assert run_here(asking, "webhook", "restore").code == 0
    assert (business.url, business.settings["webhookSecret"], journals(asking)) == (URL, SECRET, [])


def test_restore_with_a_masked_secret_wants_the_real_one(asking: Cli, business: Business) -> None:
    kill_while_pointed(asking)
    business.masks = True
    result = run_here(asking, "webhook", "restore")
    assert result.code == 3
    assert f"not set back, it was {URL} before" in result.out
    assert "the API shows webhookSecret masked" in result.err
    assert len(journals(asking)) == 1
    asking.env["MINE"] = SECRET
    assert run_here(asking, "webhook", "restore", "--secret-from-env", "MINE").code == 0
    assert (business.url, business.settings["webhookSecret"]) == (URL, SECRET)


def test_several_leftovers_and_a_damaged_journal(asking: Cli, business: Business) -> None:
    kill_while_pointed(asking)
    (path,) = journals(asking)
    path.with_name("0" * 20 + ".json").write_text("not a journal")
    other = path.read_text().replace("biz_abc123", "biz_other")
    path.with_name("f" * 20 + ".json").write_text(other)
    result = run_here(asking, "webhook", "restore", "--format", "json")
    # the worst of them: a damaged journal 3, an account that the API does not know 5
    assert result.code == 5
    outcomes = {(one["outcome"], one["account"]) for one in result.document["results"]}
    assert outcomes == {("failed", None), ("restored", "biz_abc123"), ("failed", "biz_other")}
    assert business.url == URL
    only = run_here(asking, "webhook", "restore", "--business", "biz_none", "--format", "json")
    assert [one["account"] for one in only.document["results"]] == [None]


def test_show_and_set_tell_of_what_a_killed_run_has_left(asking: Cli, business: Business) -> None:
    kill_while_pointed(asking)
    note = "note: a run that was killed has left this webhook changed: `hookctl webhook restore` sets it back"
    assert note in run_here(asking, "webhook", "show").err
    assert note in run_here(asking, "webhook", "set", "--events", "order.paid", "--yes").err
    # the events are meant to stay, the URL is set back
    assert run_here(asking, "webhook", "restore").code == 0
    assert (business.url, business.settings["webhookEvents"]) == (URL, ["order.paid"])
    assert note not in run_here(asking, "webhook", "show").err


def test_what_set_changes_is_not_set_back(asking: Cli, business: Business) -> None:
    assert run_here(asking, "webhook", "set", "--url", "https://x.example/", "--yes").code == 0
    result = run_here(asking, "webhook", "restore")
    assert (result.code, result.out) == (0, "nothing to set back: no run has left a webhook changed\n")
    assert business.url == "https://x.example/"
    assert business.settings["webhookEvents"] == EVENTS
