"""Configuration files, providers, and whether the signing secrets are there: their values stay out of every line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.config import VARIABLES, find_project_file, find_user_file
from hookctl.credentials import SecretSource, find_variable
from hookctl.errors import MissingSecretError, SecretError, did_you_mean
from hookctl.flows.doctor.diagnostic import Diagnostic, Result, failed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.flows.doctor.diagnostic import Setup
    from hookctl.model import Provider, Secret

_SHORT = 16
"""A key of fewer bytes can be found by trying."""
_QUOTES = (b'"', b"'", b"`")


def check_config(setup: Setup) -> Iterator[Diagnostic]:
    """Say which files are read, or what is wrong with one."""
    problem = setup.config_problem
    if problem is not None:
        fix = f"{problem.hint}; " if problem.hint else ""
        yield Diagnostic(
            "config", Result.FAIL, problem.message, f"{fix}mend the file: until then every other line is without it"
        )
        return
    runtime = setup.runtime
    files = [str(file) for file in (find_project_file(runtime.cwd), find_user_file(runtime.env)) if file is not None]
    variables = sorted(name for name in VARIABLES if runtime.env.get(name))
    said = " over ".join(files) or "no hookctl.toml here or above, and none is needed: `hookctl init` writes one"
    if variables:
        said = f"{' and '.join(variables)} over {said}" if files else f"{' and '.join(variables)}; {said}"
    yield Diagnostic("config", Result.OK, said)
    for name in sorted(name for name in runtime.env if name.startswith("HOOKCTL_") and name not in VARIABLES):
        fix = did_you_mean(name, list(VARIABLES)) or f"known: {', '.join(VARIABLES)}"
        yield Diagnostic("config", Result.WARN, f"{name} in the environment says nothing to hookctl", fix)


def check_providers(setup: Setup) -> Iterator[Diagnostic]:
    """Say which providers are meant, or why one cannot be used."""
    problem = setup.providers_problem
    if problem is not None:
        yield failed("providers", problem)
        return
    said = ", ".join(f"{one.name} ({len(one.events)} events)" for one in setup.providers)
    yield Diagnostic("providers", Result.OK, said)


def check_secrets(setup: Setup) -> Iterator[Diagnostic]:
    """Say of each provider whether there is a secret, and whether it looks like one."""
    for provider in setup.providers:
        yield _secret(setup, provider)


def _secret(setup: Setup, provider: Provider) -> Diagnostic:
    id_ = f"secret.{provider.name}"
    folder = setup.config.project_folder
    try:
        pair = SecretSource(setup.runtime, project_folder=folder).pair(provider)
        secret = find_variable(setup.runtime, folder, provider.secret.env)
    except MissingSecretError as error:
        # without a word of the user's, which of the vendors is meant is not known
        result = Result.FAIL if setup.named else Result.WARN
        fix = f"set {provider.secret.env} ({provider.secret.where}) in the environment or in .env.local"
        if not setup.named:
            fix += f'; without {provider.title}, say provider = "..." in hookctl.toml'
        return Diagnostic(id_, result, error.message, fix)
    except SecretError as error:
        return failed(id_, error)
    assert secret is not None  # noqa: S101 - it was found a moment ago
    doubt = _doubt(secret, provider)
    if doubt is not None:
        return Diagnostic(id_, Result.WARN, f"{secret.origin} {doubt[0]}", doubt[1])
    previous = f"; the previous one is {pair.previous.origin}" if pair.previous else ""
    return Diagnostic(id_, Result.OK, f"present, {secret.origin}{previous}")


def _doubt(secret: Secret, provider: Provider) -> tuple[str, str] | None:
    """Return what is odd about a secret, and what to do about it; None when nothing is."""
    value = secret.value
    real = f"set the real one ({provider.secret.where})"
    if provider.secret.example is not None and value.strip() == provider.secret.example.encode():
        return "is the example of the vendor's page, which everybody knows", real
    if value != value.strip():
        return "has white space around it, which is a part of the key as it stands", "take it away if it slipped in"
    if len(value) > 1 and value[:1] == value[-1:] and value[:1] in _QUOTES:
        return "has quotes around it, which are a part of the key as it stands", "take them away if they slipped in"
    if len(value) < _SHORT:
        return f"is shorter than {_SHORT} bytes: it can be found by trying", real
    return None
