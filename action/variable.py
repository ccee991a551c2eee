"""Prints the variable that the signing secret of a provider goes into: `variable.py PROVIDER`, which may be empty."""

from __future__ import annotations

import sys

from hookctl.config import load_config
from hookctl.errors import HookctlError
from hookctl.flows.providers import open_catalogue
from hookctl.runtime import Runtime

DEFAULT = "ARKY_WEBHOOK_SECRET"
"""Where neither the step nor a configuration names a provider."""


def variable(provider: str) -> str:
    """Return its name. A provider that cannot be read is told by the command, which reads it next."""
    try:
        config = load_config(Runtime.system())
        if not provider and config.provider is not None:
            provider = config.provider.value
        return open_catalogue(config, provider).providers[0].secret.env if provider else DEFAULT
    except HookctlError:
        return DEFAULT


if __name__ == "__main__":
    sys.stdout.write(f"{variable(sys.argv[1])}\n")
