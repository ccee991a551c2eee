"""How checks are carried out where the receiver itself has not spoken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.errors import ExitCode
from tests.cli.inprocess import run_here
from tests.delivery.faults import response, serve

if TYPE_CHECKING:
    from tests.delivery.faults import Connection
    from tests.harness import Cli


def _limited(connection: Connection) -> None:
    """Take one request of a connection, and say of the others that they are too many."""
    if connection.read_request():
        connection.send(response(200))
    while connection.read_request():
        connection.send(response(429))


def test_a_receiver_that_is_busy_on_a_kept_connection_is_neither_right_nor_wrong(cli: Cli) -> None:
    with serve(_limited) as server:
        result = run_here(
            cli.with_secrets(),
            *("check", server.url, "--provider", "arky", "--only", "keepalive", "--format", "ndjson", "--strict"),
        )
    outcome = next(record for record in result.records if record.get("id") == "keepalive")
    assert (outcome["result"], result.code) == ("inconclusive", ExitCode.INCONCLUSIVE)
    assert outcome["detail"] == "answered 429: it is busy, or something between is"


def test_a_pointer_that_is_none_is_refused_before_anything_is_sent(cli: Cli) -> None:
    with serve(_limited) as server:
        arguments = ("check", server.url, "--provider", "arky", "--probe-url", server.url, "--probe-pointer")
        for pointer in ("/a~2", "count", "/~"):
            result = run_here(cli.with_secrets(), *arguments, pointer)
            assert result.code == ExitCode.USAGE
            assert "is not a JSON Pointer" in result.err
        assert server.connections == 0
