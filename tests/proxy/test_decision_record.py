"""The decision record of whole calls: each step with its section, in the order of the decisions."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from proxy.events import steps_facts
from proxy.trunks import Trunks
from tests.proxy.scene import BOB, CAROL, ELSEWHERE, Scene


def told(scene: Scene) -> list[str]:
    return [step["text"] for step in steps_facts(scene.record)]


@pytest.mark.rfc("3261", "16.7")
def test_a_call_that_two_phones_refuse() -> None:
    scene = Scene()
    scene.register("bob", "sip:bob@192.0.2.20:5060", user_agent="desk")
    scene.register("bob", "sip:bob@192.0.2.30:5060")
    call = scene.call("bob")
    scene.answer(call.at(BOB), 180)
    scene.advance(2)
    scene.answer(call.at(BOB), 486)
    scene.answer(call.at(CAROL), 480)
    assert told(scene) == [
        "example.org is a domain of this server",
        "bob is a user of it with 2 contacts",
        "example.org asks its callers for no password",
        "Policy of bob: proxy (server default)",
        "2 targets in 1 group (proxy)",
        "2 targets with a breadth of 60",
        "Branch 1: sip:bob@192.0.2.20:5060 (desk) by udp:192.0.2.20:5060: 486 Busy Here after 2.0 s",
        "Branch 2: sip:bob@192.0.2.30:5060 by udp:192.0.2.30:5060: 480 Temporarily Unavailable after 2.0 s",
        "486 Busy Here goes to the caller (what the caller can mend or understand comes first): 486 from "
        "sip:bob@192.0.2.20:5060, 480 from sip:bob@192.0.2.30:5060",
    ]
    assert all(step["section"] for step in steps_facts(scene.record))


@pytest.mark.rfc("3261", "22.3")
def test_who_the_caller_is() -> None:
    scene = Scene(auth_call=True)
    scene.register("bob", "sip:bob@192.0.2.20:5060")
    scene.call("bob").with_password()
    assert any(text.startswith("The caller is alice: the password was right (") for text in told(scene))
    scene.call("bob").with_password(password="wrong")
    assert told(scene)[-1] == "alice gave a wrong password: 407"
    scene.call("bob", from_="<sip:zoe@other.example>;tag=1")
    assert told(scene)[2] == "The caller is from other.example, which is elsewhere: no password asked for"


@pytest.mark.rfc("3261", "16.10")
def test_a_call_that_was_cancelled() -> None:
    scene = Scene()
    scene.register("bob", "sip:bob@192.0.2.20:5060")
    call = scene.call("bob")
    copy = call.at(BOB)
    scene.answer(copy, 180)
    scene.advance(3)
    call.cancel()
    scene.answer(copy, 487)
    steps = told(scene)
    assert "The caller cancelled after 3.0 s: every branch is cancelled too" in steps
    assert steps[-2] == "Branch 1: sip:bob@192.0.2.20:5060 by udp:192.0.2.20:5060: cancelled after 3.0 s"
    assert steps[-1].startswith("487")


@pytest.mark.rfc("3261", "16.8")
def test_a_call_that_nobody_answers() -> None:
    scene = Scene(ring_time=5)
    scene.register("bob", "sip:bob@192.0.2.20:5060")
    call = scene.call("bob")
    scene.answer(call.at(BOB), 180)
    scene.advance(5.1)
    assert any(text.endswith("no answer within 5 s, cancelled") for text in told(scene))


@pytest.mark.rfc("3263", "4")
def test_a_call_to_another_domain() -> None:
    scene = Scene(trunks=Trunks([], [ip_network("192.0.2.0/24")]))
    scene.endpoint.network.names["sip.example.net"] = [ELSEWHERE[0]]
    scene.call("sip:zoe@sip.example.net:5060")
    assert told(scene) == [
        "sip.example.net is not a domain of this server: passed on as it is",
        "The source may use this server to reach others without a password",
        "sip.example.net stands for udp:203.0.113.5:5060",
        "Branch 1: sip:zoe@sip.example.net:5060 by udp:203.0.113.5:5060: waiting for a response",
    ]


def test_a_call_that_is_refused() -> None:
    scene = Scene()
    scene.call("nobody")
    assert told(scene) == ["example.org is a domain of this server", "example.org asks its callers for no password",
                           "nobody is not a user of example.org: 404"]  # fmt: skip
    scene.call("sip:zoe@example.net", from_="<sip:zoe@other.example>;tag=1")
    assert told(scene)[-1].endswith("and the caller is no user of it: 403")
