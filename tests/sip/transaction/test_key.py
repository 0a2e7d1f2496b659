"""Matching requests to transactions."""

from __future__ import annotations

import pytest

from sip.message.messages import Request
from sip.message.wire import parse_message
from sip.transaction.key import RequestKey, is_rfc2543, key_of_cancelled, merge_key, request_key
from tests.sip.imaginary import ALICE, MALLORY, request_text


def parsed(method: str = "INVITE", **parts: object) -> Request:
    request = parse_message(request_text(method, **parts))  # type: ignore[arg-type]
    assert isinstance(request, Request)
    return request


def key(method: str = "INVITE", **parts: object) -> RequestKey:
    request = parsed(method, **parts)
    return request_key(request, request.via)


@pytest.mark.rfc("3261", "17.2.3")
@pytest.mark.rule("X04")
class TestMagicCookie:
    """§17.2.3: branch, sent-by and method."""

    def test_only_branch_sent_by_and_method_count(self) -> None:
        other = key(uri="sip:carol@example.org", from_="<sip:x@y>;tag=9", to="<sip:z@y>;tag=1", call_id="q", cseq=9)
        assert key() == other

    def test_each_of_them_counts(self) -> None:
        assert len({key(), key(branch="z9hG4bKother"), key(source=MALLORY), key("MESSAGE"), key("CANCEL")}) == 5

    def test_sent_by_is_compared_without_regard_to_case(self) -> None:
        assert key(via="Via: SIP/2.0/UDP Pc.Example:5060;branch=z9hG4bK1") == key(
            via="v: SIP/2.0/UDP pc.example:5060;branch=z9hG4bK1;rport"
        )

    def test_an_ack_belongs_to_its_invite(self) -> None:
        assert key("ACK") == key("INVITE")

    @pytest.mark.rfc("3261", "9.2")
    def test_a_cancel_names_its_invite(self) -> None:
        cancel = parsed("CANCEL")
        assert key_of_cancelled(cancel, cancel.via) == key("INVITE")
        assert key_of_cancelled(cancel, cancel.via, "MESSAGE") == key("MESSAGE")


@pytest.mark.rfc("3261", "17.2.3")
@pytest.mark.rule("X04")
class TestWithoutMagicCookie:
    """§17.2.3: RFC 2543 has no unique branches."""

    OLD = f"Via: SIP/2.0/UDP {ALICE[0]}"

    @pytest.mark.parametrize("via", [OLD, OLD + ";branch=1", OLD + ";branch=z9hG4bK"])
    def test_which_senders_are_meant(self, via: str) -> None:
        assert is_rfc2543(key(via=via))
        assert key(via=via) == key(via=via)

    @pytest.mark.parametrize(
        "parts",
        [
            {"uri": "sip:carol@example.org"},
            {"from_": "<sip:alice@example.org>;tag=other"},
            {"call_id": "other"},
            {"cseq": 2},
            {"via": OLD + ";branch=2"},
        ],
    )
    def test_every_part_counts(self, parts: dict[str, object]) -> None:
        assert key(**{"via": self.OLD, **parts}) != key(via=self.OLD)

    def test_the_to_tag_counts_except_for_invite(self) -> None:
        tagged = {"via": self.OLD, "to": "<sip:bob@example.org>;tag=1"}
        assert key("BYE", **tagged) != key("BYE", via=self.OLD)
        assert key("ACK", **tagged) == key("INVITE", via=self.OLD)

    def test_a_cancel_names_its_invite(self) -> None:
        cancel = parsed("CANCEL", via=self.OLD)
        assert key_of_cancelled(cancel, cancel.via) == key("INVITE", via=self.OLD)
        assert key_of_cancelled(cancel, cancel.via, "BYE") == key("BYE", via=self.OLD)


@pytest.mark.rfc("3261", "8.2.2.2")
@pytest.mark.rule("R30")
def test_copies_of_one_request_merge() -> None:
    assert merge_key(parsed(branch="z9hG4bKa", uri="sip:a@b")) == merge_key(parsed(branch="z9hG4bKb"))
    assert len({merge_key(parsed()), merge_key(parsed(cseq=2)), merge_key(parsed(call_id="x"))}) == 3
