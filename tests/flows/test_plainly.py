"""The quick way says the same as the thorough one, to the letter, or nothing: of an archive, of what arrives."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookctl.captures.archive import Block
from hookctl.captures.form import Form
from hookctl.captures.record import capture_line
from hookctl.catalogue import load_catalogue, read_sample
from hookctl.flows.bulk import EFFORT, LineExaminer, Lines
from hookctl.flows.examine import Examiner, open_examiner
from hookctl.flows.identify import Identifier
from hookctl.flows.plainly import PlainArrivals, PlainExaminer
from hookctl.flows.tally import Tally
from hookctl.model import Capture, CapturedResponse, Payload, Secret, SecretPair
from hookctl.payload import IdSource, RenderOptions, render
from hookctl.report.machine import MachineFormat, record_writer
from hookctl.report.verify import MachineVerifyReport, TextVerifyReport, VerifyReport
from hookctl.runtime import Output, Runtime
from hookctl.signing import sign
from hookctl.signing.scheme import compute_signature, signed_content

if TYPE_CHECKING:
    from hookctl.model import Event

CATALOGUE = load_catalogue()
EVENTS = CATALOGUE.events
AT_MS = 1_704_067_200_000
KEYS = {"arky": b"whsec_quick_and_thorough", "arcade": b"an arcade secret"}
PREVIOUS = {"arky": b"whsec_the_one_before", "arcade": b"the arcade one before"}


def runtime() -> Runtime:
    out, err = (Output(TextIOWrapper(BytesIO(), encoding="utf-8"), name) for name in ("out", "err"))
    env = {
        "ARKY_WEBHOOK_SECRET": KEYS["arky"].decode(),
        "ARKY_WEBHOOK_SECRET_PREVIOUS": PREVIOUS["arky"].decode(),
        "ARCADE_SIGNING_SECRET": KEYS["arcade"].decode(),
        "ARCADE_SIGNING_SECRET_PREVIOUS": PREVIOUS["arcade"].decode(),
    }
    return Runtime(env=env, cwd=Path("/nowhere"), stdin=BytesIO(), out=out, err=err, now_ms=lambda: AT_MS)


RUNTIME = runtime()
EXAMINER = open_examiner(RUNTIME, provider=None, secret_files=())


def capture_of(event: Event, *, key: bytes | None = None, number: int = 0) -> Capture:
    provider = CATALOGUE.provider(event.provider)
    payload = render(provider, event, RenderOptions(IdSource(b"seed").round(number)), at_ms=AT_MS)
    signing = sign(provider, payload, SecretPair(Secret(key or KEYS[provider.name], "a test")))
    lines = (("Host", "localhost"), ("Content-Type", "application/json"), *signing.headers(provider), ("Accept", "*/*"))
    return Capture(
        source="",
        headers=tuple((name.encode(), value.encode()) for name, value in lines),
        body=payload.body,
        method="POST",
        target=provider.endpoint.path or "/hook",
        http_version="1.1",
        received_at_ms=AT_MS + 1234,
        id=f"dl_{number}",
        response=CapturedResponse(200, ((b"Content-Type", b"text/plain"),), b"OK"),
    )


def secrets_of(provider: str) -> SecretPair:
    return SecretPair(Secret(KEYS[provider], "a test"))


def reports() -> list[VerifyReport]:
    machine = MachineVerifyReport(record_writer(MachineFormat.NDJSON, RUNTIME.out), RUNTIME)
    providers = {provider.name: provider for provider in CATALOGUE.providers}
    text = TextVerifyReport(
        RUNTIME, providers, {}, strict_schema=False, verbose=False, quiet=False, show=RUNTIME.out.line
    )
    return [machine, text]


REPORTS = reports()


def thoroughly(data: bytes, report: VerifyReport, examiner: Examiner = EXAMINER) -> tuple[str, Tally]:
    lines = LineExaminer(examiner, (report,), Tally(by_case=True), 1 << 20)
    tally, pieces = Tally(by_case=True), []
    for found in lines.found(Block(1, data), Lines("archive.ndjson", Form.CAPTURE), EFFORT):
        tally.count(found)
        pieces.append(report.line(found))
    return "".join(pieces), tally


def quickly(data: bytes, report: VerifyReport, examiner: Examiner = EXAMINER) -> tuple[str, Tally]:
    lines = LineExaminer(examiner, (report,), Tally(by_case=True), 1 << 20)
    result = lines.run(Block(1, data), Lines("archive.ndjson", Form.CAPTURE))
    (text,) = result.texts
    return text, result.tally


def assert_same(data: bytes, examiner: Examiner = EXAMINER) -> None:
    for report in REPORTS:
        assert quickly(data, report, examiner) == thoroughly(data, report, examiner)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_every_event_is_taken_the_quick_way(event: Event) -> None:
    line = capture_line(capture_of(event))
    # were it never taken, the tests below would compare the thorough way with itself
    plain = PlainExaminer(EXAMINER).examine(line, "archive.ndjson:1")
    assert plain is not None
    assert (plain.provider, plain.event) == (event.provider, event.name)
    assert_same(line)


def changed(record: dict[str, Any], path: list[Any], value: object) -> dict[str, Any]:
    """Return the record with one place replaced."""
    copy: dict[str, Any] = json.loads(json.dumps(record))
    place: Any = copy
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return copy


PLACES: list[list[Any]] = [
    *(
        ["schema"],
        ["id"],
        ["received_at"],
        ["method"],
        ["target"],
        ["http_version"],
        ["body"],
        ["response"],
        ["headers"],
    ),
    *(["body_b64"], ["notes"], ["headers", 0], ["headers", 2], ["headers", 2, 0], ["headers", 2, 1], ["headers", 3, 1]),
    *(["headers", 3, 0], ["headers", 0, 1], ["response", "status"], ["response", "headers"], ["response", "body"]),
    *(["response", "headers", 0, 1], ["response", "body_b64"]),
]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=8),
    st.sampled_from(
        ["x-arky-signature", "X-Arky-Signature", "x-arcade-signature-2", "\u00fc", "\u20ac", "\ud800", "AAAA"]
    ),
    st.sampled_from(["2024-01-01T00:00:00Z", "2024-01-01T00:00:00", "1604-01-01T00:00:00Z", "hookctl.capture/2"]),
    st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
)


@settings(max_examples=400)
@given(event=st.sampled_from(EVENTS), path=st.sampled_from(PLACES), value=VALUES)
def test_whatever_stands_in_a_record_both_ways_say_the_same(event: Event, path: list[Any], value: object) -> None:
    record = json.loads(capture_line(capture_of(event)))
    assert_same(json.dumps(changed(record, path, value)).encode())


@settings(max_examples=300)
@given(event=st.sampled_from(EVENTS), data=st.data())
def test_whatever_byte_of_a_line_is_changed_both_ways_say_the_same(event: Event, data: st.DataObject) -> None:
    line = bytearray(capture_line(capture_of(event)))
    line[data.draw(st.integers(0, len(line) - 1))] = data.draw(st.integers(0, 255))
    assert_same(bytes(line))


@settings(max_examples=200)
@given(event=st.sampled_from(EVENTS), data=st.data())
def test_whatever_the_genuine_payload_is_both_ways_say_the_same(event: Event, data: st.DataObject) -> None:
    provider = CATALOGUE.provider(event.provider)
    payload = json.loads(read_sample(event))
    place = data.draw(st.sampled_from(sorted(payload)))
    if data.draw(st.booleans()):
        payload[place] = data.draw(VALUES)
    else:
        del payload[place]
    body = json.dumps(payload).encode()
    original = capture_of(event)
    secret = data.draw(st.sampled_from([KEYS, PREVIOUS]))[provider.name]
    signing = sign(provider, Payload(body, None, None, AT_MS), SecretPair(Secret(secret, "a test")))
    headers = tuple((name.encode(), value.encode()) for name, value in signing.headers(provider))
    assert_same(capture_line(original._replace(headers=headers, body=body)))


def test_an_empty_id_is_none_both_ways() -> None:
    for event in EVENTS:
        provider = CATALOGUE.provider(event.provider)
        if provider.envelope.id is None:
            continue
        payload = json.loads(read_sample(event)) | {provider.envelope.id.removeprefix("/"): ""}
        signing = sign(provider, Payload(json.dumps(payload).encode(), None, None, AT_MS), secrets_of(provider.name))
        headers = tuple((name.encode(), value.encode()) for name, value in signing.headers(provider))
        capture = capture_of(event)._replace(headers=headers, body=json.dumps(payload).encode())
        plain = PlainExaminer(EXAMINER).examine(capture_line(capture), "x:1")
        assert plain is not None
        assert plain.event_id is None
        assert_same(capture_line(capture))


def test_headers_that_come_twice_or_beside_a_second_signature_are_told() -> None:
    capture = capture_of(CATALOGUE.select(["formSubmission.created"])[0])
    for extra in ((b"X-Arcade-Signature", b"x"), (b"x-arcade-signature-2", b"x"), (b"x-arky-signature", b"x")):
        for headers in ((extra, *capture.headers), (*capture.headers, extra)):
            assert_same(capture_line(capture._replace(headers=headers)))


def test_a_tolerance_is_left_to_the_thorough_way() -> None:
    examiner = open_examiner(RUNTIME, provider=None, secret_files=(), tolerance_s=0.5)
    line = capture_line(capture_of(EVENTS[0]))
    assert PlainExaminer(examiner).examine(line, "x:1") is None
    assert_same(line, examiner)


def test_a_secret_in_a_record_is_masked_both_ways() -> None:
    event = CATALOGUE.select(["order.paid"])[0]
    capture = capture_of(event)
    body = re.sub(rb"evt_[A-Za-z0-9]+", KEYS["arky"], capture.body)
    provider = CATALOGUE.provider("arky")
    signing = sign(provider, Payload(body, None, None, AT_MS), SecretPair(Secret(KEYS["arky"], "a test")))
    headers = tuple((name.encode(), value.encode()) for name, value in signing.headers(provider))
    line = capture_line(capture._replace(headers=headers, body=body))
    assert PlainExaminer(EXAMINER).examine(line, "x:1") is not None
    assert_same(line)
    assert KEYS["arky"].decode() not in quickly(line, REPORTS[0])[0]


# deliveries as they arrive


def arrivals(*, tolerance_s: float | None = None, with_drift: bool = False) -> tuple[PlainArrivals, Examiner]:
    """Return the quick way for a listener and the thorough one."""
    examiner = open_examiner(RUNTIME, provider=None, secret_files=(), tolerance_s=tolerance_s, with_drift=with_drift)
    return PlainArrivals(examiner), examiner


ARRIVALS = arrivals()


def assert_said_alike(capture: Capture, ways: tuple[PlainArrivals, Examiner] = ARRIVALS) -> None:
    quick, thorough = ways
    found = quick.examine(capture)
    assert found is None or found == thorough.examine(capture)


@pytest.mark.parametrize("with_drift", [False, True])
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_every_event_that_arrives_is_taken_the_quick_way(event: Event, with_drift: bool) -> None:
    ways = arrivals(with_drift=with_drift)
    capture = capture_of(event)
    found = ways[0].examine(capture)
    assert found is not None
    assert (found.provider, found.event, found.verdict.valid) == (event.provider, event.name, True)
    assert_said_alike(capture, ways)


def test_a_forged_delivery_and_one_signed_with_the_previous_secret_are_not_plain() -> None:
    for event in EVENTS:
        assert ARRIVALS[0].examine(capture_of(event, key=b"another")) is None
        assert ARRIVALS[0].examine(capture_of(event, key=PREVIOUS[event.provider])) is None


@settings(max_examples=400)
@given(event=st.sampled_from(EVENTS), data=st.data())
def test_whatever_a_genuine_body_holds_both_ways_find_the_same(event: Event, data: st.DataObject) -> None:
    provider = CATALOGUE.provider(event.provider)
    payload = json.loads(read_sample(event))
    place = data.draw(st.sampled_from(sorted(payload)))
    if data.draw(st.booleans()):
        payload[place] = data.draw(VALUES | st.sampled_from(["", "0", -5, 1e300, 10**30]))
    else:
        del payload[place]
    # what is no JSON, or JSON that decoders differ about, is signed as well as anything
    body = data.draw(st.just(json.dumps(payload).encode()) | st.sampled_from(ODD) | st.binary(max_size=10))
    at_ms = data.draw(st.just(AT_MS) | st.integers(0, 2**60))
    secret = data.draw(st.sampled_from([KEYS, PREVIOUS]))[provider.name]
    signing = sign(provider, Payload(body, None, None, at_ms), SecretPair(Secret(secret, "a test")))
    headers = tuple((name.encode(), value.encode()) for name, value in signing.headers(provider))
    received_at_ms = data.draw(st.none() | st.integers(0, 2**49))
    assert_said_alike(capture_of(event)._replace(headers=headers, body=body, received_at_ms=received_at_ms))


ODD = [
    b"null",
    b"[]",
    b"[1]",
    b'"x"',
    b"1e400",
    b'{"event":"\\ud800"}',
    b'{"event":"a","event":"b","id":""}',
    b"[" * 5000,
]


@settings(max_examples=400)
@given(event=st.sampled_from(EVENTS), data=st.data())
def test_whatever_the_headers_are_both_ways_find_the_same(event: Event, data: st.DataObject) -> None:
    capture = capture_of(event)
    headers = [*capture.headers]
    names = st.sampled_from([name for name, _ in headers]) | st.sampled_from(
        [b"x-arky-signature", b"X-Arcade-Signature", b"X-Arcade-Signature-2", b"X-Arky-Timestamp", b"\xff", b"x"]
    )
    values = (
        st.sampled_from([value for _, value in headers])
        | st.binary(max_size=6)
        | st.sampled_from([b" 1 ", b"\xb2", b"-1", b"9" * 18, b"9" * 19, b"0" * 18, b""])
    )
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(headers) - 1))
        line = (data.draw(names), data.draw(values))
        match data.draw(st.sampled_from(["replace", "insert", "take away"])):
            case "replace":
                headers[at] = line
            case "insert":
                headers.insert(at, line)
            case _ if len(headers) > 1:
                del headers[at]
    assert_said_alike(capture._replace(headers=tuple(headers)))


TIMED = [event for event in EVENTS if CATALOGUE.provider(event.provider).signature.signs_timestamp]
TIMES = ["1", "01", "-1", "\u00b2", "1.5", "", " 1", "9" * 18, "9" * 19]


@settings(max_examples=200)
@given(event=st.sampled_from(TIMED), time=st.sampled_from(TIMES))
def test_whatever_time_was_signed_both_ways_find_the_same(event: Event, time: str) -> None:
    provider = CATALOGUE.provider(event.provider)
    capture = capture_of(event)
    raw = time.encode("latin-1")
    signed = signed_content(provider.signature, capture.body, raw)
    signature = compute_signature(provider.signature, KEYS[provider.name], signed).encode()
    assert provider.timestamp is not None
    header = provider.timestamp.header
    assert header is not None
    lines = ((provider.signature.header.encode(), signature), (header.encode(), raw))
    assert_said_alike(capture._replace(headers=lines))


def test_with_a_tolerance_the_thorough_way_judges_what_arrives() -> None:
    ways = arrivals(tolerance_s=0.5)
    assert ways[0].examine(capture_of(EVENTS[0])) is None


def test_a_provider_whose_id_stands_in_a_list_is_not_plain() -> None:
    quick, examiner = arrivals()
    event = EVENTS[0]
    listed = []
    for provider in examiner.providers:
        # what the pointer leads to depends on the payload
        envelope = replace(provider.envelope, id="/ids/0")
        listed.append(replace(provider, envelope=envelope))
    other = Examiner(listed, Identifier(listed), examiner.secrets, {}, examiner.now_ms, None, False)
    assert quick.examine(capture_of(event)) is not None
    assert PlainArrivals(other).examine(capture_of(event)) is None
