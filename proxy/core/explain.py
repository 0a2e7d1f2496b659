"""The decision record: what was decided, by which rule, in which section, and one plain sentence about the outcome."""

from __future__ import annotations

from collections.abc import Sequence

from proxy.core.best_response import Candidate, rank
from proxy.core.branch import Branch, BranchState
from proxy.core.facts import Target
from sip.decision import Step as Step
from sip.decision import Steps as Steps
from sip.message.params import printable

MOST_TOLD = 5  # phones that a sentence names one by one


def number(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def breadth_step(breadth: int, at_once: int, count: int) -> Step:
    """What the request's Max-Breadth means for ``count`` targets, up to ``at_once`` of which are tried together."""
    text = f"{number(count, 'target')} with a breadth of {breadth}"
    if at_once > breadth:
        text += f": at most {breadth} at a time"
    return Step(text, "P26", "RFC 5393 5.3")


def late_step(target: Target) -> Step:
    text = f"{printable(target.uri.text, 80)} registered meanwhile: joined late"
    return Step(text, "P06", "16.5")


def cancelled_step(seconds: float) -> Step:
    return Step(f"The caller cancelled after {seconds:.1f} s: every branch is cancelled too", "P19", "16.10")


def answered_step(branches: Sequence[Branch]) -> Step:
    """Which 2xx went to the caller; ``branches`` are all, one of them answered."""
    winner = next(branch for branch in branches if branch.state is BranchState.ANSWERED)
    text = f"{_phone(winner)} was the first to answer: {winner.status}"
    others = sum(branch.cancel_reason is not None for branch in branches)
    if others:
        text += f"; {number(others, 'other phone')} {'hears' if others == 1 else 'hear'} that it was elsewhere"
    return Step(text, "P21", "16.7")


def choice_step(
    best: Candidate, candidates: Sequence[Candidate], branches: Sequence[Branch], *, is_cancelled: bool = False
) -> Step:
    """Why this of all failures went to the caller (§16.7 step 6)."""
    sent = f"{best.status} {printable(best.reason, 60)}"
    if is_cancelled and best.status == 487:
        return Step(f"{sent}: the caller has given up", "P19", "16.10")
    if not candidates:
        return Step(f"{sent}: nobody responded", "P15", "16.7")
    ranked = sorted(candidates, key=rank)
    told = [f"{one.status} from {printable(branches[one.position].target.uri.text, 60)}" for one in ranked[:MOST_TOLD]]
    if len(ranked) > len(told):
        told.append(f"{len(ranked) - len(told)} more")
    if ranked[0].status != best.status:
        why = "a 503 would say that this whole server is out of service"
    elif len(ranked) == 1:
        why = "the only one"
    elif best.status >= 600:
        why = "a 6xx speaks for all phones"
    elif ranked[0].status // 100 != ranked[1].status // 100:
        why = "the lowest class comes first"
    elif ranked[0].status == ranked[1].status:
        why = "the first of equals"
    else:
        why = "what the caller can mend or understand comes first"
    return Step(f"{sent} goes to the caller ({why}): {', '.join(told)}", "P15", "16.7")


_FAILURES = {
    404: "knows nobody of that name",
    408: "did not respond",
    430: "has lost its connection",
    480: "was not answered",
    486: "was busy",
    487: "was cancelled",
    488: "did not accept the kind of call",
    503: "could not be reached",
    600: "was busy",
    603: "declined the call",
}


def outcome(name: str, branches: Sequence[Branch], status: int, reason: str, *, is_cancelled: bool = False) -> str:
    """What became of a request that was forwarded, in one sentence.

    ``name`` is the recipient's, empty for somebody elsewhere; ``status`` the final response that went upstream, 0 while
    there is none.
    """
    whose = f"{printable(name)}'s" if name else "the other side's"
    one = f"{whose} phone" if name else "the other side"
    if not status:
        return _capital(_so_far(branches, whose, one))
    if is_cancelled and status >= 300:
        who = one if len(branches) == 1 else f"{whose} phones"
        return f"The caller gave up before {who} answered ({status})"
    if status < 300:
        if len(branches) == 1:
            return _capital(f"{one} answered ({status})")
        winner = next((branch for branch in branches if branch.state is BranchState.ANSWERED), branches[0])
        return f"{number(len(branches), 'phone')} rang, {_phone(winner)} answered ({status})"
    if len(branches) == 1:
        end = f": {status}" if branches[0].status != status else ""
        return _capital(f"{one} {_what_became(branches[0])}{end}")
    told = "; ".join([f"{_phone(branch)} {_what_became(branch)}" for branch in branches[:MOST_TOLD]])
    phones = f"{whose} {number(len(branches), 'phone')}"
    return f"None of {phones} answered: {told}. The caller got {status} {printable(reason)}"


def _so_far(branches: Sequence[Branch], whose: str, one: str) -> str:
    ringing = sum(branch.state is BranchState.RINGING for branch in branches)
    count = len(branches)
    if not ringing:
        return f"Waiting for {one if count == 1 else f'{whose} {count} phones'}"
    if count == 1:
        return f"{one} is ringing"
    if ringing == count:
        return f"{count} of {whose} phones are ringing"
    return f"{ringing} of {whose} {count} phones {'is' if ringing == 1 else 'are'} ringing"


def _phone(branch: Branch) -> str:
    uri = printable(branch.target.uri.text, 60)
    agent = branch.target.user_agent
    return f"{uri} ({printable(agent, 30)})" if agent else uri


def _what_became(branch: Branch) -> str:
    status = branch.status or 408
    return f"{_FAILURES.get(status) or f'answered {status} {printable(branch.reason)}'} ({status})"


def _capital(text: str) -> str:
    return f"The{text[3:]}" if text.startswith("the other side") else text
