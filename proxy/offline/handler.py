"""MESSAGE for users who are away: stored after the decision, answered with 202 after the commit, delivered when they
register (RFC 3428 §7). Part of the proxy by ``proxy.own_methods``; everything happens in the loop thread.
"""

from __future__ import annotations

from collections import Counter, deque
from datetime import UTC, datetime
from functools import partial

from proxy.choices import FORWARD, NOBODY, PROXY_PARALLEL, REFUSE, Policy
from proxy.core.facts import DEFAULT_RING_TIME, BindingFacts, EffectivePolicy, Recipient, Refuse
from proxy.core.responsibility import Responsibility
from proxy.core.targets import Decision, Forward, TargetFinder
from proxy.events import Wall, shown
from proxy.forwarder import Forwarder
from proxy.models import StoredMessage
from proxy.offline.core import UNREACHABLE, Outcome, content_type, kept_bytes, lifetime_of, rules_of, why_not
from proxy.offline.delivery import Delivery, Outgoing
from proxy.offline.store import Full, MessageStore, sender_key
from proxy.recipients import Recipients
from sip.endpoint import Endpoint
from sip.message.uri import Uri
from sip.transaction.server import ServerTransaction
from sip.transaction.timers import Timer

PATIENCE = 5.0  # seconds that a phone has to answer before its message is stored: its sender gives up after 32
MOST_DELIVERING = 200  # users at once; when all phones of a town come back the others wait their turn
COMING = frozenset({"registered", "created", "refreshed"})  # a phone is there and takes messages
_TO_ALL = EffectivePolicy(Policy(PROXY_PARALLEL), DEFAULT_RING_TIME, "server", "")
RETRY_AFTER = 30  # seconds, when the database does not keep up


class _Forwarded:
    """A message on its way to a phone that may not answer."""

    __slots__ = ("message_id", "stored_at", "timer")

    def __init__(self, timer: Timer) -> None:
        self.timer = timer
        self.message_id = 0  # once it was stored all the same
        self.stored_at = 0.0


class OfflineMessages:
    """``recipients``, ``responsibility`` and ``forwarder`` are the proxy's; ``wall`` turns the loop clock into seconds
    since the epoch. ``count`` counts what was stored, what was not and why, and what became of deliveries."""

    def __init__(
        self,
        endpoint: Endpoint,
        recipients: Recipients,
        responsibility: Responsibility,
        forwarder: Forwarder,
        store: MessageStore,
        wall: Wall,
    ) -> None:
        self.forwarder = forwarder
        self.store = store
        self.count: Counter[str] = Counter()
        self._endpoint = endpoint
        self._recipients = recipients
        self._responsibility = responsibility
        self._wall = wall
        self._forwarded: dict[ServerTransaction, _Forwarded] = {}
        self._held: set[int] = set()
        self._delivering: dict[int, Delivery] = {}
        self._queue: deque[Delivery] = deque()

    def now(self) -> float:
        return self._endpoint.now()

    # From the proxy (proxy.own_methods.OwnMethod)

    def to_user(self, transaction: ServerTransaction, recipient: Recipient, decision: Decision, now: float) -> bool:
        """A message for a user of ours, and what would be done with it: stored where nobody is there to take it."""
        user, action = recipient.user, recipient.policy.policy.action
        if recipient.domain.store_messages == NOBODY or user is None or not user.enabled:
            return False
        if isinstance(decision, Forward):
            timer = self._endpoint.call_at(now + PATIENCE, partial(self._waited, transaction, recipient))
            self._forwarded[transaction] = _Forwarded(timer)
            return False
        is_absent = isinstance(decision, Refuse) and decision.status == 480 and not recipient.bindings
        # A user who refuses everything, or sends it elsewhere, is not somebody who is away.
        return is_absent and action not in (REFUSE, FORWARD) and self._store(transaction, recipient, now) is not None

    def in_dialog(self, transaction: ServerTransaction, now: float) -> bool:
        """No dialog of ours has messages in it."""
        return False

    def not_delivered(self, transaction: ServerTransaction, recipient: Recipient, status: int, now: float) -> bool:
        """The phones did not take it: stored, when that was because none could be reached."""
        forwarded = self._forwarded.pop(transaction, None)
        if forwarded is None:
            return False
        forwarded.timer.cancel()
        if forwarded.message_id:
            self._held.discard(forwarded.message_id)
            self._deliver_if_back(transaction, recipient, forwarded.stored_at, now)
            return True
        # With a 408 its sender has given up as well, and has been told so by his own phone.
        return status in UNREACHABLE and status != 408 and self._store(transaction, recipient, now) is not None

    def delivered(self, transaction: ServerTransaction, recipient: Recipient, now: float) -> None:
        """A phone took it."""
        forwarded = self._forwarded.pop(transaction, None)
        if forwarded is None:
            return
        forwarded.timer.cancel()
        if forwarded.message_id and recipient.user is not None:
            self._held.discard(forwarded.message_id)
            self.store.remove(recipient.user.id, forwarded.message_id)

    # Storing

    def _waited(self, transaction: ServerTransaction, recipient: Recipient) -> None:
        """No phone has answered for a while: store it, and take it back should one answer after all."""
        forwarded = self._forwarded.get(transaction)
        if forwarded is None:
            return
        if transaction.is_answered:
            del self._forwarded[transaction]  # by nobody who was forwarded to: a bug on the way, say
            return
        now = self.now()
        message_id = self._store(transaction, recipient, now)
        if message_id is not None:
            forwarded.message_id = message_id
            forwarded.stored_at = now
            self._held.add(message_id)

    def _store(self, transaction: ServerTransaction, recipient: Recipient, now: float) -> int | None:
        """Id of the message, which will be answered with 202; None when it is not to be stored."""
        request, user = transaction.request, recipient.user
        if user is None:
            return None
        rules = rules_of(recipient.domain)
        is_user = self._recipients.phones_of(request.from_.uri, now) is not None  # admission has seen to the proof
        kept = self.store.kept(user.id, sender_key(shown(request.from_.uri_text)) if is_user else "")
        why = why_not(request, rules, kept, is_user=is_user)
        if why:
            self.count[f"not_stored_{why}"] += 1
            return None
        received_at = self._wall(now)
        row = StoredMessage(
            id=self.store.new_id(),
            user_id=user.id,
            sender=shown(request.from_.uri_text),
            content_type=shown(content_type(request), 127),
            size=len(request.body),
            is_from_stranger=not is_user,
            message=kept_bytes(request, received_at),
            received_at=datetime.fromtimestamp(received_at, UTC),
            expires_at=datetime.fromtimestamp(received_at + lifetime_of(request, rules), UTC),
        )
        self.store.submit(row, partial(self._stored, transaction))
        return row.id

    def _stored(self, transaction: ServerTransaction, error: Exception | None) -> None:
        if error is None:
            self.count["stored"] += 1
            transaction.respond_with(202)
            return
        self.count["store_failed"] += 1
        if isinstance(error, Full):
            transaction.respond_with(480, "Too many stored messages", [("Retry-After", str(RETRY_AFTER))])
        else:
            transaction.respond_with(500, "The message could not be stored", [("Retry-After", str(RETRY_AFTER))])

    # Delivering

    def binding_changed(self, binding: BindingFacts, event: str) -> None:
        """A binding was stored, or taken out; ``event`` is a word of RFC 3680 §5.1."""
        if event in COMING:
            self._deliver(binding.user_id, binding.aor)

    def _deliver(self, user_id: int, aor: str) -> None:
        if not self.store.waiting(user_id):
            return
        running = self._delivering.get(user_id)
        if running is not None:
            running.is_wanted_again = True
            return
        delivery = self._delivering[user_id] = Delivery(self, user_id, aor)
        if len(self._delivering) - len(self._queue) > MOST_DELIVERING:
            self._queue.append(delivery)
        else:
            delivery.start()

    def _deliver_if_back(
        self, transaction: ServerTransaction, recipient: Recipient, stored_at: float, now: float
    ) -> None:
        """A message was held back while its copy was on the way: has the user registered meanwhile?"""
        user = recipient.user
        if user is None:
            return
        found = self._recipients.phones_of(Uri.parse(user.aor), now)
        if found is not None and any(binding.refreshed_at > stored_at for binding in found.bindings):
            self._deliver(user.id, user.aor)

    def targets(self, outgoing: Outgoing, aor: str, now: float) -> Forward | None:
        """All phones that a message for a user goes to, whatever his policy for calls; None when there is none."""
        recipient = self._recipients.phones_of(Uri.parse(aor), now)
        if recipient is None:
            return None
        recipient = recipient._replace(policy=_TO_ALL)
        # A contact at an address of this server is passed over: the message would come back to be stored.
        finder = TargetFinder(lambda contact: None, self._responsibility.is_own, now, [])
        decision = finder.decide(outgoing.request.uri, recipient)
        return decision if isinstance(decision, Forward) else None

    def is_held(self, message_id: int) -> bool:
        """Whether a copy of it is still on its way to a phone."""
        return message_id in self._held

    def note_outcome(self, outcome: Outcome) -> None:
        self.count[f"delivery_{outcome.value}"] += 1

    def delivery_ended(self, delivery: Delivery) -> None:
        if self._delivering.pop(delivery.user_id, None) is None:
            return
        if self._queue:
            self._queue.popleft().start()
        if delivery.is_wanted_again:
            self._deliver(delivery.user_id, delivery.aor)
