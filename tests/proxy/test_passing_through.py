"""Methods that the proxy has no part in pass through it untouched: whole transactions, byte for byte (§16.6, §16.7).

REFER (RFC 3515), PUBLISH (RFC 3903), SUBSCRIBE and NOTIFY (RFC 6665), INFO (RFC 6086), UPDATE (RFC 3311), PRACK
(RFC 3262), MESSAGE (RFC 3428), and names that nobody has heard of (§16.2: a proxy forwards what it does not know).
"""

import pytest

from sip.message.wire import parse_message
from tests.proxy.scene import ALICE, BOB, Scene
from tests.sip.imaginary import response_text

BODY = b'<?xml version="1.0"?>\r\n\r\n\x00\xff\xfe<x>\xc3\xa4 \n'
# Fields that say something to the phones and nothing to a proxy, odd in case, folds and compact forms.
FIELDS = [
    "x-UNKNOWN:   white   space\t",
    "X-Folded: one\r\n two\r\n\tthree",
    "X-Empty:",
    "X-Twice: a",
    "o: presence;id=7",
    "X-Twice: b,c",
    "Content-Type: application/x-odd;charset=none",
    "Subscription-State: active;expires=10",
    "Refer-To: <sip:carol@example.org?Replaces=1%40a>",
    "RAck: 776656 1 INVITE",
    "SIP-If-Match: dx200xyz",
    "Allow-Events: *",
    "x-greeting: gr\u00fc\u00dfe",
]
METHODS = [
    "MESSAGE",
    "SUBSCRIBE",
    "NOTIFY",
    "PUBLISH",
    "REFER",
    "INFO",
    "UPDATE",
    "PRACK",
    "OPTIONS",
    "FROB",
    "frob.it-9",
]
RECORD_ROUTED = {"SUBSCRIBE", "REFER"}  # they begin dialogs, so that the proxy stays on the way
# What a proxy has to change or to add on the way there, and nothing else (§16.6).
CHANGED = {"via", "max-forwards", "record-route", "max-breadth", "route"}


def bytes_of(method, uri, *, to="<sip:bob@example.org>", routes=(), cseq=1, call_id="c1", fields=FIELDS):
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: SIP/2.0/UDP {ALICE[0]}:{ALICE[1]};branch=z9hG4bK-{method}-{call_id}-{cseq}",
        *(f"Route: {route}" for route in routes),
        "mAx-forwards: 70",
        "f: Alice <sip:alice@example.org>;tag=alice",
        f"t: {to}",
        f"i: {call_id}",
        f"CSEQ:  {cseq}   {method}",
        *fields,
        f"l: {len(BODY)}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + BODY


def kept(data, changed=CHANGED):
    """Header field lines as they are on the wire, without those that a proxy changes."""
    message = parse_message(data)
    return [line for name, line in zip(message.names, message.raw, strict=True) if name not in changed]


def exchange(scene, data, source=ALICE):
    """Deliver a request; gives the one copy that went to Bob."""
    start = len(scene.endpoint.sent)
    scene.endpoint.deliver(data, source)
    [copy] = [sent for sent in scene.endpoint.sent[start:] if sent.remote == BOB]
    return copy


def answer(scene, copy, status, fields):
    """Bob answers; gives the one response that went to Alice."""
    request = copy.message
    data = response_text(request, status, to_tag="" if request.to_tag else "bob", fields=fields)
    head = data.partition(b"\r\n\r\n")[0].replace(b"Content-Length: 0", f"l: {len(BODY)}".encode())
    data = head + b"\r\n\r\n" + BODY
    start = len(scene.endpoint.sent)
    scene.endpoint.deliver(data, BOB)
    [back] = [sent for sent in scene.endpoint.sent[start:] if sent.remote == ALICE]
    return data, back.data


@pytest.fixture
def scene():
    scene = Scene()
    scene.register("bob", "sip:bob@192.0.2.20:5060")
    return scene


@pytest.mark.rfc("3261", "16.2")
@pytest.mark.rfc("3261", "16.6")
@pytest.mark.rfc("3428", "6")
@pytest.mark.rfc("6665", "4.3")
@pytest.mark.parametrize("method", METHODS)
class TestOutsideDialogs:
    """16.6 Request Forwarding: the copy is the request."""

    def test_the_request(self, scene, method):
        data = bytes_of(method, "sip:bob@example.org")
        copy = exchange(scene, data)
        request = copy.message
        assert copy.data.startswith(f"{method} sip:bob@192.0.2.20:5060 SIP/2.0\r\n".encode())
        assert request.body == BODY
        assert kept(copy.data) == kept(data)
        assert request.first("max-forwards") == "69"
        assert len(request.vias) == 2
        assert request.has("record-route") == (method in RECORD_ROUTED)
        assert not request.has("route")

    @pytest.mark.parametrize("status", [200, 202, 405, 489, 603])
    def test_the_response(self, scene, method, status):
        copy = exchange(scene, bytes_of(method, "sip:bob@example.org"))
        sent, back = answer(scene, copy, status, [*FIELDS, "Allow: INVITE, ACK"])
        assert parse_message(back).status == status
        assert back.endswith(b"\r\n\r\n" + BODY)
        assert kept(back, {"via"}) == kept(sent, {"via"})
        assert len(parse_message(back).vias) == 1

    def test_it_ends(self, scene, method):
        copy = exchange(scene, bytes_of(method, "sip:bob@example.org"))
        answer(scene, copy, 200, [])
        scene.advance(64)
        assert scene.endpoint.transactions == 0
        assert len(scene.handler.running) == 0

    def test_a_retransmission_is_answered_here(self, scene, method):
        data = bytes_of(method, "sip:bob@example.org")
        _, back = answer(scene, exchange(scene, data), 200, [])
        start = len(scene.endpoint.sent)
        scene.endpoint.deliver(data, ALICE)
        assert [(sent.remote, sent.data) for sent in scene.endpoint.sent[start:]] == [(ALICE, back)]


@pytest.mark.rfc("3261", "16.12")
@pytest.mark.rfc("3311", "5")
@pytest.mark.rfc("3262", "3")
@pytest.mark.rfc("6086", "4")
@pytest.mark.parametrize("method", [*METHODS, "BYE"])
class TestInDialogs:
    """16.12 Summary of Proxy Route Processing: a request in a dialog follows its route, otherwise untouched."""

    @pytest.fixture
    def dialog(self, scene):
        call = scene.call("bob")
        scene.answer(call.at(BOB), 200, fields=["Contact: <sip:bob@192.0.2.20:5060;x=1>"])
        return call

    def within(self, dialog, method):
        return bytes_of(
            method,
            "sip:bob@192.0.2.20:5060;x=1",
            to=dialog.final.first("to"),
            routes=reversed(dialog.final.values("record-route")),
            cseq=2,
            call_id=dialog.request.call_id,
        )

    def test_the_request(self, scene, dialog, method):
        data = self.within(dialog, method)
        copy = exchange(scene, data)
        assert copy.data.startswith(f"{method} sip:bob@192.0.2.20:5060;x=1 SIP/2.0\r\n".encode())
        assert copy.message.body == BODY
        assert kept(copy.data) == kept(data)
        assert not copy.message.has("route")

    def test_the_response(self, scene, dialog, method):
        copy = exchange(scene, self.within(dialog, method))
        sent, back = answer(scene, copy, 481, FIELDS)
        assert back.endswith(b"\r\n\r\n" + BODY)
        assert kept(back, {"via"}) == kept(sent, {"via"})


@pytest.mark.rfc("6665", "4.3")
class TestNotify:
    """RFC 6665 §4.3: a NOTIFY comes back the way that the SUBSCRIBE went."""

    def test_from_the_watched_phone_to_the_watcher(self, scene):
        subscribe = scene.send(
            method="SUBSCRIBE",
            uri="sip:bob@example.org",
            fields=["Event: presence", "Contact: <sip:alice@192.0.2.10:5060>"],
        )
        copy = subscribe.at(BOB)
        scene.answer(copy, 200, fields=["Contact: <sip:bob@192.0.2.20:5060>", "Expires: 60"])
        assert subscribe.statuses == [200]
        notify = scene.send(
            BOB,
            method="NOTIFY",
            uri="sip:alice@192.0.2.10:5060",
            from_=subscribe.final.first("to"),
            to=subscribe.request.first("from"),
            call_id=subscribe.request.call_id,
            fields=[*(f"Route: {route}" for route in copy.message.values("record-route")), *FIELDS],
            body="state",
        )
        arrived = notify.at(ALICE)
        assert arrived.message.body == b"state"
        assert arrived.message.first("x-empty") == ""
        scene.answer(arrived, 200)
        assert notify.statuses == [200]
