"""Calls to phones that are reached by the flow they keep open (RFC 5626)."""

import pytest

from sip.transport.flow import Flow
from tests.proxy.scene import BOB, CAROL, DAVE, SERVER, Scene

pytestmark = pytest.mark.rule("R32")

PHONE = "<urn:uuid:1>"
INSIDE = "sip:bob@10.0.0.9:5060;ob"  # behind NAT: nobody can send there


@pytest.fixture
def scene():
    return Scene()


def connect(scene, source, protocol="tcp"):
    return scene.endpoint.flow(source, protocol)


def keep(scene, flow, reg_id=1, **facts):
    """Bob's phone registers on a flow."""
    facts = {"instance_id": PHONE, "reg_id": reg_id, "is_outbound": True, **facts}
    return scene.register("bob", INSIDE, flow=flow, transport=flow.protocol, **facts)


@pytest.mark.rfc("5626", "5.3")
class TestOneFlow:
    def test_a_call_takes_the_connection(self, scene):
        flow = connect(scene, BOB)
        keep(scene, flow)
        copy = scene.call().at(BOB)
        assert copy.protocol == "tcp" and copy.connection is flow.channel

    def test_a_call_takes_the_way_of_the_datagrams(self, scene):
        keep(scene, connect(scene, ("192.0.2.20", 61000), "udp"))
        copy = scene.call().at(("192.0.2.20", 61000))
        assert (copy.protocol, copy.source) == ("udp", SERVER)

    def test_a_dead_connection_is_not_dialled_anew(self, scene):
        flow = connect(scene, BOB)
        keep(scene, flow)
        flow.channel.close()
        call = scene.call()
        assert call.statuses == [100, 430]
        assert call.forwarded() == []
        assert scene.record.explanation == "bob's phone has lost its connection (430)"

    def test_nor_is_one_of_an_earlier_process(self, scene):
        scene.register("bob", INSIDE, instance_id=PHONE, reg_id=1, is_outbound=True, transport="tcp")
        call = scene.call()
        assert call.statuses == [100, 430] and call.forwarded() == []

    def test_one_that_breaks_under_the_call_is_430_too(self, scene):
        flow = connect(scene, BOB)
        keep(scene, flow)
        call = scene.call()
        flow.channel.refuse()
        scene.advance(0)
        assert call.statuses == [100, 430]

    def test_other_phones_are_not_held_up(self, scene):
        flow = connect(scene, BOB)
        keep(scene, flow)
        scene.register("bob", "sip:bob@192.0.2.30:5060")
        flow.channel.close()
        call = scene.call()
        scene.answer(call.at(CAROL), 486)
        assert call.statuses == [100, 486]

    @pytest.mark.rfc("5626", "4.3")
    def test_a_dialog_stays_on_the_flow(self, scene):
        source = ("192.0.2.20", 61000)
        keep(scene, connect(scene, source, "udp"))
        call = scene.call()
        scene.answer(call.at(source), 200, fields=[f"Contact: <{INSIDE}>"])
        bye = call.in_dialog("BYE", uri=INSIDE)
        assert bye.at(source).protocol == "udp"


@pytest.mark.rfc("5626", "7")
class TestSeveralFlows:
    """One phone: the next flow is tried when the first has failed, and never beside it."""

    def both(self, scene):
        first, second = connect(scene, BOB), connect(scene, DAVE)
        keep(scene, first, 1, refreshed_at=20.0)
        keep(scene, second, 2, refreshed_at=10.0)
        return first, second

    def test_one_at_a_time(self, scene):
        self.both(scene)
        call = scene.call()
        assert [sent.remote for sent in call.forwarded()] == [BOB]
        scene.answer(call.at(BOB), 180)
        scene.answer(call.at(BOB), 486)
        assert [sent.remote for sent in call.forwarded()] == [BOB]  # the phone has answered
        assert call.statuses == [100, 180, 486]

    def test_a_dead_one_is_passed_over(self, scene):
        first, _ = self.both(scene)
        first.channel.close()
        call = scene.call()
        assert [sent.remote for sent in call.forwarded()] == [DAVE]

    def test_430_of_an_edge_proxy_brings_the_next(self, scene):
        keep(scene, connect(scene, BOB), 1, path=("<sip:192.0.2.20:5060;lr;ob>",), refreshed_at=20.0)
        keep(scene, connect(scene, CAROL), 2, path=("<sip:192.0.2.30:5060;lr;ob>",))
        call = scene.call()
        assert [sent.remote for sent in call.forwarded()] == [BOB]
        scene.answer(call.at(BOB), 430)
        scene.answer(call.at(CAROL), 200)
        assert call.statuses == [100, 200]

    def test_one_that_breaks_brings_the_next(self, scene):
        first, _ = self.both(scene)
        call = scene.call()
        first.channel.refuse()
        scene.advance(0)
        scene.answer(call.at(DAVE), 200)
        assert call.statuses == [100, 200]

    def test_when_all_have_failed(self, scene):
        first, second = self.both(scene)
        first.channel.close()
        second.channel.close()
        assert scene.call().statuses == [100, 430]

    def test_nothing_is_tried_for_a_caller_who_gave_up(self, scene):
        first, _ = self.both(scene)
        call = scene.call()
        call.cancel()
        first.channel.refuse()
        scene.advance(5)
        assert [sent.remote for sent in call.forwarded()] == [BOB]
        assert call.statuses == [100, 487]

    def test_several_phones_still_ring_together(self, scene):
        self.both(scene)
        other = Flow("udp", SERVER, CAROL, scene.endpoint.flow(CAROL).channel)
        scene.register("bob", "sip:bob@10.0.0.8;ob", instance_id="<urn:uuid:2>", reg_id=1, is_outbound=True, flow=other)
        call = scene.call()
        assert {sent.remote for sent in call.forwarded()} == {BOB, CAROL}
        first = call.at(BOB).connection
        first.refuse()
        scene.advance(0)
        scene.answer(call.at(DAVE), 200)
        assert call.statuses == [100, 200]


class TestHeard:
    """What a call shows of the phones it went to."""

    @pytest.fixture
    def heard(self, scene):
        told = []
        scene.handler.forwarder.heard = lambda binding, status, is_answer: told.append((binding.id, status, is_answer))
        return told

    def test_an_answer(self, scene, heard):
        scene.register("bob", "sip:bob@192.0.2.20:5060", id=7)
        call = scene.call()
        scene.answer(call.at(BOB), 100)
        scene.answer(call.at(BOB), 180)
        scene.answer(call.at(BOB), 486)
        assert heard == [(7, 180, True), (7, 486, True)]

    def test_silence_and_broken_flows(self, scene, heard):
        scene.register("bob", "sip:bob@192.0.2.20:5060", id=7)
        flow = connect(scene, CAROL)
        keep(scene, flow, id=8)
        scene.call()
        flow.channel.refuse()
        scene.advance(40)
        assert heard == [(8, 430, False), (7, 408, False)]

    def test_other_targets_are_nobodys_business(self, scene, heard):
        scene.set_policy("bob", "forward:sip:elsewhere@203.0.113.5")
        scene.call()
        scene.advance(40)
        assert heard == []
