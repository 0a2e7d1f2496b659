"""The response context alone: what it wants done, event by event."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.core.branch import BranchState
from proxy.core.effects import Answer, Cancel, Finished, SendUpstream, Silence, Start
from proxy.core.facts import Target
from proxy.core.forward import Forward
from proxy.core.response_context import CLEARING_TIME, NEVER, NON_INVITE_GROUP_TIME, TIMER_C, ResponseContext
from sip.message.uri import Uri
from tests.proxy.core.messages import a_response

pytestmark = pytest.mark.rfc("3261", "16.7")


def targets(*names):
    return [Target(Uri.parse(f"sip:{name}@192.0.2.9")) for name in names]


def a_forward(*groups, ring_time=30.0, late=False, fallback=None, follow=None, **how):
    forward = Forward([targets(*group) for group in groups], ring_time, **how)
    forward.late = {"sip:bob@example.org": lambda binding: ()} if late else {}
    forward.fallback, forward.follow = fallback, follow
    return forward


class Play:
    """Drives a context and writes down what it wants, in words: "start desk", "up 180", "cancel desk" ..."""

    def __init__(self, *groups, is_invite=True, expires=None, breadth=60, **how):
        forward = a_forward(*groups, **how)
        self.context = ResponseContext(is_invite, forward, expires, breadth)
        self.now = 100.0
        self.effects = []
        self.wanted = self.note(self.context.start(self.now))

    def note(self, effects):
        self.effects += effects
        return [self.word(effect) for effect in effects]

    @staticmethod
    def word(effect):
        match effect:
            case Start():
                return f"start {effect.branch.target.uri.user}"
            case SendUpstream():
                return f"up {effect.response.status}"
            case Cancel():
                return f"cancel {effect.branch.target.uri.user}"
            case Answer():
                return f"answer {effect.status}"
            case Silence():
                return "silence"
        return "finished"

    def branch(self, name):
        return next(one for one in self.context.branches if one.target.uri.user == name)

    def gets(self, name, status, *fields):
        return self.note(self.context.response_received(self.branch(name), a_response(status, "", *fields), self.now))

    def fails(self, name, status=408):
        return self.note(self.context.failed(self.branch(name), status, self.now))

    def cancels(self, reason=""):
        return self.note(self.context.cancel_received(self.now, reason))

    def joins(self, name, q=1.0, phone=""):
        [target] = targets(name)
        target.q, target.phone = q, phone
        return self.note(self.context.join(target, self.now))

    def wait(self, seconds):
        """Time passes; the timer fires whenever the context asked for it."""
        end, words = self.now + seconds, []
        while self.context.deadline <= end:
            self.now = self.context.deadline
            words += self.note(self.context.timer_fired(self.now))
        self.now = end
        return words


@pytest.mark.rule("P12")
class TestForwarding:
    """16.7 step 5."""

    def test_provisionals_go_up_at_once_but_never_100(self):
        play = Play(["desk"])
        assert play.wanted == ["start desk"]
        assert play.gets("desk", 100) == []
        assert play.gets("desk", 180) == ["up 180"]
        assert play.gets("desk", 183) == ["up 183"]

    def test_a_2xx_goes_up_at_once_and_ends_it(self):
        play = Play(["desk"])
        assert play.gets("desk", 200) == ["up 200", "finished"]

    def test_a_2xx_that_comes_again_goes_up_again(self):
        play = Play(["desk"])
        play.gets("desk", 200)
        assert play.gets("desk", 200) == ["up 200"]

    def test_no_provisional_after_the_final_response(self):
        play = Play(["desk", "mobile"])
        play.gets("desk", 200)
        assert play.gets("mobile", 180) == ["cancel mobile"]

    def test_one_final_response_to_what_is_not_an_invite(self):
        play = Play(["desk", "mobile"], is_invite=False)
        assert play.gets("desk", 200) == ["up 200"]
        assert play.gets("mobile", 200) == ["finished"]

    def test_a_failure_waits_for_the_others(self):
        play = Play(["desk", "mobile"])
        assert play.gets("desk", 486) == []
        assert play.gets("mobile", 404) == ["up 486", "finished"]


@pytest.mark.rule("P21")
class TestAnswered:
    """16.7 step 10."""

    def test_the_others_are_cancelled(self):
        play = Play(["desk", "mobile", "soft"])
        for name in ("desk", "mobile", "soft"):
            play.gets(name, 180)
        assert play.gets("mobile", 200) == ["up 200", "cancel desk", "cancel soft"]

    def test_what_comes_after_a_2xx_on_the_same_branch_is_nothing(self):
        play = Play(["desk", "mobile"])
        play.gets("desk", 200)
        assert play.gets("desk", 486) == []
        assert play.fails("desk", 408) == []

    def test_a_second_2xx_still_goes_up(self):
        play = Play(["desk", "mobile"])
        play.gets("mobile", 180)
        play.gets("desk", 200)
        assert play.gets("mobile", 200) == ["up 200", "finished"]

    @pytest.mark.rfc("3326", "2")
    def test_the_losers_hear_that_the_call_was_answered_elsewhere(self):
        play = Play(["desk", "mobile"])
        play.gets("mobile", 180)
        play.gets("desk", 200)
        [cancel] = [effect for effect in play.effects if isinstance(effect, Cancel)]
        assert cancel.reason == 'SIP;cause=200;text="Call completed elsewhere"'

    @pytest.mark.rule("P20")
    @pytest.mark.rfc("3261", "9.1")
    def test_a_silent_branch_is_cancelled_when_it_wakes_up(self):
        play = Play(["desk", "mobile"])
        assert play.gets("desk", 200) == ["up 200"]
        play.wait(CLEARING_TIME)
        assert play.context.is_finished
        assert play.gets("mobile", 100) == ["cancel mobile"]
        assert play.gets("mobile", 180) == []
        assert play.gets("mobile", 487) == []


@pytest.mark.rule("P14")
class TestDeclinedEverywhere:
    """16.7 step 5, 6xx."""

    def test_it_waits_cancels_and_starts_nothing_new(self):
        play = Play(["desk", "mobile"], ["later"])
        play.gets("desk", 180)
        play.gets("mobile", 180)
        assert play.gets("desk", 603) == ["cancel mobile"]
        assert play.gets("mobile", 487) == ["up 603", "finished"]

    def test_a_2xx_meanwhile_wins(self):
        play = Play(["desk", "mobile"])
        play.gets("mobile", 180)
        play.gets("desk", 600)
        assert play.gets("mobile", 200) == ["up 200", "finished"]

    def test_a_sequential_fork_ends_with_it(self):
        play = Play(["desk"], ["mobile"])
        assert play.gets("desk", 603) == ["up 603", "finished"]


@pytest.mark.rfc("3261", "16.6")
class TestGroups:
    """16.6: serially, and in parallel within a group."""

    def test_the_next_group_starts_when_the_first_has_failed(self):
        play = Play(["desk", "soft"], ["mobile"])
        assert play.wanted == ["start desk", "start soft"]
        assert play.gets("desk", 486) == []
        assert play.gets("soft", 480) == ["start mobile"]
        assert play.gets("mobile", 200) == ["up 200", "finished"]

    @pytest.mark.rule("P33")
    def test_after_the_ring_time_a_group_is_cancelled_and_the_next_one_starts(self):
        play = Play(["desk"], ["mobile"], ring_time=20)
        play.gets("desk", 180)
        assert play.wait(20) == ["cancel desk"]
        assert play.gets("desk", 487) == ["start mobile"]

    @pytest.mark.rule("P33")
    def test_no_answer_at_all_is_480(self):
        play = Play(["desk"], ring_time=20)
        play.gets("desk", 180)
        play.wait(20)
        assert play.gets("desk", 487) == ["answer 480", "finished"]

    @pytest.mark.rule("P33")
    def test_a_phone_that_is_being_cancelled_is_not_cancelled_twice(self):
        play = Play(["desk", "soft"], ["mobile"], ring_time=20)
        play.gets("desk", 180)
        play.wait(20)
        play.context.group_deadline = play.now
        assert play.note(play.context.timer_fired(play.now)) == []

    def test_a_phone_that_ignores_the_cancel_holds_nothing_up(self):
        play = Play(["desk"], ["mobile"], ring_time=20)
        play.gets("desk", 180)
        assert play.wait(20 + CLEARING_TIME) == ["cancel desk", "start mobile"]
        assert play.gets("desk", 200) == ["up 200"]

    @pytest.mark.rule("P33")
    def test_a_silent_phone_is_passed_over_at_the_ring_time(self):
        play = Play(["desk"], ["mobile"], ring_time=20)
        assert play.wait(20) == ["start mobile"]
        assert play.gets("desk", 180) == ["up 180", "cancel desk"]

    @pytest.mark.rule("P33")
    @pytest.mark.rfc("3261", "16.10")
    def test_an_invite_that_expires_is_cancelled_and_goes_no_further(self):
        play = Play(["desk"], ["mobile"], ring_time=60, expires=10)
        play.gets("desk", 180)
        assert play.wait(10) == ["cancel desk"]
        assert play.gets("desk", 487) == ["answer 480", "finished"]

    def test_a_message_goes_on_to_the_next_group_in_time(self):
        play = Play(["desk"], ["mobile"], is_invite=False)
        assert play.wait(NON_INVITE_GROUP_TIME) == ["start mobile"]
        assert play.gets("desk", 200) == ["up 200"]

    @pytest.mark.rule("X07")
    @pytest.mark.rfc("4320", "4.2")
    def test_a_message_that_nobody_answers_gets_no_408(self):
        play = Play(["desk"], is_invite=False)
        assert play.fails("desk", 408) == ["silence", "finished"]


@pytest.mark.rfc("3261", "16.6")
class TestKeepRinging:
    """16.6: a group may go on ringing beside the next one."""

    def play(self, *groups, **how):
        return Play(*(groups or (["desk"], ["mobile"])), ring_time=20, keeps_ringing=True, **how)

    def test_both_groups_ring(self):
        play = self.play()
        play.gets("desk", 180)
        assert play.wait(20) == ["start mobile"]
        play.gets("mobile", 180)
        assert play.gets("desk", 200) == ["up 200", "cancel mobile"]

    def test_a_silent_phone_is_given_its_time_as_well(self):
        play = self.play()
        assert play.wait(20) == ["start mobile"]
        assert play.gets("desk", 180) == ["up 180"]

    def test_all_stop_with_the_last_group(self):
        play = self.play()
        play.gets("desk", 180)
        play.wait(20)
        play.gets("mobile", 180)
        assert play.wait(20) == ["cancel desk", "cancel mobile"]
        assert play.gets("desk", 487) == []
        assert play.gets("mobile", 487) == ["answer 480", "finished"]

    def test_a_group_that_fails_makes_room_for_the_next_at_once(self):
        play = self.play(["desk"], ["mobile"], ["soft"])
        play.gets("desk", 180)
        play.wait(20)
        assert play.gets("mobile", 486) == ["start soft"]

    def test_when_the_last_group_fails_the_earlier_one_has_its_time(self):
        play = self.play()
        play.gets("desk", 180)
        play.wait(20)
        assert play.gets("mobile", 486) == []
        assert play.wait(20) == ["cancel desk"]
        assert play.gets("desk", 487) == ["up 486", "finished"]

    @pytest.mark.rule("P26")
    @pytest.mark.rfc("5393", "5.3.3")
    def test_without_breadth_for_both_the_first_is_cancelled(self):
        play = self.play(breadth=1)
        play.gets("desk", 180)
        assert play.wait(20) == ["cancel desk"]
        assert play.gets("desk", 487) == ["start mobile"]

    @pytest.mark.rule("P19")
    def test_the_caller_gives_up_on_all(self):
        play = self.play()
        play.gets("desk", 180)
        play.wait(20)
        play.gets("mobile", 180)
        assert play.cancels() == ["cancel desk", "cancel mobile"]


@pytest.mark.rfc("3261", "16.6")
class TestNoWaiting:
    """16.6: the next group need not wait until the one before has ended."""

    def test_it_starts_with_the_cancel(self):
        play = Play(["desk"], ["mobile"], ring_time=20, waits=False)
        play.gets("desk", 180)
        assert play.wait(20) == ["cancel desk", "start mobile"]
        assert play.gets("desk", 487) == []

    def test_a_failure_is_no_reason_to_wait_anyway(self):
        play = Play(["desk"], ["mobile"], ring_time=20, waits=False)
        assert play.gets("desk", 486) == ["start mobile"]

    @pytest.mark.rule("P26")
    def test_it_waits_for_breadth(self):
        play = Play(["desk"], ["mobile"], ring_time=20, waits=False, breadth=1)
        play.gets("desk", 180)
        assert play.wait(20) == ["cancel desk"]
        assert play.gets("desk", 487) == ["start mobile"]

    def test_the_last_group_ends_as_ever(self):
        play = Play(["desk"], ring_time=20, waits=False)
        play.gets("desk", 180)
        assert play.wait(20) == ["cancel desk"]
        assert play.gets("desk", 487) == ["answer 480", "finished"]


@pytest.mark.rule("P06")
class TestJoining:
    """16.5: a phone registers while it rings."""

    def test_it_rings_too(self):
        play = Play(["desk"], late=True)
        assert play.joins("mobile") == ["start mobile"]
        [_, branch] = play.context.branches
        assert (branch.group, branch.target.is_late) == (0, True)
        assert play.gets("mobile", 200) == ["up 200"]
        assert play.gets("desk", 180) == ["cancel desk"]

    def test_no_uri_twice(self):
        play = Play(["desk"], ["soft"], late=True)
        assert play.joins("desk") == []
        assert play.joins("soft") == []
        play.gets("desk", 486)
        assert play.joins("desk") == []

    @pytest.mark.rfc("5626", "7")
    def test_another_flow_of_a_phone_that_rings_is_no_new_phone(self):
        play = Play(["desk"], late=True)
        assert play.joins("flow1", phone="uuid") == ["start flow1"]
        assert play.joins("flow2", phone="uuid") == []
        play.gets("flow1", 486)
        assert play.joins("flow2", phone="uuid") == ["start flow2"]

    def test_it_ends_with_the_ring_time_of_the_others(self):
        play = Play(["desk"], late=True, ring_time=20)
        play.gets("desk", 180)
        play.wait(15)
        play.joins("mobile")
        play.gets("mobile", 180)
        assert play.wait(5) == ["cancel desk", "cancel mobile"]

    def test_a_less_preferred_one_waits_for_its_turn(self):
        play = Play(["desk"], late=True)
        assert play.joins("mobile", 0.5) == []
        assert play.gets("desk", 486) == ["start mobile"]

    def test_in_the_gap_between_two_groups_it_is_next(self):
        play = Play(["desk"], ["soft"], late=True, ring_time=20)
        play.gets("desk", 180)
        play.wait(20)
        assert play.joins("mobile") == []
        assert play.gets("desk", 487) == ["start soft", "start mobile"]

    def test_when_the_time_of_the_last_group_is_over_it_is_too_late(self):
        play = Play(["desk"], late=True, ring_time=20)
        play.gets("desk", 180)
        play.wait(20)
        assert play.joins("mobile") == []
        assert play.gets("desk", 487) == ["answer 480", "finished"]
        assert play.joins("mobile") == []

    @pytest.mark.rule("P26")
    def test_without_breadth_it_waits(self):
        play = Play(["desk"], late=True, breadth=1)
        assert play.joins("mobile") == []
        assert play.gets("desk", 486) == ["start mobile"]

    @pytest.mark.rule("P14")
    def test_not_after_a_6xx(self):
        play = Play(["desk", "soft"], late=True)
        play.gets("soft", 180)
        play.gets("desk", 603)
        assert play.joins("mobile") == []

    @pytest.mark.rule("P21")
    def test_not_after_a_2xx(self):
        play = Play(["desk", "soft"], late=True)
        play.gets("soft", 180)
        play.gets("desk", 200)
        assert play.joins("mobile") == []

    @pytest.mark.rule("P19")
    def test_not_after_the_caller_gave_up(self):
        play = Play(["desk"], late=True)
        play.gets("desk", 180)
        play.cancels()
        assert play.joins("mobile") == []

    def test_only_to_a_call(self):
        assert Play(["desk"], is_invite=False, late=True).joins("mobile") == []


@pytest.mark.rule("P33")
class TestFallback:
    """What the recipient has arranged for calls that fail."""

    def forwarding(self, *groups, **how):
        asked = self.asked = []

        def fallback(status):
            asked.append(status)
            return a_forward(*groups, **how) if groups else None

        return fallback

    def test_no_answer_goes_on_to_another_target(self):
        play = Play(["desk"], ring_time=20, fallback=self.forwarding(["voicemail"], ring_time=5))
        play.gets("desk", 180)
        play.wait(20)
        assert play.gets("desk", 487) == ["start voicemail"]
        assert self.asked == [480]
        play.gets("voicemail", 180)
        assert play.wait(5) == ["cancel voicemail"]

    def test_busy_does_as_well(self):
        play = Play(["desk"], fallback=self.forwarding(["other"]))
        assert play.gets("desk", 486) == ["start other"]
        assert self.asked == [486]
        assert play.gets("other", 404) == ["up 486", "finished"]

    def test_where_nothing_is_arranged_the_failure_goes_up(self):
        play = Play(["desk"], fallback=self.forwarding())
        assert play.gets("desk", 404) == ["up 404", "finished"]
        assert self.asked == [404]

    def test_the_next_one_may_forward_again_and_sees_only_its_own_phones(self):
        again = self.forwarding(["third"])
        asked = self.asked
        play = Play(["desk"], fallback=self.forwarding(["second"], fallback=again))
        play.gets("desk", 486)
        assert play.gets("second", 480) == ["start third"]
        assert (self.asked, asked) == ([486], [480])

    def test_a_target_that_was_tried_is_not_tried_again(self):
        play = Play(["desk"], fallback=self.forwarding(["desk"], ["other"]))
        assert play.gets("desk", 486) == ["start other"]
        play = Play(["desk"], fallback=self.forwarding(["desk"]))
        assert play.gets("desk", 486) == ["up 486", "finished"]

    @pytest.mark.rule("P14")
    def test_not_after_a_6xx(self):
        play = Play(["desk"], fallback=self.forwarding(["other"]))
        assert play.gets("desk", 600) == ["up 600", "finished"]

    @pytest.mark.rule("P19")
    def test_not_when_the_caller_gave_up(self):
        play = Play(["desk"], fallback=self.forwarding(["other"]))
        play.gets("desk", 180)
        play.cancels()
        assert play.gets("desk", 487) == ["up 487", "finished"]

    def test_only_a_call(self):
        play = Play(["desk"], is_invite=False, fallback=self.forwarding(["other"]))
        assert play.gets("desk", 486) == ["up 486", "finished"]


@pytest.mark.rule("P18")
@pytest.mark.rfc("3261", "16.8")
class TestTimerC:
    """16.8."""

    def test_it_is_longer_than_three_minutes(self):
        assert TIMER_C > 180

    def test_with_a_provisional_the_branch_is_cancelled(self):
        play = Play(["desk"], ring_time=NEVER)
        play.gets("desk", 180)
        assert play.wait(TIMER_C) == ["cancel desk"]

    def test_without_one_it_counts_as_408(self):
        play = Play(["desk"], ring_time=NEVER)
        assert play.wait(TIMER_C) == ["answer 408", "finished"]

    @pytest.mark.rfc("3261", "16.7")
    def test_a_180_sets_it_back_and_a_100_does_not(self):
        play = Play(["desk"], ring_time=NEVER)
        play.wait(100)
        play.gets("desk", 180)
        assert play.context.deadline == play.now + TIMER_C
        play.wait(100)
        before = play.context.deadline
        play.gets("desk", 100)
        assert play.context.deadline == before


@pytest.mark.rule("P19")
@pytest.mark.rfc("3261", "16.10")
class TestCancelled:
    """16.10."""

    def test_pending_branches_are_cancelled_and_487_comes_from_them(self):
        play = Play(["desk"])
        play.gets("desk", 180)
        assert play.cancels("SIP;cause=487") == ["cancel desk"]
        assert play.effects[-1].reason == "SIP;cause=487"
        assert play.gets("desk", 487) == ["up 487", "finished"]

    def test_in_the_gap_of_a_sequential_fork_no_target_is_started(self):
        play = Play(["desk"], ["mobile"], ring_time=20)
        play.gets("desk", 180)
        play.wait(20)
        assert play.cancels() == []
        assert play.gets("desk", 487) == ["answer 487", "finished"]

    def test_a_silent_branch_delays_the_487_only_a_little(self):
        play = Play(["desk"])
        assert play.cancels() == []
        assert play.wait(CLEARING_TIME) == ["answer 487", "finished"]
        assert play.gets("desk", 180) == ["cancel desk"]

    def test_a_2xx_that_crosses_it_wins(self):
        play = Play(["desk"])
        play.gets("desk", 180)
        play.cancels()
        assert play.gets("desk", 200) == ["up 200", "finished"]

    @pytest.mark.rfc("3261", "9.2")
    def test_it_has_no_effect_after_a_final_response_or_on_other_methods(self):
        play = Play(["desk"])
        play.gets("desk", 200)
        assert play.cancels() == []
        play = Play(["desk"], is_invite=False)
        assert play.cancels() == []


@pytest.mark.rule("P22")
@pytest.mark.rfc("3261", "16.9")
def test_what_cannot_be_sent_counts_as_503():
    play = Play(["desk"])
    assert play.fails("desk", 503) == ["answer 500", "finished"]
    play = Play(["desk", "mobile"])
    play.fails("desk", 503)
    assert play.gets("mobile", 486) == ["up 486", "finished"]


def test_a_branch_without_answer_is_408():
    play = Play(["desk"])
    assert play.fails("desk", 408) == ["answer 408", "finished"]


@pytest.mark.rule("P17")
class TestRecursion:
    """16.7 step 4."""

    def test_what_is_followed_is_tried_next_and_not_reported(self):
        play = Play(["desk"], follow=lambda response: (response.remove("Contact"), [targets("desk2")])[1])
        assert play.gets("desk", 302, ("Contact", "<sip:desk2@192.0.2.9>")) == ["start desk2"]
        assert play.gets("desk2", 486) == ["up 486", "finished"]

    def test_what_was_tried_before_is_not_tried_again(self):
        play = Play(["desk", "soft"], follow=lambda response: [targets("soft", "new")])
        play.gets("soft", 486)
        assert play.gets("desk", 302, ("Contact", "<sip:soft@192.0.2.9>")) == ["start new"]

    @pytest.mark.rule("P14")
    def test_nothing_is_followed_once_it_has_stopped(self):
        play = Play(["desk", "soft"], follow=lambda response: [targets("new")])
        play.gets("soft", 180)
        play.gets("soft", 603)
        assert play.gets("desk", 302, ("Contact", "<sip:new@192.0.2.9>")) == ["up 603", "finished"]

    def test_a_3xx_that_is_not_followed_goes_to_the_caller(self):
        play = Play(["desk"])
        assert play.gets("desk", 302, ("Contact", "<sip:x@192.0.2.9>")) == ["up 302", "finished"]


@pytest.mark.rfc("5626", "7")
class TestOtherFlow:
    """RFC 5626 7: the next flow of a phone that was not heard on the first."""

    def play(self, **how):
        forward = a_forward(["flow1", "soft"], **how)
        [forward.groups[0][0].other_flow] = targets("flow2")
        play = Play(["x"])
        play.context = ResponseContext(True, forward)
        play.wanted = play.note(play.context.start(play.now))
        return play

    @pytest.mark.parametrize("status", [408, 430, 503])
    def test_it_takes_the_place_of_the_first(self, status):
        play = self.play()
        assert play.fails("flow1", status) == ["start flow2"]
        assert play.context.branches[-1].group == 0
        assert play.gets("flow2", 200) == ["up 200"]

    def test_not_when_the_phone_was_heard(self):
        play = self.play()
        play.gets("flow1", 180)
        assert play.fails("flow1", 408) == []
        play = self.play()
        assert play.gets("flow1", 486) == []

    def test_not_when_it_is_given_up(self):
        play = self.play()
        play.cancels()
        assert play.fails("flow1", 408) == []


@pytest.mark.rule("P26")
@pytest.mark.rfc("5393", "5.3.3")
class TestBreadth:
    """What was received is shared among the branches that have not ended."""

    @staticmethod
    def shares(play):
        return [branch.breadth for branch in play.context.branches]

    def test_one_branch_has_all_of_it(self):
        assert self.shares(Play(["desk"])) == [60]

    def test_parallel_branches_share_it(self):
        assert self.shares(Play(["desk", "mobile"])) == [30, 30]
        assert sorted(self.shares(Play(["a", "b", "c"], breadth=7))) == [2, 2, 3]

    def test_later_groups_keep_what_they_need(self):
        play = Play(["desk"], ["mobile", "soft"])
        play.wait(30)  # the desk phone never says a word, and still holds its share
        assert self.shares(play) == [58, 1, 1]

    def test_it_is_used_again_after_a_final_response(self):
        play = Play(["desk"], ["mobile"])
        play.gets("desk", 486)
        assert self.shares(play) == [59, 60]

    def test_too_little_means_fewer_at_a_time(self):
        play = Play(["a", "b", "c"], breadth=2)
        assert play.wanted == ["start a", "start b"]
        assert play.gets("a", 486) == []
        assert play.gets("b", 486) == ["start c"]
        assert play.gets("c", 200) == ["up 200", "finished"]

    def test_one_at_a_time(self):
        play = Play(["a", "b"], breadth=1)
        assert play.wanted == ["start a"]
        assert play.gets("a", 404) == ["start b"]
        assert play.gets("b", 404) == ["up 404", "finished"]

    def test_a_group_waits_until_what_was_given_up_has_ended(self):
        play = Play(["a"], ["b"], breadth=1)
        assert play.wait(30) == []  # silent: not cancelled, and still on its way
        assert play.fails("a", 408) == ["start b"]  # timer B

    def test_and_no_longer_than_expires(self):
        play = Play(["a"], ["b"], breadth=1, expires=31)
        assert play.wait(40) == ["answer 480", "finished"]

    def test_and_not_when_the_caller_gives_up(self):
        play = Play(["a"], ["b"], breadth=1)
        play.wait(30)
        assert play.cancels()[-1] == "finished"


# Any order of events

EVENTS = st.lists(
    st.one_of(
        st.tuples(
            st.just("gets"), st.integers(0, 5), st.sampled_from([100, 180, 183, 200, 302, 401, 486, 487, 503, 603])
        ),
        st.tuples(st.just("fails"), st.integers(0, 5), st.sampled_from([408, 503])),
        st.tuples(st.just("cancels"), st.just(0), st.just(0)),
        st.tuples(st.just("wait"), st.sampled_from([1, 5, 30, 200]), st.just(0)),
        st.tuples(st.just("joins"), st.integers(0, 3), st.sampled_from([0.5, 1.0])),
    ),
    max_size=30,
)
HOW = st.fixed_dictionaries(
    {
        "keeps_ringing": st.booleans(),
        "waits": st.booleans(),
        "late": st.booleans(),
        "action": st.sampled_from(["proxy", "proxy-parallel", "proxy-sequential"]),
    }
)
GROUPS = st.lists(st.integers(1, 3), min_size=1, max_size=3)


def play_events(groups, events, is_invite, breadth, how):
    """What a transaction layer could report: of each branch provisionals, one final response, perhaps more 2xx."""
    names = iter("abcdefghi")

    def fallback(status):
        return a_forward(["x"], ["y"])

    found = [[next(names) for _ in range(size)] for size in groups]
    play = Play(*found, is_invite=is_invite, breadth=breadth, fallback=fallback, **how)
    ended = {}
    trail = []
    for kind, one, two in events:
        branches = play.context.branches
        before = len(branches)
        if kind in ("gets", "fails"):
            branch = branches[one % len(branches)]
            name = branch.target.uri.user
            is_again = ended.get(name) == 200 and two == 200 and is_invite
            if name in ended and not is_again:
                continue
            if kind == "fails" and two == 503 and branch.has_provisional:
                continue
            if two >= 200:
                ended.setdefault(name, two)
            words = play.gets(name, two) if kind == "gets" else play.fails(name, two)
        elif kind == "cancels":
            words = play.cancels()
        elif kind == "joins":
            words = play.joins(f"late{one}", two)
        else:
            words = play.wait(one)
        trail.append((kind, two, before, words))
        # 6: what may still fork further on never holds more than was received
        held = [branch.breadth for branch in branches if branch.target.uri.user not in ended]
        assert sum(held) <= breadth and all(branch.breadth >= 1 for branch in branches)
    return play, trail, ended


@settings(max_examples=400, deadline=None)
@pytest.mark.rule("P26")
@given(GROUPS, EVENTS, st.booleans(), st.sampled_from([1, 2, 3, 5, 60]), HOW)
def test_the_invariants_hold_in_any_order(groups, events, is_invite, breadth, how):
    play, trail, ended = play_events(groups, events, is_invite, breadth, how)
    # Whatever is still open ends in the end.
    for _ in range(30):
        for branch in list(play.context.branches):
            name = branch.target.uri.user
            if name not in ended:
                ended[name] = 408
                trail.append(("fails", 408, len(play.context.branches), play.fails(name, 408)))
        if play.context.is_finished:
            break
    words = [word for _, _, _, some in trail for word in some]
    # 1: it finishes exactly once
    assert words.count("finished") == 1
    # 2 and 3: final responses upstream
    finals = [
        int(word.split()[1]) for word in words if word.startswith(("up", "answer")) and int(word.split()[1]) >= 200
    ]
    failures = [status for status in finals if status >= 300]
    assert len(failures) <= 1
    first_success = next((at for at, status in enumerate(finals) if status < 300), len(finals))
    assert all(status < 300 for status in finals[first_success:])
    if not is_invite:
        assert len(finals) <= 1
    assert len(finals) + words.count("silence") >= 1
    # P06: no URI twice
    tried = [branch.target.uri.text for branch in play.context.branches]
    assert len(tried) == len(set(tried))
    # 4: cancelled once at most, and after a provisional
    cancels = [word for word in words if word.startswith("cancel ")]
    assert len(cancels) == len(set(cancels))
    assert is_invite or not cancels
    for effect in play.effects:
        if isinstance(effect, Cancel):
            assert effect.branch.has_provisional
    # 5: nothing new after a CANCEL, a 2xx or a 6xx
    is_stopped = False
    for kind, status, _, some in trail:
        starts = [word for word in some if word.startswith("start")]
        is_stopping = (kind == "cancels" and is_invite and not any(f.startswith(("up 2", "answer")) for f in some)) or (
            kind == "gets" and (200 <= status < 300 or status >= 600)
        )
        if is_stopped or is_stopping:
            assert not starts
        if is_stopping:
            is_stopped = True
    assert any(isinstance(effect, Finished) for effect in play.effects)
    assert all(branch.state is not BranchState.TRYING for branch in play.context.branches)
