"""The machine output: one dict per thing that happened. Keys are snake_case, in this order, and stable."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookctl.flows.latency import Latencies
    from hookctl.flows.send import SendSummary
    from hookctl.model import Delivery, Event, Response, SignedRequest

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
        "provider": request.provider,
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


def count_record(total: int) -> Record:
    """Return `type:"summary"` of a listing."""
    return {"type": "summary", "total": total}
