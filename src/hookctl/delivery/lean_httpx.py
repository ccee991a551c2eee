"""httpx without its command line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType


def load_httpx() -> ModuleType:
    """Import httpx without its command line."""
    # httpx/__init__ imports its own command line, and with it click, pygments and rich, wherever click is
    # installed. None in sys.modules makes that import fail, which httpx allows for.
    if "httpx" not in sys.modules:
        sys.modules["httpx._main"] = None  # type: ignore[assignment]
        try:
            import httpx
        finally:
            del sys.modules["httpx._main"]
    import httpx

    return httpx
