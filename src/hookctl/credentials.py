"""Finds signing secrets: file, environment, then `.env.local` and `.env`. Never from an argument's value.

A secret is used exactly as given, white space included; of a secret file only the final newline is dropped.
Every secret found is registered with the run's redactor before anyone else sees it.
"""

from __future__ import annotations

import os
from base64 import b64decode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookctl.errors import MissingSecretError, SecretError, UsageError
from hookctl.model import KeyForm, Secret, SecretPair

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hookctl.model import Provider, SecretSpec
    from hookctl.runtime import Runtime

DOTENV_FILES = (".env.local", ".env")

_MAX_BYTES = 64 * 1024
"""A secret file larger than this is a mistake."""


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where this run looks for secrets."""

    runtime: Runtime
    files: Sequence[str] = ()
    """`--secret-file` in order: current, then previous; `-` is standard input."""
    project_folder: Path | None = None
    """The folder of hookctl.toml, where `.env` files are looked for first."""
    _read: dict[str, Secret] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if len(self.files) > 2:
            raise UsageError("--secret-file is given more than twice", hint="current first, then previous")

    def pair(self, provider: Provider) -> SecretPair:
        """Return the provider's secrets.

        Raises:
            MissingSecretError: there is none. Names the variable to set and where it was looked for.
            SecretError: one is empty, or a file cannot be read. Never holds the value.
        """
        for name in (provider.secret.env, provider.secret.previous_env):
            # known to be secret even where a file is used instead: no message may hold it
            self.runtime.redactor.register(os.fsencode(self.runtime.env.get(name, "")))
        if self.files:
            secrets = [as_key(self._from_file(name), provider.secret) for name in self.files]
            return SecretPair(*secrets)
        current = self._from_variable(provider.secret.env)
        if current is None:
            raise self._missing(provider)
        previous = self._from_variable(provider.secret.previous_env)
        return SecretPair(
            as_key(current, provider.secret), None if previous is None else as_key(previous, provider.secret)
        )

    def _from_file(self, name: str) -> Secret:
        # standard input can be read once, whatever the number of providers
        if name in self._read:
            return self._read[name]
        shown = "standard input" if name == "-" else name
        try:
            if name == "-":
                data = self.runtime.stdin.read(_MAX_BYTES + 1)
            else:
                with (self.runtime.cwd / name).open("rb") as stream:
                    data = stream.read(_MAX_BYTES + 1)
        except OSError as error:
            raise SecretError(f"cannot read the secret file {shown}: {error.strerror}") from None
        if len(data) > _MAX_BYTES:
            raise SecretError(f"the secret file {shown} is larger than {_MAX_BYTES // 1024} KiB")
        value = data.removesuffix(b"\n")
        if value != data:
            value = value.removesuffix(b"\r")
        self._read[name] = self._accept(value, shown)
        return self._read[name]

    def _from_variable(self, name: str) -> Secret | None:
        found = find_variable(self.runtime, self.project_folder, name)
        return None if found is None else self._accept(found.value, found.origin)

    def _accept(self, value: bytes, origin: str) -> Secret:
        if not value:
            hint = "anyone can sign with an empty key: set the real secret"
            raise SecretError(f"the secret is empty: {origin}", hint=hint)
        self.runtime.redactor.register(value)
        return Secret(value, origin)

    def _missing(self, provider: Provider) -> MissingSecretError:
        name = provider.secret.env
        return MissingSecretError(
            f"no signing secret for {provider.title}: {name} is not set",
            hint=f"set {name} ({provider.secret.where}) or give --secret-file FILE; "
            f"looked in the environment, {dotenv_places(self.runtime, self.project_folder)}",
        )


def find_variable(runtime: Runtime, project_folder: Path | None, name: str) -> Secret | None:
    """Return what a variable holds, in the environment, else `.env.local`, else `.env`; None where none has it.

    Raises:
        SecretError: a file cannot be read.
    """
    value = runtime.env.get(name)
    if value is not None:
        return Secret(os.fsencode(value), f"${name}")
    for file in _dotenv_files(runtime, project_folder):
        if file.is_file():
            found = _read_dotenv(file).get(name)
            if found is not None:
                return Secret(found.encode(), f"{name} in {file}")
    return None


def dotenv_places(runtime: Runtime, project_folder: Path | None) -> str:
    """Return which files `find_variable` looks into, in words."""
    return " and ".join(map(str, _dotenv_files(runtime, project_folder)))


def _dotenv_files(runtime: Runtime, project_folder: Path | None) -> list[Path]:
    return [(project_folder or runtime.cwd) / name for name in DOTENV_FILES]


def as_key(secret: Secret, spec: SecretSpec) -> Secret:
    """Return the secret with the key's bytes as its value, read as the provider says.

    Raises:
        SecretError: its text is not of the provider's form.
    """
    if spec.form is KeyForm.TEXT and not spec.prefix:
        return secret
    text = secret.value.removeprefix(spec.prefix.encode())
    if spec.form is KeyForm.BASE64:
        try:
            text = b64decode(text, validate=True)
        except ValueError:
            shape = f"{spec.prefix}, then base64" if spec.prefix else "base64"
            raise SecretError(f"the secret is not what the provider documents: {secret.origin}", hint=shape) from None
    if not text:
        raise SecretError(f"the secret is empty: {secret.origin}")
    return Secret(text, secret.origin)


def _read_dotenv(file: Path) -> dict[str, str | None]:
    import logging

    # 25 ms to load, and only a run without the variable needs it
    from dotenv import dotenv_values

    # it would write to standard error by itself, about lines that are not hookctl's business
    logging.getLogger("dotenv").addHandler(logging.NullHandler())
    try:
        # no interpolation: a secret with a $ in it is used as it stands
        return dict(dotenv_values(file, interpolate=False, encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SecretError(f"cannot read {file}: {error}") from None
