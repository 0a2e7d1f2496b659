"""A call as values, for everything that shows or exports it. Pure: nothing here reads the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class Message(NamedTuple):
    """One message; the fields are those of ``proxy.models.CallMessage``, ``at`` in seconds since the epoch.

    ``note`` stands where a body is left out.
    """

    sequence: int
    at: float
    is_received: bool
    transport: str
    local: str
    remote: str
    is_repeated: bool
    first_line: str
    method: str
    status: int | None
    has_sdp: bool
    has_body: bool
    size: int
    text: str
    note: str = ""

    @property
    def head(self) -> str:
        return self.text.partition("\r\n\r\n")[0]

    @property
    def body(self) -> str:
        return self.text.partition("\r\n\r\n")[2]

    @property
    def label(self) -> str:
        """``INVITE``, ``180 Ringing``."""
        if self.status is None:
            return self.method
        return f"{self.status} {self.first_line.partition(' ')[2].partition(' ')[2]}".strip()

    @property
    def kind(self) -> str:
        """request, acknowledge, end, provisional, success, redirect, challenge or failure: how it is drawn."""
        if self.status is None:
            return {"ACK": "acknowledge", "PRACK": "acknowledge", "BYE": "end", "CANCEL": "end"}.get(
                self.method, "request"
            )
        if self.status in (401, 407):
            return "challenge"
        return ("", "provisional", "success", "redirect", "failure", "failure", "failure")[min(self.status // 100, 6)]


class Call(NamedTuple):
    """``facts`` are those of the attempt as JSON; ``messages`` in their order."""

    facts: dict[str, Any]
    messages: Sequence[Message]

    @property
    def title(self) -> str:
        return f"{self.facts['caller']} to {self.facts['callee']}"


BODY_FOR_ADMINISTRATORS = "The body is shown to administrators only."
BODY_NOT_KEPT = "The body was not kept."


def without_bodies(messages: Sequence[Message]) -> list[Message]:
    """As operators see them: the header fields, and that there was a body."""
    return [
        message._replace(text=message.head + "\r\n\r\n", has_body=False, note=BODY_FOR_ADMINISTRATORS)
        if message.has_body
        else message
        for message in messages
    ]


def has_unkept_body(message: Message) -> bool:
    """Whether there was a body that is not in ``text``."""
    return not message.has_body and content_length(message.head) > 0


def content_length(head: str) -> int:
    for line in head.split("\r\n")[1:]:
        name, _, value = line.partition(":")
        if name.strip().lower() in ("content-length", "l"):
            text = value.strip()
            return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
    return 0
