"""A command line that contradicts itself: exit code 2, one sentence that names the thing, and nothing sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.inprocess import run_here

if TYPE_CHECKING:
    from tests.cli.recorder import Recorder
    from tests.harness import Cli

WRONG = [
    # arguments, what standard error must name
    (["sned", "order.paid"], ["no such command: 'sned'", "did you mean 'send'?"]),
    (["frobnicate"], ["no such command: 'frobnicate'", "events, send, verify"]),
    (["events", "shw", "order.paid"], ["'shw'", "'show'"]),
    (["events", "list", "order.paid"], ["order.paid"]),
    (["events", "--provider", "arky", "list"], ["behind 'list'"]),
    (["events", "--format", "ndjson"], ["--format", "'ndjson'", "'json'"]),
    (["events", "show"], ["EVENT", "`hookctl events show --help`"]),
    (["events", "show", "order.*"], ["'order.*'", "6 events"]),
    (["demo", "now"], ["now", "`hookctl demo --help`"]),
    (["--verson"], ["--verson", "--version"]),
    (["send"], ["which event?", "--all", "`hookctl events`"]),
    (["send", "order.paid", "--dryrun"], ["--dryrun", "--dry-run", "`hookctl send --help`"]),
    (["send", "order.paid", "--allremote"], ["--allremote", "--allow-remote"]),
    (["send", "order.paid", "--to"], ["--to", "`hookctl send --help`"]),
    (["send", "order.paid", "--all"], ["events or --all, not both"]),
    (["send", "order.paid", "--format", "curl"], ["--format curl", "--dry-run"]),
    (["send", "order.paid", "--format", "http"], ["--format http", "--dry-run"]),
    (["send", "order.paid", "--format", "yaml"], ["--format", "'yaml'", "'ndjson'"]),
    (["send", "order.paid", "-v", "-q"], ["--verbose", "--quiet"]),
    (["send", "order.paid", "--data", "f", "--set", "a=b"], ["--data", "--set"]),
    (["send", "order.paid", "--data", "f", "--add", "a:=1"], ["--data", "--add"]),
    (["send", "order.paid", "--data", "f", "--unset", "a"], ["--data", "--unset"]),
    (["send", "order.paid", "--data", "f", "--id", "evt_1"], ["--data", "--id"]),
    (["send", "order.paid", "--data", "f", "--as-documented"], ["--data", "--as-documented"]),
    (["send", "--all", "--data", "f"], ["--data", "--all"]),
    (["send", "order.paid", "--as-documented", "--at", "1704067200"], ["--as-documented", "--at"]),
    (["send", "order.paid", "--as-documented", "--id", "evt_1"], ["--as-documented", "--id"]),
    (["send", "order.paid", "--as-documented", "--set", "data.order.total=1"], ["--as-documented", "--set"]),
    (["send", "--data", "-", "--secret-file", "-"], ["standard input", "twice"]),
    (["send", "order.paid", "--secret-file", "-", "--secret-file", "-"], ["standard input", "twice"]),
    (["send", "order.paid", *["--secret-file", "f"] * 3], ["--secret-file", "more than twice"]),
    (["send", "order.paid", "-H", "no colon"], ["-H 'no colon'", "colon"]),
    (["send", "order.paid", "-H", "a b: c"], ["'a b'", "not a header name"]),
    (["send", "order.paid", "-H", "a: b\r\nc: d"], ["-H a", "line break"]),
    (["send", "order.paid", "-H", "X-Arky-Signature: 0"], ["X-Arky-Signature", "--tamper"]),
    (["send", "order.paid", "-H", "content-length: 0"], ["content-length", "itself"]),
    (["send", "order.paid", "--set", "data.order.total"], ["--set", "PATH=VALUE"]),
    (["send", "order.paid", "--add", "data.x=1"], ["--add", "PATH:=JSON"]),
    (["send", "order.paid", "--unset", "data.payment=1"], ["--unset", "data.payment"]),
    (["send", "order.paid", "--set", "data..x=1"], ["data..x"]),
    (["send", "order.paid", "--at", "yesterday"], ["'yesterday'", "2026-01-31T12:00:00Z"]),
    (["send", "order.paid", "--at", "2026-01-31T12:00:00"], ["2026-01-31T12:00:00", "zone"]),
    (["send", "order.paid", "--at", "1704067200000"], ["1704067200000", "not milliseconds"]),
    (["send", "order.paid", "--seed", "x"], ["--seed", "'x'"]),
    (["send", "order.paid", "--timeout", "0"], ["--timeout", "more than 0"]),
    (["send", "order.paid", "--timeout", "nan"], ["--timeout"]),
    (["send", "order.paid", "--timeout", "3601"], ["--timeout", "3600"]),
    (["send", "order.paid", "--wait", "-1"], ["--wait", "-1"]),
    (["send", "order.paid", "--wait", "nan"], ["--wait"]),
    (["send", "order.paid", "--wait", "inf"], ["--wait"]),
    (["send", "order.paid", "--expect", "ok"], ["--expect", "'ok'"]),
    (["send", "order.paid", "--expect", "200,,2xx"], ["--expect", "''"]),
    (["send", "order.paid", "--tamper", "everything"], ["--tamper", "'everything'", "'signature'"]),
    (["send", "formSubmission.created", "--tamper", "timestamp"], ["--tamper timestamp", "Arcade"]),
    (["send", "order.paid", "--rotate", "both"], ["--rotate", "Arky"]),
    (["send", "formSubmission.created", "--id", "evt_1"], ["--id", "Arcade"]),
    (["send", "order.paid", "order.created", "--data", "f"], ["--data", "2 events"]),
]


@pytest.mark.parametrize(("arguments", "named"), WRONG, ids=[" ".join(arguments) for arguments, _ in WRONG])
def test_a_wrong_command_line_is_exit_code_2_and_says_what_is_wrong(
    signing: Cli, arguments: list[str], named: list[str]
) -> None:
    (signing.folder / "f").write_bytes(b"{}")
    # had it not been refused, the request would go where nobody listens, and the exit code would be 4
    signing.env["HOOKCTL_TO"] = "http://127.0.0.1:9/hook"
    result = run_here(signing, *arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: ")
    for text in named:
        assert text in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize(("arguments", "named"), [WRONG[0], WRONG[11], WRONG[17]])
def test_the_process_ends_in_that_exit_code(signing: Cli, arguments: list[str], named: list[str]) -> None:
    result = signing(*arguments)
    assert (result.code, result.out) == (2, "")
    assert all(text in result.err for text in named)
    assert result == run_here(signing, *arguments)


def test_without_a_command_the_help_is_shown_as_an_error(cli: Cli) -> None:
    result = cli()
    assert (result.code, result.out) == (2, "")
    assert result.err == cli("--help").out


VALUE = "whsec_on_the_command_line"


@pytest.mark.parametrize("arguments", [["--secret", VALUE], [f"--secret={VALUE}"]], ids=["two words", "one word"])
def test_a_secret_on_the_command_line_is_refused_and_not_repeated(
    signing: Cli, recorder: Recorder, arguments: list[str]
) -> None:
    result = signing("send", "order.paid", "--to", f"{recorder.base}/hook", *arguments)
    assert (result.code, result.out, recorder.requests) == (2, "", [])
    assert VALUE not in result.err
    assert "--secret is not an option" in result.err
    assert "--secret-file FILE" in result.err


def test_of_two_defects_the_usage_is_told_before_anything_is_looked_up(cli: Cli) -> None:
    # no secret, no such file, no endpoint: the command line itself comes first
    result = cli("send", "--all", "--data", "missing", "-v", "-q")
    assert result.code == 2


# an option's value that starts with a dash would be another option, and is the parser's business
_WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20).filter(
    lambda text: not text.startswith("-")
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(_WORDS, min_size=1, max_size=2), command=st.sampled_from(["send", "events"]))
def test_whatever_words_are_given_the_answer_is_an_exit_code_and_never_a_traceback(
    cli: Cli, words: list[str], command: str
) -> None:
    result = run_here(cli, command, *words)
    assert result.code in {2, 3}
    assert result.out == ""
    assert result.err.startswith("error: ")
    # nothing of it acts on a terminal
    assert not set(result.err) & (set(map(chr, range(32))) - {"\n"})
