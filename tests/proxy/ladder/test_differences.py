"""What the server changed on the way through."""

from __future__ import annotations

import pytest

from proxy.ladder.differences import Line, lines_of, origin_of
from tests.proxy.ladder.calls import ALICE, BOB, OUR_VIA, answered_call, message

CALL = answered_call()


@pytest.mark.parametrize(
    ("sequence", "origin"),
    [(1, None), (2, None), (3, 1), (4, 1), (5, None), (6, 5), (8, 7), (10, 9), (12, 11)],
)
def test_origin_of(sequence, origin):
    found = origin_of(CALL.messages[sequence - 1], CALL.messages)
    assert (found.sequence if found else None) == origin


def test_our_own_answer_and_cancel_have_none():
    messages = [
        message(1, True, ALICE, "INVITE sip:bob@example.org SIP/2.0"),
        message(2, True, ALICE, "CANCEL sip:bob@example.org SIP/2.0", cseq="1 CANCEL"),
        message(3, False, BOB, "CANCEL sip:bob@192.0.2.20 SIP/2.0", cseq="1 CANCEL"),
        message(4, False, ALICE, "SIP/2.0 404 Not Found"),
        message(5, False, BOB, "INVITE sip:bob@192.0.2.20 SIP/2.0", cseq="2 INVITE"),
        message(6, False, BOB, "INVITE", cseq="2 INVITE")._replace(text="odd"),
    ]
    assert [origin_of(one, messages) for one in messages] == [None] * 6


def test_lines_that_changed():
    lines = lines_of(CALL.messages[2], CALL.messages[0])
    assert lines[:5] == [
        Line("INVITE sip:bob@192.0.2.20:5060 SIP/2.0", "changed", "INVITE sip:bob@example.org SIP/2.0"),
        Line("Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK0-1", "added"),
        Line("Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK1"),
        Line("Max-Forwards: 69", "changed", "Max-Forwards: 70"),
        Line("Record-Route: <sip:192.0.2.1;lr>", "added"),
    ]


def test_lines_that_went():
    lines = lines_of(CALL.messages[5], CALL.messages[4])
    assert [line for line in lines if line.change] == [
        Line("Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK0-1", "removed")
    ]


def test_what_came_in_has_no_changes():
    assert not [line for line in lines_of(CALL.messages[0], None) if line.change]


def test_of_several_lines_of_a_name_the_most_alike_is_the_one_that_changed():
    via = "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKabc"
    first = message(1, True, ALICE, "INVITE x SIP/2.0", fields=(f"{via};rport",))
    passed = message(2, False, BOB, "INVITE x SIP/2.0", fields=(OUR_VIA, f"{via};rport=5060;received=192.0.2.10"))
    lines = [line for line in lines_of(passed, first) if line.change]
    assert lines == [Line(OUR_VIA, "added"), Line(f"{via};rport=5060;received=192.0.2.10", "changed", f"{via};rport")]
