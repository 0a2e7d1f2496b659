"""Requests of dialogs that were let through: those without their route, and those that would go elsewhere."""

import pytest

from proxy.known_dialogs import LONGEST, MOST_SIDES, KnownDialogs
from sip.message.messages import response_to
from sip.message.uri import Uri
from sip.transport.selection import NextHop
from tests.proxy.scene import ALICE, BOB, CAROL, DAVE, ELSEWHERE, MALLORY, Scene

pytestmark = [pytest.mark.rule("P27"), pytest.mark.rfc("3261", "16.4")]

DESK = "sip:bob@192.0.2.20:5060"
STRANGER = "<sip:eve@elsewhere.example>;tag=eve"


@pytest.fixture
def scene():
    scene = Scene()
    scene.register("bob", DESK)
    return scene


@pytest.fixture
def call(scene):
    """A stranger's call that Bob has answered."""
    call = scene.call("bob", from_=STRANGER)
    scene.answer(call.at(BOB), 200, fields=[f"Contact: <{DESK}>"])
    return call


def from_bob(scene, call, method="BYE", source=BOB, **parts):
    facts = {"uri": "sip:alice@192.0.2.10:5060", "from_": call.final.first("to"), "to": call.final.first("from")}
    return scene.send(source, method=method, call_id=call.request.call_id, **{**facts, **parts})


class TestWithoutRoute:
    """Some phones forget the Record-Route: their ACK and BYE still reach the other side, and nobody else."""

    @pytest.mark.parametrize("uri", [DESK, "sip:bob@example.org", "sip:bob@192.0.2.1:5060"])
    def test_from_the_caller(self, scene, call, uri):
        ack = call.in_dialog("ACK", cseq=1, uri=uri, fields=[])
        assert ack.at(BOB).message.uri_text == DESK
        bye = call.in_dialog("BYE", uri=uri, fields=[])
        scene.answer(bye.at(BOB), 200)
        assert bye.statuses == [200]
        assert scene.handler.count["without_route"] == 2

    @pytest.mark.parametrize("uri", ["sip:alice@192.0.2.10:5060", "sip:192.0.2.1"])
    def test_from_the_callee(self, scene, call, uri):
        assert from_bob(scene, call, uri=uri).at(ALICE).message.uri_text == "sip:alice@192.0.2.10:5060"

    def test_our_route_without_its_signature_is_taken_off(self, call):
        bye = call.in_dialog("BYE", fields=["Route: <sip:192.0.2.1:5060;lr>"])
        assert not bye.at(BOB).message.has("route")

    @pytest.mark.parametrize(
        "change",
        [
            {"source": MALLORY},
            {"source": (ALICE[0], ALICE[1] + 1)},
            {"uri": "sip:premium@203.0.113.5"},
            {"to": "<sip:bob@example.org>;tag=other"},
            {"from_": "<sip:eve@elsewhere.example>;tag=other"},
            {"call_id": "other"},
            {"fields": ["Route: <sip:203.0.113.5;lr>"]},
        ],
    )
    def test_nobody_else_and_to_nobody_else(self, call, change):
        parts = {"fields": [], "uri": DESK, **change}
        assert call.in_dialog("ACK", cseq=1, **parts).sent == []
        assert call.in_dialog("BYE", **parts).statuses == [403]

    def test_the_latest_contact_counts(self, scene, call):
        again = from_bob(
            scene, call, "INVITE",
            fields=[f"Route: {call.final.first('record-route')}", "Contact: <sip:bob@192.0.2.40:5060>"],
        )  # fmt: skip
        assert again.at(ALICE)
        assert call.in_dialog("BYE", uri="sip:bob@example.org", fields=[]).at(DAVE)

    def test_of_two_phones_that_answered_each_has_its_own(self, scene):
        scene.register("bob", "sip:bob@192.0.2.30:5060")
        call = scene.call("bob")
        scene.answer(call.at(BOB), 200, fields=[f"Contact: <{DESK}>"])
        scene.answer(call.at(CAROL), 200, fields=["Contact: <sip:bob@192.0.2.30:5060>"])
        bye = call.in_dialog("BYE", uri="sip:bob@example.org", fields=[])
        assert bye.at(CAROL)

    def test_a_side_that_named_no_contact_is_not_guessed(self, scene):
        call = scene.call("bob", from_=STRANGER)
        scene.answer(call.at(BOB), 200)
        assert call.in_dialog("BYE", uri="sip:bob@example.org", fields=[]).statuses == [481]

    def test_a_contact_that_leads_here_is_no_way(self, scene):
        call = scene.call("bob", from_=STRANGER)
        scene.answer(call.at(BOB), 200, fields=["Contact: <sip:bob@192.0.2.1:5060>"])
        assert call.in_dialog("BYE", uri="sip:bob@example.org", fields=[]).statuses == [481]

    def test_on_a_connection_the_port_does_not_matter(self, scene):
        call = scene.call("bob", source=(ALICE[0], 40001), protocol="tcp", from_=STRANGER)
        scene.answer(call.at(BOB), 200, fields=[f"Contact: <{DESK}>"])
        bye = call.in_dialog("BYE", source=(ALICE[0], 40002), protocol="tcp", uri=DESK, fields=[])
        assert bye.at(BOB)


class TestLedAstray:
    """Our signed route carries nobody beyond the other side of the dialog."""

    @pytest.mark.parametrize("method", ["INVITE", "MESSAGE", "REFER", "SUBSCRIBE"])
    def test_what_would_begin_something_elsewhere_is_refused(self, scene, call, method):
        astray = call.in_dialog(method, uri="sip:premium@203.0.113.5")
        assert astray.statuses[-1] == 403
        assert astray.forwarded() == []
        assert scene.handler.count["led_astray"] == 1

    def test_nor_with_a_tag_that_nobody_has(self, scene, call):
        astray = call.in_dialog("INVITE", uri="sip:premium@203.0.113.5", to="<sip:bob@example.org>;tag=made-up")
        assert astray.statuses == [100, 403]
        ringing = scene.call("bob", from_=STRANGER)
        scene.answer(ringing.at(BOB), 180)
        assert ringing.in_dialog("INVITE", uri="sip:premium@203.0.113.5").statuses == [100, 403]

    def test_nor_once_it_is_over(self, scene, call):
        scene.answer(call.in_dialog("BYE").at(BOB), 200)
        assert call.in_dialog("INVITE", cseq=3, uri="sip:premium@203.0.113.5").statuses == [100, 403]

    def test_nor_by_a_route_beyond_ours(self, scene, call):
        routes = [f"Route: {value}" for value in call.final.values("record-route")]
        astray = call.in_dialog("INVITE", fields=[*routes, "Route: <sip:203.0.113.5;lr>"])
        assert astray.statuses == [100, 403]

    def test_nor_by_maddr(self, call):
        assert call.in_dialog("INVITE", uri=f"{DESK};maddr=203.0.113.5").statuses == [100, 403]

    def test_to_the_other_side_it_goes(self, call):
        assert call.in_dialog("INVITE", uri=f"{DESK};ob").at(BOB)

    def test_a_proxy_beyond_may_be_on_the_way(self, scene):
        scene.register("bob", "sip:bob@192.0.2.40", path=("<sip:192.0.2.30:5060;lr>",))
        call = scene.call("sip:bob@example.org", from_=STRANGER)
        copy = call.at(CAROL)
        fields = ["Record-Route: <sip:192.0.2.30:5060;lr>", f"Record-Route: {copy.message.first('record-route')}"]
        data = f"Contact: <{DESK}>"
        response = response_to(copy.message, 200, None, "bob")
        for field in (*fields, data):
            name, _, value = field.partition(": ")
            response.append(name, value)
        scene.endpoint.deliver(response, CAROL)
        assert call.statuses[-1] == 200
        again = call.in_dialog("INVITE", uri=DESK)
        assert again.at(CAROL)

    def test_a_user_of_ours_may_be_relayed_once_he_has_said_who_he_is(self, scene):
        scene.org.auth_call = True
        asked = scene.call("bob")
        call = asked.with_password()
        scene.answer(call.at(BOB), 200, fields=[f"Contact: <{DESK}>"])
        assert call.in_dialog("INVITE", cseq=9, uri="sip:x@203.0.113.5").statuses == [100, 407]

    def test_where_nothing_is_known_the_signature_decides(self, scene, call):
        """After a restart."""
        other = Scene()
        assert call.in_dialog("INVITE").at(BOB)
        for cseq in (3, 4):
            again = call.in_dialog("INVITE", cseq=cseq)
            other.endpoint.deliver(again.data.replace(b"z9hG4bK", b"z9hG4bKother"), ALICE)
            assert other.endpoint.sent[-1].remote == BOB

    def test_what_merely_goes_on_may_go_where_it_wants(self, call):
        """A BYE begins nothing, and old phones send it to where the call has been moved."""
        assert call.in_dialog("BYE", uri="sip:bob@203.0.113.5").at(ELSEWHERE)


class TestBounds:
    """Nothing grows."""

    def call(self, known, scene, number, **parts):
        sent = scene.send(method="INVITE", uri="sip:bob@example.org", call_id=f"c{number}", **parts)
        known.request(sent.request, sent.flow)
        return sent.request

    def test_calls(self, scene):
        known = KnownDialogs(most_kept=2)
        for number in range(3):
            self.call(known, scene, number)
        assert len(known) == 2

    def test_sides_and_places(self, scene):
        known = KnownDialogs()
        call = scene.call("bob")
        known.request(call.request, call.flow)
        for number in range(MOST_SIDES + 2):
            scene.answer(call.at(BOB), 200, to_tag=f"t{number}", fields=[f"Contact: <sip:b{number}@192.0.2.20>"])
        hop = NextHop("udp", *BOB)
        for response in call.responses[1:]:
            known.response(response, hop)
        [entry] = known._calls.values()
        assert len(entry.callees) == MOST_SIDES
        for number in range(9):
            known.request(
                call.in_dialog("UPDATE", cseq=number + 2, source=(ALICE[0], 5070 + number)).request, call.flow
            )
        assert len(entry.caller.sources) == 1

    def test_long_and_malformed_ones_are_not_kept_or_not_judged(self, scene):
        long = "x" * LONGEST
        call = scene.call("bob", from_=STRANGER)
        scene.answer(call.at(BOB), 180, to_tag="b", fields=[f"Contact: <sip:{long}@192.0.2.20>"])
        scene.answer(call.at(BOB), 183, to_tag="b", fields=["Contact: <sip:a@b@c>"])
        scene.answer(call.at(BOB), 200, to_tag="b", fields=[f"Record-Route: <sip:{long}@h;lr>"])
        dialogs = scene.handler._forwarder.dialogs
        request = call.in_dialog("INVITE", uri=DESK).request
        assert dialogs.leads_astray(request, Uri.parse(DESK), ["<sip:203.0.113.5;lr>"]) is False
        assert dialogs.leads_astray(request, Uri.parse(DESK), []) is False
        assert dialogs.without_route(request, Uri.parse(DESK), call.flow, is_own=True) is None
