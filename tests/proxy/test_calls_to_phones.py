"""Requests for one phone of a user, by its GRUU (RFC 5627)."""

import pytest

from sip.gruu import Gruus, public
from tests.proxy.scene import BOB, CAROL, MALLORY, Scene

pytestmark = [pytest.mark.rule("R33"), pytest.mark.rfc("5627", "5.1")]

AOR = "sip:bob@example.org"
PHONE, OTHER = "<urn:uuid:1>", "<urn:uuid:2>"
DESK, MOBILE = "sip:bob@192.0.2.20:5060", "sip:bob@192.0.2.30:5060"
PUBLIC = public(AOR, PHONE)


@pytest.fixture
def scene():
    made = Scene(gruus=Gruus(b"a secret"))
    made.register("bob", DESK, instance_id=PHONE, call_id="desk", created_at=made.endpoint.now())
    made.register("bob", MOBILE, instance_id=OTHER, call_id="mobile", created_at=made.endpoint.now())
    return made


def temporary(scene, instance_id=PHONE, call_id="desk", user="bob"):
    user_id = scene.user(user).id
    return Gruus(b"a secret").temporary(user_id, AOR, instance_id, call_id, 1, scene.endpoint.now() + 1e9)


class TestCalls:
    @pytest.mark.rfc("5627", "6.1")
    def test_reach_that_phone_only(self, scene):
        assert {sent.remote for sent in scene.call().forwarded()} == {BOB, CAROL}
        for uri in (PUBLIC, temporary(scene)):
            [sent] = scene.call(uri).forwarded()
            assert sent.remote == BOB
            assert sent.message.uri_text == DESK

    def test_of_other_methods_too(self, scene):
        [sent] = scene.send(method="MESSAGE", uri=PUBLIC).forwarded()
        assert sent.remote == BOB

    def test_phone_that_is_away(self, scene):
        assert scene.call(public(AOR, "<urn:uuid:3>")).statuses == [100, 480]

    @pytest.mark.parametrize(
        "uri",
        [
            "sip:nobody@example.org;gr=urn:uuid:1",
            "sip:tgruu.aaaa@example.org;gr",
            "sip:bob@example.org;gr",
        ],
    )
    def test_gruu_that_nobody_has(self, scene, uri):
        assert scene.call(uri).statuses == [100, 404]

    @pytest.mark.rfc("5627", "3.1.2")
    def test_temporary_one_of_an_earlier_registration(self, scene):
        assert scene.call(temporary(scene, call_id="yesterday")).statuses == [100, 404]

    def test_temporary_one_of_another_domain(self, scene):
        scene.directory.names["other.example"] = type(scene.org)(2, "other.example")
        assert scene.call(temporary(scene).replace("example.org", "other.example")).statuses == [100, 404]

    def test_user_who_is_switched_off(self, scene):
        scene.user("bob").enabled = False
        assert scene.call(PUBLIC).statuses == [100, 480]

    def test_forwarding_is_for_other_callers(self, scene):
        scene.set_policy("bob", "forward:sip:elsewhere@203.0.113.5")
        assert [sent.remote for sent in scene.call(PUBLIC).forwarded()] == [BOB]

    def test_who_takes_no_calls_takes_none(self, scene):
        scene.set_policy("bob", "refuse:603")
        assert scene.call(PUBLIC).statuses == [100, 603]

    def test_redirection_shows_that_phone_only(self, scene):
        scene.set_policy("bob", "redirect")
        assert scene.call(PUBLIC).final.values("contact") == [f"<{DESK}>;q=1;expires=3600"]

    @pytest.mark.rule("R32")
    def test_all_flows_of_it_one_after_another(self, scene):
        flows = [scene.endpoint.flow(source, "tcp") for source in (BOB, CAROL)]
        for reg_id, flow in enumerate(flows, 1):
            facts = {"instance_id": "<urn:uuid:3>", "reg_id": reg_id, "is_outbound": True, "refreshed_at": -reg_id}
            scene.register("bob", "sip:bob@10.0.0.9;ob", flow=flow, **facts)
        call = scene.call(public(AOR, "<urn:uuid:3>"))
        assert [sent.remote for sent in call.forwarded()] == [BOB]
        flows[0].channel.refuse()
        scene.advance(0)
        assert [sent.remote for sent in call.forwarded()] == [BOB, CAROL]

    def test_without_the_extension_gr_is_a_parameter_like_any_other(self):
        scene = Scene()
        scene.register("bob", DESK)
        assert [sent.remote for sent in scene.call(PUBLIC).forwarded()] == [BOB]


class TestDialogs:
    """A phone whose Contact is its GRUU: the whole dialog goes to it (RFC 5627 §4.4)."""

    @pytest.fixture
    def call(self, scene):
        call = scene.call()
        scene.answer(call.at(BOB), 200, fields=[f"Contact: <{PUBLIC}>"])
        return call

    def test_ack_and_bye(self, scene, call):
        assert call.in_dialog("ACK", cseq=1).at(BOB).message.uri_text == DESK
        bye = call.in_dialog("BYE")
        assert bye.at(BOB).message.uri_text == DESK
        assert not [sent for sent in bye.forwarded() if sent.remote == CAROL]

    def test_the_phone_has_moved_meanwhile(self, scene, call):
        record = scene.location.record(AOR)
        record.committed = []
        scene.register("bob", MOBILE, instance_id=PHONE)
        assert call.in_dialog("BYE").at(CAROL).message.uri_text == MOBILE

    def test_the_phone_is_gone(self, scene, call):
        scene.location.record(AOR).committed = []
        assert call.in_dialog("BYE").statuses == [480]
        before = scene.handler.count["no_next_hop"]
        call.in_dialog("ACK", cseq=1)
        assert scene.handler.count["no_next_hop"] == before + 1

    @pytest.mark.rfc("5626", "5.3")
    def test_the_flow_of_the_phone_is_gone(self, scene, call):
        scene.location.record(AOR).committed = []
        flow = scene.endpoint.flow(BOB, "tcp")
        scene.register("bob", DESK, instance_id=PHONE, reg_id=1, is_outbound=True, flow=flow)
        assert call.in_dialog("ACK", cseq=1).forwarded()[0].connection is flow.channel
        flow.channel.close()
        assert call.in_dialog("BYE").statuses == [430]
        before = scene.handler.count["no_next_hop"]
        assert call.in_dialog("ACK", cseq=1).forwarded() == []
        assert scene.handler.count["no_next_hop"] == before + 1

    def test_a_dialog_that_we_did_not_see_begin(self, scene):
        bye = scene.send(method="BYE", uri=PUBLIC, to="<sip:bob@example.org>;tag=1", source=MALLORY)
        assert bye.at(BOB).message.uri_text == DESK

    def test_a_binding_that_makes_no_sense_is_passed_over(self, scene, call):
        scene.location.record(AOR).committed = []
        scene.register("bob", "sip:", instance_id=PHONE)
        assert call.in_dialog("BYE").statuses == [480]
