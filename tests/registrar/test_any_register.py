"""Whatever a phone sends: the registrar answers once, never with 6xx, and keeps its record whole."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registrar.choices import CONTACT_LIMITS, PATH_WITHOUT_SUPPORT
from tests.registrar.test_handler import AOR, Registrar

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
    st.sampled_from(["path", "gruu", "path, x", ""]).map("Require: {}".format),
    st.sampled_from(["Supported: path", "Path: <sip:p.example.org;lr>", "Path: <", "Record-Route: <sip:r;lr>"]),
)
domain = st.fixed_dictionaries(
    {
        "max_contacts": st.integers(1, 10),
        "contact_limit": st.sampled_from(list(CONTACT_LIMITS)),
        "expires_jitter": st.integers(0, 50),
        "one_contact_per_device": st.booleans(),
        "path_without_support": st.sampled_from(list(PATH_WITHOUT_SUPPORT)),
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
@pytest.mark.rfc("3261", "10.3")
class TestAnyRegister:
    """10.3: no 6xx from a registrar; all or nothing."""

    @settings(max_examples=150, deadline=None)
    @given(domain, st.lists(register, min_size=1, max_size=4))
    def test_it_is_answered_once_and_never_with_6xx(self, settings_of_domain, registers):
        registrar = Registrar(auth_register=False, **settings_of_domain)
        registrar.core.domain_of = lambda uri: registrar.directory.domain("example.org")
        for options in registers:
            before = registrar.contacts()
            answer = registrar.send(*options.pop("fields"), **options)
            assert answer is not None and 200 <= answer.status < 600
            if answer.status != 200:
                assert registrar.contacts() == before
