"""Reading and editing messages."""

from __future__ import annotations

import pytest

from sip.message.errors import BadMessage
from sip.message.messages import Message, Request, Response, new_request, response_to
from sip.message.status import reason_phrase
from sip.message.wire import parse_message


def request() -> Request:
    parsed = parse_message(
        b"INVITE sip:bob@example.org SIP/2.0\r\n"
        b"Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK2, SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
        b"v: SIP/2.0/TCP 192.0.2.0;branch=z9hG4bK0\r\n"
        b"Route: <sip:a;lr>, <sip:b;lr>\r\nRoute: <sip:c;lr>\r\n"
        b"From: <sip:alice@example.org>;tag=1\r\nTo: sip:bob@example.org\r\nCall-ID: 77\r\nCSeq: 1 INVITE\r\n"
        b"Timestamp: 54\r\nContent-Length: 0\r\n\r\n"
    )
    assert isinstance(parsed, Request)
    return parsed


class TestReading:
    """§7.3: lazy views."""

    def test_views(self) -> None:
        message = request()
        assert [via.branch for via in message.vias] == ["z9hG4bK2", "z9hG4bK1", "z9hG4bK0"]
        assert message.via.branch == "z9hG4bK2" and message.to_tag == "" and message.from_tag == "1"
        assert message.lines("route") == ["<sip:a;lr>, <sip:b;lr>", "<sip:c;lr>"]
        assert message.first("subject") is None and message.lines("subject") == [] and not message.has("subject")
        assert message.fields[-1] == ("content-length", "0") and message.uri.user == "bob"
        assert repr(message) == "<INVITE sip:bob@example.org>" and str(message).startswith("INVITE ")

    def test_missing_field(self) -> None:
        with pytest.raises(BadMessage, match="Call-ID missing"):
            _ = Message([], []).call_id


class TestEditing:
    """§16.6: splice, and nothing else moves."""

    def test_add_top_goes_above_the_first_of_its_name(self) -> None:
        message = request()
        message.add_top("Via", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK9")
        message.add_top("Record-Route", "<sip:us;lr>")
        assert message.via.branch == "z9hG4bK9" and message.names[0] == "record-route" and message.names[1] == "via"

    def test_remove_top_value(self) -> None:
        message = request()
        message.remove_top_value("Via")
        assert message.values("via")[0].endswith("z9hG4bK1") and message.via.branch == "z9hG4bK1"
        message.remove_top_value("Via")
        message.remove_top_value("Route")
        message.remove_top_value("Route")
        assert message.via.branch == "z9hG4bK0" and message.values("route") == ["<sip:c;lr>"]
        message.remove_top_value("Route")
        message.remove_top_value("Route")
        assert not message.has("route")

    def test_replace_top_value(self) -> None:
        message = request()
        message.replace_top_value("Via", "SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK2;received=192.0.2.7")
        assert message.via.params["received"] == "192.0.2.7"
        assert message.raw[0].endswith(", SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1")

    def test_replace(self) -> None:
        message = request()
        message.replace("Route", "<sip:x;lr>")
        message.replace("To", "<sip:bob@example.org>;tag=9")
        message.replace("From", "<sip:carol@example.org>;tag=8")
        message.replace("CSeq", "2 INVITE")
        message.replace("Call-ID", "78")
        message.replace("Subject", "new")
        assert message.values("route") == ["<sip:x;lr>"] and message.to_tag == "9" and message.from_tag == "8"
        assert message.call_id == "78"
        assert message.cseq.number == 2 and message.fields[-1] == ("subject", "new")

    def test_remove(self) -> None:
        message = request()
        message.remove("Route")
        message.remove("Route")
        assert "route" not in message.names and len(message.names) == len(message.raw)

    def test_copy_is_independent(self) -> None:
        message = request()
        for original in (message, response_to(message, 200)):
            before = original.to_bytes()
            copy = original.copy()
            copy.remove("Via")
            copy.body = b"x"
            assert original.to_bytes() == before

    def test_body(self) -> None:
        message = request()
        message.set_body(b"v=0", "application/sdp")
        assert message.first("content-length") == "3" and message.to_bytes().endswith(b"\r\n\r\nv=0")

    @pytest.mark.rule("P09")
    def test_content_length_is_added_once(self) -> None:
        message = request()
        message.remove("Content-Length")
        message.ensure_content_length()
        message.ensure_content_length()
        assert message.lines("content-length") == ["0"]


@pytest.mark.rfc("3261", "8.2.6")
class TestResponse:
    """§8.2.6: what a response of our own copies."""

    def test_copied_fields_and_tag(self) -> None:
        response = response_to(request(), 404, to_tag="zz")
        assert response.names == ["via", "via", "from", "to", "call-id", "cseq", "content-length"]
        assert response.to_tag == "zz" and response.reason == "Not Found"
        assert response.via.branch == "z9hG4bK2" and repr(response) == "<404 Not Found>"

    def test_existing_tag_is_kept(self) -> None:
        message = request()
        message.replace("To", "<sip:bob@example.org>;tag=9")
        assert response_to(message, 200, to_tag="zz").to_tag == "9"

    def test_100_copies_timestamp_and_needs_no_tag(self) -> None:
        response = response_to(request(), 100)
        assert response.first("timestamp") == "54" and response.to_tag == ""

    def test_malformed_to_is_answered_all_the_same(self) -> None:
        message = request()
        message.replace("To", '"open')
        assert response_to(message, 400, "Quoted display name without end", "zz").status == 400

    def test_reason_phrases(self) -> None:
        assert (reason_phrase(486), reason_phrase(499), reason_phrase(299)) == ("Busy Here", "Bad Request", "OK")


def test_new_request_parses_again() -> None:
    built = new_request(
        "MESSAGE", "sip:bob@example.org", from_="<sip:a@b>;tag=1", to="<sip:bob@example.org>", call_id="1", cseq=7,
        fields=[("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1")], body=b"hi",
    )  # fmt: skip
    parsed = parse_message(built.to_bytes())
    assert isinstance(parsed, Request) and parsed.body == b"hi" and parsed.first("max-forwards") == "70"
    assert isinstance(response_to(parsed, 200), Response)
