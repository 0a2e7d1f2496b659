"""Which core a request is for (§10.3 step 1): REGISTER for a domain of ours, or everything else."""

from __future__ import annotations

from typing import Protocol

from registrar.directory import Directory, DomainEntry
from sip.message.errors import BadMessage
from sip.message.messages import Request
from sip.transaction.server import ServerTransaction
from sip.transport.flow import Flow


class Registrar(Protocol):
    def register(self, transaction: ServerTransaction, domain: DomainEntry, now: float) -> None: ...


class Proxy(Protocol):
    def request(self, transaction: ServerTransaction, now: float) -> None: ...

    def ack(self, request: Request, flow: Flow, now: float) -> None: ...

    def cancel(self, cancel: ServerTransaction, invite: ServerTransaction | None, now: float) -> None: ...


class Dispatch:
    """The transaction user of the endpoint."""

    def __init__(self, domains: Directory, registrar: Registrar, proxy: Proxy) -> None:
        self._domains = domains
        self._registrar = registrar
        self._proxy = proxy

    def request_received(self, transaction: ServerTransaction, now: float) -> None:
        request = transaction.request
        if request.method == "REGISTER":
            domain = self._domain_of(request)
            if domain is not None:
                self._registrar.register(transaction, domain, now)
                return
        self._proxy.request(transaction, now)

    def ack_received(self, request: Request, flow: Flow, now: float) -> None:
        self._proxy.ack(request, flow, now)

    def cancel_received(self, cancel: ServerTransaction, invite: ServerTransaction | None, now: float) -> None:
        self._proxy.cancel(cancel, invite, now)

    def _domain_of(self, request: Request) -> DomainEntry | None:
        try:
            return self._domains.domain(request.uri.host.lower())
        except BadMessage:
            return None  # a Request-URI that is none: the proxy's validation answers (§16.3)
