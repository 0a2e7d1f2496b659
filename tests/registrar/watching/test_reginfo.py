"""RFC 3680 §5: the document, as a watcher reads it."""

from xml.etree import ElementTree

import pytest

from registrar.watching.reginfo import ContactChange, document
from sip.location import FOR_EVER, Binding

NS = "{urn:ietf:params:xml:ns:reginfo}"
GR = "{urn:ietf:params:xml:ns:gruuinfo}"
AOR = "sip:bob@example.org"


def a_binding(**facts):
    values = {
        "id": 255, "aor": AOR, "contact": "sip:bob@192.0.2.20", "expires_at": 1600.4, "call_id": "c1", "cseq": 7,
        "created_at": 1000.0, "q": 0.5,
    }  # fmt: skip
    return Binding(**{**values, **facts})


def read(*changes, is_full=True, has_contacts=True, **options):
    text = document(AOR, "k1", 3, changes, 1100.9, is_full=is_full, has_contacts=has_contacts, **options)
    return ElementTree.fromstring(text)


@pytest.mark.rfc("3680", "5")
@pytest.mark.rfc("3680", "4.5")
class TestDocument:
    """RFC 3680 §5.1: attributes and elements."""

    def test_it_works(self):
        root = read(ContactChange(a_binding(), "refreshed"))
        assert root.tag == f"{NS}reginfo"
        assert root.attrib == {"version": "3", "state": "full"}
        [registration] = root
        assert registration.attrib == {"aor": AOR, "id": "k1", "state": "active"}
        [contact] = registration
        assert contact.attrib == {
            "id": "ff", "state": "active", "event": "refreshed", "duration-registered": "100", "q": "0.5",
            "callid": "c1", "cseq": "7", "expires": "499",
        }  # fmt: skip
        assert contact.findtext(f"{NS}uri") == "sip:bob@192.0.2.20"

    @pytest.mark.parametrize(
        ("is_full", "has_contacts", "state"),
        [(True, True, "active"), (True, False, "init"), (False, True, "active"), (False, False, "terminated")],
    )
    def test_state_of_the_registration(self, is_full, has_contacts, state):
        root = read(is_full=is_full, has_contacts=has_contacts)
        assert root.get("state") == ("full" if is_full else "partial")
        assert root[0].get("state") == state

    @pytest.mark.parametrize("event", ["expired", "deactivated", "unregistered", "rejected"])
    def test_a_contact_that_is_over(self, event):
        contact = read(ContactChange(a_binding(), event))[0][0]
        assert (contact.get("state"), contact.get("event"), contact.get("expires")) == ("terminated", event, None)

    def test_a_contact_that_an_administrator_has_set(self):
        contact = read(ContactChange(a_binding(expires_at=FOR_EVER), "registered"))[0][0]
        assert (contact.get("state"), contact.get("event"), contact.get("expires")) == ("active", "created", None)

    def test_parameters_of_the_contact(self):
        binding = a_binding(contact_parameters=';+sip.instance="<urn:uuid:1>";audio')
        contact = read(ContactChange(binding, "registered"))[0][0]
        found = [(one.get("name"), one.text or "") for one in contact.iter(f"{NS}unknown-param")]
        assert found == [("+sip.instance", '"<urn:uuid:1>"'), ("audio", "")]

    def test_parameters_that_are_none(self):
        contact = read(ContactChange(a_binding(contact_parameters=';"'), "registered"))[0][0]
        assert len(contact) == 1

    @pytest.mark.parametrize(
        ("hostile", "harmless"),
        [
            ("c1\x00\x1b<&\"'>", "c1\ufffd\ufffd<&\"'>"),
            ("\udcff\ufffe", "\ufffd\ufffd"),
            ("]]><!--é", "]]><!--é"),
            ("é\t", "é\t"),
        ],
    )
    def test_hostile_text_is_still_xml(self, hostile, harmless):
        contact = read(ContactChange(a_binding(call_id=hostile), "registered"))[0][0]
        assert contact.get("callid") == harmless


@pytest.mark.rfc("5628", "4")
def test_gruus():
    gruus = [("pub-gruu", "sip:bob@example.org;gr=1"), ("temp-gruu", "sip:t@example.org;gr")]
    contact = read(ContactChange(a_binding(), "registered"), gruus_of=lambda binding: gruus)[0][0]
    assert contact.find(f"{GR}pub-gruu").attrib == {"uri": "sip:bob@example.org;gr=1"}
    assert contact.find(f"{GR}temp-gruu").attrib == {"uri": "sip:t@example.org;gr", "first-cseq": "7"}
