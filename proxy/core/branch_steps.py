"""The decision record's part about the branches, told from their state: where each went and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

from proxy.core.branch import Branch, BranchState
from proxy.core.response_context import COMPLETED_ELSEWHERE, NO_ANSWER
from sip.decision import Step, Steps
from sip.message.params import printable

MOST_BRANCHES = 30  # told one by one
MOST_HOPS = 6


def branch_steps(branches: Sequence[Branch], ring_time: float) -> Steps:
    """Two or three steps a branch: its servers where a name was looked up, its way, and its end. ``ring_time`` in
    seconds."""
    steps: Steps = []
    for branch in branches[:MOST_BRANCHES]:
        servers = _servers(branch)
        if servers is not None:
            steps.append(servers)
        steps.append(_what_became(branch, ring_time))
    if len(branches) > MOST_BRANCHES:
        steps.append(Step(f"{len(branches) - MOST_BRANCHES} branches more", "", "16.6"))
    return steps


def _servers(branch: Branch) -> Step | None:
    """What DNS said, where it was asked."""
    if branch.hops is None or _is_numeric(branch.target.uri.host):
        return None
    host = printable(branch.target.uri.host, 60)
    if not branch.hops:
        return Step(f"No server is known for {host}", "X15", "RFC 3263 4")
    told = ", ".join(branch.hops[:MOST_HOPS]) + (" ..." if len(branch.hops) > MOST_HOPS else "")
    text = f"{host} stands for {told}"
    if branch.next_hop and branch.next_hop != branch.hops[0]:
        text += f"; {branch.next_hop} is the first that works"
    return Step(text, "X15", "RFC 3263 4")


def _what_became(branch: Branch, ring_time: float) -> Step:
    agent = f" ({printable(branch.target.user_agent, 30)})" if branch.target.user_agent else ""
    where = f" by {branch.next_hop}" if branch.next_hop else ""
    text = f"Branch {branch.position + 1}: {printable(branch.target.uri.text, 80)}{agent}{where}"
    after = "" if branch.ended_at is None else f" after {branch.ended_at - branch.started_at:.1f} s"
    status = f"{branch.status or ''} {printable(branch.reason, 60)}".strip()
    if branch.cancel_reason == NO_ANSWER:
        return Step(f"{text}: no answer within {ring_time:g} s, cancelled", "P33", "16.8")
    if branch.cancel_reason == COMPLETED_ELSEWHERE:
        return Step(f"{text}: cancelled{after}, for another phone answered", "P21", "16.7")
    if branch.cancel_reason is not None:
        return Step(f"{text}: cancelled{after}", "P20", "16.10")
    if branch.state is BranchState.TRYING:
        return Step(f"{text}: waiting for a response", "", "16.6")
    if branch.state is BranchState.RINGING:
        return Step(f"{text}: {status}", "", "16.7")
    return Step(f"{text}: {status or 'ended'}{after}", "P15", "16.7")


def _is_numeric(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
