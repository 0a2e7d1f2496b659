"""One subscription and its dialog, at the notifier (RFC 6665 §4.2, RFC 3680 §4.7). Pure: time comes in as ``now``."""

from __future__ import annotations

from typing import NamedTuple

from registrar.watching.reginfo import ContactChange
from sip.message.address import Address
from sip.message.messages import Request, new_request
from sip.transport.flow import Flow

SHORTEST_GAP = 5.0  # seconds between two NOTIFYs of one subscription (RFC 3680 §4.10)
NEVER = float("inf")
REJECTED = "rejected"  # RFC 6665 §4.1.3: whoever watched may not any more

DialogId = tuple[str, str, str]  # Call-ID, local tag, remote tag (§12)


class Notification(NamedTuple):
    """What the next NOTIFY says. ``changes`` is None for full state; ``ended`` is why the subscription ends, if so."""

    version: int
    changes: list[ContactChange] | None
    ended: str


class Subscription:
    """``watcher`` is the address-of-record of who asked, empty where nobody proved who he is. ``key`` is our tag too.

    At most one NOTIFY is on its way (``is_waiting``); what happens meanwhile gathers, and so does what happens within
    SHORTEST_GAP of the last one. ``flow`` is where the SUBSCRIBE came from.
    """

    __slots__ = (
        "_changes",
        "_cseq",
        "_ended",
        "_is_full_due",
        "_notified_at",
        "_version",
        "aor",
        "call_id",
        "event_id",
        "expires_at",
        "flow",
        "is_waiting",
        "key",
        "local",
        "remote",
        "remote_cseq",
        "remote_tag",
        "route_set",
        "target",
        "watcher",
    )

    def __init__(self, request: Request, key: str, aor: str, watcher: str, event_id: str, flow: Flow) -> None:
        self.key = key
        self.aor = aor
        self.watcher = watcher
        self.event_id = event_id
        self.flow = flow
        self.call_id = request.call_id
        self.remote_tag = request.from_tag
        self.remote_cseq = request.cseq.number
        self.local = f"{request.first('to')};tag={key}"
        self.remote = request.first("from") or ""
        self.route_set: list[str] = []
        self.target = ""
        self.expires_at = 0.0
        self.is_waiting = False
        self._cseq = 0
        self._version = 0
        self._notified_at = -NEVER
        self._is_full_due = False
        self._changes: dict[int, ContactChange] = {}
        self._ended = ""

    @property
    def id(self) -> DialogId:
        return self.call_id, self.key, self.remote_tag

    # What happens

    def subscribed(self, expires: int, contact: Address | None, now: float) -> None:
        """A SUBSCRIBE was accepted: full state is due at once, and with 0 seconds the end (RFC 6665 §4.2.1.2)."""
        if contact is not None:
            self.target = contact.uri.without_headers_and_method().text
        self.expires_at = now + expires
        self._is_full_due = True
        self._changes.clear()
        if not expires:
            self._ended = "timeout"

    def changed(self, change: ContactChange) -> None:
        """A contact of the watched address-of-record changed. Of several changes the last one counts."""
        before = self._changes.pop(change.binding.id, None)
        if before is not None and before.event in ("registered", "created") and change.event == "refreshed":
            change = change._replace(event=before.event)  # the watcher has not heard of it yet
        self._changes[change.binding.id] = change

    def look_again(self) -> None:
        """What is there has changed in another way than by a REGISTER: full state is due."""
        self._is_full_due = True
        self._changes.clear()

    def end(self, reason: str) -> None:
        """No more after one last NOTIFY, for a reason of RFC 6665 §4.1.3."""
        self._ended = self._ended or reason

    # What follows

    @property
    def due_at(self) -> float:
        """When ``take`` or the expiry is due; never while a NOTIFY is on its way."""
        if self.is_waiting:
            return NEVER
        if self._is_full_due or self._ended:
            return 0.0
        if self._changes:
            return min(self.expires_at, self._notified_at + SHORTEST_GAP)
        return self.expires_at

    def take(self, now: float) -> Notification | None:
        """What to notify of now; None when nothing is due yet. The NOTIFY counts as on its way from here on."""
        if now < self.due_at:
            return None
        if now >= self.expires_at:
            self._ended = self._ended or "timeout"
        # A last NOTIFY carries full state too: it is what remains with the watcher (RFC 6665 §4.2.2).
        is_full = self._is_full_due or bool(self._ended)
        notification = Notification(self._version, None if is_full else list(self._changes.values()), self._ended)
        self._version += 1
        self._notified_at = now
        self._is_full_due = False
        self._changes.clear()
        self.is_waiting = True
        return notification

    def notify(self, ended: str, contact: str, body: bytes, content_type: str, now: float) -> Request:
        """The NOTIFY: a request in the dialog (§12.2.1.1). ``contact`` is our Contact value; ``body`` may be empty."""
        self._cseq += 1
        state = f"terminated;reason={ended}" if ended else f"active;expires={max(0, int(self.expires_at - now))}"
        event = f"reg;id={self.event_id}" if self.event_id else "reg"
        uri, routes = self.target, self.route_set
        if routes and not Address.parse(routes[0]).uri.has_lr:
            # §12.2.1.1: a strict router wants itself in the Request-URI and the target last.
            uri, routes = Address.parse(routes[0]).uri_text, [*routes[1:], f"<{self.target}>"]
        fields = [("Route", value) for value in routes]
        fields += [("Contact", contact), ("Event", event), ("Subscription-State", state)]
        if body:
            fields.append(("Content-Type", content_type))
        return new_request(
            "NOTIFY",
            uri,
            from_=self.local,
            to=self.remote,
            call_id=self.call_id,
            cseq=self._cseq,
            fields=fields,
            body=body,
        )

    @property
    def next_uri(self) -> str:
        """The URI that tells the next hop: the first of the route set, else the target (§8.1.2)."""
        return Address.parse(self.route_set[0]).uri_text if self.route_set else self.target

    def __repr__(self) -> str:
        return f"<Subscription of {self.watcher or self.remote} to {self.aor}>"
