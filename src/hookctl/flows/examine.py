"""One capture becomes one finding: whose it is, the verdict, the reason behind it, and how far its payload drifted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from hookctl.catalogue import read_sample
from hookctl.config import load_config
from hookctl.credentials import SecretSource
from hookctl.errors import SecretError
from hookctl.flows.identify import Identifier, event_of
from hookctl.flows.providers import open_catalogue
from hookctl.model import Reason, Verdict
from hookctl.payload.drift import DriftFinder
from hookctl.payload.paths import look_up
from hookctl.payload.schema import load_sample
from hookctl.signing.effort import USUAL
from hookctl.signing.verify import Verifier
from hookctl.timestamps import read_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hookctl.model import Capture, Explanation, Provider, SecretPair
    from hookctl.payload.drift import Drift
    from hookctl.runtime import Runtime
    from hookctl.signing.effort import Effort


class Finding(NamedTuple):
    """What was found out about one capture."""

    capture: Capture
    provider: str | None
    """None when nothing told whose delivery it is."""
    event: str | None
    event_id: str | None
    verdict: Verdict
    explanation: Explanation | None
    """What was done to it, when it is not valid and that was found out."""
    drift: tuple[Drift, ...]
    """How its payload differs from the event's schema."""
    notes: tuple[str, ...]
    """What else is worth knowing, in sentences."""

    @property
    def known(self) -> bool:
        """Whether it could be judged: by a provider that is known, with a secret."""
        return self.verdict.reason not in {Reason.NO_SECRET, Reason.UNKNOWN_PROVIDER}


@dataclass(slots=True)
class Examiner:
    """Examines captures.

    Args:
        providers: those that come into question.
        identifier: tells whose a capture is.
        secrets: the secrets by provider; a provider without is not in it.
        secret_problems: why a provider has none, by its name.
        now_ms: the clock that ages are held against where a capture does not say when it arrived.
        tolerance_s: as for `hookctl.signing.verify`.
        with_drift: whether payloads are held against their schemas.
    """

    providers: Sequence[Provider]
    identifier: Identifier
    secrets: Mapping[str, SecretPair]
    secret_problems: Mapping[str, SecretError]
    now_ms: Callable[[], int]
    tolerance_s: float | None = None
    with_drift: bool = True
    _verifiers: dict[str, Verifier] = field(default_factory=dict)
    _drift: dict[str, DriftFinder] = field(default_factory=dict)

    def provider_of(self, capture: Capture) -> Provider | None:
        """Return whose delivery a capture is, or None when nothing tells."""
        return self.identifier.provider(capture, _decode(capture.body))

    def examine(self, capture: Capture, effort: Effort | None = None) -> Finding:
        """Examine one capture.

        Args:
            capture: what to examine.
            effort: how much work its diagnosis may cost; None is the usual.
        """
        document = _decode(capture.body)
        provider = self.identifier.provider(capture, document)
        if provider is None:
            verdict = Verdict(valid=False, reason=Reason.UNKNOWN_PROVIDER)
            return Finding(capture, None, None, None, verdict, None, (), capture.notes)
        name = provider.name
        verifier = self._verifiers.get(name)
        if verifier is None:
            verifier = self._verifiers[name] = Verifier(provider)
            self._drift[name] = DriftFinder(provider)
        received_at_ms = capture.received_at_ms
        if received_at_ms is None and self.tolerance_s is not None:
            received_at_ms = self.now_ms()
        secrets = self.secrets.get(name)
        verdict = verifier.verify(
            capture.headers, capture.body, secrets, received_at_ms=received_at_ms, tolerance_s=self.tolerance_s
        )
        if verdict.age_s is None and received_at_ms is not None and not provider.signature.signs_timestamp:
            verdict = _aged(verdict, provider, document, received_at_ms)
        event, event_id = event_of(provider, capture.headers, document)
        drift = self._drift[name].find(event, capture.body, document) if self.with_drift else ()
        notes = capture.notes
        if verdict.repeated:
            names = " and ".join(verdict.repeated)
            notes = (*notes, f"{names} came more than once: the first value decided")
        if verdict.reason is Reason.NO_SECRET:
            notes = (*notes, self.secret_problems[name].message)
        if verdict.valid or secrets is None:
            return Finding(capture, name, event, event_id, verdict, None, drift, notes)
        explanation, more = self._explain(provider, capture, secrets, verdict, event, effort)
        if explanation is not None:
            verdict = verdict._replace(diagnosis=explanation.diagnosis)
        return Finding(capture, name, event, event_id, verdict, explanation, drift, (*notes, *more))

    def _explain(
        self,
        provider: Provider,
        capture: Capture,
        secrets: SecretPair,
        verdict: Verdict,
        event: str | None,
        effort: Effort | None,
    ) -> tuple[Explanation | None, tuple[str, ...]]:
        # only what fails needs it
        from hookctl.signing.diagnose import diagnose

        effort = effort or USUAL
        known = None if event is None else provider.event(event)
        outcome = diagnose(
            provider,
            capture.headers,
            capture.body,
            secrets,
            verdict,
            others=[(other, self.secrets[other.name]) for other in self.providers if self._has_other(other, provider)],
            sample=None if known is None else load_sample(known, read_sample(known)),
            tolerance_s=self.tolerance_s,
            effort=effort,
        )
        if outcome.exhausted:
            return outcome.explanation, ()
        limit = f"{effort.signatures} signatures or {effort.hashed_bytes // 1024 // 1024} MiB"
        return outcome.explanation, (f"the search for what was done to it ended at its limit of {limit}",)

    def _has_other(self, other: Provider, provider: Provider) -> bool:
        return other.name != provider.name and other.name in self.secrets


def open_examiner(
    runtime: Runtime,
    *,
    provider: str | None,
    secret_files: tuple[str, ...],
    tolerance_s: float | None = None,
    with_drift: bool = True,
) -> Examiner:
    """Return an examiner of the providers that are known here, with their secrets.

    Args:
        runtime: environment, files and clock.
        provider: a name or a folder that the user gave: whose all deliveries are then; None to find that out of each.
        secret_files: `--secret-file` in order.
        tolerance_s: as for `Examiner`.
        with_drift: as for `Examiner`.

    Raises:
        InputError: an unknown provider, a broken configuration, a secret file that cannot be used.
    """
    config = load_config(runtime)
    everyone = open_catalogue(config, None).providers
    chosen = None if provider is None else open_catalogue(config, provider).providers[0]
    providers = everyone if chosen is None else (chosen, *(one for one in everyone if one.name != chosen.name))
    source = SecretSource(runtime, secret_files, config.project_folder)
    secrets: dict[str, SecretPair] = {}
    problems: dict[str, SecretError] = {}
    for one in providers:
        try:
            secrets[one.name] = source.pair(one)
        except SecretError as error:
            problems[one.name] = error
    if secret_files and not secrets:
        # a file that cannot be used is a mistake, whatever is examined
        raise problems[providers[0].name]
    preferred = chosen.name if chosen is not None else config.provider.value if config.provider else None
    identifier = Identifier(providers, only=chosen is not None, preferred=preferred)
    return Examiner(providers, identifier, secrets, problems, runtime.now_ms, tolerance_s, with_drift)


def _decode(body: bytes) -> object:
    """Return the body as JSON, or None when it is not JSON; never raises."""
    # ten times as fast as the exact decoder, and which event it is can be told from this
    import msgspec

    try:
        value: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, ValueError):
        from hookctl.payload.render import read_envelope

        return read_envelope(body)
    return value


def _aged(verdict: Verdict, provider: Provider, document: object, received_at_ms: int) -> Verdict:
    """Return the verdict with the age of the event, where the delivery itself has no time of its own.

    It is information: what is delivered again has the same time, so it is never held against the tolerance.
    """
    envelope = provider.envelope
    if envelope.time is None or envelope.time_unit is None or document is None:
        return verdict
    at_ms = read_time(look_up(document, envelope.time), envelope.time_unit)  # type: ignore[arg-type]
    return verdict if at_ms is None else verdict._replace(age_s=(received_at_ms - at_ms) / 1000)
