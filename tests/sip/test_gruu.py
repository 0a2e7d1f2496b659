"""Public and temporary GRUUs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.gruu import Gruus, is_gruu, public
from sip.location import Binding
from sip.message.uri import Uri

pytestmark = [pytest.mark.rule("R33"), pytest.mark.rfc("5627", "5.4")]

AOR = "sip:bob@example.org"
PHONE, OTHER = "<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>", "<urn:uuid:2>"
NOW = 1000.0


def wall(at):
    return at + 1e9


def a_binding(contact="sip:bob@192.0.2.20", **facts):
    values = {"expires_at": NOW + 600, "call_id": "first", "cseq": 1, "instance_id": PHONE, "created_at": NOW, **facts}
    return Binding(aor=AOR, contact=contact, **values)


@pytest.fixture
def gruus():
    return Gruus(b"a secret of this server, 32 bytes")


def temporary(gruus, instance_id=PHONE, call_id="first", cseq=1, now=NOW):
    return Uri.parse(gruus.temporary(7, AOR, instance_id, call_id, cseq, wall(now)))


class TestPublic:
    def test_it_works(self):
        text = public(AOR, PHONE)
        assert text == "sip:bob@example.org;gr=urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF"
        assert is_gruu(Uri.parse(text)) and Uri.parse(text).aor() == AOR
        assert not is_gruu(Uri.parse(AOR)) and not is_gruu(Uri.parse("sip:example.org;gr=1"))

    @given(*[st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)] * 2)
    def test_any_user_and_any_instance_make_a_uri_that_leads_back(self, user, instance):
        uri = Uri.parse(public(f"sip:{user}@example.org", instance))
        assert uri.username == user
        binding = a_binding(instance_id=instance)
        assert Gruus(b"x").phone_of(uri, None, [binding], wall) == [binding]


class TestTemporary:
    def test_it_says_what_was_put_in_and_only_to_us(self, gruus):
        uri = temporary(gruus)
        opened = gruus.open(uri)
        assert (opened.user_id, opened.given_at) == (7, int(wall(NOW)))
        assert Gruus(b"another secret").open(uri) is None
        assert "bob" not in uri.text and "AABBCC" not in uri.text and uri.params["gr"] is None

    def test_each_is_another_and_none_tells_of_the_other(self, gruus):
        uris = {temporary(gruus, cseq=cseq, now=now).user for cseq in (1, 2) for now in (NOW, NOW + 1)}
        assert len(uris) == 4

    def test_letters_may_change_their_case(self, gruus):
        uri = temporary(gruus)
        shouted = f"sip:tgruu.{uri.user[6:].upper()}@EXAMPLE.ORG;gr"
        assert gruus.open(Uri.parse(shouted)) == gruus.open(uri)

    @pytest.mark.parametrize("user", ["bob", "tgruu.", "tgruu." + "a" * 64, "tgruu." + "1" * 64, "tgruu." + "%e4" * 64])
    def test_what_is_none_of_ours(self, gruus, user):
        assert gruus.open(Uri.parse(f"sip:{user}@example.org;gr")) is None

    def test_forged_in_any_place(self, gruus):
        uri = temporary(gruus)
        for place in range(6, len(uri.user)):
            letter = "b" if uri.user[place] == "a" else "a"
            forged = f"sip:{uri.user[:place]}{letter}{uri.user[place + 1 :]}@example.org;gr"
            assert gruus.open(Uri.parse(forged)) is None


@pytest.mark.rfc("5627", "5.1")
class TestPhone:
    """Which bindings a GRUU means."""

    def test_only_that_phone(self, gruus):
        mine, other = a_binding(), a_binding("sip:bob@192.0.2.30", instance_id=OTHER, call_id="other")
        plain = a_binding("sip:bob@192.0.2.40", instance_id="")
        for uri in (Uri.parse(public(AOR, PHONE)), temporary(gruus)):
            assert gruus.phone_of(uri, gruus.open(uri), [mine, other, plain], wall) == [mine]

    def test_a_uuid_in_other_letters(self, gruus):
        mine = a_binding()
        uri = Uri.parse(public(AOR, PHONE.lower()))
        assert gruus.phone_of(uri, None, [mine], wall) == [mine]

    def test_nobody(self, gruus):
        uri = Uri.parse(public(AOR, OTHER))
        assert gruus.phone_of(uri, None, [a_binding(), a_binding(instance_id="")], wall) == []

    def test_all_flows_of_it_and_otherwise_the_contact_heard_of_last(self, gruus):
        old, new = a_binding(refreshed_at=1.0), a_binding("sip:bob@192.0.2.21", refreshed_at=2.0)
        uri = Uri.parse(public(AOR, PHONE))
        assert gruus.phone_of(uri, None, [new, old], wall) == [new]
        flows = [a_binding(reg_id=1), a_binding(reg_id=2, call_id="second")]
        assert gruus.phone_of(uri, None, [*flows, new], wall) == flows
        uri = temporary(gruus)  # given with the Call-ID of the first flow
        assert gruus.phone_of(uri, gruus.open(uri), flows, wall) == flows

    @pytest.mark.rfc("5627", "3.1.2")
    def test_a_temporary_one_ends_with_its_call_id(self, gruus):
        uri = temporary(gruus)
        refreshed = a_binding(cseq=9)
        assert gruus.phone_of(uri, gruus.open(uri), [refreshed], wall) == [refreshed]
        assert gruus.phone_of(uri, gruus.open(uri), [a_binding(call_id="second")], wall) == []

    @pytest.mark.rfc("5627", "3.1.2")
    def test_and_with_its_registration(self, gruus):
        uri = temporary(gruus)
        again = a_binding(created_at=NOW + 5)  # the phone left, and came back with the same Call-ID
        assert gruus.phone_of(uri, gruus.open(uri), [again], wall) == []
