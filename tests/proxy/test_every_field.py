"""Every header field of §20 through one hop: what is no business of a proxy leaves as it came, in whatever spelling;
what is its business is changed in the one way that §16 says."""

from __future__ import annotations

import pytest

from sip.message.names import COMPACT
from tests.proxy.scene import BOB, Scene
from tests.sip.imaginary import response_text

PHONE = "sip:bob@192.0.2.20:5060"
ALICES = "Contact: <sip:alice@192.0.2.10>"
LETTERS = {name: letter for letter, name in COMPACT.items()}

# A line as phones write it, for each field that passes a proxy untouched (§16.6 step 1).
PASSED = [
    pytest.param("Accept: application/sdp;level=1, application/x, text/*", marks=pytest.mark.rfc("3261", "20.1")),
    pytest.param("Accept-Encoding: gzip, identity;q=0.5", marks=pytest.mark.rfc("3261", "20.2")),
    pytest.param("Accept-Language: da, en-gb;q=0.8, en;q=0.7", marks=pytest.mark.rfc("3261", "20.3")),
    pytest.param("Alert-Info: <http://192.0.2.99/sounds/moo.wav>", marks=pytest.mark.rfc("3261", "20.4")),
    pytest.param("Allow: INVITE, ACK, OPTIONS, CANCEL, BYE, DANCE", marks=pytest.mark.rfc("3261", "20.5")),
    pytest.param('Authentication-Info: nextnonce="47364c23", qop=auth', marks=pytest.mark.rfc("3261", "20.6")),
    pytest.param(
        'Authorization: Digest username="alice", realm="elsewhere.example", nonce="n", uri="sip:x", response="r"',
        marks=pytest.mark.rfc("3261", "20.7"),
    ),
    pytest.param("Call-Info: <http://192.0.2.99/a.jpg> ;purpose=icon", marks=pytest.mark.rfc("3261", "20.9")),
    pytest.param("Contact: \"Alice\" <sip:alice@192.0.2.10>;q=0.7;expires=60", marks=pytest.mark.rfc("3261", "20.10")),
    pytest.param("Content-Disposition: session;handling=optional", marks=pytest.mark.rfc("3261", "20.11")),
    pytest.param("Content-Encoding: tar", marks=pytest.mark.rfc("3261", "20.12")),
    pytest.param("Content-Language: fr", marks=pytest.mark.rfc("3261", "20.13")),
    pytest.param("Content-Type: application/x-unheard-of;a=b", marks=pytest.mark.rfc("3261", "20.15")),
    pytest.param("Date: Sat, 13 Nov 2010 23:29:00 GMT", marks=pytest.mark.rfc("3261", "20.17")),
    pytest.param("Error-Info: <sip:not-in-service@192.0.2.99>", marks=pytest.mark.rfc("3261", "20.18")),
    pytest.param("Expires: 5", marks=pytest.mark.rfc("3261", "20.19")),
    pytest.param("In-Reply-To: 70710@saturn.example, 17320@saturn.example", marks=pytest.mark.rfc("3261", "20.21")),
    pytest.param("Min-Expires: 60", marks=pytest.mark.rfc("3261", "20.23")),
    pytest.param("MIME-Version: 1.0", marks=pytest.mark.rfc("3261", "20.24")),
    pytest.param("Organization: Boxes by Bob", marks=pytest.mark.rfc("3261", "20.25")),
    pytest.param("Priority: emergency", marks=pytest.mark.rfc("3261", "20.26")),
    pytest.param(
        'Proxy-Authorization: Digest username="alice", realm="next.example", nonce="n", uri="sip:x", response="r"',
        marks=pytest.mark.rfc("3261", "20.28"),
    ),
    pytest.param("Reply-To: Bob <sip:bob@elsewhere.example>", marks=pytest.mark.rfc("3261", "20.31")),
    pytest.param("Require: 100rel, never-heard-of", marks=pytest.mark.rfc("3261", "20.32")),
    pytest.param("Retry-After: 18000;duration=3600", marks=pytest.mark.rfc("3261", "20.33")),
    pytest.param("Server: HomeServer v2", marks=pytest.mark.rfc("3261", "20.35")),
    pytest.param("Subject: Tech Support needed: it's all broken", marks=pytest.mark.rfc("3261", "20.36")),
    pytest.param("Supported: 100rel, never-heard-of", marks=pytest.mark.rfc("3261", "20.37")),
    pytest.param("Timestamp: 54.2 0.1", marks=pytest.mark.rfc("3261", "20.38")),
    pytest.param("Unsupported: foo", marks=pytest.mark.rfc("3261", "20.40")),
    pytest.param("User-Agent: Softphone Beta1.5 (a; b)", marks=pytest.mark.rfc("3261", "20.41")),
    pytest.param('Warning: 307 isi.example "Parameter \'foo\' not understood"', marks=pytest.mark.rfc("3261", "20.43")),
    pytest.param("X-Never-Heard-Of: a, ,b;;c=\"\\\"\" <>", marks=pytest.mark.rfc("3261", "7.3.2")),
]  # fmt: skip


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.register("bob", PHONE)
    return scene


def spellings(line: str) -> list[str]:
    """The line as it is, in capitals, folded, and in its compact form if it has one (§7.3.1, §7.3.3)."""
    name, _, value = line.partition(": ")
    found = [line, f"{name.upper()}:{value}", f"{name} :\r\n {value.replace(' ', chr(13) + chr(10) + chr(9), 1)}"]
    letter = LETTERS.get(name.lower())
    return [*found, f"{letter}: {value}"] if letter else found


@pytest.mark.parametrize("line", PASSED)
@pytest.mark.rfc("3261", "16.6")
@pytest.mark.rfc("3261", "7.3.3")
class TestPassed:
    """§16.6 step 1, §16.7 step 3."""

    def test_in_a_request(self, scene: Scene, line: str) -> None:
        for spelling in spellings(line):
            copy = scene.send(method="INVITE", uri="sip:bob@example.org", fields=[spelling]).at(BOB)
            assert f"\r\n{spelling}\r\n".encode() in copy.data

    def test_in_a_response(self, scene: Scene, line: str) -> None:
        for spelling in spellings(line):
            call = scene.call("bob")
            answer = response_text(call.at(BOB).data, 183).replace(b"\r\n\r\n", f"\r\n{spelling}\r\n\r\n".encode())
            scene.endpoint.deliver(answer, BOB)
            assert f"\r\n{spelling}\r\n".encode() in call.sent[-1].data


class TestTouched:
    """What a proxy changes, and how far."""

    @pytest.mark.rfc("3261", "20.8")
    @pytest.mark.rfc("3261", "20.16")
    @pytest.mark.rfc("3261", "20.20")
    @pytest.mark.rfc("3261", "20.39")
    @pytest.mark.rfc("3261", "19.3")
    def test_what_names_the_dialog_stays(self, scene: Scene) -> None:
        """§12: Call-ID, CSeq, From, To and their tags are the two phones' alone."""
        names = {"from_": "<sip:a@x.example>;tag=T%61G;odd=1", "to": "B <tel:+1>;x"}
        call = scene.send(
            method="INVITE", uri="sip:bob@example.org", call_id='odd<>:"[]@host', cseq=4711, fields=[ALICES], **names
        )
        copy = call.at(BOB).message
        for name in ("call-id", "cseq", "from", "to"):
            assert copy.first(name) == call.request.first(name)
        scene.answer(call.at(BOB), 200, to_tag="T%61G")
        assert call.final.to_tag == "T%61G"

    @pytest.mark.rfc("3261", "20.14")
    @pytest.mark.rfc("3261", "7.4.2")
    def test_content_length_comes_to_where_a_stream_needs_it(self, scene: Scene) -> None:
        body = b"not \x00 text \xff"
        head = scene.call("bob").data.replace(b"call-1", b"call-x").replace(b"z9hG4bK-1", b"z9hG4bK-x")
        scene.register("carol", "sip:carol@192.0.2.30:5060;transport=tcp")
        head = head.replace(b"sip:bob@", b"sip:carol@").replace(b"Content-Length: 0\r\n", b"")
        scene.endpoint.deliver(head + body)
        copy = next(sent for sent in scene.endpoint.sent if sent.protocol == "tcp")
        assert copy.message.first("content-length") == str(len(body))
        assert copy.data.endswith(b"\r\n\r\n" + body)

    @pytest.mark.rfc("3261", "20.22")
    def test_max_forwards_is_one_less(self, scene: Scene) -> None:
        assert scene.call("bob").at(BOB).message.lines("max-forwards") == ["69"]

    @pytest.mark.rfc("3261", "20.27")
    @pytest.mark.rfc("3261", "20.44")
    @pytest.mark.rfc("3261", "8.1.3.5")
    def test_challenges_of_others_pass(self, scene: Scene) -> None:
        challenges = [
            'Proxy-Authenticate: Digest realm="a", nonce="1"',
            'WWW-Authenticate: Digest realm="b", nonce="2"',
        ]
        call = scene.call("bob")
        scene.answer(call.at(BOB), 407, fields=challenges)
        assert call.final.status == 407
        assert [f"{name}: {value}".lower() for name, value in call.final.fields if name.endswith("authenticate")] == [
            challenge.lower() for challenge in challenges
        ]

    @pytest.mark.rfc("3261", "20.29")
    def test_proxy_require_is_read(self, scene: Scene) -> None:
        call = scene.call("bob", fields=["Proxy-Require: privacy, foo"])
        assert (call.final.status, call.final.values("unsupported")) == (420, ["privacy", "foo"])

    @pytest.mark.rfc("3261", "20.30")
    @pytest.mark.rfc("3261", "20.34")
    def test_record_route_comes_and_our_route_goes(self, scene: Scene) -> None:
        call = scene.call("bob", fields=["Contact: <sip:alice@192.0.2.10>", "Record-Route: <sip:192.0.2.99;lr>"])
        assert call.at(BOB).message.values("record-route")[1:] == ["<sip:192.0.2.99;lr>"]
        scene.answer(call.at(BOB), 200, fields=[f"Contact: <{PHONE}>"])
        bye = call.in_dialog("BYE", fields=[f"Route: {value}" for value in call.final.values("record-route")[:1]])
        assert not bye.at(BOB).message.has("route")

    @pytest.mark.rfc("3261", "20.42")
    def test_via_comes_and_goes(self, scene: Scene) -> None:
        call = scene.call("bob")
        copy = call.at(BOB).message
        assert len(copy.vias) == 2
        scene.answer(call.at(BOB), 180)
        assert [via.branch for via in call.final.vias] == [call.request.via.branch]


class TestBodies:
    """§7.4: of any type, and nobody's business but the phones'."""

    @pytest.mark.rfc("3261", "7.4")
    @pytest.mark.rfc("3261", "7.4.1")
    @pytest.mark.parametrize("body", [b"\r\n\r\n", b"INVITE sip:x SIP/2.0\r\n\r\n", bytes(range(256)), b"\x00" * 900])
    def test_it_passes(self, scene: Scene, body: bytes) -> None:
        lines = [
            b"Content-Type: application/octet-stream",
            b"Content-Encoding: gzip",
            b"Content-Length: %d" % len(body),
        ]
        data = scene.call("carol").data.replace(b"carol", b"bob").replace(b"z9hG4bK-1", b"z9hG4bK-body")
        data = data.replace(b"Content-Length: 0", b"\r\n".join(lines)) + body
        scene.endpoint.deliver(data)
        copy = next(sent for sent in scene.endpoint.sent if sent.remote == BOB)
        assert copy.data.endswith(b"\r\n\r\n" + body)
        assert copy.message.first("content-type") == "application/octet-stream"
