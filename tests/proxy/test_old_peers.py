"""Whole calls with peers of RFC 2543: no magic cookie, no tags, strict routers."""

import pytest

from sip.message.messages import response_to
from sip.transaction.timers import Intervals
from tests.proxy.scene import ALICE, BOB, CAROL, Scene
from tests.sip.imaginary import request_text

pytestmark = pytest.mark.rfc("3261", "17.2.3")

DESK = "sip:bob@192.0.2.20:5060"
VIAS = ["Via: SIP/2.0/UDP 192.0.2.10:5060", "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=1"]
UNTAGGED = "<sip:alice@example.org>"


@pytest.fixture
def scene():
    scene = Scene()
    scene.register("bob", DESK)
    return scene


def sends_again(scene, exchange):
    before = len(scene.endpoint.sent)
    scene.endpoint.deliver(exchange.data, exchange.source)
    return scene.endpoint.sent[before:]


def of_that_transaction(exchange, method):
    """ACK or CANCEL of a phone that knows no branches: the Via, Call-ID, From and CSeq number of its INVITE."""
    request = exchange.request
    return request_text(
        method,
        request.uri_text,
        via=f"Via: {request.first('via')}",
        from_=request.first("from"),
        to=exchange.final.first("to") if method == "ACK" else request.first("to"),
        call_id=request.call_id,
        cseq=request.cseq.number,
    )


def answer(scene, sent, status, *, fields=()):
    """As a phone without To tags does."""
    response = response_to(sent.message, status)
    for value in sent.message.lines("record-route") if status < 300 else ():
        response.append("Record-Route", value)
    for name, value in fields:
        response.append(name, value)
    scene.endpoint.deliver(response, sent.remote)


@pytest.mark.rule("X04")
@pytest.mark.parametrize("via", VIAS)
class TestWithoutMagicCookie:
    """17.2.3: matched by Request-URI, tags, Call-ID, CSeq and the whole Via."""

    def test_a_call_from_invite_to_bye(self, scene, via):
        call = scene.call("bob", via=via)
        assert [sent.status for sent in sends_again(scene, call)] == [100]
        scene.answer(call.at(BOB), 180)
        scene.answer(call.at(BOB), 200, fields=[f"Contact: <{DESK}>"])
        assert call.statuses == [100, 180, 200]
        ack = call.in_dialog("ACK", cseq=1, via=via)
        assert ack.at(BOB)
        bye = call.in_dialog("BYE", via=via)
        scene.answer(bye.at(BOB), 200)
        assert [sent.status for sent in sends_again(scene, bye)] == [200]
        assert len(bye.forwarded()) == 1
        scene.advance(Intervals().longest * 2)
        assert (scene.endpoint.transactions, len(scene.handler.running)) == (0, 0)

    def test_a_failure_is_acknowledged_and_sent_no_more(self, scene, via):
        call = scene.call("bob", via=via)
        scene.answer(call.at(BOB), 486)
        scene.endpoint.deliver(of_that_transaction(call, "ACK"), ALICE)
        before = len(scene.endpoint.sent)
        scene.advance(20)
        assert [sent.status for sent in scene.endpoint.sent[before:]] == []
        assert len([sent for sent in call.forwarded("ACK") if sent.remote == BOB]) == 1  # ours, for the 486 (§17.1.1.3)

    def test_a_cancel_finds_its_invite(self, scene, via):
        call = scene.call("bob", via=via)
        scene.answer(call.at(BOB), 180)
        scene.endpoint.deliver(of_that_transaction(call, "CANCEL"), ALICE)
        assert call.at(BOB, "CANCEL")
        scene.answer(call.at(BOB), 487)
        assert call.statuses == [100, 180, 487]

    def test_the_next_call_of_the_phone_is_another_one(self, scene, via):
        first, second = scene.call("bob", via=via), scene.call("bob", via=via)
        assert first.request.via.branch == second.request.via.branch
        assert len(first.forwarded()) == 2

    def test_our_own_copy_always_has_it(self, scene, via):
        copy = scene.call("bob", via=via).at(BOB).message
        assert copy.vias[0].has_magic_cookie
        assert str(copy.vias[1]) == via.removeprefix("Via: ")


@pytest.mark.rule("P28")
class TestWithoutTags:
    """12.1.1: tags may be missing on either side."""

    @pytest.mark.parametrize("from_", [UNTAGGED, "Alice <sip:alice@example.org>;tag=a"])
    def test_a_call_from_invite_to_bye(self, scene, from_):
        call = scene.call("bob", from_=from_)
        answer(scene, call.at(BOB), 180)
        answer(scene, call.at(BOB), 200, fields=[("Contact", f"<{DESK}>")])
        assert call.statuses == [100, 180, 200]
        assert not call.final.to_tag
        assert call.in_dialog("ACK", cseq=1).at(BOB)
        bye = call.in_dialog("BYE")
        answer(scene, bye.at(BOB), 200)
        assert bye.statuses == [200]

    @pytest.mark.parametrize("from_", [UNTAGGED, "Alice <sip:alice@example.org>;tag=a"])
    def test_the_callee_hangs_up(self, scene, from_):
        call = scene.call("bob", from_=from_)
        answer(scene, call.at(BOB), 200, fields=[("Contact", f"<{DESK}>")])
        bye = scene.send(
            BOB,
            method="BYE",
            uri="sip:alice@192.0.2.10:5060",
            from_="<sip:bob@example.org>",
            to=from_,
            call_id=call.request.call_id,
            fields=[f"Route: {call.final.first('record-route')}"],
        )
        assert bye.at(ALICE)

    def test_a_second_invite_of_the_call_goes_to_its_phone_alone(self, scene):
        call = scene.call("bob")
        answer(scene, call.at(BOB), 200, fields=[("Contact", f"<{DESK}>")])
        scene.register("bob", "sip:bob@192.0.2.30:5060")
        again = call.in_dialog("INVITE")
        assert [sent.remote for sent in again.forwarded()] == [BOB]

    @pytest.mark.rule("P27")
    def test_without_a_route_as_well_it_reaches_the_other_side(self, scene):
        call = scene.call("bob")
        answer(scene, call.at(BOB), 200, fields=[("Contact", f"<{DESK}>")])
        assert call.in_dialog("ACK", cseq=1, uri="sip:bob@192.0.2.1", fields=[]).at(BOB)
        assert call.in_dialog("BYE", uri="sip:bob@192.0.2.1", fields=[]).at(BOB)

    def test_a_bye_of_no_call_is_no_request_for_the_user(self, scene):
        bye = scene.send(method="BYE", uri="sip:bob@example.org")
        assert (bye.statuses, bye.forwarded()) == ([481], [])

    def test_a_failure_without_tag_goes_up(self, scene):
        call = scene.call("bob")
        answer(scene, call.at(BOB), 486)
        assert call.statuses == [100, 486]


class TestStrictRouters:
    """16.4 and 16.6 step 6: routers that put the next Route into the Request-URI."""

    STRICT = "<sip:192.0.2.30:5060>"  # without lr

    def call(self, scene, *routes):
        call = scene.call("bob")
        copy = call.at(BOB)
        response = response_to(copy.message, 200, None, "bob")
        for value in (*routes, *copy.message.lines("record-route")):
            response.append("Record-Route", value)
        response.append("Contact", f"<{DESK}>")
        scene.endpoint.deliver(response, BOB)
        return call

    @pytest.mark.rule("P05")
    @pytest.mark.rfc("3261", "16.6")
    def test_one_beyond_us_gets_its_address_in_the_request_uri(self, scene):
        call = self.call(scene, self.STRICT)
        bye = call.in_dialog("BYE").at(CAROL).message
        assert bye.uri_text == self.STRICT.strip("<>")
        assert bye.values("route") == [f"<{DESK}>"]

    @pytest.mark.rule("P04")
    @pytest.mark.rfc("3261", "16.4")
    def test_one_before_us_has_put_ours_there(self, scene):
        call = self.call(scene)
        ours = call.final.first("record-route").strip("<>")
        bye = call.in_dialog("BYE", uri=ours, fields=[f"Route: <{DESK}>"])
        sent = bye.at(BOB).message
        assert (sent.uri_text, sent.has("route")) == (DESK, False)

    @pytest.mark.rule("P04")
    @pytest.mark.rule("P05")
    def test_between_two_of_them(self, scene):
        call = self.call(scene, self.STRICT)
        ours = call.final.values("record-route")[-1].strip("<>")
        bye = call.in_dialog("BYE", uri=ours, fields=[f"Route: {self.STRICT}, <{DESK}>"])
        sent = bye.at(CAROL).message
        assert (sent.uri_text, sent.values("route")) == (self.STRICT.strip("<>"), [f"<{DESK}>"])

    @pytest.mark.rule("P04")
    def test_an_ack_too(self, scene):
        call = self.call(scene)
        ours = call.final.first("record-route").strip("<>")
        ack = call.in_dialog("ACK", cseq=1, uri=ours, fields=[f"Route: <{DESK}>"])
        assert ack.at(BOB).message.uri_text == DESK

    @pytest.mark.rule("P11")
    def test_our_own_route_always_says_that_we_are_none(self, scene):
        value = scene.call("bob").at(BOB).message.first("record-route")
        assert ";lr;" in value
