"""Calls that a routing rule decides, from the caller's phone to the callee's (§16.5)."""

import pytest

from tests.proxy.scene import ALICE, BOB, CAROL, ELSEWHERE, MALLORY, Scene
from tests.sip.imaginary import SERVER

pytestmark = pytest.mark.rfc("3261", "16.5")
STRANGER = "<sip:zoe@other.example>;tag=z"


@pytest.fixture
def scene():
    scene = Scene()
    scene.register("bob", "sip:bob@192.0.2.20:5060")
    scene.register("carol", "sip:carol@192.0.2.30:5060")
    return scene


class TestActions:
    def test_reject(self, scene):
        scene.add_rule("reject", code=603)
        call = scene.call("bob")
        assert call.statuses == [100, 603]
        assert scene.record.policy == "refuse:603"
        assert scene.record.policy_origin == "rule 20 'night'"
        assert scene.record.explanation == "Rule 20 'night' says so: 603 by policy"

    def test_reject_whoever_it_is_for(self, scene):
        scene.add_rule("reject", code=410, user="old*")
        assert scene.call("old-bob").statuses == [100, 410]
        assert scene.call("nobody").statuses == [100, 404]

    def test_forward_to_a_user(self, scene):
        scene.add_rule("forward", "sip:carol@example.org", user="bob")
        call = scene.call("bob")
        assert [sent.remote for sent in call.forwarded()] == [CAROL]

    def test_forward_by_the_policy_of_who_is_there(self, scene):
        scene.add_rule("forward", "sip:carol@example.org", user="bob")
        scene.set_policy("carol", "refuse:486")
        assert scene.call("bob").statuses == [100, 486]

    def test_everybody_to_the_desk_lets_the_desk_ring(self, scene):
        scene.add_rule("forward", "sip:carol@example.org")
        assert [sent.remote for sent in scene.call("bob").forwarded()] == [CAROL]
        assert [sent.remote for sent in scene.call("carol").forwarded()] == [CAROL]
        assert [sent.remote for sent in scene.call("nobody").forwarded()] == [CAROL]

    def test_two_rules_that_lead_to_each_other(self, scene):
        scene.add_rule("forward", "sip:carol@example.org", user="bob")
        scene.add_rule("forward", "sip:bob@example.org", user="carol")
        assert scene.call("bob").statuses == [100, 482]

    def test_ring_targets_together(self, scene):
        scene.add_rule("proxy", "sip:carol@example.org", "sip:x@203.0.113.5", user="sales", fork="parallel")
        scene.org.auth_call = False
        call = scene.call("sales").with_password()
        assert {sent.remote for sent in call.forwarded()} == {CAROL, ELSEWHERE}
        assert scene.record.policy == "proxy-parallel"

    def test_ring_targets_by_q(self, scene):
        scene.add_rule("proxy", "<sip:bob@example.org>;q=0.5", "<sip:carol@example.org>;q=0.9", user="sales")
        call = scene.call("sales")
        assert [sent.remote for sent in call.forwarded()] == [CAROL]
        scene.answer(call.at(CAROL), 486)
        assert [sent.remote for sent in call.forwarded()] == [CAROL, BOB]

    def test_how_the_users_own_phones_ring(self, scene):
        scene.register("bob", "sip:bob@192.0.2.30:5062", q=0.1)
        scene.add_rule("proxy", user="bob", fork="parallel")
        assert len(scene.call("bob").forwarded()) == 2
        assert scene.call("nobody").statuses == [100, 404]

    def test_how_they_ring_leaves_what_the_user_arranged(self, scene):
        scene.add_rule("proxy", user="bob", fork="parallel")
        scene.user("bob").do_not_disturb = True
        assert scene.call("bob").statuses == [100, 480]

    def test_where_it_goes_does_not(self, scene):
        scene.add_rule("forward", "sip:carol@example.org", user="bob")
        scene.user("bob").do_not_disturb = True
        scene.user("bob").enabled = False
        assert [sent.remote for sent in scene.call("bob").forwarded()] == [CAROL]

    def test_redirect_to_targets(self, scene):
        scene.add_rule("redirect", "sip:desk@203.0.113.5", "<sip:bob@198.51.100.7>;q=0.3", user="bob")
        call = scene.call("bob", source=MALLORY)
        assert call.statuses == [100, 300]
        assert call.final.lines("contact") == ["<sip:desk@203.0.113.5>;q=1", "<sip:bob@198.51.100.7>;q=0.3"]

    def test_redirect_reveals_what_the_rule_says(self, scene):
        scene.org.redirect_reveals = "addresses"
        scene.add_rule("redirect", "sip:desk@203.0.113.5", user="bob")
        assert scene.call("bob", source=MALLORY).final.lines("contact") == ["<sip:desk@203.0.113.5>;q=1"]

    def test_redirect_to_the_users_phones(self, scene):
        scene.add_rule("redirect", user="bob")
        call = scene.call("bob")
        assert call.statuses == [100, 302]
        assert call.final.first("contact").startswith("<sip:bob@192.0.2.20:5060>")

    def test_a_sips_call_stays_secure(self, scene):
        scene.add_rule("proxy", "sip:carol@192.0.2.30", user="bob")
        assert scene.call("sips:bob@example.org").statuses[-1] in (403, 407, 480)

    def test_a_domain_that_is_switched_off(self, scene):
        scene.add_rule("forward", "sip:carol@example.org")
        scene.org.enabled = False
        assert scene.call("bob").statuses == [100, 404]


class TestMatching:
    def test_method(self, scene):
        scene.add_rule("reject", code=405, methods="MESSAGE")
        assert scene.send(method="MESSAGE", uri="sip:bob@example.org").statuses == [405]
        assert scene.call("bob").statuses == [100]

    def test_source(self, scene):
        scene.add_rule("reject", code=403, source="198.51.100.0/24")
        assert scene.call("bob", source=MALLORY).statuses == [100, 403]
        assert scene.call("bob").statuses == [100]

    def test_caller(self, scene):
        scene.add_rule("reject", code=603, caller="alice@example.org")
        assert scene.call("bob").statuses == [100, 603]
        assert scene.call("bob", from_=STRANGER).statuses == [100]

    def test_alias_is_dialled_as_it_is(self, scene):
        scene.directory.users[scene.org.id, "2001"] = scene.user("bob")
        scene.add_rule("reject", code=410, user="20*")
        assert scene.call("2001").statuses == [100, 410]
        assert scene.call("bob").statuses == [100]

    def test_domain(self, scene):
        scene.add_rule("reject", code=410, domain=7)
        assert scene.call("bob").statuses == [100]

    def test_over_the_users_own_policy(self, scene):
        scene.set_policy("bob", "refuse:486")
        scene.add_rule("proxy", user="bob", priority=50)
        assert scene.call("bob").statuses == [100]
        scene.add_rule("reject", code=603, user="bob", priority=10)
        assert scene.call("bob").statuses == [100, 603]

    def test_ring_time_is_the_users(self, scene):
        scene.set_policy("bob", "inherit", ring_time=7)
        scene.add_rule("proxy", user="bob", fork="serial")
        call = scene.call("bob")
        scene.answer(call.at(BOB), 180)
        scene.advance(8)
        assert call.forwarded("CANCEL") != []

    def test_not_within_dialogs(self, scene):
        call = scene.call("bob")
        scene.answer(call.at(BOB), 200, fields=["Contact: <sip:bob@192.0.2.20:5060>"])
        scene.add_rule("reject", code=603)
        assert [sent.remote for sent in call.in_dialog("BYE").forwarded()] == [BOB]

    def test_a_malformed_from(self, scene):
        scene.add_rule("reject", code=603)
        assert scene.call("bob", from_="<sip:%%>;tag=1").statuses[-1] == 400


class TestLeadingElsewhere:
    """No open relay: a rule that leads out of this server is for those who may relay."""

    def gateway(self, scene, **match):
        scene.add_rule("proxy", "sip:203.0.113.5", user="00*", **match)

    def test_strangers_get_403(self, scene):
        self.gateway(scene)
        call = scene.call("0049301234", from_=STRANGER)
        assert call.statuses == [100, 403]
        assert call.forwarded() == []

    def test_users_prove_who_they_are_even_where_calls_need_no_password(self, scene):
        self.gateway(scene)
        call = scene.call("0049301234")
        assert call.statuses == [100, 407]
        again = call.with_password()
        [sent] = again.forwarded()
        assert sent.remote == ELSEWHERE
        assert sent.message.uri_text == "sip:203.0.113.5"

    def test_a_rule_that_names_its_callers(self, scene):
        self.gateway(scene, caller="*")
        assert [sent.remote for sent in scene.call("0049301234", from_=STRANGER).forwarded()] == [ELSEWHERE]

    def test_who_is_named_proves_it_even_where_calls_need_no_password(self, scene):
        self.gateway(scene, caller="*@example.org")
        call = scene.call("0049301234")
        assert call.statuses == [100, 407]
        assert [sent.remote for sent in call.with_password().forwarded()] == [ELSEWHERE]
        assert scene.call("0049301234", from_=STRANGER).statuses == [100, 404]

    def test_a_redirect_is_no_relay(self, scene):
        scene.add_rule("redirect", "sip:203.0.113.5", user="00*")
        assert scene.call("0049301234", from_=STRANGER, source=MALLORY).statuses == [100, 302]

    def test_inside_is_for_everybody(self, scene):
        scene.add_rule("forward", "sip:carol@example.org", user="00*")
        assert [sent.remote for sent in scene.call("0049301234", from_=STRANGER).forwarded()] == [CAROL]

    def test_what_a_user_dials_by_his_forwarding(self, scene):
        self.gateway(scene)
        scene.set_policy("bob", "forward:sip:0049301234@example.org")
        assert [sent.remote for sent in scene.call("bob", from_=STRANGER).forwarded()] == [ELSEWHERE]


def test_many_rules_and_none_fits(scene):
    for number in range(500):
        scene.add_rule("reject", code=603, user=f"{number}*", source="198.51.100.0/24")
    assert scene.call("bob", source=ALICE).statuses == [100]
    assert SERVER[0] == "192.0.2.1"
