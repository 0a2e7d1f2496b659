import pytest

from proxy.core.call_forwarding import after, at_once, without_phone
from proxy.core.facts import Refuse
from proxy.core.forward import Forward
from tests.proxy.core.people import House, a_binding
from tests.proxy.scene import ADomain, AUser

pytestmark = pytest.mark.rfc("3261", "16.5")

DESK, CELL = "sip:bob@192.0.2.20", "sip:carol@192.0.2.30"
CAROL, ELSEWHERE = "sip:carol@example.org", "sip:desk@other.example"


def a_user(**arranged):
    user = AUser(1, "bob", ADomain(1, "example.org"), "secret")
    for name, value in arranged.items():
        setattr(user, name, value)
    return user


class TestArranged:
    """Which arrangement counts when."""

    def test_nothing_is_arranged(self):
        user = a_user()
        assert (at_once(user), without_phone(user), after(user, 486), after(user, 480)) == (None,) * 4

    def test_always_comes_before_do_not_disturb(self):
        assert at_once(a_user(forward_always=CAROL, do_not_disturb=True)).target == CAROL

    def test_do_not_disturb_goes_where_calls_go_when_busy(self):
        assert at_once(a_user(do_not_disturb=True)).target == ""
        assert at_once(a_user(do_not_disturb=True, forward_busy=CAROL)).target == CAROL

    @pytest.mark.parametrize(
        ("status", "field"),
        [(486, "forward_busy"), (480, "forward_no_answer"), (408, "forward_no_answer"), (503, "forward_no_answer")],
    )
    def test_each_failure_has_its_own(self, status, field):
        assert after(a_user(**{field: CAROL}), status).target == CAROL
        others = {"forward_busy": CAROL, "forward_no_answer": CAROL} | {field: ""}
        assert after(a_user(**others), status) is None

    @pytest.mark.rule("P14")
    @pytest.mark.parametrize("status", [404, 488, 500, 600, 603])
    def test_what_says_something_else_is_no_reason(self, status):
        assert after(a_user(forward_busy=CAROL, forward_no_answer=CAROL), status) is None


class Calls(House):
    """Bob has arranged something."""

    def bob(self, *bindings, policy="proxy", **arranged):
        user = self.add("bob", policy, *bindings)
        for name, value in arranged.items():
            setattr(user, name, value)
        return self

    def targets(self):
        return [[target.uri.text for target in group] for group in self.decide(is_call=True).groups]

    def failed(self, status):
        """Bob's phones rang, and this came of it."""
        return self.decide(is_call=True).fallback(status)


@pytest.fixture
def calls():
    calls = Calls()
    calls.add("carol", "proxy", a_binding(CELL))
    return calls


class TestBefore:
    def test_always(self, calls):
        calls.bob(a_binding(DESK), forward_always=CAROL)
        assert calls.targets() == [[CELL]]
        decision = calls.decide(is_call=True)
        assert decision.note == "bob forwards all calls: forwarded to sip:carol@example.org"
        assert any(step.text.startswith("bob forwards all calls and forwards to") for step in calls.steps)

    def test_only_calls(self, calls):
        calls.bob(a_binding(DESK), forward_always=CAROL, do_not_disturb=True)
        assert calls.groups() == [[DESK]]
        assert calls.decide().fallback is None

    def test_do_not_disturb_is_480(self, calls):
        decision = calls.bob(a_binding(DESK), do_not_disturb=True).decide(is_call=True)
        assert (decision.status, decision.sentence) == (480, "bob does not want to be disturbed: 480")

    def test_without_phone(self, calls):
        assert calls.bob(forward_no_answer=CAROL).targets() == [[CELL]]
        assert calls.bob(policy="redirect", forward_no_answer=CAROL).targets() == [[CELL]]
        assert calls.bob().decide(is_call=True).status == 480

    def test_a_policy_that_refuses_is_no_missing_phone(self, calls):
        assert calls.bob(policy="refuse:480", forward_no_answer=CAROL).decide(is_call=True).status == 480

    def test_to_elsewhere(self, calls):
        assert calls.bob(forward_always=ELSEWHERE).targets() == [[ELSEWHERE]]

    def test_a_chain_tells_all_of_it(self, calls):
        calls.add("carol", "proxy").forward_always = "sip:dave@example.org"
        calls.add("dave", "proxy", a_binding(DESK))
        assert calls.bob(forward_always=CAROL).decide(is_call=True).note == (
            "bob forwards all calls: forwarded to sip:carol@example.org. "
            "carol forwards all calls: forwarded to sip:dave@example.org"
        )

    def test_a_circle_is_482(self, calls):
        calls.add("carol", "proxy").forward_always = "sip:bob@example.org"
        assert calls.bob(forward_always=CAROL).decide(is_call=True).status == 482

    def test_not_to_a_user_who_is_not_there(self, calls):
        assert calls.bob(forward_always="sip:nobody@example.org").decide(is_call=True).status == 404


@pytest.mark.rule("P33")
class TestAfter:
    def test_busy(self, calls):
        forward = calls.bob(a_binding(DESK), forward_busy=CAROL).failed(486)
        assert [target.uri.text for target in forward.groups[0]] == [CELL]
        assert forward.note == "bob was busy: forwarded to sip:carol@example.org"

    def test_no_answer(self, calls):
        forward = calls.bob(a_binding(DESK), forward_no_answer=ELSEWHERE).failed(480)
        assert [target.uri.text for target in forward.groups[0]] == [ELSEWHERE]

    def test_what_is_not_arranged_ends_there(self, calls):
        assert calls.bob(a_binding(DESK), forward_busy=CAROL).failed(480) is None

    def test_the_next_one_has_arrangements_of_his_own(self, calls):
        carol = calls.add("carol", "proxy", a_binding(CELL))
        carol.forward_no_answer = ELSEWHERE
        forward = calls.bob(a_binding(DESK), forward_busy=CAROL).failed(486)
        assert [target.uri.text for target in forward.fallback(480).groups[0]] == [ELSEWHERE]

    def test_a_circle_ends_with_the_failure(self, calls):
        carol = calls.add("carol", "proxy", a_binding(CELL))
        carol.forward_busy = "sip:bob@example.org"
        forward = calls.bob(a_binding(DESK), forward_busy=CAROL).failed(486)
        assert forward.fallback(486) is None
        assert calls.steps[-1].text.endswith("482. The call is not forwarded")

    def test_a_user_who_has_callers_redirected_is_called_for_a_caller_who_waits(self, calls):
        calls.add("carol", "redirect", a_binding(CELL))
        forward = calls.bob(a_binding(DESK), forward_busy=CAROL).failed(486)
        assert isinstance(forward, Forward)
        assert isinstance(calls.bob(forward_always=CAROL).decide(is_call=True), object)

    @pytest.mark.rule("R27")
    def test_a_sips_call_is_not_forwarded_in_clear(self, calls):
        calls.bob(a_binding("sips:bob@192.0.2.20"), forward_busy=ELSEWHERE)
        assert calls.decide("sips:bob@example.org", is_call=True).fallback(486) is None
        calls.bob(a_binding("sips:bob@192.0.2.20"), forward_always=ELSEWHERE)
        assert isinstance(calls.decide("sips:bob@example.org", is_call=True), Refuse)


@pytest.mark.rfc("5627", "5.1")
class TestOnePhone:
    """Who asks for one phone of a user wants no other."""

    @pytest.fixture
    def calls(self, calls):
        calls.bob(a_binding(DESK), forward_always=CAROL, forward_busy=CAROL, forward_no_answer=CAROL)
        calls.recipients["bob"] = calls.recipients["bob"]._replace(is_one_phone=True)
        return calls

    def test_the_arrangements_are_for_other_callers(self, calls):
        decision = calls.decide(is_call=True)
        assert calls.targets() == [[DESK]]
        assert (decision.fallback, decision.late) == (None, {})

    def test_a_phone_that_is_away_is_480(self, calls):
        calls.recipients["bob"] = calls.recipients["bob"]._replace(bindings=())
        assert calls.decide(is_call=True).status == 480

    def test_do_not_disturb_holds(self, calls):
        calls.recipients["bob"].user.forward_always = ""
        calls.recipients["bob"].user.do_not_disturb = True
        assert calls.decide(is_call=True).sentence == "bob does not want to be disturbed: 480"
