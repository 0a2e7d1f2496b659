"""What Mallory tries on a whole server: one test or more for each threat that concerns calls (docs/threats.md)."""

from __future__ import annotations

import pytest

from sip.defence.guard import Guard
from sip.message.messages import Request
from sip.tokens import Tokens
from tests.proxy.scene import ALICE, BOB, CAROL, ELSEWHERE, MALLORY, Scene, credentials
from tests.sip.imaginary import request_text

DESK, MOBILE = "sip:bob@192.0.2.20:5060", "sip:bob@192.0.2.30:5060"
STRANGER = "<sip:mallory@elsewhere.example>;tag=m"


@pytest.fixture
def scene():
    scene = Scene(auth_call=True)
    scene.register("bob", DESK)
    return scene


@pytest.fixture
def open_scene():
    scene = Scene()
    scene.register("bob", DESK)
    return scene


class Sources:
    """Notes who was wanted, and who asked for nobody."""

    def __init__(self):
        self.wishes = []
        self.probes = []

    def wanted(self, flow):
        self.wishes.append(flow.remote)

    def probed(self, flow, now):
        self.probes.append(flow.remote)


@pytest.mark.threat(3)
@pytest.mark.rfc("7616", "3.4.6")
class TestCredentialsForSomethingElse:
    def with_credentials_for(self, scene, uri, method="INVITE"):
        challenge = scene.call("bob").final.first("proxy-authenticate")
        value = credentials(challenge, method, uri, "alice", "secret")
        return scene.call("bob", fields=["Contact: <sip:alice@192.0.2.10>", f"Proxy-Authorization: {value}"])

    def test_another_callee(self, scene):
        call = self.with_credentials_for(scene, "sip:carol@example.org")
        assert call.statuses == [100, 400]
        assert scene.record.explanation == (
            "The credentials of alice are for sip:carol@example.org, not for this call: 400"
        )

    def test_another_method(self, scene):
        assert self.with_credentials_for(scene, "sip:bob@example.org", "MESSAGE").statuses == [100, 407]

    @pytest.mark.rule("R36")
    @pytest.mark.parametrize("uri", ["sip:192.0.2.1:5060", "sip:%62ob@192.0.2.1", "nonsense", "sip:bob@edge.example"])
    def test_a_host_that_was_rewritten_or_the_servers_own_address_is_no_attack(self, scene, uri):
        assert self.with_credentials_for(scene, uri).at(BOB)


@pytest.mark.threat(8)
class TestFlood:
    @pytest.fixture
    def bans(self):
        return []

    @pytest.fixture
    def guarded(self, bans):
        scene = Scene(auth_call=True, guard=Guard(bans.append, lambda now: now, rate=10, burst=100))
        scene.register("bob", DESK)
        return scene

    def flood(self, scene, number=2000):
        for _ in range(number):
            scene.call("bob", source=MALLORY)

    def test_what_it_leaves_is_bounded_and_goes_away(self, guarded, bans):
        self.flood(guarded)
        assert guarded.endpoint.transactions <= 100
        assert guarded.endpoint.gate.count["flood"] == 1900
        guarded.advance(40)
        assert guarded.endpoint.transactions == 0
        assert bans == []

    def test_calls_cost_their_caller_and_their_callee_nothing(self, guarded):
        """A gateway at one address may answer as many calls as there are."""
        for _ in range(300):
            call = guarded.call("bob").with_password()
            guarded.answer(call.at(BOB), 180)
            guarded.answer(call.at(BOB), 200, fields=[f"Contact: <{DESK}>"])
            call.in_dialog("ACK", cseq=call.request.cseq.number)
            bye = call.in_dialog("BYE", cseq=call.request.cseq.number + 1)
            guarded.answer(bye.at(BOB), 200)
            assert bye.statuses == [200]
        assert guarded.endpoint.gate.count["flood"] == 0

    def test_responses_that_nobody_asked_for_do(self, guarded):
        copy = guarded.call("bob").with_password().at(BOB)
        for _ in range(300):
            guarded.answer(copy, 180)
        assert guarded.endpoint.gate.count["flood"] == 0
        copy.data = copy.data.replace(b"branch=z9hG4bK", b"branch=z9hG4bKx", 1)
        for _ in range(300):
            guarded.answer(copy, 180)
        assert guarded.endpoint.gate.count["flood"] > 150

    def test_others_are_served_meanwhile(self, guarded):
        self.flood(guarded)
        assert guarded.call("bob").with_password().at(BOB)


@pytest.mark.threat(5)
class TestAskingForEverybody:
    """A stranger's call tells whether a user exists (P07): one question after the other is what it must not be."""

    @pytest.fixture
    def sources(self):
        return Sources()

    @pytest.fixture
    def probes(self, sources):
        return sources.probes

    @pytest.fixture
    def scene(self, sources):
        scene = Scene(auth_call=True, sources=sources)
        scene.register("bob", DESK)
        return scene

    def test_who_is_not_there_is_counted(self, scene, probes):
        for number in range(3):
            scene.call(f"10{number}", source=MALLORY, from_=STRANGER)
        assert probes == [MALLORY] * 3

    def test_who_is_there_is_not_nor_what_our_users_ask(self, scene, probes):
        scene.call("bob", source=MALLORY, from_=STRANGER)
        scene.call("carol", source=MALLORY, from_=STRANGER)
        assert scene.call("nobody").with_password().statuses == [100, 404]
        assert probes == []


@pytest.mark.threat(9)
class TestAmplification:
    def test_one_request_one_answer(self, scene):
        call = scene.send(MALLORY, method="MESSAGE", uri="sip:bob@example.org")
        scene.advance(60)
        assert [sent.status for sent in call.sent] == [407]

    def test_an_answer_repeats_nothing_that_is_large(self, scene):
        padding = [f"X-{number}: {'x' * 1000}" for number in range(20)]
        call = scene.call("bob", source=MALLORY, fields=padding)
        assert len(call.data) > 20_000
        assert all(len(sent.data) < 1500 for sent in call.sent)

    def test_a_refusal_to_a_stranger_is_repeated_three_times(self, open_scene):
        call = open_scene.call("nobody", source=MALLORY, from_=STRANGER)
        open_scene.advance(40)
        assert [sent.status for sent in call.sent] == [100, 404, 404, 404, 404]

    def test_nobody_forks_before_he_has_shown_who_he_is(self, scene):
        scene.register("bob", MOBILE)
        call = scene.call("bob", source=MALLORY)
        scene.advance(40)
        assert call.forwarded() == []
        assert len(call.with_password().forwarded()) == 2


@pytest.mark.threat(10)
def test_answers_go_to_the_source_whatever_the_via_says(scene):
    via = "SIP/2.0/UDP 203.0.113.5:5060;maddr=203.0.113.6;received=203.0.113.7;rport=7;branch=z9hG4bKforged"
    data = (
        f"OPTIONS sip:bob@example.org SIP/2.0\nVia: {via}\nFrom: {STRANGER}\nTo: <sip:bob@example.org>\n"
        "Call-ID: forged\nCSeq: 1 OPTIONS\nMax-Forwards: 1\nContent-Length: 0\n\n"
    )
    scene.endpoint.take()
    scene.endpoint.deliver(data, MALLORY)
    scene.advance(1)
    assert {sent.remote[0] for sent in scene.endpoint.take()} <= {MALLORY[0], BOB[0]}


@pytest.mark.threat(15)
@pytest.mark.rfc("3325", "5")
class TestBorrowedNames:
    @pytest.mark.parametrize(
        "line",
        [
            "P-Asserted-Identity: <sip:boss@example.org>",
            "P-Asserted-Identity : <sip:boss@example.org>",
            "p-asserted-identity\t: <tel:+15551234>",
            "Remote-Party-ID: <sip:boss@example.org>;party=calling",
        ],
    )
    @pytest.mark.threat(18)
    def test_what_a_stranger_says_of_himself_does_not_reach_the_callee(self, open_scene, line):
        copy = open_scene.call("bob", source=MALLORY, from_=STRANGER, fields=[line]).at(BOB)
        assert b"boss" not in copy.data
        assert b"15551234" not in copy.data

    def test_nor_what_a_user_of_ours_says(self, scene):
        line = "P-Asserted-Identity: <sip:boss@example.org>"
        assert b"boss" not in scene.call("bob", fields=[line]).with_password().at(BOB).data


@pytest.mark.threat(16)
@pytest.mark.threat(18)
def test_credentials_spelt_oddly_end_here_too(scene):
    challenge = scene.call("bob").final.first("proxy-authenticate")
    value = credentials(challenge, "INVITE", "sip:bob@example.org", "alice", "secret")
    call = scene.call("bob", fields=["Contact: <sip:alice@192.0.2.10>", f"Proxy-Authorization \t: {value}"])
    assert b"Digest" not in call.at(BOB).data


@pytest.mark.threat(17)
class TestForgedResponses:
    """16.7, RFC 6026 §7: who has not seen the request cannot answer it."""

    def forged(self, copy, **changes):
        request = copy.message
        assert isinstance(request, Request)
        lines = {
            "via": f"Via: {request.first('via')}",
            "more": "\n".join(f"Via: {value}" for value in request.values("via")[1:]),
            "from": f"From: {request.first('from')}",
            "to": f"To: {request.first('to')};tag=forged",
            "call_id": f"Call-ID: {request.call_id}",
            "cseq": f"CSeq: {request.cseq.number} INVITE",
        } | changes
        return "SIP/2.0 200 OK\n" + "\n".join(lines.values()) + "\nContent-Length: 0\n\n"

    @pytest.mark.parametrize(
        "changes",
        [
            {"via": "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK0-guess"},
            {"via": "Via: SIP/2.0/UDP 203.0.113.5:5060;branch=z9hG4bK1"},
            {"cseq": "CSeq: 1 OPTIONS"},
        ],
    )
    def test_it_reaches_nobody(self, open_scene, changes):
        call = open_scene.call("bob")
        copy = call.at(BOB)
        open_scene.endpoint.deliver(self.forged(copy, **changes), MALLORY)
        assert call.statuses == [100]

    def test_branches_cannot_be_guessed_from_one_another(self):
        draw = Tokens()
        drawn = [draw() for _ in range(1000)]
        assert len(set(drawn)) == 1000
        assert all(len(token) == 16 for token in drawn)


@pytest.mark.threat(18)
@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: 5"],
        ["l : 5"],
        ["Content-Length: 0, 5"],
        ["Subject: x\rProxy-Authorization: y"],
        ["Subject: x\0y"],
    ],
    ids=["two lengths", "two lengths, one short", "a list of lengths", "bare CR", "NUL"],
)
def test_a_message_that_two_parsers_could_read_in_two_ways_is_not_passed_on(open_scene, lines):
    open_scene.endpoint.deliver(
        request_text("INVITE", "sip:bob@example.org", source=MALLORY, from_=STRANGER, fields=lines), MALLORY
    )
    # Where a line ends cannot be told with a bare CR in it, so that there is nobody to answer.
    expected = [] if "\r" in lines[0] else [(MALLORY, 400)]
    assert [(sent.remote, sent.status) for sent in open_scene.endpoint.sent] == expected


@pytest.mark.threat(11)
def test_a_contact_that_leads_back_here_ends_by_itself(open_scene):
    """Even if one got past the registrar: the loop is found by its mark, at the latest by Max-Forwards."""
    open_scene.register("carol", "sip:carol@example.org")
    call = open_scene.call("carol")
    open_scene.advance(60)
    assert call.statuses[-1] in (480, 482, 483)
    assert len(call.sent) < 200
    assert open_scene.endpoint.transactions == 0


@pytest.mark.threat(32)
class TestEverythingEnds:
    """16.8, 17.1.1.2, 17.2.1: every state has a deadline."""

    def is_empty(self, scene):
        return scene.endpoint.transactions == 0 and len(scene.handler.running) == 0

    def test_a_challenge_that_is_never_acknowledged(self, scene):
        scene.call("bob", source=MALLORY)
        scene.advance(40)
        assert self.is_empty(scene)

    def test_a_phone_that_never_answers(self, open_scene):
        open_scene.call("bob")
        open_scene.advance(120)
        assert self.is_empty(open_scene)

    def test_a_phone_that_rings_for_ever_and_a_caller_who_is_gone(self, open_scene):
        call = open_scene.call("bob")
        open_scene.answer(call.at(BOB), 180)
        open_scene.advance(400)
        assert self.is_empty(open_scene)

    def test_another_server_that_rings_for_ever(self, scene):
        call = scene.call("sip:x@203.0.113.5").with_password()
        scene.answer(call.at(ELSEWHERE), 180)
        scene.advance(600)
        assert self.is_empty(scene)

    def test_an_answer_that_nobody_acknowledges(self, open_scene):
        call = open_scene.call("bob")
        open_scene.answer(call.at(BOB), 200, fields=[f"Contact: <{DESK}>"])
        open_scene.advance(40)
        assert self.is_empty(open_scene)

    def test_forked_calls_half_answered(self, open_scene):
        open_scene.register("bob", MOBILE)
        call = open_scene.call("bob")
        open_scene.answer(call.at(BOB), 180)
        open_scene.answer(call.at(CAROL), 486)
        call.cancel()
        open_scene.advance(400)
        assert self.is_empty(open_scene)

    def test_requests_that_are_no_calls(self, open_scene):
        for method in ("MESSAGE", "OPTIONS", "SUBSCRIBE", "FROBNICATE"):
            open_scene.send(ALICE, method=method, uri="sip:bob@example.org")
        open_scene.advance(80)
        assert self.is_empty(open_scene)
