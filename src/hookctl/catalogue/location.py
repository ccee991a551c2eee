"""Where the built-in fixtures are: inside the wheel, or beside `src/` in a checkout."""

from __future__ import annotations

from pathlib import Path

from hookctl.errors import ProviderError

_PACKAGE = Path(__file__).resolve().parent.parent


def fixtures_root() -> Path:
    """Return the folder that holds one folder per built-in provider.

    Raises:
        ProviderError: neither place has it, so the installation is incomplete.
    """
    # the wheel build copies fixtures/ into the package; an editable install sees only the checkout
    for candidate in (_PACKAGE / "_fixtures", _PACKAGE.parent.parent / "fixtures"):
        if candidate.is_dir():
            return candidate
    msg = "the built-in providers are missing from this installation"
    raise ProviderError(msg, hint="install hookctl again")
