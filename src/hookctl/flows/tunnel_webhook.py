"""The vendor's webhook while a tunnel is open: pointed to it, tested, and set back once, by whichever thread comes."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

from hookctl.errors import HookctlError, InputError
from hookctl.flows.pointing import Outcome, pointed, restore
from hookctl.flows.webhook import notes_on_access, notes_on_test, open_administration, open_session, test_webhook
from hookctl.tunnel import TunnelError
from hookctl.vendors import Journal, same_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.flows.pointing import Pointing, Restoration
    from hookctl.flows.webhook import Administered, Session, WebhookOptions
    from hookctl.runtime import Runtime
    from hookctl.vendors import TestOutcome


class VendorWebhook:
    """The webhook of one account; every method takes as long as the API takes, and is for a thread.

    Args:
        runtime: environment, clock and redactor.
        options: whom to ask and how.
        administered: the provider.
        secret: the signing secret, for an API that shows it masked and would lose it with a write.
        secret_env: the variable that holds it.
        event: what a test delivery is asked of; None for no test.

    Raises:
        InputError: the provider has no API; the base URL, the account or the dialect cannot be used.
        SecretError: no access token.
    """

    def __init__(
        self,
        runtime: Runtime,
        options: WebhookOptions,
        administered: Administered,
        *,
        secret: str | None,
        secret_env: str | None,
        event: str | None,
    ) -> None:
        self._runtime = runtime
        self._options = options
        self._administered = administered
        self._secret = secret
        self._secret_env = secret_env
        self._event = event
        self._stack = ExitStack()
        self._session: Session = self._stack.enter_context(open_session(runtime, options, administered))
        self._at_work = threading.Lock()
        """Held while the webhook is being changed."""
        self._pointing: Pointing | None = None
        self._failure: HookctlError | None = None
        """Why it could not be pointed elsewhere or set back."""
        self._over = False

    @property
    def provider(self) -> str:
        """The provider's name."""
        return self._administered.provider.name

    @property
    def account(self) -> str:
        """Whose webhook it is."""
        return self._session.access.account

    @property
    def names_event(self) -> bool:
        """Whether a test delivery is of the event that was asked for; else the vendor chooses."""
        return self._session.access.dialect.test_names_event

    def notes(self) -> tuple[str, ...]:
        """Return what is worth knowing beforehand."""
        of_test = () if self._event is None else notes_on_test(self._session, self._event)
        return (*notes_on_access(self._session), *of_test)

    def check(self) -> None:
        """Find out before a tunnel is opened whether the webhook can be changed.

        Raises:
            BusyError: another run has it; names the process.
            HookctlError: the API cannot be asked, or does not know the account.
        """
        with self._session.journal.claim(self._session.access.target):
            pass
        self._session.chosen()

    def point(self, url: str) -> Pointing:
        """Point it to a URL; raises as `hookctl.flows.pointing.pointed` does."""
        with self._at_work:
            if self._over:
                raise TunnelError("the tunnel was closed before the webhook was pointed to it")
            try:
                pointing = pointed(self._session, url, secret=self._secret, secret_env=self._secret_env)
                self._pointing = self._stack.enter_context(pointing)
            except HookctlError as error:
                # told at the end too: nobody may have waited for this any more
                self._failure = error
                raise
            return self._pointing

    def check_points_to(self, url: str) -> None:
        """Find out whether a test delivery would come here.

        Raises:
            InputError: the webhook points elsewhere.
        """
        webhook = self._session.chosen()
        there = None if webhook is None else webhook.url
        if not same_url(there, url):
            raise InputError(
                f"the webhook of {self.account} points to {there or 'nothing'}, so no test comes here",
                hint=f"--update-webhook points it to {url} until the tunnel ends",
            )

    def test(self, event: str) -> TestOutcome:
        """Ask for a test delivery; raises as `hookctl.flows.webhook.test_webhook` does."""
        return test_webhook(self._session, event)

    def restore(self) -> Restoration | None:
        """Set it back, however far it has been changed; waits for a change under way. Done once, and told each time.

        Returns:
            What became of it; None when there was nothing to be set back.

        Raises:
            RestoreError: it could not be set back; the journal is kept.
            HookctlError: it could not be pointed to the tunnel.
        """
        with self._at_work:
            if not self._over:
                self._over = True
                try:
                    self._stack.close()
                except HookctlError as error:
                    self._failure = error
            if self._failure is not None:
                raise self._failure
            return None if self._pointing is None else self._pointing.restoration


def settle_leftovers(runtime: Runtime, options: WebhookOptions) -> Iterator[str]:
    """Set back what killed runs have left changed, as far as the API can be asked; yields sentences about it.

    Raises:
        JournalError: no variable says where journals are.
    """
    left = [one.entry.target for one in Journal.of(runtime.env).entries() if one.entry and one.held_by is None]
    for provider in dict.fromkeys(target.provider for target in left):
        try:
            for restoration in restore(runtime, options, open_administration(runtime, provider), _ignore):
                entry = restoration.entry
                if entry is None or restoration.outcome is Outcome.IN_USE:
                    continue
                whose = f"a run that was killed had left the webhook of {entry.target.account} changed"
                if restoration.outcome in {Outcome.RESTORED, Outcome.REMOVED}:
                    yield f"{whose}: it is set back to {entry.old_url or 'what it was, none'}"
                elif restoration.outcome in {Outcome.ELSEWHERE, Outcome.FAILED}:
                    why = f": {restoration.error.message}" if restoration.error else ""
                    yield f"{whose}{why}: `hookctl webhook restore` sets it back"
        except HookctlError as error:
            yield (
                f"a run that was killed has left a webhook changed, and it cannot be set back now: {error.message}: "
                "`hookctl webhook restore` does it later"
            )


def _ignore(_: str) -> None:
    # said for the account of this run, if there is one
    pass
