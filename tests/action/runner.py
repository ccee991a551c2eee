"""A runner of composite actions, as far as this one needs one; what it does not know is an error.

Steps are run as GitHub's runner does: each `run` from a file, by `bash --noprofile --norc -e -o pipefail`, without a
terminal, with files for outputs and summary, in an environment that has what the runner sets and nothing else.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml  # type: ignore[import-untyped]  # its types are another package

from tests.workflow import Command, commands_in, read_outputs

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]

_EXPRESSION = re.compile(r"\$\{\{ (.*?) \}\}")
_OPERAND = re.compile(r"inputs\.([\w-]+)|steps\.([\w-]+)\.outputs\.([\w-]+)")
_CONDITION = re.compile(r"(\S+) != '([^']*)'")


@dataclass
class Step:
    """What came of a run of the action."""

    code: int
    """The exit code of the step that failed, or 0."""
    log: bytes
    """What all steps have written."""
    outputs: dict[str, str]
    """The action's outputs that are not empty."""
    summary: str

    @property
    def text(self) -> str:
        """The log as text."""
        return self.log.decode("utf-8", "backslashreplace")

    @property
    def commands(self) -> list[Command]:
        """What the runner would carry out, the masks apart."""
        return [one for one in commands_in(self.log) if one.name not in {"add-mask", "stop-commands"}]

    @property
    def masks(self) -> list[str]:
        """What the runner would keep out of logs."""
        return [one.data for one in commands_in(self.log) if one.name == "add-mask"]


@dataclass
class Runner:
    """A job on a machine.

    Args:
        folder: an empty one.
        checkout: where the action lies.
        path: the programs that there are.
    """

    folder: Path
    checkout: Path = ROOT
    path: str = os.environ["PATH"]
    env: dict[str, str] = field(default_factory=dict)
    """Variables that the job sets."""

    def __post_init__(self) -> None:
        """Make what a job finds."""
        # a space, so that what forgets its quotes is seen
        self.temp = self.folder / "runner temp"
        self.workspace = self.folder / "work space"
        self.caches = self.folder / "caches"
        for folder in (self.temp, self.workspace, self.caches, self.folder / "home"):
            folder.mkdir(parents=True)

    def uses(self, **inputs: str) -> Step:
        """Run the action as a step that `uses` it, with inputs (an underscore stands for a hyphen)."""
        action = yaml.safe_load((self.checkout / "action.yml").read_text(encoding="utf-8"))
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        unknown = set(given) - set(action["inputs"])
        assert not unknown, f"no such input: {unknown}"
        run = _Run(self, {name: given.get(name, one.get("default", "")) for name, one in action["inputs"].items()})
        assert action["runs"]["using"] == "composite"
        code = run.steps(action["runs"]["steps"])
        outputs = {name: run.value(one["value"]) for name, one in action["outputs"].items()}
        return Step(code, bytes(run.log), {name: text for name, text in outputs.items() if text}, run.summary)

    def environment(self) -> dict[str, str]:
        """Return what every step has."""
        return {
            "PATH": self.path,
            "HOME": str(self.folder / "home"),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(self.checkout),
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_OS": "Linux",
            "RUNNER_ARCH": "X64",
            "RUNNER_TEMP": str(self.temp),
            **self.env,
        }


class _Run:
    """One run of an action."""

    def __init__(self, runner: Runner, inputs: Mapping[str, str]) -> None:
        self._runner = runner
        self._inputs = inputs
        self._outputs: dict[tuple[str, str], str] = {}
        self.log = bytearray()
        self.summary = ""

    def steps(self, steps: list[dict[str, Any]]) -> int:
        """Run steps up to the first that fails."""
        for number, step in enumerate(steps):
            if not self._wanted(step.get("if")):
                continue
            if "uses" in step:
                self._cache(step)
                continue
            code = self._shell(number, step)
            if code != 0:
                return code
        return 0

    def value(self, template: object) -> str:
        """Return a text with its expressions evaluated."""
        return _EXPRESSION.sub(lambda match: self._operand(match[1]), str(template))

    def _operand(self, expression: str) -> str:
        match = _OPERAND.fullmatch(expression)
        assert match, f"no such expression: {expression}"
        if match[1]:
            return self._inputs[match[1]]
        return self._outputs.get((match[2], match[3]), "")

    def _wanted(self, condition: str | None) -> bool:
        if condition is None:
            return True
        bare = _EXPRESSION.fullmatch(condition)
        match = _CONDITION.fullmatch(bare[1] if bare else condition)
        assert match, f"no such condition: {condition}"
        return self._operand(match[1]) != match[2]

    def _cache(self, step: dict[str, Any]) -> None:
        """Do as actions/cache does; what is saved after the job is saved by `save`."""
        assert re.fullmatch(r"actions/cache@(v\d+|[0-9a-f]{40})", step["uses"]), step["uses"]
        path, key = self.value(step["with"]["path"]), self.value(step["with"]["key"])
        assert path
        assert key
        stored = self._runner.caches / key
        if stored.is_dir():
            shutil.copytree(stored, path, symlinks=True, dirs_exist_ok=True)

    def _shell(self, number: int, step: dict[str, Any]) -> int:
        known = {"id", "shell", "env", "run", "working-directory", "if"}
        assert set(step) <= known, set(step) - known
        assert step["shell"] == "bash"
        # the scripts of steps are fixed: an input in one would be run
        assert "${{" not in step["run"]
        files = {
            name: self._runner.temp / f"_{name.lower()}_{number}"
            for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE")
        }
        for file in files.values():
            file.write_bytes(b"")
        script = self._runner.temp / f"_step_{number}.sh"
        script.write_text(step["run"], encoding="utf-8")
        env = {name: self.value(text) for name, text in step.get("env", {}).items()}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
            cwd=self._runner.workspace / self.value(step.get("working-directory", ".")),
            env={**self._runner.environment(), **{name: str(file) for name, file in files.items()}, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=110,
            check=False,
        )
        self.log += done.stdout
        if "id" in step:
            self._outputs |= {(step["id"], name): text for name, text in read_outputs(files["GITHUB_OUTPUT"]).items()}
        self.summary += files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")
        # neither later steps nor the job are given anything else
        assert [name for name in ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE") if files[name].read_bytes()] == []
        return done.returncode


def prepared(runner: Runner) -> dict[str, str]:
    """Return what the first step tells the others."""
    outputs = runner.folder / "outputs"
    outputs.write_bytes(b"")
    script = runner.checkout / "action" / "prepare.sh"
    subprocess.run(["bash", str(script)], env={**runner.environment(), "GITHUB_OUTPUT": str(outputs)}, check=True)
    return read_outputs(outputs)


def key_of_cache(runner: Runner) -> str:
    """Return the key under which a job's hookctl is cached."""
    return prepared(runner)["key"]
