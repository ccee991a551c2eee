"""The checks are judged by receivers whose defects are known: a false alarm fails as a miss does."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from hookctl.catalogue import load_catalogue
from hookctl.catalogue.location import fixtures_root
from hookctl.check.catalogue import checks_of
from hookctl.check.model import Manner, Result, Severity
from hookctl.errors import ExitCode
from tests import schemas
from tests.check.expected import EVERYDAY, EXPECTED, Expected
from tests.cli.inprocess import run_here
from tests.receivers.launch import FRESH, MUTANTS, PROGRAMS, SAMPLES, running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.check.expected import Verdicts
    from tests.harness import Cli
    from tests.receivers.launch import Program

# a prefix that one may cut off, and base64 that one may decode
SECRET = "whsec_dGVzdC1zZWNyZXQtb2YtMzItYnl0ZXMtMTIzNDU2Nzg="
ALL = {program.name: program for program in (*PROGRAMS, *FRESH, *SAMPLES, *MUTANTS)}
DEADLINE_S = 0.5
"""Of a copy of the provider, for receivers that take their time."""
SLOW = ("slow", "hangs-on-short-signature")


def test_the_table_has_every_receiver_and_no_other() -> None:
    assert set(EXPECTED) == set(ALL)
    assert set(EVERYDAY) <= set(ALL)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in EVERYDAY else pytest.mark.slow) for name in ALL]
)
def test_a_receiver_is_told_to_have_the_defects_that_it_has(cli: Cli, tmp_path: Path, name: str) -> None:
    program, expected = ALL[name], EXPECTED[name]
    quick = name.endswith(SLOW)
    env = {**dict(program.env), **({"RECEIVER_SLEEP_S": str(DEADLINE_S * 2)} if quick else {})}
    cli.env[program.secret_env] = SECRET
    with running(program, SECRET, env=env) as receiver:
        address = urlsplit(receiver.url)
        arguments = ["check", receiver.url, "--allow-side-effects", "--format", "json"]
        arguments += ["--provider", _impatient(program, tmp_path) if quick else program.provider]
        if expected.probed:
            arguments += ["--probe-url", f"http://{address.netloc}/count", "--probe-pointer", "/count"]
        result = run_here(cli, *arguments)
    document = schemas.document(result.out)
    found = {one["id"]: (Result(one["result"]), Severity(one["severity"])) for one in document["results"]}
    passed = {id_: verdict for id_, verdict in found.items() if verdict[0] is Result.PASS}
    others = {id_: verdict for id_, verdict in found.items() if verdict[0] not in {Result.PASS, Result.SKIPPED}}
    told = {one["id"]: one["detail"] for one in document["results"]}
    assert others == _whole(program, expected), {id_: told[id_] for id_ in others}
    assert set(found) - set(passed) - set(others) == _skipped(program, expected, set(others))
    assert (result.code, document["summary"]["exit_code"]) == (expected.exit_code, expected.exit_code)


def _impatient(program: Program, folder: Path) -> str:
    """Return the folder of a provider that gives receivers less time."""
    import shutil

    copy = folder / program.provider
    shutil.copytree(fixtures_root() / program.provider, copy)
    description = copy / "provider.toml"
    text = description.read_text(encoding="utf-8")
    changed = text.replace("deadline_s = 5.0", f"deadline_s = {DEADLINE_S}")
    assert changed != text
    description.write_text(changed, encoding="utf-8")
    return str(copy)


def _whole(program: Program, expected: Expected) -> Verdicts:
    """Return what is expected, with what follows from a receiver that is gone or busy."""
    first = expected.gone_after or expected.busy_from
    if first is None:
        return expected.verdicts
    verdicts = dict(expected.verdicts)
    checks = checks_of(load_catalogue(program.provider).providers[0])
    place = next(number for number, check in enumerate(checks) if check.id == first)
    after = checks[place + (expected.gone_after is not None) :]
    derived = {Manner.REDIRECTS, Manner.LEAKS, Manner.TRANSPORT}
    for check in after:
        if check.absent is None and check.manner not in derived and check.id not in verdicts:
            verdicts[check.id] = (Result.INCONCLUSIVE, check.severity)
    return verdicts


def _skipped(program: Program, expected: Expected, others: set[str]) -> set[str]:
    checks = checks_of(load_catalogue(program.provider).providers[0])
    if expected.alone:
        return {check.id for check in checks} - others
    skipped = {check.id for check in checks if check.absent is not None} | {"tls"}
    if not expected.probed:
        skipped |= {"dup-effect", "dup-race"}
    if program.name.endswith("always-200"):
        # where nothing is refused, no refusal can tell too much
        skipped.add("leak")
    return skipped


def test_an_exit_code_that_strict_changes(cli: Cli) -> None:
    program = ALL["arky-no-timestamp-check"]
    cli.env[program.secret_env] = SECRET
    with running(program, SECRET, env=dict(program.env)) as receiver:
        assert run_here(cli, "check", receiver.url, "--only", "ts-old", "-q").code == ExitCode.YES
        assert run_here(cli, "check", receiver.url, "--only", "ts-old", "--strict", "-q").code == ExitCode.NO
