from proxy.core.branch import Branch, BranchState
from proxy.core.facts import Target
from sip.message.uri import Uri


def test_a_branch_begins_trying_and_holds_its_breadth():
    branch = Branch(2, 1, Target(Uri.parse("sip:bob@192.0.2.9")), 5.0, 205.0, breadth=7)
    assert (branch.position, branch.group, branch.started_at, branch.deadline, branch.breadth) == (2, 1, 5.0, 205.0, 7)
    assert (branch.state, branch.is_active, branch.is_pending) == (BranchState.TRYING, True, True)
    assert (branch.status, branch.ended_at, branch.cancel_reason, branch.has_provisional) == (None, None, None, False)
