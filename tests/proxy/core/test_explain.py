import pytest

from proxy.core.branch import Branch, BranchState
from proxy.core.explain import outcome
from proxy.core.facts import Target
from sip.message.uri import Uri


def a_branch(position, status, state, agent=""):
    target = Target(Uri.parse(f"sip:bob@192.0.2.{20 + position}"), user_agent=agent)
    branch = Branch(position, 0, target, 0.0, 0.0)
    branch.status, branch.state, branch.reason = status, state, "Because"
    return branch


def one(status, state=BranchState.FAILED):
    return [a_branch(0, status, state)]


@pytest.mark.parametrize(
    ("branches", "status", "sentence"),
    [
        (one(200, BranchState.ANSWERED), 200, "bob's phone answered (200)"),
        (one(486), 486, "bob's phone was busy (486)"),
        (one(603), 603, "bob's phone declined the call (603)"),
        (one(408), 408, "bob's phone did not respond (408)"),
        (one(480, BranchState.CANCELLED), 480, "bob's phone was not answered (480)"),
        (one(503), 500, "bob's phone could not be reached (503): 500"),
        (one(415), 415, "bob's phone answered 415 Because (415)"),
        (one(180, BranchState.RINGING), 0, "bob's phone is ringing"),
        (one(None, BranchState.TRYING), 0, "Waiting for bob's phone"),
    ],
)
def test_one_phone(branches, status, sentence):
    assert outcome("bob", branches, status, "Because") == sentence


def test_several_phones():
    branches = [a_branch(0, 487, BranchState.CANCELLED, "desk"), a_branch(1, 200, BranchState.ANSWERED, "mobile")]
    assert outcome("bob", branches, 200, "OK") == "2 phones rang, sip:bob@192.0.2.21 (mobile) answered (200)"
    branches = [a_branch(0, 486, BranchState.FAILED, "desk"), a_branch(1, 408, BranchState.FAILED)]
    assert outcome("bob", branches, 486, "Busy Here") == (
        "None of bob's 2 phones answered: sip:bob@192.0.2.20 (desk) was busy (486); "
        "sip:bob@192.0.2.21 did not respond (408). The caller got 486 Busy Here"
    )
    branches = [a_branch(0, 180, BranchState.RINGING), a_branch(1, 180, BranchState.RINGING)]
    assert outcome("bob", branches, 0, "") == "2 of bob's phones are ringing"
    branches = [a_branch(0, 180, BranchState.RINGING), a_branch(1, None, BranchState.TRYING)]
    assert outcome("bob", branches, 0, "") == "1 of bob's 2 phones is ringing"


def test_cancelled_and_elsewhere():
    assert (
        outcome("bob", one(487), 487, "", is_cancelled=True) == "The caller gave up before bob's phone answered (487)"
    )
    assert outcome("", one(404), 404, "") == "The other side knows nobody of that name (404)"
    assert outcome("", one(200, BranchState.ANSWERED), 200, "OK") == "The other side answered (200)"
