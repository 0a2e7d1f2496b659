"""Where a URI leads from here: an address at once, a name by DNS, with what failed lately at the end (RFC 3263 §4)."""

from __future__ import annotations

from collections.abc import Callable

from sip.message.uri import Uri
from sip.transport.failed_targets import FailedTargets
from sip.transport.flow import DIALLED
from sip.transport.listeners import Listeners
from sip.transport.search import LookUp, Search
from sip.transport.selection import NextHop, destination, next_hops

MAX_KEPT_HOPS = 4_096  # numeric next hops, told without parsing again; then the lot is forgotten


class NextHops:
    """Only what our ``listeners`` can reach is found. ``failed_targets`` is to be told what comes of the hops."""

    def __init__(self, listeners: Listeners, look_up: LookUp, now: Callable[[], float]) -> None:
        self.failed_targets = FailedTargets()
        self._listeners = listeners
        self._look_up = look_up
        self._now = now
        self._dialled = DIALLED & {listener.protocol for listener in listeners.all}  # those that we have a Via for
        self._numeric: dict[str, NextHop] = {}  # URI -> its one hop: a phone is called again at the same contact

    def find(self, uri: Uri, done: Callable[[list[NextHop]], None], key: str) -> None:
        """As ``Endpoint.resolve``."""
        known = self._numeric.get(uri.text)
        if known is not None:
            done([known])
            return
        wanted = destination(uri, self._dialled)
        if wanted is None:
            done([])
            return
        if wanted.is_numeric:
            hops = next_hops(wanted, {}, float, self._is_reachable)[0]
            if hops:
                if len(self._numeric) >= MAX_KEPT_HOPS:
                    self._numeric.clear()
                self._numeric[uri.text] = hops[0]
            done(hops)
            return

        def found(hops: list[NextHop]) -> None:
            done(self.failed_targets.last(hops, self._now()))

        Search(wanted, self._look_up, self._is_reachable, key, found).go_on()

    def _is_reachable(self, protocol: str, address: str) -> bool:
        is_ipv6 = ":" in address
        return any(one.protocol == protocol and one.is_ipv6 == is_ipv6 for one in self._listeners.all)
