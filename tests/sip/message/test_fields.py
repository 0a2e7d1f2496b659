"""Typed views of single header fields."""

from __future__ import annotations

import pytest

from sip.message.errors import BadMessage
from sip.message.fields import (
    DEFAULT_Q,
    MAX_EXPIRES,
    CSeq,
    parse_contacts,
    parse_credentials,
    parse_cseq,
    parse_expires,
    parse_max_forwards,
    parse_q,
)


@pytest.mark.rule("R25")
@pytest.mark.rfc("3261", "20.10")
class TestQ:
    """§20.10, §25.1: 0 to 1, at most three decimals."""

    @pytest.mark.parametrize(
        ("text", "q"), [(None, DEFAULT_Q), ("0", 0), ("1", 1), ("0.", 0), ("1.000", 1), ("0.123", 0.123), ("0.7", 0.7)]
    )
    def test_good(self, text: str | None, q: float) -> None:
        assert parse_q(text) == q

    @pytest.mark.parametrize("text", ["", "1.5", ".5", "0.1234", "1.001", "-0.1", "2", "0,5", "high"])
    def test_malformed(self, text: str) -> None:
        with pytest.raises(BadMessage):
            parse_q(text)


@pytest.mark.rule("R15")
@pytest.mark.rfc("3261", "20.19")
@pytest.mark.parametrize(
    ("text", "seconds"),
    [(None, 77), ("0", 0), ("60", 60), ("abc", 3600), ("-1", 3600), ("", 3600), ("1.5", 3600), ("٦", 3600),
     ("4294967295", MAX_EXPIRES), ("4294967296", MAX_EXPIRES), ("9" * 400, MAX_EXPIRES)],
)  # fmt: skip
def test_expires(text: str | None, seconds: int) -> None:
    assert parse_expires(text, 77) == seconds


@pytest.mark.rfc("3261", "20.22")
class TestMaxForwards:
    """§20.22: 0 to 255."""

    @pytest.mark.parametrize(("text", "number"), [("0", 0), ("70", 70), ("255", 255), ("070", 70), ("0068", 68)])
    def test_good(self, text: str, number: int) -> None:
        assert parse_max_forwards(text) == number

    @pytest.mark.parametrize("text", ["", "-1", "256", "7O", "70.0", "00000000070"])
    def test_malformed(self, text: str) -> None:
        with pytest.raises(BadMessage):
            parse_max_forwards(text)


class TestContacts:
    """§20.10: values over several lines, and the star."""

    def test_several(self) -> None:
        contacts = parse_contacts(['"B, C" <sip:a@x>;q=0.5, <sip:b@x>', "sip:c@x;expires=5"])
        assert not contacts.is_star
        assert [address.uri_text for address in contacts.addresses] == ["sip:a@x", "sip:b@x", "sip:c@x"]

    @pytest.mark.rule("R12")
    def test_star(self) -> None:
        assert parse_contacts([" * "]) == (True, [])
        assert len(parse_contacts(["*, <sip:a@x>"]).addresses) == 1

    @pytest.mark.rule("R12")
    def test_star_takes_no_parameters(self) -> None:
        with pytest.raises(BadMessage):
            parse_contacts(["*;expires=0"])


@pytest.mark.rule("R35")
@pytest.mark.rfc("3261", "20.7")
class TestCredentials:
    """§20.7, §25.1: digest parameters."""

    def test_parameters(self) -> None:
        scheme, params = parse_credentials(
            'DIGEST username="b\\"o,b", Realm = "example.org",nonce="a,b=c" , qop=auth, nc=00000001,algorithm=MD5'
        )
        assert scheme == "digest"
        assert params == {
            "username": 'b"o,b', "realm": "example.org", "nonce": "a,b=c", "qop": "auth", "nc": "00000001",
            "algorithm": "MD5",
        }  # fmt: skip

    @pytest.mark.parametrize(
        "text", ['Digest username="bob', 'Digest a="b" c="d"', "Digest ,", "Digest a=b, a=c", "Digest a", 'Digest ="x"']
    )
    def test_malformed(self, text: str) -> None:
        with pytest.raises(BadMessage):
            parse_credentials(text)

    def test_hostile_length_is_linear(self) -> None:
        with pytest.raises(BadMessage):
            parse_credentials("Digest a=" + '"\\' * 100_000)


def test_cseq() -> None:
    assert parse_cseq("4711 INVITE") == CSeq(4711, "INVITE")
    with pytest.raises(BadMessage):
        parse_cseq("1 " + "X" * 200)


@pytest.mark.rfc("3261", "20.16")
def test_white_space_within_cseq() -> None:
    assert parse_cseq(" 7\t \t INVITE ") == CSeq(7, "INVITE")


@pytest.mark.parametrize("text", ["", "INVITE", "x INVITE", "-1 INVITE", "2147483648 INVITE", "1 IN/VITE", "1 2 X"])
@pytest.mark.rfc("3261", "8.1.1.5")
def test_malformed_cseq(text: str) -> None:
    with pytest.raises(BadMessage):
        parse_cseq(text)
