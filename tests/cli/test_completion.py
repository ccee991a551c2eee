"""Completion, as the shells themselves ask for it and use it."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hookctl.model import Rotation, Tamper
from tests.catalogue.folders import ProviderFolder, replace

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness import Cli

TABLE = [
    (["ev"], ["events"]),
    (["send", "--tam"], ["--tamper"]),
    (["send", "order.pai"], ["order.paid"]),
    (["send", "--provider", "ar"], ["arcade", "arky"]),
    (["send", "--tamper", ""], [kind.value for kind in Tamper]),
    (["send", "--rotate", ""], [kind.value for kind in Rotation]),
    (["send", "--format", ""], ["text", "json", "ndjson", "curl", "http"]),
    (["send", "--format", "nd"], ["ndjson"]),
    (["send", "no.such"], []),
    (["sandbox", "--dialect", ""], ["settings", "stores"]),
    (["sandbox", "--ret"], ["--retry"]),
    (["webhook", "re"], ["restore"]),
    (["webhook", "test", "order.pai"], ["order.paid"]),
    (["webhook", "set", "--events", "order.pai"], ["order.paid"]),
    (["tunnel", "--test", "order.pai"], ["order.paid"]),
    (["tunnel", "--via", ""], ["ngrok"]),
    (["completion", ""], ["bash", "zsh", "fish"]),
]

# each was run by a shell that is told of it without care
HOSTILE = (
    "v\\\\$(touch pwned)",
    "y$(touch pwned)",
    "x`touch pwned`",
    'z\\"; touch pwned; \\"',
    "q'; touch pwned; '",
    "two words",
    "*",
    "-dash",
    "line\\nbreak",
    "\\u001b[31mred",
)


def shell(name: str) -> str:
    """Return a shell's path; a machine without it cannot say whether completion works."""
    path = shutil.which(name)
    assert path is not None, f"{name} is not installed: these tests drive the real shell"
    return path


@pytest.fixture
def at_prompt(cli: Cli, tmp_path: Path) -> Cli:
    """Return the command line in a folder where a shell finds `hookctl` by its name."""
    launcher = tmp_path / "bin" / "hookctl"
    launcher.parent.mkdir()
    launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m hookctl "$@"\n')
    launcher.chmod(0o755)
    cli.env["PATH"] = f"{launcher.parent}{os.pathsep}{os.environ['PATH']}"
    return cli


def run_shell(cli: Cli, name: str, *arguments: str) -> str:
    done = subprocess.run(
        [shell(name), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=cli.folder,
        env=cli.environment(),
        timeout=60,
        check=False,
    )
    assert done.stderr == b""
    return done.stdout.decode()


def typed(cli: Cli, name: str, *arguments: str, setup: str, lines: list[str]) -> list[list[str]]:
    """Type each line and TAB into an interactive shell; return the words that are there then.

    The line is made one of `printf` afterwards, with Ctrl-A, so that the shell itself says what its words are.
    """
    ours, its = pty.openpty()
    text = setup + "\n" + "".join(f"{line}\t END\x01printf '<%s>\\n' \n" for line in lines) + "exit\n"
    with subprocess.Popen(
        [shell(name), *arguments],
        stdin=its,
        stdout=its,
        stderr=its,
        cwd=cli.folder,
        env=cli.environment({"TERM": "dumb"}),
        start_new_session=True,
    ) as process:
        os.close(its)
        data = b""
        try:
            os.write(ours, text.encode())
            while piece := _piece(ours):
                data += piece
            process.wait(60)
        finally:
            process.kill()
            os.close(ours)
    results: list[list[str]] = [[]]
    for row in data.decode().splitlines():
        if row == "<END>":
            results.append([])
        elif row.startswith("<") and row.endswith(">"):
            results[-1].append(row[1:-1])
    assert len(results) == len(lines) + 1, data.decode()
    return results[:-1]


def _piece(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""  # Linux says so when the last process has closed its side


def in_bash(cli: Cli, *lines: list[str]) -> list[list[str]]:
    """Return what bash would offer for the last word of each line, asked as bash asks."""
    script = "source <(hookctl completion bash)\n"
    for words in lines:
        quoted = " ".join(f"'{word}'" for word in ["hookctl", *words])
        script += f"COMPREPLY=(); COMP_WORDS=({quoted}); COMP_CWORD={len(words)}; $FUNCTION hookctl\n"
        script += 'printf "%s\\n" "${COMPREPLY[@]/#/=}" "--"\n'
    # the function that was registered, whatever it is called
    find = "FUNCTION=$(complete -p hookctl); FUNCTION=${FUNCTION#*-F }; FUNCTION=${FUNCTION%% *}\n"
    script = script.replace("bash)\n", f"bash)\n{find}", 1)
    answers = run_shell(cli, "bash", "--norc", "--noprofile", "-c", script).split("--\n")[:-1]
    assert len(answers) == len(lines)
    return [[line[1:] for line in answer.splitlines() if line != "="] for answer in answers]


def in_fish(cli: Cli, *lines: list[str]) -> list[list[str]]:
    """Return what fish would offer for the last word of each line."""
    script = "source (hookctl completion fish | psub)\n"
    for words in lines:
        script += f'complete -C "hookctl {" ".join(words)}"\necho ==\n'
    answers = run_shell(cli, "fish", "--no-config", "-c", script).split("==\n")[:-1]
    assert len(answers) == len(lines)
    return [[line.partition("\t")[0] for line in answer.splitlines()] for answer in answers]


def configure(cli: Cli, text: str) -> None:
    (cli.folder / "hookctl.toml").write_text(text, encoding="utf-8")


def own_provider(cli: Cli) -> None:
    """Configure a provider beside the built-in ones, with an event that no other has, and two endpoints."""
    folder = ProviderFolder.copied("arky", cli.folder / "acme-files")
    replace(folder.description, 'name = "arky"', 'name = "acme"')
    for file in (folder.description, folder.sample("order.paid"), folder.schema("order.paid")):
        file.write_text(file.read_text(encoding="utf-8").replace("order.paid", "rocket.launched"), encoding="utf-8")
    folder.sample("order.paid").rename(folder.sample("rocket.launched"))
    folder.schema("order.paid").rename(folder.schema("rocket.launched"))
    configure(cli, '[providers]\nacme = "acme-files"\n[endpoints]\nstaging = "https://[::1]:8443/x"\nshop = 8080\n')


OWN = [
    (["send", "--provider", "ac"], ["acme"]),
    (["send", "rock"], ["rocket.launched"]),
    (["send", "--to", "s"], ["staging", "shop"]),
    (["send", "--to", "st"], ["staging"]),
]


def test_bash_is_offered_what_there_is(at_prompt: Cli) -> None:
    answers = in_bash(at_prompt, *[words for words, _ in TABLE])
    assert answers == [offered for _, offered in TABLE]


def test_bash_is_offered_what_the_project_configures(at_prompt: Cli) -> None:
    own_provider(at_prompt)
    assert in_bash(at_prompt, *[words for words, _ in OWN]) == [offered for _, offered in OWN]


def test_tab_in_bash_finishes_the_word(at_prompt: Cli) -> None:
    lines = typed(
        at_prompt,
        "bash",
        "--norc",
        "--noprofile",
        "-i",
        setup="bind 'set enable-bracketed-paste off'; source <(hookctl completion bash)",
        lines=["hookctl send order.pai", "hookctl send --tam"],
    )
    assert lines == [["hookctl", "send", "order.paid"], ["hookctl", "send", "--tamper"]]


def in_zsh(cli: Cli, *lines: str) -> list[list[str]]:
    folder = cli.folder.parent / "functions"
    folder.mkdir(exist_ok=True)
    (folder / "_hookctl").write_text(cli("completion", "zsh").out, encoding="utf-8")
    setup = f"fpath=({folder} $fpath); autoload -U compinit; compinit -u -D"
    return typed(cli, "zsh", "-f", "-i", setup=setup, lines=list(lines))


@pytest.mark.slow
def test_tab_in_zsh_finishes_the_word_the_first_time_too(at_prompt: Cli) -> None:
    own_provider(at_prompt)
    lines = {
        "hookctl send order.pai": ["send", "order.paid"],
        "hookctl eve": ["events"],
        "hookctl send --tam": ["send", "--tamper"],
        "hookctl send --provider ark": ["send", "--provider", "arky"],
        "hookctl send --tamper sig": ["send", "--tamper", "signature"],
        "hookctl send --rotate o": ["send", "--rotate", "old"],
        "hookctl send --format nd": ["send", "--format", "ndjson"],
        "hookctl send --to st": ["send", "--to", "staging"],
        "hookctl send --provider ac": ["send", "--provider", "acme"],
        "hookctl send rock": ["send", "rocket.launched"],
    }
    assert in_zsh(at_prompt, *lines) == [["hookctl", *words] for words in lines.values()]


@pytest.mark.slow
def test_zsh_takes_the_script_from_a_start_up_file_too(at_prompt: Cli) -> None:
    setup = "autoload -U compinit; compinit -u -D; source <(hookctl completion zsh)"
    lines = typed(at_prompt, "zsh", "-f", "-i", setup=setup, lines=["hookctl send order.pai"])
    assert lines == [["hookctl", "send", "order.paid"]]


@pytest.mark.slow
def test_fish_is_offered_what_there_is(at_prompt: Cli) -> None:
    table = [(words, offered) for words, offered in TABLE if offered]
    answers = in_fish(at_prompt, *[words for words, _ in table])
    assert [sorted(answer) for answer in answers] == [sorted(offered) for _, offered in table]


@pytest.mark.slow
def test_fish_is_offered_what_the_project_configures(at_prompt: Cli) -> None:
    own_provider(at_prompt)
    answers = in_fish(at_prompt, *[words for words, _ in OWN])
    assert [sorted(answer) for answer in answers] == [sorted(offered) for _, offered in OWN]


def hostile(cli: Cli) -> None:
    """Configure endpoints that no shell may act on, as a foreign repository can, and a harmless one."""
    names = "".join(f'"{name}" = "http://localhost:1/"\n' for name in HOSTILE)
    values = "".join(f'good{number} = "{name} [/red]"\n' for number, name in enumerate(HOSTILE))
    configure(cli, f"[endpoints]\n{names}{values}")


GOOD = [f"good{number}" for number in range(len(HOSTILE))]


def test_bash_is_offered_no_name_that_it_would_act_on(at_prompt: Cli) -> None:
    hostile(at_prompt)
    assert in_bash(at_prompt, ["send", "--to", ""]) == [GOOD]
    assert [file.name for file in at_prompt.folder.iterdir()] == ["hookctl.toml"]


@pytest.mark.slow
def test_zsh_runs_nothing_that_a_configuration_says(at_prompt: Cli) -> None:
    hostile(at_prompt)
    assert in_zsh(at_prompt, "hookctl send --to ", "hookctl send --to good3") == [
        ["hookctl", "send", "--to", "good"],
        ["hookctl", "send", "--to", "good3"],
    ]
    assert [file.name for file in at_prompt.folder.iterdir()] == ["hookctl.toml"]


@pytest.mark.slow
def test_fish_is_offered_no_name_that_it_would_act_on(at_prompt: Cli) -> None:
    hostile(at_prompt)
    assert [sorted(answer) for answer in in_fish(at_prompt, ["send", "--to", "g"])] == [sorted(GOOD)]


@pytest.mark.parametrize(
    "text",
    ["not = [toml", "unknown = 1", '[providers]\nacme = "nowhere"', "[endpoints]\nx = true"],
    ids=["no toml", "unknown key", "no folder", "no endpoint"],
)
def test_a_broken_configuration_is_silence(cli: Cli, text: str) -> None:
    configure(cli, text)
    for shell_name, variables in {
        "bash": {"COMP_WORDS": "hookctl send order.p", "COMP_CWORD": "2"},
        "zsh": {"_TYPER_COMPLETE_ARGS": "hookctl send order.p"},
        "fish": {"_TYPER_COMPLETE_ARGS": "hookctl send order.p", "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }.items():
        result = cli(env={"_HOOKCTL_COMPLETE": f"complete_{shell_name}", **variables})
        assert (result.code, result.err) == (0, "")
        assert "order" not in result.out


def test_another_shell_is_a_usage_error_that_names_the_known(cli: Cli) -> None:
    result = cli("completion", "tcsh")
    assert (result.code, result.out) == (2, "")
    for name in ("'tcsh'", "bash", "zsh", "fish"):
        assert name in result.err


def test_no_shell_is_a_usage_error(cli: Cli) -> None:
    result = cli("completion")
    assert (result.code, result.out) == (2, "")
    assert "SHELL" in result.err
