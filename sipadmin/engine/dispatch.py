"""Which core a request is for: the registrar (§10.3 step 1), the notifier of registrations, or else the proxy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from registrar.directory import DomainEntry
from sip.message.errors import BadMessage
from sip.message.messages import Request
from sip.message.uri import Uri
from sip.transaction.server import ServerTransaction
from sip.transport.flow import Flow


class Registrar(Protocol):
    def register(self, transaction: ServerTransaction, domain: DomainEntry, now: float) -> None: ...


class Notifier(Protocol):
    def is_for_us(self, request: Request, domain: DomainEntry | None) -> bool: ...

    def subscribe(self, transaction: ServerTransaction, domain: DomainEntry | None, now: float) -> None: ...


class Proxy(Protocol):
    def request(self, transaction: ServerTransaction, now: float) -> None: ...

    def ack(self, request: Request, flow: Flow, now: float) -> None: ...

    def cancel(self, cancel: ServerTransaction, invite: ServerTransaction | None, now: float) -> None: ...


Watch = Callable[[ServerTransaction, DomainEntry | None, float], None]
Malformed = Callable[[Request, Flow, int, str], None]


class Dispatch:
    """The transaction user of the endpoint. ``domain_of`` gives the domain of ours that a URI is in.

    ``watch`` is told of every REGISTER once it was handed over, ``malformed`` of requests that no core could read.
    """

    def __init__(
        self,
        domain_of: Callable[[Uri], DomainEntry | None],
        registrar: Registrar,
        notifier: Notifier,
        proxy: Proxy,
        watch: Watch = lambda transaction, domain, now: None,
        malformed: Malformed = lambda request, flow, status, reason: None,
    ) -> None:
        self._domain_of = domain_of
        self._registrar = registrar
        self._notifier = notifier
        self._proxy = proxy
        self._watch = watch
        self._malformed = malformed

    def request_received(self, transaction: ServerTransaction, now: float) -> None:
        try:
            self._hand_over(transaction, now)
        except BadMessage as error:  # whose answer is the transaction layer's
            self._malformed(transaction.request, transaction.flow, error.status, error.reason)
            raise

    def _hand_over(self, transaction: ServerTransaction, now: float) -> None:
        request = transaction.request
        if request.method == "REGISTER":
            domain = self._domain_named(request)
            if domain is not None:
                self._registrar.register(transaction, domain, now)
            else:
                self._proxy.request(transaction, now)
            self._watch(transaction, domain, now)
            return
        if request.method == "SUBSCRIBE" and not transaction.flow.is_multicast:
            domain = self._domain_named(request)
            if self._notifier.is_for_us(request, domain):
                self._notifier.subscribe(transaction, domain, now)
                return
        self._proxy.request(transaction, now)

    def ack_received(self, request: Request, flow: Flow, now: float) -> None:
        self._proxy.ack(request, flow, now)

    def cancel_received(self, cancel: ServerTransaction, invite: ServerTransaction | None, now: float) -> None:
        self._proxy.cancel(cancel, invite, now)

    def _domain_named(self, request: Request) -> DomainEntry | None:
        try:
            return self._domain_of(request.uri)
        except BadMessage:
            return None  # a Request-URI that is none: the proxy's validation answers (§16.3)
