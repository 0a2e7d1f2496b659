"""A call from the database, as values."""

from __future__ import annotations

from typing import Any

from proxy.ladder.calls import Call, Message, without_bodies
from proxy.models import CallAttempt, CallMessage
from proxy.trace.capture import MOST_MESSAGES

_PLAIN = (
    "sequence", "is_received", "transport", "local", "remote", "is_repeated", "first_line", "method", "status",
    "has_sdp", "has_body", "size", "text",
)  # fmt: skip


def message_of(row: CallMessage) -> Message:
    return Message(at=row.at.timestamp(), **{name: getattr(row, name) for name in _PLAIN})


def messages_of(attempt: CallAttempt, *, with_bodies: bool) -> list[Message]:
    """The messages of the call that this attempt is part of, in the order of the server. One query."""
    rows = CallMessage.objects.filter(conversation=attempt.conversation or attempt.pk).order_by("sequence")
    messages = [message_of(row) for row in rows[:MOST_MESSAGES]]
    return messages if with_bodies else without_bodies(messages)


def load_call(attempt: CallAttempt, facts: dict[str, Any], *, with_bodies: bool) -> Call:
    return Call(facts, messages_of(attempt, with_bodies=with_bodies))
