"""Where the token may go, and where token, account, address, dialect and paths come from."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.catalogue.folders import FIXTURES, replace
from tests.cli.inprocess import run_here
from tests.delivery.faults import Connection, reply, response, serve
from tests.vendors.business import ACCOUNT, JSON, TOKEN, error

if TYPE_CHECKING:
    from tests.harness import Cli
    from tests.vendors.business import Business

SHOW = ("webhook", "show")
# an address set aside for documentation, which no test can reach: connecting to it fails the test
ELSEWHERE = "https://203.0.113.7/api"


def own_config(cli: Cli, text: str) -> None:
    """Write the user's own configuration."""
    folder = Path(cli.environment()["HOME"]) / ".config" / "hookctl"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(text, encoding="utf-8")


def project(cli: Cli, text: str) -> None:
    """Write the configuration of the project that one is in."""
    (cli.folder / "hookctl.toml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("variable", "named", "code"),
    [
        ("ARKY_TOKEN", "no access token for Arky: ARKY_TOKEN is not set", 3),
        ("ARKY_BUSINESS_ID", "no business id for Arky: ARKY_BUSINESS_ID is not set", 3),
    ],
)
@pytest.mark.parametrize("value", [None, ""])
def test_what_is_missing_is_named_before_anything_is_sent(
    asking: Cli, business: Business, variable: str, named: str, code: int, value: str | None
) -> None:
    result = asking(*SHOW, env={variable: value})
    assert (result.code, result.out, business.asked) == (code, "", [])
    assert result.err.startswith(f"error: {named}\n hint: set {variable}")


def test_token_and_account_come_from_dotenv_files_too(asking: Cli, business: Business) -> None:
    del asking.env["ARKY_TOKEN"], asking.env["ARKY_BUSINESS_ID"]
    (asking.folder / ".env").write_text(f"ARKY_TOKEN=wrong\nARKY_BUSINESS_ID={ACCOUNT}\n")
    (asking.folder / ".env.local").write_text(f"ARKY_TOKEN={TOKEN}\n")
    assert run_here(asking, *SHOW).code == 0
    assert business.asked[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_a_dotenv_file_does_not_say_where_the_api_is(asking: Cli, business: Business) -> None:
    (asking.folder / ".env").write_text(f"ARKY_BASE_URL={ELSEWHERE}\n")
    assert run_here(asking, *SHOW).code == 0
    assert len(business.asked) == 1


@pytest.mark.parametrize("token", ["two words", "line\nend", "tab\t", "ünïcode", "\x7f"])
def test_a_token_that_no_header_can_hold_is_refused_unseen(asking: Cli, business: Business, token: str) -> None:
    asking.env["ARKY_TOKEN"] = token
    result = run_here(asking, *SHOW)
    assert (result.code, business.asked) == (3, [])
    assert "$ARKY_TOKEN has white space or another character in it that no token has" in result.err
    assert token not in result.err


@pytest.mark.parametrize("account", ["../stores/other", "a/b", "..", ".", "a\\b", "a b", "a\nb", "x" * 300, "\udcff"])
def test_an_account_that_would_change_the_path_is_refused(asking: Cli, business: Business, account: str) -> None:
    result = run_here(asking, *SHOW, "--business", account)
    assert (result.code, business.asked) == (3, [])
    assert "is not a business id (--business)" in result.err


@pytest.mark.parametrize(
    ("account", "path"), [("a?b#c", "a%3Fb%23c"), ("ä%2F", "%C3%A4%252F"), ("biz:1@x", "biz%3A1%40x")]
)
def test_an_odd_account_is_escaped(asking: Cli, business: Business, account: str, path: str) -> None:
    business.before = lambda _: response(200, b'{"settings":{}}', JSON)
    assert run_here(asking, *SHOW, "--business", account).code == 0
    assert business.asked[0].path == f"/v1/businesses/{path}"


def test_the_option_wins_over_the_variable_and_the_variable_over_the_files(asking: Cli, business: Business) -> None:
    business.before = lambda _: response(200, b'{"settings":{}}', JSON)
    project(asking, '[api.arky]\nbusiness = "biz_project"\n')
    own_config(asking, '[api.arky]\nbusiness = "biz_own"\ndialect = "settings"\n')
    assert run_here(asking, *SHOW, "--business", "biz_flag").code == 0
    assert run_here(asking, *SHOW).code == 0
    del asking.env["ARKY_BUSINESS_ID"]
    assert run_here(asking, *SHOW).code == 0
    accounts = [asked.path.rpartition("/")[2] for asked in business.asked]
    assert accounts == ["biz_flag", ACCOUNT, "biz_project"]


def test_a_dialect_from_the_configuration(asking: Cli, business: Business) -> None:
    project(asking, '[api.arky]\ndialect = "stores"\n')
    assert run_here(asking, *SHOW).code == 0
    assert business.asked[0].path == f"/v1/stores/{ACCOUNT}/webhooks"
    project(asking, '[api.arky]\ndialect = "store"\n')
    result = run_here(asking, *SHOW)
    assert result.code == 3
    assert "unknown dialect 'store' (" in result.err
    assert "hookctl.toml: api.arky.dialect)" in result.err
    assert "did you mean 'stores'?" in result.err


@pytest.mark.parametrize("given", ["{port}", "localhost:{port}", "http://localhost:{port}", "http://127.0.0.1:{port}/"])
def test_an_address_may_be_a_port_or_a_host_with_one(asking: Cli, business: Business, given: str) -> None:
    port = business.base.rpartition(":")[2]
    assert run_here(asking, *SHOW, "--api-url", given.format(port=port)).code == 0


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("ftp://localhost/", "http and https are"),
        ("http://localhost/?a=b", "has a query, which a base URL cannot have (--api-url)"),
        ("http://me:pass-word@localhost/", "has credentials in it (--api-url)"),
        ("arky", "is not supported (--api-url)"),
        ("http://", "names no host (--api-url)"),
    ],
)
def test_an_address_that_is_none_is_refused(asking: Cli, business: Business, url: str, named: str) -> None:
    result = run_here(asking, *SHOW, "--api-url", url)
    assert (result.code, business.asked) == (3, [])
    assert named in result.err
    assert "pass-word" not in result.err


# --- who may say where the token goes ---------------------------------------------------------------------------------


def test_a_project_cannot_send_the_token_away(asking: Cli) -> None:
    del asking.env["ARKY_BASE_URL"]
    project(asking, f'[api.arky]\nurl = "{ELSEWHERE}"\n')
    result = run_here(asking, *SHOW)
    assert (result.code, result.out) == (3, "")
    assert "hookctl.toml: api.arky.url points beyond this machine, to 203.0.113.7" in result.err
    assert "a file of the project says so, not you: confirm with --api-url" in result.err


def test_a_project_may_name_an_api_on_this_machine(asking: Cli, business: Business) -> None:
    del asking.env["ARKY_BASE_URL"]
    project(asking, f'[api.arky]\nurl = "{business.base}"\n')
    assert run_here(asking, *SHOW).code == 0


def test_your_own_configuration_may_name_any(asking: Cli, business: Business) -> None:
    del asking.env["ARKY_BASE_URL"]
    own_config(asking, f'[api.arky]\nurl = "{business.base}"\n[api.arky.paths]\nread = "/v2/b/{{account}}"\n')
    business.before = lambda _: response(200, b'{"settings":{}}', JSON)
    assert run_here(asking, *SHOW).code == 0
    assert business.asked[0].path == f"/v2/b/{ACCOUNT}"


@pytest.mark.parametrize("line", ['[api.arky.paths]\nread = "/x"', '[api.arky]\npaths = { update = "/x" }'])
def test_a_project_cannot_choose_the_requests(asking: Cli, business: Business, line: str) -> None:
    project(asking, line)
    result = run_here(asking, *SHOW)
    assert (result.code, business.asked) == (3, [])
    assert "api.arky.paths is not for a project to say" in result.err


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("api = 5", "api must be a table"),
        ("[api]\narky = 5", "api.arky must be a table"),
        ("[api.arky]\nurll = 'x'", "api.arky.urll is not a known key"),
        ('[api.arky]\n"paths.read" = "/x"', "is not a known key"),
        ("[api.arky]\nbusiness = 5", "api.arky.business must be a text"),
        ("[api.arky]\nbusiness = ''", "api.arky.business must be a text"),
        ("[api.arky]\npaths = 5", "api.arky.paths must be a table"),
        ("[api.arky.paths]\nread = 5", "api.arky.paths.read must be a text"),
        ("[api.arky.paths]\nraed = '/x'", "api.arky.paths.raed is no call of the dialect settings"),
        ("[api.arky.paths]\nread = 'x'", "api.arky.paths.read must begin with /"),
        ("[api.arky.paths]\nread = '/{webhook}'", "api.arky.paths.read has the unknown placeholder {webhook}"),
        ("[api.arky.paths]\nread = '/{acount}'", "api.arky.paths.read has the unknown placeholder {acount}"),
    ],
)
def test_what_the_configuration_says_wrongly_is_named(asking: Cli, business: Business, text: str, named: str) -> None:
    own_config(asking, text)
    result = run_here(asking, *SHOW)
    assert (result.code, business.asked) == (3, [])
    assert named in result.err


@pytest.fixture
def hostile(asking: Cli) -> Cli:
    """A repository with a provider folder that wants somebody's token sent to its own address."""
    shutil.copytree(FIXTURES / "arky", asking.folder / "acme")
    description = asking.folder / "acme" / "provider.toml"
    replace(description, 'name = "arky"', 'name = "acme"')
    replace(description, '"https://api.arky.io"', f'"{ELSEWHERE}"')
    replace(description, 'token_env = "ARKY_TOKEN"', 'token_env = "OTHER_PEOPLES_TOKEN"')
    asking.env["OTHER_PEOPLES_TOKEN"] = "token-of-something-else"
    del asking.env["ARKY_BASE_URL"]
    return asking


@pytest.mark.parametrize("provider", ["./acme", "acme"])
def test_a_provider_from_somewhere_cannot_have_a_token_sent_away(hostile: Cli, provider: str) -> None:
    project(hostile, '[providers]\nacme = "acme"\n')
    result = run_here(hostile, *SHOW, "--provider", provider)
    assert (result.code, result.out) == (3, "")
    assert "provider.toml: api.base_url points beyond this machine, to 203.0.113.7" in result.err
    assert "confirm with --api-url" in result.err


def test_a_provider_from_somewhere_works_where_you_say_so(hostile: Cli, business: Business) -> None:
    business.before = lambda _: response(200, b'{"settings":{}}', JSON)
    assert run_here(hostile, *SHOW, "--provider", "./acme", "--api-url", business.base).code == 0
    assert business.asked[0].headers["authorization"] == "Bearer token-of-something-else"


def test_a_name_that_only_seems_to_be_this_machine_is_not_connected_to(asking: Cli) -> None:
    # the name is looked at when it is read, the address when it is connected to
    del asking.env["ARKY_BASE_URL"]
    project(asking, '[api.arky]\nurl = "http://localhost.example.com:80"\n')
    result = run_here(asking, *SHOW)
    assert result.code == 3
    assert "points beyond this machine, to localhost.example.com" in result.err


def test_a_token_in_the_clear_is_worth_a_warning(asking: Cli) -> None:
    # the name does not resolve: nothing leaves
    result = run_here(asking, *SHOW, "--api-url", "http://api.invalid", "--timeout", "5")
    assert result.code == 4
    assert "note: http://api.invalid is not https: anyone on the way can read the token" in result.err
    assert run_here(asking, *SHOW).err == ""


def test_a_proxy_is_not_used_for_this_machine(asking: Cli, business: Business) -> None:
    asking.env.update({"http_proxy": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1"})
    assert run_here(asking, *SHOW).code == 0
    assert len(business.asked) == 1


def test_a_proxy_is_named_and_its_password_is_not(asking: Cli) -> None:
    with serve(reply(502)) as proxy:
        asking.env["https_proxy"] = f"http://me:pass-word@127.0.0.1:{proxy.port}"
        result = run_here(asking, *SHOW, "--api-url", "https://api.example.com")
        assert proxy.requests[0].startswith(b"CONNECT api.example.com:443 ")
        assert TOKEN.encode() not in proxy.requests[0]
    assert result.code == 4
    assert f"note: through the proxy http://127.0.0.1:{proxy.port}, as the environment says" in result.err
    assert "pass-word" not in result.err


def test_insecure_is_loud(asking: Cli) -> None:
    result = run_here(asking, *SHOW, "--insecure")
    assert result.code == 0
    assert "note: --insecure: certificates are not checked" in result.err


def test_credentials_of_netrc_and_cookies_are_not_used(asking: Cli, business: Business) -> None:
    Path(asking.environment()["HOME"], ".netrc").write_text("machine 127.0.0.1 login me password secret-of-netrc\n")
    business.before = lambda _: error(401, {"message": "No"}, b"Set-Cookie: a=b")
    assert run_here(asking, *SHOW).code == 5
    assert run_here(asking, *SHOW).code == 5
    assert all("cookie" not in asked.headers for asked in business.asked)
    assert all(asked.headers["authorization"] == f"Bearer {TOKEN}" for asked in business.asked)


def test_several_providers_with_an_api_have_to_be_chosen_from(hostile: Cli) -> None:
    project(hostile, '[providers]\nacme = "acme"\n')
    result = run_here(hostile, *SHOW)
    assert result.code == 2
    assert "which provider? These have an API: arky, acme" in result.err


def test_ipv6(asking: Cli) -> None:
    def script(connection: Connection) -> None:
        if connection.read_request():
            connection.send(response(200, b'{"settings":{}}', JSON))

    with serve(script, host="::1") as server:
        assert run_here(asking, *SHOW, "--api-url", f"http://[::1]:{server.port}").code == 0
        assert f"Host: [::1]:{server.port}".encode() in server.requests[0]
