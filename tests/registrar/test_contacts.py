"""What a Contact and a Path may be, and how they are kept."""

import pytest

from registrar.contacts import contact_problem, host_problem, other_parameters, path_problem, storable
from sip.message.address import Address
from sip.message.errors import BadMessage
from sip.message.limits import MAX_ROUTES, MAX_URI_CHARACTERS

pytestmark = pytest.mark.rfc("3261", "10.2.1")

AOR = "sip:bob@example.org"


def problem(text, *, is_local=False):
    return contact_problem(Address.parse(text), AOR, lambda host, port: host == "192.0.2.1", is_local=is_local)


class TestText:
    def test_what_no_database_takes_becomes_an_escape(self):
        assert storable("Telefön 1") == "Telefön 1"
        assert storable("a\0b") == "a\\x00b"
        assert storable("a\udce4b") == "a\\udce4b"

    def test_parameters_that_are_repeated(self):
        params = Address.parse('<sip:b@h>;q=0.5;expires=9;pub-gruu="x";temp-gruu="y";Methods="INVITE";ob').params
        assert other_parameters(params) == ';methods="INVITE";ob'
        assert other_parameters(Address.parse("<sip:b@h>;q=0.5").params) == ""


class TestContact:
    @pytest.mark.rule("R26")
    @pytest.mark.parametrize(
        "text", ["<sip:bob@192.0.2.9>", "<sips:bob@phone.example.org:5061>", "<sip:bob@[2001:db8::9]>", "<tel:+123>"]
    )
    def test_where_phones_can_be(self, text):
        assert problem(text) is None

    @pytest.mark.parametrize(
        ("text", "status", "word"),
        [
            (f"<sip:bob@192.0.2.9>;x={'y' * MAX_URI_CHARACTERS}", 400, "too long"),
            ("<sip:b\udce4b@192.0.2.9>", 400, "UTF-8"),
            ("<sip:bob@192.0.2.9:0>", 400, "port 0"),
            ("<sip:bob@example.org>", 403, "itself"),
            ("<sip:bob@example.org:5060;gr=urn:uuid:1>", 403, "GRUU"),
            ("<sip:bob@192.0.2.1>", 403, "this server"),
            ("<sip:bob@192.0.2.9;maddr=192.0.2.1>", 403, "this server"),
            ("<sip:bob@192.0.2.9;maddr=224.0.1.75>", 403, "no address of a phone"),
            ("<sip:bob@127.0.0.1>", 403, "127.0.0.1"),
        ],
    )
    def test_where_they_cannot(self, text, status, word):
        found = problem(text)
        assert found is not None and found[0] == status and word in found[1]

    def test_a_uri_that_nobody_parses(self):
        with pytest.raises(BadMessage):
            problem(f"<sip:{'b' * MAX_URI_CHARACTERS}@192.0.2.9>")

    def test_this_machine_is_for_its_own_phones(self):
        assert problem("<sip:bob@127.0.0.1>", is_local=True) is None


class TestHost:
    @pytest.mark.parametrize("host", ["phone.example.org", "phone.example.org.", "192.0.2.9", "[2001:db8::9]"])
    def test_it_works(self, host):
        assert host_problem(host, False) is None

    @pytest.mark.parametrize("host", ["0", "127.1", "example.1"])
    def test_what_a_resolver_would_take_for_an_address(self, host):
        assert host_problem(host, False)[0] == 400

    @pytest.mark.parametrize("host", ["0.0.0.1", "240.0.0.1", "[::]", "[ff02::1]", "[::ffff:224.0.0.1]", "0.0.0.0"])
    def test_addresses_of_nobody(self, host):
        assert host_problem(host, True)[0] == 403

    @pytest.mark.parametrize("host", ["localhost", "x.localhost", "127.0.0.1", "[::1]"])
    def test_this_machine(self, host):
        assert host_problem(host, False)[0] == 403
        assert host_problem(host, True) is None


@pytest.mark.rule("R31")
@pytest.mark.rfc("3327", "5.3")
class TestPath:
    @pytest.mark.parametrize("value", ["<sip:edge.example.org;lr>", "<sip:192.0.2.1;lr;maddr=192.0.2.9>"])
    def test_it_works(self, value):
        assert path_problem([value], is_local=False) is None

    @pytest.mark.parametrize(
        ("values", "status"),
        [
            (["<sip:edge.example.org;lr>"] * (MAX_ROUTES + 1), 400),
            (["<tel:+123>"], 400),
            (["<sip:edge.example.org:0;lr>"], 400),
            (["<sip:edge.example.org;lr>", "<sip:224.0.1.75;lr>"], 403),
            (["<sip:edge.example.org;lr;maddr=224.0.1.75>"], 403),
            (["<sip:edge.example.org;lr;maddr>"], 400),
            (["<sip:127.0.0.1;lr>"], 403),
        ],
    )
    def test_ways_that_lead_nowhere(self, values, status):
        found = path_problem(values, is_local=False)
        assert found[0] == status and "Contact" not in found[1]
