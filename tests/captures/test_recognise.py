"""The form of a file is found out from what is in it, and a file of no form says why not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookctl.captures.form import Document, Form
from hookctl.captures.recognise import Item, archive_form, line_form, read_document
from hookctl.model import Capture, Unreadable
from tests.cli.signed import BODY, IN_FORM, arky, genuine


def read(data: bytes, form: Form | None = None) -> list[Item]:
    return list(read_document(Document(data, "file", Path()), form))


def bodies(items: list[Item]) -> list[bytes]:
    assert all(isinstance(item, Capture) for item in items), items
    return [item.body for item in items if isinstance(item, Capture)]


@pytest.mark.parametrize("form", IN_FORM)
@pytest.mark.parametrize("before", [b"", b"\n\n", b"\xef\xbb\xbf"], ids=["", "blank", "mark"])
def test_what_comes_before_does_not_hide_the_form(form: Form, before: bytes) -> None:
    data = before + IN_FORM[form](arky(), BODY)
    assert bodies(read(data)) == bodies(read(data, form)) == [BODY]


REQUEST = b'{"headers":{"a":"b"},"body":"x"}'


@pytest.mark.parametrize(
    ("head", "whole", "said", "form"),
    [
        (b"%s\n%s\n", True, None, Form.CAPTURE),
        (b"%s\n%s", False, None, Form.CAPTURE),
        (b"\n \n%s\n%s", True, None, Form.CAPTURE),
        (b"\xef\xbb\xbf%s\r\n%s", True, None, Form.CAPTURE),
        (b"{broken\n%s\n%s", True, None, Form.CAPTURE),
        (b"%s\n{broken", False, None, Form.CAPTURE),
        (REQUEST + b"\n" + REQUEST, True, None, Form.REQUEST),
        (REQUEST + b"\n" + REQUEST, True, Form.REQUEST, Form.REQUEST),
        # one object is no archive: read whole, it is told better what is wrong with it
        (b"%s", True, None, None),
        (b"%s\n", True, None, None),
        (b'{\n"schema": 1\n}', True, None, None),
        (b"[%s,\n%s]", True, None, None),
        (b"%s\n%s", True, Form.HAR, None),
        (b"%s\n%s", True, Form.REQUEST, None),
        (b"", True, None, None),
        (b"\n\n\n", True, None, None),
    ],
    ids=repr,
)
def test_an_archive_is_told_from_a_document(head: bytes, whole: bool, said: Form | None, form: Form | None) -> None:
    found = archive_form(head.replace(b"%s", genuine(1)), said, whole=whole)
    assert (None if found is None else found.form) is form


def test_only_two_forms_have_a_capture_to_a_line() -> None:
    assert {form for form in Form if line_form(form) is not None} == {Form.CAPTURE, Form.REQUEST}


@given(line=st.binary(max_size=80))
@settings(max_examples=200)
def test_whatever_a_line_holds_nothing_is_raised(line: bytes) -> None:
    for form in (Form.CAPTURE, Form.REQUEST):
        reader = line_form(form)
        assert reader is not None
        assert isinstance(reader.read_line(line, "a:1"), (Capture, Unreadable))


@given(data=st.binary(max_size=120), form=st.sampled_from([None, *(form for form in Form if form is not Form.BODY)]))
@settings(max_examples=200)
def test_whatever_a_file_holds_there_is_an_answer(data: bytes, form: Form | None) -> None:
    assert read(data, form)


def test_a_file_of_no_form_names_every_form_that_was_tried() -> None:
    (found,) = read(b"Dear diary,\n")
    assert isinstance(found, Unreadable)
    for form in (Form.CURL_TRACE, Form.CURL, Form.HTTP, "JSON"):
        assert f"{form}: " in found.message
    (found,) = read(b'{"hello":1}')
    assert isinstance(found, Unreadable)
    for form in (Form.CAPTURE, Form.HAR, Form.NGROK, Form.REQUEST, Form.HTTP):
        assert f"{form}: " in found.message


def test_nothing_but_white_space_is_empty_whatever_it_is_said_to_be() -> None:
    for form in (None, *Form):
        assert read(b" \r\n\t", form) == [Unreadable("file", "it is empty")]
