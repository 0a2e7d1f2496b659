"""Bytes to messages and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.message.errors import BadMessage
from sip.message.limits import MAX_FIELDS, MAX_LINE_CHARACTERS, MAX_MESSAGE_BYTES
from sip.message.messages import Request, Response
from sip.message.wire import parse_message
from tests.sip.imaginary import request_text

INVITE = (
    b"INVITE sip:bob@example.org SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds\r\n"
    b"Max-Forwards: 70\r\n"
    b"To: Bob <sip:bob@example.org>\r\n"
    b"From: Alice <sip:alice@example.org>;tag=1928301774\r\n"
    b"Call-ID: a84b4c76e66710\r\n"
    b"CSeq: 314159 INVITE\r\n"
    b"Content-Length: 4\r\n"
    b"\r\n"
    b"v=0\n"
)


def changed(old: bytes, new: bytes) -> bytes:
    assert old in INVITE
    return INVITE.replace(old, new)


def refusal(data: bytes) -> BadMessage:
    with pytest.raises(BadMessage) as caught:
        parse_message(data)
    return caught.value


@pytest.mark.rfc("3261", "7.1")
class TestStartLine:
    """§7.1, §7.2: the start line."""

    def test_request(self) -> None:
        request = parse_message(INVITE)
        assert isinstance(request, Request)
        assert (request.method, request.uri_text, request.body) == ("INVITE", "sip:bob@example.org", b"v=0\n")

    @pytest.mark.rfc("3261", "7.2")
    def test_response(self) -> None:
        response = parse_message(changed(b"INVITE sip:bob@example.org SIP/2.0", b"SIP/2.0 180 Ringing loudly"))
        assert isinstance(response, Response)
        assert (response.status, response.reason) == (180, "Ringing loudly")

    def test_response_without_reason(self) -> None:
        response = parse_message(changed(b"INVITE sip:bob@example.org SIP/2.0", b"SIP/2.0 100 "))
        assert isinstance(response, Response) and response.reason == ""

    @pytest.mark.parametrize("line", [b"SIP/2.0 4294967301 no", b"SIP/2.0 99 no", b"SIP/3.0 200 OK", b"SIP/2.0 700 x"])
    def test_bad_status_line_cannot_be_answered(self, line: bytes) -> None:
        assert refusal(changed(b"INVITE sip:bob@example.org SIP/2.0", line)).message is None

    @pytest.mark.parametrize(
        "line",
        [
            b"INVITE  sip:bob@example.org SIP/2.0",
            b"INVITE sip:bob@example.org  SIP/2.0",
            b"INVITE sip:bob@example.org SIP/2.0 ",
            b"INVITE sip:bob@example.org; lr SIP/2.0",
            b"INVITE\tsip:bob@example.org SIP/2.0 SIP/2.0",
        ],
    )
    def test_surplus_white_space_is_answered_400(self, line: bytes) -> None:
        error = refusal(changed(b"INVITE sip:bob@example.org SIP/2.0", line))
        assert error.status == 400
        assert line.startswith(b"INVITE\t") or (error.message is not None and error.message.call_id)

    def test_other_version_is_answered_505(self) -> None:
        error = refusal(changed(b"org SIP/2.0", b"org SIP/7.0"))
        assert error.status == 505 and error.message is not None and error.message.via.host == "192.0.2.1"

    @pytest.mark.parametrize(
        "data", [b"", b"\r\n\r\n", b"\0\0\0\0", b"hello\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\xff" * 40]
    )
    def test_what_is_not_sip_has_no_message(self, data: bytes) -> None:
        assert refusal(data).message is None

    def test_empty_lines_before_the_start_line_are_skipped(self) -> None:
        assert parse_message(b"\r\n" + INVITE).call_id == "a84b4c76e66710"


@pytest.mark.rule("X12")
@pytest.mark.rfc("3261", "7.3.1")
class TestHeaderFields:
    """§7.3.1: names in any case and in short, folding, lists."""

    def test_compact_forms_and_case(self) -> None:
        request = parse_message(
            b"OPTIONS sip:example.org SIP/2.0\r\nv: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\nF: <sip:a@b>;tag=1\r\n"
            b"t: <sip:c@d>\r\ni: 9\r\ncSEQ: 1 OPTIONS\r\nl: 0\r\nk: path, gruu\r\nSUPPORTED: outbound\r\n\r\n"
        )
        assert request.from_tag == "1" and request.call_id == "9" and request.cseq == (1, "OPTIONS")
        assert request.values("supported") == ["path", "gruu", "outbound"]

    def test_repeated_lines_equal_one_list(self) -> None:
        repeated = parse_message(changed(b"Max-F", b"Route: <sip:a;lr>\r\nRoute: <sip:b;lr>\r\nMax-F"))
        listed = parse_message(changed(b"Max-F", b"Route: <sip:a;lr> ,<sip:b;lr>\r\nMax-F"))
        assert repeated.values("route") == listed.values("route") == ["<sip:a;lr>", "<sip:b;lr>"]

    def test_commas_in_quotes_and_brackets_do_not_split(self) -> None:
        request = parse_message(changed(b"Max-F", b'Contact: "Bell, A. \\", G." <sip:a,b@c>, <sip:d@e>\r\nMax-F'))
        assert request.values("contact") == ['"Bell, A. \\", G." <sip:a,b@c>', "<sip:d@e>"]

    def test_folded_line_is_unfolded_for_reading_and_kept_for_sending(self) -> None:
        data = changed(b"Call-ID: a84b4c76e66710", b"Subject: I know you're there,\r\n  pick up\r\nCall-ID: 7")
        request = parse_message(data)
        assert request.first("subject") == "I know you're there, pick up"
        assert request.to_bytes() == data

    def test_folded_via(self) -> None:
        request = parse_message(changed(b"Via: SIP/2.0/UDP ", b"Via: SIP / 2.0\r\n / UDP\r\n   "))
        assert request.via.host == "192.0.2.1" and request.via.branch == "z9hG4bK776asdhds"

    @pytest.mark.threat(18)
    def test_space_before_the_colon(self) -> None:
        assert parse_message(changed(b"Call-ID:", b"Call-ID \t:")).call_id == "a84b4c76e66710"

    @pytest.mark.parametrize("line", [b"no colon here", b"b\xc3\xa4d: x", b"two words: x", b": x"])
    def test_malformed_line_is_answered_400(self, line: bytes) -> None:
        error = refusal(changed(b"Max-Forwards: 70", line))
        assert error.status == 400 and error.message is not None and error.message.call_id == "a84b4c76e66710"

    @pytest.mark.parametrize("name", [b"To", b"From", b"Call-ID", b"CSeq", b"Via"])
    def test_missing_field_is_named(self, name: bytes) -> None:
        lines = [line for line in INVITE.split(b"\r\n") if not line.startswith(name + b":")]
        assert refusal(b"\r\n".join(lines)).reason == f"{name.decode()} missing"

    @pytest.mark.parametrize(
        "line", [b"To: <sip:x@y>", b"f: <sip:x@y>;tag=2", b"Call-ID: 2", b"CSeq: 1 INVITE", b"l: 4"]
    )
    @pytest.mark.threat(18)
    def test_field_that_may_stand_once_stands_twice(self, line: bytes) -> None:
        assert refusal(changed(b"Max-F", line + b"\r\nMax-F")).reason.startswith("More than one")

    def test_max_forwards_may_be_absent(self) -> None:
        assert not parse_message(changed(b"Max-Forwards: 70\r\n", b"")).has("max-forwards")

    @pytest.mark.parametrize(
        "cseq", [b"INVITE", b"1", b"-1 INVITE", b"2147483648 INVITE", b"99999999999999999999 INVITE", b"1 INV,ITE", b""]
    )
    def test_malformed_cseq(self, cseq: bytes) -> None:
        assert refusal(changed(b"314159 INVITE", cseq)).field == "cseq"

    def test_cseq_with_more_white_space(self) -> None:
        assert parse_message(changed(b"314159 INVITE", b"0314159  \t INVITE")).cseq == (314159, "INVITE")

    @pytest.mark.parametrize("via", [b"192.0.2.1;;branch=z9hG4bK1", b"192.0.2.1;branch=z9hG4bK1,, SIP/2.0/UDP a"])
    def test_via_with_empty_parts_is_answered_400(self, via: bytes) -> None:
        error = refusal(changed(b"192.0.2.1:5060;branch=z9hG4bK776asdhds", via))
        assert error.status == 400 and error.message is not None and error.message.via.branch == "z9hG4bK1"

    def test_cseq_of_another_method(self) -> None:
        assert refusal(changed(b"314159 INVITE", b"314159 invite")).status == 400

    @pytest.mark.parametrize("bare", [b"\r", b"\n"])
    @pytest.mark.threat(18)
    def test_bare_cr_or_lf(self, bare: bytes) -> None:
        assert "Bare CR or LF" in refusal(changed(b"Call-ID: ", b"Call-ID: x" + bare + b"Evil: y")).reason

    def test_nul_only_as_quoted_pair(self) -> None:
        assert "NUL" in refusal(changed(b"To: Bob", b'To: "B\0b"')).reason
        assert parse_message(changed(b"To: Bob", b'To: "B\\\0b"')).to.display_name == "B\0b"


@pytest.mark.rule("X03")
@pytest.mark.rfc("3261", "18.3")
class TestBody:
    """§18.3: Content-Length against what arrived."""

    def test_surplus_is_dropped(self) -> None:
        assert parse_message(INVITE + b"surplus").body == b"v=0\n"

    def test_without_content_length_the_rest_is_the_body(self) -> None:
        assert parse_message(changed(b"Content-Length: 4\r\n", b"") + b"more").body == b"v=0\nmore"

    @pytest.mark.parametrize("value", [b"5", b"-4", b"4.0", b"0x4", b"", b"999999999", "٤".encode()])
    def test_short_body_or_malformed_length(self, value: bytes) -> None:
        error = refusal(changed(b"Length: 4", b"Length: " + value))
        assert error.status == 400 and error.field == "content-length" and error.message is not None


@pytest.mark.threat(19)
class TestLimits:
    """A message past a limit is refused with the limit's name."""

    def test_message(self) -> None:
        assert refusal(INVITE + bytes(MAX_MESSAGE_BYTES)).status == 513

    def test_fields(self) -> None:
        assert refusal(changed(b"Max-F", b"X: y\r\n" * MAX_FIELDS + b"Max-F")).reason == "Too many header fields"

    def test_line(self) -> None:
        assert refusal(changed(b"Max-F", b"X: " + b"y" * MAX_LINE_CHARACTERS + b"\r\nMax-F")).status == 513


class TestSurvival:
    """§16.6 step 1: what is not understood leaves as it came."""

    def test_whole_message(self) -> None:
        data = changed(b"Max-F", b"X-Odd:\t b\xff\xfe  \r\nx-odd:\r\n two \r\nContent-Length : 4\r\nMax-F").replace(
            b"Content-Length: 4\r\n", b""
        )
        assert parse_message(data).to_bytes() == data

    @given(
        st.lists(
            st.tuples(
                st.from_regex(r"X-[A-Za-z0-9!%*_+`'~.-]{1,12}", fullmatch=True),
                st.binary(max_size=40).filter(lambda value: not set(value) & {0, 10, 13}),
            ),
            max_size=8,
        ),
        st.binary(max_size=100),
    )
    def test_any_unknown_field_and_body(self, fields: list[tuple[str, bytes]], body: bytes) -> None:
        lines = b"".join(name.encode() + b": " + value + b"\r\n" for name, value in fields)
        data = changed(b"Max-F", lines + b"Max-F").replace(b"Length: 4", b"Length: %d" % len(body))[:-4] + body
        assert parse_message(data).to_bytes() == data

    @given(st.binary(max_size=300))
    @pytest.mark.threat(19)
    def test_any_bytes_give_a_message_or_bad_message(self, data: bytes) -> None:
        for candidate in (data, INVITE[:200] + data, INVITE.replace(b"Bob", data), INVITE.replace(b"z9hG4bK", data)):
            try:
                parse_message(candidate)
            except BadMessage as error:
                assert 400 <= error.status < 600 and error.reason.isascii() and error.reason.isprintable()

    def test_every_prefix_gives_a_message_or_bad_message(self) -> None:
        for end in range(len(INVITE)):
            assert refusal(INVITE[:end]).status == 400


@pytest.mark.rfc("3261", "8.1.1.4")
def test_a_call_id_is_not_empty() -> None:
    with pytest.raises(BadMessage, match="Call-ID empty"):
        parse_message(request_text(call_id=""))


@pytest.mark.rfc("3261", "7.3.1")
def test_of_several_mistakes_the_first_is_named() -> None:
    data = request_text(fields=["no token: 1", "NoColon", "(: 2"])
    with pytest.raises(BadMessage, match="Malformed header field name no token") as caught:
        parse_message(data)
    assert caught.value.message is not None


@pytest.mark.rfc("3261", "7.3.1")
def test_a_line_without_colon_is_named() -> None:
    with pytest.raises(BadMessage, match="Header field without colon: NoColon"):
        parse_message(request_text(fields=["NoColon"]))
