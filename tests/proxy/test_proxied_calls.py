"""Whole calls through the real endpoint on an imaginary network."""

from ipaddress import ip_network

import pytest

from proxy.core.response_context import CLEARING_TIME, TIMER_C
from proxy.trunks import Trunks
from tests.proxy.scene import ALICE, BOB, CAROL, DAVE, ELSEWHERE, Scene
from tests.sip.imaginary import SERVER, ListenAddress

pytestmark = pytest.mark.rfc("3261", "16")

DESK, MOBILE, SOFT = "sip:bob@192.0.2.20:5060", "sip:bob@192.0.2.30:5060", "sip:bob@192.0.2.40:5060"


@pytest.fixture
def scene():
    return Scene()


def a_fork(scene, *contacts):
    for contact, q in contacts:
        scene.register("bob", contact, q)
    return scene.call("bob")


class TestOnePhone:
    """16.1: the plain call."""

    @pytest.mark.rule("P12")
    @pytest.mark.rfc("3261", "16.2")
    @pytest.mark.rfc("3261", "16.1")
    def test_it_rings_answers_and_ends(self, scene):
        scene.register("bob", DESK)
        call = scene.call("bob")
        copy = call.at(BOB)
        scene.answer(copy, 100)
        scene.answer(copy, 180)
        scene.answer(copy, 200, fields=[f"Contact: <{DESK}>"])
        assert call.statuses == [100, 180, 200]
        ack = call.in_dialog("ACK", cseq=1)
        assert [sent.remote for sent in ack.forwarded()] == [BOB]
        bye = call.in_dialog("BYE")
        scene.answer(bye.at(BOB), 200)
        assert bye.statuses == [200]
        scene.advance(64)
        assert (scene.endpoint.transactions, len(scene.handler.running)) == (0, 0)

    @pytest.mark.rule("P13")
    @pytest.mark.rfc("3261", "16.7")
    def test_the_to_tag_is_the_phones(self, scene):
        scene.register("bob", DESK)
        call = scene.call("bob")
        scene.answer(call.at(BOB), 180, to_tag="desk")
        scene.answer(call.at(BOB), 486, to_tag="desk")
        assert [response.to_tag for response in call.responses[1:]] == ["desk", "desk"]

    @pytest.mark.rule("P13")
    def test_a_final_response_of_our_own_has_a_tag(self, scene):
        assert scene.call("bob").final.to_tag

    @pytest.mark.rule("P28")
    @pytest.mark.rfc("3261", "16.7")
    def test_responses_go_where_the_next_via_says(self, scene):
        scene.register("bob", DESK)
        via = "Via: SIP/2.0/UDP 192.0.2.10:5070;branch=z9hG4bKx"
        call = scene.call("bob", source=("192.0.2.10", 45678), via=via)
        scene.answer(call.at(BOB), 200)
        assert call.sent[-1].remote == ("192.0.2.10", 5070)

    @pytest.mark.rule("P28")
    def test_a_caller_without_tag_is_served(self, scene):
        scene.register("bob", DESK)
        call = scene.call("bob", from_="<sip:alice@example.org>")
        scene.answer(call.at(BOB), 200, fields=[f"Contact: <{DESK}>"])
        assert call.statuses[-1] == 200
        assert call.in_dialog("BYE").forwarded()

    @pytest.mark.rule("P02")
    @pytest.mark.parametrize("method", ["MESSAGE", "SUBSCRIBE", "OPTIONS", "INFO", "NOTIFY", "DANCE"])
    def test_other_methods_go_the_same_way(self, scene, method):
        scene.register("bob", DESK)
        sent = scene.send(method=method, uri="sip:bob@example.org")
        scene.answer(sent.at(BOB), 202)
        assert sent.statuses == [202]

    @pytest.mark.rule("P32")
    def test_a_message_is_not_record_routed(self, scene):
        scene.register("bob", DESK)
        assert not scene.send(method="MESSAGE", uri="sip:bob@example.org").at(BOB).message.has("record-route")

    @pytest.mark.rule("R10")
    def test_the_request_uri_is_canonicalised_for_the_look_up(self, scene):
        scene.register("bob", DESK)
        for uri in (
            "sip:%62ob@EXAMPLE.org;user=phone",
            "sip:bob@example.org:5060",
            "sip:bob@example.org;transport=udp",
        ):
            assert scene.call(uri).at(BOB)
        assert scene.call("sip:Bob@example.org").statuses[-1] == 404

    @pytest.mark.rule("R11")
    def test_our_address_means_our_first_domain(self, scene):
        scene.register("bob", DESK)
        assert scene.call("sip:bob@192.0.2.1:5060").at(BOB)
        assert scene.call("sip:bob@192.0.2.1").at(BOB)

    @pytest.mark.rule("P05")
    def test_a_path_becomes_the_route(self, scene):
        scene.register("bob", DESK, path=("<sip:192.0.2.77:5080;lr>",))
        copy = scene.call("bob").at(("192.0.2.77", 5080)).message
        assert (copy.uri_text, copy.values("route")) == (DESK, ["<sip:192.0.2.77:5080;lr>"])


class TestFork:
    """16.6, 16.7."""

    @pytest.mark.rule("P10")
    def test_each_branch_has_its_own_branch_value(self, scene):
        call = a_fork(scene, (DESK, 1.0), (MOBILE, 1.0))
        first, second = call.at(BOB).message, call.at(CAROL).message
        assert first.via.branch != second.via.branch
        assert first.via.branch != call.request.via.branch

    @pytest.mark.rule("P20")
    @pytest.mark.rfc("3261", "9.1")
    def test_the_loser_is_cancelled_as_9_1_wants_it(self, scene):
        call = a_fork(scene, (DESK, 1.0), (MOBILE, 1.0))
        scene.answer(call.at(CAROL), 180)
        scene.answer(call.at(BOB), 200)
        invite, sent = call.at(CAROL).message, call.at(CAROL, "CANCEL")
        cancel = sent.message
        assert cancel.uri_text == invite.uri_text
        assert [str(via) for via in cancel.vias] == [str(invite.via)]
        for name in ("call-id", "from", "to"):
            assert cancel.first(name) == invite.first(name)
        assert cancel.cseq == (invite.cseq.number, "CANCEL")
        assert not cancel.has("require")

    @pytest.mark.rule("P20")
    @pytest.mark.rfc("3326", "2")
    def test_the_losers_are_told_why(self, scene):
        call = a_fork(scene, (DESK, 1.0), (MOBILE, 1.0), (SOFT, 1.0))
        scene.answer(call.at(CAROL), 180)
        scene.answer(call.at(BOB), 200)
        scene.answer(call.at(DAVE), 180)
        reasons = [call.at(at, "CANCEL").message.lines("reason") for at in (CAROL, DAVE)]
        assert reasons == [['SIP;cause=200;text="Call completed elsewhere"']] * 2

    @pytest.mark.rule("P20")
    @pytest.mark.rfc("3326", "2")
    def test_why_the_caller_gave_up_is_carried_on(self, scene):
        call = a_fork(scene, (DESK, 1.0))
        scene.answer(call.at(BOB), 180)
        call.cancel(fields=['Reason: SIP;cause=487;text="Changed my mind"', "Reason: Q.850;cause=16"])
        assert call.at(BOB, "CANCEL").message.first("reason") == 'SIP;cause=487;text="Changed my mind", Q.850;cause=16'

    @pytest.mark.rule("P20")
    def test_a_silent_phone_is_cancelled_only_after_it_spoke(self, scene):
        call = a_fork(scene, (DESK, 1.0), (MOBILE, 1.0))
        scene.answer(call.at(BOB), 200)
        assert call.forwarded("CANCEL") == []
        scene.answer(call.at(CAROL), 180)
        assert call.at(CAROL, "CANCEL")

    @pytest.mark.rule("P19")
    @pytest.mark.rfc("3261", "16.10")
    def test_a_caller_who_gives_up_on_a_silent_phone_need_not_wait_for_timer_b(self, scene):
        call = a_fork(scene, (DESK, 1.0))
        cancelled = call.cancel()
        assert cancelled.statuses == [200]
        scene.advance(CLEARING_TIME)
        assert call.statuses == [100, 487]
        assert call.forwarded("CANCEL") == []  # §9.1: the phone never said a word

    @pytest.mark.rule("P21")
    def test_two_2xx_both_reach_the_caller(self, scene):
        call = a_fork(scene, (DESK, 1.0), (MOBILE, 1.0))
        scene.answer(call.at(BOB), 200)
        scene.answer(call.at(CAROL), 200)
        assert [response.to_tag for response in call.responses if response.status == 200] == [
            "tag-192.0.2.20",
            "tag-192.0.2.30",
        ]

    @pytest.mark.rule("P14")
    def test_a_603_stops_a_sequential_fork(self, scene):
        scene.set_policy("bob", "proxy-sequential")
        call = a_fork(scene, (DESK, 1.0), (MOBILE, 1.0))
        assert len(call.forwarded()) == 1
        scene.answer(call.forwarded()[0], 603)
        assert call.statuses == [100, 603]
        assert len(call.forwarded()) == 1

    @pytest.mark.rule("P15")
    def test_the_best_failure_goes_up_once_all_have_ended(self, scene):
        call = a_fork(scene, (DESK, 1.0), (MOBILE, 1.0), (SOFT, 1.0))
        scene.answer(call.at(BOB), 404)
        scene.answer(call.at(CAROL), 503)
        assert call.statuses == [100]
        scene.answer(call.at(DAVE), 486)
        assert call.statuses == [100, 486]
        assert scene.record.steps[-1].text.startswith("486 Busy Here goes to the caller (what the caller can mend")

    @pytest.mark.rule("P16")
    def test_challenges_of_all_branches_arrive_together(self, scene):
        call = a_fork(scene, (DESK, 1.0), (MOBILE, 1.0))
        scene.answer(call.at(BOB), 401, fields=['WWW-Authenticate: Digest realm="desk"'])
        scene.answer(call.at(CAROL), 407, fields=['Proxy-Authenticate: Digest realm="cell"'])
        final = call.final
        assert final.lines("www-authenticate") == ['Digest realm="desk"']
        assert final.lines("proxy-authenticate") == ['Digest realm="cell"']

    @pytest.mark.rule("P06")
    def test_q_groups_follow_each_other(self, scene):
        call = a_fork(scene, (DESK, 1.0), (MOBILE, 0.5))
        assert [sent.remote for sent in call.forwarded()] == [BOB]
        scene.answer(call.at(BOB), 486)
        assert [sent.remote for sent in call.forwarded()] == [BOB, CAROL]
        scene.answer(call.at(CAROL), 200)
        assert call.statuses[-1] == 200

    @pytest.mark.rule("P06")
    @pytest.mark.rfc("3261", "16.6")
    def test_where_the_domain_wants_it_earlier_phones_ring_on(self, scene):
        scene.org.keep_ringing = True
        scene.set_policy("bob", "inherit", ring_time=5)
        call = a_fork(scene, (DESK, 1.0), (MOBILE, 0.5))
        scene.answer(call.at(BOB), 180)
        scene.advance(5)
        scene.answer(call.at(CAROL), 180)
        scene.answer(call.at(BOB), 200)
        assert call.statuses == [100, 180, 180, 200]
        assert call.at(CAROL, "CANCEL").message.first("reason") == 'SIP;cause=200;text="Call completed elsewhere"'
        assert "was the first to answer: 200; 1 other phone" in scene.record.steps[-1].text

    @pytest.mark.rule("P33")
    def test_the_ring_time_ends_in_a_cancel_and_480(self, scene):
        scene.set_policy("bob", "inherit", ring_time=5)
        call = a_fork(scene, (DESK, 1.0))
        scene.answer(call.at(BOB), 180)
        scene.advance(5)
        cancel = call.at(BOB, "CANCEL")
        scene.answer(cancel, 200)
        scene.answer(call.at(BOB), 487)
        assert call.statuses == [100, 180, 480]
        assert scene.record.explanation == "bob's phone was not answered (480)"
        call.ack()
        scene.advance(200)
        assert (scene.endpoint.transactions, len(scene.handler.running)) == (0, 0)

    @pytest.mark.rule("P33")
    def test_a_silent_phone_ends_in_480_as_well(self, scene):
        scene.set_policy("bob", "inherit", ring_time=5)
        call = a_fork(scene, (DESK, 1.0))
        scene.advance(5)
        assert call.statuses == [100, 480]

    @pytest.mark.rule("P18")
    @pytest.mark.rfc("3261", "16.8")
    def test_timer_c_cancels_what_rings_for_ever(self, scene):
        scene.set_policy("bob", "inherit", ring_time=10_000)
        call = a_fork(scene, (DESK, 1.0))
        scene.answer(call.at(BOB), 180)
        scene.advance(TIMER_C - 1)
        scene.answer(call.at(BOB), 180)
        scene.advance(TIMER_C - 1)
        assert call.forwarded("CANCEL") == []
        scene.advance(1)
        assert call.at(BOB, "CANCEL")

    @pytest.mark.rule("P24")
    @pytest.mark.rfc("3261", "16.3")
    def test_merged_requests_are_forwarded(self, scene):
        scene.register("bob", DESK)
        scene.call("bob", call_id="same", branch="z9hG4bK-one")
        again = scene.call("bob", call_id="same", branch="z9hG4bK-two")
        assert again.at(BOB)


@pytest.mark.rule("P19")
@pytest.mark.rfc("3261", "16.10")
class TestCancel:
    """16.10."""

    def test_the_caller_gets_200_at_once_and_487_from_the_phone(self, scene):
        scene.register("bob", DESK)
        call = scene.call("bob")
        scene.answer(call.at(BOB), 180)
        cancel = call.cancel(fields=['Reason: SIP;cause=487;text="Changed my mind"'])
        assert cancel.statuses == [200]
        sent = call.at(BOB, "CANCEL")
        assert sent.message.first("reason") == 'SIP;cause=487;text="Changed my mind"'
        scene.answer(sent, 200)
        scene.answer(call.at(BOB), 487)
        assert call.statuses == [100, 180, 487]
        assert scene.record.state == "cancelled"

    def test_before_any_answer_of_the_phone_487_is_ours(self, scene):
        scene.register("bob", DESK)
        call = scene.call("bob")
        cancel = call.cancel()
        assert call.forwarded("CANCEL") == []
        scene.advance(CLEARING_TIME)
        assert call.statuses == [100, 487]
        assert cancel.final.to_tag == call.final.to_tag

    @pytest.mark.rfc("3261", "9.2")
    def test_too_late_it_is_200_without_effect(self, scene):
        scene.register("bob", DESK)
        call = scene.call("bob")
        scene.answer(call.at(BOB), 200)
        assert call.cancel().statuses == [200]
        assert call.forwarded("CANCEL") == []

    @pytest.mark.rule("X10")
    def test_without_a_call_it_is_481(self, scene):
        assert scene.send(method="CANCEL", uri="sip:bob@example.org").statuses == [481]

    @pytest.mark.rule("X10")
    def test_one_on_its_way_through_here_goes_on(self, scene):
        scene.register("bob", DESK)
        call = scene.call("bob")
        scene.answer(call.at(BOB), 200, fields=[f"Contact: <{DESK}>"])
        cancel = call.in_dialog("CANCEL")
        assert cancel.at(BOB)
        assert cancel.statuses == [481]


@pytest.mark.rule("P22")
@pytest.mark.rfc("3261", "16.9")
class TestTrouble:
    """16.9, and RFC 3263 4.3."""

    def test_a_phone_that_cannot_be_reached_is_500(self, scene):
        scene.register("bob", "sip:bob@192.0.2.20:5060;transport=tcp")
        scene.endpoint.network.refuses_connections = True
        call = scene.call("bob")
        assert call.statuses == [100, 500]

    def test_a_name_that_nobody_knows_is_500(self, scene):
        scene.register("bob", "sip:bob@phone.example.com")
        assert scene.call("bob").statuses == [100, 500]

    @pytest.mark.rule("P10")
    @pytest.mark.rfc("3263", "4.3")
    def test_the_next_address_of_a_name_is_tried_on_a_branch_of_its_own(self, scene):
        scene.endpoint.network.names["phone.example.com"] = ["192.0.2.20", "192.0.2.30"]
        scene.register("bob", "sip:bob@phone.example.com:5060")
        call = scene.call("bob")
        scene.answer(call.at(BOB), 503)
        second = call.at(CAROL)
        assert second.message.via.branch != call.at(BOB).message.via.branch
        scene.answer(second, 200)
        assert call.statuses == [100, 200]

    def test_a_caller_out_of_reach_does_not_end_the_branches(self, scene):
        scene.register("bob", DESK)
        call = scene.call("bob")
        scene.endpoint.listeners[0].channel.is_broken = True
        scene.answer(call.at(BOB), 180)
        scene.endpoint.listeners[0].channel.is_broken = False
        assert call.forwarded("CANCEL") == []
        scene.answer(call.at(BOB), 200)
        assert call.statuses[-1] == 200

    @pytest.mark.rule("X07")
    def test_a_message_without_answer_gets_no_408(self, scene):
        scene.register("bob", DESK)
        sent = scene.send(method="MESSAGE", uri="sip:bob@example.org")
        scene.advance(70)
        assert 408 not in sent.statuses
        assert scene.endpoint.transactions == 0

    @pytest.mark.rule("R27")
    @pytest.mark.threat(30)
    def test_sips_never_goes_out_in_clear(self, scene):
        scene.register("bob", "sips:bob@192.0.2.20:5061")
        call = scene.call("sips:bob@example.org")
        assert call.forwarded() == []
        assert call.statuses[-1] >= 480


class TestConnections:
    """Phones on TCP."""

    LISTENERS = (ListenAddress("udp", *SERVER),)

    @pytest.mark.rule("X13")
    def test_a_binding_is_reached_on_the_connection_it_came_by(self, scene):
        flow = scene.endpoint.flow(("192.0.2.20", 40123), "tcp")
        scene.register("bob", "sip:bob@10.0.0.5:5060;transport=tcp", flow=flow)
        copy = scene.call("bob").at(("192.0.2.20", 40123))
        assert copy.protocol == "tcp"
        scene.answer(copy, 486)

    @pytest.mark.rule("P11")
    @pytest.mark.rfc("5658", "3.2")
    def test_a_change_of_transport_is_record_routed_on_both_sides(self, scene):
        flow = scene.endpoint.flow(("192.0.2.20", 40123), "tcp")
        scene.register("bob", "sip:bob@10.0.0.5:5060;transport=tcp", flow=flow)
        call = scene.call("bob")
        copy = call.at(("192.0.2.20", 40123))
        routes = [value.partition(";proof")[0] for value in copy.message.values("record-route")]
        assert routes == ["<sip:192.0.2.1:5060;transport=tcp;lr", "<sip:192.0.2.1:5060;lr"]
        scene.answer(copy, 200, fields=["Contact: <sip:bob@192.0.2.20:40123;transport=tcp>"])
        bye = call.in_dialog("BYE")
        sent = bye.at(("192.0.2.20", 40123))
        assert not sent.message.has("route")

    @pytest.mark.rule("X13")
    @pytest.mark.rfc("5626", "4.3")
    def test_requests_of_the_dialog_go_by_the_connection_of_their_side(self, scene):
        alice, bob = ("192.0.2.10", 40001), ("192.0.2.20", 40123)
        scene.register("bob", "sip:bob@10.0.0.5:5060;transport=tcp", flow=scene.endpoint.flow(bob, "tcp"))
        contact = "Contact: <sip:alice@10.0.0.7:5060;transport=tcp>"
        call = scene.call("bob", source=alice, protocol="tcp", fields=[contact])
        scene.answer(call.at(bob), 200, fields=["Contact: <sip:bob@10.0.0.5:5060;transport=tcp>"])
        assert call.in_dialog("ACK", cseq=1, protocol="tcp").at(bob)
        assert call.in_dialog("INFO", protocol="tcp").at(bob)
        bye = {
            "method": "BYE",
            "uri": "sip:alice@10.0.0.7:5060;transport=tcp",
            "from_": call.final.first("to"),
            "to": call.final.first("from"),
            "fields": [f"Route: {value}" for value in call.final.values("record-route")],
        }
        assert scene.send(bob, protocol="tcp", call_id=call.request.call_id, **bye).at(alice)
        # In another call the same address means what it says.
        other = scene.send(bob, protocol="tcp", call_id="another", **bye)
        assert other.statuses == [407]

    @pytest.mark.rule("P09")
    @pytest.mark.rfc("3261", "16.6")
    def test_content_length_is_added_for_streams(self, scene):
        flow = scene.endpoint.flow(("192.0.2.20", 40123), "tcp")
        scene.register("bob", "sip:bob@10.0.0.5:5060;transport=tcp", flow=flow)
        text = (
            "MESSAGE sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKm\r\n"
            "From: <sip:alice@example.org>;tag=a\r\nTo: <sip:bob@example.org>\r\nCall-ID: m\r\n"
            "CSeq: 1 MESSAGE\r\n\r\nhi"
        )
        scene.endpoint.deliver(text.encode(), ALICE)
        [sent] = [sent for sent in scene.endpoint.sent if sent.remote == ("192.0.2.20", 40123)]
        assert sent.message.first("content-length") == "2"
        assert sent.message.first("max-forwards") == "70"


class TestForwardPolicy:
    """forward:URI to another server."""

    def test_it_goes_there_for_strangers_too(self, scene):
        scene.set_policy("bob", "forward:sip:desk@203.0.113.5")
        call = scene.call("bob", from_="<sip:x@elsewhere.example>;tag=1")
        assert call.at(ELSEWHERE).message.uri_text == "sip:desk@203.0.113.5"
        scene.answer(call.at(ELSEWHERE), 200)
        assert call.statuses[-1] == 200


@pytest.mark.threat(11)
class TestLoops:
    """16.3 step 4, RFC 5393."""

    def loop(self, scene, uri):
        scene.set_policy("bob", "forward:sip:bob@203.0.113.5")
        call = scene.call("bob")
        copy = call.at(ELSEWHERE).message
        copy.uri_text = uri
        copy.add_top("Via", "SIP/2.0/UDP 203.0.113.5:5060;branch=z9hG4bKloop")
        scene.endpoint.deliver(copy, ELSEWHERE)
        back = scene.endpoint.sent[-1].message
        return call, back

    @pytest.mark.rule("P25")
    @pytest.mark.rfc("5393", "4")
    def test_a_request_that_comes_back_unchanged_is_482(self, scene):
        _, back = self.loop(scene, "sip:bob@example.org")
        assert back.status == 482

    @pytest.mark.rule("P25")
    @pytest.mark.rfc("3261", "16.6")
    def test_no_memory_is_needed_to_know_it(self, scene):
        scene.set_policy("bob", "forward:sip:bob@203.0.113.5")
        copy = scene.call("bob").at(ELSEWHERE).message
        copy.add_top("Via", "SIP/2.0/UDP 203.0.113.5:5060;branch=z9hG4bKloop")
        copy.uri_text = "sip:%62ob@EXAMPLE.org"
        other = Scene()  # the same server after a restart, or another worker
        other.endpoint.deliver(copy, ELSEWHERE)
        assert other.endpoint.sent[-1].status == 482
        assert other.handler.count["loop_detected"] == 1

    @pytest.mark.rule("P25")
    def test_it_is_found_before_the_fork(self, scene):
        scene.register("bob", DESK)
        scene.register("bob", MOBILE)
        copy = scene.call("bob").at(BOB).message
        copy.uri_text = "sip:bob@example.org"
        copy.add_top("Via", "SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bKloop")
        before = len(scene.endpoint.sent)
        scene.endpoint.deliver(copy, BOB)
        assert [sent.status for sent in scene.endpoint.sent[before:]] == [100, 482]

    @pytest.mark.rule("P25")
    @pytest.mark.rule("P10")
    def test_all_copies_have_the_mark_and_cancel_has_it_too(self, scene):
        call = a_fork(scene, (DESK, 1.0), (MOBILE, 1.0))
        first, second = (call.at(at).message.via.branch for at in (BOB, CAROL))
        assert first != second
        assert first.rpartition(".")[2] == second.rpartition(".")[2] != ""
        scene.answer(call.at(BOB), 180)
        call.cancel()
        assert call.at(BOB, "CANCEL").message.via.branch == first

    @pytest.mark.rule("P25")
    def test_a_relayed_request_that_comes_back_is_482(self):
        scene = Scene(trunks=Trunks([], [ip_network("192.0.2.10"), ip_network("203.0.113.5")]))
        copy = scene.call("sip:x@203.0.113.5").at(ELSEWHERE).message
        copy.add_top("Via", "SIP/2.0/UDP 203.0.113.5:5060;branch=z9hG4bKloop")
        scene.endpoint.deliver(copy, ELSEWHERE)
        assert scene.endpoint.sent[-1].status == 482

    @pytest.mark.rule("P24")
    def test_a_spiral_goes_on_and_is_not_challenged_again(self, scene):
        scene.org.auth_call = True
        scene.register("carol", "sip:carol@192.0.2.30:5060")
        scene.set_policy("bob", "forward:sip:bob@203.0.113.5")
        call = scene.call("bob").with_password()
        copy = call.at(ELSEWHERE).message
        copy.uri_text = "sip:carol@example.org"
        copy.add_top("Via", "SIP/2.0/UDP 203.0.113.5:5060;branch=z9hG4bKspiral")
        scene.endpoint.deliver(copy, ELSEWHERE)
        assert any(sent.remote == CAROL for sent in scene.endpoint.sent)

    @pytest.mark.rule("P01")
    def test_max_forwards_ends_every_other_loop(self, scene):
        scene.register("bob", DESK)
        data = scene.call("bob").data.replace(b"Max-Forwards: 70", b"Max-Forwards: 0").replace(b"-1\r\n", b"-9\r\n")
        scene.endpoint.deliver(data, ALICE)
        assert scene.endpoint.sent[-1].status == 483


@pytest.mark.rule("P26")
@pytest.mark.rfc("5393", "5.3.3")
@pytest.mark.threat(11)
class TestBreadth:
    """Max-Breadth on the wire."""

    def call(self, scene, *fields):
        scene.register("bob", DESK)
        scene.register("bob", MOBILE)
        return scene.call("bob", fields=["Contact: <sip:alice@192.0.2.10:5060>", *fields])

    def test_the_copies_share_60_less_what_late_phones_may_need(self, scene):
        call = self.call(scene)
        assert [call.at(at).message.lines("max-breadth") for at in (BOB, CAROL)] == [["25"], ["25"]]
        assert [step.text for step in scene.record.steps if step.rule == "P26"] == ["2 targets with a breadth of 60"]

    def test_they_share_all_where_no_phone_may_join_late(self, scene):
        scene.org.late_joiners = False
        call = self.call(scene)
        assert [call.at(at).message.lines("max-breadth") for at in (BOB, CAROL)] == [["30"], ["30"]]

    def test_they_share_what_came(self, scene):
        call = self.call(scene, "Max-Breadth: 5")
        assert sorted(call.at(at).message.first("max-breadth") for at in (BOB, CAROL)) == ["2", "3"]

    def test_with_one_they_are_tried_in_turn(self, scene):
        call = self.call(scene, "Max-Breadth: 1")
        [first] = call.forwarded("INVITE")
        scene.answer(first, 486)
        [_, second] = call.forwarded("INVITE")
        assert second.message.first("max-breadth") == "1"
        scene.answer(second, 200)
        assert call.statuses == [100, 200]
        [step] = [step for step in scene.record.steps if step.rule == "P26"]
        assert step.text == "2 targets with a breadth of 1: at most 1 at a time"

    def test_with_none_it_is_440_and_written_down(self, scene):
        assert self.call(scene, "Max-Breadth: 0").statuses == [100, 440]
        assert scene.record.explanation.endswith("(Max-Breadth 0): 440")
        assert scene.handler.count["breadth_exceeded"] == 1

    def test_a_malformed_one_is_400(self, scene):
        assert self.call(scene, "Max-Breadth: many").statuses == [100, 400]

    def test_elsewhere_and_in_dialogs_too(self, scene):
        call = self.call(scene)
        scene.answer(call.at(BOB), 200, fields=[f"Contact: <{DESK}>"])
        assert call.in_dialog("BYE").at(BOB).message.first("max-breadth") == "60"

    def test_a_redirect_server_does_not_ask(self, scene):
        scene.set_policy("bob", "redirect")
        assert self.call(scene, "Max-Breadth: 0").statuses == [100, 300]


@pytest.mark.rule("P17")
class TestRecursion:
    """16.7 step 4, where it is switched on."""

    @pytest.fixture
    def scene(self, scene):
        scene.org.follow_redirects, scene.org.followed_domains = 3, ("192.0.2.30", "example.org")
        return scene

    def redirected(self, scene, *contacts):
        scene.register("bob", DESK)
        call = scene.call("bob")
        scene.answer(call.at(BOB), 302, fields=[f"Contact: <{contact}>" for contact in contacts])
        return call

    def test_a_3xx_is_followed(self, scene):
        call = self.redirected(scene, MOBILE)
        scene.answer(call.at(CAROL), 200)
        assert call.statuses == [100, 200]
        assert f"A redirection to {MOBILE} is followed" in [step.text for step in scene.record.steps]

    def test_only_to_the_domains_that_are_listed(self, scene):
        call = self.redirected(scene, "sip:premium@203.0.113.5", MOBILE)
        scene.answer(call.at(CAROL), 486)
        assert call.statuses == [100, 302]
        assert call.final.values("contact") == ["<sip:premium@203.0.113.5>"]

    def test_any_domain_where_the_domain_says_so(self, scene):
        scene.org.followed_domains = ("*",)
        assert self.redirected(scene, "sip:x@203.0.113.5").at(ELSEWHERE)

    @pytest.mark.parametrize("host", ["127.0.0.1:5070", "224.0.1.75", "192.0.2.30;maddr=127.0.0.1"])
    @pytest.mark.threat(13)
    def test_but_not_to_this_machine_nor_to_a_group(self, scene, host):
        """Threat 13."""
        scene.org.followed_domains = ("*",)
        call = self.redirected(scene, f"sip:x@{host}")
        assert len(call.forwarded()) == 1
        assert call.statuses == [100, 302]

    def test_no_more_than_the_limit(self, scene):
        scene.org.follow_redirects = 1
        call = self.redirected(scene, MOBILE, "sip:bob@192.0.2.30:5070")
        assert len(call.forwarded()) == 2
        scene.answer(call.at(CAROL), 404)
        assert call.final.values("contact") == ["<sip:bob@192.0.2.30:5070>"]

    def test_to_a_user_of_ours_it_means_his_phones(self, scene):
        scene.register("carol", "sip:carol@192.0.2.30:5060")
        call = self.redirected(scene, "sip:carol@example.org")
        assert call.at(CAROL).message.uri_text == "sip:carol@192.0.2.30:5060"

    @pytest.mark.rule("D08")
    def test_between_two_phones_it_does_not_go_back_and_forth(self, scene):
        call = self.redirected(scene, MOBILE)
        scene.answer(call.at(CAROL), 302, fields=[f"Contact: <{DESK}>"])
        assert call.statuses == [100, 302]
        assert len(call.forwarded()) == 2

    def test_back_to_himself_it_goes_to_the_caller(self, scene):
        call = self.redirected(scene, "sip:bob@example.org;x=1")
        assert call.statuses == [100, 302]

    @pytest.mark.rule("P06")
    def test_not_where_the_request_uri_is_not_ours(self):
        scene = Scene(trunks=Trunks([], [ip_network("192.0.2.10")]))
        scene.org.follow_redirects, scene.org.followed_domains = 3, ("*",)
        call = scene.call("sip:x@203.0.113.5")
        scene.answer(call.at(ELSEWHERE), 302, fields=[f"Contact: <{MOBILE}>"])
        assert call.statuses == [100, 302]

    def test_by_default_it_goes_to_the_caller(self):
        assert self.redirected(Scene(), MOBILE).statuses == [100, 302]
