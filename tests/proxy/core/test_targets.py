import pytest

from proxy.choices import parse_policy
from proxy.core.facts import EffectivePolicy, Refuse
from proxy.core.forward import Forward
from proxy.core.redirect import Redirect
from proxy.core.rules import Match, Rule, RuleTarget
from sip.message.uri import Uri
from tests.proxy.core.messages import a_response
from tests.proxy.core.people import ORG, House, a_binding

pytestmark = pytest.mark.rfc("3261", "16.5")

DESK, SOFT, MOBILE = "sip:bob@192.0.2.20", "sip:bob@192.0.2.21", "sip:bob@192.0.2.22"


@pytest.fixture
def house():
    return House()


@pytest.fixture
def three():
    return [a_binding(DESK, 1.0), a_binding(SOFT, 1.0), a_binding(MOBILE, 0.3)]


class TestGroups:
    """16.6: the order of targets by policy."""

    def test_proxy_tries_by_q_and_equal_q_together(self, house, three):
        house.add("bob", "proxy", *three)
        assert house.groups() == [[DESK, SOFT], [MOBILE]]

    def test_proxy_parallel_tries_all_at_once(self, house, three):
        house.add("bob", "proxy-parallel", *three)
        assert house.groups() == [[DESK, SOFT, MOBILE]]

    def test_proxy_sequential_tries_one_after_another(self, house, three):
        house.add("bob", "proxy-sequential", *three)
        assert house.groups() == [[DESK], [SOFT], [MOBILE]]


@pytest.mark.rule("P07")
class TestNobodyThere:
    """16.5, at its end."""

    def test_an_unknown_user_is_404(self, house):
        decision = house.decide("sip:nobody@example.org")
        assert (decision.status, decision.sentence) == (404, "nobody is not a user of example.org: 404")

    @pytest.mark.parametrize("policy", ["proxy", "proxy-parallel", "proxy-sequential"])
    def test_a_known_one_without_contacts_is_480(self, house, policy):
        house.add("bob", policy)
        decision = house.decide()
        assert (decision.status, decision.sentence) == (480, "bob has no registered phone: 480")

    @pytest.mark.rule("R38")
    def test_one_switched_off_is_480(self, house):
        house.add("bob", "proxy", a_binding(DESK), enabled=False)
        assert house.decide().status == 480


@pytest.mark.rule("P06")
class TestUnique:
    def test_a_target_is_tried_once(self, house):
        house.add("bob", "proxy", a_binding(DESK), a_binding("sip:bob@192.0.2.20;line=1"))
        assert house.groups() == [[DESK]]
        assert any("already" in step.text for step in house.steps)


@pytest.mark.rule("R26")
def test_tel_and_mailto_cannot_be_proxied(house):
    house.add("bob", "proxy", a_binding("tel:+15551234"), a_binding("mailto:bob@example.org"), a_binding(DESK))
    assert house.groups() == [[DESK]]
    house.add("carol", "proxy", a_binding("tel:+15551234"))
    assert house.decide("sip:carol@example.org").status == 480


@pytest.mark.rule("R27")
@pytest.mark.threat(30)
def test_a_sips_call_goes_to_secure_contacts_only(house):
    house.add("bob", "proxy", a_binding(DESK), a_binding("sips:bob@192.0.2.21"))
    assert house.groups("sips:bob@example.org") == [["sips:bob@192.0.2.21"]]
    house.add("bob", "proxy", a_binding(DESK))
    assert house.decide("sips:bob@example.org").status == 480
    house.add("bob", "forward:sip:desk@other.example")
    assert house.decide("sips:bob@example.org").status == 480


class TestForward:
    """forward:URI."""

    def test_to_elsewhere(self, house):
        house.add("bob", "forward:sip:desk@other.example")
        assert house.groups() == [["sip:desk@other.example"]]

    def test_to_another_user_means_what_his_policy_says(self, house):
        house.add("bob", "forward:sip:carol@example.org")
        house.add("carol", "proxy-sequential", a_binding(DESK), a_binding(SOFT))
        assert house.groups() == [[DESK], [SOFT]]
        house.add("carol", "refuse:603")
        assert house.decide().status == 603
        house.add("carol", "redirect", a_binding(DESK))
        assert isinstance(house.decide(), Redirect)

    def test_to_an_unknown_user_is_404(self, house):
        house.add("bob", "forward:sip:nobody@example.org")
        assert house.decide().status == 404

    def test_to_the_server_itself_is_404(self, house):
        house.add("bob", "forward:sip:example.org")
        assert house.decide().status == 404

    def test_round_in_circles_is_482(self, house):
        house.add("bob", "forward:sip:carol@example.org")
        house.add("carol", "forward:sip:bob@example.org")
        assert house.decide().status == 482

    def test_too_far_is_482(self, house):
        for number in range(9):
            house.add(f"u{number}", f"forward:sip:u{number + 1}@example.org")
        assert house.decide("sip:u0@example.org").status == 482


def test_refuse_answers_what_it_says(house):
    house.add("bob", "refuse:486", a_binding(DESK))
    decision = house.decide()
    assert isinstance(decision, Refuse)
    assert (decision.status, decision.reason) == (486, "Busy Here")


@pytest.mark.rule("P24")
class TestOwnContacts:
    """A contact that leads back to this server."""

    def test_it_is_taken_as_whom_it_names(self, house):
        house.add("bob", "proxy", a_binding(MOBILE, 1.0), a_binding("sip:carol@example.org", 0.5))
        house.add("carol", "proxy-parallel", a_binding(DESK), a_binding(SOFT))
        assert house.groups() == [[MOBILE], [DESK, SOFT]]

    def test_a_circle_leaves_the_other_phones(self, house):
        house.add("bob", "proxy", a_binding(DESK), a_binding("sip:bob@example.org"))
        assert house.groups() == [[DESK]]

    def test_nothing_but_a_circle_is_480(self, house):
        house.add("bob", "proxy", a_binding("sip:carol@example.org"))
        house.add("carol", "proxy", a_binding("sip:bob@example.org"))
        assert house.decide().status == 480

    def test_the_server_itself_is_left_out(self, house):
        house.add("bob", "proxy", a_binding("sip:example.org"))
        assert house.decide().status == 480


def test_the_steps_say_which_policy_and_where_from(house, three):
    house.add("bob", "proxy", *three)
    house.decide()
    assert [step.text for step in house.steps] == [
        "Policy of bob: proxy (user bob@example.org)",
        "3 targets in 2 groups (proxy)",
    ]


class TestRinging:
    """16.6: how the groups follow each other is the domain's choice."""

    @pytest.mark.parametrize(("keep", "wait"), [(False, True), (True, False)])
    def test_the_domain_says_how(self, house, three, monkeypatch, keep, wait):
        house.add("bob", "proxy-sequential", *three)
        monkeypatch.setattr(ORG, "keep_ringing", keep)
        monkeypatch.setattr(ORG, "wait_for_group", wait)
        decision = house.decide()
        assert (decision.keeps_ringing, decision.waits, decision.action) == (keep, wait, "proxy-sequential")

    @pytest.mark.rule("P06")
    def test_late_phones_are_a_matter_of_the_domain(self, house, three, monkeypatch):
        house.add("bob", "proxy", *three)
        assert list(house.decide().late) == ["sip:bob@example.org"]
        monkeypatch.setattr(ORG, "late_joiners", False)
        assert house.decide().late == {}


class TestRedirected:
    """16.7 step 4: where a phone redirects to."""

    @pytest.fixture
    def bob(self, house, monkeypatch):
        house.add("bob", "proxy", a_binding(DESK))
        house.add("carol", "proxy", a_binding("sip:carol@192.0.2.30"))
        house.add("dave", "forward:sip:bob@example.org")
        monkeypatch.setattr(ORG, "follow_redirects", 5)
        monkeypatch.setattr(ORG, "followed_domains", ("192.0.2.40", "example.org"))
        return house

    def follow(self, house, contact):
        follow = house.decide().follow
        return [[one.uri.text for one in group] for group in follow(a_response(302, "", ("Contact", contact)))]

    @pytest.mark.rule("P17")
    @pytest.mark.parametrize(
        ("contact", "groups", "sentence"),
        [
            ("<sip:x@192.0.2.40>", [["sip:x@192.0.2.40"]], "is followed"),
            ("<sip:x@192.0.2.41>", [], "not one of the domains"),
            ("<sip:carol@example.org>", [["sip:carol@192.0.2.30"]], "taken as whom it names"),
            ("<sip:dave@example.org>", [], "leads back to this server"),
            ("<sip:nobody@example.org>", [], "leads back to this server"),
        ],
    )
    def test_only_to_listed_domains_and_to_phones(self, bob, contact, groups, sentence):
        assert self.follow(bob, contact) == groups
        assert sentence in bob.steps[-1].text

    @pytest.mark.rule("P17")
    def test_anywhere_but_not_to_this_machine(self, bob, monkeypatch):
        monkeypatch.setattr(ORG, "followed_domains", ("*",))
        assert self.follow(bob, "<sip:x@192.0.2.41>") == [["sip:x@192.0.2.41"]]
        assert self.follow(bob, "<sip:x@127.0.0.1>") == []

    @pytest.mark.rule("P17")
    def test_by_default_nowhere(self, house):
        house.add("bob", "proxy", a_binding(DESK))
        assert house.decide().follow is None


@pytest.mark.rule("D06")
def test_where_no_contact_is_of_use_to_the_caller_the_call_is_proxied(house):
    house.add("bob", "redirect", a_binding("sip:bob@10.0.0.20", path=("<sip:192.0.2.7;lr>",)))
    decision = house.decide()
    assert (decision.is_instead, decision.groups[0][0].uri.text) == (True, "sip:bob@10.0.0.20")
    assert decision.note.startswith("Proxied instead of redirected")


@pytest.mark.rule("D06")
def test_and_refused_where_it_cannot_be_proxied_either(house):
    house.add("bob", "redirect", a_binding("sip:bob@10.0.0.20", path=("<sip:192.0.2.7;lr>",)), a_binding("tel:+1"))
    house.recipients["bob"] = house.recipients["bob"]._replace(bindings=[a_binding("tel:+1;x=y", path=("<sip:e;lr>",))])
    assert house.decide().status == 480


@pytest.mark.rfc("5626", "7")
def test_two_flows_of_a_phone_are_one_target(house):
    facts = {"instance_id": "<urn:uuid:1>", "is_outbound": True}
    house.add("bob", "proxy", a_binding(DESK, reg_id=1, **facts), a_binding(SOFT, reg_id=2, **facts))
    assert house.groups() == [[DESK]]
    assert house.decide().groups[0][0].other_flow.uri.text == SOFT


@pytest.mark.rule("P06")
def test_a_late_phone_behind_another_user_has_the_q_of_the_way_there(house):
    house.add("bob", "proxy", a_binding("sip:carol@example.org", 0.4))
    house.add("carol", "proxy", a_binding("sip:carol@192.0.2.30"))
    late = house.decide().late
    assert sorted(late) == ["sip:bob@example.org", "sip:carol@example.org"]
    [target] = late["sip:carol@example.org"](a_binding("sip:carol@192.0.2.31", 0.9))
    assert (target.uri.text, target.q) == ("sip:carol@192.0.2.31", 0.4)


def test_a_domain_or_a_user_switched_off(house, monkeypatch):
    house.add("bob", "proxy", a_binding(DESK))
    monkeypatch.setattr(ORG, "enabled", False)
    assert house.decide().status == 404


def test_a_row_that_is_no_uri_is_passed_over(house):
    house.add("bob", "proxy", a_binding("sip:a@b@c"), a_binding(DESK))
    assert house.groups() == [[DESK]]


CELL, CAROL, ELSEWHERE = "sip:carol@192.0.2.30", "sip:carol@example.org", "sip:desk@other.example"


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


class TestForwardedAtOnce:
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
class TestForwardedLater:
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


class TestRules:
    """A routing rule with targets of its own needs no user, and asks none."""

    def by_rule(self, house, policy, *contacts):
        targets = [RuleTarget(contact) for contact in contacts]
        rule = Rule(7, 20, "20 'night'", Match(), parse_policy(policy), targets)
        known = house.gather(Uri.parse("sip:bob@example.org"))
        effective = EffectivePolicy(rule.policy, 30.0, "rule", rule.name)
        house.recipients["bob"] = known._replace(policy=effective, bindings=rule.targets, rule=rule)
        return house.decide(is_call=True)

    def test_its_targets_ring_whatever_the_user_has_arranged(self, house):
        house.add("bob", "proxy", a_binding(DESK)).forward_always = CAROL
        decision = self.by_rule(house, "proxy", f"<{SOFT}>;q=0.5", MOBILE)
        assert [[one.uri.text for one in group] for group in decision.groups] == [[MOBILE], [SOFT]]
        assert (decision.late, decision.fallback) == ({}, None)

    def test_nobody_of_that_name_is_needed(self, house):
        assert self.by_rule(house, "proxy-parallel", DESK).groups[0][0].uri.text == DESK

    def test_it_refuses_in_its_own_name(self, house):
        assert "ule 20 'night' says so" in self.by_rule(house, "refuse:603").sentence
