"""What of a captured delivery is sent again, how other vendors' deliveries are signed anew, and how fast it goes."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookctl.catalogue import load_catalogue
from hookctl.delivery.hops import HOP_BY_HOP, REWRITTEN
from hookctl.errors import InputError, UsageError
from hookctl.flows.carried_headers import WITHHELD, carried_headers, signed_anew
from hookctl.flows.replay import Pace, Replayed, dry_run, run_replay
from hookctl.flows.replay_plan import ReplayOptions, plan_replay
from hookctl.flows.send import SendSummary
from hookctl.runtime import Output, Runtime
from tests.cli.recorder import recording
from tests.cli.signed import archive, genuine, http, record
from tests.harness import ARKY_SECRET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.cli.recorder import Answer, Received

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "providers"
NAMES = st.from_regex(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}", fullmatch=True)


class Clock:
    """A monotonic clock that only sleeping, and what a test says takes time, move on."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def read(self) -> float:
        return self.now_s

    def sleep(self, duration_s: float) -> None:
        assert duration_s > 0
        self.now_s += duration_s


def runtime(folder: Path, clock: Clock | None = None, env: Mapping[str, str] | None = None) -> Runtime:
    """Return a runtime in a folder, with Arky's secret and streams in memory."""
    clock = clock or Clock()
    out, err = (Output(TextIOWrapper(BytesIO(), encoding="utf-8"), name) for name in ("out", "err"))
    return Runtime(
        env={"ARKY_WEBHOOK_SECRET": ARKY_SECRET, **(env or {})},
        cwd=folder,
        stdin=BytesIO(),
        out=out,
        err=err,
        monotonic_s=clock.read,
        sleep=clock.sleep,
    )


# --- headers ---------------------------------------------------------------------------------------------------------


@given(headers=st.lists(st.tuples(NAMES | st.binary(max_size=8), st.binary(max_size=12)), max_size=8))
def test_whatever_was_captured_either_all_lines_can_be_sent_or_it_is_an_error(
    headers: list[tuple[bytes, bytes]],
) -> None:
    try:
        carried = carried_headers(tuple(headers))
    except InputError:
        return
    for name, value in carried.headers:
        assert not {*name, *value} & {"\r", "\n", "\0"}
        assert name.lower() not in HOP_BY_HOP | REWRITTEN | WITHHELD
        assert (name.encode("latin-1"), value.encode("latin-1")) in [(key, text.strip(b" \t")) for key, text in headers]


@settings(max_examples=50)
@given(names=st.lists(NAMES, max_size=10), times=st.integers(0, 2))
def test_lines_that_are_none_of_the_signature_keep_their_place(names: list[bytes], times: int) -> None:
    arky = load_catalogue().provider("arky")
    held_back = HOP_BY_HOP | REWRITTEN | WITHHELD | arky.protected_headers
    kept = [
        (name, b"%d" % number)
        for number, name in enumerate(names)
        if name.decode().lower() not in held_back and not name.lower().startswith(b"proxy-")
    ]
    captured = (*kept, *[(b"X-Arky-Signature", b"old")] * times)
    fresh = (("x-arky-signature", "new"), ("x-arky-timestamp", "1"))
    lines = signed_anew(carried_headers(captured).headers, fresh, arky)
    assert [(name.encode(), value.encode()) for name, value in lines[: len(kept)]] == kept
    signature = ("X-Arky-Signature", "new") if times else ("x-arky-signature", "new")
    assert sorted(lines[len(kept) :]) == sorted([signature, ("x-arky-timestamp", "1")])


# --- vendors whose delivery has an id of its own ---------------------------------------------------------------------

STANDARD = [("webhook-id", "msg_as_captured"), ("webhook-timestamp", "1"), ("webhook-signature", "v1,old")]
STANDARD_SECRET = {"STANDARD_WEBHOOKS_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}


def standard(folder: Path) -> ReplayOptions:
    name = str(EXAMPLES / "standard-webhooks")
    return ReplayOptions(names=("one.http",), provider=name, to="http://localhost:9/hook")


def test_the_id_in_a_header_stays_and_is_signed_with_the_new_time(tmp_path: Path) -> None:
    provider = load_catalogue(str(EXAMPLES / "standard-webhooks")).providers[0]
    body = b'{"type":"contact.created","timestamp":"2024-01-01T00:00:00Z","data":{}}'
    (tmp_path / "one.http").write_bytes(http(STANDARD, body))
    env = {provider.secret.env: STANDARD_SECRET["STANDARD_WEBHOOKS_SECRET"]}
    now = replace(runtime(tmp_path, env=env), now_ms=lambda: 1_704_067_200_123)
    (request,) = dry_run(plan_replay(now, standard(tmp_path)), now)
    said = dict(request.headers)
    assert list(said) == [name for name, _ in STANDARD]
    # printf '%s' 'msg_as_captured.1704067200.BODY' | openssl dgst -sha256 -mac HMAC -macopt hexkey:KEY -binary | base64
    # with BODY as above and KEY the bytes that the secret's base64 stands for, in hexadecimal
    assert (said["webhook-id"], said["webhook-timestamp"]) == ("msg_as_captured", "1704067200")
    assert said["webhook-signature"] == "v1,f6tuzGU+2szh87LraJAa+H5R6dQ+YNpGcGbGfJ+Vdpk="


def test_an_id_that_a_header_must_have_and_that_was_lost_is_made(tmp_path: Path) -> None:
    provider = load_catalogue(str(EXAMPLES / "standard-webhooks")).providers[0]
    (tmp_path / "one.http").write_bytes(http(STANDARD[1:], b'{"type":"contact.created"}'))
    now = runtime(tmp_path, env={provider.secret.env: STANDARD_SECRET["STANDARD_WEBHOOKS_SECRET"]})
    plan = plan_replay(now, standard(tmp_path))
    (request,), (again,) = dry_run(plan, now), dry_run(plan, now)
    made = dict(request.headers)["webhook-id"]
    assert len(made) > 10
    assert (request.event_id, dict(again.headers)["webhook-id"]) == (made, made)


# --- pace ------------------------------------------------------------------------------------------------------------


def test_deliveries_are_spaced_evenly_by_the_monotonic_clock(tmp_path: Path) -> None:
    clock = Clock()
    times: list[float] = []

    def took(number: int, _: Received) -> Answer:
        times.append(clock.now_s)
        # the third is slow: those after it do not hurry to catch up
        clock.now_s += {2: 1.1}.get(number, 0.05)
        return 200, b""

    (tmp_path / "archive.ndjson").write_bytes(archive(*map(genuine, range(6))))
    with recording(took) as receiver:
        now = runtime(tmp_path, clock)
        plan = plan_replay(now, ReplayOptions(names=("archive.ndjson",), to=f"{receiver.base}/", rate_per_s=4))
        summary = SendSummary(planned=len(plan.replays))
        replayed = [event for event in run_replay(plan, now, summary) if isinstance(event, Replayed)]
    assert [round(time_s - 1000, 6) for time_s in times] == [0, 0.25, 0.5, 1.6, 1.85, 2.1]
    assert (len(replayed), summary.ok, summary.exit_code) == (6, 6, 0)


def test_without_a_rate_nothing_is_waited_for(tmp_path: Path) -> None:
    clock = Clock()
    pace = Pace(runtime(tmp_path, clock), None)
    for _ in range(5):
        pace.wait()
    assert clock.now_s == 1000


@given(rate=st.floats(0.01, 1000), durations_s=st.lists(st.floats(0, 10), max_size=20))
def test_no_two_deliveries_are_closer_than_the_rate_says(rate: float, durations_s: list[float]) -> None:
    clock = Clock()
    pace = Pace(runtime(Path(), clock), rate)
    last_s = None
    for duration_s in durations_s:
        pace.wait()
        assert last_s is None or clock.now_s - last_s >= 1 / rate - 1e-6
        last_s = clock.now_s
        clock.now_s += duration_s


# --- plans -----------------------------------------------------------------------------------------------------------


def test_a_plan_has_everything_before_anything_is_sent_and_signs_at_the_last_moment(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_bytes(record([("x-arky-signature", "old"), ("x-arky-timestamp", "1")]))
    clock_ms = [1_704_067_200_000]
    now = replace(runtime(tmp_path), now_ms=lambda: clock_ms[0])
    plan = plan_replay(now, ReplayOptions(names=("one.json",), to="http://localhost:9/"))
    (tmp_path / "one.json").unlink()
    clock_ms[0] += 60_000
    (request,) = dry_run(plan, now)
    assert dict(request.headers)["x-arky-timestamp"] == "1704067260"


def test_notes_of_many_captures_are_told_for_the_first_and_counted_for_the_rest(tmp_path: Path) -> None:
    line = b'{"schema":"hookctl.capture/1","headers":[["x-arky-signature","a"]],"body":"{}","notes":["cut off"]}'
    (tmp_path / "archive.ndjson").write_bytes(archive(*[line] * 8))
    now = runtime(tmp_path)
    plan = plan_replay(now, ReplayOptions(names=("archive.ndjson",), to="http://localhost:9/"))
    assert plan.notes == (*(f"archive.ndjson:{number}: cut off" for number in range(1, 6)), "3 more such notes")


def test_a_plan_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="which delivery"):
        plan_replay(runtime(tmp_path), ReplayOptions())
