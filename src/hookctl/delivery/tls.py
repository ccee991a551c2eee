"""The TLS contexts of deliveries: which authorities are trusted, and how certificates are judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.delivery.lean_httpx import load_httpx
from hookctl.errors import InputError
from hookctl.model import Failure, FailureKind

if TYPE_CHECKING:
    import ssl
    from pathlib import Path


def tls_context(cacert: Path | None, *, insecure: bool) -> ssl.SSLContext:
    """Return a context for connections to receivers.

    Args:
        cacert: PEM file of the certificate authorities to trust instead of the usual ones.
        insecure: accept any certificate.

    Raises:
        InputError: the file cannot be used.
        DeliveryFailedError: the authorities that the environment names cannot be read.
    """
    import ssl

    if insecure:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if cacert is None:
        return _as_everywhere(_usual_authorities())
    try:
        return _as_everywhere(ssl.create_default_context(cafile=cacert))
    except ssl.SSLError:
        raise InputError(f"--cacert {cacert}: not a PEM file of certificates") from None
    except OSError as error:
        raise InputError(f"--cacert {cacert}: {error.strerror}") from None


def _as_everywhere(context: ssl.SSLContext) -> ssl.SSLContext:
    """Judge certificates as curl does, and Python before 3.13.

    From 3.13 on Python also refuses an authority that lacks extensions, as many a team's own one does. The chain, the
    dates and the host's name are checked all the same.
    """
    import ssl

    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _usual_authorities() -> ssl.SSLContext:
    from hookctl.delivery.network import DeliveryFailedError

    try:
        context: ssl.SSLContext = load_httpx().create_ssl_context()
    except OSError as error:
        # ssl.SSLError is one too: a file that is not PEM
        message = "the certificate authorities that SSL_CERT_FILE or SSL_CERT_DIR names cannot be read"
        raise DeliveryFailedError(Failure(FailureKind.TLS, message, error.strerror)) from None
    return context
