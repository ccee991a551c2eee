"""Runs pytest as a process of its own, and reads what came of each test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

APPS = Path(__file__).with_name("apps.py")


@dataclass(frozen=True)
class Run:
    """What a run of pytest came to."""

    code: int
    out: str
    """Both of its streams."""
    results: dict[str, tuple[str, str]]
    """Of each test, by its name: passed, failed or error, and what was told of it."""


def run_pytest(folder: Path, files: Mapping[str, str], *arguments: str) -> Run:
    """Write a project, run its tests with warnings as errors and only known markers, and return what came of it."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    shutil.copy(APPS, folder / "apps.py")
    report = folder / "report.xml"
    strict = ("-W", "error", "--strict-markers", "--strict-config", "-p", "no:cacheprovider", "--color=no")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *strict, f"--junitxml={report}", *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": "300", "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
        check=False,
    )
    return Run(done.returncode, done.stdout, _results(report) if report.exists() else {})


def _results(report: Path) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314 - pytest has just written it
        told = next((child for child in case if child.tag in {"failure", "error"}), None)
        outcome = "passed" if told is None else "failed" if told.tag == "failure" else "error"
        found[case.attrib["name"]] = (outcome, "" if told is None else told.text or "")
    return found
