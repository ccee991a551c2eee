"""A provider's folder is read strictly: every slip is named with its file, its key and the nearest valid name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hookctl.catalogue import load_provider, read_sample, read_schema
from hookctl.catalogue.administration import load_administration
from hookctl.errors import ExitCode, ProviderError
from tests.catalogue.folders import FIXTURES, ProviderFolder, replace

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def arky(tmp_path: Path) -> ProviderFolder:
    return ProviderFolder.copied("arky", tmp_path / "ours")


@pytest.fixture
def arcade(tmp_path: Path) -> ProviderFolder:
    return ProviderFolder.copied("arcade", tmp_path / "ours")


def refusal(folder: ProviderFolder) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        folder.load()
    assert caught.value.exit_code is ExitCode.INPUT
    return caught.value


@pytest.mark.parametrize(
    ("old", "new", "problem", "hint"),
    [
        # keys
        (
            'encoding = "hex"',
            'encoding = "hex"\nrotaton_header = "x"',
            "signature.rotaton_header is not a known key",
            "did you mean 'rotation_header'",
        ),
        ('encoding = "hex"', "", "signature.encoding is missing", None),
        ('encoding = "hex"', 'encodng = "hex"', "signature.encoding is missing", None),
        ("[secret]", "[secret_]", "secret is missing", None),
        (
            "[sources.page]",
            'summry = 1\n[sources.page]\nzzz = "x"',
            "sources.page.zzz is not a known key",
            "known here: read, title",
        ),
        ('title = "Arky"', 'title = "Arky"\ntitel = "x"', "titel is not a known key", "did you mean 'title'?"),
        (
            '[events."order.paid"]',
            '[events."order.paid"]\ndescripton = "x"',
            'events."order.paid".descripton is not a known key',
            "did you mean 'description'?",
        ),
        # an optional key is known even where it is absent
        ('id = "/id"', 'idd = "/id"', "envelope.idd is not a known key", "did you mean 'id'?"),
        # a source does not make a key known
        (
            'sources = { unit = "hookctl" }',
            'sources = { unit = "hookctl", zone = "hookctl" }\nzone = "UTC"',
            "timestamp.zone is not a known key",
            None,
        ),
        # closed sets
        (
            '"hmac-sha256"',
            '"hmac-sha255"',
            "signature.algorithm is 'hmac-sha255', which is not supported",
            "did you mean 'hmac-sha256'",
        ),
        ('"hex"', '"HEX"', "signature.encoding is 'HEX', which is not supported", "did you mean 'hex'?"),
        (
            '"hex"',
            '"rot13"',
            "signature.encoding is 'rot13', which is not supported",
            "known: hex, base64",
        ),
        (
            'unit = "unix-seconds"',
            'unit = "unix-second"',
            "timestamp.unit is 'unix-second', which is not supported",
            "did you mean 'unix-seconds'",
        ),
        (
            'time_unit = "unix-seconds"',
            'time_unit = "fortnights"',
            "envelope.time_unit is 'fortnights', which is not supported",
            "known: unix-seconds, unix-milliseconds, iso8601-milliseconds",
        ),
        (
            'sample = "documented"',
            'sample = "documentd"',
            "events.\"order.paid\".sample is 'documentd', which is not supported",
            "did you mean 'documented'?",
        ),
        # the signed content
        (
            "{timestamp}.{body}",
            "{time}.{body}",
            "signature.content has the unknown placeholder {time}",
            "did you mean '{timestamp}'",
        ),
        ("{timestamp}.{body}", "{timestamp}.", "signature.content must have {body} in it once", None),
        (
            "{timestamp}.{body}",
            "{timestamp.{body}",
            "signature.content is '{timestamp.{body}': a brace lacks its partner",
            None,
        ),
        ("{timestamp}.{body}", "{body}}", "signature.content is '{body}}': a brace lacks its partner", None),
        # names
        (
            'header = "x-arky-signature"',
            'header = "x arky"',
            "signature.header is 'x arky'; it must be a header name",
            None,
        ),
        (
            'header = "x-arky-timestamp"',
            r'header = "x-t\r\nx: y"',
            r"timestamp.header is 'x-t\r\nx: y'; it must be a header name",
            None,
        ),
        ('header = "x-arky-signature"', 'header = ""', "signature.header must be a non-empty string", None),
        ('name = "arky"', 'name = "Arky Shop"', "name is 'Arky Shop'; it must be lower-case letters", None),
        ('env = "ARKY_WEBHOOK_SECRET"', 'env = "ARKY-SECRET"', "secret.env is 'ARKY-SECRET'; it must be", None),
        (
            '[events."order.paid"]',
            '[events."../order.paid"]',
            'events."../order.paid" is not a usable event name',
            "letters, digits and . _ : -",
        ),
        ('[events."order.paid"]', '[events.".paid"]', 'events.".paid" is not a usable event name', None),
        ('[events."order.paid"]', '[events."a\\u0000b"]', "is not a usable event name", None),
        # sources
        (
            'source = "page: Webhook Payload"',
            'source = "pge: Webhook Payload"',
            "envelope.source names 'pge', which is not in [sources]",
            "known: page, sdk, hookctl",
        ),
        ('source = "page: Webhook Payload"', "", "envelope.source is missing", None),
        (
            'sources = { unit = "hookctl" }',
            'sources = { unit = "us" }',
            "timestamp.sources.unit names 'us', which is not in [sources]",
            "known: page, sdk, hookctl",
        ),
        (
            'sources = { unit = "hookctl" }',
            'sources = { unti = "hookctl" }',
            "timestamp.sources.unti gives the source of a key that is not there",
            None,
        ),
        ("read = 2026-11-22", 'read = "2026-11-22"', "sources.page.read must be a date such as 2026-01-31", None),
        ("read = 2026-11-22", "read = 2026-11-22T00:00:00Z", "sources.page.read must be a date", None),
        # types and ranges
        ("format = 1", "format = 2", "format is 2; this hookctl reads format 1", None),
        ("format = 1", "format = true", "format must be an integer", None),
        ("format = 1", "", "format is missing", None),
        ('title = "Arky"', "title = 5", "title must be a non-empty string", None),
        ("success = 200", 'success = "200"', "replies.success must be an integer", None),
        ("deadline_s = 5.0", "deadline_s = 0", "replies.deadline_s must be a number of seconds above 0", None),
        ("deadline_s = 5.0", "deadline_s = nan", "replies.deadline_s must be a number of seconds above 0", None),
        ("deadline_s = 5.0", "deadline_s = inf", "replies.deadline_s must be a number of seconds above 0", None),
        ("deadline_s = 5.0", "deadline_s = true", "replies.deadline_s must be a number of seconds above 0", None),
        ("port = 3000", "port = 0", "endpoint.port must be between 1 and 65535", None),
        ("port = 3000", "port = 65536", "endpoint.port must be between 1 and 65535", None),
        ('path = "/api', 'path = "api', "endpoint.path must begin with /", None),
        ('id = "/id"', 'id = "id"', "envelope.id is 'id'; it must be a JSON Pointer such as /id", None),
        ('time = "/timestamp"', 'time = "/time~stamp"', "envelope.time is '/time~stamp'; it must be a JSON", None),
        ("[replies]", "[replies.x]", "replies.source is missing", None),
        ('[events."order.paid"]', '[[events."order.paid"]]', 'events."order.paid" must be a table', None),
        # not TOML at all
        ("format = 1", "format = ", "not valid TOML: Invalid value (at line 4, column 10)", None),
        ("format = 1", "format = 1\nformat = 1", "not valid TOML: ", None),
        ("port = 3000", f"port = {'9' * 5000}", "not valid TOML: ", None),
        ("port = 3000", f"port = {'[' * 100_000}", "not valid TOML: ", None),
    ],
)
def test_a_slip_is_named_with_its_file_its_key_and_the_nearest_name(
    arky: ProviderFolder, old: str, new: str, problem: str, hint: str | None
) -> None:
    replace(arky.description, old, new)
    error = refusal(arky)
    assert error.message.startswith(f"{arky.description}: ")
    assert problem in error.message
    if hint is not None:
        assert error.hint is not None
        assert error.hint.startswith(hint)


def test_a_signed_timestamp_needs_a_header_to_stand_in(arcade: ProviderFolder) -> None:
    replace(arcade.description, 'content = "{body}"', 'content = "{timestamp}.{body}"')
    problem = "signature.content needs {timestamp}, but there is no [timestamp] table"
    assert refusal(arcade).message == f"{arcade.description}: {problem}"


def test_a_provider_without_events_is_none(arky: ProviderFolder) -> None:
    text = arky.description.read_text(encoding="utf-8")
    arky.description.write_text(text[: text.index("[events.")] + "[events]\n", encoding="utf-8")
    assert refusal(arky).message == f"{arky.description}: events lists no event"


def test_bytes_that_are_not_utf8_are_not_toml(arky: ProviderFolder) -> None:
    arky.description.write_bytes(arky.description.read_bytes() + b"# \xff\n")
    assert refusal(arky).message.startswith(f"{arky.description}: not valid TOML: 'utf-8' codec can't decode")


def test_a_folder_without_a_description_is_no_provider(arky: ProviderFolder) -> None:
    arky.description.unlink()
    assert refusal(arky).message == f"no provider at {arky.path}: it has no provider.toml"


def test_a_description_that_cannot_be_read_says_why(arky: ProviderFolder) -> None:
    arky.description.unlink()
    arky.description.mkdir()
    assert refusal(arky).message == f"cannot read {arky.description}: Is a directory"


def test_a_file_is_no_folder(arky: ProviderFolder) -> None:
    with pytest.raises(ProviderError) as caught:
        load_provider(arky.description)
    assert caught.value.message == f"cannot read {arky.description / 'provider.toml'}: Not a directory"


@pytest.mark.parametrize("what", ["sample", "schema"])
def test_a_missing_sample_or_schema_is_named_when_it_is_needed(arky: ProviderFolder, what: str) -> None:
    file = arky.sample("order.paid") if what == "sample" else arky.schema("order.paid")
    file.unlink()
    _, event = arky.event("order.paid")
    with pytest.raises(ProviderError) as caught:
        (read_sample if what == "sample" else read_schema)(event)
    assert caught.value.message == f"provider 'arky' has no {what} for order.paid: {file}: No such file or directory"


def test_comments_and_order_do_not_matter(arky: ProviderFolder) -> None:
    before = arky.load()
    text = arky.description.read_text(encoding="utf-8")
    tables = re.split(r"(?m)^(?=\[)", text)
    head, sources, rest = tables[0], tables[1:3], [table for table in tables[3:] if not table.startswith("[events")]
    events = [table for table in tables if table.startswith("[events")]
    arky.description.write_text("".join([head, *events, *reversed(rest), *sources]) + "# the end\n", encoding="utf-8")
    after = arky.load()
    assert dict(after.facts) == dict(before.facts)
    assert (after.events, after.signature, after.replies) == (before.events, before.signature, before.replies)


DESCRIPTION = (FIXTURES / "arky" / "provider.toml").read_text(encoding="utf-8")


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.integers(0, len(DESCRIPTION)),
    length=st.integers(0, 40),
    text=st.one_of(st.text(max_size=12), st.sampled_from(["=", "[", '"', "\n", "[[", "1e999", "''", "{}", "9" * 5000])),
)
def test_whatever_is_garbled_the_answer_is_a_provider_or_an_error_that_names_the_file(
    tmp_path_factory: pytest.TempPathFactory, start: int, length: int, text: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "garbled"
    folder.mkdir(exist_ok=True)
    file = folder / "provider.toml"
    file.write_text(DESCRIPTION[:start] + text + DESCRIPTION[start + length :], encoding="utf-8", newline="")
    try:
        provider = load_provider(folder)
        load_administration(provider)
    except ProviderError as error:
        assert str(file) in error.message  # noqa: PT017 - either outcome is right
    else:
        assert provider.events
