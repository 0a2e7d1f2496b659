"""One forwarded copy of a request, as the response context follows it (§16.6, §16.7)."""

from __future__ import annotations

from enum import StrEnum

from proxy.core.facts import Target


class BranchState(StrEnum):
    TRYING = "trying"
    RINGING = "ringing"
    ANSWERED = "answered"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Branch:
    """One forwarded copy. ``is_active`` until its final response, or until the context stops waiting for it;
    ``is_pending`` until it has really ended. Until then it holds its ``breadth`` (RFC 5393 §5.3.3.1)."""

    __slots__ = (
        "breadth",
        "cancel_reason",
        "deadline",
        "ended_at",
        "group",
        "has_provisional",
        "hops",
        "is_active",
        "is_cancel_sent",
        "is_pending",
        "next_hop",
        "position",
        "reason",
        "started_at",
        "state",
        "status",
        "target",
    )

    def __init__(
        self, position: int, group: int, target: Target, now: float, deadline: float, breadth: int = 1
    ) -> None:
        self.position = position
        self.group = group
        self.target = target
        self.state = BranchState.TRYING
        self.is_active = True
        self.is_pending = True
        self.breadth = breadth
        self.has_provisional = False
        self.cancel_reason: str | None = None  # set when the branch is to be cancelled, now or at its first 1xx
        self.is_cancel_sent = False
        self.deadline = deadline
        self.status: int | None = None
        self.reason = ""
        self.next_hop = ""
        self.hops: tuple[str, ...] | None = None  # where it may go, in order; None until that is known
        self.started_at = now
        self.ended_at: float | None = None
