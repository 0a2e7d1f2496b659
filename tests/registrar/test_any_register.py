"""Whatever a phone sends: the registrar answers once, never with 6xx, and keeps its record whole."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registrar.choices import CONTACT_LIMITS, PATH_WITHOUT_SUPPORT
from sip.gruu import Gruus
from sip.message.address import Address
from sip.message.uri import Uri
from tests.registrar.test_handler import AOR, Registrar

GRUUS = Gruus(b"a secret")

contact = st.sampled_from(
    [
        "<sip:bob@192.0.2.20>",
        "<sip:bob@192.0.2.20:5062>;q=0.5",
        "<sip:bob@192.0.2.21>;expires=0",
        "<sip:bob@192.0.2.21>;expires=20",
        "<sip:bob@192.0.2.21>;expires=abc",
        "<sip:bob@192.0.2.21>;q=7",
        "<sip:bob@224.0.1.75>",
        '<sip:bob@192.0.2.22>;+sip.instance="<urn:uuid:1>";reg-id=1',
        '<sip:bob@192.0.2.23>;+sip.instance="<urn:uuid:1>";reg-id=1',
        '<sip:bob@192.0.2.24>;+sip.instance="<urn:uuid:1>"',
        '<sip:bob@192.0.2.24;ob>;+sip.instance="<urn:uuid:2>";reg-id=1',
        "<tel:+12125551212>",
        "<http://example.org>",
        "sip:bob@192.0.2.22;expires=60",
        "<sip:bob@>",
        "*",
        "",
        '"',
    ]
)
field = st.one_of(
    contact.map("Contact: {}".format),
    st.sampled_from(["0", "1", "60", "7200", "-1", "", "99999999999"]).map("Expires: {}".format),
    st.sampled_from(["path", "gruu", "path, x", "outbound", ""]).map("Require: {}".format),
    st.sampled_from(
        [
            "Supported: path",
            "Supported: outbound, gruu, path",
            "Path: <sip:p.example.org;lr>",
            "Path: <sip:p.example.org;lr;ob>",
            "Path: <",
            "Record-Route: <sip:r;lr>",
        ]
    ),
)
domain = st.fixed_dictionaries(
    {
        "max_contacts": st.integers(1, 10),
        "contact_limit": st.sampled_from(list(CONTACT_LIMITS)),
        "expires_jitter": st.integers(0, 50),
        "one_contact_per_device": st.booleans(),
        "path_without_support": st.sampled_from(list(PATH_WITHOUT_SUPPORT)),
        "outbound": st.booleans(),
        "gruu": st.booleans(),
        "flow_timer": st.sampled_from([0, 120]),
        "repeats_allowed": st.booleans(),
        "ignore_case": st.booleans(),
        "user_in_request_uri": st.booleans(),
        "service_route": st.sampled_from(["", "<sip:edge.example.org;lr>"]),
    }
)
register = st.fixed_dictionaries(
    {
        "fields": st.lists(field, max_size=4),
        "uri": st.sampled_from(["sip:example.org", "sip:bob@example.org", "tel:1", "sip:example.org;lr"]),
        "to": st.sampled_from([f"<{AOR}>", "<sip:nobody@example.org>", "<sip:bob@other.example>", "<tel:1>", "<sip:>"]),
        "cseq": st.integers(1, 3),
        "call_id": st.sampled_from(["desk", "mobile"]),
    }
)


@pytest.mark.rule("R08")
@pytest.mark.rule("R17")
@pytest.mark.rule("R32")
@pytest.mark.rule("R33")
@pytest.mark.rfc("3261", "10.3")
@pytest.mark.rfc("5626", "6")
@pytest.mark.rfc("5627", "5.2")
class TestAnyRegister:
    """10.3: no 6xx from a registrar; all or nothing."""

    @settings(max_examples=150, deadline=None)
    @given(domain, st.lists(register, min_size=1, max_size=4))
    def test_it_is_answered_once_and_never_with_6xx(self, settings_of_domain, registers):
        registrar = Registrar(auth_register=False, **settings_of_domain)
        registrar.handler._gruus = GRUUS
        registrar.core.domain_of = lambda uri: registrar.directory.domain("example.org")
        for options in registers:
            before = registrar.contacts()
            answer = registrar.send(*options.pop("fields"), **options)
            assert answer is not None and 200 <= answer.status < 600
            if answer.status != 200:
                assert registrar.contacts() == before
            else:
                check_flows(registrar, answer, settings_of_domain)
                check_gruus(registrar, answer, settings_of_domain)


def check_flows(registrar, answer, settings_of_domain):
    """RFC 5626 §6: one binding of each flow, and a promise only where it can be kept."""
    bindings = registrar.location.lookup(AOR, registrar.endpoint.now())
    flows = [(one.instance_id, one.reg_id) for one in bindings if one.reg_id and one.instance_id]
    assert len(flows) == len(set(flows))
    kept = [one for one in bindings if one.is_outbound]
    assert all(one.reg_id and one.instance_id and one.flow is not None for one in kept)
    if answer.first("require") == "outbound":
        assert kept and settings_of_domain["outbound"]
    assert not answer.has("flow-timer") or answer.first("require") == "outbound"


def check_gruus(registrar, answer, settings_of_domain):
    """RFC 5627 §5.2: each GRUU in the answer leads to the phone of its Contact and to no other."""
    bindings = registrar.location.lookup(AOR, registrar.endpoint.now())
    for value in answer.values("contact"):
        params = Address.parse(value).params
        assert ("pub-gruu" in params) == ("temp-gruu" in params)
        for name in ("pub-gruu", "temp-gruu"):
            if name not in params:
                continue
            assert settings_of_domain["gruu"]
            uri = Uri.parse(params[name].strip('"'))
            found = GRUUS.phone_of(uri, GRUUS.open(uri), bindings, registrar.clock.wall)
            assert {one.instance_id for one in found} == {params["+sip.instance"].strip('"')}
