"""The vendor's API: asked once, by a GET, where the user has given a token; its time; what killed runs have left."""

from __future__ import annotations

from contextlib import ExitStack
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from hookctl.catalogue.administration import load_administration
from hookctl.credentials import find_variable
from hookctl.errors import HookctlError
from hookctl.flows.doctor.diagnostic import Diagnostic, Result, failed
from hookctl.flows.pointing import LATER, Outcome, leftovers, restore
from hookctl.flows.webhook import Administered, WebhookOptions, notes_on_access, open_session
from hookctl.model.api import Method
from hookctl.statefolder import state_folder
from hookctl.vendors import AccessOptions, read_answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.flows.doctor.diagnostic import Setup
    from hookctl.flows.pointing import Restoration
    from hookctl.flows.webhook import Session
    from hookctl.model import Attempt
    from hookctl.vendors import Leftover

_FAR_S = 30.0
"""By how much a clock may be wrong: receivers allow signed times minutes, and some of it goes by on the way."""
_ROUNDING_S = 0.5
"""A Date header has whole seconds: it is half of one behind on average."""


def check_api(setup: Setup) -> Iterator[Diagnostic]:
    """Say of each provider with an API whether it answers and takes the token."""
    for administered in _administered(setup):
        yield from _api(setup, administered)


def check_clock(setup: Setup) -> Iterator[Diagnostic]:
    """Say by how much this machine's clock differs from an API's."""
    if not setup.skews_s:
        yield Diagnostic("clock", Result.OK, "not compared: no API was asked")
        return
    signs_times = any(provider.timestamp is not None for provider in setup.providers)
    for name, skew_s in setup.skews_s.items():
        seconds = round(abs(skew_s))
        way = "ahead of" if skew_s > 0 else "behind"
        if abs(skew_s) <= _FAR_S:
            yield Diagnostic("clock", Result.OK, f"within {max(seconds, 1)} s of the API of {name}")
            continue
        yield Diagnostic(
            "clock",
            Result.FAIL if signs_times else Result.WARN,
            f"{seconds:,} s {way} the API of {name}: receivers refuse deliveries that are signed with such a time",
            "set the clock by the network (`timedatectl set-ntp true`, or the system's settings)",
        )


def check_webhooks(setup: Setup) -> Iterator[Diagnostic]:
    """Set back the webhooks that killed runs have left changed, where the API takes the token; tell of the others."""
    if state_folder(setup.runtime.env) is None:
        return
    left = leftovers(setup.runtime)
    if not left:
        yield Diagnostic("webhook", Result.OK, "no run has left a webhook changed")
        return
    for leftover in left:
        if leftover.entry is None:
            assert leftover.problem is not None  # noqa: S101 - why there is no entry
            yield failed("webhook", leftover.problem)
        elif leftover.entry.target.provider not in setup.answered:
            yield _told(leftover)
    for administered in _administered(setup):
        if administered.provider.name in setup.answered:
            yield from _set_back(setup, administered)


def _administered(setup: Setup) -> Iterator[Administered]:
    for provider in setup.providers:
        administration = load_administration(provider)
        if administration.api is not None:
            yield Administered(provider, administration, setup.config)


def _api(setup: Setup, administered: Administered) -> Iterator[Diagnostic]:
    id_, api = f"api.{administered.provider.name}", administered.api
    token = find_variable(setup.runtime, setup.config.project_folder, api.token_env)
    if token is None and setup.options.api_url is None:
        needs = "`hookctl webhook` and `tunnel --update-webhook` need it"
        yield Diagnostic(id_, Result.OK, f"not asked: {api.token_env} is not set; only {needs}")
        return
    with ExitStack() as stack:
        try:
            session = stack.enter_context(open_session(setup.runtime, _options(setup), administered))
        except HookctlError as error:
            yield failed(id_, error)
            return
        yield _asked(setup, id_, session)


def _asked(setup: Setup, id_: str, session: Session) -> Diagnostic:
    access = session.access
    if access.dialect.read.method is not Method.GET:
        return Diagnostic(id_, Result.OK, f"not asked: the dialect {access.dialect.name} reads by no GET")
    attempt = session.api.look()
    _compare(setup, session, attempt)
    try:
        read_answer(attempt, access, writes=False)
    except HookctlError as error:
        return failed(id_, error)
    setup.answered.add(access.provider.name)
    said = f"{access.base_url} answers, takes the token of {access.token.origin} and knows {access.account}"
    notes = "; ".join(notes_on_access(session))
    if access.is_in_the_clear or session.options.insecure:
        return Diagnostic(id_, Result.WARN, f"{said}; {notes}", "https, with a certificate that is checked")
    return Diagnostic(id_, Result.OK, f"{said}; {notes}" if notes else said)


def _compare(setup: Setup, session: Session, attempt: Attempt) -> None:
    date = None if attempt.response is None else attempt.response.header("date")
    if date is None:
        return
    try:
        theirs_s = parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return
    # it was written somewhere between asking and the answer's end
    ours_s = setup.runtime.now_ms() / 1000 - attempt.duration_ms / 2000
    setup.skews_s[session.access.provider.name] = ours_s - theirs_s - _ROUNDING_S


def _set_back(setup: Setup, administered: Administered) -> Iterator[Diagnostic]:
    restorations = restore(setup.runtime, _options(setup), administered, lambda _: None)
    for restoration in restorations:
        # one that cannot be read has been told, whosever it is
        if restoration.entry is not None:
            yield _diagnostic(restoration)


def _told(leftover: Leftover) -> Diagnostic:
    entry = leftover.entry
    assert entry is not None  # noqa: S101 - the caller has seen to it
    return Diagnostic(
        "webhook",
        Result.FAIL,
        f"a killed run has left the webhook of {entry.target.account} pointing to {entry.new_url}; "
        f"it was {entry.old_url or 'no URL'} before",
        f"with access to {entry.target.api_url}, `hookctl doctor --provider {entry.target.provider}` "
        "or `hookctl webhook restore` sets it back",
    )


def _diagnostic(restoration: Restoration) -> Diagnostic:
    entry = restoration.entry
    assert entry is not None  # noqa: S101 - the caller has seen to it
    account, old = entry.target.account, entry.old_url or "no URL"
    current = restoration.current_url or "no URL"
    why = restoration.error.message if restoration.error else ""
    hint = restoration.error.hint if restoration.error else None
    result, detail, fix = {
        Outcome.RESTORED: (Result.OK, f"a killed run had left {account} changed: set back to {old}", None),
        Outcome.REMOVED: (Result.OK, f"a killed run had made a webhook for {account}: removed it", None),
        Outcome.ALREADY: (Result.OK, f"a killed run was about {account}: it is as it was, {old}", None),
        Outcome.GONE: (Result.OK, f"a killed run was about {account}: the webhook is no longer there", None),
        Outcome.NOT_OURS: (
            Result.WARN,
            f"a killed run had changed {account}; somebody has set it to {current} since: left alone, it was {old}",
            f"if that is not meant: `hookctl webhook set --url {old}`",
        ),
        Outcome.IN_USE: (Result.OK, f"{account} is in use by a run that is under way, which will set it back", None),
        Outcome.ELSEWHERE: (
            Result.FAIL,
            f"a killed run has left {account} changed at {entry.target.api_url}, which is not the API asked here",
            f"`hookctl doctor --api-url {entry.target.api_url}` sets it back, with a token for it",
        ),
        Outcome.FAILED: (
            Result.FAIL,
            f"a killed run has left {account} changed, and it was not set back to {old}: {why}",
            hint or LATER,
        ),
    }[restoration.outcome]
    return Diagnostic("webhook", result, detail, fix)


def _options(setup: Setup) -> WebhookOptions:
    options = setup.options
    return WebhookOptions(
        provider=options.provider,
        access=AccessOptions(options.api_url),
        cacert=options.cacert,
        insecure=options.insecure,
        timeout_s=options.timeout_s,
    )
