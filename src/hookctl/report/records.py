"""The machine output: one dict per thing that happened. Keys are snake_case, in this order, and stable."""

from __future__ import annotations

from base64 import b64encode
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from hookctl.model import TimeUnit
from hookctl.timestamps import write_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookctl.flows.deliveries import Pruned
    from hookctl.flows.examine import Finding
    from hookctl.flows.latency import Latencies
    from hookctl.flows.listen import ListenSummary, Ready, Received, Retried
    from hookctl.flows.plainly import Plain
    from hookctl.flows.replay import Replayed
    from hookctl.flows.sandbox import Called, Opened, SandboxSummary, Sent
    from hookctl.flows.send import SendSummary
    from hookctl.flows.tally import Tally
    from hookctl.flows.tunnel import Opened as TunnelOpened
    from hookctl.model import Delivery, Event, RawHeaders, Response, SignedRequest, Unreadable
    from hookctl.payload.drift import Drift
    from hookctl.receiver import Refusal
    from hookctl.store import Forwarded, StoredDelivery, Summary

    Clean: TypeAlias = Callable[[str], str]

Record: TypeAlias = dict[str, object]

PERCENTILES = (50, 95, 99)
"""The percentiles of answer times that a summary holds."""


def event_record(event: Event) -> Record:
    """Return `type:"event"`: name, provider, documented, description."""
    return {
        "type": "event",
        "name": event.name,
        "provider": event.provider,
        "documented": event.documented,
        "description": event.description,
    }


def delivery_record(delivery: Delivery, clean: Clean) -> Record:
    """Return `type:"delivery"`.

    Args:
        delivery: what happened.
        clean: masks secrets in what the receiver answered: an answer may echo one.
    """
    request, attempt = delivery.request, delivery.attempt
    failure = attempt.failure
    return {
        "type": "delivery",
        "event": request.event,
        "event_id": request.event_id,
        "provider": request.provider,
        "url": clean(request.url),
        "status": attempt.response.status if attempt.response else None,
        "ok": delivery.ok,
        "duration_ms": round(attempt.duration_ms, 3),
        "error": None if failure is None else f"{failure.kind}: {clean(failure.message)}",
        "response": None if attempt.response is None else _response(attempt.response, clean),
    }


def _response(response: Response, clean: Clean) -> Record:
    record: Record = {"headers": [[clean(name), clean(value)] for name, value in response.headers]}
    record.update(_body(response.body, clean))
    if response.truncated:
        record["truncated"] = True
    return record


def _body(body: bytes, clean: Clean) -> Record:
    try:
        return {"body": clean(body.decode())}
    except UnicodeDecodeError:
        # Latin-1 gives each byte a character and takes it back: what is masked in text is masked here
        masked = clean(body.decode("latin-1")).encode("latin-1")
        return {"body": None, "body_b64": b64encode(masked).decode("ascii")}


def request_record(request: SignedRequest) -> Record:
    """Return `type:"request_preview"` for a request that was not sent; its bytes are never altered."""
    return {
        "type": "request_preview",
        "event": request.event,
        "event_id": request.event_id,
        "provider": request.provider or None,
        "method": request.method,
        "url": request.url,
        "headers": [list(line) for line in request.headers],
        **_body(request.body, str),
    }


def send_summary_record(summary: SendSummary) -> Record:
    """Return `type:"summary"` of a send: total, ok, unexpected, not_delivered, latency_ms."""
    return {
        "type": "summary",
        "total": summary.total,
        "ok": summary.ok,
        "unexpected": summary.unexpected,
        "not_delivered": summary.not_delivered,
        "latency_ms": _latency_record(summary.latencies),
    }


def _latency_record(latencies: Latencies) -> Record | None:
    if not latencies.count:
        return None
    record: Record = {f"p{percent}": round(latencies.percentile_ms(percent), 3) for percent in PERCENTILES}
    return {**record, "max": round(latencies.max_ms, 3)}


def verdict_record(finding: Finding, clean: Clean, *, in_bulk: bool = False) -> Record:
    """Return `type:"verdict"`.

    Args:
        finding: what was found out.
        clean: masks secrets in what the capture says.
        in_bulk: whether drift is counted in the summary alone; `drift` is then null.
    """
    verdict, explanation = finding.verdict, finding.explanation
    return {
        "type": "verdict",
        "source": clean(finding.capture.source),
        "provider": finding.provider,
        "event": None if finding.event is None else clean(finding.event),
        "event_id": None if finding.event_id is None else clean(finding.event_id),
        "valid": verdict.valid,
        "reason": verdict.reason,
        "diagnosis": verdict.diagnosis,
        "age_s": verdict.age_s,
        "drift": None if in_bulk else [_drift(drift, clean) for drift in finding.drift],
        "second_diagnosis": None if explanation is None else explanation.second,
        "explanation": None if explanation is None else clean(f"{explanation.happened}; to do: {explanation.remedy}"),
        "notes": [clean(note) for note in finding.notes],
    }


def plain_verdict_record(plain: Plain, clean: Clean) -> Record:
    """Return `type:"verdict"` of a capture that is plainly valid, as `verdict_record` does in bulk."""
    return {
        "type": "verdict",
        "source": clean(plain.source),
        "provider": plain.provider,
        "event": clean(plain.event),
        "event_id": None if plain.event_id is None else clean(plain.event_id),
        "valid": True,
        "reason": "ok",
        "diagnosis": None,
        "age_s": plain.age_s,
        "drift": None,
        "second_diagnosis": None,
        "explanation": None,
        "notes": [],
    }


def _drift(drift: Drift, clean: Clean) -> Record:
    return {"kind": drift.kind, "path": clean(drift.path), "detail": clean(drift.detail)}


def unreadable_record(unreadable: Unreadable, clean: Clean) -> Record:
    """Return `type:"unreadable"`: source, error, hint."""
    hint = unreadable.hint
    return {
        "type": "unreadable",
        "source": clean(unreadable.source),
        "error": clean(unreadable.message),
        "hint": None if hint is None else clean(hint),
    }


def verify_summary_record(tally: Tally, clean: Clean) -> Record:
    """Return `type:"summary"` of a verification: the counts, drift by event and kind of change."""
    return {
        "type": "summary",
        "total": tally.total,
        "valid": tally.valid,
        "invalid": tally.invalid,
        "no_secret": tally.no_secret,
        "unknown_provider": tally.unknown_provider,
        "unreadable": tally.unreadable,
        "drifted": tally.drifted,
        "reasons": dict(tally.reasons),
        "diagnoses": dict(tally.diagnoses),
        "drift": [
            {
                "provider": provider,
                "event": None if event is None else clean(event),
                "kind": kind,
                "path": clean(path),
                "count": count,
            }
            for (provider, event, kind, path), count in tally.drift.most_common()
        ],
        "other_drift": tally.other_drift,
        "interrupted": tally.interrupted,
    }


def ready_record(ready: Ready) -> Record:
    """Return `type:"ready"`, the first line of a listener: url, addresses."""
    return {"type": "ready", "url": ready.url, "addresses": list(ready.addresses)}


def tunnel_record(opened: TunnelOpened, clean: Clean) -> Record:
    """Return `type:"tunnel"`, the first line of a tunnel: public_url, target, webhook_urls."""
    return {
        "type": "tunnel",
        "public_url": clean(opened.url),
        "target": opened.target,
        "webhook_urls": [{"provider": one.provider, "url": clean(opened.url + one.path)} for one in opened.paths],
    }


def received_record(received: Received, clean: Clean) -> Record:
    """Return `type:"request"` of a delivery that a listener has answered."""
    finding, request = received.finding, received.request
    verdict, forwarded = finding.verdict, received.forwarded
    return {
        "type": "request",
        "id": received.id,
        "received_at": _written(request.received_at_ms),
        "event": None if finding.event is None else clean(finding.event),
        "event_id": None if finding.event_id is None else clean(finding.event_id),
        "provider": finding.provider,
        "valid": verdict.valid,
        "reason": verdict.reason,
        "response_status": received.status,
        "forwarded": None if forwarded is None else forwarded_record(forwarded, clean),
        "diagnosis": verdict.diagnosis,
        "age_s": verdict.age_s,
        "occurrence": received.occurrence,
        "method": request.method,
        "target": clean(request.target),
        "body_bytes": len(request.body),
    }


# what a busy listener receives in one millisecond shares it
@lru_cache(maxsize=16)
def _written(at_ms: int) -> int | str:
    return write_time(at_ms, TimeUnit.ISO8601_MILLISECONDS)


def forwarded_record(forwarded: Forwarded, clean: Clean) -> Record:
    """Return what came of passing a delivery on: url, status, duration_ms, error."""
    return {
        "url": clean(forwarded.url),
        "status": forwarded.status,
        "duration_ms": round(forwarded.duration_ms, 3),
        "error": None if forwarded.error is None else clean(forwarded.error),
    }


def retried_record(retried: Retried, clean: Clean) -> Record:
    """Return `type:"retry"`: a delivery was passed on again, by the user's own schedule."""
    return {
        "type": "retry",
        "id": retried.id,
        "event": None if retried.event is None else clean(retried.event),
        "number": retried.number,
        "of": retried.of,
        "forwarded": forwarded_record(retried.forwarded, clean),
    }


def refusal_record(refusal: Refusal) -> Record:
    """Return `type:"refused"`: something that was no request, or one over a limit."""
    return {
        "type": "refused",
        "received_at": write_time(refusal.at_ms, TimeUnit.ISO8601_MILLISECONDS),
        "response_status": refusal.status,
        "error": refusal.sentence,
        "peer": refusal.peer,
    }


def listen_summary_record(summary: ListenSummary) -> Record:
    """Return `type:"summary"` of a listener's life."""
    return {
        "type": "summary",
        "total": summary.total,
        "valid": summary.valid,
        "invalid": summary.invalid,
        "counted": summary.counted,
        "stored": summary.stored,
        "not_stored": summary.not_stored,
        "passed_on": summary.passed_on,
        "not_passed_on": summary.not_passed_on,
        "refused": summary.refused,
        "waiting_retries": summary.waiting_retries,
        "ended": None if summary.end is None else summary.end.name.lower(),
    }


def opened_record(opened: Opened) -> Record:
    """Return `type:"ready"`, the first line of a sandbox: where it listens, and what it wants to be told."""
    plan = opened.plan
    return {
        "type": "ready",
        "url": opened.url,
        "addresses": list(opened.addresses),
        "provider": plan.provider.name,
        "account": opened.account,
        "token": plan.options.token,
        "dialects": [dialect.name for dialect in plan.dialects],
    }


def called_record(called: Called, clean: Clean) -> Record:
    """Return `type:"call"`: an API call that a sandbox has answered."""
    return {
        "type": "call",
        "received_at": write_time(called.at_ms, TimeUnit.ISO8601_MILLISECONDS),
        "method": called.method,
        "target": clean(called.target),
        "response_status": called.status,
        "duration_ms": round(called.duration_ms, 3),
        "remark": None if called.remark is None else clean(called.remark),
    }


def sent_record(sent: Sent, clean: Clean) -> Record:
    """Return `type:"delivery"` of a sandbox: as of a send, with what is known of the tries."""
    return {
        **delivery_record(sent.delivery, clean),
        "subscribed": sent.subscribed,
        "retry": sent.number,
        "of": sent.of,
        "next_s": sent.next_s,
        "simulated": sent.number > 0,
    }


def sandbox_summary_record(summary: SandboxSummary) -> Record:
    """Return `type:"summary"` of a sandbox's life."""
    return {
        "type": "summary",
        "calls": summary.calls,
        "rejected": summary.rejected,
        "deliveries": summary.deliveries,
        "taken": summary.taken,
        "refused": summary.refused,
        "waiting_retries": summary.waiting_retries,
        "ended": "interrupted" if summary.interrupted else "terminated",
    }


def count_record(total: int) -> Record:
    """Return `type:"summary"` of a listing."""
    return {"type": "summary", "total": total}


def replay_record(replayed: Replayed, clean: Clean) -> Record:
    """Return `type:"delivery"` of a replay: as of a send, with `replay_of` and `before`.

    Args:
        replayed: what happened.
        clean: masks secrets in what the receiver answered.
    """
    delivery, before = replayed.delivery, replayed.before
    return {
        **delivery_record(delivery, clean),
        "provider": delivery.request.provider or None,
        "replay_of": clean(replayed.of),
        "before": None if before is None else before.status,
    }


def stored_record(line: Summary, clean: Clean) -> Record:
    """Return `type:"request"` of a stored delivery, as a listener told it."""
    return _stored(line, line.method, line.target, line.body_bytes, line.status, clean)


def whole_record(stored: StoredDelivery, clean: Clean) -> Record:
    """Return `type:"request"` of a stored delivery with `headers`, `body` and `response`.

    Args:
        stored: the delivery.
        clean: masks secrets, in the bodies too.
    """
    request, response = stored.request, stored.response
    status = None if response is None else response.status
    return {
        **_stored(stored, request.method, request.target, len(request.body), status, clean),
        "headers": _headers(request.headers, clean),
        **_body(request.body, clean),
        "response": None
        if response is None
        else {
            "status": response.status,
            "headers": _headers(response.headers, clean),
            **_body(response.body, clean),
        },
    }


def _stored(
    stored: Summary | StoredDelivery, method: str, target: str, body_bytes: int, status: int | None, clean: Clean
) -> Record:
    verdict, forwarded = stored.verdict, stored.forwarded
    return {
        "type": "request",
        "id": stored.id,
        "received_at": write_time(stored.received_at_ms, TimeUnit.ISO8601_MILLISECONDS),
        "event": None if stored.event is None else clean(stored.event),
        "event_id": None if stored.event_id is None else clean(stored.event_id),
        "provider": stored.provider,
        "valid": verdict.valid,
        "reason": verdict.reason,
        "response_status": status,
        "forwarded": None if forwarded is None else forwarded_record(forwarded, clean),
        "diagnosis": verdict.diagnosis,
        "age_s": verdict.age_s,
        "occurrence": stored.occurrence,
        "method": method,
        "target": clean(target),
        "body_bytes": body_bytes,
    }


def _headers(headers: RawHeaders, clean: Clean) -> list[list[str]]:
    return [[clean(name.decode("latin-1")), clean(value.decode("latin-1"))] for name, value in headers]


def pruned_record(pruned: Pruned) -> Record:
    """Return `type:"summary"` of a prune: removed, left, freed_bytes, dry_run."""
    return {
        "type": "summary",
        "removed": pruned.removed,
        "left": pruned.left,
        "freed_bytes": pruned.freed_bytes,
        "dry_run": pruned.dry_run,
    }
