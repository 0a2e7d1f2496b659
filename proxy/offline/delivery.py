"""Delivers the stored messages of one user, in order, to all the phones he has (RFC 3428 §7).

A delivery is a request of our own, forwarded like any other: same targets, flows, next hops and best response. What
stands in for its sender's transaction is ``Outgoing``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Protocol, cast

from proxy.core.routing import Routed
from proxy.core.targets import Forward
from proxy.forwarder import Forwarder
from proxy.models import StoredMessage
from proxy.offline.core import Outcome, outcome_of, restored
from proxy.offline.store import MessageStore
from sip.message.errors import BadMessage
from sip.message.messages import Request, Response, response_to
from sip.transport.flow import Flow

if TYPE_CHECKING:
    from sip.transaction.server import ServerTransaction

logger = logging.getLogger("proxy")

NOT_REACHED = frozenset({408, 430, 500, 503})  # no phone has said anything


class Around(Protocol):
    """What a delivery needs around it (``proxy.offline.handler.OfflineMessages``)."""

    @property
    def forwarder(self) -> Forwarder: ...
    @property
    def store(self) -> MessageStore: ...

    def now(self) -> float: ...

    def targets(self, outgoing: Outgoing, aor: str, now: float) -> Forward | None: ...

    def is_held(self, message_id: int) -> bool: ...

    def note_outcome(self, outcome: Outcome) -> None: ...

    def delivery_ended(self, delivery: Delivery) -> None: ...


class Outgoing:
    """A stored message as the forwarder sees it: a request whose final response comes to ``done``, as its status."""

    is_invite = False
    is_answered = False

    def __init__(self, request: Request, done: Callable[[int], None]) -> None:
        self.request = request
        self.flow = Flow("udp", ("127.0.0.1", 0), ("127.0.0.1", 0))  # from nowhere but here
        self._done: Callable[[int], None] | None = done

    def respond(self, response: Response) -> None:
        if response.status >= 200 and self._done is not None:
            done, self._done = self._done, None
            done(response.status)

    def respond_with(self, status: int, reason: str | None = None, fields: Iterable[tuple[str, str]] = ()) -> None:
        self.respond(response_to(self.request, status, reason))


class Delivery:
    """One message after the other. It ends when nothing is left, or when no phone answers: then the next REGISTER
    begins anew. ``is_wanted_again`` when the user registered meanwhile."""

    def __init__(self, around: Around, user_id: int, aor: str) -> None:
        self._around = around
        self.user_id = user_id
        self.aor = aor
        self.is_wanted_again = False
        self._ids: Iterator[int] = iter(())

    def start(self) -> None:
        waiting = self._around.store.waiting(self.user_id)
        self._ids = iter([entry.id for entry in waiting if not self._around.is_held(entry.id)])
        self._next()

    def _next(self) -> None:
        message_id = next(self._ids, None)
        if message_id is None:
            self._around.delivery_ended(self)
        else:
            self._around.store.fetch(self.user_id, message_id, self._fetched)

    def _fetched(self, row: StoredMessage | None) -> None:
        if row is None:
            self._next()
            return
        message_id, now = row.id, self._around.now()
        try:
            request = restored(bytes(row.message), message_id, row.attempts + 1)
        except (BadMessage, TypeError) as error:
            logger.error("the stored message %d cannot be read and is dropped: %s", message_id, error)
            self._around.store.remove(self.user_id, message_id)
            self._next()
            return
        outgoing = Outgoing(request, lambda status: self._answered(message_id, [status]))
        forward = self._around.targets(outgoing, self.aor, now)
        if forward is None:
            self._around.delivery_ended(self)  # he is gone again
            return
        transaction = cast("ServerTransaction", outgoing)
        forwarder = self._around.forwarder

        def failed(status: int, now: float) -> bool:
            # The best response hides that another phone could not be reached.
            proxied = forwarder.running.get(transaction)
            branches = proxied.context.branches if proxied is not None else ()
            self._answered(message_id, [branch.status for branch in branches] or [status])
            return True

        forwarder.forward(transaction, Routed(request.uri, []), forward, None, now, instead=failed)

    def _answered(self, message_id: int, statuses: list[int]) -> None:
        outcome = outcome_of(statuses)
        self._around.note_outcome(outcome)
        if outcome is Outcome.LATER:
            self._around.store.note_attempt(message_id)
            if NOT_REACHED.issuperset(statuses):
                self._around.delivery_ended(self)
                return
        else:
            self._around.store.remove(self.user_id, message_id)
        self._next()
