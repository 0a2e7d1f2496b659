"""Where this server does something of its own with a method, instead of passing the request on or refusing it.

A method has at most one owner. It is asked after admission and after the decision, so that policy comes first.
"""

from __future__ import annotations

from typing import Protocol

from proxy.core.facts import Recipient
from proxy.core.targets import Decision
from sip.transaction.server import ServerTransaction


class OwnMethod(Protocol):
    """Each input returns True when the request is taken: whoever took it answers it, now or later."""

    def to_user(self, transaction: ServerTransaction, recipient: Recipient, decision: Decision, now: float) -> bool:
        """A request for a user of ours, outside a dialog, and what would be done with it."""
        ...

    def in_dialog(self, transaction: ServerTransaction, now: float) -> bool:
        """A request in a dialog that ends at this server."""
        ...

    def not_delivered(self, transaction: ServerTransaction, recipient: Recipient, status: int, now: float) -> bool:
        """It was forwarded, and this final response of 300 or more is the best that came of it."""
        ...

    def delivered(self, transaction: ServerTransaction, recipient: Recipient, now: float) -> None:
        """It was forwarded, and somebody took it (2xx)."""
        ...


def outcome_for(own: OwnMethod, transaction: ServerTransaction, recipient: Recipient, status: int, now: float) -> bool:
    """Tell the owner what came of a forwarded request; True when he takes a failure over."""
    if status < 300:
        own.delivered(transaction, recipient, now)
        return False
    return own.not_delivered(transaction, recipient, status, now)
