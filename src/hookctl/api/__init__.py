"""hookctl as a library: `render()`, `sign()` and `verify()`, as `import hookctl` offers them.

Importing this loads nothing: a test suite that imports it pays when it calls, and then only for what it calls. Like the
command line it is an entrance, so it may read the clock and make up randomness where the caller gives neither.
"""

from __future__ import annotations

# as `typing.TYPE_CHECKING`, which takes longer to load than all that is here
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from hookctl.api.given import GivenHeaders, GivenProvider
    from hookctl.api.results import Rendered, Verification


def render(  # noqa: PLR0913 - each by its name
    event: str,
    *,
    provider: GivenProvider | None = None,
    set: Mapping[str, object] | None = None,  # noqa: A002 - as the command line's --set
    add: Mapping[str, object] | None = None,
    unset: Iterable[str] = (),
    at: datetime | float | None = None,
    seed: int | None = None,
    event_id: str | None = None,
    as_documented: bool = False,
) -> Rendered:
    """Render an event: the body that the vendor would send, with fresh ids, happening now.

    Args:
        event: the event's name, for instance "order.paid".
        provider: whose event; a name, or the path of a provider folder. None finds it by the event's name.
        set: values to change, by path: `{"data.order.items[0].quantity": 3}`. Paths are those of the command line's
            `--set`, values plain JSON values. A value of a type that the event's schema does not allow is refused.
        add: fields to add that the event does not know, likewise.
        unset: paths of fields to leave out.
        at: when it happens: a datetime with a zone, or seconds since the epoch. None is now.
        seed: the same seed makes the same ids every time; with `at` the same body to the byte. None makes up others.
        event_id: the event's id instead of a fresh one.
        as_documented: keep the ids and times of the vendor's page.

    Returns:
        The body and what it is called. `Rendered.sign()` makes the headers to go with it.

    Raises:
        HookctlError: an unknown event, provider or path (the error names the nearest), or a value of the wrong type.
        TypeError: an argument is of a type that means nothing here.

    Example:
        >>> import hookctl
        >>> order = hookctl.render("order.paid", set={"data.order.total": 100}, seed=1, at=1704067200)
        >>> order.event_id
        'evt_mjM0y1wuJLYsXgolzyCrRg52'
        >>> order.body[:70]
        b'{"id":"evt_mjM0y1wuJLYsXgolzyCrRg52","event":"order.paid","timestamp":'
    """
    from hookctl.api import given
    from hookctl.api.results import Rendered
    from hookctl.payload import IdSource, RenderOptions
    from hookctl.payload import render as render_payload

    with given.worded_for_python():
        source, known = given.event(event, provider)
        edits = given.edits(set or {}, add or {}, unset)
        given.check_untouched(edits, at, event_id, as_documented=as_documented)
        options = RenderOptions(IdSource(given.seed(seed)), edits, event_id, as_documented)
        payload = render_payload(source, known, options, at_ms=given.moment_ms(at))
    return Rendered(payload.body, source.name, known.name, payload.event_id, given.moment(payload.at_ms), source)


def sign(
    provider: GivenProvider,
    body: bytes,
    secret: str | bytes,
    *,
    previous_secret: str | bytes | None = None,
    at: datetime | float | None = None,
    event: str | None = None,
    event_id: str | None = None,
) -> dict[str, str]:
    """Sign a body: the headers that the vendor would send with it, content-type included.

    Args:
        provider: whose scheme; a name, or the path of a provider folder.
        body: the raw body, to the byte as it is going to be sent.
        secret: the signing secret, used exactly as given.
        previous_secret: the secret before it: both sign, as while secrets are rotated.
        at: when it is sent: a datetime with a zone, or seconds since the epoch. None is now.
        event: the event's name, for a provider that says it in a header and not in the body.
        event_id: the delivery's id, likewise; None makes up one.

    Returns:
        Name and value of each header, ready for a test client.

    Raises:
        HookctlError: an unknown provider, an empty secret, or one that is not in the form that the provider documents.
        TypeError: the body is text: a signature is over bytes.

    Example:
        >>> import hookctl
        >>> for line in hookctl.sign("arky", b'{"event": "ping"}', "a secret", at=1704067200).items():
        ...     print(*line)
        content-type application/json
        x-arky-signature 90a3507a241695f6dd5df9338945083df09cf506d7b4dd436c08321afe7224f2
        x-arky-timestamp 1704067200
    """
    from hookctl.api import given
    from hookctl.payload import IdSource, RenderOptions, given_body
    from hookctl.signing import sign as sign_payload

    content = given.raw_body(body)
    with given.worded_for_python():
        source = given.provider(provider)
        secrets = given.secrets(source, secret, previous_secret)
        options = RenderOptions(IdSource(given.seed(None)), event_id=event_id)
        payload = given_body(source, content, event=event, at_ms=given.moment_ms(at), options=options)
        given.check_said(source, payload, event, event_id)
        signing = sign_payload(source, payload, secrets, given.rotation(secrets))
        return given.sendable({"content-type": source.endpoint.content_type, **dict(signing.headers(source))})


def verify(
    provider: GivenProvider,
    headers: GivenHeaders,
    body: bytes,
    secret: str | bytes,
    *,
    previous_secret: str | bytes | None = None,
    tolerance_s: float | None = None,
    received_at: datetime | float | None = None,
    diagnose: bool = True,
) -> Verification:
    """Say whether a delivery is genuine, and if not, what was done to it.

    Nothing that a sender can send makes this raise: whatever arrives, the answer is a `Verification`.

    Args:
        provider: whose scheme; a name, or the path of a provider folder.
        headers: the headers as they arrived: a mapping, or pairs of name and value, as text or bytes. Flask's,
            Django's, Starlette's and http.server's `request.headers` will do.
        body: the raw body as it arrived: `request.get_data()` in Flask, `await request.body()` in FastAPI.
        secret: the signing secret, used exactly as given.
        previous_secret: the secret before it, which may have signed, too.
        tolerance_s: how many seconds the signed time may be from the arrival, either way. None does not judge it.
        received_at: when it arrived: a datetime with a zone, or seconds since the epoch. None is now.
        diagnose: whether to find out what was done to a delivery that is not valid, which takes milliseconds.

    Returns:
        The verdict, which is true where the delivery is genuine.

    Raises:
        HookctlError: an unknown provider, an empty secret, or one that is not in the form that the provider documents.
        TypeError: the body is text or was parsed already, or the headers are no headers.

    Example:
        >>> import hookctl
        >>> headers = hookctl.sign("arcade", b'{"type":"ping"}', "a secret")
        >>> verdict = hookctl.verify("arcade", headers, b'{"type": "ping"}', "a secret")
        >>> bool(verdict), str(verdict.diagnosis)
        (False, 'body_reserialised')
        >>> print(verdict.happened)
        the body was parsed and written again: signed was the same JSON in the style of JSON.stringify
    """
    from hookctl.api import given
    from hookctl.api.results import Verification
    from hookctl.signing import verify as verify_delivery

    content, raw = given.raw_body(body), given.raw_headers(headers)
    with given.worded_for_python():
        source = given.provider(provider)
        secrets = given.secrets(source, secret, previous_secret)
        verdict = verify_delivery(
            source,
            raw,
            content,
            secrets,
            received_at_ms=given.moment_ms(received_at),
            tolerance_s=given.tolerance_s(tolerance_s),
        )
        if verdict.valid or not diagnose:
            return Verification(verdict.valid, verdict.reason, verdict.diagnosis, verdict.age_s)
        # only what is not valid needs it
        from hookctl.signing.diagnose import diagnose as find_explanation

        explanation = find_explanation(
            source,
            raw,
            content,
            secrets,
            verdict,
            sample=given.sample(source, content),
            tolerance_s=tolerance_s,
        ).explanation
    if explanation is None:
        return Verification(verdict.valid, verdict.reason, None, verdict.age_s)
    told = (explanation.happened, explanation.remedy)
    return Verification(verdict.valid, verdict.reason, explanation.diagnosis, verdict.age_s, *told)
