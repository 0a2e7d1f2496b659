"""Calls as values, for the tests of what draws and exports them."""

from __future__ import annotations

from typing import Any

from proxy.ladder.calls import Call, Message

SERVER, ALICE, BOB, CAROL = "192.0.2.1:5060", "192.0.2.10:5060", "192.0.2.20:5060", "192.0.2.30:5060"
START = 1_700_000_000.0
SDP = "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\nm=audio 4000 RTP/AVP 0\r\n"
HOSTILE = '<img src=x onerror="document.title=1">\u202e\x1b[31m&"\''


def message(
    sequence: int,
    is_received: bool,
    remote: str,
    first_line: str,
    *,
    at: float = 0.0,
    cseq: str = "1 INVITE",
    fields: tuple[str, ...] = (),
    body: str = "",
    **facts: Any,
) -> Message:
    length = f"Content-Length: {len(body)}"
    head = [first_line, *fields, "Call-ID: c1", f"CSeq: {cseq}", length]
    text = "\r\n".join(head) + "\r\n\r\n" + body
    status = int(first_line.split(" ")[1]) if first_line.startswith("SIP/2.0") else None
    values: dict[str, Any] = {
        "sequence": sequence, "at": START + at, "is_received": is_received, "transport": "udp", "local": SERVER,
        "remote": remote, "is_repeated": False, "first_line": first_line, "method": cseq.split(" ")[1],
        "status": status, "has_sdp": bool(body), "has_body": bool(body), "size": len(text), "text": text,
    }  # fmt: skip
    return Message(**{**values, **facts})


VIA = "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK1"
OUR_VIA = "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK0-1"


def answered_call(**facts: Any) -> Call:
    """Alice calls Bob, who answers after three seconds and hangs up after ten."""
    messages = [
        message(1, True, ALICE, "INVITE sip:bob@example.org SIP/2.0", fields=(VIA, "Max-Forwards: 70"), body=SDP),
        message(2, False, ALICE, "SIP/2.0 100 Trying", at=0.001, fields=(VIA,)),
        message(
            3,
            False,
            BOB,
            "INVITE sip:bob@192.0.2.20:5060 SIP/2.0",
            at=0.002,
            body=SDP,
            fields=(OUR_VIA, VIA, "Max-Forwards: 69", "Record-Route: <sip:192.0.2.1;lr>"),
        ),
        message(4, False, BOB, "INVITE sip:bob@192.0.2.20:5060 SIP/2.0", at=0.5, is_repeated=True, has_sdp=True),
        message(5, True, BOB, "SIP/2.0 180 Ringing", at=0.6, fields=(OUR_VIA, VIA)),
        message(6, False, ALICE, "SIP/2.0 180 Ringing", at=0.601, fields=(VIA,)),
        message(7, True, BOB, "SIP/2.0 200 OK", at=3.0, fields=(OUR_VIA, VIA), body=SDP),
        message(8, False, ALICE, "SIP/2.0 200 OK", at=3.001, fields=(VIA,), body=SDP),
        message(9, True, ALICE, "ACK sip:bob@192.0.2.20:5060 SIP/2.0", at=3.01, cseq="1 ACK"),
        message(10, False, BOB, "ACK sip:bob@192.0.2.20:5060 SIP/2.0", at=3.011, cseq="1 ACK"),
        message(11, True, BOB, "BYE sip:alice@192.0.2.10:5060 SIP/2.0", at=13.0, cseq="1 BYE"),
        message(12, False, ALICE, "BYE sip:alice@192.0.2.10:5060 SIP/2.0", at=13.001, cseq="1 BYE"),
    ]
    known: dict[str, Any] = {
        "id": 5, "call_id": "c1", "caller": "sip:alice@example.org", "callee": "sip:bob@example.org",
        "source": f"udp:{ALICE}", "state": "answered", "status": 200, "reason": "OK",
        "explanation": "bob's phone answered (200)", "started_at": START, "ringing_at": START + 0.6,
        "ended_at": START + 3, "hung_up_at": START + 13,
        "steps": [{"text": "Policy of bob: proxy (server default)", "rule": "", "section": "16.5"}],
        "branches": [
            {"position": 0, "target": "sip:bob@192.0.2.20:5060", "next_hop": f"udp:{BOB}", "user_agent": "Desk phone 3",
             "state": "answered", "status": 200, "reason": "OK"},
        ],
    }  # fmt: skip
    return Call({**known, **facts}, messages)


def hostile_call() -> Call:
    """Whatever a stranger chooses is markup, escape or direction."""
    messages = [
        message(
            1, True, ALICE, f"INVITE sip:{HOSTILE}@example.org SIP/2.0", fields=(f"Subject: {HOSTILE}",), body=HOSTILE,
            method=HOSTILE[:32],
        ),
        message(2, False, ALICE, f"SIP/2.0 404 {HOSTILE}", at=0.1),
    ]  # fmt: skip
    facts = dict.fromkeys(("call_id", "caller", "callee", "reason", "explanation"), HOSTILE)
    branch = {
        **answered_call().facts["branches"][0],
        "target": f"sip:{HOSTILE}",
        "next_hop": f"udp:{ALICE}",
        "user_agent": HOSTILE,
        "reason": HOSTILE,
    }
    return answered_call(**facts, branches=[branch], steps=[[HOSTILE, HOSTILE, HOSTILE]])._replace(messages=messages)
