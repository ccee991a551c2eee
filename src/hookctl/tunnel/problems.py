"""What ngrok says is wrong, in a sentence and a next step each."""

from __future__ import annotations

import re
from typing import NamedTuple

from hookctl.tunnel import processes
from hookctl.tunnel.interface import TunnelError

AGENT_HINT = "get the agent from https://ngrok.com/download and name it with --ngrok-path PATH"
_HOW_TO_HAVE_ONE = (
    "copy yours from https://dashboard.ngrok.com/get-started/your-authtoken into NGROK_AUTHTOKEN, "
    "or give it to `ngrok config add-authtoken`"
)
NETWORK_HINT = "the agent must reach connect.ngrok-agent.com, port 443: check the network, its firewall and its proxy"


class Problem(NamedTuple):
    """What is said about an error."""

    sentence: str
    hint: str


NO_TOKEN = Problem("ngrok needs an authtoken, and there is none", _HOW_TO_HAVE_ONE)

KNOWN = {
    "4018": NO_TOKEN,
    "105": Problem("the ngrok authtoken is not a proper one", _HOW_TO_HAVE_ONE),
    "107": Problem("the ngrok authtoken is not valid: it was reset, or is another account's", _HOW_TO_HAVE_ONE),
    "108": Problem(
        "the ngrok account runs as many agents as it may (three on the free plan)",
        "end one of them, on this machine or another, or at https://dashboard.ngrok.com/agents",
    ),
    "120": Problem("this ngrok agent is too old for ngrok", "`ngrok update`, or " + AGENT_HINT),
    "121": Problem("this ngrok agent is too old for the account", "`ngrok update`, or " + AGENT_HINT),
    "313": Problem("the domain is none that the ngrok account may use", "leave --domain out for the account's own"),
    "319": Problem(
        "the domain is not reserved for the ngrok account",
        "reserve it at https://dashboard.ngrok.com/domains, or leave --domain out for the account's own",
    ),
    "320": Problem("the domain is reserved for another ngrok account", "leave --domain out for the account's own"),
    "324": Problem(
        "the ngrok account has as many endpoints open as it may",
        "end another tunnel, or see https://dashboard.ngrok.com/endpoints",
    ),
    "334": Problem(
        "the public URL is in use: another ngrok agent of the account serves it",
        "end that agent, or give another --domain; with ngrok's pooling each of the two would get some deliveries",
    ),
    "725": Problem(
        "the ngrok account has used up its bandwidth (1 GB a month on the free plan)",
        "see https://dashboard.ngrok.com/usage; use another tunnel with --public-url",
    ),
    "727": Problem(
        "the ngrok account has used up its requests (20,000 a month and 4,000 a minute on the free plan)",
        "see https://dashboard.ngrok.com/usage; use another tunnel with --public-url",
    ),
    "9009": Problem(
        "the ngrok agent goes through a proxy, which only paid plans may",
        "unset HTTP_PROXY and HTTPS_PROXY for hookctl, take proxy_url out of ngrok.yml, or use --public-url",
    ),
    "8012": Problem("ngrok could not reach hookctl on this machine", "something ended hookctl's port: start it again"),
    "3200": Problem("ngrok has no agent for the public URL", "start the tunnel again"),
}
"""What is said, by the number of ngrok's error."""

_CODE = re.compile(r"ERR_NGROK_(\d+)")
_CERTIFICATE = re.compile(r"x509|certificate", re.IGNORECASE)
_NETWORK = re.compile(r"\bdial\b|\blookup\b|i/o timeout|reconnect|no such host|connection refused|EOF", re.IGNORECASE)
_LONGEST = 300


def code_of(text: str) -> str | None:
    """Return the number of ngrok's error in a text."""
    match = _CODE.search(text)
    return match.group(1) if match else None


def explain(text: str, *, fallback: str = "the ngrok agent failed") -> TunnelError:
    """Return what a text of the agent means: a log line's error, an answer of its API, a complaint.

    Args:
        text: what it wrote; line ends may be there as a backslash and a letter.
        fallback: the sentence about what is not known here; the agent's own follows.
    """
    code = code_of(text)
    if code in KNOWN:
        problem = KNOWN[code]
        hint = problem.hint
        if code == "108":
            # none of them is ended: it may be somebody's work
            running = processes.named("ngrok")
            hint += f"; running here: {', '.join(map(str, running))}" if running else "; none runs on this machine"
        return TunnelError(f"{problem.sentence} (ERR_NGROK_{code})", hint=hint)
    said = plain(text)
    sentence = f"{fallback}: {said}" if said else fallback
    if code is not None:
        return TunnelError(sentence, hint=f"https://ngrok.com/docs/errors/err_ngrok_{code} says more")
    if _CERTIFICATE.search(text):
        return TunnelError(sentence, hint="a proxy or firewall on the way opens TLS: `connect_cas: host` in ngrok.yml")
    if _NETWORK.search(text):
        return TunnelError(sentence, hint=NETWORK_HINT)
    return TunnelError(sentence, hint="`ngrok diagnose` may say more; --public-url takes any other tunnel")


def plain(text: str) -> str:
    """Return the agent's text as one short line."""
    words = " ".join(re.sub(r"\\[rn]", " ", text).split())
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}..."
