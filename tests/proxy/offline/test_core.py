"""RFC 3428 §7, §8: which messages are stored, as what, and what became of a delivery."""

import pytest

from proxy.choices import ANYBODY, NOBODY, USERS
from proxy.offline.core import Kept, Outcome, StoringRules, kept_bytes, outcome_of, restored, rules_of, why_not
from registrar.choices import STORE_MESSAGES
from sip.message.errors import BadMessage
from sip.message.wire import parse_message
from tests.proxy.scene import ADomain
from tests.sip.imaginary import request_text

NOTHING = Kept(0, 0)
RULES = StoringRules(USERS, 4, 100, 3600.0, ("application/im-iscomposing+xml", "multipart/*"))


def a_message(*fields, body="Hello", content_type="text/plain"):
    lines = [*([f"Content-Type: {content_type}"] if content_type else []), *fields]
    return parse_message(request_text("MESSAGE", fields=lines, body=body))


def test_the_words_are_those_of_the_domain():
    assert list(STORE_MESSAGES) == [NOBODY, USERS, ANYBODY]


def test_rules_of_a_domain():
    domain = ADomain(1, "example.org")
    domain.store_messages = ANYBODY
    domain.stored_message_skip = "Application/A  text/*"
    assert rules_of(domain) == (ANYBODY, 50, 4096, 2_592_000.0, ("application/a", "text/*"))


@pytest.mark.rfc("3428", "7")
class TestWhyNot:
    """RFC 3428 §7: a message may be stored, or not."""

    def test_it_works(self):
        assert why_not(a_message(), RULES, NOTHING, is_user=True) == ""

    @pytest.mark.parametrize(
        ("who", "is_user", "why"),
        [
            (NOBODY, True, "sender"),
            (USERS, False, "sender"),
            (USERS, True, ""),
            (ANYBODY, False, ""),
            (ANYBODY, True, ""),
        ],
    )
    def test_whose(self, who, is_user, why):
        assert why_not(a_message(), RULES._replace(who=who), NOTHING, is_user=is_user) == why

    @pytest.mark.parametrize(
        ("content_type", "why"),
        [
            ("Application/IM-isComposing+xml;charset=utf-8", "type"),
            ("multipart/mixed", "type"),
            ("multipart", ""),
            ("", ""),
        ],
    )
    def test_types(self, content_type, why):
        assert why_not(a_message(content_type=content_type), RULES, NOTHING, is_user=True) == why

    @pytest.mark.parametrize(("length", "why"), [(100, ""), (101, "size")])
    def test_size(self, length, why):
        assert why_not(a_message(body="x" * length), RULES, NOTHING, is_user=True) == why

    def test_header_fields_are_bounded_too(self):
        assert why_not(a_message("X-Long: " + "x" * 4096), RULES, NOTHING, is_user=True) == "size"

    def test_expired_already(self):
        assert why_not(a_message("Expires: 0"), RULES, NOTHING, is_user=True) == "expired"

    @pytest.mark.parametrize(
        ("kept", "is_user", "why"),
        [
            (Kept(3, 0), True, ""),
            (Kept(4, 0), True, "full"),
            (Kept(1, 1), False, ""),
            (Kept(2, 2), False, "full"),  # the other half is for users
            (Kept(2, 2), True, ""),
        ],
    )
    def test_full(self, kept, is_user, why):
        assert why_not(a_message(), RULES._replace(who=ANYBODY), kept, is_user=is_user) == why

    @pytest.mark.parametrize(
        ("of_sender", "is_user", "why"),
        [(999, True, ""), (1000, True, "sender_full"), (1000, False, ""), (50_000, False, "sender_full")],
    )
    def test_a_sender_who_fills_everybodys_boxes(self, of_sender, is_user, why):
        rules = RULES._replace(who=ANYBODY)
        assert why_not(a_message(), rules, Kept(0, 0, of_sender), is_user=is_user) == why

    def test_a_box_for_one(self):
        rules = RULES._replace(who=ANYBODY, most=1)
        assert why_not(a_message(), rules, NOTHING, is_user=False) == ""


@pytest.mark.rfc("3428", "7")
class TestKept:
    """What is stored is what will be delivered."""

    def test_it_survives(self):
        request = a_message(
            "Subject: Lunch", "X-Unknown:  as it\r\n was", "Route: <sip:192.0.2.1;lr>", "Expires: 60",
            'Proxy-Authorization: Digest username="alice"', "P-Asserted-Identity: <sip:boss@example.org>",
            "Identity: x", "Contact: <sip:alice@192.0.2.10>", body="Grüße\r\n\r\nend",
        )  # fmt: skip
        request.body += b"\xff\x00"
        again = restored(kept_bytes(request, 1_700_000_000.0), 77, 2)
        assert again.method == "MESSAGE"
        assert again.body == request.body
        assert again.first("from") == request.first("from")
        assert again.first("to") == request.first("to")
        assert again.first("subject") == "Lunch"
        assert "X-Unknown:  as it\r\n was" in again.raw
        assert again.first("expires") == "60"
        assert again.first("date") == "Tue, 14 Nov 2023 22:13:20 GMT"
        assert again.call_id == "stored-77"
        assert again.cseq == (2, "MESSAGE")
        for name in ("route", "proxy-authorization", "p-asserted-identity", "identity", "contact", "max-forwards"):
            assert not again.has(name)
        assert [via.host for via in again.vias] == ["stored.invalid"]
        assert again.first("content-length") == str(len(request.body))

    def test_a_date_of_the_sender_stays(self):
        request = a_message("Date: Sat, 13 Nov 2010 23:29:00 GMT")
        assert restored(kept_bytes(request, 0.0), 1, 1).lines("date") == ["Sat, 13 Nov 2010 23:29:00 GMT"]

    def test_bytes_that_are_no_utf_8(self):
        request = parse_message(request_text("MESSAGE").replace(b"Alice", b"Al\xffce"))
        assert b"Al\xffce" in restored(kept_bytes(request, 0.0), 1, 1).to_bytes()

    def test_a_broken_row(self):
        with pytest.raises(BadMessage):
            restored(b"nonsense", 1, 1)
        with pytest.raises(TypeError):
            restored(
                b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>;tag=2\r\n"
                b"Call-ID: 1\r\nCSeq: 1 MESSAGE\r\n\r\n",
                1,
                1,
            )


@pytest.mark.rfc("3428", "8")
@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [
        ([200], Outcome.DELIVERED),
        ([408, 486, 202], Outcome.DELIVERED),
        ([415], Outcome.REFUSED),
        ([404, 603], Outcome.REFUSED),
        ([501], Outcome.REFUSED),
        ([415, 408], Outcome.LATER),
        ([302], Outcome.LATER),
        ([407], Outcome.LATER),
        ([480], Outcome.LATER),
        ([500], Outcome.LATER),
        ([503, 408], Outcome.LATER),
        ([], Outcome.LATER),
    ],
)
def test_outcome(statuses, outcome):
    assert outcome_of(statuses) is outcome
