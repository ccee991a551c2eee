"""Tunnels as their users open them: a process of its own, the real pyngrok, and the stand-in for ngrok's agent."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.agent.launch import install
from tests.cli.serving import Serving, serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.agent.launch import StandIn
    from tests.harness import Cli, Result


@dataclass
class Tunnels:
    """A command line that has the stand-in for its agent."""

    cli: Cli
    agent: StandIn
    state: Path
    """The folder that hookctl keeps its state in."""

    @property
    def folders(self) -> list[Path]:
        """The folders of agents that are there."""
        base = self.state / "hookctl" / "tunnels"
        return list(base.iterdir()) if base.exists() else []

    @contextmanager
    def open(
        self, *arguments: str, form: str = "ndjson", env: Mapping[str, str | None] | None = None
    ) -> Iterator[Serving]:
        """Open a tunnel for the length of a `with` block; its `url` is the public one."""
        with serving(Serving, self.cli, ("tunnel", "--format", form, *arguments), env=env) as running:
            yield running

    def fail(
        self, *faults: str, arguments: tuple[str, ...] = (), env: Mapping[str, str | None] | None = None
    ) -> Result:
        """Open a tunnel that cannot be opened, and return what came of it."""
        return self.cli("tunnel", *arguments, env={"STAND_IN_FAULTS": ",".join(faults), **(env or {})})

    def check_clean(self) -> None:
        """Fail when an agent, or a folder of one, is left behind."""
        self.agent.wait_until_gone()
        assert self.folders == []


def tunnels_in(folder: Path, cli: Cli) -> Tunnels:
    """Give a command line the stand-in, and a state of its own."""
    state = folder / "state"
    cli.env["XDG_STATE_HOME"] = str(state)
    return Tunnels(cli, install(folder / "agent", cli), state)
