"""One call attempt while it happens, and what the console hears about it. Pure: times are those of the loop clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from proxy.core.branch import Branch
from proxy.core.branch_steps import branch_steps
from proxy.core.explain import Steps, outcome
from proxy.core.response_context import ResponseContext
from proxy.ladder.visible import visible

Wall = Callable[[float], float]

MAX_SHOWN = 400  # characters of a text from the wire that are kept


class CallRecord:
    """An INVITE outside a dialog, from the decision to the last branch's end.

    While it is forwarded, status and branches are those of ``context``; ``sentence`` is set where there is none.
    """

    __slots__ = (
        "call_id",
        "callee",
        "caller",
        "context",
        "conversation",
        "decision",
        "domain_id",
        "ended_at",
        "id",
        "is_waiting",
        "method",
        "name",
        "note",
        "policy",
        "policy_origin",
        "reason",
        "ringing_at",
        "sentence",
        "source",
        "started_at",
        "status",
        "steps",
        "user_id",
    )

    def __init__(self, id: int, call_id: str, caller: str, callee: str, source: str, started_at: float) -> None:
        self.id = id
        self.conversation = id  # id of the first attempt of the same call
        self.call_id = call_id
        self.caller = caller
        self.callee = callee
        self.source = source
        self.method = "INVITE"
        self.started_at = started_at
        self.ringing_at: float | None = None
        self.ended_at: float | None = None
        self.domain_id: int | None = None
        self.user_id: int | None = None
        self.name = ""  # of whose phones ring; empty elsewhere
        self.decision = ""
        self.policy = ""
        self.policy_origin = ""
        self.status = 0
        self.reason = ""
        self.sentence = ""
        self.note = ""  # a sentence more
        self.steps: Steps = []
        self.context: ResponseContext | None = None
        self.is_waiting = False  # for the writer; the recorder's own

    @property
    def branches(self) -> Sequence[Branch]:
        return self.context.branches if self.context is not None else ()

    @property
    def state(self) -> str:
        if not self.status:
            return "trying" if self.ringing_at is None else "ringing"
        if self.status < 300:
            return "answered"
        if self.status < 400:
            return "redirected"
        return "cancelled" if self.context is not None and self.context.is_cancelled else "failed"

    @property
    def explanation(self) -> str:
        """One plain sentence why."""
        context = self.context
        if self.sentence or context is None:
            return self.sentence
        # Of those whom a failed call was forwarded to; the note tells what came before.
        branches = context.branches[context.first :]
        text = outcome(self.name, branches, self.status, self.reason, is_cancelled=context.is_cancelled)
        return f"{text}. {self.note}" if self.note else text


def shown(text: str, limit: int = MAX_SHOWN) -> str:
    """Text from the wire as databases, JSON and eyes take it: valid Unicode, no NUL, not too long, and nothing in it
    that turns letters around or moves a cursor."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    text = text[:limit]
    return text if text.isprintable() else visible(text.replace("\0", ""))[:limit]


def steps_facts(record: CallRecord) -> list[dict[str, str]]:
    """The decision record: what was decided before forwarding, the branches, and last what went to the caller."""
    steps = record.steps
    if record.context is not None:
        told = branch_steps(record.context.branches, record.context.forward.ring_time)
        end = len(steps) - (1 if record.status else 0)
        steps = [*steps[:end], *told, *steps[end:]]
    return [{"text": shown(step.text), "rule": step.rule, "section": step.section} for step in steps]


def branch_facts(branch: Branch, wall: Wall) -> dict[str, Any]:
    return {
        "position": branch.position,
        "group": branch.group,
        "target": shown(branch.target.uri.text),
        "next_hop": branch.next_hop,
        "user_agent": shown(branch.target.user_agent),
        "joined_late": branch.target.is_late,
        "state": branch.state.value,
        "status": branch.status,
        "reason": shown(branch.reason, 200),
        "started_at": wall(branch.started_at),
        "ended_at": None if branch.ended_at is None else wall(branch.ended_at),
    }


def call_facts(record: CallRecord, wall: Wall) -> dict[str, Any]:
    """The "call" event: JSON-able, times in seconds since the epoch."""
    return {
        "id": record.id,
        "call_id": shown(record.call_id),
        "caller": shown(record.caller),
        "callee": shown(record.callee),
        "source": record.source,
        "decision": record.decision,
        "policy": record.policy,
        "policy_origin": record.policy_origin,
        "state": record.state,
        "status": record.status or None,
        "reason": shown(record.reason, 200),
        "explanation": record.explanation,
        "steps": steps_facts(record),
        "started_at": wall(record.started_at),
        "ringing_at": None if record.ringing_at is None else wall(record.ringing_at),
        "ended_at": None if record.ended_at is None else wall(record.ended_at),
        "branches": [branch_facts(branch, wall) for branch in record.branches],
    }
