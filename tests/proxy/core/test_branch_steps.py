"""What the decision record tells of the branches."""

from __future__ import annotations

import pytest

from proxy.core.branch import Branch, BranchState
from proxy.core.branch_steps import MOST_BRANCHES, branch_steps
from proxy.core.facts import Target
from proxy.core.response_context import COMPLETED_ELSEWHERE, NO_ANSWER
from sip.message.uri import Uri


def branch(uri: str = "sip:bob@192.0.2.20", agent: str = "", **facts: object) -> Branch:
    found = Branch(0, 0, Target(Uri.parse(uri), user_agent=agent), 10.0, 210.0)
    for name, value in facts.items():
        setattr(found, name, value)
    return found


def told(found: Branch, ring_time: float = 30.0) -> list[str]:
    return [step.text for step in branch_steps([found], ring_time)]


def test_while_it_runs() -> None:
    assert told(branch()) == ["Branch 1: sip:bob@192.0.2.20: waiting for a response"]
    ringing = branch(
        agent="Desk", next_hop="udp:192.0.2.20:5060", state=BranchState.RINGING, status=180, reason="Ringing"
    )
    assert told(ringing) == ["Branch 1: sip:bob@192.0.2.20 (Desk) by udp:192.0.2.20:5060: 180 Ringing"]


@pytest.mark.parametrize(
    ("facts", "end", "section"),
    [
        ({"state": BranchState.FAILED, "status": 486, "reason": "Busy Here"}, "486 Busy Here after 2.5 s", "16.7"),
        ({"state": BranchState.ANSWERED, "status": 200, "reason": "OK"}, "200 OK after 2.5 s", "16.7"),
        ({"state": BranchState.FAILED}, "ended after 2.5 s", "16.7"),
        ({"cancel_reason": NO_ANSWER}, "no answer within 30 s, cancelled", "16.8"),
        ({"cancel_reason": COMPLETED_ELSEWHERE}, "cancelled after 2.5 s, for another phone answered", "16.7"),
        ({"cancel_reason": "", "ended_at": None}, "cancelled", "16.10"),
    ],
)
def test_its_end(facts: dict[str, object], end: str, section: str) -> None:
    [step] = branch_steps([branch(**{"ended_at": 12.5, **facts})], 30.0)
    assert step.text == f"Branch 1: sip:bob@192.0.2.20: {end}"
    assert step.section == section


@pytest.mark.rfc("3263", "4")
def test_what_dns_said() -> None:
    named = branch("sip:bob@sip.example.com", hops=("udp:192.0.2.1:5060", "udp:192.0.2.2:5060"))
    assert told(named)[0] == "sip.example.com stands for udp:192.0.2.1:5060, udp:192.0.2.2:5060"
    named.next_hop = "udp:192.0.2.1:5060"
    assert told(named)[0] == "sip.example.com stands for udp:192.0.2.1:5060, udp:192.0.2.2:5060"
    named.next_hop = "udp:192.0.2.2:5060"
    assert told(named)[0].endswith("; udp:192.0.2.2:5060 is the first that works")
    assert told(branch("sip:bob@sip.example.com", hops=()))[0] == "No server is known for sip.example.com"
    many = branch("sip:bob@sip.example.com", hops=tuple(f"udp:192.0.2.{n}:5060" for n in range(9)))
    assert told(many)[0].endswith("udp:192.0.2.5:5060 ...")


def test_no_dns_for_addresses() -> None:
    assert len(told(branch(hops=("udp:192.0.2.20:5060",)))) == 1
    assert len(told(branch("sip:bob@[2001:db8::9]", hops=("udp:[2001:db8::9]:5060",)))) == 1
    assert len(told(branch("sip:bob@sip.example.com"))) == 1  # on its flow


def test_very_many_branches() -> None:
    steps = branch_steps([branch() for _ in range(MOST_BRANCHES + 2)], 30.0)
    assert steps[-1].text == "2 branches more"
    assert len(steps) == MOST_BRANCHES + 1
