"""The GRUUs in the 200 to a REGISTER."""

import pytest

from registrar.core import SUPPORTED, inspect_request
from registrar.gruus import gruu_parameters
from sip.gruu import Gruus
from sip.location import Binding
from sip.message.address import Address
from sip.message.uri import Uri
from tests.registrar.test_core import AOR, DESK, MOBILE, NOW, a_request, refused
from tests.registrar.test_core import Registrar as Core
from tests.registrar.test_handler import Registrar

pytestmark = [pytest.mark.rule("R33"), pytest.mark.rfc("5627", "5.2")]

PHONE, OTHER = "<urn:uuid:1>", "<urn:uuid:2>"
SUPPORTS = "Supported: gruu, path"


def contact(uri, instance=PHONE, more=""):
    return f'Contact: <{uri}>;+sip.instance="{instance}"{more}'


@pytest.fixture
def gruus():
    return Gruus(b"a secret")


@pytest.fixture
def registrar(gruus):
    made = Registrar(auth_register=False)
    made.handler._gruus = gruus
    return made


def given(response):
    """(public, temporary) GRUU of each Contact in a 200."""
    found = []
    for value in response.values("contact"):
        params = Address.parse(value).params
        found.append(tuple((params.get(name) or "").strip('"') for name in ("pub-gruu", "temp-gruu")))
    return found


class TestGiven:
    def test_it_works(self, registrar, gruus):
        [(public, temporary)] = given(registrar.send(SUPPORTS, contact(DESK)))
        assert public == "sip:bob@example.org;gr=urn:uuid:1"
        bindings = registrar.location.lookup(AOR, registrar.endpoint.now())
        for text in (public, temporary):
            uri = Uri.parse(text)
            assert gruus.phone_of(uri, gruus.open(uri), bindings, registrar.clock.wall) == bindings

    def test_public_ones_stay_and_temporary_ones_are_new_each_time(self, registrar, gruus):
        [(public, first)] = given(registrar.send(SUPPORTS, contact(DESK)))
        [(again, second)] = given(registrar.send(SUPPORTS, contact(DESK)))
        assert again == public and second != first
        [(moved, third)] = given(registrar.send(SUPPORTS, contact(DESK), call_id="after a restart"))
        assert moved == public
        bindings = registrar.location.lookup(AOR, registrar.endpoint.now())
        alive = [
            bool(gruus.phone_of(Uri.parse(text), gruus.open(Uri.parse(text)), bindings, registrar.clock.wall))
            for text in (first, second, third)
        ]
        assert alive == [False, False, True]

    def test_for_every_phone_that_names_itself(self, registrar):
        registrar.send(SUPPORTS, contact(DESK), call_id="desk")
        registrar.send(f"Contact: <{MOBILE}>", call_id="mobile")
        response = registrar.send(SUPPORTS, contact("sip:bob@192.0.2.77", OTHER), call_id="other")
        publics = [public for public, _ in given(response)]
        assert publics == ["sip:bob@example.org;gr=urn:uuid:1", "", "sip:bob@example.org;gr=urn:uuid:2"]

    def test_in_the_answer_to_a_query_too(self, registrar):
        registrar.send(contact(DESK))
        assert given(registrar.send(SUPPORTS))[0][0] == "sip:bob@example.org;gr=urn:uuid:1"

    @pytest.mark.rfc("5626", "6")
    def test_together_with_flows(self, registrar):
        response = registrar.send("Supported: gruu, outbound, path", contact(DESK, more=";reg-id=1"))
        assert response.first("require") == "outbound"
        assert given(response)[0][0] == "sip:bob@example.org;gr=urn:uuid:1"


class TestNotGiven:
    def test_to_phones_that_do_not_ask(self, registrar):
        assert given(registrar.send(contact(DESK))) == [("", "")]

    def test_for_what_is_no_phone(self, gruus):
        for facts in ({"instance_id": ""}, {"contact": "tel:+123"}, {"instance_id": "<" + "ö" * 400 + ">"}):
            values = {"contact": DESK, "instance_id": PHONE, **facts}
            binding = Binding(aor=AOR, expires_at=NOW, call_id="1", cseq=1, **values)
            assert gruu_parameters(gruus, binding, NOW) == ""

    def test_where_the_domain_switched_them_off(self, gruus):
        registrar = Registrar(auth_register=False, gruu=False)
        registrar.handler._gruus = gruus
        assert given(registrar.send(SUPPORTS, contact(DESK))) == [("", "")]
        assert registrar.send("Require: gruu", contact(DESK)).first("unsupported") == "gruu"


class TestRequest:
    def test_required(self):
        assert inspect_request(a_request(require="gruu")) is None
        refused(inspect_request(a_request(require="gruu"), "refuse", SUPPORTED - {"gruu"}), 420)

    @pytest.mark.rfc("5627", "5.1")
    def test_what_a_phone_says_about_its_gruus_is_not_repeated(self):
        registrar = Core()
        result = registrar(f'<{DESK}>;+sip.instance="{PHONE}";pub-gruu="sip:mallory@example.org;gr=1";temp-gruu="x"')
        assert "gruu" not in dict(result.fields(NOW))["Contact"]

    @pytest.mark.rfc("5627", "5.1")
    @pytest.mark.parametrize("uri", ["sip:alice@example.org;gr=urn:uuid:1", "sip:tgruu.aaaa@example.org:5060;gr"])
    def test_a_gruu_is_no_contact(self, uri):
        refused(Core()(f"<{uri}>"), 403, "GRUU")
