"""Flows of stored bindings: a restart ends connections, and leaves the ways of datagrams as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sip.message.errors import BadMessage
from sip.message.uri import split_host_port
from sip.transport.flow import Flow, bare_host
from sip.transport.listeners import Listener

Listening = Callable[[], Iterable[Listener]]


class StoredFlows:
    """Makes the flow of a stored binding anew. ``listeners`` gives those that are open."""

    def __init__(self, listeners: Listening) -> None:
        self._listeners = listeners
        self._channels: dict[tuple[str, int], object | None] = {}

    def datagrams(self, received_on: str, received_from: str) -> Flow | None:
        """The UDP flow between two ``host:port``; None when we do not listen there any more, or either is malformed."""
        local, remote = _numeric(received_on), _numeric(received_from)
        if local is None or remote is None:
            return None
        if local not in self._channels:
            self._channels[local] = self._channel_at(*local)
        channel = self._channels[local]
        return Flow("udp", local, remote, channel) if channel is not None else None

    def _channel_at(self, host: str, port: int) -> object | None:
        is_ipv6 = ":" in host
        for one in self._listeners():
            is_there = one.host == host or (one.is_wildcard and one.is_ipv6 == is_ipv6)
            if one.protocol == "udp" and one.port == port and is_there:
                return one.channel
        return None


def _numeric(text: str) -> tuple[str, int] | None:
    try:
        host, port = split_host_port(text)
    except BadMessage:
        return None
    return (bare_host(host), port) if port else None
