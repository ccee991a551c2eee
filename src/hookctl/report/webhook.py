"""`hookctl webhook` for people and for programs."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Protocol

from hookctl.flows.pointing import LATER, Outcome, Restoration
from hookctl.report.columns import USUAL_WIDTH
from hookctl.report.problems import report_error, report_note
from hookctl.report.records import count_record
from hookctl.report.safe import safe_line
from hookctl.report.style import Style, Tone
from hookctl.report.webhook_records import (
    changes_record,
    manual_record,
    restored_record,
    test_record,
    webhook_record,
)
from hookctl.vendors import SecretState, TestResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hookctl.flows.webhook import Administered, SetPlan
    from hookctl.report.machine import RecordWriter
    from hookctl.runtime import Output, Runtime
    from hookctl.vendors import Access, Change, TestOutcome, Webhook

_LABEL = 9
_NONE = "none"


class WebhookReport(Protocol):
    """Takes what comes of a command."""

    def webhooks(self, webhooks: Sequence[Webhook], access: Access) -> None:
        """Report how webhooks are."""

    def manual(self, administered: Administered) -> None:
        """Report what to do by hand."""

    def plan(self, plan: SetPlan) -> None:
        """Show what would change, before one agrees to it."""

    def previewed(self, plan: SetPlan) -> None:
        """Report what would change, where nothing was to be changed."""

    def changed(self, plan: SetPlan, webhook: Webhook) -> None:
        """Report how a webhook is after a change, or that it was so already."""

    def tested(self, outcome: TestOutcome, event: str, access: Access) -> None:
        """Report what the API said of a test delivery."""

    def restored(self, restoration: Restoration) -> None:
        """Report what became of a webhook that was to be set back."""

    def nothing_to_restore(self) -> None:
        """Report that no webhook was to be set back."""

    def close(self, total: int) -> None:
        """Report the end.

        Args:
            total: how many webhooks, tests or things to set back there were.
        """


class MachineWebhookReport:
    """Records; the differences that one is asked about go to standard error as text."""

    def __init__(self, writer: RecordWriter, runtime: Runtime) -> None:
        self._writer = writer
        self._runtime = runtime
        self._clean = runtime.redactor.clean

    def webhooks(self, webhooks: Sequence[Webhook], access: Access) -> None:
        """Write a record for each."""
        for webhook in webhooks:
            self._writer.write(webhook_record(webhook, access, self._clean))

    def manual(self, administered: Administered) -> None:
        """Write the steps."""
        self._writer.write(manual_record(administered))

    def plan(self, plan: SetPlan) -> None:
        """Show the difference beside the data."""
        show_plan(plan, self._runtime)

    def previewed(self, plan: SetPlan) -> None:
        """Write how it is, and what would change."""
        self._set(plan, plan.webhook, dry_run=True)

    def changed(self, plan: SetPlan, webhook: Webhook) -> None:
        """Write how it is, and what has changed."""
        self._set(plan, webhook, dry_run=False)

    def tested(self, outcome: TestOutcome, event: str, access: Access) -> None:
        """Write the outcome."""
        asked_for = event if access.dialect.test_names_event else None
        self._writer.write(test_record(outcome, asked_for, access.provider.name, self._clean))

    def restored(self, restoration: Restoration) -> None:
        """Write what became of it."""
        self._writer.write(restored_record(restoration, self._clean))

    def nothing_to_restore(self) -> None:
        """Write nothing: the count says it."""

    def close(self, total: int) -> None:
        """Write the count."""
        self._writer.close(count_record(total))

    def _set(self, plan: SetPlan, webhook: Webhook | None, *, dry_run: bool) -> None:
        record = webhook_record(webhook, plan.access, self._clean)
        self._writer.write({**record, **changes_record(plan.changes, self._clean), "dry_run": dry_run})


class TextWebhookReport:
    """What a person wants to see of it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._style = Style.of(runtime.out, runtime.env)
        self._shown = _Shown(runtime, runtime.out)

    def webhooks(self, webhooks: Sequence[Webhook], access: Access) -> None:
        """Write URL, events and secret of each."""
        self._line(self._shown.whose(access))
        if not webhooks:
            self._line("  no webhook yet: `hookctl webhook set --url URL` makes one")
        for webhook in webhooks:
            if webhook.id is not None:
                self._line(f"  {self._shown.text(webhook.called)}" + self._quiet(f"  {self._shown.text(webhook.id)}"))
            self._line(self._shown.labelled("url", self._shown.text(webhook.url or _NONE)))
            self._line(self._shown.listed("events", webhook.events or (_NONE,)))
            self._line(self._shown.labelled("secret", str(webhook.secret)))

    def manual(self, administered: Administered) -> None:
        """Write the steps, numbered."""
        self._line(f"{self._shown.text(administered.provider.title)} has no API for webhooks. By hand:")
        for number, step in enumerate(administered.administration.manual, 1):
            text = self._shown.text(step)
            self._line("\n".join(wrap(text, USUAL_WIDTH, initial_indent=f"{number:>3}. ", subsequent_indent="     ")))

    def plan(self, plan: SetPlan) -> None:
        """Write what would change to standard error, where the question follows."""
        show_plan(plan, self._runtime)

    def previewed(self, plan: SetPlan) -> None:
        """Write what would change, to standard output: it is the result."""
        if not plan.changes:
            self._line("nothing would change: it is so already")
            return
        show_plan(plan, self._runtime, self._runtime.out)
        self._line(self._quiet("nothing was changed (--dry-run)"))

    def changed(self, plan: SetPlan, webhook: Webhook) -> None:
        """Write that it was done, or was so already."""
        if not plan.changes:
            self._line(f"{self._style.yes} nothing to change: it is so already")
            return
        what = "made" if plan.webhook is None else "changed"
        self._line(f"{self._style.yes} {what}: {self._shown.text(webhook.url or _NONE)}")

    def tested(self, outcome: TestOutcome, event: str, access: Access) -> None:
        """Write what the API said."""
        words = {
            TestResult.ASKED_FOR: f"{access.named} took the request; `hookctl listen` shows what arrives",
            TestResult.PENDING: "it is under way",
            TestResult.DELIVERED: "delivered",
            TestResult.UNDELIVERED: "not delivered",
            TestResult.UNKNOWN: "whether it was delivered is not known",
        }
        text = words[outcome.result]
        if outcome.said is not None:
            text += f" ({outcome.said})"
        if outcome.receiver_status is not None:
            text += f", the receiver answered {outcome.receiver_status}"
        if outcome.error is not None:
            text += f": {outcome.error}"
        good = outcome.result not in {TestResult.UNDELIVERED, TestResult.UNKNOWN}
        mark = self._style.yes if good else self._style.no
        what = f"test of {event}" if access.dialect.test_names_event else "test"
        self._line(f"{mark} {self._shown.text(f'{what}: {text}')}")

    def restored(self, restoration: Restoration) -> None:
        """Write a line for it, and how to go on where it was left."""
        style = self._style
        if restoration.entry is None:
            self._failed(restoration)
            return
        good = restoration.outcome in {Outcome.RESTORED, Outcome.REMOVED, Outcome.ALREADY, Outcome.GONE}
        whose = f"{restoration.entry.target.provider} {restoration.entry.target.account}"
        self._line(f"{style.yes if good else style.no} {self._shown.text(f'{whose}: {in_words(restoration)}')}")
        self._failed(restoration)

    def nothing_to_restore(self) -> None:
        """Write that there was nothing."""
        self._line("nothing to set back: no run has left a webhook changed")

    def close(self, total: int) -> None:
        """Write nothing: people can see how many there were."""

    def _failed(self, restoration: Restoration) -> None:
        if restoration.error is not None:
            report_error(restoration.error, self._runtime)

    def _line(self, text: str) -> None:
        self._runtime.out.line(text)

    def _quiet(self, text: str) -> str:
        return self._style.paint(text, Tone.QUIET)


def in_words(restoration: Restoration) -> str:
    """Return what became of a webhook that was to be set back, as a clause."""
    entry = restoration.entry
    assert entry is not None  # noqa: S101 - one that cannot be read is told otherwise
    old, current = entry.old_url or "no URL", restoration.current_url or "no URL"
    pid = f" (process {restoration.held_by})" if restoration.held_by else ""
    return {
        Outcome.RESTORED: f"set back to {old}",
        Outcome.REMOVED: "removed the webhook that was made for the run",
        Outcome.ALREADY: f"it is as it was: {old}",
        Outcome.NOT_OURS: f"left alone: somebody else has set it to {current}; it was {old} before",
        Outcome.GONE: "the webhook is no longer there",
        Outcome.IN_USE: f"in use by a run that is under way{pid}, which will set it back",
        Outcome.ELSEWHERE: f"left alone: it is at {entry.target.api_url}, say so with --api-url",
        Outcome.FAILED: f"not set back, it was {old} before; {LATER}",
    }[restoration.outcome]


def show_plan(plan: SetPlan, runtime: Runtime, output: Output | None = None) -> None:
    """Write what a plan changes, old and new, and what is worth knowing about it."""
    output = output or runtime.err
    shown = _Shown(runtime, output)
    whose = shown.whose(plan.access)
    output.line(f"{whose}, a new webhook" if plan.webhook is None else whose)
    for change in plan.changes:
        output.line(shown.change(change))
    if all(change.field != "secret" for change in plan.changes) and plan.webhook is not None:
        output.line(shown.labelled("secret", "as it is" if plan.webhook.secret_set else str(SecretState.UNSET)))
    for note in plan.notes:
        report_note(note, runtime)


class _Shown:
    """Pieces of text for one stream: safe, secrets masked, broken at its width."""

    def __init__(self, runtime: Runtime, output: Output) -> None:
        self._clean = runtime.redactor.clean
        self._style = Style.of(output, runtime.env)

    def text(self, text: str) -> str:
        """Return text from outside, safe to show."""
        return safe_line(self._clean(text))

    def whose(self, access: Access) -> str:
        """Return whose webhook it is, and where."""
        account = self.text(f"{access.provider.title} {access.api.account} {access.account}")
        return f"{self._style.paint(account, Tone.STRONG)}, {self.text(access.base_url)}, {access.dialect.name}"

    def labelled(self, label: str, value: str) -> str:
        """Return a line with its label."""
        return f"  {label:<{_LABEL - 2}}{value}"

    def listed(self, label: str, values: Sequence[str]) -> str:
        """Return values behind a label, as many lines as they need."""
        text = ", ".join(self.text(value) for value in values)
        lines = wrap(text, USUAL_WIDTH - _LABEL, break_long_words=False, break_on_hyphens=False)
        return self.labelled(label, f"\n{' ' * _LABEL}".join(lines))

    def change(self, change: Change) -> str:
        """Return a difference: the old value above the new one, or the events that come and go."""
        if isinstance(change.old, tuple) or isinstance(change.new, tuple):
            return self._events(change)
        old, new = (self.text(value or _NONE) for value in (change.old, change.new))
        marks = self._style.paint("-", Tone.BAD), self._style.paint("+", Tone.GOOD)
        return f"{self.labelled(change.field, f'{marks[0]} {old}')}\n{' ' * _LABEL}{marks[1]} {new}"

    def _events(self, change: Change) -> str:
        old, new = (value if isinstance(value, tuple) else () for value in (change.old, change.new))
        lines = [self._style.paint(f"- {self.text(name)}", Tone.BAD) for name in old if name not in new]
        lines += [self._style.paint(f"+ {self.text(name)}", Tone.GOOD) for name in new if name not in old]
        stays = [name for name in new if name in old]
        if stays:
            lines.append(f"= {', '.join(map(self.text, stays))}" if len(stays) <= 2 else f"= {len(stays)} as before")
        return self.labelled(change.field, f"\n{' ' * _LABEL}".join(lines))
