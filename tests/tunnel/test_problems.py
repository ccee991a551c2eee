"""What ngrok says is wrong, in sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookctl.errors import ExitCode
from hookctl.tunnel.problems import KNOWN, code_of, explain, plain


@pytest.mark.parametrize("code", KNOWN)
def test_every_known_error_has_a_sentence_a_next_step_and_its_code(code: str) -> None:
    error = explain(rf"authentication failed: whatever.\r\n\r\nERR_NGROK_{code}\r\n")
    assert error.message == f"{KNOWN[code].sentence} (ERR_NGROK_{code})"
    assert error.hint is not None
    assert error.hint.startswith(KNOWN[code].hint)
    assert error.exit_code is ExitCode.VENDOR


def test_an_unknown_one_says_what_ngrok_says_on_one_line() -> None:
    error = explain(r"it\r\n\r\nbroke\nERR_NGROK_9999", fallback="the agent failed")
    assert error.message == "the agent failed: it broke ERR_NGROK_9999"
    assert error.hint == "https://ngrok.com/docs/errors/err_ngrok_9999 says more"


def test_a_longer_number_is_another_error() -> None:
    assert code_of("ERR_NGROK_1080") == "1080"
    assert "as many agents" not in explain("ERR_NGROK_1080").message


@given(st.text())
def test_any_text_becomes_one_short_line_with_a_hint(text: str) -> None:
    error = explain(text)
    assert error.hint
    assert len(plain(text)) <= 303
    assert not {"\n", "\r", "\t"} & set(plain(text))
