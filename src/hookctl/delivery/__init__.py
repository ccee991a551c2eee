"""One signed request becomes one delivery over real HTTP.

`resolve_endpoint()` finds where to send, `build_request()` completes a request, `Client` sends it.
"""

from hookctl.delivery.client import Client, ClientOptions
from hookctl.delivery.endpoint import Endpoint, resolve_endpoint
from hookctl.delivery.expect import Expectation, parse_expect
from hookctl.delivery.headers import parse_header
from hookctl.delivery.request import build_request

__all__ = [
    "Client",
    "ClientOptions",
    "Endpoint",
    "Expectation",
    "build_request",
    "parse_expect",
    "parse_header",
    "resolve_endpoint",
]
