"""Keeps the ways to phones open and knows which phones answer: probes, closed connections, what calls have shown.

Probes are OPTIONS (§11) on the way that a call would take, or, where a domain wants no answers, two empty lines on the
flow of the registration, which only keep a NAT from forgetting it (RFC 5626 §4.4.1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol

from registrar.choices import KEEP_OPEN, OPTIONS
from registrar.clock import Clock
from registrar.directory import Directory, DomainEntry
from registrar.events import ContactEvent, reach_event
from registrar.location import StoredLocation
from registrar.probe_times import ProbeTimes
from registrar.reachability import Reachability
from sip.location import Binding
from sip.message.address import Address
from sip.message.errors import BadMessage
from sip.message.messages import Request, Response, new_request
from sip.message.uri import Uri
from sip.transaction.client import ClientTransaction
from sip.transaction.users import ClientUser
from sip.transport.flow import Flow
from sip.transport.selection import NextHop

EMPTY_LINES = b"\r\n\r\n"
CLOSED = "Its connection was closed"
LOST = "Its connection ended with the last run of the server"

_REGISTERS = frozenset({"registered", "created", "refreshed"})

Announce = Callable[[str, int, Callable[[], dict[str, Any] | None]], None]
Remove = Callable[[Binding, str], None]


class BindingFacts(Protocol):
    """What the proxy knows of a contact (``sip.location.Binding``)."""

    @property
    def id(self) -> int: ...
    @property
    def aor(self) -> str: ...


class ProbeEndpoint(Protocol):
    """What the keep-alive needs of the endpoint."""

    def now(self) -> float: ...

    def resolve(self, uri: Uri, done: Callable[[list[NextHop]], None], key: str = "") -> None: ...

    def send_request(
        self, request: Request, next_hop: NextHop, user: ClientUser | None, branch_suffix: str = ""
    ) -> ClientTransaction: ...

    def send_to(self, next_hop: NextHop, data: bytes, failed: Callable[[], None] | None) -> bool: ...

    def when_flow_closes(self, watcher: Callable[[Flow], None]) -> None: ...


class KeepAlive:
    """``remove`` takes a binding out and says why; ``token`` makes Call-IDs and tags. In the loop thread only."""

    def __init__(
        self,
        endpoint: ProbeEndpoint,
        directory: Directory,
        location: StoredLocation,
        reach: Reachability,
        announce: Announce,
        clock: Clock,
        remove: Remove,
        token: Callable[[], str],
    ) -> None:
        self._endpoint = endpoint
        self._directory = directory
        self._location = location
        self._reach = reach
        self._announce = announce
        self._clock = clock
        self._remove = remove
        self._token = token
        self._times = ProbeTimes()
        self._by_flow: dict[Flow, dict[int, str]] = {}  # connection -> bindings that came by it
        self.in_flight = 0
        self.sent = 0
        endpoint.when_flow_closes(self.flow_closed)

    # What happens to bindings

    def binding_changed(self, binding: Binding, event: ContactEvent) -> None:
        """A phone has registered or is gone (``RegistrarHandler.observers``)."""
        if event not in _REGISTERS:
            self._reach.forget(binding.id)
            if binding.flow is not None:
                self._by_flow.get(binding.flow, {}).pop(binding.id, None)
            return
        if self._reach.of(binding.id) is not None:
            self.heard(binding)
        self._watch_flow(binding)
        self._probe_later(binding)

    def load(self) -> None:
        """Look at every binding: at the start, and when a domain has changed its mind."""
        now = self._endpoint.now()
        for binding in self._location.all():
            is_cut_off = binding.transport != "udp" and binding.flow is None and not binding.path
            if is_cut_off and self._reach.of(binding.id) is None:
                self._reach.failed(binding.id, now, LOST)
            self._probe_later(binding)

    def _watch_flow(self, binding: Binding) -> None:
        flow = binding.flow
        if flow is None or not flow.is_reliable or binding.path:
            return  # RFC 3327 §5.4: a Path is the way, by whichever connection to the edge proxy
        if flow.is_open:
            self._by_flow.setdefault(flow, {})[binding.id] = binding.aor
        else:  # closed between the request and its commit
            self._failed(binding, CLOSED)

    def _probe_later(self, binding: Binding) -> None:
        domain = self._domain_of(binding)
        if domain is not None and domain.keep_alive in (OPTIONS, KEEP_OPEN):
            probe = (binding.aor, binding.id)
            self._times.add(probe, self._endpoint.now(), domain.keep_alive_interval, is_first=True)

    def flow_closed(self, flow: Flow) -> None:
        """A connection has ended: what came by it has lost its way."""
        for binding_id, aor in self._by_flow.pop(flow, {}).items():
            binding = self._find(aor, binding_id)
            if binding is not None and binding.flow == flow:
                self._failed(binding, CLOSED)

    def heard(self, binding: Binding, status: int = 0) -> None:
        """A call or a registration has shown that the phone is there."""
        if self._reach.is_unreachable(binding.id):
            self._answered(binding, status)

    def called(self, binding: BindingFacts, status: int, is_answer: bool) -> None:
        """What a call has shown of a contact (``Forwarder.heard``)."""
        known = self._find(binding.aor, binding.id)
        if known is None:
            return  # a static contact, or gone by now
        if is_answer and status != 430:
            self.heard(known, status)
        else:
            self._failed(known, "A call found no way to it" if status in (430, 503) else "It did not answer a call")

    # Probing

    def tick(self, now: float) -> None:
        """Send the probes that are due; for every second or so."""
        for aor, binding_id in self._times.take(now, self.in_flight):
            binding = self._find(aor, binding_id)
            domain = self._domain_of(binding) if binding is not None else None
            if binding is None or domain is None or domain.keep_alive not in (OPTIONS, KEEP_OPEN):
                continue
            self._times.add((aor, binding_id), now, domain.keep_alive_interval, is_first=False)
            if domain.keep_alive == OPTIONS:
                self._ask(binding, domain)
            else:
                self._keep_open(binding)

    def _keep_open(self, binding: Binding) -> None:
        flow = binding.flow
        if flow is None or not flow.is_open:
            return  # no way that could be kept open
        self.sent += 1
        if not self._endpoint.send_to(NextHop.on(flow), EMPTY_LINES, None):
            self._failed(binding, "Nothing can be sent to it")

    def _ask(self, binding: Binding, domain: DomainEntry) -> None:
        probe = Probe(binding, self._endpoint.now(), self._probe_ended)
        self.in_flight += 1
        flow = binding.flow
        try:
            if binding.path:
                first = Address.parse(binding.path[0]).uri
                self._endpoint.resolve(first, partial(self._send, probe, domain))
            elif flow is not None and flow.is_open and (flow.is_reliable or binding.is_outbound):
                self._send(probe, domain, [NextHop.on(flow)])
            elif binding.is_outbound or not binding.uri.is_sip:
                self._send(probe, domain, [])
            else:
                self._endpoint.resolve(binding.uri, partial(self._send, probe, domain))
        except BadMessage:
            self._send(probe, domain, [])

    def _send(self, probe: Probe, domain: DomainEntry, hops: list[NextHop]) -> None:
        binding = probe.binding
        if not hops:
            probe.end(None, "There is no way to it")
            return
        request = new_request(
            "OPTIONS",
            binding.uri.without_headers_and_method().text,
            from_=f"<sip:{domain.name}>;tag={self._token()}",
            to=f"<{binding.contact}>",
            call_id=f"{self._token()}@{domain.name}",
            cseq=1,
            fields=[("Accept", "application/sdp"), *[("Route", value) for value in binding.path]],
        )
        self.sent += 1
        try:
            self._endpoint.send_request(request, hops[0], probe)
        except LookupError:
            probe.end(None, "The server does not listen for its transport")

    def _probe_ended(self, probe: Probe, status: int | None, round_trip: float, reason: str) -> None:
        self.in_flight -= 1
        binding = self._find(probe.binding.aor, probe.binding.id)
        if binding is None:
            return
        if status is None or status == 430:  # an edge proxy has lost the flow (RFC 5626 §5.3)
            self._failed(binding, reason or "An edge proxy has lost its connection")
        else:
            self._answered(binding, status, round_trip)

    # What is learned

    def _answered(self, binding: Binding, status: int, round_trip: float | None = None) -> None:
        if self._reach.answered(binding.id, self._endpoint.now(), status, round_trip):
            self._tell(binding, is_reachable=True)

    def _failed(self, binding: Binding, reason: str) -> None:
        if self._reach.failed(binding.id, self._endpoint.now(), reason):
            self._tell(binding, is_reachable=False, reason=reason)
        domain = self._domain_of(binding)
        known = self._reach.of(binding.id)
        if domain is not None and known is not None and 0 < domain.remove_after <= known.failures:
            self._remove(binding, f"It was not reached {known.failures} times in a row: {reason}")

    def _tell(self, binding: Binding, *, is_reachable: bool, reason: str = "") -> None:
        self._announce("event", binding.id, partial(reach_event, binding, is_reachable=is_reachable, reason=reason))

    def facts(self, ids: Iterable[int]) -> dict[str, dict[str, Any]]:
        """What is known of these bindings, by their id as text."""
        known = [(binding_id, self._reach.of(binding_id)) for binding_id in ids]
        return {str(binding_id): reach.facts(self._clock.offset) for binding_id, reach in known if reach is not None}

    # Looking

    def _find(self, aor: str, binding_id: int) -> Binding | None:
        found = self._location.find_in(aor, binding_id)
        return found[1] if found is not None else None

    def _domain_of(self, binding: Binding) -> DomainEntry | None:
        user = self._directory.by_aor(binding.aor)
        return user.domain if user is not None else None


class Probe:
    """One OPTIONS on its way. Ends once."""

    __slots__ = ("_ended", "_sent_at", "binding")

    def __init__(self, binding: Binding, now: float, ended: Callable[[Probe, int | None, float, str], None]) -> None:
        self.binding = binding
        self._sent_at = now
        self._ended: Callable[[Probe, int | None, float, str], None] | None = ended

    def response_received(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        if response.status >= 200:
            self.end(response.status, "", now - self._sent_at)

    def failed(self, transaction: ClientTransaction, status: int, now: float) -> None:
        self.end(None, "It did not answer a probe" if status == 408 else "A probe could not be sent")

    def end(self, status: int | None, reason: str, round_trip: float = 0.0) -> None:
        ended, self._ended = self._ended, None
        if ended is not None:
            ended(self, status, round_trip, reason)
