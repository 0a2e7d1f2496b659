"""The decision record: what was decided, by which rule, in which section, and one plain sentence about the outcome."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from proxy.core.branch import Branch, BranchState
from sip.message.params import printable


class Step(NamedTuple):
    """One decision. ``rule`` is the acceptance rule's id, ``section`` of RFC 3261 unless it names another."""

    text: str
    rule: str = ""
    section: str = ""


Steps = list[Step]


def number(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


_FAILURES = {
    404: "said that it knows nobody of that name",
    408: "did not respond",
    480: "was not answered",
    486: "was busy",
    487: "was cancelled",
    488: "did not accept the kind of call",
    503: "could not be reached",
    600: "was busy",
    603: "declined the call",
}


def _phone(branch: Branch) -> str:
    agent = branch.target.user_agent
    return (
        f"{printable(branch.target.uri.text, 60)} ({printable(agent, 30)})"
        if agent
        else printable(branch.target.uri.text, 60)
    )


def _what_became(branch: Branch) -> str:
    status = branch.status or 408
    return f"{_FAILURES.get(status, 'answered ' + str(status) + ' ' + printable(branch.reason))} ({status})"


def outcome(name: str, branches: Sequence[Branch], status: int, reason: str, *, is_cancelled: bool = False) -> str:
    """What became of a request that was forwarded, in one sentence.

    ``name`` is the recipient's, empty for a foreign one; ``status`` the final response that went upstream, 0 while
    there is none.
    """
    whose = f"{printable(name)}'s" if name else "the"
    rang = [branch for branch in branches if branch.state is not BranchState.TRYING and branch.status != 503]
    if not status:
        ringing = sum(branch.state is BranchState.RINGING for branch in branches)
        if ringing:
            return f"{whose} {number(ringing, 'phone')} ringing".replace("1 phone", "phone is").replace("s ", "s are ")
        return f"Waiting for {whose} {number(len(branches), 'phone')}"
    for branch in branches:
        if status < 300 and branch.state is BranchState.ANSWERED:
            if len(branches) == 1:
                return f"{_capital(whose)} phone answered ({status})"
            return f"{number(len(rang), 'phone')} rang, {_phone(branch)} answered ({status})"
    if is_cancelled:
        return f"The caller gave up before {whose} {'phone' if len(branches) == 1 else 'phones'} answered ({status})"
    if len(branches) == 1:
        return f"{_capital(whose)} phone {_what_became(branches[0])}" + (
            f": {status}" if branches[0].status != status else ""
        )
    parts = "; ".join(f"{_phone(branch)} {_what_became(branch)}" for branch in branches[:5])
    return f"None of {number(len(branches), 'phone')} answered: {parts}. Caller got {status} {printable(reason)}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:] if text == "the" else text
