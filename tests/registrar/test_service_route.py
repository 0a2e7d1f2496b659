"""The way that phones are told to send their requests."""

import pytest

from registrar.models import Domain
from registrar.service_route import service_route_problem
from tests.registrar.test_handler import Registrar

pytestmark = pytest.mark.rfc("3608", "6.3")

EDGE, CORE = "<sip:edge.example.org;lr>", "<sips:core.example.org:5061;lr>"


class TestValue:
    @pytest.mark.parametrize("text", ["", EDGE, f"{EDGE}, {CORE}"])
    def test_it_works(self, text):
        assert service_route_problem(text) == ""

    @pytest.mark.parametrize(
        ("text", "word"),
        [
            ("edge", "no list"),
            ("<sip:edge.example.org;lr", "no list"),
            ("sip:edge.example.org;lr", "in <>"),
            ("<tel:+123;lr>", "in <>"),
            ("<sip:edge.example.org>", ";lr"),
            (f"{EDGE},\r\n {CORE}", "one line"),
            (f"{EDGE}, <sip:ö.example.org;lr>", "no list"),
            (", ".join([EDGE] * 21), "at most 20"),
        ],
    )
    def test_what_phones_cannot_use(self, text, word):
        assert word in service_route_problem(text)

    def test_the_model_refuses_it(self):
        with pytest.raises(Exception, match="needs ;lr"):
            Domain._meta.get_field("service_route").run_validators("<sip:edge.example.org>")


class TestAnswer:
    def test_it_is_in_every_200(self):
        registrar = Registrar(auth_register=False, service_route=f"{EDGE}, {CORE}")
        for fields in (["Contact: <sip:bob@192.0.2.20>"], [], ["Contact: *", "Expires: 0"]):
            assert registrar.send(*fields).values("service-route") == [EDGE, CORE]

    def test_and_nowhere_else(self):
        registrar = Registrar(auth_register=False, service_route=EDGE)
        assert not registrar.send("Contact: <").has("service-route")
        assert not Registrar(auth_register=False).send().has("service-route")
