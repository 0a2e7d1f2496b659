"""The decision record of a REGISTER."""

import pytest

from registrar.outcome import Refused
from tests.registrar.test_handler import AOR, Registrar

pytestmark = pytest.mark.rfc("3261", "10.3")

DESK, MOBILE = "sip:bob@192.0.2.20", "sip:bob@192.0.2.30"


@pytest.fixture
def registrar():
    made = Registrar()
    made.told = []
    made.handler.explain_to.append(made.told.append)
    return made


def texts(explanation):
    return [step.text for step in explanation.steps()]


class TestSuccess:
    def test_it_works(self, registrar):
        registrar.register(f"Contact: <{DESK}>;expires=100000", "Require: path")
        asked, done = registrar.told
        assert (asked.status, asked.outcome, texts(asked)[-1]) == (401, None, "Asked for a password: 401")
        assert (done.status, done.username, done.aor, done.flow.text) == (200, "bob", AOR, "udp:192.0.2.20:5060")
        assert texts(done) == [
            "example.org is a domain of this server",
            "Every extension that the request requires is known",
            "bob gave the right password (MD5, realm example.org)",
            "The bindings are those of sip:bob@example.org",
            f"{DESK} (new): 100000 s asked for by its own expires parameter, 86400 s granted",
            f"Added {DESK}",
            "200 lists 1 current bindings",
        ]
        assert [step.rule for step in done.steps()] == ["R02", "R04", "R35", "R10", "R16", "", "R21"]
        assert all(step.section for step in done.steps())

    def test_somebody_else_by_a_rule(self, registrar):
        registrar.directory._rules[3, 1] = float("inf")
        registrar.register(f"Contact: <{DESK}>", user="carol", to=f"<{AOR}>")
        assert "A rule lets carol register for sip:bob@example.org" in texts(registrar.told[-1])

    def test_what_each_contact_is(self, registrar):
        phone = '+sip.instance="<urn:uuid:1>";reg-id=1'
        registrar.register(f"Contact: <{DESK}>;{phone}, <{MOBILE}>", "Expires: 600")
        registrar.register(f"Contact: <{DESK}:5070>;{phone}, <{MOBILE}>;expires=0")
        lines = texts(registrar.told[1])
        assert f"{MOBILE} (new): 600 s asked for by the Expires header field, 600 s granted" in lines
        lines = texts(registrar.told[-1])
        usual = "3600 s asked for by nobody: the domain's usual time, 3600 s granted"
        assert f"{DESK}:5070 (known by its instance and reg-id): {usual}" in lines
        assert f"{MOBILE} (known by its URI) is to go" in lines
        assert f"Removed {MOBILE}" in lines

    def test_extensions(self):
        registrar = Registrar(auth_register=False, service_route="<sip:edge.example.org;lr>")
        told = []
        registrar.handler.explain_to.append(told.append)
        registrar.send(
            f'Contact: <{DESK}>;+sip.instance="<urn:uuid:1>";reg-id=1',
            "Supported: path, outbound, gruu",
            "Path: <sip:p.example.org;lr;ob>",
        )
        lines = texts(told[0])
        assert "The domain asks nobody for a password" in lines
        assert "Calls go by its Path: <sip:p.example.org;lr;ob>" in lines
        rules = {step.section: step.rule for step in told[0].steps()}
        assert rules["RFC 5626 6"] == "R32" and rules["RFC 5627 5.2"] == "R33" and "RFC 3608 6.3" in rules

    def test_a_query(self, registrar):
        registrar.register()
        assert "Nothing to change: a query" in texts(registrar.told[-1])


class TestRefusal:
    def test_wrong_password(self, registrar):
        registrar.register(f"Contact: <{DESK}>", password="guess")
        last = registrar.told[-1]
        assert (last.status, last.reason) == (401, "bob gave a wrong password")
        assert last.steps()[-1].rule == "R35"

    @pytest.mark.parametrize(
        ("fields", "options", "status", "rule"),
        [
            ([], {"uri": "sip:bob@example.org"}, 400, "R01"),
            (["Require: frob"], {}, 420, "R04"),
            (["Contact: <sip:bob@192.0.2.9>"], {"to": "<sip:alice@example.org>"}, 403, "R06"),
            ([], {"to": "<sip:bob@other.example>"}, 404, "R07"),
            (["Contact: *"], {}, 400, "R12"),
            (["Contact: <sip:bob@192.0.2.9>;expires=20"], {}, 423, "R16"),
            (["Contact: <"], {}, 400, "R17"),
        ],
    )
    def test_each_names_its_rule(self, registrar, fields, options, status, rule):
        send = registrar.send if status in (420,) or rule == "R01" else registrar.register
        assert send(*fields, **options).status == status
        last = registrar.told[-1]
        assert (last.status, last.outcome.rule) == (status, rule)
        assert last.steps()[-1].text.startswith(f"Refused with {status}")

    def test_what_is_not_known_is_not_said(self, registrar):
        registrar.send("Require: frob")
        assert texts(registrar.told[0]) == ["example.org is a domain of this server", "Refused with 420: Bad Extension"]

    def test_storage_that_fails(self, registrar):
        registrar.journal.is_instant = False
        registrar.register(f"Contact: <{DESK}>")
        assert len(registrar.told) == 1  # nothing is told before it is true
        registrar.journal.finish(RuntimeError())
        assert isinstance(registrar.told[-1].outcome, Refused) and registrar.told[-1].status == 500

    def test_hostile_text_is_made_harmless(self, registrar):
        registrar.register("Contact: <sip:bob@192.0.2.9;x=%3Cscript%3E>", uri="sip:example.org")
        registrar.register(user="b\x1b[31mob")
        assert all(text.isprintable() for one in registrar.told for text in texts(one))


def test_nothing_is_noted_where_nobody_asks():
    registrar = Registrar(auth_register=False)
    assert registrar.send(f"Contact: <{DESK}>").status == 200
