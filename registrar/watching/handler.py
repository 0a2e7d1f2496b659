"""The notifier of registrations at work: SUBSCRIBE in, NOTIFY out (RFC 3680, RFC 6665 §4.2).

Subscriptions live in memory. After a restart a refresh gets 481 and the watcher subscribes anew, as RFC 6665 §4.1.2.2
has it do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Protocol

from registrar.directory import Directory, DomainEntry, UserEntry
from registrar.events import ContactEvent
from registrar.gruus import gruus_of
from registrar.outcome import Refused
from registrar.watching.core import ALLOW_EVENTS, PACKAGE, Wanted, event_of, inspect_subscribe
from registrar.watching.reginfo import CONTENT_TYPE, ContactChange, document, no_gruus
from registrar.watching.subscription import NEVER, REJECTED, DialogId, Notification, Subscription
from sip.gruu import Gruus
from sip.location import Binding, LocationService
from sip.message.messages import Request, Response
from sip.message.params import printable
from sip.message.uri import Uri
from sip.transaction.client import ClientTransaction
from sip.transaction.server import ServerTransaction
from sip.transaction.timers import Timer
from sip.transaction.users import ClientUser
from sip.transport.flow import Flow
from sip.transport.listeners import Listener
from sip.transport.selection import NextHop

MOST_IN_ALL = 20_000  # subscriptions: about 40 MB, and a change of each within SHORTEST_GAP is what a core can send
MOST_OF_WATCHER = 20  # a phone that restarts leaves one behind each time; the oldest gives way
RETRY_AFTER = 300  # seconds, when there are too many

# Gives the user who proved to be one of the domain; None when the request has been answered instead.
Authenticate = Callable[[ServerTransaction, DomainEntry, float], UserEntry | None]


class NotifierEndpoint(Protocol):
    """What the handler needs of the endpoint."""

    def now(self) -> float: ...

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer: ...

    def is_merged(self, transaction: ServerTransaction) -> bool: ...

    def listener_of(self, flow: Flow) -> Listener: ...

    def listener_for(self, next_hop: NextHop) -> Listener: ...

    def resolve(self, uri: Uri, done: Callable[[list[NextHop]], None], key: str = "") -> None: ...

    def send_request(
        self, request: Request, next_hop: NextHop, user: ClientUser | None, branch_suffix: str = ""
    ) -> ClientTransaction: ...


class WatchingHandler:
    """Answers SUBSCRIBE for ``Event: reg`` and notifies. Everything happens in the loop thread; nothing waits."""

    def __init__(
        self,
        endpoint: NotifierEndpoint,
        directory: Directory,
        location: LocationService,
        authenticate: Authenticate,
        wall: Callable[[float], float],
        gruus: Gruus | None = None,
    ) -> None:
        """``gruus`` makes the GRUUs of contacts, in domains that have them."""
        self._endpoint = endpoint
        self._directory = directory
        self._location = location
        self._authenticate = authenticate
        self._wall = wall
        self._gruus = gruus
        self._by_id: dict[DialogId, Subscription] = {}
        self._by_aor: dict[str, list[Subscription]] = {}
        self._by_watcher: dict[str, list[Subscription]] = {}
        self._timers: dict[DialogId, Timer] = {}
        # Of whom is watched: the contacts that administrators have set, as they were told last.
        self._told: dict[str, frozenset[tuple[str, float]]] = {}
        self.count: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._by_id)

    # From the dispatcher

    def is_for_us(self, request: Request, domain: DomainEntry | None) -> bool:
        """Whether a SUBSCRIBE is the notifier's: one of its dialogs, or the package, or the server itself. The others
        are proxied. ``domain`` is the one of ours that the Request-URI names. BadMessage when To is malformed."""
        if request.to_tag:
            return (request.call_id, request.to_tag, request.from_tag) in self._by_id
        return domain is not None and (event_of(request)[0] == PACKAGE or request.uri.user is None)

    def subscribe(self, transaction: ServerTransaction, domain: DomainEntry | None, now: float) -> None:
        """A SUBSCRIBE that ``is_for_us``; ``domain`` is the one its Request-URI names."""
        request = transaction.request
        known = self._by_id.get((request.call_id, request.to_tag, request.from_tag)) if request.to_tag else None
        wanted = inspect_subscribe(request, is_refresh=known is not None)
        if isinstance(wanted, Refused):
            self._refuse(transaction, wanted)
        elif known is not None:
            self._refresh(transaction, known, wanted, now)
        elif self._endpoint.is_merged(transaction):
            self._refuse(transaction, Refused(482, "Merged request", "8.2.2.2"))
        else:
            self._open(transaction, domain, wanted, now)

    def _open(self, transaction: ServerTransaction, domain: DomainEntry | None, wanted: Wanted, now: float) -> None:
        request = transaction.request
        if domain is None or not domain.enabled or request.uri.user is None:
            self._refuse(transaction, Refused(404, "Registrations are watched by user", "RFC 3680 4.1"))
            return
        watcher = self._authenticate(transaction, domain, now)
        if watcher is None:
            return
        target = self._directory.user(domain, request.uri.username)
        # Whether somebody exists is told only to one who may know.
        if not self._may_watch(watcher, target, now):
            refused = Refused(403, f"{printable(watcher.username)} may not watch this user", "RFC 3680 4.6")
            self._refuse(transaction, refused)
            return
        if target is None or not target.is_active:
            self._refuse(transaction, Refused(404, "No such user", "RFC 3680 4.6"))
            return
        if len(self._by_id) >= MOST_IN_ALL:
            fields = [("Retry-After", str(RETRY_AFTER))]
            self._refuse(transaction, Refused(503, "Too many subscriptions", "RFC 6665 4.2.1", fields))
            return
        # §12.1.1: the Record-Route values, in their order, are our route set.
        subscription = Subscription(
            request, transaction.to_tag, target.aor, watcher.aor, wanted.event_id, transaction.flow
        )
        subscription.route_set = wanted.route_set
        self._add(subscription)
        self.count["subscribed"] += 1
        self._accept(transaction, subscription, wanted, now)

    def _refresh(self, transaction: ServerTransaction, subscription: Subscription, wanted: Wanted, now: float) -> None:
        number = transaction.request.cseq.number
        if number <= subscription.remote_cseq:
            self._refuse(transaction, Refused(500, "Out of order", "12.2.2"))
            return
        watched = self._directory.by_aor(subscription.aor)
        if watched is None:
            self._refuse(transaction, Refused(481, "Subscription does not exist", "RFC 6665 4.2.1"))
            return
        actor = self._authenticate(transaction, watched.domain, now)
        if actor is None:
            return
        if actor.aor != subscription.watcher:
            self._refuse(transaction, Refused(403, "Another user's subscription", "RFC 6665 4.2.1.2"))
            return
        subscription.remote_cseq = number
        subscription.flow = transaction.flow
        self._accept(transaction, subscription, wanted, now)

    def _accept(self, transaction: ServerTransaction, subscription: Subscription, wanted: Wanted, now: float) -> None:
        request = transaction.request
        fields = [("Record-Route", value) for value in request.lines("record-route")]
        contact = self._endpoint.listener_of(transaction.flow).sip_uri(lr=False)
        fields += [("Contact", contact), ("Expires", str(wanted.expires)), ALLOW_EVENTS]
        transaction.respond_with(200, None, fields)
        subscription.subscribed(wanted.expires, wanted.contact, now)
        self._go_on(subscription)

    def _may_watch(self, watcher: UserEntry, target: UserEntry | None, now: float) -> bool:
        if target is None:
            return watcher.may_watch
        if watcher is target or (watcher.may_watch and watcher.domain is target.domain):
            return True
        # Whoever may change the bindings is told them anyway, by every 200 (§10.3 step 8).
        return self._directory.may_register_for(watcher, target, self._wall(now))

    def _refuse(self, transaction: ServerTransaction, refused: Refused) -> None:
        self.count[f"refused_{refused.status}"] += 1
        transaction.respond_with(refused.status, refused.reason, refused.fields)

    # From the registrar

    def binding_changed(self, binding: Binding, event: ContactEvent) -> None:
        """A contact was registered, refreshed or removed, and that is stored."""
        watching = self._by_aor.get(binding.aor)
        if not watching:
            return
        change = ContactChange(binding, event)
        for subscription in list(watching):
            subscription.changed(change)
            self._go_on(subscription)

    def users_changed(self) -> None:
        """The configuration of users was read anew: tell of contacts that an administrator has set or taken away."""
        for aor, watching in list(self._by_aor.items()):
            there = self._set_by_administrators(aor)
            if there != self._told.get(aor):
                self._told[aor] = there
                for subscription in list(watching):
                    subscription.look_again()
                    self._go_on(subscription)

    def _set_by_administrators(self, aor: str) -> frozenset[tuple[str, float]]:
        live = self._location.lookup(aor, self._endpoint.now())
        return frozenset((one.contact, one.q) for one in live if one.is_static)

    def user_gone(self, aor: str) -> None:
        """A user was deleted, disabled or renamed: nothing is left to watch, nor may he watch others."""
        for subscription in list(self._by_aor.get(aor, ())):
            subscription.end("noresource")
            self._go_on(subscription)
        for subscription in list(self._by_watcher.get(aor, ())):
            subscription.end(REJECTED)
            self._go_on(subscription)

    # NOTIFY

    def _go_on(self, subscription: Subscription) -> None:
        now = self._endpoint.now()
        if not self._is_allowed(subscription, now):
            subscription.end(REJECTED)
        timer = self._timers.pop(subscription.id, None)
        if timer is not None:
            timer.cancel()
        notification = subscription.take(now)
        if notification is not None:
            self._notify(subscription, notification)
        elif subscription.due_at < NEVER:
            self._timers[subscription.id] = self._endpoint.call_at(
                subscription.due_at, partial(self._go_on, subscription)
            )

    def _is_allowed(self, subscription: Subscription, now: float) -> bool:
        """Whether the watcher may still see it: flags and rules change while a subscription lasts."""
        watcher, target = self._directory.by_aor(subscription.watcher), self._directory.by_aor(subscription.aor)
        return watcher is not None and watcher.is_active and (target is None or self._may_watch(watcher, target, now))

    def _notify(self, subscription: Subscription, notification: Notification) -> None:
        if notification.ended:
            self._remove(subscription)  # what comes after the last NOTIFY is another subscription
        sending = _Notify(self, subscription, notification)
        flow = subscription.flow
        if not subscription.route_set and flow.is_reliable and flow.is_open:
            sending.found([NextHop.on(flow)])  # a phone on a connection often listens nowhere else
        else:
            self._endpoint.resolve(Uri.parse(subscription.next_uri), sending.found, subscription.call_id)

    def send(self, sending: _Notify, hop: NextHop) -> None:
        """Send a NOTIFY to its next hop; LookupError when we do not listen for that protocol."""
        subscription, notification = sending.subscription, sending.notification
        contact = self._endpoint.listener_for(hop).sip_uri(lr=False)
        now = self._endpoint.now()
        # Who may not watch any more is told so, and nothing else (RFC 3680 §4.6).
        body = b"" if notification.ended == REJECTED else self._document(subscription, notification, now)
        request = subscription.notify(notification.ended, contact, body, CONTENT_TYPE, now)
        self._endpoint.send_request(request, hop, sending)
        self.count["notified"] += 1

    def _document(self, subscription: Subscription, notification: Notification, now: float) -> bytes:
        live = self._location.lookup(subscription.aor, now)
        changes = notification.changes
        return document(
            subscription.aor,
            subscription.key,
            notification.version,
            [_as_it_is(binding) for binding in live] if changes is None else changes,
            now,
            is_full=changes is None,
            has_contacts=bool(live),
            gruus_of=no_gruus if self._gruus is None else partial(self._gruus_of, self._gruus),
        )

    def _gruus_of(self, gruus: Gruus, binding: Binding) -> list[tuple[str, str]]:
        user = self._directory.by_aor(binding.aor)
        if user is None or not user.domain.gruu:
            return []
        return gruus_of(gruus, binding, self._wall(self._endpoint.now()))

    def notified(self, subscription: Subscription, *, is_taken: bool) -> None:
        """A NOTIFY was answered: go on with the next, or end where nobody listens (RFC 6665 §4.2.2)."""
        subscription.is_waiting = False
        if self._by_id.get(subscription.id) is not subscription:
            return
        if is_taken:
            self._go_on(subscription)
        else:
            self.count["notify_failed"] += 1
            self._remove(subscription)

    # Keeping

    def _add(self, subscription: Subscription) -> None:
        own = self._by_watcher.setdefault(subscription.watcher, [])
        own.append(subscription)
        self._by_aor.setdefault(subscription.aor, []).append(subscription)
        self._told.setdefault(subscription.aor, self._set_by_administrators(subscription.aor))
        self._by_id[subscription.id] = subscription
        if len(own) > MOST_OF_WATCHER:
            oldest = own[0]
            oldest.end(REJECTED)
            self._go_on(oldest)
            self._remove(oldest)  # also when a NOTIFY is on its way, so that this holds at any speed

    def _remove(self, subscription: Subscription) -> None:
        # Its timer is gone already: none runs while a NOTIFY is on its way, and nothing else ends a subscription.
        if self._by_id.pop(subscription.id, None) is None:
            return
        for index, key in ((self._by_aor, subscription.aor), (self._by_watcher, subscription.watcher)):
            index[key].remove(subscription)
            if not index[key]:
                del index[key]
        if subscription.aor not in self._by_aor:
            self._told.pop(subscription.aor, None)


class _Notify:
    """One NOTIFY on its way: the client user of its transaction."""

    __slots__ = ("_handler", "_hops", "notification", "subscription")

    def __init__(self, handler: WatchingHandler, subscription: Subscription, notification: Notification) -> None:
        self._handler = handler
        self.subscription = subscription
        self.notification = notification
        self._hops: list[NextHop] = []

    def found(self, hops: list[NextHop]) -> None:
        self._hops = hops
        self._try_next()

    def _try_next(self) -> None:
        while self._hops:
            hop = self._hops.pop(0)
            try:
                self._handler.send(self, hop)
            except LookupError:
                continue  # we do not listen for that protocol
            return
        self._handler.notified(self.subscription, is_taken=False)

    def response_received(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        if response.status >= 200:
            self._handler.notified(self.subscription, is_taken=response.status < 300)

    def failed(self, transaction: ClientTransaction, status: int, now: float) -> None:
        self._try_next()


def _as_it_is(binding: Binding) -> ContactChange:
    """A contact in a full document, with what happened to it last."""
    return ContactChange(binding, "refreshed" if binding.refreshed_at > binding.created_at else "registered")
