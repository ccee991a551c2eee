"""hookctl: test, deliver and debug webhooks from the command line, and from Python.

The names in `__all__` are the whole of the library, and stable: `render()` makes the body of an event, `sign()` the
headers that the vendor would send with it, `verify()` says whether a delivery is genuine, and why it is not. Each is
loaded when it is asked for, so that importing hookctl costs next to nothing. See docs/python-api.md.
"""

# as `typing.TYPE_CHECKING`, which takes longer to load than all that is here
TYPE_CHECKING = False
if TYPE_CHECKING:
    from hookctl.api import render, sign, verify
    from hookctl.api.results import Rendered, Verification
    from hookctl.errors import HookctlError
    from hookctl.model import Diagnosis, Reason

__version__ = "0.1.0"

__all__ = [
    "Diagnosis",
    "HookctlError",
    "Reason",
    "Rendered",
    "Verification",
    "__version__",
    "render",
    "sign",
    "verify",
]

_HOMES = {
    "Diagnosis": "hookctl.model",
    "HookctlError": "hookctl.errors",
    "Reason": "hookctl.model",
    "Rendered": "hookctl.api.results",
    "Verification": "hookctl.api.results",
    "render": "hookctl.api",
    "sign": "hookctl.api",
    "verify": "hookctl.api",
}


# a type checker that saw it would take any name for one of ours
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value: object = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
