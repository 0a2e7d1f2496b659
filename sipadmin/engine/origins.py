"""Which web pages may open a WebSocket to us (RFC 6455 §10.2, RFC 7118 §8)."""

from __future__ import annotations

from sip.transport.websocket import origin_host
from sipadmin.engine.certificates import own_names
from sipadmin.environment import Sipadmin


class OriginCheck:
    """Judges the Origin header field of a browser. Unset, pages of this machine's own names may, whatever their port:
    a page from elsewhere would reach through its reader's browser into a network that it cannot reach itself."""

    def __init__(self, own: Sipadmin) -> None:
        self._listed = frozenset(own.ws_origins) if own.ws_origins is not None else None
        self._own_hosts = frozenset(["localhost", *own_names(own)])

    def __call__(self, origin: str) -> bool:
        if self._listed is None:
            return origin_host(origin) in self._own_hosts
        return "*" in self._listed or origin.lower() in self._listed
