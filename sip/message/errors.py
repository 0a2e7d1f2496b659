"""The peer's mistakes, as one exception with a status hint (§21.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sip.message.messages import Message


class BadMessage(ValueError):
    """A message or header field that breaks the grammar.

    ``status`` is the response that fits, ``reason`` a reason phrase that says what is wrong, ``field`` the header
    field at fault. ``message`` is what could be understood, when that is enough to answer; else None.
    """

    def __init__(
        self, reason: str, *, status: int = 400, field: str | None = None, message: Message | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.field = field
        self.message = message
