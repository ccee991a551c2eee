"""Checks of what is HTTP about a receiver: methods, headers, framing, connections, TLS, how long it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hookctl.check.model import Check, Effect, Manner, Severity
from hookctl.check.wanted import ACCEPTED, Wanted, accepted_or, refused, refused_unsigned
from hookctl.delivery.expect import Expectation
from hookctl.signing.tamper import change_first_digit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.check.compose import Composer
    from hookctl.check.model import Probe
    from hookctl.model import Provider

TIMED = 5
"""Deliveries whose times the median is of."""


def headers(provider: Provider) -> tuple[Check, ...]:
    """Return the check of the headers' writing, which stands before those of the body."""
    return (
        Check(
            "hdr-case",
            Severity.MUST,
            "the names of the headers in lower, upper and mixed case; white space around the values",
            "2xx",
            "names of headers have no case, and what lies between changes them",
            f"read {provider.signature.header} whatever its case: req.get(), request.headers.get()",
            Effect.CARRIED,
            _cases,
        ),
    )


def checks(provider: Provider) -> tuple[Check, ...]:
    """Return the other checks of HTTP."""
    wrong_method, deadline_s = provider.replies.wrong_method, provider.replies.deadline_s
    methods = _methods(provider)
    return (
        Check(
            "method",
            Severity.INFO if wrong_method is None else Severity.MUST,
            "GET, PUT and DELETE, unsigned",
            str(methods),
            "a delivery is a POST, and nothing else may act",
            f"answer {wrong_method or 405} to every other method",
            build=_other_methods,
        ),
        Check(
            "redirect",
            Severity.MUST,
            "nothing of its own: every answer of the run",
            "no redirect",
            "senders of webhooks do not follow redirects: the delivery counts as failed",
            "register the URL that the redirect leads to: https, the right host, with or without a slash at the end",
            manner=Manner.REDIRECTS,
        ),
        Check(
            "latency",
            Severity.SHOULD,
            f"{TIMED} deliveries, one after the other",
            f"an answer within {deadline_s:g} s, at the median",
            "the vendor gives up and sends it again",
            "answer first, then work: put the delivery into a queue",
            Effect.CARRIED,
            _timed,
            manner=Manner.TIMED,
        ),
        Check(
            "ct-charset",
            Severity.SHOULD,
            f"content-type: {provider.endpoint.content_type}; charset=utf-8",
            "2xx",
            "a parameter of the type changes nothing about the body",
            "compare the type without its parameters; express.raw({type: 'application/json'}) does",
            Effect.CARRIED,
            _charset,
        ),
        Check(
            "chunked",
            Severity.INFO,
            "the body in chunks, without its length",
            "2xx or 411",
            "proxies pass bodies on like that",
            "read the body to its end whatever the headers say of its length",
            Effect.CARRIED,
            _chunked,
        ),
        Check(
            "keepalive",
            Severity.SHOULD,
            "five deliveries over one connection, two of them to be refused: a forged one, an unsigned one",
            "the same answers as over a connection each",
            "a receiver that answers a refused request before it has read it takes the rest for the next one",
            "read the body to its end before answering, or close the connection with Connection: close",
            Effect.CARRIED,
            _kept_alive,
            manner=Manner.ONE_CONNECTION,
        ),
        Check(
            "extra-headers",
            Severity.INFO,
            "the headers Signature and Content-Digest beside the vendor's own",
            "2xx",
            "proxies and vendors add headers",
            "read the headers that the vendor documents, and no others",
            Effect.CARRIED,
            _more_headers,
        ),
        Check(
            "tls",
            Severity.MUST,
            "nothing of its own: the connection",
            "beyond this machine https, with a certificate that is trusted for the host",
            "on plain http anybody on the way reads the deliveries",
            "serve https, with the whole chain of certificates",
            manner=Manner.TRANSPORT,
        ),
    )


def leaks() -> tuple[Check, ...]:
    """Return the check of what refusals give away, which stands last."""
    return (
        Check(
            "leak",
            Severity.SHOULD,
            "nothing of its own: the body of every refusal",
            "no stack trace, no signature that would have been right",
            "who is told the right signature can send it, and a stack trace tells how the receiver is built",
            "answer refusals with a fixed text; in Express set NODE_ENV=production or an error handler of your own",
            manner=Manner.LEAKS,
        ),
    )


def _methods(provider: Provider) -> Wanted:
    wrong = provider.replies.wrong_method
    return Wanted(Expectation(("404", "405") if wrong is None else (str(wrong),)), refusal=True)


def _cases(composer: Composer, check: Check) -> Iterator[Probe]:
    def mixed(name: str) -> str:
        return "".join(letter.upper() if place % 2 else letter.lower() for place, letter in enumerate(name))

    for label, change in (("lower case", str.lower), ("upper case", str.upper), ("mixed case", mixed)):
        draft = composer.draft(check)
        lines = tuple((change(name), value) for name, value in draft.headers)
        yield composer.probe(replace(draft, headers=lines), ACCEPTED, label)
    draft = composer.draft(check)
    lines = tuple((name, f" \t{value} \t") for name, value in draft.headers)
    yield composer.probe(replace(draft, headers=lines), ACCEPTED, "white space around the values")


def _other_methods(composer: Composer, check: Check) -> Iterator[Probe]:
    wanted = _methods(composer.provider)
    for method in ("GET", "PUT", "DELETE"):
        draft = composer.with_signatures(composer.draft(check))
        body = draft.body if method == "PUT" else b""
        yield composer.probe(replace(draft, method=method, body=body), wanted, method)


def _timed(composer: Composer, check: Check) -> Iterator[Probe]:
    for _ in range(TIMED):
        yield composer.probe(composer.draft(check), ACCEPTED)


def _charset(composer: Composer, check: Check) -> Iterator[Probe]:
    draft = composer.draft(check)
    typed = replace(draft, content_type=f"{draft.content_type}; charset=utf-8")
    yield composer.probe(typed, ACCEPTED)


def _chunked(composer: Composer, check: Check) -> Iterator[Probe]:
    yield composer.probe(composer.draft(check), accepted_or(411), chunked=True)


def _kept_alive(composer: Composer, check: Check) -> Iterator[Probe]:
    provider = composer.provider
    for kind in ("genuine", "forged", "genuine", "unsigned", "genuine"):
        draft = composer.draft(check)
        if kind == "forged":
            wrong = composer.with_signature(draft, change_first_digit(draft.signature))
            yield composer.probe(wrong, refused(provider), kind)
        elif kind == "unsigned":
            yield composer.probe(composer.with_signatures(draft), refused_unsigned(provider), kind)
        else:
            yield composer.probe(draft, ACCEPTED, kind)


def _more_headers(composer: Composer, check: Check) -> Iterator[Probe]:
    more = (
        ("signature", "sig1=:bm90IHlvdXJz:"),
        ("content-digest", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"),
    )
    yield composer.probe(composer.draft(check), ACCEPTED, extra=more)
