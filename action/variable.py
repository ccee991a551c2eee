"""Prints the variable that the signing secret of a provider goes into: `variable.py PROVIDER`, which may be empty."""

from __future__ import annotations

import sys

from hookctl.config import load_config
from hookctl.errors import HookctlError
from hookctl.flows.providers import open_catalogue
from hookctl.runtime import Runtime

DEFAULT = "ARKY_WEBHOOK_SECRET"
"""Where no provider is given."""


def variable(provider: str) -> str:
    """Return its name. A provider that cannot be read is told by the command, which reads it next."""
    if not provider:
        return DEFAULT
    try:
        (only,) = open_catalogue(load_config(Runtime.system()), provider).providers
    except HookctlError:
        return DEFAULT
    return only.secret.env


if __name__ == "__main__":
    sys.stdout.write(f"{variable(sys.argv[1])}\n")
