"""Text, JSON and what they must not do."""

from __future__ import annotations

import json

import pytest

from proxy.ladder.calls import content_length, without_bodies
from proxy.ladder.exports import EXPORTS, as_json
from proxy.ladder.text import as_text, moment, step_line
from proxy.ladder.timings import span, timings
from tests.proxy.ladder.calls import HOSTILE, answered_call, hostile_call


def test_text():
    text = as_text(answered_call())
    assert text.startswith("sip:alice@example.org to sip:bob@example.org\nbob's phone answered (200)\n")
    assert "Duration     10.0 s" in text
    assert " 1. Policy of bob: proxy (server default)  [§16.5]" in text
    assert "1. sip:bob@192.0.2.20:5060 by udp:192.0.2.20:5060: answered 200 OK" in text
    assert "#3  2023-11-14 22:13:20.002 UTC  udp  192.0.2.1:5060 -> 192.0.2.20:5060" in text
    assert "(retransmission)" in text
    [art] = [line for line in text.split("\n") if "180 Ringing" in line and line.startswith("    +0.600")]
    assert art.index("<") < art.index("180 Ringing")
    assert "INVITE*" in text
    assert "m=audio 4000 RTP/AVP 0" in text


def test_text_of_a_call_without_messages_or_branches():
    text = as_text(answered_call(branches=[], steps=[], ended_at=None)._replace(messages=[]))
    assert "Messages" not in text
    assert "Branches" not in text


def test_no_terminal_obeys_it():
    text = as_text(hostile_call())
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\x1b[31m" in text
    assert "\\u202e" in text


@pytest.mark.parametrize("kind", EXPORTS)
def test_operators_get_no_bodies(kind):
    call = answered_call()
    secret = b"m=audio 4000"
    assert (secret in EXPORTS[kind].make(call)) is (kind != "svg")
    assert secret not in EXPORTS[kind].make(call._replace(messages=without_bodies(call.messages)))


@pytest.mark.parametrize(
    ("head", "length"),
    [("a\r\nContent-Length: 12", 12), ("a\r\nl : 7", 7), ("a\r\nX: 1", 0), ("a\r\nl: x", 0), ("a\r\nl: 1234567890", 0)],
)
def test_content_length(head, length):
    assert content_length(head) == length


def test_json():
    facts = json.loads(as_json(answered_call()))
    assert facts["call"]["id"] == 5
    assert facts["messages"][0]["direction"] == "in"
    assert facts["messages"][0]["source"] == "192.0.2.10:5060"
    assert facts["messages"][2]["destination"] == "192.0.2.20:5060"
    assert json.loads(as_json(hostile_call()))["messages"][0]["first_line"].count(HOSTILE) == 1


@pytest.mark.parametrize(
    ("step", "line"),
    [
        ({"text": "a", "rule": "P06", "section": "16.5"}, "a  [§16.5, P06]"),
        ({"text": "a", "section": "RFC 5393 5.3"}, "a  [RFC 5393 5.3]"),
        (["a", "P06", ""], "a  [P06]"),
        (["a"], "a"),
    ],
)
def test_step_line(step, line):
    assert step_line(step) == line


def test_moment():
    assert moment(None) == "-"
    assert moment(0.0005) == "1970-01-01 00:00:00.000 UTC"


class TestTimings:
    def test_of_an_answered_call(self):
        assert timings(answered_call().facts) == [
            ("Post-dial delay", "600 ms"),
            ("Ring time", "2.4 s"),
            ("Set-up", "3.0 s"),
            ("Duration", "10.0 s"),
        ]

    def test_of_others(self):
        assert timings(answered_call(state="failed", ringing_at=None).facts) == [("To the end", "3.0 s")]
        assert timings(answered_call(state="ringing", ended_at=None, hung_up_at=None).facts) == [
            ("Post-dial delay", "600 ms")
        ]

    @pytest.mark.parametrize(
        ("seconds", "words"), [(-1, "0 ms"), (0.34, "340 ms"), (12.34, "12.3 s"), (245, "4 m 05 s"), (7440, "2 h 04 m")]
    )
    def test_span(self, seconds, words):
        assert span(seconds) == words
