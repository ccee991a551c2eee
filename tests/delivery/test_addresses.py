"""Which machine a delivery may reach: names, addresses in every spelling, and what a project's file may say."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hookctl.config import Config, Origin, Setting
from hookctl.delivery import ClientOptions, resolve_endpoint
from hookctl.model import FailureKind
from tests.delivery import faults
from tests.delivery.faults import bound, proxy, serve, serve_on_both

if TYPE_CHECKING:
    from hookctl.model import Provider
    from tests.delivery.conftest import Deliver
    from tests.harness import Cli

METADATA = "169.254.169.254"


class Resolver:
    """A name service that says what the test wants; written-out addresses go to the real one."""

    def __init__(self) -> None:
        self.names: dict[str, list[list[str]]] = {}
        """The answers to the first, the second, ... question for a name; the last one stays."""
        self.asked: list[str] = []
        self._real = socket.getaddrinfo

    def __call__(self, host: str, *arguments: Any, **options: Any) -> list[Any]:  # noqa: ANN401 - as getaddrinfo
        if host not in self.names:
            options["flags"] = options.get("flags", 0) | socket.AI_NUMERICHOST
            return self._real(host, *arguments, **options)
        self.asked.append(host)
        answers = self.names[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [entry for address in addresses for entry in self._real(address, *arguments, **options)]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    fake = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", fake)
    return fake


# --- names -----------------------------------------------------------------------------------------------------------


def test_a_name_that_does_not_resolve_is_a_dns_failure(resolver: Resolver, deliver: Deliver) -> None:
    attempt = deliver("http://receiver.invalid/hook")
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.DNS
    assert attempt.failure.message.startswith("the name receiver.invalid does not resolve: ")


def test_a_name_without_an_address_is_a_dns_failure(resolver: Resolver, deliver: Deliver) -> None:
    resolver.names["receiver.example"] = [[]]
    attempt = deliver("http://receiver.example/hook")
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.DNS
    assert attempt.failure.message == "receiver.example has no address"


def test_a_name_that_does_not_resolve_ends_a_run_in_4(cli: Cli) -> None:
    result = cli.with_secrets()("send", "order.paid", "--to", "http://receiver.invalid/", "--timeout", "2")
    assert result.code == 4
    assert "the name receiver.invalid " in result.out
    assert "Traceback" not in result.err


def test_a_resolver_that_hangs_is_given_up_at_the_deadline(monkeypatch: pytest.MonkeyPatch, deliver: Deliver) -> None:
    released = threading.Event()

    def hang(*_: object, **__: object) -> list[object]:
        released.wait(10)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    started = time.monotonic()
    try:
        attempt = deliver("http://receiver.example/hook", timeout_s=0.3)
    finally:
        released.set()
    assert time.monotonic() - started < 1.3
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.DNS
    assert attempt.failure.message == "the name receiver.example was not resolved within 0.3 s"


@pytest.mark.parametrize("listening", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("order", [["127.0.0.1", "::1"], ["::1", "127.0.0.1"]])
def test_localhost_is_found_on_whichever_address_listens(
    listening: str, order: list[str], resolver: Resolver, deliver: Deliver
) -> None:
    resolver.names["localhost"] = [order]
    with serve(faults.reply(200), host=listening) as server:
        other = "::1" if listening == "127.0.0.1" else "127.0.0.1"
        with bound(other, server.port):
            attempt = deliver(server.at("localhost"))
    assert attempt.failure is None
    assert len(server.requests) == 1


def test_the_first_address_that_listens_is_the_only_one_used(resolver: Resolver, deliver: Deliver) -> None:
    resolver.names["localhost"] = [["::1", "127.0.0.1"]]
    with serve_on_both(faults.reply(200)) as (four, six):
        assert deliver(six.at("localhost")).failure is None
        assert (four.connections, six.connections) == (0, 1)


def test_localhost_that_listens_nowhere_is_one_refusal(resolver: Resolver, deliver: Deliver) -> None:
    resolver.names["localhost"] = [["::1", "127.0.0.1"]]
    with faults.refuse() as closed, bound("::1", closed.port):
        attempt = deliver(closed.at("localhost"))
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.REFUSED
    assert attempt.failure.message == f"nothing listens on localhost:{closed.port}"


# one or both of 127.0.0.1 and ::1; what both do is tested above with a resolver of our own
_REAL_LOCALHOST = sorted({str(entry[4][0]) for entry in socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)})


@pytest.mark.parametrize("host", _REAL_LOCALHOST)
def test_the_real_localhost_is_found(host: str, deliver: Deliver) -> None:
    with serve(faults.reply(200), host=host) as server:
        assert deliver(server.at("localhost")).failure is None


# --- addresses that are never sent to --------------------------------------------------------------------------------

_SPELLINGS = [
    METADATA,
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "2852039166",
    "0xa9fea9fe",
    "0xA9.0xFE.43518",
    "025177524776",
    "169.16689662",
    "\uff11\uff16\uff19.254.169.254",
    "169\u3002254\u3002169\u3002254",
    "[fd00:ec2::254]",
    "[FD00:0EC2::0:254]",
]


@pytest.mark.parametrize("host", _SPELLINGS)
def test_a_metadata_address_is_refused_in_every_spelling(host: str, arky: Provider, deliver: Deliver) -> None:
    to = Setting(f"http://{host}/latest/meta-data", Origin.FLAG, "--to")
    endpoint = resolve_endpoint(arky, to, Config(None, {}, None, None), allow_remote=True)
    # the fences turn a connection attempt into an error
    attempt = deliver(endpoint.url)
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.BLOCKED
    assert attempt.failure.message.endswith("a cloud metadata service: hookctl never sends there")


def test_a_metadata_address_ends_a_run_in_4(cli: Cli) -> None:
    result = cli.with_secrets()("send", "order.paid", "--to", "http://0xa9fea9fe/", "--format", "ndjson")
    assert result.code == 4
    expected = f"blocked: 0xa9fea9fe is {METADATA}, a cloud metadata service: hookctl never sends there"
    assert result.records[0]["error"] == expected
    assert result.records[0]["status"] is None


@pytest.mark.parametrize("address", [METADATA, f"::ffff:{METADATA}", "fd00:ec2::254"])
@pytest.mark.parametrize("loopback_only", [False, True])
def test_a_name_for_a_metadata_address_is_refused(
    address: str, loopback_only: bool, resolver: Resolver, deliver: Deliver
) -> None:
    resolver.names["innocent.example"] = [[address]]
    attempt = deliver("http://innocent.example/hook", loopback_only=loopback_only)
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.BLOCKED
    assert attempt.failure.message.startswith("innocent.example is ")


def test_an_address_is_checked_when_it_is_used_and_a_name_asked_for_once(resolver: Resolver, deliver: Deliver) -> None:
    with serve(faults.reply(200)) as server:
        resolver.names["rebinding.example"] = [["127.0.0.1"], [METADATA]]
        assert deliver(server.at("rebinding.example"), loopback_only=True).failure is None
        assert resolver.asked == ["rebinding.example"]
        attempt = deliver(server.at("rebinding.example"), loopback_only=True)
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.BLOCKED
    assert len(server.requests) == 1


def test_a_forbidden_address_behind_one_that_refuses_is_not_tried(resolver: Resolver, deliver: Deliver) -> None:
    with faults.refuse() as closed:
        resolver.names["mixed.example"] = [["127.0.0.1", METADATA]]
        attempt = deliver(closed.at("mixed.example"))
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.BLOCKED


@pytest.mark.parametrize("host", [METADATA, "2852039166", "[::ffff:a9fe:a9fe]"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_metadata_address_is_not_asked_of_a_proxy_either(host: str, scheme: str, deliver: Deliver) -> None:
    with serve(proxy()) as server:
        options = ClientOptions(env={"ALL_PROXY": f"http://127.0.0.1:{server.port}"})
        attempt = deliver(f"{scheme}://{host}/", options=options)
        assert attempt.failure is not None
        assert attempt.failure.kind is FailureKind.BLOCKED
        assert server.connections == 0


def test_a_metadata_address_is_no_proxy(deliver: Deliver) -> None:
    attempt = deliver("http://receiver.example/", options=ClientOptions(env={"ALL_PROXY": f"http://{METADATA}:80"}))
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.PROXY
    assert "hookctl never sends there" in attempt.failure.message


@pytest.mark.parametrize("address", ["192.0.2.1", "10.0.0.1", "0.0.0.0", "::", "2001:db8::1", "::ffff:192.0.2.1"])
def test_an_endpoint_held_to_loopback_refuses_a_name_of_another_machine(
    address: str, resolver: Resolver, deliver: Deliver
) -> None:
    resolver.names["app.localhost"] = [[address]]
    attempt = deliver("http://app.localhost:3000/hook", loopback_only=True)
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.BLOCKED
    assert attempt.failure.message.endswith("which is not this machine")
    assert attempt.failure.hint is not None
    assert "--allow-remote" in attempt.failure.hint


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.7.6", "::1"])
def test_an_endpoint_held_to_loopback_may_be_any_address_of_it(
    address: str, resolver: Resolver, deliver: Deliver
) -> None:
    resolver.names["app.localhost"] = [[address]]
    with serve(faults.reply(200), host=address) as server:
        assert deliver(server.at("app.localhost"), loopback_only=True).failure is None


# --- endpoints from files --------------------------------------------------------------------------------------------


def _project(cli: Cli, url: str) -> None:
    (cli.folder / "hookctl.toml").write_text(f'[endpoints]\narky = "{url}"\n')


def test_a_projects_endpoint_elsewhere_ends_in_3_until_it_is_confirmed(cli: Cli) -> None:
    _project(cli, "http://receiver.example/hook")
    run = cli.with_secrets()
    with serve(proxy()) as server:
        environment = {"HTTP_PROXY": f"http://127.0.0.1:{server.port}"}
        refused = run("send", "order.paid", env=environment)
        assert refused.code == 3
        assert "hookctl.toml: endpoints.arky points beyond this machine, to receiver.example" in refused.err
        assert "--allow-remote" in refused.err
        assert server.connections == 0
        assert run("send", "order.paid", "--allow-remote", env=environment).code == 0
        assert server.requests[0].startswith(b"POST http://receiver.example/hook HTTP/1.1\r\n")


def test_a_users_own_endpoint_may_be_anywhere(cli: Cli) -> None:
    folder = Path(os.environ["HOME"]) / ".config" / "hookctl"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('[endpoints]\narky = "http://receiver.example/hook"\n')
    with serve(proxy()) as server:
        environment = {"HTTP_PROXY": f"http://127.0.0.1:{server.port}"}
        assert cli.with_secrets()("send", "order.paid", env=environment).code == 0
        assert len(server.requests) == 1


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]"])
def test_a_projects_endpoint_on_this_machine_needs_no_consent(host: str, cli: Cli) -> None:
    with serve(faults.reply(200)) as server:
        _project(cli, server.at(host))
        assert cli.with_secrets()("send", "order.paid").code == 0
        assert len(server.requests) == 1
