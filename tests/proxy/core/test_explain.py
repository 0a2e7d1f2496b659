import pytest

from proxy.core.best_response import Candidate, choose
from proxy.core.branch import Branch, BranchState
from proxy.core.explain import answered_step, breadth_step, cancelled_step, choice_step, late_step, outcome
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


@pytest.mark.rule("P15")
@pytest.mark.rfc("3261", "16.7")
class TestChoice:
    """16.7 step 6: why this response went to the caller."""

    def text(self, *statuses, **how):
        branches = [a_branch(position, status, BranchState.FAILED) for position, status in enumerate(statuses)]
        candidates = [Candidate(position, status, "") for position, status in enumerate(statuses)]
        return choice_step(choose(candidates, **how), candidates, branches, **how).text

    @pytest.mark.parametrize(
        ("statuses", "why"),
        [
            ([486], "486 Busy Here goes to the caller (the only one): 486 from sip:bob@192.0.2.20"),
            (
                [480, 603],
                "603 Decline goes to the caller (a 6xx speaks for all phones): "
                "603 from sip:bob@192.0.2.21, 480 from sip:bob@192.0.2.20",
            ),
            (
                [500, 404],
                "404 Not Found goes to the caller (the lowest class comes first): "
                "404 from sip:bob@192.0.2.21, 500 from sip:bob@192.0.2.20",
            ),
            (
                [480, 486],
                "486 Busy Here goes to the caller (what the caller can mend or understand comes first): "
                "486 from sip:bob@192.0.2.21, 480 from sip:bob@192.0.2.20",
            ),
            (
                [486, 486],
                "486 Busy Here goes to the caller (the first of equals): "
                "486 from sip:bob@192.0.2.20, 486 from sip:bob@192.0.2.21",
            ),
            (
                [503],
                "500 Server Internal Error goes to the caller (a 503 would say that this whole server is out of "
                "service): 503 from sip:bob@192.0.2.20",
            ),
            ([], "408 Request Timeout: nobody responded"),
        ],
    )
    def test_it_is_said(self, statuses, why):
        assert self.text(*statuses) == why

    def test_of_many_not_all_are_named(self):
        assert self.text(*[486] * 7).endswith("sip:bob@192.0.2.24, 2 more")

    @pytest.mark.rule("P19")
    def test_a_caller_who_gave_up_is_the_reason(self):
        assert self.text(487, 486, is_cancelled=True) == "487 Request Terminated: the caller has given up"


@pytest.mark.rule("P21")
def test_who_answered_is_said():
    branches = [a_branch(0, 180, BranchState.RINGING), a_branch(1, 200, BranchState.ANSWERED, "mobile")]
    assert answered_step(branches[1:]).text == "sip:bob@192.0.2.21 (mobile) was the first to answer: 200"
    branches[0].cancel_reason = "SIP;cause=200"
    assert answered_step(branches).text.endswith("200; 1 other phone hears that it was elsewhere")
    assert answered_step([branches[0], *branches]).text.endswith("200; 2 other phones hear that it was elsewhere")


@pytest.mark.rule("P06")
def test_who_joined_late_is_said():
    assert (
        late_step(Target(Uri.parse("sip:bob@192.0.2.20"))).text
        == "sip:bob@192.0.2.20 registered meanwhile: joined late"
    )


@pytest.mark.rule("P26")
@pytest.mark.rfc("5393", "5.3")
def test_what_breadth_means_is_said():
    assert breadth_step(60, 2, 2).text == "2 targets with a breadth of 60"
    assert breadth_step(1, 2, 1).text == "1 target with a breadth of 1: at most 1 at a time"


@pytest.mark.rule("P19")
def test_a_caller_who_cancels_is_said():
    assert cancelled_step(2.04).text == "The caller cancelled after 2.0 s: every branch is cancelled too"
