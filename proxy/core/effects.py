"""What a response context asks to be done. Whoever runs it does these things in the order given."""

from __future__ import annotations

from proxy.core.branch import Branch
from sip.message.messages import Response


class Start:
    """Forward a copy to the branch's target (§16.6)."""

    __slots__ = ("branch",)

    def __init__(self, branch: Branch) -> None:
        self.branch = branch


class SendUpstream:
    """Pass a received response to the server transaction (§16.7 step 9)."""

    __slots__ = ("branch", "response")

    def __init__(self, response: Response, branch: Branch) -> None:
        self.response = response
        self.branch = branch


class Answer:
    """Send a final response of our own upstream."""

    __slots__ = ("reason", "status")

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason


class Silence:
    """Send nothing: a 408 to a non-INVITE request only does harm (RFC 4320 §4.2)."""

    __slots__ = ()


class Cancel:
    """CANCEL the branch, with this Reason (§16.7 step 10, RFC 3326)."""

    __slots__ = ("branch", "reason")

    def __init__(self, branch: Branch, reason: str) -> None:
        self.branch = branch
        self.reason = reason


class Finished:
    """Every branch has ended and the final response is out."""

    __slots__ = ()


Effect = Start | SendUpstream | Answer | Silence | Cancel | Finished
