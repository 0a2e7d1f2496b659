"""A shared call tells what happened and not to whom."""

from __future__ import annotations

import json

import pytest

from proxy.ladder.exports import EXPORTS, as_json
from proxy.ladder.pseudonyms import Pseudonyms
from proxy.ladder.sharing import product, shared_call
from tests.proxy.ladder.calls import ALICE, answered_call, hostile_call, message

PRIVATE = (
    "+4930123456", "alice", "bob", "example.org", "10.20.30.40", "192.168.7.8", "2001:db8", "Berlin", "0050569abcde",
    "s3cr3t", "Müller", "hunter2", "deadbeef", "call-of-alice", "gateway.intern",
)  # fmt: skip
SDP = (
    "v=0\r\no=alice 4711 1 IN IP4 10.20.30.40\r\ns=Call from Berlin\r\nc=IN IP4 10.20.30.40\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=candidate:1 1 UDP 1 192.168.7.8 4000 typ host\r\n"
    "a=sendrecv\r\na=fmtp:101 0-15 alice@example.org\r\nb=Müller\r\n"
)
FIELDS = (
    "v: SIP/2.0/UDP 10.20.30.40:5062;branch=z9hG4bKdeadbeef;received=192.168.7.8;rport=4711,"
    " SIP/2.0/TLS gateway.intern;branch=z9hG4bKs3cr3t",
    'From: "Alice Müller" <sip:+4930123456@example.org;user=phone>;tag=deadbeef',
    "t: <sip:bob:hunter2@example.org>;tag=s3cr3t",
    "Contact: <sip:alice@10.20.30.40:5062;transport=tcp;fs=s3cr3t>"
    ';+sip.instance="<urn:uuid:0050569abcde>";q=0.5;expires=60',
    "Record-Route: <sip:192.168.7.8;lr;p=s3cr3t>, <sip:[2001:db8::9]:5060;lr>",
    "P-Asserted-Identity: <tel:+4930123456>",
    "Diversion: odd < value",
    "X-Customer: Müller",
    "Subject: Berlin",
    "User-Agent: Phone/7.1 (Alice Müller, 0050569abcde)",
    "Proxy-Authorization: Digest username=\"alice\", nonce=\"deadbeef\"",
    'Reason: SIP;cause=480;text="Müller"',
    "Allow: INVITE, ACK",
    "Session-Expires: 1800;refresher=uac",
    "Retry-After: 18000;s3cr3t",
    "Date: Berlin",
    "Warning: 399 gateway.intern \"Müller\"",
    "odd line",
)  # fmt: skip


def private_call():
    call = answered_call(
        caller="sip:+4930123456@example.org",
        callee="sip:bob@example.org",
        call_id="call-of-alice@10.20.30.40",
        source="udp:10.20.30.40:5062",
        policy="forward:sip:bob@gateway.intern",
        policy_origin="user bob@example.org",
        explanation="bob's phone (Müller) answered, +4930123456 and sip:bob@192.168.7.8:5060 too",
        reason="Müller",
        steps=[{"text": "Policy of bob: forward to sip:bob@gateway.intern from 2001:db8::77", "section": "16.5"},
               ["The caller is +4930123456: realm example.org"]],
        branches=[{"position": 0, "target": "sip:bob@192.168.7.8:5060;x=s3cr3t", "next_hop": "udp:192.168.7.8:5060",
                   "user_agent": "Phone/7.1 Müller", "state": "answered", "status": 200, "reason": "Müller"}],
    )  # fmt: skip
    messages = [
        message(1, True, "10.20.30.40:5062", "INVITE sip:bob@example.org SIP/2.0", fields=FIELDS, body=SDP,
                local="[2001:db8::1]:5060"),
        message(2, True, "192.168.7.8:5060", "SIP/2.0 486 Müller is away", fields=FIELDS, cseq="1 INVITE"),
        message(3, True, "192.168.7.8:5060", "INFO sip:alice@10.20.30.40 SIP/2.0", body="PIN s3cr3t", has_sdp=False,
                cseq="2 INFO"),
        message(4, True, "odd", "MÜLLER", cseq="2 s3cr3t"),
    ]  # fmt: skip
    return call._replace(messages=messages)


@pytest.mark.threat(25)
@pytest.mark.parametrize("kind", EXPORTS)
def test_nothing_private_is_in_it(kind):
    made = EXPORTS[kind].make(shared_call(private_call())).decode("utf-8", "replace").lower()
    assert [text for text in PRIVATE if text.lower() in made] == []


def test_the_course_of_the_call_is():
    call = shared_call(private_call())
    text = call.messages[0].text
    assert text.startswith("INVITE sip:callee@domain-1.example SIP/2.0\r\n")
    assert "Via: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bK-branch-1, SIP/2.0/TLS domain-2.example;branch=" in text
    assert "From: <sip:caller@domain-1.example;user=phone>;tag=tag-1\r\n" in text
    assert ";transport=tcp>;q=0.5;expires=60" in text
    assert "Reason: SIP;cause=480\r\n" in text
    assert "Allow: INVITE, ACK\r\n" in text
    assert "Session-Expires: 1800;refresher=uac" in text
    assert "User-Agent: Phone/7.1\r\n" in text
    assert "a=rtpmap:0 PCMU/8000\r\na=candidate:***\r\na=sendrecv\r\na=fmtp:***\r\n" in text
    assert call.messages[1].first_line == "SIP/2.0 486 Busy Here"
    assert (call.messages[2].has_body, call.messages[2].note) == (False, "The body is not shared.")
    told = "callee's phone *** answered, caller and sip:callee@192.0.2.2:5060 too"
    assert call.facts["explanation"] == told
    assert call.facts["started_at"] == private_call().facts["started_at"]


def test_the_same_has_the_same_name_throughout():
    call = shared_call(answered_call())
    assert call.messages[0].remote == call.messages[1].remote != call.messages[2].remote
    assert call.facts["branches"][0]["next_hop"] == f"udp:{call.messages[2].remote}"
    assert call.facts["source"] == f"udp:{call.messages[0].remote}"
    assert call.facts["steps"][0]["text"] == "Policy of callee: proxy (server default)"


def test_hostile_calls_do_no_harm():
    made = as_json(shared_call(hostile_call())).decode()
    assert "<img" not in made
    assert json.loads(made)["call"]["state"] == "answered"


def test_a_star_and_a_short_name_stay():
    call = answered_call()
    odd = message(1, True, ALICE, "REGISTER sip:example.org SIP/2.0", fields=("Contact: *",), cseq="1 REGISTER")
    assert "Contact: *\r\n" in shared_call(call._replace(messages=[odd])).messages[0].text
    names = Pseudonyms()
    names.uri("sip:b@example.org")
    assert names.sentence("b is a letter") == "b is a letter"


def test_a_call_without_anything():
    call = shared_call(answered_call(branches=[], steps=[], explanation="", status=None)._replace(messages=[]))
    assert call.facts["reason"] == ""


def test_product():
    assert product("Linphone/5.2 (Alice's phone)") == "Linphone/5.2"
    assert product("Phone 0050569abcde") == "Phone"
    assert product("SEP0050569/1") == "***"
    assert product("") == "***"


class TestPseudonyms:
    def test_hosts(self):
        names = Pseudonyms()
        assert [names.host(f"10.0.{n // 250}.{n % 250}") for n in range(255)][-1] == "198.51.100.1"
        assert names.host("[2001:DB8::9]") == names.host("2001:db8::9%eth0")
        assert names.host("A.example") == names.host("a.example") == "domain-1.example"

    def test_odd_ones(self):
        names = Pseudonyms()
        assert names.place("odd") == "***"
        assert names.hop("") == ""
        assert names.uri("not a uri") == "***"
        assert names.uri("tel:+4930123456") == "tel:***"
        assert names.uri("sip:example.org") == "sip:domain-1.example"

    def test_sentences(self):
        names = Pseudonyms()
        names.uri("sip:bob@example.org")
        assert names.sentence("sip:bob@example.org:51234 and +493012345") == "sip:user-1@domain-1.example:51234 and ***"
        shown = names.sentence("bob's and bobby@x.org, 12345, 1.2.3.4, fe80::1, 486 after 12.5 s, bob@example.org")
        assert shown == "user-1's and ***, ***, ***, ***, 486 after 12.5 s, user-1@domain-1.example"
