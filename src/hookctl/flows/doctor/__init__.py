"""`hookctl doctor`: what is wrong with this set-up.

One module for each kind of thing that is looked at, one small function for each check, `CHECKS` for their order.

Every check yields lines and changes nothing, but for what a killed run has left: that is set back, or ended. A check
that goes wrong in a way that hookctl knows is a failed line, and the others go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookctl.errors import ExitCode, HookctlError
from hookctl.flows.doctor.api import check_api, check_clock, check_webhooks
from hookctl.flows.doctor.configuration import check_config, check_providers, check_secrets
from hookctl.flows.doctor.diagnostic import TIMEOUT_S, Diagnostic, DoctorOptions, Result, Setup, failed
from hookctl.flows.doctor.endpoints import check_endpoints
from hookctl.flows.doctor.installation import check_bytecode, check_hookctl, check_python
from hookctl.flows.doctor.ngrok import check_agent, check_left_agents, check_token
from hookctl.flows.doctor.proxies import check_proxies
from hookctl.flows.doctor.state import check_state, check_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hookctl.runtime import Runtime

__all__ = ["CHECKS", "TIMEOUT_S", "Diagnostic", "DoctorOptions", "DoctorSummary", "Result", "diagnose"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is looked at."""

    id: str
    """Of its lines, or what stands before the dot in them."""
    run: Callable[[Setup], Iterator[Diagnostic]]


CHECKS = (
    Check("python", check_python),
    Check("hookctl", check_hookctl),
    Check("bytecode", check_bytecode),
    Check("config", check_config),
    Check("providers", check_providers),
    Check("secret", check_secrets),
    Check("endpoint", check_endpoints),
    Check("state", check_state),
    Check("store", check_store),
    Check("proxy", check_proxies),
    Check("api", check_api),
    # by what the API has answered
    Check("clock", check_clock),
    Check("webhook", check_webhooks),
    # before what the agent says is told: it may say the token
    Check("ngrok_token", check_token),
    Check("ngrok", check_agent),
    Check("agents", check_left_agents),
)
"""Every check, in the order in which it is made and told."""


@dataclass(slots=True)
class DoctorSummary:
    """How many lines there were of each result."""

    ok: int = 0
    warn: int = 0
    fail: int = 0

    @property
    def total(self) -> int:
        """How many lines there were."""
        return self.ok + self.warn + self.fail

    @property
    def exit_code(self) -> ExitCode:
        """What it is to a script: warnings are allowed."""
        return ExitCode.NO if self.fail else ExitCode.YES

    def count(self, diagnostic: Diagnostic) -> None:
        """Count a line."""
        name = diagnostic.result.value
        setattr(self, name, getattr(self, name) + 1)


def diagnose(runtime: Runtime, options: DoctorOptions, summary: DoctorSummary) -> Iterator[Diagnostic]:
    """Make every check and yield its lines as they come."""
    setup = Setup(runtime, options)
    for check in CHECKS:
        for diagnostic in _made(check, setup):
            summary.count(diagnostic)
            yield diagnostic


def _made(check: Check, setup: Setup) -> Iterator[Diagnostic]:
    try:
        yield from check.run(setup)
    except HookctlError as error:
        yield failed(check.id, error)
