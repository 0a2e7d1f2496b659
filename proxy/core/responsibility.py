"""What this server is responsible for: which hosts lead here, and into which of its domains (§16.4, §16.5)."""

from __future__ import annotations

from collections.abc import Callable, Container

from proxy.core.facts import DirectoryFacts, DomainFacts
from sip.message.uri import Uri

MAX_KEPT_ADDRESSES = 4096  # hosts judged before; a caller can name any number of them


class Responsibility:
    """Which hosts lead to this server, and which of them name a domain of ours (§16.4, §16.5).

    ``is_own_address(host, port)`` knows the listeners and advertised addresses; ``own_ports`` are their ports.
    A host name of a domain is ours without a port or with a port we listen on. A request for one of our bare
    addresses, such as ``sip:bob@192.0.2.1:5060`` of a phone that knows no domain, is for the domain of that name if
    there is one, else for the first domain this server ever had, which mostly is the only one.
    """

    __slots__ = ("_directory", "_is_own_address", "_kept", "_own_ports")

    def __init__(
        self,
        directory: DirectoryFacts,
        is_own_address: Callable[[str, int | None], bool],
        own_ports: Container[int],
    ) -> None:
        self._directory = directory
        self._is_own_address = is_own_address
        self._own_ports = own_ports
        self._kept: dict[tuple[str, int | None], bool] = {}

    def is_own_address(self, host: str, port: int | None) -> bool:
        """Whether host and port are a listener of ours."""
        key = (host, port)
        known = self._kept.get(key)
        if known is None:
            if len(self._kept) >= MAX_KEPT_ADDRESSES:
                self._kept.clear()
            known = self._kept[key] = self._is_own_address(host, port)
        return known

    def domain_of(self, uri: Uri) -> DomainFacts | None:
        """The domain of ours that the URI is in, enabled or not; None when it is not ours."""
        if not uri.is_sip:
            return None
        port = uri.port
        if port is None or port in self._own_ports:
            domain = self._directory.domain(uri.host)
            if domain is not None:
                return domain
        if not self.is_own_address(uri.host, port):
            return None
        return min(self._directory.domains(), key=lambda domain: domain.id, default=None)

    def is_own(self, uri: Uri) -> bool:
        """Whether a request sent to this URI would come back to this server."""
        return uri.is_sip and (self.is_own_address(uri.host, uri.port) or self.domain_of(uri) is not None)
