"""A way from a public URL to a port of this machine: one interface, `Tunnel`, and what there is behind it.

`NgrokTunnel` runs the ngrok agent through pyngrok, which nothing else knows; `PublicUrl` is a tunnel of the user's own.
"""

from hookctl.tunnel.interface import Say, Tunnel, TunnelError
from hookctl.tunnel.ngrok import NgrokOptions, NgrokTunnel
from hookctl.tunnel.problems import explain
from hookctl.tunnel.public_url import PublicUrl

__all__ = ["NgrokOptions", "NgrokTunnel", "PublicUrl", "Say", "Tunnel", "TunnelError", "explain"]
