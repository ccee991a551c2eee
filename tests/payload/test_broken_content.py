"""A sample or schema that cannot be used is named by its file; rendering fails in words or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hookctl.errors import ExitCode, HookctlError, InputError, PathError, ProviderError
from hookctl.payload import EditKind, IdSource, RenderOptions, parse_edit, render
from tests.catalogue.folders import FIXTURES, ProviderFolder, replace
from tests.payload.material import AT_MS, SEED

if TYPE_CHECKING:
    from pathlib import Path

    from hookctl.model import Payload
    from tests.harness import Cli

EDIT = parse_edit(EditKind.SET, "data.order.total=7")


@pytest.fixture
def ours(tmp_path: Path) -> ProviderFolder:
    return ProviderFolder.copied("arky", tmp_path / "ours")


def rendered(folder: ProviderFolder) -> Payload:
    provider, event = folder.event("order.paid")
    return render(provider, event, RenderOptions(IdSource(SEED), (EDIT,)), at_ms=AT_MS)


def test_an_unbroken_copy_renders(ours: ProviderFolder) -> None:
    assert b'"total":7,' in rendered(ours).body


@pytest.mark.parametrize("what", ["sample", "schema"])
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "not valid JSON: Expecting value at column 1"),
        (b'{\n  "id": "evt_1",,\n}', "not valid JSON: "),
        (b"[]", "the {what} of order.paid must be a JSON object"),
        (b'"x"', "the {what} of order.paid must be a JSON object"),
        (b'{"id":1,"id":2}', "not valid JSON: the key 'id' is there twice"),
        (b'{"id":NaN}', "not valid JSON: NaN is not JSON"),
        (b'{"id":"\xff"}', "not valid JSON: 'utf-8' codec can't decode byte 0xff"),
        (b"\xef\xbb\xbf{}", "not valid JSON: Expecting value at column 1"),
        (b"[" * 100_000, "not valid JSON: nested more than 200 deep"),
    ],
)
def test_a_file_that_is_not_a_json_object_is_named(
    ours: ProviderFolder, what: str, content: bytes, problem: str
) -> None:
    file = ours.sample("order.paid") if what == "sample" else ours.schema("order.paid")
    file.write_bytes(content)
    with pytest.raises(ProviderError) as caught:
        rendered(ours)
    assert caught.value.message.startswith(f"{file}: {problem.format(what=what)}")
    assert caught.value.exit_code is ExitCode.INPUT


@pytest.mark.parametrize("stamp", ['"soon"', "null", "1.5", "true", '"2024-02-15T15:51:12.013Z"', '"１７"', "{}"])
def test_a_sample_whose_time_is_none_is_named_with_the_place(ours: ProviderFolder, stamp: str) -> None:
    replace(ours.sample("order.paid"), "1704067200", stamp)
    with pytest.raises(ProviderError) as caught:
        rendered(ours)
    assert caught.value.message == f"{ours.sample('order.paid')}: /timestamp is not a time in unix-seconds"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            '"unix-seconds"',
            '"weeks"',
            "x-hookctl-time 'weeks' is not a unit; known: unix-seconds, unix-milliseconds, iso8601-milliseconds",
        ),
        ("#/$defs/order", "#/$defs/ordr", "$ref '#/$defs/ordr' leads to no schema in this file"),
        ("#/$defs/order", "#/$defs/~order", "$ref '#/$defs/~order' leads to no schema in this file"),
        ("#/$defs/order", "#/$defs/order/type", "$ref '#/$defs/order/type' leads to no schema in this file"),
        # a validator would fetch it
        ("#/$defs/order", "http://127.0.0.1:9/order", "$ref 'http://127.0.0.1:9/order' leads to no schema in this"),
        ("#/$defs/order", "order.json", "$ref 'order.json' leads to no schema in this file"),
        ("#/$defs/order", "", "$ref '' leads to no schema in this file"),
    ],
)
def test_a_schema_with_a_keyword_that_means_nothing_is_named(
    ours: ProviderFolder, old: str, new: str, problem: str
) -> None:
    replace(ours.schema("order.paid"), old, new)
    with pytest.raises(ProviderError) as caught:
        rendered(ours)
    assert caught.value.message.startswith(f"{ours.schema('order.paid')}: {problem}")


def test_a_schema_that_no_validator_takes_is_named_with_the_edit(ours: ProviderFolder) -> None:
    schema = ours.schema("order.paid")
    schema.write_text(schema.read_text(encoding="utf-8").replace('"type": "integer"', '"type": "intger"'))
    with pytest.raises(ProviderError) as caught:
        rendered(ours)
    assert caught.value.message.startswith(
        '--set data.order.total: the schema of order.paid is not valid there: "intger" is not valid'
    )


def test_a_schema_that_refers_to_itself_many_times_still_answers_at_once(ours: ProviderFolder) -> None:
    members = ", ".join(f'"{name}": {{"$ref": "#/$defs/tree"}}' for name in "abcdefgh")
    replace(ours.schema("order.paid"), '"$defs": {', f'"$defs": {{"tree": {{"properties": {{{members}}}}},')
    replace(ours.schema("order.paid"), '"data": {', '"tree": {"$ref": "#/$defs/tree"}, "data": {')
    provider, event = ours.event("order.paid")
    options = RenderOptions(IdSource(SEED), (parse_edit(EditKind.SET, "data.order.ttal=7"),))
    with pytest.raises(PathError, match=r"order\.paid has no data\.order\.ttal"):
        render(provider, event, options, at_ms=AT_MS)


def test_an_id_of_half_a_surrogate_pair_is_an_id(ours: ProviderFolder) -> None:
    replace(ours.sample("order.paid"), '"ord_123"', '"ord_\\ud800"')
    assert b'"order":{"id":"ord_' in rendered(ours).body


def test_a_sample_without_what_the_schema_requires_renders_as_it_is(ours: ProviderFolder) -> None:
    ours.sample("order.paid").write_text('{"timestamp":1,"data":{"order":{"total":1}}}')
    payload = rendered(ours)
    assert payload.body == b'{"timestamp":1800000000,"data":{"order":{"total":7}}}'
    assert (payload.event, payload.event_id) == ("order.paid", None)


def test_on_the_command_line_a_broken_sample_is_3(cli: Cli) -> None:
    folder = ProviderFolder.copied("arky", cli.folder / "ours")
    folder.sample("order.paid").write_text("{")
    result = cli.with_secrets()("send", "order.paid", "--provider", "./ours", "--dry-run")
    assert (result.code, result.out) == (3, "")
    assert "ours/events/order.paid.json: not valid JSON: " in result.err


CONTENT = {
    folder: (FIXTURES / "arky" / folder / "order.paid.json").read_text(encoding="utf-8")
    for folder in ("events", "schemas")
}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    what=st.sampled_from(["events", "schemas"]),
    place=st.floats(0, 1, exclude_max=True),
    length=st.integers(0, 30),
    text=st.one_of(
        st.text(max_size=8),
        st.sampled_from(["null", "[", "{}", '"', "1e999", "true", "[]", "9" * 5000, '"\\ud800"', '"$ref": "#",']),
    ),
)
def test_whatever_is_garbled_rendering_works_or_fails_in_words(
    tmp_path_factory: pytest.TempPathFactory, what: str, place: float, length: int, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "garbled-content"
    folder = ProviderFolder(path) if path.exists() else ProviderFolder.copied("arky", path)
    for name, content in CONTENT.items():
        start = int(place * len(content))
        garbled = content[:start] + text + content[start + length :] if name == what else content
        (path / name / "order.paid.json").write_text(garbled, encoding="utf-8", newline="")
    try:
        payload = rendered(folder)
    except HookctlError as error:
        assert isinstance(error, InputError)  # noqa: PT017 - either outcome is right
        assert "order.paid" in error.message  # noqa: PT017
    else:
        assert payload.body.startswith(b"{")
