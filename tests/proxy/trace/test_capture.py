"""Messages of calls, caught at the endpoint: whole calls over the imaginary wire."""

from __future__ import annotations

import pytest

from proxy.trace import capture as module
from proxy.trace.capture import Capture, CaughtMessage, HangUp, call_id_of
from tests.proxy.scene import ALICE, BOB, MALLORY, Scene


class Caught(Scene):
    """A scene whose call records claim what the capture caught."""

    def __init__(self, **options):
        super().__init__(**{name: options.pop(name) for name in list(options) if name == "auth_call"})
        self.told = []
        self.hung_up = []
        self.capture = self.endpoint.tap = Capture(
            self.endpoint.now,
            lambda kind, key, build: self.told.append((kind, key, build())),
            lambda call_id: self.hung_up.append(call_id),
            **options,
        )
        open_record = self.log.open

        def opened(call_id, *facts):
            record = open_record(call_id, *facts)
            record.conversation = self.capture.claim(call_id, record.id)
            return record

        self.log.open = opened

    def lines(self):
        """Direction and start line of what was caught since the last look."""
        self.items = self.capture.take(1000)
        return [
            ("> " if item.is_received else "< ") + item.data.partition(b"\r\n")[0].decode().removesuffix(" SIP/2.0")
            for item in self.items
            if isinstance(item, CaughtMessage)
        ]


@pytest.fixture
def scene():
    scene = Caught()
    scene.register("bob", "sip:bob@192.0.2.20:5060")
    return scene


def answered(scene):
    call = scene.call("bob")
    scene.answer(call.at(BOB), 180)
    scene.answer(call.at(BOB), 200)
    return call


class TestOneCall:
    def test_both_sides_in_the_order_of_the_server(self, scene):
        call = scene.call("bob")
        scene.answer(call.at(BOB), 180)
        scene.answer(call.at(BOB), 486)
        assert scene.lines() == [
            "> INVITE sip:bob@example.org",
            "< SIP/2.0 100 Trying",
            "< INVITE sip:bob@192.0.2.20:5060",
            "> SIP/2.0 180 Ringing",
            "< SIP/2.0 180 Ringing",
            "> SIP/2.0 486 Busy Here",
            "< ACK sip:bob@192.0.2.20:5060",
            "< SIP/2.0 486 Busy Here",
        ]
        assert [item.sequence for item in scene.items] == list(range(1, 9))
        assert {item.call for item in scene.items} == {1}
        assert scene.items[0].remote == ALICE
        assert scene.items[2].remote == BOB
        assert scene.items[2].local == ("192.0.2.1", 5060)
        assert scene.told[-1] == ("trace", 1, {"id": 1, "messages": 8})

    def test_bytes_are_those_of_the_wire(self, scene):
        call = scene.call("bob")
        scene.lines()
        assert scene.items[2].data == call.at(BOB).data
        assert scene.items[2].size == len(call.at(BOB).data)

    def test_a_retransmission_is_marked(self, scene):
        call = scene.call("bob")
        scene.lines()
        scene.endpoint.deliver(call.data, ALICE)
        scene.lines()
        assert [item.is_repeated for item in scene.items] == [True, True]  # the INVITE again, the 100 again
        scene.advance(0.5)
        scene.lines()
        assert [item.is_repeated for item in scene.items] == [True]  # Timer A

    def test_the_dialog_belongs_to_it(self, scene):
        call = answered(scene)
        scene.lines()
        for method in ("ACK", "INFO", "BYE"):
            call.in_dialog(method)
        lines = scene.lines()
        assert [line for line in lines if "SIP/2.0" not in line] == [
            f"{arrow} {method} sip:bob@192.0.2.20:5060" for method in ("ACK", "INFO", "BYE") for arrow in "><"
        ]
        assert [item for item in scene.items if isinstance(item, HangUp)] == [HangUp(1, scene.endpoint.now())]
        assert scene.hung_up == [call.request.call_id]

    def test_what_is_no_call_is_not_kept(self, scene):
        scene.send(method="MESSAGE", uri="sip:bob@example.org")
        scene.send(method="INVITE", uri="sip:bob@example.org", to="<sip:bob@example.org>;tag=x")
        assert scene.lines() == []
        assert len(scene.capture) == 0

    def test_the_invite_that_was_asked_for_a_password_comes_first(self):
        scene = Caught(auth_call=True)
        scene.register("bob", "sip:bob@192.0.2.20:5060")
        call = scene.call("bob")
        assert scene.lines() == []  # no attempt yet
        call.with_password()
        lines = scene.lines()
        assert lines[:4] == ["> INVITE sip:bob@example.org", "< SIP/2.0 100 Trying",
                             "< SIP/2.0 407 Proxy Authentication Required", "> INVITE sip:bob@example.org"]  # fmt: skip

    def test_a_second_attempt_of_the_same_call_is_told_the_first(self, scene):
        scene.call("bob", call_id="same")
        scene.call("bob", call_id="same", cseq=2)
        assert [record.conversation for record in scene.log.records] == [1, 1]

    def test_a_malformed_request_of_a_call_is_kept(self, scene):
        call = scene.call("bob", call_id="odd")
        scene.lines()
        scene.endpoint.deliver(call.data.replace(b"CSeq: 1 INVITE", b"CSeq: 1 BYE"), ALICE)
        assert scene.lines() == [
            "> INVITE sip:bob@example.org",
            "< SIP/2.0 400 CSeq names BYE, the Request-Line another method",
        ]
        scene.endpoint.deliver(call.data.replace(b"Call-ID: odd\r\n", b""), ALICE)
        assert scene.lines() == []

    def test_nothing_is_caught_without_tap(self, scene):
        scene.endpoint.tap = None
        answered(scene)
        assert scene.lines() == []

    def test_an_invite_whose_to_nobody_can_read_begins_a_call(self, scene):
        data = scene.call("bob", call_id="first").data
        scene.lines()
        odd = data.replace(b"To: <sip:bob@example.org>", b"To: <sip:bob@example.org").replace(b"first", b"second")
        scene.endpoint.deliver(odd, ALICE)
        assert len(scene.capture) == 2
        assert scene.lines() == []

    def test_only_repetitions_within_reach_are_marked(self, scene, monkeypatch):
        monkeypatch.setattr(module, "MARKS", 1)
        call = scene.call("bob")
        scene.endpoint.deliver(call.data, ALICE)
        scene.lines()
        assert [item.is_repeated for item in scene.items][-2:] == [False, False]

    def test_take_gives_no_more_than_asked_for(self, scene):
        scene.call("bob")
        assert len(scene.capture.take(2)) == 2
        assert scene.capture.waiting == 1


class TestBounds:
    def test_calls_that_become_no_attempt_are_forgotten(self, scene, monkeypatch):
        monkeypatch.setattr(module, "MOST_UNCLAIMED", 2)
        scene.log.open = Scene().log.open
        for _ in range(4):
            scene.call("bob")
        assert len(scene.capture) == 2
        scene.advance(module.EARLY_INTERVAL + 1)
        scene.call("bob")
        assert len(scene.capture) == 1

    def test_early_messages_of_a_call_are_few(self, scene, monkeypatch):
        monkeypatch.setattr(module, "MOST_EARLY", 2)
        scene.call("bob", call_id="many")
        scene.endpoint.deliver(scene.call("bob", call_id="early").data, ALICE)
        assert len([line for line in scene.lines() if line.startswith(">")]) == 3

    def test_messages_of_a_call_end_somewhere(self, scene, monkeypatch):
        monkeypatch.setattr(module, "MOST_MESSAGES", 3)
        answered(scene)
        assert len(scene.lines()) == 3

    def test_a_long_message_is_cut(self, scene, monkeypatch):
        monkeypatch.setattr(module, "MAX_KEPT_BYTES", 200)
        scene.call("bob", body="v=0" * 100)
        scene.lines()
        assert len(scene.items[0].data) == 200
        assert scene.items[0].size > 300

    def test_too_many_calls_at_once_are_left_out_whole(self, scene, monkeypatch):
        monkeypatch.setattr(module, "MOST_CALLS_A_SECOND", 1)
        scene.call("bob")
        scene.lines()
        call = scene.call("bob")
        scene.answer(call.at(BOB), 180)
        assert scene.lines() == []
        assert scene.capture.left_out == 1
        scene.advance(1)
        scene.lines()
        scene.call("bob")
        assert scene.lines()

    def test_a_writer_that_is_behind_costs_the_oldest(self):
        scene = Caught(most_waiting=4)
        scene.register("bob", "sip:bob@192.0.2.20:5060")
        scene.answer(scene.call("bob").at(BOB), 180)
        assert scene.capture.waiting == 4
        assert scene.capture.dropped == 1
        scene.call("bob")
        assert scene.capture.left_out == 1

    def test_old_calls_are_forgotten(self, scene, monkeypatch):
        monkeypatch.setattr(module, "MOST_FOLLOWED", 2)
        for _ in range(4):
            answered(scene)
        assert len(scene.capture) == 3  # and the next INVITE clears again
        scene.advance(module.LINGER + 1)
        scene.call("bob")
        assert len(scene.capture) == 3
        monkeypatch.setattr(module, "MOST_FOLLOWED", 0)
        scene.call("bob")
        assert len(scene.capture) == 1

    def test_a_silent_call_that_rings_is_followed_for_as_long_as_it_may_ring(self, scene):
        call = scene.call("bob")
        copy = call.at(BOB)
        scene.answer(copy, 180)
        scene.advance(20)
        scene.call("nobody", source=MALLORY)
        scene.lines()
        scene.answer(copy, 200)
        assert scene.lines()

    def test_a_call_that_failed_is_forgotten_after_a_while(self, scene):
        scene.call("nobody")
        scene.advance(module.LINGER + 40)  # the answer is repeated for 32 s
        scene.call("nobody")
        assert len(scene.capture) == 1


@pytest.mark.parametrize(
    ("head", "call_id"),
    [
        ("Call-ID: a@b", "a@b"),
        ("i:a", "a"),
        ("CALL-ID  :  a ", "a"),
        ("Subject: x\r\nCall-id: a", "a"),
        ("Subject: x", ""),
    ],
)
def test_call_id_of(head, call_id):
    assert call_id_of(f"INVITE x SIP/2.0\r\n{head}\r\n\r\nbody\r\nCall-ID: other\r\n".encode()) == call_id


def test_call_id_in_the_body_only():
    assert call_id_of(b"INVITE x SIP/2.0\r\nTo: y\r\n\r\n\r\nCall-ID: other\r\n") == ""
