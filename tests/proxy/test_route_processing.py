"""Whole dialogs through other proxies, as in the examples of §16.12.1: loose routers, a strict one, and an edge that is
known by two names."""

from __future__ import annotations

import pytest

from tests.proxy.scene import ALICE, BOB, ELSEWHERE, Scene
from tests.sip.imaginary import ListenAddress

PHONE = "sip:bob@192.0.2.20:5060"
OTHER_PROXY = "203.0.113.5:5060"
ALICES = "Contact: <sip:a@192.0.2.10>"


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.register("bob", PHONE)
    return scene


def routes(exchange) -> list[str]:
    return exchange.forwarded()[0].message.values("route")


@pytest.mark.rfc("3261", "16.12")
class TestTrapezoid:
    @pytest.mark.rfc("3261", "16.12.1.1")
    def test_two_proxies_stay_on_the_path(self, scene: Scene) -> None:
        """The caller's proxy came first; the 200 lists both, the BYE passes both and each takes its own Route off."""
        theirs = f"<sip:{OTHER_PROXY};lr>"
        via = f"Via: SIP/2.0/UDP {OTHER_PROXY};branch=z9hG4bKp1\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKa"
        invite = scene.call("bob", ELSEWHERE, via=via, fields=[ALICES, f"Record-Route: {theirs}"])
        copy = invite.at(BOB).message
        assert (copy.uri_text, len(copy.vias), copy.values("record-route")[1]) == (PHONE, 3, theirs)
        scene.answer(invite.at(BOB), 200, fields=[f"Contact: <{PHONE}>"])
        ours = invite.final.values("record-route")[0]
        # From the caller's side the other proxy has taken its own Route off already.
        bye = invite.in_dialog("BYE", source=ELSEWHERE, fields=[f"Route: {ours}"])
        assert (bye.at(BOB).message.uri_text, routes(bye)) == (PHONE, [])

    @pytest.mark.rfc("3261", "16.12.1.1")
    def test_the_callee_hangs_up_by_the_same_way(self, scene: Scene) -> None:
        theirs = f"<sip:{OTHER_PROXY};lr>"
        invite = scene.call("bob", ELSEWHERE, fields=[ALICES, f"Record-Route: {theirs}"])
        scene.answer(invite.at(BOB), 200, fields=[f"Contact: <{PHONE}>"])
        request, final = invite.request, invite.final
        bye = scene.send(
            BOB, method="BYE", uri="sip:a@192.0.2.10", call_id=request.call_id, cseq=1,
            from_=final.first("to"), to=request.first("from"),
            fields=[f"Route: {value}" for value in final.values("record-route")],
        )  # fmt: skip
        assert (bye.at(ELSEWHERE).message.uri_text, routes(bye)) == ("sip:a@192.0.2.10", [theirs])

    @pytest.mark.rfc("3261", "16.12.1.2")
    def test_a_strict_router_in_between(self, scene: Scene) -> None:
        """It gets its own URI as Request-URI and the real one last in Route; what it sends us we put right again."""
        theirs = f"<sip:{OTHER_PROXY}>"
        invite = scene.call("bob", ELSEWHERE, fields=[ALICES, f"Record-Route: {theirs}"])
        scene.answer(invite.at(BOB), 200, fields=[f"Contact: <{PHONE}>"])
        ours = invite.final.values("record-route")[0]
        request, final = invite.request, invite.final
        names = {"call_id": request.call_id, "from_": final.first("to"), "to": request.first("from")}
        bye = scene.send(
            BOB, method="BYE", uri="sip:a@192.0.2.10", fields=[f"Route: {ours}", f"Route: {theirs}"], **names
        )
        sent = bye.at(ELSEWHERE).message
        assert (sent.uri_text, sent.values("route")) == (f"sip:{OTHER_PROXY}", ["<sip:a@192.0.2.10>"])
        # The strict router's turn: our Route URI as Request-URI, Bob's contact last.
        back = invite.in_dialog("BYE", source=ELSEWHERE, uri=ours.strip("<>"), fields=[f"Route: <{PHONE}>"])
        assert (back.at(BOB).message.uri_text, routes(back)) == (PHONE, [])

    @pytest.mark.rfc("3261", "16.12.1.3")
    @pytest.mark.rule("P11")
    def test_one_record_route_for_each_side(self) -> None:
        """Each side sees the address of ours that it can reach (two entries, since rewriting would break proofs)."""
        scene = Scene(listeners=[ListenAddress("udp", "192.0.2.1", 5060), ListenAddress("udp", "2001:db8::1", 5060)])
        scene.register("bob", "sip:bob@[2001:db8::20]:5060")
        invite = scene.call("bob", ALICE)
        [copy] = invite.forwarded()
        hosts = [value.partition("sip:")[2].partition(";")[0] for value in copy.message.values("record-route")]
        assert hosts == ["[2001:db8::1]:5060", "192.0.2.1:5060"]
