"""The drawing: well-formed, escaped, and told apart without colour."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from proxy.ladder import svg
from proxy.ladder.layout import lay_out
from tests.proxy.ladder.calls import ALICE, answered_call, hostile_call, message

NAME = "{http://www.w3.org/2000/svg}"


def drawn(call):
    ladder = lay_out(call)
    return [
        ElementTree.fromstring(text) for text in (svg.heads(ladder), svg.body(ladder), svg.whole(ladder, call.title))
    ]


def test_every_message_is_a_link_to_its_text():
    _, body, _ = drawn(answered_call())
    links = body.findall(f"{NAME}a")
    assert [link.get("href") for link in links] == [f"#message-{number}" for number in range(1, 13)]
    assert links[4].get("aria-label") == "5: received 180 Ringing"
    assert "message provisional" in links[4].get("class")


def test_labels_chips_and_pauses():
    _, body, _ = drawn(answered_call())
    texts = ["".join(element.itertext()) for element in body.iter(f"{NAME}text")]
    assert texts.count("SDP") == 5
    assert texts.count("again") == 1
    assert "180 Ringing" in texts
    assert "10.0 s …" in texts
    assert "+13.001" in texts


def test_arrows_point_the_way_the_message_went():
    _, body, _ = drawn(answered_call())
    received, sent = body.findall(f"{NAME}a")[:2]
    assert [int(received.find(f"{NAME}line").get(name)) for name in ("x1", "x2")] == [189, 392]
    assert [int(sent.find(f"{NAME}line").get(name)) for name in ("x1", "x2")] == [399, 196]


def test_kinds_differ_by_colour_and_by_dashes():
    assert len({dashes for _, dashes in svg.LOOKS.values()}) >= len(svg.LOOKS) - 1  # request and success: by direction
    _, body, _ = drawn(answered_call())
    repeated = body.findall(f"{NAME}a")[3]
    assert repeated.find(f"{NAME}line").get("stroke-dasharray") == "1 3"


def test_a_challenge_is_no_failure():
    assert message(1, False, ALICE, "SIP/2.0 407 Proxy Authentication Required").kind == "challenge"
    assert message(1, False, ALICE, "SIP/2.0 603 Decline").kind == "failure"
    assert message(1, False, ALICE, "SIP/2.0 302 Moved").kind == "redirect"


def test_the_file_stands_alone():
    *_, whole = drawn(answered_call())
    assert whole.find(f"{NAME}a") is None
    assert whole.findall(f".//{NAME}style") == []
    assert any(element.text == "sip:alice@example.org to sip:bob@example.org" for element in whole.iter(f"{NAME}text"))


@pytest.mark.threat(21)
def test_hostile_text_stays_text():
    for root in drawn(hostile_call()):
        names = {element.tag.removeprefix(NAME) for element in root.iter()}
        assert names <= {"svg", "g", "a", "rect", "line", "path", "text", "title"}
        assert not [name for element in root.iter() for name in element.attrib if name.startswith("on")]
        text = "".join(root.itertext())
        assert "\u202e" not in text
        assert "\x1b" not in text


@pytest.mark.parametrize(("seconds", "words"), [(2.04, "2.0 s"), (61.0, "1 m 01 s")])
def test_span(seconds, words):
    assert svg._span(seconds) == words
