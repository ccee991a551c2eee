"""What GitHub is told: text of receivers is text there, however it looks, and no more than GitHub takes."""

from __future__ import annotations

import io
from html import unescape
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from hookctl.errors import ExitCode, InputError
from hookctl.redaction import MASK
from hookctl.report.github import MAX_ANNOTATION, MAX_CELL, MAX_ROWS, MAX_SUMMARY_BYTES, GitHub, Told
from hookctl.report.safe import safe_line
from hookctl.runtime import Output, Runtime
from tests.workflow import Command, commands_in, read_outputs

if TYPE_CHECKING:
    from pathlib import Path

    from markdown_it.token import Token

SECRET = b"whsec_a-secret-of-some-length"
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")
HOSTILE = st.lists(
    st.sampled_from(
        [
            *(
                "|",
                "`",
                "```",
                "\n",
                "\r\n",
                "<script>",
                "</td>",
                "<!--",
                "](http://x)",
                "![a](b)",
                "**",
                "_",
                "#",
                "- ",
            ),
            *(
                "http://example.com",
                "www.example.com",
                "@someone",
                "#1",
                "&lt;",
                "&#60;",
                "\\",
                "$x$",
                "1. ",
                "> ",
                "    ",
            ),
        ]
    )
    | st.text(max_size=5),
    max_size=6,
).map("".join)


class Runner:
    """A folder with the files that a runner gives a step."""

    def __init__(self, folder: Path) -> None:
        self.summary, self.output = folder / "summary.md", folder / "output"
        self.err = io.BytesIO()
        self.runtime = Runtime(
            env={"GITHUB_STEP_SUMMARY": str(self.summary), "GITHUB_OUTPUT": str(self.output)},
            cwd=folder,
            stdin=io.BytesIO(),
            out=Output(io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), "standard output"),
            err=Output(io.TextIOWrapper(self.err, encoding="utf-8"), "standard error"),
        )
        self.runtime.redactor.register(SECRET)
        self.github = GitHub(self.runtime, "check", {}, machine=False)

    @property
    def commands(self) -> list[Command]:
        return commands_in(self.err.getvalue())

    def outputs(self) -> dict[str, str]:
        return read_outputs(self.output)


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def told(*failures: tuple[str, str], headline: str = "wrong: 1 failed", failed: int | None = None) -> Told:
    count = len(failures) if failed is None else failed
    return Told(headline, 3, count, ("check", "what was found"), failures, ("http://127.0.0.1:3000/hook",))


def shape(tokens: list[Token]) -> list[tuple[str, str]]:
    """Return what a page is made of, whatever its texts say."""
    inner = [child for token in tokens for child in token.children or ()]
    return [(token.type, token.tag) for token in [*tokens, *inner] if token.type not in {"text", "text_special"}]


@given(headline=HOSTILE, name=HOSTILE, detail=HOSTILE)
@example(headline="a\n# b", name="x | y", detail="<img src=x onerror=alert(1)>")
def test_no_text_is_more_than_text(
    tmp_path_factory: pytest.TempPathFactory, headline: str, name: str, detail: str
) -> None:
    pages = []
    for texts in ((headline, name, detail), ("plain", "plain", "plain")):
        runner = Runner(tmp_path_factory.mktemp("github"))
        runner.github.tell(told((f"n{texts[1]}", f"d{texts[2]}"), headline=f"h{texts[0]}"), ExitCode.NO, None)
        pages.append(MARKDOWN.parse(runner.summary.read_text(encoding="utf-8")))
        assert [(one.name, set(one.properties)) for one in runner.commands] == [("error", {"title"})]
    hostile, plain = pages
    assert shape(hostile) == shape(plain)
    cells = [token.content for token in hostile if token.type == "inline"]
    # it is all there, as text
    assert f"n{safe_line(name)}".strip() in [unescape(cell) for cell in cells]


def test_secrets_are_masked_everywhere(runner: Runner) -> None:
    secret = SECRET.decode()
    runner.github.tell(told(("valid", f"answered {secret}"), headline=f"wrong: {secret}"), ExitCode.NO, None)
    runner.github.failed(InputError(f"unknown {secret}", hint=secret))
    for text in (runner.summary.read_text(), runner.output.read_text(), runner.err.getvalue().decode()):
        assert "whsec" not in unescape(text)
    assert MASK in unescape(runner.summary.read_text())


def test_a_run_that_passed_has_no_annotation(runner: Runner) -> None:
    runner.github.tell(told(headline="right: 3 passed"), ExitCode.YES, None)
    assert runner.commands == []
    assert runner.outputs() == {"verdict": "passed", "exit-code": "0", "passed": "3", "failed": "0"}
    assert "right&#58; 3 passed" in runner.summary.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("code", "verdict"),
    [(1, "failed"), (6, "inconclusive"), (130, "interrupted"), (3, "error"), (4, "error")],
)
def test_the_verdict_is_a_word(runner: Runner, code: int, verdict: str) -> None:
    runner.github.tell(told(("valid", "answered 500")), ExitCode(code), None)
    assert (runner.outputs()["verdict"], runner.outputs()["exit-code"]) == (verdict, str(code))
    (annotation,) = runner.commands
    assert annotation == Command("error", {"title": "hookctl check: wrong: 1 failed"}, "valid: answered 500")


def test_an_error_is_told_with_its_hint(runner: Runner) -> None:
    runner.github.failed(InputError("no secret for Arky", hint="set ARKY_WEBHOOK_SECRET"))
    assert runner.commands == [
        Command("error", {"title": "hookctl check: no secret for Arky"}, "set ARKY_WEBHOOK_SECRET")
    ]
    assert runner.outputs() == {"verdict": "error", "exit-code": "3"}
    assert "set ARKY WEBHOOK SECRET" in unescape(runner.summary.read_text(encoding="utf-8")).replace("_", " ")


def test_a_bug_is_told_as_one(runner: Runner) -> None:
    runner.github.failed(KeyError("x"))
    assert runner.outputs() == {"verdict": "bug", "exit-code": "70"}
    assert runner.commands[0].data.startswith("a bug: KeyError")


def test_another_report_that_cannot_be_written_is_told_too(runner: Runner) -> None:
    runner.github.tell(told(headline="right"), ExitCode.INPUT, InputError("cannot write the report a.xml"))
    assert runner.commands == [
        Command(
            *("error", {"title": "hookctl check: cannot write the report a.xml; right"}),
            "cannot write the report a.xml; right",
        )
    ]
    assert runner.outputs()["exit-code"] == "3"


def test_of_many_failures_some_are_told_and_the_rest_counted(runner: Runner) -> None:
    rows = [(f"c{number}", "é" * 10_000) for number in range(MAX_ROWS * 2)]
    runner.github.tell(told(*rows, failed=10_000), ExitCode.NO, None)
    text = runner.summary.read_text(encoding="utf-8")
    assert len(text.encode()) < MAX_SUMMARY_BYTES / 2
    assert text.count("\n| c") == MAX_ROWS + len(["check"])
    assert "é" * (MAX_CELL - 3) + "&#46;&#46;&#46;" in text
    assert f"and {10_000 - MAX_ROWS:,} more" in text
    (annotation,) = runner.commands
    assert len(annotation.data) <= MAX_ANNOTATION + 10


@pytest.mark.parametrize(("left", "has"), [(2_000_000, "| n |"), (500, "###"), (10, "")], ids=["all", "short", "none"])
def test_a_summary_never_grows_beyond_what_github_takes(runner: Runner, left: int, has: str) -> None:
    before = b" " * max(0, MAX_SUMMARY_BYTES - left)
    runner.summary.write_bytes(before)
    runner.github.tell(told(*[("n", "found")] * 30), ExitCode.NO, None)
    added = runner.summary.read_bytes()[len(before) :].decode()
    assert len(before) + len(added.encode()) <= MAX_SUMMARY_BYTES
    assert has in added
    assert ("| n |" in added) is (left > 500)
    assert bool(added) is (left > 10)
    # the annotation and the outputs are there, whatever the summary has room for
    assert len(runner.commands) == 1
    assert runner.outputs()["verdict"] == "failed"


def test_what_others_have_written_stays(runner: Runner) -> None:
    runner.summary.write_text("before\n")
    runner.output.write_text("x=1\n")
    runner.github.tell(told(headline="right"), ExitCode.YES, None)
    assert runner.summary.read_text(encoding="utf-8").startswith("before\n")
    assert runner.output.read_text(encoding="utf-8").startswith("x=1\n")


@pytest.mark.parametrize("variable", ["GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"])
def test_a_file_that_cannot_be_written_is_found_at_the_beginning(runner: Runner, variable: str) -> None:
    path = runner.summary if variable == "GITHUB_STEP_SUMMARY" else runner.output
    path.mkdir()
    with pytest.raises(InputError, match=path.name) as caught:
        runner.github.begin()
    assert variable in (caught.value.hint or "")
    # an error on top of an error says nothing more
    runner.github.failed(caught.value)


def test_without_a_runner_there_is_an_annotation_and_no_file(runner: Runner, tmp_path: Path) -> None:
    runner.runtime.env.clear()  # type: ignore[attr-defined]  # it is a dict
    runner.github.begin()
    runner.github.tell(told(("valid", "answered 500")), ExitCode.NO, None)
    assert len(runner.commands) == 1
    assert list(tmp_path.iterdir()) == []
