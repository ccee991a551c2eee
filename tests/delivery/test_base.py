"""Where deliveries of any provider are passed on to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hookctl.config import Config, Origin, Setting
from hookctl.delivery.endpoint import Endpoint, resolve_base
from hookctl.errors import InputError

FLAG = Origin.FLAG
NOTHING = Config(provider=None, endpoints={}, to=None, project_folder=None)


def flag(value: str) -> Setting:
    """Return what a user gives on the command line."""
    return Setting(value, FLAG, "--forward-to")


def configured(url: str, origin: Origin = Origin.PROJECT) -> Config:
    """Return a configuration with one endpoint."""
    return replace(NOTHING, endpoints={"mine": Setting(url, origin, "mine in hookctl.toml")})


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("3000", "http://localhost:3000/"),
        ("localhost:3000", "http://localhost:3000/"),
        ("localhost:3000/api/hook", "http://localhost:3000/api/hook"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000/"),
        ("https://example.com/hook?a=b", "https://example.com/hook?a=b"),
        ("[::1]:3000/x", "http://[::1]:3000/x"),
    ],
)
def test_a_port_an_address_and_a_url_are_a_base(given: str, url: str) -> None:
    endpoint = resolve_base(flag(given), NOTHING, allow_remote=False)
    assert (endpoint.url, endpoint.origin, endpoint.loopback_only) == (url, FLAG, False)


def test_a_configured_name_stands_for_its_url() -> None:
    endpoint = resolve_base(flag("mine"), configured("http://localhost:9/x"), allow_remote=False)
    assert endpoint == Endpoint("http://localhost:9/x", "localhost", Origin.PROJECT, loopback_only=True)


def test_a_configured_port_is_one_on_localhost() -> None:
    assert resolve_base(flag("mine"), configured("9"), allow_remote=False).url == "http://localhost:9/"


def test_a_projects_file_needs_consent_for_another_machine() -> None:
    remote = "https://example.com/"
    with pytest.raises(InputError, match=r"points beyond this machine, to example\.com"):
        resolve_base(flag("mine"), configured(remote), allow_remote=False)
    assert resolve_base(flag("mine"), configured(remote), allow_remote=True).loopback_only is False
    # the user's own file and command line need none
    assert resolve_base(flag("mine"), configured(remote, Origin.USER), allow_remote=False).url == remote
    assert resolve_base(flag(remote), NOTHING, allow_remote=False).url == remote


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("0", "0 is not a port"),
        ("65536", "65536 is not a port"),
        ("99999", "99999 is not a port"),
        ("", "is not a URL"),
        ("a b", "is not a URL"),
        ("nowhere", "unknown endpoint 'nowhere'"),
        ("ftp://localhost/", "ftp is not supported"),
        ("http://", "names no host"),
        ("http://localhost:0/", "port 0 is not a port"),
        ("http://user:pass@localhost/", "has credentials in it"),
        ("http://localhost/a b", "white space"),
    ],
)
def test_anything_else_is_refused_with_a_reason(given: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        resolve_base(flag(given), NOTHING, allow_remote=False)
    assert "pass@" not in caught.value.message


def test_a_name_that_is_nearly_right_is_suggested() -> None:
    with pytest.raises(InputError) as caught:
        resolve_base(flag("mnie"), configured("9"), allow_remote=False)
    assert caught.value.hint is not None
    assert "mine" in caught.value.hint
