"""Calls that were let through: where each side says it is, and where it sends from.

Two questions need it. Does a request with our signed route lead to the other side of its dialog? Otherwise whoever may
call one user of ours could have that route carry him anywhere (P27). And where does a request go that has lost its
route, as those of some old phones and of SIPp's own caller do? To the other side of its dialog and nowhere else, and
only when it comes from where that side has sent before.

Where nothing is known, after a restart or when an entry had to go, the signed route alone decides.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from sip.message.address import Address
from sip.message.errors import BadMessage
from sip.message.messages import Message, Request, Response
from sip.message.params import split_list
from sip.message.uri import Uri
from sip.transport.flow import Flow
from sip.transport.selection import NextHop

MOST_KEPT = 20_000  # calls; the longest unused go first
MOST_SIDES = 8  # phones of one call that are told apart by their tags; more do not answer one call
MOST_PLACES = 4  # contacts and sources of one side: what a phone that moves during a call may have
LONGEST = 1024  # characters of a contact or of all routes; a side with longer ones is not judged by them

# What begins something new; the other methods only go on with what there is.
BEGINNING = frozenset({"INVITE", "MESSAGE", "PUBLISH", "REFER", "SUBSCRIBE"})

Source = tuple[str, str, int]  # protocol, host, port; port 0 on connections, where each call may have its own


class Side:
    """One side of a call. ``contacts`` as they stood in its messages, the latest last; ``routes`` are the Record-Route
    values that lie between it and us, None when they are too many to keep."""

    __slots__ = ("contacts", "routes", "sources")

    def __init__(self) -> None:
        self.contacts: list[str] = []
        self.routes: str | None = ""
        self.sources: list[Source] = []

    def learn(self, message: Message, source: Source) -> None:
        _keep(self.sources, source)
        contact = message.first("contact")
        if contact is not None and len(contact) <= LONGEST:
            _keep(self.contacts, contact)
        if message.has("record-route"):
            routes = ", ".join(message.lines("record-route"))
            self.routes = routes if len(routes) <= LONGEST else None


class Known:
    """A call: its caller, and whoever answered, by their To tags."""

    __slots__ = ("callees", "caller")

    def __init__(self) -> None:
        self.caller = Side()
        self.callees: dict[str, Side] = {}


class KnownDialogs:
    """By Call-ID and the tag of the caller."""

    def __init__(self, most_kept: int = MOST_KEPT) -> None:
        self._calls: OrderedDict[tuple[str, str], Known] = OrderedDict()
        self._most_kept = most_kept

    def __len__(self) -> int:
        return len(self._calls)

    # Learning

    def request(self, request: Request, flow: Flow) -> None:
        """A request is let through that begins a dialog or belongs to one. Of one that belongs to a dialog of which
        nothing is known, as after a restart, nothing is learned either."""
        sides = self._sides(request)
        if sides is None:
            if request.to_tag:
                return
            call = self._calls[request.call_id, request.from_tag] = Known()
            if len(self._calls) > self._most_kept:
                self._calls.popitem(last=False)
            call.caller.learn(request, _source_of(flow))
        elif sides[0] is not None:
            sides[0].learn(request, _source_of(flow))

    def response(self, response: Response, hop: NextHop) -> None:
        """A 2xx that makes or refreshes a dialog has come from there."""
        source = (
            _source_of(hop.flow) if hop.flow is not None else (hop.protocol, hop.host, _port(hop.protocol, hop.port))
        )
        call_id, from_tag, to_tag = response.call_id, response.from_tag, response.to_tag
        call = self._calls.get((call_id, from_tag))
        if call is not None:
            side = call.callees.get(to_tag)
            if side is None:
                if len(call.callees) >= MOST_SIDES:
                    return
                side = call.callees[to_tag] = Side()
            side.learn(response, source)
            return
        call = self._calls.get((call_id, to_tag))  # to a request of the one who was called
        if call is not None:
            call.caller.learn(response, source)

    # Asking

    def leads_astray(self, request: Request, uri: Uri, routes: list[str]) -> bool:
        """Whether the request would begin something with somebody else than the other side of its dialog."""
        if request.method not in BEGINNING:
            return False
        sides = self._sides(request)
        if sides is None:
            return False
        other = sides[1]
        if other is None:
            return True  # nobody in this call has that tag
        if not other.contacts:
            return False
        if routes:
            return other.routes is not None and not _is_among(Address.parse(routes[0]).uri, [other.routes])
        return _is_among(uri, other.contacts) is False

    def without_route(self, request: Request, uri: Uri, flow: Flow, *, is_own: bool) -> Uri | None:
        """Where a request goes that has no route, None when it is not from a side that we know. ``is_own``: its
        Request-URI names this server instead of the other side."""
        sides = self._sides(request)
        mine, other = sides if sides is not None else (None, None)
        if mine is None or other is None:
            return None
        if _source_of(flow) not in mine.sources or not other.contacts:
            return None
        if not is_own:
            return uri if _is_among(uri, other.contacts) else None
        found = _uris(other.contacts[-1])
        return found[0] if found else None

    def _sides(self, request: Request) -> tuple[Side | None, Side | None] | None:
        """The sender's side and the other one, as far as they are known; None when the call is not."""
        key = request.call_id, request.from_tag
        call = self._calls.get(key)
        if call is not None:
            self._calls.move_to_end(key)
            return call.caller, call.callees.get(request.to_tag)
        key = request.call_id, request.to_tag
        call = self._calls.get(key)
        if call is not None:
            self._calls.move_to_end(key)
            return call.callees.get(request.from_tag), call.caller
        return None


def _keep(known: list[Any], new: object) -> None:
    if known and known[-1] == new:
        return
    if new in known:
        known.remove(new)
    known.append(new)
    if len(known) > MOST_PLACES:
        del known[0]


def _port(protocol: str, port: int) -> int:
    return port if protocol == "udp" else 0


def _source_of(flow: Flow) -> Source:
    host, port = flow.remote[:2]
    return flow.protocol, host, _port(flow.protocol, port)


def _place(uri: Uri) -> tuple[str, int | None]:
    return uri.params.get("maddr") or uri.host, uri.port


def _is_among(uri: Uri, lines: list[str]) -> bool | None:
    """Whether the URI leads to one of those; None when there is none that can be read."""
    places = {_place(one) for line in lines for one in _uris(line)}
    return _place(uri) in places if places else None


def _uris(line: str) -> list[Uri]:
    try:
        return [Address.parse(value).uri for value in split_list(line)]
    except BadMessage:
        return []
