"""`hookctl webhook`: show, set and test what a vendor's API has on a webhook."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from uuid import UUID

from hookctl.catalogue.administration import load_administration
from hookctl.config import load_config
from hookctl.credentials import find_variable
from hookctl.delivery import Client, ClientOptions
from hookctl.delivery.endpoint import check_url, is_loopback_name
from hookctl.errors import ExitCode, InputError, SecretError, UsageError, did_you_mean
from hookctl.flows.interrupts import interrupt_afterwards
from hookctl.flows.providers import open_catalogue
from hookctl.vendors import (
    AccessOptions,
    ApiError,
    Change,
    Journal,
    MaskedValueError,
    TestOutcome,
    TestResult,
    Webhook,
    WebhookApi,
    Wish,
    differences,
    fields_of,
    merged,
    open_access,
    same_url,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from hookctl.config import Config
    from hookctl.model import Provider
    from hookctl.model.api import ApiSpec, WebhookAdministration
    from hookctl.payload.jsontext import Json
    from hookctl.runtime import Runtime
    from hookctl.vendors import Access

TIMEOUT_S = 15.0
"""Seconds that a request to an API may take, unless the user says otherwise."""

_LEFT_BEHIND = "a run that was killed has left this webhook changed: `hookctl webhook restore` sets it back"


@dataclass(frozen=True, slots=True)
class WebhookOptions:
    """What the user said about whom to ask and how."""

    provider: str | None = None
    access: AccessOptions = field(default_factory=AccessOptions)
    webhook: str | None = None
    """Id or name of the webhook, where there are several."""
    cacert: Path | None = None
    insecure: bool = False
    timeout_s: float = TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Administered:
    """A provider, and how its webhooks are configured."""

    provider: Provider
    administration: WebhookAdministration
    config: Config

    @property
    def api(self) -> ApiSpec:
        """Its API.

        Raises:
            InputError: it has none.
        """
        if self.administration.api is None:
            provider = self.provider
            hint = f"`hookctl webhook show --provider {provider.name}` says what to do by hand"
            raise InputError(
                f"{provider.title} has no API for webhooks", hint=hint if self.administration.manual else None
            )
        return self.administration.api


@dataclass(frozen=True, slots=True)
class Session:
    """An open line to a vendor's API about one account."""

    runtime: Runtime
    options: WebhookOptions
    api: WebhookApi
    journal: Journal

    @property
    def access(self) -> Access:
        """Who asks whom about what."""
        return self.api.access

    def about(self, account: str, dialect: str) -> Session | None:
        """Return the same about another account and in another dialect, or None where there is no such dialect."""
        access = self.access.about(account, dialect)
        return None if access is None else replace(self, api=self.api.about(access))

    def chosen(self) -> Webhook | None:
        """Read the webhooks and return the one that is meant; None where there is none yet.

        Raises:
            InputError: there are several and none was named, or the one that was named is not there.
        """
        webhooks = self.api.read()
        wanted = self.options.webhook
        if not self.access.dialect.record.several:
            if wanted is not None:
                raise InputError(f"--webhook: there is one webhook in the dialect {self.access.dialect.name}")
            return webhooks[0]
        known = ", ".join(webhook.called for webhook in webhooks)
        if wanted is not None:
            found = [webhook for webhook in webhooks if wanted in {webhook.id, webhook.label}]
            if len(found) != 1:
                what = "there is no" if not found else "several have the name of"
                raise InputError(f"{what} webhook {wanted!r}", hint=f"there are: {known}" if known else None)
            return found[0]
        if len(webhooks) > 1:
            raise InputError(f"{len(webhooks)} webhooks are there: which?", hint=f"--webhook NAME, one of: {known}")
        return webhooks[0] if webhooks else None


@dataclass(frozen=True, slots=True)
class SetPlan:
    """What is to be written, and what that changes."""

    access: Access
    webhook: Webhook | None
    """How it is; None for one that is to be made."""
    wish: Wish
    changes: tuple[Change, ...]
    """Empty when everything is so already."""
    notes: tuple[str, ...]
    """What is worth knowing before one agrees."""
    fields: dict[str, Json] = field(repr=False)


def open_administration(runtime: Runtime, provider: str | None) -> Administered:
    """Find the provider: the one named, else the configured one, else the only one with an API.

    Raises:
        UnknownNameError: there is no such provider.
        UsageError: none is named, and several have an API.
    """
    config = load_config(runtime)
    name = provider or (config.provider.value if config.provider else None)
    known = [(one, load_administration(one)) for one in open_catalogue(config, name).providers]
    if name is None:
        known = [entry for entry in known if entry[1].api is not None]
        if len(known) != 1:
            names = ", ".join(one.name for one, _ in known)
            raise UsageError(f"which provider? These have an API: {names}", hint="say it with --provider")
    return Administered(*known[0], config)


@contextmanager
def open_session(
    runtime: Runtime, options: WebhookOptions, administered: Administered, *, account: str | None = None
) -> Iterator[Session]:
    """Open a line to a provider's API.

    Args:
        runtime: environment, clock and redactor.
        options: what the user said.
        administered: the provider.
        account: the account, where it is known already.

    Raises:
        InputError: it has no API; the base URL, the account or the dialect cannot be used.
        SecretError: no access token.
    """
    access = open_access(
        administered.provider, administered.api, options.access, administered.config, runtime, account=account
    )
    with Client(ClientOptions(options.cacert, options.insecure, runtime.env)) as client:
        api = WebhookApi(access, client, options.timeout_s, runtime.redactor)
        yield Session(runtime, options, api, Journal.of(runtime.env))


def read_wish(
    runtime: Runtime, administered: Administered, *, url: str | None, events: Sequence[str], secret_env: str | None
) -> tuple[Wish, tuple[str, ...]]:
    """Return what `set` is to bring about, and what is worth knowing about it.

    Args:
        runtime: the environment.
        administered: the provider.
        url: the URL.
        events: lists of names and globs, with commas.
        secret_env: the variable that holds the signing secret.

    Raises:
        UsageError: nothing is to be changed.
        InputError: the URL is none, or a glob stands for no event.
        SecretError: the variable is empty or not set.
    """
    if url is None and not events and secret_env is None:
        raise UsageError("nothing to set", hint="give --url URL, --events LIST or --secret-from-env NAME")
    notes: list[str] = []
    if url is not None:
        host = check_url(url, "--url")
        if is_loopback_name(host):
            notes.append(f"{host} is this machine: only an API that runs here too can deliver to it")
    names: tuple[str, ...] | None = None
    if events:
        names, unknown = _subscription(events, administered.provider)
        notes += [unknown_event(administered.provider, name) for name in unknown]
    secret = None if secret_env is None else read_secret(runtime, administered.config, secret_env)
    return Wish(url, names, secret), tuple(notes)


def unknown_event(provider: Provider, name: str) -> str:
    """Return a note about an event that a provider's page does not have."""
    near = did_you_mean(name, [event.name for event in provider.events])
    return f"{provider.title}'s page has no event {name!r}{f' ({near})' if near else ''}: it is sent as it is"


def plan_set(session: Session, wish: Wish, notes: tuple[str, ...] = (), *, secret: str | None = None) -> SetPlan:
    """Read how the webhook is and say what a wish changes.

    Args:
        session: whose.
        wish: how it should be.
        notes: what is worth knowing about the wish.
        secret: the signing secret, for an API that shows it masked and would lose it with a write.

    Raises:
        InputError: the webhook has to be made and has no URL.
        MaskedValueError: a value that the API shows masked would be lost.
    """
    access = session.access
    spec = access.dialect.record
    webhook = session.chosen()
    if webhook is None and wish.url is None:
        raise InputError("there is no webhook yet", hint="give --url URL to make one")
    if wish.events is None and not (webhook and webhook.events):
        wish = replace(wish, events=access.api.subscription or None)
        if wish.events:
            notes += (f"nothing is subscribed yet: {len(wish.events)} events as on the vendor's page (--events)",)
    changes = differences(webhook, wish, spec)
    fields = fields_of(wish, webhook, spec)
    return SetPlan(
        access=access,
        webhook=webhook,
        wish=wish,
        changes=changes,
        notes=notes,
        fields=to_write(session, webhook, fields, secret) if webhook and changes else fields,
    )


def set_webhook(
    session: Session,
    wish: Wish,
    notes: tuple[str, ...],
    agreed: Callable[[SetPlan], bool],
    done: Callable[[SetPlan, Webhook], None],
) -> bool:
    """Change a webhook, for good.

    Args:
        session: whose.
        wish: how it should be.
        notes: what is worth knowing about the wish.
        agreed: is shown the plan and says whether to go on; not asked when there is nothing to change.
        done: is told how the webhook is when all is as wished.

    Returns:
        Whether it was agreed to.

    Raises:
        BusyError: another run has pointed the webhook somewhere for a while.
        ApiError: it was refused, or is not so afterwards.
    """
    with session.journal.claim(session.access.target) as claim:
        if claim.read() is not None:
            notes += (_LEFT_BEHIND,)
        plan = plan_set(session, wish, notes)
        if not plan.changes:
            assert plan.webhook is not None  # noqa: S101 - making one is a change
            done(plan, plan.webhook)
            return True
        if not agreed(plan):
            return False
        # a Ctrl-C waits until it is known, and told, how things stand
        with interrupt_afterwards():
            write(session, plan)
            done(plan, _checked(session, plan))
        return True


def to_write(session: Session, webhook: Webhook, fields: dict[str, Json], secret: str | None) -> dict[str, Json]:
    """Return the whole of what is written so that fields of a webhook change and nothing else does.

    Raises:
        MaskedValueError: a value that the API shows masked would be lost; the hint says what to do about it.
    """
    try:
        return merged(webhook, fields, session.access.dialect, secret=secret)
    except MaskedValueError as error:
        if error.is_secret:
            name = session.access.provider.secret.env
            error.hint = f"say what it is: --secret-from-env {name}, or another variable that holds the signing secret"
        raise


def write(session: Session, plan: SetPlan) -> None:
    """Write what was planned, once.

    Raises:
        ApiError: it was refused.
        ApiUnreachableError: no whole answer came.
    """
    if plan.webhook is None:
        session.api.create(plan.fields)
    else:
        session.api.update(plan.webhook, plan.fields)


def find_again(session: Session, plan: SetPlan) -> Webhook | None:
    """Return the webhook that a plan was about as it is now, None when it is no longer there."""
    webhooks = session.api.read()
    if plan.webhook is None:
        return next((webhook for webhook in webhooks if same_url(webhook.url, plan.wish.url)), None)
    return next((webhook for webhook in webhooks if webhook.id == plan.webhook.id), None)


def test_webhook(session: Session, event: str) -> TestOutcome:
    """Ask for a test delivery.

    Raises:
        InputError: there is no webhook to deliver to.
        ApiError: it was refused, or the API has no test deliveries.
    """
    webhook = session.chosen()
    if webhook is None or webhook.url is None:
        raise InputError("there is no webhook to deliver to", hint="`hookctl webhook set --url URL` makes one")
    fresh = str(UUID(bytes=session.runtime.random_bytes(16), version=4))
    return session.api.test(webhook, event, fresh)


def notes_on_access(session: Session) -> tuple[str, ...]:
    """Return what is worth knowing about the way that the token takes.

    Raises:
        InputError: the environment names a proxy that is none.
    """
    notes = []
    if session.options.insecure:
        notes.append("--insecure: certificates are not checked; anyone on the way can read the token")
    if session.access.is_in_the_clear:
        notes.append(f"{session.access.base_url} is not https: anyone on the way can read the token")
    proxy = session.api.proxy
    if proxy is not None:
        notes.append(f"through the proxy {proxy}, as the environment says")
    return tuple(notes)


def notes_on_test(session: Session, event: str) -> tuple[str, ...]:
    """Return what is worth knowing before a test of an event is asked for."""
    access = session.access
    if not access.dialect.test_names_event:
        return (f"in the dialect {access.dialect.name} the vendor chooses the event: {event} is not sent",)
    return () if access.provider.event(event) else (unknown_event(access.provider, event),)


def note_on_leftover(session: Session) -> str | None:
    """Return what is worth knowing about a webhook that a killed run has left changed, None when none has."""
    target = session.access.target
    left = (one for one in session.journal.entries() if one.entry is not None and one.entry.target == target)
    return next((_LEFT_BEHIND for one in left if one.held_by is None), None)


def exit_code_of(outcome: TestOutcome) -> ExitCode:
    """Return what a test's outcome is to a script."""
    codes = {TestResult.UNDELIVERED: ExitCode.VENDOR, TestResult.UNKNOWN: ExitCode.INCONCLUSIVE}
    return codes.get(outcome.result, ExitCode.YES)


def _checked(session: Session, plan: SetPlan) -> Webhook:
    after = find_again(session, plan)
    changes = differences(after, plan.wish, session.access.dialect.record)
    # a secret may be shown masked: whether it is the new one cannot be seen
    left = [change.field for change in changes if change.field != "secret"]
    if after is None or left:
        raise ApiError(
            f"{session.access.named} took the change, but {' and '.join(left)} did not become what was asked for",
            hint="`hookctl webhook show` shows how it is now",
        )
    return after


def _subscription(lists: Sequence[str], provider: Provider) -> tuple[tuple[str, ...], list[str]]:
    """Return the events that names and globs stand for, each once, and those that the provider does not have."""
    from fnmatch import fnmatchcase

    known = [event.name for event in provider.events]
    chosen: dict[str, None] = {}
    unknown: list[str] = []
    for name in (part.strip() for text in lists for part in text.split(",")):
        if not name:
            raise UsageError("--events has an empty name in it", hint="for instance --events order.paid,order.shipped")
        if any(character in name for character in "*?["):
            matching = [event for event in known if fnmatchcase(event, name)]
            if not matching:
                raise InputError(f"--events: no event of {provider.title} matches {name!r}")
            chosen.update(dict.fromkeys(matching))
        elif name not in chosen:
            chosen[name] = None
            unknown += [name] if name not in known else []
    return tuple(chosen), unknown


def read_secret(runtime: Runtime, config: Config, name: str) -> str:
    """Return the signing secret that a variable holds, in the environment or in a `.env` file.

    Raises:
        SecretError: it is not set, empty or not text.
    """
    found = find_variable(runtime, config.project_folder, name)
    if found is None or not found.value:
        raise SecretError(f"--secret-from-env: {name} is not set", hint="it has to hold the signing secret")
    runtime.redactor.register(found.value)
    try:
        return found.value.decode()
    except UnicodeDecodeError:
        raise SecretError(f"--secret-from-env: {name} is not UTF-8, which JSON cannot hold") from None
