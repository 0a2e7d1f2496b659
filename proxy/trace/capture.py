"""The messages of call attempts, caught where the stack reads and writes them, so that TLS hides nothing.

Messages are gathered by Call-ID from the first INVITE on, for the INVITE that is asked for a password comes before the
call attempt exists. What becomes no attempt is forgotten; of what does, every message of the call goes to the writer,
to the end of its dialog. All of it is bounded: strangers decide how much arrives.
"""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, NamedTuple

from sip.message.errors import BadMessage
from sip.message.messages import Message, Request
from sip.transport.flow import Flow

MOST_WAITING = 4_000  # messages on their way to the database: three seconds of the most that is caught
MOST_CALLS_A_SECOND = 100  # whose messages are kept; a fuller server keeps the attempts and leaves out the messages
MOST_MESSAGES = 300  # of one call: a call of a day with a session refresh every ten minutes has as many
MOST_UNCLAIMED = 200  # calls that are no attempt yet
MOST_EARLY = 10  # messages of one such call: INVITE, 100, 407, ACK and a few repetitions
MOST_FOLLOWED = 10_000  # calls whose next messages are waited for; the longest silent ones go first
MAX_KEPT_BYTES = 16_384  # of one message; a call through ten proxies with video stays below 8 KiB
MARKS = 16  # messages back that a repetition is known by; it comes within seconds
EARLY_INTERVAL = 40.0  # seconds a call may need to become an attempt: its INVITE is given up after 32
LINGER = 240.0  # seconds of silence until a call that was not answered, or is over, is forgotten: Timer C, and some

Address = tuple[str, int]
Announce = Callable[[str, int, Callable[[], dict[str, Any] | None]], None]

_CALL_ID = re.compile(rb"\r\n(?:call-id|i)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)


class CaughtMessage(NamedTuple):
    """One message. ``call`` is the id of the first attempt of its call; ``at`` is a time of the loop clock."""

    call: int
    sequence: int
    at: float
    is_received: bool
    protocol: str
    local: Address
    remote: Address
    is_repeated: bool
    data: bytes
    size: int


class HangUp(NamedTuple):
    """The dialog of a call ended with a BYE."""

    call: int
    at: float


class Conversation:
    """What is known of one Call-ID."""

    __slots__ = ("began_at", "call", "count", "early", "last_at", "marks")

    def __init__(self, now: float) -> None:
        self.call = 0  # id of its first attempt; 0 while there is none
        self.count = 0
        self.early: list[CaughtMessage] = []
        self.marks: list[int] = []
        self.began_at = self.last_at = now

    def facts(self) -> dict[str, Any]:
        """The "trace" event."""
        return {"id": self.call, "messages": self.count}


class Capture:
    """The endpoint's tap, and the queue to the writer. ``now`` is the loop clock; ``hung_up`` hears the Call-ID of an
    answered call when its BYE passes.

    ``dropped`` counts messages that were caught and never written, ``left_out`` calls whose messages were not kept
    because there were too many calls at once.
    """

    def __init__(
        self,
        now: Callable[[], float],
        announce: Announce,
        hung_up: Callable[[str], None] = lambda call_id: None,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._now = now
        self._hung_up = hung_up
        self._announce = announce
        self._most_waiting = most_waiting
        # By Call-ID, the longest silent first: those that may become an attempt, those that ring or are over, and those
        # that have been answered.
        self._unclaimed: OrderedDict[str, Conversation] = OrderedDict()
        self._passing: OrderedDict[str, Conversation] = OrderedDict()
        self._talking: OrderedDict[str, Conversation] = OrderedDict()
        self._waiting: deque[CaughtMessage | HangUp] = deque()
        self._second = 0
        self._calls_this_second = 0
        self.dropped = 0
        self.left_out = 0

    def __len__(self) -> int:
        """Calls that are followed."""
        return len(self._unclaimed) + len(self._passing) + len(self._talking)

    @property
    def waiting(self) -> int:
        """Messages caught and not yet written."""
        return len(self._waiting)

    # From the endpoint

    def received(self, message: Message, data: bytes, flow: Flow) -> None:
        try:
            call_id = message.call_id
        except BadMessage:
            return  # so broken that nobody knows whose it is
        conversation = self._find(call_id)
        if conversation is None:
            if not isinstance(message, Request) or message.method != "INVITE" or _has_to_tag(message):
                return
            conversation = self._begin(call_id)
        self._keep(conversation, True, data, flow.protocol, flow.local, flow.remote)
        if conversation.call:
            self._follow(call_id, conversation, message)

    def sent(self, data: bytes, protocol: str, local: Address, remote: Address) -> None:
        if not (self._unclaimed or self._passing or self._talking):
            return
        conversation = self._find(call_id_of(data))
        if conversation is not None:
            self._keep(conversation, False, data, protocol, local, remote)

    # From the recorder

    def claim(self, call_id: str, attempt: int) -> int:
        """A call attempt was opened: keep its messages. Gives the id of the first attempt of the same call."""
        conversation = self._passing.get(call_id) or self._talking.get(call_id)
        if conversation is not None:
            return conversation.call
        conversation = self._unclaimed.pop(call_id, None)
        if conversation is None:
            return attempt
        second = int(self._now())
        if second != self._second:
            self._second, self._calls_this_second = second, 0
        self._calls_this_second += 1
        if self._calls_this_second > MOST_CALLS_A_SECOND or len(self._waiting) >= self._most_waiting:
            self.left_out += 1
            return attempt
        conversation.call = attempt
        early, conversation.early = conversation.early, []
        for message in early:
            self._push(message._replace(call=attempt))
        self._passing[call_id] = conversation
        self._tell(conversation)
        return attempt

    def take(self, most: int) -> list[CaughtMessage | HangUp]:
        """The longest waiting messages; for the writer's thread."""
        taken: list[CaughtMessage | HangUp] = []
        try:
            while len(taken) < most:
                taken.append(self._waiting.popleft())
        except IndexError:
            pass
        return taken

    # Inside

    def _find(self, call_id: str) -> Conversation | None:
        return self._talking.get(call_id) or self._passing.get(call_id) or self._unclaimed.get(call_id)

    def _begin(self, call_id: str) -> Conversation:
        now = self._now()
        unclaimed = self._unclaimed
        while unclaimed:
            oldest = next(iter(unclaimed.values()))
            if len(unclaimed) < MOST_UNCLAIMED and now - oldest.began_at < EARLY_INTERVAL:
                break
            unclaimed.popitem(last=False)
        self._clear(now)
        conversation = unclaimed[call_id] = Conversation(now)
        return conversation

    def _clear(self, now: float) -> None:
        passing = self._passing
        while passing and now - next(iter(passing.values())).last_at > LINGER:
            passing.popitem(last=False)
        while len(passing) + len(self._talking) > MOST_FOLLOWED:
            longer = passing if len(passing) > len(self._talking) else self._talking
            longer.popitem(last=False)

    def _keep(
        self,
        conversation: Conversation,
        is_received: bool,
        data: bytes,
        protocol: str,
        local: Address,
        remote: Address,
    ) -> None:
        now = conversation.last_at = self._now()
        most = MOST_MESSAGES if conversation.call else MOST_EARLY
        if conversation.count >= most:
            return
        conversation.count += 1
        mark = hash((is_received, remote, data))
        is_repeated = mark in conversation.marks
        if not is_repeated:
            conversation.marks.append(mark)
            if len(conversation.marks) > MARKS:
                del conversation.marks[0]
        size = len(data)
        if size > MAX_KEPT_BYTES:
            data = data[:MAX_KEPT_BYTES]
        message = CaughtMessage(
            conversation.call, conversation.count, now, is_received, protocol, local, remote, is_repeated, data, size
        )
        if conversation.call:
            self._push(message)
            self._tell(conversation)
        else:
            conversation.early.append(message)

    def _push(self, item: CaughtMessage | HangUp) -> None:
        if len(self._waiting) >= self._most_waiting:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(item)

    def _tell(self, conversation: Conversation) -> None:
        self._announce("trace", conversation.call, conversation.facts)

    def _follow(self, call_id: str, conversation: Conversation, message: Message) -> None:
        """Keep the order of silence, and know which calls go on."""
        talking = self._talking
        if call_id in talking:
            if isinstance(message, Request) and message.method == "BYE":
                del talking[call_id]
                self._passing[call_id] = conversation
                self._push(HangUp(conversation.call, conversation.last_at))
                self._hung_up(call_id)
            else:
                talking.move_to_end(call_id)
        elif isinstance(message, Request):
            self._passing.move_to_end(call_id)
        elif 200 <= getattr(message, "status", 0) < 300 and message.cseq.method == "INVITE":
            del self._passing[call_id]
            talking[call_id] = conversation
        else:
            self._passing.move_to_end(call_id)


def call_id_of(data: bytes) -> str:
    """Call-ID of a message that this server wrote, empty when there is none."""
    at = data.find(b"\r\nCall-ID: ")
    if at >= 0 and data.find(b"\r\n\r\n", 0, at) < 0:
        value = data[at + 11 : data.find(b"\r\n", at + 11)]
    else:
        found = _CALL_ID.search(data, 0, data.find(b"\r\n\r\n") + 2)
        if found is None:
            return ""
        value = found[1]
    return value.strip().decode("utf-8", "surrogateescape")


def _has_to_tag(request: Request) -> bool:
    try:
        return bool(request.to_tag)
    except BadMessage:
        return False
